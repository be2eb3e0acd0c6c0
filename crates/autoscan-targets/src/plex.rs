//! Plex Media Server. It learns of a change only by a scan of a folder, one call per library and folder.

mod advice;
mod answers;
mod below;
mod care;
mod cause;
mod guids;
mod ignore_files;
mod lookup;
mod matching;
mod naming;
mod notifications;
mod pin;
mod proof;
mod samples;
mod sections;
mod server;
mod sidecars;
mod telling;
mod trash;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::cause::{IgnoreFile, MissingCause};
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{
    Advice, Aftercare, Care, CareScan, Identity, Libraries, Library, Plan, Playback, Proof, ServerEvents,
    ServerListing, Target, TargetScan,
};
use autoscan_core::proof::{ExpectedFile, Observation};
use autoscan_core::secret::Secret;
use autoscan_http::{Http, SecretHeader};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::family::batch::BatchResults;
use crate::family::libraries::{self, LibraryServer};
use crate::family::samples::spread;
use crate::family::settings;
use crate::kind::{Connected, TargetKind};
use answers::{Container, ServerJson};
use care::{Analyze, AnalyzeScope, CareSettings, RecentCare};
use ignore_files::IGNORE_FILE;
use lookup::FileLookup;
use matching::MatchCare;
use notifications::NotificationListener;
use sections::LibraryScans;
use server::Server;
use telling::{BatchRequests, LibraryTurns, refresh_of};
use trash::EmptyTrash;

pub use pin::plex_pin;

pub(crate) const KIND: TargetKind =
    TargetKind { name: "plex", settings: <Settings as JsonSchema>::json_schema, connect };

/// A Plex Media Server.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// Where Plex answers, as this machine sees it: `http://plex:32400`.
    url: String,
    /// The `X-Plex-Token` of the server's owner.
    token: Secret,
    /// Which files Plex analyses after a scan: `changed` ones, that have new content under their old name, `new` ones, `all`
    /// of both, or none (`off`).
    #[serde(default)]
    analyze: Analyze,
    /// Whether the `item` of such a file is analysed, or its whole `season` or album.
    #[serde(default)]
    analyze_scope: AnalyzeScope,
    /// Empties the trash of a library after a scan: only while it rests, every anchor and mount of it stands, no storm of
    /// deletions is on and both limits hold. Without it: never.
    #[serde(default)]
    empty_trash: Option<EmptyTrash>,
    /// What Plex takes a film or series for is compared with what Radarr or Sonarr says it is: a mistake is shown
    /// (`report`), or mended where that is certain (`fix`); `off` compares nothing.
    #[serde(rename = "match", default)]
    matching: MatchCare,
    /// The language in which Plex looks for the right match, as it writes it itself: `en`, `de-DE`.
    #[serde(default = "english")]
    match_language: String,
}

fn english() -> String {
    "en".to_owned()
}

/// News that come faster than this are one.
const BETWEEN_NEWS: Duration = Duration::from_secs(1);

fn connect(given: &Value, http: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let base = settings::url(&given.url)?;
    let token = settings::trimmed("token", &given.token)?;
    if token.reveal().starts_with("eyJ") {
        tracing::warn!(url = %base, "this Plex token is a JWT, which expires after seven days; use the X-Plex-Token of a device");
    }
    let token = SecretHeader::new("x-plex-token", token.reveal(), &token)?;
    let url = base.to_string();
    let wishes = CareSettings {
        analyze: given.analyze,
        scope: given.analyze_scope,
        empty_trash: given.empty_trash,
        matching: given.matching,
        language: given.match_language,
    };
    let server = Plex {
        server: Server::new(http, base, token),
        wishes,
        sections: Arc::default(),
        listener: NotificationListener::default(),
        turns: LibraryTurns::default(),
        files: FileLookup::default(),
        recently: RecentCare::default(),
        reported: AtomicU64::default(),
    };
    Ok(Connected { server: Arc::new(server), url })
}

struct Plex {
    server: Server,
    wishes: CareSettings,
    /// What is known of the scans of each library.
    sections: Arc<LibraryScans>,
    listener: NotificationListener,
    turns: LibraryTurns,
    files: FileLookup,
    recently: RecentCare,
    /// The news that were passed on.
    reported: AtomicU64,
}

impl Plex {
    /// Listens to what Plex tells, before anything is asked for that it could tell of.
    async fn listen(&self) {
        let request = || self.server.get(&[":", "websockets", "notifications"]);
        self.listener.open(&self.server.http, request, &self.sections).await;
    }

    /// Tells one scan: refreshes the items of sidecars, or scans the folder.
    async fn tell_one(&self, scan: &TargetScan, told: &mut BatchRequests) -> Result<(), Fault> {
        if sidecars::only_sidecars(scan)
            && let Some(refreshes) = self.refreshes(scan).await?
        {
            for request in &refreshes {
                self.server.put(request).await?;
            }
            return Ok(());
        }
        self.tell(&scan.folder, told).await
    }
}

/// A server that runs may go on saying that it starts, so this alone means nothing; beside a fault it explains it.
fn still_starting(fault: Fault, state: Option<&str>) -> Fault {
    match (fault, state) {
        (Fault::Away { reason }, Some(state)) if state.starts_with("starting") => {
            Fault::away(format!("{reason}; Plex is still starting ({state:?})"))
        }
        (fault, _) => fault,
    }
}

#[async_trait]
impl Target for Plex {
    /// `/identity` needs no token and tells whether Plex is up, and `/` whether the token is good.
    async fn probe(&self) -> Result<Identity, Fault> {
        let answer = match self.server.ask(&self.server.get(&["identity"])).await {
            Ok(answer) => answer,
            Err(fault) => return libraries::identity_by_list(&self.server, fault).await,
        };
        let identity = answer.json::<Container<ServerJson>>()?.container;
        let server = match self.server.ask(&self.server.get(&[])).await {
            Ok(answer) => answer.json::<Container<ServerJson>>()?.container,
            Err(fault) => {
                let known = libraries::identity_by_list(&self.server, fault).await;
                let known = known.map_err(|fault| still_starting(fault, identity.start_state.as_deref()))?;
                return Ok(Identity { version: identity.version.unwrap_or(known.version), ..known });
            }
        };
        let Some(version) = server.version.or(identity.version) else {
            return Err(Fault::away(answer.says("it names no version; is this a Plex Media Server?")));
        };
        libraries::check_list(&self.server).await?;
        self.server.check_owner().await?;
        Ok(Identity { product: "Plex Media Server".to_owned(), name: server.friendly_name, version })
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        self.listen().await;
        let mut told = BatchRequests::default();
        let mut results = BatchResults::new(self, batch.len());
        for (at, scan) in batch.iter().enumerate() {
            if results.is_stopped() {
                break;
            }
            results.add(at, self.tell_one(scan, &mut told).await).await;
        }
        results.end().await
    }

    /// The libraries that own the folder: no library is told again before its scan has ended.
    fn queue(&self, scan: &TargetScan) -> Option<String> {
        let owners = self.server.library_cache().owners(&scan.folder)?;
        Some(owners.iter().map(|owner| owner.library.id.as_str()).collect::<Vec<_>>().join("+"))
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        let (_, owners) = libraries::owners(&self.server, &scan.folder).await?;
        let refreshes = if sidecars::only_sidecars(scan) { self.refreshes(scan).await? } else { None };
        let calls = match refreshes {
            Some(refreshes) => refreshes.iter().map(autoscan_http::Request::planned).collect(),
            None => owners.iter().map(|owner| self.server.refresh(&refresh_of(owner)).planned()).collect(),
        };
        Ok(Plan { libraries: owners.iter().map(|owner| Library::clone(&owner.library)).collect(), calls })
    }

    fn libraries(&self) -> Option<&dyn Libraries> {
        Some(self)
    }

    fn proof(&self) -> Option<&dyn Proof> {
        Some(self)
    }

    fn aftercare(&self) -> Option<&dyn Aftercare> {
        Some(self)
    }

    fn server_events(&self) -> Option<&dyn ServerEvents> {
        Some(self)
    }

    fn playback(&self) -> Option<&dyn Playback> {
        Some(self)
    }

    fn advice(&self) -> Option<&dyn Advice> {
        Some(self)
    }
}

#[async_trait]
impl Libraries for Plex {
    async fn read(&self) -> Result<Vec<Library>, Fault> {
        libraries::list(&self.server).await
    }

    fn cached(&self) -> Option<(Arc<[Library]>, Duration)> {
        self.server.library_cache().cached()
    }

    async fn is_below_a_root(&self, folder: &TargetPath) -> bool {
        libraries::is_below_a_root(&self.server, folder).await
    }

    async fn samples(&self, libraries: &[Library]) -> Vec<String> {
        spread(&self.server, libraries).await
    }
}

#[async_trait]
impl Proof for Plex {
    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault> {
        self.show(folder, expected).await
    }

    async fn list_below(&self, folder: &TargetPath, most: usize) -> Result<Option<ServerListing>, Fault> {
        self.listed_below(folder, most).await
    }

    async fn lost(&self, scan: &TargetScan, told_ago: Duration) -> Option<String> {
        self.why_lost(scan, told_ago).await
    }

    async fn why_missing(&self, expected: &ExpectedFile) -> Option<MissingCause> {
        self.cause(expected).await.map(MissingCause::from)
    }

    fn ignore_file(&self) -> Option<IgnoreFile> {
        Some(IGNORE_FILE)
    }
}

#[async_trait]
impl Aftercare for Plex {
    fn concerns(&self, scan: &TargetScan) -> bool {
        self.wishes.concern(scan)
    }

    async fn care(&self, care: &CareScan) -> Result<Care, Fault> {
        self.care_for(care).await
    }
}

#[async_trait]
impl ServerEvents for Plex {
    /// News come in swarms while Plex scans: the first is passed on at once, and of the rest one a second.
    async fn next(&self) {
        let mut news = self.sections.news();
        while *news.borrow_and_update() <= self.reported.load(Ordering::Relaxed) {
            if news.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
        tokio::time::sleep(self.sections.until_quiet(BETWEEN_NEWS)).await;
        self.reported.store(*news.borrow_and_update(), Ordering::Relaxed);
    }
}

#[async_trait]
impl Playback for Plex {
    async fn playing(&self) -> Result<usize, Fault> {
        self.watchers().await
    }
}

#[async_trait]
impl Advice for Plex {
    async fn advise(&self) -> Result<Vec<String>, Fault> {
        self.settings_against_us().await
    }
}
