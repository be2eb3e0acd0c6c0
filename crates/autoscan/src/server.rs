//! The running server: what stays while configs come and go.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use autoscan_core::ports::Store;
use autoscan_engine::{Engine, History};
use autoscan_store::SqliteStore;
use autoscan_web::{Places, Site, Web};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{self, Composed, ConfigFaults, Loaded};
use crate::control::ProgramControl;
use crate::disk::Disk;
use crate::reading::ConfigReader;
use crate::supervisor::Supervisor;
use crate::wire::{self, Opened};
use crate::{logging, session_key};

/// How long what is being sent may take when autoscan stops, or goes on by another config.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// What runs by the present config, and what does not depend on it.
pub(crate) struct RunningServer {
    store: Arc<SqliteStore>,
    places: Places,
    /// Ends everything.
    stop: CancellationToken,
    supervisor: Supervisor,
    reader: ConfigReader,
    /// One for all configs: it knows what hangs.
    disk: Arc<Disk>,
    /// One for all configs: what is counted never falls.
    history: Arc<History>,
    /// By what it was started: some of it holds until the next start.
    started_with: Arc<Loaded>,
    loaded: RwLock<Arc<Loaded>>,
    site: OnceLock<Site>,
    /// The engine that tells targets. Who holds this is the only one to replace it.
    engine_run: Mutex<EngineRun>,
}

/// The time of one engine.
struct EngineRun {
    engine: CancellationToken,
    ended: Option<JoinHandle<()>>,
}

impl RunningServer {
    /// Starts by this config. `stop` ends it.
    pub(crate) async fn start(
        loaded: &Arc<Loaded>,
        opened: Opened,
        store: Arc<SqliteStore>,
        places: Places,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let engine_run = EngineRun { engine: stop.child_token(), ended: None };
        let server = Arc::new(Self {
            store,
            places,
            supervisor: Supervisor::new(stop.clone()),
            stop,
            reader: ConfigReader::default(),
            disk: Arc::default(),
            history: Arc::default(),
            started_with: Arc::clone(loaded),
            loaded: RwLock::new(Arc::clone(loaded)),
            site: OnceLock::new(),
            engine_run: Mutex::new(engine_run),
        });
        let token = server.stop.child_token();
        let engine = server.engine(loaded, opened);
        let web = server.web(loaded, Arc::clone(&engine), token.clone()).await;
        server.site.get_or_init(|| Site::new(web));
        if let Ok(mut engine_run) = server.engine_run.try_lock() {
            *engine_run = server.begin(engine, token);
        }
        server
    }

    /// What answers requests.
    pub(crate) fn site(&self) -> Option<&Site> {
        self.site.get()
    }

    /// The present config.
    pub(crate) fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What of the present config holds only after the next start, one sentence each.
    pub(crate) fn needs_restart(&self) -> Vec<String> {
        self.loaded().needs_restart(&self.started_with)
    }

    /// Reads the config again and goes on by it. Answers what is different; or every fault, and then nothing changed.
    /// Who asks may go away meanwhile: it is done to its end.
    pub(crate) async fn reload(self: &Arc<Self>) -> Result<String, Vec<String>> {
        logging::forget_repeats();
        let server = Arc::clone(self);
        let reloading = tokio::spawn(async move {
            let mut engine_run = server.engine_run.lock().await;
            let present = server.loaded();
            let read = move || {
                let loaded = load_again(&present)?;
                Ok((wire::open(&loaded)?, loaded))
            };
            let read: Result<_, ConfigFaults> = server.read(read).await.map_err(|reason| vec![reason])?;
            let (opened, loaded) = read.map_err(|faults| sentences(&faults))?;
            Ok(server.change(&mut engine_run, loaded, opened).await)
        });
        joined(reloading.await)?
    }

    /// Writes what was composed of the present config into its file, and goes on by it. `basis` is what the person saw the
    /// difference to.
    pub(crate) async fn apply(
        self: &Arc<Self>,
        edit: autoscan_web::Edit,
        basis: String,
    ) -> Result<String, Vec<String>> {
        let server = Arc::clone(self);
        let applying = tokio::spawn(async move {
            let mut engine_run = server.engine_run.lock().await;
            let present = server.loaded();
            let write = move || {
                let composed = compose(&edit, &present).map_err(|why| vec![why])?;
                if composed.proposal.basis != basis {
                    return Err(vec![format!(
                        "{} was changed since this was shown: nothing was written. Look at the difference again",
                        composed.proposal.file
                    )]);
                }
                composed.write().map_err(|why| vec![why])?;
                read_back(&composed, &present)
            };
            let (loaded, opened) = server.read(write).await.map_err(|reason| vec![reason])??;
            Ok(server.change(&mut engine_run, loaded, opened).await)
        });
        joined(applying.await)?
    }

    /// What an edit of the present config would write.
    pub(crate) async fn propose(&self, edit: &autoscan_web::Edit) -> Result<autoscan_web::Proposal, String> {
        let (edit, present) = (edit.clone(), self.loaded());
        let composed = self.read(move || compose(&edit, &present)).await?;
        composed.map(|composed| composed.proposal)
    }

    /// Reads files of settings. A stop does not wait for them.
    async fn read<T: Send + 'static>(&self, read: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
        let read = self.stop.run_until_cancelled(self.reader.run(read)).await;
        read.unwrap_or_else(|| Err("autoscan is stopping: the config is read at the next start".to_owned()))
    }

    /// Watches the parts of this server.
    pub(crate) fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// Waits until everything has ended, for a while. Not before `stop`.
    pub(crate) async fn end(&self) {
        let mut engine_run = self.engine_run.lock().await;
        self.end_engine(&mut engine_run, "what was being sent is sent again after the start").await;
    }

    async fn change(self: &Arc<Self>, engine_run: &mut EngineRun, loaded: Loaded, opened: Opened) -> String {
        let loaded = Arc::new(loaded);
        let summary = loaded.differences(&self.loaded(), &self.started_with);
        let engine = self.engine(&loaded, opened);
        let token = self.stop.child_token();
        let web = self.web(&loaded, Arc::clone(&engine), token.clone()).await;
        // From here on requests are taken in by the new engine. Nobody is told by it before the old one has ended.
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&loaded);
        if let Some(site) = self.site.get() {
            site.renew(web);
        }
        self.end_engine(engine_run, "what was being sent is sent again by the new config").await;
        *engine_run = self.begin(engine, token);
        for note in &loaded.notes {
            warn!("{note}");
        }
        info!("{summary}");
        summary
    }

    fn engine(&self, loaded: &Loaded, opened: Opened) -> Arc<Engine> {
        let (store, disk) = (Arc::clone(&self.store) as Arc<_>, Arc::clone(&self.disk));
        wire::engine(loaded, opened, store, disk, Arc::clone(&self.history))
    }

    async fn web(self: &Arc<Self>, loaded: &Loaded, engine: Arc<Engine>, token: CancellationToken) -> Web {
        let store: Arc<dyn Store> = Arc::clone(&self.store) as Arc<_>;
        if let Err(failure) = engine.take_up_pauses().await {
            warn!(%failure, "what is paused is not known yet; it is read again before anybody is told");
        }
        let keys = session_key::secret_keys(loaded, &*store).await;
        let plex_tv = loaded.settings.plex_tv_url.clone();
        let program = Arc::new(ProgramControl::new(Arc::clone(self), plex_tv, Arc::clone(&store)));
        wire::web(loaded, engine, program, store, keys, self.places, token)
    }

    /// Lets an engine run.
    fn begin(&self, engine: Arc<Engine>, token: CancellationToken) -> EngineRun {
        let asked = token.child_token();
        let run = async move { engine.run(asked).await.map_err(|broken| broken.to_string()) };
        let ended = self.supervisor.spawn("the engine", token.clone(), run);
        EngineRun { engine: token, ended: Some(ended) }
    }

    async fn end_engine(&self, engine_run: &mut EngineRun, otherwise: &str) {
        engine_run.engine.cancel();
        let Some(mut ended) = engine_run.ended.take() else { return };
        if tokio::time::timeout(GRACE, &mut ended).await.is_err() {
            warn!("a server did not answer within {} s; {otherwise}", GRACE.as_secs());
            ended.abort();
            let _cut_off = ended.await;
        }
    }
}

/// An edit of the present config, whose targets their kinds accept too.
fn compose(edit: &autoscan_web::Edit, present: &Loaded) -> Result<Composed, String> {
    let composed = config::compose(edit, present, &wire::kinds())?;
    match wire::open(&composed.loaded) {
        Ok(_opened) => Ok(composed),
        Err(faults) => Err(format!("With this the config would be wrong, so nothing is changed. {faults}")),
    }
}

/// The config as it is written now. Its secrets are hidden from here on, whatever becomes of it.
fn load_again(present: &Loaded) -> Result<Loaded, ConfigFaults> {
    let loaded = config::load_again(present, &wire::kinds())?;
    logging::redaction().learn(loaded.secrets().iter().map(String::as_str));
    Ok(loaded)
}

/// Loads what was just written; what cannot be run by is taken back.
fn read_back(composed: &Composed, present: &Loaded) -> Result<(Loaded, Opened), Vec<String>> {
    let read = load_again(present).and_then(|loaded| Ok((wire::open(&loaded)?, loaded)));
    read.map(|(opened, loaded)| (loaded, opened)).map_err(|faults| {
        let mut faults = sentences(&faults);
        faults.extend(composed.take_back().err());
        faults
    })
}

fn sentences(faults: &ConfigFaults) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// What a task answered; a panic is a sentence.
fn joined<T>(answer: Result<T, tokio::task::JoinError>) -> Result<T, Vec<String>> {
    answer.map_err(|broken| vec![format!("the reload broke: {broken}")])
}
