//! The folders of a fake disk, read under a fake clock.

use autoscan_core::time::Timestamp;
use autoscan_testkit::{FakeClock, FakeFiles};
use proptest::prelude::*;

use super::*;

struct Watch {
    files: Arc<FakeFiles>,
    clock: FakeClock,
    source: FolderSource,
    place: Option<String>,
}

const BOUNDS: Bounds = Bounds { batch: 100, remembered: 1_000, listed: 1_000 };

impl Watch {
    fn new(paths: &[&str]) -> Self {
        Self::bounded(paths, BOUNDS)
    }

    fn bounded(paths: &[&str], bounds: Bounds) -> Self {
        let (files, clock) = (Arc::new(FakeFiles::new()), FakeClock::new());
        for path in paths {
            files.make_folder(path);
        }
        let paths = paths.iter().map(|path| LocalPath::parse(path).unwrap()).collect();
        let ports = SourcePorts { files: Arc::clone(&files) as _, clock: Arc::new(clock.clone()) };
        let source = FolderSource::new(paths, Duration::from_mins(10), ports, bounds);
        Self { files, clock, source, place: None }
    }

    fn put(&self, path: &str, changed_at: i64) {
        self.files.put(path, 1, Timestamp::from_millis(changed_at));
    }

    /// What the next batch says, or none when there is none within the time.
    async fn within(&mut self, limit: Duration) -> Option<Result<Vec<String>, String>> {
        let next = tokio::time::timeout(limit, self.source.next(self.place.as_deref())).await.ok()?;
        Some(next.map_err(|fault| fault.to_string()).map(|batch| {
            self.place = Some(batch.place);
            let said = |change: &Change<TriggerPath>| format!("{} {}", change.kind.as_str(), change.path);
            batch.reading.changes.iter().map(said).collect()
        }))
    }

    async fn next(&mut self) -> Vec<String> {
        self.within(Duration::from_mins(11)).await.expect("nothing is reported").expect("a fault")
    }

    async fn is_silent(&mut self) -> bool {
        self.within(Duration::from_hours(1)).await.is_none()
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_look_reports_nothing_and_later_ones_what_is_new_or_changed() {
    let mut watch = Watch::new(&["/mnt/media"]);
    watch.put("/mnt/media/Show/a.mkv", 1_000);
    assert_eq!(watch.next().await, [""; 0]);
    assert!(watch.is_silent().await);

    watch.put("/mnt/media/Show/b.mkv", 2_000);
    watch.put("/mnt/media/Show/a.mkv", 3_000);
    watch.put("/elsewhere/c.mkv", 3_000);
    assert_eq!(watch.next().await, ["created /mnt/media/Show/b.mkv", "modified /mnt/media/Show/a.mkv"]);
    assert!(watch.is_silent().await);
}

#[tokio::test(start_paused = true)]
async fn the_folders_are_read_every_so_often_and_at_once_at_the_start() {
    let mut watch = Watch::new(&["/mnt"]);
    let start = watch.clock.steady();
    watch.next().await;
    assert_eq!(watch.clock.steady(), start, "the first look is at once");
    watch.put("/mnt/a", 1);
    watch.next().await;
    assert_eq!(watch.clock.steady().since(start), Duration::from_mins(10));
}

#[tokio::test(start_paused = true)]
async fn another_source_goes_on_from_the_same_place() {
    let mut watch = Watch::new(&["/mnt"]);
    watch.put("/mnt/a", 1);
    watch.next().await;
    watch.put("/mnt/b", 2);
    let mut second = Watch { files: Arc::clone(&watch.files), ..Watch::new(&[]) };
    let ports = SourcePorts { files: Arc::clone(&watch.files) as _, clock: Arc::new(second.clock.clone()) };
    second.source = FolderSource::new(watch.source.paths.clone(), Duration::from_mins(10), ports, BOUNDS);
    second.place.clone_from(&watch.place);
    assert_eq!(second.next().await, ["created /mnt/b"], "the first look after a restart is at once");
    assert_eq!(watch.next().await, ["created /mnt/b"], "what was read and not stored is read again");
}

#[tokio::test(start_paused = true)]
async fn what_no_place_can_be_is_a_first_look() {
    for place in ["", "0", "{}", r#"{"/mnt":{"files":"?"}}"#, r#"{"/other":{"files":""}}"#] {
        let mut watch = Watch::new(&["/mnt"]);
        watch.put("/mnt/a", 1);
        watch.place = Some(place.to_owned());
        assert_eq!(watch.next().await, [""; 0], "{place}");
        assert!(watch.is_silent().await, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_is_added_is_a_first_look_of_its_own() {
    let mut watch = Watch::new(&["/a"]);
    watch.put("/a/1", 1);
    watch.next().await;
    watch.put("/a/2", 2);
    watch.put("/b/1", 2);
    watch.source.paths.push(LocalPath::parse("/b").unwrap());
    assert_eq!(watch.next().await, ["created /a/2"]);
    watch.put("/b/2", 2);
    assert_eq!(watch.next().await, ["created /b/2"]);
}

#[tokio::test(start_paused = true)]
async fn more_than_a_batch_takes_comes_in_the_next_without_a_pause() {
    let mut watch = Watch::new(&["/a", "/b"]);
    watch.next().await;
    for n in 0..120 {
        watch.put(&format!("/a/{n}"), 500 - n);
        watch.put(&format!("/b/{n}"), 900);
    }
    let start = watch.clock.steady();
    let mut sizes = vec![];
    let mut all: Vec<String> = vec![];
    for _ in 0..3 {
        let batch = watch.next().await;
        sizes.push(batch.len());
        all.extend(batch);
    }
    assert_eq!(sizes, [100, 100, 40]);
    assert_eq!(watch.clock.steady().since(start), Duration::from_mins(10), "one pause, before the first");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 240);
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_read_says_so_and_keeps_nobody_waiting() {
    let mut watch = Watch::new(&["/mnt", "/srv"]);
    watch.put("/mnt/a", 1);
    watch.next().await;
    watch.files.break_below("/mnt", "it does not answer within 5 s");
    watch.put("/srv/b", 2);
    assert_eq!(watch.next().await, ["created /srv/b"]);
    let fault = watch.within(Duration::from_mins(11)).await.unwrap().unwrap_err();
    assert_eq!(fault, "\"/mnt\" cannot be read: it does not answer within 5 s");
    watch.files.heal("/mnt");
    watch.put("/mnt/c", 2);
    assert_eq!(watch.next().await, ["created /mnt/c"]);

    watch.files.remove("/mnt");
    let fault = watch.within(Duration::from_mins(11)).await.unwrap().unwrap_err();
    assert_eq!(fault, "\"/mnt\" does not exist");
}

#[tokio::test(start_paused = true)]
async fn a_mount_that_vanishes_and_comes_back_is_not_all_new() {
    let mut watch = Watch::new(&["/mnt/media"]);
    watch.files.mount("/mnt/media");
    watch.put("/mnt/media/a", 1);
    watch.next().await;
    watch.files.unmount("/mnt/media");
    let fault = watch.within(Duration::from_mins(11)).await.unwrap().unwrap_err();
    assert_eq!(fault, "\"/mnt/media\" is empty, and the mount \"/mnt/media\" on which it was is gone");

    watch.put("/mnt/media/astray", 2);
    assert_eq!(watch.next().await, ["created /mnt/media/astray"], "a file beside the mount");
    watch.files.mount("/mnt/media");
    watch.put("/mnt/media/a", 1);
    watch.put("/mnt/media/b", 2);
    assert_eq!(watch.next().await, ["created /mnt/media/b"]);
}

#[tokio::test(start_paused = true)]
async fn a_mount_that_was_not_there_at_the_first_look_is_not_all_new() {
    let mut watch = Watch::new(&["/mnt/media"]);
    watch.next().await;
    watch.files.mount("/mnt/media");
    watch.put("/mnt/media/a", 1);
    assert_eq!(watch.next().await, [""; 0]);
    watch.put("/mnt/media/b", 2);
    assert_eq!(watch.next().await, ["created /mnt/media/b"]);
}

#[tokio::test(start_paused = true)]
async fn a_large_folder_is_read_folder_by_folder() {
    let bounds = Bounds { listed: 3, ..BOUNDS };
    let mut watch = Watch::bounded(&["/mnt"], bounds);
    let folders = ["/mnt", "/mnt/a", "/mnt/a/b", "/mnt/c"];
    for folder in folders {
        watch.put(&format!("{folder}/old"), 1);
        watch.put(&format!("{folder}/older"), 0);
    }
    watch.next().await;
    for folder in folders {
        watch.put(&format!("{folder}/new"), 2);
    }
    let mut reported = watch.next().await;
    reported.sort();
    let expected = ["/mnt/a/b", "/mnt/a", "/mnt/c", "/mnt"].map(|folder| format!("created {folder}/new"));
    assert_eq!(reported, expected);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_shows_a_later_time_than_now_hides_no_other() {
    let mut watch = Watch::bounded(&["/mnt"], Bounds { remembered: 3, ..BOUNDS });
    watch.put("/mnt/tomorrow", i64::MAX);
    watch.next().await;
    watch.put("/mnt/a", 1);
    assert_eq!(watch.next().await, ["created /mnt/a"]);
    assert!(watch.is_silent().await);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for (settings, says) in [
        (serde_json::json!({}), "paths"),
        (serde_json::json!({ "paths": [] }), "`paths` must name 1 to 50 folders"),
        (serde_json::json!({ "paths": ["mnt"] }), "mnt"),
        (serde_json::json!({ "paths": ["/mnt"], "every": "0s" }), "`every` must be at least 1s"),
    ] {
        let Err(error) = source(&settings) else { panic!("{settings} is accepted") };
        assert!(error.to_string().contains(says), "{settings}: {error}");
    }
    assert!(source(&serde_json::json!({ "paths": ["/mnt"], "every": "1s" })).is_ok());
}

/// What happens between two looks: files that are written one after the other, by number, and whether the program is killed before
/// the batch is stored.
fn happening() -> impl Strategy<Value = (Vec<u8>, bool)> {
    (proptest::collection::vec(0u8..20, 0..12), any::<bool>())
}

proptest! {
    #[test]
    fn every_later_file_is_reported_once_however_little_is_remembered(
        happenings in proptest::collection::vec(happening(), 1..12),
        batch in 1usize..5,
        remembered in 5usize..9,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut watch = Watch::bounded(&["/mnt"], Bounds { batch, remembered, listed: 8 });
            watch.next().await;
            let mut at = 0;
            for (written, killed) in happenings {
                let mut expected: Vec<String> = vec![];
                for number in written {
                    at += 1;
                    watch.put(&format!("/mnt/{}/{number}", number % 3), at);
                    expected.push(format!("/mnt/{}/{number}", number % 3));
                }
                expected.sort();
                expected.dedup();
                if killed {
                    let place = watch.place.clone();
                    let _not_stored = watch.within(Duration::from_mins(11)).await;
                    watch.place = place;
                }
                let mut reported = vec![];
                while let Some(changes) = watch.within(Duration::from_mins(11)).await {
                    let changes = changes.unwrap();
                    prop_assert!(changes.len() <= batch);
                    reported.extend(changes.iter().map(|change| change.split_once(' ').unwrap().1.to_owned()));
                }
                reported.sort();
                prop_assert_eq!(reported, expected);
            }
            Ok(())
        })?;
    }
}
