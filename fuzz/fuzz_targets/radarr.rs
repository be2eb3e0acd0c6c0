#![no_main]

use std::sync::LazyLock;

use autoscan_fuzz::{Reader, open, read};

static READER: Reader = LazyLock::new(|| open("radarr"));

libfuzzer_sys::fuzz_target!(|body: &[u8]| read(&**READER, &[], body));
