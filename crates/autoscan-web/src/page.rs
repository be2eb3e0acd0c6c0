//! The two small pages of a manual scan. Nothing from outside stands in them.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::VARY, HeaderValue::from_static("Authorization")),
];

macro_rules! form {
    ($fields:literal) => {
        concat!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">",
            "<meta name=\"viewport\" content=\"width=device-width\"><title>autoscan: manual scan</title></head>\n",
            "<body><h1>Manual scan</h1>\n<form method=\"post\">\n",
            $fields,
            "\n<button>Scan</button></form></body></html>\n"
        )
    };
}

/// The form of `/triggers/manual`: it posts `path` to its own address.
pub(crate) fn manual() -> Response {
    page(form!("<label>Path <input name=\"path\" required autofocus size=\"60\"></label>"))
}

/// The form of the single URL: it posts what the older app's page posted.
pub(crate) fn single_url() -> Response {
    page(form!(
        "<input type=\"hidden\" name=\"eventType\" value=\"Manual\">\n\
         <label>Path <input name=\"filepath\" required autofocus size=\"60\"></label>"
    ))
}

fn page(html: &'static str) -> Response {
    (HEADERS, html).into_response()
}
