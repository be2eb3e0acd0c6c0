//! Reading a kind's settings.

use autoscan_core::secret::Secret;
use autoscan_http::BaseUrl;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The settings as their struct; keys it does not know are ignored.
pub(crate) fn read<T: DeserializeOwned>(settings: &Value) -> Result<T, String> {
    // The error of serde quotes the value that it did not expect, which may be a key written without quotes.
    for key in ["url", "token", "api-key", "username", "password"] {
        if settings.get(key).is_some_and(|value| !value.is_string() && !value.is_null()) {
            return Err(format!("`{key}` must be text: put it in quotes"));
        }
    }
    T::deserialize(settings).map_err(|error| error.to_string())
}

/// The address of the server.
pub(crate) fn url(text: &str) -> Result<BaseUrl, String> {
    BaseUrl::parse(text).map_err(|reason| format!("`url`: {reason}"))
}

/// A secret as it was meant: without the line break that a file of secrets ends with.
pub(crate) fn trimmed(key: &str, secret: &Secret) -> Result<Secret, String> {
    match secret.reveal().trim() {
        "" => Err(format!("`{key}` is empty")),
        text => Ok(Secret::new(text)),
    }
}

/// A secret that may be given under either of two names.
pub(crate) fn either(
    key: &str,
    secret: Option<Secret>,
    alias: &str,
    aliased: Option<Secret>,
) -> Result<Secret, String> {
    match (secret, aliased) {
        (Some(secret), _) => trimmed(key, &secret),
        (None, Some(secret)) => trimmed(alias, &secret),
        (None, None) => Err(format!("`{key}` is missing")),
    }
}
