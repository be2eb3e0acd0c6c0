//! What the queue costs, and whether that depends on how much it holds.
//!
//! `cargo run --release -p autoscan-store --example scale [ROWS]` prints, in microseconds (a tenth of many runs is
//! quicker, so that a busy machine disturbs it little):
//!
//! - `commit`: one absorbed change against a bare program that inserts one row a commit, by one and by 64 senders;
//! - `ratio`: each question with 1 000 rows and with ROWS (a million when not given), once all of them finished, once
//!   all of them waiting.

use std::error::Error;
use std::fmt::Display;
use std::fs::File;
use std::io::{Write as _, stdout};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use autoscan_core::change::Change;
use autoscan_core::delivery::{Delivery, DeliveryState, Work};
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Absorb, Batch, Claimed, Clock, Owner, ScanFilter, Settlement, Start, Store};
use autoscan_core::scan::{Quiet, ScanState, StoredChange};
use autoscan_core::time::{SteadyTime, Timestamp};
use autoscan_store::{Options, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const FEW: u64 = 1_000;
const MANY: u64 = 1_000_000;
const RUNS: u64 = 400;
/// An opened queue reads all that waits, which takes a second for a million.
const OPENS: u64 = 10;
const SENDERS: u64 = 64;

/// After everything that was filled in.
const NOW: Timestamp = Timestamp::from_millis(2_000_000_000_000);
const QUIET: Quiet = Quiet { minimum_age: Duration::from_secs(10), maximum_wait: Duration::from_mins(2) };

const OWNER: Owner = Owner(1);

/// A clock that stands still: only the time that owners of leases are believed depends on it.
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn steady(&self) -> SteadyTime {
        SteadyTime::default()
    }

    fn minute_of_day(&self, _at: Timestamp) -> u16 {
        0
    }

    async fn sleep(&self, _duration: Duration) {
        std::future::pending::<()>().await;
    }
}

fn open(path: &Path) -> Outcome<SqliteStore> {
    Ok(SqliteStore::open(path, Options::default(), Arc::new(Still))?)
}

#[tokio::main]
async fn main() -> Outcome {
    let rows = std::env::args().nth(1).map(|rows| rows.parse()).transpose()?.unwrap_or(MANY);
    commits().await?;
    for state in [ScanState::Done, ScanState::Waiting] {
        compare(state, rows).await?;
    }
    Ok(())
}

/// Asks a small and a large queue every question in turns, so that both meet the same machine.
async fn compare(state: ScanState, rows: u64) -> Outcome {
    let (mut small, mut large) = (Side::filled(state, FEW).await?, Side::filled(state, rows).await?);
    for question in QUESTIONS {
        let (mut few, mut many) = (vec![], vec![]);
        for run in 0..if question == "open" { OPENS } else { RUNS } {
            few.push(small.time(question, run).await?);
            many.push(large.time(question, run).await?);
        }
        let (few, many) = (quick(few), quick(many));
        let ratio = many.as_secs_f64() / few.as_secs_f64();
        let (few, many, state) = (micros(few), micros(many), state.as_str());
        say(format_args!(
            "ratio {state} {question}: {FEW} rows {few}, {rows} rows {many}, ratio {ratio:.2}"
        ))?;
    }
    small.store.close().await;
    large.store.close().await;
    Ok(())
}

fn say(line: impl Display) -> Outcome {
    Ok(writeln!(stdout(), "{line}")?)
}

fn micros(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e6)
}

fn quick(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 10).copied().unwrap_or_default()
}

fn batch(folder: &str, now: Timestamp) -> Outcome<Batch> {
    let change = StoredChange {
        change: Change::created(LocalPath::parse(&format!("{folder}/Some Show - S01E01 - Pilot.mkv"))?),
        trigger: Name::parse("sonarr")?,
        received_at: now,
        targets: None,
        sent_path: None,
    };
    let absorb =
        Absorb { folder: LocalPath::parse(folder)?, priority: 0, quiet: QUIET, changes: vec![change] };
    Ok(Batch { received_at: now, folders: vec![absorb], ..Batch::default() })
}

/// Durable commits: ours against the least that any program can do. They take turns, so that both meet the same disk.
async fn commits() -> Outcome {
    let folder = tempfile::tempdir()?;
    let conn = bare(&folder.path().join("bare.db"))?;
    let store = Arc::new(open(&folder.path().join("autoscan.db"))?);
    let (mut bare, mut alone) = (vec![], vec![]);
    for run in 0..2_000 {
        let path = format!("/mnt/media/TV/Show {run}/Season 01");
        let begin = Instant::now();
        conn.prepare_cached("INSERT INTO event (path) VALUES (?1)")?.execute([&path])?;
        bare.push(begin.elapsed());
        let begin = Instant::now();
        store.absorb(batch(&path, NOW)?.into()).await?;
        alone.push(begin.elapsed());
    }
    let begin = Instant::now();
    let senders: Vec<_> = (0..SENDERS).map(|sender| tokio::spawn(send(Arc::clone(&store), sender))).collect();
    for sender in senders {
        sender.await??;
    }
    let together = begin.elapsed();
    store.close().await;
    let (bare, alone) = (quick(bare), quick(alone));
    let together = together.div_f64(f64::from(u32::try_from(SENDERS * RUNS)?));
    say(format_args!("commit bare insert: {}", micros(bare)))?;
    for (senders, time) in [(1, alone), (SENDERS, together)] {
        let ratio = time.as_secs_f64() / bare.as_secs_f64();
        let rate = 1.0 / time.as_secs_f64();
        say(format_args!(
            "commit {senders} senders: {}, ratio {ratio:.2}, {rate:.0} a second",
            micros(time)
        ))?;
    }
    Ok(())
}

async fn send(store: Arc<SqliteStore>, sender: u64) -> Outcome {
    for run in 0..RUNS {
        store.absorb(batch(&format!("/mnt/media/TV/Sender {sender}/Season {run}"), NOW)?.into()).await?;
    }
    Ok(())
}

fn bare(path: &Path) -> Outcome<Connection> {
    let conn = Connection::open(path)?;
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE event (id INTEGER PRIMARY KEY, path TEXT NOT NULL)",
    )?;
    Ok(conn)
}

/// Fills a database with scans of one state, each with a change and, when it started, a delivery.
fn fill(path: &Path, state: ScanState, rows: u64) -> Outcome {
    let conn = Connection::open(path)?;
    let started = u8::from(state != ScanState::Waiting);
    conn.execute_batch(&format!(
        "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA cache_size = -200000; BEGIN;
         CREATE TEMP TABLE number AS WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < {rows})
         SELECT n FROM up;
         INSERT INTO scan (id, folder, state, priority, first_seen, due_at, generation, finished_at)
         SELECT n, '/mnt/media/TV/Show ' || (n / 10) || '/Season ' || (n % 10), {started} * 2, n % 5, 1700000000000 + n,
                1700000010000 + n, 1, iif({started}, 1700000020000 + n, NULL) FROM number;
         INSERT INTO change (scan, path, position, kind, from_path, is_folder, awaited, trigger_name, received_at, targets, ids)
         SELECT n, '/mnt/media/TV/Show ' || (n / 10) || '/Season ' || (n % 10) || '/a.mkv', 0, 0,
                NULL, 0, 1, 'sonarr', 1700000000000 + n, NULL, 'tvdb://' || n FROM number;
         INSERT INTO delivery (scan, target, state, attempts, sent_at, priority)
         SELECT n, 'plex', 2, 1, 1700000020000 + n, 0 FROM number
         WHERE {started};
         UPDATE tally SET done = {rows} * {started}, last_scan = {rows};
         COMMIT; PRAGMA journal_mode = WAL;"
    ))?;
    // What the disk still has to write would be in the way of what is measured.
    Ok(File::open(path)?.sync_all()?)
}

/// What is asked all day, in an order in which each finds something to do.
const QUESTIONS: [&str; 19] = [
    "open",
    "due 50",
    "next due",
    "next attempt",
    "list 50",
    "list 50 done",
    "list 50 waiting",
    "stats",
    "claim nothing",
    "verify nothing",
    "make nothing due",
    "heartbeat",
    "absorb",
    "start 1",
    "claim 1",
    "settle 1",
    "verify 1",
    "settle verified 1",
    "sweep 1",
];

/// One queue, with what was absorbed and claimed of it so far.
struct Side {
    folder: TempDir,
    store: SqliteStore,
    plex: Name,
    starts: Vec<Start>,
    claimed: Vec<Claimed>,
}

impl Side {
    async fn filled(state: ScanState, rows: u64) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("autoscan.db");
        open(&path)?.close().await;
        fill(&path, state, rows)?;
        let store = open(&path)?;
        Ok(Self { folder, store, plex: Name::parse("plex")?, starts: vec![], claimed: vec![] })
    }

    async fn time(&mut self, question: &str, run: u64) -> Outcome<Duration> {
        if question == "open" {
            self.store.close().await;
        }
        let begin = Instant::now();
        match question {
            "open" => {
                self.store = open(&self.folder.path().join("autoscan.db"))?;
            }
            "absorb" => self.absorb(run).await?,
            "start 1" => drop(self.store.start(self.starts.pop().into_iter().collect(), NOW).await?),
            "claim 1" => {
                self.claimed.extend(self.store.claim(OWNER, &self.plex, Work::Deliver, NOW, 1).await?);
            }
            "verify 1" => {
                self.claimed.extend(self.store.claim(OWNER, &self.plex, Work::Verify, NOW, 1).await?);
            }
            "settle 1" => self.settle(DeliveryState::Sent, Some(NOW)).await?,
            "settle verified 1" => self.settle(DeliveryState::Seen, None).await?,
            "sweep 1" => drop(self.store.sweep(NOW + QUIET.maximum_wait, 1).await?),
            question => self.ask(question).await?,
        }
        Ok(begin.elapsed())
    }

    async fn ask(&self, question: &str) -> Outcome {
        let page = |state| ScanFilter { limit: 50, state, ..ScanFilter::default() };
        match question {
            "due 50" => drop(self.store.due(NOW, 50, vec![]).await?),
            "next due" => drop(self.store.next_due().await?),
            "next attempt" => drop(self.store.next_attempt(&self.plex, Work::Deliver).await?),
            "list 50" => drop(self.store.list(page(None)).await?),
            "list 50 done" => drop(self.store.list(page(Some(ScanState::Done))).await?),
            "list 50 waiting" => drop(self.store.list(page(Some(ScanState::Waiting))).await?),
            "stats" => drop(self.store.stats().await?),
            "claim nothing" => {
                drop(self.store.claim(OWNER, &self.plex, Work::Deliver, NOW, 10).await?);
            }
            "verify nothing" => {
                drop(self.store.claim(OWNER, &self.plex, Work::Verify, NOW, 10).await?);
            }
            "make nothing due" => drop(self.store.make_due(&self.plex, NOW).await?),
            "heartbeat" => drop(self.store.heartbeat(OWNER, QUIET.maximum_wait).await?),
            unknown => return Err(format!("there is no question {unknown:?}").into()),
        }
        Ok(())
    }

    async fn absorb(&mut self, run: u64) -> Outcome {
        let batch = batch(&format!("/mnt/media/TV/New {run}/Season 01"), NOW)?;
        let tell = batch.folders[0].folder.clone();
        let scan = self.store.absorb(batch.into()).await?.scans[0];
        let deliveries = vec![Delivery::new(self.plex.clone(), NOW)];
        self.starts.push(Start { scan, generation: 1, tell, deliveries, note: None, steps: vec![] });
        Ok(())
    }

    async fn settle(&mut self, state: DeliveryState, next_attempt_at: Option<Timestamp>) -> Outcome {
        let claimed = self.claimed.pop().ok_or("every absorbed scan was claimed and settled once")?;
        let delivery = Delivery { state, next_attempt_at, ..claimed.delivery };
        let settlement = Settlement { lease: claimed.lease, scan: claimed.scan, delivery, steps: vec![] };
        self.store.settle(vec![settlement], NOW).await?;
        Ok(())
    }
}
