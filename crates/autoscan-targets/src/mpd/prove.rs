//! What MPD shows of the files of a scan. A song that was changed in place looks as before until MPD has obeyed, so that is
//! waited for; then the time of change in MPD's database is compared with that of the file on MPD's machine.

use std::collections::HashMap;
use std::time::Duration;

use autoscan_core::change::Subject;
use autoscan_core::fault::Fault;
use autoscan_core::media::Role;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::ServerListing;
use autoscan_core::proof::{ExpectedFile, Observation, Presence};

use crate::mpd::commands::{Command, Verb};
use crate::mpd::protocol::{Connection, Reply, number};
use crate::mpd::told::Told;
use crate::mpd::{Mpd, is_song};

/// Asks for the files of one folder.
pub(super) async fn find(
    mpd: &Mpd,
    folder: &TargetPath,
    expected: &[ExpectedFile],
) -> Result<Vec<Observation>, Fault> {
    let mut connection = mpd.open().await?;
    let Pending { job, forgotten } = pending(mpd, &mut connection, folder).await?;
    let endings = mpd.endings(&mut connection).await?;
    let told = mpd.told().of(folder);
    let mut asking = Asking { mpd, folder, told, forgotten, connection, on_disk: HashMap::new() };
    let mut shown = Vec::with_capacity(expected.len());
    for one in expected {
        let is_file = one.subject == Subject::File;
        shown.push(if is_file && (Role::of(&one.path.0) == Role::Sidecar || !is_song(&endings, &one.path)) {
            Observation::Unknowable(format!(
                "MPD makes no song of {:?}",
                one.path.0.file_name().unwrap_or_default()
            ))
        } else if let Some(job) = job {
            Observation::NotYet(format!("MPD has not ended its update number {job} of this folder"))
        } else {
            asking.look(one).await?
        });
    }
    if !shown.iter().any(|one| matches!(one, Observation::NotYet(_))) {
        mpd.told().is_proven(folder);
    }
    Ok(shown)
}

/// What MPD has not carried out of what it was told of a folder.
#[derive(Default)]
struct Pending {
    /// The number of an update that it has not ended.
    job: Option<u32>,
    /// What it has forgotten, because it was restarted.
    forgotten: Vec<Command>,
}

async fn pending(mpd: &Mpd, connection: &mut Connection, folder: &TargetPath) -> Result<Pending, Fault> {
    let Some(told) = mpd.told().of(folder).filter(Told::is_pending) else { return Ok(Pending::default()) };
    let forgotten = uptime(connection).await?.map(|uptime| told.forgotten(uptime)).unwrap_or_default();
    let job = told.job.filter(|_| told.waits_beside(&forgotten));
    if let Some(job) = job {
        let status = connection.ask("status", &[]).await?.done("status")?;
        if number(&status, "updating_db").is_some_and(|running| !is_over(job, running)) {
            return Ok(Pending { job: Some(job), forgotten });
        }
        mpd.told().is_over(folder, job, &forgotten);
    }
    Ok(Pending { job: None, forgotten })
}

/// How long MPD is up, in whole seconds; none where it does not say so.
async fn uptime(connection: &mut Connection) -> Result<Option<Duration>, Fault> {
    Ok(match connection.ask("stats", &[]).await? {
        Reply::Done(stats) => number(&stats, "uptime").map(|seconds| Duration::from_secs(seconds.into())),
        Reply::Unknown | Reply::Failed(_) | Reply::Refused(_) => None,
    })
}

/// Why a telling is believed lost: MPD was started again since, and its queue of updates is in memory alone (measured at MPD
/// 0.23.12). It is the deliverer that tells again, because it looks first at the mounts and anchors that guard the folder: an
/// update makes MPD forget what it does not see.
pub(super) async fn why_lost(mpd: &Mpd, told_ago: Duration) -> Option<String> {
    let uptime = uptime(&mut mpd.open().await.ok()?).await.ok()??;
    (told_ago > uptime).then(|| format!("MPD was restarted {} s ago, after it was told", uptime.as_secs()))
}

/// A file as MPD's machine has it.
#[derive(Default)]
struct OnDisk {
    size: Option<u64>,
    changed_at: Option<String>,
}

/// What one asking for the files of a folder takes.
struct Asking<'a> {
    mpd: &'a Mpd,
    folder: &'a TargetPath,
    told: Option<Told>,
    /// What MPD was told and has forgotten.
    forgotten: Vec<Command>,
    connection: Connection,
    /// The files of folders on MPD's machine, as far as they were asked for.
    on_disk: HashMap<String, HashMap<String, OnDisk>>,
}

impl Asking<'_> {
    async fn look(&mut self, expected: &ExpectedFile) -> Result<Observation, Fault> {
        let Ok(names) = self.mpd.names(&expected.path) else {
            return Ok(Observation::Unknowable(format!(
                "{:?} is not in the music directory",
                expected.path.as_str()
            )));
        };
        let path = names.join("/");
        let known = match self.connection.ask("lsinfo", &[&path]).await? {
            Reply::Done(known) => Some(known),
            Reply::Unknown => None,
            Reply::Failed(said) => return Err(Fault::wrong(format!("MPD failed in \"lsinfo\": {said:?}"))),
            Reply::Refused(fault) => return Err(fault),
        };
        Ok(match (expected.presence, known) {
            (Presence::There { size }, Some(known)) => self.look_closer(&path, size, &known).await?,
            (Presence::Gone, None) => Observation::Proven,
            (Presence::Gone, Some(_)) => Observation::NotYet(format!("MPD still lists {path:?}")),
            // MPD keeps no folder that holds no song.
            (Presence::There { .. }, None) if expected.subject == Subject::Folder => {
                Observation::Unknowable(format!("MPD lists no folder without songs, such as {path:?} may be"))
            }
            (Presence::There { .. }, None) => {
                Observation::NotYet(format!("MPD was asked for {path:?} and does not list it"))
            }
        })
    }

    /// Whether a song that MPD lists is the one that lies on the disk now. That can be doubted only where the song has other
    /// content under its old name, or where MPD has forgotten what it was told.
    async fn look_closer(
        &mut self,
        path: &str,
        size: Option<u64>,
        known: &[(String, String)],
    ) -> Result<Observation, Fault> {
        let replacement = self.told.as_ref().and_then(|told| told.replacement(path));
        let is_unread = replacement.is_some_and(|command| self.forgotten.contains(command));
        if replacement.is_none() && !self.forgotten.iter().any(|command| command.reaches(path)) {
            return Ok(Observation::Proven);
        }
        let unread = format!(
            "MPD was restarted before it had ended its update of {path:?}, so it may still show the old file"
        );
        let known_at = known.iter().find(|(name, _)| name == "Last-Modified").map(|(_, at)| at);
        let Some(file) = self.on_disk(path).await else {
            return Ok(if is_unread { Observation::NotYet(unread) } else { Observation::Proven });
        };
        let reason = match (&file.changed_at, known_at, file.size, size) {
            (_, _, Some(theirs), Some(ours)) if theirs != ours => {
                format!("MPD's machine still has {path:?} with {theirs} bytes, and it has {ours} here")
            }
            (Some(changed_at), Some(known_at), ..) if changed_at != known_at => {
                format!("MPD shows {path:?} as of {known_at}, and the file was changed at {changed_at}")
            }
            _ if is_unread => unread,
            _ => return Ok(Observation::Proven),
        };
        if size.is_none() {
            return Ok(Observation::NotYet(reason));
        }
        let command = Command { verb: Verb::Rescan, path: path.to_owned() };
        self.mpd.send(&mut self.connection, self.folder, &command).await?;
        Ok(Observation::NotYet(format!("{reason}; it was told again")))
    }

    /// The file as MPD's machine has it; none where that cannot be found out, as of a symbolic link. It is asked over a
    /// connection of its own: the list of a very large folder is cut off, and the connection with it.
    async fn on_disk(&mut self, path: &str) -> Option<&OnDisk> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if !self.on_disk.contains_key(folder) {
            let files = match self.mpd.open().await {
                Ok(mut other) => files(other.ask("listfiles", &[folder]).await.ok()),
                Err(_unreachable) => HashMap::new(),
            };
            self.on_disk.insert(folder.to_owned(), files);
        }
        self.on_disk.get(folder)?.get(name)
    }
}

/// The files in an answer to `listfiles`.
fn files(answer: Option<Reply>) -> HashMap<String, OnDisk> {
    let Some(Reply::Done(pairs)) = answer else { return HashMap::new() };
    let (mut files, mut at) = (HashMap::<String, OnDisk>::new(), None);
    for (name, value) in pairs {
        match name.as_str() {
            "file" => at = Some(value),
            "directory" => at = None,
            _ => {
                let Some(file) = &at else { continue };
                let file = files.entry(file.clone()).or_default();
                match name.as_str() {
                    "size" => file.size = value.parse().ok(),
                    "Last-Modified" => file.changed_at = Some(value),
                    _ => {}
                }
            }
        }
    }
    files
}

/// The songs below a folder, asked for over a connection of its own: the list of a very large folder is cut off, and the
/// connection with it.
pub(super) async fn list_below(
    mpd: &Mpd,
    folder: &TargetPath,
    most: usize,
) -> Result<Option<ServerListing>, Fault> {
    let Some(path) = mpd.names(folder).ok().filter(|names| !names.is_empty()).map(|names| names.join("/"))
    else {
        return Ok(None);
    };
    let pairs = match mpd.open().await?.ask("listall", &[&path]).await? {
        Reply::Done(pairs) => pairs,
        Reply::Unknown => Vec::new(),
        Reply::Failed(_) => return Ok(None),
        Reply::Refused(fault) => return Err(fault),
    };
    let songs = pairs.iter().filter(|(kind, _)| kind == "file").map(|(_, song)| song);
    let mut files: Vec<TargetPath> = songs.clone().take(most).filter_map(|song| mpd.path(song)).collect();
    let complete = songs.count() == files.len();
    files.sort();
    Ok(Some(ServerListing { files, complete }))
}

/// What MPD's machine shows of a file that is missing in MPD's list.
pub(super) async fn why_missing(mpd: &Mpd, expected: &ExpectedFile) -> Option<String> {
    let (folder, name) = (expected.path.parent()?, expected.path.0.file_name()?);
    let below = mpd.names(&folder).ok()?.join("/");
    let found = match mpd.open().await.ok()?.ask("listfiles", &[&below]).await.ok()? {
        Reply::Done(found) => found,
        Reply::Failed(said) => return Some(unseen(&below, &format!(" ({said})"))),
        Reply::Unknown => return Some(unseen(&below, "")),
        Reply::Refused(_) => return None,
    };
    Some(if found.iter().any(|(kind, found)| kind == "file" && found == name) {
        format!(
            "MPD sees the file {name:?} but made no song of it: may its user read it, is it whole, and does no \
             .mpdignore name it?"
        )
    } else {
        format!("MPD does not see the file {name:?} in {below:?} on its own disk")
    })
}

fn unseen(folder: &str, said: &str) -> String {
    format!(
        "MPD does not see the folder {folder:?} in its music directory{said}: is `music-directory` the one of its \
         configuration, the mount there, and may MPD's user read it?"
    )
}

/// Whether an update has ended while `running` goes on. Numbers begin again after 32768 (`src/db/update/Service.cxx`), so the
/// nearer side counts.
fn is_over(job: u32, running: u32) -> bool {
    const NUMBERS: u32 = 1 << 15;
    let ahead = (running % NUMBERS + NUMBERS - job % NUMBERS) % NUMBERS;
    ahead != 0 && ahead < NUMBERS / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_over_when_a_later_one_runs() {
        for (job, running, over) in [
            (5, 5, false),
            (5, 6, true),
            (6, 5, false),
            (32_768, 1, true),
            (32_767, 3, true),
            (1, 32_768, false),
            (2, 32_767, false),
            // No MPD counts so far, but somebody may answer so.
            (7, u32::MAX, false),
            (u32::MAX, 7, true),
        ] {
            assert_eq!(is_over(job, running), over, "{job} while {running} runs");
        }
    }
}
