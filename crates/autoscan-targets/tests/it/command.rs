//! How a program of the user's own is told, with real programs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{AWKWARD, changed, connect, path, random_names, rescan, verdict, verdicts};
use autoscan_core::change::Change;
use autoscan_core::ports::Target;
use autoscan_targets::command_hook;
use serde_json::json;
use tempfile::TempDir;

/// A target that runs this script.
fn script(text: &str) -> (Arc<dyn Target>, TempDir) {
    script_within(text, "20s")
}

fn script_within(text: &str, timeout: &str) -> (Arc<dyn Target>, TempDir) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("script.sh");
    std::fs::write(&file, text).unwrap();
    let place = folder.path().to_str().unwrap();
    let argv = json!(["/bin/sh", file.to_str().unwrap(), place, "{folder}"]);
    (connect("command", &json!({"argv": argv, "timeout": timeout})), folder)
}

fn written(folder: &TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

#[tokio::test]
async fn the_program_is_told_the_folder_byte_for_byte() {
    let (server, folder) =
        script("printf '%s\\n' \"$2\" >>\"$1/told\"; printf '%s\\n' \"$AUTOSCAN_FOLDER\" >>\"$1/told\"");
    let names: Vec<String> = AWKWARD.iter().map(|&name| name.to_owned()).chain(random_names(20)).collect();
    let names = names.into_iter().chain(["$(touch x)".to_owned(), "`id`; rm -rf ~ && {folder}".to_owned()]);
    let folders: Vec<String> = names.map(|name| format!("/tv/{name}")).collect();
    let batch: Vec<_> = folders.iter().map(|folder| rescan(folder)).collect();
    assert!(server.scan(&batch).await.iter().all(Result::is_ok));
    let expected: Vec<&str> = folders.iter().flat_map(|folder| [folder.as_str(), folder]).collect();
    let told = written(&folder, "told");
    assert_eq!(told.split_terminator('\n').collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn the_environment_holds_the_scan_and_nothing_of_ours() {
    let (server, folder) = script("env >\"$1/env\"");
    let changes = vec![Change::created(path("/tv/S/a.mkv")), Change::deleted(path("/tv/S/b.mkv"))];
    assert_eq!(verdicts(&server.scan(&[changed("/tv/S", changes)]).await), ["ok"]);
    let env = written(&folder, "env");
    for line in [
        "AUTOSCAN_FOLDER=/tv/S",
        "AUTOSCAN_PATHS=/tv/S/a.mkv",
        "AUTOSCAN_DELETED=/tv/S/b.mkv",
        "AUTOSCAN_LEFT_OUT=0",
    ] {
        assert!(env.lines().any(|known| known == line), "{line} is not in:\n{env}");
    }
    assert!(
        env.contains("AUTOSCAN_CHANGES=[{\"path\":\"/tv/S/a.mkv\",\"kind\":\"created\",\"folder\":false},"),
        "{env}"
    );
    // The test itself runs with many variables of cargo.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(!env.contains("CARGO"), "{env}");
}

#[tokio::test]
async fn how_it_ends_is_what_the_delivery_says() {
    for (text, expected, part) in [
        ("exit 0", "ok", ""),
        ("echo out; echo no disk >&2; exit 3", "wrong", "exit status: 3; it said \"no disk\""),
        ("echo only out; exit 1", "wrong", "it said \"only out\""),
        ("exit 7", "wrong", "exit status: 7 and said nothing"),
        ("kill -9 $$", "wrong", "signal: 9"),
        ("printf '\\033[31mred\\nnext\\033' >&2; exit 1", "wrong", r#"it said "\u{1b}[31mred next\u{1b}""#),
    ] {
        let (server, _folder) = script(text);
        let result = server.scan(&[rescan("/tv/S")]).await.remove(0);
        assert_eq!(verdict(&result), expected, "{text}");
        let reason = result.err().map(|fault| fault.to_string()).unwrap_or_default();
        assert!(reason.contains(part), "{text}: {reason}");
    }
}

#[tokio::test]
async fn what_it_says_is_read_without_end_and_kept_in_part() {
    let (server, _folder) = script("head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 1");
    let reason = server.scan(&[rescan("/tv/S")]).await.remove(0).unwrap_err().to_string();
    assert!(reason.contains("xxxx") && reason.contains('…') && reason.len() < 600, "{reason}");
}

#[tokio::test]
async fn a_program_that_leaves_another_one_behind_has_ended() {
    let (server, folder) = script("sleep 1000 & echo $! >\"$1/pid\"; exit 0");
    assert_eq!(verdicts(&server.scan(&[rescan("/tv/S")]).await), ["ok"]);
    let left: u32 = written(&folder, "pid").trim().parse().unwrap();
    assert!(lives(left), "what it left behind is its own affair");
    std::process::Command::new("kill").arg(left.to_string()).status().unwrap();
}

/// Whether a process runs: a zombie does not.
fn lives(pid: u32) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    status.is_ok_and(|status| !status.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X'])))
}

/// Waits until a process has ended, but no longer than ten seconds.
async fn ends(pid: u32) -> bool {
    for _ in 0..1000 {
        if !lives(pid) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

const WITH_A_CHILD: &str =
    "echo waiting >&2; sh -c 'sleep 1000' & echo $! >\"$1/child\"; echo $$ >\"$1/pid\"; wait";

#[tokio::test]
async fn at_the_end_of_its_time_all_that_it_started_is_killed() {
    let (server, folder) = script_within(WITH_A_CHILD, "500ms");
    let result = server.scan(&[rescan("/tv/S")]).await.remove(0);
    assert_eq!(verdict(&result), "wrong");
    let reason = result.unwrap_err().to_string();
    assert!(reason.contains("within 500ms") && reason.contains("\"waiting\""), "{reason}");
    for name in ["pid", "child"] {
        assert!(ends(written(&folder, name).trim().parse().unwrap()).await, "{name} still runs");
    }
}

#[tokio::test]
async fn when_autoscan_stops_the_program_stops_too() {
    let (server, folder) = script(WITH_A_CHILD);
    let running = tokio::spawn(async move { server.scan(&[rescan("/tv/S")]).await });
    while !std::fs::read_to_string(folder.path().join("pid")).is_ok_and(|pid| pid.ends_with('\n')) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
    for name in ["pid", "child"] {
        assert!(ends(written(&folder, name).trim().parse().unwrap()).await, "{name} still runs");
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_run_holds_the_lane_and_tells_a_person() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("not-executable");
    std::fs::write(&file, "#!/bin/sh\n").unwrap();
    let file = file.to_str().unwrap();
    for (argv, part) in [
        (json!(["/no/such/program"]), "was not found"),
        (json!(["no-such-program-anywhere"]), "was not found"),
        (json!([file]), "chmod +x"),
        (json!([folder.path().to_str().unwrap()]), "chmod +x"),
    ] {
        let server = connect("command", &json!({"argv": argv}));
        let results = server.scan(&[rescan("/tv/A"), rescan("/tv/B")]).await;
        assert_eq!(verdicts(&results), ["refused", "refused"], "{argv}");
        let probed = server.probe().await.unwrap_err();
        assert!(
            matches!(&probed, autoscan_core::fault::Fault::Refused { reason } if reason.contains(part)),
            "{probed:?}"
        );
    }
}

#[tokio::test]
async fn a_probe_looks_and_runs_nothing() {
    let (server, folder) = script("touch \"$1/ran\"");
    let identity = server.probe().await.unwrap();
    assert_eq!((identity.product.as_str(), identity.name.as_deref()), ("Command", Some("/bin/sh")));
    assert!(server.libraries().is_none());
    let plan = server.plan(&rescan("/tv/A B")).await.unwrap();
    assert_eq!((plan.calls[0].method.as_str(), plan.calls[0].url.as_str()), ("RUN", "/bin/sh"));
    assert!(plan.calls[0].body.as_ref().unwrap().ends_with(",\"/tv/A B\"]"), "{plan:?}");
    assert!(!folder.path().join("ran").exists());
    assert!(server.proof().is_none());
    let by_name = connect("command", &json!({"argv": ["sh", "-c", "true"]}));
    assert!(by_name.probe().await.unwrap().name.unwrap().ends_with("/sh"));
}

#[tokio::test]
async fn a_hook_is_a_target_like_any_other() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("hook");
    let hook =
        command_hook(vec!["touch".to_owned(), file.to_str().unwrap().to_owned()], Duration::from_secs(20));
    assert_eq!(verdicts(&hook.unwrap().scan(&[rescan("/tv/A")]).await), ["ok"]);
    assert!(file.exists());
    assert!(command_hook(Vec::new(), Duration::from_secs(1)).err().unwrap().contains("`argv` is empty"));
}
