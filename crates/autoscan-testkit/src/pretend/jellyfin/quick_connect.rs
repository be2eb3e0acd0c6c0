use std::sync::{Arc, Mutex, MutexGuard};

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::not_found;
use crate::pretend::http_server::{Recorded, Reply, lock};
use crate::pretend::media_browser::field;

/// Quick Connect of a pretend Jellyfin, its users' logins and its API keys.
#[derive(Clone, Default)]
pub struct QuickConnect {
    state: Arc<Mutex<QuickConnectState>>,
}

#[derive(Default)]
struct QuickConnectState {
    off: bool,
    /// Whether its keys cannot be made, as behind a proxy that keeps them from outside.
    keyless: bool,
    by_get: bool,
    attempts: Vec<Attempt>,
    logins: Vec<Login>,
    keys: Vec<String>,
}

struct Attempt {
    device: String,
    /// Who confirmed it, and whether they are an administrator.
    confirmed: Option<(String, bool)>,
    expired: bool,
}

struct Login {
    token: String,
    administrator: bool,
    over: bool,
}

impl Attempt {
    fn shown(&self, number: usize) -> Value {
        json!({
            "Authenticated": self.confirmed.is_some(),
            "Secret": secret(number),
            "Code": code(number),
            "DeviceId": self.device,
            "DeviceName": "autoscan",
            "AppName": "autoscan",
            "AppVersion": "1",
            "DateAdded": "2026-01-01T00:00:00.0000000Z",
        })
    }
}

fn secret(number: usize) -> String {
    format!("quick-connect-secret-{number:04}")
}

fn code(number: usize) -> String {
    format!("{}", 735_100 + number)
}

impl QuickConnect {
    /// Whether it is on; it is unless told.
    pub fn set_on(&self, on: bool) {
        self.state().off = !on;
    }

    /// Whether it can make API keys; it can unless told.
    pub fn set_makes_keys(&self, makes: bool) {
        self.state().keyless = !makes;
    }

    /// It is begun by `GET` alone, as until 10.8.
    pub fn set_begun_by_get(&self) {
        self.state().by_get = true;
    }

    /// A user types this code. False when nothing waits for it.
    pub fn confirm(&self, code: &str, user: &str, administrator: bool) -> bool {
        let mut state = self.state();
        let mut waiting = state.attempts.iter_mut().enumerate();
        let found = waiting.find(|(number, attempt)| self::code(*number) == code && !attempt.expired);
        found.map(|(_, attempt)| attempt.confirmed = Some((user.to_owned(), administrator))).is_some()
    }

    /// Ten minutes go by: every code ends.
    pub fn expire(&self) {
        self.state().attempts.iter_mut().for_each(|attempt| attempt.expired = true);
    }

    /// The codes so far, in order.
    pub fn codes(&self) -> Vec<String> {
        (0..self.state().attempts.len()).map(code).collect()
    }

    /// Logins of users that are not over.
    pub fn logins(&self) -> Vec<String> {
        self.state().logins.iter().filter(|login| !login.over).map(|login| login.token.clone()).collect()
    }

    /// The API keys that were made for autoscan.
    pub fn keys(&self) -> Vec<String> {
        self.state().keys.clone()
    }

    fn state(&self) -> MutexGuard<'_, QuickConnectState> {
        lock(&self.state)
    }

    /// Whether this is a key, or the token of an administrator. None for the token of anybody else who is logged in.
    pub(super) fn lets_in(&self, token: &str) -> Option<bool> {
        let state = self.state();
        let login = state.logins.iter().find(|login| login.token == token && !login.over);
        match login {
            Some(login) => login.administrator.then_some(true),
            None => Some(state.keys.iter().any(|key| key == token)),
        }
    }

    /// What it answers to a call without a login; none when the call is not one of its own.
    pub(super) fn for_nobody(&self, route: &[&str], call: &Recorded) -> Option<Reply> {
        let mut state = self.state();
        let state = &mut *state;
        match (call.method.as_str(), route) {
            ("GET", ["quickconnect", "enabled"]) => Some(Reply::json(&json!(!state.off))),
            ("POST" | "GET", ["quickconnect", "initiate"]) => {
                if (call.method == "GET") != state.by_get {
                    return Some(Reply::empty(405));
                }
                if state.off {
                    return Some(Reply::empty(401));
                }
                let device = ["Client", "Device", "DeviceId", "Version"].map(|name| said(call, name));
                let [Some(_), Some(_), Some(device), Some(_)] = device else {
                    return Some(Reply::new(400, "text/plain", "Error processing request."));
                };
                let attempt = Attempt { device, confirmed: None, expired: false };
                let shown = attempt.shown(state.attempts.len());
                state.attempts.push(attempt);
                Some(Reply::json(&shown))
            }
            ("GET", ["quickconnect", "connect"]) => {
                if state.off {
                    return Some(Reply::empty(401));
                }
                let number = state.number_of(call.param("secret").unwrap_or_default());
                Some(
                    number
                        .map_or_else(not_found, |number| Reply::json(&state.attempts[number].shown(number))),
                )
            }
            ("POST", ["users", "authenticatewithquickconnect"]) => Some(state.log_in(call)),
            _ => None,
        }
    }

    /// What it answers to an administrator.
    pub(super) fn for_administrators(&self, route: &[&str], call: &Recorded) -> Option<Reply> {
        let mut state = self.state();
        match (call.method.as_str(), route) {
            ("GET" | "POST", ["auth", "keys"]) if state.keyless => Some(Reply::empty(403)),
            ("GET", ["auth", "keys"]) => {
                let mut items: Vec<Value> = Vec::new();
                items.push(json!({"Id": 0, "AccessToken": "another-program", "AppName": "Sonarr",
                    "DateCreated": "2027-01-01T00:00:00.0000000Z"}));
                for (number, key) in state.keys.iter().enumerate() {
                    items.push(json!({"Id": number + 1, "AccessToken": key, "AppName": "autoscan",
                        "DateCreated": format!("2026-01-01T00:00:{number:02}.0000000Z")}));
                }
                let count = items.len();
                Some(Reply::json(&json!({"Items": items, "TotalRecordCount": count, "StartIndex": 0})))
            }
            ("POST", ["auth", "keys"]) => {
                if call.param("app").is_none_or(str::is_empty) {
                    return Some(Reply::new(400, "text/plain", "Error processing request."));
                }
                let key = format!("made-api-key-{:04}", state.keys.len());
                state.keys.push(key);
                Some(Reply::empty(204))
            }
            _ => None,
        }
    }

    /// `POST /Sessions/Logout` of who has this token.
    pub(super) fn log_out(&self, token: &str) -> Reply {
        self.state()
            .logins
            .iter_mut()
            .filter(|login| login.token == token)
            .for_each(|login| login.over = true);
        Reply::empty(204)
    }
}

impl QuickConnectState {
    fn number_of(&self, wanted: &str) -> Option<usize> {
        let mut numbers = 0..self.attempts.len();
        numbers.find(|number| secret(*number) == wanted && !self.attempts[*number].expired)
    }

    fn log_in(&mut self, call: &Recorded) -> Reply {
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        let Some(wanted) = field(&body, "Secret").and_then(|secret| secret.as_str().map(str::to_owned))
        else {
            return Reply::new(400, "text/plain", "Error processing request.");
        };
        let number = self.number_of(&wanted);
        let Some((number, (user, administrator))) =
            number.and_then(|number| Some((number, self.attempts[number].confirmed.clone()?)))
        else {
            return Reply::empty(401);
        };
        let token = format!("token-of-{user}-{number:04}");
        self.logins.push(Login { token: token.clone(), administrator, over: false });
        Reply::json(&json!({
            "User": {"Name": user, "Id": "00000000000000000000000000000001",
                "Policy": {"IsAdministrator": administrator}},
            "SessionInfo": {"DeviceId": self.attempts[number].device},
            "AccessToken": token,
            "ServerId": "0123456789abcdef0123456789abcdef",
        }))
    }
}

/// What the `Authorization` header says under this name.
fn said(call: &Recorded, name: &str) -> Option<String> {
    let (_, pairs) = call.header("authorization")?.split_once(' ')?;
    pairs.split(',').find_map(|pair| {
        let (known, value) = pair.trim().split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        (known == name && !value.is_empty()).then_some(value)
    })
}
