//! The names of triggers and targets: given, or made from the kind; and whether they fit each other.

use std::collections::HashMap;

use super::fault::{ConfigFault, shown};
use super::node::{ConfigNode, Location};
use super::schema::{KindSchema, Kinds};
use super::words::did_you_mean;

/// The names of a section's entries, in order: those that are given, and for the others the kind, with `-2`, `-3` where
/// that is taken.
pub(super) fn fill_in(entries: &[(&str, Option<&str>)]) -> Vec<String> {
    let mut taken: Vec<String> = entries.iter().filter_map(|(_, name)| name.map(str::to_owned)).collect();
    let mut names = Vec::with_capacity(entries.len());
    for (kind, given) in entries {
        let name = given.map_or_else(|| free(kind, &taken), str::to_owned);
        if given.is_none() {
            taken.push(name.clone());
        }
        names.push(name);
    }
    names
}

/// The kind's name, or the first number after it that is free.
fn free(kind: &str, taken: &[String]) -> String {
    let plain = std::iter::once(kind.to_owned());
    let numbered = (2_usize..).map(|number| format!("{kind}-{number}"));
    plain.chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default()
}

/// Faults of names: two of one name, and targets that do not exist.
pub(super) fn check(tree: &ConfigNode, kinds: &Kinds, faults: &mut Vec<ConfigFault>) {
    let triggers = entries(tree, "triggers", &kinds.triggers);
    let targets = entries(tree, "targets", &kinds.targets);
    twice(&triggers, &kinds.triggers, faults);
    twice(&targets, &[], faults);
    let given: Vec<(&str, Option<&str>)> =
        targets.iter().map(|target| (target.kind, target.name())).collect();
    let known = fill_in(&given);
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let singles = kinds.triggers.iter().filter(|kind| kind.is_single()).filter_map(|kind| {
        let node = tree.get("triggers")?.get(kind.name)?;
        Some(Named { kind: kind.name, path: format!("triggers.{}", kind.name), node })
    });
    for trigger in triggers.into_iter().chain(singles) {
        routes(&trigger, &known, faults);
    }
}

/// An entry of a section.
struct Named<'a> {
    kind: &'a str,
    path: String,
    node: &'a ConfigNode,
}

impl Named<'_> {
    fn name(&self) -> Option<&str> {
        self.node.get("name").and_then(ConfigNode::text)
    }
}

fn entries<'a>(tree: &'a ConfigNode, section: &str, kinds: &'a [KindSchema]) -> Vec<Named<'a>> {
    let mut found = Vec::new();
    for kind in kinds.iter().filter(|kind| !kind.is_single()) {
        let items = tree.get(section).and_then(|section| section.get(kind.name)).map(ConfigNode::items);
        for (number, node) in items.unwrap_or_default().iter().enumerate() {
            found.push(Named { kind: kind.name, path: format!("{section}.{}.{number}", kind.name), node });
        }
    }
    found
}

fn twice(entries: &[Named<'_>], kinds: &[KindSchema], faults: &mut Vec<ConfigFault>) {
    let singles = kinds.iter().filter(|kind| kind.is_single());
    let mut owners: HashMap<&str, String> =
        singles.map(|kind| (kind.name, format!("the {} trigger", kind.name))).collect();
    let mut named: Vec<(&Location, &str, &str)> = entries
        .iter()
        .filter_map(|entry| {
            let name = entry.node.get("name")?;
            Some((&name.place, name.text()?, entry.path.as_str()))
        })
        .collect();
    named.sort();
    for (place, name, path) in named {
        if let Some(owner) = owners.get(name) {
            let message = format!("{path}.name: {:?} is the name of {owner} already", shown(name));
            faults.push(ConfigFault::at(place, message));
        } else {
            owners.insert(name, path.to_owned());
        }
    }
}

/// Where the entries of a section are written and by which path, by their names.
pub(super) fn places(
    tree: &ConfigNode,
    section: &str,
    kinds: &[KindSchema],
) -> HashMap<String, (Location, String)> {
    let entries = entries(tree, section, kinds);
    let given: Vec<(&str, Option<&str>)> = entries.iter().map(|entry| (entry.kind, entry.name())).collect();
    let names = fill_in(&given).into_iter();
    names.zip(entries).map(|(name, entry)| (name, (entry.node.place.clone(), entry.path))).collect()
}

/// The targets that a trigger is for must exist.
fn routes(trigger: &Named<'_>, known: &[&str], faults: &mut Vec<ConfigFault>) {
    let Some(targets) = trigger.node.get("targets") else { return };
    let path = format!("{}.targets", trigger.path);
    if matches!(&targets.content, super::node::Content::List(items) if items.is_empty()) {
        let message = format!("{path} names no target: leave the key out, and the trigger is for all");
        faults.push(ConfigFault::at(&targets.place, message));
    }
    for (number, item) in targets.items().iter().enumerate() {
        let Some(name) = item.text().filter(|name| !known.contains(name)) else { continue };
        let near = did_you_mean(name, known.iter().copied());
        let there = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
        let hint = if near.is_empty() { format!("; targets: {there}") } else { near };
        let message = format!("{path}.{number}: there is no target named {:?}{hint}", shown(name));
        faults.push(ConfigFault::at(&item.place, message));
    }
}
