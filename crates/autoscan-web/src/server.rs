//! Listens, within a number of open connections, and stops without breaking a request.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::caller::Peer;
use crate::connection::converse;
use crate::current::Current;
use crate::places::{Places, Slots};
use crate::tls::Tls;

/// After a failed accept, which mostly means that file descriptors ran out.
const PAUSE: Duration = Duration::from_millis(500);

/// Serves until `stop`, by TLS where there is some. Then no connection is accepted any more, and requests in flight have `grace` to be answered.
/// What finds none of the `places` waits in the system's queue; one address that has half of them gets no more.
///
/// The error, a sentence, says that a listener broke: the others end with it, and `stop` is cancelled, because a server that
/// cannot be reached must be started again.
pub async fn serve(
    listeners: Vec<TcpListener>,
    tls: Option<Tls>,
    site: impl Into<Current>,
    places: Places,
    stop: CancellationToken,
    grace: Duration,
) -> Result<(), String> {
    let (site, slots) = (site.into(), Arc::new(Semaphore::new(places.all())));
    let shares = places.connections();
    let conversations = TaskTracker::new();
    let mut accepting = JoinSet::new();
    for listener in listeners {
        let accept_loop = AcceptLoop {
            listener,
            slots: Arc::clone(&slots),
            shares: shares.clone(),
            places,
            conversations: conversations.clone(),
            tls: tls.clone(),
            site: site.clone(),
            stop: stop.clone(),
            grace,
        };
        accepting.spawn(accept_loop.run());
    }
    let mut outcome = Ok(());
    while let Some(ended) = accepting.join_next().await {
        if let Err(broken) = ended {
            outcome = Err(format!("a listener broke: {broken}"));
            stop.cancel();
        }
    }
    conversations.close();
    conversations.wait().await;
    outcome
}

/// One address that is listened on.
struct AcceptLoop {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    shares: Slots,
    places: Places,
    conversations: TaskTracker,
    tls: Option<Tls>,
    site: Current,
    stop: CancellationToken,
    grace: Duration,
}

impl AcceptLoop {
    async fn run(self) {
        while let Some(Some((slot, stream, address))) = self.stop.run_until_cancelled(self.next()).await {
            let Some(share) = self.shares.take(address) else {
                // Without an answer: to write one to many who do not read costs what they are after.
                tracing::debug!(peer = %address, "a connection was closed: its address has half of all places");
                continue;
            };
            let (site, stop, grace) = (self.site.clone(), self.stop.clone(), self.grace);
            let tls = self.tls.clone();
            self.conversations.spawn(async move {
                let peer = Peer { address, is_tls: tls.is_some() };
                match tls {
                    // Boxed, because it is large, and its room would be part of every plain connection.
                    Some(tls) => Box::pin(converse_by_tls(&tls, stream, peer, site, stop, grace)).await,
                    None => converse(stream, peer, site, stop, grace).await,
                }
                drop((slot, share));
            });
        }
    }

    /// The next connection, once there is room for it. None never comes, as nobody closes the semaphore.
    async fn next(&self) -> Option<(OwnedSemaphorePermit, TcpStream, IpAddr)> {
        if self.slots.available_permits() == 0 {
            tracing::warn!(
                open = self.places.all(),
                "all places for connections are taken: further ones wait"
            );
        }
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        loop {
            match self.accept().await {
                Ok((stream, peer)) => return Some((slot, stream, peer)),
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted; trying again in a moment");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn accept(&self) -> io::Result<(TcpStream, IpAddr)> {
        let (stream, peer) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok((stream, peer.ip()))
    }
}

async fn converse_by_tls(
    tls: &Tls,
    stream: TcpStream,
    peer: Peer,
    site: Current,
    stop: CancellationToken,
    grace: Duration,
) {
    if let Some(Some(stream)) = stop.run_until_cancelled(Box::pin(tls.greet(stream))).await {
        converse(stream, peer, site, stop, grace).await;
    }
}

/// The peer went away before it was let in.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput | NotConnected
    )
}
