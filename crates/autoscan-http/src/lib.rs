//! Outward HTTP, and the only user of `reqwest`.
//!
//! One pooled client for the whole program ([`Http`]), a small request that keeps a server's sub-path and its secrets
//! ([`Request`]), and the rule that names an answer by its consequence ([`Answer::check`]). Nothing is retried here: a
//! [`Fault`](autoscan_core::fault::Fault) says what happened, and the engine decides what follows.

mod answer;
mod base_url;
mod calls;
mod client;
mod redact;
mod request;
mod socket;
mod transport;

pub use answer::{Answer, DEFAULT_PAUSE, LONGEST_PAUSE};
pub use base_url::BaseUrl;
pub use calls::overhear;
pub use client::{Http, Timeouts};
pub use request::{Request, SecretHeader};
pub use reqwest::Method;
pub use socket::Socket;
