//! A password that is known by its argon2 hash alone. To try one takes memory and time: that is its point, and so it is done
//! beside the runtime, a few at a time, and not again for the one that was right.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use autoscan_core::secret::Secret;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use crate::fingerprint::Fingerprint;

/// Passwords that are tried at the same time.
const AT_ONCE: usize = 2;
/// How long one waits for its turn.
const TURN: Duration = Duration::from_secs(10);
/// Ways to write the right password that are remembered: Sonarr and a browser differ in the bytes of an umlaut.
const REMEMBERED: usize = 4;
/// A hash that takes more than this would stop the machine. In KiB and passes.
const MOST_MEMORY: u32 = 256 * 1024;
const MOST_PASSES: u32 = 64;
/// What a new hash takes.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    Right,
    Wrong,
    /// Too many others try: it was not looked at.
    Busy,
}

/// One name and the hash of its password.
pub(crate) struct Hashed {
    username: String,
    hash: Arc<str>,
    turns: Arc<Semaphore>,
    right: Mutex<Vec<Fingerprint>>,
}

impl Hashed {
    /// With this PHC string.
    pub(crate) fn new(username: &str, hash: &Secret) -> Self {
        Self {
            username: username.to_owned(),
            hash: hash.reveal().into(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            right: Mutex::default(),
        }
    }

    /// Whether `name:password` was right before: that costs nothing.
    pub(crate) fn was_right(&self, pair: &[u8]) -> bool {
        let print = Fingerprint::of(pair);
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        right.iter().fold(false, |found, known| found | known.is_same(&print))
    }

    /// Tries `name:password`, in UTF-8 or as ISO-8859-1. A name that is not known costs as much as one that is.
    pub(crate) async fn tries(&self, pair: &[u8]) -> Tried {
        let text = match std::str::from_utf8(pair) {
            Ok(text) => text.to_owned(),
            Err(_latin) => pair.iter().copied().map(char::from).collect(),
        };
        let (username, password) = text.split_once(':').unwrap_or((&text, ""));
        let is_known = bool::from(username.as_bytes().ct_eq(self.username.as_bytes()));
        let turn = tokio::time::timeout(TURN, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Tried::Busy };
        let (hash, password) = (Arc::clone(&self.hash), password.to_owned());
        let fits = tokio::task::spawn_blocking(move || {
            let fits = fits(&hash, &password);
            drop(turn);
            fits
        });
        if !fits.await.unwrap_or(false) || !is_known {
            return Tried::Wrong;
        }
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if right.len() >= REMEMBERED {
            right.remove(0);
        }
        right.push(Fingerprint::of(pair));
        Tried::Right
    }
}

fn fits(hash: &str, password: &str) -> bool {
    let parsed = PasswordHash::new(hash);
    parsed.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// What is wrong with a text that should be the hash of a password, if anything: it continues the name of its key.
pub fn password_hash_fault(text: &str) -> Option<String> {
    const HOW: &str = "make one with \"autoscan hash-password\"";
    let Ok(hash) = PasswordHash::new(text) else {
        return Some(format!(" is no hash of a password, which begins with $argon2id$: {HOW}"));
    };
    if Algorithm::try_from(hash.algorithm.as_str()).is_err() || hash.hash.is_none() {
        return Some(format!(" is not made with argon2, which begins with $argon2id$: {HOW}"));
    }
    let Ok(params) = Params::try_from(&hash) else {
        return Some(format!(" has parameters that argon2 does not know: {HOW}"));
    };
    let is_heavy = params.m_cost() > MOST_MEMORY || params.t_cost() > MOST_PASSES;
    is_heavy.then(|| {
        format!(" takes more than {} MiB or {MOST_PASSES} passes for every login: {HOW}", MOST_MEMORY / 1024)
    })
}

/// The argon2id hash of a password, as a PHC string. `salt` is chance.
///
/// # Errors
/// A sentence, when it could not be made.
pub fn hash_password(password: &Secret, salt: &[u8; 16]) -> Result<String, String> {
    hash_with(password, salt, MEMORY, PASSES)
}

fn hash_with(password: &Secret, salt: &[u8; 16], memory: u32, passes: u32) -> Result<String, String> {
    let params = Params::new(memory, passes, 1, None).map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password_with_salt(password.reveal().as_bytes(), salt);
    hash.map(|hash| hash.to_string()).map_err(|error| format!("the password could not be hashed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(password: &str) -> Hashed {
        let hash = hash_with(&Secret::new(password), &[7; 16], 64, 1).unwrap();
        assert_eq!(password_hash_fault(&hash), None);
        Hashed::new("me", &Secret::new(hash))
    }

    #[tokio::test]
    async fn a_password_fits_its_hash_whatever_bytes_it_was_written_in() {
        let hashed = hashed("pässwörd:x");
        for (pair, tried) in [
            ("me:pässwörd:x".as_bytes(), Tried::Right),
            (b"me:p\xe4ssw\xf6rd:x", Tried::Right),
            ("me:pässwörd".as_bytes(), Tried::Wrong),
            ("you:pässwörd:x".as_bytes(), Tried::Wrong),
            (b"me:", Tried::Wrong),
            (b"me", Tried::Wrong),
            (b"", Tried::Wrong),
        ] {
            assert!(!hashed.was_right(pair));
            assert_eq!(hashed.tries(pair).await, tried, "{pair:?}");
            assert_eq!(hashed.was_right(pair), tried == Tried::Right);
        }
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let hashed = hashed("right");
        for _ in 0..20 {
            assert_eq!(hashed.tries(b"me:right").await, Tried::Right);
        }
        assert_eq!(hashed.right.lock().unwrap().len(), REMEMBERED);
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_waits_for_its_turn_and_not_for_ever() {
        let hashed = hashed("right");
        let turns = Arc::clone(&hashed.turns).acquire_many_owned(2).await.unwrap();
        assert_eq!(hashed.tries(b"me:right").await, Tried::Busy);
        drop(turns);
        assert_eq!(hashed.tries(b"me:right").await, Tried::Right);
    }

    #[test]
    fn only_argon2_that_this_machine_can_bear_is_taken() {
        let argon2 = hash_password(&Secret::new("right"), &[7; 16]).unwrap();
        assert!(argon2.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{argon2}");
        assert_eq!(password_hash_fault(&argon2), None);
        for (text, why) in [
            ("hunter2", "no hash"),
            ("", "no hash"),
            ("$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234", "argon2"),
            ("$pbkdf2-sha256$i=1000$c29tZXNhbHQ$aGFzaA", "argon2"),
            ("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzYWx0", "argon2"),
            (&argon2.replace("m=19456", "m=4194304"), "256 MiB"),
            (&argon2.replace("t=2", "t=1000"), "64 passes"),
        ] {
            let fault = password_hash_fault(text).unwrap_or_default();
            assert!(fault.contains(why), "{text}: {fault}");
            assert!(text.is_empty() || !fault.contains(text));
        }
    }
}
