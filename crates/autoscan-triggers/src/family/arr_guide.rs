//! What the guides of all arrs say alike.

use autoscan_core::guide::{Field, FieldValue};

pub(crate) const PLACE: &str = "Settings → Connect → + → Webhook";

pub(crate) const TEST: &str = "Press Test at the bottom of that window. It turns green, the event Test appears here, and \
                               nothing is scanned.";

pub(crate) const REDIRECT: &str = "A redirect loses every event: it is not followed, and counts as success. Give the URL that \
                                   answers by itself: the right one of http and https.";

pub(crate) const BLOCKED: &str = "After repeated errors it sends nothing for 5 minutes up to an hour, and what happens \
                                  meanwhile is never sent. Its page System → Status says so then. Ask for a manual \
                                  scan.";

pub(crate) const TAGS: &str = "A connection with tags reports only what has one of them. Test ignores tags.";

pub(crate) const TICK: FieldValue = FieldValue::Tick;

pub(crate) const LEAVE: FieldValue = FieldValue::Leave("they change no file");

pub(crate) const UPGRADES: FieldValue = FieldValue::MayTick("the upgrade itself says the same");

pub(crate) const URL: Field = field("Webhook URL", FieldValue::Url);

pub(crate) const METHOD: Field = field("Method", FieldValue::Text("POST"));

pub(crate) const USERNAME: Field = field("Username", FieldValue::Username);

pub(crate) const PASSWORD: Field = field("Password", FieldValue::Password);

/// A field with what to put into it.
pub(crate) const fn field(name: &'static str, value: FieldValue) -> Field {
    Field { name, value }
}
