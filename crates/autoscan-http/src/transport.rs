//! What went wrong on the way, in a sentence.

use std::error::Error;
use std::io;

use autoscan_core::fault::Fault;

use crate::client::Timeouts;
use crate::redact::Secrets;
use crate::request::Request;

/// Longest URL that a reason shows, in characters.
const LONGEST_URL: usize = 300;

/// A request as reasons show it.
pub(crate) struct ShownCall {
    /// Method and URL.
    pub(crate) line: String,
    /// What must not be shown.
    pub(crate) secrets: Secrets,
}

impl ShownCall {
    pub(crate) fn of(request: &Request) -> Self {
        let url = request.shown_url();
        let mut short: String = url.chars().take(LONGEST_URL).collect();
        if short.len() < url.len() {
            short.push('…');
        }
        Self { line: format!("{} {short}", request.method), secrets: request.secrets.clone() }
    }
}

/// The fault of a request that got no whole answer.
pub(crate) fn fault(request: &Request, error: &reqwest::Error, timeouts: Timeouts) -> Fault {
    let call = ShownCall::of(request);
    let host = request.url.host_str().unwrap_or_default();
    let what = sentence(error, host, timeouts);
    Fault::away(format!("{}: {}", call.line, call.secrets.hide(&what)))
}

fn sentence(error: &reqwest::Error, host: &str, timeouts: Timeouts) -> String {
    if error.is_timeout() {
        return if error.is_connect() {
            format!(
                "no connection within {} s; is {host:?} up and the port right?",
                timeouts.connect.as_secs_f32()
            )
        } else {
            format!("no whole answer within {} s", timeouts.total.as_secs_f32())
        };
    }
    if let Some(tls) = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return certificate(tls);
    }
    if !error.is_connect() {
        return "the connection was closed before the whole answer was there".to_owned();
    }
    let refused = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::ConnectionRefused);
    if refused {
        return format!("the connection was refused; is the server running, and the port of {host:?} right?");
    }
    if causes(error).any(|cause| cause.to_string().contains("dns error")) {
        return format!("no machine named {host:?} was found");
    }
    let last = causes(error).last().map(ToString::to_string).unwrap_or_default();
    format!("no connection to {host:?} ({last})")
}

fn certificate(error: &rustls::Error) -> String {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext};
    match error {
        rustls::Error::InvalidCertificate(reason @ (NotValidForName | NotValidForNameContext { .. })) => {
            format!("its certificate is for another name ({reason}); use that name in the URL")
        }
        rustls::Error::InvalidCertificate(reason @ (Expired | ExpiredContext { .. })) => {
            format!("its certificate has expired ({reason}); renew it")
        }
        rustls::Error::InvalidCertificate(reason) => format!(
            "its certificate is not trusted ({reason}); add the certificate of its authority to those of this system"
        ),
        rustls::Error::InvalidMessage(_) => {
            "the server does not speak TLS at this port; should the URL begin with http://?".to_owned()
        }
        other => format!("no TLS connection ({other})"),
    }
}

/// The error and what lies beneath it.
fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &'a (dyn Error + 'static) = error;
    std::iter::successors(Some(first), |cause: &&'a (dyn Error + 'static)| beneath(*cause))
}

/// An `io::Error` keeps the error that it wraps from `source`, so that is looked into first.
fn beneath<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => Some(wrapped),
        None => cause.source(),
    }
}
