//! What the server says of itself: its own settings that fight with autoscan, and who is watching.

use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_http::Method;
use serde::Deserialize;

use crate::family::media_browser::server::MediaBrowser;

/// Longest answer about sessions, tasks or settings that is read, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// A scan of everything more often than this is worth a word.
const OFTEN: Duration = Duration::from_hours(12);

/// A delay beyond this is worth a word: everything new is that late.
const SLOW: Duration = Duration::from_mins(2);

/// 100 ns, in which .NET counts.
const TICKS_OF_A_SECOND: u64 = 10_000_000;

/// What `/System/Configuration` says of the wait after a report: the first is Jellyfin's, the second Emby's word.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Configuration {
    library_monitor_delay: Option<u64>,
    library_monitor_delay_seconds: Option<u64>,
}

impl Configuration {
    /// How long the server waits after a report before it looks.
    pub(crate) fn monitor_delay(&self) -> Option<Duration> {
        self.library_monitor_delay.or(self.library_monitor_delay_seconds).map(Duration::from_secs)
    }
}

pub(crate) async fn configuration(server: &impl MediaBrowser) -> Result<Configuration, Fault> {
    let request = server.request(Method::GET, &["System", "Configuration"]).at_most(LONGEST);
    server.ask(&request).await?.json()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Session {
    now_playing_item: Option<NowPlaying>,
    play_state: Option<PlayState>,
}

/// What it is does not matter.
#[derive(Deserialize)]
struct NowPlaying {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PlayState {
    #[serde(default)]
    is_paused: bool,
}

/// How many people watch or listen; who has paused does not.
pub(crate) async fn playing(server: &impl MediaBrowser) -> Result<usize, Fault> {
    let request = server.request(Method::GET, &["Sessions"]).at_most(LONGEST);
    let sessions: Vec<Session> = server.ask(&request).await?.json()?;
    let plays = |session: &&Session| {
        session.now_playing_item.is_some()
            && !session.play_state.as_ref().is_some_and(|state| state.is_paused)
    };
    Ok(sessions.iter().filter(plays).count())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    #[serde(default)]
    key: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    triggers: Vec<Trigger>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trigger {
    interval_ticks: Option<u64>,
}

/// The task that scans everything.
async fn scan_of_everything(server: &impl MediaBrowser) -> Result<Option<Task>, Fault> {
    let request = server.request(Method::GET, &["ScheduledTasks"]).at_most(LONGEST);
    let tasks: Vec<Task> = server.ask(&request).await?.json()?;
    Ok(tasks.into_iter().find(|task| task.key == "RefreshLibrary"))
}

/// Whether the server scans everything now. When nobody can tell, it does not.
pub(crate) async fn scans_everything(server: &impl MediaBrowser) -> bool {
    let task = scan_of_everything(server).await.ok().flatten();
    task.is_some_and(|task| task.state == "Running")
}

/// The server's own settings that fight with autoscan.
pub(crate) async fn advice(server: &impl MediaBrowser) -> Result<Vec<String>, Fault> {
    let product = server.product();
    let mut advice = Vec::new();
    if let Some(delay) = configuration(server).await?.monitor_delay().filter(|delay| *delay > SLOW) {
        advice.push(format!(
            "{product} waits {} s after every report of a path, also of other programs, before it looks: its library \
             monitor's delay may be 60 s",
            delay.as_secs()
        ));
    }
    let folders = server.virtual_folders().await?;
    let watched: Vec<String> = folders
        .iter()
        .filter(|folder| folder.is_watched())
        .map(|folder| format!("{:?}", folder.name.as_deref().unwrap_or_default()))
        .collect();
    if !watched.is_empty() {
        advice.push(format!(
            "{product} watches the folders of {} by itself (real time monitoring) beside autoscan: turn that off in the \
             library's settings",
            watched.join(", ")
        ));
    }
    let often = scan_of_everything(server).await?.and_then(|task| {
        let intervals = task.triggers.iter().filter_map(|trigger| trigger.interval_ticks);
        intervals.map(|ticks| Duration::from_secs(ticks / TICKS_OF_A_SECOND)).min()
    });
    if let Some(every) = often.filter(|every| *every < OFTEN && !every.is_zero()) {
        advice.push(format!(
            "{product} scans everything every {} h; each such scan discards what it was told in the minute before, \
             and autoscan has to tell it again: once a day is enough",
            every.as_secs().div_ceil(3600)
        ));
    }
    Ok(advice)
}
