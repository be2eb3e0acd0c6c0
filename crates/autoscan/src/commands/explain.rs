//! `autoscan explain PATH`: the journey of one path. It needs no running server and changes nothing.

use std::sync::Arc;

use autoscan_core::path::TriggerPath;
use autoscan_engine::{ExplainedTarget, Explanation};

use crate::command_end::CommandEnd;
use crate::config::Loaded;
use crate::{output, wire};

pub(crate) async fn run(loaded: &Loaded, path: &str, trigger: Option<&str>, json: bool) -> CommandEnd {
    let path = match TriggerPath::parse(path) {
        Ok(path) => path,
        Err(refusal) => {
            output::complain(format!("autoscan refuses this path: {refusal}"));
            return CommandEnd::Wrong;
        }
    };
    let engine = match wire::engine_at_rest(loaded, Arc::default()) {
        Ok(engine) => engine,
        Err(faults) => {
            output::complain(faults.to_string());
            return CommandEnd::Wrong;
        }
    };
    let Some(explanation) = engine.explain(&path, trigger).await else {
        let names: Vec<String> = engine.triggers().iter().map(|trigger| trigger.name.to_string()).collect();
        output::complain(format!(
            "there is no trigger named {:?}; the config has {}",
            trigger.unwrap_or_default(),
            names.join(", ")
        ));
        return CommandEnd::Wrong;
    };
    if json {
        output::json(&explanation);
    } else {
        print(&explanation);
    }
    let reached =
        explanation.stopped.is_none() && explanation.targets.iter().any(|target| target.error.is_none());
    if reached { CommandEnd::Well } else { CommandEnd::Failed }
}

fn print(explanation: &Explanation) {
    let rule = |rule: &Option<String>| {
        rule.as_deref().map_or("no rule of the map matches".to_owned(), |r| format!("by {r}"))
    };
    output::line(format!("received   {} (trigger {})", explanation.received, explanation.trigger));
    if let Some(local) = &explanation.local {
        output::line(format!("local      {local} ({})", rule(&explanation.rule)));
    }
    if let Some(stopped) = &explanation.stopped {
        output::line(format!("stops here {stopped}"));
        return;
    }
    output::line(format!(
        "on disk    {}",
        explanation.exists.unwrap_or("not looked at (files.check is false)")
    ));
    if explanation.exists == Some("missing") {
        output::line("           autoscan would wait for it, then tell of the nearest folder that exists;");
        output::line(
            "           if the file is there for the sender, a map is missing or the media are not mounted here",
        );
    }
    if let Some(folder) = &explanation.folder {
        output::line(format!("folder     {folder}"));
    }
    let anchors = if explanation.gate.anchors.is_empty() {
        "none".to_owned()
    } else {
        explanation.gate.anchors.join(", ")
    };
    output::line(format!("anchor     {anchors}"));
    if let Some(held) = &explanation.gate.held {
        output::line(format!("held       {held}"));
    }
    if explanation.targets.is_empty() {
        output::line("targets    none: add one to the config");
    }
    explanation.targets.iter().for_each(print_target);
}

fn print_target(target: &ExplainedTarget) {
    output::line(format!("\n{} ({})", target.target, target.kind));
    if let Some(folder) = &target.folder {
        let rule = target.rule.as_deref().map_or_else(String::new, |rule| format!(" (by {rule})"));
        output::line(format!("  folder   {folder}{rule}"));
    }
    if let Some(error) = &target.error {
        output::line(format!("  nothing  {error}"));
    }
    let Some(plan) = &target.plan else { return };
    for library in &plan.libraries {
        output::line(format!(
            "  library  {} ({}, {})",
            library.title,
            library.kind,
            library.folders.join(", ")
        ));
    }
    for call in &plan.calls {
        output::line(format!("  call     {} {}", call.method, call.url));
        if let Some(body) = &call.body {
            output::line(format!("           {body}"));
        }
    }
}
