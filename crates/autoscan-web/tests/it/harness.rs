//! The harness of the web interface: its router over an engine with three triggers and two targets.

use std::sync::Arc;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::guide::{Field, FieldValue, Guide};
use autoscan_core::ports::{Hook, Library, ScanFilter, Store};
use autoscan_core::scan::Scan;
use autoscan_core::secret::Secret;
use autoscan_testkit::{
    FakeClock, FakeFiles, FaultyStore, JsonReader, ScriptedTarget, TestEngine, TestSetup, library,
};
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
pub(crate) struct IdleControl;

#[async_trait]
impl Control for IdleControl {
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
pub(crate) struct FixedLog(pub(crate) tokio::sync::watch::Sender<u64>);

impl FixedLog {
    pub(crate) fn new() -> Self {
        Self(tokio::sync::watch::Sender::new(0))
    }
}

impl LogTail for FixedLog {
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
pub(crate) struct Harness {
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

impl Harness {
    /// The usual one, with a change to it.
    pub(crate) fn new(change: impl FnOnce(&mut Web)) -> Self {
        Self::of(setup(), change)
    }

    fn of(setup: TestSetup, change: impl FnOnce(&mut Web)) -> Self {
        let TestEngine { engine, faulty_store: store, files, .. } = TestEngine::at_rest(setup);
        // Shows, of which one has a name that a page must not trust.
        for show in ["Frieren", "<b>Bold\u{202e}", "Mushishi"] {
            files.make_folder(&format!("/mnt/anime/{show}"));
        }
        let mut web = Web {
            engine,
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
            control: Arc::new(IdleControl),
            sessions: Arc::clone(&store) as Arc<_>,
            own_names: Vec::new(),
            trusted_proxies: Vec::new(),
            log: Arc::new(FixedLog::new()),
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

    /// The usual one, by this clock.
    pub(crate) fn with_clock(clock: FakeClock) -> Self {
        Self::of(TestSetup { clock: Some(clock), ..setup() }, |_| ())
    }

    /// The usual one, before its first server.
    pub(crate) fn without_targets() -> Self {
        Self::of(TestSetup { targets: Vec::new(), ..setup() }, |_| ())
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

/// Two targets, of which one does not answer, and three triggers.
fn setup() -> TestSetup {
    let library = library("Shows", &["/mnt/tv"]);
    let plex = ScriptedTarget {
        libraries: vec![Library { id: "1".to_owned(), ..library }],
        libraries_read: true.into(),
        ..ScriptedTarget::default()
    };
    let broken = ScriptedTarget {
        down: Some(Fault::away("broken does not answer")).into(),
        ..ScriptedTarget::default()
    };
    TestSetup {
        triggers: vec![
            ("manual", "manual", None),
            ("sonarr", "sonarr", Some(TOKEN)),
            ("empty", "sonarr", Some("")),
        ],
        reader: Arc::new(JsonReader),
        maps: vec![("/tv", "/mnt/tv")],
        targets: vec![("plex", plex), ("broken", broken)],
        kind: "plex",
        url: "http://plex:32400/",
        identity: ("Plex Media Server", "1.41"),
        proof: 0,
        ..TestSetup::default()
    }
}

fn recognise(hook: &Hook<'_>) -> Option<&'static str> {
    let body = String::from_utf8_lossy(hook.body);
    let mut kinds = [("filepath=", "manual"), ("Sonarr", "sonarr"), ("Radarr", "radarr")].into_iter();
    kinds.find(|(mark, _)| body.contains(mark)).map(|(_, kind)| kind)
}
