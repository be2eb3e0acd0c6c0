//! The schema of the whole config: the general keys, and under `triggers` and `targets` every kind with the keys that all
//! kinds share wrapped around its own.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::shape::{ConfigShape, TriggerKeys};
use super::target_shape::TargetKeys;

/// A kind of trigger or target, as far as the config must know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KindSchema {
    /// Its name in the config: `sonarr`.
    pub(crate) name: &'static str,
    /// The schema of the settings that only this kind has: an object.
    pub(crate) settings: fn(&mut SchemaGenerator) -> Schema,
}

impl KindSchema {
    /// Whether there is exactly one of it, always, written as a group of keys and not as a list.
    pub(super) fn is_single(&self) -> bool {
        self.name == SINGLE
    }

    /// What settings of this kind prove who asks by: a `login`, a `password` alone, or a `key`, which a token is too; none when they hold
    /// nothing of that. What stands in a URL is none of it: it may be a proxy's.
    pub(crate) fn credential(&self, settings: &Value) -> Option<&'static str> {
        let schema = own(self);
        let secret = |(key, value): &(&String, &Value)| {
            *key != "url" && !value.is_null() && property(&schema, key).is_some_and(is_secret)
        };
        let (key, _) = settings.as_object()?.iter().find(secret)?;
        Some(match key.as_str() {
            "password" if property(&schema, "username").is_some() => "login",
            "password" => "password",
            _ => "key",
        })
    }
}

/// The kind for people and scripts: there is nothing to tell two of it apart.
const SINGLE: &str = "manual";

/// Every kind there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinds {
    /// Kinds of triggers.
    pub(crate) triggers: Vec<KindSchema>,
    /// Kinds of targets.
    pub(crate) targets: Vec<KindSchema>,
}

/// The priority of the one trigger that people use: they wait for the answer.
pub(super) const SINGLE_PRIORITY: i64 = 5;

/// The JSON Schema of the config.
pub(crate) fn schema(kinds: &Kinds) -> Value {
    schema_of(kinds, |_kind| true)
}

/// The same with the settings of only those kinds of targets that are `drawn`; of the others no more than their names.
pub(super) fn schema_of(kinds: &Kinds, drawn: impl Fn(&str) -> bool) -> Value {
    let mut root = general();
    let triggers = section(&kinds.triggers, &common::<TriggerKeys>(), "Sources of changes.", |_kind| true);
    let mut targets = section(&kinds.targets, &common::<TargetKeys>(), "Servers that are told.", drawn);
    need_a_key(&mut targets);
    if let Some(properties) = root.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("triggers".to_owned(), triggers);
        properties.insert("targets".to_owned(), targets);
    }
    root
}

/// The format of every key that is called `url`, whatever its kind says of it.
const URL: &str = "uri";

/// The general keys alone.
pub(super) fn general() -> Value {
    let mut root = generator().into_root_schema_for::<ConfigShape>().to_value();
    root["title"] = json!("autoscan");
    close(&mut root);
    root
}

/// The keys that all kinds of a section share.
pub(super) fn common<T: JsonSchema>() -> Value {
    let mut schema = T::json_schema(&mut generator()).to_value();
    close(&mut schema);
    schema
}

/// The keys that only this kind has.
pub(super) fn own(kind: &KindSchema) -> Value {
    let mut schema = (kind.settings)(&mut generator()).to_value();
    close(&mut schema);
    schema
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator()
}

fn section(kinds: &[KindSchema], common: &Value, description: &str, drawn: impl Fn(&str) -> bool) -> Value {
    let properties: Map<String, Value> = kinds
        .iter()
        .map(|kind| {
            if !drawn(kind.name) {
                return (kind.name.to_owned(), json!({ "type": ["array", "null"] }));
            }
            let one = wrapped(kind, common);
            if kind.is_single() {
                return (kind.name.to_owned(), one);
            }
            // Put in, not written into `json!`, which would copy it by serialising.
            let mut list = json!({ "type": ["array", "null"] });
            list["items"] = one;
            (kind.name.to_owned(), list)
        })
        .collect();
    let mut section =
        json!({ "type": ["object", "null"], "description": description, "additionalProperties": false });
    section["properties"] = Value::Object(properties);
    section
}

/// A target whose key has two names needs it under one of them.
fn need_a_key(targets: &mut Value) {
    for kind in targets["properties"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        let Some(one) = kind.get_mut("items") else { continue };
        if KEY_NAMES.iter().all(|name| one["properties"].get(name).is_some()) {
            let either = KEY_NAMES.map(|name| json!({ "required": [name] }));
            one["allOf"] = json!([{ "anyOf": either }]);
        }
    }
}

/// The names of a server's key.
pub(super) const KEY_NAMES: [&str; 2] = ["api-key", "token"];

/// A kind's schema with the common keys around it.
fn wrapped(kind: &KindSchema, common: &Value) -> Value {
    let mut one = own(kind);
    let mut properties = one["properties"].as_object().cloned().unwrap_or_default();
    properties.extend(common["properties"].as_object().cloned().unwrap_or_default());
    if kind.is_single() {
        properties.remove("name");
        if let Some(priority) = properties.get_mut("priority") {
            priority["default"] = json!(SINGLE_PRIORITY);
        }
    }
    one["type"] = json!("object");
    one["additionalProperties"] = json!(false);
    one["properties"] = Value::Object(properties);
    if let Some(schema) = one.as_object_mut() {
        schema.remove("title");
    }
    one
}

/// Refuses unknown keys wherever the known ones are listed, and values of `url` that are none.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(keys) => {
            if keys.contains_key("properties") && !keys.contains_key("additionalProperties") {
                keys.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            if let Some(url) = keys.get_mut("properties").and_then(|known| known.get_mut("url"))
                && takes(url, "string")
                && url.get("format").is_none()
            {
                url["format"] = json!(URL);
            }
            keys.values_mut().for_each(close);
        }
        _ => {}
    }
}

/// The schemas of which a value may fit any: `anyOf` and `oneOf` written out. Nothing (`null`) is never listed: it counts
/// as not written.
pub(super) fn alternatives(schema: &Value) -> Vec<&Value> {
    let choices = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key)).and_then(Value::as_array);
    match choices {
        Some(choices) => choices.iter().flat_map(alternatives).collect(),
        None if schema.get("type") == Some(&json!("null")) => Vec::new(),
        None => vec![schema],
    }
}

/// Whether the schema takes values of this JSON type.
pub(super) fn takes(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    }
}

/// Whether the schema takes a scalar.
pub(super) fn takes_scalar(schema: &Value) -> bool {
    schema.get("const").is_some()
        || schema.get("enum").is_some()
        || ["string", "integer", "number", "boolean"].iter().any(|kind| takes(schema, kind))
}

/// The schema of a key, in any of the alternatives.
pub(super) fn property<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    alternatives(schema).into_iter().find_map(|schema| schema.get("properties")?.get(key))
}

/// The schema of a list's items, in any of the alternatives.
pub(super) fn items(schema: &Value) -> Option<&Value> {
    alternatives(schema).into_iter().find_map(|schema| schema.get("items"))
}

/// Whether a value is secret, by its schema.
pub(super) fn is_secret(schema: &Value) -> bool {
    alternatives(schema).iter().any(|schema| schema.get("format") == Some(&json!("secret")))
}
