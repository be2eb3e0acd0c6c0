//! Changes to the config's file that keep its comments and its order: lines are written into it, and nothing is written
//! anew. What comes out is loaded as a config first, and must say what the old one said and what was added: what fails that is
//! not written.

mod addition;
mod diff;
mod file;
mod mask;
mod spot;
mod toml;
mod yaml;

use std::path::Path;

use autoscan_core::filter::pattern_of_folder;
use autoscan_core::path::LocalPath;
use autoscan_web::{Edit, MapOf, Proposal};
use serde_json::Value;

pub(crate) use addition::raw_settings;

use super::fault::shown_path;
use super::find::FoundConfig;
use super::load::{Purpose, load_found};
use super::loaded::Loaded;
use super::read::Language;
use super::schema::{Kinds, schema};
use super::sources::Sources;

/// An edit, ready to be written.
pub(crate) struct Composed {
    /// What a person is shown.
    pub(crate) proposal: Proposal,
    /// What the config would say.
    pub(crate) loaded: Loaded,
    kept: file::ConfigFile,
    text: String,
}

impl Composed {
    /// Writes it. The error is a sentence; the file is as it was then.
    pub(crate) fn write(&self) -> Result<(), String> {
        file::replace(&self.kept, &self.text)
    }

    /// Takes it back, as long as nobody else wrote meanwhile.
    pub(crate) fn take_back(&self) -> Result<(), String> {
        let now = file::read(&self.kept.path)?;
        if now.text == self.text {
            return file::replace(&self.kept, &self.kept.text);
        }
        Err(format!("{} was changed meanwhile and is left as it is", shown_path(&self.kept.path)))
    }
}

/// Makes of an edit what would be written into the file of the running config. The error is a sentence.
pub(crate) fn compose(edit: &Edit, running: &Loaded, kinds: &Kinds) -> Result<Composed, String> {
    let sources = &running.sources;
    let Some(path) = &running.path else { return Err(by_variables(edit, running, kinds)) };
    let kept = file::read(path)?;
    let language = Language::of(path).map_err(|fault| fault.to_string())?;
    let before = load(path, &kept.text, sources, kinds)
        .map_err(|faults| format!("{} has faults now: mend them first. {faults}", shown_path(path)))?;
    let addition = addition::of(edit, &before, kinds)?;
    let by_hand =
        |why: String| format!("{} is left as it is, because {why}: change it by hand", shown_path(path));
    let text = match language {
        Language::Toml => toml::write(&kept.text, &addition),
        Language::Yaml => {
            spot::read(&kept.text).and_then(|root| yaml::write(&kept.text, &root, &addition, false))
        }
        Language::Json => spot::read(&kept.text.replace('\t', " "))
            .and_then(|root| yaml::write(&kept.text, &root, &addition, true)),
    };
    let text = text.map_err(by_hand)?;
    let loaded = load(path, &text, sources, kinds)
        .map_err(|faults| format!("With this the config would be wrong, so nothing is changed. {faults}"))?;
    let mut wanted = before.written.0.clone();
    addition::add(&mut wanted, &addition);
    if loaded.written.0 != wanted || !keeps_names(&before, &loaded) {
        return Err(by_hand("the change would change other settings too".to_owned()));
    }
    let schema = schema(kinds);
    let key = match edit {
        Edit::AddTarget(target) => target.key.reveal(),
        Edit::AddMap { .. } | Edit::Exclude { .. } => "",
    };
    let show = |text: &str| mask::masked(text, language, &schema, &[key]);
    let diff = diff::diff(&kept.text, &text, &show(&kept.text)?, &show(&text)?);
    let proposal = Proposal { file: shown_path(path), diff, basis: kept.basis.clone() };
    Ok(Composed { proposal, loaded, kept, text })
}

fn load(path: &Path, text: &str, sources: &Sources, kinds: &Kinds) -> Result<Loaded, String> {
    let found = FoundConfig::Text { path: path.to_owned(), text: text.to_owned() };
    load_found(&found, sources, kinds, Purpose::Look).map_err(|faults| faults.to_string())
}

/// Whether every target is still called as before.
fn keeps_names(before: &Loaded, after: &Loaded) -> bool {
    let names = |loaded: &Loaded| -> Vec<(String, String)> {
        let target =
            |name: &String| loaded.targets_at.get(name).map(|(_, path)| path.clone()).unwrap_or_default();
        loaded
            .settings
            .targets
            .iter()
            .map(|one| one.name.as_str().to_owned())
            .map(|name| (target(&name), name))
            .collect()
    };
    let after = names(after);
    names(before).iter().all(|pair| after.contains(pair))
}

/// Where the config comes from the environment alone: which variables do the same. Secrets are not repeated.
fn by_variables(edit: &Edit, running: &Loaded, kinds: &Kinds) -> String {
    let map = |lines: &[(String, String)], there: Option<&Value>| {
        let mut map = there.and_then(Value::as_object).cloned().unwrap_or_default();
        map.extend(lines.iter().map(|(from, to)| (from.clone(), Value::from(to.as_str()))));
        Value::Object(map).to_string()
    };
    let set = match edit {
        Edit::AddTarget(target) => {
            let known = running.settings.targets.iter().filter(|known| known.kind == target.kind).count();
            let name = |key: &str| addition::variable(&format!("targets__{}__{known}__{key}", target.kind));
            let mut set =
                vec![format!("{}={}", name("name"), target.name), format!("{}={}", name("url"), target.url)];
            match raw_settings(target, kinds) {
                Err(why) => return why,
                Ok(raw) => set.extend(
                    raw.as_object()
                        .into_iter()
                        .flat_map(|keys| keys.keys())
                        .filter(|key| *key != "url")
                        .map(|key| format!("{}=…", name(key))),
                ),
            }
            if !target.map.is_empty() {
                set.push(format!("{}={}", name("map"), map(&target.map, None)));
            }
            set
        }
        Edit::AddMap { of, lines } => match addition::whose(of, running) {
            Err(why) => return why,
            Ok(way) => {
                let there = way.look(&running.written.0, "map");
                vec![format!("{}={}", way.variable("map"), map(lines, there))]
            }
        },
        Edit::Exclude { triggers, folder } => match excludes(triggers, folder, running) {
            Err(why) => return why,
            Ok(set) => set,
        },
    };
    let noun = if set.len() == 1 { "this variable" } else { "these variables" };
    format!(
        "The config comes from the environment alone, and there is no file to write into: set {noun} and restart autoscan: {}",
        set.join("  ")
    )
}

/// The variables that exclude a folder at these triggers.
fn excludes(triggers: &[String], folder: &LocalPath, running: &Loaded) -> Result<Vec<String>, String> {
    let variable = |name: &String| {
        let way = addition::whose(&MapOf::Trigger(name.clone()), running)?;
        let there = way.look(&running.written.0, "exclude").and_then(Value::as_array);
        let patterns = there.into_iter().flatten().cloned().chain([pattern_of_folder(&folder.0).into()]);
        Ok(format!("{}={}", way.variable("exclude"), patterns.collect::<Value>()))
    };
    triggers.iter().map(variable).collect()
}
