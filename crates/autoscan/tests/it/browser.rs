//! A real Chromium, where this machine has one: what a person does with the pages, and what is measured of each page.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::{PASSWORD, PATIENCE, free_port};

/// How the screen of a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    /// A wide window.
    Desk,
    /// A wide window of a person who likes it dark.
    Dark,
    /// A telephone.
    Phone,
}

impl Screen {
    fn name(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Dark => "dark",
            Self::Phone => "phone",
        }
    }
}

/// A browser with one window. It ends with the test.
pub(crate) struct Browser {
    pub(crate) client: Client,
    screen: Screen,
    base: String,
    driver: Child,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _gone = self.driver.kill().and_then(|()| self.driver.wait().map(drop));
    }
}

impl Browser {
    /// A browser that looks at the autoscan at `base`, such as `http://127.0.0.1:3030`. None where there is no Chromium.
    pub(crate) async fn open(screen: Screen, base: &str) -> Option<Self> {
        let port = free_port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own: Chromium's many processes end with it.
        let driver = match command.spawn() {
            Ok(driver) => driver,
            Err(error) => {
                eprintln!("skipped: there is no chromedriver on this machine ({error})");
                return None;
            }
        };
        let profile = tempfile::tempdir().unwrap();
        let capabilities = capabilities(screen, profile.path());
        let start = Instant::now();
        let client = loop {
            let mut builder = ClientBuilder::new(hyper_util_connector());
            match builder
                .capabilities(capabilities.clone())
                .connect(&format!("http://127.0.0.1:{port}"))
                .await
            {
                Ok(client) => break client,
                Err(error) => assert!(start.elapsed() < PATIENCE, "Chromium does not come up: {error}"),
            }
            sleep(Duration::from_millis(50)).await;
        };
        Some(Self { client, screen, base: base.to_owned(), driver, _profile: profile })
    }

    /// Goes to a path of autoscan.
    pub(crate) async fn go(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.base)).await.unwrap();
    }

    /// The one element that fits, once it is there.
    pub(crate) async fn find(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(PATIENCE);
        match wait.for_element(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!("there is no {css}: {error}\n{}", self.text().await),
        }
    }

    /// Types into a field, in place of what stands there.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let start = Instant::now();
        // A page that renews itself may take a field away that was just found.
        loop {
            let field = self.find(css).await;
            if field.clear().await.is_ok() && field.send_keys(text).await.is_ok() {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{css} cannot be filled in");
        }
    }

    /// Presses a button or follows a link with this text.
    pub(crate) async fn press(&self, text: &str) {
        let quoted = text.replace('\'', "");
        let path = format!(
            "//main//*[self::button or self::a][normalize-space()='{quoted}'] | //header//*[self::button or self::a][normalize-space()='{quoted}']"
        );
        let start = Instant::now();
        loop {
            let wait = self.client.wait().at_most(PATIENCE);
            match wait.for_element(Locator::XPath(&path)).await {
                Ok(element) if element.click().await.is_ok() => return,
                // The page renewed itself in between.
                Ok(_gone) => assert!(start.elapsed() < PATIENCE, "{text:?} cannot be pressed"),
                Err(error) => panic!("nothing is called {text:?}: {error}\n{}", self.text().await),
            }
        }
    }

    /// All text that the page shows; nothing between two pages.
    pub(crate) async fn text(&self) -> String {
        match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_none) => String::new(),
        }
    }

    /// Waits until the page shows a text.
    pub(crate) async fn shows(&self, text: &str) {
        let start = Instant::now();
        while !self.text().await.contains(text) {
            assert!(start.elapsed() < PATIENCE, "the page never shows {text:?}:\n{}", self.text().await);
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// What a script of the test answers.
    pub(crate) async fn ask(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits until a script of the test answers true.
    pub(crate) async fn until(&self, script: &str) {
        let start = Instant::now();
        // Between two pages there is nobody to ask.
        while self.client.execute(script, Vec::new()).await.unwrap_or_default() != json!(true) {
            assert!(start.elapsed() < PATIENCE, "never: {script}\n{}", self.text().await);
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Logs in, from wherever it is.
    pub(crate) async fn log_in(&self) {
        self.go("/login").await;
        self.fill("#username", "autoscan").await;
        self.fill("#password", PASSWORD).await;
        self.find("main button").await.click().await.unwrap();
        self.shows("Log out").await;
    }

    /// Looks at the page as it is now: a picture is kept, and it must be as every page must be.
    pub(crate) async fn inspect(&self, name: &str) {
        self.keep_picture(name).await;
        let faults = self.ask(MEASURE).await;
        assert_eq!(faults, json!([]), "{name} at the {}", self.screen.name());
        let shifts = self.client.execute_async(SHIFTS, Vec::new()).await.unwrap();
        assert_eq!(shifts, json!([]), "{name} at the {}: parts of the page jumped", self.screen.name());
        let Some(axe) = axe() else { return };
        self.client.execute(&axe, Vec::new()).await.unwrap();
        let violations = self.client.execute_async(RUN_AXE, Vec::new()).await.unwrap();
        assert_eq!(violations, json!([]), "{name} at the {}: {violations:#}", self.screen.name());
    }

    async fn keep_picture(&self, name: &str) {
        let file = format!("screenshots/{name}-{}.png", self.screen.name());
        self.keep_picture_at(&target().join(file)).await;
    }

    /// Keeps a picture of what the window shows now.
    pub(crate) async fn keep_picture_at(&self, file: &Path) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, self.client.screenshot().await.unwrap()).unwrap();
    }

    /// Ends the browser.
    pub(crate) async fn close(self) {
        let _closed = self.client.clone().close().await;
    }
}

/// Faults of the page: wider than the screen, something from another host, its own name out of sight, ids that are there twice.
const MEASURE: &str = r#"
    const faults = [];
    const page = document.documentElement;
    if (page.scrollWidth > window.innerWidth + 1) {
        const wide = [...document.querySelectorAll("body *")]
            .filter((each) => each.getBoundingClientRect().right > window.innerWidth + 1)
            .map((each) => each.tagName + "." + each.className).slice(0, 5);
        faults.push(`the page is ${page.scrollWidth} wide, the screen ${window.innerWidth}: ${wide}`);
    }
    for (const entry of performance.getEntriesByType("resource")) {
        if (new URL(entry.name).origin !== location.origin) faults.push(`it asks ${entry.name}`);
    }
    const here = document.querySelector(".nav [aria-current]");
    if (here) {
        const { left, right } = here.getBoundingClientRect();
        if (left < 0 || right > window.innerWidth) faults.push("the name of this page is out of sight");
    }
    const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
    const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
    if (twice.length > 0) faults.push(`ids that are there twice: ${twice}`);
    if (document.querySelectorAll("h1").length !== 1) faults.push("there is not one h1");
    return faults;
"#;

/// Parts of the page that jumped while it came up, or by themselves later, when they moved more than a hundredth of what is
/// seen.
const SHIFTS: &str = r#"
    const done = arguments[arguments.length - 1];
    const shifts = [];
    const observer = new PerformanceObserver((list) => {
        for (const shift of list.getEntries()) {
            const parts = shift.sources.map((each) => each.node && each.node.outerHTML ? each.node.outerHTML.slice(0, 120) : "?");
            if (!shift.hadRecentInput && shift.value > 0.01) shifts.push(`${shift.value}: ${parts}`);
        }
    });
    observer.observe({ type: "layout-shift", buffered: true });
    setTimeout(() => { observer.disconnect(); done(shifts); }, 100);
"#;

/// Every rule of WCAG's levels A and AA.
const RUN_AXE: &str = r#"
    const done = arguments[arguments.length - 1];
    axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }).then(
        (found) => done(found.violations.map((rule) => ({
            rule: rule.id, help: rule.help, at: rule.nodes.slice(0, 5).map((node) => node.html + " " + node.failureSummary),
        }))),
        (error) => done([String(error)]),
    );
"#;

/// axe-core, which `scripts/test` brings from npm.
fn axe() -> Option<String> {
    let file = target().join("axe/axe.min.js");
    match fs::read_to_string(&file) {
        Ok(axe) => Some(axe),
        Err(error) => {
            eprintln!("not measured by axe: {}, which scripts/test brings: {error}", file.display());
            None
        }
    }
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")
}

fn hyper_util_connector() -> hyper_util::client::legacy::connect::HttpConnector {
    hyper_util::client::legacy::connect::HttpConnector::new()
}

fn capabilities(screen: Screen, profile: &Path) -> Capabilities {
    let mut arguments = vec![
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-background-networking".to_owned(),
        "--hide-scrollbars".to_owned(),
        "--window-size=1280,1000".to_owned(),
        format!("--user-data-dir={}", profile.display()),
    ];
    if screen == Screen::Dark {
        arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    let mut options = json!({ "args": arguments });
    if screen == Screen::Phone {
        options["mobileEmulation"] = json!({ "deviceMetrics": { "width": 390, "height": 844, "pixelRatio": 2, "mobile": true, "touch": true } });
    }
    let mut capabilities = Capabilities::new();
    // Behind TLS the certificate is one of the test's own making.
    capabilities.insert("acceptInsecureCerts".to_owned(), json!(true));
    capabilities.insert("goog:chromeOptions".to_owned(), options);
    capabilities
}
