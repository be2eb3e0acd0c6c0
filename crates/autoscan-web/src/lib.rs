//! HTML and JSON: webhooks, health and the API. The only user of axum.
//!
//! A request passes the envelope (its id, the log, panics), then its route: [`Doors`] decide who may, the body is read
//! within a size and a time, and the engine does the rest.

mod answer;
mod api;
mod app;
mod assets;
mod base;
mod body;
mod caller;
mod connection;
mod control;
mod cookie;
mod doors;
mod endless;
mod envelope;
mod figures;
mod fingerprint;
mod health;
mod hooks;
mod hosts;
mod log_tail;
mod metrics;
mod page;
mod pages;
mod password;
mod places;
mod query;
mod request_id;
mod server;
mod session;
mod signature;
mod single_url;
mod site;
mod taken;
mod throttle;
mod tls;
mod totals;
mod unreached;
mod visitor;
mod watch;

use std::sync::Arc;

use autoscan_core::guide::Guide;
use autoscan_core::ports::{Hook, SessionStore};
use autoscan_engine::Engine;
use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio_util::sync::CancellationToken;

pub use caller::Network;
pub use control::{
    ConfigView, Control, DiffLine, Edit, LoginKind, MapOf, NewTarget, PendingLogin, Proposal, SenderRoot,
    SenderRoots, Sign, TriedServer,
};
pub use doors::Doors;
pub use log_tail::{LogLevel, LogLine, LogTail};
pub use password::{hash_password, password_hash_fault};
pub use places::Places;
pub use server::serve;
pub use site::{Current, Site};
pub use tls::Tls;

use answer::Problem;
use app::{App, Shared};
use doors::Locks;
use site::Lasting;

/// What the web interface is made of.
pub struct Web {
    /// The running program.
    pub engine: Arc<Engine>,
    /// Who may come in.
    pub doors: Doors,
    /// The path under which a reverse proxy shows autoscan: `/`, or `/autoscan`. Everything answers there, and without
    /// it too, for proxies that strip it.
    pub base_url: String,
    /// Tells the kind of a sender by its request, for the single URL.
    pub recognise: fn(&Hook<'_>) -> Option<&'static str>,
    /// Whether requests to triggers of this kind come from people and their scripts: they have a form, may use GET and
    /// are told of a refused path by a 422, where a program that would back off gets a 200.
    pub for_people: fn(&str) -> bool,
    /// How a person sets up the senders of a kind of trigger.
    pub guide: fn(&str) -> Option<&'static Guide>,
    /// Where senders reach autoscan, without the base: `http://<this machine>:3030`.
    pub address: String,
    /// Whether `/metrics` needs credentials: `metrics: { auth: true }`.
    pub metrics_need_auth: bool,
    /// The program around it.
    pub control: Arc<dyn Control>,
    /// Who is logged in.
    pub sessions: Arc<dyn SessionStore>,
    /// Names by which autoscan is reached, beyond those that only a local network knows: others are refused while
    /// everything is open.
    pub own_names: Vec<String>,
    /// Reverse proxies that are believed when they say for whom, and by TLS or not, they hand a request on.
    pub trusted_proxies: Vec<Network>,
    /// What was logged last.
    pub log: Arc<dyn LogTail>,
    /// Fills bytes by chance that nobody can guess.
    pub random: fn(&mut [u8]),
    /// How many connections may be open.
    pub places: Places,
    /// The version of autoscan, for `/health/detailed` and `/metrics`.
    pub version: &'static str,
    /// Once cancelled, `/ready` says that autoscan stops.
    pub stop: CancellationToken,
}

/// All routes.
pub fn router(web: Web) -> Router {
    let lasting = Lasting::of(&web);
    router_with(web, lasting)
}

fn router_with(web: Web, lasting: Lasting) -> Router {
    let base = web.base_url.trim_end_matches('/').to_owned();
    let locks = Locks::new(&web.doors);
    let app = Arc::new(App { web, locks, lasting });
    base::below(&base, routes(app))
}

fn routes(app: Shared) -> Router {
    let hook = post(hooks::post).put(hooks::post).get(hooks::get);
    let routes = Router::new()
        .route("/triggers/{name}", hook.clone())
        .route("/triggers/{name}/", hook.clone())
        .route("/triggers/{name}/{token}", hook)
        .route("/health", get(health::alive))
        .route("/ready", get(health::ready))
        .route("/metrics", get(figures::figures))
        .merge(api::routes(&app))
        .merge(pages::routes(&app))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(single_url::fallback);
    let routes = if app.web.doors.disabled {
        routes.layer(middleware::from_fn_with_state(Arc::clone(&app), hosts::guard))
    } else {
        routes
    };
    routes.layer(envelope::EnvelopeLayer::new(&app.web.trusted_proxies)).with_state(app)
}

async fn method_not_allowed(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    body::reject(&parts, body, Problem::method_not_allowed()).await.into_response()
}
