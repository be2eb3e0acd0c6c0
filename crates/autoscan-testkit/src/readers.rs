//! Readers of the requests that tests send.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what goes wrong in a test must fail it")]

use autoscan_core::change::{Change, Refusal};
use autoscan_core::path::TriggerPath;
use autoscan_core::ports::{Hook, ReadError, Reading, Trigger};
use serde_json::Value;

/// A sender whose body is one change a line: `created /tv/a.mkv`.
pub struct LineReader;

impl Trigger for LineReader {
    fn read(&self, hook: &Hook<'_>) -> Result<Reading, ReadError> {
        let text = std::str::from_utf8(hook.body).map_err(|error| ReadError(error.to_string()))?;
        let asked = hook.query.iter().map(|(_, path)| Change::rescan(TriggerPath::parse(path).unwrap()));
        let changes = text.lines().map(change).chain(asked).collect();
        let missed = text.lines().filter_map(|line| line.strip_prefix("missing "));
        let missing = missed.map(|path| TriggerPath::parse(path).unwrap()).collect();
        Ok(Reading { event: "Lines".into(), changes, missing, ..Reading::default() })
    }
}

fn change(line: &str) -> Change<TriggerPath> {
    let mut words = line.split(' ');
    let (kind, mut path) = (words.next().unwrap(), || TriggerPath::parse(words.next().unwrap()).unwrap());
    match kind {
        "created" => Change::created(path()),
        "replaced" => Change::replaced(path()),
        "deleted" | "missing" => Change::deleted(path()),
        "gone" => Change::folder_deleted(path()),
        "moved" => Change::moved(path(), path()),
        "rescan" => Change::rescan(path()),
        other => panic!("no such change: {other}"),
    }
}

/// Reads `{"eventType", "paths"}`, a form `…=/path` and the query; the body `panic` panics.
pub struct JsonReader;

impl Trigger for JsonReader {
    fn read(&self, hook: &Hook<'_>) -> Result<Reading, ReadError> {
        assert!(hook.body != b"panic", "as asked");
        let mut reading = Reading::default();
        let mut texts: Vec<String> = hook
            .query
            .iter()
            .filter(|(name, _)| matches!(name.as_str(), "dir" | "path"))
            .map(|(_, value)| value.clone())
            .collect();
        if let Ok(json) = serde_json::from_slice::<Value>(hook.body) {
            reading.event = json["eventType"].as_str().map(str::to_owned).unwrap_or_default();
            texts.extend(
                json["paths"].as_array().into_iter().flatten().map(|path| path.as_str().unwrap().to_owned()),
            );
        } else if let Some((_, path)) = std::str::from_utf8(hook.body).unwrap_or_default().rsplit_once('=') {
            texts.push(path.to_owned());
        } else if texts.is_empty() {
            return Err(ReadError("The body is no JSON".to_owned()));
        }
        for text in texts {
            match TriggerPath::parse(&text) {
                Ok(path) => reading.changes.push(Change::rescan(path)),
                Err(reason) => reading.refused.push(Refusal { reason }),
            }
        }
        Ok(reading)
    }
}
