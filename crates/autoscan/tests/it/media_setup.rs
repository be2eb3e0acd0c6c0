//! A home with media, and three servers that see them at `/data` as they really are on the disk.

use std::fs;
use std::time::Duration;

use autoscan_testkit::{PretendEmby, PretendJellyfin, PretendPlex};
use serde_json::{Value, json};

use crate::harness::{Home, Program, episode};
use crate::servers;

/// Sonarr and Radarr, each with its own eyes.
const SENDERS: &str = "triggers:\n  sonarr: [{ name: sonarr, map: { /tv: MEDIA/tv } }]\n  radarr: [{ name: radarr, map: { /movies: MEDIA/movies } }]\n";

/// How long the pretend Jellyfin and Emby wait before they look: a minute, made short.
const LOOK_DELAY: Duration = Duration::from_millis(300);

/// A home with media and servers.
pub(crate) struct MediaSetup {
    pub(crate) home: Home,
    pub(crate) plex: PretendPlex,
    pub(crate) jellyfin: PretendJellyfin,
    pub(crate) emby: PretendEmby,
}

impl MediaSetup {
    /// `lines` are added to the config, `keys` to the settings of Plex: `, proof: off`. Jellyfin and Emby are in the config
    /// when `all` is set.
    fn new(home: Home, lines: &str, keys: &str, all: bool) -> Self {
        let (plex, jellyfin, emby) = (servers::plex(), servers::jellyfin(), servers::emby());
        let media = home.path("media");
        fs::create_dir_all(media.join("tv")).unwrap();
        fs::create_dir_all(media.join("movies")).unwrap();
        plex.sees("/data", &media);
        jellyfin.holdings.sees("/data", &media);
        jellyfin.holdings.set_delay(LOOK_DELAY);
        emby.holdings.sees("/data", &media);
        emby.holdings.set_delay(LOOK_DELAY);
        let root = media.to_str().unwrap();
        let map = format!("map: {{ {root}: /data }}");
        let plexes = format!(
            "targets:\n  plex: [{{ name: plex, url: '{}', token: plex-token, {map}{keys} }}]\n",
            plex.http.url()
        );
        let others = format!(
            "  jellyfin: [{{ name: jellyfin, url: '{}', api-key: jellyfin-key, {map} }}]\n  emby: [{{ name: emby, url: '{}', api-key: emby-key, {map} }}]\n",
            jellyfin.http.url(),
            emby.http.url()
        );
        let targets = if all { plexes + &others } else { plexes };
        let usual = fs::read_to_string(home.path("config.yml")).unwrap();
        let senders = SENDERS.replace("MEDIA", root);
        home.write("config.yml", &format!("{usual}files: {{ settle: 0s }}\n{senders}{targets}{lines}"));
        Self { home, plex, jellyfin, emby }
    }

    /// With all three servers.
    pub(crate) fn of_three() -> Self {
        Self::new(Home::new(""), "", "", true)
    }

    /// With all three servers, in a home that is shown to people.
    pub(crate) fn to_be_seen() -> Self {
        Self::new(Home::to_be_seen(""), "", ", proof-within: 2s", true)
    }

    /// With Jellyfin alone, which is asked for two seconds.
    pub(crate) fn of_impatient_jellyfin() -> Self {
        let setup = Self::new(Home::new(""), "", "", true);
        let (config, media) = (setup.home.path("config.yml"), setup.home.path("media"));
        let usual = fs::read_to_string(&config).unwrap();
        let (before, _) = usual.split_once("targets:\n").unwrap();
        let jellyfin = format!(
            "targets:\n  jellyfin: [{{ name: jellyfin, url: '{}', api-key: jellyfin-key, proof-within: 2s, map: {{ {}: /data }} }}]\n",
            setup.jellyfin.http.url(),
            media.to_str().unwrap()
        );
        setup.home.write("config.yml", &format!("{before}{jellyfin}"));
        setup
    }

    /// With Plex alone, and these keys for it.
    pub(crate) fn of_plex(keys: &str) -> Self {
        Self::new(Home::new(""), "", keys, false)
    }

    /// With Plex alone, these keys for it and these lines.
    pub(crate) fn with_lines(lines: &str, keys: &str) -> Self {
        Self::new(Home::new(""), lines, keys, false)
    }

    /// Writes a media file of so many bytes.
    pub(crate) fn put(&self, file: &str, size: usize) {
        self.home.write(&format!("media/{file}"), &"x".repeat(size));
    }

    /// Removes a file.
    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.home.path(&format!("media/{file}"))).unwrap();
    }
}

/// Sonarr imported a file of a series.
pub(crate) fn imported(program: &Program, series: &str, file: &str) {
    program.sonarr(&episode(&format!("/tv/{series}"), file));
}

/// Radarr imported a film.
pub(crate) fn film(program: &Program, folder: &str, file: &str, upgrade_of: Option<&str>) {
    let mut body = json!({
        "eventType": "Download", "isUpgrade": upgrade_of.is_some(),
        "movie": { "folderPath": format!("/movies/{folder}"), "tmdbId": 603, "imdbId": "tt0133093" },
        "movieFile": { "relativePath": file },
    });
    if let Some(old) = upgrade_of {
        body["deletedFiles"] = json!([{ "relativePath": old }]);
    }
    let answer = program.ask("POST", "/triggers/radarr", &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// One delivery of the newest scan.
pub(crate) fn newest(program: &Program, target: &str) -> Value {
    let scan = program.scans().into_iter().next().unwrap_or_default();
    delivery(&scan, target)
}

/// One delivery of a scan.
pub(crate) fn delivery(scan: &Value, target: &str) -> Value {
    let of = scan["deliveries"].as_array().into_iter().flatten().find(|d| d["target"] == target);
    of.cloned().unwrap_or_default()
}

/// Whether there are so many scans and each is done.
pub(crate) fn all_done(program: &Program, count: usize) -> bool {
    let scans = program.scans();
    scans.len() == count && scans.iter().all(|scan| scan["state"] == "done")
}
