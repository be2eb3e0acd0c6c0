//! What is said of a key that is not known.

use serde_json::Value;

use super::fault::shown;
use super::schema::{alternatives, items};
use super::words::{did_you_mean, nearest};

/// The sentence about the unknown key at the end of `path`, where `known` are the keys that it could be.
pub(super) fn key<'a>(root: &Value, path: &[String], known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let (word, above) = path.split_last().map_or(("", path), |(word, above)| (word.as_str(), above));
    if let Some((before, _)) = word.split_once(':') {
        // What follows may be a secret: it is not shown.
        return format!("{} is not a known key: write a space after the colon", place(above, before));
    }
    let name = place(above, word);
    if let [section] = above
        && matches!(section.as_str(), "triggers" | "targets")
    {
        let kinds = known.join(", ");
        let near = did_you_mean(word, known.iter().copied());
        return format!("{name} is not a known kind: this version knows {kinds}{near}");
    }
    let mut elsewhere = Vec::new();
    find(root, word, &mut Vec::new(), &mut elsewhere);
    elsewhere.sort_by_key(|path| path.matches('.').count());
    let is_slip = nearest(word, known.iter().copied())
        .is_some_and(|near| near.eq_ignore_ascii_case(&word.replace('_', "-")));
    match elsewhere.as_slice() {
        [first, ..] if !is_slip => format!("{name} is not a known key here: it belongs to {first}"),
        _ => format!("{name} is not a known key{}", did_you_mean(word, known)),
    }
}

fn place(above: &[String], word: &str) -> String {
    let path: Vec<&str> = above.iter().map(String::as_str).chain([word]).collect();
    shown(&path.join("."))
}

/// Every place in the schema where a key of this name is known.
fn find(schema: &Value, word: &str, path: &mut Vec<String>, found: &mut Vec<String>) {
    for choice in alternatives(schema) {
        let properties = choice.get("properties").and_then(Value::as_object);
        for (key, below) in properties.into_iter().flatten() {
            path.push(key.clone());
            if key == word {
                found.push(path.join("."));
            }
            find(below, word, path, found);
            path.pop();
        }
    }
    if let Some(item) = items(schema) {
        path.push("0".to_owned());
        find(item, word, path, found);
        path.pop();
    }
}
