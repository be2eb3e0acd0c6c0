//! Puts the crates together.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::anchor::Anchors;
use autoscan_core::filter::IgnoreList;
use autoscan_core::ports::{Clock, Store, Target};
use autoscan_core::secret::Secret;
use autoscan_engine::{BoundTarget, BoundTrigger, Engine, FileRules, History, Parts, Rules};
use autoscan_http::Http;
use autoscan_store::MemoryStore;
use autoscan_targets::Connected;
use autoscan_triggers::{MakeSource, SourcePorts};
use autoscan_web::{AccessSettings, ConnectionLimits, Control, Tls, Web};
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::config::{
    ConfigFaults, Generated, KindSchema, Kinds, Loaded, Settings, TargetSettings, TlsFiles, TriggerSettings,
};
use crate::disk::Disk;
use crate::logging;

/// A program around a scan that takes longer is killed: the scan waits for it.
const HOOK_TIMEOUT: Duration = Duration::from_mins(1);

/// Every kind with its settings, as the config is checked against them.
pub(crate) fn kinds() -> Kinds {
    Kinds {
        triggers: autoscan_triggers::kinds()
            .iter()
            .map(|kind| KindSchema { name: kind.name, settings: kind.settings })
            .collect(),
        targets: autoscan_targets::kinds()
            .iter()
            .map(|kind| KindSchema { name: kind.name, settings: kind.settings })
            .collect(),
    }
}

/// Every trigger and target, opened by its kind.
pub(crate) struct Opened {
    triggers: Vec<OpenedTrigger>,
    targets: Vec<BoundTarget>,
}

/// A trigger, and what makes its source once there is a disk.
struct OpenedTrigger {
    bound: BoundTrigger,
    source: Option<MakeSource>,
}

/// Opens every trigger and target. The faults name each that its kind refuses.
pub(crate) fn open(loaded: &Loaded) -> Result<Opened, ConfigFaults> {
    logging::redaction().learn(loaded.secrets().iter().map(String::as_str));
    let (settings, http) = (&loaded.settings, Http::default());
    let mut refused = Vec::new();
    let mut triggers = Vec::new();
    for settings in &settings.triggers {
        match trigger(settings) {
            Ok(opened) => triggers.push(opened),
            Err(reason) => refused.push(loaded.fault_of_trigger(&settings.name, &reason)),
        }
    }
    let mut targets = Vec::new();
    for settings in &settings.targets {
        match target(settings, &http) {
            Ok(opened) => targets.push(opened),
            Err(reason) => refused.push(loaded.fault_of_target(&settings.name, &reason)),
        }
    }
    if refused.is_empty() { Ok(Opened { triggers, targets }) } else { Err(ConfigFaults::new(refused)) }
}

/// An engine on this store.
pub(crate) fn engine(
    loaded: &Loaded,
    Opened { triggers, targets }: Opened,
    store: Arc<dyn Store>,
    files: Arc<Disk>,
    history: Arc<History>,
) -> Arc<Engine> {
    let settings = &loaded.settings;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ports = SourcePorts { files: Arc::clone(&files) as Arc<_>, clock: Arc::clone(&clock) };
    let with_source = |OpenedTrigger { bound, source }| BoundTrigger {
        source: source.map(|make| make(ports.clone())),
        ..bound
    };
    Engine::new(Parts {
        store,
        clock,
        files,
        jitter,
        redaction: logging::redaction(),
        history,
        overhear: |telling| Box::pin(autoscan_http::overhear(telling)),
        triggers: triggers.into_iter().map(with_source).collect(),
        targets,
        rules: Rules {
            ignore: IgnoreList::new(settings.files.ignore.iter().map(String::as_str)),
            anchors: Anchors::new(settings.anchors.clone()),
            files: FileRules {
                check: settings.files.check,
                settle: settings.files.settle,
                give_up: settings.files.give_up,
            },
            history: settings.history,
            priorities: settings.priorities.clone(),
            storm: settings.storm,
        },
    })
}

/// An engine for a command that only asks: its queue is empty and nothing runs.
pub(crate) fn engine_at_rest(loaded: &Loaded, files: Arc<Disk>) -> Result<Arc<Engine>, ConfigFaults> {
    let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    Ok(engine(loaded, open(loaded)?, store, files, Arc::default()))
}

/// The web server and its parts.
pub(crate) fn web(
    loaded: &Loaded,
    engine: Arc<Engine>,
    control: Arc<dyn Control>,
    sessions: Arc<dyn Store>,
    secret_keys: Vec<Secret>,
    places: ConnectionLimits,
    stop: CancellationToken,
) -> Web {
    let auth = &loaded.settings.authentication;
    Web {
        engine,
        access: AccessSettings {
            disabled: auth.disabled,
            username: auth.username.clone(),
            password: auth.password.clone(),
            password_hash: auth.password_hash.clone(),
            api_key: auth.api_key.clone(),
            server_pass: auth.server_pass.clone(),
            webhook_secret: auth.webhook_secret.clone(),
            secret_keys,
        },
        base_url: loaded.settings.base_url.clone(),
        recognise: autoscan_triggers::recognise,
        for_people,
        guide,
        address: address(&loaded.settings.listen),
        metrics_need_auth: loaded.settings.metrics_need_auth,
        control,
        sessions,
        own_names: own_names(&loaded.settings),
        trusted_proxies: loaded.settings.trusted_proxies.clone(),
        log: logging::tail(),
        random,
        places,
        version: env!("CARGO_PKG_VERSION"),
        stop,
    }
}

/// The certificate that TLS is spoken with. The error is a sentence. It reads two small files, before anything runs.
pub(crate) fn tls(files: &TlsFiles) -> Result<Tls, String> {
    let read = |key: &str, path: &Path| {
        std::fs::read(path).map_err(|error| format!("tls.{key}: {} cannot be read: {error}", path.display()))
    };
    let (cert, key) = (read("cert", &files.cert)?, read("key", &files.key)?);
    let key = Secret::new(String::from_utf8_lossy(&key).into_owned());
    Tls::new(&cert, &key).map_err(|reason| format!("tls: {reason}"))
}

/// Where a person adds servers.
pub(crate) fn setup_page(settings: &Settings) -> String {
    format!("{}{}/setup", address(&settings.listen), settings.base_url.trim_end_matches('/'))
}

/// What the first run tells, once.
pub(crate) fn welcome(loaded: &Loaded, generated: &Generated) -> String {
    let settings = &loaded.settings;
    let address = address(&settings.listen);
    let base = settings.base_url.trim_end_matches('/');
    let mut lines =
        vec![String::new(), "Welcome to autoscan. These secrets are shown once:".to_owned(), String::new()];
    let shown = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.reveal().to_owned());
    let secrets = [
        ("username", Some(settings.authentication.username.clone())),
        ("password", shown(&generated.password)),
        ("API key", shown(&generated.api_key)),
    ];
    for (name, value) in secrets {
        lines.extend(value.map(|value| format!("  {name:<9} {value}")));
    }
    lines.extend([
        String::new(),
        "Log in here with the username and password, and add your servers:".to_owned(),
        String::new(),
        format!("  {}", setup_page(settings)),
        String::new(),
        "Webhook URLs (Settings → Connect → Webhook, with this username and password):".to_owned(),
    ]);
    lines.push(String::new());
    for trigger in &settings.triggers {
        lines.push(format!("  {:<9} {address}{base}/triggers/{}", trigger.kind, trigger.name));
    }
    if let Some(path) = &loaded.path {
        lines.push(format!("\nAutoscan keeps them in {}.", path.display()));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn trigger(settings: &TriggerSettings) -> Result<OpenedTrigger, String> {
    let kind = autoscan_triggers::kinds()
        .iter()
        .find(|kind| kind.name == settings.kind)
        .ok_or_else(|| format!("there is no kind of trigger named {:?}", settings.kind))?;
    let reader = (kind.open)(&settings.raw).map_err(|error| error.to_string())?;
    let source = kind.source.map(|source| source(&settings.raw)).transpose();
    let bound = BoundTrigger {
        name: settings.name.clone(),
        kind: kind.name,
        priority: settings.priority,
        quiet: settings.quiet,
        map: settings.map.clone(),
        filter: settings.filter.clone(),
        targets: settings.targets.clone(),
        token: settings.token.clone(),
        reader,
        source: None,
    };
    Ok(OpenedTrigger { bound, source: source.map_err(|error| error.to_string())? })
}

fn target(settings: &TargetSettings, http: &Http) -> Result<BoundTarget, String> {
    let connected = connect(settings.kind, &settings.raw, http)?;
    Ok(BoundTarget {
        name: settings.name.clone(),
        kind: settings.kind,
        url: connected.url,
        map: settings.map.clone(),
        filter: settings.filter.clone(),
        pace: settings.pace.clone(),
        proof: settings.proof,
        before: hook("before", &settings.before)?,
        after: hook("after", &settings.after)?,
        server: connected.server,
    })
}

/// A server of this kind, by the settings that only its kind has.
pub(crate) fn connect(kind: &str, settings: &serde_json::Value, http: &Http) -> Result<Connected, String> {
    let known = autoscan_targets::kinds().iter().find(|known| known.name == kind);
    let known = known.ok_or_else(|| format!("there is no kind of target named {kind:?}"))?;
    (known.connect)(settings, http)
}

/// A program that runs around the scans of a target; none when no words are given.
fn hook(key: &str, argv: &[String]) -> Result<Option<Arc<dyn Target>>, String> {
    if argv.is_empty() {
        return Ok(None);
    }
    let hook = autoscan_targets::command_hook(argv.to_vec(), HOOK_TIMEOUT);
    hook.map(Some).map_err(|reason| format!("`{key}`: {reason}"))
}

/// Whether a refused path of this kind's senders is answered as an error: a person or script can mend it, while an arr
/// would drop everything for an hour.
fn for_people(kind: &str) -> bool {
    autoscan_triggers::kinds().iter().any(|known| known.name == kind && known.for_people)
}

fn guide(kind: &str) -> Option<&'static autoscan_core::guide::Guide> {
    autoscan_triggers::kinds().iter().find(|known| known.name == kind).map(|known| &known.guide)
}

/// Where senders reach autoscan. Which name this machine has for them is not known, unless it listens at one address alone.
fn address(listen: &[SocketAddr]) -> String {
    match listen.first() {
        Some(first) if !first.ip().is_unspecified() => format!("http://{first}"),
        first => format!("http://<this machine>:{}", first.map_or(3030, SocketAddr::port)),
    }
}

/// The names that the config gives, and that of this machine.
fn own_names(settings: &Settings) -> Vec<String> {
    let system = rustix::system::uname();
    let machine = system.nodename().to_string_lossy().into_owned();
    settings.allowed_hosts.iter().cloned().chain([machine]).collect()
}

/// Chance that nobody can guess, for the ids of sessions. Without it nobody can log in, which is better than ids that can be guessed.
fn random(bytes: &mut [u8]) {
    if getrandom::fill(bytes).is_err() {
        tracing::error!("this machine gives no random numbers: nobody can log in at the page");
    }
}

/// Chance for the jitter of pauses. Without it every pause is a full one.
fn jitter() -> f64 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_or(0.0, |()| f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX))
}
