//! Writes into a text of TOML.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::addition::Addition;
use super::spot::ODD;

/// The text with the addition. The error says why it cannot be written, and continues a sentence.
pub(super) fn write(text: &str, addition: &Addition) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|_broken| ODD.to_owned())?;
    let Addition::Map(entries) = addition else { return Err(ODD.to_owned()) };
    add_all(document.as_table_mut(), entries)?;
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let written = document.to_string();
    Ok(if line_break == "\n" { written } else { written.replace("\r\n", "\n").replace('\n', line_break) })
}

fn add_all(table: &mut dyn TableLike, entries: &[(String, Addition)]) -> Result<(), String> {
    for (key, value) in entries {
        match table.get_mut(key) {
            Some(there) if !there.is_none() => add(there, value)?,
            _ => {
                table.insert(key, item(value));
            }
        }
    }
    Ok(())
}

fn add(there: &mut Item, addition: &Addition) -> Result<(), String> {
    match (there, addition) {
        (Item::Table(table), Addition::Map(entries)) => add_all(table, entries),
        (Item::ArrayOfTables(tables), Addition::List(items)) => {
            for item in items {
                tables.push(table(item));
            }
            Ok(())
        }
        (Item::ArrayOfTables(tables), Addition::At(index, inner)) => match (tables.get_mut(*index), &**inner)
        {
            (Some(table), Addition::Map(entries)) => add_all(table, entries),
            _ => Err("it stands in the environment, not in the file".to_owned()),
        },
        (Item::Value(value), addition) => add_value(value, addition),
        _ => Err(ODD.to_owned()),
    }
}

fn add_value(there: &mut Value, addition: &Addition) -> Result<(), String> {
    match (there, addition) {
        (Value::InlineTable(table), Addition::Map(entries)) => {
            for (key, value) in entries {
                match table.get_mut(key) {
                    Some(inner) => add_value(inner, value)?,
                    None => {
                        table.insert(key, inline(value));
                    }
                }
            }
            Ok(())
        }
        (Value::Array(array), Addition::List(items)) => {
            for item in items {
                array.push(inline(item));
            }
            Ok(())
        }
        (Value::Array(array), Addition::At(index, inner)) => match array.get_mut(*index) {
            Some(item) => add_value(item, inner),
            None => Err("it stands in the environment, not in the file".to_owned()),
        },
        (Value::String(text), Addition::Text(new)) if text.value() == new => Ok(()),
        (Value::String(text), Addition::Text(_)) => {
            Err(format!("something else stands there: {:?}", text.value()))
        }
        _ => Err(ODD.to_owned()),
    }
}

/// An addition under a heading of its own where it can have one.
fn item(addition: &Addition) -> Item {
    match addition {
        Addition::Map(entries) if entries.iter().all(|(_, value)| matches!(value, Addition::Text(_))) => {
            Item::Value(inline(addition))
        }
        Addition::Map(_) => {
            let mut table = table(addition);
            table.set_implicit(true);
            Item::Table(table)
        }
        Addition::List(items) if items.iter().all(|item| matches!(item, Addition::Map(_))) => {
            let mut tables = ArrayOfTables::new();
            for item in items {
                tables.push(table(item));
            }
            Item::ArrayOfTables(tables)
        }
        Addition::Text(_) | Addition::List(_) | Addition::At(..) => Item::Value(inline(addition)),
    }
}

fn table(addition: &Addition) -> Table {
    let mut table = Table::new();
    if let Addition::Map(entries) = addition {
        for (key, value) in entries {
            table.insert(key, item(value));
        }
    }
    table
}

fn inline(addition: &Addition) -> Value {
    match addition {
        Addition::Text(text) => Value::from(text.as_str()),
        Addition::Map(entries) => {
            let mut table = InlineTable::new();
            for (key, value) in entries {
                table.insert(key, inline(value));
            }
            Value::InlineTable(table)
        }
        Addition::List(items) => Value::Array(items.iter().map(inline).collect::<Array>()),
        Addition::At(_, inner) => inline(inner),
    }
}
