//! The real binary in a folder of its own, and a client that can be as rude as a test needs.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The password of every test.
pub(crate) const PASSWORD: &str = "correct-horse";
/// Longest wait for anything that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with a config.
pub(crate) struct Home {
    folder: TempDir,
    /// The port in the config.
    pub(crate) port: u16,
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Home {
    /// A home whose config has these lines beside the usual ones: no waiting, a password, one Sonarr.
    pub(crate) fn new(lines: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), port: free_port() }.with(lines)
    }

    /// The same at a place that could be anybody's, for pictures: `/srv/autoscan`, on the usual port.
    pub(crate) fn to_be_seen(lines: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("autoscan").rand_bytes(0).tempdir_in("/srv").unwrap();
        Self { folder, port: 3030 }.with(lines)
    }

    fn with(self, lines: &str) -> Self {
        let home = self;
        let usual = format!(
            "host: 127.0.0.1\nport: {}\nminimum-age: 0s\nauthentication: {{ password: {PASSWORD} }}\n",
            home.port
        );
        home.write("config.yml", &format!("{usual}{lines}"));
        home
    }

    /// A home without a config.
    pub(crate) fn bare() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), port: free_port() }
    }

    /// Where a name in this home is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The command, with nothing of this machine's environment that could change what it does.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_autoscan"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        command
    }

    /// Runs a command to its end, and tells how it ended. One that does not end is killed.
    pub(crate) fn ends(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments))
    }

    /// Starts the server and waits until it answers.
    pub(crate) fn serve(&self) -> Program {
        self.serve_by(self.command(&["serve"]))
    }

    /// Starts the server by a command of one's own, and waits until it answers.
    pub(crate) fn serve_by(&self, command: Command) -> Program {
        let program = self.start(command);
        program.until("the server answers", || program.try_get("/health").is_some());
        program
    }

    fn start(&self, mut command: Command) -> Program {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        collect(child.stdout.take().unwrap(), &lines);
        collect(child.stderr.take().unwrap(), &lines);
        Program { child: Mutex::new(child), port: self.port, lines }
    }
}

fn collect(stream: impl Read + Send + 'static, lines: &Arc<Mutex<VecDeque<String>>>) {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().unwrap().push_back(line);
        }
    });
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; none when it had to be killed.
    pub(crate) code: Option<i32>,
    /// All of its standard output.
    pub(crate) out: String,
    /// All of its standard error.
    pub(crate) err: String,
}

impl Ended {
    /// Runs the command to its end, or kills it when there is none in sight.
    pub(crate) fn of(mut command: Command) -> Self {
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let id = child.id().to_string();
        let (ended, end) = mpsc::channel::<()>();
        let watch = thread::spawn(move || {
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                Command::new("kill").args(["-KILL", &id]).status().unwrap();
            }
        });
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        drop(ended);
        watch.join().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: status.code(), out: text(stdout), err: text(stderr) }
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The running server. It is killed when the test ends.
pub(crate) struct Program {
    child: Mutex<Child>,
    port: u16,
    lines: Arc<Mutex<VecDeque<String>>>,
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Program {
    /// All it printed so far.
    pub(crate) fn printed(&self) -> String {
        self.lines.lock().unwrap().iter().cloned().collect::<Vec<_>>().join("\n")
    }

    /// Waits until something is so, and fails with all that was printed when it never is.
    pub(crate) fn until(&self, what: &str, so: impl FnMut() -> bool) {
        self.until_within(PATIENCE, what, so);
    }

    /// Waits for what takes its time.
    pub(crate) fn until_within(&self, limit: Duration, what: &str, mut so: impl FnMut() -> bool) {
        let start = Instant::now();
        while !so() {
            assert!(start.elapsed() < limit, "never: {what}\n{}", self.printed());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// A request with the password.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.request(method, path, &[&login()], body.as_bytes())
    }

    /// A webhook of the trigger `sonarr`; it must be stored.
    pub(crate) fn sonarr(&self, body: &str) -> Answer {
        let answer = self.ask("POST", "/triggers/sonarr", body);
        assert_eq!(answer.status, 200, "{answer:?}\n{}", self.printed());
        answer
    }

    /// A `GET` that must succeed, as JSON.
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, "");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// All scans, newest first.
    pub(crate) fn scans(&self) -> Vec<Value> {
        self.get("/api/v1/scans?limit=500")["scans"].as_array().unwrap().clone()
    }

    /// All scans, newest first, for who sends this header.
    pub(crate) fn scans_with(&self, header: &str) -> Vec<Value> {
        let answer = self.request("GET", "/api/v1/scans?limit=500", &[header], b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["scans"].as_array().unwrap().clone()
    }

    /// A request as it is given; header lines without their line ends.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        self.try_request(method, path, headers, body)
            .unwrap_or_else(|| panic!("no answer to {method} {path}\n{}", self.printed()))
    }

    /// A request, or none when nobody answers.
    pub(crate) fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: &[u8],
    ) -> Option<Answer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: autoscan\r\nConnection: close\r\n");
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        if !body.is_empty() || method != "GET" {
            head.push_str("Content-Length: ");
            head.push_str(&body.len().to_string());
            head.push_str("\r\n");
        }
        let mut stream = self.connect()?;
        stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
        // A server that refuses a body may close before it has read all of it.
        let _refused = stream.write_all(body);
        read_answer(&mut stream)
    }

    fn try_get(&self, path: &str) -> Option<Answer> {
        self.try_request("GET", path, &[], b"")
    }

    /// A connection, to be rude on.
    pub(crate) fn connect(&self) -> Option<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        Some(stream)
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    /// Stops it softly and waits for the end.
    pub(crate) fn stop(&self) {
        self.signal("TERM");
        assert!(self.ended().success(), "{}", self.printed());
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.lock().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn ended(&self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it never ends\n{}", self.printed());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        let _gone = child.kill().and_then(|()| child.wait().map(drop));
    }
}

/// Reads an answer to its end.
pub(crate) fn read_answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    // A reset after the answer leaves what was read.
    let _reset = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// The header that lets everyone in who knows the password.
pub(crate) fn login() -> String {
    format!("Authorization: Basic {}", base64(format!("autoscan:{PASSWORD}").as_bytes()))
}

/// Base64, by the rule of RFC 4648.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().enumerate().fold(0_u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let letter = char::from(LETTERS[(word >> (18 - 6 * at) & 63) as usize]);
            out.push(if at <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

/// What Sonarr sends for one imported episode.
pub(crate) fn episode(series: &str, file: &str) -> String {
    serde_json::json!({
        "series": { "id": 1, "title": series, "path": series, "tvdbId": 1, "type": "standard" },
        "episodes": [{ "id": 1, "episodeNumber": 1, "seasonNumber": 1, "title": "Pilot" }],
        "episodeFile": { "id": 1, "relativePath": file, "path": format!("{series}/{file}"), "size": 1 },
        "isUpgrade": false,
        "eventType": "Download",
        "instanceName": "Sonarr"
    })
    .to_string()
}
