//! When a target is told and when it is left alone, through the real binary: hours, company, pauses, pace and what it is
//! told of at all.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::Program;
use crate::media_setup::{MediaSetup, all_done, delivery, film, imported, newest};

/// A zone in which it is nearly seven in the evening, now: at least ten seconds before.
fn nearly_seven() -> String {
    let now = jiff::Timestamp::now().as_second();
    let minute = now.div_euclid(60).rem_euclid(24 * 60);
    let before = if now.rem_euclid(60) < 50 { 1 } else { 2 };
    // A zone may lie at most a day to either side. POSIX counts west of Greenwich as positive.
    let west = minute - (19 * 60 - before);
    let sign = if west < 0 { "-" } else { "" };
    format!("TEST{sign}{}:{:02}", west.abs() / 60, west.abs() % 60)
}

fn held_because(program: &Program, says: &str) -> bool {
    let delivery = newest(program, "plex");
    delivery["state"] == "held" && delivery["error"].as_str().is_some_and(|error| error.contains(says))
}

/// A scan that a person asks for.
fn ask_for(program: &Program, paths: &[String]) {
    let body = json!({ "paths": paths }).to_string();
    let answer = program.ask("POST", "/api/v1/scans", &body);
    assert_eq!(answer.status, 202, "{answer:?}");
}

fn told(setup: &MediaSetup) -> Vec<String> {
    setup.plex.scans().into_iter().filter_map(|scan| scan.path).collect()
}

#[test]
fn in_quiet_hours_a_target_is_told_nothing_and_all_goes_on_when_they_end() {
    let setup = MediaSetup::of_plex(", quiet-hours: ['18:00-19:00']");
    setup.put("tv/Show/S01/S01E01.mkv", 10);
    let mut command = setup.home.command(&["serve"]);
    command.env("TZ", nearly_seven());
    let program = setup.home.serve_by(command);
    imported(&program, "Show", "S01/S01E01.mkv");
    program.until("it is held", || held_because(&program, "quiet hours"));
    assert_eq!(setup.plex.scans().len(), 0, "{}", program.printed());
    let two_minutes = Duration::from_mins(2);
    program.until_within(two_minutes, "it goes on at seven", || all_done(&program, 1));
    assert_eq!(setup.plex.scans().len(), 1);
}

#[test]
fn while_somebody_watches_a_scan_waits_and_it_goes_on_when_nobody_does() {
    let setup = MediaSetup::of_plex(", only-when-idle: {}");
    setup.put("tv/Show/S01/S01E01.mkv", 10);
    setup.plex.set_playing(2);
    let program = setup.home.serve();
    imported(&program, "Show", "S01/S01E01.mkv");
    program.until("it is held", || held_because(&program, "watching or listening (2 now)"));
    assert_eq!(setup.plex.scans().len(), 0, "{}", program.printed());
    setup.plex.set_playing(0);
    // It looks every half minute whether they still do.
    program.until_within(Duration::from_secs(90), "it goes on", || all_done(&program, 1));
    assert_eq!(setup.plex.scans().len(), 1);
}

#[test]
fn nobody_who_watches_keeps_a_scan_back_longer_than_the_longest_wait() {
    let setup = MediaSetup::of_plex(", only-when-idle: { longest-wait: 3s }");
    setup.put("tv/Show/S01/S01E01.mkv", 10);
    setup.plex.set_playing(1);
    let program = setup.home.serve();
    imported(&program, "Show", "S01/S01E01.mkv");
    program.until("it is held", || held_because(&program, "at most 3s"));
    assert_eq!(setup.plex.scans().len(), 0, "{}", program.printed());
    program.until("it goes on all the same", || all_done(&program, 1));
    assert_eq!(setup.plex.scans().len(), 1);
}

#[test]
fn a_library_is_told_of_one_folder_at_a_time_and_another_library_need_not_wait() {
    let setup = MediaSetup::of_plex("");
    for show in ["A", "B", "C"] {
        setup.put(&format!("tv/{show}/S01/S01E01.mkv"), 10);
    }
    setup.put("movies/Film/Film.mkv", 10);
    setup.plex.set_scan_time(Duration::from_secs(2));
    let program = setup.home.serve();
    for show in ["A", "B", "C"] {
        imported(&program, show, "S01/S01E01.mkv");
    }
    film(&program, "Film", "Film.mkv", None);
    program.until("all are done", || all_done(&program, 4));
    assert_eq!(setup.plex.overlapping_scans(), 0);
    let sections: Vec<String> = setup.plex.scans().into_iter().map(|scan| scan.section).collect();
    assert_eq!(sections.len(), 4);
    let film = sections.iter().position(|section| section == "2").unwrap();
    assert!(film < 3, "the film waited for every show: {sections:?}\n{}", program.printed());
}

/// A program that says when it begins and when it ends, and waits in between until `beside` others began too. One that
/// finds itself in company that it should not have says so.
fn town_with_program(max_in_flight: usize, beside: usize) -> MediaSetup {
    use std::os::unix::fs::PermissionsExt;
    let setup = MediaSetup::of_plex(", proof: off");
    let folder = setup.home.path("runs");
    fs::create_dir_all(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\ncd '{}'\ntouch began.$$ running.$$\nset -- running.*\n[ $# -gt {max_in_flight} ] && touch crowd\nfor i in $(seq 100); do set -- began.*; [ $# -ge {beside} ] && break; sleep 0.1; done\n[ $# -ge {beside} ] || touch alone\nsleep 0.2\nrm running.$$\n",
        folder.display()
    );
    setup.home.write("run.sh", &script);
    let path = setup.home.path("run.sh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let config = fs::read_to_string(setup.home.path("config.yml")).unwrap();
    let line = format!(
        "targets:\n  command: [{{ name: note, argv: ['{}'], max-in-flight: {max_in_flight} }}]\n",
        path.display()
    );
    setup.home.write("config.yml", &config.replace("targets:\n", &line));
    setup
}

#[test]
fn no_more_calls_are_under_way_than_a_target_is_said_to_bear() {
    for (most, beside) in [(1, 1), (3, 3)] {
        let setup = town_with_program(most, beside);
        for show in 0..6 {
            setup.put(&format!("tv/Show {show}/S01/S01E01.mkv"), 10);
        }
        let program = setup.home.serve();
        for show in 0..6 {
            imported(&program, &format!("Show {show}"), "S01/S01E01.mkv");
        }
        program.until("all are done", || all_done(&program, 6));
        let left = fs::read_dir(setup.home.path("runs")).unwrap();
        let mut left: Vec<String> =
            left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(left.iter().filter(|name| name.starts_with("began.")).count(), 6, "{left:?}");
        left.retain(|name| !name.starts_with("began."));
        assert!(left.is_empty(), "none ran in a crowd, none alone, and all ended: {left:?}");
    }
}

#[test]
fn between_two_calls_of_a_target_lies_its_delay() {
    let setup = MediaSetup::of_plex(", proof: off, scan-delay: 2s");
    for show in ["A", "B"] {
        setup.put(&format!("tv/{show}/S01/S01E01.mkv"), 10);
    }
    let program = setup.home.serve();
    imported(&program, "A", "S01/S01E01.mkv");
    imported(&program, "B", "S01/S01E01.mkv");
    program.until("both are done", || all_done(&program, 2));
    let sent = |show: &str| -> jiff::Timestamp {
        let scans = program.scans();
        let scan = scans.iter().find(|scan| scan["folder"].as_str().unwrap().contains(show)).unwrap();
        delivery(scan, "plex")["sent_at"].as_str().unwrap().parse().unwrap()
    };
    let apart = sent("/A/").duration_since(sent("/B/")).abs();
    assert!(apart >= jiff::SignedDuration::from_millis(1900), "{apart:?}");
}

#[test]
fn what_a_person_holds_dearer_is_told_first() {
    let priorities = "priorities: [{ path: /movies/, priority: 9 }, { path: /tv/Dear, priority: 5 }]\n";
    let setup = MediaSetup::with_lines(priorities, ", proof: off, max-in-flight: 1, scan-delay: 200ms");
    let config = fs::read_to_string(setup.home.path("config.yml")).unwrap();
    setup.home.write("config.yml", &config.replace("minimum-age: 0s", "minimum-age: 2s"));
    for show in ["Plain", "Dear"] {
        setup.put(&format!("tv/{show}/S01/S01E01.mkv"), 10);
    }
    setup.put("movies/Film/Film.mkv", 10);
    let program = setup.home.serve();
    let pause = program.ask("POST", "/api/v1/targets/plex/pause", "{}");
    assert_eq!(pause.status, 200, "{pause:?}");
    imported(&program, "Plain", "S01/S01E01.mkv");
    imported(&program, "Dear", "S01/S01E01.mkv");
    film(&program, "Film", "Film.mkv", None);
    let started = |scan: &Value| scan["state"] == "running";
    program.until("all wait for the target", || {
        let scans = program.scans();
        scans.len() == 3 && scans.iter().all(started)
    });
    assert_eq!(program.ask("POST", "/api/v1/targets/plex/resume", "{}").status, 200);
    program.until("all are done", || all_done(&program, 3));
    assert_eq!(told(&setup), ["/data/movies/Film", "/data/tv/Dear/S01", "/data/tv/Plain/S01"]);
}

#[test]
fn a_pause_holds_a_target_survives_a_restart_and_ends_by_itself() {
    let setup = MediaSetup::of_plex(", proof: off");
    setup.put("tv/Show/S01/S01E01.mkv", 10);
    let program = setup.home.serve();
    let ended = setup.home.ends(&["queue", "pause", "plex", "--for", "6s"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    imported(&program, "Show", "S01/S01E01.mkv");
    program.until("it is held", || held_because(&program, "paused"));
    program.kill();
    drop(program);
    let program = setup.home.serve();
    program.until("it is held still", || held_because(&program, "paused"));
    assert_eq!(setup.plex.scans().len(), 0, "{}", program.printed());
    program.until("the pause is over", || all_done(&program, 1));
    assert_eq!(told(&setup), ["/data/tv/Show/S01"]);
}

#[test]
fn a_target_is_told_only_of_what_it_is_said_to_care_for() {
    let setup = MediaSetup::of_plex(r", include: ['\.mkv$'], exclude: ['/Secret/']");
    for file in ["tv/Show/S01/S01E01.mkv", "tv/Sound/S01/a.mp3", "tv/Secret/S01/S01E01.mkv"] {
        setup.put(file, 10);
    }
    let program = setup.home.serve();
    let media = |file: &str| setup.home.path(&format!("media/{file}")).to_str().unwrap().to_owned();
    imported(&program, "Show", "S01/S01E01.mkv");
    ask_for(&program, &[media("tv/Sound/S01/a.mp3"), media("tv/Secret/S01/S01E01.mkv")]);
    program.until("all are done", || all_done(&program, 3));
    assert_eq!(told(&setup), ["/data/tv/Show/S01"]);
    for scan in program.scans() {
        let delivery = delivery(&scan, "plex");
        let wanted = if scan["folder"].as_str().unwrap().contains("/Show/") { "seen" } else { "skipped" };
        assert_eq!(delivery["state"], wanted, "{scan}");
    }
}
