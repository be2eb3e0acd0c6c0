//! `autoscan libraries`: every target's libraries, asked directly.

use std::sync::Arc;

use autoscan_core::ports::Library;
use serde_json::json;

use crate::command_end::CommandEnd;
use crate::config::Loaded;
use crate::{output, wire};

pub(crate) async fn run(loaded: &Loaded, paths: bool, as_json: bool) -> CommandEnd {
    let engine = match wire::engine_at_rest(loaded, Arc::default()) {
        Ok(engine) => engine,
        Err(faults) => {
            output::complain(faults.to_string());
            return CommandEnd::Wrong;
        }
    };
    let (mut rows, mut values, mut end) = (Vec::new(), Vec::new(), CommandEnd::Well);
    for target in engine.targets() {
        match engine.test(target.name.as_str()).await {
            Some(Ok(test)) => {
                let libraries = test.libraries.unwrap_or_default();
                rows.extend(libraries.iter().map(|library| row(target.name.as_str(), library, paths)));
                values.push(json!({ "target": target.name, "libraries": libraries }));
            }
            Some(Err(fault)) => {
                output::complain(format!("{}: {}", target.name, fault.reason()));
                values.push(json!({ "target": target.name, "error": fault.reason() }));
                end = CommandEnd::Failed;
            }
            None => {}
        }
    }
    if as_json {
        output::json(&values);
    } else if values.is_empty() {
        output::complain("the config names no target");
    } else {
        let headings: &[&str] = if paths {
            &["TARGET", "ID", "TITLE", "KIND", "FOLDERS"]
        } else {
            &["TARGET", "ID", "TITLE", "KIND"]
        };
        output::table(headings, &rows);
    }
    end
}

fn row(target: &str, library: &Library, paths: bool) -> Vec<String> {
    let mut row = vec![target.to_owned(), library.id.clone(), library.title.clone(), library.kind.clone()];
    if paths {
        row.push(library.folders.join(", "));
    }
    row
}
