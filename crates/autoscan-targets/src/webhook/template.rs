//! A JSON body with places for what happened.

use autoscan_core::path::TargetPath;
use autoscan_core::ports::TargetScan;
use serde_json::{Value, json};

use crate::family::changes::ChangeJson;

/// What may stand between `{{` and `}}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Path,
    Folder,
    Paths,
    Event,
    Changes,
}

const PLACES: [(&str, Place); 5] = [
    ("path", Place::Path),
    ("folder", Place::Folder),
    ("paths", Place::Paths),
    ("event", Place::Event),
    ("changes", Place::Changes),
];

#[derive(Debug)]
enum Part {
    Text(String),
    /// A value of its own.
    Value(Place),
    /// A piece of a text in quotes.
    Piece(Place),
}

/// A body that was checked: for every scan it gives valid JSON.
#[derive(Debug)]
pub(super) struct Template(Vec<Part>);

impl Template {
    /// Reads a body as a person wrote it. The error is a sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let (mut rest, mut quotes) = (text, Quotes::default());
        while let Some((before, after)) = rest.split_once("{{") {
            let (word, behind) = after.split_once("}}").ok_or("`body`: a {{ is not closed by }}")?;
            quotes.pass(before);
            let place = place(word.trim())?;
            if quotes.open && matches!(place, Place::Paths | Place::Changes) {
                return Err(format!(
                    "`body`: {{{{{}}}}} is a list, so it cannot stand inside quotes: write it without them",
                    word.trim()
                ));
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(if quotes.open { Part::Piece(place) } else { Part::Value(place) });
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        let template = Self(parts);
        match serde_json::from_str::<serde::de::IgnoredAny>(&template.written(sample)) {
            Ok(_) => Ok(template),
            Err(error) => Err(format!(
                "`body` is no JSON once its places are filled in ({error}); write it such as {{\"path\": {{{{path}}}}}}"
            )),
        }
    }

    /// The body for a scan.
    pub(super) fn fill(&self, scan: &TargetScan) -> String {
        self.written(|place| value(place, scan))
    }

    fn written(&self, value: impl Fn(Place) -> Value) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value(place) => out.push_str(&value(*place).to_string()),
                Part::Piece(place) => out.push_str(without_quotes(&value(*place).to_string())),
            }
        }
        out
    }
}

/// A JSON text without the quotes around it.
fn without_quotes(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// Whether a place of the template lies inside the quotes of a JSON text.
#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

impl Quotes {
    fn pass(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                _ if self.escaped => self.escaped = false,
                '\\' if self.open => self.escaped = true,
                '"' => self.open = !self.open,
                _ => {}
            }
        }
    }
}

fn place(word: &str) -> Result<Place, String> {
    PLACES.into_iter().find(|(known, _)| *known == word).map(|(_, place)| place).ok_or_else(|| {
        let known = PLACES.map(|(known, _)| format!("{{{{{known}}}}}")).join(", ");
        format!("`body`: {{{{{word}}}}} is unknown; known are {known}")
    })
}

/// Values of the right type, to try a template with.
fn sample(place: Place) -> Value {
    match place {
        Place::Path | Place::Folder | Place::Event => json!("\"\\"),
        Place::Paths | Place::Changes => json!([]),
    }
}

fn value(place: Place, scan: &TargetScan) -> Value {
    let folder = scan.folder.as_str();
    match place {
        Place::Folder => json!(folder),
        Place::Path => json!(match scan.changes.as_slice() {
            [only] => only.path.as_str(),
            _ => folder,
        }),
        Place::Paths => scan.changes.iter().map(|change| TargetPath::as_str(&change.path)).collect(),
        Place::Changes => json!(scan.changes.iter().map(ChangeJson::of).collect::<Vec<_>>()),
        Place::Event => json!(event(scan)),
    }
}

/// What happened, where it is one thing.
fn event(scan: &TargetScan) -> &'static str {
    let mut kinds = scan.changes.iter().map(|change| change.kind.as_str());
    match kinds.next() {
        Some(first) if kinds.all(|kind| kind == first) => first,
        _ => "rescan",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use autoscan_core::change::Change;
    use proptest::prelude::*;

    fn path(text: &str) -> TargetPath {
        TargetPath::parse(text).unwrap()
    }

    fn scan(changes: Vec<Change<TargetPath>>) -> TargetScan {
        TargetScan { folder: path("/tv/S \"1\""), changes, companions: Vec::new() }
    }

    fn filled(template: &str, scan: &TargetScan) -> Value {
        serde_json::from_str(&Template::parse(template).unwrap().fill(scan)).unwrap()
    }

    #[test]
    fn places_are_filled_with_values_and_inside_quotes_with_pieces() {
        let one = scan(vec![Change::created(path("/tv/S \"1\"/a.mkv"))]);
        let body = filled(
            r#"{"path": {{path}}, "text": "Scan: {{ folder }} (\"{{event}}\")", "all": {"x": {{paths}}}}"#,
            &one,
        );
        assert_eq!(
            body,
            json!({"path": "/tv/S \"1\"/a.mkv", "text": "Scan: /tv/S \"1\" (\"created\")", "all": {"x": ["/tv/S \"1\"/a.mkv"]}})
        );
        let both = scan(vec![
            Change::created(path("/tv/S \"1\"/a.mkv")),
            Change::moved(path("/tv/b.mkv"), path("/tv/S \"1\"/b.mkv")),
        ]);
        assert_eq!(filled("[{{path}}, {{event}}]", &both), json!(["/tv/S \"1\"", "rescan"]));
        let changes = filled("{{changes}}", &both);
        assert_eq!((&changes[1]["kind"], &changes[1]["from"]), (&json!("moved"), &json!("/tv/b.mkv")));
        assert_eq!(filled("\"{{path}}{{event}}\"", &scan(Vec::new())), json!("/tv/S \"1\"rescan"));
        assert_eq!(filled("{}", &both), json!({}));
    }

    #[test]
    fn a_template_that_would_give_no_json_is_refused_in_a_sentence() {
        for (template, part) in [
            ("", "no JSON"),
            ("path={{path}}", "no JSON"),
            ("{\"a\": {{path}}", "no JSON"),
            ("{\"a\": {{file}}}", "{{file}} is unknown; known are {{path}}, {{folder}}"),
            ("{\"a\": {{path}", "not closed"),
            ("{\"a\": \"{{paths}}\"}", "is a list"),
        ] {
            let error = Template::parse(template).unwrap_err();
            assert!(error.contains(part), "{template}: {error}");
        }
    }

    proptest! {
        #[test]
        fn every_path_arrives_as_it_is(name in "[^/\\p{Cc}]{1,40}") {
            prop_assume!(name != "." && name != "..");
            let text = format!("/tv/{name}");
            let one = scan(vec![Change::created(path(&text))]);
            prop_assert_eq!(filled("{\"path\": {{path}}, \"in\": \"<{{path}}>\"}", &one), json!({"path": text.clone(), "in": format!("<{text}>")}));
        }
    }
}
