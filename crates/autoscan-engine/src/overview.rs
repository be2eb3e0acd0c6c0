//! Triggers and targets as a person sees them.

use std::sync::Arc;

use crate::bound::BoundTrigger;
use crate::engine::Engine;
use crate::lane::Lane;
use crate::views::{TargetView, TriggerView};

impl Engine {
    /// Every trigger with what it sent last.
    pub fn triggers(&self) -> Vec<TriggerView> {
        let view = |trigger: &Arc<BoundTrigger>| {
            let counts = self.history.of_trigger(&trigger.name);
            let lost_unseen = counts.lost_and_not_dismissed();
            let (last_event_at, last_event) = counts.last.unzip();
            TriggerView {
                name: trigger.name.clone(),
                kind: trigger.kind,
                events: counts.events,
                changes: counts.changes,
                refused: counts.refused,
                lost: counts.lost,
                lost_unseen,
                lost_since: counts.lost_since,
                last_event_at,
                last_event,
                recent: counts.recent.into_iter().rev().collect(),
            }
        };
        self.triggers.iter().map(view).collect()
    }

    /// Every target with the state of its lane.
    pub fn targets(&self) -> Vec<TargetView> {
        let view = |lane: &Arc<Lane>| {
            let target = &lane.target;
            let state = lane.state();
            let (state, reason, until) = if let Some(pause) = lane.pause() {
                ("paused", Some("a person paused this target".to_owned()), pause.until)
            } else if let Some(suspension) = lane.suspension().filter(|_| state.until().is_none()) {
                ("quiet", Some(suspension.reason), Some(suspension.until))
            } else {
                let until = state.until().map(|until| self.ports.time_of(until));
                (state.word(), state.reason().map(str::to_owned), until)
            };
            TargetView {
                name: target.name.clone(),
                kind: target.kind,
                url: target.url.clone(),
                state,
                reason,
                until,
                version: lane.version(),
                figures: self.history.of_target(&target.name),
            }
        };
        self.lanes.iter().map(view).collect()
    }
}
