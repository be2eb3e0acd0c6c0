//! What is different between two configs, in words: names of keys and of things, never values.

use std::collections::BTreeSet;

use serde_json::Value;

use super::loaded::Loaded;

/// What is read at the start only.
const ONLY_AT_THE_START: [&str; 5] = ["host", "port", "database", "tls", "log"];

impl Loaded {
    /// A sentence on what is different from `before`. `first` is the config of the start.
    pub(crate) fn differences(&self, before: &Self, first: &Self) -> String {
        let mut said = keys(&before.written.0, &self.written.0);
        for (noun, section) in [("trigger", "triggers"), ("target", "targets")] {
            said.extend(entries(noun, &before.entries(section), &self.entries(section)));
        }
        let what = if said.is_empty() { "nothing in it is different".to_owned() } else { said.join(", ") };
        let restart: String =
            self.needs_restart(first).iter().map(|key| format!(". {key}")).collect::<Vec<_>>().concat();
        format!("The config was read again: {what}{restart}")
    }

    /// What of it holds only after the next start, one sentence each. `first` is the config of the start.
    pub(crate) fn needs_restart(&self, first: &Self) -> Vec<String> {
        let (old, new) = (&first.written.0, &self.written.0);
        let changed = ONLY_AT_THE_START.iter().filter(|key| old.get(key) != new.get(key));
        changed.map(|key| format!("{key}: needs a restart")).collect()
    }

    /// The entries of a section by name, with what is written of each.
    fn entries(&self, section: &str) -> Vec<(&str, &Value)> {
        let places = if section == "triggers" { &self.triggers_at } else { &self.targets_at };
        let mut found: Vec<(&str, &Value)> = places
            .iter()
            .filter_map(|(name, (_, path))| {
                let entry =
                    path.split('.').try_fold(&self.written.0, |value, step| match step.parse::<usize>() {
                        Ok(index) => value.get(index),
                        Err(_word) => value.get(step),
                    })?;
                Some((name.as_str(), entry))
            })
            .collect();
        found.extend(
            self.written
                .0
                .get(section)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter_map(|(kind, value)| value.is_object().then_some((kind.as_str(), value))),
        );
        found.sort_by_key(|(name, _)| *name);
        found
    }
}

/// General keys that are different.
fn keys(before: &Value, after: &Value) -> Vec<String> {
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().into_iter().flat_map(|keys| keys.keys().cloned()).collect()
    };
    let all: BTreeSet<String> = &names(before) | &names(after);
    all.into_iter()
        .filter(|key| key != "triggers" && key != "targets" && !ONLY_AT_THE_START.contains(&key.as_str()))
        .filter(|key| before.get(key) != after.get(key))
        .map(|key| format!("{key} is different"))
        .collect()
}

fn entries(noun: &str, before: &[(&str, &Value)], after: &[(&str, &Value)]) -> Vec<String> {
    let find = |list: &[(&str, &Value)], name: &str| {
        list.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).clone())
    };
    let mut said = Vec::new();
    for (name, value) in after {
        match find(before, name) {
            None => said.push(format!("{noun} {name} is new")),
            Some(old) if old != **value => said.push(format!("{noun} {name} is different")),
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|(name, _)| find(after, name).is_none());
    said.extend(gone.map(|(name, _)| format!("{noun} {name} is gone")));
    said
}
