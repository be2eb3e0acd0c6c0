//! The pages in a real browser, as a person walks through them, at a desk and on a telephone.

use autoscan_testkit::PretendPlexTv;

use crate::browser::{Browser, Screen};
use crate::harness::{Home, PASSWORD};
use crate::media_setup::MediaSetup;
use crate::servers::{self, block_on};

/// Every page of the navigation.
const PAGES: [(&str, &str); 8] = [
    ("overview", "/"),
    ("scans", "/scans"),
    ("manual-scan", "/manual-scan"),
    ("triggers", "/triggers"),
    ("targets", "/targets"),
    ("setup", "/setup"),
    ("log", "/log"),
    ("config", "/config"),
];

#[test]
fn a_person_logs_in_and_out_and_every_page_is_fit_to_be_seen() {
    for screen in [Screen::Desk, Screen::Dark, Screen::Phone] {
        let setup = MediaSetup::of_three();
        let program = setup.home.serve();
        block_on(async {
            let base = format!("http://127.0.0.1:{}", setup.home.port);
            let Some(browser) = Browser::open(screen, &base).await else { return };
            browser.go("/scans?state=done").await;
            browser.inspect("login").await;
            browser.fill("#username", "autoscan").await;
            browser.fill("#password", "wrong").await;
            browser.press("Log in").await;
            browser.shows("wrong").await;
            browser.inspect("login-refused").await;
            browser.fill("#username", "autoscan").await;
            browser.fill("#password", PASSWORD).await;
            browser.press("Log in").await;
            browser.shows("Log out").await;
            let url = browser.client.current_url().await.unwrap();
            assert_eq!(url.path(), "/scans", "it leads to where the person wanted to go");
            for (name, path) in PAGES {
                browser.go(path).await;
                browser.inspect(name).await;
            }
            browser.press("Log out").await;
            browser.find("#password").await;
            browser.go("/").await;
            browser.find("#password").await;
            browser.close().await;
        });
        drop(program);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a walk, step by step")]
fn a_person_scans_by_hand_retries_what_is_missing_and_sees_what_comes_in() {
    for screen in [Screen::Desk, Screen::Phone] {
        let setup = MediaSetup::of_plex(", proof-within: 2s");
        setup.put("movies/Film (2020)/Film.mkv", 10);
        setup.put("movies/Lost (2021)/Lost.mkv", 10);
        setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
        let program = setup.home.serve();
        block_on(async {
            let base = format!("http://127.0.0.1:{}", setup.home.port);
            let Some(browser) = Browser::open(screen, &base).await else { return };
            browser.log_in().await;
            // By hand: what would happen, and then the scan.
            browser.go("/manual-scan").await;
            let film = setup.home.path("media/movies/Film (2020)").display().to_string();
            browser.fill("#paths", &format!("{film}\n/nowhere/at/all")).await;
            browser.press("Show what would happen").await;
            browser.shows("/data/movies/Film (2020)").await;
            browser.shows("Movies").await;
            browser.inspect("manual-scan-preview").await;
            assert_eq!(program.scans().len(), 0, "a look starts nothing");
            browser.fill("#paths", &film).await;
            browser.press("Show what would happen").await;
            browser.shows("What would happen").await;
            browser.press("Scan now").await;
            browser.shows("What you asked for").await;
            browser.until("return /seen/.test(document.getElementById('asked').innerText);").await;
            browser.inspect("manual-scan-seen").await;
            // Plex drops a file: it is missing, is said so, and is seen after a retry.
            setup.plex.set_deaf(true);
            crate::media_setup::film(&program, "Lost (2021)", "Lost.mkv", None);
            browser.go("/").await;
            browser.ask("window.notReloaded = true;").await;
            let attention = "return [...document.querySelectorAll('a.figure')].some((each) => /^1\\s*needs? attention/m.test(each.innerText));";
            browser.until(attention).await;
            assert_eq!(browser.ask("return window.notReloaded === true;").await, true, "it renewed itself");
            browser.inspect("overview-attention").await;
            setup.plex.set_deaf(false);
            browser.go("/scans?state=attention").await;
            browser.inspect("scans-attention").await;
            let id = program.scans()[0]["id"].to_string();
            browser.go(&format!("/scans/{id}")).await;
            browser.inspect("scan-missing").await;
            browser.press("Retry").await;
            program.until("it is seen", || program.scans().iter().all(|scan| scan["state"] == "done"));
            browser.go(&format!("/scans/{id}")).await;
            browser.inspect("scan-seen").await;
            crate::media_setup::imported(&program, "Show", "Season 01/Show - S01E01.mkv");
            program.until("it is seen", || program.scans().iter().all(|scan| scan["state"] == "done"));
            for (name, path) in [
                ("overview-busy", "/"),
                ("scans-busy", "/scans"),
                ("triggers-busy", "/triggers"),
                ("api", "/api/v1"),
            ] {
                browser.go(path).await;
                browser.inspect(name).await;
            }
            browser.close().await;
        });
    }
}

#[test]
fn a_person_adds_a_plex_by_its_pin() {
    let (plex_tv, plex) = (block_on(PretendPlexTv::start("plex-token")).unwrap(), servers::plex());
    for screen in [Screen::Desk, Screen::Phone] {
        let home = Home::new(&format!("plex-tv-url: '{}'\n", plex_tv.http.url()));
        let program = home.serve();
        block_on(async {
            let base = format!("http://127.0.0.1:{}", home.port);
            let Some(browser) = Browser::open(screen, &base).await else { return };
            browser.log_in().await;
            browser.go("/").await;
            browser.inspect("overview-without-targets").await;
            browser.go("/setup").await;
            browser.press("Plex").await;
            browser.fill("input[name=url]", &plex.http.url()).await;
            browser.inspect("setup-address").await;
            browser.press("Next").await;
            browser.press("Get a code").await;
            browser.find("#code").await;
            browser.inspect("setup-code").await;
            // Confirmed at plex.tv: the page goes on by itself.
            plex_tv.confirm(&plex_tv.codes().pop().unwrap());
            browser.shows("/data/movies").await;
            browser.inspect("setup-folders").await;
            browser.press("Show what would be written").await;
            browser.shows("Write and reload").await;
            browser.inspect("setup-difference").await;
            let page = browser.ask("return document.documentElement.outerHTML;").await;
            assert!(!page.to_string().contains("plex-token"), "the token is shown");
            browser.press("Write and reload").await;
            browser.shows("is told from now on").await;
            browser.inspect("setup-done").await;
            browser.close().await;
            let targets = program.get("/api/v1/targets");
            assert_eq!(targets["targets"][0]["kind"], "plex", "{targets}");
        });
    }
}

#[test]
fn many_tabs_of_one_browser_share_one_live_stream_and_each_hears_what_comes_in() {
    let setup = MediaSetup::of_plex("");
    let program = setup.home.serve();
    block_on(async {
        let base = format!("http://127.0.0.1:{}", setup.home.port);
        let Some(browser) = Browser::open(Screen::Desk, &base).await else { return };
        browser.log_in().await;
        let mut tabs = vec![browser.client.window().await.unwrap()];
        // Without a shared stream six of them take all the connections that a browser opens to one address.
        for _ in 0..7 {
            let tab = browser.client.new_window(true).await.unwrap().handle;
            browser.client.switch_to_window(tab.clone()).await.unwrap();
            browser.go("/").await;
            browser.find("#overview").await;
            browser.ask("window.notReloaded = true;").await;
            tabs.push(tab);
        }
        setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
        crate::media_setup::imported(&program, "Show", "Season 01/Show - S01E01.mkv");
        let done = "return [...document.querySelectorAll('a.figure')].some((each) => /1\\s*done/.test(each.innerText));";
        for tab in tabs.drain(1..) {
            browser.client.switch_to_window(tab).await.unwrap();
            browser.until(done).await;
            assert_eq!(browser.ask("return window.notReloaded === true;").await, true, "it renewed itself");
        }
        browser.close().await;
    });
}
