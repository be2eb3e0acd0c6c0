use std::io;
use std::sync::{Arc, Mutex};

use base64::Engine as _;

use crate::pretend::http_server::{Behavior, HttpServer, Recorded, Reply, lock, segments};

/// An older autoscan in Go, as far as manual scans go: it accepts by an empty 200.
pub struct PretendAutoscan {
    /// Its port, its log and its trouble.
    pub http: HttpServer,
    autoscan: Arc<Autoscan>,
}

struct Autoscan {
    login: Option<String>,
    key: Option<String>,
    under: String,
    folders: Mutex<Vec<String>>,
}

impl PretendAutoscan {
    /// One that lets in this user. `under` is its sub-path, such as `/autoscan`.
    pub async fn start(user: &str, password: &str, under: &str) -> io::Result<Self> {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Self::open(Some(format!("Basic {pair}")), None, under).await
    }

    /// A newer one, that lets in who has this key.
    pub async fn with_key(key: &str) -> io::Result<Self> {
        Self::open(None, Some(key.to_owned()), "").await
    }

    /// One that lets in everybody.
    pub async fn without_login() -> io::Result<Self> {
        Self::open(None, None, "").await
    }

    async fn open(login: Option<String>, key: Option<String>, under: &str) -> io::Result<Self> {
        let autoscan = Arc::new(Autoscan { login, key, under: under.to_owned(), folders: Mutex::default() });
        let behavior: Arc<dyn Behavior> = Arc::clone(&autoscan) as Arc<dyn Behavior>;
        Ok(Self { http: HttpServer::open(behavior, under).await?, autoscan })
    }

    /// The folders that it was asked to scan, in order.
    pub fn folders(&self) -> Vec<String> {
        lock(&self.autoscan.folders).clone()
    }
}

impl Autoscan {
    fn lets_in(&self, call: &Recorded) -> bool {
        let login = self.login.is_none() || call.header("authorization") == self.login.as_deref();
        let key = self.key.is_none() || call.header("x-api-key") == self.key.as_deref();
        login && key
    }
}

impl Behavior for Autoscan {
    fn answer(&self, call: &Recorded) -> Reply {
        let Some(segments) = segments(call, &self.under) else { return self.error(404) };
        if segments != ["triggers", "manual"] {
            return self.error(404);
        }
        if !self.lets_in(call) {
            return self.error(401);
        }
        match call.method.as_str() {
            "HEAD" => Reply::empty(200),
            "GET" => Reply::new(200, "text/html", "<!DOCTYPE html><html><title>Manual Scan</title></html>"),
            "POST" => {
                let asked = call.query.iter().filter(|(name, _)| name == "dir").map(|(_, dir)| dir.clone());
                let asked: Vec<String> = asked.collect();
                let status = if asked.is_empty() { 400 } else { 200 };
                lock(&self.folders).extend(asked);
                Reply::empty(status)
            }
            _ => self.error(405),
        }
    }

    fn error(&self, status: u16) -> Reply {
        Reply::empty(status)
    }
}
