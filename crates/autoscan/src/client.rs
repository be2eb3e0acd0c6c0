//! The running server, as the commands ask it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use autoscan_core::fault::Fault;
use autoscan_core::secret::Secret;
use autoscan_http::{BaseUrl, Http, Method, Request, SecretHeader};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Loaded;

/// Longest answer that is read, in bytes: a page of 500 scans with many changes.
const MOST: usize = 64 << 20;

/// A client of the server that runs with this config.
pub(crate) struct Client {
    http: Http,
    base: BaseUrl,
    prefix: Vec<String>,
    key: Option<SecretHeader>,
    /// Whether the config holds nothing that the server would let in.
    lacks_key: bool,
}

/// An error as the API answers it.
#[derive(Deserialize)]
struct ApiError {
    error: String,
}

impl Client {
    /// The error is a sentence for a person.
    pub(crate) fn new(loaded: &Loaded) -> Result<Self, String> {
        let settings = &loaded.settings;
        let address =
            settings.listen.first().copied().unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 3030)));
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        let auth = &settings.authentication;
        let lacks_key = !auth.disabled && auth.password_hash.is_some() && auth.api_key.is_none();
        Ok(Self {
            lacks_key,
            http: Http::for_this_machine(),
            base: BaseUrl::parse(&format!("{scheme}://{}", reachable(address)))?,
            prefix: settings.base_url.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            key: key(settings)?,
        })
    }

    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, String> {
        let mut request = self.request(Method::GET, path);
        for (name, value) in query {
            request = request.query(name, value);
        }
        self.send(&request).await
    }

    pub(crate) async fn post(&self, path: &[&str], body: &impl Serialize) -> Result<Value, String> {
        self.send(&self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &[&str]) -> Result<Value, String> {
        self.send(&self.request(Method::DELETE, path)).await
    }

    fn request(&self, method: Method, path: &[&str]) -> Request {
        let names: Vec<&str> = self.prefix.iter().map(String::as_str).chain(path.iter().copied()).collect();
        let request = Request::new(method, &self.base, &names).at_most(MOST);
        match &self.key {
            Some(key) => request.secret(key),
            None => request,
        }
    }

    async fn send(&self, request: &Request) -> Result<Value, String> {
        let unreachable =
            |fault: Fault| format!("is `autoscan serve` running with this config? {}", fault.reason());
        let answer = self.http.exchange(request).await.map_err(unreachable)?;
        if (200..300).contains(&answer.status()) {
            return answer.json().map_err(|fault| fault.reason().to_owned());
        }
        if answer.status() == 401 && self.lacks_key {
            return Err(
                "the config knows the hash of the password alone, and the server wants a password or a key: write \
                 authentication.api-key into the config, and restart the server"
                    .to_owned(),
            );
        }
        match serde_json::from_slice::<ApiError>(answer.body()) {
            Ok(problem) => Err(problem.error),
            Err(_no_problem) => Err(answer.says("this is not an answer of autoscan")),
        }
    }
}

/// Where a server that listens on `address` is reached from the same machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The API key, or the user's name and password.
fn key(settings: &crate::config::Settings) -> Result<Option<SecretHeader>, String> {
    let auth = &settings.authentication;
    if let Some(key) = &auth.api_key {
        return SecretHeader::new("x-api-key", key.reveal(), key).map(Some);
    }
    let Some(password) = &auth.password else { return Ok(None) };
    let login = BASE64_STANDARD.encode(format!("{}:{}", auth.username, password.reveal()));
    SecretHeader::new("authorization", &format!("Basic {login}"), &Secret::new(login.clone())).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_reached_on_this_machine() {
        for (listens, reached) in
            [("0.0.0.0:3030", "127.0.0.1:3030"), ("[::]:80", "[::1]:80"), ("10.0.0.2:1", "10.0.0.2:1")]
        {
            assert_eq!(reachable(listens.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
