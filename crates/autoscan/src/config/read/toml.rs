//! TOML, with the place of every key and value.

use std::ops::Range;
use std::sync::Arc;

use toml_edit::{Document, Item, Key, TableLike, Value};

use crate::config::fault::ConfigFault;
use crate::config::node::{ConfigEntry, ConfigNode, Content, Location, Origin};

/// Reads a TOML document. None when it is broken.
pub(super) fn read(text: &str, origin: &Arc<Origin>, faults: &mut Vec<ConfigFault>) -> Option<ConfigNode> {
    let reader = TomlReader { text, origin };
    match Document::parse(text) {
        Ok(document) => Some(reader.table(document.as_table(), Location::new(origin, 1, 1))),
        Err(error) => {
            let message = format!("the TOML is broken: {}", error.message().replace('\n', ", "));
            faults.push(ConfigFault::at(&reader.place(error.span()), message));
            None
        }
    }
}

struct TomlReader<'a> {
    text: &'a str,
    origin: &'a Arc<Origin>,
}

impl TomlReader<'_> {
    fn place(&self, span: Option<Range<usize>>) -> Location {
        let Some(before) = span.and_then(|span| self.text.get(..span.start)) else {
            return Location::whole(self.origin);
        };
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        Location::new(self.origin, line, before[line_start..].chars().count() + 1)
    }

    fn table(&self, table: &dyn TableLike, place: Location) -> ConfigNode {
        let entries = table
            .iter()
            .map(|(name, item)| {
                let place = self.place(table.key(name).and_then(Key::span));
                ConfigEntry { key: name.to_owned(), value: self.item(item, &place), place }
            })
            .collect();
        ConfigNode { place, content: Content::Map(entries) }
    }

    /// `fallback` is the place of the key, for tables that are written only through their keys.
    fn item(&self, item: &Item, fallback: &Location) -> ConfigNode {
        let place =
            |span: Option<Range<usize>>| span.map_or_else(|| fallback.clone(), |span| self.place(Some(span)));
        match item {
            Item::None => ConfigNode::null(fallback.clone()),
            Item::Value(value) => self.value(value, place(value.span())),
            Item::Table(table) => self.table(table, place(table.span())),
            Item::ArrayOfTables(tables) => {
                let items = tables.iter().map(|table| self.table(table, place(table.span()))).collect();
                ConfigNode { place: place(tables.span()), content: Content::List(items) }
            }
        }
    }

    fn value(&self, value: &Value, place: Location) -> ConfigNode {
        let scalar = |text: String, plain| Content::Scalar { text, plain };
        let as_written = || value.span().and_then(|span| self.text.get(span)).unwrap_or_default().to_owned();
        let content = match value {
            Value::String(text) => scalar(text.value().clone(), false),
            Value::Integer(number) => scalar(number.value().to_string(), true),
            Value::Boolean(flag) => scalar(flag.value().to_string(), true),
            Value::Float(_) | Value::Datetime(_) => scalar(as_written(), true),
            Value::Array(array) => {
                Content::List(array.iter().map(|item| self.value(item, self.place(item.span()))).collect())
            }
            Value::InlineTable(table) => return self.table(table, place),
        };
        ConfigNode { place, content }
    }
}
