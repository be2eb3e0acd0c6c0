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
    /// The number that MPD gave to the last command; none once MPD has obeyed all of them.
    pub(super) job: Option<u32>,
    /// Before the first command was sent that MPD has not obeyed as far as is known.
    at: Instant,
    /// What MPD was told and has not obeyed as far as is known.
    pub(super) commands: Vec<Command>,
    /// The commands for songs with other content under their old name: that such a song is listed proves nothing.
    replacements: Vec<Command>,
}

impl Told {
    /// Whether MPD was started after it was told, so that it has forgotten the command. It says in whole seconds how long it is
    /// up; what was told within the second of its start counts as forgotten too, because to tell it twice does no harm.
    pub(super) fn is_forgotten(&self, uptime: Duration) -> bool {
        self.job.is_some() && self.at.elapsed() > uptime
    }

    /// Whether the song has other content under its old name.
    pub(super) fn is_replaced(&self, path: &str) -> bool {
        self.replacements.iter().any(|command| command.reaches(path))
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
            at,
            commands: Vec::new(),
            replacements: Vec::new(),
        });
        if told.job.is_none() {
            told.at = at;
        }
        told.job = Some(job);
        keep(&mut told.commands, command);
        if command.verb == Verb::Rescan {
            keep(&mut told.replacements, command);
        }
        self.0.push_back(told);
        if self.0.len() > FOLDERS {
            self.0.pop_front();
        }
    }

    /// MPD has obeyed all that it was told of the folder until this number, or has forgotten it.
    pub(super) fn is_over(&mut self, folder: &TargetPath, job: u32) {
        if let Some(told) = self.0.iter_mut().find(|told| told.folder == *folder && told.job == Some(job)) {
            told.job = None;
            told.commands.clear();
        }
    }

    /// The songs of the folder were seen as they must be.
    pub(super) fn is_proven(&mut self, folder: &TargetPath) {
        self.0.retain(|told| told.folder != *folder || told.job.is_some());
    }
}

/// Keeps a command once, as the latest.
fn keep(commands: &mut Vec<Command>, command: &Command) {
    commands.retain(|known| known != command);
    commands.push(command.clone());
    let too_many = commands.len().saturating_sub(OF_A_FOLDER);
    commands.drain(..too_many);
}
