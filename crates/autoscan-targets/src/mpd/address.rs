//! Where an MPD is: a machine and a port, or a socket on this machine.

use std::io;
use std::path::PathBuf;

use autoscan_core::fault::Fault;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// Where an MPD is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A port of a machine.
    Machine { host: String, port: u16 },
    /// A Unix socket: `bind_to_address` of MPD's configuration, where that is a path.
    Socket(PathBuf),
}

/// What an MPD is talked to over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Address {
    /// The address that `host` and `port` name.
    pub(super) fn parse(host: &str, port: u16) -> Result<Self, String> {
        let host = host.trim();
        if host.starts_with('/') && !host.ends_with('/') {
            return Ok(Self::Socket(PathBuf::from(host)));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(['/', '@']) {
            return Err("`host` must be the name or address of a machine alone, such as localhost, or the whole path of \
                        MPD's socket on this machine, such as /run/mpd/socket"
                .to_owned());
        }
        Ok(Self::Machine { host: host.to_owned(), port })
    }

    pub(super) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Machine { host, port } => Box::new(TcpStream::connect((host.as_str(), *port)).await?),
            Self::Socket(path) => Box::new(UnixStream::connect(path).await?),
        })
    }

    /// The fault of a connection that did not come about, with what a person can look at.
    pub(super) fn unreachable(&self, error: &io::Error) -> Fault {
        Fault::away(match (error.kind(), self) {
            (io::ErrorKind::ConnectionRefused, Self::Machine { .. }) => {
                format!(
                    "{self}: the connection was refused; is MPD running, and does it listen to this machine?"
                )
            }
            (io::ErrorKind::ConnectionRefused, Self::Socket(_)) => {
                format!("{self}: nobody listens at this socket; is MPD running?")
            }
            (io::ErrorKind::NotFound, Self::Socket(_)) => format!(
                "{self}: there is no such socket; is MPD running, does its `bind_to_address` name this path, and is the \
                 folder mounted into autoscan's container?"
            ),
            (io::ErrorKind::PermissionDenied, Self::Socket(_)) => {
                format!("{self}: autoscan's user may not open this socket; add the user to MPD's group")
            }
            _ => format!("{self}: no connection ({error})"),
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Machine { host, port } if host.contains(':') => write!(out, "mpd://[{host}]:{port}"),
            Self::Machine { host, port } => write!(out, "mpd://{host}:{port}"),
            Self::Socket(path) => write!(out, "mpd://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_a_url() {
        for (host, shown) in [
            ("mpd", "mpd://mpd:6600"),
            (" ::1 ", "mpd://[::1]:6600"),
            ("[::1]", "mpd://[::1]:6600"),
            ("/run/mpd/socket", "mpd:///run/mpd/socket"),
        ] {
            assert_eq!(Address::parse(host, 6600).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_neither_a_machine_nor_a_socket_is_refused() {
        for host in ["", " ", "/", "/run/mpd/", "mpd/socket", "secret@mpd", "mpd://x"] {
            let refusal = Address::parse(host, 6600).unwrap_err();
            assert!(refusal.contains("`host` must be") && !refusal.contains("secret"), "{host}: {refusal}");
        }
    }
}
