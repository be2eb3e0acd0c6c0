//! Counters that outlive a config. Each config has an engine of its own, which counts from nothing, while who reads the counters
//! expects that they only grow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use autoscan_core::name::Name;
use autoscan_engine::{Engine, TargetFigures, TargetView, TriggerView};

/// What was counted since the program came up, whatever the config.
#[derive(Default)]
pub(crate) struct Totals(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    /// Of the engines that have ended, by target.
    ended: HashMap<Name, TargetFigures>,
    /// The engine before the present one: it still counts while it comes to its end.
    ending: Option<Arc<Engine>>,
    /// The most events of each trigger that were shown: an engine has what was kept of them only a moment after it begins.
    events: HashMap<Name, u64>,
}

impl Totals {
    /// Another engine takes over from `before`.
    pub(crate) fn taken_over(&self, before: Arc<Engine>) {
        let mut counted = self.counted();
        for view in before.triggers() {
            counted.events(&view);
        }
        // The one before that has ended: a config is not replaced before the last one has.
        if let Some(ended) = counted.ending.replace(before) {
            for target in ended.targets() {
                add(counted.ended.entry(target.name).or_default(), &target.figures);
            }
        }
    }

    /// The targets of the present engine, with all that was ever counted of them.
    pub(crate) fn targets(&self, engine: &Engine) -> Vec<TargetView> {
        let counted = self.counted();
        let ending = counted.ending.as_ref().map(|engine| engine.targets()).unwrap_or_default();
        let mut targets = engine.targets();
        for target in &mut targets {
            let before = ending.iter().filter(|ending| ending.name == target.name).map(|one| &one.figures);
            for more in counted.ended.get(&target.name).into_iter().chain(before) {
                add(&mut target.figures, more);
            }
        }
        targets
    }

    /// The triggers of the present engine, with as many events as were ever counted.
    pub(crate) fn triggers(&self, engine: &Engine) -> Vec<TriggerView> {
        let mut counted = self.counted();
        let mut triggers = engine.triggers();
        for trigger in &mut triggers {
            trigger.events = counted.events(trigger);
        }
        triggers
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// How many events a trigger had, as far as it was ever known.
    fn events(&mut self, view: &TriggerView) -> u64 {
        let most = self.events.entry(view.name.clone()).or_default();
        *most = view.events.max(*most);
        *most
    }
}

fn add(figures: &mut TargetFigures, more: &TargetFigures) {
    figures.seen += more.seen;
    figures.missing += more.missing;
    figures.visible_after += more.visible_after;
    for (count, more) in figures.visible_within.iter_mut().zip(more.visible_within) {
        *count += more;
    }
}
