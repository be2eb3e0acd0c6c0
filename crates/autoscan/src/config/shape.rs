//! The keys of the config, as they are written: the only truth about them. What reads the config, the JSON Schema and the
//! reference in the docs are drawn from here.

use std::borrow::Cow;
use std::collections::BTreeMap;

use autoscan_core::duration::Span;
use autoscan_core::name::Name;
use autoscan_core::secret::Secret;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Text of a certain form, which [`super::formats`] checks.
macro_rules! text {
    ($name:ident, $format:literal) => {
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
        pub(super) struct $name(pub(super) String);

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $format.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format })
            }

            fn inline_schema() -> bool {
                true
            }
        }
    };
}

text!(Host, "host");
text!(BasePath, "base-url");
text!(Database, "database");
text!(PathText, "path");
text!(AnchorFile, "anchor-file");
text!(Pattern, "regex");
text!(Hours, "hours");
text!(Percent, "percent");
text!(Program, "program");
text!(WebAddress, "url");
text!(NetworkText, "network");
text!(FileText, "file");
text!(HostName, "host-name");

/// Plain prefixes: one program's path and another's.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Prefixes(pub(super) BTreeMap<String, String>);

impl JsonSchema for Prefixes {
    fn schema_name() -> Cow<'static, str> {
        "map".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let path = PathText::json_schema(generator);
        json_schema!({ "type": "object", "propertyNames": path, "additionalProperties": path })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// One, or a list.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// The values as a list.
    pub(super) fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// The config of autoscan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct ConfigShape {
    /// The address to listen on: one or a list. `host:port` overrides `port`; `[v6]:port` for IPv6.
    pub(super) host: OneOrMany<Host>,
    /// The port to listen on.
    pub(super) port: u16,
    /// The sub-path behind a reverse proxy.
    pub(super) base_url: BasePath,
    /// Reverse proxies that are believed when they say who sent a request, and whether by TLS: addresses, or networks such as
    /// `10.0.0.0/8`.
    pub(super) trusted_proxies: OneOrMany<NetworkText>,
    /// Names by which autoscan is reached, such as `scan.example.org`. They count while `authentication.disabled` is written: then
    /// requests for other names are refused, save addresses, names without a dot and names of local networks (`.local`, `.lan`,
    /// `.home.arpa`, `.internal`), so that no page of another site can act through a browser.
    pub(super) allowed_hosts: OneOrMany<HostName>,
    /// Without it autoscan speaks plain HTTP.
    pub(super) tls: Option<TlsShape>,
    /// The queue's file, relative to the config's folder.
    pub(super) database: Database,
    /// A folder is quiet this long before it is scanned.
    pub(super) minimum_age: Span,
    /// But a busy folder is never held longer than this, save for a file that its sender is about to replace: up to 30
    /// minutes. Without it: `2m`, or `minimum-age` where that is longer.
    pub(super) maximum_wait: Option<Span>,
    /// Least time between two calls to one target.
    pub(super) scan_delay: Span,
    /// Known from the Go autoscan, which logs counts this often.
    #[schemars(extend("deprecated" = true))]
    #[serde(rename = "scan-stats")]
    pub(super) _scan_stats: Option<Span>,
    /// Finished scans are kept this long.
    pub(super) history: Span,
    /// Who may send and look. On unless `disabled: true` is written; without any secret here, a password and an API key
    /// are made at the first start.
    pub(super) authentication: AuthenticationShape,
    /// Files that must be there before anything in a folder is scanned: the longest prefix decides. Text guards the
    /// file's own folder.
    pub(super) anchors: Vec<AnchorEntry>,
    /// How files are waited for.
    pub(super) files: FilesShape,
    /// Priorities by path, whatever the trigger's is: the first that matches wins.
    pub(super) priorities: Vec<PathPriorityShape>,
    /// When many files are reported deleted at once, the deletions are held: it is rather a mount that is gone.
    pub(super) storm: Storm,
    /// Where plex.tv answers: asked only when a person logs in there by a PIN, from the page *Setup*.
    pub(super) plex_tv_url: WebAddress,
    /// Who may read `/metrics`.
    pub(super) metrics: Metrics,
    /// What is logged, and how.
    pub(super) log: LogShape,
}

impl Default for ConfigShape {
    fn default() -> Self {
        Self {
            host: OneOrMany::One(Host("0.0.0.0".to_owned())),
            port: 3030,
            base_url: BasePath("/".to_owned()),
            trusted_proxies: OneOrMany::Many(Vec::new()),
            allowed_hosts: OneOrMany::Many(Vec::new()),
            tls: None,
            database: Database("sqlite:autoscan.db".to_owned()),
            minimum_age: seconds(10),
            maximum_wait: None,
            scan_delay: seconds(0),
            _scan_stats: None,
            history: seconds(30 * 24 * 60 * 60),
            authentication: AuthenticationShape::default(),
            anchors: Vec::new(),
            files: FilesShape::default(),
            priorities: Vec::new(),
            storm: Storm::default(),
            plex_tv_url: WebAddress("https://plex.tv".to_owned()),
            metrics: Metrics::default(),
            log: LogShape::default(),
        }
    }
}

/// A duration of whole seconds.
pub(super) const fn seconds(count: u64) -> Span {
    Span(std::time::Duration::from_secs(count))
}

/// Who may send and look.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct AuthenticationShape {
    /// The name to log in with.
    pub(super) username: String,
    /// The password to log in with, also for senders by Basic authentication.
    pub(super) password: Option<Secret>,
    /// The argon2 hash of the password, in the password's place: `autoscan hash-password` makes it.
    pub(super) password_hash: Option<Secret>,
    /// The key for the header `X-Api-Key` or `Authorization: Bearer`.
    pub(super) api_key: Option<Secret>,
    /// Turns on the older app's single URL, `/{server-pass}`, for every kind of sender.
    pub(super) server_pass: Option<Secret>,
    /// When set, `/{server-pass}` and `/triggers` need a valid HMAC-SHA256 signature made with it.
    pub(super) webhook_secret: Option<Secret>,
    /// Lets everybody in.
    pub(super) disabled: bool,
    /// Sessions are signed with it. Without it: a key that autoscan makes and keeps in its database.
    pub(super) secret_key: Option<Secret>,
    /// Former `secret-key`s: sessions that they signed are still good.
    pub(super) secret_key_fallbacks: Vec<Secret>,
}

impl Default for AuthenticationShape {
    fn default() -> Self {
        Self {
            username: "autoscan".to_owned(),
            password: None,
            password_hash: None,
            api_key: None,
            server_pass: None,
            webhook_secret: None,
            disabled: false,
            secret_key: None,
            secret_key_fallbacks: Vec::new(),
        }
    }
}

/// The certificate for TLS. Relative paths count from the config's folder.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct TlsShape {
    /// The PEM file of the certificate, and of those that lead to its authority.
    pub(super) cert: FileText,
    /// The PEM file of its private key.
    pub(super) key: FileText,
}

/// An anchor: a file that guards its own folder, or a file and what it guards.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum AnchorEntry {
    /// The file; it guards its own folder.
    OwnFolder(AnchorFile),
    /// The file and what it guards.
    Elsewhere(AnchorPair),
}

/// A file, and the folder that it guards.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct AnchorPair {
    /// Everything under this folder is guarded.
    pub(super) path: PathText,
    /// The file that must be there.
    pub(super) anchor: AnchorFile,
}

/// How files are waited for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct FilesShape {
    /// Wait until the path exists and its size stands still.
    pub(super) check: bool,
    /// How long the size must stand still.
    pub(super) settle: Span,
    /// After this long the nearest existing folder is scanned instead.
    pub(super) give_up: Span,
    /// Names that never matter. `/name/` is a folder anywhere on the way; `*` and `?` stand for other characters.
    pub(super) ignore: Vec<String>,
}

impl Default for FilesShape {
    fn default() -> Self {
        let ignore = ["/.grab/", ".DS_Store", "Thumbs.db", "*.partial~", "/@eaDir/"];
        Self {
            check: true,
            settle: seconds(5),
            give_up: seconds(600),
            ignore: ignore.map(str::to_owned).to_vec(),
        }
    }
}

/// The priority of folders whose path holds a text.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PathPriorityShape {
    /// A part of the path on this machine, such as `/Movies/`.
    pub(super) path: String,
    /// Higher is scanned first.
    pub(super) priority: i64,
}

/// When deletions are held because there are too many of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Storm {
    /// Whether deletions are ever held for their number.
    pub(super) enabled: bool,
    /// More than this part of the files under a mount or a mapped folder…
    pub(super) share: Percent,
    /// … reported deleted within this time …
    pub(super) within: Span,
    /// … and at least so many.
    #[schemars(range(min = 1))]
    pub(super) at_least: usize,
}

impl Default for Storm {
    fn default() -> Self {
        Self { enabled: true, share: Percent("30%".to_owned()), within: seconds(60), at_least: 50 }
    }
}

/// Who may read `/metrics`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Metrics {
    /// Whether `/metrics` needs the password or key.
    pub(super) auth: bool,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct LogShape {
    /// Lines for people, or JSON for machines.
    pub(super) format: LogFormat,
    /// The least important that is logged.
    pub(super) level: LogLevelShape,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The least important that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LogLevelShape {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// A regular expression and what takes its place.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct Rewrite {
    /// A regular expression, matched at the start of the path.
    pub(super) from: Pattern,
    /// What takes the place of the match; `$1` is the first group.
    pub(super) to: String,
}

/// The keys of every trigger.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct TriggerKeys {
    /// Stands in its URL, `/triggers/{name}`. Without it: the kind, and `-2`, `-3` for more of one kind.
    pub(super) name: Option<Name>,
    /// Higher is scanned first.
    pub(super) priority: i64,
    /// A folder that this trigger reports is quiet this long before it is scanned. Without it: the general one.
    pub(super) minimum_age: Option<Span>,
    /// The sender's paths and ours: plain prefixes, whole names; the longest wins.
    pub(super) map: Prefixes,
    /// Regular expressions, for paths that `map` leaves as they are; the first that matches wins.
    pub(super) rewrite: Vec<Rewrite>,
    /// Regular expressions: only files that match one count.
    pub(super) include: Vec<Pattern>,
    /// Regular expressions: what matches one does not count, even if included.
    pub(super) exclude: Vec<Pattern>,
    /// Names of the targets that are told. Without it: all.
    pub(super) targets: Option<Vec<String>>,
    /// The secret for `?token=` and `/triggers/{name}/{token}`, for senders that cannot set headers.
    pub(super) token: Option<Secret>,
    /// Known from the Go autoscan; `log.level` is for all.
    #[schemars(extend("deprecated" = true))]
    #[serde(rename = "verbosity")]
    pub(super) _verbosity: Option<String>,
}
