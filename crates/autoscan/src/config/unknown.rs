//! What is said of a key that is not known.

use serde_json::Value;

use super::fault::shown;
use super::schema::{alternatives, items};
use super::words::{did_you_mean, nearest};

/// The sentence about the unknown key at the end of `path`, where `known` are the keys that it could be. What has no value
/// may be one itself, even a secret, after a slip in the punctuation: then it is not shown.
pub(super) fn key<'a>(
    root: &Value,
    path: &[String],
    has_value: bool,
    known: impl Iterator<Item = &'a str>,
) -> String {
    let known: Vec<&str> = known.collect();
    let (word, above) = path.split_last().map_or(("", path), |(word, above)| (word.as_str(), above));
    if let Some((before, _)) = word.split_once(':') {
        let name = if known.contains(&before) { before } else { "…" };
        return format!("{} is not a known key: write a space after the colon", place(above, name));
    }
    if !has_value || word.contains(char::is_whitespace) {
        let near = did_you_mean(word, known);
        return format!("{} is not a known key: write key: value{near}", place(above, "…"));
    }
    let name = place(above, word);
    if let [section] = above
        && matches!(section.as_str(), "triggers" | "targets")
    {
        let kinds = known.join(", ");
        let near = did_you_mean(word, known.iter().copied());
        return format!("{name} is not a known kind: this version knows {kinds}{near}");
    }
    let near = nearest(word, known.iter().copied());
    let is_slip = near.is_some_and(|near| near.eq_ignore_ascii_case(&word.replace('_', "-")));
    let elsewhere = if is_slip { String::new() } else { elsewhere(root, word) };
    if elsewhere.is_empty() {
        return format!("{name} is not a known key{}", did_you_mean(word, known));
    }
    format!("{name} is not a known key here: it belongs to {elsewhere}")
}

/// Where keys of this name are known, in words; empty where nowhere.
fn elsewhere(root: &Value, word: &str) -> String {
    let mut found = Vec::new();
    find(root, word, &mut Vec::new(), &mut found);
    let any_kind: Vec<Option<String>> = found.iter().map(|path| of_any_kind(path)).collect();
    let mut names: Vec<String> = Vec::new();
    for (path, general) in found.iter().zip(&any_kind) {
        let is_shared = any_kind.iter().filter(|other| *other == general).count() > 1;
        let name = general.clone().filter(|_| is_shared).unwrap_or_else(|| without_numbers(path));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.sort_by_key(|name| name.matches('.').count());
    names.truncate(3);
    names.join(" or ")
}

/// The place of a key that several kinds may have: `triggers.<kind>.name`.
fn of_any_kind(path: &[String]) -> Option<String> {
    let (section, below) =
        path.split_first().filter(|(section, _)| *section == "triggers" || *section == "targets")?;
    let keys: Vec<&str> = below.iter().skip(1).map(String::as_str).filter(|key| *key != "0").collect();
    Some(format!("{section}.<kind>.{}", keys.join(".")))
}

/// A place in words: an item of a list is like any other.
fn without_numbers(path: &[String]) -> String {
    path.iter().map(String::as_str).filter(|key| *key != "0").collect::<Vec<_>>().join(".")
}

fn place(above: &[String], word: &str) -> String {
    let path: Vec<&str> = above.iter().map(String::as_str).chain([word]).collect();
    shown(&path.join("."))
}

/// Every place in the schema where a key of this name is known.
fn find(schema: &Value, word: &str, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    for choice in alternatives(schema) {
        let properties = choice.get("properties").and_then(Value::as_object);
        for (key, below) in properties.into_iter().flatten() {
            path.push(key.clone());
            if key == word {
                found.push(path.clone());
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
