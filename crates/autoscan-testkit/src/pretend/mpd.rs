mod database;
mod door;

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::pretend::http_server::lock;
use crate::pretend::mpd::database::{Database, SONGS, SongFile};
use crate::pretend::mpd::door::{Door, Stream};

/// A Music Player Daemon as far as updates go, as version 0.23 behaves (measured at MPD 0.23.12, whose protocol calls itself 0.23.5).
pub struct PretendMpd {
    port: u16,
    state: Arc<Mutex<MpdState>>,
    open: JoinHandle<()>,
}

/// What can go wrong with an MPD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MpdTrouble {
    /// It takes connections and says nothing.
    Silent,
    /// It greets as another program does.
    NoMpd,
    /// It answers what is no protocol.
    Garbage,
    /// Its answers do not end.
    Endless,
    /// It closes the connection after a command.
    HangsUp,
}

/// How long it is up when it is made.
const UP: Duration = Duration::from_hours(24);

struct MpdState {
    password: Option<String>,
    database: Database,
    commands: Vec<String>,
    playing: bool,
    trouble: Option<MpdTrouble>,
    started: Instant,
    /// How long it was up already then.
    up_before: Duration,
}

impl PretendMpd {
    /// Opens its port. With a password, nobody without it may do anything.
    pub async fn start(password: Option<&str>) -> io::Result<Self> {
        Ok(Self::behind(Door::port().await?, password))
    }

    /// Opens a Unix socket at this path instead of a port, as `bind_to_address "/run/mpd/socket"` does.
    pub fn start_at(socket: &Path) -> io::Result<Self> {
        Ok(Self::behind(Door::socket(socket)?, None))
    }

    fn behind(door: Door, password: Option<&str>) -> Self {
        let state = MpdState {
            password: password.map(str::to_owned),
            database: Database::default(),
            commands: Vec::new(),
            playing: false,
            trouble: None,
            started: Instant::now(),
            up_before: UP,
        };
        let (port, state) = (door.number(), Arc::new(Mutex::new(state)));
        let open = tokio::spawn(serve(door, Arc::clone(&state)));
        Self { port, state, open }
    }

    /// Its port on this machine; 0 for one that has a socket.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Puts a file of 44 bytes on its disk, below the music directory, changed at this second.
    pub fn put(&self, path: &str, changed: u64) {
        self.put_song(path, changed, 1);
    }

    /// Puts a song of so many seconds on its disk, changed at this second; each second is a byte.
    pub fn put_song(&self, path: &str, changed: u64, seconds: u64) {
        self.state().database.disk.insert(path.to_owned(), SongFile { changed, seconds });
    }

    /// Takes a file from its disk.
    pub fn take(&self, path: &str) {
        self.state().database.disk.remove(path);
    }

    /// The songs it knows.
    pub fn songs(&self) -> Vec<String> {
        self.state().database.songs()
    }

    /// When a song it knows was changed last.
    pub fn changed(&self, path: &str) -> Option<u64> {
        self.state().database.song(path).map(|song| song.changed)
    }

    /// How long a song plays, as far as it knows.
    pub fn seconds(&self, path: &str) -> Option<u64> {
        self.state().database.song(path).map(|song| song.seconds)
    }

    /// It is killed and started anew: it has forgotten the updates that it was asked for, and `stats` says that it is up since
    /// now.
    pub fn restart(&self) {
        let state = &mut self.state();
        state.database.restart();
        (state.started, state.up_before) = (Instant::now(), Duration::ZERO);
    }

    /// From now on `stats` says that it is up for so much longer.
    pub fn has_been_up(&self, longer: Duration) {
        self.state().up_before += longer;
    }

    /// Lets updates wait, or lets them go.
    pub fn hold_updates(&self, held: bool) {
        let database = &mut self.state().database;
        database.held = held;
        if !held {
            database.work();
        }
    }

    /// Whether it plays.
    pub fn set_playing(&self, playing: bool) {
        self.state().playing = playing;
    }

    /// Every further command gets into this trouble, until it is none.
    pub fn set_trouble(&self, trouble: Option<MpdTrouble>) {
        self.state().trouble = trouble;
    }

    /// The commands so far, as they were sent; of a password only the word.
    pub fn commands(&self) -> Vec<String> {
        self.state().commands.clone()
    }

    /// Forgets the commands so far.
    pub fn forget_commands(&self) {
        self.state().commands.clear();
    }

    /// Closes the port and every connection.
    pub fn close(&self) {
        self.open.abort();
    }

    fn state(&self) -> MutexGuard<'_, MpdState> {
        lock(&self.state)
    }
}

impl Drop for PretendMpd {
    fn drop(&mut self) {
        self.open.abort();
    }
}

/// Connections end with this task.
async fn serve(door: Door, state: Arc<Mutex<MpdState>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok(stream) = door.accept() => {
                let state = Arc::clone(&state);
                // How a client leaves is its own affair.
                connections.spawn(async move { drop(converse(stream, state).await) });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: Box<dyn Stream>, state: Arc<Mutex<MpdState>>) -> io::Result<()> {
    let mut stream = BufStream::new(stream);
    let trouble = lock(&state).trouble;
    match trouble {
        Some(MpdTrouble::Silent) => std::future::pending().await,
        Some(MpdTrouble::NoMpd) => stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await?,
        _ => stream.write_all(b"OK MPD 0.23.5\n").await?,
    }
    stream.flush().await?;
    let mut may = lock(&state).password.is_none();
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let trouble = lock(&state).trouble;
        match trouble {
            None => {
                let answer = lock(&state).answer(line.trim_end_matches('\n'), &mut may);
                stream.write_all(answer.as_bytes()).await?;
            }
            Some(MpdTrouble::HangsUp) => return Ok(()),
            Some(MpdTrouble::Endless) => loop {
                stream.write_all("file: again and again\n".repeat(100).as_bytes()).await?;
            },
            Some(_) => stream.write_all(b"<html>what?</html>\n").await?,
        }
        stream.flush().await?;
        line.clear();
    }
    Ok(())
}

impl MpdState {
    fn answer(&mut self, line: &str, may: &mut bool) -> String {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let name = words.first().copied().unwrap_or_default();
        self.commands.push(if name == "password" { name.to_owned() } else { line.to_owned() });
        let ack = |code: u32, said: &str| format!("ACK [{code}@0] {{{name}}} {said}\n");
        match words.as_slice() {
            ["password", given] if self.password.as_deref() == Some(given) => {
                *may = true;
                "OK\n".to_owned()
            }
            ["password", _] => ack(3, "incorrect password"),
            ["commands"] if !*may => "command: commands\ncommand: password\nOK\n".to_owned(),
            _ if !*may => ack(4, &format!("you don't have permission for \"{name}\"")),
            ["commands"] => {
                "command: commands\ncommand: lsinfo\ncommand: rescan\ncommand: status\ncommand: update\nOK\n"
                    .to_owned()
            }
            ["decoders"] => decoders(),
            ["status"] => self.status(),
            ["stats"] => format!("uptime: {}\nOK\n", (self.up_before + self.started.elapsed()).as_secs()),
            ["update" | "rescan", path] if is_malformed(path) => ack(2, "Malformed path"),
            ["update" | "rescan", path] => match self.database.update(path, name == "rescan") {
                Some(job) => format!("updating_db: {job}\nOK\n"),
                None => ack(54, "Update queue is full"),
            },
            ["lsinfo", path] => self.lsinfo(path).unwrap_or_else(|| ack(50, "No such directory")),
            ["count", "base", path]
                if self.database.knows_folder(path) || self.database.song(path).is_some() =>
            {
                "songs: 1\nplaytime: 1\nOK\n".to_owned()
            }
            ["count", "base", _] => ack(50, "No such directory"),
            ["listfiles", path] => self.listfiles(path).unwrap_or_else(|| {
                ack(52, &format!("Failed to open /srv/music/{path}: No such file or directory"))
            }),
            _ => ack(5, &format!("unknown command \"{name}\"")),
        }
    }

    fn status(&self) -> String {
        let state = if self.playing { "play" } else { "stop" };
        let running = self.database.running().map(|job| format!("updating_db: {job}\n")).unwrap_or_default();
        format!("repeat: 0\nstate: {state}\n{running}OK\n")
    }

    fn lsinfo(&self, path: &str) -> Option<String> {
        if let Some(SongFile { changed, seconds }) = self.database.song(path) {
            return Some(format!("file: {path}\nLast-Modified: {changed}\nTime: {seconds}\nOK\n"));
        }
        self.database.knows_folder(path).then(|| format!("directory: {path}/below\nOK\n"))
    }

    fn listfiles(&self, path: &str) -> Option<String> {
        let (folders, files) = self.database.listed(path)?;
        let mut out = String::new();
        for folder in folders {
            let _ = writeln!(out, "directory: {folder}");
        }
        for (name, file) in files {
            let _ = writeln!(out, "file: {name}\nsize: {}\nLast-Modified: {}", file.bytes(), file.changed);
        }
        Some(out + "OK\n")
    }
}

fn decoders() -> String {
    let mut out = String::from("plugin: pretend\n");
    for ending in SONGS {
        let _ = writeln!(out, "suffix: {ending}\nmime_type: audio/{ending}");
    }
    out + "OK\n"
}

fn is_malformed(path: &str) -> bool {
    path.starts_with('/') || path.ends_with('/') || path.split('/').any(|name| matches!(name, "." | ".."))
}

/// The words of a command; one in quotes has `\` before a quote and before itself.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut letters = line.chars().peekable();
    while let Some(first) = letters.next() {
        let mut word = String::new();
        match first {
            ' ' => continue,
            '"' => {
                while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
                    word.extend(if letter == '\\' { letters.next() } else { Some(letter) });
                }
            }
            first => {
                word.push(first);
                while let Some(letter) = letters.next_if(|letter| *letter != ' ') {
                    word.push(letter);
                }
            }
        }
        words.push(word);
    }
    words
}
