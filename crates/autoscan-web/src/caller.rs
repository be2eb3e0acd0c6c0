//! Who sent a request, when reverse proxies may stand between: what they say is believed only of those that are trusted.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ipnet::IpNet;

/// Entries of a forwarding header that are looked at, from the right.
const MOST_HOPS: usize = 32;

/// An address, or all that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl FromStr for Network {
    type Err = String;

    /// Reads `127.0.0.1`, `10.0.0.0/8` or `fd00::/8`.
    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.parse().or_else(|_no_network| text.parse().map(|alone: IpAddr| alone.into()));
        network.map(Self).map_err(|_unreadable| {
            format!("{text:?} is no address or network: write 127.0.0.1 or 10.0.0.0/8")
        })
    }
}

impl Network {
    /// Whether the address is of this network. An IPv4 address may be written as IPv6.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    pub(crate) is_tls: bool,
}

/// The browser or program that sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Its address, as far as it is known by somebody trusted.
    pub(crate) address: IpAddr,
    /// Whether nobody on its way to us could read along: it speaks TLS with us, or with a trusted proxy.
    pub(crate) is_secure: bool,
    /// Whether a trusted proxy handed the request on.
    is_proxied: bool,
}

impl Caller {
    /// Who sent a request with these headers over a connection with `peer`. Requests that came over no connection share
    /// one address.
    pub(crate) fn new(peer: Option<Peer>, headers: &HeaderMap, trusted: &[Network]) -> Self {
        let Some(peer) = peer else {
            return Self { address: Ipv4Addr::UNSPECIFIED.into(), is_secure: false, is_proxied: false };
        };
        let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.holds(address));
        if !is_trusted(peer.address) {
            return Self { address: peer.address, is_secure: peer.is_tls, is_proxied: false };
        }
        let plain = origin(&list(headers, "x-forwarded-for"), peer.address, is_trusted);
        let standard = origin(&forwarded(headers, "for"), peer.address, is_trusted);
        // A proxy writes one of the two and may hand on the other as its client made it up: where they differ, none counts.
        let address = match (plain, standard) {
            (Some(plain), Some(standard)) if plain != standard => peer.address,
            (plain, standard) => plain.or(standard).unwrap_or(peer.address),
        };
        let said = list(headers, "x-forwarded-proto");
        let said = if said.is_empty() { forwarded(headers, "proto") } else { said };
        let is_https = said.first().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
        Self { address, is_secure: is_https || (peer.is_tls && said.is_empty()), is_proxied: true }
    }

    /// Who sent this request: the envelope has looked.
    pub(crate) fn of(parts: &Parts) -> Self {
        let known = parts.extensions.get().copied();
        known.unwrap_or_else(|| Self::new(None, &parts.headers, &[]))
    }

    /// Who asked for something that is logged, and by what: `the page from 10.0.0.1`.
    pub(crate) fn said(&self, by: &str) -> String {
        format!("{by} from {}", self.address)
    }

    /// For which host, perhaps with a port, the request was sent; empty for one that cannot be read, none when nothing says it.
    pub(crate) fn host<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let forwarded = headers.get("x-forwarded-host").filter(|_| self.is_proxied);
        let host = forwarded.or_else(|| headers.get("host"))?;
        Some(host.to_str().unwrap_or_default())
    }

    /// Whether a browser says that a page of this very site sent this: by Fetch Metadata, or else by the origin. What is no
    /// browser sends neither.
    pub(crate) fn is_from_here(&self, headers: &HeaderMap) -> bool {
        if let Some(site) = headers.get("sec-fetch-site") {
            return site == "same-origin" || site == "none";
        }
        let Some(origin) = headers.get("origin") else { return true };
        let host = self.host(headers);
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        let (Some(host), Some((_scheme, origin))) = (host, origin) else { return false };
        // Proxies often leave the port out of what they hand on.
        let no_port =
            |host: &str| !host.trim_start_matches(|c| c != ']').contains(':') && !host.contains(':');
        let origin = if self.is_proxied && no_port(host) { without_port(origin) } else { origin };
        origin.eq_ignore_ascii_case(host)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The rightmost address that is not of a proxy of ours. None when the header is not there; what cannot be read ends the
/// search, and the last address that was known counts.
fn origin(hops: &[&str], peer: IpAddr, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let mut last = peer;
    if hops.is_empty() {
        return None;
    }
    for hop in hops.iter().rev().take(MOST_HOPS) {
        let Some(address) = address(hop) else { break };
        last = address;
        if !is_trusted(address) {
            break;
        }
    }
    Some(last)
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare =
        text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(inside, _)| inside);
    let read = |text: &str| text.parse::<IpAddr>().ok();
    read(bare).or_else(|| read(bare.split_once(':')?.0)).map(|address| address.to_canonical())
}

/// The entries of a header that is a list, over all its lines.
fn list<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|entry| !entry.is_empty()).collect()
}

/// The values of one word of every entry of `Forwarded`.
fn forwarded<'a>(headers: &'a HeaderMap, word: &str) -> Vec<&'a str> {
    let value = |entry: &'a str| {
        let pairs = entry.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(word));
        values.next().map(|(_, value)| value.trim().trim_matches('"'))
    };
    list(headers, "forwarded").into_iter().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    fn caller(peer: &str, pairs: &[(&'static str, &'static str)]) -> Caller {
        let trusted = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let peer = Peer { address: peer.parse().unwrap(), is_tls: false };
        Caller::new(Some(peer), &headers(pairs), &trusted)
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_like_it() {
        for (network, address, holds) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("192.168.1.7", "192.168.1.7", true),
            ("192.168.1.7", "192.168.1.8", false),
            ("192.168.1.7/24", "192.168.1.8", true),
            ("::1", "::1", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("fd00::/8", "fdab::1", true),
            ("fd00::/8", "fe80::1", false),
        ] {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.holds(address.parse().unwrap()), holds, "{network:?} {address}");
        }
        for text in ["", "nas", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.0.0.0/", "10.0.0/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_says_who_sent_a_request() {
        for (peer, header, address) in [
            ("192.0.2.1", ("x-forwarded-for", "198.51.100.7"), "192.0.2.1"),
            ("127.0.0.1", ("x-forwarded-for", "198.51.100.7"), "198.51.100.7"),
            ("::ffff:127.0.0.1", ("x-forwarded-for", "198.51.100.7"), "198.51.100.7"),
            ("127.0.0.1", ("x-forwarded-for", "1.1.1.1, 198.51.100.7"), "198.51.100.7"),
            ("127.0.0.1", ("x-forwarded-for", "198.51.100.7, 10.1.2.3"), "198.51.100.7"),
            ("127.0.0.1", ("x-forwarded-for", "10.9.9.9, 10.1.2.3"), "10.9.9.9"),
            ("127.0.0.1", ("x-forwarded-for", "1.1.1.1, nonsense, 10.1.2.3"), "10.1.2.3"),
            ("127.0.0.1", ("x-forwarded-for", "nonsense"), "127.0.0.1"),
            ("127.0.0.1", ("x-forwarded-for", "198.51.100.7:4711"), "198.51.100.7"),
            ("127.0.0.1", ("x-forwarded-for", "2001:db8::7"), "2001:db8::7"),
            ("127.0.0.1", ("forwarded", "for=198.51.100.7;proto=https"), "198.51.100.7"),
            ("127.0.0.1", ("forwarded", "for=1.1.1.1, For=\"[2001:db8::7]:4711\""), "2001:db8::7"),
            ("127.0.0.1", ("forwarded", "for=unknown"), "127.0.0.1"),
            ("127.0.0.1", ("x-real-ip", "198.51.100.7"), "127.0.0.1"),
        ] {
            assert_eq!(caller(peer, &[header]).address, address.parse::<IpAddr>().unwrap(), "{header:?}");
        }
    }

    #[test]
    fn two_headers_that_differ_count_for_nothing() {
        let made_up = [("x-forwarded-for", "198.51.100.7"), ("forwarded", "for=1.2.3.4")];
        assert_eq!(caller("127.0.0.1", &made_up).address, "127.0.0.1".parse::<IpAddr>().unwrap());
        let alike = [("x-forwarded-for", "198.51.100.7"), ("forwarded", "for=198.51.100.7")];
        assert_eq!(caller("127.0.0.1", &alike).address, "198.51.100.7".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn only_a_trusted_proxy_says_that_tls_was_spoken() {
        for (peer, header, secure) in [
            ("127.0.0.1", ("x-forwarded-proto", "https"), true),
            ("127.0.0.1", ("x-forwarded-proto", "http"), false),
            ("127.0.0.1", ("forwarded", "for=1.1.1.1;proto=https"), true),
            ("192.0.2.1", ("x-forwarded-proto", "https"), false),
        ] {
            assert_eq!(caller(peer, &[header]).is_secure, secure, "{peer} {header:?}");
        }
        let peer = Peer { address: Ipv4Addr::LOCALHOST.into(), is_tls: true };
        assert!(Caller::new(Some(peer), &HeaderMap::new(), &[]).is_secure);
    }

    #[test]
    fn a_browser_tells_whose_page_sent_something() {
        for (peer, pairs, here) in [
            ("192.0.2.1", &[("sec-fetch-site", "same-origin")][..], true),
            ("192.0.2.1", &[("sec-fetch-site", "none")], true),
            ("192.0.2.1", &[("sec-fetch-site", "same-site")], false),
            ("192.0.2.1", &[("sec-fetch-site", "cross-site"), ("origin", "http://nas")], false),
            ("192.0.2.1", &[], true),
            ("192.0.2.1", &[("origin", "http://nas:3030"), ("host", "nas:3030")], true),
            ("192.0.2.1", &[("origin", "http://NAS:3030"), ("host", "nas:3030")], true),
            ("192.0.2.1", &[("origin", "http://nas"), ("host", "nas:3030")], false),
            ("192.0.2.1", &[("origin", "http://evil"), ("host", "nas")], false),
            ("192.0.2.1", &[("origin", "null"), ("host", "nas")], false),
            ("192.0.2.1", &[("origin", "http://nas")], false),
            ("192.0.2.1", &[("origin", "http://e"), ("host", "nas"), ("x-forwarded-host", "e")], false),
            (
                "127.0.0.1",
                &[("origin", "https://n.example"), ("host", "x"), ("x-forwarded-host", "n.example")],
                true,
            ),
            ("127.0.0.1", &[("origin", "http://n.example:81"), ("host", "n.example")], true),
            ("127.0.0.1", &[("origin", "http://n.example:81"), ("host", "n.example:82")], false),
            ("127.0.0.1", &[("origin", "http://[fd00::1]:81"), ("host", "[fd00::1]:81")], true),
        ] {
            assert_eq!(caller(peer, pairs).is_from_here(&headers(pairs)), here, "{peer} {pairs:?}");
        }
    }
}
