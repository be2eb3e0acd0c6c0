//! Songs that are gone. A scan of a folder makes Kodi forget the songs that went out of it; those of a folder that is gone itself
//! no scan takes out, only a cleaning of the whole music library does (measured at Kodi 20.1).

use std::collections::BTreeMap;

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use autoscan_core::ports::TargetScan;

use crate::family::libraries::LibraryServer;
use crate::family::library_index::Owner;
use crate::kodi::Kodi;
use crate::kodi::items;
use crate::kodi::look;
use crate::kodi::named::{Named, named};
use crate::kodi::rpc::Call;
use crate::kodi::scanning;
use crate::kodi::sources::Kind;

/// So many songs of one folder are gone through.
const MOST_SONGS: usize = 5000;

/// Takes out songs of folders that are gone. The caller has the turn of music.
pub(super) async fn forget(kodi: &Kodi, owner: &Owner, scan: &TargetScan) -> Result<(), Fault> {
    let before = left_behind(kodi, owner, scan).await?;
    if before == 0 {
        return Ok(());
    }
    // The cleaning looks at the songs of every source, and would take out all of one that is only out of sight.
    look::all_stand(kodi, &music_folders(kodi)).await?;
    scanning::idle(kodi, Kind::Music).await?;
    let pause = {
        let mut cleanings = kodi.cleanings.lock().await;
        cleanings.begin(&kodi.rpc).await?;
        cleanings.end().await?;
        cleanings.pause()
    };
    match left_behind(kodi, owner, scan).await? {
        0 => Ok(()),
        // It reads the songs by the thousand and counts from the front of what is left of them, so it passes as many as it took
        // out of the thousand before (measured at Kodi 20.1: half of 200 000, and then half of the rest).
        left if left < before => Err(Fault::Later {
            after: pause,
            reason: format!(
                "Kodi cleaned its music library and passed {left} of {before} songs of folders that are gone, as of {:?}; autoscan \
                 has it cleaned again",
                owner.path
            ),
        }),
        left => Err(Fault::wrong(format!(
            "Kodi cleaned its music library and still lists {left} songs of folders that are gone, as of {:?}; autoscan tries again: \
             clean the music library in Kodi's settings if this goes on",
            owner.path
        ))),
    }
}

/// How many songs Kodi lists of what a scan names whose folders it does not see.
pub(super) async fn left_behind(kodi: &Kodi, owner: &Owner, scan: &TargetScan) -> Result<usize, Fault> {
    let mut folders: BTreeMap<AbsolutePath, usize> = BTreeMap::new();
    for named in named(owner, scan) {
        let asked = match named {
            Named::Gone(path) => match (path.parent(), path.file_name()) {
                (Some(folder), Some(name)) => items::of_files(Kind::Music, &folder, &[name]),
                _ => continue,
            },
            Named::GoneFolder(path) | Named::Folder(path) => items::below(Kind::Music, path, MOST_SONGS),
            Named::Changed(_) => continue,
        };
        let (songs, _) = items::read(&kodi.rpc.ask(&asked).await?)?;
        for folder in songs.iter().filter_map(items::Item::folder) {
            *folders.entry(folder).or_default() += 1;
        }
    }
    if folders.is_empty() {
        return Ok(0);
    }
    let looks: Vec<Call> = folders.keys().map(look::look).collect();
    let mut left = 0;
    for (songs, outcome) in folders.values().zip(&kodi.rpc.ask(&looks).await?) {
        if look::entries(outcome)?.is_none() {
            left += songs;
        }
    }
    Ok(left)
}

/// The folders of all sources of music.
fn music_folders(kodi: &Kodi) -> Vec<AbsolutePath> {
    let Some((libraries, _)) = kodi.library_cache().cached() else { return Vec::new() };
    let music = libraries.iter().filter(|library| Kind::of(library) == Kind::Music);
    music.flat_map(|library| &library.folders).filter_map(|folder| AbsolutePath::parse(folder).ok()).collect()
}
