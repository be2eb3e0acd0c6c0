//! A server under measurement: a process of its own, from its start to its end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A server that has not answered by then does not start.
const LONGEST_START: Duration = Duration::from_secs(30);
/// A server that has not ended by then, once it was asked to, is killed.
const LONGEST_STOP: Duration = Duration::from_secs(20);
/// Between two knocks at a server that starts.
const KNOCK: Duration = Duration::from_micros(500);

/// A running server. It is killed when this value goes away.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From the start of the process to its first 200 on `/health`.
    pub(crate) started_in: Duration,
}

impl Server {
    /// Starts `command`, which must listen on `address`, and waits for its first 200.
    pub(crate) fn start(mut command: Command, address: SocketAddr) -> Result<Self> {
        let start = Instant::now();
        let child =
            command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot run {command:?}"))?;
        let mut server = Self { child, address, started_in: Duration::ZERO };
        loop {
            if healthy(address) {
                server.started_in = start.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended before it answered, with {status}");
            }
            if start.elapsed() > LONGEST_START {
                bail!("the server did not answer GET /health with 200 within {LONGEST_START:?}");
            }
            std::thread::sleep(KNOCK);
        }
    }

    /// The proportional share of memory of the process, in megabytes.
    pub(crate) fn pss_mb(&self) -> Result<f64> {
        self.memory_mb("Pss:")
    }

    /// What of it is the process's own, in megabytes. The rest is the program's file, of which one kernel maps more at a time
    /// than another, and which it takes back when memory is short.
    pub(crate) fn own_mb(&self) -> Result<f64> {
        self.memory_mb("Pss_Anon:")
    }

    fn memory_mb(&self, name: &str) -> Result<f64> {
        let file = format!("/proc/{}/smaps_rollup", self.child.id());
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        let kilobytes: f64 = text
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
            .with_context(|| format!("smaps_rollup has no line {name}"))?;
        Ok(kilobytes / 1024.0)
    }

    /// Asks the server to end and waits for it.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().context("cannot run kill")?;
        let asked = Instant::now();
        while asked.elapsed() < LONGEST_STOP {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the server did not end within {LONGEST_STOP:?} of SIGTERM")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address on loopback that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

fn healthy(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(LONGEST_START))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}
