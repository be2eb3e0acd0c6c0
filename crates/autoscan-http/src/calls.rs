//! Which calls were made, for the record of a scan.

use std::cell::RefCell;

use crate::answer::Answer;
use crate::request::Request;
use crate::transport::ShownCall;

/// Calls that are remembered of one piece of work.
const REMEMBERED: usize = 16;

tokio::task_local! {
    static CALLS: RefCell<Vec<String>>;
}

/// Does `work` and tells which calls it made itself, not in tasks of its own, oldest first: method, URL without anything
/// secret, and status.
pub async fn overhear<T>(work: impl Future<Output = T>) -> (T, Vec<String>) {
    CALLS
        .scope(RefCell::default(), async {
            let done = work.await;
            (done, CALLS.with(RefCell::take))
        })
        .await
}

/// Remembers an answered call, where somebody listens.
pub(crate) fn note(request: &Request, answer: &Answer) {
    let remember = |calls: &RefCell<Vec<String>>| {
        let mut calls = calls.borrow_mut();
        if calls.len() >= REMEMBERED {
            calls.remove(0);
        }
        calls.push(format!("{} → {}", ShownCall::of(request).line, answer.status()));
    };
    // An error means that nobody listens.
    CALLS.try_with(remember).ok();
}
