mod media;
mod scanning;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Map, Value, json};

use crate::pretend::http_server::{Behavior, HttpServer, Recorded, Reply, lock};
use crate::pretend::kodi::media::{Item, Media, Source};
use crate::pretend::kodi::scanning::Scanning;

pub use media::KodiContent;

/// A Kodi as far as scans go, as version 20.1 was measured to behave: what it believes of its disk, when a scan stops another, and
/// what stays in its library until it is taken out.
pub struct PretendKodi {
    /// Its port, its log and its trouble.
    pub http: HttpServer,
    kodi: Arc<Kodi>,
}

struct Kodi {
    login: Option<String>,
    state: Mutex<KodiState>,
}

struct KodiState {
    media: Media,
    scans: Vec<String>,
    video: Scanning,
    music: Scanning,
    stopped: usize,
    cleanings: usize,
    /// How many looks show the next cleaning, and how many still show the one that runs.
    cleaning_takes: usize,
    cleaning: Option<usize>,
    players: usize,
    /// At the next call of this method the first file's item is gone, and an item of the second has come.
    exchange: Option<(&'static str, String, String)>,
}

impl Default for KodiState {
    fn default() -> Self {
        Self {
            media: Media::default(),
            scans: Vec::new(),
            video: Scanning::new(true),
            music: Scanning::new(false),
            stopped: 0,
            cleanings: 0,
            cleaning_takes: 0,
            cleaning: None,
            players: 0,
            exchange: None,
        }
    }
}

impl PretendKodi {
    /// Opens its port. The login is what stands in the header of Basic authentication.
    pub async fn start(login: Option<&str>) -> io::Result<Self> {
        let kodi = Arc::new(Kodi { login: login.map(str::to_owned), state: Mutex::default() });
        let behavior: Arc<dyn Behavior> = Arc::clone(&kodi) as Arc<dyn Behavior>;
        Ok(Self { http: HttpServer::open(behavior, "").await?, kodi })
    }

    /// Adds a source; its folder, or folders, as Kodi writes them.
    pub fn source(&self, file: &str, content: KodiContent) {
        let mut state = self.state();
        state.media.folders.insert(file.to_owned());
        state.media.sources.push(Source { file: file.to_owned(), content });
    }

    /// Puts a file on its disk.
    pub fn put(&self, file: &str) {
        self.state().media.disk.insert(file.to_owned());
    }

    /// Puts a film on its disk, or another under the same name, that lasts so many seconds.
    pub fn put_lasting(&self, file: &str, seconds: u64) {
        self.put(file);
        self.state().media.runtimes.insert(file.to_owned(), seconds);
    }

    /// How long Kodi says that a file lasts, in seconds; none when it has no item of it.
    pub fn runtime(&self, file: &str) -> Option<u64> {
        self.state().media.items.iter().find(|item| item.file == file).map(|item| item.runtime)
    }

    /// Lists a folder, as somebody does who browses it, and believes from now on what it saw.
    pub fn browse(&self, folder: &str) {
        self.state().media.list(folder);
    }

    /// Takes everything that begins so from its disk, folders too: a mount that is gone, or a file.
    pub fn take(&self, prefix: &str) {
        let media = &mut self.state().media;
        media.disk.retain(|file| !file.starts_with(prefix));
        media.folders.retain(|folder| !folder.starts_with(prefix));
    }

    /// Leaves a folder empty on its disk.
    pub fn keep_folder(&self, folder: &str) {
        self.state().media.folders.insert(folder.to_owned());
    }

    /// Puts an item into its library: `movies`, `episodes`, `musicvideos` or `songs`.
    pub fn know(&self, list: &'static str, file: &str) {
        self.state().media.add(list, file);
    }

    /// The files of its library.
    pub fn files(&self) -> Vec<String> {
        self.state().media.items.iter().map(|item| item.file.clone()).collect()
    }

    /// Whether a folder is on its disk.
    pub fn has_folder(&self, folder: &str) -> bool {
        self.state().media.has_folder(folder)
    }

    /// The folders of the shows of its library.
    pub fn shows(&self) -> Vec<String> {
        self.state().media.shows.iter().map(|show| show.file.clone()).collect()
    }

    /// When it is asked for this method next, the item of one file is gone, and one of another has come, which may get its number.
    pub fn exchange_at(&self, method: &'static str, gone: &str, came: &str) {
        self.state().exchange = Some((method, gone.to_owned(), came.to_owned()));
    }

    /// The folders that it was asked to scan, in order.
    pub fn scans(&self) -> Vec<String> {
        self.state().scans.clone()
    }

    /// Whether it scans for somebody else: so many looks at it are answered with yes.
    pub fn set_scanning(&self, looks: usize) {
        let mut state = self.state();
        state.video.elsewhere = looks;
        state.music.elsewhere = looks;
    }

    /// How many looks at whether it scans do not show a scan yet that was asked for, and how many after these do.
    pub fn set_pace(&self, unseen: usize, seen: usize) {
        let mut state = self.state();
        state.video.pace = (unseen, seen);
        state.music.pace = (unseen, seen);
    }

    /// How many looks at whether it scans show a cleaning of its music library; without one it is over when it is answered.
    pub fn set_cleaning_takes(&self, looks: usize) {
        self.state().cleaning_takes = looks;
    }

    /// It is killed and started anew: scans and cleanings end where they are, and what it believed of folders is forgotten.
    pub fn restart(&self) {
        let mut state = self.state();
        state.cleaning = None;
        state.video.end();
        state.music.end();
        state.media.believe_nothing();
    }

    /// Ends a cleaning that runs.
    pub fn end_cleaning(&self) {
        let mut state = self.state();
        if state.cleaning.take().is_some() {
            state.media.clean_music();
        }
    }

    /// How often its music library was cleaned, or is being cleaned.
    pub fn cleanings(&self) -> usize {
        self.state().cleanings
    }

    /// How many scans were stopped, or not begun, because a call came while it scanned or cleaned.
    pub fn stopped(&self) -> usize {
        self.state().stopped
    }

    /// How many players are active.
    pub fn set_players(&self, players: usize) {
        self.state().players = players;
    }

    fn state(&self) -> MutexGuard<'_, KodiState> {
        lock(&self.kodi.state)
    }
}

impl Behavior for Kodi {
    fn answer(&self, call: &Recorded) -> Reply {
        if call.path != "/jsonrpc" {
            return self.error(404);
        }
        if self.login.is_some() && call.header("authorization") != self.login.as_deref() {
            return self.error(401);
        }
        if call.method == "POST" && call.header("content-type") != Some("application/json") {
            return self.error(415);
        }
        let mut state = lock(&self.state);
        match serde_json::from_str::<Value>(&call.body) {
            Ok(Value::Array(calls)) => {
                Reply::json(&calls.iter().map(|call| state.reply(call)).collect::<Vec<_>>().into())
            }
            Ok(call) => Reply::json(&state.reply(&call)),
            Err(_) => Reply::json(
                &json!({"id": null, "jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error."}}),
            ),
        }
    }

    /// As measured at Kodi 20.1: that of a wrong login has no body.
    fn error(&self, status: u16) -> Reply {
        if status == 401 {
            return Reply::empty(401);
        }
        Reply::new(status, "text/html", format!("<html><head><title>{status}</title></head></html>"))
    }
}

impl KodiState {
    fn reply(&mut self, call: &Value) -> Value {
        let method = call["method"].as_str().unwrap_or_default();
        match self.result(method, &call["params"]) {
            Ok(result) => json!({"id": call["id"], "jsonrpc": "2.0", "result": result}),
            Err((code, message)) => {
                json!({"id": call["id"], "jsonrpc": "2.0", "error": {"code": code, "message": message}})
            }
        }
    }

    fn result(&mut self, method: &str, params: &Value) -> Result<Value, (i64, &'static str)> {
        const INVALID: (i64, &str) = (-32602, "Invalid params.");
        self.exchange_items(method);
        let text = |name: &str| params[name].as_str().unwrap_or_default();
        match method {
            "Application.GetProperties" => {
                Ok(json!({"name": "Kodi", "version": {"major": 20, "minor": 1, "tag": "stable"}}))
            }
            "Files.GetSources" => Ok(self.sources(text("media") == "music")),
            "Files.GetFileDetails" if self.media.believes(text("file")) => {
                Ok(json!({"filedetails": {"label": text("file"), "type": "unknown"}}))
            }
            "Files.GetDirectory" => {
                let total = self.media.list(text("directory")).ok_or(INVALID)?;
                Ok(json!({"files": [], "limits": {"start": 0, "end": total.min(1), "total": total}}))
            }
            "Files.GetFileDetails" => Err(INVALID),
            "XBMC.GetInfoBooleans" => Ok(self.flags(params)),
            "Player.GetActivePlayers" => Ok(vec![json!({"playerid": 1}); self.players].into()),
            "VideoLibrary.Scan" | "AudioLibrary.Scan" => Ok(self.scan(method, text("directory"))),
            "AudioLibrary.Clean" => Ok(self.clean()),
            "VideoLibrary.RefreshMovie" => {
                self.media.refresh("movies", &params["movieid"]).map(|()| json!("OK")).ok_or(INVALID)
            }
            "VideoLibrary.RefreshEpisode" => {
                self.media.refresh("episodes", &params["episodeid"]).map(|()| json!("OK")).ok_or(INVALID)
            }
            "VideoLibrary.RemoveTVShow" => Ok(self.remove("tvshows", &params["tvshowid"])),
            "VideoLibrary.RemoveMovie" => Ok(self.remove("movies", &params["movieid"])),
            "VideoLibrary.RemoveEpisode" => Ok(self.remove("episodes", &params["episodeid"])),
            "VideoLibrary.RemoveMusicVideo" => Ok(self.remove("musicvideos", &params["musicvideoid"])),
            "VideoLibrary.GetMovies" => Ok(self.list("movies", params)),
            "VideoLibrary.GetEpisodes" => Ok(self.list("episodes", params)),
            "VideoLibrary.GetMusicVideos" => Ok(self.list("musicvideos", params)),
            "VideoLibrary.GetTVShows" => Ok(self.list("tvshows", params)),
            "AudioLibrary.GetSongs" => Ok(self.list("songs", params)),
            _ => Err((-32601, "Method not found.")),
        }
    }

    fn exchange_items(&mut self, method: &str) {
        if let Some((_, gone, came)) = self.exchange.take_if(|(at, ..)| *at == method)
            && let Some(Item { list, id, .. }) =
                self.media.items.iter().find(|item| item.file == gone).cloned()
        {
            self.media.remove(list, &json!(id));
            self.media.add(list, &came);
        }
    }

    fn sources(&self, music: bool) -> Value {
        let fits = |source: &&Source| (source.content == KodiContent::Music) == music;
        let sources: Vec<Value> = self
            .media
            .sources
            .iter()
            .filter(fits)
            .map(|source| json!({"file": source.file, "label": "a source"}))
            .collect();
        json!({"limits": {"start": 0, "end": sources.len(), "total": sources.len()}, "sources": sources})
    }

    fn flags(&mut self, params: &Value) -> Value {
        let mut flags = Map::new();
        for name in params["booleans"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let is_music = name == "Library.IsScanningMusic";
            let is_cleaned = is_music && self.is_still_cleaned();
            let of = if is_music { &mut self.music } else { &mut self.video };
            flags.insert(name.to_owned(), json!(of.flag(&mut self.media) || is_cleaned));
        }
        Value::Object(flags)
    }

    /// Always OK, whatever the folder is.
    fn scan(&mut self, method: &str, folder: &str) -> Value {
        let is_music = method == "AudioLibrary.Scan";
        let of = if is_music { &mut self.music } else { &mut self.video };
        if is_music && self.cleaning.is_some() {
            self.stopped += 1;
        } else if of.call(folder) {
            self.scans.push(folder.to_owned());
        } else {
            self.stopped += 1;
        }
        json!("OK")
    }

    /// By the source of Kodi 20: nothing is cleaned while music is scanned or cleaned, and the answer is the same.
    fn clean(&mut self) -> Value {
        if self.cleaning.is_none() && !self.music.is_busy() {
            self.cleanings += 1;
            match self.cleaning_takes {
                0 => self.media.clean_music(),
                looks => self.cleaning = Some(looks),
            }
        }
        json!("OK")
    }

    /// A look at whether music is being cleaned, which may be the last that shows it.
    fn is_still_cleaned(&mut self) -> bool {
        match &mut self.cleaning {
            None => false,
            Some(0) => {
                self.cleaning = None;
                self.media.clean_music();
                false
            }
            Some(looks) => {
                *looks -= 1;
                true
            }
        }
    }

    fn remove(&mut self, list: &str, id: &Value) -> Value {
        self.media.remove(list, id);
        json!("OK")
    }

    /// A list that is empty may lack its name.
    fn list(&self, list: &str, params: &Value) -> Value {
        let end = params["limits"]["end"].as_u64().and_then(|end| usize::try_from(end).ok());
        let (found, total) = self.media.listed(list, &params["filter"], end.unwrap_or(usize::MAX));
        let limits = json!({"start": 0, "end": found.len(), "total": total});
        if found.is_empty() && list == "songs" {
            return json!({"limits": limits});
        }
        json!({"limits": limits, list: found})
    }
}
