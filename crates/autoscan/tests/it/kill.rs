//! Power cuts and stops: what was answered 200 is scanned, and nothing is scanned twice in a row without cause.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use autoscan_testkit::Trouble;

use crate::harness::{Home, Program, episode, login};
use crate::servers;

/// Bursts that are cut off, one after another, on one database.
const CUTS: u64 = 50;

fn home(plex: &autoscan_testkit::PretendPlex, minimum_age: &str) -> Home {
    let home = Home::new("");
    let config = std::fs::read_to_string(home.path("config.yml")).unwrap();
    let lines = format!(
        "files: {{ check: false }}\ntriggers: {{ sonarr: [{{ name: sonarr }}] }}\ntargets:\n  plex: [{{ name: plex, url: '{}', token: plex-token, proof: off }}]\n",
        plex.http.url()
    );
    home.write(
        "config.yml",
        &config.replace("minimum-age: 0s\n", &format!("minimum-age: {minimum_age}\n{lines}")),
    );
    home
}

/// Sends imports from four senders until the power is cut; answers the folders that were answered 200.
fn burst(program: &Program, round: u64) -> Vec<String> {
    let cut = AtomicBool::new(false);
    thread::scope(|scope| {
        let senders: Vec<_> = (0..4)
            .map(|sender| format!("r{round} s{sender}"))
            .map(|name| {
                let cut = &cut;
                scope.spawn(move || send(program, &name, cut))
            })
            .collect();
        thread::sleep(Duration::from_millis(20 + (round * 37) % 150));
        program.kill();
        cut.store(true, Ordering::SeqCst);
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    })
}

/// Sends one import after another; answers the folders that were answered 200.
fn send(program: &Program, name: &str, cut: &AtomicBool) -> Vec<String> {
    let mut stored = Vec::new();
    for number in 0.. {
        if cut.load(Ordering::SeqCst) {
            break;
        }
        let series = format!("/data/tv/{name} n{number}");
        let body = episode(&series, "S01/a.mkv");
        let answer = program.try_request("POST", "/triggers/sonarr", &[&login()], body.as_bytes());
        if answer.is_some_and(|answer| answer.status == 200) {
            stored.push(format!("{series}/S01"));
        }
    }
    stored
}

#[test]
fn whatever_was_answered_200_is_scanned_after_fifty_power_cuts() {
    let plex = servers::plex();
    let home = home(&plex, "0s");
    let mut stored = Vec::new();
    for round in 0..CUTS {
        let program = home.serve();
        stored.extend(burst(&program, round));
    }
    assert!(stored.len() > 100, "the bursts stored something: {}", stored.len());
    let program = home.serve();
    let open = || program.get("/api/v1/stats");
    program.until("nothing waits", || {
        let stats = open();
        stats["waiting"] == 0 && stats["running"] == 0
    });
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    for scan in plex.scans() {
        *told.entry(scan.path.unwrap()).or_default() += 1;
    }
    let lost: Vec<&String> = stored.iter().filter(|folder| !told.contains_key(*folder)).collect();
    assert!(lost.is_empty(), "lost {} of {}: {lost:?}", lost.len(), stored.len());
    let repeated: u64 = told.values().map(|count| count - 1).sum();
    assert!(repeated <= CUTS, "only the call in hand at a cut is repeated: {repeated}");
    tell_their_whole_way(&program);
}

/// Steps are kept with what they tell of, so that no cut can part them.
fn tell_their_whole_way(program: &Program) {
    let list = program.get("/api/v1/scans?limit=500");
    let scans = list["scans"].as_array().unwrap();
    assert!(scans.len() > 100);
    for scan in scans {
        let timeline = program.get(&format!("/api/v1/scans/{}/timeline", scan["id"]));
        let steps = timeline["steps"].as_array().unwrap().iter();
        let kinds: Vec<&str> = steps.map(|step| step["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["received", "started", "sent", "finished"], "{timeline}");
        let sent = timeline["steps"][2]["text"].as_str().unwrap();
        assert!(sent.contains(": GET http://") && sent.ends_with(" → 200"), "{sent}");
        assert!(!sent.contains("plex-token"), "{sent}");
    }
}

#[test]
fn a_soft_stop_finishes_what_is_being_sent_and_stores_the_rest() {
    let plex = servers::plex();
    let home = home(&plex, "0s");
    let program = home.serve();
    plex.http.set_trouble(Some(Trouble::Slow(Duration::from_millis(700))));
    for show in 0..5 {
        program.sonarr(&episode(&format!("/data/tv/Show {show}"), "S01/a.mkv"));
    }
    program
        .until("a call is in hand", || plex.http.calls().iter().any(|call| call.path.ends_with("/refresh")));
    program.signal("TERM");
    assert!(program.ended().success(), "{}", program.printed());
    let before = plex.scans().len();
    assert!((1..5).contains(&before), "{before}");
    plex.http.set_trouble(None);
    let program = home.serve();
    program.until("the rest is told", || plex.scans().len() >= 5);
    program.until("nothing is open", || program.get("/api/v1/stats")["running"] == 0);
    assert_eq!(plex.scans().len(), 5, "each folder once");
}

#[test]
fn a_second_signal_ends_at_once() {
    let plex = servers::plex();
    let home = home(&plex, "0s");
    let program = home.serve();
    program.until("Plex is known", || program.printed().contains("the server answers"));
    plex.http.set_trouble(Some(Trouble::Hang));
    let before = plex.http.call_count();
    program.sonarr(&episode("/data/tv/Show", "S01/a.mkv"));
    program.until("a call is in hand", || plex.http.call_count() > before);
    program.signal("TERM");
    program.until("it stops softly", || program.printed().contains("a second signal ends at once"));
    program.signal("INT");
    assert_eq!(program.ended().code(), Some(1));
}

#[test]
fn what_waits_for_its_quiet_time_survives_a_power_cut() {
    let plex = servers::plex();
    let home = home(&plex, "2s");
    let program = home.serve();
    program.sonarr(&episode("/data/tv/Show", "S01/a.mkv"));
    program.kill();
    let program = home.serve();
    program.until("it is told", || plex.scans().len() == 1);
    program.until("it is done", || program.scans()[0]["state"] == "done");
}
