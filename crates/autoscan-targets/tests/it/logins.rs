//! Keys that a person gives by a code: plex.tv's PIN and Jellyfin's Quick Connect, on good days and bad ones.

use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::secret::Secret;
use autoscan_http::{Http, Timeouts};
use autoscan_targets::{KeyLogin, plex_pin, quick_connect};
use autoscan_testkit::{PretendJellyfin, PretendLibrary, PretendPlexTv, Trouble};
use serde_json::json;

const TOKEN: &str = "t0ken-of-the-owner";

fn http() -> Http {
    Http::new(Timeouts { connect: Duration::from_secs(5), total: Duration::from_millis(300) })
}

fn client() -> Secret {
    Secret::new("client-of-this-autoscan")
}

fn pin(plex_tv: &PretendPlexTv) -> impl KeyLogin {
    plex_pin(&http(), &plex_tv.http.url(), &client()).unwrap()
}

fn code(jellyfin: &PretendJellyfin) -> impl KeyLogin {
    quick_connect(&http(), &jellyfin.http.url(), &client()).unwrap()
}

fn kind(fault: &Fault) -> &'static str {
    match fault {
        Fault::Away { .. } => "away",
        Fault::Busy { .. } => "busy",
        Fault::Refused { .. } => "refused",
        Fault::Wrong { .. } => "wrong",
        Fault::Later { .. } | Fault::NotMine { .. } => "something else",
    }
}

async fn jellyfin() -> PretendJellyfin {
    let library = PretendLibrary::new("a1", "TV").of("tvshows").at("/data/tv");
    PretendJellyfin::builder().library(library).start().await.unwrap()
}

#[tokio::test]
async fn plex_tv_gives_the_token_once_a_person_typed_the_pin() {
    let plex_tv = PretendPlexTv::start(TOKEN).await.unwrap();
    let login = pin(&plex_tv);
    let code = login.begin().await.unwrap();
    assert_eq!(code.text.len(), 4, "{code:?}");
    assert_eq!(code.page, Some(format!("{}/link", plex_tv.http.url())));
    assert_eq!(login.key(&code.ticket).await.unwrap(), None);
    assert!(plex_tv.confirm(&code.text));
    assert_eq!(login.key(&code.ticket).await.unwrap().unwrap().reveal(), TOKEN);
    for call in plex_tv.http.calls() {
        assert_eq!(call.header("x-plex-client-identifier"), Some("client-of-this-autoscan"));
        assert_eq!(call.header("x-plex-product"), Some("autoscan"));
        assert_eq!(call.header("accept"), Some("application/json"));
        assert!(call.header("x-plex-version").is_some() && call.header("x-plex-token").is_none());
    }
}

#[tokio::test]
async fn plex_tv_knows_a_pin_only_of_the_client_that_asked_for_it() {
    let plex_tv = PretendPlexTv::start(TOKEN).await.unwrap();
    let code = pin(&plex_tv).begin().await.unwrap();
    plex_tv.confirm(&code.text);
    let other = plex_pin(&http(), &plex_tv.http.url(), &Secret::new("another-client")).unwrap();
    let fault = other.key(&code.ticket).await.unwrap_err();
    assert_eq!(kind(&fault), "wrong", "{fault}");
}

#[tokio::test]
async fn a_pin_ends_and_a_sentence_says_so() {
    let plex_tv = PretendPlexTv::start(TOKEN).await.unwrap();
    let login = pin(&plex_tv);
    let code = login.begin().await.unwrap();
    plex_tv.expire();
    let fault = login.key(&code.ticket).await.unwrap_err();
    assert!(kind(&fault) == "wrong" && fault.reason().contains("ask for a new one"), "{fault}");
    let shown = format!("{code:?}{fault}");
    assert!(!shown.contains(code.ticket.reveal()), "{shown}");
}

#[tokio::test]
async fn what_is_wrong_at_plex_tv_is_told_by_what_follows() {
    let plex_tv = PretendPlexTv::start(TOKEN).await.unwrap();
    let login = pin(&plex_tv);
    let code = login.begin().await.unwrap();
    plex_tv.confirm(&code.text);
    for (trouble, expected) in [
        (Trouble::Status(429), "busy"),
        (Trouble::RetryAfter(429, "7".to_owned()), "busy"),
        (Trouble::Status(500), "away"),
        (Trouble::Status(503), "away"),
        (Trouble::Hang, "away"),
        (Trouble::CutOff, "away"),
        (Trouble::WebPage, "away"),
        (Trouble::Status(404), "wrong"),
    ] {
        plex_tv.http.fail_next(1, &trouble);
        let fault = login.begin().await.unwrap_err();
        assert_eq!(kind(&fault), expected, "{trouble:?}: {fault}");
        plex_tv.http.fail_next(1, &trouble);
        let fault = login.key(&code.ticket).await.unwrap_err();
        assert_eq!(kind(&fault), expected, "{trouble:?}: {fault}");
        assert!(!fault.reason().contains(code.ticket.reveal()), "{fault}");
    }
    plex_tv.http.close().await.unwrap();
    assert_eq!(kind(&login.begin().await.unwrap_err()), "away");
    plex_tv.http.reopen().unwrap();
    assert!(login.key(&code.ticket).await.unwrap().is_some(), "the code outlives the trouble");
}

#[tokio::test]
async fn an_administrator_lets_jellyfin_make_a_key_that_outlives_the_login() {
    let jellyfin = jellyfin().await;
    let login = code(&jellyfin);
    let code = login.begin().await.unwrap();
    assert!(code.page.is_none() && !code.text.is_empty(), "{code:?}");
    assert_eq!(login.key(&code.ticket).await.unwrap(), None);
    assert!(jellyfin.quick_connect.confirm(&code.text, "anna", true));
    let key = login.key(&code.ticket).await.unwrap().unwrap();
    assert_eq!(jellyfin.quick_connect.keys(), [key.reveal()]);
    assert!(jellyfin.quick_connect.logins().is_empty(), "the person's login was only needed for the key");

    let kind = autoscan_targets::kinds().iter().find(|kind| kind.name == "jellyfin").unwrap();
    let settings = json!({"url": jellyfin.http.url(), "api-key": key.reveal()});
    let server = (kind.connect)(&settings, &http()).unwrap().server;
    assert_eq!(server.libraries().unwrap().read().await.unwrap()[0].folders, ["/data/tv"]);
}

#[tokio::test]
async fn a_key_that_autoscan_made_before_is_used_again() {
    let jellyfin = jellyfin().await;
    let login = code(&jellyfin);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let code = login.begin().await.unwrap();
        jellyfin.quick_connect.confirm(&code.text, "anna", true);
        keys.push(login.key(&code.ticket).await.unwrap().unwrap());
    }
    assert_eq!(keys[0], keys[1]);
    assert_eq!(jellyfin.quick_connect.keys().len(), 1);
}

#[tokio::test]
async fn where_no_key_can_be_made_the_login_of_the_administrator_is_used() {
    let jellyfin = jellyfin().await;
    jellyfin.quick_connect.set_makes_keys(false);
    let login = code(&jellyfin);
    let code = login.begin().await.unwrap();
    jellyfin.quick_connect.confirm(&code.text, "anna", true);
    let key = login.key(&code.ticket).await.unwrap().unwrap();
    assert_eq!(jellyfin.quick_connect.logins(), [key.reveal()]);
}

#[tokio::test]
async fn who_is_no_administrator_is_told_so_and_logged_out() {
    let jellyfin = jellyfin().await;
    let login = code(&jellyfin);
    let code = login.begin().await.unwrap();
    jellyfin.quick_connect.confirm(&code.text, "ben", false);
    let fault = login.key(&code.ticket).await.unwrap_err();
    let is_told = fault.reason().contains("\"ben\"") && fault.reason().contains("no administrator");
    assert!(kind(&fault) == "refused" && is_told, "{fault}");
    assert!(jellyfin.quick_connect.logins().is_empty());
}

#[tokio::test]
async fn quick_connect_may_be_off_or_end_or_be_of_an_older_jellyfin() {
    let jellyfin = jellyfin().await;
    let login = code(&jellyfin);
    jellyfin.quick_connect.set_on(false);
    let fault = login.begin().await.unwrap_err();
    assert!(kind(&fault) == "refused" && fault.reason().contains("Quick Connect is off"), "{fault}");

    jellyfin.quick_connect.set_on(true);
    let code = login.begin().await.unwrap();
    jellyfin.quick_connect.set_on(false);
    assert_eq!(kind(&login.key(&code.ticket).await.unwrap_err()), "refused");
    jellyfin.quick_connect.set_on(true);
    jellyfin.quick_connect.expire();
    let fault = login.key(&code.ticket).await.unwrap_err();
    assert!(kind(&fault) == "wrong" && fault.reason().contains("ask for a new one"), "{fault}");
    assert!(!fault.reason().contains(code.ticket.reveal()), "{fault}");

    jellyfin.quick_connect.set_begun_by_get();
    assert!(login.begin().await.is_ok());
}

#[tokio::test]
async fn a_jellyfin_that_starts_or_is_none_is_told_apart() {
    let jellyfin = jellyfin().await;
    let login = code(&jellyfin);
    let begun = login.begin().await.unwrap();
    jellyfin.set_starting(true);
    assert_eq!(kind(&login.begin().await.unwrap_err()), "busy");
    assert_eq!(kind(&login.key(&begun.ticket).await.unwrap_err()), "busy");
    jellyfin.set_starting(false);
    for (trouble, expected) in [
        (Trouble::WebPage, "away"),
        (Trouble::CutOff, "away"),
        (Trouble::Status(500), "away"),
        (Trouble::Status(404), "wrong"),
    ] {
        jellyfin.http.fail_next(1, &trouble);
        let fault = login.begin().await.unwrap_err();
        assert_eq!(kind(&fault), expected, "{trouble:?}: {fault}");
    }
    let refused = quick_connect(&http(), "http://me:hunter2@jellyfin:8096", &client()).err().unwrap();
    assert!(refused.contains("user and password") && !refused.contains("hunter2"), "{refused}");
}
