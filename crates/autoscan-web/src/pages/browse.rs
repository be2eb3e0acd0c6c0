//! A look through the folders of the libraries, to choose what is scanned.

use askama::Template;
use autoscan_core::path::LocalPath;
use autoscan_engine::{BrowseError, BrowsePart, BrowseRoots, Browsed, MANUAL};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::frame::{self, Frame};
use super::words;
use crate::answer::Problem;
use crate::app::{App, Shared};
use crate::query;
use crate::visitor::Visitor;

/// Folders that one page shows.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "browse.html")]
struct Page {
    frame: Frame,
    /// Why the folder is not shown.
    problem: Option<String>,
    roots: BrowseRoots,
    shown: Option<ShownFolder>,
}

/// A folder that is shown.
struct ShownFolder {
    /// It, exactly as it is called.
    folder: String,
    /// The breadcrumbs to it from its root, and it last.
    breadcrumbs: Vec<Place>,
    /// It, as it is asked for.
    scan: String,
    /// It, as the address names it.
    address: String,
    text: String,
    /// The text, as the address names it.
    text_address: String,
    folders: Vec<Place>,
    /// What the page shows: `201 to 300 of 1 234`.
    range: String,
    /// Whether there is a page before, and where it begins.
    before: Option<usize>,
    after: Option<usize>,
    whole: bool,
}

/// A folder to go to or to scan.
struct Place {
    name: String,
    /// Its path in an address; none when it cannot be written as one.
    address: Option<String>,
    /// Its path as the manual trigger must hear it.
    scan: String,
    is_link: bool,
}

/// `GET /manual-scan/browse`: the roots, or with `folder=` the folders in one; `q=` is a text that their names hold, and
/// `from=` how many are left out.
pub(super) async fn page(
    State(app): State<Shared>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query::parse(query.as_deref())?;
    let value =
        |wanted: &str| query.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str());
    let part =
        BrowsePart { text: value("q").to_owned(), from: value("from").parse().unwrap_or(0), most: SHOWN };
    let (status, problem, shown) = match value("folder") {
        "" => (StatusCode::OK, None, None),
        folder => match look(&app, folder, &part).await {
            Ok(shown) => (StatusCode::OK, None, Some(shown)),
            Err((status, problem)) => (status, Some(problem), None),
        },
    };
    let roots = if shown.is_none() { app.web.engine.browse_roots().await } else { BrowseRoots::default() };
    let frame = Frame::new(&app, &visitor.session, "/manual-scan");
    Ok((status, frame::page(&Page { frame, problem, roots, shown })).into_response())
}

async fn look(app: &App, folder: &str, part: &BrowsePart) -> Result<ShownFolder, (StatusCode, String)> {
    let folder = LocalPath::parse(folder)
        .map_err(|refusal| (StatusCode::BAD_REQUEST, words::sentence(&refusal.to_string())))?;
    let browsed = app.web.engine.browse(&folder, part).await.map_err(|error| {
        let status = match error {
            BrowseError::Outside => StatusCode::FORBIDDEN,
            BrowseError::Unreadable(_) => StatusCode::NOT_FOUND,
        };
        let shown = words::plain(folder.as_str());
        (status, format!("{shown}: {}", words::sentence(&error.to_string())))
    })?;
    Ok(ShownFolder::of(app, &folder, part, &browsed))
}

impl ShownFolder {
    fn of(app: &App, folder: &LocalPath, part: &BrowsePart, browsed: &Browsed) -> Self {
        let mut breadcrumbs: Vec<Place> = std::iter::successors(Some(folder.clone()), LocalPath::parent)
            .take_while(|above| above.0.is_within(&browsed.root.0))
            .map(|above| Place::of(app, above.0.file_name().unwrap_or_default(), Some(&above), false))
            .collect();
        breadcrumbs.reverse();
        if let Some(root) = breadcrumbs.first_mut() {
            root.name = words::plain(browsed.root.as_str());
        }
        let last = part.from.saturating_add(part.most).min(browsed.count);
        let number = |number: usize| words::number_of(u64::try_from(number).unwrap_or(u64::MAX));
        let range = match browsed.count {
            0 => "no folders".to_owned(),
            count if part.from == 0 && last == count => {
                words::count(u64::try_from(count).unwrap_or(u64::MAX), "folder", "folders")
            }
            count => {
                format!("{} to {} of {}", number((part.from + 1).min(last)), number(last), number(count))
            }
        };
        Self {
            folder: folder.to_string(),
            scan: for_manual(app, folder),
            address: encoded(folder),
            text: part.text.clone(),
            text_address: utf8_percent_encode(&part.text, NON_ALPHANUMERIC).to_string(),
            folders: browsed
                .folders
                .iter()
                .map(|inside| Place::of(app, &inside.name, inside.path.as_ref(), inside.is_link))
                .collect(),
            range,
            before: (part.from > 0).then(|| part.from.saturating_sub(part.most)),
            after: (last < browsed.count).then_some(last),
            whole: browsed.whole,
            breadcrumbs,
        }
    }
}

impl Place {
    fn of(app: &App, name: &str, path: Option<&LocalPath>, is_link: bool) -> Self {
        Self {
            name: words::plain(name),
            address: path.map(encoded),
            scan: path.map(|path| for_manual(app, path)).unwrap_or_default(),
            is_link,
        }
    }
}

fn encoded(path: &LocalPath) -> String {
    utf8_percent_encode(path.as_str(), NON_ALPHANUMERIC).to_string()
}

/// The path that the manual trigger's map makes into this one.
fn for_manual(app: &App, path: &LocalPath) -> String {
    let manual = app.web.engine.trigger_of_kind(MANUAL);
    let is_kept =
        |map: &autoscan_core::map::PathMap| map.apply(&path.0).is_ok_and(|mapped| mapped.path == path.0);
    let origin = manual
        .filter(|manual| !is_kept(&manual.map))
        .and_then(|manual| manual.map.origins(&path.0).into_iter().next());
    origin.as_ref().unwrap_or(&path.0).to_string()
}
