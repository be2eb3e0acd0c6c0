//! Load: many kept-alive connections that post distinct bodies as fast as they are answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::body::Body;
use crate::connection::{Connection, post_head};

/// What to send, and when to stop: after `requests` or `time`, whichever comes first.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server.
    pub address: SocketAddr,
    /// The path to post to.
    pub path: String,
    /// A user and a password.
    pub login: Option<(String, String)>,
    /// Connections that are used at once.
    pub connections: usize,
    /// At most this many requests.
    pub requests: u64,
    /// At most this long.
    pub time: Duration,
    /// The series of the first request; each request takes the next.
    pub first: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    /// Requests that were answered 200.
    pub answered: u64,
    /// Requests that were answered something else.
    pub refused: u64,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Answered requests a second.
    pub per_second: f64,
    /// Half of the answers came within this, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 answers came within this, in milliseconds.
    pub p99_ms: f64,
}

impl Load {
    /// Makes the load on a runtime of one thread, so that most of the machine is left to the server.
    pub fn run(&self) -> Result<Figures> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.send())
    }

    async fn send(&self) -> Result<Figures> {
        let sent = Arc::new(AtomicU64::new(0));
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            connections.push(Connection::open(self.address).await?);
        }
        let start = Instant::now();
        let mut tasks = Vec::new();
        for connection in connections {
            tasks.push(tokio::spawn(one(connection, self.clone(), Arc::clone(&sent), start)));
        }
        let mut latencies = Vec::new();
        let mut refused = 0;
        for task in tasks {
            let (answers, refusals) = task.await.context("a connection's task ended early")??;
            latencies.extend(answers);
            refused += refusals;
        }
        Ok(figures(latencies, refused, start.elapsed()))
    }
}

/// One connection's share: the latencies of its answers, and how many were not 200.
async fn one(
    mut connection: Connection,
    load: Load,
    sent: Arc<AtomicU64>,
    start: Instant,
) -> Result<(Vec<Duration>, u64)> {
    let login = load.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
    let mut body = Body::after(post_head(&load.path, login, Body::length()));
    let mut latencies = Vec::new();
    let mut refused = 0;
    loop {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        let before = Instant::now();
        if number >= load.requests || before.duration_since(start) >= load.time {
            return Ok((latencies, refused));
        }
        match connection.exchange(body.bytes(load.first + number, 1)).await? {
            200 => latencies.push(before.elapsed()),
            _ => refused += 1,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
fn figures(mut latencies: Vec<Duration>, refused: u64, elapsed: Duration) -> Figures {
    latencies.sort_unstable();
    let seconds = elapsed.as_secs_f64();
    Figures {
        answered: latencies.len() as u64,
        refused,
        seconds,
        per_second: latencies.len() as f64 / seconds,
        p50_ms: millis(percentile(&latencies, 50)),
        p99_ms: millis(percentile(&latencies, 99)),
    }
}

/// The value that `percent` of 100 sorted values do not exceed; zero when there are none.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// Milliseconds with their fraction.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();

        assert_eq!(percentile(&sorted, 50), Duration::from_millis(100));
        assert_eq!(percentile(&sorted, 99), Duration::from_millis(198));
        assert_eq!(percentile(&sorted[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }
}
