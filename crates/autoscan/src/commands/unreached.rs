//! What `autoscan check` says of scans that reached no server, when the server of this config runs.

use serde_json::Value;

use crate::client::Client;
use crate::config::Loaded;

/// That scans need attention because no server was told of them, in a sentence. None when there are none, or when no server
/// runs with this config.
pub(super) async fn look(loaded: &Loaded) -> Option<String> {
    let client = Client::new(loaded).ok()?;
    let query = [("state", "attention"), ("limit", "500")];
    let page = client.get(&["api", "v1", "scans"], &query).await.ok()?;
    sentence(page["scans"].as_array()?)
}

fn sentence(scans: &[Value]) -> Option<String> {
    let unreached: Vec<&Value> = scans.iter().filter(|scan| reached_nobody(scan)).collect();
    let folder = unreached.first()?["folder"].as_str().unwrap_or_default();
    let count = match unreached.len() {
        1 => "1 scan needs attention because no server was told of it".to_owned(),
        count => format!("{count} scans need attention because no server was told of them"),
    };
    Some(format!(
        "{count}, the last one for {folder}. Run `autoscan explain {folder:?}` to see why, correct the maps, then retry: \
         `autoscan queue list --state attention`"
    ))
}

/// Whether no target was told: each skipped it, its file never came, or there is none.
fn reached_nobody(scan: &Value) -> bool {
    let untold = |one: &Value| match one["state"].as_str() {
        Some("skipped") => true,
        Some("missing") => one["sent_at"].is_null(),
        _ => false,
    };
    scan["deliveries"].as_array().is_some_and(|all| all.iter().all(untold))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_scans_of_which_no_target_was_told_reached_nobody() {
        let scan = |states: &[&str]| {
            let deliveries: Vec<Value> = states.iter().map(|state| json!({ "state": state })).collect();
            json!({ "folder": "/media/tv/Show", "deliveries": deliveries })
        };
        let mut told = scan(&["skipped", "missing"]);
        told["deliveries"][1]["sent_at"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(sentence(&[scan(&["failed"]), told]), None);
        let said = sentence(&[scan(&["skipped", "skipped"]), scan(&["failed"])]).unwrap();
        assert!(said.starts_with(
            "1 scan needs attention because no server was told of it, the last one for /media/tv/Show"
        ));
        assert!(sentence(&[scan(&["skipped"]), scan(&["missing"])]).unwrap().starts_with("2 scans need"));
    }
}
