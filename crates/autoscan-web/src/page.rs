//! The small pages of a manual scan for who has no session: at `/triggers/manual`, and at the secret address of the older
//! app. Nothing from outside stands in their forms.

use askama::Template;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::answer::AnswerSentence;
use crate::app::App;
use crate::body;
use crate::pages::frame::{self, Frame};
use crate::pages::problem::is_browser;
use crate::pages::words;
use crate::session::Notice;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/triggers/manual`: posts `path` to its own address.
    Manual,
    /// The single URL: posts what the older app's page posted.
    SingleUrl,
}

#[derive(Template)]
#[template(path = "ask.html")]
struct Page {
    frame: Frame,
    is_older: bool,
    must_sign: bool,
}

/// The form. It posts to its own address, which may hold a secret: no other site is told where it was.
pub(crate) fn form(app: &App, form: Form) -> Response {
    draw(app, form, None)
}

/// What became of the form, for a browser that sent it; a program keeps its JSON.
pub(crate) fn answered(app: &App, parts: &Parts, form: Form, mut response: Response) -> Response {
    let is_form = body::content_type(&parts.headers)
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !is_form || !is_browser(&parts.headers) {
        return response;
    }
    let Some(AnswerSentence(sentence)) = response.extensions_mut().remove() else { return response };
    let tone = if response.status().is_success() { "good" } else { "bad" };
    let mut page = draw(app, form, Some(Notice { tone, text: words::sentence(&sentence) }));
    *page.status_mut() = response.status();
    page.extensions_mut().extend(std::mem::take(response.extensions_mut()));
    page
}

fn draw(app: &App, form: Form, said: Option<Notice>) -> Response {
    let mut frame = Frame::outside(app);
    frame.said = said;
    let must_sign = app.access.signatures.is_some();
    let mut response = frame::page(&Page { frame, is_older: form == Form::SingleUrl, must_sign });
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Authorization, Accept"));
    response
}
