//! What people and scripts ask for, in three dialects: `?dir=` of the Go autoscan (Tdarr and A-Train speak it too),
//! `?path=` of autopulse, and the form `eventType=Manual&filepath=` of the older Python app.

use std::borrow::Cow;
use std::sync::Arc;

use autoscan_core::change::{Change, Refusal};
use autoscan_core::guide::{Field, FieldValue, Guide};
use autoscan_core::path::TriggerPath;
use autoscan_core::ports::{Hook, ReadError, Reading, Trigger};
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::family::lenient::{self, List, Text, objects};
use crate::family::repeats::without_repeats;
use crate::kind::TriggerKind;
use crate::recognise;

pub(crate) const KIND: TriggerKind = TriggerKind {
    name: "manual",
    settings: |generator| ManualSettings::json_schema(generator),
    open: |settings| ManualSettings::deserialize(settings).map(|_| Arc::new(Manual) as Arc<dyn Trigger>),
    source: None,
    takes_requests: true,
    for_people: true,
    api: None,
    marks: &["path", "paths", "dir", "filepath"],
    guide: GUIDE,
};

const GUIDE: Guide = Guide {
    place: "For people, scripts and every program that can make an HTTP request. Nothing needs to be set up.",
    fields: &[
        Field { name: "URL", value: FieldValue::Url },
        Field { name: "Method", value: FieldValue::Text("POST") },
        Field { name: "Username", value: FieldValue::Username },
        Field { name: "Password", value: FieldValue::Password },
        Field { name: "Or a header", value: FieldValue::KeyHeader },
        Field {
            name: "A script, for a file or folder",
            value: FieldValue::Command(
                "curl -X POST -H \"X-Api-Key: KEY\" -G --data-urlencode \"path=/tv/Show\" URL",
            ),
        },
        Field {
            name: "Tdarr and A-Train, for a folder",
            value: FieldValue::Command(
                "curl -X POST -u autoscan:PASSWORD -G --data-urlencode \"dir=/tv/Show\" URL",
            ),
        },
        Field {
            name: "qBittorrent (Run external program)",
            value: FieldValue::Command(
                "curl -X POST -H \"X-Api-Key: KEY\" -G --data-urlencode \"path=%F\" URL",
            ),
        },
        Field {
            name: "Bazarr (Post-processing)",
            value: FieldValue::Command(
                "curl -X POST -H \"X-Api-Key: KEY\" -G --data-urlencode path={{episode}} URL",
            ),
        },
    ],
    test: "Ask for a scan of a folder that exists: it appears here, and among the scans.",
    notes: &[
        "Percent-encode the path: a bare & or # cuts it in two, and a + becomes a space. --data-urlencode of curl does that.",
        "Paths are those that the sender sees. They go through the map of this trigger.",
    ],
    signs: true,
};

/// The event that the older app's form names.
pub(crate) const EVENT: &str = "Manual";

/// What to do instead, where no path was said.
const HOW: &str = "Say ?dir= for a folder or ?path= for a file or folder, percent-encoded, once for each: \
                   curl -G --data-urlencode \"path=/tv/Show\" …";

/// The settings that only the manual trigger has: none.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct ManualSettings {}

/// The reader.
struct Manual;

impl Trigger for Manual {
    fn read(&self, hook: &Hook<'_>) -> Result<Reading, ReadError> {
        let mut asked = Asked::default();
        for (name, value) in hook.query {
            asked.say(name, value)?;
        }
        match Asked::of_body(hook.body) {
            Ok(body) => asked.also(body),
            // The Go autoscan ignores the body, so its clients may send anything beside `?dir=`.
            Err(_) if !asked.is_empty() => {}
            Err(error) => return Err(error),
        }
        if asked.is_empty() {
            return Err(recognise::of_another_kind(KIND.name, hook.body)
                .unwrap_or_else(|| ReadError(format!("No path was given. {HOW}"))));
        }
        Ok(Reading {
            event: asked.event,
            changes: asked.changes,
            refused: asked.refused,
            ..Reading::default()
        })
    }
}

/// Whether one of these names of a query or form stands for a path.
pub(crate) fn names_a_path<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    names.any(|name| matches!(name, "dir" | "path" | "filepath"))
}

/// Whether a body is a form that names a path.
pub(crate) fn is_form(body: &[u8]) -> bool {
    let Ok(text) = lenient::text(body) else { return false };
    !is_json(text) && names_a_path(pairs(text).map(|(name, _)| name))
}

/// What was asked for.
#[derive(Default)]
struct Asked {
    event: String,
    changes: Vec<Change<TriggerPath>>,
    refused: Vec<Refusal>,
}

impl Asked {
    fn of_body(body: &[u8]) -> Result<Self, ReadError> {
        let text = lenient::text(body)?;
        let mut asked = Self::default();
        if is_json(text) {
            asked.json(&lenient::object(body, "{\"path\": \"/tv/Show\"}, {\"paths\": […]} or {\"dir\": …}")?);
        } else {
            for (name, value) in pairs(text) {
                asked.say(&decoded(name)?, &decoded(value)?)?;
            }
        }
        Ok(asked)
    }

    fn json(&mut self, said: &Body<'_>) {
        self.event = lenient::event_name(said.event.get().unwrap_or_default());
        for folder in said.dir.0.iter().filter_map(Text::get) {
            self.folder(folder);
        }
        for list in [&said.path, &said.paths, &said.filepath] {
            for path in list.0.iter().filter_map(Text::get) {
                self.path(path);
            }
        }
    }

    /// One name and value of a query or form.
    fn say(&mut self, name: &str, value: &str) -> Result<(), ReadError> {
        match name {
            "dir" if !value.is_empty() => self.folder(value),
            "path" | "filepath" if !value.is_empty() => self.path(value),
            "eventType" => self.event = lenient::event_name(value),
            // A path with a bare '&' in it was cut there, and its first half is another path.
            name if !name.chars().all(|c| c.is_alphanumeric() || "-_.[]".contains(c)) => {
                let shown = lenient::beginning(name.as_bytes());
                return Err(ReadError(format!(
                    "{shown} is no name of a value; is there a bare '&' in a path? {HOW}"
                )));
            }
            _ => {}
        }
        Ok(())
    }

    fn folder(&mut self, text: &str) {
        match TriggerPath::parse(text) {
            Ok(path) => self.changes.push(Change::rescan(path)),
            Err(reason) => self.refused.push(Refusal { reason }),
        }
    }

    fn path(&mut self, text: &str) {
        match TriggerPath::parse(text) {
            Ok(path) => self.changes.push(Change::asked(path, text)),
            Err(reason) => self.refused.push(Refusal { reason }),
        }
    }

    fn also(&mut self, other: Self) {
        if !other.event.is_empty() {
            self.event = other.event;
        }
        self.changes.extend(other.changes);
        self.changes = without_repeats(std::mem::take(&mut self.changes));
        self.refused.extend(other.refused);
    }

    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.refused.is_empty()
    }
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// The names and values of a form, still encoded.
fn pairs(form: &str) -> impl Iterator<Item = (&str, &str)> {
    form.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn decoded(text: &str) -> Result<String, ReadError> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned).map_err(|error| {
        let shown = lenient::beginning(text.as_bytes());
        ReadError(format!("{shown} is not UTF-8 once it is percent-decoded ({error}). {HOW}"))
    })
}

objects! {
    struct Body<'de> {
        event: Text<'de> = "eventType",
        path: List<Text<'de>> = "path",
        paths: List<Text<'de>> = "paths",
        dir: List<Text<'de>> = "dir",
        filepath: List<Text<'de>> = "filepath",
    }
}
