//! One more server, in small steps and without a look at the config: which, where, the way in, which folder is which. The
//! last step shows the difference to the config's file.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use autoscan_core::name::Name;
use autoscan_core::secret::Secret;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::frame::{self, Frame};
use super::setup_folders;
use super::setup_wizard::{self, KINDS, Kind, Step, Wizard, Wizards};
use super::state::PagesState;
use crate::app::{App, Shared};
use crate::control::{LoginKind, PendingLogin};
use crate::session::Session;
use crate::visitor::{Posted, Visitor};

/// Longest key, in bytes.
const LONGEST_KEY: usize = 1024;
/// Longest address, in bytes.
const LONGEST_ADDRESS: usize = 300;
/// A page that asks by itself does not make the server be asked more often than this.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(2);

/// The names of the steps.
const STEPS: [(Step, &str); 5] = [
    (Step::Kind, "Server"),
    (Step::Address, "Address"),
    (Step::Key, "Way in"),
    (Step::Folders, "Folders"),
    (Step::Done, "Done"),
];

/// The routes of this page.
pub(super) fn routes() -> Router<PagesState> {
    Router::new()
        .route("/setup", get(page))
        .route("/setup/kind", post(choose_kind))
        .route("/setup/address", post(name_address))
        .route("/setup/login", post(begin_login))
        .route("/setup/confirm", post(confirm_login))
        .route("/setup/key", post(paste_key))
        .route("/setup/test", post(test))
        .route("/setup/folders", post(setup_folders::write))
        .route("/setup/back", post(back))
        .route("/setup/again", post(again))
}

#[derive(Template)]
#[template(path = "setup.html")]
struct Page {
    frame: Frame,
    wizard: Wizard,
    kinds: &'static [Kind],
    /// The triggers, by name, for who must be told of now.
    triggers: Vec<String>,
    has_targets: bool,
}

impl Page {
    fn steps(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let now = self.wizard.step;
        STEPS.into_iter().map(move |(step, title)| {
            let state = match step.cmp(&now) {
                Ordering::Less => "past",
                Ordering::Equal => "now",
                Ordering::Greater => "",
            };
            (title, state)
        })
    }

    /// The kind that was chosen, once the wizard is beyond that.
    fn chosen(&self) -> Option<&'static Kind> {
        self.wizard.kind.filter(|_| self.wizard.step > Step::Kind)
    }

    fn is_at(&self, step: &str) -> bool {
        STEPS.iter().any(|(known, title)| *known == self.wizard.step && *title == step)
    }

    fn login(&self) -> &'static str {
        match self.wizard.kind.and_then(|kind| kind.login) {
            Some(LoginKind::PlexPin) => "plex",
            Some(LoginKind::QuickConnect) => "jellyfin",
            None => "",
        }
    }
}

/// `GET /setup`.
async fn page(State(app): State<Shared>, State(wizards): State<Arc<Wizards>>, visitor: Visitor) -> Response {
    let now = app.web.engine.now();
    let mut wizard = wizards.of(&visitor.session, now);
    let targets = app.web.engine.targets();
    if wizard.step == Step::Folders && targets.iter().any(|target| target.name.as_str() == wizard.name) {
        // It was written and loaded: the key is no longer needed.
        wizard.forget_server();
        wizard.step = Step::Done;
        wizards.keep(&visitor.session, now, wizard.clone());
    }
    let triggers = app.web.engine.triggers();
    frame::page(&Page {
        frame: Frame::new(&app, &visitor.session, "/setup"),
        wizard,
        kinds: &KINDS,
        triggers: triggers
            .into_iter()
            .filter(|trigger| !(app.web.for_people)(trigger.kind))
            .map(|trigger| trigger.name.to_string())
            .collect(),
        has_targets: !targets.is_empty(),
    })
}

/// Where a wizard stands now.
pub(super) fn walk_of(app: &App, wizards: &Wizards, session: &Session) -> Wizard {
    wizards.of(session, app.web.engine.now())
}

/// Keeps a wizard and leads to its page.
pub(super) fn write_stream(app: &App, wizards: &Wizards, session: &Session, wizard: Wizard) -> Response {
    wizards.keep(session, app.web.engine.now(), wizard);
    frame::see_other(&format!("{}/setup", app.base()))
}

/// `POST /setup/kind`.
async fn choose_kind(
    State(app): State<Shared>,
    State(wizards): State<Arc<Wizards>>,
    posted: Posted,
) -> Response {
    let mut wizard = walk_of(&app, &wizards, &posted.visitor.session);
    match setup_wizard::kind(posted.get("kind")) {
        Some(kind) => {
            if wizard.kind != Some(kind) {
                wizard.forget_server();
                wizard.url.clear();
                wizard.name = free_name(&app, kind.name);
            }
            wizard.kind = Some(kind);
            wizard.step = Step::Address;
            wizard.problem = None;
        }
        None => wizard.problem = Some("Choose one of the servers.".to_owned()),
    }
    write_stream(&app, &wizards, &posted.visitor.session, wizard)
}

/// A name that no target has.
fn free_name(app: &App, kind: &str) -> String {
    let targets = app.web.engine.targets();
    let is_free = |name: &String| targets.iter().all(|target| target.name.as_str() != name);
    let more = (2_u32..).map(|number| format!("{kind}-{number}"));
    std::iter::once(kind.to_owned()).chain(more).find(is_free).unwrap_or_default()
}

/// `POST /setup/address`.
async fn name_address(
    State(app): State<Shared>,
    State(wizards): State<Arc<Wizards>>,
    posted: Posted,
) -> Response {
    let mut wizard = walk_of(&app, &wizards, &posted.visitor.session);
    let (url, name) = (posted.get("url").trim().trim_end_matches('/'), posted.get("name").trim());
    let is_taken = app.web.engine.targets().iter().any(|target| target.name.as_str() == name);
    let fault = if wizard.kind.is_none() {
        Some("Choose a server first.".to_owned())
    } else if is_taken {
        Some(format!("There is a target named {name:?} already: give this one another name."))
    } else {
        address_fault(url).or_else(|| Name::parse(name).err().map(|reason| format!("The name: {reason}.")))
    };
    if url != wizard.url {
        // What a person gave to one server is shown to no other.
        wizard.forget_server();
    }
    // An address that is refused for the password in it is not shown again.
    wizard.url = if url.contains('@') { String::new() } else { url.chars().take(LONGEST_ADDRESS).collect() };
    wizard.name = name.chars().take(64).collect();
    wizard.step = match (&fault, wizard.kind) {
        (_, None) => Step::Kind,
        (Some(_), _) => Step::Address,
        (None, _) => Step::Key,
    };
    wizard.problem = fault;
    write_stream(&app, &wizards, &posted.visitor.session, wizard)
}

/// What is wrong with an address, in a sentence.
fn address_fault(url: &str) -> Option<String> {
    let read = url.parse::<Uri>().ok();
    let is_web =
        read.as_ref().and_then(Uri::scheme_str).is_some_and(|scheme| matches!(scheme, "http" | "https"));
    let has_host = read.as_ref().and_then(Uri::host).is_some_and(|host| !host.is_empty());
    if url.contains('@') {
        return Some(
            "A user or password for a proxy cannot be given here: leave them out, and write them into the config's file \
             afterwards."
                .to_owned(),
        );
    }
    if !is_web || !has_host || url.len() > LONGEST_ADDRESS {
        return Some(
            "This is no address of a server: it begins with http:// or https://, then come a host and a port.".to_owned(),
        );
    }
    url.contains(['?', '#']).then(|| "The address must end before the ? or #.".to_owned())
}

/// `POST /setup/login`: asks for a code.
async fn begin_login(
    State(app): State<Shared>,
    State(wizards): State<Arc<Wizards>>,
    posted: Posted,
) -> Response {
    let mut wizard = walk_of(&app, &wizards, &posted.visitor.session);
    wizard.pending = None;
    wizard.problem = None;
    if let (Some(login), Step::Key | Step::Folders) = (wizard.kind.and_then(|kind| kind.login), wizard.step) {
        wizard.step = Step::Key;
        match app.web.control.begin_login(login, &wizard.url).await {
            Ok(pending) => wizard.pending = Some(pending),
            Err(reason) => wizard.problem = Some(sentence(&reason)),
        }
    }
    write_stream(&app, &wizards, &posted.visitor.session, wizard)
}

/// `POST /setup/confirm`: asks whether the code was confirmed. A page that asks by itself gets 204 as long as it was not.
async fn confirm_login(
    State(app): State<Shared>,
    State(wizards): State<Arc<Wizards>>,
    posted: Posted,
) -> Response {
    let session = &posted.visitor.session;
    let (mut wizard, now) = (walk_of(&app, &wizards, session), app.web.engine.now());
    let Some(pending) = wizard.pending.clone() else { return write_stream(&app, &wizards, session, wizard) };
    let is_quiet = posted.get("quiet") == "1";
    if is_quiet && wizard.asked_at.is_some_and(|at| now.since(at) < BETWEEN_QUESTIONS) {
        return StatusCode::NO_CONTENT.into_response();
    }
    match ask(&app, &pending).await {
        Ok(Some(key)) => {
            wizard.pending = None;
            wizard.key = Some(key);
            try_it(&app, &mut wizard).await;
        }
        Ok(None) if is_quiet => {
            wizard.asked_at = Some(now);
            wizards.keep(session, now, wizard);
            return StatusCode::NO_CONTENT.into_response();
        }
        Ok(None) => {
            wizard.problem = None;
            posted.visitor.notify(
                &app,
                "wait",
                "It is not confirmed yet: type the code, then come back here.",
            );
        }
        Err(reason) => wizard.problem = Some(reason),
    }
    write_stream(&app, &wizards, session, wizard)
}

async fn ask(app: &App, pending: &PendingLogin) -> Result<Option<Secret>, String> {
    app.web.control.finish_login(pending).await.map_err(|reason| sentence(&reason))
}

/// `POST /setup/key`: a key that the person has.
async fn paste_key(
    State(app): State<Shared>,
    State(wizards): State<Arc<Wizards>>,
    posted: Posted,
) -> Response {
    let mut wizard = walk_of(&app, &wizards, &posted.visitor.session);
    let key = posted.get("key").trim();
    if wizard.step < Step::Key {
        return write_stream(&app, &wizards, &posted.visitor.session, wizard);
    }
    wizard.pending = None;
    wizard.step = Step::Key;
    if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        wizard.problem = Some("That is no key: it is one word of letters and digits.".to_owned());
    } else {
        wizard.key = Some(Secret::new(key));
        try_it(&app, &mut wizard).await;
    }
    write_stream(&app, &wizards, &posted.visitor.session, wizard)
}

/// `POST /setup/test`: tries the server again.
async fn test(State(app): State<Shared>, State(wizards): State<Arc<Wizards>>, posted: Posted) -> Response {
    let mut wizard = walk_of(&app, &wizards, &posted.visitor.session);
    if wizard.step >= Step::Key {
        try_it(&app, &mut wizard).await;
    }
    write_stream(&app, &wizards, &posted.visitor.session, wizard)
}

/// Asks the server who it is and what it has, and goes on to its folders.
async fn try_it(app: &App, wizard: &mut Wizard) {
    wizard.problem = None;
    wizard.step = Step::Key;
    let Some(target) = wizard.target() else { return };
    match app.web.control.try_server(&target).await {
        Ok(tried) => {
            wizard.tried = Some(tried.test.clone());
            wizard.rows = setup_folders::rows(app, &wizard.name, tried).await;
            wizard.may_insist = false;
            wizard.step = Step::Folders;
        }
        Err(reason) => wizard.problem = Some(sentence(&reason)),
    }
}

/// `POST /setup/back`: to an earlier step.
async fn back(State(app): State<Shared>, State(wizards): State<Arc<Wizards>>, posted: Posted) -> Response {
    let mut wizard = walk_of(&app, &wizards, &posted.visitor.session);
    wizard.step = match wizard.step {
        Step::Folders => Step::Key,
        Step::Key => Step::Address,
        Step::Kind | Step::Address | Step::Done => Step::Kind,
    };
    wizard.problem = None;
    wizard.pending = None;
    write_stream(&app, &wizards, &posted.visitor.session, wizard)
}

/// `POST /setup/again`: forgets everything.
async fn again(State(app): State<Shared>, State(wizards): State<Arc<Wizards>>, posted: Posted) -> Response {
    let mut wizard = walk_of(&app, &wizards, &posted.visitor.session);
    wizard.begin_again();
    write_stream(&app, &wizards, &posted.visitor.session, wizard)
}

/// A reason as a sentence of its own.
fn sentence(reason: &str) -> String {
    let end = if reason.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{reason}{end}")
}
