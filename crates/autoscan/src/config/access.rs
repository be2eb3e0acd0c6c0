//! Who may send and look, and how they reach autoscan.

use std::path::{Path, PathBuf};

use autoscan_core::secret::Secret;
use autoscan_web::password_hash_fault;

use super::fault::ConfigFault;
use super::node::ConfigNode;
use super::shape;

/// Who may send and look. A secret that is empty is none.
#[derive(Clone, Debug)]
pub(crate) struct Authentication {
    /// Everybody is let in.
    pub(crate) disabled: bool,
    /// The name to log in with.
    pub(crate) username: String,
    /// The password to log in with.
    pub(crate) password: Option<Secret>,
    /// Its argon2 hash, where the password itself is not written.
    pub(crate) password_hash: Option<Secret>,
    /// The key for `X-Api-Key` or `Authorization: Bearer`.
    pub(crate) api_key: Option<Secret>,
    /// The older app's single URL.
    pub(crate) server_pass: Option<Secret>,
    /// What webhooks must be signed with.
    pub(crate) webhook_secret: Option<Secret>,
    /// What sessions are signed with.
    pub(crate) secret_key: Option<Secret>,
    /// Older keys whose sessions are still good.
    pub(crate) secret_key_fallbacks: Vec<Secret>,
}

impl Authentication {
    /// Whether there is something that a person or a command can show.
    pub(super) fn names_a_secret(&self) -> bool {
        self.password.is_some() || self.password_hash.is_some() || self.api_key.is_some()
    }
}

/// The files for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate and those that lead to its authority.
    pub(crate) cert: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

pub(super) fn authentication(shape: shape::AuthenticationShape) -> Authentication {
    let set = |secret: Option<Secret>| secret.filter(|secret| !secret.is_empty());
    let username = if shape.username.is_empty() { "autoscan".to_owned() } else { shape.username };
    Authentication {
        disabled: shape.disabled,
        username,
        password: set(shape.password),
        password_hash: set(shape.password_hash),
        api_key: set(shape.api_key),
        server_pass: set(shape.server_pass),
        webhook_secret: set(shape.webhook_secret),
        secret_key: set(shape.secret_key),
        secret_key_fallbacks: shape.secret_key_fallbacks.into_iter().filter(|key| !key.is_empty()).collect(),
    }
}

/// Paths count from the config's folder.
pub(super) fn tls(shape: Option<shape::TlsShape>, folder: &Path) -> Option<TlsFiles> {
    shape.map(|files| TlsFiles { cert: folder.join(files.cert.0), key: folder.join(files.key.0) })
}

/// What is wrong with the password, in `tree`. Its value is not shown.
pub(super) fn check(tree: &ConfigNode, faults: &mut Vec<ConfigFault>) {
    let Some(keys) = tree.get("authentication") else { return };
    let written = |key: &str| keys.get(key).filter(|value| value.text().is_some_and(|text| !text.is_empty()));
    let Some(hash) = written("password-hash") else { return };
    if let Some(what) = hash.text().and_then(password_hash_fault) {
        faults.push(ConfigFault::at(&hash.place, format!("authentication.password-hash{what}")));
    }
    if written("password").is_some() {
        let what =
            "authentication.password-hash and authentication.password are both there: keep one of them";
        faults.push(ConfigFault::at(&hash.place, what.to_owned()));
    }
}

/// What a person sets is at least this long, in characters: at twenty guesses a minute it is then not found.
const LEAST: usize = 8;

/// Notes of secrets that are so short that they can be guessed. They still open: a config that worked goes on working.
pub(super) fn short_secrets(tree: &ConfigNode) -> Vec<String> {
    const KEYS: [&str; 5] = ["password", "api-key", "server-pass", "webhook-secret", "secret-key"];
    let authentication = tree.get("authentication");
    let is_open =
        authentication.and_then(|keys| keys.get("disabled")).and_then(ConfigNode::text) == Some("true");
    if is_open {
        return Vec::new();
    }
    let own = KEYS.into_iter().filter_map(|key| {
        let value = authentication.and_then(|keys| keys.get(key))?;
        Some((format!("authentication.{key}"), value))
    });
    let kinds = tree.get("triggers").map(ConfigNode::entries).unwrap_or_default();
    let tokens = kinds.iter().flat_map(|kind| {
        let single = kind.value.get("token").map(|token| (format!("triggers.{}.token", kind.key), token));
        let several = kind.value.items().iter().enumerate().filter_map(|(index, one)| {
            Some((format!("triggers.{}.{index}.token", kind.key), one.get("token")?))
        });
        single.into_iter().chain(several)
    });
    own.chain(tokens)
        .filter(|(_, value)| value.text().is_some_and(|text| (1..LEAST).contains(&text.chars().count())))
        .map(|(what, value)| {
            format!(
                "{}: {what} has fewer than {LEAST} characters and can be guessed: use a longer one",
                value.place
            )
        })
        .collect()
}
