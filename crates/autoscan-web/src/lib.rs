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
mod counting;
mod current;
mod doors;
mod endless;
mod envelope;
mod figures;
mod fingerprint;
mod health;
mod hooks;
mod hosts;
mod lasting;
mod log_tail;
mod map_advice;
mod metrics;
mod moment;
mod page;
mod pages;
mod password;
mod places;
mod query;
mod request_id;
mod router;
mod segment;
mod server;
mod session;
mod signature;
mod single_url;
mod site;
mod throttle;
mod tls;
mod unreached;
mod visitor;
mod watch;
mod web;

pub use caller::Network;
pub use control::{
    ConfigView, Control, DiffLine, Edit, LoginKind, MapOf, NewTarget, PendingLogin, Proposal, SenderRoot,
    SenderRoots, Sign, TriedServer,
};
pub use current::Current;
pub use doors::Doors;
pub use log_tail::{LogLevel, LogLine, LogTail};
pub use password::{hash_password, password_hash_fault};
pub use places::Places;
pub use router::router;
pub use server::serve;
pub use site::Site;
pub use tls::Tls;
pub use web::Web;
