//! A house with three triggers and two targets behind its doors.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::anchor::Anchors;
use autoscan_core::change::{Change, Refusal};
use autoscan_core::fault::Fault;
use autoscan_core::filter::{Filter, IgnoreList};
use autoscan_core::guide::{Field, FieldValue, Guide};
use autoscan_core::map::PathMap;
use autoscan_core::name::Name;
use autoscan_core::path::{TargetPath, TriggerPath};
use autoscan_core::ports::{
    Clock, Hook, Identity, Libraries, Library, Plan, ReadError, Reading, ScanFilter, Store, Target,
    TargetScan, Trigger,
};
use autoscan_core::redact::Redaction;
use autoscan_core::scan::{Quiet, Scan};
use autoscan_core::secret::Secret;
use autoscan_engine::{BoundTarget, BoundTrigger, Engine, FileRules, Pace, Parts, Rules};
use autoscan_store::MemoryStore;
use autoscan_testkit::{FakeClock, FakeFiles, FaultyStore};
use autoscan_web::{
    ConfigView, Control, Doors, Edit, LogLevel, LogLine, LogTail, LoginKind, NewTarget, PendingLogin, Places,
    Proposal, SenderRoots, TriedServer, Web,
};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub(crate) const PASSWORD: &str = "pässwörd";
pub(crate) const API_KEY: &str = "the-api-key";
pub(crate) const TOKEN: &str = "sonarr's token";
pub(crate) const SERVER_PASS: &str = "0c1fa3c9";
pub(crate) const KEYED: [(&str, &str); 1] = [("x-api-key", API_KEY)];

/// How a sender is set up.
const GUIDE: Guide = Guide {
    place: "Settings → <Connect>",
    fields: &[
        Field { name: "On Import", value: FieldValue::Tick },
        Field { name: "On Upgrade", value: FieldValue::MayTick("says the same") },
        Field { name: "On Grab", value: FieldValue::Leave("no file") },
        Field { name: "Webhook URL", value: FieldValue::Url },
        Field { name: "Method", value: FieldValue::Text("POST") },
        Field { name: "Username", value: FieldValue::Username },
        Field { name: "Password", value: FieldValue::Password },
        Field { name: "Headers", value: FieldValue::KeyHeader },
        Field { name: "A script", value: FieldValue::Command("curl -d '' URL") },
    ],
    test: "Press Test.",
    notes: &["Never reported: subtitles."],
    signs: false,
};

/// A program around the pages that can do nothing.
pub(crate) struct Program;

#[async_trait]
impl Control for Program {
    fn config(&self) -> ConfigView {
        ConfigView::default()
    }

    async fn reload(&self) -> Result<String, Vec<String>> {
        Err(vec!["no".to_owned()])
    }

    async fn propose(&self, _edit: &Edit) -> Result<Proposal, String> {
        Err("no".to_owned())
    }

    async fn apply(&self, _edit: &Edit, _basis: &str) -> Result<String, Vec<String>> {
        Err(vec!["no".to_owned()])
    }

    async fn try_server(&self, _server: &NewTarget) -> Result<TriedServer, String> {
        Err("no".to_owned())
    }

    async fn begin_login(&self, _kind: LoginKind, _url: &str) -> Result<PendingLogin, String> {
        Err("no".to_owned())
    }

    async fn finish_login(&self, _pending: &PendingLogin) -> Result<Option<Secret>, String> {
        Err("no".to_owned())
    }

    async fn root_folders(&self) -> Vec<SenderRoots> {
        Vec::new()
    }
}

/// A log of a few lines.
pub(crate) struct Said(pub(crate) tokio::sync::watch::Sender<u64>);

impl Said {
    pub(crate) fn new() -> Self {
        Self(tokio::sync::watch::Sender::new(0))
    }
}

impl LogTail for Said {
    fn recent(&self, least: LogLevel, text: &str, limit: usize) -> Vec<LogLine> {
        let lines = [
            (3, LogLevel::Warn, "the lane holds target=<script>plex</script>"),
            (2, LogLevel::Info, "started \u{202e}gpj.exe scan=1"),
            (1, LogLevel::Debug, "answered status=200"),
        ];
        let fits = |(_, level, said): &(u64, LogLevel, &str)| *level >= least && said.contains(text);
        lines
            .into_iter()
            .filter(fits)
            .take(limit)
            .map(|(number, level, text)| LogLine {
                number,
                at: autoscan_testkit::START,
                level,
                text: text.to_owned(),
            })
            .collect()
    }

    fn news(&self) -> tokio::sync::watch::Receiver<u64> {
        self.0.subscribe()
    }
}

/// The router with what it stands on.
pub(crate) struct House {
    pub(crate) router: Router,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) files: Arc<FakeFiles>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of an error, once it has the form of every error.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        assert!(json["error"].as_str().is_some_and(|error| !error.is_empty()), "{self:?}");
        json["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn message(&self) -> String {
        let json = self.json();
        assert_eq!(json["status"], "success", "{self:?}");
        json["message"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl House {
    /// The usual house, with a change to it.
    pub(crate) fn new(change: impl FnOnce(&mut Web)) -> Self {
        let (store, files) = (store(), Arc::new(disk()));
        let mut web = Web {
            engine: Engine::new(parts(Arc::clone(&store), Arc::clone(&files))),
            doors: Doors {
                username: "autoscan".to_owned(),
                password: Some(Secret::new(PASSWORD)),
                api_key: Some(Secret::new(API_KEY)),
                ..Doors::default()
            },
            base_url: "/".to_owned(),
            recognise,
            for_people: |kind| kind == "manual",
            guide: |kind| (kind == "sonarr").then_some(&GUIDE),
            address: "http://<this machine>:3030".to_owned(),
            metrics_need_auth: false,
            control: Arc::new(Program),
            sessions: Arc::clone(&store) as Arc<_>,
            own_names: Vec::new(),
            trusted_proxies: Vec::new(),
            log: Arc::new(Said::new()),
            random: |bytes| {
                let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 1);
                bytes
                    .iter_mut()
                    .zip(seed.to_le_bytes().iter().cycle())
                    .for_each(|(byte, chance)| *byte = *chance);
            },
            places: Places::within(8192),
            version: "1.2.3",
            stop: CancellationToken::new(),
        };
        change(&mut web);
        Self { router: autoscan_web::router(web), store, files }
    }

    pub(crate) fn open() -> Self {
        Self::new(|web| web.doors.disabled = true)
    }

    /// The usual house, by this clock.
    pub(crate) fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let parts = Parts { clock, ..parts(store(), Arc::default()) };
        Self::new(|web| web.engine = Engine::new(parts))
    }

    /// The usual house, before its first server.
    pub(crate) fn without_targets() -> Self {
        let parts = Parts { targets: Vec::new(), ..parts(store(), Arc::default()) };
        Self::new(|web| web.engine = Engine::new(parts))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(!parts.headers["x-request-id"].is_empty());
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, uri: &str) -> Reply {
        self.ask("GET", uri, &KEYED, "").await
    }

    pub(crate) async fn post(&self, uri: &str, body: &str) -> Reply {
        self.ask("POST", uri, &KEYED, body.to_owned()).await
    }

    /// Logs in as a browser does; answers the cookie.
    pub(crate) async fn log_in(&self) -> String {
        let (cookie, csrf) = self.form("/login", "").await;
        let form = format!("csrf={csrf}&username=autoscan&password=p%C3%A4ssw%C3%B6rd");
        let reply = self.ask("POST", "/login", &[("cookie", &cookie)], form).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        cookie_of(&reply).unwrap_or(cookie)
    }

    /// Logs out.
    pub(crate) async fn log_out(&self, cookie: &str) {
        let (_, csrf) = self.form("/", cookie).await;
        let reply = self.ask("POST", "/logout", &[("cookie", cookie)], format!("csrf={csrf}")).await;
        assert_eq!(reply.status, 303, "{reply:?}");
    }

    /// The cookie that a page sets, and the token of its forms.
    async fn form(&self, uri: &str, cookie: &str) -> (String, String) {
        let page = self.ask("GET", uri, &[("cookie", cookie)], "").await;
        let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        (cookie_of(&page).unwrap_or_default(), csrf.to_owned())
    }

    /// Every scan that is stored, newest first.
    pub(crate) async fn scans(&self) -> Vec<Scan> {
        self.store.list(ScanFilter { limit: 500, ..ScanFilter::default() }).await.unwrap().scans
    }

    /// The folders of [`Self::scans`].
    pub(crate) async fn folders(&self) -> Vec<String> {
        self.scans().await.iter().map(|scan| scan.folder.to_string()).collect()
    }
}

/// The cookie that an answer sets.
fn cookie_of(reply: &Reply) -> Option<String> {
    let cookie = reply.header("set-cookie").split(';').next()?;
    (!cookie.is_empty()).then(|| cookie.to_owned())
}

/// An `Authorization` header.
pub(crate) fn basic(pair: impl AsRef<[u8]>) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

/// A queue in memory that fails on demand.
fn store() -> Arc<FaultyStore> {
    Arc::new(FaultyStore::new(Arc::new(MemoryStore::new(Arc::new(FakeClock::new())))))
}

/// A disk with some shows, one of which has a name that a page must not trust.
fn disk() -> FakeFiles {
    let disk = FakeFiles::new();
    for show in ["Frieren", "<b>Bold\u{202e}", "Mushishi"] {
        disk.make_folder(&format!("/mnt/anime/{show}"));
    }
    disk
}

fn parts(store: Arc<FaultyStore>, files: Arc<FakeFiles>) -> Parts {
    let trigger = |name: &str, kind, token: Option<&str>| BoundTrigger {
        name: Name::parse(name).unwrap(),
        kind,
        priority: 0,
        quiet: Quiet { minimum_age: Duration::from_secs(10), maximum_wait: Duration::from_mins(2) },
        map: PathMap::new([("/tv", "/mnt/tv")], []).unwrap(),
        filter: Filter::default(),
        targets: None,
        token: token.map(Secret::new),
        reader: Arc::new(Reader),
        source: None,
    };
    let target = |name: &str, fault| BoundTarget {
        name: Name::parse(name).unwrap(),
        kind: "plex",
        url: "http://plex:32400/".to_owned(),
        map: PathMap::default(),
        filter: Filter::default(),
        pace: Pace::default(),
        proof: None,
        before: None,
        after: None,
        server: Arc::new(Server(fault)),
    };
    Parts {
        store,
        clock: Arc::new(FakeClock::new()),
        files,
        jitter: || 0.0,
        redaction: Redaction::default(),
        history: Arc::default(),
        overhear: |telling| Box::pin(async { (telling.await, Vec::new()) }),
        triggers: vec![
            trigger("manual", "manual", None),
            trigger("sonarr", "sonarr", Some(TOKEN)),
            trigger("empty", "sonarr", Some("")),
        ],
        targets: vec![target("plex", None), target("broken", Some(Fault::away("broken does not answer")))],
        rules: Rules {
            ignore: IgnoreList::new([".DS_Store"]),
            anchors: Anchors::default(),
            files: FileRules { check: false, settle: Duration::ZERO, give_up: Duration::ZERO },
            history: Duration::from_hours(24),
            priorities: Vec::new(),
            storm: None,
        },
    }
}

/// Reads `{"eventType", "paths"}`, a form `…=/path` and the query; the body `panic` panics.
struct Reader;

impl Trigger for Reader {
    fn read(&self, hook: &Hook<'_>) -> Result<Reading, ReadError> {
        assert!(hook.body != b"panic", "as asked");
        let mut reading = Reading::default();
        let mut texts: Vec<String> = hook
            .query
            .iter()
            .filter(|(name, _)| matches!(name.as_str(), "dir" | "path"))
            .map(|(_, value)| value.clone())
            .collect();
        if let Ok(json) = serde_json::from_slice::<Value>(hook.body) {
            reading.event = json["eventType"].as_str().map(str::to_owned).unwrap_or_default();
            texts.extend(
                json["paths"].as_array().into_iter().flatten().map(|path| path.as_str().unwrap().to_owned()),
            );
        } else if let Some((_, path)) = std::str::from_utf8(hook.body).unwrap_or_default().rsplit_once('=') {
            texts.push(path.to_owned());
        } else if texts.is_empty() {
            return Err(ReadError("The body is no JSON".to_owned()));
        }
        for text in texts {
            match TriggerPath::parse(&text) {
                Ok(path) => reading.changes.push(Change::rescan(path)),
                Err(reason) => reading.refused.push(Refusal { reason }),
            }
        }
        Ok(reading)
    }
}

fn recognise(hook: &Hook<'_>) -> Option<&'static str> {
    let body = String::from_utf8_lossy(hook.body);
    let mut kinds = [("filepath=", "manual"), ("Sonarr", "sonarr"), ("Radarr", "radarr")].into_iter();
    kinds.find(|(mark, _)| body.contains(mark)).map(|(_, kind)| kind)
}

/// A server that answers, or not.
struct Server(Option<Fault>);

#[async_trait]
impl Target for Server {
    async fn probe(&self) -> Result<Identity, Fault> {
        let identity =
            Identity { product: "Plex Media Server".to_owned(), name: None, version: "1.41".to_owned() };
        self.0.clone().map_or(Ok(identity), Err)
    }

    fn libraries(&self) -> Option<&dyn Libraries> {
        Some(self)
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        batch.iter().map(|_| Ok(())).collect()
    }

    async fn plan(&self, _scan: &TargetScan) -> Result<Plan, Fault> {
        self.0.clone().map_or(Ok(Plan { libraries: Vec::new(), calls: Vec::new() }), Err)
    }
}

fn shows() -> Library {
    Library {
        id: "1".to_owned(),
        title: "Shows".to_owned(),
        kind: "show".to_owned(),
        folders: vec!["/mnt/tv".to_owned()],
    }
}

#[async_trait]
impl Libraries for Server {
    async fn read(&self) -> Result<Vec<Library>, Fault> {
        self.0.clone().map_or_else(|| Ok(vec![shows()]), Err)
    }

    fn cached(&self) -> Option<(Arc<[Library]>, Duration)> {
        self.0.is_none().then(|| (vec![shows()].into(), Duration::ZERO))
    }

    async fn is_below_a_root(&self, _folder: &TargetPath) -> bool {
        false
    }
}
