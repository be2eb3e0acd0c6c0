//! Whose request this is, for the one URL that all senders share.

use autoscan_core::ports::{Hook, ReadError};
use serde::de::{IgnoredAny, MapAccess};

use crate::family::lenient::{self, Any, Lenient, Present, Text};
use crate::{kinds, manual, sonarr};

/// The kind of trigger that a request is for, or none when it is no known sender's.
pub fn recognise(hook: &Hook<'_>) -> Option<&'static str> {
    if manual::names_a_path(hook.query.iter().map(|(name, _)| name.as_str())) {
        return Some(manual::KIND.name);
    }
    let Ok(sketch) = sketch(hook.body) else {
        return manual::is_form(hook.body).then_some(manual::KIND.name);
    };
    let event = sketch.event.get();
    if event.is_some_and(|event| event.eq_ignore_ascii_case(manual::EVENT)) {
        return Some(manual::KIND.name);
    }
    let by_name = || sketch.names().find_map(|name| kind_named_in(name));
    sketch.marked.or_else(|| event.and(by_name().or(Some(sonarr::KIND.name))))
}

/// What to answer when a body that `kind` can do nothing with is plainly another kind's.
pub(crate) fn of_another_kind(kind: &str, body: &[u8]) -> Option<ReadError> {
    let other = sketch(body).ok()?.marked.filter(|other| *other != kind)?;
    Some(ReadError(format!(
        "This is a request for a trigger of kind {other}, but the URL is that of one of kind {kind}: give the sender the \
         URL of a trigger of kind {other}."
    )))
}

fn sketch(body: &[u8]) -> Result<Sketch<'_>, ReadError> {
    lenient::object(body, "a JSON object")
}

/// The kind of arr that a name or address holds: people call their instances "Radarr 4K".
fn kind_named_in(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    kinds()
        .iter()
        .filter(|kind| kind.takes_requests && !kind.for_people)
        .map(|kind| kind.name)
        .find(|kind| name.contains(kind))
}

/// What tells senders apart.
#[derive(Default)]
struct Sketch<'de> {
    event: Text<'de>,
    instance: Text<'de>,
    address: Text<'de>,
    /// The kind one of whose keys is there. Those of people count last: other senders have a `path` too.
    marked: Option<&'static str>,
}

impl Sketch<'_> {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.instance.get().into_iter().chain(self.address.get())
    }

    fn mark(&mut self, kind: &'static str) {
        if self.marked.is_none_or(|known| known == manual::KIND.name) {
            self.marked = Some(kind);
        }
    }
}

impl<'de> Lenient<'de> for Sketch<'de> {
    fn object<A: MapAccess<'de>>(mut entries: A) -> Result<Self, A::Error> {
        let mut sketch = Self::default();
        while let Some(Any(key)) = entries.next_key::<Any<Text<'_>>>()? {
            let key = key.get().unwrap_or_default();
            match key {
                "eventType" => Any(sketch.event) = entries.next_value()?,
                "instanceName" => Any(sketch.instance) = entries.next_value()?,
                "applicationUrl" => Any(sketch.address) = entries.next_value()?,
                key => match kinds().iter().find(|kind| kind.marks.contains(&key)) {
                    Some(kind) => {
                        let Any(Present(there)) = entries.next_value()?;
                        there.then(|| sketch.mark(kind.name));
                    }
                    None => drop(entries.next_value::<IgnoredAny>()?),
                },
            }
        }
        Ok(sketch)
    }
}
