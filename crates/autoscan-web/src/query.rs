//! The query of a request, and the segments of its path.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::answer::Problem;

/// The names and values of a query, decoded, in order. A value that is not UTF-8 is refused: written with replacement
/// characters it would name another file.
pub(crate) fn parse(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

/// A form body is written like a query.
pub(crate) fn parse_form(body: &[u8]) -> Result<Vec<(String, String)>, Problem> {
    std::str::from_utf8(body).map_err(|_not_utf8| not_utf8()).and_then(|text| parse(Some(text.trim_end())))
}

fn pair(pair: &str) -> Result<(String, String), Problem> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    Ok((decode(name)?, decode(value)?))
}

fn decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_not_utf8| not_utf8())?;
    Ok(decoded.into_owned())
}

fn not_utf8() -> Problem {
    Problem::bad_request("The query or form is not UTF-8: percent-encode every byte of the path's UTF-8 form")
}

/// One segment of a path, decoded.
pub(crate) fn segment(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_in_order() {
        let read = parse(Some("dir=%2Ftv%2FWill+%26%20Grace&&dir=/b%3D=c&flag")).unwrap();
        let expected = [("dir", "/tv/Will & Grace"), ("dir", "/b==c"), ("flag", "")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(parse(None).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_utf8_is_refused_instead_of_changed() {
        assert!(parse(Some("path=/tv/caf%E9")).is_err());
        assert!(parse_form(b"path=/tv/caf\xe9").is_err());
        assert_eq!(parse_form("path=/tv/café\r\n".as_bytes()).unwrap()[0].1, "/tv/café");
    }
}
