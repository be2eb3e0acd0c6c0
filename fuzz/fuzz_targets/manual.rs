#![no_main]

use std::sync::LazyLock;

use autoscan_fuzz::{Reader, open, read};

static READER: Reader = LazyLock::new(|| open("manual"));

// The first line stands for a query, the rest is the body.
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let (first, body) =
        input.iter().position(|byte| *byte == b'\n').map_or((input, &[][..]), |at| input.split_at(at));
    let first = String::from_utf8_lossy(first);
    let query: Vec<_> = first
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    read(&**READER, &query, body);
});
