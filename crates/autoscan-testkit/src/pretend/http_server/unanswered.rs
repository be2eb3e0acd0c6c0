//! How many calls wait for their answer at the same time.

use std::sync::Arc;

use super::Shared;

/// A call that is not answered yet.
pub(super) struct Unanswered(Arc<Shared>);

impl Unanswered {
    /// Counts the call until this is dropped.
    pub(super) fn count(shared: &Arc<Shared>) -> Self {
        let mut script = shared.script();
        script.unanswered += 1;
        script.most_unanswered = script.most_unanswered.max(script.unanswered);
        drop(script);
        Self(Arc::clone(shared))
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.script().unanswered -= 1;
    }
}
