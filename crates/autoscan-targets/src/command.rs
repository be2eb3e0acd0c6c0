//! A program of the user's own, run once for every scan. Its words are handed over one by one: no shell reads them.

mod child;

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::change::{Change, ChangeKind};
use autoscan_core::duration::Span;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Identity, Plan, PlannedCall, Target, TargetScan};
use autoscan_http::Http;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::command::child::Run;
use crate::family::batch::one_by_one;
use crate::family::changes::ChangeJson;
use crate::family::settings;
use crate::kind::{Connected, TargetKind};

pub(crate) const KIND: TargetKind =
    TargetKind { name: "command", settings: <Settings as JsonSchema>::json_schema, connect };

/// A program of your own.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// The program and its arguments, word by word: no shell reads them. `{folder}` in an argument becomes the folder.
    argv: Vec<String>,
    /// How long it may run; then it is killed with all that it started.
    #[serde(default = "usual_timeout")]
    timeout: Span,
}

fn usual_timeout() -> Span {
    Span(Duration::from_secs(30))
}

/// What stands for the folder in an argument.
const FOLDER: &str = "{folder}";

/// What the program inherits of our environment: nothing that could be a secret.
const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// Longest variable that is handed over, in bytes. Linux takes 128 KiB (`MAX_ARG_STRLEN`).
const LONGEST_VARIABLE: usize = 96 * 1024;

/// What this machine is short of when a program cannot be started, such as memory, is waited for so long.
const SHORT_OF: Duration = Duration::from_secs(30);

/// How much of what a program said a reason quotes, in characters.
const EXCERPT: usize = 300;

fn connect(given: &Value, _: &Http) -> Result<Connected, String> {
    let given: Settings = settings::read(given)?;
    let program = Program::new(given.argv, given.timeout.0)?;
    Ok(Connected { url: program.name.clone(), server: Arc::new(program) })
}

/// The program of these words as a target of its own, for what is run before and after the scans of another one. The error
/// is a sentence for a person.
pub fn command_hook(argv: Vec<String>, timeout: Duration) -> Result<Arc<dyn Target>, String> {
    Ok(Arc::new(Program::new(argv, timeout)?))
}

struct Program {
    name: String,
    arguments: Vec<String>,
    timeout: Duration,
}

impl Program {
    fn new(argv: Vec<String>, timeout: Duration) -> Result<Self, String> {
        if argv.iter().any(|word| word.contains('\0')) {
            return Err("`argv` holds a NUL, which no program can be given".to_owned());
        }
        if timeout.is_zero() {
            return Err("`timeout` is 0: no program would ever end in time".to_owned());
        }
        let mut words = argv.into_iter();
        match words.next() {
            Some(name) if !name.trim().is_empty() => Ok(Self { name, arguments: words.collect(), timeout }),
            _ => {
                Err("`argv` is empty: write the program and its arguments, such as [/config/note.sh]"
                    .to_owned())
            }
        }
    }

    fn arguments(&self, scan: &TargetScan) -> Vec<String> {
        self.arguments.iter().map(|word| word.replace(FOLDER, scan.folder.as_str())).collect()
    }

    async fn run(&self, scan: &TargetScan) -> Result<(), Fault> {
        let mut command = Command::new(&self.name);
        command.args(self.arguments(scan)).env_clear().envs(inherited()).envs(environment(scan));
        let ended = child::run(command, self.timeout).await.map_err(|error| self.not_started(&error))?;
        let name = &self.name;
        match ended {
            Run::Ended { status, .. } if status.success() => Ok(()),
            Run::Ended { status, said } => {
                Err(Fault::wrong(format!("the program {name:?} ended with {status}{}", quoted(&said))))
            }
            Run::Killed { said } => Err(Fault::wrong(format!(
                "the program {name:?} did not end within {} and was killed with all that it had started{}",
                Span(self.timeout),
                quoted(&said)
            ))),
        }
    }

    /// What is wrong with the program itself concerns every scan: the lane holds until a person has mended it. What this
    /// machine lacks at the moment passes by itself.
    fn not_started(&self, error: &io::Error) -> Fault {
        let name = &self.name;
        match error.kind() {
            io::ErrorKind::NotFound => Fault::refused(format!(
                "the program {name:?} was not found, or the interpreter that its first line names; check `argv`"
            )),
            io::ErrorKind::PermissionDenied => Fault::refused(format!(
                "the program {name:?} may not be run by autoscan; make it executable (chmod +x) for autoscan's user"
            )),
            io::ErrorKind::ArgumentListTooLong => {
                Fault::wrong(format!("the system found what was to be handed to {name:?} too long"))
            }
            _ if error.raw_os_error() == Some(NO_PROGRAM) => Fault::refused(format!(
                "{name:?} is no program: does its first line begin with #! and the interpreter?"
            )),
            io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
                Fault::refused(format!("{name:?} is no program; check `argv`"))
            }
            _ => Fault::Later {
                after: SHORT_OF,
                reason: format!("the program {name:?} could not be started: {error}; autoscan tries again"),
            },
        }
    }
}

/// `ENOEXEC`, for which the standard library has no kind.
const NO_PROGRAM: i32 = 8;

fn quoted(said: &str) -> String {
    if said.is_empty() {
        return " and said nothing".to_owned();
    }
    let mut short: String = said.chars().take(EXCERPT).collect();
    if short.len() < said.len() {
        short.push('…');
    }
    format!("; it said {short:?}")
}

/// These are handed on unread: no setting of autoscan's own is among them.
fn inherited() -> impl Iterator<Item = (&'static str, OsString)> {
    INHERITED.into_iter().filter_map(|name| std::env::var_os(name).map(|value| (name, value)))
}

/// The scan, as the program is told of it.
fn environment(scan: &TargetScan) -> Vec<(&'static str, String)> {
    let is_gone = |change: &&Change<TargetPath>| change.kind == ChangeKind::Deleted;
    let here = scan.changes.iter().filter(|change| !is_gone(change)).map(|change| change.path.as_str());
    let moved = scan.changes.iter().filter_map(|change| change.from.as_ref()).map(TargetPath::as_str);
    let gone = scan.changes.iter().filter(is_gone).map(|change| change.path.as_str()).chain(moved);
    // Text and a flag can always be written.
    let written = |change| serde_json::to_string(&ChangeJson::of(change)).unwrap_or_default();
    let changes: Vec<String> = scan.changes.iter().map(written).collect();
    let told = fitting(changes.iter().map(String::as_str));
    let left_out = scan.changes.len() - told.len();
    vec![
        ("AUTOSCAN_FOLDER", scan.folder.as_str().to_owned()),
        ("AUTOSCAN_PATHS", fitting(here).join("\n")),
        ("AUTOSCAN_DELETED", fitting(gone).join("\n")),
        ("AUTOSCAN_CHANGES", format!("[{}]", told.join(","))),
        ("AUTOSCAN_LEFT_OUT", left_out.to_string()),
    ]
}

/// As many of the texts as fit into one variable.
fn fitting<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut room = LONGEST_VARIABLE;
    texts
        .take_while(|text| {
            let fits = text.len() < room;
            room = room.saturating_sub(text.len() + 1);
            fits
        })
        .collect()
}

/// The file of a program, as the system would find it.
fn found(name: &str, search: Option<OsString>) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|file| file.exists());
    }
    let folders = search.unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Whether the system would start the file for somebody, as far as can be seen without doing it.
fn startable(file: &Path) -> io::Result<()> {
    let about = file.metadata()?;
    if !about.is_file() || about.permissions().mode() & 0o111 == 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut head = [0; HEAD];
    // A program need not be readable to be run.
    let Ok(read) = std::fs::File::open(file).and_then(|mut file| file.read(&mut head)) else { return Ok(()) };
    let head = String::from_utf8_lossy(&head[..read]);
    let Some(interpreter) = head.strip_prefix("#!") else {
        // Of what is no text only the system knows whether it is a program.
        let is_text = !head.contains(['\0', char::REPLACEMENT_CHARACTER]);
        return if is_text { Err(io::Error::from_raw_os_error(NO_PROGRAM)) } else { Ok(()) };
    };
    match interpreter.split_whitespace().next() {
        Some(interpreter) => Path::new(interpreter).metadata().map(drop),
        None => Err(io::Error::from_raw_os_error(NO_PROGRAM)),
    }
}

/// As much of a file as Linux reads to see what it is (`BINPRM_BUF_SIZE`).
const HEAD: usize = 256;

#[async_trait]
impl Target for Program {
    /// Looks whether the program is there and may be run. It is not run.
    async fn probe(&self) -> Result<Identity, Fault> {
        let name = self.name.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let file = found(&name, std::env::var_os("PATH")).ok_or(io::ErrorKind::NotFound)?;
            startable(&file).map(|()| file)
        });
        let looked = looked.await.unwrap_or_else(|_stopped| Err(io::ErrorKind::Other.into()));
        let file = looked.map_err(|error| self.not_started(&error))?;
        Ok(Identity {
            product: "Command".to_owned(),
            name: Some(file.display().to_string()),
            version: "of your own".to_owned(),
        })
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        one_by_one(self, batch, |scan| self.run(scan)).await
    }

    /// Runs for different folders do not wait for each other.
    fn queue(&self, scan: &TargetScan) -> Option<String> {
        Some(scan.folder.as_str().to_owned())
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        let words = serde_json::to_string(&self.arguments(scan)).unwrap_or_default();
        let call = PlannedCall { method: "RUN".to_owned(), url: self.name.clone(), body: Some(words) };
        Ok(Plan { libraries: Vec::new(), calls: vec![call] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TargetPath {
        TargetPath::parse(text).unwrap()
    }

    fn variable(scan: &TargetScan, name: &str) -> String {
        environment(scan).into_iter().find(|(known, _)| *known == name).unwrap().1
    }

    #[test]
    fn the_environment_tells_the_scan() {
        let changes = vec![
            Change::created(path("/tv/A \"1\"/a.mkv")),
            Change::deleted(path("/tv/A \"1\"/b.mkv")),
            Change::moved(path("/tv/old.mkv"), path("/tv/A \"1\"/c.mkv")),
        ];
        let scan = TargetScan { folder: path("/tv/A \"1\""), changes, companions: Vec::new() };
        assert_eq!(variable(&scan, "AUTOSCAN_FOLDER"), "/tv/A \"1\"");
        assert_eq!(variable(&scan, "AUTOSCAN_PATHS"), "/tv/A \"1\"/a.mkv\n/tv/A \"1\"/c.mkv");
        assert_eq!(variable(&scan, "AUTOSCAN_DELETED"), "/tv/A \"1\"/b.mkv\n/tv/old.mkv");
        assert_eq!(variable(&scan, "AUTOSCAN_LEFT_OUT"), "0");
        let changes: Value = serde_json::from_str(&variable(&scan, "AUTOSCAN_CHANGES")).unwrap();
        assert_eq!(changes[2]["from"], "/tv/old.mkv");
        assert_eq!(changes[1]["kind"], "deleted");
        assert_eq!(
            changes[0],
            serde_json::json!({"path": "/tv/A \"1\"/a.mkv", "kind": "created", "folder": false})
        );
    }

    #[test]
    fn a_scan_of_thousands_of_files_fits_and_says_what_was_left_out() {
        let name = "x".repeat(200);
        let changes: Vec<_> =
            (0..2000).map(|at| Change::created(path(&format!("/tv/{name}/{at}.mkv")))).collect();
        let scan = TargetScan { folder: path("/tv"), changes, companions: Vec::new() };
        assert!(environment(&scan).iter().all(|(_, value)| value.len() <= LONGEST_VARIABLE + 2));
        let left_out: usize = variable(&scan, "AUTOSCAN_LEFT_OUT").parse().unwrap();
        let told: Vec<Value> = serde_json::from_str(&variable(&scan, "AUTOSCAN_CHANGES")).unwrap();
        assert!(left_out > 0 && told.len() + left_out == 2000);
    }

    #[test]
    fn a_folder_stays_one_word_in_an_argument() {
        let program =
            Program::new(vec!["echo".into(), "--at={folder}".into(), "$(x)".into()], Duration::MAX).unwrap();
        let scan = TargetScan { folder: path("/tv/a b; rm"), changes: Vec::new(), companions: Vec::new() };
        assert_eq!(program.arguments(&scan), ["--at=/tv/a b; rm", "$(x)"]);
    }
}
