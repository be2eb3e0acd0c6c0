//! `autoscan serve`: the server.

use std::net::SocketAddr;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use autoscan_store::{Options, SqliteStore};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{self, Loaded};
use crate::{End, logging, output, session_key, wire};

/// How long a stop waits for what is being sent.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) async fn run(config: Option<&Path>) -> End {
    let loaded = match config::load_or_begin(config, &wire::kinds()) {
        Ok(loaded) => Arc::new(loaded),
        Err(faults) => {
            output::complain(faults.to_string());
            return End::Wrong;
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
            return End::Wrong;
        }
    };
    match serve(&loaded, opened).await {
        Ok(()) => End::Well,
        Err(reason) => {
            output::complain(reason);
            End::Failed
        }
    }
}

async fn serve(loaded: &Arc<Loaded>, opened: wire::Opened) -> Result<(), String> {
    let tls = loaded.settings.tls.as_ref().map(wire::tls).transpose()?;
    let listeners = listen(&loaded.settings.listen).await?;
    let path = loaded.settings.database.clone();
    let store = tokio::task::spawn_blocking(move || SqliteStore::open(&path, Options::default()))
        .await
        .map_err(|broken| format!("opening the database broke: {broken}"))?
        .map_err(|refused| refused.to_string())?;
    let store = Arc::new(store);
    let engine = wire::engine(loaded, opened, Arc::clone(&store) as Arc<_>);
    let stop = CancellationToken::new();
    let keys = session_key::secret_keys(loaded, &*store).await;
    let shared = Arc::clone(&store) as Arc<_>;
    let router = autoscan_web::router(wire::web(loaded, Arc::clone(&engine), shared, keys, stop.clone()));
    announce(loaded, &store, &listeners);
    tokio::spawn(watch_signals(stop.clone()));
    let running = tokio::spawn(Arc::clone(&engine).run(stop.clone()));
    autoscan_web::serve(listeners, tls, router, stop.clone(), GRACE).await;
    stop.cancel();
    if tokio::time::timeout(GRACE, running).await.is_err() {
        warn!(
            "a server did not answer within {} s; what was being sent is sent again after the start",
            GRACE.as_secs()
        );
    }
    store.close().await;
    info!("stopped; what waits is stored");
    Ok(())
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
            "no target is configured: changes are stored and nobody is told; add a server under `targets:`"
        );
    }
}

/// The first signal stops softly, the second ends at once.
async fn watch_signals(stop: CancellationToken) {
    signal().await;
    info!("stopping: what is being sent is finished, the rest is stored; a second signal ends at once");
    stop.cancel();
    signal().await;
    process::exit(1);
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let streams = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    if let (Ok(mut terminate), Ok(mut interrupt)) = streams {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    } else {
        std::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
