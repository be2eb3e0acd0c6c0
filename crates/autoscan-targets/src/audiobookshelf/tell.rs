//! How Audiobookshelf is told of a scan: by reports of its files, or by a scan of the library where it would drop these.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::change::{Change, ChangeKind, Subject};
use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use autoscan_core::ports::TargetScan;
use autoscan_http::Request;
use tokio::time::Instant;

use crate::audiobookshelf::api::{Item, Latest};
use crate::audiobookshelf::catalogue::KnownItems;
use crate::audiobookshelf::prove::LATEST;
use crate::audiobookshelf::reports::{self, Report, owner_in};
use crate::audiobookshelf::{Audiobookshelf, locked};
use crate::family::libraries;
use crate::family::library_index::{LibraryIndex, Owner};

/// Every book is a report. More than so many of one scan are one scan of the library instead.
const MOST_REPORTS: usize = 200;

/// A library that is scanned just now is asked again after this…
const SCAN_AGAIN: Duration = Duration::from_secs(5);
/// … and told in spite of it when its scan never seems to end.
const LONGEST_SCAN: Duration = Duration::from_hours(1);

/// What is told of one scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReportRequest {
    File(Report),
    /// A scan of the whole library, by its id.
    Library(String),
}

/// What a batch has learned and told so far, so that it asks and tells once.
#[derive(Default)]
pub(super) struct BatchMemory {
    /// The ids of the libraries that were told to be scanned.
    scans: HashSet<String>,
    /// The books that were reported, each with the id of its library.
    books: HashSet<(String, String)>,
    /// The ids of the libraries that are scanned just now, once that was asked.
    scanned: Option<HashSet<String>>,
    /// The items of a library, once they were asked for.
    items: HashMap<String, KnownItems>,
}

impl Audiobookshelf {
    pub(super) fn request(&self, told: &ReportRequest) -> Request {
        match told {
            ReportRequest::File(report) => {
                Request::post(&self.base, &["api", "watcher", "update"]).secret(&self.key).json(report)
            }
            ReportRequest::Library(id) => {
                Request::post(&self.base, &["api", "libraries", id, "scan"]).secret(&self.key)
            }
        }
    }

    /// The reports of a scan, or a scan of the library where these would not be understood.
    pub(super) async fn told(
        &self,
        scan: &TargetScan,
        memory: &mut BatchMemory,
    ) -> Result<Vec<ReportRequest>, Fault> {
        let (index, owners) = libraries::owners(self, &scan.folder).await?;
        let mut told = Vec::new();
        for owner in &owners {
            let id = &owner.library.id;
            match self.reports(id, scan, &index, memory).await? {
                Some(reports) if reports.len() <= MOST_REPORTS => {
                    told.extend(reports.into_iter().map(ReportRequest::File));
                }
                _ => told.push(ReportRequest::Library(id.clone())),
            }
        }
        Ok(told)
    }

    /// The reports of a scan to one library; none where they do not suffice.
    async fn reports(
        &self,
        library: &str,
        scan: &TargetScan,
        index: &LibraryIndex,
        memory: &mut BatchMemory,
    ) -> Result<Option<Vec<Report>>, Fault> {
        let is_other_folder =
            |change: &Change<_>| change.subject == Subject::Folder && change.kind != ChangeKind::Deleted;
        if scan.changes.is_empty()
            || scan.changes.iter().any(is_other_folder)
            || locked(&self.switches).is_unwatched(library)
        {
            return Ok(None);
        }
        let (folders, files): (Vec<_>, Vec<_>) =
            scan.changes.iter().partition(|change| change.subject == Subject::Folder);
        let mut reports = reports::of_files(library, files.into_iter(), index);
        for folder in folders {
            let Some(owner) = owner_in(library, &folder.path, index) else { continue };
            match self.of_gone_folder(&owner, memory).await? {
                Some(more) => reports.extend(more),
                None => return Ok(None),
            }
        }
        Ok(Some(reports))
    }

    /// The reports of a folder that is gone: a file of each book in it, or of the book that it was a part of. None where it
    /// is not known which books these are. Audiobookshelf looks at the book for any name in its folder.
    async fn of_gone_folder(
        &self,
        gone: &Owner,
        memory: &mut BatchMemory,
    ) -> Result<Option<Vec<Report>>, Fault> {
        if gone.path == gone.root {
            return Ok(None);
        }
        let library = &gone.library.id;
        let known = if let Some(known) = memory.items.get(library) {
            known.clone()
        } else {
            let latest = self.page(library, Latest::Added, LATEST, 0).await?;
            let known = self.known_items(library, Arc::new(latest)).await?;
            memory.items.insert(library.clone(), known.clone());
            known
        };
        let concerns = |item: &&Item| item.path.is_within(&gone.path) || gone.path.is_within(&item.path);
        let items: Vec<&Item> = known.iter().filter(concerns).collect();
        if !known.are_all() || items.len() > MOST_REPORTS {
            return Ok(None);
        }
        let mut reports = Vec::new();
        for item in items {
            let Some(whole) = self.item(&item.id).await?.filter(|whole| !whole.item.is_missing) else {
                continue;
            };
            let of_gone = whole.files.iter().map(|(path, _)| path).filter(|path| path.is_within(&gone.path));
            let Some(file) = of_gone.min_by_key(|path| reports::Role::of(path)) else { continue };
            let item = &whole.item;
            reports.push(Report::unlink(library, &beside(file, item), item.path.clone()));
        }
        Ok(Some(reports))
    }

    /// Tells one scan. A library is scanned once a batch, and a book reported once.
    pub(super) async fn tell(&self, scan: &TargetScan, memory: &mut BatchMemory) -> Result<(), Fault> {
        for one in self.told(scan, memory).await? {
            match &one {
                ReportRequest::Library(id) if memory.scans.contains(id) => continue,
                ReportRequest::File(report) if memory.books.contains(&book(report)) => continue,
                ReportRequest::Library(id) => self.until_free(id, memory).await?,
                ReportRequest::File(_) => {}
            }
            self.ask(&self.request(&one)).await?.accepted()?;
            match one {
                ReportRequest::Library(id) => drop(memory.scans.insert(id)),
                ReportRequest::File(report) if report.is_heeded() => drop(memory.books.insert(book(&report))),
                ReportRequest::File(_) => {}
            }
        }
        Ok(())
    }

    /// A scan of a library that is asked for while it is scanned is answered as any other, and dropped.
    async fn until_free(&self, library: &str, memory: &mut BatchMemory) -> Result<(), Fault> {
        let scanned = match memory.scanned.take() {
            Some(scanned) => scanned,
            None => self.scanned_now().await?,
        };
        let is_scanned = memory.scanned.insert(scanned).contains(library);
        let mut waits = locked(&self.waits);
        if is_scanned {
            let since = *waits.entry(library.to_owned()).or_insert_with(Instant::now);
            if since.elapsed() < LONGEST_SCAN {
                return Err(Fault::Later {
                    after: SCAN_AGAIN,
                    reason: format!(
                        "Audiobookshelf scans the library {library} just now and would drop a second scan; autoscan asks \
                         again in {} s",
                        SCAN_AGAIN.as_secs()
                    ),
                });
            }
        }
        waits.remove(library);
        Ok(())
    }
}

/// A file of an item by the name that makes Audiobookshelf look at the item itself: in its folder, however deep it lay.
fn beside(file: &AbsolutePath, item: &Item) -> AbsolutePath {
    match file.file_name() {
        Some(name) if *file != item.path => item.path.join([name]),
        _ => file.clone(),
    }
}

fn book(report: &Report) -> (String, String) {
    (report.library_id.clone(), report.book.as_str().to_owned())
}
