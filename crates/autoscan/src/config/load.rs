//! Loads a config: found, read, laid over with the environment, checked, and made into settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::fault::{self, ConfigFault, ConfigFaults};
use super::find::{self, FoundConfig, find};
use super::loaded::{Loaded, WrittenConfig};
use super::node::{ConfigNode, Content, Location, Origin};
use super::schema::{self, Kinds};
use super::sources::Sources;
use super::variables::Variables;
use super::{access, check, first_run, names, notes, older, overlay, read, secrets, settings};

/// Loads the config for a command that looks only: nothing is written. `config` is `--config`.
pub(crate) fn load(config: Option<&Path>, kinds: &Kinds) -> Result<Loaded, ConfigFaults> {
    look(&Sources::of_process(config)?, kinds)
}

/// Loads the config for the server: where there is none, the first one is written; where it names no secret, secrets are
/// made and kept. `config` is `--config`.
pub(crate) fn load_or_begin(config: Option<&Path>, kinds: &Kinds) -> Result<Loaded, ConfigFaults> {
    begin(&Sources::of_process(config)?, kinds)
}

/// Loads the config again that is loaded: the same file, or the same environment. Nothing is written.
pub(crate) fn load_again(present: &Loaded, kinds: &Kinds) -> Result<Loaded, ConfigFaults> {
    let config = present.path.clone().or_else(|| present.sources.config.clone());
    let sources = Sources { config, ..present.sources.clone() };
    match find(&sources)? {
        FoundConfig::FirstRun { .. } => Err(no_config(&sources).into()),
        found => load_found(&found, &sources, kinds, Purpose::Again),
    }
}

pub(super) fn look(sources: &Sources, kinds: &Kinds) -> Result<Loaded, ConfigFaults> {
    match find(sources)? {
        FoundConfig::FirstRun { .. } => Err(no_config(sources).into()),
        found => load_found(&found, sources, kinds, Purpose::Look),
    }
}

pub(super) fn begin(sources: &Sources, kinds: &Kinds) -> Result<Loaded, ConfigFaults> {
    let found = find(sources)?;
    let FoundConfig::FirstRun { write_to } = &found else {
        return load_found(&found, sources, kinds, Purpose::Serve);
    };
    let written = first_run::write(write_to)?;
    let mut loaded = load_found(&FoundConfig::File(write_to.clone()), sources, kinds, Purpose::Serve)?;
    // The environment may have the last word: then what was made is not what counts.
    let authentication = &loaded.settings.authentication;
    let counts = authentication.password == written.password && authentication.api_key == written.api_key;
    loaded.generated = Some(written).filter(|_| counts);
    Ok(loaded)
}

/// What a config is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To look at it.
    Look,
    /// To run by it.
    Serve,
    /// To run by it instead of another one.
    Again,
}

fn no_config(sources: &Sources) -> ConfigFault {
    if let Some(path) = &sources.config {
        let path = fault::shown_path(path);
        return ConfigFault::general(format!(
            "{path}: there is no such file; \"autoscan serve\" would write a first config there"
        ));
    }
    let mut folders: Vec<String> = Vec::new();
    for candidate in find::candidates(sources) {
        let folder = fault::shown_path(candidate.parent().unwrap_or(&candidate));
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    ConfigFault::general(format!(
        "there is no config: looked for config.yml, .yaml, .toml and .json in {}. Name one with --config or AUTOSCAN_CONFIG, \
         or run \"autoscan serve\", which writes a first one",
        folders.join(", ")
    ))
}

pub(super) fn load_found(
    found: &FoundConfig,
    sources: &Sources,
    kinds: &Kinds,
    purpose: Purpose,
) -> Result<Loaded, ConfigFaults> {
    load_against(Against::Mentioned, found, sources, kinds, purpose)
}

/// What a config is compared with. To draw the settings of every kind takes longer than all the rest of a start, and most
/// configs name few; but only with all of them does a fault know where a misplaced key belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Against {
    /// The settings of the kinds of targets that the config mentions.
    Mentioned,
    /// The settings of every kind.
    Everything,
}

/// The kinds of targets that a config mentions.
fn mentioned(tree: &ConfigNode) -> Vec<String> {
    let Some(Content::Map(entries)) = tree.get("targets").map(|targets| &targets.content) else {
        return Vec::new();
    };
    entries.iter().map(|entry| entry.key.clone()).collect()
}

/// Whether the environment may bring a target that the config does not mention.
fn brings_targets(variables: &Variables) -> bool {
    variables.layers().flatten().any(|variable| {
        let name = variable.name.to_ascii_uppercase();
        name.starts_with("AUTOSCAN__TARGETS") || name.contains("_LOCAL_URL")
    })
}

fn load_against(
    against: Against,
    found: &FoundConfig,
    sources: &Sources,
    kinds: &Kinds,
    purpose: Purpose,
) -> Result<Loaded, ConfigFaults> {
    let again = || load_against(Against::Everything, found, sources, kinds, purpose);
    let (mut faults, mut notes) = (Vec::new(), Vec::new());
    let folder = found.folder();
    let variables = Variables::new(&sources.environment, &folder, &sources.current, &mut faults);
    let path = found.path();
    let Some(mut tree) = tree(found, sources, &mut faults) else { return Err(ConfigFaults::new(faults)) };
    let against = if brings_targets(&variables) { Against::Everything } else { against };
    let named = mentioned(&tree);
    let schema = match against {
        Against::Mentioned => schema::schema_of(kinds, |kind| named.iter().any(|name| name == kind)),
        Against::Everything => schema::schema_of(kinds, |_kind| true),
    };
    overlay::lay(&mut tree, &schema, &variables, &mut faults);
    older::fill(&mut tree, &schema, &variables, &mut faults, &mut notes);
    let mut checked = check::check(&tree, &schema);
    names::check(&tree, kinds, &mut faults);
    access::check(&tree, &mut faults);
    faults.append(&mut checked.faults);
    if !faults.is_empty() {
        return if against == Against::Mentioned { again() } else { Err(ConfigFaults::new(faults)) };
    }
    notes.append(&mut checked.notes);
    notes.extend(notes::short_waits(&tree));
    notes.extend(access::short_secrets(&tree));
    notes.extend(notes::open_secrets(path.as_deref(), &folder, &checked, &sources.current));
    notes.extend(path.iter().flat_map(|path| find::unread_beside(path)).map(|other| {
        format!("{} is not read: there is another config beside it", fault::name_of(&other, &sources.current))
    }));
    if path.is_none() || tree.get("authentication").is_some_and(|keys| keys.get("server-pass").is_some()) {
        add_senders(&mut checked.value, &schema, kinds);
    }
    let written = WrittenConfig(checked.value.clone());
    let settings = settings::settle(checked.value, kinds, &folder).map_err(ConfigFault::general)?;
    let triggers_at = names::places(&tree, "triggers", &kinds.triggers);
    let targets_at = names::places(&tree, "targets", &kinds.targets);
    let mut loaded = Loaded {
        settings,
        path,
        folder,
        notes,
        generated: None,
        written,
        sources: sources.clone(),
        variables: notes::used(&tree),
        triggers_at,
        targets_at,
    };
    make_secrets(&mut loaded, purpose)?;
    Ok(loaded)
}

/// What is written in the file, with the place of each value.
fn tree(found: &FoundConfig, sources: &Sources, faults: &mut Vec<ConfigFault>) -> Option<ConfigNode> {
    let name = found.path().map(|path| fault::name_of(&path, &sources.current)).unwrap_or_default();
    match found {
        FoundConfig::File(path) => read::file(path, &name, faults),
        FoundConfig::Text { path, text } => read::text(path, &name, text, faults),
        _ => Some(ConfigNode::null(Location::whole(&Arc::new(Origin::File("the environment".to_owned()))))),
    }
}

/// The older app knew every sender by the body alone: where its single URL is on, or no file could list triggers, each kind
/// that needs no settings is there.
fn add_senders(value: &mut Value, schema: &Value, kinds: &Kinds) {
    let Some(keys) = value.as_object_mut() else { return };
    let triggers = keys.entry("triggers").or_insert_with(|| json!({}));
    for kind in kinds.triggers.iter().filter(|kind| !kind.is_single()) {
        let needs_settings = schema::property(schema, "triggers")
            .and_then(|triggers| schema::items(schema::property(triggers, kind.name)?)?.get("required"))
            .and_then(Value::as_array)
            .is_some_and(|required| !required.is_empty());
        if !needs_settings && triggers.get(kind.name).is_none() {
            triggers[kind.name] = json!([{}]);
        }
    }
}

/// Where authentication is on and nothing could pass it, autoscan makes secrets and keeps them.
fn make_secrets(loaded: &mut Loaded, purpose: Purpose) -> Result<(), ConfigFaults> {
    let keys = &mut loaded.settings.authentication;
    if !keys.names_a_secret() {
        // The older app knew one password for everything: it opens the API too, and lets the commands in.
        keys.password.clone_from(&keys.server_pass);
    }
    let named = keys.names_a_secret();
    if keys.disabled || named || loaded.settings.triggers.iter().any(|trigger| trigger.token.is_some()) {
        return Ok(());
    }
    let database = loaded.settings.database.parent().map(Path::to_owned);
    let folders: Vec<PathBuf> = [loaded.folder.clone()].into_iter().chain(database).collect();
    let made = match secrets::kept(&folders)? {
        Some(kept) => kept,
        None if purpose == Purpose::Again => {
            return Err(ConfigFault::general(
                "the config names no password and no API key any more: name one under authentication, or restart autoscan, \
                 which makes one and shows it once",
            )
            .into());
        }
        None if purpose == Purpose::Look => {
            loaded.notes.push(
                "the config names no password: the first \"autoscan serve\" makes one, and shows it once"
                    .to_owned(),
            );
            return Ok(());
        }
        None => {
            let made = secrets::make(&folders)?;
            loaded.generated = Some(made.clone());
            made
        }
    };
    loaded.settings.authentication.password = made.password;
    loaded.settings.authentication.api_key = made.api_key;
    Ok(())
}
