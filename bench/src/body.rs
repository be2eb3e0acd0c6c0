//! A Sonarr v4 `Download` body as it is sent for a new episode, of about 2.7 kB.

const TEMPLATE: &str = include_str!("download.template");
const SERIES: &str = "@SERIES@";
const EPISODE: &str = "@EPISODE@";
const SERIES_DIGITS: usize = 8;
const EPISODE_DIGITS: usize = 4;

/// A body whose series and episode are changed in place, so that a distinct one costs a few copied digits and the
/// generator stays cheaper than what it measures. Its length never changes.
#[derive(Clone, Debug)]
pub struct Body {
    bytes: Vec<u8>,
    series: Vec<usize>,
    episode: Vec<usize>,
}

impl Default for Body {
    fn default() -> Self {
        Self::new()
    }
}

impl Body {
    /// The body of series 0, episode 0.
    pub fn new() -> Self {
        Self::after(Vec::new())
    }

    /// The same body behind `head`, such as a request's head.
    pub fn after(head: Vec<u8>) -> Self {
        let mut body = Self { bytes: head, series: Vec::new(), episode: Vec::new() };
        let mut rest = TEMPLATE;
        while let Some(at) = rest.find('@') {
            body.bytes.extend_from_slice(&rest.as_bytes()[..at]);
            rest = &rest[at..];
            let (places, digits, marker) = if rest.starts_with(SERIES) {
                (&mut body.series, SERIES_DIGITS, SERIES)
            } else {
                (&mut body.episode, EPISODE_DIGITS, EPISODE)
            };
            places.push(body.bytes.len());
            body.bytes.resize(body.bytes.len() + digits, b'0');
            rest = &rest[marker.len()..];
        }
        body.bytes.extend_from_slice(rest.as_bytes());
        body
    }

    /// The length of the body alone.
    pub fn length() -> usize {
        Self::new().bytes.len()
    }

    /// The bytes for one episode of one series. Each series has a folder of its own; only the last eight digits of
    /// `series` and the last four of `episode` count.
    pub fn bytes(&mut self, series: u64, episode: u64) -> &[u8] {
        write(&mut self.bytes, &self.series, SERIES_DIGITS, series);
        write(&mut self.bytes, &self.episode, EPISODE_DIGITS, episode);
        &self.bytes
    }
}

fn write(bytes: &mut [u8], places: &[usize], digits: usize, number: u64) {
    let mut text = [b'0'; SERIES_DIGITS];
    let text = &mut text[..digits];
    let mut left = number;
    for digit in text.iter_mut().rev() {
        *digit = b"0123456789"[usize::try_from(left % 10).unwrap_or_default()];
        left /= 10;
    }
    for &place in places {
        bytes[place..place + digits].copy_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_about_2_7_kilobytes_of_json() {
        let mut body = Body::new();
        let json: serde_json::Value = serde_json::from_slice(body.bytes(12, 7)).unwrap();

        assert_eq!(json["series"]["path"], "/tv/The Long Survey 00000012 (2019)");
        assert!(json["episodeFile"]["relativePath"].as_str().unwrap().contains("S01E0007"));
        assert!((2_600..2_800).contains(&Body::length()), "{}", Body::length());
    }

    #[test]
    fn every_series_has_its_own_folder_and_a_head_stays_as_it_was() {
        let mut body = Body::after(b"@head\r\n\r\n".to_vec());
        let one = body.bytes(1, 1).to_vec();
        let two = body.bytes(2, 1).to_vec();

        assert!(one.starts_with(b"@head\r\n\r\n"));
        assert_eq!(one.len(), two.len());
        assert_ne!(one, two);
        assert_eq!(one, body.bytes(1, 1));
    }
}
