//! The files that an arr knows of a series or film.

use autoscan_core::change::Subject;
use autoscan_core::fault::Fault;
use autoscan_core::media::{self, Role};
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};
use serde::Deserialize;

use crate::family::arr::{Arr, LIST};

#[derive(Deserialize)]
struct File {
    path: Option<String>,
    size: Option<u64>,
}

/// Asks for the files of what the folder belongs to: one answer for each series or film.
pub(super) async fn find(
    arr: &Arr,
    folder: &TargetPath,
    expected: &[ExpectedFile],
) -> Result<Vec<Observation>, Fault> {
    let mut files = Vec::new();
    for id in arr.remembered(folder).await? {
        let request = arr.get(arr.dialect.files).query(arr.dialect.id, &id.to_string()).at_most(LIST);
        let found = match arr.ask(&request).await {
            Ok(answer) => answer.json::<Vec<File>>()?,
            // The series or film was removed meanwhile, and its files with it.
            Err(Fault::Wrong { .. }) => Vec::new(),
            Err(fault) => return Err(fault),
        };
        files.extend(
            found.into_iter().filter_map(|file| Some((AbsolutePath::parse(&file.path?).ok()?, file.size))),
        );
    }
    Ok(expected.iter().map(|one| judge(arr.dialect.product, one, &files)).collect())
}

fn judge(product: &str, expected: &ExpectedFile, files: &[(AbsolutePath, Option<u64>)]) -> Observation {
    let path = &expected.path.0;
    if expected.subject == Subject::Folder {
        return match (expected.presence, files.iter().any(|(file, _)| file.is_within(path))) {
            (Presence::Gone, false) => Observation::Proven,
            (Presence::Gone, true) => Observation::NotYet(format!("{product} still lists files in {path:?}")),
            (Presence::There { .. }, _) => {
                Observation::Unknowable(format!("{product} shows files, and no folders"))
            }
        };
    }
    if Role::of(path) != Role::Media || media::is_extra(path) {
        return Observation::Unknowable(format!(
            "{product} makes no file of its own of {:?}",
            path.file_name().unwrap_or_default()
        ));
    }
    let known = files.iter().find(|(file, _)| file == path).map(|(_, size)| *size);
    match (expected.presence, known) {
        (Presence::Gone, Some(_)) => Observation::NotYet(format!("{product} still lists {path:?}")),
        (Presence::There { .. }, None) => {
            Observation::NotYet(format!("{product} was asked for {path:?} and does not list it"))
        }
        (Presence::There { size: Some(wanted) }, Some(Some(size))) if wanted != size => {
            Observation::NotYet(format!("{product} lists {path:?} with {size} bytes, and it has {wanted}"))
        }
        (Presence::Gone, None) | (Presence::There { .. }, Some(_)) => Observation::Proven,
    }
}
