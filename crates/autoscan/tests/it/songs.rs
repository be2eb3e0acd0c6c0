//! Songs that real music servers believe: FLAC files with tags and without a sound.

/// A FLAC file of so many seconds. Its header and tags are whole; what would be heard is left out.
pub(crate) fn flac(title: &str, seconds: u64) -> Vec<u8> {
    const RATE: u64 = 8000;
    let mut stream = Vec::new();
    // Block sizes, frame sizes that are not known, then rate, channels, bits and samples in 64 bits, and no checksum.
    stream.extend([16, 0, 16, 0, 0, 0, 0, 0, 0, 0]);
    stream.extend(((RATE << 44) | (15 << 36) | (RATE * seconds)).to_be_bytes());
    stream.extend([0; 16]);
    let mut file = b"fLaC".to_vec();
    block(&mut file, 0, &stream);
    block(&mut file, 0x80 | 4, &tags(title));
    file
}

/// A block of metadata: its kind, its length in three bytes, and what is in it.
fn block(file: &mut Vec<u8>, kind: u8, content: &[u8]) {
    file.push(kind);
    file.extend(&u32::try_from(content.len()).unwrap().to_be_bytes()[1..]);
    file.extend(content);
}

fn tags(title: &str) -> Vec<u8> {
    let mut tags = Vec::new();
    text(&mut tags, "autoscan");
    let comments = [format!("TITLE={title}"), "ARTIST=Somebody".to_owned(), "ALBUM=Something".to_owned()];
    tags.extend(u32::try_from(comments.len()).unwrap().to_le_bytes());
    for comment in &comments {
        text(&mut tags, comment);
    }
    tags
}

fn text(tags: &mut Vec<u8>, text: &str) {
    tags.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    tags.extend(text.as_bytes());
}
