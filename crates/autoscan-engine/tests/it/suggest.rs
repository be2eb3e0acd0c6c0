use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_core::ports::{Clock, Look};
use autoscan_core::suggest::Party;
use autoscan_engine::{LocalFolders, NewServer, SenderFolders};
use autoscan_testkit::FakeClock;

use autoscan_testkit::{ScriptedTarget, TestEngine, TestSetup, library, local};

const SHOWS: [&str; 3] = ["Show A", "Show B", "Show C"];

fn sonarr(folders: &[(&str, &[&str])]) -> SenderFolders {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let folders = folders.iter().map(|(path, names)| ((*path).to_owned(), owned(names))).collect();
    SenderFolders { trigger: "sonarr".to_owned(), folders: Ok(folders) }
}

fn plex(folders: &[&str]) -> ScriptedTarget {
    ScriptedTarget { libraries: vec![library("TV", folders)], ..ScriptedTarget::default() }
}

fn harness(plex: ScriptedTarget) -> TestEngine {
    let harness = TestEngine::start(TestSetup { targets: vec![("plex", plex)], ..TestSetup::default() });
    for show in SHOWS {
        harness.files.make_folder(&format!("/mnt/media/tv/{show}/Season 1"));
    }
    harness.files.make_folder("/mnt/media/movies/Film (2001)");
    harness.files.make_folder("/usr/share/tv/Show A");
    harness
}

#[tokio::test(start_paused = true)]
async fn the_disk_is_looked_through_and_the_lines_are_proposed_with_their_evidence() {
    let harness = harness(plex(&["/data/tv"]));
    let advice = harness.engine.map_advice(vec![sonarr(&[("/tv", &SHOWS)])], None).await;
    let lines: Vec<_> =
        advice.found.lines.iter().map(|line| (line.of.name(), &*line.from, &*line.to)).collect();
    assert_eq!(
        lines,
        [("sonarr", "/tv", "/mnt/media/tv"), ("plex", "/mnt/media/tv", "/data/tv")],
        "{advice:#?}"
    );
    assert!(advice.found.lines[0].evidence[0].contains("'Show A', 'Show B' and 'Show C'"), "{advice:#?}");
    assert_eq!(advice.silent, [""; 0]);
    let party = Party::Trigger("sonarr".to_owned());
    assert!(!harness.engine.maps_to(&party, "/tv", "/mnt/media/tv"));
    assert!(harness.engine.maps_to(&party, "/tv", "/tv"));
}

#[tokio::test(start_paused = true)]
async fn what_lies_beside_a_folder_to_which_any_map_leads_is_found_wherever_it_is() {
    let maps = vec![("/movies", "/tmp/.deep/a/b/c/d/e/f/movies")];
    let harness = TestEngine::start(TestSetup { maps, ..TestSetup::default() });
    for show in SHOWS {
        harness.files.make_folder(&format!("/tmp/.deep/a/b/c/d/e/f/shows/{show}"));
    }
    harness.files.make_folder("/tmp/.deep/a/b/c/d/e/f/movies");
    let advice = harness.engine.map_advice(vec![sonarr(&[("/tv", &SHOWS)])], None).await;
    assert_eq!(advice.found.lines[0].to, "/tmp/.deep/a/b/c/d/e/f/shows", "{advice:#?}");
    let unasked = harness.engine.map_advice(Vec::new(), None).await;
    assert!(unasked.looked_into > 4, "maps of triggers that could not be asked count too: {unasked:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_has_tells_its_folders_apart() {
    let samples = vec!["/a/Show A/x.mkv", "/a/Show C/Season 1/y.mkv", "/b/Film (2001)/f.mkv", "/b/loose.mkv"];
    let target = ScriptedTarget {
        samples,
        libraries: vec![library("One", &["/a"]), library("Two", &["/b"])],
        ..ScriptedTarget::default()
    };
    let advice = harness(target).engine.map_advice(Vec::new(), None).await;
    let lines: Vec<_> = advice.found.lines.iter().map(|line| (&*line.from, &*line.to)).collect();
    assert_eq!(lines, [("/mnt/media/tv", "/a"), ("/mnt/media/movies", "/b")], "{advice:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_server_is_compared_by_its_files_and_nobody_else_is_asked() {
    let harness = harness(plex(&["/elsewhere"]));
    harness.targets[0].set_down(Some(Fault::away("connection refused")));
    let samples = ["/a/Show A/x.mkv", "/a/Show C/Season 1/y.mkv", "/b/Film (2001)/f.mkv"];
    let new = NewServer {
        name: "jellyfin".to_owned(),
        libraries: vec![library("One", &["/a"]), library("Two", &["/b"])],
        samples: samples.map(str::to_owned).to_vec(),
    };
    let advice = harness.engine.map_advice(Vec::new(), Some(new.clone())).await;
    let lines: Vec<_> =
        advice.found.lines.iter().map(|line| (line.of.name(), &*line.from, &*line.to)).collect();
    let wanted = [("jellyfin", "/mnt/media/tv", "/a"), ("jellyfin", "/mnt/media/movies", "/b")];
    assert_eq!(lines, wanted, "{advice:#?}");
    assert!(advice.found.lines[0].evidence[0].contains("'Show A' and 'Show C'"), "{advice:#?}");
    assert_eq!(advice.silent, [""; 0], "the server that is down was not asked");

    let unknown = NewServer { samples: Vec::new(), ..new };
    let advice = harness.engine.map_advice(Vec::new(), Some(unknown)).await;
    assert_eq!(advice.found.lines, [], "what is called otherwise is known by its files alone");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_named_and_the_others_are_compared() {
    let target = plex(&["/data/tv"]);
    target.set_down(Some(Fault::away("connection refused")));
    let harness = harness(target);
    let silent =
        SenderFolders { trigger: "manual".to_owned(), folders: Err("the key was rejected".to_owned()) };
    let advice = harness.engine.map_advice(vec![silent, sonarr(&[("/tv", &SHOWS)])], None).await;
    assert_eq!(advice.found.lines.len(), 1, "{advice:#?}");
    let told = [
        "manual did not say its folders: the key was rejected",
        "plex did not say its libraries: connection refused",
    ];
    assert_eq!(advice.silent, told);
}

#[tokio::test(start_paused = true)]
async fn a_library_of_thousands_and_a_disk_that_hangs_do_not_hold_it_up() {
    let harness = harness(plex(&["/data/tv"]));
    for number in 0..3000 {
        harness.files.make_folder(&format!("/mnt/huge/Folder {number}/inside"));
    }
    harness.files.make_folder("/mnt/dead/tv");
    harness.files.slow_down_below("/mnt/dead", Duration::from_hours(1));
    let began = FakeClock::new().now();
    let advice = harness.engine.map_advice(vec![sonarr(&[("/tv", &SHOWS)])], None).await;
    assert!(FakeClock::new().now().since(began) <= Duration::from_secs(20));
    assert!(advice.looked_into < 100, "{}", advice.looked_into);
}

#[tokio::test(start_paused = true)]
async fn what_a_target_said_is_kept_with_what_its_folders_are_here() {
    let harness = harness(plex(&["/mnt/media/tv", "/elsewhere", "/mnt/media/tv"]));
    assert_eq!(harness.engine.known(), [None]);
    harness.engine.get_to_know(Duration::from_secs(1)).await;
    let known = harness.engine.known()[0].clone().unwrap();
    let said = known.said.unwrap();
    let here = |path: &str, look| (path.to_owned(), LocalFolders::At(vec![(local(path), look)]));
    assert_eq!(said.folders, [here("/mnt/media/tv", Look::Folder), here("/elsewhere", Look::Missing)]);
    assert_eq!((known.silent, said.test.identity.product.as_str()), (None, "Spy"));

    let probes = || *harness.targets[0].probes.lock().unwrap();
    let before = probes();
    harness.engine.get_to_know(Duration::from_secs(1)).await;
    assert_eq!(probes(), before, "what is fresh is not asked again");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_keeps_nobody_waiting_and_one_that_goes_keeps_what_it_said() {
    let harness = harness(plex(&["/mnt/media/tv"]));
    harness.engine.get_to_know(Duration::from_secs(1)).await;
    harness.targets[0].set_down(Some(Fault::away("connection refused")));
    assert!(harness.engine.test("plex").await.unwrap().is_err());
    let known = harness.engine.known()[0].clone().unwrap();
    assert_eq!(known.silent.as_deref(), Some("connection refused"));
    assert_eq!(known.said.unwrap().folders.len(), 1);

    let hanging = TestEngine::start(TestSetup {
        targets: vec![("plex", ScriptedTarget { probe_hangs: true, ..ScriptedTarget::default() })],
        ..TestSetup::default()
    });
    let began = tokio::time::Instant::now();
    hanging.engine.get_to_know(Duration::from_millis(800)).await;
    hanging.engine.get_to_know(Duration::from_millis(800)).await;
    assert_eq!(began.elapsed(), Duration::from_millis(800), "nobody waits twice");
    assert_eq!(hanging.engine.known(), [None]);
    tokio::time::sleep(Duration::from_mins(1)).await;
    let known = hanging.engine.known()[0].clone().unwrap();
    assert_eq!(known.silent.as_deref(), Some("it did not answer within 20 s"));
}
