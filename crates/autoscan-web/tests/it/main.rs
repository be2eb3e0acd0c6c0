//! What a sender or a person sees, through the router and over sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture should fail its test loudly")]

mod api;
mod attacks;
mod auth;
mod browser;
mod edit;
mod harness;
mod health;
mod hooks;
mod html;
mod limits;
mod live;
mod log;
mod manual_scan;
mod metrics;
mod openapi;
mod remedies;
mod scans_pages;
mod setup;
mod signatures;
mod single_url;
mod sockets;
mod targets;
mod trigger_losses;
