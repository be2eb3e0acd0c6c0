//! Why a file is missing: an ignore file that lies above it on this machine's disk, or what its server says.

use autoscan_core::cause::{IgnoreFile, KeptOutBy, MissingCause};
use autoscan_core::media::Role;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Files, Look};
use autoscan_core::proof::{ExpectedFile, Presence};

use crate::bound::BoundTarget;

/// Folders above a file in which an ignore file is looked for.
const ABOVE: usize = 8;
/// Of an ignore file so many bytes are read.
const READ: usize = 64 * 1024;

/// What the ignore files on this machine's disk say of a path.
enum Ignored {
    /// One of them keeps it out.
    By(MissingCause),
    /// None does, and all could be read.
    ByNone,
    /// Nobody here knows.
    Unknown,
}

/// Why the file is missing, in a sentence without a capital, with what stands with it.
pub(crate) async fn missing_cause(
    files: Option<&dyn Files>,
    target: &BoundTarget,
    missing: &ExpectedFile,
) -> MissingCause {
    let otherwise = || MissingCause::from(without_a_cause(missing).to_owned());
    let Some(proof) = target.server.proof() else { return otherwise() };
    let likely = |cause: MissingCause| MissingCause { sentence: format!("likely cause: {cause}"), ..cause };
    let ignored = match (files, proof.ignore_file()) {
        (Some(files), Some(ignore)) if missing.presence != Presence::Gone => {
            ignored(files, target, missing, ignore).await
        }
        _ => Ignored::Unknown,
    };
    if let Ignored::By(cause) = ignored {
        return likely(cause);
    }
    match (ignored, proof.why_missing(missing).await) {
        // What the server saw of an ignore file is not what keeps this one out.
        (Ignored::ByNone, Some(cause)) if cause.evidence.is_some() => otherwise(),
        (_, Some(cause)) => likely(cause),
        (_, None) => otherwise(),
    }
}

fn without_a_cause(missing: &ExpectedFile) -> &'static str {
    if missing.presence == Presence::Gone {
        return "the server still shows what is gone from the disk; does it scan at all?";
    }
    if Role::of(&missing.path.0) == Role::Other {
        return "servers show no files with such an ending";
    }
    "no cause is known; look into the server's own log"
}

/// Looks for ignore files in the folders above the path, the nearest first and none above its library's own folder.
async fn ignored(
    files: &dyn Files,
    target: &BoundTarget,
    missing: &ExpectedFile,
    ignore: IgnoreFile,
) -> Ignored {
    let origins = target.map.origins(&missing.path.0);
    let [here] = origins.as_slice() else { return Ignored::Unknown };
    let (mut local, mut seen) = (LocalPath(here.clone()).parent(), missing.path.parent());
    let mut below = here.file_name().unwrap_or_default().to_owned();
    for _ in 0..ABOVE {
        let (Some(folder), Some(theirs)) = (local, seen) else { return Ignored::Unknown };
        let file = LocalPath(folder.0.join([ignore.name]));
        match files.look(&file).await {
            Look::File { .. } => {
                let Ok(text) = files.text(&file, READ).await else { return Ignored::Unknown };
                if let Some(by) = (ignore.keeps_out)(&text, &below) {
                    return Ignored::By(kept_out(&file, &by));
                }
                if ignore.only_the_nearest {
                    return Ignored::ByNone;
                }
            }
            Look::Unreachable(_) => return Ignored::Unknown,
            Look::Missing | Look::Folder => {}
        }
        let is_inside = match target.server.libraries() {
            Some(libraries) => libraries.is_below_a_root(&theirs).await,
            None => false,
        };
        if !is_inside {
            return Ignored::ByNone;
        }
        below = format!("{}/{below}", folder.0.file_name().unwrap_or_default());
        (local, seen) = (folder.parent(), theirs.parent());
    }
    Ignored::Unknown
}

fn kept_out(file: &LocalPath, by: &KeptOutBy) -> MissingCause {
    let file = file.as_str();
    let sentence = match by {
        KeptOutBy::Line(line) => {
            format!(
                "the file {file:?} keeps it out by its line {line:?}: change or delete that line, then retry"
            )
        }
        KeptOutBy::BeingEmpty => format!(
            "the file {file:?} is empty, and so keeps out everything in its folder: delete it, then retry"
        ),
    };
    MissingCause { sentence, remedy: None, evidence: Some(file.to_owned()) }
}
