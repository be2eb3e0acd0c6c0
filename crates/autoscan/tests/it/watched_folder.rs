//! A folder that the program reads by itself.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Home, Program};
use crate::servers;

fn put(folder: &Path, name: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(name), "content").unwrap();
}

/// The paths that were reported, of every scan.
fn reported(program: &Program) -> Vec<String> {
    let changes = |scan: &Value| scan["changes"].as_array().cloned().unwrap_or_default();
    let all = program.scans().iter().flat_map(changes).collect::<Vec<Value>>();
    all.iter().map(|change| change["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_folder_is_read_by_itself_and_what_came_while_autoscan_was_away_is_found_at_the_start() {
    let plex = servers::plex();
    let home = Home::new("");
    let media = home.path("media");
    let config = fs::read_to_string(home.path("config.yml")).unwrap();
    home.write(
        "config.yml",
        &format!(
            "{config}files: {{ settle: 0s }}\n\
             triggers:\n  folder:\n    - name: disk\n      paths: ['{}']\n      every: 1s\n      exclude: ['\\.part$']\n\
             targets:\n  plex:\n    - {{ name: plex, url: '{}', token: plex-token, proof: off, map: {{ '{}': /data/tv }} }}\n",
            media.display(),
            plex.http.url(),
            media.display(),
        ),
    );
    put(&media.join("Old"), "old.mkv");
    let program = home.serve();

    let mut written = 0;
    program.until("a file that came after the first look is reported", || {
        written += 1;
        put(&media.join("New"), &format!("{written}.mkv"));
        put(&media.join("New"), &format!("{written}.mkv.part"));
        !reported(&program).is_empty()
    });
    let answer = program.ask("POST", "/triggers/disk", "{\"path\": \"/mnt\"}");
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.body.contains("This trigger takes no requests"), "{answer:?}");
    program.until("Plex is told", || program.scans().iter().all(|scan| scan["state"] == "done"));
    program.kill();

    put(&media.join("Meanwhile"), "m.mkv");
    let program = home.serve();
    let meanwhile = media.join("Meanwhile/m.mkv").display().to_string();
    program.until("what came meanwhile is reported", || reported(&program).contains(&meanwhile));

    let all = reported(&program);
    assert!(
        !all.iter().any(|path| path.contains("/Old/")),
        "what was there at the first look is not new: {all:?}"
    );
    assert!(!all.iter().any(|path| path.contains(".part")), "it is excluded: {all:?}");
    program.stop();
}
