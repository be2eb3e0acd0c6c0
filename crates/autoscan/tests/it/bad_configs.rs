//! Configs that cannot be used, and the start without one: each gets a sentence and exit code 2, and nothing starts.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::harness::{Answer, Home, Program, base64};

/// Every command that reads the config.
const EVERY: [&[&str]; 11] = [
    &["serve"],
    &["check"],
    &["check", "--json"],
    &["explain", "/tv/Show"],
    &["libraries"],
    &["scan", "/tv/Show"],
    &["queue", "list"],
    &["queue", "show", "1"],
    &["queue", "retry", "1"],
    &["queue", "pause"],
    &["healthcheck"],
];

/// Runs these commands with a config that cannot be used; answers what all of them said.
fn all_refuse(home: &Home, config: &str, commands: &[&[&str]]) -> String {
    let mut said: Option<String> = None;
    for command in commands {
        let ended = home.ends(&[&["--config", config], *command].concat());
        assert_eq!(ended.code, Some(2), "{command:?}: {ended:?}");
        assert_eq!(ended.out.is_empty(), command != &["check", "--json"], "{command:?}: {ended:?}");
        assert!(ended.err.contains(config), "it does not say where: {ended:?}");
        assert_eq!(said.get_or_insert_with(|| ended.err.clone()), &ended.err, "{command:?}");
    }
    said.unwrap()
}

fn refused(config: &str) -> String {
    let home = Home::bare();
    home.write("odd.yml", config);
    let said = all_refuse(&home, "odd.yml", &EVERY);
    assert!(!home.path("autoscan.db").exists(), "nothing was begun");
    said
}

#[test]
fn where_there_is_no_config_only_serve_goes_on() {
    let home = Home::bare();
    let said = all_refuse(&home, "gone.yml", &EVERY[1..]);
    assert!(said.contains("there is no such file") && said.contains("autoscan serve"), "{said}");
    for command in &EVERY[1..] {
        let ended = home.ends(command);
        assert_eq!(ended.code, Some(2), "{command:?}: {ended:?}");
        assert!(ended.err.contains("there is no config: looked for config.yml"), "{ended:?}");
    }
    assert_eq!(fs::read_dir(home.path("")).unwrap().count(), 0, "looking writes nothing");
}

#[test]
fn an_empty_config_is_told_apart_from_a_missing_one() {
    for text in ["", "\n\n", "# only a comment\n"] {
        let said = refused(text);
        assert!(said.contains("the config is empty: delete it"), "{said}");
    }
}

#[test]
fn a_directory_in_place_of_the_config_is_explained() {
    let home = Home::bare();
    home.write("odd.yml/inside", "");
    let said = all_refuse(&home, "odd.yml", &EVERY);
    assert!(said.contains("this is a directory. Docker makes a directory"), "{said}");
}

#[test]
fn a_config_that_may_not_be_read_names_the_user() {
    let home = Home::bare();
    home.write("odd.yml", "port: 3030\n");
    fs::set_permissions(home.path("odd.yml"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything.
    if fs::read(home.path("odd.yml")).is_err() {
        let said = all_refuse(&home, "odd.yml", &EVERY);
        assert!(said.contains("permission denied. autoscan runs as user"), "{said}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_config_whose_disk_answers_with_an_error_is_refused() {
    let home = Home::bare();
    // Reading this file from its beginning is an input/output error for everybody.
    symlink("/proc/self/mem", home.path("odd.yml")).unwrap();
    let said = all_refuse(&home, "odd.yml", &EVERY);
    assert!(said.contains("the file cannot be read"), "{said}");
}

#[test]
fn a_config_below_a_file_cannot_be_begun() {
    let home = Home::bare();
    home.write("file", "");
    let said = all_refuse(&home, "file/odd.yml", &EVERY[1..]);
    assert!(said.contains("there is no such file"), "{said}");
    let said = all_refuse(&home, "file/odd.yml", &EVERY[..1]);
    assert!(said.contains("cannot be written"), "{said}");
}

#[test]
fn broken_text_is_told_with_its_line_and_column() {
    for (text, place) in [
        ("port: 3030\nhost: [1,\n", "odd.yml:3:1: "),
        ("port: 3030\nhost: 'x\n", "odd.yml:2:7: "),
        ("triggers:\n\tsonarr: []\n", "odd.yml:2:2: "),
        ("port: 1\nport: 2\n", "odd.yml:2:1: "),
    ] {
        let said = refused(text);
        assert!(said.starts_with(place), "{said}");
        assert!(said.trim().len() > place.len() + 10, "it says nothing: {said}");
    }
}

#[test]
fn every_fault_is_told_at_once_with_its_place_and_the_nearest_word() {
    let said = refused(
        "prot: 3030\n\
         minimum-age: 10\n\
         history: forever\n\
         triggers:\n\
         \x20 sonnar: [{ name: a }]\n\
         \x20 sonarr:\n\
         \x20   - name: sonarr\n\
         \x20     targets: [plx]\n\
         \x20     include: ['(']\n\
         \x20   - name: sonarr\n\
         targets:\n\
         \x20 plex: [{ name: plex, url: plex:32400, token: t }]\n\
         \x20 jellyfin: [{ name: plex, url: 'http://jellyfin:8096' }]\n",
    );
    let expected = [
        ("odd.yml:1:1: ", "prot is not a known key. Did you mean \"port\"?"),
        ("odd.yml:2:14: ", "10 has no unit: write 10s"),
        ("odd.yml:3:10: ", "history"),
        ("odd.yml:5:3: ", "Did you mean \"sonarr\"?"),
        ("odd.yml:8:17: ", "there is no target named \"plx\". Did you mean \"plex\"?"),
        ("odd.yml:9:17: ", "is not a regular expression"),
        ("odd.yml:10:13: ", "\"sonarr\" is the name of"),
        ("odd.yml:12:", "is not a URL"),
        ("odd.yml:13:", "\"plex\" is the name of"),
        ("odd.yml:13:", "is missing"),
    ];
    for (place, what) in expected {
        assert!(
            said.lines().any(|line| line.starts_with(place) && line.contains(what)),
            "{place}{what}\n{said}"
        );
    }
    assert_eq!(said.lines().count(), expected.len(), "one line for each fault: {said}");
}

#[test]
fn a_script_gets_the_faults_as_json() {
    let home = Home::bare();
    home.write("config.yml", "prot: 3030\nminimum-age: 10\n");
    let ended = home.ends(&["check", "--json"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let told = ended.json();
    assert_eq!(told["ok"], false);
    let places: Vec<_> = told["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["line"].clone(), fault["column"].clone()))
        .collect();
    assert_eq!(places, [(1.into(), 1.into()), (2.into(), 14.into())], "{told}");
    assert_eq!(told["faults"][0]["file"], "config.yml");
    assert!(told["faults"][0]["message"].as_str().unwrap().contains("Did you mean \"port\"?"), "{told}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let home = Home::bare();
    home.write("config.yml", &format!("host: 127.0.0.1\nport: {port}\nauthentication: {{ password: p }}\n"));
    let ended = home.ends(&["serve"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains(&format!("autoscan cannot listen on 127.0.0.1:{port}")), "{ended:?}");
    assert!(ended.err.contains("Another port can be set with `port:`"), "{ended:?}");
}

/// Starts the server in a folder without a config, on the home's port.
fn first_start(home: &Home) -> Program {
    let mut command = home.command(&["serve"]);
    command.env("AUTOSCAN__PORT", home.port.to_string()).env("AUTOSCAN__HOST", "127.0.0.1");
    home.serve_by(command)
}

fn shown(printed: &str, name: &str) -> Option<String> {
    let line = printed.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix("  "))?;
    Some(line.trim().to_owned())
}

fn stats(program: &Program, header: &str) -> Answer {
    program.request("GET", "/api/v1/stats", &[header], b"")
}

#[test]
fn the_first_start_writes_a_config_and_shows_its_secrets_once() {
    let home = Home::bare();
    let program = first_start(&home);
    let config = home.path("config.yml");
    assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600, "for its owner only");
    program.until("the secrets are shown", || program.printed().contains("/triggers/lidarr"));

    let printed = program.printed();
    let (password, key) = (shown(&printed, "password").unwrap(), shown(&printed, "API key").unwrap());
    let written = fs::read_to_string(&config).unwrap();
    for secret in [&password, &key] {
        assert!(secret.len() >= 24, "{secret}");
        assert_eq!(printed.matches(secret.as_str()).count(), 1, "{printed}");
        assert!(written.contains(secret.as_str()), "{written}");
    }
    for kind in ["manual", "sonarr", "radarr", "lidarr"] {
        assert!(printed.contains(&format!(":{}/triggers/{kind}", home.port)), "{printed}");
    }

    let basic = format!("Authorization: Basic {}", base64(format!("autoscan:{password}").as_bytes()));
    for (header, status) in [
        (basic.as_str(), 200),
        (&format!("X-Api-Key: {key}"), 200),
        (&format!("Authorization: Bearer {key}"), 200),
        (&format!("X-Api-Key: {password}"), 401),
        ("Accept: */*", 401),
    ] {
        assert_eq!(stats(&program, header).status, status, "{header}");
    }

    program.stop();
    let program = first_start(&home);
    assert_eq!(stats(&program, &basic).status, 200, "the secrets stay");
    assert_eq!(fs::read_to_string(&config).unwrap(), written, "the config is never written again");
    program.stop();
    program.until("it says that it stopped", || program.printed().contains("stopped"));
    for secret in [&password, &key] {
        assert!(!program.printed().contains(secret.as_str()), "shown again: {}", program.printed());
    }
}

#[test]
fn the_secrets_of_the_first_start_are_shown_even_when_it_fails() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::bare();
    let mut command = home.command(&["serve"]);
    command.env("AUTOSCAN__PORT", taken.local_addr().unwrap().port().to_string());
    command.env("AUTOSCAN__HOST", "127.0.0.1");
    let ended = crate::harness::Ended::of(command);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let password = shown(&ended.out, "password").unwrap();
    assert!(fs::read_to_string(home.path("config.yml")).unwrap().contains(&password));
}

#[test]
fn a_config_without_a_password_keeps_the_one_that_was_made() {
    let home = Home::bare();
    home.write("config.yml", &format!("host: 127.0.0.1\nport: {}\n", home.port));
    let program = home.serve();
    program.until("the secrets are shown", || program.printed().contains("/triggers/manual"));
    let key = shown(&program.printed(), "API key").unwrap();
    program.stop();
    let program = home.serve();
    assert_eq!(stats(&program, &format!("X-Api-Key: {key}")).status, 200);
    assert_eq!(stats(&program, "Accept: */*").status, 401, "no password is no open door");
    assert!(home.ends(&["queue", "list"]).code == Some(0), "the commands know it too");
    assert!(!program.printed().contains(&key), "shown again: {}", program.printed());
}

#[test]
fn settings_that_their_kind_refuses_are_a_broken_config_too() {
    let said = refused(
        "authentication: { password: p }\n\
         targets:\n\
         \x20 plex:\n\
         \x20   - name: one\n\
         \x20     url: http://plex:32400/?a=b\n\
         \x20     token: t\n\
         \x20 jellyfin: [{ url: 'http://a:geheim@jellyfin:8096', api-key: k }]\n",
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(
        lines[0].starts_with("odd.yml:4:7: targets.plex.0: ") && lines[0].contains("must end before '?'"),
        "{said}"
    );
    assert!(lines[1].starts_with("odd.yml:7:14: targets.jellyfin.0: ") && !said.contains("geheim"), "{said}");
}
