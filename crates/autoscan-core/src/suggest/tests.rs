use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn place(path: &str, names: &[&str]) -> Place {
    Place {
        path: AbsolutePath::parse(path).unwrap(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        whole: true,
    }
}

fn view(of: Party, map: &[(&str, &str)], folders: Vec<Place>) -> ProgramView {
    ProgramView { of, map: PathMap::new(map.iter().copied(), []).unwrap(), folders }
}

fn sonarr(map: &[(&str, &str)], folders: Vec<Place>) -> ProgramView {
    view(Party::Trigger("sonarr".to_owned()), map, folders)
}

fn plex(map: &[(&str, &str)], folders: Vec<Place>) -> ProgramView {
    view(Party::Target("plex".to_owned()), map, folders)
}

fn lines(found: &Suggestions) -> Vec<(&str, &str, &str)> {
    found.lines.iter().map(|line| (line.of.name(), line.from.as_str(), line.to.as_str())).collect()
}

const SHOWS: [&str; 3] = ["Show A", "Show B", "Show C"];
const FILMS: [&str; 3] = ["Film (2001)", "Other (2002)", "Third (2003)"];
const NONE: [&str; 0] = [];

#[test]
#[expect(clippy::too_many_lines, reason = "a table: one row a layout")]
fn real_layouts_get_the_lines_that_people_would_write() {
    // Its name, Sonarr's roots, Plex's folders, the disk, the lines.
    type Row<'a> = (
        &'a str,
        &'a [(&'a str, &'a [&'a str])],
        &'a [&'a str],
        &'a [(&'a str, &'a [&'a str])],
        &'a [(&'a str, &'a str, &'a str)],
    );
    let rows: &[Row<'_>] = &[
        (
            "linuxserver: a folder of its own each",
            &[("/tv", &SHOWS), ("/movies", &FILMS)],
            &["/data/tvshows", "/data/movies"],
            &[
                ("/mnt/media/tvshows", &SHOWS),
                ("/mnt/media/movies", &FILMS),
                ("/mnt/media", &["tvshows", "movies"]),
            ],
            &[
                ("sonarr", "/tv", "/mnt/media/tvshows"),
                ("sonarr", "/movies", "/mnt/media/movies"),
                ("plex", "/mnt/media", "/data"),
            ],
        ),
        (
            "Saltbox: the same path everywhere",
            &[("/mnt/unionfs/Media/TV", &SHOWS)],
            &["/mnt/unionfs/Media/TV", "/mnt/unionfs/Media/Movies"],
            &[
                ("/mnt/unionfs/Media/TV", &SHOWS),
                ("/mnt/unionfs/Media/Movies", &FILMS),
                ("/mnt/remote/Media/TV", &SHOWS),
                ("/mnt/local/Media/TV", &["Show C"]),
            ],
            &[],
        ),
        (
            "Unraid: user shares behind short names",
            &[("/tv", &SHOWS)],
            &["/media/TV Shows"],
            &[("/mnt/user/media/TV Shows", &SHOWS), ("/mnt/user/appdata", &["plex", "sonarr"])],
            &[
                ("sonarr", "/tv", "/mnt/user/media/TV Shows"),
                ("plex", "/mnt/user/media/TV Shows", "/media/TV Shows"),
            ],
        ),
        (
            "Synology: a volume",
            &[("/video/tv", &SHOWS), ("/video/movies", &FILMS)],
            &["/volume1/video/tv", "/volume1/video/movies"],
            &[("/volume1/video/tv", &SHOWS), ("/volume1/video/movies", &FILMS)],
            &[("sonarr", "/video", "/volume1/video")],
        ),
        (
            "a Windows drive and a share",
            &[("D:\\Media\\TV", &SHOWS)],
            &["\\\\tower\\media\\TV", "\\\\tower\\media\\Movies"],
            &[("/mnt/media/TV", &SHOWS), ("/mnt/media/Movies", &FILMS)],
            &[("sonarr", "D:\\Media\\TV", "/mnt/media/TV"), ("plex", "/mnt/media", "\\\\tower\\media\\")],
        ),
        (
            "a share that is the library",
            &[("\\\\nas\\tv", &NONE)],
            &[],
            &[("/volume1/tv", &SHOWS), ("/volume1/music", &["Artist"])],
            &[("sonarr", "\\\\nas\\tv\\", "/volume1/tv")],
        ),
        (
            "trash guides: one root for all",
            &[("/data/media/tv", &SHOWS), ("/data/media/movies", &FILMS)],
            &["/data/media/tv", "/data/media/movies"],
            &[
                ("/srv/storage/data/media/tv", &SHOWS),
                ("/srv/storage/data/media/movies", &FILMS),
                ("/srv/storage/data/torrents/tv", &["Show.A.S01.1080p"]),
            ],
            &[
                ("sonarr", "/data/media", "/srv/storage/data/media"),
                ("plex", "/srv/storage/data/media", "/data/media"),
            ],
        ),
        (
            "two libraries of one ending, told apart by their names",
            &[("/tv", &SHOWS), ("/tv-4k", &["Show B", "Show D"])],
            &["/data/tv", "/data/tv-4k"],
            &[("/mnt/media/tv", &SHOWS), ("/mnt/media/tv-4k", &["Show B", "Show D"])],
            &[
                ("sonarr", "/tv", "/mnt/media/tv"),
                ("sonarr", "/tv-4k", "/mnt/media/tv-4k"),
                ("plex", "/mnt/media", "/data"),
            ],
        ),
        (
            "the same shows in two qualities, told apart by the ending",
            &[("/tv-4k", &SHOWS)],
            &[],
            &[("/mnt/media/tv", &SHOWS), ("/mnt/media/tv-4k", &SHOWS)],
            &[("sonarr", "/tv-4k", "/mnt/media/tv-4k")],
        ),
    ];
    for (layout, roots, libraries, disk, wanted) in rows {
        let roots = roots.iter().map(|(path, names)| place(path, names)).collect();
        let libraries = libraries.iter().map(|path| place(path, &[])).collect();
        let disk: Vec<Place> = disk.iter().map(|(path, names)| place(path, names)).collect();
        let found = suggest(&[sonarr(&[], roots)], &[plex(&[], libraries)], &disk);
        assert_eq!(lines(&found), *wanted, "{layout}: {found:#?}");
    }
}

#[test]
fn the_evidence_is_told_for_a_person() {
    let many: Vec<String> = (0..9).map(|number| format!("Show {number}")).collect();
    let names: Vec<&str> = many.iter().map(String::as_str).collect();
    let disk = [
        place("/mnt/media/tv", &SHOWS),
        place("/mnt/many", &names[..7]),
        place("/mnt/odd/tv", &["a\u{202e}b"]),
    ];
    for (root, wanted) in [
        (
            place("/tv", &SHOWS),
            "sonarr's /tv has 'Show A', 'Show B' and 'Show C'; /mnt/media/tv here has all 3|both paths end in tv",
        ),
        (
            place("/all", &names),
            "sonarr's /all has 'Show 0', 'Show 1', 'Show 2' and 4 more; /mnt/many here has 7 of the 9 that are known",
        ),
        (
            place("/x/tv", &["a\u{202e}b"]),
            "sonarr's /x/tv has 'a\\u{202e}b'; /mnt/odd/tv here has it too|both paths end in tv",
        ),
    ] {
        let found = suggest(&[sonarr(&[], vec![root])], &[], &disk);
        assert_eq!(found.lines[0].evidence.join("|"), wanted, "{found:#?}");
    }
    let unknown = suggest(&[sonarr(&[], vec![place("/films", &[])])], &[], &[place("/mnt/films", &FILMS)]);
    assert!(unknown.lines[0].evidence[1].contains("is not known, so look twice"), "{unknown:#?}");
    assert!(unknown.lines[0].score < 30);
}

#[test]
fn where_two_answers_are_as_good_both_are_told_and_none_is_proposed() {
    let disk = [place("/mnt/one/tv", &SHOWS), place("/mnt/two/tv", &SHOWS), place("/mnt/old", &["Show A"])];
    let found = suggest(&[sonarr(&[], vec![place("/tv", &SHOWS)])], &[], &disk);
    assert_eq!(lines(&found), []);
    let choices: Vec<&str> = found.doubts[0].choices.iter().map(|choice| choice.folder.as_str()).collect();
    assert_eq!(choices, ["/mnt/one/tv", "/mnt/two/tv"]);
    assert!(found.doubts[0].why.contains("several"), "{found:?}");
}

#[test]
fn what_is_in_use_decides_between_equals() {
    let disk = [place("/mnt/one/tv", &SHOWS), place("/mnt/two/tv", &SHOWS)];
    let other = view(Party::Trigger("other".to_owned()), &[("/x", "/mnt/two")], Vec::new());
    let found = suggest(&[other, sonarr(&[], vec![place("/tv", &SHOWS)])], &[], &disk);
    assert_eq!(lines(&found), [("sonarr", "/tv", "/mnt/two/tv")]);
    assert!(
        found.lines[0].evidence.iter().any(|said| said.contains("the map of other leads there")),
        "{found:?}"
    );
}

#[test]
fn one_line_for_many_folders_keeps_what_speaks_for_each_apart() {
    let disk = [place("/mnt/media/tv", &SHOWS), place("/mnt/media/movies", &FILMS)];
    let folders = vec![place("/data/tv", &SHOWS[..2]), place("/data/movies", &FILMS[..2])];
    let found = suggest(&[], &[plex(&[], folders)], &disk);
    assert_eq!(lines(&found), [("plex", "/mnt/media", "/data")]);
    let of = |at: usize| {
        let one = &found.counterparts[at];
        (one.folder.as_str(), one.local.as_str(), one.evidence.join("|"))
    };
    let said = "plex's /data/tv has 'Show A' and 'Show B'; /mnt/media/tv here has all 2|both paths end in tv";
    assert_eq!(of(0), ("/data/tv", "/mnt/media/tv", said.to_owned()));
    assert_eq!((of(1).0, of(1).1, found.counterparts.len()), ("/data/movies", "/mnt/media/movies", 2));
}

#[test]
fn what_is_mapped_already_gets_no_line() {
    let disk = [place("/mnt/media/tv", &SHOWS), place("/mnt/media/movies", &FILMS)];
    let found = suggest(
        &[sonarr(&[("/tv", "/mnt/media/tv")], vec![place("/tv", &SHOWS)])],
        &[plex(&[("/mnt/media", "/data")], vec![place("/data/tv", &[]), place("/data/movies", &FILMS)])],
        &disk,
    );
    assert_eq!((lines(&found), found.doubts.len()), (vec![], 0), "{found:?}");
    let fits: Vec<&str> = found.fits.iter().map(|fit| fit.local.as_str()).collect();
    assert_eq!(fits, ["/mnt/media/tv", "/mnt/media/tv", "/mnt/media/movies"]);
}

#[test]
fn a_map_that_leads_astray_is_not_written_over_but_told() {
    let disk = [place("/mnt/media/tv", &SHOWS), place("/mnt/wrong", &["Else", "Other"])];
    let found = suggest(&[sonarr(&[("/tv", "/mnt/wrong")], vec![place("/tv", &SHOWS)])], &[], &disk);
    assert_eq!(lines(&found), []);
    assert!(found.doubts[0].why.contains("has a line for /tv already"), "{found:?}");
    assert_eq!(found.doubts[0].choices[0].folder, "/mnt/media/tv");
}

#[test]
fn two_folders_of_one_program_are_not_led_to_one_folder() {
    let disk = [place("/mnt/media/tv", &SHOWS)];
    let roots = vec![place("/a/tv", &SHOWS), place("/b/tv", &SHOWS), place("/old", &SHOWS[..2])];
    let found = suggest(&[sonarr(&[], roots)], &[], &disk);
    assert_eq!((lines(&found), found.doubts.len()), (vec![], 3), "{found:?}");
}

#[test]
fn a_line_for_many_folders_leaves_alone_what_lies_elsewhere() {
    let disk = [
        place("/mnt/media/tv", &SHOWS),
        place("/mnt/media/movies", &FILMS),
        place("/data/anime", &["Frieren", "Mushishi"]),
    ];
    let roots = vec![
        place("/data/tv", &SHOWS),
        place("/data/movies", &FILMS),
        place("/data/anime", &["Frieren", "Mushishi"]),
    ];
    let found = suggest(&[sonarr(&[], roots)], &[], &disk);
    let wanted = [("sonarr", "/data/tv", "/mnt/media/tv"), ("sonarr", "/data/movies", "/mnt/media/movies")];
    assert_eq!(lines(&found), wanted, "{found:#?}");
}

#[test]
fn a_folder_without_any_of_the_names_is_not_it_though_it_is_called_so() {
    let disk = [place("/mnt/backup/tv", &["Old", "Older", "Oldest"]), place("/srv/shows", &SHOWS)];
    let found = suggest(&[sonarr(&[], vec![place("/tv", &SHOWS)])], &[], &disk);
    assert_eq!(lines(&found), [("sonarr", "/tv", "/srv/shows")]);
    let nothing = suggest(&[sonarr(&[], vec![place("/tv", &SHOWS)])], &[], &disk[..1]);
    assert_eq!(nothing.doubts[0].why, "no folder here looks like it");
}

prop_compose! {
    fn libraries()(names in prop::collection::btree_set("[a-z]{2,6}", 1..5), shared in any::<bool>())(
        shows in prop::collection::vec(prop::collection::btree_set("[A-Z][a-z]{4,8}", 3..6), names.len()),
        names in Just(names), shared in Just(shared),
    ) -> (Vec<(String, BTreeSet<String>)>, bool) {
        (names.into_iter().zip(shows).collect(), shared)
    }
}

proptest! {
    #[test]
    fn with_its_lines_every_folder_comes_out_where_its_media_are((libraries, shared) in libraries()) {
        let all: Vec<&String> = libraries.iter().flat_map(|(_, shows)| shows).collect();
        prop_assume!(all.iter().collect::<BTreeSet<_>>().len() == all.len());
        let at = |root: &str, name: &str, names: &BTreeSet<String>| Place {
            path: AbsolutePath::parse(&format!("{root}/{name}")).unwrap(), names: names.clone(), whole: true,
        };
        let theirs = |name: &String| if shared { name.clone() } else { format!("their-{name}") };
        let roots: Vec<Place> = libraries.iter().map(|(name, shows)| at("/data", &theirs(name), shows)).collect();
        let disk: Vec<Place> = libraries.iter().map(|(name, shows)| at("/mnt/media", name, shows)).collect();
        let found = suggest(&[sonarr(&[], roots.clone())], &[plex(&[], roots.clone())], &disk);
        for of in ["sonarr", "plex"] {
            let lines: Vec<_> = lines(&found).into_iter().filter(|line| line.0 == of).collect();
            let froms: BTreeSet<&str> = lines.iter().map(|line| line.1).collect();
            prop_assert_eq!(froms.len(), lines.len());
            let map = PathMap::new(lines.iter().map(|line| (line.1, line.2)), []).unwrap();
            for (root, here) in roots.iter().zip(&disk) {
                let (from, to) = if of == "sonarr" { (root, here) } else { (here, root) };
                prop_assert_eq!(&map.apply(&from.path).unwrap().path, &to.path);
            }
            // And with them, there is nothing left to propose.
            let text: Vec<(&str, &str)> = lines.iter().map(|line| (line.1, line.2)).collect();
            let again = match of {
                "sonarr" => suggest(&[sonarr(&text, roots.clone())], &[], &disk),
                _ => suggest(&[], &[plex(&text, roots.clone())], &disk),
            };
            prop_assert_eq!((again.lines.len(), again.doubts.len()), (0, 0));
        }
    }
}
