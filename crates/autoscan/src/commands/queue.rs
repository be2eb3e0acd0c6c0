//! `autoscan queue …`: the queue of the running server.

use serde_json::{Value, json};

use crate::cli::QueueCommand;
use crate::client::Client;
use crate::command_end::CommandEnd;
use crate::output;

pub(crate) async fn run(client: &Client, command: QueueCommand) -> Result<CommandEnd, String> {
    match command {
        QueueCommand::List { state, target, trigger, limit, json } => {
            let limit = limit.to_string();
            let mut query = vec![("limit", limit.as_str())];
            for (name, value) in [("state", &state), ("target", &target), ("trigger", &trigger)] {
                query.extend(value.as_deref().map(|value| (name, value)));
            }
            list(&client.get(&["api", "v1", "scans"], &query).await?, json);
        }
        QueueCommand::Show { id, json } => {
            show(&client.get(&["api", "v1", "scans", &id.to_string()], &[]).await?, json);
        }
        QueueCommand::Retry { id } => {
            say(&client.post(&["api", "v1", "scans", &id.to_string(), "retry"], &json!({})).await?);
        }
        QueueCommand::Drop { id } => say(&client.delete(&["api", "v1", "scans", &id.to_string()]).await?),
        QueueCommand::Pause { target, duration } => {
            let body = duration.map_or_else(|| json!({}), |duration| json!({ "for": duration }));
            say(&client.post(&lane(target.as_deref(), "pause"), &body).await?);
        }
        QueueCommand::Resume { target } => {
            say(&client.post(&lane(target.as_deref(), "resume"), &json!({})).await?);
        }
    }
    Ok(CommandEnd::Well)
}

fn lane<'a>(target: Option<&'a str>, action: &'a str) -> Vec<&'a str> {
    match target {
        Some(target) => vec!["api", "v1", "targets", target, action],
        None => vec!["api", "v1", "queue", action],
    }
}

fn say(answer: &Value) {
    output::line(answer["message"].as_str().unwrap_or("done"));
}

fn list(answer: &Value, as_json: bool) {
    if as_json {
        output::json(answer);
        return;
    }
    let rows: Vec<Vec<String>> = answer["scans"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() && output::is_watched() {
        output::line("the queue is empty");
        return;
    }
    output::table(&["ID", "STATE", "FOLDER", "CHANGES", "DELIVERIES", "VISIBLE AFTER"], &rows);
    if output::is_watched() && answer["next_cursor"].is_string() {
        output::line("… and older ones: ask for more with --limit");
    }
}

fn row(scan: &Value) -> Vec<String> {
    let changes = scan["changes"].as_array().map_or(0, Vec::len);
    let slowest = scan["deliveries"].as_array().into_iter().flatten().filter_map(visible_after).max();
    vec![
        text(&scan["id"]),
        text(&scan["state"]),
        text(&scan["folder"]),
        changes.to_string(),
        deliveries(scan),
        slowest.map_or_else(String::new, seconds),
    ]
}

/// How long it took from the first webhook until this target showed the files, in milliseconds.
fn visible_after(delivery: &Value) -> Option<u64> {
    delivery["time_to_visible_ms"].as_u64()
}

/// `12.3 s`.
fn seconds(millis: u64) -> String {
    format!("{}.{} s", millis / 1000, millis % 1000 / 100)
}

/// `plex seen after 12.3 s, emby held`.
pub(crate) fn deliveries(scan: &Value) -> String {
    let told = |delivery: &Value| {
        let after =
            visible_after(delivery).map_or_else(String::new, |after| format!(" after {}", seconds(after)));
        format!("{} {}{after}", text(&delivery["target"]), text(&delivery["state"]))
    };
    scan["deliveries"].as_array().into_iter().flatten().map(told).collect::<Vec<_>>().join(", ")
}

fn show(scan: &Value, as_json: bool) {
    if as_json {
        output::json(scan);
        return;
    }
    for key in ["id", "folder", "state", "priority", "first_seen", "due_at", "note"] {
        if !scan[key].is_null() {
            output::line(format!("{key:<11}{}", text(&scan[key])));
        }
    }
    output::line("");
    let cells = |keys: &[&str], value: &Value| keys.iter().map(|key| text(&value[*key])).collect::<Vec<_>>();
    let keys = ["kind", "path", "from", "trigger", "received_at"];
    let changes: Vec<_> = scan["changes"].as_array().into_iter().flatten().map(|c| cells(&keys, c)).collect();
    output::table(&["KIND", "PATH", "FROM", "TRIGGER", "RECEIVED"], &changes);
    output::line("");
    let row = |delivery: &Value| {
        let mut row = cells(&["target", "state", "attempts", "next_attempt_at", "sent_at"], delivery);
        row.push(visible_after(delivery).map_or_else(String::new, seconds));
        let why = ["error", "note"].iter().filter_map(|key| delivery[*key].as_str());
        row.push(why.collect::<Vec<_>>().join("; "));
        row
    };
    let rows: Vec<_> = scan["deliveries"].as_array().into_iter().flatten().map(row).collect();
    output::table(&["TARGET", "STATE", "ATTEMPTS", "NEXT ATTEMPT", "SENT", "VISIBLE AFTER", "WHY"], &rows);
}

pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
