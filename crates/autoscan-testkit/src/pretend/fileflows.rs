use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::pretend::http_server::{Behavior, HttpServer, Recorded, Reply, lock, segments};
use crate::pretend::library::PretendLibrary;

/// A FileFlows server as far as its queue goes.
pub struct PretendFileFlows {
    /// Its port, its log and its trouble.
    pub http: HttpServer,
    flows: Arc<FileFlows>,
}

struct FileFlows {
    login: Option<(String, String)>,
    state: Mutex<FileFlowsState>,
}

#[derive(Default)]
struct FileFlowsState {
    libraries: Vec<(PretendLibrary, Option<String>, bool)>,
    known: Vec<String>,
    tokens: usize,
    added: Vec<(String, String)>,
    again: Vec<String>,
    looks: Vec<String>,
}

impl PretendFileFlows {
    /// Opens its port. Without a login its security is off.
    pub async fn start(login: Option<(&str, &str)>) -> io::Result<Self> {
        let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let flows = Arc::new(FileFlows { login, state: Mutex::default() });
        let behavior: Arc<dyn Behavior> = Arc::clone(&flows) as Arc<dyn Behavior>;
        Ok(Self { http: HttpServer::open(behavior, "").await?, flows })
    }

    /// Adds a library with its flow, switched on or off.
    pub fn add(&self, library: PretendLibrary, flow: Option<&str>, enabled: bool) {
        self.state().libraries.push((library, flow.map(str::to_owned), enabled));
    }

    /// A file that it has processed before.
    pub fn know(&self, file: &str) {
        self.state().known.push(file.to_owned());
    }

    /// Forgets every login: their time is over.
    pub fn forget_logins(&self) {
        self.state().tokens += 1;
    }

    /// The files that were added, with their flow, in order.
    pub fn added(&self) -> Vec<(String, String)> {
        self.state().added.clone()
    }

    /// The files that are processed again, in order.
    pub fn again(&self) -> Vec<String> {
        self.state().again.clone()
    }

    /// The libraries that it was told to look at, in order.
    pub fn looks(&self) -> Vec<String> {
        self.state().looks.clone()
    }

    fn state(&self) -> MutexGuard<'_, FileFlowsState> {
        lock(&self.flows.state)
    }
}

impl Behavior for FileFlows {
    fn answer(&self, call: &Recorded) -> Reply {
        let segments = segments(call, "").unwrap_or_default();
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        let mut state = lock(&self.state);
        let token = format!("token-{}", state.tokens);
        if segments == ["remote", "info", "version"] {
            return Reply::json(&json!("25.1.0.0"));
        }
        if let Some((user, password)) = &self.login {
            if segments == ["authorize"] {
                let fits = body["username"] == user.as_str() && body["password"] == password.as_str();
                return if fits { Reply::json(&json!(token)) } else { self.error(401) };
            }
            if call.header("authorization") != Some(&format!("Bearer {token}")) {
                return self.error(401);
            }
        }
        match (call.method.as_str(), segments.as_slice()) {
            ("GET", ["api", "library"]) => Reply::json(&state.libraries()),
            ("POST", ["api", "library-file", "search"]) => Reply::json(&state.search(&body["Path"])),
            ("POST", ["api", "library-file", "reprocess"]) => {
                state.again.extend(texts(&body["Uids"]).into_iter().map(|uid| uid.replace("uid of ", "")));
                Reply::empty(200)
            }
            ("POST", ["api", "library-file", "manually-add"]) => {
                let flow = body["FlowUid"].as_str().unwrap_or_default();
                state.added.extend(texts(&body["Files"]).into_iter().map(|file| (flow.to_owned(), file)));
                Reply::empty(200)
            }
            ("PUT", ["api", "library", "rescan"]) => {
                state.looks.extend(texts(&body["Uids"]));
                Reply::empty(200)
            }
            _ => self.error(404),
        }
    }

    fn error(&self, status: u16) -> Reply {
        Reply::new(status, "text/plain", "Error")
    }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl FileFlowsState {
    fn libraries(&self) -> Value {
        let json = |(library, flow, enabled): &(PretendLibrary, Option<String>, bool)| {
            let flow = flow.as_ref().map(|uid| json!({"Uid": uid, "Name": "a flow"}));
            json!({
                "Uid": library.id, "Name": library.title, "Enabled": enabled, "Path": library.folders.first(), "Flow": flow,
            })
        };
        self.libraries.iter().map(json).collect()
    }

    /// Finds every file whose path holds what is looked for.
    fn search(&self, path: &Value) -> Value {
        let path = path.as_str().unwrap_or_default();
        let found = self.known.iter().filter(|file| file.contains(path));
        found.map(|file| json!({"Uid": format!("uid of {file}"), "FlowUid": "x", "Name": file})).collect()
    }
}
