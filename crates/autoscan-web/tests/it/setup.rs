//! A server is added by the page alone, and no key that was given on the way ever comes out again.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use autoscan_core::ports::{Identity, Library};
use autoscan_core::secret::Secret;
use autoscan_engine::TestView;
use autoscan_web::{
    ConfigView, Control, DiffLine, Edit, LoginKind, NewTarget, PendingLogin, Proposal, SenderRoots, Sign,
    TriedServer,
};

use crate::browser::{Browser, value_of};
use crate::harness::{Harness, Reply};

const KEY: &str = "k3y-that-nobody-may-see";
const TICKET: &str = "t1cket-that-nobody-may-see";

/// What the servers outside do.
#[derive(Default)]
struct Outside {
    confirmed: Mutex<bool>,
    trouble: Mutex<Option<&'static str>>,
    questions: Mutex<usize>,
    tried: Mutex<Vec<(String, String)>>,
    written: Mutex<Vec<Edit>>,
    samples: Mutex<Vec<String>>,
}

impl Outside {
    fn fault(&self) -> Result<(), String> {
        self.trouble.lock().unwrap().map_or(Ok(()), |reason| Err(reason.to_owned()))
    }
}

struct Program(Arc<Outside>);

#[async_trait]
impl Control for Program {
    fn config(&self) -> ConfigView {
        ConfigView::default()
    }

    async fn reload(&self) -> Result<String, Vec<String>> {
        Err(Vec::new())
    }

    async fn propose(&self, edit: &Edit) -> Result<Proposal, String> {
        let Edit::AddTarget(target) = edit else { return Err("no".to_owned()) };
        let line = |text: String| DiffLine { sign: Sign::Added, text };
        let mut diff = vec![line(format!("- name: {}", target.name)), line("token: •••".to_owned())];
        diff.extend(target.map.iter().map(|(from, to)| line(format!("{from}: {to}"))));
        Ok(Proposal { file: "/config/config.yml".to_owned(), diff, basis: "basis-1".to_owned() })
    }

    async fn apply(&self, edit: &Edit, _basis: &str) -> Result<String, Vec<String>> {
        self.0.written.lock().unwrap().push(edit.clone());
        Ok("It is written.".to_owned())
    }

    async fn try_server(&self, server: &NewTarget) -> Result<TriedServer, String> {
        self.0.tried.lock().unwrap().push((server.url.clone(), server.key.reveal().to_owned()));
        self.0.fault()?;
        if server.key.reveal() != KEY {
            return Err("the token was rejected".to_owned());
        }
        let library = |title: &str, folder: &str| Library {
            id: title.to_owned(),
            title: title.to_owned(),
            kind: "show".to_owned(),
            folders: vec![folder.to_owned()],
        };
        let test = TestView {
            identity: Identity {
                product: "Plex Media Server".to_owned(),
                name: Some("<script>alert(1)</script>".to_owned()),
                version: "1.43.4".to_owned(),
            },
            libraries: Some(vec![
                library("TV", "/data/tv"),
                library("More TV", "/data/tv"),
                library("Films & <b>", "/data/films"),
            ]),
            advice: vec!["empty trash is <on>".to_owned()],
        };
        Ok(TriedServer { test, samples: self.0.samples.lock().unwrap().clone() })
    }

    async fn begin_login(&self, kind: LoginKind, url: &str) -> Result<PendingLogin, String> {
        self.0.fault()?;
        let page = (kind == LoginKind::PlexPin).then(|| "https://plex.tv/link".to_owned());
        Ok(PendingLogin {
            kind,
            url: url.to_owned(),
            code: "ABCD".to_owned(),
            page,
            secret: Secret::new(TICKET),
        })
    }

    async fn finish_login(&self, pending: &PendingLogin) -> Result<Option<Secret>, String> {
        *self.0.questions.lock().unwrap() += 1;
        self.0.fault()?;
        assert_eq!(pending.secret.reveal(), TICKET);
        Ok(self.0.confirmed.lock().unwrap().then(|| Secret::new(KEY)))
    }

    async fn root_folders(&self) -> Vec<SenderRoots> {
        Vec::new()
    }
}

fn harness() -> (Harness, Arc<Outside>) {
    let outside = Arc::new(Outside::default());
    let control = Arc::new(Program(Arc::clone(&outside)));
    (Harness::new(|web| web.control = control), outside)
}

/// Sends a form and looks at the page that follows; nothing secret stands in either.
async fn step(browser: &Browser<'_>, form: &str, fields: &[(&str, &str)]) -> String {
    let reply = browser.send(&format!("/setup/{form}"), fields).await;
    let page = browser.follow(&reply).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_secretless(&reply);
    assert_secretless(&page);
    page.body
}

fn assert_secretless(reply: &Reply) {
    let text = format!("{reply:?}");
    assert!(!text.contains(KEY) && !text.contains(TICKET), "{text}");
}

async fn at_the_key(browser: &Browser<'_>, kind: &str) -> String {
    let page = step(browser, "kind", &[("kind", kind)]).await;
    let name = page.split("name=\"name\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    step(browser, "address", &[("url", "http://server:1234/"), ("name", &name)]).await
}

#[tokio::test]
async fn a_server_is_added_by_a_code_and_no_key_is_ever_shown() {
    let (harness, outside) = harness();
    let browser = Browser::inside(&harness).await;
    let page = browser.get("/setup").await.body;
    assert!(["Plex", "Jellyfin", "Emby"].iter().all(|kind| page.contains(kind)), "{page}");

    let page = step(&browser, "kind", &[("kind", "plex")]).await;
    assert!(page.contains("http://plex:32400") && page.contains("value=\"plex-2\""), "plex is taken: {page}");
    let page = step(&browser, "address", &[("url", " http://plex:32400/ "), ("name", "plex-2")]).await;
    assert!(page.contains("Get a code") && page.contains("Or paste a token"), "{page}");

    let page = step(&browser, "login", &[]).await;
    assert!(page.contains("ABCD") && page.contains("href=\"https://plex.tv/link\""), "{page}");
    assert!(page.contains("I have confirmed it") && page.contains("data-poll"), "{page}");
    let page = step(&browser, "confirm", &[]).await;
    assert!(page.contains("not confirmed yet") && page.contains("ABCD"), "{page}");

    *outside.confirmed.lock().unwrap() = true;
    let page = step(&browser, "confirm", &[]).await;
    assert!(page.contains("Plex Media Server 1.43.4") && page.contains("/data/tv"), "{page}");
    assert!(page.contains("(TV, More TV)") && page.matches("name=\"here\"").count() == 2, "{page}");
    assert!(page.contains("There is no folder of this name"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("<b>)") && !page.contains("<on>"), "{page}");
    assert_eq!(*outside.tried.lock().unwrap(), [("http://plex:32400".to_owned(), KEY.to_owned())]);

    let folders = [("here", "/mnt/media/tv"), ("here", "")];
    let page = step(&browser, "folders", &folders).await;
    assert!(page.contains("there is no") && page.contains("/mnt/media/tv"), "{page}");
    let with_insistence = [folders[0], folders[1], ("insist", "1")];
    let reply = browser.send("/setup/folders", &with_insistence).await;
    let at = reply.header("location").to_owned();
    let page = browser.follow(&reply).await;
    assert_secretless(&page);
    assert!(
        page.body.contains("/mnt/media/tv: /data/tv") && page.body.contains("Write and reload"),
        "{page:?}"
    );
    let basis = value_of(&page.body, "basis");
    let reply = browser.send(&at, &[("basis", &basis)]).await;
    assert_eq!((reply.status, reply.header("location")), (303, "/setup"));
    let written = outside.written.lock().unwrap().clone();
    let [Edit::AddTarget(target)] = written.as_slice() else { panic!("{written:?}") };
    assert_eq!((target.kind.as_str(), target.name.as_str(), target.key.reveal()), ("plex", "plex-2", KEY));
    assert_eq!(target.map, [("/mnt/media/tv".to_owned(), "/data/tv".to_owned())]);
}

#[tokio::test]
async fn a_page_that_asks_by_itself_is_answered_quietly_and_does_not_ask_the_server_each_time() {
    let (harness, outside) = harness();
    let browser = Browser::inside(&harness).await;
    at_the_key(&browser, "jellyfin").await;
    step(&browser, "login", &[]).await;
    for _ in 0..5 {
        let reply = browser.send("/setup/confirm", &[("quiet", "1")]).await;
        assert_eq!((reply.status, reply.body.as_str()), (204, ""), "{reply:?}");
    }
    assert_eq!(*outside.questions.lock().unwrap(), 1);
    *outside.confirmed.lock().unwrap() = true;
    let page = step(&browser, "confirm", &[]).await;
    assert!(page.contains("Which folder is which?"), "a person who asks is answered at once: {page}");
}

#[tokio::test]
async fn trouble_on_the_way_is_told_in_a_sentence_and_can_be_tried_again() {
    let (harness, outside) = harness();
    let browser = Browser::inside(&harness).await;
    at_the_key(&browser, "plex").await;
    let trouble = |reason| *outside.trouble.lock().unwrap() = reason;

    trouble(Some("plex.tv does not answer"));
    let page = step(&browser, "login", &[]).await;
    assert!(page.contains("plex.tv does not answer.") && page.contains("Get a code"), "{page}");
    trouble(None);
    step(&browser, "login", &[]).await;
    trouble(Some("the code has ended; ask for a new one"));
    let page = step(&browser, "confirm", &[]).await;
    assert!(page.contains("the code has ended") && page.contains("Another code"), "{page}");
    assert!(!page.contains("data-poll"), "a page with a problem does not ask by itself: {page}");
    trouble(None);
    let page = step(&browser, "login", &[]).await;
    assert!(!page.contains("the code has ended") && page.contains("data-poll"), "{page}");

    *outside.confirmed.lock().unwrap() = true;
    trouble(Some("<plex> is away"));
    let page = step(&browser, "confirm", &[]).await;
    assert!(page.contains("&#60;plex&#62; is away.") && page.contains("ABCD"), "{page}");
    trouble(None);
    let page = step(&browser, "confirm", &[]).await;
    assert!(page.contains("Which folder is which?"), "{page}");
}

#[tokio::test]
async fn a_wrong_key_says_so_and_the_key_is_not_shown_again() {
    let (harness, outside) = harness();
    let browser = Browser::inside(&harness).await;
    let page = at_the_key(&browser, "emby").await;
    assert!(!page.contains("Get a code"), "Emby gives no key by a code: {page}");
    let page = step(&browser, "key", &[("key", "wr0ng-key")]).await;
    assert!(page.contains("the token was rejected.") && !page.contains("wr0ng-key"), "{page}");
    for nonsense in ["", "two words", "line\nbreak", "ünicode"] {
        let page = step(&browser, "key", &[("key", nonsense)]).await;
        assert!(page.contains("That is no key"), "{nonsense:?}: {page}");
    }
    let page = step(&browser, "key", &[("key", &format!("  {KEY}\n"))]).await;
    assert!(page.contains("Which folder is which?"), "{page}");
    assert_eq!(outside.tried.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn only_the_address_of_a_server_is_taken_for_one() {
    let (harness, outside) = harness();
    let browser = Browser::inside(&harness).await;
    step(&browser, "kind", &[("kind", "plex")]).await;
    for (url, part) in [
        ("", "no address"),
        ("plex:32400", "no address"),
        ("ftp://plex", "no address"),
        ("file:///etc/passwd", "no address"),
        ("javascript:alert(1)", "no address"),
        ("http://", "no address"),
        ("http://plex:32400/?X-Plex-Token=1", "before the ?"),
        ("http://me:s3cret-word@plex:32400", "cannot be given here"),
    ] {
        let page = step(&browser, "address", &[("url", url), ("name", "new")]).await;
        assert!(page.contains(part) && page.contains("Where is Plex?"), "{url}: {page}");
        assert!(!page.contains("s3cret-word"), "{page}");
    }
    for (name, part) in [("plex", "already"), ("a/b", "is not a name"), ("", "is not a name")] {
        let page = step(&browser, "address", &[("url", "http://plex:32400"), ("name", name)]).await;
        assert!(page.contains(part), "{name}: {page}");
    }
    assert!(outside.tried.lock().unwrap().is_empty(), "nothing is asked before a key is there");
}

#[tokio::test]
async fn a_key_of_one_server_is_never_sent_to_another() {
    let (harness, outside) = harness();
    let browser = Browser::inside(&harness).await;
    at_the_key(&browser, "plex").await;
    step(&browser, "key", &[("key", KEY)]).await;
    step(&browser, "back", &[]).await;
    step(&browser, "back", &[]).await;
    step(&browser, "address", &[("url", "http://elsewhere:1"), ("name", "new")]).await;
    let page = step(&browser, "test", &[]).await;
    assert!(page.contains("Get a code"), "{page}");
    assert!(outside.tried.lock().unwrap().iter().all(|(url, _)| url == "http://server:1234"));
}

#[tokio::test]
async fn one_browser_does_not_see_the_walk_of_another() {
    let (harness, _outside) = harness();
    let (one, other) = (Browser::inside(&harness).await, Browser::inside(&harness).await);
    at_the_key(&one, "plex").await;
    step(&one, "key", &[("key", KEY)]).await;
    let page = other.get("/setup").await.body;
    assert!(page.contains("Which server is to be told?") && !page.contains("http://server:1234"), "{page}");
    let page = step(&other, "folders", &[("here", "/mnt")]).await;
    assert!(page.contains("Which server is to be told?"), "{page}");
}

/// What a page fills into its fields for folders.
fn filled(page: &str) -> Vec<String> {
    let fields = page.split("name=\"here\" value=\"").skip(1);
    fields.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_folder_is_filled_in_where_the_servers_own_files_speak_for_it_and_may_be_written_otherwise() {
    let (harness, outside) = harness();
    let samples = [
        "/data/tv/Show A/1.mkv",
        "/data/tv/Show <B>/1.mkv",
        "/data/films/Heat/h.mkv",
        "/data/films/Alien/a.mkv",
    ];
    *outside.samples.lock().unwrap() = samples.map(str::to_owned).to_vec();
    for folder in ["/mnt/shows/Show A/1", "/mnt/shows/Show <B>/1", "/data/films/Heat", "/data/films/Alien"] {
        harness.files.make_folder(folder);
    }
    let browser = Browser::inside(&harness).await;
    at_the_key(&browser, "plex").await;
    let page = step(&browser, "key", &[("key", KEY)]).await;
    assert_eq!(filled(&page), ["/mnt/shows", ""], "what is called the same is left as it is: {page}");
    assert!(page.contains("This is proposed") && page.contains("/mnt/shows here has all 2."), "{page}");
    assert!(page.contains("&#60;B&#62;") && !page.contains("<B>"), "{page}");
    assert!(page.contains("There is a folder of this very name"), "{page}");

    let page = step(&browser, "folders", &[("here", "/mnt/other"), ("here", "")]).await;
    assert_eq!(filled(&page), ["/mnt/other", ""], "a person knows better: {page}");
    let reply = browser.send("/setup/folders", &[("here", "/mnt/shows"), ("here", "")]).await;
    let page = browser.follow(&reply).await.body;
    assert!(page.contains("/mnt/shows: /data/tv") && !page.contains(": /data/films"), "{page}");
}

#[tokio::test]
async fn nothing_is_filled_in_where_it_is_not_clear() {
    let (harness, outside) = harness();
    let samples = ["/data/tv/Show A/1.mkv", "/data/tv/Show B/1.mkv"];
    *outside.samples.lock().unwrap() = samples.map(str::to_owned).to_vec();
    for root in ["/mnt/one", "/mnt/two"] {
        for show in ["Show A", "Show B"] {
            harness.files.make_folder(&format!("{root}/{show}"));
        }
    }
    let browser = Browser::inside(&harness).await;
    at_the_key(&browser, "plex").await;
    let page = step(&browser, "key", &[("key", KEY)]).await;
    assert_eq!(filled(&page), ["", ""], "{page}");
    assert!(page.contains("It may be /mnt/one or /mnt/two: several folders here"), "{page}");
}

#[tokio::test]
async fn a_folder_of_the_same_name_is_kept_but_what_looks_more_like_it_is_said() {
    let (harness, outside) = harness();
    let samples = ["/data/films/Heat/h.mkv", "/data/films/Alien/a.mkv"];
    *outside.samples.lock().unwrap() = samples.map(str::to_owned).to_vec();
    for folder in ["/data/films/Something", "/mnt/films/Heat", "/mnt/films/Alien"] {
        harness.files.make_folder(folder);
    }
    let browser = Browser::inside(&harness).await;
    at_the_key(&browser, "plex").await;
    let page = step(&browser, "key", &[("key", KEY)]).await;
    assert_eq!(filled(&page), ["", ""], "{page}");
    assert!(page.contains("There is a folder of this very name"), "{page}");
    assert!(page.contains("But /mnt/films looks more like it:"), "{page}");
}

#[tokio::test]
async fn folders_are_paths_and_each_is_named_once() {
    let (harness, _outside) = harness();
    let browser = Browser::inside(&harness).await;
    at_the_key(&browser, "plex").await;
    step(&browser, "key", &[("key", KEY)]).await;
    let page = step(&browser, "folders", &[("here", "tv"), ("here", "")]).await;
    assert!(page.contains("role=\"alert\"") && page.contains("value=\"tv\""), "{page}");
    let page = step(&browser, "folders", &[("here", "/x"), ("here", "/x"), ("insist", "1")]).await;
    assert!(page.contains("stands there twice"), "{page}");
}

#[tokio::test]
async fn nobody_sets_up_anything_without_the_token_of_the_form() {
    let (harness, outside) = harness();
    for form in ["kind", "address", "login", "confirm", "key", "test", "folders", "back", "again"] {
        let reply = harness.ask("POST", &format!("/setup/{form}"), &[], "kind=plex").await;
        assert!(matches!(reply.status, 401 | 403), "{form}: {reply:?}");
    }
    assert!(outside.tried.lock().unwrap().is_empty());
}
