use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::pretend::http_server::{Behavior, HttpServer, Recorded, Reply, lock, segments};

/// plex.tv as far as PINs go.
pub struct PretendPlexTv {
    /// Its port, its log and its trouble.
    pub http: HttpServer,
    plex_tv: Arc<PlexTv>,
}

#[derive(Default)]
struct PlexTv {
    token: String,
    pins: Mutex<Vec<Pin>>,
}

struct Pin {
    client: String,
    code: String,
    strong: bool,
    confirmed: bool,
    expired: bool,
}

/// The number of the first PIN.
const FIRST: usize = 564_964_751;

impl PretendPlexTv {
    /// Opens its port. `token` is what it gives for a PIN that was confirmed.
    pub async fn start(token: &str) -> io::Result<Self> {
        let plex_tv = Arc::new(PlexTv { token: token.to_owned(), pins: Mutex::default() });
        let behavior: Arc<dyn Behavior> = Arc::clone(&plex_tv) as Arc<dyn Behavior>;
        Ok(Self { http: HttpServer::open(behavior, "").await?, plex_tv })
    }

    /// A person types this code at `/link`. False when no PIN waits for it.
    pub fn confirm(&self, code: &str) -> bool {
        let mut pins = self.pins();
        let pin = pins.iter_mut().find(|pin| pin.code == code && !pin.expired);
        pin.map(|pin| pin.confirmed = true).is_some()
    }

    /// A quarter of an hour goes by: every PIN ends.
    pub fn expire(&self) {
        self.pins().iter_mut().for_each(|pin| pin.expired = true);
    }

    /// The codes of its PINs, in order.
    pub fn codes(&self) -> Vec<String> {
        self.pins().iter().map(|pin| pin.code.clone()).collect()
    }

    fn pins(&self) -> MutexGuard<'_, Vec<Pin>> {
        lock(&self.plex_tv.pins)
    }
}

impl Behavior for PlexTv {
    fn answer(&self, call: &Recorded) -> Reply {
        let segments = segments(call, "").unwrap_or_default();
        let Some(client) = call.header("x-plex-client-identifier") else { return self.error(400) };
        let mut pins = lock(&self.pins);
        match (call.method.as_str(), segments.as_slice()) {
            ("POST", ["api", "v2", "pins"]) => {
                let strong = call.param("strong").is_some_and(|strong| matches!(strong, "true" | "1"));
                let number = pins.len();
                let code =
                    if strong { format!("8lzjqnq8lye02n52jq3fqx{number:03}") } else { letters(number) };
                pins.push(Pin { client: client.to_owned(), code, strong, confirmed: false, expired: false });
                let pin = self.shown(number, &pins[number]);
                Reply { status: 201, ..Reply::json(&pin) }
            }
            ("GET", ["api", "v2", "pins", id]) => {
                let number = id.parse::<usize>().ok().and_then(|id| id.checked_sub(FIRST));
                let found = number.and_then(|number| Some((number, pins.get(number)?)));
                match found.filter(|(_, pin)| pin.client == client && !pin.expired) {
                    Some((number, pin)) => Reply::json(&self.shown(number, pin)),
                    None => self.error(404),
                }
            }
            _ => self.error(404),
        }
    }

    fn error(&self, status: u16) -> Reply {
        let (code, message) = match status {
            400 => (1000, "X-Plex-Client-Identifier is missing"),
            404 => (1020, "Code not found or expired"),
            429 => (1003, "Too many requests"),
            _ => (1999, "Internal server error"),
        };
        let body = json!({"errors": [{"code": code, "message": message, "status": status}]});
        Reply::new(status, "application/json; charset=utf-8", body.to_string())
    }
}

impl PlexTv {
    fn shown(&self, number: usize, pin: &Pin) -> Value {
        json!({
            "id": FIRST + number,
            "code": pin.code,
            "product": "autoscan",
            "trusted": false,
            "clientIdentifier": pin.client,
            "expiresIn": if pin.strong { 1800 } else { 900 },
            "createdAt": "2026-01-01T00:00:00Z",
            "expiresAt": "2026-01-01T00:15:00Z",
            "authToken": pin.confirmed.then_some(&self.token),
            "newRegistration": null,
        })
    }
}

/// Four letters for a number.
fn letters(number: usize) -> String {
    const LETTERS: &[u8; 26] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    [26 * 26 * 26, 26 * 26, 26, 1].map(|place| char::from(LETTERS[number / place % 26])).iter().collect()
}
