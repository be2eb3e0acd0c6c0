//! A key that a person lets a server give to autoscan, by confirming a code there. Nobody has to look for a key then.

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::secret::Secret;
use autoscan_http::Answer;
use serde::de::DeserializeOwned;

/// A code that waits for a person.
#[derive(Clone, Debug)]
pub struct Code {
    /// What the person types at the server.
    pub text: String,
    /// The page on which it is typed, where there is one for everybody.
    pub page: Option<String>,
    /// What the server knows this code by. Whoever has it gets the key, so nobody is shown it.
    pub ticket: Secret,
}

/// A server's way to give a key to a program.
#[async_trait]
pub trait KeyLogin: Send + Sync {
    /// Asks for a code.
    async fn begin(&self) -> Result<Code, Fault>;

    /// The key, once a person confirmed the code; none until then. [`Fault::Away`] and [`Fault::Busy`] say nothing about the
    /// code, which may be asked about again; any other fault is its end.
    async fn key(&self, ticket: &Secret) -> Result<Option<Secret>, Fault>;
}

/// The JSON of an answer that may hold a key: a fault quotes nothing of it.
pub(crate) fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Fault> {
    serde_json::from_slice(answer.body()).map_err(|_may_quote_a_key| {
        let what = if answer.is_web_page() { "a page for a browser" } else { "something unexpected" };
        Fault::away(
            answer.says(&format!("{what}; is the address right, and nothing before it that wants a login?")),
        )
    })
}
