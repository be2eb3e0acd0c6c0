//! The pages: one file each, with its template of the same name in `templates/`.

mod api;
mod browse;
mod chart;
mod config;
mod drafts;
mod edit;
pub(crate) mod frame;
mod log;
mod login;
mod manual_scan;
mod overview;
mod preview;
pub(crate) mod problem;
mod reasons;
mod remedy;
mod requested_scans;
mod scan;
mod scans;
mod setup;
mod setup_folders;
mod setup_wizard;
pub(crate) mod state;
mod target_maps;
mod targets;
mod triggers;
pub(crate) mod words;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};

use crate::app::Shared;
use crate::assets;
use state::PagesState;

/// The routes of all pages. `S` is the state of the router that they become part of.
pub(crate) fn routes<S>(state: PagesState) -> Router<S> {
    Router::new()
        .route("/", get(overview::page))
        .route("/scans", get(scans::page))
        .route("/scans/retry", post(scans::retry_all))
        .route("/scans/{id}", get(scan::page))
        .route("/scans/{id}/retry", post(scan::retry))
        .route("/scans/{id}/ignore", post(scan::ignore))
        .route("/scans/{id}/remedy", post(remedy::press))
        .route("/scans/{id}/drop", get(scan::ask_to_drop).post(scan::drop))
        .route("/manual-scan", get(manual_scan::page).post(manual_scan::send))
        .route("/manual-scan/browse", get(browse::page))
        .route("/triggers", get(triggers::page))
        .route("/lost-requests/{name}/dismiss", post(triggers::dismiss))
        .route("/targets", get(targets::page))
        .merge(setup::routes())
        .route("/log", get(log::page))
        .route("/api/v1", get(api::page))
        .route("/config", get(config::page))
        .route("/targets/suggest", post(target_maps::suggest))
        .route("/targets/{name}/test", post(targets::test))
        .route("/targets/{name}/pause", post(targets::pause))
        .route("/targets/{name}/resume", post(targets::resume))
        .route("/config/reload", post(config::reload))
        .route("/targets/map", post(targets::map))
        .route("/edit/{id}", get(edit::page).post(edit::write))
        .route("/login", get(login::page).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/assets/{name}", get(assets::asset))
        .route_layer(middleware::from_fn_with_state(Shared::clone(&state.app), problem::show))
        .with_state(state)
}
