//! Writes into a text of YAML or JSON: lines come in, every other letter stays.

use std::ops::Range;

use super::addition::Addition;
use super::spot::{ODD, Pair, SourceForm, SourceNode};
use crate::config::quote::{QuoteStyle, quoted};

/// What is said where the text of one place stands for several.
const SHARED: &str =
    "the file uses anchors (&) or aliases (*) in that place, where one change would be several";

/// The text with the addition. The error says why it cannot be written, and continues a sentence.
pub(super) fn write(
    text: &str,
    root: &SourceNode,
    addition: &Addition,
    is_json: bool,
) -> Result<String, String> {
    let mut writer = YamlWriter { text, is_json, unit: unit(text, root), changes: Vec::new() };
    writer.add(root, &Surroundings::Nothing, addition)?;
    let YamlWriter { mut changes, .. } = writer;
    changes.sort_by_key(|change| change.at.start);
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut out = text.to_owned();
    for change in changes.into_iter().rev() {
        // Brackets around nothing and words for nothing may go; a comment never.
        if text[change.at.clone()].contains(['#', '\n']) {
            return Err(ODD.to_owned());
        }
        out.replace_range(change.at, &change.text.replace('\n', line_break));
    }
    Ok(out)
}

/// By how much the file indents: as its first group of keys does.
fn unit(text: &str, root: &SourceNode) -> usize {
    let SourceForm::Map { flow: false, pairs } = &root.form else { return 2 };
    let outer = column(text, root.range.start);
    let inner = pairs.iter().find_map(|pair| match &pair.value.form {
        SourceForm::Map { flow: false, .. } => column(text, pair.value.range.start).checked_sub(outer),
        _ => None,
    });
    inner.filter(|unit| (1..=8).contains(unit)).unwrap_or(2)
}

/// How many bytes stand before a place in its line.
fn column(text: &str, at: usize) -> usize {
    at - text[..at].rfind('\n').map_or(0, |end| end + 1)
}

/// What stands around a value.
enum Surroundings {
    /// Nothing: it is the whole document.
    Nothing,
    /// Brackets or braces.
    Flow,
    /// A group of keys on lines of their own, indented so far.
    Block(usize),
    /// A list with dashes.
    Dash,
}

struct TextEdit {
    at: Range<usize>,
    text: String,
}

struct YamlWriter<'a> {
    text: &'a str,
    is_json: bool,
    unit: usize,
    changes: Vec<TextEdit>,
}

impl YamlWriter<'_> {
    fn add(&mut self, spot: &SourceNode, around: &Surroundings, addition: &Addition) -> Result<(), String> {
        if spot.is_shared {
            return Err(SHARED.to_owned());
        }
        if let Surroundings::Block(indent) = around
            && is_empty(spot)
        {
            return self.instead(spot, *indent, addition);
        }
        match (&spot.form, addition) {
            (SourceForm::Nothing, _) if matches!(around, Surroundings::Flow) => {
                let blank = if spot.range.is_empty() { " " } else { "" };
                let text = format!("{blank}{}", self.flow(addition));
                self.changes.push(TextEdit { at: spot.range.clone(), text });
                Ok(())
            }
            (SourceForm::Map { flow, pairs }, Addition::Map(entries)) => {
                let new = self.add_to_pairs(*flow, pairs, entries)?;
                self.new_pairs(spot, around, &new)
            }
            (SourceForm::List { items, .. }, Addition::At(index, inner)) => {
                let item = items.get(*index).ok_or("it stands in the environment, not in the file")?;
                let is_flow = matches!(&spot.form, SourceForm::List { flow: true, .. });
                self.add(item, if is_flow { &Surroundings::Flow } else { &Surroundings::Dash }, inner)
            }
            (SourceForm::List { flow: true, items }, Addition::List(new)) => {
                let new: Vec<String> = new.iter().map(|item| self.flow(item)).collect();
                let first = items.first().map(|item| item.range.start);
                self.between(spot, first, items.last().map(|item| item.range.end), &new)
            }
            (SourceForm::List { flow: false, .. }, Addition::List(_)) => {
                let indent = self.spaces(spot.range.start)?;
                self.below(spot.range.end, indent, &self.lines(addition, indent), false);
                Ok(())
            }
            (SourceForm::Scalar(there), Addition::Text(new)) if there == new => Ok(()),
            (SourceForm::Scalar(there), Addition::Text(_)) => {
                Err(format!("something else stands there: {there:?}"))
            }
            (SourceForm::Nothing, Addition::At(..)) => {
                Err("it stands in the environment, not in the file".to_owned())
            }
            _ => Err(ODD.to_owned()),
        }
    }

    /// Adds to the values of keys that are there; answers the keys that are not.
    fn add_to_pairs(
        &mut self,
        flow: bool,
        pairs: &[Pair],
        entries: &[(String, Addition)],
    ) -> Result<Vec<(String, Addition)>, String> {
        let mut new = Vec::new();
        for (key, inner) in entries {
            let Some(pair) = pairs.iter().find(|pair| pair.key == *key) else {
                new.push((key.clone(), inner.clone()));
                continue;
            };
            let around = if flow { Surroundings::Flow } else { self.block_of(pair)? };
            self.add(&pair.value, &around, inner).map_err(|why| named(key, &why))?;
        }
        let takes_more_from_elsewhere = pairs.iter().any(|pair| pair.key == "<<");
        if takes_more_from_elsewhere && !new.is_empty() { Err(SHARED.to_owned()) } else { Ok(new) }
    }

    /// Puts more keys behind the last one.
    fn new_pairs(
        &mut self,
        spot: &SourceNode,
        around: &Surroundings,
        new: &[(String, Addition)],
    ) -> Result<(), String> {
        let SourceForm::Map { flow, pairs } = &spot.form else { return Err(ODD.to_owned()) };
        if new.is_empty() {
            return Ok(());
        }
        let first = pairs.first().map(|pair| pair.key_at.start);
        if *flow {
            let last = pairs.last().map(|pair| pair.value.range.end.max(pair.key_at.end));
            let new: Vec<String> = new.iter().map(|(key, inner)| self.pair(key, inner)).collect();
            return self.between(spot, first, last, &new);
        }
        let indent = self.indent(first.unwrap_or(spot.range.start))?;
        let lines = self.lines(&Addition::Map(new.to_vec()), indent);
        self.below(spot.range.end, indent, &lines, matches!(around, Surroundings::Nothing));
        Ok(())
    }

    /// Of a key that stands on a line of its own.
    fn block_of(&self, pair: &Pair) -> Result<Surroundings, String> {
        Ok(Surroundings::Block(self.indent(pair.key_at.start)?))
    }

    /// How far a key is indented; the dash of an item counts as a blank.
    fn indent(&self, at: usize) -> Result<usize, String> {
        let column = column(self.text, at);
        let is_blank = self.text[at - column..at].bytes().all(|sign| matches!(sign, b' ' | b'-'));
        is_blank.then_some(column).ok_or_else(|| ODD.to_owned())
    }

    /// How far a dash is indented.
    fn spaces(&self, at: usize) -> Result<usize, String> {
        let column = self.indent(at)?;
        self.text[at..].starts_with('-').then_some(column).ok_or_else(|| ODD.to_owned())
    }

    /// Takes the place of an empty value behind a key: on lines below it.
    fn instead(&mut self, spot: &SourceNode, indent: usize, addition: &Addition) -> Result<(), String> {
        if matches!(addition, Addition::At(..)) {
            return Err("it stands in the environment, not in the file".to_owned());
        }
        if self.text[spot.range.clone()].contains('\n') {
            return Err(ODD.to_owned());
        }
        let before = self.text[..spot.range.start].trim_end_matches([' ', '\t']).len();
        if !spot.range.is_empty() {
            self.changes.push(TextEdit { at: before..spot.range.end, text: String::new() });
        }
        let lines = self.lines(addition, indent + self.unit);
        self.insert(line_end(self.text, spot.range.end), &lines);
        Ok(())
    }

    /// Lines behind what ends at `end`, and behind the comments that belong to it: those that are indented further. At the
    /// root they come last of all.
    fn below(&mut self, end: usize, indent: usize, lines: &str, is_root: bool) {
        let mut at = line_end(self.text, end);
        if is_root {
            let rest = &self.text[at..];
            let stop = rest
                .split_inclusive('\n')
                .take_while(|line| !line.starts_with("..."))
                .map(str::len)
                .sum::<usize>();
            let to = at + stop;
            let is_blank = self.text[..to].lines().last().is_none_or(|line| line.trim().is_empty());
            let blank = if is_blank { "" } else { "\n" };
            self.insert(to, &format!("{blank}{lines}"));
            return;
        }
        for line in self.text[at..].split_inclusive('\n') {
            let written = line.trim_start_matches(' ');
            if !written.starts_with('#') || line.len() - written.len() <= indent {
                break;
            }
            at += line.len();
        }
        self.insert(at, lines);
    }

    /// Puts whole lines in at the beginning of a line, or behind the last one.
    fn insert(&mut self, at: usize, lines: &str) {
        let is_open = at == self.text.len() && !self.text.is_empty() && !self.text.ends_with('\n');
        let text = if is_open { format!("\n{}", lines.trim_end_matches('\n')) } else { lines.to_owned() };
        self.changes.push(TextEdit { at: at..at, text });
    }

    /// Puts more between the brackets of `spot`, whose present content begins and ends there.
    fn between(
        &mut self,
        spot: &SourceNode,
        first: Option<usize>,
        last: Option<usize>,
        new: &[String],
    ) -> Result<(), String> {
        let (Some(first), Some(last)) = (first, last) else {
            let open = &self.text[spot.range.start..=spot.range.start];
            let close = if open == "{" { "}" } else { "]" };
            let content = new.join(", ");
            let text =
                if open == "{" { format!("{{ {content} }}") } else { format!("{open}{content}{close}") };
            self.changes.push(TextEdit { at: spot.range.clone(), text });
            return Ok(());
        };
        let rest = self.text.get(last..spot.range.end).ok_or(ODD)?;
        let has_comma = rest.trim_start().starts_with(',');
        let comma_end = if has_comma { last + rest.len() - rest.trim_start().len() + 1 } else { last };
        let margin = column(self.text, first);
        let own_lines = self.text[first - margin..first].bytes().all(|sign| matches!(sign, b' ' | b'\t'));
        if !has_comma {
            self.changes.push(TextEdit { at: last..last, text: ",".to_owned() });
        }
        if own_lines && self.text[comma_end..spot.range.end].contains('\n') {
            let margin = &self.text[first - margin..first];
            let lines = new.join(&format!(",\n{margin}"));
            let at = line_end(self.text, comma_end);
            self.changes.push(TextEdit { at: at..at, text: format!("{margin}{lines}\n") });
        } else {
            let text = format!(" {}", new.join(", "));
            self.changes.push(TextEdit { at: comma_end..comma_end, text });
        }
        Ok(())
    }

    fn style(&self) -> QuoteStyle {
        if self.is_json { QuoteStyle::Json } else { QuoteStyle::Flow }
    }

    fn pair(&self, key: &str, value: &Addition) -> String {
        format!("{}: {}", quoted(key, self.style()), self.flow(value))
    }

    /// An addition in one line.
    fn flow(&self, addition: &Addition) -> String {
        match addition {
            Addition::Text(text) => quoted(text, self.style()),
            Addition::Map(entries) => {
                let pairs: Vec<String> = entries.iter().map(|(key, value)| self.pair(key, value)).collect();
                format!("{{ {} }}", pairs.join(", "))
            }
            Addition::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Addition::At(_, inner) => self.flow(inner),
        }
    }

    /// An addition on lines of its own, each with its break.
    fn lines(&self, addition: &Addition, indent: usize) -> String {
        let margin = " ".repeat(indent);
        let mut out = String::new();
        match addition {
            Addition::Text(text) => out = format!("{margin}{}\n", quoted(text, QuoteStyle::Block)),
            Addition::Map(entries) => {
                for (key, value) in entries {
                    out.push_str(&margin);
                    out.push_str(&quoted(key, QuoteStyle::Block));
                    match value {
                        Addition::Text(text) => {
                            out.push_str(": ");
                            out.push_str(&quoted(text, QuoteStyle::Block));
                            out.push('\n');
                        }
                        other => {
                            out.push_str(":\n");
                            out.push_str(&self.lines(other, indent + self.unit));
                        }
                    }
                }
            }
            Addition::List(items) => {
                for item in items {
                    let lines = self.lines(item, indent + 2);
                    out.push_str(&margin);
                    out.push_str("- ");
                    out.push_str(lines.trim_start_matches(' '));
                }
            }
            Addition::At(_, inner) => out = self.lines(inner, indent),
        }
        out
    }
}

fn named(key: &str, why: &str) -> String {
    if why.starts_with('`') || why == SHARED || why == ODD {
        why.to_owned()
    } else {
        format!("`{key}`: {why}")
    }
}

/// Whether nothing stands there, or brackets around nothing.
fn is_empty(spot: &SourceNode) -> bool {
    match &spot.form {
        SourceForm::Nothing => true,
        SourceForm::Map { pairs, .. } => pairs.is_empty(),
        SourceForm::List { items, .. } => items.is_empty(),
        SourceForm::Scalar(_) | SourceForm::Alias => false,
    }
}

/// Where the line of a place ends: behind its break.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}
