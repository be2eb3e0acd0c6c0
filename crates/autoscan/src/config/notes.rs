//! What a person should know of a config that is well.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use autoscan_core::duration::Span;

use super::check;
use super::fault;
use super::node::{ConfigNode, Origin};
use super::variables;

/// Notes of a `maximum-wait` that cannot be kept, because folders must be quiet for longer than that.
pub(super) fn short_waits(tree: &ConfigNode) -> Vec<String> {
    let span = |node: &ConfigNode| node.text().and_then(|text| Span::parse(text).ok());
    let Some(wait) = tree.get("maximum-wait") else { return Vec::new() };
    let triggers = tree.get("triggers").map(ConfigNode::entries).unwrap_or_default();
    let ages = triggers.iter().flat_map(|kind| [&kind.value].into_iter().chain(kind.value.items()));
    [tree]
        .into_iter()
        .chain(ages)
        .filter_map(|node| node.get("minimum-age"))
        .filter(|age| span(age) > span(wait))
        .map(|age| {
            let (age_text, wait_text) = (age.text().unwrap_or_default(), wait.text().unwrap_or_default());
            format!("{}: minimum-age {age_text} is longer than maximum-wait {wait_text}, and wins", age.place)
        })
        .collect()
}

/// Notes of files that hold secrets and that every user of the machine can read.
pub(super) fn open_secrets(
    path: Option<&Path>,
    folder: &Path,
    checked: &check::Checked,
    current: &Path,
) -> Vec<String> {
    let holds = |wanted: fn(&Origin) -> bool| checked.secrets_in.iter().any(|origin| wanted(origin));
    let config = path.filter(|_| holds(|origin| matches!(origin, Origin::File(_))));
    let dot_env =
        holds(|origin| matches!(origin, Origin::DotEnv { .. })).then(|| folder.join(variables::DOT_ENV));
    config
        .into_iter()
        .chain(dot_env.as_deref())
        .filter(|path| std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o004 != 0))
        .map(|path| {
            let name = fault::name_of(path, current);
            format!("{name} holds secrets, and every user of this machine can read it: chmod 600 {name}")
        })
        .collect()
}

/// The variables from which anything in the tree comes, by name.
pub(super) fn used(tree: &ConfigNode) -> Vec<String> {
    fn gather(node: &ConfigNode, names: &mut BTreeSet<String>) {
        match &*node.place.origin {
            Origin::Variable(name) | Origin::DotEnv { variable: name, .. } if !node.is_null() => {
                names.insert(name.clone());
            }
            _ => {}
        }
        node.items().iter().for_each(|item| gather(item, names));
        node.entries().iter().for_each(|entry| gather(&entry.value, names));
    }
    let mut names = BTreeSet::new();
    gather(tree, &mut names);
    names.into_iter().collect()
}
