#![no_main]

use autoscan_core::ports::Hook;
use autoscan_triggers::{kinds, recognise};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let known = recognise(&Hook { query: &[], content_type: None, body });
    assert!(known.is_none_or(|known| kinds().iter().any(|kind| kind.name == known)));
});
