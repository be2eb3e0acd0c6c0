//! A home with media that reports to seven kinds of targets at once: six pretend servers and a program.

use std::fs;

use autoscan_testkit::{
    HttpServer, PretendArr, PretendAudiobookshelf, PretendFileFlows, PretendReceiver, PretendTdarr,
};
use serde_json::Value;

use crate::harness::{Home, Program, episode};
use crate::media_setup::delivery;
use crate::servers::{self, KEY};

/// Each kind that is told, and the name of its target.
pub(crate) const KINDS: [&str; 7] =
    ["sonarr", "radarr", "tdarr", "fileflows", "audiobookshelf", "webhook", "command"];

/// A name that was trouble somewhere in each of its parts.
pub(crate) const AWKWARD: &str = "Ocean's \"Eleven\" & C# 100%20 é日本 $(touch x);`id`";

/// What the program does: it notes what it was told, between lines that no name can hold.
const NOTE: &str = "printf '%s\\n' \"--\" \"$2\" \"$AUTOSCAN_FOLDER\" \"$AUTOSCAN_PATHS\" \"-$AUTOSCAN_DELETED\" >>\"$1/noted\"\n";

/// The home and those who are told, which see its media at `/data`.
pub(crate) struct ManySetup {
    pub(crate) home: Home,
    pub(crate) sonarr: PretendArr,
    pub(crate) radarr: PretendArr,
    pub(crate) tdarr: PretendTdarr,
    pub(crate) fileflows: PretendFileFlows,
    pub(crate) shelf: PretendAudiobookshelf,
    pub(crate) receiver: PretendReceiver,
}

impl ManySetup {
    pub(crate) fn new() -> Self {
        let setup = Self {
            home: Home::new(""),
            sonarr: servers::sonarr(),
            radarr: servers::radarr(),
            tdarr: servers::tdarr(),
            fileflows: servers::fileflows(),
            shelf: servers::audiobookshelf(),
            receiver: servers::receiver(),
        };
        let home = setup.home.path("").to_str().unwrap().trim_end_matches('/').to_owned();
        let senders = "triggers:\n  manual: {}\n  sonarr: [{ name: sonarr, map: { /tv: HOME/media/tv } }]\n  radarr: [{ name: radarr, map: { /movies: HOME/media/movies } }]\n";
        let usual = fs::read_to_string(setup.home.path("config.yml")).unwrap();
        let lines = format!("{usual}files: {{ settle: 0s }}\n{senders}targets:\n{}", setup.targets());
        setup.home.write("config.yml", &lines.replace("HOME", &home));
        setup.home.write("note.sh", NOTE);
        for folder in ["tv", "movies", "other"] {
            setup.home.write(&format!("media/{folder}/.keep"), "");
        }
        setup
    }

    fn targets(&self) -> String {
        let usual = |kind: &str, url: String, keys: &str| {
            format!("  {kind}: [{{ name: {kind}, url: '{url}', map: {{ HOME/media: /data }}, {keys} }}]\n")
        };
        let (key, login) = (format!("api-key: {KEY}"), format!("username: me, password: {KEY}"));
        let header = format!("headers: {{ X-Key: {KEY} }}");
        [
            usual("sonarr", self.sonarr.http.url(), &key),
            usual("radarr", self.radarr.http.url(), &key),
            usual("tdarr", self.tdarr.http.url(), &key),
            usual("fileflows", self.fileflows.http.url(), &login),
            usual("audiobookshelf", self.shelf.http.url(), &key),
            usual("webhook", self.receiver.http.url() + "/hooks/autoscan?room=1", &header),
            "  command: [{ name: command, map: { HOME/media: /data }, argv: [/bin/sh, HOME/note.sh, HOME, '--at={folder}'] }]\n".to_owned(),
        ]
        .concat()
    }

    /// Changes the config.
    pub(crate) fn change(&self, from: &str, to: &str) {
        let config = fs::read_to_string(self.home.path("config.yml")).unwrap();
        assert!(config.contains(from), "{from:?} is not in:\n{config}");
        self.home.write("config.yml", &config.replace(from, to));
    }

    /// The servers, each by its kind.
    pub(crate) fn servers(&self) -> [(&'static str, &HttpServer); 6] {
        [
            ("sonarr", &self.sonarr.http),
            ("radarr", &self.radarr.http),
            ("tdarr", &self.tdarr.http),
            ("fileflows", &self.fileflows.http),
            ("audiobookshelf", &self.shelf.http),
            ("webhook", &self.receiver.http),
        ]
    }

    /// Puts a file of television on the disk, which Sonarr sees too, and lets Sonarr report it.
    pub(crate) fn episode(&self, program: &Program, series: &str, file: &str) {
        self.home.write(&format!("media/tv/{series}/{file}"), "film");
        self.sonarr.put(&format!("/data/tv/{series}/{file}"), 4);
        program.sonarr(&episode(&format!("/tv/{series}"), file));
    }

    /// What the program noted, one entry a run.
    pub(crate) fn noted(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home.path("noted")).unwrap_or_default();
        text.split("--\n").skip(1).map(|run| run.trim_end_matches('\n').to_owned()).collect()
    }

    /// How often each was told, in the order of [`KINDS`].
    pub(crate) fn told(&self) -> [usize; 7] {
        [
            self.sonarr.http.calls_to("/command").len(),
            self.radarr.http.calls_to("/command").len(),
            self.tdarr.scans().len(),
            self.fileflows.http.calls_to("/manually-add").len(),
            self.shelf.taken().len() + self.shelf.scans().len(),
            self.receiver.bodies().len(),
            self.noted().len(),
        ]
    }
}

/// The states of the newest scan's deliveries, in the order of [`KINDS`].
pub(crate) fn states(program: &Program) -> Vec<String> {
    let scan = program.scans().into_iter().next().unwrap_or_default();
    KINDS.iter().map(|kind| delivery(&scan, kind)["state"].as_str().unwrap_or("none").to_owned()).collect()
}

/// Why a delivery is where it is.
pub(crate) fn error(delivery: &Value) -> &str {
    delivery["error"].as_str().unwrap_or_default()
}
