//! What people connect themselves, a program and a server that takes webhooks, through the real binary.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use autoscan_testkit::{PretendReceiver, Trouble};
use serde_json::{Value, json};

use crate::harness::{Home, Program};
use crate::many::{AWKWARD, error};
use crate::media_setup::{all_done, imported, newest};
use crate::servers::{self, KEY};

/// A home with an awkward file, a Sonarr, and these lines for its targets; `HOME` in them is its folder.
fn home(targets: &str) -> Home {
    let home = Home::new("");
    let place = home.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let usual = fs::read_to_string(home.path("config.yml")).unwrap();
    let lines = "files: { settle: 0s }\ntriggers: { sonarr: [{ name: sonarr, map: { /tv: HOME/media/tv } }] }\ntargets:\n";
    home.write("config.yml", &format!("{usual}{lines}{targets}").replace("HOME", &place));
    home.write(&format!("media/tv/Show/{AWKWARD}/back\\slash.mkv"), "film");
    home
}

/// Sonarr imports the awkward file.
fn import(program: &Program) {
    imported(program, "Show", &format!("{AWKWARD}/back\\slash.mkv"));
}

/// Tells the newest scan again, as a person would.
fn retry(program: &Program) {
    let id = program.scans()[0]["id"].to_string();
    assert_eq!(program.ask("POST", &format!("/api/v1/scans/{id}/retry"), "{}").status, 200);
}

fn webhook(keys: &str) -> (PretendReceiver, Home) {
    let receiver = servers::receiver();
    let home = home(&format!(
        "  webhook: [{{ name: webhook, url: '{}/hook?a=b%20c', headers: {{ X-Key: {KEY} }}, map: {{ HOME/media: /data }}{keys} }}]\n",
        receiver.http.url()
    ));
    (receiver, home)
}

/// A program of the home, which is told where that is.
fn own(keys: &str) -> String {
    format!(
        "  command: [{{ name: command, map: {{ HOME/media: /data }}, argv: [/bin/sh, HOME/own.sh, HOME, '{{folder}}', '$(touch HOME/x);', '-n \"q\" *']{keys} }}]\n"
    )
}

/// Whether a process runs: a zombie does not.
fn lives(pid: &str) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    status.is_ok_and(|status| !status.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X'])))
}

#[test]
fn a_body_of_ones_own_stays_json_whatever_a_file_is_called_and_a_page_is_an_answer() {
    let body = r#", method: PUT, body: '{"path": {{path}}, "text": "new: {{path}}!", "all": {{changes}}, "what": "{{event}}"}'"#;
    let (receiver, home) = webhook(body);
    let program = home.serve();
    import(&program);
    program.until("it is told", || all_done(&program, 1));
    assert_eq!(newest(&program, "webhook")["state"], "sent");
    let path = format!("/data/tv/Show/{AWKWARD}/back\\slash.mkv");
    let change = json!({"path": path, "kind": "created", "folder": false});
    assert_eq!(
        receiver.bodies(),
        [json!({"path": path, "text": format!("new: {path}!"), "all": [change], "what": "created"})]
    );
    let call = receiver.http.calls_to("/hook").pop().unwrap();
    assert_eq!((call.method.as_str(), call.target.as_str()), ("PUT", "/hook?a=b%20c"));
    assert_eq!((call.header("x-key"), call.header("content-type")), (Some(KEY), Some("application/json")));
}

#[test]
fn a_webhook_that_is_refused_is_tried_again_and_one_that_meets_an_outage_is_held() {
    let (receiver, home) = webhook("");
    let program = home.serve();
    receiver.http.set_trouble(Some(Trouble::Status(404)));
    import(&program);
    program.until("an attempt is counted", || newest(&program, "webhook")["attempts"] == 1);
    let delivery = newest(&program, "webhook");
    assert!(delivery["state"] == "waiting" && error(&delivery).contains("404"), "{delivery}");
    assert!(!error(&delivery).contains("hook"), "the path of its URL may be a secret: {delivery}");

    receiver.http.set_trouble(Some(Trouble::Status(500)));
    retry(&program);
    program.until("it is held", || newest(&program, "webhook")["state"] == "held");
    assert!(error(&newest(&program, "webhook")).contains("500"), "{}", newest(&program, "webhook"));
    assert!(receiver.bodies().is_empty());
    receiver.http.set_trouble(None);
    retry(&program);
    program.until("it is told", || all_done(&program, 1));
    assert_eq!(receiver.bodies().len(), 1);
}

#[test]
fn a_webhook_that_fails_at_one_folder_is_told_of_the_others() {
    let (receiver, home) = webhook("");
    home.write("media/tv/Good/1.mkv", "film");
    receiver.set_stumbles_over(Some("/data/tv/Show"));
    let program = home.serve();
    import(&program);
    program.until("it fails", || error(&newest(&program, "webhook")).contains("500"));
    assert_eq!(newest(&program, "webhook")["state"], "waiting");
    imported(&program, "Good", "1.mkv");
    program.until("the other is told", || newest(&program, "webhook")["state"] == "sent");
    let targets = program.get("/api/v1/targets").to_string();
    assert!(targets.contains("\"open\""), "{targets}");
    receiver.set_stumbles_over(None);
    program.until("the first is told by itself", || all_done(&program, 2));
    let folders: Vec<Value> = receiver.bodies().iter().map(|body| body["folder"].clone()).collect();
    assert_eq!(folders, [json!("/data/tv/Good"), json!(format!("/data/tv/Show/{AWKWARD}"))]);
}

#[test]
fn a_program_is_handed_its_words_untouched_and_the_scan_in_its_environment() {
    let home = home(&own(""));
    home.write(
        "own.sh",
        "for word in \"$@\"; do printf '%s\\n' \"$word\"; done >\"$1/words\"; env >\"$1/env\"\n",
    );
    let mut command = home.command(&["serve"]);
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("SOME_SECRET", "s3cret");
    let program = home.serve_by(command);
    import(&program);
    program.until("it was run", || all_done(&program, 1));
    let place = home.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let folder = format!("/data/tv/Show/{AWKWARD}");
    let words = fs::read_to_string(home.path("words")).unwrap();
    let expected = [place.clone(), folder.clone(), format!("$(touch {place}/x);"), "-n \"q\" *".to_owned()];
    assert_eq!(words.lines().collect::<Vec<_>>(), expected);
    assert!(!home.path("x").exists(), "a shell read a word");

    let env = fs::read_to_string(home.path("env")).unwrap();
    let path = format!("{folder}/back\\slash.mkv");
    let changes = json!([{"path": path, "kind": "created", "folder": false}]);
    let variable = |name: &str| env.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    assert_eq!(variable("AUTOSCAN_FOLDER"), Some(folder.as_str()));
    assert_eq!(variable("AUTOSCAN_PATHS"), Some(path.as_str()));
    assert_eq!(variable("AUTOSCAN_DELETED"), Some(""));
    assert_eq!(variable("AUTOSCAN_LEFT_OUT"), Some("0"));
    let told: Value = serde_json::from_str(variable("AUTOSCAN_CHANGES").unwrap()).unwrap();
    assert_eq!(told, changes);
    assert!(!env.contains("SOME_SECRET") && !env.contains("s3cret"), "{env}");
}

#[test]
fn a_program_that_fails_is_quoted_and_run_again() {
    let home = home(&own(""));
    home.write("own.sh", "test -e \"$1/mended\" || { echo 'no disk: \u{1b}[31m' >&2; exit 3; }\n");
    let program = home.serve();
    import(&program);
    program.until("an attempt is counted", || newest(&program, "command")["attempts"] == 1);
    let delivery = newest(&program, "command");
    assert_eq!(delivery["state"], "waiting");
    let reason = error(&delivery);
    assert!(reason.contains("exit status: 3") && reason.contains("no disk"), "{reason}");
    assert!(!reason.contains('\u{1b}') && !program.printed().contains('\u{1b}'), "{reason:?}");
    assert!(!delivery["next_attempt_at"].is_null(), "{delivery}");
    home.write("mended", "");
    program.until("it is run again by itself", || all_done(&program, 1));
    assert_eq!(newest(&program, "command")["attempts"], 2);
}

/// A program that hangs, and starts another one that does. Both write down who they are.
const HANGS: &str = "(sleep 1000 & echo $! >>\"$1/pids\"; wait) & echo $$ >>\"$1/pids\"; echo hangs; wait\n";

/// Who wrote down who they are.
fn pids(home: &Home) -> Vec<String> {
    fs::read_to_string(home.path("pids")).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn a_program_that_hangs_is_killed_with_all_that_it_started() {
    let home = home(&own(", timeout: 1s"));
    home.write("own.sh", HANGS);
    let program = home.serve();
    import(&program);
    program.until("an attempt is counted", || newest(&program, "command")["attempts"] == 1);
    let delivery = newest(&program, "command");
    let reason = error(&delivery);
    assert!(reason.contains("did not end within 1s") && reason.contains("\"hangs\""), "{delivery}");
    let first = &pids(&home)[..2];
    program.until("both are gone", || !first.iter().any(|pid| lives(pid)));
    home.write("own.sh", "");
    retry(&program);
    program.until("it is run again", || all_done(&program, 1));
}

#[test]
fn a_program_that_runs_when_autoscan_stops_is_killed_and_run_again_after_the_start() {
    let home = home(&own(", timeout: 1h"));
    home.write("own.sh", HANGS);
    let program = home.serve();
    import(&program);
    program.until("both run", || pids(&home).len() == 2);
    program.stop();
    program.until("both are gone", || !pids(&home).iter().any(|pid| lives(pid)));
    home.write("own.sh", "");
    let program = home.serve();
    program.until("it is run again", || all_done(&program, 1));
}

#[test]
fn a_program_that_is_not_there_holds_its_target_until_it_is() {
    let home = home("  command: [{ name: command, argv: [HOME/own.sh] }]\n");
    let program = home.serve();
    import(&program);
    program.until("it is held", || newest(&program, "command")["state"] == "held");
    assert!(error(&newest(&program, "command")).contains("was not found"));
    home.write("own.sh", "#!/bin/sh\n");
    let answer = program.ask("POST", "/api/v1/targets/command/test", "{}");
    assert!(answer.status == 502 && answer.body.contains("chmod +x"), "{answer:?}");
    fs::set_permissions(home.path("own.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(program.ask("POST", "/api/v1/targets/command/test", "{}").status, 200);
    program.until("it was run", || all_done(&program, 1));
}
