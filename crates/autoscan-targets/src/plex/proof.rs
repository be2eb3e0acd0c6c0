//! Whether Plex shows the files of a scan, in two small answers a folder.

use autoscan_core::change::Subject;
use autoscan_core::fault::Fault;
use autoscan_core::media::{Role, is_extra};
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};

use super::Plex;
use super::answers::Item;
use super::lookup::{self, children, is_same, part_of};
use super::naming::{can_hold, season_of};
use crate::family::libraries;
use crate::family::library_index::Owner;

/// One file in one library.
struct FileQuery<'s> {
    /// Its place in the answer.
    at: usize,
    expected: &'s ExpectedFile,
    owner: Owner,
}

impl Plex {
    /// What is shown of each path. It must be as wanted in every library that can hold it.
    pub(super) async fn show(
        &self,
        folder: &TargetPath,
        expected: &[ExpectedFile],
    ) -> Result<Vec<Observation>, Fault> {
        let (index, _) = libraries::owners(&self.server, folder).await?;
        let ordinary =
            expected.iter().any(|one| Role::of(&one.path.0) == Role::Media && !is_extra(&one.path.0));
        let mut shown: Vec<Option<Observation>> =
            expected.iter().map(|one| unknowable(one, ordinary)).collect();
        let mut libraries: Vec<(String, Vec<FileQuery<'_>>)> = Vec::new();
        for (at, expected) in expected.iter().enumerate().filter(|(at, _)| shown[*at].is_none()) {
            for owner in holders(index.owners(&expected.path.0), expected) {
                let id = owner.library.id.clone();
                let asked = FileQuery { at, expected, owner };
                match libraries.iter_mut().find(|(known, _)| *known == id) {
                    Some((_, all)) => all.push(asked),
                    None => libraries.push((id, vec![asked])),
                }
            }
        }
        let mut results: Vec<Vec<Observation>> = vec![Vec::new(); expected.len()];
        for (_, asked) in libraries {
            let mut stopped = None;
            for (at, result) in self.show_in_one(asked).await? {
                if let Observation::NotYet(found) = &result {
                    stopped.get_or_insert_with(|| found.clone());
                }
                results[at].push(result);
            }
            if let Some(found) = stopped {
                // What is not shown in one library need not be asked for in the next.
                shown
                    .iter_mut()
                    .filter(|one| one.is_none())
                    .for_each(|one| *one = Some(Observation::NotYet(found.clone())));
                break;
            }
        }
        for (at, results) in results.into_iter().enumerate() {
            shown[at].get_or_insert_with(|| sum(results));
        }
        Ok(shown.into_iter().flatten().collect())
    }

    /// What one library shows. Ends at the first file that is not as wanted: nothing is proven before all are.
    async fn show_in_one(&self, mut asked: Vec<FileQuery<'_>>) -> Result<Vec<(usize, Observation)>, Fault> {
        // What must be there leads to the season or album, which tells of the others.
        asked.sort_by_key(|one| {
            (one.expected.presence == Presence::Gone, one.expected.subject == Subject::Folder)
        });
        let mut shown: Vec<(usize, Observation)> = Vec::new();
        let mut listed: Vec<String> = Vec::new();
        while !asked.is_empty() {
            let first = asked.remove(0);
            if first.expected.subject == Subject::Folder {
                shown.push((first.at, self.folder_gone(&first).await?));
                continue;
            }
            let items = self.files.items_of(&self.server, &first.owner).await?;
            let result = judge(&items, &first);
            let stops = matches!(result, Observation::NotYet(_));
            shown.push((first.at, result.clone()));
            if stops {
                shown.extend(asked.iter().map(|one| (one.at, result.clone())));
                return Ok(shown);
            }
            settle(&mut asked, &mut shown, &items, |_| false);
            let parent = items.first().and_then(|item| item.parent_rating_key.clone());
            let Some(parent) = parent.filter(|parent| asked.len() > 1 && !listed.contains(parent)) else {
                continue;
            };
            let below = children(&self.server, &parent).await?;
            settle(&mut asked, &mut shown, &below.items, |one| {
                below.complete && is_of_season(one, &below.items)
            });
            listed.push(parent);
            if shown.iter().any(|(_, shown)| matches!(shown, Observation::NotYet(_))) {
                return Ok(all_or_none(shown, &asked));
            }
        }
        Ok(shown)
    }

    /// Whether a deleted folder is gone from the library too.
    async fn folder_gone(&self, asked: &FileQuery<'_>) -> Result<Observation, Fault> {
        let (path, title) = (&asked.expected.path, &asked.owner.library.title);
        Ok(match self.files.below(&self.server, &asked.owner).await? {
            None => Observation::Unknowable(format!(
                "Plex cannot be asked whether anything of the folder {path:?} is left in its library {title:?}"
            )),
            Some(parts) => match parts.iter().find(|part| !part.in_trash) {
                Some(part) => {
                    Observation::NotYet(format!("Plex still shows {:?} in its library {title:?}", part.path))
                }
                None => Observation::Proven,
            },
        })
    }
}

/// Why Plex cannot be asked for a path, if it cannot. Extras are asked for only when there is nothing else: most are shown
/// beside an item, which no list tells of.
fn unknowable(expected: &ExpectedFile, ordinary: bool) -> Option<Observation> {
    let path = &expected.path;
    let reason = match (expected.subject, expected.presence, Role::of(&path.0)) {
        (Subject::Folder, Presence::Gone, _) => return None,
        (Subject::Folder, Presence::There { .. }, _) => format!("Plex shows no item for the folder {path:?}"),
        (_, _, Role::Media) if ordinary && is_extra(&path.0) => {
            format!("{path:?} is an extra, which Plex shows beside an item or not at all")
        }
        (_, _, Role::Media) => return None,
        (_, _, Role::Sidecar) => format!("{path:?} belongs to an item; Plex shows none for it"),
        (_, _, Role::Other) => format!("Plex shows no item for a file such as {path:?}"),
    };
    Some(Observation::Unknowable(reason))
}

/// The libraries that can hold the file; all owners when none can.
fn holders(owners: Vec<Owner>, expected: &ExpectedFile) -> Vec<Owner> {
    let kinds: Vec<String> = owners.iter().map(|owner| owner.library.kind.clone()).collect();
    let can = |owner: &&Owner| {
        expected.subject == Subject::Folder || can_hold(&owner.library.kind, &kinds, &owner.path)
    };
    let holding: Vec<Owner> = owners.iter().filter(can).cloned().collect();
    if holding.is_empty() { owners } else { holding }
}

/// What is shown of a file, by the items that it is part of.
fn judge(items: &[Item], asked: &FileQuery<'_>) -> Observation {
    let (path, title) = (&asked.expected.path, &asked.owner.library.title);
    if lookup::leaf_type(&asked.owner.library.kind).is_none() {
        return Observation::Unknowable(format!(
            "libraries of the type {:?}, such as {title:?}, cannot be asked for files",
            asked.owner.library.kind
        ));
    }
    let parts: Vec<_> = items.iter().filter_map(|item| part_of(item, &asked.owner.path)).collect();
    let live = parts.iter().find(|part| !part.in_trash);
    match (asked.expected.presence, live) {
        (Presence::Gone, None) => Observation::Proven,
        (Presence::Gone, Some(_)) => {
            Observation::NotYet(format!("Plex still shows {path:?} in its library {title:?}"))
        }
        (Presence::There { .. }, None) if parts.is_empty() => {
            Observation::NotYet(format!("Plex shows no item for {path:?} in its library {title:?}"))
        }
        (Presence::There { .. }, None) => {
            Observation::NotYet(format!("Plex has {path:?} in the trash of its library {title:?}"))
        }
        (Presence::There { size }, Some(part)) => match (size, part.size) {
            (Some(wanted), Some(shown)) if wanted != shown => Observation::NotYet(format!(
                "Plex shows {path:?} in its library {title:?} with {shown} bytes, and it has {wanted}"
            )),
            _ => Observation::Proven,
        },
    }
}

/// Takes out what these items tell of: the files that are parts of them, and those whose absence they prove.
fn settle(
    asked: &mut Vec<FileQuery<'_>>,
    shown: &mut Vec<(usize, Observation)>,
    items: &[Item],
    proves_absence: impl Fn(&FileQuery<'_>) -> bool,
) {
    asked.retain(|one| {
        if one.expected.subject == Subject::Folder {
            return true;
        }
        let of: Vec<Item> =
            items.iter().filter(|item| part_of(item, &one.owner.path).is_some()).cloned().collect();
        let known = !of.is_empty() || proves_absence(one);
        if known {
            shown.push((one.at, judge(&of, one)));
        }
        !known
    });
}

/// Whether a file that is gone would be among these children of a season: they lie in its folder, and its name says that
/// it is of this season.
fn is_of_season(asked: &FileQuery<'_>, children: &[Item]) -> bool {
    let path = &asked.owner.path;
    let beside = |child: &Item| {
        let parts = child.parts();
        parts.iter().any(|part| same_folder(&part.path, path))
    };
    let season = path.file_name().and_then(season_of);
    asked.expected.presence == Presence::Gone
        && season.is_some()
        && children.iter().any(beside)
        && children.iter().all(|child| child.parent_index == season)
}

fn same_folder(one: &AbsolutePath, other: &AbsolutePath) -> bool {
    match (one.parent(), other.parent()) {
        (Some(one), Some(other)) => is_same(&one, &other),
        _ => false,
    }
}

/// When something is not as wanted the rest need not be asked for.
fn all_or_none(mut shown: Vec<(usize, Observation)>, rest: &[FileQuery<'_>]) -> Vec<(usize, Observation)> {
    let first =
        shown.iter().find_map(|(_, shown)| matches!(shown, Observation::NotYet(_)).then(|| shown.clone()));
    if let Some(first) = first {
        shown.extend(rest.iter().map(|one| (one.at, first.clone())));
    }
    shown
}

/// The sum of what several libraries show of one file.
fn sum(results: Vec<Observation>) -> Observation {
    let nowhere = Observation::Unknowable("no library of Plex that could be asked holds the path".to_owned());
    results.into_iter().fold(nowhere, |sum, one| match (&sum, &one) {
        (Observation::NotYet(_), _) | (Observation::Proven, Observation::Unknowable(_)) => sum,
        _ => one,
    })
}
