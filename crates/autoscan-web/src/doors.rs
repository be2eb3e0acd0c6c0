//! Who may come in. Secrets are compared by their SHA-256 in constant time, so that neither content nor length leaks.

use autoscan_core::secret::Secret;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::signature::Signatures;

/// What opens which door. An empty secret opens nothing.
#[derive(Clone, Debug, Default)]
pub struct Doors {
    /// Everything is open: `authentication.disabled: true` was written.
    pub disabled: bool,
    /// The name for Basic.
    pub username: String,
    /// The password for Basic; none: Basic opens nothing.
    pub password: Option<Secret>,
    /// The key for `X-Api-Key` and Bearer; none: only triggers' tokens are keys.
    pub api_key: Option<Secret>,
    /// The secret segment of the single-URL routes; none: there are no such routes.
    pub server_pass: Option<Secret>,
    /// When set, `/triggers` and the single-URL route want a valid signature on top.
    pub webhook_secret: Option<Secret>,
}

type Fingerprint = [u8; 32];

/// The doors, ready to compare.
pub(crate) struct Locks {
    /// Whether no credentials are wanted.
    pub(crate) disabled: bool,
    /// What checks the bodies of webhooks, when they must be signed.
    pub(crate) signatures: Option<Signatures>,
    /// `username:password` as UTF-8 and, where it can be written so, as ISO-8859-1, which Sonarr sends.
    basic: Vec<Fingerprint>,
    api_key: Option<Fingerprint>,
    server_pass: Option<Fingerprint>,
}

/// What a request brought with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A key or token that is right: only who knows it sends it.
    Key,
    /// The right name and password: a browser sends them by itself.
    Password,
    /// Something wrong.
    Wrong,
    /// Nothing at all.
    Nothing,
}

/// Secrets that stand in a request's address.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Address<'a> {
    /// The query, decoded. `token` and `apikey` may open.
    pub(crate) query: &'a [(String, String)],
    /// The segment after the trigger's name.
    pub(crate) segment: Option<&'a str>,
}

impl Locks {
    /// Locks for these doors.
    pub(crate) fn new(doors: &Doors) -> Self {
        Self {
            disabled: doors.disabled,
            signatures: filled(doors.webhook_secret.as_ref()).map(Signatures::new),
            basic: filled(doors.password.as_ref())
                .map(|password| basics(&format!("{}:{}", doors.username, password.reveal())))
                .unwrap_or_default(),
            api_key: print_of(doors.api_key.as_ref()),
            server_pass: print_of(doors.server_pass.as_ref()),
        }
    }

    /// Whether the single-URL routes are on.
    pub(crate) fn has_server_pass(&self) -> bool {
        self.server_pass.is_some()
    }

    /// Whether this is the secret segment of the single-URL routes.
    pub(crate) fn is_server_pass(&self, segment: &str) -> bool {
        fits(segment.as_bytes(), self.server_pass.as_ref())
    }

    /// Whether this name and password open.
    pub(crate) fn is_login(&self, username: &str, password: &str) -> bool {
        let shown = format!("{username}:{password}");
        self.basic.first().is_some_and(|expected| fits(shown.as_bytes(), Some(expected)))
    }

    /// Looks at everything a request brought; `token` is that of the trigger it is for. One right credential is enough.
    pub(crate) fn look(&self, headers: &HeaderMap, address: Address<'_>, token: Option<&Secret>) -> Shown {
        let token = print_of(token);
        let (mut any, mut key, mut password) = (false, false, false);
        let mut is_key = |shown: &[u8]| {
            any = true;
            key |= fits(shown, self.api_key.as_ref()) | fits(shown, token.as_ref());
        };
        let mut basic = None;
        for value in headers.get_all(header::AUTHORIZATION) {
            match split_scheme(value.as_bytes()) {
                Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer") => is_key(rest),
                Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"basic") => basic = Some(rest),
                _ => is_key(&[]),
            }
        }
        headers.get_all("x-api-key").iter().for_each(|value| is_key(value.as_bytes()));
        for (name, value) in address.query {
            if name == "token" || name == "apikey" {
                is_key(value.as_bytes());
            }
        }
        if let Some(basic) = basic {
            any = true;
            password = self.is_basic(basic);
        }
        if let Some(segment) = address.segment {
            any = true;
            key |= fits(segment.as_bytes(), token.as_ref());
        }
        match (key, password, any) {
            (true, ..) => Shown::Key,
            (_, true, _) => Shown::Password,
            (_, _, true) => Shown::Wrong,
            _ => Shown::Nothing,
        }
    }

    fn is_basic(&self, encoded: &[u8]) -> bool {
        const LENIENT: GeneralPurpose = GeneralPurpose::new(
            &STANDARD,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        LENIENT.decode(encoded).is_ok_and(|shown| {
            self.basic.iter().fold(false, |right, expected| right | fits(&shown, Some(expected)))
        })
    }
}

fn filled(secret: Option<&Secret>) -> Option<&Secret> {
    secret.filter(|secret| !secret.is_empty())
}

fn fingerprint(secret: &[u8]) -> Fingerprint {
    Sha256::digest(secret).into()
}

fn print_of(secret: Option<&Secret>) -> Option<Fingerprint> {
    filled(secret).map(|secret| fingerprint(secret.reveal().as_bytes()))
}

fn fits(shown: &[u8], expected: Option<&Fingerprint>) -> bool {
    expected.is_some_and(|expected| fingerprint(shown).ct_eq(expected).into())
}

/// Both ways to write a name and password as bytes.
fn basics(pair: &str) -> Vec<Fingerprint> {
    let mut prints = vec![fingerprint(pair.as_bytes())];
    let latin = pair.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>();
    prints.extend(latin.map(|latin| fingerprint(&latin)));
    prints
}

/// The scheme and the credentials of an `Authorization` header.
fn split_scheme(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = value.iter().position(|byte| *byte == b' ')?;
    Some((&value[..space], value[space..].trim_ascii()))
}
