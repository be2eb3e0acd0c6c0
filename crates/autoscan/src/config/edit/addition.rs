//! What an edit adds, whatever the language of the file.

use autoscan_core::filter::pattern_of_folder;
use autoscan_core::path::LocalPath;
use autoscan_web::{Edit, MapOf, NewTarget};
use serde_json::{Map, Value, json};

use crate::config::loaded::Loaded;
use crate::config::schema::{KEY_NAMES, Kinds, own, property};

/// Something that is added to the config.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Addition {
    /// Text where nothing stands yet.
    Text(String),
    /// Keys of a group; those that are there already are added to.
    Map(Vec<(String, Addition)>),
    /// More items of a list.
    List(Vec<Addition>),
    /// Something is added to the item of a list that is there.
    At(usize, Box<Addition>),
}

impl Addition {
    fn key(key: &str, value: Self) -> Self {
        Self::Map(vec![(key.to_owned(), value)])
    }

    fn lines(lines: &[(String, String)]) -> Self {
        Self::Map(lines.iter().map(|(from, to)| (from.clone(), Self::Text(to.clone()))).collect())
    }
}

/// What `edit` adds to this config. The error is a sentence.
pub(super) fn of(edit: &Edit, loaded: &Loaded, kinds: &Kinds) -> Result<Addition, String> {
    match edit {
        Edit::AddTarget(target) => {
            let keys = target_keys(target, kinds)?;
            if loaded.settings.targets.iter().any(|known| known.name.as_str() == target.name) {
                return Err(format!(
                    "There is a target named {:?} already: choose another name",
                    target.name
                ));
            }
            Ok(Addition::key("targets", Addition::key(&target.kind, Addition::List(vec![keys]))))
        }
        Edit::AddMap { of, lines } => {
            if lines.is_empty() {
                return Err("No line of a map was given: there is nothing to change".to_owned());
            }
            let way = whose(of, loaded)?;
            Ok(way.around(Addition::key("map", Addition::lines(lines))))
        }
        Edit::Exclude { triggers, folder } => exclude(triggers, folder, loaded),
    }
}

/// A line for the `exclude` of each trigger that has none for the folder.
fn exclude(triggers: &[String], folder: &LocalPath, loaded: &Loaded) -> Result<Addition, String> {
    let pattern = pattern_of_folder(&folder.0);
    let mut kinds = Vec::new();
    for name in triggers {
        let way = whose(&MapOf::Trigger(name.clone()), loaded)?;
        let there = way.look(&loaded.written.0, "exclude").and_then(Value::as_array);
        if there.is_none_or(|there| !there.iter().any(|known| *known == pattern)) {
            let line = Addition::List(vec![Addition::Text(pattern.clone())]);
            kinds.push((way.kind.clone(), way.inside(Addition::key("exclude", line))));
        }
    }
    if kinds.is_empty() {
        return Err(format!("No trigger reports {:?} any more: there is nothing to change", folder.as_str()));
    }
    Ok(Addition::key("triggers", Addition::Map(kinds)))
}

/// The settings that only the kind of a new target has, as the config says them.
pub(crate) fn raw_settings(target: &NewTarget, kinds: &Kinds) -> Result<Value, String> {
    let mut keys = json!({ "url": target.url });
    if let Some(name) = key_name(target, kinds)? {
        keys[name] = Value::from(target.key.reveal());
    }
    Ok(keys)
}

fn target_keys(target: &NewTarget, kinds: &Kinds) -> Result<Addition, String> {
    let text = |text: &str| Addition::Text(text.to_owned());
    let mut keys = vec![("name".to_owned(), text(&target.name)), ("url".to_owned(), text(&target.url))];
    if let Some(name) = key_name(target, kinds)? {
        keys.push((name.to_owned(), text(target.key.reveal())));
    }
    if !target.map.is_empty() {
        keys.push(("map".to_owned(), Addition::lines(&target.map)));
    }
    Ok(Addition::Map(keys))
}

/// Under which name the key of a server stands in the config; none when it has none.
fn key_name(target: &NewTarget, kinds: &Kinds) -> Result<Option<&'static str>, String> {
    let kind = kinds.targets.iter().find(|kind| kind.name == target.kind);
    let kind = kind.ok_or_else(|| format!("There is no kind of target named {:?}", target.kind))?;
    let schema = own(kind);
    if property(&schema, "url").is_none() {
        return Err(format!(
            "A target of the kind {} is written into the config by hand: it is not reached by a URL alone",
            kind.name
        ));
    }
    if target.key.is_empty() {
        return Ok(None);
    }
    let names = KEY_NAMES.into_iter().chain(["password"]);
    let name = names.into_iter().find(|name| property(&schema, name).is_some());
    name.map(Some).ok_or_else(|| format!("A target of the kind {} has no key", kind.name))
}

/// Where an entry of a section stands.
pub(super) struct KeyPath {
    section: &'static str,
    kind: String,
    /// None for the kind of which there is only one.
    index: Option<usize>,
}

impl KeyPath {
    fn around(self, inner: Addition) -> Addition {
        let (section, kind) = (self.section, self.kind.clone());
        Addition::key(section, Addition::key(&kind, self.inside(inner)))
    }

    /// The same, seen from the key of its kind.
    fn inside(self, inner: Addition) -> Addition {
        match self.index {
            Some(index) => Addition::At(index, Box::new(inner)),
            None => inner,
        }
    }

    /// What `key` of this entry says.
    pub(super) fn look<'a>(&self, written: &'a Value, key: &str) -> Option<&'a Value> {
        let entry = written.get(self.section)?.get(&self.kind)?;
        self.index.map_or(Some(entry), |index| entry.get(index))?.get(key)
    }

    /// The variable of the environment that sets `key` of this entry.
    pub(super) fn variable(&self, key: &str) -> String {
        let index = self.index.map(|index| format!("__{index}")).unwrap_or_default();
        variable(&format!("{}__{}{index}__{key}", self.section, self.kind))
    }
}

/// A variable's name: of `targets__plex__0__api-key`.
pub(super) fn variable(path: &str) -> String {
    format!("AUTOSCAN__{}", path.to_ascii_uppercase().replace('-', "_"))
}

/// Where the trigger or target stands of which a map is added to.
pub(super) fn whose(of: &MapOf, loaded: &Loaded) -> Result<KeyPath, String> {
    let (section, name, written) = match of {
        MapOf::Trigger(name) => ("triggers", name, loaded.triggers_at.get(name)),
        MapOf::Target(name) => ("targets", name, loaded.targets_at.get(name)),
    };
    let Some((_, path)) = written else {
        let single = loaded.settings.triggers.iter().find(|trigger| trigger.name.as_str() == name);
        return match single {
            Some(trigger) if section == "triggers" && trigger.kind == name => {
                Ok(KeyPath { section, kind: name.clone(), index: None })
            }
            _ => Err(format!("There is no {} named {name:?} in the config", section.trim_end_matches('s'))),
        };
    };
    let mut parts = path.split('.').skip(1);
    let kind = parts.next().unwrap_or_default().to_owned();
    Ok(KeyPath { section, kind, index: parts.next().and_then(|index| index.parse().ok()) })
}

/// Adds to a config as JSON: what a config must say after an edit.
pub(super) fn add(value: &mut Value, addition: &Addition) {
    match addition {
        Addition::Text(text) => *value = Value::from(text.as_str()),
        Addition::Map(entries) => {
            let mut keys = match value.take() {
                Value::Object(keys) => keys,
                _ => Map::new(),
            };
            for (key, inner) in entries {
                add(keys.entry(key.clone()).or_insert(Value::Null), inner);
            }
            *value = Value::Object(keys);
        }
        Addition::List(new) => {
            let mut items = match value.take() {
                Value::Array(items) => items,
                _ => Vec::new(),
            };
            for item in new {
                let mut written = Value::Null;
                add(&mut written, item);
                items.push(written);
            }
            *value = Value::Array(items);
        }
        Addition::At(index, inner) => {
            if let Some(there) = value.get_mut(*index) {
                add(there, inner);
            }
        }
    }
}
