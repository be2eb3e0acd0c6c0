//! YAML, by the events of its parser: values keep their place and their text.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use crate::config::fault::{ConfigFault, shown};
use crate::config::node::{ConfigEntry, ConfigNode, Content, Location, Origin};

/// Deeper nesting than this is refused.
const DEEPEST: usize = 64;

/// More values than this, aliases written out, are refused: a few lines of aliases can stand for billions.
const MOST_VALUES: usize = 50_000;

/// Reads one YAML document. None when it is broken; duplicate keys are faults, and the first counts. An empty document
/// is null.
pub(super) fn read(text: &str, origin: &Arc<Origin>, faults: &mut Vec<ConfigFault>) -> Option<ConfigNode> {
    let events = Parser::new_from_str(text);
    let mut reader = YamlReader { text, events, origin, anchors: HashMap::new(), values: 0, faults };
    match reader.document() {
        Ok(node) => Some(node),
        Err(fault) => {
            faults.push(fault);
            None
        }
    }
}

struct YamlReader<'a> {
    text: &'a str,
    events: Parser<'a, StrInput<'a>>,
    origin: &'a Arc<Origin>,
    anchors: HashMap<usize, ConfigNode>,
    values: usize,
    faults: &'a mut Vec<ConfigFault>,
}

/// A key before its map is complete.
struct YamlKey {
    text: String,
    place: Location,
    is_merge: bool,
}

impl<'a> YamlReader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Location), ConfigFault> {
        match self.events.next() {
            Some(Ok((event, span))) => Ok((event, self.place(span))),
            Some(Err(error)) => {
                Err(ConfigFault::at(&self.place_of(&error), format!("the YAML is broken: {}", error.info())))
            }
            None => Err(ConfigFault::at(&Location::whole(self.origin), "the YAML ends too early")),
        }
    }

    fn place(&self, span: Span) -> Location {
        Location::new(self.origin, span.start.line(), span.start.col() + 1)
    }

    /// Of a tab the parser tells only the beginning of the text that it was found in.
    fn place_of(&self, error: &ScanError) -> Location {
        let at = error.marker();
        let before = |count: usize| self.text.chars().take(count);
        let tab = self
            .text
            .chars()
            .skip(at.index())
            .position(|c| c == '\t')
            .filter(|_| error.info().ends_with("a tab"));
        match tab.map(|further| at.index() + further) {
            None => Location::new(self.origin, at.line(), at.col() + 1),
            Some(tab) => {
                let line = before(tab).filter(|c| *c == '\n').count() + 1;
                let line_start =
                    before(tab).enumerate().filter(|(_, c)| *c == '\n').last().map_or(0, |(at, _)| at + 1);
                Location::new(self.origin, line, tab - line_start + 1)
            }
        }
    }

    fn document(&mut self) -> Result<ConfigNode, ConfigFault> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, place) => return Ok(root.unwrap_or_else(|| ConfigNode::null(place))),
                (Event::StreamStart | Event::DocumentEnd | Event::Nothing, _) => {}
                (Event::DocumentStart(_), place) => {
                    if root.is_some() {
                        return Err(ConfigFault::at(
                            &place,
                            "a second YAML document begins: a config is one document",
                        ));
                    }
                    let (event, place) = self.next()?;
                    root = Some(self.node(event, place, 0)?);
                }
                (_, place) => return Err(ConfigFault::at(&place, "the YAML is broken")),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, place: Location, depth: usize) -> Result<ConfigNode, ConfigFault> {
        if depth > DEEPEST {
            return Err(ConfigFault::at(
                &place,
                format!("more than {DEEPEST} levels: no config is that deep"),
            ));
        }
        self.count(1, &place)?;
        let (anchor, node) = match event {
            Event::Alias(id) => return self.alias(id, &place),
            Event::Scalar(text, style, id, tag) => (id, scalar(&text, style, tag.as_deref(), place)),
            Event::SequenceStart(id, _) => (id, self.list(place, depth)?),
            Event::MappingStart(id, _) => (id, self.map(place, depth)?),
            _ => return Err(ConfigFault::at(&place, "the YAML is broken: a value is missing here")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn count(&mut self, values: usize, place: &Location) -> Result<(), ConfigFault> {
        self.values += values;
        if self.values > MOST_VALUES {
            return Err(ConfigFault::at(
                place,
                format!("more than {MOST_VALUES} values: no config is that long"),
            ));
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, place: &Location) -> Result<ConfigNode, ConfigFault> {
        let node = self.anchors.get(&id).cloned();
        let node =
            node.ok_or_else(|| ConfigFault::at(place, "the alias stands inside of what it stands for"))?;
        self.count(node.size(), place)?;
        Ok(node)
    }

    fn list(&mut self, place: Location, depth: usize) -> Result<ConfigNode, ConfigFault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(ConfigNode { place, content: Content::List(items) }),
                (event, at) => items.push(self.node(event, at, depth + 1)?),
            }
        }
    }

    fn map(&mut self, place: Location, depth: usize) -> Result<ConfigNode, ConfigFault> {
        let (mut entries, mut seen, mut merged) = (Vec::new(), HashSet::new(), Vec::new());
        loop {
            let (event, at) = self.next()?;
            let key = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, style, _, _) => YamlKey {
                    is_merge: style == ScalarStyle::Plain && text == "<<",
                    text: text.into_owned(),
                    place: at,
                },
                _ => return Err(ConfigFault::at(&at, "a key must be text")),
            };
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth + 1)?;
            if key.is_merge {
                merged.push(value);
            } else if seen.insert(key.text.clone()) {
                entries.push(ConfigEntry { key: key.text, place: key.place, value });
            } else {
                // What has no value may be a secret itself, after a slip in the punctuation.
                let name = if value.is_null() { "…".to_owned() } else { shown(&key.text) };
                let message = format!("the key {name:?} is written twice");
                self.faults.push(ConfigFault::at(&key.place, message));
            }
        }
        for value in merged {
            self.merge(&mut entries, &mut seen, value);
        }
        Ok(ConfigNode { place, content: Content::Map(entries) })
    }

    /// `<<`: the entries of another map, or of several, that are not written here themselves.
    fn merge(&mut self, entries: &mut Vec<ConfigEntry>, seen: &mut HashSet<String>, value: ConfigNode) {
        match value.content {
            Content::Map(others) => {
                entries.extend(others.into_iter().filter(|other| seen.insert(other.key.clone())));
            }
            Content::List(maps) if maps.iter().all(|map| matches!(map.content, Content::Map(_))) => {
                for map in maps {
                    self.merge(entries, seen, map);
                }
            }
            _ => self
                .faults
                .push(ConfigFault::at(&value.place, "<< must be a group of keys, or a list of them")),
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Location) -> ConfigNode {
    let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    let plain = style == ScalarStyle::Plain && !is_text;
    if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return ConfigNode::null(place);
    }
    ConfigNode { place, content: Content::Scalar { text: text.to_owned(), plain } }
}
