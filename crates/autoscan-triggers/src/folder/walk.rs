//! Every file below a folder, through the port alone.

use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Files, Look};
use autoscan_core::time::Timestamp;

/// Files that are listed at once. A folder with more is listed folder by folder.
pub(super) const LISTED: usize = 20_000;

/// Hands out every file below `root` with the time at which it changed last. A folder that cannot be listed as a whole is taken
/// apart into those in it; one that cannot be read now is left out, and so are links to folders.
pub(super) async fn walk(
    files: &dyn Files,
    root: &LocalPath,
    listed: usize,
    mut found: impl FnMut(&LocalPath, Timestamp) + Send,
) {
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        let listing = files.list(&folder, listed).await;
        let mut here = listing.files;
        if !listing.whole
            && let Ok(inside) = files.folders_in(&folder, listed).await
        {
            here.retain(|file| file.parent().as_ref() == Some(&folder));
            open.extend(inside.folders.into_iter().filter(|inside| !inside.is_link).filter_map(|it| it.path));
        }
        for file in here {
            if let Look::File { changed_at, .. } = files.look(&file).await {
                found(&file, changed_at);
            }
        }
    }
}
