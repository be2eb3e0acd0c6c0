use autoscan_engine::{BrowseError, BrowsePart};

use autoscan_testkit::{TestEngine, TestSetup, local};

const ALL: BrowsePart = BrowsePart { text: String::new(), from: 0, most: 1000 };

/// Shows in `/mnt/media`, something private beside it.
fn harness() -> TestEngine {
    let maps = vec![("/tv", "/mnt/media"), ("/all", "/")];
    let harness =
        TestEngine::start(TestSetup { maps, anchors: vec!["/mnt/remote/.mounted"], ..TestSetup::default() });
    for folder in [
        "/mnt/media/tv/Season 10",
        "/mnt/media/tv/season 2",
        "/mnt/media2/private",
        "/etc/secret",
        "/mnt/remote/films",
    ] {
        harness.files.make_folder(folder);
    }
    harness
}

async fn names(harness: &TestEngine, folder: &str) -> Result<Vec<String>, BrowseError> {
    let found = harness.engine.browse(&local(folder), &ALL).await?;
    Ok(found
        .folders
        .into_iter()
        .map(|inside| inside.path.map_or(inside.name, |path| path.to_string()))
        .collect())
}

#[tokio::test(start_paused = true)]
async fn the_roots_are_where_maps_lead_and_what_anchors_guard_but_never_the_whole_disk() {
    let roots = harness().engine.browse_roots().await.roots;
    let told: Vec<_> = roots.iter().map(|root| (root.folder.as_str(), root.named_by.join(", "))).collect();
    let expected = [
        ("/mnt/media", "the map of sonarr, the map of manual".to_owned()),
        ("/mnt/remote", "an anchor".to_owned()),
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn folders_come_in_natural_order_in_parts_and_by_a_text() {
    let harness = harness();
    assert_eq!(
        names(&harness, "/mnt/media/tv").await.unwrap(),
        ["/mnt/media/tv/season 2", "/mnt/media/tv/Season 10"]
    );
    let part = BrowsePart { text: "SEASON".into(), from: 1, most: 5 };
    let found = harness.engine.browse(&local("/mnt/media/tv"), &part).await.unwrap();
    assert_eq!((found.folders.len(), found.count, found.whole), (1, 2, true));
    assert_eq!((found.folders[0].name.as_str(), found.root), ("Season 10", local("/mnt/media")));
    harness.files.make_odd_folder("/mnt/media/odd", "caf\u{fffd}");
    assert_eq!(names(&harness, "/mnt/media/odd").await.unwrap(), ["caf\u{fffd}"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_outside_of_the_roots_is_shown() {
    let harness = harness();
    harness.files.link("/mnt/media/out", "/etc");
    harness.files.link("/mnt/media/up", "/mnt");
    harness.files.link("/mnt/media/sibling", "/mnt/media2");
    let looks = harness.files.looks();
    for outside in ["/", "/etc", "/mnt", "/mnt/media2", "/mnt/media2/private", "/mnt/Media", "C:\\mnt\\media"]
    {
        assert_eq!(names(&harness, outside).await, Err(BrowseError::Outside), "{outside}");
    }
    assert_eq!(harness.files.looks(), looks, "the disk is not even looked at");
    for through in
        ["/mnt/media/out", "/mnt/media/out/secret", "/mnt/media/up/media2", "/mnt/media/sibling/private"]
    {
        assert_eq!(names(&harness, through).await, Err(BrowseError::Outside), "{through}");
    }
    assert_eq!(
        names(&harness, "/mnt/media").await.unwrap(),
        ["/mnt/media/tv"],
        "links that lead out are left out"
    );
}

#[tokio::test(start_paused = true)]
async fn a_link_inside_is_followed_and_keeps_its_name() {
    let harness = harness();
    harness.files.link("/mnt/media/films", "/mnt/remote/films");
    harness.files.link("/mnt/media/dead", "/mnt/remote/gone");
    harness.files.make_folder("/mnt/remote/films/Paper Kites (2021)");
    assert_eq!(names(&harness, "/mnt/media").await.unwrap(), ["/mnt/media/films", "/mnt/media/tv"]);
    assert_eq!(names(&harness, "/mnt/media/films").await.unwrap(), ["/mnt/media/films/Paper Kites (2021)"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_says_why() {
    let harness = harness();
    harness.files.break_below("/mnt/remote", "the mount is not connected");
    let unreadable = |text: &str| Err(BrowseError::Unreadable(text.into()));
    assert_eq!(names(&harness, "/mnt/remote/films").await, unreadable("the mount is not connected"));
    assert_eq!(names(&harness, "/mnt/media/gone").await, unreadable("there is no such folder"));
}
