//! Files of settings, of any of the three languages, as one tree.

mod toml;
mod yaml;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::fault::{self, ConfigFault, shown_path};
use super::node::{ConfigNode, Location, Origin};

/// The endings of a config's name, in the order in which they are looked for.
pub(super) const ENDINGS: [&str; 4] = ["yml", "yaml", "toml", "json"];

/// A larger file is no config.
const LARGEST: u64 = 1 << 20;

/// The language of a file, by its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Yaml,
    Toml,
    Json,
}

impl Language {
    /// The language of `path`; the fault says which endings there are.
    pub(super) fn of(path: &Path) -> Result<Self, ConfigFault> {
        match path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase).as_deref() {
            Some("yml" | "yaml") => Ok(Self::Yaml),
            Some("toml") => Ok(Self::Toml),
            Some("json") => Ok(Self::Json),
            _ => Err(ConfigFault::general(format!(
                "{} must end in .yml, .yaml, .toml or .json, so that autoscan knows how to read it",
                shown_path(path)
            ))),
        }
    }
}

/// Reads the config at `path`, which is called `name` in faults. None when it is broken; the faults say why.
pub(super) fn file(path: &Path, name: &str, faults: &mut Vec<ConfigFault>) -> Option<ConfigNode> {
    // A file of an unknown kind is not even opened.
    let opened =
        Language::of(path).and_then(|_known| text_of(path, &Arc::new(Origin::File(name.to_owned()))));
    match opened {
        Ok(text) => self::text(path, name, &text, faults),
        Err(fault) => {
            faults.push(fault);
            None
        }
    }
}

/// Reads `text` as if it stood in the config at `path`.
pub(super) fn text(path: &Path, name: &str, text: &str, faults: &mut Vec<ConfigFault>) -> Option<ConfigNode> {
    let origin = Arc::new(Origin::File(name.to_owned()));
    let language = match Language::of(path) {
        Ok(language) => language,
        Err(fault) => {
            faults.push(fault);
            return None;
        }
    };
    let root = tree(language, text, &origin, faults)?;
    let holds_nothing = root.is_null() || (language == Language::Toml && root.entries().is_empty());
    if holds_nothing && faults.is_empty() {
        faults.push(ConfigFault::at(
            &Location::whole(&origin),
            "the config is empty: delete it, and \"autoscan serve\" writes one with every key explained",
        ));
        return None;
    }
    Some(root)
}

/// Reads the value of a variable: a list or a group of keys, as YAML in one line.
pub(super) fn inline(text: &str, origin: &Arc<Origin>, faults: &mut Vec<ConfigFault>) -> Option<ConfigNode> {
    yaml::read(text, origin, faults)
}

fn tree(
    language: Language,
    text: &str,
    origin: &Arc<Origin>,
    faults: &mut Vec<ConfigFault>,
) -> Option<ConfigNode> {
    match language {
        Language::Yaml => yaml::read(text, origin, faults),
        Language::Toml => toml::read(text, origin, faults),
        Language::Json => json(text, origin, faults),
    }
}

/// JSON has no reader that tells places, but it is YAML once it is known to be JSON: only tabs between values are not.
fn json(text: &str, origin: &Arc<Origin>, faults: &mut Vec<ConfigFault>) -> Option<ConfigNode> {
    if text.trim().is_empty() {
        return Some(ConfigNode::null(Location::whole(origin)));
    }
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        let place = Location::new(origin, error.line(), error.column());
        faults.push(ConfigFault::at(&place, format!("the JSON is broken: {what}")));
        return None;
    }
    yaml::read(&text.replace('\t', " "), origin, faults)
}

/// The text of a config file.
fn text_of(path: &Path, origin: &Arc<Origin>) -> Result<String, ConfigFault> {
    let whole = Location::whole(origin);
    if path.is_dir() {
        return Err(ConfigFault::at(&whole, fault::IS_A_FOLDER));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| ConfigFault::at(&whole, fault::why_unreadable(&error)))?;
    if bytes.len() as u64 > LARGEST {
        return Err(ConfigFault::at(&whole, "the file is larger than 1 MiB: this is no config of autoscan"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid =
            String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        let line = valid.matches('\n').count() + 1;
        let column = valid.chars().rev().take_while(|c| *c != '\n').count() + 1;
        ConfigFault::at(&Location::new(origin, line, column), "the file is not UTF-8: save it as UTF-8 text")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
