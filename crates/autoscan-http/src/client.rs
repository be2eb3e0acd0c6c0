use std::sync::Arc;
use std::time::Duration;

use autoscan_core::fault::Fault;
use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use tokio::sync::OnceCell;

use crate::answer::Answer;
use crate::calls;
use crate::request::Request;
use crate::transport::{self, ShownCall};

/// How much is read of an answer that is no success: enough to quote it.
const ERROR_BODY: usize = 8 * 1024;

/// How long a server may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the whole answer is there, connecting included.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(30) }
    }
}

/// The program's HTTP client. Cheap to clone; clones share their connections. Nothing is built before the first call, and
/// the system's certificates are not read before the first call of an `https` URL. It follows no redirect, keeps no
/// cookie and heeds no proxy of the environment: media servers are asked directly.
#[derive(Clone, Default)]
pub struct Http {
    shared: Arc<SharedClient>,
}

#[derive(Default)]
struct SharedClient {
    timeouts: Timeouts,
    takes_any_certificate: bool,
    plain: OnceCell<Client>,
    tls: OnceCell<Client>,
}

impl Http {
    /// A client with its own timeouts.
    pub fn new(timeouts: Timeouts) -> Self {
        Self { shared: Arc::new(SharedClient { timeouts, ..SharedClient::default() }) }
    }

    /// A client for the autoscan that runs on this very machine. Its certificate is for the name by which others reach it, so
    /// any is taken: nothing leaves the machine.
    pub fn for_this_machine() -> Self {
        let shared = SharedClient { takes_any_certificate: true, ..SharedClient::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Sends a request and answers whatever the server says. Only an outage is a fault: no connection, no whole answer
    /// in time, a body beyond its limit.
    pub async fn exchange(&self, request: &Request) -> Result<Answer, Fault> {
        let timeouts = self.timeouts(request);
        let mut response = self.execute(request).await?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let body = if status.is_success() {
            whole_body(&mut response, request, timeouts).await?
        } else {
            beginning(&mut response).await
        };
        let answer = Answer::new(request, status, &headers, body);
        calls::note(request, &answer);
        Ok(answer)
    }

    /// Sends a request and answers the head of what comes back.
    pub(crate) async fn execute(&self, request: &Request) -> Result<Response, Fault> {
        let timeouts = self.timeouts(request);
        let mut outgoing = reqwest::Request::new(request.method.clone(), request.url.clone());
        *outgoing.headers_mut() = request.headers.clone();
        *outgoing.body_mut() = request.body.clone().map(Into::into);
        *outgoing.timeout_mut() = request.within;
        let sent = self.client(request).await?.execute(outgoing).await;
        sent.map_err(|error| transport::fault(request, &error, timeouts))
    }

    /// How long this request may take.
    fn timeouts(&self, request: &Request) -> Timeouts {
        let timeouts = self.shared.timeouts;
        Timeouts { total: request.within.unwrap_or(timeouts.total), ..timeouts }
    }

    /// Sends a request and answers its success; any other status is a fault by [`Answer::check`].
    pub async fn send(&self, request: &Request) -> Result<Answer, Fault> {
        self.exchange(request).await?.check()
    }

    async fn client(&self, request: &Request) -> Result<&Client, Fault> {
        let SharedClient { timeouts, takes_any_certificate, plain, tls } = &*self.shared;
        let (timeouts, any) = (*timeouts, *takes_any_certificate);
        let client = if request.url.scheme() == "https" {
            // Reading the system's certificates takes a while and touches the disk.
            let build = async || match tokio::task::spawn_blocking(move || {
                build(timeouts, if any { Trust::Any } else { Trust::System })
            })
            .await
            {
                Ok(client) => client.map_err(|error| reason(&error)),
                Err(stopped) => Err(stopped.to_string()),
            };
            tls.get_or_try_init(build).await
        } else {
            plain
                .get_or_try_init(async || build(timeouts, Trust::Nobody).map_err(|error| reason(&error)))
                .await
        };
        client.map_err(|reason| {
            let line = ShownCall::of(request).line;
            Fault::away(format!(
                "{line}: TLS cannot be set up on this machine ({reason}); are its CA certificates installed?"
            ))
        })
    }
}

/// Whose certificates are taken.
#[derive(Clone, Copy)]
enum Trust {
    /// Those of the authorities that this machine knows.
    System,
    /// None: no TLS is spoken.
    Nobody,
    /// All.
    Any,
}

#[expect(clippy::disallowed_methods, reason = "this is the one pooled client")]
fn build(timeouts: Timeouts, trust: Trust) -> reqwest::Result<Client> {
    // Fails only when a provider was installed before, which then is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("autoscan/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.total)
        .pool_idle_timeout(Duration::from_mins(1))
        .pool_max_idle_per_host(2)
        .http1_only()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy();
    match trust {
        Trust::System => builder.build(),
        Trust::Nobody => builder.tls_certs_only([]).build(),
        Trust::Any => builder.tls_certs_only([]).tls_danger_accept_invalid_certs(true).build(),
    }
}

fn reason(error: &reqwest::Error) -> String {
    std::iter::successors(Some(error as &dyn std::error::Error), |cause| cause.source())
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// The body of a success, which counts only when it is whole.
async fn whole_body(response: &mut Response, request: &Request, timeouts: Timeouts) -> Result<Bytes, Fault> {
    let mut body = BytesMut::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| transport::fault(request, &error, timeouts))?
    {
        if body.len() + chunk.len() > request.at_most {
            let line = ShownCall::of(request).line;
            return Err(Fault::away(format!(
                "{line}: the answer is longer than {} KiB; is this the right URL?",
                request.at_most / 1024
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The beginning of any other body: the status says enough, so whatever happens to the rest does not matter.
async fn beginning(response: &mut Response) -> Bytes {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= ERROR_BODY {
            body.truncate(ERROR_BODY);
            break;
        }
    }
    body.freeze()
}
