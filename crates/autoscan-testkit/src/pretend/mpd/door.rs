use std::io;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

/// What a client talks over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where clients come in.
pub(super) enum Door {
    Port(TcpListener, u16),
    Socket(UnixListener),
}

impl Door {
    pub(super) async fn port() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        Ok(Self::Port(listener, port))
    }

    pub(super) fn socket(path: &Path) -> io::Result<Self> {
        Ok(Self::Socket(UnixListener::bind(path)?))
    }

    /// Its port; 0 for a socket.
    pub(super) fn number(&self) -> u16 {
        match self {
            Self::Port(_, port) => *port,
            Self::Socket(_) => 0,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Port(listener, _) => Box::new(listener.accept().await?.0),
            Self::Socket(listener) => Box::new(listener.accept().await?.0),
        })
    }
}
