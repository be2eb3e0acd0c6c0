use autoscan_core::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::harness::{Harness, KEYED, SERVER_PASS};

const BODY: &str = r#"{"eventType":"Grab","instanceName":"Sonarr"}"#;

fn sign(body: &str) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(b"shared").unwrap();
    hmac.update(body.as_bytes());
    let mac: String = hmac
        .finalize()
        .into_bytes()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|half| char::from_digit(half.into(), 16).unwrap())
        .collect();
    format!("sha256={mac}")
}

fn harness() -> Harness {
    Harness::new(|web| {
        web.doors.webhook_secret = Some(Secret::new("shared"));
        web.doors.server_pass = Some(Secret::new(SERVER_PASS));
    })
}

#[tokio::test]
async fn a_webhook_needs_credentials_and_a_signature() {
    let (right, other) = (sign(BODY), sign("{}"));
    for (keyed, signature, status, code) in [
        (true, Some(right.as_str()), 200, ""),
        (true, Some(other.as_str()), 401, "SIGNATURE"),
        (true, Some("sha256="), 401, "SIGNATURE"),
        (true, None, 401, "SIGNATURE"),
        (false, Some(right.as_str()), 401, "UNAUTHORIZED"),
    ] {
        let headers: Vec<_> = KEYED
            .into_iter()
            .filter(|_| keyed)
            .chain(signature.map(|signature| ("x-hub-signature-256", signature)))
            .collect();
        let reply = harness().ask("POST", "/triggers/sonarr", &headers, BODY).await;
        assert_eq!(reply.status, status, "{reply:?}");
        assert!(code.is_empty() || reply.code() == code, "{reply:?}");
    }
}

#[tokio::test]
async fn the_single_url_needs_the_signature_alone() {
    let uri = format!("/{SERVER_PASS}");
    let signed = [("x-webhook-signature", &*sign(BODY))].map(|(name, value)| (name, value.to_owned()));
    let signed = [(signed[0].0, signed[0].1.as_str())];
    assert_eq!(harness().ask("POST", &uri, &signed, BODY).await.status, 200);
    assert_eq!(harness().ask("POST", &uri, &[], BODY).await.code(), "SIGNATURE");
    assert_eq!(harness().ask("POST", "/wrong", &signed, BODY).await.status, 404);
}

#[tokio::test]
async fn a_scan_by_get_needs_a_signature_and_the_api_does_not() {
    let harness = harness();
    assert_eq!(harness.get("/triggers/manual").await.status, 200);
    assert_eq!(harness.get("/triggers/manual?path=/tv").await.code(), "SIGNATURE");
    assert_eq!(harness.post("/api/v1/scans", r#"{"paths":["/tv"]}"#).await.status, 202);
    assert_eq!(harness.post("/scan", "path=/tv").await.status, 202);
}

#[tokio::test]
async fn wrong_signatures_are_failed_logins() {
    let harness = harness();
    let headers = [KEYED[0], ("x-hub-signature-256", "sha256=00")];
    let mut last = 0;
    for _ in 0..21 {
        last = harness.ask("POST", "/triggers/sonarr", &headers, BODY).await.status;
    }
    assert_eq!(last, 429);
}
