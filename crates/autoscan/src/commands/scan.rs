//! `autoscan scan PATH…`: asks the running server for a scan, and waits for it when told to.

use std::time::Duration;

use serde_json::{Value, json};

use super::queue::{deliveries, text};
use crate::cli::ScanArgs;
use crate::client::Client;
use crate::command_end::CommandEnd;
use crate::output;

/// Between two questions how it goes.
const PAUSE: Duration = Duration::from_millis(300);

pub(crate) async fn run(client: &Client, args: ScanArgs) -> Result<CommandEnd, String> {
    let mut body = json!({ "paths": args.paths });
    if !args.target.is_empty() {
        body["targets"] = json!(args.target);
    }
    let answer = client.post(&["api", "v1", "scans"], &body).await?;
    if !args.wait {
        if args.json {
            output::json(&answer);
        } else {
            let ids: Vec<String> = answer["scans"].as_array().into_iter().flatten().map(text).collect();
            output::line(format!("{} (scan {})", text(&answer["message"]), ids.join(", ")));
        }
        return Ok(CommandEnd::Well);
    }
    let ids: Vec<String> = answer["scans"].as_array().into_iter().flatten().map(text).collect();
    if ids.is_empty() {
        return Err(format!("nothing to wait for: {}", text(&answer["message"])));
    }
    wait(client, &ids, args.json).await
}

async fn wait(client: &Client, ids: &[String], as_json: bool) -> Result<CommandEnd, String> {
    let mut finished = Vec::new();
    for id in ids {
        finished.push(wait_for_one(client, id, !as_json && output::is_watched()).await?);
    }
    if as_json {
        output::json(&finished);
    }
    for scan in finished.iter().filter(|_| !as_json) {
        output::line(describe(scan));
        for delivery in scan["deliveries"].as_array().into_iter().flatten() {
            for why in ["error", "note"].iter().filter_map(|key| delivery[*key].as_str()) {
                output::line(format!("  {}: {why}", text(&delivery["target"])));
            }
        }
    }
    Ok(if finished.iter().all(is_well) { CommandEnd::Well } else { CommandEnd::Failed })
}

/// Whether a scan is done, and somebody was told.
fn is_well(scan: &Value) -> bool {
    let told = |delivery: &Value| delivery["state"] != "skipped";
    scan["state"] == "done" && scan["deliveries"].as_array().is_none_or(|all| all.iter().any(told))
}

async fn wait_for_one(client: &Client, id: &str, watched: bool) -> Result<Value, String> {
    loop {
        let scan = client.get(&["api", "v1", "scans", id], &[]).await?;
        if matches!(scan["state"].as_str(), Some("done" | "attention")) {
            if watched {
                output::progress("");
            }
            return Ok(scan);
        }
        if watched {
            let note = scan["note"].as_str().map_or_else(String::new, |note| format!(": {note}"));
            output::progress(&format!("{}{note}", describe(&scan)));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn describe(scan: &Value) -> String {
    let told = deliveries(scan);
    let told = if told.is_empty() { String::new() } else { format!(" ({told})") };
    format!("scan {} of {}: {}{told}", text(&scan["id"]), text(&scan["folder"]), text(&scan["state"]))
}
