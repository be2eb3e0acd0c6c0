//! The whole config with its defaults, as YAML, for people. Secrets are dots.

use serde_json::{Map, Value};

use super::loaded::Loaded;
use super::quote::{QuoteStyle, quoted};
use super::redact::{DOTS, is_command, is_hidden, is_template, without_login};
use super::schema::{Kinds, alternatives, items, property, schema, takes};

/// Keys that a reader looks for first.
const FIRST: [&str; 7] = ["name", "url", "host", "port", "base-url", "database", "authentication"];
/// And last.
const LAST: [&str; 2] = ["triggers", "targets"];

impl Loaded {
    /// All of it with its defaults, as YAML for people: secrets are dots.
    pub(crate) fn redacted(&self, kinds: &Kinds) -> String {
        text(self, kinds)
    }
}

fn text(loaded: &Loaded, kinds: &Kinds) -> String {
    let schema = schema(kinds);
    let mut whole = loaded.written.0.clone();
    for (section, places) in [("triggers", &loaded.triggers_at), ("targets", &loaded.targets_at)] {
        for (name, (_, path)) in places {
            let mut steps = path.split('.').skip(1);
            let kind = steps.next().unwrap_or_default();
            let index = steps.next().and_then(|index| index.parse::<usize>().ok()).unwrap_or_default();
            if let Some(Value::Object(entry)) = whole.pointer_mut(&format!("/{section}/{kind}/{index}")) {
                entry.insert("name".to_owned(), Value::from(name.as_str()));
            }
        }
    }
    let mut out = String::new();
    group(&mut out, &whole, &schema, 0);
    out
}

/// The keys of a group: those that are written, and those that have a default.
fn group(out: &mut String, value: &Value, schema: &Value, indent: usize) {
    let empty = Map::new();
    let written = value.as_object().unwrap_or(&empty);
    let known = alternatives(schema).into_iter().filter_map(|one| one.get("properties")?.as_object());
    let mut keys: Vec<&String> = known.flat_map(Map::keys).chain(written.keys()).collect();
    keys.sort_by_key(|key| (rank(key), *key));
    keys.dedup();
    for key in keys {
        let below = property(schema, key).or_else(|| free(schema));
        let shown = match (written.get(key), below) {
            (Some(value), _) => value.clone(),
            (None, Some(below)) => default(below),
            (None, None) => Value::Null,
        };
        if !shown.is_null() {
            entry(out, key, &shown, below, indent);
        }
    }
}

fn rank(key: &str) -> usize {
    let first = FIRST.iter().position(|known| *known == key);
    let last = LAST.iter().position(|known| *known == key);
    first.unwrap_or(FIRST.len() + last.map_or(0, |at| at + 1))
}

/// The schema of keys that have no name.
fn free(schema: &Value) -> Option<&Value> {
    let found = alternatives(schema).into_iter().find_map(|one| one.get("additionalProperties"));
    found.filter(|found| found.is_object())
}

/// What holds where nothing is written. Nothing is said of keys without an effect.
fn default(schema: &Value) -> Value {
    if schema.get("deprecated") == Some(&Value::Bool(true)) {
        return Value::Null;
    }
    match schema.get("default") {
        Some(value) if !is_hidden(schema) => value.clone(),
        // A group that is always there, with defaults of its own.
        None if schema.get("type") == Some(&Value::from("object")) && takes_group(schema) => {
            Value::Object(Map::new())
        }
        _ => Value::Null,
    }
}

fn entry(out: &mut String, key: &str, value: &Value, schema: Option<&Value>, indent: usize) {
    let margin = " ".repeat(indent);
    let name = quoted(key, QuoteStyle::Block);
    if schema.is_none_or(is_hidden) {
        lines(out, &[&margin, &name, ": ", DOTS, "\n"]);
        return;
    }
    let nothing = Value::Null;
    let below = schema.unwrap_or(&nothing);
    match value {
        Value::String(_) if is_template(key) && below.get("default") != Some(value) => {
            lines(out, &[&margin, &name, ": ", DOTS, "\n"]);
        }
        Value::Array(words) if is_command(key) && words.len() > 1 => {
            lines(out, &[&margin, &name, ":\n", &margin, "  - ", &plain(&words[0]), "\n"]);
            for _argument in &words[1..] {
                lines(out, &[&margin, "  - ", DOTS, "\n"]);
            }
        }
        Value::Object(keys) if takes_group(below) || !keys.is_empty() => {
            let mut inner = String::new();
            group(&mut inner, value, below, indent + 2);
            let open = if inner.is_empty() { " {}" } else { "" };
            lines(out, &[&margin, &name, ":", open, "\n", &inner]);
        }
        Value::Array(list) if !list.is_empty() => {
            lines(out, &[&margin, &name, ":\n"]);
            for one in list {
                item(out, one, items(below), indent + 2);
            }
        }
        Value::Array(_) => lines(out, &[&margin, &name, ": []\n"]),
        Value::Object(_) => lines(out, &[&margin, &name, ": {}\n"]),
        scalar => lines(out, &[&margin, &name, ": ", &plain(scalar), "\n"]),
    }
}

fn takes_group(schema: &Value) -> bool {
    alternatives(schema).into_iter().any(|one| takes(one, "object") && one.get("properties").is_some())
}

fn item(out: &mut String, value: &Value, schema: Option<&Value>, indent: usize) {
    let margin = " ".repeat(indent);
    if schema.is_none_or(is_hidden) {
        lines(out, &[&margin, "- ", DOTS, "\n"]);
        return;
    }
    let nothing = Value::Null;
    let mut inner = String::new();
    if value.is_object() {
        group(&mut inner, value, schema.unwrap_or(&nothing), indent + 2);
    }
    match inner.as_str() {
        "" if value.is_object() => lines(out, &[&margin, "- {}\n"]),
        "" => lines(out, &[&margin, "- ", &plain(value), "\n"]),
        inner => lines(out, &[&margin, "- ", inner.trim_start_matches(' ')]),
    }
}

fn lines(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
}

/// A scalar; what is none stands in one line.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(&without_login(text), QuoteStyle::Block),
        other => other.to_string(),
    }
}
