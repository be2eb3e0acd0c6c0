//! What was loaded, and from where; and the button that reads it again.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::frame::{self, Frame};
use crate::app::{App, Shared};
use crate::control::ConfigView;
use crate::visitor::{Posted, Visitor};

#[derive(Template)]
#[template(path = "config.html")]
struct Page {
    frame: Frame,
    view: ConfigView,
    /// Why the config was not taken over just now.
    faults: Vec<String>,
}

fn draw(app: &App, visitor: &Visitor, faults: Vec<String>) -> Response {
    let frame = Frame::new(app, &visitor.session, "/config");
    frame::page(&Page { frame, view: app.web.control.config(), faults })
}

/// `GET /config`.
pub(super) async fn page(State(app): State<Shared>, visitor: Visitor) -> Response {
    draw(&app, &visitor, Vec::new())
}

/// `POST /config/reload`.
pub(super) async fn reload(State(app): State<Shared>, posted: Posted) -> Response {
    match app.web.control.reload().await {
        Ok(said) => {
            posted.visitor.notify(&app, "good", said);
            frame::see_other(&format!("{}/config", app.base()))
        }
        Err(faults) => {
            let page = draw(&app, &posted.visitor, faults);
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
    }
}
