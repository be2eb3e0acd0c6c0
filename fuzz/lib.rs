//! What every target does with its input.

use std::sync::{Arc, LazyLock};

use autoscan_core::path::AbsolutePath;
use autoscan_core::ports::{Hook, Trigger};
use autoscan_triggers::kinds;

/// The reader of a kind, made once.
pub type Reader = LazyLock<Arc<dyn Trigger>>;

/// Makes the reader of a kind.
pub fn open(kind: &str) -> Arc<dyn Trigger> {
    let kind = kinds().iter().find(|known| known.name == kind).expect("a kind of that name");
    (kind.open)(&serde_json::json!({})).expect("a kind that needs no settings")
}

/// Reads a body and checks what holds for any answer.
pub fn read(reader: &dyn Trigger, query: &[(String, String)], body: &[u8]) {
    match reader.read(&Hook { query, content_type: None, body }) {
        Err(error) => assert!(!error.0.is_empty() && !error.0.contains(char::is_control), "{error:?}"),
        Ok(said) => {
            assert!(said.event.chars().count() <= 64 && !said.event.contains(char::is_control), "{said:?}");
            for path in
                said.changes.iter().flat_map(|change| [Some(&change.path), change.from.as_ref()]).flatten()
            {
                assert_eq!(AbsolutePath::parse(path.as_str()).as_ref(), Ok(&path.0));
            }
        }
    }
}
