//! One scan of a folder: begun when none runs, and waited for.
//!
//! Measured at Kodi 20.1: a call to scan while one runs stops that one and begins none; a scan that was answered with `OK`
//! shows that it runs only some 40 ms later, or never when it is over before; and a folder is skipped silently when the one
//! above it was listed before the folder came.

use std::time::Duration;

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::path::{AbsolutePath, TargetPath};
use autoscan_core::ports::TargetScan;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::kodi::Kodi;
use crate::kodi::items;
use crate::kodi::look;
use crate::kodi::rpc::{Call, Outcome, Rpc};
use crate::kodi::sources::{self, Kind};

/// A scan of one folder takes moments, and a second one while it runs would stop it. It is waited for so often…
const LOOKS: usize = 20;

/// … with this pause, before the rest is put off.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// How long a scan is put off while Kodi scans something larger.
const WHILE_SCANNING: Duration = Duration::from_secs(10);

/// How long the begin of a scan is waited for: it may be over before it was seen.
const UNTIL_SEEN: Duration = Duration::from_secs(1);

/// Between two looks whether a scan has begun.
const BETWEEN_LOOKS_FOR_BEGIN: Duration = Duration::from_millis(25);

/// So many new files are looked for to learn that a scan is over.
const LOOKED_FOR: usize = 10;

/// Whose turn it is to tell this Kodi of videos, and of music. Of each, one call at a time is told and waited for.
#[derive(Default)]
pub(super) struct Turns {
    video: Mutex<()>,
    music: Mutex<()>,
}

impl Turns {
    pub(super) fn of(&self, kind: Kind) -> &Mutex<()> {
        match kind {
            Kind::Video => &self.video,
            Kind::Music => &self.music,
        }
    }
}

/// The folder that is scanned for one library.
pub(super) struct Folder {
    pub(super) kind: Kind,
    pub(super) path: AbsolutePath,
    /// The source that it lies in.
    pub(super) root: AbsolutePath,
}

impl Folder {
    /// The call to scan it.
    pub(super) fn call(&self) -> Call {
        let method = match self.kind {
            Kind::Video => "VideoLibrary.Scan",
            Kind::Music => "AudioLibrary.Scan",
        };
        Call::new(method, json!({"directory": sources::folder(&self.path), "showdialogs": false}))
    }
}

/// Has a folder scanned, and waits until that was seen. The caller has the [turn](Turns).
pub(super) async fn scan(kodi: &Kodi, folder: &Folder, scan: &TargetScan) -> Result<(), Fault> {
    let kind = folder.kind;
    idle(kodi, kind).await?;
    let new = new_files(kind, scan);
    let known = progress(kodi, kind, &new).await?.1;
    // What lies above a source is none of Kodi's to list, and the source itself is never new.
    if folder.path != folder.root
        && let Some(above) = folder.path.parent()
    {
        for outcome in kodi.rpc.ask(&[look::look(&above)]).await? {
            outcome.is_visible()?;
        }
    }
    kodi.rpc.call::<Value>(folder.call()).await?;
    let told = Instant::now();
    while told.elapsed() < UNTIL_SEEN {
        let (runs, listed) = progress(kodi, kind, &new).await?;
        if runs {
            // A long one is not waited for here: the next scan waits for its end.
            still_runs(kodi, kind).await?;
            return Ok(());
        }
        if listed > known {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_LOOKS_FOR_BEGIN).await;
    }
    Ok(())
}

/// The questions for some of the files that a scan is to bring.
fn new_files(kind: Kind, scan: &TargetScan) -> Vec<Call> {
    let is_new = |change: &&Change<TargetPath>| {
        change.subject == Subject::File && matches!(change.kind, ChangeKind::Created | ChangeKind::Moved)
    };
    let new = || scan.changes.iter().filter(is_new).map(|change| &change.path.0);
    let Some(folder) = new().find_map(AbsolutePath::parent) else { return Vec::new() };
    let names: Vec<&str> = new()
        .filter(|path| path.parent().as_ref() == Some(&folder))
        .filter_map(AbsolutePath::file_name)
        .take(LOOKED_FOR)
        .collect();
    items::of_files(kind, &folder, &names)
}

/// Whether Kodi scans, and how many of the new files it lists.
async fn progress(kodi: &Kodi, kind: Kind, new: &[Call]) -> Result<(bool, usize), Fault> {
    let mut calls = vec![scanning(kind)];
    calls.extend_from_slice(new);
    let outcomes = kodi.rpc.ask(&calls).await?;
    let Some((flag, lists)) = outcomes.split_first() else { return Ok((false, 0)) };
    Ok((runs(kind, flag)?, items::read(lists)?.1))
}

/// The question whether Kodi scans.
pub(super) fn scanning(kind: Kind) -> Call {
    Call::new("XBMC.GetInfoBooleans", json!({"booleans": [flag(kind)]}))
}

/// What was answered to [`scanning`].
pub(super) fn runs(kind: Kind, outcome: &Outcome) -> Result<bool, Fault> {
    let flags: Map<String, Value> = outcome.read()?;
    Ok(flags.get(flag(kind)) == Some(&Value::Bool(true)))
}

/// Whether Kodi scans, or cleans its library.
pub(super) async fn is_busy(rpc: &Rpc, kind: Kind) -> Result<bool, Fault> {
    let outcomes = rpc.ask(&[scanning(kind)]).await?;
    outcomes.first().map_or(Ok(false), |flag| runs(kind, flag))
}

/// The name of what tells whether Kodi scans.
fn flag(kind: Kind) -> &'static str {
    match kind {
        Kind::Video => "Library.IsScanningVideo",
        Kind::Music => "Library.IsScanningMusic",
    }
}

/// Waits for a moment until Kodi does not scan: whether it still does then.
async fn still_runs(kodi: &Kodi, kind: Kind) -> Result<bool, Fault> {
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        if !is_busy(&kodi.rpc, kind).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Waits for a moment until Kodi does not scan. A call to scan while it does would stop the scan that runs.
pub(super) async fn idle(kodi: &Kodi, kind: Kind) -> Result<(), Fault> {
    if !still_runs(kodi, kind).await? {
        return Ok(());
    }
    Err(Fault::Later {
        after: WHILE_SCANNING,
        reason: format!(
            "Kodi scans its {} library, and another call would stop that; autoscan waits",
            kind.as_str()
        ),
    })
}
