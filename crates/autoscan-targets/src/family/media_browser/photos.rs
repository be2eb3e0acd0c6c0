//! Photos: in a library of home videos and photos an image is an item of its own, elsewhere it belongs to one.

use autoscan_core::media::stem;
use autoscan_core::path::AbsolutePath;

use crate::family::library_index::Owner;

/// Types of libraries that show photos.
const LIBRARIES: &[&str] = &["homevideos", "photos"];

/// Endings of photos.
const ENDINGS: &[&str] =
    &["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "heif", "svg"];

/// Names that are artwork of their folder there too.
const ARTWORK: &[&str] =
    &["folder", "thumb", "landscape", "fanart", "backdrop", "poster", "cover", "logo", "default"];

/// Whether the file is a photo in this library.
pub(crate) fn is_photo(owner: &Owner, path: &AbsolutePath) -> bool {
    let Some(name) = path.file_name().filter(|_| LIBRARIES.contains(&owner.library.kind.as_str())) else {
        return false;
    };
    let name = name.to_lowercase();
    let is_image = name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending));
    is_image && !ARTWORK.contains(&stem(&name))
}
