//! Why a file did not appear: the likeliest cause first.

use autoscan_core::change::Subject;
use autoscan_core::media::is_extra;
use autoscan_core::path::AbsolutePath;
use autoscan_core::proof::{ExpectedFile, Presence};

use crate::family::media_browser::report_holds;
use crate::family::media_browser::server::{MediaBrowser, owner};
use crate::family::media_browser::settings_of_the_server::scans_everything;

/// Folders that these servers pass by with all that is in them (Jellyfin's `IgnorePatterns`).
const PASSED_BY: &[&str] = &[
    "metadata",
    "ps3_update",
    "ps3_vprm",
    "extrafanart",
    "extrathumbs",
    "lost+found",
    "temprec",
    "tempsbe",
    "eadir",
    "@eadir",
    "#recycle",
    "@recycle",
    "$recycle.bin",
    "system volume information",
    // From Jellyfin 10.11 on.
    "subs",
    ".snapshots",
    ".snapshot",
    ".actors",
    ".wd_tv",
    ".@__thumb",
    ".grab",
    ".zfs",
];

/// Endings of sound.
const SOUND: &[&str] = &[
    "aac", "aiff", "alac", "ape", "dsf", "flac", "m4a", "mka", "mp3", "mpc", "ogg", "opus", "wav", "wma",
    "wv",
];

/// The likeliest cause, in a sentence without a capital.
pub(crate) async fn why_missing(server: &impl MediaBrowser, expected: &ExpectedFile) -> Option<String> {
    let product = server.product();
    let path = &expected.path.0;
    if expected.presence != Presence::Gone {
        if let Some(cause) = of_its_name(product, path) {
            return Some(cause);
        }
        if let Some(cause) = unseen(server, expected).await {
            return Some(cause);
        }
        if let Some(cause) = of_its_library(server, path).await {
            return Some(cause);
        }
    }
    if scans_everything(server).await {
        return Some(format!(
            "{product} scans everything just now, and such a scan discards what it was told before; it finds the file by \
             itself, or when it is told again afterwards"
        ));
    }
    let delay = report_holds::delay(server).await;
    Some(format!(
        "{product} looks {} s after the last report, and every further one, also from others, starts that wait anew; a look \
         at a large library takes long: see its log for \"will be refreshed\"",
        delay.as_secs()
    ))
}

/// The names that no item is made of.
fn of_its_name(product: &str, path: &AbsolutePath) -> Option<String> {
    let names: Vec<String> = path.components().map(str::to_lowercase).collect();
    let (own, folders) = names.split_last()?;
    if let Some(name) = folders.iter().find(|name| PASSED_BY.contains(&name.as_str())) {
        return Some(format!("{product} passes by everything in a folder called {name:?}"));
    }
    if own.starts_with('.') {
        return Some(format!("{product} passes by names that begin with a dot"));
    }
    let is_sample = |word: &str| {
        let stem = autoscan_core::media::stem(own);
        stem == word || stem.ends_with(&format!(".{word}")) || folders.last().is_some_and(|name| name == word)
    };
    if is_sample("sample") || is_sample("minta") {
        return Some(format!("{product} passes by samples"));
    }
    is_extra(path).then(|| {
        format!(
            "by its name it is an extra, such as a trailer, which {product} shows beside a film or series and not as an \
             item of its own"
        )
    })
}

/// Whether the server itself finds the path.
async fn unseen(server: &impl MediaBrowser, expected: &ExpectedFile) -> Option<String> {
    let is_file = expected.subject == Subject::File;
    let request = server.validate(expected.path.as_str(), is_file);
    let answer = server.http().exchange(&request).await.ok()?;
    (answer.status() == 404).then(|| {
        format!(
            "{} says that it does not find {:?} on its disk: look at its permissions, whether its mount stands, and at \
             the target's `map`",
            server.product(),
            expected.path.as_str()
        )
    })
}

/// Whether the library is for something else.
async fn of_its_library(server: &impl MediaBrowser, path: &AbsolutePath) -> Option<String> {
    let owner = owner(server, path).await.ok().flatten()?;
    let (_, ending) = path.file_name()?.rsplit_once('.')?;
    let is_sound = SOUND.contains(&ending.to_ascii_lowercase().as_str());
    let kind = owner.library.kind.as_str();
    let fits = match kind {
        "movies" | "tvshows" | "musicvideos" | "homevideos" => !is_sound,
        "music" => is_sound,
        _ => true,
    };
    (!fits).then(|| {
        format!(
            "the library {:?} is for {kind}, and such a file is none of that: put it in a library of its type",
            owner.library.title
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_passed_by_are_known() {
        for (path, part) in [
            ("/m/F/Subs/f.mkv", "\"subs\""),
            ("/m/F/sample/f.mkv", "samples"),
            ("/m/F/f.sample.mkv", "samples"),
            ("/m/F/sample.mkv", "samples"),
            ("/m/F/.f.mkv", "dot"),
            ("/m/@eaDir/F/f.mkv", "\"@eadir\""),
            ("/m/F/F-trailer.mkv", "an extra"),
        ] {
            let cause = of_its_name("Jellyfin", &AbsolutePath::parse(path).unwrap());
            assert!(cause.as_ref().is_some_and(|cause| cause.contains(part)), "{path}: {cause:?}");
        }
        for path in ["/m/F/F.mkv", "/m/The Sample/The Sample.mkv", "/tv/A/Season 1/A - S01E01.mkv"] {
            assert_eq!(of_its_name("Jellyfin", &AbsolutePath::parse(path).unwrap()), None, "{path}");
        }
    }
}
