//! The pages in a real browser, as a person walks through them, at a desk and on a telephone.

use crate::browser::{Browser, Screen};
use crate::furniture::PASSWORD;
use crate::servers::block_on;
use crate::town::SeeingTown;

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
        let town = SeeingTown::of_three();
        let program = town.home.serve();
        block_on(async {
            let base = format!("http://127.0.0.1:{}", town.home.port);
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
