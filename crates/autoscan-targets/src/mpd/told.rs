//! What MPD was told, as far as it may still be at work on it. It is in memory alone: after a start of autoscan nothing is known.

use std::collections::VecDeque;
use std::time::Duration;

use autoscan_core::path::TargetPath;
use tokio::time::Instant;

use crate::mpd::commands::{Command, Verb};

/// How many folders are remembered.
const FOLDERS: usize = 1000;
/// How many commands of a folder are remembered: the latest.
const OF_A_FOLDER: usize = 64;

/// What MPD was told of one folder.
#[derive(Clone, Debug)]
pub(super) struct Told {
    folder: TargetPath,
    /// The number that MPD gave to the last command; none once MPD has obeyed it.
    pub(super) job: Option<u32>,
    /// What MPD was told and has not obeyed as far as is known, each with the time before it was sent.
    pending: Vec<(Command, Instant)>,
    /// The commands for songs with other content under their old name: that such a song is listed proves nothing.
    replacements: Vec<Command>,
}

impl Told {
    /// What MPD has forgotten, because it was started again after it was told. It says in whole seconds how long it is up; what
    /// was told within the second of its start counts as forgotten too, because to tell it twice does no harm.
    pub(super) fn forgotten(&self, uptime: Duration) -> Vec<Command> {
        let forgotten = self.pending.iter().filter(|(_, at)| at.elapsed() > uptime);
        forgotten.map(|(command, _)| command.clone()).collect()
    }

    /// Whether there is a command that MPD has neither obeyed, as far as is known, nor forgotten.
    pub(super) fn waits_beside(&self, forgotten: &[Command]) -> bool {
        self.pending.iter().any(|(command, _)| !forgotten.contains(command))
    }

    /// Whether there is a command that MPD has not obeyed as far as is known.
    pub(super) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The last command by which a song is read that has other content under its old name.
    pub(super) fn replacement(&self, path: &str) -> Option<&Command> {
        self.replacements.iter().rfind(|command| command.reaches(path))
    }
}

/// What MPD was told, by the folder of the scan, the latest last.
#[derive(Default)]
pub(super) struct ToldFolders(VecDeque<Told>);

impl ToldFolders {
    pub(super) fn of(&self, folder: &TargetPath) -> Option<Told> {
        self.0.iter().find(|told| told.folder == *folder).cloned()
    }

    /// MPD took a command for a folder and gave it this number. `at` is before it was sent.
    pub(super) fn add(&mut self, folder: &TargetPath, command: &Command, job: u32, at: Instant) {
        let known = self.0.iter().position(|told| told.folder == *folder).and_then(|at| self.0.remove(at));
        let mut told = known.unwrap_or_else(|| Told {
            folder: folder.clone(),
            job: None,
            pending: Vec::new(),
            replacements: Vec::new(),
        });
        told.job = Some(job);
        told.pending.retain(|(known, _)| known != command);
        keep(&mut told.pending, (command.clone(), at));
        if command.verb == Verb::Rescan {
            told.replacements.retain(|known| known != command);
            keep(&mut told.replacements, command.clone());
        }
        self.0.push_back(told);
        if self.0.len() > FOLDERS {
            self.0.pop_front();
        }
    }

    /// MPD has obeyed all that it was told of the folder until this number, but what it has forgotten.
    pub(super) fn is_over(&mut self, folder: &TargetPath, job: u32, forgotten: &[Command]) {
        if let Some(told) = self.0.iter_mut().find(|told| told.folder == *folder && told.job == Some(job)) {
            told.job = None;
            told.pending.retain(|(command, _)| forgotten.contains(command));
        }
    }

    /// The songs of the folder were seen as they must be.
    pub(super) fn is_proven(&mut self, folder: &TargetPath) {
        self.0.retain(|told| told.folder != *folder || told.is_pending());
    }
}

/// Keeps a command as the latest.
fn keep<T>(commands: &mut Vec<T>, command: T) {
    commands.push(command);
    let too_many = commands.len().saturating_sub(OF_A_FOLDER);
    commands.drain(..too_many);
}
