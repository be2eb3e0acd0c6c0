//! MPD's own protocol: lines over a stream (`doc/protocol.rst` of MPD). Every wait has an end and every answer a bound.

use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::secret::Secret;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::time::timeout;

use crate::mpd::address::{Address, Stream};

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);

/// Until the whole answer to one command is there.
const ANSWER: Duration = Duration::from_secs(30);

/// Longest answer to one command, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// How much of what MPD says a reason quotes, in characters.
const EXCERPT: usize = 200;

/// The codes of `src/protocol/Ack.hxx` that mean something to us.
const PASSWORD: u32 = 3;
const PERMISSION: u32 = 4;
const NO_EXIST: u32 = 50;
const SYSTEM: u32 = 52;
const UPDATE_ALREADY: u32 = 54;

/// MPD queues 32 updates and refuses more (`src/db/update/Queue.hxx`); an update of a folder takes moments.
const FULL_QUEUE: Duration = Duration::from_secs(5);

/// What MPD answered to a command.
pub(super) enum Reply {
    /// It obeyed: names and values, in order.
    Done(Vec<(String, String)>),
    /// There is no such song or folder in its database.
    Unknown,
    /// Its machine failed in it, as when it shall open a folder that is not there: what it said.
    Failed(String),
    /// Something else, as a fault.
    Refused(Fault),
}

impl Reply {
    /// The names and values. That something is unknown is wrong here.
    pub(super) fn done(self, command: &str) -> Result<Vec<(String, String)>, Fault> {
        match self {
            Self::Done(pairs) => Ok(pairs),
            Self::Unknown => Err(Fault::wrong(format!("MPD knows nothing of what {command:?} names"))),
            Self::Failed(said) => Err(Fault::wrong(format!("MPD failed in {command:?}: {said:?}"))),
            Self::Refused(fault) => Err(fault),
        }
    }
}

/// The value of a name in an answer, where it is a number.
pub(super) fn number(pairs: &[(String, String)], name: &str) -> Option<u32> {
    pairs.iter().find(|(found, _)| found == name).and_then(|(_, value)| value.parse().ok())
}

/// An open connection, logged in.
pub(super) struct Connection {
    stream: BufStream<Box<dyn Stream>>,
    address: Address,
    /// The version of the protocol. MPD never says its own: 0.23.12 greets with 0.23.5.
    pub(super) protocol: String,
}

impl Connection {
    /// Connects, reads the greeting and logs in.
    pub(super) async fn open(address: &Address, password: Option<&Secret>) -> Result<Self, Fault> {
        let stream = match timeout(CONNECT, address.connect()).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(address.unreachable(&error)),
            Err(_time_is_over) => {
                return Err(Fault::away(format!(
                    "{address}: no connection within {} s; is it up, and the port right?",
                    CONNECT.as_secs()
                )));
            }
        };
        let mut connection =
            Self { stream: BufStream::new(stream), address: address.clone(), protocol: String::new() };
        let mut room = LONGEST;
        let greeting = connection.in_time(async |connection| connection.line(&mut room).await).await?;
        let Some(protocol) = greeting.strip_prefix("OK MPD ") else {
            return Err(Fault::away(format!(
                "{address}: this is no MPD: it begins with {}",
                excerpt(&greeting)
            )));
        };
        protocol.clone_into(&mut connection.protocol);
        if let Some(password) = password {
            connection.ask("password", &[password.reveal()]).await?.done("password")?;
        }
        Ok(connection)
    }

    /// Sends a command and reads its answer.
    pub(super) async fn ask(&mut self, command: &str, arguments: &[&str]) -> Result<Reply, Fault> {
        let line = line(command, arguments);
        self.in_time(async |connection| {
            let sent = async {
                connection.stream.write_all(line.as_bytes()).await?;
                connection.stream.flush().await
            };
            sent.await.map_err(|error| connection.lost(&error.to_string()))?;
            connection.answer(command).await
        })
        .await
    }

    async fn in_time<T>(
        &mut self,
        asked: impl AsyncFnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let address = self.address.clone();
        timeout(ANSWER, asked(self)).await.unwrap_or_else(|_time_is_over| {
            Err(Fault::away(format!("{address}: no whole answer within {} s", ANSWER.as_secs())))
        })
    }

    async fn answer(&mut self, command: &str) -> Result<Reply, Fault> {
        let (mut pairs, mut room) = (Vec::new(), LONGEST);
        loop {
            let line = self.line(&mut room).await?;
            if line == "OK" {
                return Ok(Reply::Done(pairs));
            }
            if let Some(said) = line.strip_prefix("ACK ") {
                return Ok(self.refusal(command, said));
            }
            let Some((name, value)) = line.split_once(": ") else {
                return Err(Fault::away(format!(
                    "{}: to {command:?} it answered what no MPD does: {}",
                    self.address,
                    excerpt(&line)
                )));
            };
            pairs.push((name.to_owned(), value.to_owned()));
        }
    }

    /// A line without its end. `room` is what is left of the longest answer.
    async fn line(&mut self, room: &mut u64) -> Result<String, Fault> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(*room).read_until(b'\n', &mut line).await;
        let read = read.map_err(|error| self.lost(&error.to_string()))?;
        *room = room.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        if line.pop() != Some(b'\n') {
            let what = if *room == 0 { "the answer is too long" } else { "it closed the connection" };
            return Err(self.lost(what));
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    fn lost(&self, what: &str) -> Fault {
        Fault::away(format!("{}: {what} before the whole answer was there", self.address))
    }

    /// `[50@0] {update} No such directory`: the consequence of its code.
    fn refusal(&self, command: &str, said: &str) -> Reply {
        let code = said.strip_prefix('[').and_then(|said| said.split(['@', ']']).next()?.parse().ok());
        let reason = format!("{}: {command:?} was refused: {}", self.address, excerpt(said));
        match code {
            Some(NO_EXIST) => Reply::Unknown,
            Some(SYSTEM) => {
                let words = said.split_once("} ").map_or(said, |(_, words)| words);
                Reply::Failed(words.chars().take(EXCERPT).collect())
            }
            Some(PASSWORD) => Reply::Refused(Fault::refused(format!("{reason}; check `password`"))),
            Some(PERMISSION) => Reply::Refused(Fault::refused(format!(
                "{reason}; autoscan needs MPD's permissions `read` and `control`"
            ))),
            Some(UPDATE_ALREADY) => Reply::Refused(Fault::Later {
                after: FULL_QUEUE,
                reason: format!("{reason}; MPD has enough to update for now"),
            }),
            _ => Reply::Refused(Fault::wrong(reason)),
        }
    }
}

/// The line of a command: its arguments quoted. A line break, which would begin another command, is in no path and is
/// taken out of what is none.
fn line(command: &str, arguments: &[&str]) -> String {
    let mut line = command.to_owned();
    for argument in arguments {
        line.push_str(" \"");
        for letter in argument.chars().filter(|letter| !matches!(letter, '\n' | '\r' | '\0')) {
            if matches!(letter, '"' | '\\') {
                line.push('\\');
            }
            line.push(letter);
        }
        line.push('"');
    }
    line.push('\n');
    line
}

fn excerpt(said: &str) -> String {
    let mut short: String = said.chars().take(EXCERPT).collect();
    if short.len() < said.len() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_quoted_and_ends_no_line() {
        assert_eq!(line("update", &[]), "update\n");
        assert_eq!(line("update", &["A/\"b\" \\ c'd"]), "update \"A/\\\"b\\\" \\\\ c'd\"\n");
        assert_eq!(line("lsinfo", &["a\nkill\r", ""]), "lsinfo \"akill\" \"\"\n");
    }
}
