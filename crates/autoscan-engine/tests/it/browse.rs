use autoscan_engine::{BrowseError, BrowsePart};

use crate::world::{Setup, World, local};

const ALL: BrowsePart = BrowsePart { text: String::new(), from: 0, most: 1000 };

/// Shows in `/mnt/media`, something private beside it.
fn world() -> World {
    let maps = vec![("/tv", "/mnt/media"), ("/all", "/")];
    let world = World::start(Setup { maps, anchors: vec!["/mnt/remote/.mounted"], ..Setup::default() });
    for folder in [
        "/mnt/media/tv/Season 10",
        "/mnt/media/tv/season 2",
        "/mnt/media2/private",
        "/etc/secret",
        "/mnt/remote/films",
    ] {
        world.files.make_folder(folder);
    }
    world
}

async fn names(world: &World, folder: &str) -> Result<Vec<String>, BrowseError> {
    let found = world.engine.browse(&local(folder), &ALL).await?;
    Ok(found
        .folders
        .into_iter()
        .map(|inside| inside.path.map_or(inside.name, |path| path.to_string()))
        .collect())
}

#[tokio::test(start_paused = true)]
async fn the_roots_are_where_maps_lead_and_what_anchors_guard_but_never_the_whole_disk() {
    let roots = world().engine.browse_roots().await.roots;
    let told: Vec<_> = roots.iter().map(|root| (root.folder.as_str(), root.named_by.join(", "))).collect();
    let expected = [
        ("/mnt/media", "the map of sonarr, the map of manual".to_owned()),
        ("/mnt/remote", "an anchor".to_owned()),
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn folders_come_in_natural_order_in_parts_and_by_a_text() {
    let world = world();
    assert_eq!(
        names(&world, "/mnt/media/tv").await.unwrap(),
        ["/mnt/media/tv/season 2", "/mnt/media/tv/Season 10"]
    );
    let part = BrowsePart { text: "SEASON".into(), from: 1, most: 5 };
    let found = world.engine.browse(&local("/mnt/media/tv"), &part).await.unwrap();
    assert_eq!((found.folders.len(), found.count, found.whole), (1, 2, true));
    assert_eq!((found.folders[0].name.as_str(), found.root), ("Season 10", local("/mnt/media")));
    world.files.make_odd_folder("/mnt/media/odd", "caf\u{fffd}");
    assert_eq!(names(&world, "/mnt/media/odd").await.unwrap(), ["caf\u{fffd}"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_outside_of_the_roots_is_shown() {
    let world = world();
    world.files.link("/mnt/media/out", "/etc");
    world.files.link("/mnt/media/up", "/mnt");
    world.files.link("/mnt/media/sibling", "/mnt/media2");
    let looks = world.files.looks();
    for outside in ["/", "/etc", "/mnt", "/mnt/media2", "/mnt/media2/private", "/mnt/Media", "C:\\mnt\\media"]
    {
        assert_eq!(names(&world, outside).await, Err(BrowseError::Outside), "{outside}");
    }
    assert_eq!(world.files.looks(), looks, "the disk is not even looked at");
    for through in
        ["/mnt/media/out", "/mnt/media/out/secret", "/mnt/media/up/media2", "/mnt/media/sibling/private"]
    {
        assert_eq!(names(&world, through).await, Err(BrowseError::Outside), "{through}");
    }
    assert_eq!(
        names(&world, "/mnt/media").await.unwrap(),
        ["/mnt/media/tv"],
        "links that lead out are left out"
    );
}

#[tokio::test(start_paused = true)]
async fn a_link_inside_is_followed_and_keeps_its_name() {
    let world = world();
    world.files.link("/mnt/media/films", "/mnt/remote/films");
    world.files.link("/mnt/media/dead", "/mnt/remote/gone");
    world.files.make_folder("/mnt/remote/films/Paper Kites (2021)");
    assert_eq!(names(&world, "/mnt/media").await.unwrap(), ["/mnt/media/films", "/mnt/media/tv"]);
    assert_eq!(names(&world, "/mnt/media/films").await.unwrap(), ["/mnt/media/films/Paper Kites (2021)"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_says_why() {
    let world = world();
    world.files.break_below("/mnt/remote", "the mount is not connected");
    let unreadable = |text: &str| Err(BrowseError::Unreadable(text.into()));
    assert_eq!(names(&world, "/mnt/remote/films").await, unreadable("the mount is not connected"));
    assert_eq!(names(&world, "/mnt/media/gone").await, unreadable("there is no such folder"));
}
