//! Bad days of a server: it gets all of its own when it is back, and nobody else notices.

use autoscan_testkit::{PlexMethod, Trouble};
use serde_json::Value;

use crate::harness::{Home, Program, episode};
use crate::servers::{self, block_on};

/// Three servers of which Plex will be in trouble; files are not looked at.
struct Setup {
    home: Home,
    plex: autoscan_testkit::PretendPlex,
    jellyfin: autoscan_testkit::PretendJellyfin,
    emby: autoscan_testkit::PretendEmby,
}

impl Setup {
    fn new() -> Self {
        let (plex, jellyfin, emby) = (servers::plex(), servers::jellyfin(), servers::emby());
        let targets = servers::targets("/media", &plex, &jellyfin, &emby);
        let home = Home::new(&format!(
            "files: {{ check: false }}\ntriggers: {{ sonarr: [{{ name: sonarr }}] }}\n{targets}"
        ));
        Self { home, plex, jellyfin, emby }
    }

    fn plex_folders(&self) -> Vec<String> {
        self.plex.scans().into_iter().filter_map(|scan| scan.path).collect()
    }
}

fn import(program: &Program, show: &str) {
    program.sonarr(&episode(&format!("/media/tv/{show}"), "S01/a.mkv"));
}

fn delivery(program: &Program, target: &str) -> Value {
    let scans = program.scans();
    let first = scans.first().and_then(|scan| scan["deliveries"].as_array().cloned()).unwrap_or_default();
    first.into_iter().find(|delivery| delivery["target"] == target).unwrap_or_default()
}

fn all_done(program: &Program, count: usize) -> bool {
    let scans = program.scans();
    scans.len() == count && scans.iter().all(|scan| scan["state"] == "done")
}

/// The lane of Plex in `/api/v1/targets`.
fn lane(program: &Program) -> (String, String) {
    let targets = program.get("/api/v1/targets");
    let all = targets["targets"].as_array().unwrap_or_else(|| targets.as_array().unwrap());
    let plex = all.iter().find(|target| target["name"] == "plex").unwrap();
    (plex["state"].as_str().unwrap().to_owned(), plex["reason"].as_str().unwrap_or_default().to_owned())
}

/// Brings trouble while an import comes in, sees it held with a reason, ends the trouble and sees it told once.
fn survives(trouble: Trouble, state: &str, says: &str) {
    let setup = Setup::new();
    let program = setup.home.serve();
    import(&program, "Before");
    program.until("all is well before", || all_done(&program, 1));
    setup.plex.http.set_trouble(Some(trouble));
    import(&program, "Show");
    program.until("the others are told", || {
        delivery(&program, "jellyfin")["state"] == "sent" && delivery(&program, "emby")["state"] == "sent"
    });
    program.until("the lane holds", || lane(&program).0 == state);
    let (_, reason) = lane(&program);
    assert!(reason.contains(says), "{reason}");
    program.until("the delivery is held", || delivery(&program, "plex")["state"] == "held");
    assert_eq!(delivery(&program, "plex")["error"], reason.as_str());
    assert_eq!(delivery(&program, "plex")["attempts"], 0, "an outage is not counted");
    setup.plex.http.set_trouble(None);
    program.kill();
    let program = setup.home.serve();
    program.until("all is done after the restart", || all_done(&program, 2));
    assert_eq!(setup.plex_folders().iter().filter(|folder| *folder == "/data/tv/Show/S01").count(), 1);
    assert_eq!(setup.jellyfin.holdings.walks(), 2, "nothing is repeated for another");
}

#[test]
fn a_server_that_answers_a_web_page_is_waited_for() {
    survives(Trouble::WebPage, "away", "page");
}

#[test]
fn a_rejected_key_holds_its_lane_and_says_so() {
    survives(Trouble::Status(401), "misconfigured", "401");
}

#[test]
fn a_server_that_is_busy_is_left_alone() {
    survives(Trouble::RetryAfter(429, "8".to_owned()), "busy", "429");
}

#[test]
fn a_server_that_starts_up_is_waited_for() {
    survives(Trouble::Status(503), "away", "503");
}

#[test]
fn a_proxy_that_timed_out_is_waited_for() {
    survives(Trouble::Status(524), "away", "524");
}

#[test]
fn a_server_that_closes_in_the_middle_of_an_answer_loses_nothing() {
    let setup = Setup::new();
    setup.plex.http.set_trouble(Some(Trouble::CutOff));
    let program = setup.home.serve();
    import(&program, "Show");
    program.until("the others are told", || delivery(&program, "emby")["state"] == "sent");
    program.until("the lane holds", || lane(&program).0 == "away");
    setup.plex.http.set_trouble(None);
    program.until("it is told when all is well", || all_done(&program, 1));
}

#[test]
fn a_server_that_is_down_gets_each_folder_once_when_it_is_back() {
    let setup = Setup::new();
    block_on(setup.plex.http.close()).unwrap();
    let program = setup.home.serve();
    for round in 0..3 {
        for show in 0..5 {
            import(&program, &format!("Show {show}"));
        }
        program.until("the others are told", || {
            setup.jellyfin.holdings.walks() > round && setup.emby.holdings.walks() > round
        });
    }
    program.until("it is said why", || {
        lane(&program).1.contains("refused") || lane(&program).1.contains("connect")
    });
    program.signal("TERM");
    assert!(program.ended().success());
    block_on(async { setup.plex.http.reopen() }).unwrap();
    let program = setup.home.serve();
    program.until("all are done", || program.scans().iter().all(|scan| scan["state"] == "done"));
    let mut folders = setup.plex_folders();
    let calls = folders.len();
    folders.sort();
    folders.dedup();
    assert_eq!((calls, folders.len()), (5, 5), "fifteen imports of five folders are five calls");
}

#[test]
fn a_server_that_hangs_delays_nobody_and_a_stop_does_not_wait_for_it() {
    let setup = Setup::new();
    let program = setup.home.serve();
    program.until("the lane is open", || lane(&program).0 == "open");
    setup.plex.http.set_trouble(Some(Trouble::Hang));
    import(&program, "Show");
    program.until("the others are told", || {
        delivery(&program, "jellyfin")["state"] == "sent" && delivery(&program, "emby")["state"] == "sent"
    });
    program.signal("TERM");
    assert!(program.ended().success(), "{}", program.printed());
    setup.plex.http.set_trouble(None);
    let program = setup.home.serve();
    program.until("it is told after the restart", || all_done(&program, 1));
    assert_eq!(setup.plex_folders(), ["/data/tv/Show/S01"]);
}

#[test]
fn a_call_that_is_not_understood_is_tried_again_and_does_not_stop_the_lane() {
    let setup = Setup::new();
    let program = setup.home.serve();
    import(&program, "Before");
    program.until("all is well before", || all_done(&program, 1));
    setup.plex.set_method(PlexMethod::Neither(404));
    import(&program, "Show");
    program.until("an attempt is counted", || delivery(&program, "plex")["attempts"] == 1);
    assert_eq!(delivery(&program, "plex")["state"], "waiting");
    assert!(delivery(&program, "plex")["error"].as_str().unwrap().contains("404"));
    assert_eq!(lane(&program).0, "open");
    setup.plex.set_method(PlexMethod::Both);
    let id = program.scans()[0]["id"].to_string();
    assert_eq!(program.ask("POST", &format!("/api/v1/scans/{id}/retry"), "").status, 200);
    program.until("it is told", || all_done(&program, 2));
}

#[test]
fn two_that_are_down_do_not_hold_the_third() {
    let setup = Setup::new();
    block_on(setup.jellyfin.http.close()).unwrap();
    setup.emby.http.set_trouble(Some(Trouble::Status(401)));
    let program = setup.home.serve();
    for show in 0..20 {
        import(&program, &format!("Show {show}"));
    }
    program.until("Plex has all of its own", || setup.plex_folders().len() == 20);
}
