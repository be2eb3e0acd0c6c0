//! The variables of the older Python app, which are enough without a file, and those of the Go autoscan. They fill in what
//! the config does not say.

use serde_json::Value;

use super::fault::ConfigFault;
use super::node::{ConfigNode, Content};
use super::overlay::{PathStep, peek, put};
use super::schema::{KEY_NAMES, alternatives, items, property, takes_scalar};
use super::variables::{Variable, Variables};

/// Variables of the older app, and the keys that they fill.
const GENERAL: [(&str, &[&str]); 7] = [
    ("SERVER_PASS", &["authentication", "server-pass"]),
    ("SERVER_IP", &["host"]),
    ("SERVER_PORT", &["port"]),
    ("SECRET_KEY", &["authentication", "secret-key"]),
    ("SECRET_KEY_FALLBACKS", &["authentication", "secret-key-fallbacks"]),
    ("WEBHOOK_SECRET", &["authentication", "webhook-secret"]),
    ("AUTOSCAN_DATABASE", &["database"]),
];

/// Fills `tree` with what the older variables say and it does not. Notes tell of variables without effect.
pub(super) fn fill(
    tree: &mut ConfigNode,
    schema: &Value,
    variables: &Variables,
    faults: &mut Vec<ConfigFault>,
    notes: &mut Vec<String>,
) {
    let mut filler = Filler { tree, schema, variables, faults };
    for (name, keys) in GENERAL {
        filler.general(name, keys);
    }
    filler.log_format();
    filler.verbosity();
    filler.servers();
    if let Some(variable) = variables.get("AUTOSCAN_LOG") {
        notes.push(format!(
            "{}: it has no effect here: autoscan logs to its standard error, and who runs it keeps that",
            variable.place
        ));
    }
}

struct Filler<'a> {
    tree: &'a mut ConfigNode,
    schema: &'a Value,
    variables: &'a Variables,
    faults: &'a mut Vec<ConfigFault>,
}

impl Filler<'_> {
    fn general(&mut self, name: &str, keys: &[&str]) {
        let Some(variable) = self.variables.get_or_file(name, self.faults) else { return };
        let schema = keys.iter().try_fold(self.schema, |schema, key| property(schema, key));
        let is_list = schema.is_some_and(|schema| !alternatives(schema).into_iter().any(takes_scalar));
        let value = if is_list {
            listed(&variable)
        } else {
            ConfigNode::plain(variable.place.clone(), variable.value)
        };
        self.unless_written(&way(keys), value);
    }

    /// Other programs have other words for this variable: only `json` means something here.
    fn log_format(&mut self) {
        let json =
            self.variables.get("LOG_FORMAT").filter(|variable| variable.value.eq_ignore_ascii_case("json"));
        if let Some(variable) = json {
            self.unless_written(&way(&["log", "format"]), ConfigNode::plain(variable.place.clone(), "json"));
        }
    }

    /// The Go autoscan's number of `-v`.
    fn verbosity(&mut self) {
        let Some(variable) = self.variables.get("AUTOSCAN_VERBOSITY") else { return };
        let level = match variable.value.as_str() {
            "0" => "info",
            "1" => "debug",
            "2" => "trace",
            _ => {
                self.faults.push(ConfigFault::at(&variable.place, "it must be 0, 1 or 2"));
                return;
            }
        };
        let value = ConfigNode::plain(variable.place.clone(), level);
        self.unless_written(&way(&["log", "level"]), value);
    }

    fn servers(&mut self) {
        self.server("plex", ["PLEX_LOCAL_URL", "PLEX_TOKEN"]);
        self.server("emby", ["EMBY_LOCAL_URL", "EMBY_API_KEY"]);
        let kind = match self.variables.get("EMBY_OR_JELLYFIN") {
            None => "jellyfin",
            Some(variable) => match variable.value.to_lowercase().as_str() {
                "jellyfin" => "jellyfin",
                "emby" => "emby",
                _ => {
                    self.faults.push(ConfigFault::at(&variable.place, "it must be emby or jellyfin"));
                    return;
                }
            },
        };
        self.server(kind, ["JELLYFIN_LOCAL_URL", "JELLYFIN_API_KEY"]);
    }

    /// The URL and the key of the only server of a kind.
    fn server(&mut self, kind: &str, [url, key]: [&str; 2]) {
        let Some(one) = property(self.schema, "targets").and_then(|targets| items(property(targets, kind)?))
        else {
            return;
        };
        let first = |key: &str| {
            let mut steps = way(&["targets", kind]);
            steps.extend([PathStep::Item(0), PathStep::Key(key.to_owned())]);
            steps
        };
        let keys: Vec<&str> = KEY_NAMES.into_iter().filter(|name| property(one, name).is_some()).collect();
        if let Some(variable) = self.variables.get_or_file(url, self.faults) {
            self.unless_written(&first("url"), ConfigNode::plain(variable.place, variable.value));
        }
        let Some(variable) = self.variables.get_or_file(key, self.faults) else { return };
        if keys.iter().all(|key| peek(self.tree, &first(key)).is_none()) {
            let key = keys.first().copied().unwrap_or("token");
            self.unless_written(&first(key), ConfigNode::plain(variable.place, variable.value));
        }
    }

    fn unless_written(&mut self, steps: &[PathStep], value: ConfigNode) {
        if peek(self.tree, steps).is_some() {
            return;
        }
        let place = value.place.clone();
        if let Err(what) = put(self.tree, steps, value) {
            self.faults.push(ConfigFault::at(&place, what));
        }
    }
}

/// A list with commas.
fn listed(variable: &Variable) -> ConfigNode {
    let items = variable.value.split(',').map(str::trim).filter(|item| !item.is_empty());
    let items = items.map(|item| ConfigNode::plain(variable.place.clone(), item)).collect();
    ConfigNode { place: variable.place.clone(), content: Content::List(items) }
}

fn way(keys: &[&str]) -> Vec<PathStep> {
    keys.iter().map(|key| PathStep::Key((*key).to_owned())).collect()
}
