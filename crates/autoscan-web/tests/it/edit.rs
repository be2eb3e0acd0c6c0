use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use autoscan_core::path::LocalPath;
use autoscan_core::secret::Secret;
use autoscan_web::{
    ConfigView, Control, DiffLine, Edit, LoginKind, MapOf, NewTarget, PendingLogin, Proposal, SenderRoots,
    Sign, TriedServer,
};

use crate::browser::{Browser, value_of};
use crate::harness::Harness;

/// A program whose config's file can be changed.
#[derive(Default)]
pub(crate) struct Editor {
    pub(crate) written: Mutex<Vec<(Edit, String)>>,
    pub(crate) refuses: bool,
    /// The folders of its senders.
    pub(crate) roots: Vec<SenderRoots>,
}

#[async_trait]
impl Control for Editor {
    fn config(&self) -> ConfigView {
        ConfigView::default()
    }

    async fn reload(&self) -> Result<String, Vec<String>> {
        Err(Vec::new())
    }

    async fn propose(&self, edit: &Edit) -> Result<Proposal, String> {
        if self.refuses {
            return Err("the file is <b>read only</b>".to_owned());
        }
        let lines = match edit {
            Edit::AddMap { lines, .. } => lines.clone(),
            Edit::Exclude { folder, .. } => vec![("exclude".to_owned(), folder.to_string())],
            Edit::AddTarget(_) => return Err("no".to_owned()),
        };
        let line = |sign, text: &str| DiffLine { sign, text: text.to_owned() };
        let mut diff = vec![line(Sign::Kept, "map:"), line(Sign::Removed, "<i>old</i>")];
        diff.extend(lines.iter().map(|(from, to)| line(Sign::Added, &format!("{from}: {to}"))));
        Ok(Proposal { file: "/config/<config>.yml".to_owned(), diff, basis: "basis-1".to_owned() })
    }

    async fn apply(&self, edit: &Edit, basis: &str) -> Result<String, Vec<String>> {
        if basis != "basis-1" {
            return Err(vec![
                "the file changed meanwhile".to_owned(),
                "<script>alert(1)</script>".to_owned(),
            ]);
        }
        self.written.lock().unwrap().push((edit.clone(), basis.to_owned()));
        Ok("written & reloaded".to_owned())
    }

    async fn try_server(&self, _server: &NewTarget) -> Result<TriedServer, String> {
        Err("no".to_owned())
    }

    async fn begin_login(&self, _kind: LoginKind, _url: &str) -> Result<PendingLogin, String> {
        Err("no".to_owned())
    }

    async fn finish_login(&self, _pending: &PendingLogin) -> Result<Option<Secret>, String> {
        Err("no".to_owned())
    }

    async fn root_folders(&self) -> Vec<SenderRoots> {
        self.roots.clone()
    }
}

const LINES: [(&str, &str); 6] = [
    ("of", "trigger"),
    ("name", "sonarr"),
    ("from", "/tv"),
    ("to", "/mnt/tv"),
    ("from", "/a<b>"),
    ("to", "/c"),
];

#[tokio::test]
async fn a_change_is_shown_before_it_is_written_and_then_written_once() {
    let editor = Arc::new(Editor::default());
    let harness = Harness::new(|web| web.control = Arc::<Editor>::clone(&editor));
    let browser = Browser::inside(&harness).await;
    let begun = browser.send("/targets/map", &LINES).await;
    let page = browser.follow(&begun).await;
    assert_eq!(page.status, 200, "{page:?}");
    let texts = [
        "<ins>+ /tv: /mnt/tv",
        "<ins>+ /a&#60;b&#62;: /c",
        "<del>− &#60;i&#62;old",
        "/config/&#60;config&#62;.yml",
    ];
    for text in texts {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(editor.written.lock().unwrap().is_empty());

    let at = begun.header("location").to_owned();
    let basis = value_of(&page.body, "basis");
    let written = browser.send(&at, &[("basis", &basis)]).await;
    assert_eq!(written.header("location"), "/targets");
    assert!(browser.follow(&written).await.body.contains("written &#38; reloaded"));
    let lines = vec![("/tv".to_owned(), "/mnt/tv".to_owned()), ("/a<b>".to_owned(), "/c".to_owned())];
    let edit = Edit::AddMap { of: MapOf::Trigger("sonarr".to_owned()), lines };
    assert_eq!(*editor.written.lock().unwrap(), [(edit, basis.clone())]);
    assert_eq!(browser.send(&at, &[("basis", &basis)]).await.status, 404);
}

#[tokio::test]
async fn a_change_that_cannot_be_written_says_why_and_shows_the_lines_to_write_by_hand() {
    let harness = Harness::new(|web| web.control = Arc::new(Editor { refuses: true, ..Editor::default() }));
    let browser = Browser::inside(&harness).await;
    let page = browser.follow(&browser.send("/targets/map", &LINES).await).await.body;
    assert!(page.contains("the file is &#60;b&#62;read only"), "{page}");
    assert!(page.contains("/tv: /mnt/tv\n/a&#60;b&#62;: /c"), "{page}");
    harness.post("/triggers/sonarr", r#"{"eventType":"Download","paths":["/tv/It's"]}"#).await;
    let page = browser.follow(&browser.send("/scans/1/ignore", &[]).await).await.body;
    assert!(page.contains("<code>exclude:</code>"), "{page}");
    assert!(page.contains("- &#39;^/mnt/tv/It&#39;&#39;s(/|$)&#39;"), "{page}");
}

#[tokio::test]
async fn a_file_that_changed_since_it_was_shown_is_left_alone_with_every_fault_in_a_line() {
    let editor = Arc::new(Editor::default());
    let harness = Harness::new(|web| web.control = Arc::<Editor>::clone(&editor));
    let browser = Browser::inside(&harness).await;
    let at = browser.send("/targets/map", &LINES).await.header("location").to_owned();
    let page = browser.send(&at, &[("basis", "older")]).await;
    assert_eq!(page.status, 422);
    assert!(page.body.contains("<li>the file changed meanwhile</li>"), "{}", page.body);
    assert!(!page.body.contains("<script>"), "{}", page.body);
    assert!(editor.written.lock().unwrap().is_empty());
    assert_eq!(browser.get(&at).await.status, 200, "it may be tried once more");
}

#[tokio::test]
async fn nobody_sees_what_another_session_is_about_to_write() {
    let harness = Harness::new(|web| web.control = Arc::new(Editor::default()));
    let (one, other) = (Browser::inside(&harness).await, Browser::inside(&harness).await);
    let at = one.send("/targets/map", &LINES).await.header("location").to_owned();
    assert_eq!(one.get(&at).await.status, 200);
    assert_eq!(other.get(&at).await.status, 404);
    assert_eq!(other.send(&at, &[("basis", "basis-1")]).await.status, 404);
}

#[tokio::test]
async fn a_map_of_nobody_or_without_a_line_is_refused() {
    let harness = Harness::new(|web| web.control = Arc::new(Editor::default()));
    let browser = Browser::inside(&harness).await;
    let line = [("from", "/tv"), ("to", "/mnt/tv")];
    for (of, name, status) in [
        ("trigger", "nobody", 404),
        ("target", "sonarr", 404),
        ("anchor", "sonarr", 404),
        ("target", "plex", 303),
    ] {
        let fields = [[("of", of), ("name", name)], line].concat();
        assert_eq!(browser.send("/targets/map", &fields).await.status, status, "{of} {name}");
    }
    assert_eq!(browser.send("/targets/map", &[("of", "target"), ("name", "plex")]).await.status, 400);
}

#[tokio::test]
async fn a_folder_that_no_server_has_is_ignored_by_the_config_and_its_scan_is_dropped() {
    let editor = Arc::new(Editor::default());
    let harness = Harness::new(|web| web.control = Arc::<Editor>::clone(&editor));
    harness.post("/triggers/sonarr", r#"{"eventType":"Download","paths":["/tv/Show"]}"#).await;
    let browser = Browser::inside(&harness).await;
    let begun = browser.send("/scans/1/ignore", &[]).await;
    let page = browser.follow(&begun).await;
    assert!(page.status == 200 && page.body.contains("Ignore /mnt/tv/Show from now on"), "{page:?}");
    assert_eq!(harness.folders().await, ["/mnt/tv/Show"], "it is dropped once the change is written");

    let basis = value_of(&page.body, "basis");
    let written = browser.send(begun.header("location"), &[("basis", &basis)]).await;
    assert_eq!(written.header("location"), "/scans");
    let folder = LocalPath::parse("/mnt/tv/Show").unwrap();
    let edit = Edit::Exclude { triggers: vec!["sonarr".to_owned()], folder };
    assert_eq!(*editor.written.lock().unwrap(), [(edit, basis)]);
    assert_eq!(harness.folders().await, Vec::<String>::new());
    assert_eq!(browser.send("/scans/1/ignore", &[]).await.status, 404);
}
