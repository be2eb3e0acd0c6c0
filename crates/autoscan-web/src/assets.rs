//! The files that pages need, in the binary. Their names carry what they hold, so a browser keeps them for good.

use std::sync::LazyLock;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::answer::Problem;

/// A file.
struct Asset {
    /// Its name with a fingerprint: `style.1a2b3c4d5e6f7081.css`.
    name: String,
    kind: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(stem: &str, ending: &str, kind: &'static str, bytes: &'static [u8]) -> Self {
        let print =
            Sha256::digest(bytes).iter().take(8).fold(0_u64, |print, byte| print << 8 | u64::from(*byte));
        Self { name: format!("{stem}.{print:016x}.{ending}"), kind, bytes }
    }

    fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("style", "css", "text/css; charset=utf-8", include_bytes!("../assets/style.css"))
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("app", "js", "text/javascript; charset=utf-8", include_bytes!("../assets/app.js"))
});
static WORKER: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("live", "js", "text/javascript; charset=utf-8", include_bytes!("../assets/live.js"))
});
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../assets/icon.svg")));

/// The path of the style sheet, without the base.
pub(crate) fn style() -> String {
    STYLE.path()
}

/// The path of the script, without the base.
pub(crate) fn script() -> String {
    SCRIPT.path()
}

/// The path of the script that holds the live stream for all pages of a browser, without the base.
pub(crate) fn worker() -> String {
    WORKER.path()
}

/// The path of the icon, without the base.
pub(crate) fn icon() -> String {
    ICON.path()
}

/// `GET /assets/{name}`. A name of another version of autoscan is not known.
pub(crate) async fn asset(request: Request) -> Result<Response, Problem> {
    let name = request.uri().path().rsplit('/').next().unwrap_or_default();
    let asset = [&*STYLE, &*SCRIPT, &*WORKER, &*ICON].into_iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(Problem::no_route)?;
    let mut response = asset.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
