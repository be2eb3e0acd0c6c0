//! Whether a page is sound: every tag closed where it must be, every id there once, and nothing that points nowhere.

use std::collections::BTreeSet;

/// Elements that have no end.
const VOID: [&str; 8] = ["meta", "link", "input", "img", "br", "hr", "wbr", "!doctype"];
/// Attributes that name ids of the page.
const POINTS: [&str; 5] = ["for", "aria-labelledby", "aria-describedby", "aria-controls", "data-copy"];

/// A tag as it stands in a page.
struct Tag<'a> {
    name: String,
    attributes: Vec<(&'a str, &'a str)>,
    ends: bool,
    closes_itself: bool,
}

/// Panics with a sentence when the page is not sound.
pub(crate) fn check(page: &str) {
    let tags = tags(page);
    let mut open: Vec<&str> = Vec::new();
    for tag in &tags {
        if tag.ends {
            assert_eq!(
                open.pop(),
                Some(tag.name.as_str()),
                "a tag ends that is not the last one open: {page}"
            );
        } else if !VOID.contains(&tag.name.as_str()) && !tag.closes_itself {
            open.push(&tag.name);
        }
    }
    assert!(open.is_empty(), "{open:?} never end: {page}");
    let all = |wanted: &[&str]| -> Vec<String> {
        let pairs = tags.iter().flat_map(|tag| &tag.attributes).filter(|(name, _)| wanted.contains(name));
        pairs.flat_map(|(_, value)| value.split_whitespace()).map(str::to_owned).collect()
    };
    let ids = all(&["id"]);
    let known: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(known.len(), ids.len(), "an id is there twice: {ids:?}");
    for pointed in all(&POINTS) {
        assert!(known.contains(&pointed), "{pointed:?} points nowhere: {page}");
    }
    assert_eq!(tags.iter().filter(|tag| tag.name == "h1" && !tag.ends).count(), 1, "one h1: {page}");
    let inline = tags
        .iter()
        .flat_map(|tag| &tag.attributes)
        .find(|(name, _)| *name == "style" || name.starts_with("on"));
    assert_eq!(inline, None, "no inline style or script: {page}");
    for tag in tags
        .iter()
        .filter(|tag| !tag.ends)
        .filter(|tag| ["input", "select", "textarea"].contains(&tag.name.as_str()))
    {
        let value =
            |wanted: &str| tag.attributes.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        let is_labelled = value("type") == Some("hidden")
            || value("aria-label").is_some()
            || value("id").is_some_and(|id| page.contains(&format!("for=\"{id}\"")));
        assert!(is_labelled, "a field without a label, {:?}: {page}", tag.attributes);
    }
}

fn tags(page: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let end = end_of(after);
        tags.push(tag(&after[..end]));
        rest = &after[end + 1..];
    }
    tags
}

/// Where a tag ends: at the first `>` that stands in no value.
fn end_of(text: &str) -> usize {
    let mut quoted = false;
    let end = text.char_indices().find(|(_, each)| {
        quoted ^= *each == '"';
        assert!(*each != '<', "a < within a tag: {text}");
        *each == '>' && !quoted
    });
    end.map_or_else(|| panic!("a tag has no end: {text}"), |(at, _)| at)
}

fn tag(text: &str) -> Tag<'_> {
    let ends = text.starts_with('/');
    let text = text.trim_start_matches('/');
    let name_end = text.find(|each: char| each.is_whitespace() || each == '/').unwrap_or(text.len());
    let (name, mut rest) = text.split_at(name_end);
    assert!(!name.is_empty(), "a tag without a name: {text}");
    let mut attributes = Vec::new();
    while let Some(start) = rest.find(|each: char| each.is_alphabetic()) {
        rest = &rest[start..];
        let end =
            rest.find(|each: char| each.is_whitespace() || each == '=' || each == '/').unwrap_or(rest.len());
        let (attribute, after) = rest.split_at(end);
        let value = after.strip_prefix("=\"").map(|value| value.split('"').next().unwrap_or_default());
        assert!(value.is_some() || !after.starts_with('='), "a value without quotes: {text}");
        rest = value.map_or(after, |value| &after[value.len() + 3..]);
        attributes.push((attribute, value.unwrap_or_default()));
    }
    Tag { name: name.to_lowercase(), attributes, ends, closes_itself: text.ends_with('/') }
}

#[test]
fn a_page_that_is_not_sound_is_found() {
    let sound = "<!DOCTYPE html><main><h1 id=\"a\">a</h1><label for=\"b\">b</label><input id=\"b\"></main>";
    check(sound);
    for (part, instead) in [
        ("</main>", ""),
        ("</h1>", "</h2>"),
        ("id=\"b\"", "id=\"a\""),
        ("for=\"b\"", "for=\"c\""),
        ("<input id=\"b\">", "<input>"),
        ("id=\"b\"", "id=\"b\" onclick=\"x()\""),
        ("h1", "h3"),
    ] {
        let broken = sound.replace(part, instead);
        let caught = std::panic::catch_unwind(|| check(&broken));
        assert!(caught.is_err(), "{broken}");
    }
}
