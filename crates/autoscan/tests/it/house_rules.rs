//! The walls of the house, as docs/ARCHITECTURE.md draws them. Each failure says what to do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const LONGEST_FILE: usize = 400;
const LONGEST_README: usize = 600;

/// Which of our crates each of them may use. `autoscan-testkit` and `autoscan-store` are also free for tests.
const EDGES: [(&str, &[&str]); 10] = [
    (
        "autoscan",
        &[
            "autoscan-core",
            "autoscan-engine",
            "autoscan-http",
            "autoscan-store",
            "autoscan-targets",
            "autoscan-triggers",
            "autoscan-web",
        ],
    ),
    ("autoscan-bench", &["autoscan-testkit"]),
    ("autoscan-core", &[]),
    ("autoscan-engine", &["autoscan-core"]),
    ("autoscan-http", &["autoscan-core"]),
    ("autoscan-store", &["autoscan-core"]),
    ("autoscan-targets", &["autoscan-core", "autoscan-http"]),
    ("autoscan-testkit", &["autoscan-core", "autoscan-engine", "autoscan-store"]),
    ("autoscan-triggers", &["autoscan-core", "autoscan-http"]),
    ("autoscan-web", &["autoscan-core", "autoscan-engine"]),
];
const FREE_FOR_TESTS: [&str; 2] = ["autoscan-testkit", "autoscan-store"];

/// Who alone may use which crate from outside. Tests may use what they like.
const OWNERS: [(&str, &[&str]); 19] = [
    ("anyhow", &["autoscan", "autoscan-bench"]),
    ("argon2", &["autoscan-web"]),
    ("axum", &["autoscan-web", "autoscan-testkit", "autoscan-bench"]),
    ("clap", &["autoscan", "autoscan-bench"]),
    ("clap_complete", &["autoscan"]),
    ("cookie", &["autoscan-web"]),
    ("getrandom", &["autoscan"]),
    ("hyper", &["autoscan-web", "autoscan-testkit"]),
    ("hyper-util", &["autoscan-web", "autoscan-testkit"]),
    ("reqwest", &["autoscan-http"]),
    ("rusqlite", &["autoscan-store", "autoscan-bench"]),
    ("rustix", &["autoscan", "autoscan-store", "autoscan-targets"]),
    ("rustls", &["autoscan-http"]),
    ("saphyr-parser", &["autoscan"]),
    ("sqlx", &["autoscan-store", "autoscan-bench"]),
    ("tokio-rustls", &["autoscan-web"]),
    ("tokio-tungstenite", &["autoscan-http", "autoscan-testkit"]),
    ("toml_edit", &["autoscan"]),
    ("tracing-subscriber", &["autoscan"]),
];

/// All that core may use: nothing that knows a clock, a disk, a network or a runtime.
const CORE_USES: [&str; 10] = [
    "async-trait",
    "base64",
    "bytes",
    "form_urlencoded",
    "percent-encoding",
    "regex",
    "schemars",
    "serde",
    "serde_json",
    "thiserror",
];
const CORE_NEVER_SAYS: [&str; 9] = [
    "tokio",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "SystemTime",
    "Instant",
];

const NAMES_OF_NOTHING: [&str; 8] =
    ["common", "helper", "helpers", "misc", "shared", "stuff", "util", "utils"];

#[test]
fn cargo_run_without_more_words_runs_autoscan() {
    let members = metadata()["workspace_default_members"].as_array().unwrap().clone();

    let alone = members.len() == 1 && text(&members[0]).contains("crates/autoscan#");
    assert!(
        alone,
        "README promises `cargo run -- serve`: keep crates/autoscan the only default member of the workspace"
    );
}

#[test]
fn our_crates_use_only_those_that_the_drawing_allows() {
    let faults: Vec<String> = dependencies()
        .into_iter()
        .filter(|dependency| dependency.on.starts_with("autoscan"))
        .filter(|dependency| {
            let allowed = EDGES.iter().find(|(name, _)| *name == dependency.of).map(|(_, uses)| *uses);
            let free = dependency.for_tests && FREE_FOR_TESTS.contains(&dependency.on.as_str());
            !free && !allowed.is_some_and(|uses| uses.contains(&dependency.on.as_str()))
        })
        .map(|Dependency { of, on, .. }| format!("{of} uses {on}"))
        .collect();

    assert!(
        faults.is_empty(),
        "docs/ARCHITECTURE.md draws no such line: {faults:#?}\nMove what is needed to the crate that may have it \
         (mostly a port in core), or change the drawing and EDGES together."
    );
}

#[test]
fn every_crate_of_ours_has_its_place_in_the_drawing() {
    let drawn: BTreeSet<String> = EDGES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let built: BTreeSet<String> = packages().iter().map(|package| text(&package["name"])).collect();

    assert_eq!(built, drawn, "draw the new crate in docs/ARCHITECTURE.md and put it into EDGES");
}

#[test]
fn a_crate_from_outside_has_one_room() {
    let faults: Vec<String> = dependencies()
        .into_iter()
        .filter(|dependency| !dependency.for_tests)
        .filter(|dependency| {
            OWNERS
                .iter()
                .any(|(name, owners)| *name == dependency.on && !owners.contains(&dependency.of.as_str()))
        })
        .map(|Dependency { of, on, .. }| format!("{of} uses {on}"))
        .collect();

    assert!(
        faults.is_empty(),
        "these belong to another room: {faults:#?}\nAsk that room for what is needed; OWNERS says whose it is."
    );
}

#[test]
fn core_knows_no_clock_no_disk_no_network_and_no_runtime() {
    let uses: Vec<String> = dependencies()
        .into_iter()
        .filter(|dependency| dependency.of == "autoscan-core" && !dependency.for_tests)
        .map(|dependency| dependency.on)
        .filter(|name| !CORE_USES.contains(&name.as_str()))
        .collect();
    assert!(
        uses.is_empty(),
        "core may not use {uses:?}: make it a port and use it in the crate that implements it"
    );

    for file in rust_files("crates/autoscan-core/src") {
        let code: String = lines_without_tests(&read(&file))
            .into_iter()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n");
        for word in CORE_NEVER_SAYS {
            assert!(
                !code.contains(word),
                "{} says {word}: core only decides; hand the value in, or make it a port",
                file.display()
            );
        }
    }
}

#[test]
fn no_file_is_longer_than_400_lines_without_its_tests() {
    for file in rust_files("crates").into_iter().chain(rust_files("bench")) {
        let lines = lines_without_tests(&read(&file)).len();
        assert!(
            lines <= LONGEST_FILE || is_test(&file),
            "{} has {lines} lines without its tests, {LONGEST_FILE} are the limit: one file, one thing; split it",
            file.display()
        );
    }
}

#[test]
fn every_file_is_named_after_what_is_in_it() {
    for file in rust_files("crates").into_iter().chain(rust_files("bench")) {
        let path = file.with_extension("");
        let vague = path.iter().filter_map(|name| name.to_str()).find(|name| NAMES_OF_NOTHING.contains(name));
        assert!(
            vague.is_none(),
            "{}: name it after the one thing in it; what two kinds share goes to their family file, what two crates \
             share to core",
            file.display()
        );
    }
}

#[test]
fn every_kind_of_trigger_has_its_file_its_fixtures_and_its_page() {
    for kind in autoscan_triggers::kinds() {
        needs_file("trigger", kind.name, &format!("crates/autoscan-triggers/src/{}.rs", module(kind.name)));
        needs_file("trigger", kind.name, &format!("docs/triggers/{}.md", kind.name));
        let fixtures = root().join("crates/autoscan-triggers/fixtures").join(kind.name);
        let filled = std::fs::read_dir(&fixtures).is_ok_and(|mut entries| entries.next().is_some());
        assert!(
            filled,
            "the trigger {} has no fixtures: put real requests into {}",
            kind.name,
            fixtures.display()
        );
    }
}

#[test]
fn every_kind_of_target_has_its_file_and_its_page() {
    for kind in autoscan_targets::kinds() {
        needs_file("target", kind.name, &format!("crates/autoscan-targets/src/{}.rs", module(kind.name)));
        needs_file("target", kind.name, &format!("docs/targets/{}.md", kind.name));
    }
}

#[test]
fn every_page_and_fixture_belongs_to_a_kind() {
    let triggers: Vec<&str> = autoscan_triggers::kinds().iter().map(|kind| kind.name).collect();
    let targets: Vec<&str> = autoscan_targets::kinds().iter().map(|kind| kind.name).collect();
    let rooms = [
        ("docs/triggers", &triggers),
        ("crates/autoscan-triggers/fixtures", &triggers),
        ("docs/targets", &targets),
    ];
    for (folder, kinds) in rooms {
        for entry in entries(&root().join(folder)) {
            let name = entry.file_stem().unwrap().to_str().unwrap();
            assert!(
                kinds.contains(&name),
                "{}: there is no kind {name:?}; put it into the table of kinds() or delete this",
                entry.display()
            );
        }
    }
}

#[test]
fn the_readme_is_read_in_three_minutes() {
    let words = read(&root().join("README.md")).split_whitespace().count();

    assert!(
        words <= LONGEST_README,
        "README.md has {words} words, {LONGEST_README} are the limit: move some to docs/"
    );
}

#[test]
fn every_link_between_our_pages_leads_somewhere() {
    let pages = entries(&root()).into_iter().chain(
        ["docs", "docs/triggers", "docs/targets", "bench"]
            .iter()
            .flat_map(|folder| entries(&root().join(folder))),
    );
    let mut dead = Vec::new();
    for page in pages.filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let gone = links(&read(&page)).into_iter().filter(|link| !page.parent().unwrap().join(link).exists());
        dead.extend(gone.map(|link| format!("{} → {link}", page.display())));
    }
    assert!(dead.is_empty(), "these links lead nowhere: {dead:#?}\nWrite the page, or mend the link.");
}

#[test]
fn every_crate_keeps_the_lints_of_the_workspace() {
    for package in packages() {
        let manifest = read(Path::new(package["manifest_path"].as_str().unwrap()));
        let name = text(&package["name"]);
        assert!(
            manifest.contains("[lints]\nworkspace = true") || name == "autoscan-bench",
            "{name}: put `[lints]` with `workspace = true` into its Cargo.toml"
        );
    }
}

struct Dependency {
    of: String,
    on: String,
    for_tests: bool,
}

fn dependencies() -> Vec<Dependency> {
    let mut found = Vec::new();
    for package in packages() {
        for dependency in package["dependencies"].as_array().unwrap() {
            found.push(Dependency {
                of: text(&package["name"]),
                on: text(&dependency["name"]),
                for_tests: dependency["kind"] == "dev",
            });
        }
    }
    found
}

fn packages() -> Vec<Value> {
    metadata()["packages"].as_array().unwrap().clone()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

pub(crate) fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()))
}

/// What is in a folder; nothing when there is no such folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

pub(crate) fn rust_files(below: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join(below)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "there is nothing below {below}: did the folder move?");
    files
}

fn is_test(file: &Path) -> bool {
    file.iter().any(|name| name == "tests") || file.ends_with("tests.rs")
}

/// The lines of a formatted file outside `#[cfg(test)] mod … { … }`.
pub(crate) fn lines_without_tests(source: &str) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if line != "#[cfg(test)]" {
            kept.push(line);
            continue;
        }
        let opened = lines.next().is_some_and(|next| next.ends_with('{'));
        if opened {
            lines.by_ref().take_while(|line| *line != "}").for_each(drop);
        }
    }
    kept
}

/// The relative links of a page, without their anchors.
fn links(page: &str) -> Vec<String> {
    page.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#', ' ']).next())
        .filter(|link| !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:"))
        .map(str::to_owned)
        .collect()
}

fn module(kind: &str) -> String {
    kind.replace('-', "_")
}

fn needs_file(what: &str, kind: &str, path: &str) {
    assert!(
        root().join(path).is_file(),
        "the {what} {kind} has no {path}: write it (CONTRIBUTING.md, adding a kind)"
    );
}

#[test]
fn tests_are_not_counted_as_lines_of_a_file() {
    let source = "use a;\n\n#[cfg(test)]\nmod tests {\n    fn a() {\n    }\n}\n\nfn b() {\n}\n";

    assert_eq!(lines_without_tests(source), ["use a;", "", "", "fn b() {", "}"]);
}

#[test]
fn only_links_to_our_own_pages_are_followed() {
    let page = "[a](docs/a.md#part) [b](https://example.org) [c](#here) ![d](d.png \"title\")";

    assert_eq!(links(page), ["docs/a.md", "d.png"]);
}
