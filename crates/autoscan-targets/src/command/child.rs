//! One run of a program in a process group of its own, which ends with it.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How much is kept of what a program says, in bytes. The rest is read and forgotten, so that it never waits for us.
const KEPT: usize = 4 * 1024;

/// What a program said is waited for this long after its end: something that it left running may hold its output open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A killed program is waited for this long, so that none stays behind as a zombie.
const BURIAL: Duration = Duration::from_secs(5);

/// How a run ended.
pub(super) enum Run {
    /// By itself.
    Ended {
        /// How.
        status: ExitStatus,
        /// The beginning of what it said, on one line: errors, or its output when it said none.
        said: String,
    },
    /// It was killed with all that it had started, because its time was over.
    Killed {
        /// The beginning of what it had said.
        said: String,
    },
}

/// Runs a program to its end, or to the end of its time. When the future is dropped, the program is killed.
pub(super) async fn run(mut command: Command, limit: Duration) -> std::io::Result<Run> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let mut group = Group(child);
    let (stdout, stderr) = (group.0.stdout.take(), group.0.stderr.take());
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let status = {
        let mut listening = std::pin::pin!(async {
            tokio::join!(listen(stdout, &mut output), listen(stderr, &mut errors));
        });
        let mut heard = false;
        let status = timeout(limit, async {
            loop {
                tokio::select! {
                    status = group.0.wait() => return status,
                    () = &mut listening, if !heard => heard = true,
                }
            }
        })
        .await;
        if !heard && status.is_ok() {
            // Whether it fell silent in time does not matter.
            let _ = timeout(LAST_WORDS, listening).await;
        }
        status
    };
    let said = one_line(if errors.trim_ascii().is_empty() { &output } else { &errors });
    match status {
        Ok(status) => Ok(Run::Ended { status: status?, said }),
        Err(_time_is_over) => {
            group.kill();
            let _ = timeout(BURIAL, group.0.wait()).await;
            Ok(Run::Killed { said })
        }
    }
}

/// A program and all that it started.
struct Group(Child);

impl Group {
    /// Kills the group, unless its first process has ended and been buried: its number may belong to another one then.
    fn kill(&self) {
        let number = self.0.id().and_then(|number| i32::try_from(number).ok()).and_then(Pid::from_raw);
        if let Some(number) = number
            && let Err(error) = kill_process_group(number, Signal::KILL)
        {
            tracing::debug!(%error, "a program could not be killed");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads to the end and keeps the beginning.
async fn listen(source: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut source) = source else { return };
    let mut piece = [0; 1024];
    while let Ok(read @ 1..) = source.read(&mut piece).await {
        let room = KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&piece[..read.min(room)]);
    }
}

fn one_line(said: &[u8]) -> String {
    String::from_utf8_lossy(said).split_whitespace().collect::<Vec<_>>().join(" ")
}
