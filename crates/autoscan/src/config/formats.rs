//! Text of a certain form: what a schema's `format` means here. A sentence continues the key: "port is too large".

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use autoscan_core::anchor::Anchor;
use autoscan_core::duration::Span;
use autoscan_core::filter::Filter;
use autoscan_core::name::Name;
use autoscan_core::path::{AbsolutePath, LocalPath};
use autoscan_core::quiet_hours::QuietHours;
use url::Url;

/// What is wrong with `text`, if anything. A secret may be anything.
pub(super) fn fault(format: &str, text: &str) -> Option<String> {
    let said = |what: String| format!(": {what}");
    match format {
        "span" if is_number(text) => Some(format!(": {text} has no unit: write {text}s")),
        "span" => Span::parse(text).err().map(said),
        "name" => Name::parse(text).err().map(said),
        "url" | "uri" => url_fault(text),
        "regex" => Filter::new([text], []).err().map(|error| said(regex_fault(text, &error))),
        "path" => AbsolutePath::parse(text).err().map(|refusal| said(refusal.to_string())),
        "anchor-file" => anchor(text).err().map(said),
        "host" => host(text, 0).err().map(said),
        "host-name" => host_name_fault(text),
        "base-url" => base_url(text).err(),
        "database" => database(text).err(),
        "hours" => QuietHours::parse([text]).err().map(said),
        "percent" => percent(text).err(),
        "network" => text.parse::<autoscan_web::Network>().err().map(said),
        "file" => text.is_empty().then(|| " is empty".to_owned()),
        "program" => text.is_empty().then(|| " is empty".to_owned()),
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

fn host_name_fault(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_name = !text.is_empty() && text.chars().all(allowed);
    (!is_name).then(|| {
        format!(": {text:?} is no name of a host: write it without http:// and without a port, such as scan.example.org")
    })
}

/// The URL itself is not shown: a password may stand in it.
fn url_fault(text: &str) -> Option<String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => None,
        _ => Some(
            " is not a URL: it must begin with http:// or https:// and a host, such as http://plex:32400"
                .to_owned(),
        ),
    }
}

/// The error of the expression in one line: its last line says what is wrong.
fn regex_fault(text: &str, error: &str) -> String {
    let last = error.lines().last().unwrap_or_default().trim();
    let reason = last.strip_prefix("error: ").or_else(|| last.split_once(": ").map(|(_, reason)| reason));
    format!("{text:?} is not a regular expression: {}", reason.unwrap_or(last))
}

/// Reads an anchor that guards its own folder.
pub(super) fn anchor(text: &str) -> Result<Anchor, String> {
    let file = LocalPath::parse(text).map_err(|refusal| refusal.to_string())?;
    Anchor::guarding_its_folder(file).ok_or_else(|| format!("{text:?} is no file"))
}

/// An address to listen on: `0.0.0.0`, `::`, `localhost`, each also with `:port`, which overrides `port`. Empty, as in the
/// Go autoscan, means every address.
pub(super) fn host(text: &str, port: u16) -> Result<SocketAddr, String> {
    let fault = || {
        format!(
            "{text:?} is not an address: write 0.0.0.0, 127.0.0.1, ::1, or with a port 127.0.0.1:3030 or [::1]:3030"
        )
    };
    let (host, own_port) = match text.rsplit_once(':') {
        Some((host, own)) if !host.contains(':') || host.ends_with(']') => {
            (host, Some(own.parse::<u16>().map_err(|_number| fault())?))
        }
        _ => (text, None),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address = match bare {
        "" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        bare => bare.parse().map_err(|_address| fault())?,
    };
    Ok(SocketAddr::new(address, own_port.unwrap_or(port)))
}

/// A part of a whole: `30%`.
pub(super) fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
    number
        .filter(|percent| (1..=100).contains(percent))
        .ok_or_else(|| format!(": {text:?} is no part of a whole: write 1% to 100%, such as 30%"))
}

/// The sub-path without a slash at its end; `/` for none.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    if !text.starts_with('/') || path.contains("//") || path.contains("/.") || !path.chars().all(allowed) {
        return Err(" must be a path such as / or /autoscan".to_owned());
    }
    Ok(if path.is_empty() { "/".to_owned() } else { path.to_owned() })
}

/// The file of the queue: `sqlite:file`, or only the file. What stands there otherwise is not shown: it may hold a password.
pub(super) fn database(text: &str) -> Result<&str, String> {
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("postgres:") || lower.starts_with("postgresql:") {
        return Err(
            " names a PostgreSQL server: this version has SQLite only, such as sqlite:autoscan.db".to_owned()
        );
    }
    let file = text.strip_prefix("sqlite:").unwrap_or(text);
    let file = file.strip_prefix("//").unwrap_or(file);
    let is_memory = file.starts_with(':');
    if file.is_empty() || is_memory || file.contains("://") || file.chars().any(char::is_control) {
        return Err(" is not a file: write sqlite: and a path, such as sqlite:autoscan.db".to_owned());
    }
    Ok(file)
}
