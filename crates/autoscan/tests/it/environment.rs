//! Settings from the environment: the older app's variables alone are enough, and every key can be overridden.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Answer, Ended, Home, Program, episode, login};
use crate::servers;

/// What a Radarr sends for an imported film.
fn film(folder: &str, file: &str) -> String {
    json!({
        "eventType": "Download",
        "instanceName": "Radarr",
        "movie": { "id": 1, "title": "Film", "year": 2020, "folderPath": folder },
        "movieFile": { "id": 1, "relativePath": file, "path": format!("{folder}/{file}"), "size": 1 },
        "isUpgrade": false,
    })
    .to_string()
}

/// What a Lidarr sends for imported tracks.
fn tracks(artist: &str, album: &str) -> String {
    let track =
        |number: u8| json!({ "id": number, "path": format!("{artist}/{album}/{number}.flac"), "size": 1 });
    json!({
        "eventType": "Download",
        "instanceName": "Lidarr",
        "artist": { "id": 1, "name": "Artist", "path": artist },
        "trackFiles": [track(1), track(2)],
        "isUpgrade": false,
    })
    .to_string()
}

/// The server with these variables and no config.
fn command(home: &Home, variables: &[(&str, &str)]) -> Command {
    let mut command = home.command(&["serve"]);
    command.env("SERVER_IP", "127.0.0.1").env("SERVER_PORT", home.port.to_string());
    command.envs(variables.iter().copied());
    command
}

fn post(program: &Program, path: &str, body: &str) -> Answer {
    program.request("POST", path, &["Content-Type: application/json"], body.as_bytes())
}

fn waiting(program: &Program, pass: &str) -> u64 {
    let answer = program.request("GET", &format!("/api/{pass}?cmd=queue_count"), &[], b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["queue_count"].as_u64().unwrap()
}

#[test]
fn the_older_apps_variables_alone_make_scans_of_what_every_sender_posts() {
    let home = Home::bare();
    let older = [
        ("SERVER_PASS", "0123456789abcdef"),
        ("PLEX_LOCAL_URL", "http://127.0.0.1:9"),
        ("PLEX_TOKEN", "token"),
        ("EMBY_OR_JELLYFIN", ""),
        ("SECRET_KEY", "signs sessions"),
        ("SECRET_KEY_FALLBACKS", "one,two"),
        ("LOG_FORMAT", "json"),
    ];
    let program = home.serve_by(command(&home, &older));
    let (pass, single) = ("0123456789abcdef", "/0123456789abcdef");
    assert_eq!(waiting(&program, pass), 0);
    let bodies = [
        episode("/tv/Show", "Season 01/1.mkv"),
        film("/movies/Film (2020)", "Film.mkv"),
        tracks("/music/Artist", "Album"),
    ];
    for (number, body) in (1..).zip(&bodies) {
        let answer = post(&program, single, body);
        assert!(answer.status == 200 && answer.body.contains("in 1 folder"), "{answer:?}");
        assert_eq!(waiting(&program, pass), number, "{body}");
    }
    let form = "eventType=Manual&filepath=%2Ftv%2FWill+%26+Grace";
    let answer = program.request(
        "POST",
        single,
        &["Content-Type: application/x-www-form-urlencoded"],
        form.as_bytes(),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(waiting(&program, pass), 4);
    assert!(program.request("GET", single, &[], b"").body.contains("name=\"filepath\""), "the page");

    for path in ["/0123456789abcdeF", "/0123456789abcde", "/0123456789abcdef0", "/x/0123456789abcdef"] {
        assert_eq!(post(&program, path, &bodies[0]).status, 404, "{path}");
    }
    assert_eq!(program.request("GET", "/api/wrong?cmd=queue_count", &[], b"").status, 404);
    assert_eq!(post(&program, "/triggers/sonarr", &bodies[0]).status, 401);
    assert_eq!(waiting(&program, pass), 4);

    program.stop();
    program.until("it says that it stopped", || program.printed().contains("stopped"));
    let lines = program.printed();
    for line in lines.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("LOG_FORMAT=json: {line}"));
        assert!(entry["message"].is_string() && entry["level"].is_string(), "{line}");
    }
    assert!(!lines.contains(pass), "the password is in the log: {lines}");
    assert!(!home.path("config.yml").exists(), "no config is needed");

    let program = home.serve_by(command(&home, &older));
    assert_eq!(waiting(&program, pass), 4, "the queue is kept");
}

#[test]
fn the_older_apps_servers_are_told() {
    let (plex, jellyfin) = (servers::plex(), servers::jellyfin());
    let home = Home::bare();
    let (plex_url, jellyfin_url) = (plex.http.url(), jellyfin.http.url());
    let program = home.serve_by(command(
        &home,
        &[
            ("SERVER_PASS", "pass"),
            ("PLEX_LOCAL_URL", &plex_url),
            ("PLEX_TOKEN", "plex-token"),
            ("JELLYFIN_LOCAL_URL", &jellyfin_url),
            ("JELLYFIN_API_KEY", "jellyfin-key"),
            ("AUTOSCAN__MINIMUM_AGE", "0s"),
            ("AUTOSCAN__FILES__CHECK", "false"),
        ],
    ));
    assert_eq!(post(&program, "/pass", &episode("/data/tv/Show", "Show - S01E01.mkv")).status, 200);
    program.until("Plex is told", || !plex.scans().is_empty());
    program.until("Jellyfin is told", || jellyfin.holdings.walks() > 0);
    assert_eq!(plex.scans()[0].path.as_deref(), Some("/data/tv/Show"));
    assert_eq!(jellyfin.holdings.refreshes()[0].path, "TV");
    plex.put("/data/tv/Show/Show - S01E01.mkv", 1);
    jellyfin.holdings.hold("/data/tv/Show/Show - S01E01.mkv", 1);
    program.until("nothing waits", || waiting(&program, "pass") == 0);
}

#[test]
fn the_older_apps_jellyfin_may_be_an_emby() {
    let emby = servers::emby();
    let home = Home::bare();
    let url = emby.http.url();
    let variables = [
        ("SERVER_PASS", "pass"),
        ("EMBY_OR_JELLYFIN", "emby"),
        ("JELLYFIN_LOCAL_URL", url.as_str()),
        ("JELLYFIN_API_KEY", "emby-key"),
        ("AUTOSCAN__MINIMUM_AGE", "0s"),
        ("AUTOSCAN__FILES__CHECK", "false"),
    ];
    let program = home.serve_by(command(&home, &variables));
    assert_eq!(post(&program, "/pass", &film("/data/movies/Film (2020)", "Film.mkv")).status, 200);
    program.until("Emby is told", || emby.holdings.walks() > 0);
    assert_eq!(emby.holdings.refreshes()[0].path, "Movies");

    let mut check = home.command(&["check"]);
    check.envs(variables);
    let ended = Ended::of(check);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("the environment alone") && ended.out.contains("target emby ("), "{ended:?}");
}

#[test]
fn what_is_wrong_in_the_environment_is_told_by_the_variable() {
    let home = Home::bare();
    for (variable, value, part) in [
        ("EMBY_OR_JELLYFIN", "plex", "it must be emby or jellyfin"),
        ("SERVER_PORT", "many", "port"),
        ("PLEX_LOCAL_URL", "plex:32400", "is not a URL"),
        ("AUTOSCAN__MINIMUM_AGE", "10", "10 has no unit: write 10s"),
        ("AUTOSCAN__PROT", "1", "Did you mean \"port\"?"),
        ("AUTOSCAN__AUTHENTICATION__API_KEY_FILE", "/gone/file", "there is no such file"),
    ] {
        for typed in ["serve", "check"] {
            let mut command = home.command(&[typed]);
            command
                .env("SERVER_PASS", "pass")
                .env("PLEX_TOKEN", "token")
                .env("PLEX_LOCAL_URL", "http://plex:32400");
            command.env(variable, value);
            let ended = Ended::of(command);
            assert_eq!(ended.code, Some(2), "{variable}={value}: {ended:?}");
            let said = ended
                .err
                .lines()
                .find(|line| line.starts_with(&format!("environment variable {variable}: ")));
            assert!(said.is_some_and(|said| said.contains(part)), "{variable}={value}: {ended:?}");
        }
    }
}

#[test]
fn every_key_is_overridden_by_its_variable_and_secrets_come_from_files() {
    let plex = servers::plex();
    let home = Home::new(&format!(
        "files: {{ check: true }}\n\
         triggers: {{ sonarr: [{{ name: sonarr, map: {{ /tv: /wrong }} }}] }}\n\
         targets: {{ plex: [{{ name: plex, url: '{}', token: wrong }}] }}\n",
        plex.http.url()
    ));
    home.write("secrets/plex", "plex-token\n");
    home.write("secrets/key", "key-from-a-file\n");
    let program = {
        let mut command = home.command(&["serve"]);
        command.envs([
            ("AUTOSCAN__FILES__CHECK", "false"),
            ("AUTOSCAN__TRIGGERS__SONARR__MAP", "{ /tv: /data/tv }"),
            ("AUTOSCAN__TARGETS__PLEX__0__TOKEN_FILE", "secrets/plex"),
            ("AUTOSCAN__AUTHENTICATION__API_KEY_FILE", "secrets/key"),
        ]);
        home.serve_by(command)
    };
    program.sonarr(&episode("/tv/Show", "1.mkv"));
    program.until("Plex is told", || !plex.scans().is_empty());
    assert_eq!(plex.scans()[0].path.as_deref(), Some("/data/tv/Show"));
    assert_eq!(program.scans_with("X-Api-Key: key-from-a-file").len(), 1);
    assert_eq!(program.scans_with(&login()).len(), 1, "what no variable names stays");
    drop(program);
    plex.http.forget_calls();

    let mut check = home.command(&["check"]);
    check.env("AUTOSCAN__FILES__CHECK", "false").env("AUTOSCAN__TARGETS__PLEX__TOKEN", "plex-token");
    let ended = Ended::of(check);
    assert_eq!(ended.code, Some(0), "without its number the first one is meant: {ended:?}");
    assert!(plex.http.calls().iter().all(|call| call.param("X-Plex-Token").is_none()), "no token in a URL");
}

#[test]
fn a_dot_env_beside_the_config_counts_less_than_the_environment() {
    let home = Home::bare();
    home.write(
        "settings/config.yml",
        "host: 127.0.0.1\nport: 1\nauthentication: { password: from-the-config }\n",
    );
    let dot_env = "# secrets\nexport AUTOSCAN__AUTHENTICATION__PASSWORD=\"correct-horse\"\nAUTOSCAN__PORT=2\n\
                   SERVER_PASS='from .env' # not in the config\n";
    home.write("settings/.env", dot_env);
    let serve = |config: &Path| {
        let mut command = home.command(&["serve", "--config", config.to_str().unwrap()]);
        command.env("AUTOSCAN__PORT", home.port.to_string());
        home.serve_by(command)
    };
    let program = serve(&home.path("settings/config.yml"));
    assert_eq!(program.scans(), Vec::<Value>::new(), "the password of .env opens");
    assert_eq!(post(&program, "/from%20.env", &episode("/tv/Show", "1.mkv")).status, 200);
    assert_eq!(program.scans().len(), 1);
    assert!(home.path("settings/autoscan.db").exists(), "the database lies beside the config");
    program.stop();

    // Without a config a .env in the current folder is enough.
    home.write(".env", &format!("SERVER_PASS=pass\nSERVER_IP=127.0.0.1\nSERVER_PORT={}\n", home.port));
    let program = home.serve();
    assert_eq!(waiting(&program, "pass"), 0);
}
