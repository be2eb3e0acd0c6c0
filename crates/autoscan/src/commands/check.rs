//! `autoscan check`: asks every target, every arr with an `api`, and looks at every anchor and map. The config itself was
//! checked by loading it. Where a folder is not found here, lines for the maps are proposed.

use std::sync::Arc;

use autoscan_core::name::Name;
use autoscan_core::path::{AbsolutePath, LocalPath};
use autoscan_core::ports::{Files, Look};
use autoscan_core::suggest::Suggestion;
use autoscan_engine::{Engine, LocalFolders, TestView};
use autoscan_http::Http;
use autoscan_triggers::ArrReport;
use serde::Serialize;

use super::{suggested_maps, unreached};
use crate::command_end::CommandEnd;
use crate::config::{ConfigFaults, Loaded, TriggerSettings};
use crate::disk::Disk;
use crate::{output, wire};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    /// What was looked at: `target plex`, `anchor /mnt/media/.mounted`.
    what: String,
    /// Whether all is well with it.
    ok: bool,
    /// What was found, in a sentence.
    found: String,
    /// Whether it is a folder that a map leads to, or should.
    #[serde(skip)]
    is_mapped: bool,
}

impl Finding {
    /// What stands before its line.
    fn mark(&self) -> &'static str {
        if self.ok { "ok  " } else { "BAD " }
    }

    /// Something that could be better, though all works.
    fn advice(what: &str, advice: &str) -> Self {
        Self { what: format!("{what}, advice"), ok: true, found: advice.to_owned(), is_mapped: false }
    }

    fn new(what: impl Into<String>, found: Result<String, String>) -> Self {
        let (ok, found) = found.map_or_else(|found| (false, found), |found| (true, found));
        Self { what: what.into(), ok, found, is_mapped: false }
    }

    fn of_map(what: String, found: Result<String, String>) -> Self {
        Self { is_mapped: true, ..Self::new(what, found) }
    }
}

pub(crate) async fn run(loaded: &Loaded, json: bool) -> CommandEnd {
    let disk = Arc::new(Disk::default());
    let engine = match wire::engine_at_rest(loaded, Arc::clone(&disk)) {
        Ok(engine) => engine,
        Err(faults) => return broken(&faults, json),
    };
    let mut findings = vec![Finding::new("config", Ok(config(loaded)))];
    findings.extend(targets(&engine, loaded).await);
    if loaded.settings.files.check {
        findings.extend(library_folders(&engine));
    }
    let http = Http::default();
    for trigger in &loaded.settings.triggers {
        findings.extend(arr(trigger, &http, &disk).await);
        findings.extend(maps(trigger, loaded, &disk).await);
    }
    for anchor in &loaded.settings.anchors {
        let found = match disk.look(&anchor.file).await {
            Look::File { .. } | Look::Folder => Ok(format!("stands, and guards {}", anchor.prefix)),
            Look::Missing => Err(format!("is missing: nothing under {} would be scanned", anchor.prefix)),
            Look::Unreachable(reason) => Err(reason),
        };
        findings.push(Finding::new(format!("anchor {}", anchor.file), found));
    }
    findings.extend(unreached::look(loaded).await.map(|found| Finding::new("queue", Err(found))));
    let is_lost = findings.iter().any(|finding| finding.is_mapped && !finding.ok);
    // Without a look at files this need not be the machine on which they lie.
    let suggested =
        if loaded.settings.files.check && (is_lost || suggested_maps::is_lost_at_a_target(&engine)) {
            suggested_maps::look(&engine, loaded, &http).await
        } else {
            Vec::new()
        };
    report(loaded, &findings, &suggested, json);
    if findings.iter().all(|finding| finding.ok) { CommandEnd::Well } else { CommandEnd::Failed }
}

/// Tells every fault of a config that could not be loaded. Nobody is asked then.
pub(crate) fn broken(faults: &ConfigFaults, json: bool) -> CommandEnd {
    if json {
        output::json(
            &serde_json::json!({ "ok": false, "faults": faults, "findings": [], "notes": [], "suggestions": [] }),
        );
    }
    output::complain(faults.to_string());
    CommandEnd::Wrong
}

fn config(loaded: &Loaded) -> String {
    let source =
        loaded.path.as_ref().map_or("the environment alone".to_owned(), |path| path.display().to_string());
    let (triggers, targets) = (loaded.settings.triggers.len(), loaded.settings.targets.len());
    format!("{source}: {triggers} triggers, {targets} targets")
}

fn report(loaded: &Loaded, findings: &[Finding], suggested: &[Suggestion], json: bool) {
    if json {
        let ok = findings.iter().all(|finding| finding.ok);
        let notes = &loaded.notes;
        output::json(&serde_json::json!({
            "ok": ok, "faults": [], "findings": findings, "notes": notes, "suggestions": suggested,
        }));
        return;
    }
    for finding in findings {
        output::line(format!("{}  {}: {}", finding.mark(), finding.what, finding.found));
    }
    for note in &loaded.notes {
        output::line(format!("note  {note}"));
    }
    suggested_maps::show(suggested);
}

async fn targets(engine: &Engine, loaded: &Loaded) -> Vec<Finding> {
    let mut findings = Vec::new();
    let kinds = wire::kinds().targets;
    let credential = |name: &Name| {
        let target = loaded.settings.targets.iter().find(|target| target.name == *name)?;
        kinds.iter().find(|kind| kind.name == target.kind)?.credential(&target.raw)
    };
    for target in engine.targets() {
        let Some(answer) = engine.test(target.name.as_str()).await else { continue };
        let what = format!("target {} ({})", target.name, target.url);
        match answer {
            Ok(test) => {
                let advice = test.advice.iter().map(|advice| Finding::advice(&what, advice));
                let advice: Vec<Finding> = advice.collect();
                findings.push(Finding::new(what, answers(test, credential(&target.name))));
                findings.extend(advice);
            }
            Err(fault) => findings.push(Finding::new(what, Err(fault.reason().to_owned()))),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::new("targets", Err("none is configured: nobody would be told".to_owned())));
    }
    findings
}

/// The folders of the targets' libraries that are not on this machine. Some servers have more libraries than autoscan is to
/// handle; one of which no folder is here can never be told of a file.
fn library_folders(engine: &Engine) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (target, known) in engine.targets().iter().zip(engine.known()) {
        let folders = known.and_then(|known| known.said).map(|said| said.folders).unwrap_or_default();
        let lost = |here: &LocalFolders| match here {
            LocalFolders::At(found) => !found.iter().any(|(_, look)| *look == Look::Folder),
            LocalFolders::Unsure => true,
        };
        let is_any_here = folders.iter().any(|(_, here)| !lost(here));
        for (folder, here) in folders.iter().filter(|(_, here)| lost(here)) {
            let what = format!("target {}, library folder {folder}", target.name);
            findings.push(Finding {
                ok: is_any_here,
                ..Finding::new(what, Err(not_here(target.name.as_str(), here)))
            });
        }
    }
    findings
}

/// That a folder of a library is not here, where autoscan looked, and what to do.
fn not_here(target: &str, here: &LocalFolders) -> String {
    let places = match here {
        LocalFolders::At(found) => found.as_slice(),
        LocalFolders::Unsure => &[],
    };
    let place = |(path, look): &(LocalPath, Look)| match look {
        Look::Unreachable(reason) => format!("{path} ({reason})"),
        Look::File { .. } => format!("{path} (a file)"),
        Look::Folder | Look::Missing => path.to_string(),
    };
    let looked = if places.is_empty() {
        "its `map` does not say which folder that is".to_owned()
    } else {
        format!("looked at {}", places.iter().map(place).collect::<Vec<_>>().join(", "))
    };
    format!(
        "is not on this machine: {looked}. Mount the folder here, or add a line to the `map` of target {target} that leads from the \
         folder here to this one. Leave it if autoscan gets no files of this library"
    )
}

/// What a target that answers says of itself, and of the key or login that it was asked with.
fn answers(test: TestView, credential: Option<&str>) -> Result<String, String> {
    let TestView { identity, libraries, .. } = test;
    let who = format!("{} {}", identity.product, identity.version);
    match libraries {
        None => Ok(format!("{who} answers")),
        Some(libraries) if libraries.is_empty() => Err(match credential {
            Some("key") => format!(
                "{who} answers and accepts the key, but shows no library: does the key belong to its owner?"
            ),
            Some(credential) => {
                format!("{who} answers and accepts the {credential}, but shows no library: has it one?")
            }
            None => {
                format!("{who} answers, but shows no library: has it one, and must it be asked with a key?")
            }
        }),
        Some(libraries) => {
            let titles: Vec<&str> = libraries.iter().map(|library| library.title.as_str()).collect();
            let said =
                credential.map_or("answers".to_owned(), |credential| format!("accepts the {credential}"));
            Ok(format!("{who} {said}; libraries: {}", titles.join(", ")))
        }
    }
}

/// Asks an arr who it is, and whether its root folders are there for autoscan.
async fn arr(trigger: &TriggerSettings, http: &Http, disk: &Disk) -> Vec<Finding> {
    let kind = autoscan_triggers::kinds().iter().find(|kind| kind.name == trigger.kind);
    let Some(version) = kind.and_then(|kind| kind.api) else { return Vec::new() };
    let Some(answer) = autoscan_triggers::ask_arr(&trigger.raw, version, http).await else {
        return Vec::new();
    };
    let what = format!("trigger {}", trigger.name);
    match answer {
        Err(fault) => vec![Finding::new(what, Err(fault.reason().to_owned()))],
        Ok(ArrReport { version, root_folders }) => {
            let said = Ok(format!("{} {version} answers and accepts the key", trigger.kind));
            let mut findings = vec![Finding::new(what.clone(), said)];
            for root in root_folders {
                let found = mapped(trigger, &root, disk).await;
                findings.push(Finding::of_map(format!("{what}, root folder {root}"), found));
            }
            findings
        }
    }
}

async fn mapped(trigger: &TriggerSettings, root: &str, disk: &Disk) -> Result<String, String> {
    let path = AbsolutePath::parse(root).map_err(|refusal| refusal.to_string())?;
    let local = LocalPath(trigger.map.apply(&path).map_err(|refusal| refusal.to_string())?.path);
    match disk.look(&local).await {
        Look::Folder => Ok(format!("is {local} here")),
        Look::File { .. } => Err(format!("is {local} here, which is a file")),
        Look::Missing => Err(format!(
            "would be {local} here, which does not exist: is a `map` missing, or are the media not mounted here?"
        )),
        Look::Unreachable(reason) => Err(format!("would be {local} here: {reason}")),
    }
}

/// Whether the folders that a trigger's map leads to exist.
async fn maps(trigger: &TriggerSettings, loaded: &Loaded, disk: &Disk) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !loaded.settings.files.check {
        return findings;
    }
    for folder in trigger.map.destinations() {
        let found = match disk.look(&LocalPath(folder.clone())).await {
            Look::Folder => Ok("is there".to_owned()),
            Look::File { .. } => Err("is a file".to_owned()),
            Look::Missing => {
                Err("does not exist here: is the map right, and is the folder mounted here?".to_owned())
            }
            Look::Unreachable(reason) => Err(reason),
        };
        findings.push(Finding::of_map(format!("trigger {}, map to {folder}", trigger.name), found));
    }
    findings
}
