//! Radarr as a target: it looks at the folder of one film again.

use autoscan_core::ids::IdSource;
use schemars::JsonSchema;

use crate::family::arr::{self, ArrSettings, Dialect};
use crate::kind::TargetKind;

pub(crate) const KIND: TargetKind = TargetKind {
    name: "radarr",
    settings: <ArrSettings as JsonSchema>::json_schema,
    connect: |given, http| arr::connect(RADARR, given, http),
};

const RADARR: Dialect = Dialect {
    product: "Radarr",
    list: "movie",
    one: "film",
    by: "tmdbId",
    source: IdSource::Tmdb,
    command: "RescanMovie",
    id: "movieId",
    files: "moviefile",
};
