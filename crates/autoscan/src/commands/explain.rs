//! `autoscan explain PATH`: the journey of one path. It needs no running server and changes nothing.

use std::sync::Arc;

use autoscan_core::path::TriggerPath;
use autoscan_engine::{ExplainedTarget, Explanation};

use crate::config::Loaded;
use crate::{End, output, wire};

pub(crate) async fn run(loaded: &Loaded, path: &str, trigger: Option<&str>, json: bool) -> End {
    let path = match TriggerPath::parse(path) {
        Ok(path) => path,
        Err(refusal) => {
            output::complain(format!("autoscan refuses this path: {refusal}"));
            return End::Wrong;
        }
    };
    let engine = match wire::engine_at_rest(loaded, Arc::default()) {
        Ok(engine) => engine,
        Err(faults) => {
            output::complain(faults.to_string());
            return End::Wrong;
        }
    };
    let Some(told) = engine.explain(&path, trigger).await else {
        let names: Vec<String> = engine.triggers().iter().map(|trigger| trigger.name.to_string()).collect();
        output::complain(format!(
            "there is no trigger named {:?}; the config has {}",
            trigger.unwrap_or_default(),
            names.join(", ")
        ));
        return End::Wrong;
    };
    if json {
        output::json(&told);
    } else {
        print(&told);
    }
    let reached = told.stopped.is_none() && told.targets.iter().any(|target| target.error.is_none());
    if reached { End::Well } else { End::Failed }
}

fn print(told: &Explanation) {
    let rule = |rule: &Option<String>| {
        rule.as_deref().map_or("no rule of the map matches".to_owned(), |r| format!("by {r}"))
    };
    output::line(format!("received   {} (trigger {})", told.received, told.trigger));
    if let Some(local) = &told.local {
        output::line(format!("local      {local} ({})", rule(&told.rule)));
    }
    if let Some(stopped) = &told.stopped {
        output::line(format!("stops here {stopped}"));
        return;
    }
    output::line(format!("on disk    {}", told.exists.unwrap_or("not looked at (files.check is false)")));
    if told.exists == Some("missing") {
        output::line("           autoscan would wait for it, then tell of the nearest folder that exists;");
        output::line(
            "           if the file is there for the sender, a map is missing or the media are not mounted here",
        );
    }
    if let Some(folder) = &told.folder {
        output::line(format!("folder     {folder}"));
    }
    let anchors = if told.gate.anchors.is_empty() { "none".to_owned() } else { told.gate.anchors.join(", ") };
    output::line(format!("anchor     {anchors}"));
    if let Some(held) = &told.gate.held {
        output::line(format!("held       {held}"));
    }
    if told.targets.is_empty() {
        output::line("targets    none: add one to the config");
    }
    told.targets.iter().for_each(print_target);
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
