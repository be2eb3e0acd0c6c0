//! An arr's own API, asked by `check` and for suggestions: who it is, where its root folders are, and what lies in them. The key goes in a header, because arrs
//! write the query of a request into their log.

use std::collections::BTreeSet;

use autoscan_core::fault::Fault;
use autoscan_core::path::AbsolutePath;
use autoscan_http::{BaseUrl, Http, Request, SecretHeader};
use serde::Deserialize;

use crate::family::arr::ArrSettings;

/// Longest list of root folders that is read, in bytes: each comes with the unmapped folders in it.
const MOST: usize = 8 << 20;
/// How many of the last events are asked for, for a sample of what there is.
const SAMPLE: &str = "60";

/// What an arr says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrReport {
    /// Its version.
    pub version: String,
    /// Its root folders, in its eyes.
    pub root_folders: Vec<String>,
}

#[derive(Deserialize)]
struct Status {
    version: String,
}

/// A root folder of an arr, in its eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrRoot {
    /// The folder.
    pub path: String,
    /// Names of some folders in it.
    pub names: Vec<String>,
}

#[derive(Deserialize)]
struct RootFolder {
    path: String,
    /// Folders in it that belong to no item.
    #[serde(default, rename = "unmappedFolders")]
    unmapped: Option<Vec<Unmapped>>,
}

#[derive(Deserialize)]
struct Unmapped {
    name: Option<String>,
}

/// A page of what happened last, with the item that it happened to.
#[derive(Deserialize)]
struct History {
    records: Vec<Happened>,
}

#[derive(Deserialize)]
struct Happened {
    #[serde(alias = "movie", alias = "artist")]
    series: Option<Item>,
}

#[derive(Deserialize)]
struct Item {
    path: Option<String>,
}

/// Asks an arr by its settings; `version` is that of its API: `v3`. None when the settings name no API.
pub async fn ask(
    settings: &serde_json::Value,
    version: &str,
    http: &Http,
) -> Option<Result<ArrReport, Fault>> {
    Some(match reach(settings)? {
        Ok(api) => report(&api, version, http).await,
        Err(fault) => Err(fault),
    })
}

/// Asks an arr by its settings for its root folders and for some names of what is in them. The list of all its items may be
/// huge and is not asked for. `version` is that of its API: `v3`. None when the settings name no API.
pub async fn ask_roots(
    settings: &serde_json::Value,
    version: &str,
    http: &Http,
) -> Option<Result<Vec<ArrRoot>, Fault>> {
    Some(match reach(settings)? {
        Ok(api) => roots(&api, version, http).await,
        Err(fault) => Err(fault),
    })
}

/// Where the API is, with the header that lets in.
struct Reached {
    base: BaseUrl,
    key: SecretHeader,
}

impl Reached {
    fn get(&self, version: &str, names: &[&str]) -> Request {
        let names: Vec<&str> = ["api", version].into_iter().chain(names.iter().copied()).collect();
        Request::get(&self.base, &names).header("accept", "application/json").secret(&self.key).at_most(MOST)
    }
}

fn reach(settings: &serde_json::Value) -> Option<Result<Reached, Fault>> {
    let api = match ArrSettings::deserialize(settings) {
        Ok(settings) => settings.api?,
        Err(error) => return Some(Err(Fault::wrong(format!("its settings cannot be read: {error}")))),
    };
    let reached = BaseUrl::parse(&api.url).and_then(|base| {
        SecretHeader::new("x-api-key", api.api_key.reveal(), &api.api_key).map(|key| Reached { base, key })
    });
    Some(reached.map_err(Fault::wrong))
}

async fn roots(api: &Reached, version: &str, http: &Http) -> Result<Vec<ArrRoot>, Fault> {
    let folders: Vec<RootFolder> = http.send(&api.get(version, &["rootfolder"])).await?.json()?;
    let mut recent = api.get(version, &["history"]).query("page", "1").query("pageSize", SAMPLE);
    for include in ["includeSeries", "includeMovie", "includeArtist"] {
        recent = recent.query(include, "true");
    }
    // A sample is a courtesy: without it the folders are compared by their names alone.
    let recent = match http.send(&recent).await {
        Ok(answer) => answer.json::<History>().map(|history| history.records).unwrap_or_default(),
        Err(_no_sample) => Vec::new(),
    };
    let items: Vec<AbsolutePath> =
        recent.into_iter().filter_map(|happened| AbsolutePath::parse(&happened.series?.path?).ok()).collect();
    let with_names = |folder: RootFolder| {
        let root = AbsolutePath::parse(&folder.path).ok();
        let in_it = |item: &AbsolutePath| {
            root.as_ref().and_then(|root| item.names_below(root)?.first().map(|name| (*name).to_owned()))
        };
        let unmapped = folder.unmapped.into_iter().flatten().filter_map(|unmapped| unmapped.name);
        let names: BTreeSet<String> = items.iter().filter_map(in_it).chain(unmapped).collect();
        ArrRoot { path: folder.path, names: names.into_iter().collect() }
    };
    Ok(folders.into_iter().map(with_names).collect())
}

async fn report(api: &Reached, version: &str, http: &Http) -> Result<ArrReport, Fault> {
    let status: Status = http.send(&api.get(version, &["system", "status"])).await?.json()?;
    let folders: Vec<RootFolder> = http.send(&api.get(version, &["rootfolder"])).await?.json()?;
    Ok(ArrReport {
        version: status.version,
        root_folders: folders.into_iter().map(|folder| folder.path).collect(),
    })
}
