//! Kodi's JSON-RPC over HTTP. Every error comes with the status 200.

use std::time::Duration;

use autoscan_core::fault::Fault;
use autoscan_http::{Answer, BaseUrl, Http, Request, SecretHeader};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Longest answer that is read, in bytes.
const ANSWER: usize = 4 * 1024 * 1024;

/// `BadPermission` of Kodi's `JSONRPC_STATUS`.
const BAD_PERMISSION: i64 = -32099;

/// `InvalidParams`: also what Kodi says of a file or folder that it cannot see.
const INVALID_PARAMS: i64 = -32602;

/// A Kodi that is asked.
pub(super) struct Rpc {
    pub(super) http: Http,
    pub(super) base: BaseUrl,
    pub(super) login: Option<SecretHeader>,
}

/// One method and its parameters.
#[derive(Clone, Debug)]
pub(super) struct Call {
    method: &'static str,
    params: Value,
}

impl Call {
    pub(super) fn new(method: &'static str, params: Value) -> Self {
        Self { method, params }
    }

    fn json(&self, id: usize) -> Value {
        json!({"jsonrpc": "2.0", "id": id, "method": self.method, "params": self.params})
    }
}

/// What one method answered.
pub(super) struct Outcome {
    method: &'static str,
    result: Result<Value, RpcError>,
}

#[derive(Clone, Debug, Deserialize)]
struct RpcError {
    code: i64,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Reply {
    id: Option<usize>,
    result: Option<Value>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Replies {
    Many(Vec<Reply>),
    One(Reply),
}

impl Outcome {
    /// The result. An error is a fault.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let method = self.method;
        match &self.result {
            Ok(value) => T::deserialize(value).map_err(|error| {
                Fault::wrong(format!(
                    "Kodi answered {method} in a way that autoscan does not understand ({error})"
                ))
            }),
            Err(RpcError { code: BAD_PERMISSION, .. }) => Err(Fault::refused(format!(
                "Kodi does not let autoscan call {method}: it lacks the permission"
            ))),
            Err(RpcError { code, message }) => {
                Err(Fault::wrong(format!("Kodi answered {method} with the error {code}: {message:?}")))
            }
        }
    }

    /// Whether Kodi sees the file or folder that it was asked for.
    pub(super) fn is_visible(&self) -> Result<bool, Fault> {
        match &self.result {
            Err(RpcError { code: INVALID_PARAMS, .. }) => Ok(false),
            _ => self.read::<Value>().map(|_| true),
        }
    }
}

impl Rpc {
    /// The request of several calls: one object for one, otherwise a batch.
    pub(super) fn request(&self, calls: &[Call]) -> Request {
        let request = Request::post(&self.base, &["jsonrpc"]).at_most(ANSWER);
        let request = match &self.login {
            Some(login) => request.secret(login),
            None => request,
        };
        match calls {
            [one] => request.json(&one.json(1)),
            several => {
                let batch: Vec<Value> =
                    several.iter().enumerate().map(|(at, call)| call.json(at + 1)).collect();
                request.json(&batch)
            }
        }
    }

    /// Asks everything in one request; one outcome a call, in order.
    pub(super) async fn ask(&self, calls: &[Call]) -> Result<Vec<Outcome>, Fault> {
        self.exchange(calls, &self.request(calls)).await
    }

    async fn exchange(&self, calls: &[Call], request: &Request) -> Result<Vec<Outcome>, Fault> {
        let answer = check(self.http.exchange(request).await?)?;
        let replies = match answer.json::<Replies>()? {
            Replies::Many(replies) => replies,
            Replies::One(reply) => vec![reply],
        };
        let nothing = || RpcError { code: 0, message: "no answer".to_owned() };
        // An error of the whole batch has no number.
        let of_all = replies.iter().find(|reply| reply.id.is_none()).and_then(|reply| reply.error.clone());
        let outcome = |(at, call): (usize, &Call)| {
            let reply = replies.iter().find(|reply| reply.id == Some(at + 1));
            let result = match reply {
                Some(Reply { error: Some(error), .. }) => Err(error.clone()),
                Some(Reply { result: Some(result), .. }) => Ok(result.clone()),
                _ => Err(of_all.clone().unwrap_or_else(nothing)),
            };
            Outcome { method: call.method, result }
        };
        Ok(calls.iter().enumerate().map(outcome).collect())
    }

    /// Asks one thing.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, Fault> {
        only(&self.ask(&[call]).await?)
    }

    /// Asks one thing whose answer takes longer than any other: so long at most.
    pub(super) async fn call_within<T: DeserializeOwned>(
        &self,
        call: Call,
        time: Duration,
    ) -> Result<T, Fault> {
        let call = std::slice::from_ref(&call);
        only(&self.exchange(call, &self.request(call).within(time)).await?)
    }
}

/// The result of the only call.
fn only<T: DeserializeOwned>(outcomes: &[Outcome]) -> Result<T, Fault> {
    outcomes.first().map_or_else(|| Err(Fault::wrong("Kodi answered nothing")), Outcome::read)
}

fn check(answer: Answer) -> Result<Answer, Fault> {
    match answer.status() {
        401 | 403 => Err(Fault::refused(
            answer.says("the login was rejected; check `username` and `password` of this target"),
        )),
        404 => Err(Fault::away(answer.says(
            "there is no JSON-RPC; is this Kodi's web server (Settings → Services → Control → Allow remote control via HTTP)?",
        ))),
        _ => answer.check(),
    }
}
