//! A kept-alive HTTP/1.1 connection that does no more than a bench needs: send bytes, read one answer.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Answers longer than this are not read.
const LONGEST_ANSWER: usize = 1 << 20;

/// A connection to one server.
pub struct Connection {
    stream: TcpStream,
    inbox: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot reach {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, inbox: Vec::with_capacity(4096) })
    }

    /// Sends a whole request and answers the status of its response, once all of it was read.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await.context("the server closed the connection")?;
        self.inbox.clear();
        loop {
            if let Some((status, length)) = head(&self.inbox)?
                && self.inbox.len() >= length
            {
                return Ok(status);
            }
            if self.inbox.len() > LONGEST_ANSWER {
                bail!("the answer is longer than {LONGEST_ANSWER} bytes");
            }
            if self.stream.read_buf(&mut self.inbox).await? == 0 {
                bail!("the server closed the connection before it had answered");
            }
        }
    }
}

/// The status and the whole length of an answer, once its head is there.
fn head(answer: &[u8]) -> Result<Option<(u16, usize)>> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&answer[..end]).context("the answer's head is not text")?;
    let status =
        head.get(9..12).and_then(|digits| digits.parse().ok()).context("the answer has no status")?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .context("the answer has no Content-Length, which is all that this client understands")?;
    Ok(Some((status, end + 4 + length)))
}

/// The head of a `POST` as Sonarr sends it, less its `Connection: close`: what is measured is the server, not the
/// system's handshakes.
pub fn post_head(path: &str, login: Option<(&str, &str)>, length: usize) -> Vec<u8> {
    let login = login.map_or_else(String::new, |(user, password)| {
        let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
        format!("Authorization: Basic {pair}\r\n")
    });
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Sonarr/4.0.19.2979 (alpine 3.22.1)\r\n\
         Accept: application/json\r\nContent-Type: application/json\r\n{login}Content-Length: {length}\r\n\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_the_last_byte_of_its_body() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 2\r\n\r\nok";

        assert_eq!(head(&answer[..30]).unwrap(), None);
        assert_eq!(head(answer).unwrap(), Some((200, answer.len())));
        assert!(head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn a_login_is_sent_as_basic() {
        let head = post_head("/triggers/sonarr", Some(("bench", "secret")), 5);

        let text = String::from_utf8(head).unwrap();
        assert!(text.contains("Authorization: Basic YmVuY2g6c2VjcmV0\r\n"), "{text}");
        assert!(text.ends_with("Content-Length: 5\r\n\r\n"), "{text}");
    }
}
