//! All routes, put together.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::answer::Problem;
use crate::api::ApiState;
use crate::app::{App, Shared};
use crate::doors::Locks;
use crate::lasting::Lasting;
use crate::pages::state::{Kept, PagesState};
use crate::web::Web;
use crate::{api, base, body, envelope, figures, health, hooks, hosts, pages, single_url};

/// All routes.
pub fn router(web: Web) -> Router {
    let lasting = Lasting::of(&web);
    router_with(web, lasting, Kept::default())
}

/// All routes, with what outlives a config.
pub(crate) fn router_with(web: Web, lasting: Lasting, kept: Kept) -> Router {
    let base = web.base_url.trim_end_matches('/').to_owned();
    let locks = Locks::new(&web.doors);
    let app = Arc::new(App { web, locks, lasting });
    base::below(&base, routes(app, kept))
}

fn routes(app: Shared, kept: Kept) -> Router {
    let hook = post(hooks::post).put(hooks::post).get(hooks::get);
    let routes = Router::new()
        .route("/triggers/{name}", hook.clone())
        .route("/triggers/{name}/", hook.clone())
        .route("/triggers/{name}/{token}", hook)
        .route("/health", get(health::alive))
        .route("/ready", get(health::ready))
        .route("/metrics", get(figures::figures))
        .merge(api::routes(ApiState { app: Shared::clone(&app), maps: Arc::clone(&kept.maps) }))
        .merge(pages::routes(PagesState { app: Shared::clone(&app), kept }))
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
