//! Hides what is secret in a text that is shown.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;
use toml_edit::{Document, Item, Value as TomlValue};

use super::spot::{self, SourceForm, SourceNode};
use crate::config::read::Language;
use crate::config::redact::{DOTS, is_command, is_hidden, is_template, without_login};
use crate::config::schema::{alternatives, items, property};

/// A shorter secret is hidden where it stands, and nowhere else: it may be part of a word.
const SHORTEST: usize = 4;

/// The text with dots where secrets stand, line by line the same. `also` are secrets that may stand anywhere.
pub(super) fn masked(
    text: &str,
    language: Language,
    schema: &Value,
    also: &[&str],
) -> Result<String, String> {
    let tree = match language {
        Language::Yaml => spot::read(text)?,
        Language::Json => spot::read(&text.replace('\t', " "))?,
        Language::Toml => toml(text)?,
    };
    let mut found = SecretFinder {
        text,
        ranges: Vec::new(),
        values: also.iter().map(|text| (*text).to_owned()).collect(),
    };
    found.look(&tree, Some(schema));
    let SecretFinder { mut ranges, values, .. } = found;
    ranges.sort_by_key(|(range, _)| range.start);
    let mut out = text.to_owned();
    for (range, shown) in ranges.into_iter().rev() {
        let shown = shown.unwrap_or_else(|| dots(&out[range.clone()]));
        out.replace_range(range, &shown);
    }
    for value in values.iter().filter(|value| value.len() >= SHORTEST && !value.contains('\n')) {
        out = out.replace(value.as_str(), DOTS);
    }
    let names = secret_names(schema);
    let lines: Vec<String> = out.split('\n').map(|line| comment(line, &names)).collect();
    Ok(lines.join("\n"))
}

struct SecretFinder<'a> {
    text: &'a str,
    /// Where secrets stand, and what is shown instead of other than dots.
    ranges: Vec<(Range<usize>, Option<String>)>,
    values: BTreeSet<String>,
}

impl SecretFinder<'_> {
    /// Hides a text or arguments in which secrets may stand, where they stand and nowhere else: they are made of common words.
    fn hides_as_written(&mut self, key: &str, value: &SourceNode) -> bool {
        match &value.form {
            SourceForm::Scalar(_) if is_template(key) => self.ranges.push((value.range.clone(), None)),
            SourceForm::List { items, .. } if is_command(key) => {
                let arguments = items.iter().skip(1).filter(|one| matches!(one.form, SourceForm::Scalar(_)));
                self.ranges.extend(arguments.map(|one| (one.range.clone(), None)));
            }
            _ => return false,
        }
        true
    }

    fn look(&mut self, spot: &SourceNode, schema: Option<&Value>) {
        match &spot.form {
            SourceForm::Scalar(value) if schema.is_none_or(is_hidden) => {
                self.values.insert(value.clone());
                self.ranges.push((spot.range.clone(), None));
            }
            SourceForm::Scalar(_) => {
                let written = &self.text[spot.range.clone()];
                let shown = without_login(written);
                if shown != written {
                    self.ranges.push((spot.range.clone(), Some(shown.into_owned())));
                }
            }
            SourceForm::List { items: found, .. } => {
                let below = schema.and_then(items);
                for item in found {
                    self.look(item, below);
                }
            }
            SourceForm::Map { pairs, .. } => {
                for pair in pairs {
                    if self.hides_as_written(&pair.key, &pair.value) {
                        continue;
                    }
                    let free = |schema: &'_ Value| {
                        alternatives(schema)
                            .into_iter()
                            .find_map(|one| one.get("additionalProperties"))
                            .cloned()
                    };
                    match schema.and_then(|schema| property(schema, &pair.key)) {
                        Some(below) => self.look(&pair.value, Some(below)),
                        None => self.look(&pair.value, schema.and_then(free).as_ref()),
                    }
                }
            }
            SourceForm::Nothing | SourceForm::Alias => {}
        }
    }
}

/// As many lines as the text has.
fn dots(text: &str) -> String {
    let line = |line: &str| {
        let margin = line.len() - line.trim_start().len();
        let end = if line.ends_with('\r') { "\r" } else { "" };
        format!("{}{DOTS}{end}", &line[..margin])
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// The names of all keys whose values are secret.
fn secret_names(schema: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    gather(schema, &mut names);
    names
}

fn gather(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(keys) => {
            for (name, below) in keys.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if is_hidden(below) || items(below).is_some_and(is_hidden) {
                    names.insert(name.clone());
                }
            }
            keys.values().for_each(|below| gather(below, names));
        }
        Value::Array(items) => items.iter().for_each(|below| gather(below, names)),
        _ => {}
    }
}

/// A line that is commented out may hold a secret of former times.
fn comment(line: &str, names: &BTreeSet<String>) -> String {
    let Some(at) = line.find('#') else { return line.to_owned() };
    let (code, note) = line.split_at(at);
    let mut shown = without_login(note).into_owned();
    for name in names {
        let mut from = 0;
        while let Some(found) = shown[from..].find(name.as_str()) {
            let end = from + found + name.len();
            let rest = shown[end..].trim_start_matches(['"', '\'', ' ']);
            let is_word =
                !shown[..from + found].ends_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_');
            from = end;
            if let Some(value) = rest.strip_prefix([':', '='])
                && is_word
                && !value.trim().is_empty()
                && !value.starts_with("//")
            {
                let cut = shown.len() - value.len();
                let carriage = if shown.ends_with('\r') { "\r" } else { "" };
                shown = format!("{} {DOTS}{carriage}", &shown[..cut]);
                break;
            }
        }
    }
    format!("{code}{shown}")
}

/// A TOML document as the same kind of tree.
fn toml(text: &str) -> Result<SourceNode, String> {
    let document = Document::parse(text).map_err(|_broken| spot::ODD.to_owned())?;
    Ok(item(document.as_item()))
}

fn at(range: Option<Range<usize>>, form: SourceForm) -> SourceNode {
    SourceNode { range: range.unwrap_or_default(), form, is_shared: false }
}

fn item(item: &Item) -> SourceNode {
    match item {
        Item::None => at(None, SourceForm::Nothing),
        Item::Value(value) => toml_value(value),
        Item::Table(table) => pairs(table.iter().map(|(key, item)| (key, self::item(item)))),
        Item::ArrayOfTables(tables) => {
            let tables =
                tables.iter().map(|table| pairs(table.iter().map(|(key, item)| (key, self::item(item)))));
            at(None, SourceForm::List { flow: false, items: tables.collect() })
        }
    }
}

fn toml_value(value: &TomlValue) -> SourceNode {
    match value {
        TomlValue::Array(array) => {
            at(None, SourceForm::List { flow: true, items: array.iter().map(toml_value).collect() })
        }
        TomlValue::InlineTable(table) => pairs(table.iter().map(|(key, value)| (key, toml_value(value)))),
        TomlValue::String(text) => at(value.span(), SourceForm::Scalar(text.value().clone())),
        _ => at(value.span(), SourceForm::Scalar(String::new())),
    }
}

fn pairs<'a>(entries: impl Iterator<Item = (&'a str, SourceNode)>) -> SourceNode {
    let pairs = entries.map(|(key, value)| spot::Pair { key: key.to_owned(), key_at: 0..0, value });
    at(None, SourceForm::Map { flow: true, pairs: pairs.collect() })
}
