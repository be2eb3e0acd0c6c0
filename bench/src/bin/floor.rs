//! The floor: the least a program must do to answer a webhook only after it is durable. Bare axum, the body parsed as
//! JSON, one row, one commit for all that waits. No authentication, no rules, no queue: what autoscan takes beyond
//! this is the price of what autoscan does.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use clap::Parser;
use rusqlite::Connection;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Requests that may wait for the writer; more wait for room.
const WAITING: usize = 4096;

#[derive(Parser)]
#[command(about = "Answers webhooks once they are durable, and does nothing else")]
struct Arguments {
    /// The port on loopback.
    #[arg(long)]
    port: u16,
    /// The database file; made when it is missing.
    #[arg(long)]
    database: PathBuf,
}

struct Row {
    path: String,
    written: oneshot::Sender<bool>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let database = open(&arguments.database)?;
    let (rows, waiting) = sync_channel(WAITING);
    std::thread::spawn(move || write(&database, &waiting));
    let router =
        Router::new().route("/triggers/{name}", post(take)).route("/health", get("ok")).with_state(rows);
    let listener = TcpListener::bind(("127.0.0.1", arguments.port)).await.context("cannot listen")?;
    let listener = listener.tap_io(|stream| {
        // A socket that refuses the option is slower and still right.
        let _ = stream.set_nodelay(true);
    });
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        served = axum::serve(listener, router) => Ok(served?),
        _ = terminate.recv() => Ok(()),
    }
}

fn open(path: &Path) -> Result<Connection> {
    let database = Connection::open(path).context("cannot open the database")?;
    database.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         CREATE TABLE IF NOT EXISTS change (id INTEGER PRIMARY KEY, path TEXT NOT NULL);",
    )?;
    Ok(database)
}

async fn take(State(rows): State<SyncSender<Row>>, body: Bytes) -> StatusCode {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(&body) else { return StatusCode::BAD_REQUEST };
    let path = json["episodeFile"]["path"].as_str().unwrap_or_default().to_owned();
    let (written, answer) = oneshot::channel();
    if rows.try_send(Row { path, written }).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match answer.await {
        Ok(true) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Commits all that waits in one transaction, then answers all of it.
fn write(database: &Connection, waiting: &Receiver<Row>) {
    while let Ok(first) = waiting.recv() {
        let rows: Vec<Row> = std::iter::once(first).chain(waiting.try_iter()).collect();
        let written = insert(database, &rows).is_ok();
        for row in rows {
            // A sender that went away does not want its answer.
            let _ = row.written.send(written);
        }
    }
}

fn insert(database: &Connection, rows: &[Row]) -> rusqlite::Result<()> {
    let transaction = database.unchecked_transaction()?;
    let mut statement = transaction.prepare_cached("INSERT INTO change (path) VALUES (?1)")?;
    for row in rows {
        statement.execute([&row.path])?;
    }
    drop(statement);
    transaction.commit()
}
