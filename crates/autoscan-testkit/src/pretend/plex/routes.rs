//! Which call of a pretend Plex does what.

use base64::Engine as _;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Plex;
use super::pages;
use super::state::{PlexMethod, PlexScan, PlexState};
use crate::pretend::http_server::{Behavior, Frame, Recorded, Reply, lock, segments};

impl Behavior for Plex {
    fn answer(&self, call: &Recorded) -> Reply {
        let Some(segments) = segments(call, &self.made.under) else { return self.error(404) };
        if let Some(refusal) = self.refusal(call, &segments) {
            return refusal;
        }
        match (call.method.as_str(), segments.as_slice()) {
            ("GET", ["identity"]) => pages::container(call, &self.identity()),
            ("GET", []) => {
                let mut server = self.identity();
                server["friendlyName"] = json!("Pretend Plex");
                pages::container(call, &server)
            }
            ("GET", [":", "prefs"]) => pages::container(call, &prefs(&lock(&self.state))),
            ("GET", ["activities"]) => pages::container(call, &self.activities()),
            ("GET", ["status", "sessions"]) => pages::container(call, &self.sessions()),
            ("GET", ["services", "browse", path @ ..]) => self.browse(call, path),
            ("GET", ["library"]) => pages::container(call, &contents()),
            ("GET", ["library", "sections"] | ["library", "sections", "all"]) => {
                pages::container(call, &self.sections())
            }
            ("GET", ["library", "search"]) => self.found(call, self.search(call)),
            (method, ["library", "sections", key, "refresh"]) => self.refresh(method, key, call),
            ("GET", ["library", "sections", key, "all"]) => self.list(call, key),
            ("PUT", ["library", "sections", key, "emptyTrash"]) => self.empty_trash(key),
            (method, ["library", "metadata", key, rest @ ..]) => match key.parse() {
                Ok(key) => self.metadata(method, call, key, rest),
                Err(_no_number) => self.error(404),
            },
            _ => self.error(404),
        }
    }

    /// Plex answers errors with a page, whatever was asked for.
    fn error(&self, status: u16) -> Reply {
        let body = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
        Reply::new(status, "text/html", body)
    }

    fn socket(&self, call: &Recorded) -> Result<mpsc::Receiver<Frame>, Reply> {
        let Some(segments) = segments(call, &self.made.under) else { return Err(self.error(404)) };
        if let Some(refusal) = self.refusal(call, &segments) {
            return Err(refusal);
        }
        if segments != [":", "websockets", "notifications"] {
            return Err(self.error(404));
        }
        self.listen()
    }
}

impl Plex {
    /// Why nobody, or not this client, is served.
    fn refusal(&self, call: &Recorded, segments: &[&str]) -> Option<Reply> {
        if let Some(note) = &lock(&self.state).maintenance {
            let body = format!(
                "<?xml version=\"1.0\"?><Response code=\"503\" title=\"Maintenance\" status=\"{note}\"/>"
            );
            return Some(Reply::new(503, "text/xml;charset=utf-8", body));
        }
        let token = call.header("x-plex-token").or_else(|| call.param("X-Plex-Token"));
        (segments != ["identity"] && token != Some(&self.made.token)).then(|| self.error(401))
    }

    fn identity(&self) -> Value {
        let spelling = self.spelling();
        let mut identity = json!({
            "size": spelling.number(0),
            "claimed": spelling.flag(true),
            "machineIdentifier": "0123456789abcdef0123456789abcdef01234567",
            "version": self.made.version,
        });
        if let Some(state) = &lock(&self.state).starting {
            identity["startState"] = json!(state);
        }
        identity
    }

    fn sections(&self) -> Value {
        let (state, spelling) = (lock(&self.state), self.spelling());
        let sections: Vec<Value> =
            state.sections.iter().map(|section| pages::section(section, spelling)).collect();
        json!({"size": spelling.size(sections.len()), "allowSync": spelling.flag(false), "Directory": sections})
    }

    fn activities(&self) -> Value {
        let state = lock(&self.state);
        let running: Vec<Value> = state
            .sections
            .iter()
            .filter_map(|section| section.running.as_ref())
            .map(super::state::Activity::json)
            .collect();
        json!({"size": self.spelling().size(running.len()), "Activity": running})
    }

    fn found(&self, call: &Recorded, container: Option<Value>) -> Reply {
        container.map_or_else(|| self.error(404), |container| pages::container(call, &container))
    }

    fn sessions(&self) -> Value {
        let playing = lock(&self.state).playing;
        let one = json!({
            "sessionKey": "1", "type": "movie", "title": "Film", "User": {"id": "1", "title": "ada"},
            "Player": {"state": "playing", "title": "TV"}, "Session": {"id": "5c3fa2", "location": "lan"},
        });
        json!({"size": self.spelling().size(playing), "Metadata": vec![one; playing]})
    }

    /// An action answers with an empty page, and with success whatever the path is.
    fn refresh(&self, method: &str, key: &str, call: &Recorded) -> Reply {
        let path = call.param("path");
        let holds = {
            let mut state = lock(&self.state);
            match (method, state.manners.method) {
                ("GET", PlexMethod::OnlyPost(status))
                | ("POST", PlexMethod::OnlyGet(status))
                | (_, PlexMethod::Neither(status)) => return self.error(status),
                ("GET" | "POST", _) => {}
                _ => return self.error(405),
            }
            let Some(section) = state.section(key) else { return self.error(404) };
            path.is_none_or(|path| section.library.holds(path))
        };
        if holds {
            self.begin(PlexScan { section: key.to_owned(), path: path.map(str::to_owned) });
        }
        Reply::new(200, "text/html", "")
    }

    fn empty_trash(&self, key: &str) -> Reply {
        let mut state = lock(&self.state);
        let Some(section) = state.section(key) else { return self.error(404) };
        section.emptied += 1;
        let catalogue = &mut section.catalogue;
        let is_gone = |path: &&String| catalogue.part(path).is_some_and(|part| part.deleted_at.is_some());
        let gone: Vec<String> = catalogue.paths().filter(is_gone).cloned().collect();
        for path in &gone {
            catalogue.forget(path);
        }
        Reply::new(200, "text/html", "")
    }

    /// What Plex sees in a folder. One that is not there, or that it may not read, is an empty list.
    fn browse(&self, call: &Recorded, path: &[&str]) -> Reply {
        let encoded = percent_decode_str(&path.join("/")).decode_utf8_lossy().into_owned();
        let Some(folder) = base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
        else {
            return self.error(400);
        };
        let entries = lock(&self.state).shelf.list(&folder).unwrap_or_default();
        let files = call.param("includeFiles") == Some("1");
        let of = |folder: bool| -> Vec<Value> {
            let wanted = entries.iter().filter(|entry| entry.folder == folder);
            wanted
                .map(|entry| {
                    let key = base64::engine::general_purpose::STANDARD.encode(&entry.path);
                    let title = super::catalogue::file_name(&entry.path);
                    json!({"key": format!("/services/browse/{key}"), "title": title, "path": entry.path})
                })
                .collect()
        };
        let (folders, files) = (of(true), if files { of(false) } else { Vec::new() });
        let size = self.spelling().size(folders.len() + files.len());
        pages::container(call, &json!({"size": size, "Path": folders, "File": files}))
    }

    fn metadata(&self, method: &str, call: &Recorded, key: u64, rest: &[&str]) -> Reply {
        if lock(&self.state).section_of(key).is_none() {
            return self.error(404);
        }
        match (method, rest) {
            ("GET", []) => self.found(call, self.one(key)),
            ("GET", ["children"]) => self.found(call, self.below(call, key, false)),
            ("GET", ["allLeaves"]) => self.found(call, self.below(call, key, true)),
            ("GET" | "PUT", ["matches"]) => self.found(call, self.matches(call, key)),
            ("PUT", ["match"]) => self.fix(call, key),
            ("PUT", ["split"]) => self.split(key),
            ("PUT", ["unmatch"]) => {
                lock(&self.state).rename(key, &format!("local://{key}"), &[]);
                Reply::new(200, "text/html", "")
            }
            ("PUT", ["analyze"]) => {
                lock(&self.state).analyse(key);
                Reply::new(200, "text/html", "")
            }
            ("PUT", ["refresh"]) => {
                let mut state = lock(&self.state);
                if let Some(item) = state.section_of(key).and_then(|at| at.catalogue.get_mut(key)) {
                    item.refreshed += 1;
                }
                Reply::new(200, "text/html", "")
            }
            _ => self.error(404),
        }
    }
}

impl PlexState {
    /// Analyses an item and what lies below it: then the files' sizes are shown as they are.
    fn analyse(&mut self, key: u64) {
        let Some(section) = self.section_of(key) else { return };
        for below in section.catalogue.children(key) {
            self.analyse(below.key);
        }
        let Some(item) = self.section_of(key).and_then(|at| at.catalogue.get_mut(key)) else { return };
        item.analysed += 1;
        for part in item.parts.values_mut() {
            part.size = part.unanalysed.take().unwrap_or(part.size);
        }
    }
}

/// What `/library` leads to.
fn contents() -> Value {
    let below = [("sections", "Library Sections"), ("recentlyAdded", "Recently Added Content")];
    let below: Vec<Value> = below.map(|(key, title)| json!({"key": key, "title": title})).into();
    json!({"size": below.len(), "content": "secondary", "title1": "Plex Library", "Directory": below})
}

/// The settings, quiet ones unless told: nothing that scans or empties by itself.
fn prefs(state: &PlexState) -> Value {
    let mut all: Vec<(String, Value)> = [
        "FSEventLibraryUpdatesEnabled",
        "FSEventLibraryPartialScanEnabled",
        "ScheduledLibraryUpdatesEnabled",
        "autoEmptyTrash",
        "ButlerTaskRefreshLibraries",
    ]
    .iter()
    .map(|&id| (id.to_owned(), json!(false)))
    .collect();
    all.push(("ScheduledLibraryUpdateInterval".to_owned(), json!(3600)));
    all.retain(|(id, _)| !state.prefs.contains_key(id));
    all.extend(state.prefs.iter().map(|(id, value)| (id.clone(), value.clone())));
    let settings: Vec<Value> = all
        .into_iter()
        .map(|(id, value)| {
            let kind = if value.is_boolean() { "bool" } else { "int" };
            json!({"id": id, "label": "", "summary": "", "type": kind, "default": value, "value": value, "hidden": false})
        })
        .collect();
    json!({"size": settings.len(), "Setting": settings})
}
