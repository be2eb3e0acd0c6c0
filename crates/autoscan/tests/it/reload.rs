//! The config is read again while autoscan runs: all of it is taken over, or nothing.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use autoscan_testkit::PretendPlex;
use serde_json::{Value, json};

use crate::harness::{Answer, Home, Program, base64, episode};
use crate::media_setup::{MediaSetup, all_done, imported};
use crate::servers;

/// A text that is nowhere but in secrets.
const HIDDEN: &str = "hUnTeR2";

const SONARR: &str =
    "files: { check: false }\ntriggers:\n  sonarr: [{ name: sonarr, map: { /tv: /mnt/tv } }]\n";

/// The lines of a Plex that is told at its folder `/data/tv`, and not asked for files.
fn plex(name: &str, server: &PretendPlex) -> String {
    format!(
        "    - {{ name: {name}, url: '{}', token: plex-token, proof: off, map: {{ /mnt: /data }} }}\n",
        server.http.url()
    )
}

fn reload(program: &Program) -> Answer {
    program.ask("POST", "/api/v1/config/reload", "")
}

fn said(answer: &Answer) -> String {
    answer.json()["message"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// Adds to the config.
fn add(home: &Home, lines: &str) {
    let text = fs::read_to_string(home.path("config.yml")).unwrap();
    home.write("config.yml", &format!("{text}{lines}"));
}

fn deliveries(scan: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = scan["deliveries"].as_array().into_iter().flatten();
    all.map(|delivery| (text(&delivery["target"]), text(&delivery["state"]))).collect()
}

fn targets(program: &Program) -> Vec<String> {
    let targets = program.get("/api/v1/targets");
    let names = targets["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| target["name"].as_str().unwrap().to_owned());
    names.collect()
}

#[test]
fn a_new_target_gets_its_share_and_one_that_is_gone_is_shown_as_held() {
    let (one, two) = (servers::plex(), servers::plex());
    let home = Home::new(&format!("{SONARR}targets:\n  plex:\n{}", plex("one", &one)));
    let program = home.serve();
    let before = program.get("/api/v1/config");
    assert!(before["text"].as_str().unwrap().contains("name: one"), "{before}");
    program.ask("POST", "/api/v1/queue/pause", "");
    program.sonarr(&episode("/tv/A", "a.mkv"));
    program.until("the scan runs", || program.scans()[0]["state"] == "running");

    add(&home, &plex("two", &two));
    let answer = reload(&program);
    assert_eq!(said(&answer), "The config was read again: target two is new", "{answer:?}");
    assert_eq!(targets(&program), ["one", "two"]);
    let paused = program.get("/api/v1/targets");
    assert_eq!(paused["targets"][0]["state"], "paused", "a pause lasts: {paused}");
    program.ask("POST", "/api/v1/queue/resume", "");
    program.sonarr(&episode("/tv/B", "b.mkv"));
    let sent = |target: &str| (target.to_owned(), "sent".to_owned());
    program.until("both are told of the second, one of the first", || {
        let scans = program.scans();
        deliveries(&scans[0]) == [sent("one"), sent("two")] && deliveries(&scans[1]) == [sent("one")]
    });

    program.ask("POST", "/api/v1/targets/two/pause", "");
    program.sonarr(&episode("/tv/C", "c.mkv"));
    program.until("the third runs", || program.scans()[0]["state"] == "running");
    let text = fs::read_to_string(home.path("config.yml")).unwrap();
    home.write("config.yml", &text.replace(&plex("two", &two), ""));
    assert_eq!(said(&reload(&program)), "The config was read again: target two is gone");
    let scan = program.scans().remove(0);
    let held =
        scan["deliveries"].as_array().unwrap().iter().find(|delivery| delivery["target"] == "two").unwrap();
    assert_eq!(held["state"], "held", "{scan}");
    assert!(held["error"].as_str().unwrap().contains("no target \"two\""), "{scan}");
    program.stop();
}

#[test]
fn a_config_with_faults_changes_nothing_and_says_all_of_them() {
    let server = servers::plex();
    let home = Home::new(&format!("{SONARR}targets:\n  plex:\n{}", plex("one", &server)));
    let program = home.serve();
    let good = fs::read_to_string(home.path("config.yml")).unwrap();
    for (lines, says) in [
        ("history: 3\nprot: 1\n", vec!["history", "no unit", "prot", "port"]),
        ("    - { url: 'http://x', token: \"  \" }\n", vec!["token", "is empty"]),
        (": [\n", vec!["the YAML is broken"]),
    ] {
        home.write("config.yml", &format!("{good}{lines}"));
        let answer = reload(&program);
        assert_eq!(answer.status, 422, "{answer:?}");
        assert_eq!(answer.json()["code"], "CONFIG_FAULTY");
        for word in says {
            assert!(answer.body.contains(word), "{word}: {answer:?}");
        }
        assert_eq!(targets(&program), ["one"]);
    }
    fs::remove_file(home.path("config.yml")).unwrap();
    let answer = reload(&program);
    assert!(answer.status == 422 && answer.body.contains("there is no such file"), "{answer:?}");
    home.write("config.yml", &good);
    assert_eq!(said(&reload(&program)), "The config was read again: nothing in it is different");
    program.sonarr(&episode("/tv/A", "a.mkv"));
    program.until("it goes on", || program.scans()[0]["state"] == "done");
    program.stop();
}

#[test]
fn what_needs_a_restart_is_said_and_the_rest_holds_at_once() {
    let home = Home::new(SONARR);
    let program = home.serve();
    let text = fs::read_to_string(home.path("config.yml")).unwrap();
    let other = text.replace(&format!("port: {}", home.port), "port: 1").replace("correct-horse", HIDDEN);
    home.write("config.yml", &format!("{other}log: {{ format: json }}\n"));
    let answer = said(&reload(&program));
    assert_eq!(
        answer,
        "The config was read again: authentication is different. port: needs a restart. log: needs a restart"
    );
    let old = program.ask("GET", "/api/v1/stats", "");
    assert_eq!(old.status, 401, "the password of before opens nothing: {old:?}");
    let header = format!("Authorization: Basic {}", base64(format!("autoscan:{HIDDEN}").as_bytes()));
    let config = program.request("GET", "/api/v1/config", &[&header], b"");
    assert!(config.status == 200 && config.body.contains("port: needs a restart"), "{config:?}");
    for shown in [&config.body, &program.printed()] {
        assert!(!shown.contains(HIDDEN), "{shown}");
    }
    program.stop();
}

#[test]
fn a_hangup_signal_reads_the_config_again_and_logs_what_became_of_it() {
    let home = Home::new(SONARR);
    let program = home.serve();
    add(&home, "history: 9d\n");
    program.signal("HUP");
    program.until("it is taken over", || program.printed().contains("history is different"));
    add(&home, "prot: 1\n");
    program.signal("HUP");
    program.until("it is refused", || program.printed().contains("goes on with the one before"));
    assert!(program.printed().contains("prot"), "{}", program.printed());
    assert_eq!(program.ask("GET", "/api/v1/stats", "").status, 200);
    program.stop();
}

#[test]
fn webhooks_during_ten_reloads_are_all_stored_and_all_told() {
    let server = servers::plex();
    let home = Home::new(&format!("{SONARR}targets:\n  plex:\n{}", plex("one", &server)));
    let program = home.serve();
    let (over, stored) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for sender in 0..4 {
            let (program, over, stored) = (&program, &over, &stored);
            scope.spawn(move || {
                let mut number = 0;
                while !over.load(Ordering::Relaxed) || number < 25 {
                    program.sonarr(&episode(&format!("/tv/S{sender}-{number}"), "e.mkv"));
                    stored.fetch_add(1, Ordering::Relaxed);
                    number += 1;
                }
            });
        }
        for round in 0..10 {
            let text = fs::read_to_string(home.path("config.yml")).unwrap();
            let text: String = text
                .lines()
                .filter(|line| !line.starts_with("history"))
                .map(|line| format!("{line}\n"))
                .collect::<Vec<_>>()
                .concat();
            home.write("config.yml", &format!("{text}history: {}d\n", round + 1));
            assert_eq!(said(&reload(&program)), "The config was read again: history is different");
        }
        over.store(true, Ordering::Relaxed);
    });
    let all = stored.load(Ordering::Relaxed);
    program.until("every folder is done", || program.get("/api/v1/stats")["done"] == json!(all));
    program.stop();
}

#[test]
fn the_command_prints_the_config_without_a_secret() {
    let home = Home::new("");
    home.write(
        "config.yml",
        "authentication: { password: hUnTeR2, server-pass: hUnTeR2, webhook-secret: hUnTeR2, secret-key-fallbacks: [hUnTeR2] }\n\
         triggers:\n  sonarr: [{ token: hUnTeR2, api: { url: 'http://me:hUnTeR2@s', api-key: hUnTeR2 } }]\n\
         targets:\n  plex: [{ url: 'http://me:hUnTeR2@p:32400', token: hUnTeR2 }]\n  webhook:\n    - url: 'http://h/hUnTeR2'\n      headers: { x: hUnTeR2 }\n      body: '{\"chat\": \"hUnTeR2\", \"path\": {{path}}}'\n      before: [/config/before.sh, --quiet, hUnTeR2]\n      after: [/config/after.sh, '--key=hUnTeR2']\n\
         \x20 command: [{ argv: [/config/note.sh, -p, hUnTeR2] }]\n",
    );
    let ended = home.ends(&["config", "--redacted"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.out.contains(HIDDEN) && !ended.err.contains(HIDDEN), "{ended:?}");
    for line in [
        "port: 3030",
        "  password: ••••••",
        "      url: http://••••••@p:32400",
        "  check: true",
        "minimum-age: 10s",
        "      body: ••••••",
        "        - /config/before.sh",
        "        - /config/note.sh",
    ] {
        assert!(ended.out.lines().any(|printed| printed == line), "{line} of\n{}", ended.out);
    }
}

/// A pipe into which nobody writes: to open it hangs, as a file on a dead share does.
fn pipe(home: &Home, name: &str) {
    let _replaced = fs::remove_file(home.path(name));
    assert!(Command::new("mkfifo").arg(home.path(name)).status().unwrap().success());
}

#[test]
fn a_reload_that_hangs_neither_keeps_a_stop_waiting_nor_lasts_for_ever() {
    let secret = |home: &Home| {
        home.write("secret", "correct-horse");
        let mut command = home.command(&["serve"]);
        command.env("AUTOSCAN__AUTHENTICATION__API_KEY_FILE", home.path("secret"));
        command
    };
    for (hangs, is_waited_for) in [("config.yml", false), ("secret", false), ("secret", true)] {
        let home = Home::new(SONARR);
        let program = home.serve_by(secret(&home));
        pipe(&home, hangs);
        program.signal("HUP");
        program.until("it is read", || program.printed().contains("the config is read again"));
        if is_waited_for {
            program.until("it is given up", || program.printed().contains("could not be read within"));
            assert_eq!(program.ask("GET", "/api/v1/stats", "").status, 200, "it goes on with the one before");
            let answer = reload(&program);
            assert_eq!(answer.status, 422, "{answer:?}");
        }
        program.stop();
    }
}

#[test]
fn a_start_whose_config_hangs_ends_with_a_sentence() {
    let home = Home::new(SONARR);
    pipe(&home, "config.yml");
    thread::scope(|scope| {
        for typed in ["serve", "check", "config"] {
            let home = &home;
            scope.spawn(move || {
                let ended = home.ends(&[typed]);
                let is_told = ended.err.contains("could not be read within");
                assert!(ended.code == Some(1) && is_told, "{typed}: {ended:?}");
            });
        }
    });
}

/// The counters of `/metrics` by their names and labels: what only grows.
fn counters(program: &Program) -> BTreeMap<String, String> {
    let text = program.request("GET", "/metrics", &[], b"").body;
    let counts =
        |name: &str| ["_total{", "_bucket{", "_sum{", "_count{"].iter().any(|end| name.contains(end));
    let lines = text.lines().filter_map(|line| line.rsplit_once(' ')).filter(|(name, _)| counts(name));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn counters_never_fall_and_never_jump_while_the_config_is_read_again() {
    let setup = MediaSetup::of_plex("");
    let program = setup.home.serve();
    for season in ["01", "02"] {
        let file = format!("Season {season}/Show - S{season}E01.mkv");
        setup.put(&format!("tv/Show/{file}"), 10);
        imported(&program, "Show", &file);
    }
    program.until("both are seen", || all_done(&program, 2));
    let before = counters(&program);
    let seen = r#"autoscan_deliveries_total{target="plex",state="seen"}"#;
    assert_eq!(before[seen], "2");
    for round in 0..3 {
        add(&setup.home, &format!("# round {round}\n"));
        assert_eq!(reload(&program).status, 200);
        for _ in 0..20 {
            assert_eq!(counters(&program), before, "after reload {round}");
        }
    }
    setup.put("tv/Show/Season 03/Show - S03E01.mkv", 10);
    imported(&program, "Show", "Season 03/Show - S03E01.mkv");
    program.until("the third is seen too", || counters(&program)[seen] == "3");
    assert_eq!(counters(&program)[r#"autoscan_trigger_events_total{trigger="sonarr",kind="sonarr"}"#], "3");
}
