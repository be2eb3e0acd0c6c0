//! How a pretend Plex scans: one folder of a section at a time, in its own time, and telling of it.

use std::collections::BTreeSet;
use std::time::Duration;

use autoscan_core::path::AbsolutePath;
use serde_json::{Value, json};

use super::Plex;
use super::catalogue::Catalogue;
use super::state::{Activity, NOW, PlexScan, PlexState};
use crate::pretend::http_server::lock;
use crate::pretend::shelf::within;

/// An activity names its section only after this.
const NAMED_AFTER: Duration = Duration::from_secs(1);

impl Plex {
    /// Begins a scan, or lets it wait for the one that its section is at.
    pub(super) fn begin(&self, scan: PlexScan) {
        let mut state = lock(&self.state);
        state.scans.push(scan.clone());
        if state.manners.deaf {
            return;
        }
        if state.manners.scan_time.is_zero() {
            let activity = self.activity(&mut state, &scan.section);
            state.tell(&activity, "started");
            state.look(&scan);
            state.tell(&activity, "ended");
            state.complete();
            return;
        }
        let Some(section) = state.section(&scan.section) else { return };
        section.waiting.push_back(scan.path);
        let busy = section.running.is_some();
        state.overlaps += usize::from(busy);
        if !busy {
            let activity = self.activity(&mut state, &scan.section);
            let life = state.life;
            if let (Some(section), Some(me)) = (state.section(&scan.section), self.me.upgrade()) {
                section.running = Some(activity);
                drop(state);
                tokio::spawn(async move { me.work(&scan.section, life).await });
            }
        }
    }

    /// Works off what waits in a section.
    async fn work(&self, section: &str, life: usize) {
        loop {
            let (path, time) = {
                let mut state = lock(&self.state);
                if state.life != life {
                    return;
                }
                let fresh = self.activity(&mut state, section);
                let time = state.manners.scan_time;
                let Some(at) = state.section(section) else { return };
                let Some(path) = at.waiting.pop_front() else {
                    at.running = None;
                    return;
                };
                at.running = Some(fresh.clone());
                state.tell(&fresh, "started");
                (path, time)
            };
            tokio::time::sleep(time.min(NAMED_AFTER)).await;
            if time >= NAMED_AFTER {
                lock(&self.state).name(section, life);
                tokio::time::sleep(time.saturating_sub(NAMED_AFTER)).await;
            }
            let mut state = lock(&self.state);
            if state.life != life {
                return;
            }
            state.look(&PlexScan { section: section.to_owned(), path });
            let running = state.section(section).and_then(|section| section.running.clone());
            if let Some(activity) = running {
                state.tell(&activity, "ended");
            }
            state.complete();
        }
    }

    fn activity(&self, state: &mut PlexState, section: &str) -> Activity {
        state.last_id += 1;
        let number = state.last_id;
        let title = state.section(section).map(|section| section.library.title.clone()).unwrap_or_default();
        Activity {
            uuid: format!("00000000-0000-4000-8000-{number:012}"),
            title: format!("Scanning {title}"),
            section: self.spelling().section_id(section),
            named: false,
        }
    }
}

impl Activity {
    /// As `/activities` lists it and the websocket tells of it.
    pub(super) fn json(&self) -> Value {
        let mut activity = json!({
            "uuid": self.uuid,
            "type": "library.update.section",
            "cancellable": false,
            "userID": 1,
            "title": self.title,
            "subtitle": "",
            "progress": -1,
        });
        if self.named {
            activity["Context"] = json!({"librarySectionID": self.section});
        }
        activity
    }
}

impl PlexState {
    fn tell(&mut self, activity: &Activity, event: &str) {
        let entry = json!({"event": event, "uuid": activity.uuid, "Activity": activity.json()});
        self.notify("activity", "ActivityNotification", &entry);
    }

    fn complete(&mut self) {
        let entry = json!({
            "title": "Library scan complete",
            "description": "",
            "notificationName": "LIBRARY_UPDATE",
        });
        self.notify("status", "StatusNotification", &entry);
    }

    fn name(&mut self, section: &str, life: usize) {
        if self.life != life {
            return;
        }
        let running = self.section(section).and_then(|section| section.running.as_mut());
        if let Some(activity) = running {
            activity.named = true;
            let activity = activity.clone();
            self.tell(&activity, "updated");
        }
    }

    /// Compares what a folder holds with what is shown of it.
    fn look(&mut self, scan: &PlexScan) {
        let Some(at) = self.sections.iter().position(|section| section.library.id == scan.section) else {
            return;
        };
        let folders =
            scan.path.clone().map_or_else(|| self.sections[at].library.folders.clone(), |path| vec![path]);
        for folder in folders {
            let found = self.shelf.media(&folder);
            let gone = gone(&self.sections[at].catalogue, &folder, |path| !found.contains_key(path));
            for path in gone {
                self.lose(at, &path);
            }
            for (path, size) in found {
                self.meet(at, &path, size);
            }
        }
    }

    fn lose(&mut self, at: usize, path: &str) {
        let catalogue = &mut self.sections[at].catalogue;
        if self.manners.empties_trash {
            catalogue.forget(path);
        } else {
            catalogue.change(path, |part| part.deleted_at = part.deleted_at.or(Some(NOW)));
        }
        self.tell_item(at, path, 9);
    }

    /// Shows a file that lies on the disk.
    fn meet(&mut self, at: usize, path: &str, size: u64) {
        let known = self.sections[at].catalogue.part(path).cloned();
        match known {
            Some(part) if part.deleted_at.is_none() && part.size == size => return,
            Some(part) if part.size != size && self.manners.sizes_wait => {
                self.sections[at].catalogue.change(path, |part| {
                    part.unanalysed = Some(size);
                    part.deleted_at = None;
                });
                return;
            }
            Some(_) => {}
            None => {
                self.arrived += 1;
                if self.manners.drop_every > 0 && self.arrived.is_multiple_of(self.manners.drop_every) {
                    self.dropped.insert(path.to_owned());
                }
                if self.dropped.contains(path) {
                    return;
                }
            }
        }
        self.display(at, path, size);
        self.tell_item(at, path, 5);
    }

    /// Shows a file in one library.
    pub(super) fn display(&mut self, at: usize, path: &str, size: u64) {
        let mut next = self.last_id;
        let section = &mut self.sections[at];
        section.catalogue.show(&section.library, path, size, NOW, &mut next);
        self.last_id = next;
    }

    fn tell_item(&mut self, at: usize, path: &str, state: u64) {
        let section = self.sections[at].library.id.clone();
        let Some(item) = self.sections[at].catalogue.of_file(path).first().cloned() else { return };
        let entry = json!({
            "identifier": "com.plexapp.plugins.library",
            "sectionID": section,
            "itemID": item.key.to_string(),
            "type": item.kind as u64,
            "title": item.title,
            "state": state,
            "updatedAt": NOW,
        });
        self.notify("timeline", "TimelineEntry", &entry);
    }
}

/// The shown files of a folder for which `test` holds.
fn gone(catalogue: &Catalogue, folder: &str, test: impl Fn(&String) -> bool) -> BTreeSet<String> {
    let Ok(folder) = AbsolutePath::parse(folder) else { return BTreeSet::new() };
    catalogue.paths().filter(|path| test(path) && within(path, &folder)).cloned().collect()
}
