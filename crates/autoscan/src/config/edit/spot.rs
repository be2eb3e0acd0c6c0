//! Where everything of a YAML text stands, by bytes: what must be known to write into it without writing it anew.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceNode {
    /// From its first sign to its last; comments and blank lines behind it are not in it.
    pub(super) range: Range<usize>,
    pub(super) form: SourceForm,
    /// It has an anchor: what is written here is written wherever an alias stands for it.
    pub(super) is_shared: bool,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SourceForm {
    /// Nothing, or a word for nothing.
    Nothing,
    /// Text, a number or a boolean, as it is read.
    Scalar(String),
    /// An alias.
    Alias,
    /// A list; in brackets when it is `flow`.
    List { flow: bool, items: Vec<SourceNode> },
    /// A group of keys; in braces when it is `flow`.
    Map { flow: bool, pairs: Vec<Pair> },
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) key_at: Range<usize>,
    pub(super) value: SourceNode,
}

/// Why a text is not understood well enough to write into it.
pub(super) const ODD: &str = "the file is written in a way that autoscan can read, but not write into";

/// Reads the only document of a text that was read well before.
pub(super) fn read(text: &str) -> Result<SourceNode, String> {
    let mut bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    bytes.push(text.len());
    let mut reader = SourceReader { text, bytes, events: Parser::new_from_str(text) };
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (Event::StreamEnd, at) => {
                return Ok(SourceNode { range: at, form: SourceForm::Nothing, is_shared: false });
            }
            (event, at) => return reader.spot(event, at, 0),
        }
    }
}

struct SourceReader<'a> {
    text: &'a str,
    /// Where each character begins.
    bytes: Vec<usize>,
    events: Parser<'a, StrInput<'a>>,
}

impl<'a> SourceReader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), String> {
        match self.events.next() {
            Some(Ok((event, span))) => Ok((event, self.range(span))),
            _ => Err(ODD.to_owned()),
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        let byte = |index: usize| self.bytes.get(index).copied().unwrap_or(self.text.len());
        let (start, end) = (byte(span.start.index()), byte(span.end.index()));
        start..end.max(start)
    }

    /// `after` is where the key's colon or the item's dash ends: there stands what is empty.
    fn spot(&mut self, event: Event<'a>, at: Range<usize>, after: usize) -> Result<SourceNode, String> {
        match event {
            Event::Alias(_) => Ok(SourceNode { range: at, form: SourceForm::Alias, is_shared: true }),
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                let is_nothing = is_plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let range = if is_nothing && text.is_empty() { after..after } else { self.trimmed(at) };
                let form =
                    if is_nothing { SourceForm::Nothing } else { SourceForm::Scalar(text.into_owned()) };
                Ok(SourceNode { range, form, is_shared: anchor > 0 })
            }
            Event::SequenceStart(anchor, tag) => {
                let spot = self.list(at, after)?;
                Ok(SourceNode { is_shared: anchor > 0 || tag.is_some(), ..spot })
            }
            Event::MappingStart(anchor, tag) => {
                let spot = self.map(at)?;
                Ok(SourceNode { is_shared: anchor > 0 || tag.is_some(), ..spot })
            }
            _ => Err(ODD.to_owned()),
        }
    }

    /// A block of text ends with its last letter.
    fn trimmed(&self, at: Range<usize>) -> Range<usize> {
        let length = self.text.get(at.clone()).map_or(0, |text| text.trim_end().len());
        at.start..at.start + length
    }

    fn begins_with(&self, at: &Range<usize>, sign: char) -> bool {
        self.text.get(at.start..).is_some_and(|rest| rest.starts_with(sign))
    }

    /// Lines of dashes begin with the first dash behind `after`.
    fn list(&mut self, at: Range<usize>, after: usize) -> Result<SourceNode, String> {
        let flow = self.begins_with(&at, '[');
        let at = if flow { at } else { self.dash(after)? - 1..at.end };
        let (mut items, mut end) = (Vec::<SourceNode>::new(), at.start);
        loop {
            let (event, here) = self.next()?;
            if event == Event::SequenceEnd {
                let range = at.start..if flow { self.closed(&here, ']')? } else { end };
                return Ok(SourceNode { range, form: SourceForm::List { flow, items }, is_shared: false });
            }
            let after = if flow { here.start } else { self.dash(end)? };
            let item = self.spot(event, here, after)?;
            end = item.range.end;
            items.push(item);
        }
    }

    /// Where the bracket at `here` ends; the parser counts a comment behind it too.
    fn closed(&self, here: &Range<usize>, bracket: char) -> Result<usize, String> {
        let mut at = here.start;
        for line in self.text.get(here.start..).unwrap_or_default().split_inclusive('\n') {
            let written = line.trim_start_matches([' ', '\t', ',']);
            if written.starts_with(bracket) {
                return Ok(at + line.len() - written.len() + bracket.len_utf8());
            }
            if !written.trim_end().is_empty() && !written.starts_with('#') {
                break;
            }
            at += line.len();
        }
        Err(ODD.to_owned())
    }

    /// Where the next dash of a block list ends.
    fn dash(&self, from: usize) -> Result<usize, String> {
        let mut at = from;
        for line in self.text.get(from..).unwrap_or_default().split_inclusive('\n') {
            let written = line.trim_start();
            if written.starts_with('-') {
                return Ok(at + line.len() - written.len() + 1);
            }
            at += line.len();
        }
        Err(ODD.to_owned())
    }

    fn map(&mut self, at: Range<usize>) -> Result<SourceNode, String> {
        let flow = self.begins_with(&at, '{');
        let (mut pairs, mut end, mut start) = (Vec::<Pair>::new(), at.start, None);
        loop {
            let (event, key_at) = self.next()?;
            let key = match event {
                Event::MappingEnd => {
                    let range = if flow {
                        at.start..self.closed(&key_at, '}')?
                    } else {
                        start.unwrap_or(at.start)..end
                    };
                    return Ok(SourceNode { range, form: SourceForm::Map { flow, pairs }, is_shared: false });
                }
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(ODD.to_owned()),
            };
            start = start.or(Some(key_at.start));
            let after = self.colon(&key_at, flow)?;
            let (event, here) = self.next()?;
            let value = self.spot(event, here, after)?;
            end = value.range.end.max(after);
            pairs.push(Pair { key, key_at, value });
        }
    }

    /// Where the colon behind a key ends. In braces a key may stand without one.
    fn colon(&self, key: &Range<usize>, flow: bool) -> Result<usize, String> {
        let rest = self.text.get(key.end..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        match rest[blanks..].starts_with(':') {
            true => Ok(key.end + blanks + 1),
            false if flow => Ok(key.end),
            false => Err(ODD.to_owned()),
        }
    }
}
