//! A pretend media server that says when it was asked to scan. It owns `/tv` and knows as much of Plex, Jellyfin and
//! Emby as autoscan asks.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

const PLEX_IDENTITY: &str = r#"{"MediaContainer":{"size":0,"friendlyName":"bench","machineIdentifier":"bench","version":"1.43.4.0"}}"#;
const PLEX_LIBRARIES: &str = r#"{"MediaContainer":{"size":1,"Directory":[{"key":"1","title":"TV","type":"show",
    "agent":"tv.plex.agents.series","scanner":"Plex TV Series","Location":[{"id":1,"path":"/tv"}]}]}}"#;
const INFO: &str =
    r#"{"ServerName":"bench","Version":"10.11.8","ProductName":"Jellyfin Server","Id":"bench"}"#;
const FOLDERS: &str = r#"[{"Name":"TV","Locations":["/tv"],"CollectionType":"tvshows","RefreshStatus":"Idle","ItemId":"1","Id":"1","Guid":"1"}]"#;

/// A pretend server and what it is asked.
pub(crate) struct Pretend {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// One moment for each call that asks for a scan.
    pub(crate) calls: UnboundedReceiver<Instant>,
}

impl Pretend {
    /// Listens on a free port, until the runtime ends.
    pub(crate) async fn start() -> Result<Self> {
        let (seen, calls) = unbounded_channel();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(seen);
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(Self { address, calls })
    }

    /// How many scans it is asked for until no call comes for `silence`.
    pub(crate) async fn count(&mut self, silence: Duration) -> usize {
        let mut calls = 0;
        while let Ok(Some(_)) = timeout(silence, self.calls.recv()).await {
            calls += 1;
        }
        calls
    }
}

async fn answer(State(seen): State<UnboundedSender<Instant>>, request: Request) -> Response {
    let now = Instant::now();
    let path = request.uri().path();
    let path = path.strip_prefix("/emby").unwrap_or(path);
    match path {
        "/" | "/identity" => json(PLEX_IDENTITY),
        "/library/sections" | "/library/sections/all" => json(PLEX_LIBRARIES),
        "/System/Info" | "/System/Info/Public" => json(INFO),
        "/Library/VirtualFolders" => json(FOLDERS),
        "/Library/VirtualFolders/Query" => json(&format!(r#"{{"Items":{FOLDERS},"TotalRecordCount":1}}"#)),
        "/library/sections/1/refresh" | "/Items/1/Refresh" => {
            // The bench stopped listening: nobody counts any more.
            let _ = seen.send(now);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn json(text: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text.to_owned()).into_response()
}
