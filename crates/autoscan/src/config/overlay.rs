//! `AUTOSCAN__SECTION__KEY`: variables laid over the tree of the config file.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::fault::{ConfigFault, shown};
use super::node::{ConfigEntry, ConfigNode, Content, Location};
use super::read;
use super::schema::{alternatives, is_secret, items, property, takes, takes_scalar};
use super::variables::{Variable, Variables};

const PREFIX: &str = "AUTOSCAN__";

/// One step down the tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum PathStep {
    /// Into a map.
    Key(String),
    /// Into a list.
    Item(usize),
}

/// Lays every `AUTOSCAN__…` variable over `tree`, those of `.env` first.
pub(super) fn lay(
    tree: &mut ConfigNode,
    schema: &Value,
    variables: &Variables,
    faults: &mut Vec<ConfigFault>,
) {
    for layer in variables.layers().rev() {
        let mut addressed: Vec<(Vec<NameSegment>, &Variable)> =
            layer.filter_map(|variable| Some((segments(&variable.name)?, variable))).collect();
        addressed.sort_by(|one, other| one.0.cmp(&other.0));
        let mut set: HashMap<Vec<PathStep>, &str> = HashMap::new();
        for (segments, variable) in addressed {
            let placed = place(tree, schema, &segments, variable, variables, faults);
            match placed {
                Err(what) => faults.push(ConfigFault::at(&variable.place, what)),
                Ok(steps) => {
                    if let Some(other) = set.insert(steps, &variable.name) {
                        let what = format!("{} sets the same key: keep one of the two", shown(other));
                        faults.push(ConfigFault::at(&variable.place, what));
                    }
                }
            }
        }
    }
}

/// Numbers sort as numbers, so that item 2 is there before item 10.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NameSegment {
    Number(usize),
    Word(String),
}

fn segments(name: &str) -> Option<Vec<NameSegment>> {
    let head = name.get(..PREFIX.len()).filter(|head| head.eq_ignore_ascii_case(PREFIX))?;
    let words = name[head.len()..].split("__").map(|part| {
        part.parse().map_or_else(
            |_word| NameSegment::Word(part.to_lowercase().replace('_', "-")),
            NameSegment::Number,
        )
    });
    Some(words.collect())
}

/// Writes one variable into the tree, and says where.
fn place(
    tree: &mut ConfigNode,
    schema: &Value,
    segments: &[NameSegment],
    variable: &Variable,
    variables: &Variables,
    faults: &mut Vec<ConfigFault>,
) -> Result<Vec<PathStep>, String> {
    let mut way = SchemaPath { node: Some(&*tree), schema: Some(schema), steps: Vec::new() };
    let mut from_file = false;
    for (number, segment) in segments.iter().enumerate() {
        let is_last = number + 1 == segments.len();
        from_file = is_last && way.names_secret_file(segment);
        match segment {
            NameSegment::Word(word) if from_file => way.word(word.strip_suffix("-file").unwrap_or(word)),
            NameSegment::Word(word) => way.word(word),
            NameSegment::Number(number) => way.number(*number)?,
        }
    }
    let SchemaPath { schema, steps, .. } = way;
    let value = if from_file {
        Some(ConfigNode::plain(
            variable.place.clone(),
            variables.content_of(variable).unwrap_or_else(|fault| {
                faults.push(fault);
                String::new()
            }),
        ))
    } else {
        value(schema, variable, faults)
    };
    if let Some(value) = value {
        put(tree, &steps, value)?;
    }
    Ok(steps)
}

/// How far a variable's name has led.
struct SchemaPath<'a> {
    node: Option<&'a ConfigNode>,
    schema: Option<&'a Value>,
    steps: Vec<PathStep>,
}

impl SchemaPath<'_> {
    /// Whether the segment is a secret's key with `_FILE` behind it.
    fn names_secret_file(&self, segment: &NameSegment) -> bool {
        let (NameSegment::Word(word), Some(schema)) = (segment, self.schema) else { return false };
        let within = items(schema).unwrap_or(schema);
        let secret = word.strip_suffix("-file").and_then(|key| property(within, key));
        property(within, word).is_none() && secret.is_some_and(is_secret)
    }

    /// A key; in a list, a key of its first item, or the name of an item.
    fn word(&mut self, word: &str) {
        let list = self.schema.filter(|schema| property(schema, word).is_none());
        if let Some(item) = list.and_then(items) {
            let named = if property(item, word).is_some() { None } else { self.item_named(word) };
            let index = named.unwrap_or(0);
            self.node = self.node.and_then(|node| node.items().get(index));
            self.schema = Some(item);
            self.steps.push(PathStep::Item(index));
            if named.is_some() {
                return;
            }
        }
        self.node = self.node.and_then(|node| node.get(word));
        self.schema = self.schema.and_then(|schema| {
            let free = || alternatives(schema).into_iter().find_map(|one| one.get("additionalProperties"));
            property(schema, word).or_else(free).filter(|schema| schema.is_object())
        });
        self.steps.push(PathStep::Key(word.to_owned()));
    }

    fn item_named(&self, word: &str) -> Option<usize> {
        let plain = |name: &str| name.to_lowercase().replace(['_', '.'], "-");
        self.node?.items().iter().position(|item| {
            item.get("name").and_then(ConfigNode::text).is_some_and(|name| plain(name) == plain(word))
        })
    }

    fn number(&mut self, number: usize) -> Result<(), String> {
        let Some(item) = self.schema.and_then(items) else {
            self.word(&number.to_string());
            return Ok(());
        };
        let there = self.node.map_or(0, |node| node.items().len());
        if number > there {
            return Err(format!("there is no item {number}: the list has {there}, and the first is 0"));
        }
        self.node = self.node.and_then(|node| node.items().get(number));
        self.schema = Some(item);
        self.steps.push(PathStep::Item(number));
        Ok(())
    }
}

/// What a variable's text stands for: a scalar; a list or group in YAML's brackets; or a list with commas.
fn value(schema: Option<&Value>, variable: &Variable, faults: &mut Vec<ConfigFault>) -> Option<ConfigNode> {
    let text = variable.value.as_str();
    let choices = schema.map(alternatives).unwrap_or_default();
    if choices.is_empty() || choices.iter().any(|one| takes_scalar(one)) {
        return Some(ConfigNode::plain(variable.place.clone(), text));
    }
    let is_list = choices.iter().any(|one| takes(one, "array"));
    if !is_list || text.starts_with(['[', '{']) {
        let mut broken = Vec::new();
        let node = read::inline(text, &Arc::clone(&variable.place.origin), &mut broken);
        faults.extend(broken);
        return node;
    }
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let items = items.map(|item| ConfigNode::plain(variable.place.clone(), item)).collect();
    Some(ConfigNode { place: variable.place.clone(), content: Content::List(items) })
}

/// What is written at the end of `steps`.
pub(super) fn peek<'a>(tree: &'a ConfigNode, steps: &[PathStep]) -> Option<&'a ConfigNode> {
    steps.iter().try_fold(tree, |node, step| match step {
        PathStep::Key(key) => node.get(key),
        PathStep::Item(index) => node.items().get(*index).filter(|item| !item.is_null()),
    })
}

/// Writes `value` at the end of `steps`; what is missing on the way is made.
pub(super) fn put(tree: &mut ConfigNode, steps: &[PathStep], value: ConfigNode) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        *tree = value;
        return Ok(());
    };
    let below = match step {
        PathStep::Key(key) => entry(tree, key, &value.place),
        PathStep::Item(index) => item(tree, *index, &value.place),
    };
    put(below.ok_or("the config file has something else in this place")?, rest, value)
}

fn entry<'a>(node: &'a mut ConfigNode, key: &str, place: &Location) -> Option<&'a mut ConfigNode> {
    if node.is_null() {
        *node = ConfigNode { place: place.clone(), content: Content::Map(Vec::new()) };
    }
    let Content::Map(entries) = &mut node.content else { return None };
    let at = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
        let value = ConfigNode::null(place.clone());
        entries.push(ConfigEntry { key: key.to_owned(), place: place.clone(), value });
        entries.len() - 1
    });
    Some(&mut entries[at].value)
}

fn item<'a>(node: &'a mut ConfigNode, index: usize, place: &Location) -> Option<&'a mut ConfigNode> {
    if node.is_null() {
        *node = ConfigNode { place: place.clone(), content: Content::List(Vec::new()) };
    }
    let Content::List(items) = &mut node.content else { return None };
    if index == items.len() {
        items.push(ConfigNode::null(place.clone()));
    }
    items.get_mut(index)
}
