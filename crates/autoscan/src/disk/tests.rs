use super::*;

use tempfile::TempDir;

fn local(path: &Path) -> LocalPath {
    LocalPath::parse(path.to_str().unwrap()).unwrap()
}

#[tokio::test]
async fn files_folders_gaps_and_broken_links_are_told_apart() {
    let room = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    fs::write(room.path().join("a.mkv"), b"12345").unwrap();
    std::os::unix::fs::symlink(room.path().join("nowhere"), room.path().join("link.mkv")).unwrap();
    assert!(matches!(disk.look(&local(&room.path().join("a.mkv"))).await, Look::File { size: 5, .. }));
    assert_eq!(disk.look(&local(room.path())).await, Look::Folder);
    assert_eq!(disk.look(&local(&room.path().join("b.mkv"))).await, Look::Missing);
    assert_eq!(disk.look(&local(&room.path().join("a.mkv/b.mkv"))).await, Look::Missing);
    assert_eq!(disk.look(&local(&room.path().join("link.mkv"))).await, Look::Missing);
}

#[tokio::test]
async fn the_beginning_of_a_file_is_read_and_nothing_that_is_no_file_is_waited_for() {
    let room = tempfile::tempdir().unwrap();
    let (disk, file, pipe) = (Disk::default(), room.path().join(".plexignore"), room.path().join("pipe"));
    fs::write(&file, b"caf\xe9/*\nmore").unwrap();
    assert_eq!(disk.text(&local(&file), 6).await, Ok("caf\u{fffd}/*".to_owned()));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for other in [pipe, room.path().to_owned(), room.path().join("gone")] {
        let read = tokio::time::timeout(Duration::from_secs(2), disk.text(&local(&other), 6)).await;
        assert!(read.expect("nobody writes into the pipe").is_err(), "{other:?}");
    }
    assert!(disk.text(&local(&file), 6).await.is_ok(), "and nothing hangs afterwards");
}

#[tokio::test]
async fn a_folder_that_holds_only_its_anchor_is_empty() {
    let room = tempfile::tempdir().unwrap();
    let (disk, anchor) = (Disk::default(), room.path().join(".mounted"));
    fs::write(&anchor, b"").unwrap();
    assert!(disk.is_empty(&local(room.path()), &[local(&anchor)]).await);
    assert!(!disk.is_empty(&local(room.path()), &[]).await);
    assert!(disk.is_empty(&local(&room.path().join("gone")), &[]).await);
}

#[tokio::test]
async fn a_list_holds_the_files_below_and_says_whether_it_is_whole() {
    let room = tempfile::tempdir().unwrap();
    fs::create_dir_all(room.path().join("a/b")).unwrap();
    fs::write(room.path().join("a/b/1.mkv"), b"").unwrap();
    fs::write(room.path().join("2.mkv"), b"").unwrap();
    std::os::unix::fs::symlink(room.path(), room.path().join("a/round")).unwrap();
    let list = async |most| Disk::default().list(&local(room.path()), most).await;
    let names = |listing: &Listing| {
        let mut names: Vec<_> =
            listing.files.iter().map(|file| file.0.file_name().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let all = list(10).await;
    assert_eq!((names(&all), all.whole), (vec!["1.mkv".into(), "2.mkv".into(), "round".into()], true));
    assert!(!list(2).await.whole);
    let gone = Disk::default().list(&local(&room.path().join("gone")), 5).await;
    assert_eq!(gone, Listing::default());
}

#[tokio::test]
async fn folders_and_links_are_listed_and_files_are_not() {
    let room = tempfile::tempdir().unwrap();
    for name in ["b", "a\u{202e}<x>", "line\nbreak"] {
        fs::create_dir(room.path().join(name)).unwrap();
    }
    let bytes: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9");
    fs::create_dir(room.path().join(bytes)).unwrap();
    fs::write(room.path().join("file.mkv"), b"").unwrap();
    std::os::unix::fs::symlink("/nowhere", room.path().join("link")).unwrap();
    let disk = Disk::default();
    let mut found = disk.folders_in(&local(room.path()), 10).await.unwrap();
    found.folders.sort_by(|one, other| one.name.cmp(&other.name));
    let told: Vec<_> =
        found.folders.iter().map(|each| (each.name.as_str(), each.path.is_some(), each.is_link)).collect();
    let expected = [
        ("a\u{202e}<x>", true, false),
        ("b", true, false),
        ("caf\u{fffd}", false, false),
        ("line\nbreak", false, false),
        ("link", true, true),
    ];
    assert_eq!((told.as_slice(), found.whole), (expected.as_slice(), true));
    assert!(!disk.folders_in(&local(room.path()), 2).await.unwrap().whole);
    let gone = disk.folders_in(&local(&room.path().join("gone")), 2).await;
    assert_eq!(gone.unwrap_err(), "there is no such folder");
}

#[tokio::test]
async fn a_real_path_has_every_link_followed() {
    let room = tempfile::tempdir().unwrap();
    let room = fs::canonicalize(room.path()).unwrap();
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, room.join(at)).unwrap();
    fs::create_dir_all(room.join("media/tv/Show")).unwrap();
    fs::create_dir(room.join("links")).unwrap();
    link("../media/./tv", "links/relative");
    link(room.join("links/relative").to_str().unwrap(), "absolute");
    link("/../../etc", "links/out");
    link("around", "around");
    let disk = Disk::default();
    let real = async |path: &str| disk.real_path(&local(&room.join(path))).await;
    for (path, expected) in [
        ("media/tv", "media/tv"),
        ("links/relative/Show", "media/tv/Show"),
        ("absolute/Show", "media/tv/Show"),
    ] {
        assert_eq!(real(path).await.unwrap(), local(&room.join(expected)), "{path}");
    }
    assert_eq!(real("links/out").await.unwrap().as_str(), "/etc");
    assert!(real("around").await.unwrap_err().contains("go round"));
    assert_eq!(real("media/gone/x").await.unwrap_err(), "there is no such folder");
}

/// A disk whose table of mounts names the root and the folder `remote` of every test, and on which looks at the mount `remote`
/// hang until the sender is dropped.
async fn with_a_hung_mount(room: &Path) -> (Disk, std::sync::mpsc::Sender<()>) {
    fn table() -> MountTable {
        MountTable::new(["/".into(), remote()])
    }
    let disk =
        Disk { workers: Workers::new(Duration::from_millis(20)), read_table: table, ..Disk::default() };
    let (end, hang) = std::sync::mpsc::channel::<()>();
    disk.workers.run(&room.join("remote"), move || hang.recv().is_ok()).await.unwrap_err();
    (disk, end)
}

/// The one place of a mount that the pretended table names: tables are read by functions, which hold nothing.
fn remote() -> std::path::PathBuf {
    static ROOM: std::sync::LazyLock<TempDir> = std::sync::LazyLock::new(|| tempfile::tempdir().unwrap());
    fs::canonicalize(ROOM.path()).unwrap().join("remote")
}

#[tokio::test]
async fn a_link_onto_a_hung_mount_is_unreachable_and_its_own_disk_goes_on() {
    let remote = remote();
    let room = remote.parent().unwrap();
    for folder in ["remote/Show", "media/beside", "media/deep/inner"] {
        fs::create_dir_all(room.join(folder)).unwrap();
    }
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, room.join(at)).unwrap();
    link("../remote", "media/tv");
    link("tv/Show", "media/show");
    link(room.join("media/show").to_str().unwrap(), "media/deep/far");
    link("remote/../media/beside", "round-about");
    let (disk, _end) = with_a_hung_mount(room).await;
    let at = |path: &str| local(&room.join(path));
    for hung in ["media/tv", "media/tv/Show/a.mkv", "media/show", "media/deep/far/a.mkv", "remote"] {
        let found = disk.look(&at(hung)).await;
        assert!(matches!(&found, Look::Unreachable(why) if why.contains("remote")), "{hung}: {found:?}");
        assert!(disk.is_empty(&at(hung), &[]).await, "{hung}");
        assert_eq!(disk.list(&at(hung), 9).await, Listing::default(), "{hung}");
        assert!(disk.folders_in(&at(hung), 9).await.unwrap_err().contains("remote"), "{hung}");
        assert!(disk.real_path(&at(hung)).await.unwrap_err().contains("remote"), "{hung}");
        assert_eq!(disk.mount_of(&at(hung)).await.unwrap().mount, local(&remote), "{hung}");
    }
    let seen_as = disk.mount_of(&at("media/tv/Show")).await.unwrap();
    assert_eq!(seen_as.real, at("remote/Show"));
    for well in ["media", "media/beside", "media/deep/inner", "round-about"] {
        assert_eq!(disk.look(&at(well)).await, Look::Folder, "{well}");
        assert_eq!(disk.mount_of(&at(well)).await.unwrap().mount.as_str(), "/", "{well}");
    }
    assert_eq!(disk.look(&at("media/tv.mkv")).await, Look::Missing);
    // What lies on the mount is not listed, and that is said; what lies beside it is.
    let names = |found: &Folders| found.folders.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    let mut inside = names(&disk.folders_in(&at(""), 9).await.unwrap());
    inside.sort();
    assert_eq!(inside, ["media", "remote", "round-about"]);
    fs::write(room.join("media/beside/a.mkv"), b"").unwrap();
    let below = disk.list(&at(""), 99).await;
    assert!(below.files.contains(&at("media/beside/a.mkv")) && !below.whole, "{below:?}");
}

#[tokio::test]
async fn what_lies_behind_a_link_is_listed_under_the_name_that_was_asked_for() {
    let room = tempfile::tempdir().unwrap();
    fs::create_dir_all(room.path().join("real/Show/S01")).unwrap();
    fs::write(room.path().join("real/Show/S01/a.mkv"), b"").unwrap();
    std::os::unix::fs::symlink("real", room.path().join("tv")).unwrap();
    let (disk, at) = (Disk::default(), |path: &str| local(&room.path().join(path)));
    assert_eq!(disk.list(&at("tv/Show"), 9).await.files, [at("tv/Show/S01/a.mkv")]);
    assert_eq!(disk.folders_in(&at("tv"), 9).await.unwrap().folders[0].path, Some(at("tv/Show")));
    assert!(disk.is_empty(&at("tv/Show"), &[at("tv/Show/S01")]).await);
}
