//! How a pretend Plex writes a container as XML, which is what everybody gets who does not ask for JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The container as a document: what is plain becomes an attribute, everything else an element of its own.
pub(super) fn document(container: &Value) -> String {
    let mut document = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    if let Some(container) = container.as_object() {
        element(&mut document, "MediaContainer", container);
    }
    document
}

fn element(document: &mut String, name: &str, fields: &Map<String, Value>) {
    document.push('<');
    document.push_str(name);
    for (field, value) in fields {
        if let Some(text) = plain(value) {
            // Writing to a string does not fail.
            let _ = write!(document, " {field}=\"{}\"", escaped(&text));
        }
    }
    document.push('>');
    for (field, value) in fields {
        let entries = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for entry in entries.iter().filter_map(Value::as_object) {
            element(document, tag(field, entry), entry);
        }
    }
    let _ = write!(document, "</{name}>");
}

/// In JSON all items are `Metadata`; in XML their tag says what they are.
fn tag<'a>(field: &'a str, entry: &Map<String, Value>) -> &'a str {
    if field != "Metadata" {
        return field;
    }
    match entry.get("type").and_then(Value::as_str) {
        Some("movie" | "episode" | "clip") => "Video",
        Some("track") => "Track",
        Some("photo") => "Photo",
        _ => "Directory",
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\n', "&#10;")
        .replace('\t', "&#9;")
        .replace('\r', "&#13;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_attributes_and_items_are_named_by_what_they_are() {
        let container = json!({
            "size": 2,
            "allowSync": false,
            "Metadata": [
                {"type": "movie", "title": "Tom & \"Jerry\"", "Media": [{"Part": [{"size": 7}]}]},
                {"type": "show", "Guid": []},
            ],
        });

        assert_eq!(
            document(&container).lines().nth(1).unwrap(),
            "<MediaContainer allowSync=\"0\" size=\"2\">\
             <Video title=\"Tom &amp; &quot;Jerry&quot;\" type=\"movie\"><Media><Part size=\"7\"></Part></Media></Video>\
             <Directory type=\"show\"></Directory></MediaContainer>"
        );
    }
}
