//! What a file is to a media server, by its name.

use crate::path::{AbsolutePath, Style};

/// What a file is to a media server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It is an item, or a part of one: video, audio, a book.
    Media,
    /// It belongs to an item: subtitles, artwork, a file of metadata. A server shows no item for it.
    Sidecar,
    /// Nobody knows.
    Other,
}

/// Video, audio and books that Plex, Jellyfin, Emby, Kodi or Audiobookshelf take for an item.
const MEDIA: &[&str] = &[
    "3gp", "aac", "aiff", "alac", "amr", "ape", "asf", "avi", "avs", "azw3", "bdmv", "cbr", "cbz", "divx",
    "dsf", "dts", "dv", "dvr-ms", "epub", "evo", "f4v", "flac", "flv", "h264", "hevc", "img", "iso", "m2t",
    "m2ts", "m2v", "m4a", "m4b", "m4p", "m4v", "mka", "mkv", "mobi", "mov", "mp2", "mp3", "mp4", "mpa",
    "mpc", "mpe", "mpeg", "mpg", "mts", "mxf", "nut", "oga", "ogg", "ogm", "ogv", "opus", "pdf", "ra", "rm",
    "rmvb", "strm", "tak", "tp", "ts", "tta", "vob", "wav", "webm", "wma", "wmv", "wtv", "wv", "xvid",
];

/// Subtitles, lyrics, artwork and metadata that lie beside an item.
const SIDECARS: &[&str] = &[
    "ass", "avif", "bif", "bmp", "cue", "edl", "gif", "idx", "jpeg", "jpg", "lrc", "mks", "nfo", "opf",
    "png", "smi", "srt", "ssa", "sub", "sup", "svg", "tbn", "ttml", "vtt", "webp", "xml",
];

impl Role {
    /// The role of the file, by the end of its name.
    pub fn of(path: &AbsolutePath) -> Self {
        let Some((_, ending)) = path.file_name().and_then(|name| name.rsplit_once('.')) else {
            return Self::Other;
        };
        let ending = ending.to_ascii_lowercase();
        if MEDIA.contains(&ending.as_str()) {
            Self::Media
        } else if SIDECARS.contains(&ending.as_str()) {
            Self::Sidecar
        } else {
            Self::Other
        }
    }
}

/// The name of a file without its ending.
pub fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Whether a sidecar of this name belongs to the media file of that one, and not to a whole folder: `Film.en.srt`
/// belongs to `Film.mkv`, `poster.jpg` to neither.
pub fn belongs_to(sidecar: &str, media: &str) -> bool {
    let (sidecar, media) = (stem(sidecar), stem(media));
    sidecar
        .strip_prefix(media)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_', ' ', '(', '[']))
}

/// Folders that hold what servers show beside an item, or not at all.
const EXTRAS: &[&str] = &[
    "behind the scenes",
    "deleted scenes",
    "extras",
    "featurettes",
    "interviews",
    "other",
    "sample",
    "samples",
    "scenes",
    "shorts",
    "subs",
    "subtitles",
    "trailers",
    "theme-music",
    "backdrops",
];

/// Endings of names, before the dot, of what servers show beside an item.
const EXTRA_SUFFIXES: &[&str] = &[
    "-behindthescenes",
    "-deleted",
    "-deletedscene",
    "-extra",
    "-featurette",
    "-interview",
    "-other",
    "-sample",
    "-scene",
    "-short",
    "-trailer",
    ".sample",
    "_sample",
    ".trailer",
];

/// Whether servers show this file beside an item or not at all: samples, trailers and other extras.
pub fn is_extra(path: &AbsolutePath) -> bool {
    let Some(name) = path.file_name() else { return false };
    let own = stem(name).to_lowercase();
    let names: Vec<String> = path.components().map(str::to_lowercase).collect();
    let (_, folders) = names.split_last().unwrap_or((&own, &[]));
    folders.iter().any(|folder| EXTRAS.contains(&folder.as_str()))
        || own == "sample"
        || own == "trailer"
        || EXTRA_SUFFIXES.iter().any(|suffix| own.ends_with(suffix))
}

/// Whether a path that was asked for is a file: by its extension, because it may not exist (yet or any more), and only
/// by one of media, because folders have dots in their names too ("Dr. Strangelove (1964)", "Show.S01E01").
pub fn names_a_file(path: &AbsolutePath, text: &str) -> bool {
    let is_folder = text.ends_with('/') || (path.style() == Style::Windows && text.ends_with('\\'));
    let name = path.file_name().and_then(|name| name.rsplit_once('.'));
    !is_folder
        && name.is_some_and(|(stem, extension)| {
            !stem.is_empty()
                && EXTENSIONS
                    .iter()
                    .flat_map(|line| line.split(' '))
                    .any(|known| known.eq_ignore_ascii_case(extension))
        })
}

/// Extensions of files that media servers read, by what they hold.
const EXTENSIONS: [&str; 6] = [
    // Video.
    "3g2 3gp asf avi bdmv divx dvr-ms f4v flv img iso m2ts m2v m4v mk3d mkv mov mp4 mpe mpeg mpg mts ogm ogv rm rmvb strm \
     ts vob webm wmv wtv",
    // Audio.
    "aac ac3 aif aiff alac ape dff dsf dts eac3 flac m4a m4b mka mp2 mp3 mpc oga ogg opus tta wav wma wv",
    // Books.
    "azw azw3 cb7 cbr cbt cbz djvu epub fb2 mobi pdf",
    // Subtitles and lyrics.
    "ass idx lrc smi srt ssa sub sup ttml vtt",
    // Metadata and playlists.
    "bif cue edl json m3u m3u8 nfo opf pls txt xml",
    // Images.
    "avif bmp gif heic jpeg jpg png tbn tif tiff webp",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsolutePath {
        AbsolutePath::parse(text).unwrap()
    }

    #[test]
    fn a_file_is_known_by_the_end_of_its_name() {
        for (name, role) in [
            ("/a/Film.mkv", Role::Media),
            ("/a/Song.FLAC", Role::Media),
            ("/a/Film.en.srt", Role::Sidecar),
            ("/a/tvshow.nfo", Role::Sidecar),
            ("/a/poster.JPG", Role::Sidecar),
            ("/a/readme.txt", Role::Other),
            ("/a/Mr. Robot", Role::Other),
            ("/a/noending", Role::Other),
        ] {
            assert_eq!(Role::of(&path(name)), role, "{name}");
        }
    }

    #[test]
    fn a_sidecar_belongs_to_the_file_whose_name_it_begins_with() {
        for (sidecar, media, belongs) in [
            ("Film.en.srt", "Film.mkv", true),
            ("Film.srt", "Film.mkv", true),
            ("Film-poster.jpg", "Film.mkv", true),
            ("Film 2.srt", "Film.mkv", true),
            ("Filmation.srt", "Film.mkv", false),
            ("poster.jpg", "Film.mkv", false),
        ] {
            assert_eq!(belongs_to(sidecar, media), belongs, "{sidecar}");
        }
    }

    #[test]
    fn extras_are_known_by_folder_and_by_name() {
        for name in ["/m/F/Trailers/a.mkv", "/m/F/sample.mkv", "/m/F/F-trailer.mkv", "/m/F/Subs/a.mkv"] {
            assert!(is_extra(&path(name)), "{name}");
        }
        for name in ["/m/F/F.mkv", "/m/Trailer Park Boys/S01/e.mkv", "/m/The Sample/The Sample.mkv"] {
            assert!(!is_extra(&path(name)), "{name}");
        }
    }

    #[test]
    fn a_dotted_folder_is_no_file() {
        for (text, file) in [
            ("/tv/Show/S01E01.mkv", true),
            ("/tv/Show/S01E01.MKV", true),
            ("/tv/Show/S01E01.en.forced.srt", true),
            ("/books/It.m4b", true),
            ("/movies/x/folder.jpg", true),
            ("C:\\TV\\a.ts", true),
            ("/movies/Dr. Strangelove (1964)", false),
            ("/tv/Mr. Robot", false),
            ("/downloads/Show.S01E01.1080p-GRP", false),
            ("/tv/.mkv", false),
            ("/tv/mkv", false),
            ("/tv/a.mkv/", false),
            ("C:\\TV\\a.mkv\\", false),
            ("/", false),
        ] {
            assert_eq!(names_a_file(&AbsolutePath::parse(text).unwrap(), text), file, "{text}");
        }
    }

    #[test]
    fn every_extension_is_written_in_small_letters_once() {
        let mut all: Vec<_> = EXTENSIONS.iter().flat_map(|line| line.split(' ')).collect();
        assert!(all.iter().all(|known| !known.is_empty() && *known == known.to_lowercase()));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
