//! Signatures of webhook bodies: HMAC-SHA256 with the shared `webhook-secret`, in the three ways senders write it.

use std::time::Duration;

use autoscan_core::secret::Secret;
use autoscan_core::time::Timestamp;
use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::answer::Problem;

/// How far a signed timestamp may lie from our clock (Slack's own advice).
const SKEW: Duration = Duration::from_mins(5);

/// Checks signatures with one secret. HMAC takes a secret of any length; if it did not, no signature would be right.
pub(crate) struct Signatures(Option<Hmac<Sha256>>);

impl Signatures {
    /// With this secret.
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(Hmac::new_from_slice(secret.reveal().as_bytes()).ok())
    }

    /// Whether the request carries a right signature of its body: `X-Hub-Signature-256: sha256=<hex>` (GitHub's way),
    /// `X-Webhook-Signature: <hex>`, or `X-Slack-Signature: v0=<hex>` over `v0:<timestamp>:<body>` (Slack's way).
    pub(crate) fn check(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), Problem> {
        let mut shown = false;
        for (name, prefix) in [("x-hub-signature-256", "sha256="), ("x-webhook-signature", "")] {
            let Some(value) = headers.get(name) else { continue };
            shown = true;
            if mac_of(value.as_bytes(), prefix).is_some_and(|mac| self.verify(&[body], &mac)) {
                return Ok(());
            }
        }
        if let Some(value) = headers.get("x-slack-signature") {
            shown = true;
            let timestamp = headers.get("x-slack-request-timestamp").map(axum::http::HeaderValue::as_bytes);
            let fresh = timestamp.filter(|timestamp| is_fresh(timestamp, now));
            if let (Some(mac), Some(timestamp)) = (mac_of(value.as_bytes(), "v0="), fresh)
                && self.verify(&[b"v0:", timestamp, b":", body], &mac)
            {
                return Ok(());
            }
        }
        Err(Problem::signature(if shown {
            "The signature does not fit the body: compare the secret with authentication.webhook-secret"
        } else {
            "The signature is missing: this server takes only webhooks signed with HMAC-SHA256"
        }))
    }

    fn verify(&self, parts: &[&[u8]], mac: &[u8; 32]) -> bool {
        let Some(mut hmac) = self.0.clone() else { return false };
        for part in parts {
            hmac.update(part);
        }
        hmac.verify_slice(mac).is_ok()
    }
}

/// The bytes of `<prefix><hex>`; `sha256=` may stand where no prefix is wanted.
fn mac_of(value: &[u8], prefix: &str) -> Option<[u8; 32]> {
    let hex = match value.strip_prefix(prefix.as_bytes())? {
        rest if prefix.is_empty() => rest.strip_prefix(b"sha256=").unwrap_or(rest),
        rest => rest,
    };
    let mut mac = [0; 32];
    if hex.len() != 2 * mac.len() {
        return None;
    }
    for (byte, digits) in mac.iter_mut().zip(hex.chunks_exact(2)) {
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(mac)
}

fn is_fresh(timestamp: &[u8], now: Timestamp) -> bool {
    let seconds = std::str::from_utf8(timestamp).ok().and_then(|text| text.parse::<i64>().ok());
    seconds
        .and_then(|seconds| seconds.checked_mul(1000))
        .map(Timestamp::from_millis)
        .is_some_and(|at| now.since(at).max(at.since(now)) <= SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"{\"eventType\":\"Test\"}";

    fn sign(parts: &[&[u8]]) -> String {
        let signatures = Signatures::new(&Secret::new("It's a Secret to Everybody"));
        let mut hmac = signatures.0.unwrap();
        for part in parts {
            hmac.update(part);
        }
        hmac.finalize().into_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()
    }

    fn digit(half: u8) -> char {
        char::from_digit(half.into(), 16).unwrap()
    }

    fn check(headers: &[(&'static str, String)]) -> bool {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Signatures::new(&Secret::new("It's a Secret to Everybody"))
            .check(&headers, BODY, Timestamp::from_millis(1_700_000_000_000))
            .is_ok()
    }

    #[test]
    fn the_example_of_github_is_right() {
        let headers = HeaderMap::from_iter([(
            "x-hub-signature-256".parse().unwrap(),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17".parse().unwrap(),
        )]);
        let signatures = Signatures::new(&Secret::new("It's a Secret to Everybody"));
        assert!(signatures.check(&headers, b"Hello, World!", Timestamp::from_millis(0)).is_ok());
        assert!(signatures.check(&headers, b"Hello, World?", Timestamp::from_millis(0)).is_err());
    }

    #[test]
    fn a_signature_counts_only_whole_and_right() {
        let mac = sign(&[BODY]);
        for (name, value, right) in [
            ("x-hub-signature-256", format!("sha256={mac}"), true),
            ("x-hub-signature-256", format!("sha256={}", mac.to_uppercase()), true),
            ("x-hub-signature-256", mac.clone(), false),
            ("x-hub-signature-256", "sha256=".to_owned(), false),
            ("x-hub-signature-256", format!("sha256={}", &mac[..62]), false),
            ("x-hub-signature-256", format!("sha256={mac}00"), false),
            ("x-hub-signature-256", format!("sha256={}zz", &mac[..62]), false),
            ("x-hub-signature-256", format!("sha256={}", sign(&[b"{}"])), false),
            ("x-webhook-signature", mac.clone(), true),
            ("x-webhook-signature", format!("sha256={mac}"), true),
            ("x-webhook-signature", String::new(), false),
            ("x-slack-signature", format!("v0={mac}"), false),
        ] {
            assert_eq!(check(&[(name, value.clone())]), right, "{name}: {value}");
        }
        assert!(!check(&[]));
    }

    #[test]
    fn a_slack_signature_is_bound_to_a_fresh_timestamp() {
        for (timestamp, right) in [
            ("1700000000", true),
            ("1699999700", true),
            ("1700000300", true),
            ("1699999699", false),
            ("1700000301", false),
            ("soon", false),
            ("9223372036854775807", false),
        ] {
            let mac = sign(&[b"v0:", timestamp.as_bytes(), b":", BODY]);
            let headers = [
                ("x-slack-signature", format!("v0={mac}")),
                ("x-slack-request-timestamp", timestamp.to_owned()),
            ];
            assert_eq!(check(&headers), right, "{timestamp}");
        }
    }
}
