//! No secret leaves: not in a URL, a reason, a plan or a log.

use std::io;
use std::sync::{Arc, Mutex};

use crate::support::rescan;
use autoscan_http::Http;
use autoscan_targets::kinds;
use autoscan_testkit::{HttpServer, PretendEmby, PretendJellyfin, PretendLibrary, PretendPlex, Trouble};
use serde_json::json;

const SECRET: &str = "s3cr3t+t0ken/é";
/// What of it survives every way of writing it.
const CORE: [&str; 2] = ["s3cr3t", "t0ken"];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn show(what: impl std::fmt::Debug) -> String {
    format!("{what:?}")
}

/// Everything that a person could see of a target in every kind of trouble.
async fn all_that_is_shown(kind: &str, pretend: &HttpServer) -> String {
    let url = pretend.url();
    let with_login = if kind == "jellyfin" { url.clone() } else { url.replace("//", "//me:s3cr3t@") };
    let kind = kinds().iter().find(|known| known.name == kind).unwrap();
    let connected = (kind.connect)(&json!({"url": with_login, "token": SECRET}), &Http::default()).unwrap();
    assert_eq!(connected.url, url);
    let mut shown = connected.url;
    for trouble in [
        None,
        Some(Trouble::Status(400)),
        Some(Trouble::Status(401)),
        Some(Trouble::Status(500)),
        Some(Trouble::RetryAfter(503, "1".to_owned())),
        Some(Trouble::WebPage),
        Some(Trouble::CutOff),
    ] {
        pretend.set_trouble(trouble);
        shown.push_str(&show(connected.server.probe().await));
        shown.push_str(&show(connected.server.libraries().unwrap().read().await));
        shown.push_str(&show(connected.server.plan(&rescan("/tv/Show")).await));
        shown.push_str(&show(connected.server.scan(&[rescan("/tv/Show"), rescan("/else")]).await));
    }
    pretend.close().await.unwrap();
    shown.push_str(&show(connected.server.probe().await));
    shown
}

#[tokio::test]
async fn no_secret_is_shown_or_logged_or_put_in_a_url() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let library = || PretendLibrary::new("1", "TV").at("/tv");
    let plex = PretendPlex::builder().token(SECRET).library(library()).start().await.unwrap();
    let jellyfin = PretendJellyfin::builder().key(SECRET).library(library()).start().await.unwrap();
    let emby = PretendEmby::builder().key(SECRET).library(library()).start().await.unwrap();
    for (kind, pretend) in [("plex", &plex.http), ("jellyfin", &jellyfin.http), ("emby", &emby.http)] {
        let shown = all_that_is_shown(kind, pretend).await;
        assert!(shown.contains("Pretend"), "the secret was accepted: {shown}");
        for part in CORE {
            assert!(!shown.contains(part), "{kind}: {shown}");
            assert!(pretend.calls().iter().all(|call| !call.target.contains(part)), "{kind}");
        }
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("libraries read"), "{log}");
    for part in CORE {
        assert!(!log.contains(part), "{log}");
    }
}
