mod recorded;
mod socket;
mod unanswered;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::Router;
use futures_util::stream;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

pub use recorded::Recorded;
use recorded::read;
pub(crate) use recorded::segments;
pub(crate) use socket::{FRAMES, Frame};
use unanswered::Unanswered;

/// How many calls are kept; older ones are only counted.
const KEPT: usize = 100_000;

/// How long a test waits for a call.
const PATIENCE: Duration = Duration::from_secs(10);

/// What can go wrong with a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It takes the request and never answers.
    Hang,
    /// It answers as always, but so much later.
    Slow(Duration),
    /// It answers 200 with a login page, as a proxy before it does.
    WebPage,
    /// It answers this status, with the error body that this server sends.
    Status(u16),
    /// It answers this status with this `Retry-After`.
    RetryAfter(u16, String),
    /// It answers 200 and closes the connection in the middle of the body.
    CutOff,
    /// It answers 200 with so many bytes.
    Long(usize),
}

/// What a server answers.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    pub(crate) fn json(body: &serde_json::Value) -> Self {
        Self::new(200, "application/json", body.to_string())
    }
}

/// How one kind of server answers.
pub(crate) trait Behavior: Send + Sync + 'static {
    /// What it answers to a call.
    fn answer(&self, call: &Recorded) -> Reply;

    /// What its error of this status looks like.
    fn error(&self, status: u16) -> Reply;

    /// What it sends to a client that asks for a websocket, or its refusal.
    fn socket(&self, call: &Recorded) -> Result<mpsc::Receiver<Frame>, Reply> {
        let _ = call;
        Err(self.error(404))
    }

    /// What it answers to a text that a client sends over its websocket.
    fn heard(&self, text: &str) -> Option<Frame> {
        let _ = text;
        None
    }
}

/// What a pretend server speaks HTTP by: a port, a log of calls and the trouble it is in.
pub struct HttpServer {
    address: SocketAddr,
    under: String,
    shared: Arc<Shared>,
    open: Mutex<Option<JoinHandle<()>>>,
    /// The port while it is closed: bound, so that nobody else gets it, but not listening, so that connections are
    /// refused.
    closed: Mutex<Option<TcpSocket>>,
}

struct Shared {
    behavior: Arc<dyn Behavior>,
    state: Mutex<Script>,
    called: Notify,
    /// The open websockets, which end with the port.
    sockets: Mutex<Vec<AbortHandle>>,
}

#[derive(Default)]
struct Script {
    log: VecDeque<Recorded>,
    count: usize,
    answered: u64,
    upgrades: VecDeque<Recorded>,
    next: VecDeque<Trouble>,
    lasting: Option<Trouble>,
    /// What calls that hold a text get into.
    holding: Vec<(String, Trouble)>,
    /// Calls that are not answered yet, and the most that there were at once.
    unanswered: usize,
    most_unanswered: usize,
}

impl HttpServer {
    /// Opens a port for a server of this behavior. `under` is the sub-path that the URL ends with.
    pub(crate) async fn open(behavior: Arc<dyn Behavior>, under: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            behavior,
            state: Mutex::default(),
            called: Notify::new(),
            sockets: Mutex::default(),
        });
        let open = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            under: under.to_owned(),
            shared,
            open: Mutex::new(Some(open)),
            closed: Mutex::default(),
        })
    }

    /// The URL for a config, with the sub-path if there is one.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.under)
    }

    /// Every call so far, at most the last hundred thousand.
    pub fn calls(&self) -> Vec<Recorded> {
        self.shared.script().log.iter().cloned().collect()
    }

    /// How many calls there were.
    pub fn call_count(&self) -> usize {
        self.shared.script().count
    }

    /// The calls whose path ends with this.
    pub fn calls_to(&self, path: &str) -> Vec<Recorded> {
        self.calls().into_iter().filter(|call| call.path.ends_with(path)).collect()
    }

    /// How many bytes of bodies it answered to calls, websockets not counted.
    pub fn bytes_answered(&self) -> u64 {
        self.shared.script().answered
    }

    /// Every request for a websocket, at most the last hundred thousand. They are no calls.
    pub fn socket_calls(&self) -> Vec<Recorded> {
        self.shared.script().upgrades.iter().cloned().collect()
    }

    /// How many websockets are open.
    pub fn open_sockets(&self) -> usize {
        let mut sockets = lock(&self.shared.sockets);
        sockets.retain(|socket| !socket.is_finished());
        sockets.len()
    }

    /// Cuts every open websocket; calls go on.
    pub fn cut_sockets(&self) {
        lock(&self.shared.sockets).drain(..).for_each(|socket| socket.abort());
    }

    /// Forgets the calls so far, and the bytes that were answered to them.
    pub fn forget_calls(&self) {
        let mut script = self.shared.script();
        script.log.clear();
        script.count = 0;
        script.answered = 0;
        script.most_unanswered = script.unanswered;
    }

    /// Waits until there were `count` calls, but no longer than ten seconds; answers the calls there are.
    pub async fn wait_for_calls(&self, count: usize) -> Vec<Recorded> {
        let enough = async {
            loop {
                let called = self.shared.called.notified();
                if self.call_count() >= count {
                    return;
                }
                called.await;
            }
        };
        // Whether it came in time is seen in the calls.
        let _ = tokio::time::timeout(PATIENCE, enough).await;
        self.calls()
    }

    /// The next `count` calls get into this trouble, before any lasting one.
    pub fn fail_next(&self, count: usize, trouble: &Trouble) {
        self.shared.script().next.extend(std::iter::repeat_n(trouble.clone(), count));
    }

    /// Calls that hold this text, in their path, their query or their body, get into this trouble for good, and no others.
    pub fn fail_calls_that_hold(&self, text: &str, trouble: &Trouble) {
        self.shared.script().holding.push((text.to_owned(), trouble.clone()));
    }

    /// No call gets into trouble for a text that it holds.
    pub fn fail_calls_for_no_text(&self) {
        self.shared.script().holding.clear();
    }

    /// The most calls that waited for their answer at the same time, since the calls were forgotten.
    pub fn most_at_once(&self) -> usize {
        self.shared.script().most_unanswered
    }

    /// Every call gets into this trouble, until it is none.
    pub fn set_trouble(&self, trouble: Option<Trouble>) {
        self.shared.script().lasting = trouble;
    }

    /// Closes the port and every connection: the server is down.
    pub async fn close(&self) -> io::Result<()> {
        let Some(open) = lock(&self.open).take() else { return Ok(()) };
        open.abort();
        self.cut_sockets();
        // The task ends by being aborted: that is the error.
        let _ = open.await;
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        *lock(&self.closed) = Some(socket);
        Ok(())
    }

    /// Opens the same port again.
    pub fn reopen(&self) -> io::Result<()> {
        let Some(socket) = lock(&self.closed).take() else { return Ok(()) };
        let listener = socket.listen(1024)?;
        *lock(&self.open) = Some(tokio::spawn(serve(listener, Arc::clone(&self.shared))));
        Ok(())
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        if let Some(open) = lock(&self.open).take() {
            open.abort();
        }
        self.cut_sockets();
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        lock(&self.state)
    }

    /// Writes the call down and answers the trouble that it gets into.
    fn record(&self, call: &Recorded) -> Option<Trouble> {
        let mut script = self.script();
        if script.log.len() == KEPT {
            script.log.pop_front();
        }
        script.log.push_back(call.clone());
        script.count += 1;
        let of_its_text =
            script.holding.iter().find(|(text, _)| call.holds(text)).map(|(_, trouble)| trouble.clone());
        let trouble = of_its_text.or_else(|| script.next.pop_front()).or_else(|| script.lasting.clone());
        drop(script);
        self.called.notify_waiters();
        trouble
    }

    fn keep(&self, socket: AbortHandle) {
        let mut sockets = lock(&self.sockets);
        sockets.retain(|socket| !socket.is_finished());
        sockets.push(socket);
    }

    /// Writes a request for a websocket down and answers the lasting trouble: what is to go wrong with the next calls
    /// is meant for calls.
    fn record_upgrade(&self, call: &Recorded) -> Option<Trouble> {
        let mut script = self.script();
        if script.upgrades.len() == KEPT {
            script.upgrades.pop_front();
        }
        script.upgrades.push_back(call.clone());
        script.lasting.clone()
    }
}

/// A test that failed while it held the lock has failed already.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connections end with this task.
async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let service = TowerToHyperService::new(Router::new().fallback(handle).with_state(shared));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service.clone())
                    .with_upgrades();
                // How a client leaves is its own affair.
                connections.spawn(async move { drop(connection.await) });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn handle(State(shared): State<Arc<Shared>>, mut request: Request) -> Result<Response, Infallible> {
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let call = read(request).await;
    let upgrade =
        upgrade.filter(|_| call.header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket")));
    let (trouble, upgrade) = match upgrade {
        Some(upgrade) => (shared.record_upgrade(&call), Some(upgrade)),
        None => (shared.record(&call), None),
    };
    let _unanswered = upgrade.is_none().then(|| Unanswered::count(&shared));
    if let Some(Trouble::Slow(pause)) = &trouble {
        tokio::time::sleep(*pause).await;
    }
    let reply = match trouble {
        None | Some(Trouble::Slow(_)) => match upgrade {
            None => shared.behavior.answer(&call),
            Some(upgrade) => match shared.behavior.socket(&call) {
                Ok(frames) => {
                    let (response, speaking) =
                        socket::switch(&call, upgrade, frames, Arc::clone(&shared.behavior));
                    shared.keep(speaking);
                    return Ok(response);
                }
                Err(refusal) => refusal,
            },
        },
        Some(Trouble::Hang) => std::future::pending().await,
        Some(Trouble::WebPage) => {
            Reply::new(200, "text/html", "<!DOCTYPE html><html><title>Log in</title><form></form></html>")
        }
        Some(Trouble::Status(status)) => shared.behavior.error(status),
        Some(Trouble::RetryAfter(status, after)) => {
            let mut reply = shared.behavior.error(status);
            reply.headers.push(("retry-after", after));
            reply
        }
        Some(Trouble::CutOff) => return Ok(cut_off()),
        Some(Trouble::Long(bytes)) => Reply::new(200, "application/json", " ".repeat(bytes)),
    };
    shared.script().answered += reply.body.len() as u64;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Body::from(reply.body)).unwrap_or_default())
}

fn cut_off() -> Response {
    let parts = [Ok(Bytes::from_static(b"{\"half\":")), Err(io::Error::other("the server died"))];
    Response::new(Body::from_stream(stream::iter(parts)))
}
