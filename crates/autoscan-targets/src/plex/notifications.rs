//! What Plex tells over its websocket. It is heard where it can be had; everything works without it.

use std::sync::Arc;
use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_http::{Http, Request};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use super::answers::{maybe_number, maybe_text};
use super::sections::{Event, LibraryScans};
use crate::family::listener::{Listener, listen};

/// Longest notification that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// A websocket that says nothing for so long is opened again: the connection may be dead without anybody knowing.
const SILENCE: Duration = Duration::from_mins(10);

/// The first scan waits no longer than this for the websocket.
const FIRST_WAITS: Duration = Duration::from_secs(5);

/// Listens to one Plex.
#[derive(Default)]
pub(super) struct NotificationListener {
    listener: Listener,
    /// Whether the first attempt has come to an end.
    tried: watch::Sender<bool>,
}

impl NotificationListener {
    /// Begins to listen, if nobody does, and waits until the first attempt has come to an end: a scan may be over before
    /// the answer to the call that started it was read.
    pub(super) async fn open(
        &self,
        http: &Http,
        request: impl FnOnce() -> Request,
        sections: &Arc<LibraryScans>,
    ) {
        let mut tried = self.tried.subscribe();
        self.listener.open(|| {
            let (http, request, sections) = (http.clone(), request(), Arc::clone(sections));
            let tell = self.tried.clone();
            listen("Plex", move || {
                let (http, request) = (http.clone(), request.clone());
                let (sections, tell) = (Arc::clone(&sections), tell.clone());
                async move {
                    let end = hear(&http, &request, &sections, &tell).await;
                    sections.set_connected(false);
                    tell.send_replace(true);
                    end
                }
            })
        });
        // Whether it came to stand is seen in the libraries' verdicts.
        let _ = tokio::time::timeout(FIRST_WAITS, tried.wait_for(|tried| *tried)).await;
    }
}

/// Listens until the websocket ends.
async fn hear(
    http: &Http,
    request: &Request,
    sections: &LibraryScans,
    tried: &watch::Sender<bool>,
) -> Result<(), Fault> {
    let mut socket = http.socket(request, LONGEST).await?;
    sections.set_connected(true);
    tried.send_replace(true);
    tracing::debug!("Plex tells what it does");
    while let Some(text) = socket.next(SILENCE).await? {
        for event in events(&text) {
            sections.hear(event);
        }
    }
    Ok(())
}

/// What a notification tells; nothing when it is none, or of something else.
fn events(text: &str) -> Vec<Event> {
    let Ok(frame) = serde_json::from_str::<Frame>(text) else { return Vec::new() };
    let Notification { kind, activities, statuses, timeline } = frame.container;
    match kind.as_str() {
        "activity" => read::<ActivityJson>(activities).filter_map(ActivityJson::event).collect(),
        "status" => read::<StatusJson>(statuses).filter_map(|status| status.event()).collect(),
        "timeline" => read::<TimelineJson>(timeline).filter_map(|entry| entry.event()).take(1).collect(),
        _ => Vec::new(),
    }
}

/// The entries that can be read.
fn read<T: serde::de::DeserializeOwned>(entries: Option<Value>) -> impl Iterator<Item = T> {
    let entries = match entries {
        Some(Value::Array(entries)) => entries,
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    };
    entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok())
}

#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "NotificationContainer")]
    container: Notification,
}

#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "ActivityNotification")]
    activities: Option<Value>,
    #[serde(rename = "StatusNotification")]
    statuses: Option<Value>,
    #[serde(rename = "TimelineEntry")]
    timeline: Option<Value>,
}

#[derive(Deserialize)]
struct ActivityJson {
    event: String,
    uuid: String,
    #[serde(rename = "Activity")]
    activity: Activity,
}

#[derive(Deserialize)]
struct Activity {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "Context")]
    context: Option<Context>,
}

#[derive(Deserialize)]
struct Context {
    #[serde(rename = "librarySectionID", default, deserialize_with = "maybe_text")]
    section: Option<String>,
}

impl ActivityJson {
    /// Of all that Plex does, scans of libraries and the fetching of metadata after them keep a library busy.
    fn event(self) -> Option<Event> {
        if !matches!(self.activity.kind.as_str(), "library.update.section" | "library.refresh.items") {
            return None;
        }
        let (uuid, section) = (self.uuid, self.activity.context.and_then(|context| context.section));
        match self.event.as_str() {
            "started" | "updated" => Some(Event::Scanning { uuid, section }),
            "ended" => Some(Event::Ended { uuid, section }),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct StatusJson {
    #[serde(rename = "notificationName")]
    name: Option<String>,
}

impl StatusJson {
    fn event(&self) -> Option<Event> {
        (self.name.as_deref() == Some("LIBRARY_UPDATE")).then_some(Event::Complete)
    }
}

#[derive(Deserialize)]
struct TimelineJson {
    #[serde(default, deserialize_with = "maybe_number")]
    state: Option<u64>,
}

/// States of an item in the timeline (python-plexapi's `alert`): done, and deleted.
const DONE: u64 = 5;
const DELETED: u64 = 9;

impl TimelineJson {
    fn event(&self) -> Option<Event> {
        matches!(self.state, Some(DONE | DELETED)).then_some(Event::Item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(kind: &str, list: &str, entries: &Value) -> Vec<Event> {
        events(&json!({"NotificationContainer": {"type": kind, "size": 1, list: entries}}).to_string())
    }

    fn activity(event: &str, kind: &str, context: &Value) -> Vec<Event> {
        let activity = json!({"uuid": "u", "type": kind, "Context": context});
        told(
            "activity",
            "ActivityNotification",
            &json!([{"event": event, "uuid": "u", "Activity": activity}]),
        )
    }

    #[test]
    fn notifications_are_read_in_every_spelling() {
        let uuid = "u".to_owned();
        let scan = "library.update.section";
        assert_eq!(
            activity("started", scan, &json!(null)),
            [Event::Scanning { uuid: uuid.clone(), section: None }]
        );
        for id in [json!(7), json!("7")] {
            assert_eq!(
                activity("ended", scan, &json!({"librarySectionID": id})),
                [Event::Ended { uuid: uuid.clone(), section: Some("7".to_owned()) }]
            );
        }
        assert!(activity("started", "media.generate.bif", &json!({})).is_empty());
        let complete = json!([{"notificationName": "LIBRARY_UPDATE"}]);
        assert_eq!(told("status", "StatusNotification", &complete), [Event::Complete]);
        assert_eq!(told("timeline", "TimelineEntry", &json!([{"state": "5"}])), [Event::Item]);
        assert!(told("timeline", "TimelineEntry", &json!([{"state": 1}, {"state": null}])).is_empty());
    }

    #[test]
    fn garbage_is_nothing() {
        for text in ["", "x", "[]", "null", "{\"NotificationContainer\":{\"type\":5}}"] {
            assert!(events(text).is_empty(), "{text}");
        }
        assert!(told("activity", "ActivityNotification", &json!([{"event": {}}, 5, null])).is_empty());
        assert!(told("activity", "ActivityNotification", &json!("x")).is_empty());
    }
}
