use autoscan_core::redact::{DOTS, hide_by_look, spellings};

/// Longest excerpt of a foreign text that a reason quotes, in characters.
const EXCERPT: usize = 200;

/// The secrets of one request, in every spelling in which a server or a proxy could send them back.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Remembers a secret.
    pub(crate) fn add(&mut self, secret: &str) {
        for spelling in spellings(secret) {
            if !self.0.contains(&spelling) {
                self.0.push(spelling);
            }
        }
        // The longest first: a spelling may hold another.
        self.0.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    }

    /// Remembers all of `others`.
    pub(crate) fn add_all(&mut self, others: &Self) {
        self.0.extend(others.0.iter().cloned());
        self.0.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    }

    /// The text with dots where a secret was, or stands what looks like one.
    pub(crate) fn hide(&self, text: &str) -> String {
        let text = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, DOTS));
        hide_by_look(&text).into_owned()
    }

    /// The beginning of a foreign text, without secrets, on one line, escaped and in quotes.
    pub(crate) fn excerpt(&self, text: &str) -> String {
        let text = self.hide(text);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut short: String = text.chars().take(EXCERPT).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        format!("{short:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_spelling() {
        let mut secrets = Secrets::default();
        secrets.add("a+b/ç 1");
        for text in ["a+b/ç 1", "a%2Bb%2F%C3%A7%201", "a%2Bb%2F%C3%A7+1", "YStiL8OnIDE="] {
            assert_eq!(secrets.hide(&format!("[{text}]")), "[•••]", "{text}");
        }
    }

    #[test]
    fn an_excerpt_is_short_escaped_and_on_one_line() {
        let secrets = Secrets::default();
        assert_eq!(secrets.excerpt("a\r\n  \u{1b}[31mb"), r#""a \u{1b}[31mb""#);
        assert!(secrets.excerpt(&"é".repeat(5000)).chars().count() < 210);
    }
}
