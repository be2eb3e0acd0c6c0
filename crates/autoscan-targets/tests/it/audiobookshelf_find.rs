//! What Audiobookshelf is asked for after a scan, against a pretend Audiobookshelf.

use crate::shelf::{found, gone, gone_folder, shelf, there};
use crate::support::{AWKWARD, changed, new_files, path, rescan, verdicts};
use autoscan_core::change::{Change, Subject};
use autoscan_core::path::TargetPath;
use autoscan_core::proof::{ExpectedFile, Presence};
use autoscan_testkit::PretendAudiobookshelf;

#[tokio::test]
async fn a_book_is_proven_when_its_files_are_listed_with_their_sizes() {
    let (shelf, server) = shelf().await;
    for (file, size) in [("1.mp3", 10), ("CD 2/2.mp3", 20), ("cover.jpg", 3)] {
        shelf.lay(&format!("/books/A/T/{file}"), size);
    }
    let files = [there("/books/A/T/1.mp3", 10), there("/books/A/T/CD 2/2.mp3", 20)];
    let told = server.scan(&[new_files("/books/A/T", &["1.mp3", "CD 2/2.mp3"])]).await;
    assert_eq!(verdicts(&told), ["ok"]);
    let early = found(&*server, "/books/A/T", &files).await;
    assert!(early[0].starts_with("not yet: ") && early[0].contains("/books/A/T/1.mp3"), "{early:?}");
    shelf.look();
    shelf.http.forget_calls();
    assert_eq!(found(&*server, "/books/A/T", &files).await, ["proven", "proven"]);
    let calls: Vec<String> = shelf.http.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(calls.len(), 2, "one list and one book: {calls:?}");
    assert_eq!(shelf.http.calls()[0].param("sort"), Some("addedAt"));
    assert_eq!(shelf.http.calls()[0].param("limit"), Some("50"));

    let other = found(&*server, "/books/A/T", &[there("/books/A/T/1.mp3", 11)]).await;
    assert!(other[0].contains("another size: 10 bytes instead of 11"), "{other:?}");
    let none = found(&*server, "/books/A/T", &[there("/books/A/T/3.mp3", 1)]).await;
    assert!(none[0].contains("does not list \"/books/A/T/3.mp3\""), "{none:?}");
}

#[tokio::test]
async fn what_is_gone_must_not_be_listed_and_a_missing_book_lists_nothing() {
    let (shelf, server) = shelf().await;
    for file in ["T/1.mp3", "T/2.mp3", "U/1.mp3"] {
        shelf.lay(&format!("/books/A/{file}"), 1);
    }
    server.scan(&[rescan("/books")]).await;
    shelf.remove("/books/A/T/2.mp3");
    shelf.remove("/books/A/U");
    let all = [gone("/books/A/T/2.mp3"), gone("/books/A/U/1.mp3"), gone_folder("/books/A/U")];
    let still = found(&*server, "/books/A", &all).await;
    assert!(still.iter().all(|one| one.contains("still lists")), "{still:?}");
    let deleted = |text: &str| Change::deleted(path(text));
    server.scan(&[changed("/books/A", vec![deleted("/books/A/T/2.mp3"), deleted("/books/A/U/1.mp3")])]).await;
    assert_eq!(shelf.scans().len(), 1, "the book that is gone is reported by its file");
    shelf.look();
    assert_eq!(found(&*server, "/books/A", &all).await, ["proven"; 3]);
    let back = found(&*server, "/books/A/U", &[there("/books/A/U/1.mp3", 1)]).await;
    assert!(back[0].contains("takes the book \"/books/A/U\" for missing"), "{back:?}");
    assert_eq!(
        found(&*server, "/books/B", &[gone("/books/B/V/1.mp3")]).await,
        ["proven"],
        "it never was there"
    );
}

#[tokio::test]
async fn reports_that_a_restart_has_lost_are_noticed_and_made_again_when_it_is_told_again() {
    let (shelf, server) = shelf().await;
    shelf.lay("/books/A/T/1.mp3", 1);
    let file = [there("/books/A/T/1.mp3", 1)];
    server.scan(&[new_files("/books/A/T", &["1.mp3"])]).await;
    shelf.restart();
    shelf.look();
    let lost = found(&*server, "/books/A/T", &file).await;
    assert!(lost[0].starts_with("not yet: "), "{lost:?}");
    // What the engine tells when a file was not seen in time: the same changes, by the folder above.
    let again = changed("/books/A", vec![Change::created(path("/books/A/T/1.mp3"))]);
    assert_eq!(verdicts(&server.scan(&[again]).await), ["ok"]);
    shelf.look();
    assert_eq!(found(&*server, "/books/A/T", &file).await, ["proven"]);
    assert!(shelf.scans().is_empty(), "and no library is scanned for it");
}

/// How long the lists were that it was asked for.
fn limits(shelf: &PretendAudiobookshelf) -> Vec<String> {
    let calls = shelf.http.calls_to("/items");
    calls.iter().map(|call| call.param("limit").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_old_book_is_found_in_a_large_library_although_its_folder_did_not_change() {
    let (shelf, server) = shelf().await;
    for book in ["T", "U"] {
        shelf.lay(&format!("/books/A/{book}/CD 1/1.mp3"), 1);
    }
    server.scan(&[rescan("/books")]).await;
    shelf.fill("b1", "/books/Newer", 2500);
    for (book, lists) in [("T", vec!["50", "50", "1000", "1000", "1000"]), ("U", vec!["50", "50"])] {
        let (folder, file) = (format!("/books/A/{book}/CD 1"), format!("/books/A/{book}/CD 1/2.mp3"));
        shelf.lay(&file, 2);
        server.scan(&[new_files(&folder, &["2.mp3"])]).await;
        shelf.look();
        shelf.http.forget_calls();
        assert_eq!(found(&*server, &folder, &[there(&file, 2)]).await, ["proven"]);
        assert_eq!(limits(&shelf), lists, "the list of the library is read once for many books");
    }
    shelf.remove("/books/A/T/CD 1/1.mp3");
    server.scan(&[changed("/books/A/T", vec![Change::deleted(path("/books/A/T/CD 1/1.mp3"))])]).await;
    shelf.look();
    let gone = [gone("/books/A/T/CD 1/1.mp3"), gone("/books/B/V/1.mp3")];
    assert_eq!(found(&*server, "/books/A/T", &gone).await, ["proven"; 2], "nor does it list what never was");
}

#[tokio::test]
async fn a_folder_that_is_gone_from_a_large_library_is_told_by_its_books_and_proven_by_them() {
    let (shelf, server) = shelf().await;
    for book in 0..30 {
        shelf.lay(&format!("/books/A/{book}/1.mp3"), 1);
    }
    server.scan(&[rescan("/books")]).await;
    shelf.fill("b1", "/books/Newer", 2500);
    shelf.remove("/books/A");
    let folder = gone_folder("/books/A");
    let artist = changed("/books", vec![Change::folder_deleted(path("/books/A"))]);
    assert_eq!(verdicts(&server.scan(&[artist]).await), ["ok"]);
    assert_eq!((shelf.taken().len(), shelf.scans().len()), (30, 1), "no library is scanned for it");
    let still = found(&*server, "/books", std::slice::from_ref(&folder)).await;
    assert!(still[0].contains("still lists the book"), "{still:?}");
    shelf.look();
    assert_eq!(found(&*server, "/books", &[folder]).await, ["proven"]);
}

#[tokio::test]
async fn books_that_came_since_the_list_of_a_large_library_was_read_are_known_too() {
    let (shelf, server) = shelf().await;
    shelf.fill("b1", "/books/Old", 100);
    assert_eq!(found(&*server, "/books", &[gone_folder("/books/A")]).await, ["proven"]);
    shelf.lay("/books/A/T/1.mp3", 1);
    server.scan(&[rescan("/books")]).await;
    shelf.fill("b1", "/books/Newer", 60);
    let still = found(&*server, "/books", &[gone_folder("/books/A")]).await;
    assert!(still[0].contains("still lists the book \"/books/A/T\""), "{still:?}");
}

#[tokio::test]
async fn an_old_book_is_found_by_what_changed_in_it_and_otherwise_looked_for_once() {
    let (shelf, server) = shelf().await;
    shelf.lay("/books/A/T/1.mp3", 1);
    shelf.lay("/books/A/U/CD 1/1.mp3", 1);
    server.scan(&[rescan("/books")]).await;
    shelf.fill("b1", "/books/Newer", 80);

    shelf.lay("/books/A/T/2.mp3", 2);
    server.scan(&[new_files("/books/A/T", &["2.mp3"])]).await;
    shelf.look();
    shelf.http.forget_calls();
    assert_eq!(found(&*server, "/books/A/T", &[there("/books/A/T/2.mp3", 2)]).await, ["proven"]);
    let limits = || limits(&shelf);
    assert_eq!(limits(), ["50", "50"], "by the time of its folder");

    shelf.http.forget_calls();
    for _ in 0..3 {
        assert_eq!(found(&*server, "/books/A/T", &[there("/books/A/T/2.mp3", 2)]).await, ["proven"]);
    }
    assert_eq!(limits(), Vec::<String>::new(), "a book that was found is asked for by its id");

    shelf.http.forget_calls();
    for _ in 0..3 {
        found(&*server, "/books/A/New", &[there("/books/A/New/1.mp3", 1)]).await;
    }
    let long = limits().iter().filter(|limit| *limit == "1000").count();
    assert_eq!(long, 1, "a long list is read once for a book that does not come");
}

#[tokio::test]
async fn a_book_that_was_removed_and_comes_again_is_found_under_its_new_id() {
    let (shelf, server) = shelf().await;
    shelf.lay("/books/A/T/1.mp3", 1);
    server.scan(&[rescan("/books")]).await;
    let file = [there("/books/A/T/1.mp3", 1)];
    assert_eq!(found(&*server, "/books/A/T", &file).await, ["proven"]);
    shelf.forget_items();
    assert!(found(&*server, "/books/A/T", &file).await[0].starts_with("not yet: "));
    server.scan(&[rescan("/books")]).await;
    assert_eq!(found(&*server, "/books/A/T", &file).await, ["proven"]);
}

#[tokio::test]
async fn in_a_library_too_large_to_know_what_is_gone_cannot_be_proven_and_the_library_is_scanned() {
    let (shelf, server) = shelf().await;
    shelf.fill("b1", "/books/Old", 10_001);
    let shown = found(&*server, "/books", &[gone("/books/A/T/1.mp3"), gone_folder("/books/A")]).await;
    assert!(shown.iter().all(|one| one.starts_with("unknowable: ") && one.contains("10000")), "{shown:?}");
    let still = found(&*server, "/books", &[gone_folder("/books/Old/1000")]).await;
    assert!(still[0].contains("still lists the book \"/books/Old/1000\""), "{still:?}");
    server.scan(&[changed("/books", vec![Change::folder_deleted(path("/books/A"))])]).await;
    assert_eq!((shelf.scans().len(), shelf.taken().len()), (1, 0));
}

#[tokio::test]
async fn what_audiobookshelf_makes_no_book_of_is_not_called_missing() {
    let (shelf, server) = shelf().await;
    shelf.set_audio_only("b1");
    let shown = |text: &'static str| {
        let server = &server;
        async move { found(&**server, text.rsplit_once('/').unwrap().0, &[there(text, 1)]).await.remove(0) }
    };
    for (file, reason) in [
        ("/books/A/T/cover.jpg", "makes no book of \"cover.jpg\" alone"),
        ("/books/A/T/film.mkv", "makes no book of \"film.mkv\" alone"),
        ("/books/A/.T/1.mp3", "passes by"),
        ("/books/A/T/1.epub", "is for audiobooks only"),
        ("/books2/Show/1.pdf", "makes no episode"),
    ] {
        let seen = shown(file).await;
        assert!(seen.starts_with("unknowable: ") && seen.contains(reason), "{file}: {seen}");
    }
    // Names by which other servers know extras are names like any other here.
    shelf.lay("/books/Other/Trailers/1.mp3", 1);
    server.scan(&[rescan("/books")]).await;
    assert_eq!(shown("/books/Other/Trailers/1.mp3").await, "proven");
    let folder = ExpectedFile { subject: Subject::Folder, ..there("/books/A", 1) };
    assert!(found(&*server, "/books", &[folder]).await[0].contains("no folders"));
}

#[tokio::test]
async fn a_book_of_any_name_is_proven() {
    let (shelf, server) = shelf().await;
    for name in AWKWARD {
        let file = format!("/books/{name}/1.mp3");
        shelf.lay(&file, 1);
        server.scan(&[new_files(&format!("/books/{name}"), &["1.mp3"])]).await;
        shelf.look();
        assert_eq!(
            found(&*server, &format!("/books/{name}"), &[there(&file, 1)]).await,
            ["proven"],
            "{name}"
        );
    }
}

#[tokio::test]
async fn why_a_file_is_missing_is_what_audiobookshelf_sees_on_its_own_disk() {
    let (shelf, server) = shelf().await;
    shelf.lay("/books/A/T/1.mp3", 1);
    shelf.lay("/books/B/2.mp3", 1);
    server.scan(&[rescan("/books")]).await;
    shelf.lay("/books/C/3.mp3", 1);
    let why = async |expected: ExpectedFile| server.proof().unwrap().why_missing(&expected).await;
    for (file, cause) in [
        ("/books/A/T/9.mp3", "sees the folder, but not this file"),
        ("/books/Nobody/9.mp3", "does not see the folder \"/books/Nobody\""),
        ("/books/C/3.mp3", "sees the file but made nothing of it"),
    ] {
        let said = why(there(file, 1)).await.unwrap();
        assert!(said.contains(cause), "{file}: {said}");
    }
    assert!(why(gone("/books/C/3.mp3")).await.unwrap().contains("still sees the file"));
    assert_eq!(why(gone("/books/A/T/9.mp3")).await, None);
    let size = Presence::There { size: None };
    let outside =
        ExpectedFile { path: TargetPath::parse("/x/1.mp3").unwrap(), subject: Subject::File, presence: size };
    assert_eq!(why(outside).await, None);
}
