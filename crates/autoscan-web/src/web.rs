//! What the web interface is made of.

use std::sync::Arc;

use autoscan_core::guide::Guide;
use autoscan_core::ports::{Hook, SessionStore};
use autoscan_engine::Engine;
use tokio_util::sync::CancellationToken;

use crate::access::AccessSettings;
use crate::caller::Network;
use crate::connection_limits::ConnectionLimits;
use crate::control::Control;
use crate::log_tail::LogTail;

/// What the web interface is made of.
pub struct Web {
    /// The running program.
    pub engine: Arc<Engine>,
    /// Who has access.
    pub access: AccessSettings,
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
    pub places: ConnectionLimits,
    /// The version of autoscan, for `/health/detailed` and `/metrics`.
    pub version: &'static str,
    /// Once cancelled, `/ready` says that autoscan stops.
    pub stop: CancellationToken,
}
