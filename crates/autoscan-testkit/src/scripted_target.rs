//! A target whose answers are in the test's hand.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "what goes wrong in a test must fail it")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::cause::{IgnoreFile, MissingCause, Remedy};
use autoscan_core::change::Subject;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{
    Aftercare, Batching, Care, CareScan, Clock, Identity, Libraries, Library, Plan, Playback, Proof,
    Remedies, ServerListing, Target, TargetScan,
};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};
use autoscan_core::time::Timestamp;

use crate::clock::FakeClock;

/// A target that remembers its calls and answers as scripted. Fields of a [`Mutex`] may be changed while it is in use.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub struct ScriptedTarget {
    /// Folders it accepted, with when.
    pub accepted: Mutex<Vec<(String, Timestamp)>>,
    /// What it answers to the next calls and probes; then it accepts.
    pub faults: Mutex<VecDeque<Fault>>,
    /// What it answers to everything while set.
    pub down: Mutex<Option<Fault>>,
    /// What it answers to every folder.
    pub not_mine: Mutex<Option<Fault>>,
    /// The folder that brings it down for a moment.
    pub brought_down_by: Option<&'static str>,
    /// The folders that it breaks on while it is well otherwise.
    pub breaks_on: Mutex<BTreeSet<String>>,
    /// The folders whose code panics.
    pub panics_on: Mutex<BTreeSet<String>>,
    /// The folders that it breaks on when it is asked for their files.
    pub lookup_breaks_on: Mutex<BTreeSet<String>>,
    /// How long it takes to answer when it is asked for the files of a folder.
    pub lookup_takes: Mutex<BTreeMap<String, Duration>>,
    /// Whether it takes a batch in one call.
    pub batches: bool,
    /// How many calls there were.
    pub calls: Mutex<u32>,
    /// How many probes there were.
    pub probes: Mutex<u32>,
    /// How long it takes over a call.
    pub takes: Duration,
    /// How long it takes to say who it is.
    pub probe_takes: Duration,
    /// What tells it when it was told; set by the [`TestSetup`](crate::TestSetup) that it is part of.
    pub clock: Option<FakeClock>,
    /// Its product and version; set by the [`TestSetup`](crate::TestSetup) that it is part of.
    pub identity: (&'static str, &'static str),
    /// Whether it can be asked for files.
    pub proves: bool,
    /// How long after it was told of a folder it shows what it should; never while this is none.
    pub shows_after: Mutex<Option<Duration>>,
    /// The files that it lists, when it has a listing: then it shows these and nothing else.
    pub listed: Mutex<Option<Vec<String>>>,
    /// How long after it was told it says that what it does not show is lost; never while this is none.
    pub loses_after: Mutex<Option<Duration>>,
    /// The folder that brings nothing: only the one above does.
    pub ignores: Option<&'static str>,
    /// What it was asked for: each asking's paths.
    pub lookups: Mutex<Vec<Vec<ExpectedFile>>>,
    /// What it answers to an asking, before anything else.
    pub lookup_faults: Mutex<VecDeque<Fault>>,
    /// What care answers; asked for care only when there is something.
    pub care_answers: Mutex<VecDeque<Care>>,
    /// What it was given to care for.
    pub care_calls: Mutex<Vec<CareScan>>,
    /// How many people watch.
    pub playing: Mutex<usize>,
    /// The queue of a folder: its first name, when scans of a queue go one after the other.
    pub queues: bool,
    /// Whether it knows the names of its queues only once it was told of something.
    pub learns_queues: bool,
    /// What it holds while it is told.
    pub answering: tokio::sync::Mutex<()>,
    /// Most calls that were under way at the same time, and now.
    pub concurrent_calls: Mutex<(usize, usize)>,
    /// How many folders a call takes at most; none is any number.
    pub batch_size: Option<usize>,
    /// Whether its libraries were read.
    pub libraries_read: Mutex<bool>,
    /// What it has.
    pub libraries: Vec<Library>,
    /// Some files in them.
    pub samples: Vec<&'static str>,
    /// Whether it never answers when it is asked who it is.
    pub probe_hangs: bool,
    /// Why it says that files are missing; it is blind while this is none.
    pub cause: Mutex<Option<MissingCause>>,
    /// How often it was asked why a file is missing.
    pub causes_asked: Mutex<u32>,
    /// The files by which others are kept out of it.
    pub ignore_file: Option<IgnoreFile>,
    /// What it did because a person asked for it.
    pub remedies_applied: Mutex<Vec<Remedy>>,
    /// The last scans it was told, with everything.
    pub scans: Mutex<Vec<TargetScan>>,
}

impl ScriptedTarget {
    fn outage(&self) -> Result<(), Fault> {
        self.down.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn answer(&self) -> Result<(), Fault> {
        self.outage()?;
        self.faults.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }

    /// The folders it accepted.
    pub fn folders(&self) -> Vec<String> {
        self.accepted.lock().unwrap().iter().map(|(folder, _)| folder.clone()).collect()
    }

    /// Owns no folder.
    pub fn set_not_mine(&self) {
        *self.not_mine.lock().unwrap() = Some(Fault::not_mine("no library owns it"));
    }

    /// Lists these files from now on.
    pub fn lists(&self, files: &[&str]) {
        *self.listed.lock().unwrap() = Some(files.iter().map(|file| (*file).to_owned()).collect());
    }

    /// Goes down, or comes up.
    pub fn set_down(&self, fault: Option<Fault>) {
        *self.down.lock().unwrap() = fault;
    }
}

/// What a list of files shows of a path.
fn shown(listed: &[String], expected: &ExpectedFile) -> Observation {
    let path = &expected.path.0;
    let is_listed = listed.iter().any(|file| match expected.subject {
        Subject::File => file == path.as_str(),
        Subject::Folder => file.starts_with(&format!("{path}/")),
    });
    match (expected.presence, is_listed) {
        (Presence::There { .. }, _) if expected.subject == Subject::Folder => {
            Observation::Unknowable("folders are no items".into())
        }
        (Presence::There { .. }, true) | (Presence::Gone, false) => Observation::Proven,
        (Presence::There { .. }, false) => {
            Observation::NotYet(format!("the spy does not list {:?}", path.as_str()))
        }
        (Presence::Gone, true) => Observation::NotYet(format!("the spy still lists {:?}", path.as_str())),
    }
}

#[async_trait]
impl Target for ScriptedTarget {
    async fn probe(&self) -> Result<Identity, Fault> {
        if self.probe_hangs {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(self.probe_takes).await;
        *self.probes.lock().unwrap() += 1;
        self.outage()?;
        let (product, version) = self.identity;
        Ok(Identity { product: product.into(), name: None, version: version.into() })
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        *self.calls.lock().unwrap() += 1;
        {
            let mut at_once = self.concurrent_calls.lock().unwrap();
            at_once.1 += 1;
            at_once.0 = at_once.0.max(at_once.1);
        }
        let answering = self.answering.lock().await;
        tokio::time::sleep(self.takes.min(Duration::from_millis(5))).await;
        drop(answering);
        tokio::time::sleep(self.takes).await;
        self.concurrent_calls.lock().unwrap().1 -= 1;
        self.scans.lock().unwrap().extend(batch.iter().cloned());
        let panics = self.panics_on.lock().unwrap().clone();
        assert!(!batch.iter().any(|scan| panics.contains(scan.folder.as_str())), "as asked");
        let mut answers = vec![];
        for scan in batch {
            let poisoned = self.brought_down_by == Some(scan.folder.as_str());
            let broken = poisoned || self.breaks_on.lock().unwrap().contains(scan.folder.as_str());
            let not_mine = self.not_mine.lock().unwrap().clone();
            let answer = match not_mine {
                Some(fault) => Err(fault),
                None if broken => Err(Fault::away("500")),
                None => self.answer(),
            };
            if answer.is_ok() {
                let at = self.clock.as_ref().unwrap().now();
                self.accepted.lock().unwrap().push((scan.folder.to_string(), at));
            }
            answers.push(answer);
        }
        answers
    }

    fn batching(&self) -> Batching {
        if self.batches { Batching::UpTo(self.batch_size.unwrap_or(usize::MAX)) } else { Batching::One }
    }

    fn queue(&self, scan: &TargetScan) -> Option<String> {
        if self.learns_queues && self.accepted.lock().unwrap().is_empty() {
            return None;
        }
        let name = scan.folder.0.components().next().unwrap_or_default();
        Some(if self.queues { name.to_owned() } else { String::new() })
    }

    async fn plan(&self, _: &TargetScan) -> Result<Plan, Fault> {
        self.outage()?;
        Ok(Plan { libraries: vec![], calls: vec![] })
    }

    fn libraries(&self) -> Option<&dyn Libraries> {
        Some(self)
    }

    fn proof(&self) -> Option<&dyn Proof> {
        self.proves.then_some(self as &dyn Proof)
    }

    fn aftercare(&self) -> Option<&dyn Aftercare> {
        Some(self)
    }

    fn remedies(&self) -> Option<&dyn Remedies> {
        Some(self)
    }

    fn playback(&self) -> Option<&dyn Playback> {
        Some(self)
    }
}

#[async_trait]
impl Libraries for ScriptedTarget {
    async fn read(&self) -> Result<Vec<Library>, Fault> {
        self.outage()?;
        *self.libraries_read.lock().unwrap() = true;
        Ok(self.libraries.clone())
    }

    fn cached(&self) -> Option<(Arc<[Library]>, Duration)> {
        self.libraries_read.lock().unwrap().then(|| (self.libraries.clone().into(), Duration::ZERO))
    }

    async fn samples(&self, _: &[Library]) -> Vec<String> {
        self.samples.iter().map(|path| (*path).to_owned()).collect()
    }

    async fn is_below_a_root(&self, folder: &TargetPath) -> bool {
        folder.0.depth() > 1
    }
}

#[async_trait]
impl Proof for ScriptedTarget {
    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault> {
        self.lookups.lock().unwrap().push(expected.to_vec());
        let takes = self.lookup_takes.lock().unwrap().get(folder.as_str()).copied();
        tokio::time::sleep(takes.unwrap_or_default()).await;
        assert!(!self.panics_on.lock().unwrap().contains(folder.as_str()), "as asked");
        if self.lookup_breaks_on.lock().unwrap().contains(folder.as_str()) {
            return Err(Fault::away("500"));
        }
        self.outage()?;
        if let Some(fault) = self.lookup_faults.lock().unwrap().pop_front() {
            return Err(fault);
        }
        if let Some(listed) = self.listed.lock().unwrap().as_deref() {
            return Ok(expected.iter().map(|one| shown(listed, one)).collect());
        }
        let now = self.clock.as_ref().unwrap().now();
        let told = self.accepted.lock().unwrap().clone();
        let above = folder.0.parent().map(|above| above.to_string());
        let looked = told.iter().filter(|(told, _)| {
            let blind = self.ignores == Some(told.as_str());
            !blind && (told == folder.0.as_str() || Some(told) == above.as_ref())
        });
        let after = *self.shows_after.lock().unwrap();
        let shown = looked.last().zip(after).is_some_and(|((_, at), after)| now.since(*at) >= after);
        let one = |one: &ExpectedFile| match one.path.0.file_name() {
            Some(name) if name.contains(".srt") => Observation::Unknowable("subtitles are no items".into()),
            _ if shown => Observation::Proven,
            _ => Observation::NotYet(format!("the spy does not show {:?}", one.path.0.as_str())),
        };
        Ok(expected.iter().map(one).collect())
    }

    async fn list_below(&self, folder: &TargetPath, most: usize) -> Result<Option<ServerListing>, Fault> {
        let listed = self.listed.lock().unwrap().clone();
        Ok(listed.map(|listed| {
            let all: Vec<TargetPath> = listed.iter().map(|file| TargetPath::parse(file).unwrap()).collect();
            let mut files: Vec<_> = all.into_iter().filter(|file| file.0.is_within(&folder.0)).collect();
            let complete = files.len() <= most;
            files.truncate(most);
            ServerListing { files, complete }
        }))
    }

    async fn lost(&self, _: &TargetScan, told_ago: Duration) -> Option<String> {
        let after = *self.loses_after.lock().unwrap();
        after.filter(|after| told_ago >= *after).map(|_| "the spy does nothing now".into())
    }

    async fn why_missing(&self, _: &ExpectedFile) -> Option<MissingCause> {
        *self.causes_asked.lock().unwrap() += 1;
        let scripted = self.cause.lock().unwrap().clone();
        Some(scripted.unwrap_or_else(|| MissingCause::from("the spy is blind".to_owned())))
    }

    fn ignore_file(&self) -> Option<IgnoreFile> {
        self.ignore_file
    }
}

#[async_trait]
impl Remedies for ScriptedTarget {
    async fn apply(&self, remedy: &Remedy) -> Result<(), Fault> {
        self.answer()?;
        self.remedies_applied.lock().unwrap().push(remedy.clone());
        Ok(())
    }
}

#[async_trait]
impl Aftercare for ScriptedTarget {
    fn concerns(&self, _: &TargetScan) -> bool {
        !self.care_answers.lock().unwrap().is_empty()
    }

    async fn care(&self, care: &CareScan) -> Result<Care, Fault> {
        self.care_calls.lock().unwrap().push(care.clone());
        Ok(self.care_answers.lock().unwrap().pop_front().unwrap_or(Care::Done(vec![])))
    }
}

#[async_trait]
impl Playback for ScriptedTarget {
    async fn playing(&self) -> Result<usize, Fault> {
        Ok(*self.playing.lock().unwrap())
    }
}
