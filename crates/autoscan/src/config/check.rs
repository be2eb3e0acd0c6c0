//! Compares the tree with the schema, and finds everything that is wrong in one go. What is right is handed on as JSON.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Number, Value};

use super::fault::{ConfigFault, shown};
use super::formats;
use super::node::{ConfigEntry, ConfigNode, Content, Location, Origin};
use super::schema::{alternatives, is_secret, takes, takes_scalar};
use super::unknown;
use super::words::did_you_mean;

/// What came of the comparison.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Everything that fits the schema; what does not, or is not written, is left out.
    pub(super) value: Value,
    /// Everything that does not fit.
    pub(super) faults: Vec<ConfigFault>,
    /// What has no effect.
    pub(super) notes: Vec<String>,
    /// In what secrets are written.
    pub(super) secrets_in: BTreeSet<Arc<Origin>>,
}

/// Compares `tree` with `schema`.
pub(super) fn check(tree: &ConfigNode, schema: &Value) -> Checked {
    let mut checker = Checker { root: schema, path: Vec::new(), out: Checked::default() };
    let value = checker.node(tree, schema).unwrap_or_else(|| Value::Object(Map::new()));
    Checked { value, ..checker.out }
}

struct Checker<'a> {
    root: &'a Value,
    path: Vec<String>,
    out: Checked,
}

impl Checker<'_> {
    /// `what` continues the name of the key.
    fn fault(&mut self, place: &Location, what: &str) {
        let message = format!("{}{what}", self.key());
        self.out.faults.push(ConfigFault::at(place, message));
    }

    fn key(&self) -> String {
        if self.path.is_empty() { "the config".to_owned() } else { shown(&self.path.join(".")) }
    }

    fn node(&mut self, node: &ConfigNode, schema: &Value) -> Option<Value> {
        let choices = alternatives(schema);
        let fitting: Vec<&Value> = choices.iter().copied().filter(|choice| may_fit(node, choice)).collect();
        match fitting.as_slice() {
            [] => {
                let what = format!(" must be {}, not {}", wanted(&choices), found(node));
                self.fault(&node.place, &what);
                None
            }
            _ if fitting.iter().all(|choice| !words(choice).is_empty()) => self.word(node, &fitting),
            [one] => self.one(node, one),
            several => self.best(node, several),
        }
    }

    /// The first of several schemas that fits, or the faults of the one that fits best.
    fn best(&mut self, node: &ConfigNode, choices: &[&Value]) -> Option<Value> {
        let mut best: Option<(Option<Value>, Checked)> = None;
        for choice in choices {
            let mut attempt = Checker { root: self.root, path: self.path.clone(), out: Checked::default() };
            let value = attempt.one(node, choice);
            if best.as_ref().is_none_or(|(_, found)| attempt.out.faults.len() < found.faults.len()) {
                best = Some((value, attempt.out));
            }
        }
        let (value, found) = best?;
        self.out.faults.extend(found.faults);
        self.out.notes.extend(found.notes);
        self.out.secrets_in.extend(found.secrets_in);
        value
    }

    fn one(&mut self, node: &ConfigNode, schema: &Value) -> Option<Value> {
        match &node.content {
            Content::Null => None,
            Content::Scalar { text, plain } => self.scalar(node, text, *plain, schema),
            Content::List(items) => Some(Value::Array(self.list(items, schema))),
            Content::Map(entries) => Some(Value::Object(self.map(&node.place, entries, schema))),
        }
    }

    fn list(&mut self, items: &[ConfigNode], schema: &Value) -> Vec<Value> {
        let item_schema = schema.get("items").unwrap_or(&Value::Bool(true));
        let mut values = Vec::with_capacity(items.len());
        for (number, item) in items.iter().enumerate() {
            self.path.push(number.to_string());
            values.extend(self.node(item, item_schema));
            self.path.pop();
        }
        values
    }

    fn map(&mut self, place: &Location, entries: &[ConfigEntry], schema: &Value) -> Map<String, Value> {
        let mut values = Map::new();
        for entry in entries {
            self.path.push(entry.key.clone());
            if let Some(value) = self.entry(entry, schema) {
                values.insert(entry.key.clone(), value);
            }
            self.path.pop();
        }
        let is_written =
            |key: &&str| entries.iter().any(|entry| entry.key == **key && !entry.value.is_null());
        for key in
            required(schema).into_iter().filter(|key| !is_written(key)).chain(none_of(schema, is_written))
        {
            self.path.push(key.to_owned());
            self.fault(place, " is missing");
            self.path.pop();
        }
        values
    }

    fn entry(&mut self, entry: &ConfigEntry, schema: &Value) -> Option<Value> {
        let known = schema.get("properties").and_then(Value::as_object);
        if let Some(property) = known.and_then(|known| known.get(&entry.key)) {
            return self.known(entry, property);
        }
        if let Some(names) = schema.get("propertyNames").and_then(|names| names.get("format")?.as_str())
            && let Some(what) = formats::fault(names, &entry.key)
        {
            self.fault(&entry.place, &what);
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => {
                let near = known.into_iter().flat_map(Map::keys).map(String::as_str);
                let message = unknown::key(self.root, &self.path, !entry.value.is_null(), near);
                self.out.faults.push(ConfigFault::at(&entry.place, message));
                None
            }
            _ if entry.value.is_null() => None,
            free => self.node(&entry.value, free.unwrap_or(&Value::Bool(true))),
        }
    }

    fn known(&mut self, entry: &ConfigEntry, schema: &Value) -> Option<Value> {
        if entry.value.is_null() {
            return None;
        }
        if is_secret(schema) {
            self.out.secrets_in.insert(Arc::clone(&entry.value.place.origin));
        }
        let value = self.node(&entry.value, schema);
        if schema.get("deprecated") == Some(&Value::Bool(true)) {
            let why = schema.get("description").and_then(Value::as_str).unwrap_or_default();
            let note = format!("{}: {} has no effect here. {why}", entry.place, self.key());
            self.out.notes.push(note);
        }
        value
    }

    /// One of a few words.
    fn word(&mut self, node: &ConfigNode, choices: &[&Value]) -> Option<Value> {
        let text = node.text().unwrap_or_default();
        let known: Vec<&str> = choices.iter().flat_map(|choice| words(choice)).collect();
        if known.contains(&text) {
            return Some(Value::from(text));
        }
        let what = format!(
            ": {:?} is not one of {}{}",
            shown(text),
            known.join(", "),
            did_you_mean(text, known.iter().copied())
        );
        self.fault(&node.place, &what);
        None
    }

    fn scalar(&mut self, node: &ConfigNode, text: &str, plain: bool, schema: &Value) -> Option<Value> {
        let typed = plain.then(|| typed(text, schema)).flatten();
        if let Some(value) = typed {
            return self.in_range(node, value, schema);
        }
        if takes(schema, "string") || schema == &Value::Bool(true) {
            let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
            let Some(what) = formats::fault(format, text) else { return Some(Value::from(text)) };
            self.fault(&node.place, &what);
            return None;
        }
        let unquoted = if !plain && self::typed(text, schema).is_some() { ": remove the quotes" } else { "" };
        let what = format!(" must be {}, not {}{unquoted}", wanted(&[schema]), found(node));
        self.fault(&node.place, &what);
        None
    }

    fn in_range(&mut self, node: &ConfigNode, value: Value, schema: &Value) -> Option<Value> {
        let limit = |key: &str| schema.get(key).and_then(Value::as_f64);
        let Some(number) = value.as_f64() else { return Some(value) };
        if limit("minimum").is_some_and(|least| number < least)
            || limit("maximum").is_some_and(|most| number > most)
        {
            let show = |key: &str| schema.get(key).map(ToString::to_string);
            let what = match (show("minimum"), show("maximum")) {
                (Some(least), Some(most)) => format!(": {value} is not between {least} and {most}"),
                (Some(least), None) => format!(": {value} is less than {least}"),
                (_, most) => format!(": {value} is more than {}", most.unwrap_or_default()),
            };
            self.fault(&node.place, &what);
            return None;
        }
        Some(value)
    }
}

/// The keys that must be written.
fn required(schema: &Value) -> Vec<&str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The first of several keys of which one must be written, and none is.
fn none_of(schema: &Value, is_written: impl Fn(&&str) -> bool) -> Option<&str> {
    let choices = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    choices
        .filter_map(|choice| choice.get("anyOf")?.as_array())
        .map(|choice| choice.iter().flat_map(required).collect::<Vec<_>>())
        .find(|keys| !keys.iter().any(&is_written))
        .and_then(|keys| keys.first().copied())
}

/// The number or boolean that unquoted text is, where the schema wants one.
fn typed(text: &str, schema: &Value) -> Option<Value> {
    if takes(schema, "boolean") && matches!(text, "true" | "false" | "True" | "False" | "TRUE" | "FALSE") {
        return Some(Value::Bool(text.eq_ignore_ascii_case("true")));
    }
    let wants_number = takes(schema, "number");
    if (takes(schema, "integer") || wants_number)
        && let Ok(number) = text.parse::<i64>()
    {
        return Some(Value::from(number));
    }
    let number = text.parse::<f64>().ok().filter(|_| wants_number)?;
    Number::from_f64(number).map(Value::Number)
}

/// Whether a value of this shape can fit the schema at all.
fn may_fit(node: &ConfigNode, schema: &Value) -> bool {
    match &node.content {
        _ if schema == &Value::Bool(true) => true,
        Content::Null => false,
        Content::Scalar { .. } => takes_scalar(schema),
        Content::List(_) => takes(schema, "array"),
        Content::Map(_) => takes(schema, "object"),
    }
}

/// The words of an enumeration.
fn words(schema: &Value) -> Vec<&str> {
    let several = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    several.chain(schema.get("const")).filter_map(Value::as_str).collect()
}

fn wanted(choices: &[&Value]) -> String {
    let kinds = [
        ("object", "a group of keys"),
        ("array", "a list"),
        ("boolean", "true or false"),
        ("integer", "a whole number"),
        ("number", "a number"),
        ("string", "text"),
    ];
    let known = kinds.iter().filter(|(kind, _)| choices.iter().any(|choice| takes(choice, kind)));
    let names: Vec<&str> = known.map(|(_, name)| *name).collect();
    names.join(" or ")
}

fn found(node: &ConfigNode) -> &'static str {
    match &node.content {
        Content::Null => "empty",
        Content::List(_) => "a list",
        Content::Map(_) => "a group of keys",
        Content::Scalar { text, plain: true } if text.parse::<f64>().is_ok() => "a number",
        Content::Scalar { .. } => "text",
    }
}
