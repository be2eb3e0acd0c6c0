//! Sonarr as a target: it looks at the folder of one series again.

use autoscan_core::ids::IdSource;
use schemars::JsonSchema;

use crate::family::arr::{self, ArrSettings, Dialect};
use crate::kind::TargetKind;

pub(crate) const KIND: TargetKind = TargetKind {
    name: "sonarr",
    settings: <ArrSettings as JsonSchema>::json_schema,
    connect: |given, http| arr::connect(SONARR, given, http),
};

const SONARR: Dialect = Dialect {
    product: "Sonarr",
    list: "series",
    one: "series",
    by: "tvdbId",
    source: IdSource::Tvdb,
    command: "RescanSeries",
    id: "seriesId",
    files: "episodefile",
};
