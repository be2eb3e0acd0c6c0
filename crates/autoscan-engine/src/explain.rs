//! The journey of one path, told without changing anything.

use autoscan_core::change::{Change, Subject};
use autoscan_core::name::Name;
use autoscan_core::path::{LocalPath, TargetPath, TriggerPath};
use autoscan_core::ports::{Look, TargetScan};
use futures_util::future::join_all;

use crate::MANUAL;
use crate::bound::{BoundTarget, BoundTrigger};
use crate::engine::Engine;
use crate::intake::left_out;
use crate::views::{ExplainedTarget, Explanation, GateView};

/// What the disk says of the path.
struct OnDisk {
    exists: Option<&'static str>,
    subject: Subject,
    folder: LocalPath,
}

impl Engine {
    /// The journey of one path. Changes nothing. None when there is no such trigger (by default `manual`).
    pub async fn explain(&self, path: &TriggerPath, trigger: Option<&str>) -> Option<Explanation> {
        self.explain_for(path, trigger, None).await
    }

    /// The same for these targets alone, whatever the trigger's are; none means those of the trigger.
    pub async fn explain_for(
        &self,
        path: &TriggerPath,
        trigger: Option<&str>,
        targets: Option<&[Name]>,
    ) -> Option<Explanation> {
        let bound = match trigger {
            Some(name) => self.trigger(name)?,
            None => self.trigger_of_kind(MANUAL)?,
        };
        let mut told = Explanation {
            received: path.to_string(),
            trigger: bound.name.clone(),
            local: None,
            rule: None,
            stopped: None,
            exists: None,
            folder: None,
            gate: GateView::default(),
            targets: Vec::new(),
        };
        match bound.map.apply(&path.0) {
            Err(refusal) => told.stopped = Some(refusal.to_string()),
            Ok(mapped) => {
                told.rule = mapped.rule;
                let targets = targets.or(bound.targets.as_deref());
                self.explain_local(bound, targets, (path, &LocalPath(mapped.path)), &mut told).await;
            }
        }
        Some(told)
    }

    async fn explain_local(
        &self,
        bound: &BoundTrigger,
        targets: Option<&[Name]>,
        (path, local): (&TriggerPath, &LocalPath),
        told: &mut Explanation,
    ) {
        told.local = Some(local.to_string());
        let disk = self.on_disk(local, Change::asked(path.clone(), path.as_str()).subject).await;
        told.exists = disk.exists;
        let change = match disk.subject {
            Subject::File => Change::modified(local.clone()),
            Subject::Folder => Change::rescan(local.clone()),
        };
        told.stopped = left_out(&self.rules.ignore, bound, &change);
        told.folder = Some(disk.folder.to_string());
        told.gate = GateView {
            anchors: self.gate.guards.anchors_of(&disk.folder),
            held: self.gate.guards.would_hold(&disk.folder).await,
        };
        let meant = |target: &&BoundTarget| targets.is_none_or(|names| names.contains(&target.name));
        let asked = self.targets_bound().filter(meant);
        told.targets = join_all(asked.map(|target| explain_target(target, &disk.folder, &change))).await;
    }

    /// What is at a path of this machine now.
    pub async fn look(&self, path: &LocalPath) -> Look {
        self.ports.files.look(path).await
    }

    /// What the disk says; `guess` is for a path that it cannot tell of.
    async fn on_disk(&self, local: &LocalPath, guess: Subject) -> OnDisk {
        let (exists, subject) = if self.rules.files.check {
            match self.ports.files.look(local).await {
                Look::File { .. } => (Some("file"), Subject::File),
                Look::Folder => (Some("folder"), Subject::Folder),
                Look::Missing => (Some("missing"), guess),
                Look::Unreachable(_) => (Some("unreachable"), guess),
            }
        } else {
            (None, guess)
        };
        let folder = match subject {
            Subject::File => local.parent().unwrap_or_else(|| local.clone()),
            Subject::Folder => local.clone(),
        };
        OnDisk { exists, subject, folder }
    }
}

async fn explain_target(
    target: &BoundTarget,
    folder: &LocalPath,
    change: &Change<LocalPath>,
) -> ExplainedTarget {
    let mut told = ExplainedTarget {
        target: target.name.clone(),
        kind: target.kind,
        folder: None,
        rule: None,
        plan: None,
        error: target.filter.reject(&change.path.0, change.subject),
    };
    let to_target = |path: &LocalPath| target.map.apply(&path.0);
    let mapped = match to_target(folder) {
        Ok(mapped) => mapped,
        Err(refusal) => return ExplainedTarget { error: Some(refusal.to_string()), ..told },
    };
    told.folder = Some(mapped.path.to_string());
    told.rule = mapped.rule;
    if told.error.is_some() {
        return told;
    }
    let mapped_change = change.clone().try_map(|path| to_target(&path).map(|mapped| TargetPath(mapped.path)));
    let scan = match mapped_change {
        Ok(change) => {
            TargetScan { folder: TargetPath(mapped.path), changes: vec![change], companions: Vec::new() }
        }
        Err(refusal) => return ExplainedTarget { error: Some(refusal.to_string()), ..told },
    };
    match target.server.plan(&scan).await {
        Ok(plan) => told.plan = Some(plan),
        Err(fault) => told.error = Some(fault.reason().to_owned()),
    }
    told
}
