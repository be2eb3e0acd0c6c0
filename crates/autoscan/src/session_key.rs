//! The keys that sign sessions: those of the config, or one that is made once and kept in the database.

use autoscan_core::ports::Store;
use autoscan_core::secret::Secret;
use tracing::warn;

use crate::config::Loaded;

/// Where the key that was made is kept.
const KEPT: &str = "session-key";

/// The keys for sessions, the first to sign with. None when there is none and none can be kept: then a restart logs everybody
/// out.
pub(crate) async fn secret_keys(loaded: &Loaded, store: &dyn Store) -> Vec<Secret> {
    let auth = &loaded.settings.authentication;
    let own = match &auth.secret_key {
        Some(key) => Some(key.clone()),
        None => kept(store).await,
    };
    // A fallback alone still opens what it signed; it signs nothing while another key is there.
    own.into_iter().chain(auth.secret_key_fallbacks.iter().cloned()).collect()
}

async fn kept(store: &dyn Store) -> Option<Secret> {
    match store.setting(KEPT).await {
        Ok(Some(key)) => return Some(Secret::new(key)),
        Ok(None) => {}
        Err(error) => {
            warn!(%error, "the key of the sessions cannot be read: everybody has to log in again");
            return None;
        }
    }
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).ok()?;
    let key = bytes.iter().fold(String::new(), |key, byte| key + &format!("{byte:02x}"));
    if let Err(error) = store.set_setting(KEPT, Some(key.clone())).await {
        warn!(%error, "the key of the sessions cannot be kept: everybody has to log in again after a restart");
    }
    Some(Secret::new(key))
}
