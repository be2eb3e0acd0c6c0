//! Why a file did not appear: the likeliest cause first, each with what it is known by.

use autoscan_core::cause::{MissingCause, Remedy};
use autoscan_core::change::Subject;
use autoscan_core::path::AbsolutePath;
use autoscan_core::proof::{ExpectedFile, Presence};

use crate::family::library_index::Owner;
use crate::family::media_browser::answers::{Item, LibraryStatus};
use crate::family::media_browser::children::file_kinds;
use crate::family::media_browser::directory::{Folder, listed};
use crate::family::media_browser::ignore_files::IGNORE_FILE;
use crate::family::media_browser::names::{of_its_ending, of_its_name};
use crate::family::media_browser::photos::is_photo;
use crate::family::media_browser::prove::sizes;
use crate::family::media_browser::report::{PathReport, UpdateType};
use crate::family::media_browser::report_holds;
use crate::family::media_browser::server::{MediaBrowser, holders, unseen};
use crate::family::media_browser::settings_of_the_server::scans_everything;

/// Most folders above a file that are looked into.
const ABOVE: usize = 8;

/// The likeliest cause.
pub(crate) async fn why_missing(server: &impl MediaBrowser, expected: &ExpectedFile) -> Option<MissingCause> {
    let path = &expected.path.0;
    let holders = holders(server, path).await.ok()?;
    let nearest = holders.first();
    let is_gone = expected.presence == Presence::Gone;
    if let Some(owner) = nearest.filter(|_| !is_gone)
        && let Some(cause) = of_the_path(server, owner, expected).await
    {
        return Some(cause);
    }
    if scans_everything(server).await {
        let product = server.product();
        let cause = format!(
            "{product} scans everything just now, and such a scan discards what it was told before; it finds the file by \
             itself, or when it is told again afterwards"
        );
        return Some(cause.into());
    }
    if let Some(cause) = of_a_busy_server(server).await {
        return Some(cause.into());
    }
    let owner = nearest?;
    if is_gone {
        if let Some(cause) = of_an_empty_folder(server, owner).await {
            return Some(cause.into());
        }
    } else if let Some(cause) = of_an_empty_library(server, &holders).await {
        return Some(cause);
    }
    if let Some(cause) = of_a_report(server, owner).await {
        return Some(cause.into());
    }
    if let Some(cause) = of_an_old_size(server, owner, expected).await {
        return Some(cause.into());
    }
    let said = if is_gone { "keeps an item for it" } else { "made no item of it" };
    let sees = if is_gone { "was asked to look at its folder and" } else { "finds the file on its disk and" };
    let cause =
        format!("{} {sees} {said}: its log says why; search there for {:?}", server.product(), name(path));
    Some(cause.into())
}

fn name(path: &AbsolutePath) -> &str {
    path.file_name().unwrap_or_default()
}

/// What of the path itself keeps it out: its name, its folders, its ending, the server's eyes.
async fn of_the_path(
    server: &impl MediaBrowser,
    owner: &Owner,
    expected: &ExpectedFile,
) -> Option<MissingCause> {
    let (product, path) = (server.product(), &expected.path.0);
    let kind = owner.library.kind.as_str();
    let of_its_ending = || {
        if is_photo(owner, path) { None } else { of_its_ending(product, kind, &owner.library.title, path) }
    };
    if let Some(cause) = of_its_name(product, path, &owner.root, kind).or_else(of_its_ending) {
        return Some(cause.into());
    }
    if unseen(server, expected.path.as_str(), expected.subject == Subject::File).await {
        return Some(of_an_unseen_path(server, owner, path).await.into());
    }
    of_an_ignore_file(server, owner).await
}

/// The server does not find the path: how far it sees.
async fn of_an_unseen_path(server: &impl MediaBrowser, owner: &Owner, path: &AbsolutePath) -> String {
    let product = server.product();
    let (mut below, mut above) = (owner.path.clone(), owner.path.parent());
    for _ in 0..ABOVE {
        let Some(folder) = above.filter(|folder| folder.is_within(&owner.root)) else { break };
        if let Folder::Holds(_) = listed(server, &folder).await {
            return format!(
                "{product} says that it does not find {:?} on its disk: it sees the folder {:?}, but not {:?} in it; look at \
                 its permissions and whether its mount shows an old state",
                path.as_str(),
                folder.as_str(),
                name(&below)
            );
        }
        above = folder.parent();
        below = folder;
    }
    format!(
        "{product} says that it does not find {:?} on its disk: look at its permissions, whether its mount stands, and at \
         the target's `map`",
        path.as_str()
    )
}

/// Whether a file `.ignore` lies in a folder above the path, seen by the server's own directory browser.
async fn of_an_ignore_file(server: &impl MediaBrowser, owner: &Owner) -> Option<MissingCause> {
    let mut folder = owner.path.parent();
    for _ in 0..ABOVE {
        let here = folder.filter(|here| here.is_within(&owner.root))?;
        if let Folder::Holds(names) = listed(server, &here).await
            && names.iter().any(|name| name == IGNORE_FILE.name)
        {
            let sentence = format!(
                "a file \".ignore\" lies in {:?}, and {} passes by what it names, or the whole folder when it is empty: \
                 change or delete it",
                here.as_str(),
                server.product()
            );
            let evidence = here.join([IGNORE_FILE.name]).as_str().to_owned();
            return Some(MissingCause { sentence, remedy: None, evidence: Some(evidence) });
        }
        folder = here.parent();
    }
    None
}

/// Whether a library is scanned, or waits for its turn: the server refreshes one thing at a time.
async fn of_a_busy_server(server: &impl MediaBrowser) -> Option<String> {
    let folders = server.virtual_folders().await.ok()?;
    let busy = folders.iter().find(|folder| folder.status() != LibraryStatus::Idle)?;
    let progress = match busy.status() {
        LibraryStatus::Active(Some(progress)) => format!(" ({progress:.0} % done)"),
        _ => String::new(),
    };
    Some(format!(
        "{} scans the library {:?} just now{progress}, and does one thing after the other: it comes to this when that is done",
        server.product(),
        busy.name.as_deref().unwrap_or_default()
    ))
}

/// Whether the libraries list nothing at all: one whose folder was empty at every scan takes no notice of a first file.
async fn of_an_empty_library(server: &impl MediaBrowser, holders: &[Owner]) -> Option<MissingCause> {
    for owner in holders {
        let request = server
            .look_for("Path")
            .query("Recursive", "true")
            .query("ParentId", &owner.library.id)
            .query("IncludeItemTypes", file_kinds(&owner.library.kind))
            .query("Limit", "1");
        if !server.items(request).await.ok()?.unwrap_or_default().is_empty() {
            return None;
        }
    }
    let library = &holders.first()?.library;
    let sentence = format!(
        "the library {:?} lists nothing at all: {} skips a library whose folder was empty at every scan; let it scan that \
         library once",
        library.title,
        server.product()
    );
    let remedy = Remedy::ScanLibrary { library: library.title.clone(), id: library.id.clone() };
    Some(MissingCause { sentence, remedy: Some(remedy), evidence: None })
}

/// Whether the library's folder is empty, so that the server skips it and keeps what it had.
async fn of_an_empty_folder(server: &impl MediaBrowser, owner: &Owner) -> Option<String> {
    let Folder::Holds(names) = listed(server, &owner.root).await else { return None };
    names.is_empty().then(|| {
        format!(
            "the folder {:?} of the library {:?} is empty, which {} takes for a disk that is away: it keeps its items until \
             any file lies there",
            owner.root.as_str(),
            owner.library.title,
            server.product()
        )
    })
}

/// Whether the file is listed as it was before: a server compares the time of its last change (Jellyfin 12.0.0, measured).
async fn of_an_old_size(
    server: &impl MediaBrowser,
    owner: &Owner,
    expected: &ExpectedFile,
) -> Option<String> {
    let Presence::There { size: Some(wanted) } = expected.presence else { return None };
    let path = owner.spelled();
    let item = server.state().items.get(&path)?;
    let items = sizes(server, &[item]).await.ok()?;
    let shown = items.iter().flat_map(Item::files).find(|(file, _)| *file == path)?.1?;
    (shown != wanted).then(|| {
        format!(
            "{} still lists {:?} as the file that lay there before, of {shown} bytes: it does not notice a new file that has \
             the old one's time; change the time of the file, as `touch` does, and scan its folder again",
            server.product(),
            name(&expected.path.0)
        )
    })
}

/// Whether a report of the path may still wait at the server.
async fn of_a_report(server: &impl MediaBrowser, owner: &Owner) -> Option<String> {
    let report = PathReport::of(owner, UpdateType::Modified)?;
    let delay = report_holds::delay(server).await;
    server.state().holds.may_wait(&report.root, delay).then(|| {
        format!(
            "{} looks {} s after the last report, and every further one, also from others, starts that wait anew",
            server.product(),
            delay.as_secs()
        )
    })
}
