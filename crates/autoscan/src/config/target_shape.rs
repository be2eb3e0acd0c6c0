//! The keys of every target, as they are written.

use std::borrow::Cow;

use autoscan_core::duration::Span;
use autoscan_core::name::Name;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::shape::{Hours, Pattern, Prefixes, Program, Rewrite, seconds};

/// On or off; `true` and `false` are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Switch {
    #[serde(alias = "true")]
    On,
    #[serde(alias = "false")]
    Off,
}

impl JsonSchema for Switch {
    fn schema_name() -> Cow<'static, str> {
        "switch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": ["on", "off", "true", "false", true, false] })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// Tells a target only while nobody watches.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct OnlyWhenIdle {
    /// What is due is not kept back longer than this.
    pub(super) longest_wait: Span,
}

impl Default for OnlyWhenIdle {
    fn default() -> Self {
        Self { longest_wait: seconds(6 * 60 * 60) }
    }
}

/// The keys of every target.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct TargetKeys {
    /// How it is called. Without it: the kind, and `-2`, `-3` for more of one kind.
    pub(super) name: Option<Name>,
    /// Our paths and the target's: plain prefixes, whole names; the longest wins.
    pub(super) map: Prefixes,
    /// Regular expressions, for paths that `map` leaves as they are; the first that matches wins.
    pub(super) rewrite: Vec<Rewrite>,
    /// Regular expressions over our paths: the target is told only of files that match one.
    pub(super) include: Vec<Pattern>,
    /// Regular expressions over our paths: the target is not told of what matches one.
    pub(super) exclude: Vec<Pattern>,
    /// Least time between two calls to this target. Without it: the general one.
    pub(super) scan_delay: Option<Span>,
    /// Most calls at the same time. Plex is never told of two folders of one library at once.
    #[schemars(range(min = 1, max = 32))]
    pub(super) max_in_flight: usize,
    /// Whether the target is asked for the files after a scan, so that done means seen.
    pub(super) proof: Switch,
    /// A file that the target does not show within this time is told once more by the folder above, and is missing then.
    pub(super) proof_within: Span,
    /// Hours of the day, local time, in which this target is told nothing: `18:00-23:30`.
    pub(super) quiet_hours: Vec<Hours>,
    /// Tells this target only while nobody watches or listens.
    pub(super) only_when_idle: Option<OnlyWhenIdle>,
    /// A program and its arguments, run before each scan of this target, without a shell. A failure is only warned of.
    pub(super) before: Vec<Program>,
    /// A program and its arguments, run after each scan of this target: with `proof` after the files were seen.
    pub(super) after: Vec<Program>,
    /// Known from the Go autoscan; `log.level` is for all.
    #[schemars(extend("deprecated" = true))]
    #[serde(rename = "verbosity")]
    pub(super) _verbosity: Option<String>,
}

impl Default for TargetKeys {
    fn default() -> Self {
        Self {
            name: None,
            map: Prefixes::default(),
            rewrite: Vec::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            scan_delay: None,
            max_in_flight: 2,
            proof: Switch::On,
            proof_within: seconds(15 * 60),
            quiet_hours: Vec::new(),
            only_when_idle: None,
            before: Vec::new(),
            after: Vec::new(),
            _verbosity: None,
        }
    }
}
