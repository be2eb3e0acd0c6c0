//! The document of the API and the real binary, held against each other by [schemathesis](https://schemathesis.io): it reads
//! the document, sends what may and what may not be sent, and looks whether each answer is one that the document tells of.
//! `scripts/test` installs it into `target/schemathesis`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::cause::Remedy;
use autoscan_core::change::Change;
use autoscan_core::delivery::{Delivery, DeliveryState};
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::ports::{Absorb, Batch, Start, Store};
use autoscan_core::scan::{Quiet, ScanState, StoredChange};
use autoscan_core::time::Timestamp;
use autoscan_store::{Options, SqliteStore};
use autoscan_testkit::FakeClock;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Home, PASSWORD, Program, free_port};
use crate::media_setup::{MediaSetup, imported};
use crate::servers::block_on;

/// A scan for each state of a delivery to a server that is away, and one that is missing at Emby and offers a remedy: the one
/// that the document has for its example.
fn fill(home: &Home, target: &str) {
    let (now, target) = (Timestamp::from_millis(1_700_000_000_000), Name::parse(target).unwrap());
    let emby = Name::parse("emby").unwrap();
    block_on(async {
        let store =
            SqliteStore::open(&home.path("autoscan.db"), Options::default(), Arc::new(FakeClock::new()))
                .unwrap();
        let states = (0..4).flat_map(|round| DeliveryState::ALL.map(|state| (round, state, &target)));
        for (round, state, target) in states.chain([(4, DeliveryState::Missing, &emby)]) {
            let folder = LocalPath::parse(&format!("/media/{}/{round}", state.as_str())).unwrap();
            let file = LocalPath::parse(&format!("{}/a.mkv", folder.as_str())).unwrap();
            let change = StoredChange {
                change: Change::created(file),
                trigger: Name::parse("sonarr").unwrap(),
                received_at: now,
                targets: Some(vec![target.clone()]),
                sent_path: None,
            };
            let quiet = Quiet { minimum_age: Duration::ZERO, maximum_wait: Duration::ZERO };
            let absorb = Absorb { folder: folder.clone(), priority: 0, quiet, changes: vec![change] };
            let batch = Batch { received_at: now, folders: vec![absorb], ..Batch::default() };
            let scan = store.absorb(batch.into()).await.unwrap().scans[0];
            let generation = store.show(scan).await.unwrap().unwrap().generation;
            let error = Some(format!("it is {}", state.as_str()));
            let is_open = matches!(state, DeliveryState::Waiting | DeliveryState::Held);
            let delivery = Delivery {
                state,
                error,
                attempts: 3,
                next_attempt_at: is_open.then_some(now),
                sent_at: Some(now),
                seen_at: (state == DeliveryState::Seen).then_some(now),
                remedy: (*target == emby)
                    .then(|| Remedy::ScanLibrary { library: "Movies".to_owned(), id: "4".to_owned() }),
                ..Delivery::new(target.clone(), now)
            };
            let start = Start {
                scan,
                generation,
                tell: folder,
                deliveries: vec![delivery],
                note: None,
                steps: vec![],
            };
            store.start(vec![start], now).await.unwrap();
        }
        store.close().await;
    });
}

/// A setup whose scans are in every state there is: a film was seen, an episode is waited for, Jellyfin is away.
fn setup() -> (MediaSetup, Program) {
    let away = format!(
        "  jellyfin: [{{ name: jellyfin, url: 'http://127.0.0.1:{}', api-key: jellyfin-key }}]\n",
        free_port()
    );
    let emby = crate::servers::emby();
    let there = format!("  emby: [{{ name: emby, url: '{}', api-key: emby-key }}]\n", emby.http.url());
    let mut setup = MediaSetup::with_lines(&format!("{away}{there}trusted-proxies: [127.0.0.1]\n"), "");
    setup.emby = emby;
    fill(&setup.home, "jellyfin");
    setup.put("movies/Film (2020)/Film.mkv", 10);
    setup.put("movies/Other/Other.mkv", 10);
    setup.plex.set_playing(1);
    let program = setup.home.serve();
    let film = setup.home.path("media/movies/Film (2020)");
    let wish = json!({ "paths": [film], "targets": ["plex"] }).to_string();
    assert_eq!(program.ask("POST", "/api/v1/scans", &wish).status, 202);
    imported(&program, "Show", "Season 01/Show - S01E01.mkv");
    let shown = |state: &str| {
        !program.get(&format!("/api/v1/scans?state={state}"))["scans"].as_array().unwrap().is_empty()
    };
    program.until("there is a scan in every state", || {
        ScanState::ALL.into_iter().all(|state| shown(state.as_str()))
    });
    (setup, program)
}

/// What schemathesis was answered.
#[derive(Deserialize)]
struct Held {
    /// Which statuses each operation gave.
    answers: BTreeMap<String, BTreeSet<u16>>,
    /// The states of all scans that were listed, and of their deliveries.
    states: BTreeSet<String>,
}

/// Runs schemathesis with the document in this home and these arguments; fails with what it says.
fn hold(home: &Home, python: &Path, arguments: &[&str]) -> Held {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/document");
    let mut command = Command::new(python);
    command.args(["-B", "-m", "schemathesis.cli", "--config-file"]).arg(place.join("schemathesis.toml"));
    command.args(["run", "openapi.json", "--no-color", "--url", &format!("http://127.0.0.1:{}", home.port)]);
    command.args(arguments).env("SCHEMATHESIS_HOOKS", place.join("hooks.py"));
    let output = command.current_dir(home.path("")).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    serde_json::from_str(&fs::read_to_string(home.path("answers.json")).unwrap()).unwrap()
}

/// Whether an operation wants credentials.
fn is_shut(operation: &Value) -> bool {
    operation["security"].as_array().is_none_or(|ways| !ways.is_empty())
}

#[test]
fn the_api_answers_as_its_document_says() {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/schemathesis");
    if !installed.join("requirements.txt").exists() {
        return eprintln!(
            "skipped: schemathesis is not installed (scripts/test does it where there is Python)"
        );
    }
    let python = installed.join("bin/python");
    let (setup, program) = setup();
    let document = program.get("/api/v1/openapi.json");
    setup.home.write("openapi.json", &document.to_string());
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    // A stream never ends, so it is not asked for.
    let operations: Vec<&Value> = operations.filter(|operation| operation["operationId"] != "live").collect();
    let hold = |arguments: &[&str]| hold(&setup.home, &python, arguments);
    let of =
        |held: &Held, operation: &Value| held.answers[operation["operationId"].as_str().unwrap()].clone();
    let login = format!("--auth=autoscan:{PASSWORD}");

    let outside = hold(&["--phases=fuzzing", "--max-examples=1"]);
    for operation in operations.iter().filter(|operation| is_shut(operation)) {
        assert!(of(&outside, operation).contains(&401), "{}: nobody was sent away", operation["operationId"]);
    }
    // Before anything changes: later all are tried again.
    let looked = hold(&[&login, "--include-method=GET", "--phases=examples,coverage"]);
    for state in
        ScanState::ALL.map(ScanState::as_str).iter().chain(&DeliveryState::ALL.map(DeliveryState::as_str))
    {
        assert!(looked.states.contains(*state), "no answer told of {state}: {:?}", looked.states);
    }
    let inside = hold(&[&login]);
    for operation in operations {
        let answers = of(&inside, operation);
        assert!(
            answers.iter().any(|status| *status < 300),
            "{} only gave {answers:?}",
            operation["operationId"]
        );
    }
}
