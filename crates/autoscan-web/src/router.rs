//! All routes, put together.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::access::AccessControl;
use crate::answer::Problem;
use crate::api::ApiState;
use crate::app::{App, Shared};
use crate::pages::state::{PagesProcessState, PagesState};
use crate::process_state::ProcessState;
use crate::web::Web;
use crate::{api, base, body, envelope, figures, health, hooks, hosts, pages, single_url};

/// All routes.
pub fn router(web: Web) -> Router {
    let process = ProcessState::of(&web);
    router_with(web, process, PagesProcessState::default())
}

/// All routes, with what outlives a config.
pub(crate) fn router_with(web: Web, process: ProcessState, of_pages: PagesProcessState) -> Router {
    let base = web.base_url.trim_end_matches('/').to_owned();
    let access = AccessControl::new(&web.access);
    let app = Arc::new(App { web, access, process });
    base::below(&base, routes(app, of_pages))
}

fn routes(app: Shared, of_pages: PagesProcessState) -> Router {
    let hook = post(hooks::post).put(hooks::post).get(hooks::get);
    let routes = Router::new()
        .route("/triggers/{name}", hook.clone())
        .route("/triggers/{name}/", hook.clone())
        .route("/triggers/{name}/{token}", hook)
        .route("/health", get(health::alive))
        .route("/ready", get(health::ready))
        .route("/metrics", get(figures::figures))
        .merge(api::routes(ApiState { app: Shared::clone(&app), maps: Arc::clone(&of_pages.maps) }))
        .merge(pages::routes(PagesState { app: Shared::clone(&app), process: of_pages }))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(single_url::fallback);
    let routes = if app.web.access.disabled {
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
