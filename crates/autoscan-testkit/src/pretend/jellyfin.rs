mod quick_connect;
mod socket;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::pretend::http_server::{Behavior, Frame, HttpServer, Recorded, Reply, segments};
use crate::pretend::library::PretendLibrary;
use crate::pretend::media_browser::ignored::Era;
use crate::pretend::media_browser::{
    Dialect, Holdings, MADE_AT, World, directory, field, http_date, items, media_updated, refresh, sessions,
    tasks, validate, virtual_folders,
};
use crate::pretend::monitor::DELAY;

pub use quick_connect::QuickConnect;

/// A Jellyfin server as far as scans go, by default one that knows no authentication but its own (12.0).
pub struct PretendJellyfin {
    /// Its port, its log and its trouble.
    pub http: HttpServer,
    /// Its items, its files, its clock and its faults.
    pub holdings: Holdings,
    /// Its logins by a code.
    pub quick_connect: QuickConnect,
    jellyfin: Arc<Jellyfin>,
}

/// Makes a [`PretendJellyfin`].
#[derive(Clone, Debug)]
pub struct JellyfinBuilder {
    key: String,
    version: String,
    under: String,
    legacy: bool,
    libraries: Vec<PretendLibrary>,
    delay: Option<Duration>,
}

impl JellyfinBuilder {
    /// The API key it accepts; `jellyfin-key` unless told.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    /// Its version.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// The base URL it was given: `/jellyfin`.
    #[must_use]
    pub fn under(mut self, sub_path: &str) -> Self {
        sub_path.clone_into(&mut self.under);
        self
    }

    /// Accepts the older authentication too, as 10.11 does.
    #[must_use]
    pub fn legacy(mut self) -> Self {
        self.legacy = true;
        self
    }

    /// Adds a library.
    #[must_use]
    pub fn library(mut self, library: PretendLibrary) -> Self {
        self.libraries.push(library);
        self
    }

    /// How long it waits after the last report before it looks; a minute unless told. Its clock runs from the start.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Opens its port.
    pub async fn start(self) -> io::Result<PretendJellyfin> {
        let under = self.under.clone();
        let holdings = Holdings::new(World::new(Era::of(&self.version), DELAY, self.libraries.clone()));
        if let Some(delay) = self.delay {
            holdings.set_delay(delay);
        }
        let quick_connect = QuickConnect::default();
        let jellyfin = Arc::new(Jellyfin {
            made: self,
            holdings: holdings.clone(),
            quick_connect: quick_connect.clone(),
            starting: AtomicBool::new(false),
            loading: AtomicBool::new(false),
            shut_out: AtomicBool::new(false),
            sockets: socket::Sockets::default(),
        });
        let behavior: Arc<dyn Behavior> = Arc::clone(&jellyfin) as Arc<dyn Behavior>;
        Ok(PretendJellyfin {
            http: HttpServer::open(behavior, &under).await?,
            holdings,
            quick_connect,
            jellyfin,
        })
    }
}

impl PretendJellyfin {
    /// A Jellyfin without libraries.
    pub fn builder() -> JellyfinBuilder {
        JellyfinBuilder {
            key: "jellyfin-key".to_owned(),
            version: "12.0.0".to_owned(),
            under: String::new(),
            legacy: false,
            libraries: Vec::new(),
            delay: None,
        }
    }

    /// Replaces its libraries.
    pub fn set_libraries(&self, libraries: Vec<PretendLibrary>) {
        self.holdings.world().set_libraries(libraries);
    }

    /// Start-up: everything but the public information is answered with 503, `Retry-After` and a page.
    pub fn set_starting(&self, starting: bool) {
        self.jellyfin.starting.store(starting, Ordering::Relaxed);
    }

    /// The last seconds of its start: everything is answered with 503 and a sentence as HTML, without `Retry-After`
    /// (12.0.0, measured: some 7 s of every start).
    pub fn set_loading(&self, loading: bool) {
        self.jellyfin.loading.store(loading, Ordering::Relaxed);
    }

    /// Whether it lets autoscan's address in; if not, everything is answered with an empty 503.
    pub fn set_address_allowed(&self, allowed: bool) {
        self.jellyfin.shut_out.store(!allowed, Ordering::Relaxed);
    }

    /// It says that it shuts down, ends its websockets, forgets all that it has not done, and is there again at once.
    pub fn shut_down(&self) {
        self.jellyfin.sockets.shut_down();
        self.holdings.restart();
    }

    /// An item with this path is in its database.
    pub fn know(&self, path: &str) {
        self.holdings.know(path);
    }

    /// The item's file or folder is no longer on the disk.
    pub fn lose(&self, path: &str) {
        self.holdings.lose(path);
    }

    /// Moves its clock.
    pub fn advance(&self, time: Duration) {
        self.holdings.advance(time);
    }

    /// The items that it looked at, in order.
    pub fn refreshed(&self) -> Vec<String> {
        self.holdings.looks()
    }

    /// The reported paths with their types, in order.
    pub fn updates(&self) -> Vec<(String, String)> {
        self.holdings.updates()
    }
}

struct Jellyfin {
    made: JellyfinBuilder,
    holdings: Holdings,
    quick_connect: QuickConnect,
    starting: AtomicBool,
    loading: AtomicBool,
    shut_out: AtomicBool,
    sockets: socket::Sockets,
}

impl Behavior for Jellyfin {
    fn answer(&self, call: &Recorded) -> Reply {
        let mut reply = self.reply(call);
        let now = MADE_AT + self.holdings.world().now().as_secs();
        reply.headers.push(("date", http_date(now)));
        reply
    }

    fn error(&self, status: u16) -> Reply {
        match status {
            400 | 500 => Reply::new(status, "text/plain", "Error processing request."),
            _ => Reply::empty(status),
        }
    }

    /// Any path upgrades; without a key, or with one that is shown elsewhere, it is a 403 (12.0.0, measured).
    fn socket(&self, call: &Recorded) -> Result<mpsc::Receiver<Frame>, Reply> {
        let is_away =
            [&self.starting, &self.loading, &self.shut_out].iter().any(|away| away.load(Ordering::Relaxed));
        if is_away {
            return Err(self.reply(call));
        }
        match self.shown_token(call) {
            Some(shown) if shown == self.made.key => Ok(self.sockets.open()),
            _ => Err(Reply::new(403, "text/plain", "Error processing request.")),
        }
    }

    fn heard(&self, text: &str) -> Option<Frame> {
        socket::answer(text)
    }
}

impl Jellyfin {
    fn reply(&self, call: &Recorded) -> Reply {
        if self.loading.load(Ordering::Relaxed) {
            let said = "Jellyfin Server is loading. Please try again shortly.";
            return Reply::new(503, "text/html", said);
        }
        if self.shut_out.load(Ordering::Relaxed) {
            return Reply::empty(503);
        }
        let starting = self.starting.load(Ordering::Relaxed);
        let Some(segments) = segments(call, &self.made.under) else { return self.error(404) };
        let lower: Vec<String> = segments.iter().map(|name| name.to_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        if lower == ["system", "info", "public"] {
            return Reply::json(&self.info(!starting));
        }
        if lower == ["health"] {
            return Reply::new(200, "text/plain", if starting { "Degraded" } else { "Healthy" });
        }
        if starting {
            let mut reply =
                Reply::new(503, "text/html", "<!DOCTYPE html><html><title>Jellyfin Startup</title>");
            reply.headers.push(("retry-after", "005".to_owned()));
            return reply;
        }
        if let Some(reply) = self.quick_connect.for_nobody(&lower, call) {
            return reply;
        }
        let Some(shown) = self.shown_token(call) else { return self.error(401) };
        let leaves = lower == ["sessions", "logout"];
        match self.quick_connect.lets_in(&shown).map(|made| made || shown == self.made.key) {
            Some(false) => return self.error(401),
            // The token of a user, who may see things and leave, and no more.
            None if !leaves => return self.error(403),
            _ if leaves => return self.quick_connect.log_out(&shown),
            _ => {}
        }
        if let Some(reply) = self.quick_connect.for_administrators(&lower, call) {
            return reply;
        }
        let world = &mut *self.holdings.world();
        match (call.method.as_str(), lower.as_slice()) {
            ("GET", _) => self.read(world, &lower, call),
            ("POST", _) => self.act(world, &lower, call),
            _ => self.error(405),
        }
    }

    fn read(&self, world: &mut World, route: &[&str], call: &Recorded) -> Reply {
        let answer = match route {
            ["system", "info"] => self.info(true),
            ["system", "configuration"] => self.configuration(world),
            ["library", "virtualfolders"] => virtual_folders(world),
            ["items"] => match items(world, Dialect::Jellyfin, call) {
                Some(items) => items,
                // `ArgumentException: Invalid parent id`
                None => return self.error(400),
            },
            ["environment", "directorycontents"] => {
                match directory(world, call.param("path").unwrap_or_default()) {
                    Some(entries) => entries,
                    None => return not_found(),
                }
            }
            ["sessions"] => sessions(world),
            ["scheduledtasks"] => tasks(world),
            ["library", "refresh"] | ["library", "media", "updated"] | ["environment", "validatepath"] => {
                return self.error(405);
            }
            _ => return self.error(404),
        };
        Reply::json(&answer)
    }

    fn act(&self, world: &mut World, route: &[&str], call: &Recorded) -> Reply {
        match route {
            ["library", "media", "updated"] => match media_updated(world, call, 204) {
                204 => Reply::empty(204),
                status => self.error(status),
            },
            ["library", "refresh"] => {
                world.scan_everything();
                Reply::empty(204)
            }
            ["items", id, "refresh"] => {
                const MODES: [&str; 4] = ["None", "ValidationOnly", "Default", "FullRefresh"];
                let is_mode = |name| call.param(name).is_none_or(|mode| MODES.contains(&mode));
                if !is_mode("metadataRefreshMode") || !is_mode("imageRefreshMode") {
                    return self.error(400);
                }
                if refresh(world, Dialect::Jellyfin, id, call) { Reply::empty(204) } else { not_found() }
            }
            ["environment", "validatepath"] => {
                let Ok(body) = serde_json::from_str::<Value>(&call.body) else { return self.error(400) };
                let path = field(&body, "Path").and_then(|path| path.as_str().map(str::to_owned));
                let is_file = field(&body, "IsFile").and_then(|is_file| is_file.as_bool());
                let found = validate(world, &path.unwrap_or_default(), is_file);
                if found { Reply::empty(204) } else { not_found() }
            }
            ["system", "info"] | ["library", "virtualfolders"] | ["items"] => self.error(405),
            _ => self.error(404),
        }
    }

    fn info(&self, set_up: bool) -> Value {
        json!({
            "ServerName": "Pretend Jellyfin",
            "Version": self.made.version,
            "ProductName": "Jellyfin Server",
            "Id": "0123456789abcdef0123456789abcdef",
            "StartupWizardCompleted": set_up,
        })
    }

    fn configuration(&self, world: &World) -> Value {
        let mut configuration = json!({
            "LibraryMonitorDelay": world.monitor.delay().as_secs(), "LibraryUpdateDuration": 30,
        });
        // 10.10 has no such setting: it always accepts it.
        if world.era > Era::Ten {
            configuration["EnableLegacyAuthorization"] = json!(self.made.legacy);
        }
        configuration
    }

    /// The key or token of a call, from where this version reads it.
    fn shown_token(&self, call: &Recorded) -> Option<String> {
        let modern = call.header("authorization").and_then(token);
        let query = call.param("ApiKey").map(str::to_owned);
        let legacy =
            [call.header("x-emby-token"), call.header("x-mediabrowser-token"), call.param("api_key")];
        let legacy = legacy.into_iter().flatten().next().filter(|_| self.made.legacy).map(str::to_owned);
        modern.or(query).or(legacy)
    }
}

/// What a call answers that knows the route but not what is asked for; an unknown route has an empty body.
fn not_found() -> Reply {
    let problem = json!({
        "type": "https://tools.ietf.org/html/rfc9110#section-15.5.5", "title": "Not Found", "status": 404,
        "traceId": "00-0123456789abcdef0123456789abcdef-0123456789abcdef-00",
    });
    Reply::new(404, "application/json; charset=utf-8", problem.to_string())
}

/// The token of `MediaBrowser Token="…", Client="…"`: the values are decoded as a URL's are, where `+` is a space.
fn token(header: &str) -> Option<String> {
    let (scheme, pairs) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("MediaBrowser") {
        return None;
    }
    pairs.split(',').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?.replace('+', " ");
        (name == "Token").then(|| percent_decode_str(&value).decode_utf8_lossy().into_owned())
    })
}
