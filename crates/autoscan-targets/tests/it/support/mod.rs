//! What the tests of several kinds share.

use std::sync::Arc;

use autoscan_core::change::Change;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{PlannedCall, Target, TargetScan};
use autoscan_http::Http;
use autoscan_targets::kinds;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};

/// Names that were trouble somewhere.
pub(crate) const AWKWARD: [&str; 12] = [
    "Tom & Jerry",
    "A+B",
    "C# in 100%",
    "Ocean's Eleven",
    "Amélie é e\u{301}",
    "日本の映画 “quoted”",
    "Mr. Robot",
    "a=b;c?d",
    "%2F%20",
    " leading and trailing. ",
    "back\\slash",
    "emoji 🎬 \"double\"",
];

/// A target of this kind at this URL, with the pretend server's usual secret.
pub(crate) fn target(kind: &str, url: &str) -> Arc<dyn Target> {
    connect(
        kind,
        &json!({"url": url, "token": format!("{kind}-{}", if kind == "plex" { "token" } else { "key" })}),
    )
}

pub(crate) fn connect(kind: &str, settings: &Value) -> Arc<dyn Target> {
    connect_with(kind, settings, &Http::default())
}

pub(crate) fn connect_with(kind: &str, settings: &Value, http: &Http) -> Arc<dyn Target> {
    let kind = kinds().iter().find(|known| known.name == kind).expect("a kind");
    (kind.connect)(settings, http).expect("good settings").server
}

pub(crate) fn path(text: &str) -> TargetPath {
    TargetPath::parse(text).expect("a path")
}

/// A scan of a folder of which nothing more is known.
pub(crate) fn rescan(folder: &str) -> TargetScan {
    TargetScan { folder: path(folder), changes: vec![Change::rescan(path(folder))], companions: Vec::new() }
}

/// A scan of a folder with these changes.
pub(crate) fn changed(folder: &str, changes: Vec<Change<TargetPath>>) -> TargetScan {
    TargetScan { folder: path(folder), changes, companions: Vec::new() }
}

/// A scan of a folder with new files.
pub(crate) fn new_files(folder: &str, names: &[&str]) -> TargetScan {
    let created = |name: &&str| Change::created(path(&format!("{folder}/{name}")));
    changed(folder, names.iter().map(created).collect())
}

/// Many names that no person would think of.
pub(crate) fn random_names(count: usize) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let names =
        "[^/\\p{Cc}]{1,40}".prop_filter("climbs or is nothing", |name| !matches!(name.as_str(), "." | ".."));
    (0..count).map(|_| names.new_tree(&mut runner).expect("a name").current()).collect()
}

/// A few random cases, the same each time; others where `PROPTEST_RNG_SEED` names a number.
pub(crate) fn same_cases(cases: u32) -> Config {
    let usual = Config::default();
    let rng_seed = match usual.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        given @ RngSeed::Fixed(_) => given,
    };
    Config { cases, rng_seed, max_shrink_iters: 400, failure_persistence: None, ..usual }
}

/// Variant of a result, for tables.
pub(crate) fn verdict(result: &Result<(), Fault>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(Fault::Away { .. }) => "away".to_owned(),
        Err(Fault::Busy { after, .. }) => format!("busy {}", after.as_secs()),
        Err(Fault::Later { after, .. }) => format!("later {}", after.as_secs()),
        Err(Fault::Refused { .. }) => "refused".to_owned(),
        Err(Fault::NotMine { .. }) => "not mine".to_owned(),
        Err(Fault::Wrong { .. }) => "wrong".to_owned(),
    }
}

pub(crate) fn verdicts(results: &[Result<(), Fault>]) -> Vec<String> {
    results.iter().map(verdict).collect()
}

/// A recorded call as a plan shows it.
pub(crate) fn as_planned(
    pretend: &autoscan_testkit::HttpServer,
    call: &autoscan_testkit::Recorded,
) -> PlannedCall {
    let origin: String = pretend.url().split('/').take(3).collect::<Vec<_>>().join("/");
    PlannedCall {
        method: call.method.clone(),
        url: format!("{origin}{}", call.target),
        body: (!call.body.is_empty()).then(|| call.body.clone()),
    }
}
