//! What guards folders: anchors and mounts, whether they stand, and whether they fell a short while ago.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use autoscan_core::anchor::{Anchor, Anchors};
use autoscan_core::path::LocalPath;
use autoscan_core::ports::Look;
use autoscan_core::time::SteadyTime;

use crate::mounts::Mounts;
use crate::ports::Ports;

/// So long after an anchor or a mount was gone nothing may be made to forget files.
const AFTER_A_FALL: Duration = Duration::from_mins(15);

/// Something that guards a folder and does not stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fallen {
    /// Whatever lies at or below this is not scanned until it stands again.
    pub(crate) prefix: LocalPath,
    /// What is wrong, in a sentence.
    pub(crate) reason: String,
}

pub(crate) struct Guards {
    ports: Arc<Ports>,
    pub(crate) anchors: Anchors,
    mounts: Arc<Mounts>,
    /// Whether the disk is looked at at all: mounts count only then.
    check: bool,
    /// When each prefix was last seen without what guards it; bounded by the anchors and mounts.
    falls: Mutex<HashMap<LocalPath, SteadyTime>>,
}

impl Guards {
    pub(crate) fn new(ports: Arc<Ports>, anchors: Anchors, mounts: Arc<Mounts>, check: bool) -> Self {
        Self { ports, anchors, mounts, check, falls: Mutex::default() }
    }

    /// Why a path would be held now, in a sentence. Remembers nothing.
    pub(crate) async fn would_hold(&self, folder: &LocalPath) -> Option<String> {
        match self.anchors_stand(folder).await {
            Some(fallen) => Some(fallen.reason),
            None => self.mount_missing(folder).await.map(|fallen| fallen.reason),
        }
    }

    /// Why a folder that passed may not be told now: what guards it has fallen since.
    pub(crate) async fn fallen(&self, folder: &LocalPath) -> Option<String> {
        match self.anchors_stand(folder).await {
            None if self.check => self.mount_missing(folder).await.map(|fallen| fallen.reason),
            fallen => fallen.map(|fallen| fallen.reason),
        }
    }

    /// The anchor files that guard a path.
    pub(crate) fn anchors_of(&self, path: &LocalPath) -> Vec<String> {
        self.anchors.guarding(path).map(|anchor| anchor.file.to_string()).collect()
    }

    /// The anchor of the folder that does not stand.
    pub(crate) async fn anchors_stand(&self, folder: &LocalPath) -> Option<Fallen> {
        for anchor in self.anchors.guarding(folder) {
            if let Some(reason) = self.fault_of(anchor).await {
                return Some(Fallen { prefix: anchor.prefix.clone(), reason });
            }
        }
        None
    }

    async fn fault_of(&self, anchor: &Anchor) -> Option<String> {
        let reason = match self.ports.files.look(&anchor.file).await {
            Look::File { .. } | Look::Folder => return None,
            Look::Missing => format!(
                "the anchor {:?} is missing: is the mount gone? Nothing under {:?} is scanned until it is back",
                anchor.file.as_str(),
                anchor.prefix.as_str()
            ),
            Look::Unreachable(reason) => {
                format!("the anchor {:?} cannot be looked at: {reason}", anchor.file.as_str())
            }
        };
        self.fell(&anchor.prefix);
        Some(reason)
    }

    /// The mount of a folder, when it is gone.
    pub(crate) async fn mount_missing(&self, folder: &LocalPath) -> Option<Fallen> {
        let (prefix, reason) = self.mounts.missing(self.ports.files.as_ref(), folder).await?;
        self.fell(&prefix);
        Some(Fallen { prefix, reason })
    }

    fn fell(&self, prefix: &LocalPath) {
        let mut falls = self.falls.lock().unwrap_or_else(PoisonError::into_inner);
        falls.insert(prefix.clone(), self.ports.steady());
    }

    /// Notes which known mounts are gone, without touching them.
    pub(crate) async fn look_at_mounts(&self) {
        for mount in self.mounts.known() {
            let _noted = self.mount_missing(&mount).await;
        }
    }

    /// Every anchor and every known mount: what it guards, and why it does not stand, or did not a short while ago.
    pub(crate) async fn all(&self) -> Vec<(LocalPath, Option<String>)> {
        let mut guards = Vec::new();
        for anchor in self.anchors.iter() {
            guards.push((anchor.prefix.clone(), self.fault_of(anchor).await));
        }
        for mount in self.mounts.known() {
            let fallen = self.mount_missing(&mount).await.map(|fallen| fallen.reason);
            guards.push((mount, fallen));
        }
        let now = self.ports.steady();
        let mut falls = self.falls.lock().unwrap_or_else(PoisonError::into_inner);
        falls.retain(|_, at| now.since(*at) < AFTER_A_FALL);
        for (prefix, at) in &*falls {
            let ago = autoscan_core::duration::Span(Duration::from_secs(now.since(*at).as_secs()));
            guards.push((prefix.clone(), Some(format!("{:?} was gone {ago} ago", prefix.as_str()))));
        }
        guards
    }
}
