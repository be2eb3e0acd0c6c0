//! Who has access: what a request must show, and whether it does.

use autoscan_core::secret::Secret;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::fingerprint::Fingerprint;
use crate::password::{Hashed, Tried};
use crate::signature::Signatures;

/// What gives access. An empty secret gives none.
#[derive(Clone, Debug, Default)]
pub struct AccessSettings {
    /// Everything is open: `authentication.disabled: true` was written.
    pub disabled: bool,
    /// The name for Basic.
    pub username: String,
    /// The password to log in with, also by Basic; without it and `password_hash` nobody can.
    pub password: Option<Secret>,
    /// The same as an argon2 hash, in the form of a PHC string. It counts where there is no password.
    pub password_hash: Option<Secret>,
    /// The key for `X-Api-Key` and Bearer; none: only triggers' tokens are keys.
    pub api_key: Option<Secret>,
    /// The secret segment of the single-URL routes; none: there are no such routes.
    pub server_pass: Option<Secret>,
    /// When set, `/triggers` and the single-URL route want a valid signature on top.
    pub webhook_secret: Option<Secret>,
    /// What cookies are signed with; the first signs, all are believed. None: a key is made, and is gone with the program.
    pub secret_keys: Vec<Secret>,
}

/// Credentials of one request that are looked at: every way to show one, and some to spare. Further ones open nothing, so that
/// nobody guesses by the thousand with one request.
const MOST_SHOWN: u32 = 8;

/// The access settings, ready to compare with what requests show.
pub(crate) struct AccessControl {
    /// Whether no credentials are wanted.
    pub(crate) disabled: bool,
    /// What checks the bodies of webhooks, when they must be signed.
    pub(crate) signatures: Option<Signatures>,
    /// `username:password` as UTF-8 and, where it can be written so, as ISO-8859-1, which Sonarr sends.
    basic: Vec<Fingerprint>,
    hashed: Option<Hashed>,
    credentials: String,
    api_key: Option<Fingerprint>,
    server_pass: Option<Fingerprint>,
}

/// What a request brought with it.
pub(crate) enum Presented {
    /// A key or token that is right: only who knows it sends it.
    Key(Fingerprint),
    /// The right name and password: a browser sends them by itself.
    Password(Fingerprint),
    /// A name and password that are to be tried, and how many credentials there are in all.
    Perhaps(Vec<u8>, u32),
    /// So many credentials, all wrong.
    Wrong(u32),
    /// Nothing at all.
    Nothing,
}

/// Secrets that stand in a request's address.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UrlSecrets<'a> {
    /// The query, decoded. `token` and `apikey` may open.
    pub(crate) query: &'a [(String, String)],
    /// The segment after the trigger's name.
    pub(crate) segment: Option<&'a str>,
}

impl AccessControl {
    /// Access by these settings.
    pub(crate) fn new(settings: &AccessSettings) -> Self {
        let password = filled(settings.password.as_ref());
        let hash = filled(settings.password_hash.as_ref()).filter(|_| password.is_none());
        let shown = password.or(hash).map_or("", Secret::reveal);
        Self {
            disabled: settings.disabled,
            signatures: filled(settings.webhook_secret.as_ref()).map(Signatures::new),
            basic: password
                .map(|password| basics(&format!("{}:{}", settings.username, password.reveal())))
                .unwrap_or_default(),
            hashed: hash.map(|hash| Hashed::new(&settings.username, hash)),
            credentials: format!("credentials\0{}\0{shown}", settings.username),
            api_key: print_of(settings.api_key.as_ref()),
            server_pass: print_of(settings.server_pass.as_ref()),
        }
    }

    /// Whether the single-URL routes are on.
    pub(crate) fn has_server_pass(&self) -> bool {
        self.server_pass.is_some()
    }

    /// Whether this is the secret segment of the single-URL routes.
    pub(crate) fn is_server_pass(&self, segment: Fingerprint) -> bool {
        self.server_pass.is_some_and(|expected| expected.is_same(&segment))
    }

    /// The name and password as one text, for fingerprints: what was shown at a login is worth nothing once it changed.
    pub(crate) fn credentials(&self) -> &str {
        &self.credentials
    }

    /// Tries a name and password. Where only a hash is known that takes time and memory.
    pub(crate) async fn tries(&self, pair: &[u8]) -> Tried {
        if self.is_known(pair) {
            return Tried::Right;
        }
        match &self.hashed {
            Some(hashed) => hashed.tries(pair).await,
            None => Tried::Wrong,
        }
    }

    /// Whether a name and password are right, as far as that costs nothing.
    fn is_known(&self, pair: &[u8]) -> bool {
        let print = Fingerprint::of(pair);
        let fitting = self.basic.iter().fold(false, |right, expected| right | expected.is_same(&print));
        fitting | self.hashed.as_ref().is_some_and(|hashed| hashed.was_right(pair))
    }

    /// Whether a password that is not known to be right may be right all the same.
    fn has_hash(&self) -> bool {
        self.hashed.is_some()
    }

    /// Looks at everything a request brought; `token` is that of the trigger it is for. One right credential is enough.
    pub(crate) fn look(
        &self,
        headers: &HeaderMap,
        address: UrlSecrets<'_>,
        token: Option<&Secret>,
    ) -> Presented {
        let token = print_of(token);
        let (mut count, mut key) = (0, None);
        let mut look_at = |shown: &[u8], expected: [Option<&Fingerprint>; 2]| {
            count += 1;
            if count <= MOST_SHOWN {
                let print = Fingerprint::of(shown);
                let fits = expected.into_iter().flatten().fold(false, |any, one| any | one.is_same(&print));
                key = key.or(fits.then_some(print));
            }
        };
        let any_key = [self.api_key.as_ref(), token.as_ref()];
        let mut basic = None;
        for value in headers.get_all(header::AUTHORIZATION) {
            match split_scheme(value.as_bytes()) {
                Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer") => look_at(rest, any_key),
                Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"basic") => basic = Some(rest),
                _ => look_at(&[], [None, None]),
            }
        }
        headers.get_all("x-api-key").iter().for_each(|value| look_at(value.as_bytes(), any_key));
        for (name, value) in address.query {
            if name == "token" || name == "apikey" {
                look_at(value.as_bytes(), any_key);
            }
        }
        if let Some(segment) = address.segment {
            look_at(segment.as_bytes(), [None, token.as_ref()]);
        }
        count += u32::from(basic.is_some());
        match (key, basic.and_then(decoded), count) {
            (Some(key), ..) => Presented::Key(key),
            (_, Some(pair), _) if self.is_known(&pair) => Presented::Password(Fingerprint::of(&pair)),
            (_, Some(pair), _) if self.has_hash() => Presented::Perhaps(pair, count),
            (_, _, 0) => Presented::Nothing,
            _ => Presented::Wrong(count),
        }
    }
}

impl Presented {
    /// What is remembered of it once it was right; none of what is wrong.
    pub(crate) fn credential(&self) -> Option<Fingerprint> {
        match self {
            Self::Key(credential) | Self::Password(credential) => Some(*credential),
            Self::Perhaps(pair, _) => Some(Fingerprint::of(pair)),
            Self::Wrong(_) | Self::Nothing => None,
        }
    }
}

/// The name and password of Basic.
fn decoded(encoded: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    LENIENT.decode(encoded).ok()
}

fn filled(secret: Option<&Secret>) -> Option<&Secret> {
    secret.filter(|secret| !secret.is_empty())
}

fn print_of(secret: Option<&Secret>) -> Option<Fingerprint> {
    filled(secret).map(|secret| Fingerprint::of(secret.reveal().as_bytes()))
}

/// Both ways to write a name and password as bytes.
fn basics(pair: &str) -> Vec<Fingerprint> {
    let mut prints = vec![Fingerprint::of(pair.as_bytes())];
    let latin = pair.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>();
    prints.extend(latin.map(|latin| Fingerprint::of(&latin)));
    prints
}

/// The scheme and the credentials of an `Authorization` header.
fn split_scheme(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = value.iter().position(|byte| *byte == b' ')?;
    Some((&value[..space], value[space..].trim_ascii()))
}
