//! The pictures of the docs, made of the real program: `PICTURES=1 cargo test -p autoscan --test it pictures -- --ignored`.

use std::path::Path;

use autoscan_testkit::PretendPlexTv;

use crate::browser::{Browser, Screen};
use crate::harness::{Home, Program};
use crate::media_setup::{self, MediaSetup};
use crate::servers::{self, block_on};

/// A week of somebody's television.
const EPISODES: [(&str, &str); 6] = [
    ("The Expanse", "Season 05/The Expanse - S05E03 - Mother.mkv"),
    ("Dark (2017)", "Season 01/Dark - S01E01 - Secrets.mkv"),
    ("Dark (2017)", "Season 01/Dark - S01E02 - Lies.mkv"),
    ("Severance", "Season 02/Severance - S02E07 - Chikhai Bardo.mkv"),
    ("Detectorists", "Season 03/Detectorists - S03E06.mkv"),
    ("Slow Horses", "Season 04/Slow Horses - S04E01 - Identity Theft.mkv"),
];

/// The pages of the docs, with the names of their pictures.
const PAGES: [(&str, &str); 9] = [
    ("overview", "/"),
    ("scans", "/scans"),
    ("scan", "/scans/3"),
    ("scan-missing", "/scans/7"),
    ("manual-scan", "/manual-scan"),
    ("triggers", "/triggers"),
    ("targets", "/targets"),
    ("log", "/log"),
    ("config", "/config"),
];

async fn picture(browser: &Browser, name: &str) {
    let file = format!("../../docs/images/{name}.png");
    browser.keep_picture_at(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).await;
}

/// Lets one thing after the other happen, as in a house where people live.
fn live(setup: &MediaSetup, program: &Program) {
    for (number, (series, file)) in EPISODES.iter().enumerate() {
        setup.put(&format!("tv/{series}/{file}"), 10);
        media_setup::imported(program, series, file);
        program.until("it is seen everywhere", || media_setup::all_done(program, number + 1));
    }
    setup.put("movies/Arrival (2016)/Arrival (2016) Bluray-1080p.mkv", 10);
    setup.plex.set_deaf(true);
    media_setup::film(program, "Arrival (2016)", "Arrival (2016) Bluray-1080p.mkv", None);
    program.until("Plex does not show it", || {
        media_setup::newest(program, "plex")["state"] == "missing"
            && media_setup::newest(program, "emby")["state"] == "seen"
    });
    setup.plex.set_deaf(false);
}

#[test]
#[ignore = "makes pictures of the docs, in folders of this machine"]
fn every_page_has_its_picture() {
    if std::env::var_os("PICTURES").is_none() {
        println!("skipped: PICTURES is not set");
        return;
    }
    for screen in [Screen::Desk, Screen::Dark, Screen::Phone] {
        let setup = MediaSetup::to_be_seen();
        let program = setup.home.serve();
        block_on(async {
            let base = format!("http://127.0.0.1:{}", setup.home.port);
            let browser = Browser::open(screen, &base).await.expect("pictures need Chromium");
            if screen == Screen::Desk {
                browser.go("/login").await;
                picture(&browser, "login").await;
            }
            browser.log_in().await;
            live(&setup, &program);
            if screen != Screen::Desk {
                let name = if screen == Screen::Dark { "overview-dark" } else { "overview-phone" };
                browser.go("/").await;
                picture(&browser, name).await;
                return browser.close().await;
            }
            for (name, path) in PAGES {
                browser.go(path).await;
                if name == "manual-scan" {
                    let folder = setup.home.path("media/tv/Severance").display().to_string();
                    browser.fill("#paths", &folder).await;
                    browser.press("Show what would happen").await;
                    browser.shows("/data/tv/Severance").await;
                }
                picture(&browser, name).await;
            }
            browser.close().await;
        });
    }
}

#[test]
#[ignore = "makes pictures of the docs, in folders of this machine"]
fn the_setup_has_its_pictures() {
    if std::env::var_os("PICTURES").is_none() {
        println!("skipped: PICTURES is not set");
        return;
    }
    let (plex_tv, plex) = (block_on(PretendPlexTv::start("plex-token")).unwrap(), servers::plex());
    let home = Home::to_be_seen(&format!(
        "plex-tv-url: '{}'\ntriggers: {{ sonarr: [{{ name: sonarr, map: {{ /tv: /srv/autoscan/media/tv }} }}] }}\n",
        plex_tv.http.url()
    ));
    for (series, file) in EPISODES {
        home.write(&format!("media/tv/{series}/{file}"), "film");
        plex.put(&format!("/data/tv/{series}/{file}"), 4);
    }
    for film in ["Arrival (2016)", "Moon (2009)", "Sicario (2015)", "The Matrix (1999)"] {
        home.write(&format!("media/movies/{film}/{film}.mkv"), "film");
        plex.put(&format!("/data/movies/{film}/{film}.mkv"), 4);
    }
    plex.sees("/data", &home.path("media"));
    let program = home.serve();
    block_on(async {
        let base = format!("http://127.0.0.1:{}", home.port);
        let browser = Browser::open(Screen::Desk, &base).await.expect("pictures need Chromium");
        browser.log_in().await;
        browser.go("/setup").await;
        browser.press("Plex").await;
        browser.fill("input[name=url]", &plex.http.url()).await;
        browser.press("Next").await;
        browser.press("Get a code").await;
        browser.find("#code").await;
        picture(&browser, "setup-code").await;
        plex_tv.confirm(&plex_tv.codes().pop().unwrap());
        browser.shows("/data/movies").await;
        picture(&browser, "setup-folders").await;
        browser.press("Show what would be written").await;
        browser.shows("Write and reload").await;
        picture(&browser, "setup-difference").await;
        browser.close().await;
    });
    drop(program);
}
