//! `autoscan serve`: the server.

use std::net::SocketAddr;
use std::path::Path;
use std::process;
use std::sync::Arc;

use autoscan_store::{Options, SqliteStore};
use autoscan_web::ConnectionLimits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{self, Signal, SignalKind};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock::SystemClock;
use crate::command_end::CommandEnd;
use crate::config::{self, Loaded};
use crate::reading::ConfigReader;
use crate::server::{GRACE, RunningServer};
use crate::{logging, output, wire};

/// Open files that are enough for every connection, and as many again.
const MOST_FILES: u64 = 10_240;

pub(crate) async fn run(config: Option<&Path>) -> CommandEnd {
    let reader = ConfigReader::default();
    let path = config.map(Path::to_owned);
    let read = reader.run(move || config::load_or_begin(path.as_deref(), &wire::kinds())).await;
    let loaded = match read {
        Ok(Ok(loaded)) => Arc::new(loaded),
        Ok(Err(faults)) => {
            output::complain(faults.to_string());
            return CommandEnd::Wrong;
        }
        Err(reason) => {
            output::complain(reason);
            return CommandEnd::Failed;
        }
    };
    // Before anything can fail: secrets that were made are shown at this start only.
    if let Some(generated) = &loaded.generated {
        output::line(wire::welcome(&loaded, generated));
    }
    logging::redaction().learn(loaded.secrets().iter().map(String::as_str));
    logging::start(loaded.settings.log.json, loaded.settings.log.level);
    let opened = match wire::open(&loaded) {
        Ok(opened) => opened,
        Err(faults) => {
            output::complain(faults.to_string());
            return CommandEnd::Wrong;
        }
    };
    match serve(loaded, opened, &reader).await {
        Ok(end) => end,
        Err(reason) => {
            output::complain(reason);
            CommandEnd::Failed
        }
    }
}

async fn serve(
    loaded: Arc<Loaded>,
    opened: wire::Opened,
    reader: &ConfigReader,
) -> Result<CommandEnd, String> {
    let files = loaded.settings.tls.clone();
    let tls = reader.run(move || files.as_ref().map(wire::tls).transpose()).await??;
    let listeners = listen(&loaded.settings.listen).await?;
    let path = loaded.settings.database.clone();
    let open = move || SqliteStore::open(&path, Options::default(), Arc::new(SystemClock));
    let store = tokio::task::spawn_blocking(open)
        .await
        .map_err(|broken| format!("opening the database broke: {broken}"))?
        .map_err(|refused| refused.to_string())?;
    let store = Arc::new(store);
    let stop = CancellationToken::new();
    // From here on a signal ends nothing by itself any more: whoever reads that autoscan listens may stop it at once.
    let hangups = listen_to("SIGHUP", SignalKind::hangup())?;
    let ends = EndSignals {
        terminate: listen_to("SIGTERM", SignalKind::terminate())?,
        interrupt: listen_to("SIGINT", SignalKind::interrupt())?,
    };
    announce(&loaded, &store, &listeners);
    let places = ConnectionLimits::within(open_files());
    let server = RunningServer::start(&loaded, opened, Arc::clone(&store), places, stop.clone()).await;
    let supervisor = server.supervisor();
    supervisor.spawn("the watch for signals", stop.clone(), watch_signals(ends, stop.clone()));
    supervisor.spawn("the watch for reloads", stop.clone(), watch_reloads(hangups, Arc::clone(&server)));
    supervisor.spawn("the log", stop.clone(), logging::report_repeats(stop.clone()));
    let (of_site, asked) = (Arc::clone(&server), stop.clone());
    let serving = async move {
        let site = of_site.site().ok_or("it was not started")?;
        autoscan_web::serve(listeners, tls, site, places, asked, GRACE).await
    };
    let _ended = supervisor.spawn("the web server", stop.clone(), serving).await;
    stop.cancel();
    server.end().await;
    store.close().await;
    logging::report_repeats_now();
    match server.supervisor().failure() {
        None => {
            info!("stopped; what waits is stored");
            Ok(CommandEnd::Well)
        }
        Some(reason) => {
            error!("{reason}: autoscan has stopped, and must be started again; what waits is stored");
            Ok(CommandEnd::Failed)
        }
    }
}

async fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, String> {
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            format!(
                "autoscan cannot listen on {address}: {error}. Is another autoscan running? Another port can be set with \
                 `port:` in the config or AUTOSCAN__PORT"
            )
        })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Lets this process open as many files as it may, and answers how many that are. Systems begin with 1024, for old programs
/// that cannot count further; and programs that autoscan starts may close all that there could be, one by one.
fn open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(MOST_FILES).min(MOST_FILES);
    let current = limit.current.unwrap_or(wanted);
    if current >= wanted {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit }) {
        Ok(()) => wanted,
        Err(_refused) => current,
    }
}

/// Tells what was loaded.
fn announce(loaded: &Loaded, store: &SqliteStore, listeners: &[TcpListener]) {
    for note in &loaded.notes {
        warn!("{note}");
    }
    if let Some(note) = store.journal_note() {
        warn!("{note}");
    }
    let settings = &loaded.settings;
    let addresses: Vec<String> =
        listeners.iter().filter_map(|listener| listener.local_addr().ok()).map(|at| at.to_string()).collect();
    let names = |names: Vec<&str>| names.join(", ");
    info!(
        config = loaded.path.as_ref().map(|path| path.display().to_string()),
        database = %settings.database.display(),
        triggers = names(settings.triggers.iter().map(|trigger| trigger.name.as_str()).collect()),
        targets = names(settings.targets.iter().map(|target| target.name.as_str()).collect()),
        "autoscan {} listens on {}",
        env!("CARGO_PKG_VERSION"),
        addresses.join(", ")
    );
    if settings.targets.is_empty() {
        warn!(
            "no target is configured: changes are stored and nobody is told; add a server at the page {}, or under `targets:`",
            wire::setup_page(settings)
        );
    }
}

fn listen_to(name: &str, kind: SignalKind) -> Result<Signal, String> {
    unix::signal(kind).map_err(|error| format!("autoscan cannot hear the signal {name}: {error}"))
}

/// The signals that stop autoscan.
struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Ends with the next of them.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The first signal stops softly, the second ends at once.
async fn watch_signals(mut ends: EndSignals, stop: CancellationToken) -> Result<(), String> {
    ends.next().await;
    info!("stopping: what is being sent is finished, the rest is stored; a second signal ends at once");
    stop.cancel();
    ends.next().await;
    process::exit(1);
}

/// Each hangup signal reads the config again. One that comes while that is done is done after it.
async fn watch_reloads(mut hangups: Signal, server: Arc<RunningServer>) -> Result<(), String> {
    while hangups.recv().await.is_some() {
        info!("the signal SIGHUP came: the config is read again");
        if let Err(faults) = server.reload().await {
            for fault in faults {
                error!("{fault}");
            }
            error!("the config was not taken over: autoscan goes on with the one before");
        }
    }
    Ok(())
}
