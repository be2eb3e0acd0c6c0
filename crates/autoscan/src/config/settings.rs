//! The config as the program uses it: every map, filter and address read already.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use autoscan_core::anchor::Anchor;
use autoscan_core::filter::Filter;
use autoscan_core::map::PathMap;
use autoscan_core::name::Name;
use autoscan_core::path::LocalPath;
use autoscan_core::quiet_hours::QuietHours;
use autoscan_core::scan::Quiet;
use autoscan_core::secret::Secret;
use autoscan_core::storm::StormRule;
use autoscan_engine::{Pace, PathPriority};
use autoscan_web::Network;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracing::level_filters::LevelFilter;

use super::access::{self, Authentication, TlsFiles};
use super::formats;
use super::names;
use super::schema::{KindSchema, Kinds, SINGLE_PRIORITY, own};
use super::shape::{
    self, AnchorEntry, ConfigShape, LogFormat, LogLevelShape, Pattern, Prefixes, Program, Rewrite,
    TriggerKeys,
};
use super::target_shape::{Switch, TargetKeys};

/// `maximum-wait` where none is written.
const MAXIMUM_WAIT: Duration = Duration::from_mins(2);

/// Everything the program must know, ready to be wired.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where to listen, without doubles.
    pub(crate) listen: Vec<SocketAddr>,
    /// The sub-path behind a reverse proxy: `/`, or `/autoscan` without a slash at its end.
    pub(crate) base_url: String,
    /// The queue's file; absolute when the config's folder is.
    pub(crate) database: PathBuf,
    /// Finished scans are kept this long.
    pub(crate) history: Duration,
    /// What is logged, and how.
    pub(crate) log: LogSettings,
    /// Who may send and look.
    pub(crate) authentication: Authentication,
    /// Reverse proxies that are believed.
    pub(crate) trusted_proxies: Vec<Network>,
    /// Names by which autoscan is reached.
    pub(crate) allowed_hosts: Vec<String>,
    /// What TLS is spoken with; none: it is not.
    pub(crate) tls: Option<TlsFiles>,
    /// Priorities by path.
    pub(crate) priorities: Vec<PathPriority>,
    /// When deletions are held for their number.
    pub(crate) storm: Option<StormRule>,
    /// Where plex.tv answers, for a login by its PIN.
    pub(crate) plex_tv_url: String,
    /// Whether `/metrics` needs the password or key.
    pub(crate) metrics_need_auth: bool,
    /// What guards which prefix.
    pub(crate) anchors: Vec<Anchor>,
    /// How files are waited for.
    pub(crate) files: FilesSettings,
    /// Every trigger; there is always one of each single kind, such as `manual`.
    pub(crate) triggers: Vec<TriggerSettings>,
    /// Every target.
    pub(crate) targets: Vec<TargetSettings>,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogSettings {
    /// One JSON object a line, for machines.
    pub(crate) json: bool,
    /// The least important that is logged.
    pub(crate) level: LevelFilter,
}

/// How files are waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilesSettings {
    /// Whether the disk is looked at at all.
    pub(crate) check: bool,
    /// How long a file's size must stand still.
    pub(crate) settle: Duration,
    /// When to stop waiting for a file.
    pub(crate) give_up: Duration,
    /// Names that never matter.
    pub(crate) ignore: Vec<String>,
}

/// A configured trigger.
#[derive(Clone, Debug)]
pub(crate) struct TriggerSettings {
    /// Its kind, as in the table of kinds.
    pub(crate) kind: &'static str,
    /// Its name: given, or made from the kind.
    pub(crate) name: Name,
    /// Higher is scanned first.
    pub(crate) priority: i64,
    /// How long the folders it reports must be quiet.
    pub(crate) quiet: Quiet,
    /// Its paths → ours.
    pub(crate) map: PathMap,
    /// Which of our paths count.
    pub(crate) filter: Filter,
    /// The targets it is for; none means all.
    pub(crate) targets: Option<Vec<Name>>,
    /// The secret for its URL.
    pub(crate) token: Option<Secret>,
    /// The keys that only its kind has.
    pub(crate) raw: Value,
}

/// A configured target.
#[derive(Debug)]
pub(crate) struct TargetSettings {
    /// Its kind, as in the table of kinds.
    pub(crate) kind: &'static str,
    /// Its name: given, or made from the kind.
    pub(crate) name: Name,
    /// Our paths → its paths.
    pub(crate) map: PathMap,
    /// Which of our paths it is told of.
    pub(crate) filter: Filter,
    /// When and how fast it is told.
    pub(crate) pace: Pace,
    /// How long a file is waited for after a scan; none when it is not asked for.
    pub(crate) proof: Option<Duration>,
    /// Run before each scan: a program and its arguments.
    pub(crate) before: Vec<String>,
    /// Run after each scan.
    pub(crate) after: Vec<String>,
    /// The keys that only its kind has.
    pub(crate) raw: Value,
}

/// Makes settings of a config that was checked already: an error here is a gap in the check. It holds no value.
pub(super) fn settle(mut value: Value, kinds: &Kinds, folder: &Path) -> Result<Settings, String> {
    let mut section = |key: &str| {
        let section = value.as_object_mut().and_then(|keys| keys.remove(key));
        section.and_then(|section| section.as_object().cloned()).unwrap_or_default()
    };
    let (triggers, targets) = (section("triggers"), section("targets"));
    let shape: ConfigShape = read(value, "the config")?;
    let mut listen = Vec::new();
    for host in shape.host.clone().into_vec() {
        let address = formats::host(&host.0, shape.port)?;
        if !listen.contains(&address) {
            listen.push(address);
        }
    }
    let anchors = shape.anchors.iter().map(anchor).collect::<Result<Vec<_>, _>>()?;
    Ok(Settings {
        listen,
        base_url: formats::base_url(&shape.base_url.0)?,
        database: folder.join(formats::database(&shape.database.0)?),
        history: shape.history.0,
        log: log(shape.log),
        anchors,
        priorities: shape
            .priorities
            .iter()
            .map(|rule| PathPriority { path: rule.path.clone(), priority: rule.priority })
            .collect(),
        storm: storm(&shape.storm)?,
        plex_tv_url: shape.plex_tv_url.0.clone(),
        metrics_need_auth: shape.metrics.auth,
        triggers: self::triggers(&triggers, &kinds.triggers, &shape)?,
        targets: self::targets(&targets, &kinds.targets, shape.scan_delay.0)?,
        files: FilesSettings {
            check: shape.files.check,
            settle: shape.files.settle.0,
            give_up: shape.files.give_up.0,
            ignore: shape.files.ignore,
        },
        authentication: access::authentication(shape.authentication),
        trusted_proxies: shape
            .trusted_proxies
            .into_vec()
            .iter()
            .map(|network| network.0.parse())
            .collect::<Result<_, _>>()?,
        allowed_hosts: shape.allowed_hosts.into_vec().into_iter().map(|name| name.0).collect(),
        tls: access::tls(shape.tls, folder),
    })
}

fn log(shape: shape::LogShape) -> LogSettings {
    let level = match shape.level {
        LogLevelShape::Error => LevelFilter::ERROR,
        LogLevelShape::Warn => LevelFilter::WARN,
        LogLevelShape::Info => LevelFilter::INFO,
        LogLevelShape::Debug => LevelFilter::DEBUG,
        LogLevelShape::Trace => LevelFilter::TRACE,
    };
    LogSettings { json: shape.format == LogFormat::Json, level }
}

/// The error says only where: a value may be secret.
fn read<T: for<'de> Deserialize<'de>>(value: Value, what: &str) -> Result<T, String> {
    serde_json::from_value(value)
        .map_err(|error| format!("{what} does not fit its schema ({:?})", error.classify()))
}

fn anchor(entry: &AnchorEntry) -> Result<Anchor, String> {
    match entry {
        AnchorEntry::OwnFolder(file) => formats::anchor(&file.0),
        AnchorEntry::Elsewhere(pair) => {
            let read = |text: &str| LocalPath::parse(text).map_err(|refusal| refusal.to_string());
            Ok(Anchor { prefix: read(&pair.path.0)?, file: read(&pair.anchor.0)? })
        }
    }
}

fn triggers(
    section: &Map<String, Value>,
    kinds: &[KindSchema],
    shape: &ConfigShape,
) -> Result<Vec<TriggerSettings>, String> {
    let mut triggers = Vec::new();
    for WrittenKind { kind, name, value } in written(section, kinds)? {
        let is_silent = value.get("priority").is_none();
        let raw = own_keys(kind, &value);
        let keys: TriggerKeys = read(value, name.as_str())?;
        let minimum_age = keys.minimum_age.unwrap_or(shape.minimum_age).0;
        let maximum_wait = shape.maximum_wait.map_or(MAXIMUM_WAIT, |wait| wait.0).max(minimum_age);
        let targets = keys.targets.map(|names| names.iter().map(|name| Name::parse(name)).collect());
        triggers.push(TriggerSettings {
            kind: kind.name,
            name,
            priority: if kind.is_single() && is_silent { SINGLE_PRIORITY } else { keys.priority },
            quiet: Quiet { minimum_age, maximum_wait },
            map: path_map(&keys.map, &keys.rewrite)?,
            filter: filter(&keys.include, &keys.exclude)?,
            targets: targets.transpose()?,
            token: keys.token.filter(|token| !token.is_empty()),
            raw,
        });
    }
    Ok(triggers)
}

fn targets(
    section: &Map<String, Value>,
    kinds: &[KindSchema],
    scan_delay: Duration,
) -> Result<Vec<TargetSettings>, String> {
    let mut targets = Vec::new();
    for WrittenKind { kind, name, value } in written(section, kinds)? {
        let raw = own_keys(kind, &value);
        let keys: TargetKeys = read(value, name.as_str())?;
        targets.push(TargetSettings {
            kind: kind.name,
            name,
            map: path_map(&keys.map, &keys.rewrite)?,
            filter: filter(&keys.include, &keys.exclude)?,
            pace: pace(&keys, scan_delay)?,
            proof: (keys.proof == Switch::On).then_some(keys.proof_within.0),
            before: argv(keys.before),
            after: argv(keys.after),
            raw,
        });
    }
    Ok(targets)
}

fn pace(keys: &TargetKeys, scan_delay: Duration) -> Result<Pace, String> {
    Ok(Pace {
        scan_delay: keys.scan_delay.map_or(scan_delay, |delay| delay.0),
        max_in_flight: keys.max_in_flight,
        quiet_hours: QuietHours::parse(keys.quiet_hours.iter().map(|hours| hours.0.as_str()))?,
        only_when_idle: keys.only_when_idle.map(|idle| idle.longest_wait.0),
    })
}

fn argv(words: Vec<Program>) -> Vec<String> {
    words.into_iter().map(|word| word.0).collect()
}

fn storm(shape: &shape::Storm) -> Result<Option<StormRule>, String> {
    let rule = StormRule {
        share: formats::percent(&shape.share.0)?,
        within: shape.within.0,
        at_least: shape.at_least,
    };
    Ok(shape.enabled.then_some(rule))
}

/// An entry of a section, with its name.
struct WrittenKind<'a> {
    kind: &'a KindSchema,
    name: Name,
    value: Value,
}

fn written<'a>(
    section: &Map<String, Value>,
    kinds: &'a [KindSchema],
) -> Result<Vec<WrittenKind<'a>>, String> {
    let mut entries: Vec<(&KindSchema, Value)> = Vec::new();
    for kind in kinds {
        match section.get(kind.name) {
            Some(Value::Array(items)) => entries.extend(items.iter().map(|item| (kind, item.clone()))),
            Some(one) => entries.push((kind, one.clone())),
            None if kind.is_single() => entries.push((kind, json!({}))),
            None => {}
        }
    }
    // Single kinds have their kind's name: others take it only after them.
    entries.sort_by_key(|(kind, _)| !kind.is_single());
    let given: Vec<(&str, Option<&str>)> =
        entries.iter().map(|(kind, value)| (kind.name, value.get("name").and_then(Value::as_str))).collect();
    let names = names::fill_in(&given).iter().map(|name| Name::parse(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(entries
        .into_iter()
        .zip(names)
        .map(|((kind, value), name)| WrittenKind { kind, name, value })
        .collect())
}

/// Only the keys of the kind itself: those that all kinds share are taken off.
fn own_keys(kind: &KindSchema, value: &Value) -> Value {
    let schema = own(kind);
    let known = schema.get("properties").and_then(Value::as_object);
    let keys = value.as_object().into_iter().flatten();
    let keys = keys.filter(|(key, _)| known.is_some_and(|known| known.contains_key(*key)));
    Value::Object(keys.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn path_map(prefixes: &Prefixes, rewrites: &[Rewrite]) -> Result<PathMap, String> {
    PathMap::new(
        prefixes.0.iter().map(|(from, to)| (from.as_str(), to.as_str())),
        rewrites.iter().map(|rewrite| (rewrite.from.0.as_str(), rewrite.to.as_str())),
    )
}

fn filter(include: &[Pattern], exclude: &[Pattern]) -> Result<Filter, String> {
    Filter::new(
        include.iter().map(|pattern| pattern.0.as_str()),
        exclude.iter().map(|pattern| pattern.0.as_str()),
    )
}
