//! An arr's own API, asked by `check`: who it is, and where its root folders are. The key goes in a header, because arrs
//! write the query of a request into their log.

use autoscan_core::fault::Fault;
use autoscan_http::{BaseUrl, Http, Request, SecretHeader};
use serde::Deserialize;

use crate::family::arr::ArrSettings;

/// Longest list of root folders that is read, in bytes: each comes with the unmapped folders in it.
const MOST: usize = 8 << 20;

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

#[derive(Deserialize)]
struct RootFolder {
    path: String,
}

/// Asks an arr by its settings; `version` is that of its API: `v3`. None when the settings name no API.
pub async fn ask(
    settings: &serde_json::Value,
    version: &str,
    http: &Http,
) -> Option<Result<ArrReport, Fault>> {
    let api = match ArrSettings::deserialize(settings) {
        Ok(settings) => settings.api?,
        Err(error) => return Some(Err(Fault::wrong(format!("its settings cannot be read: {error}")))),
    };
    let reached = BaseUrl::parse(&api.url).and_then(|base| {
        SecretHeader::new("x-api-key", api.api_key.reveal(), &api.api_key).map(|key| (base, key))
    });
    match reached {
        Ok((base, key)) => Some(report(&base, &key, version, http).await),
        Err(reason) => Some(Err(Fault::wrong(reason))),
    }
}

async fn report(base: &BaseUrl, key: &SecretHeader, version: &str, http: &Http) -> Result<ArrReport, Fault> {
    let get = |names: &[&str]| {
        Request::get(base, names).header("accept", "application/json").secret(key).at_most(MOST)
    };
    let status: Status = http.send(&get(&["api", version, "system", "status"])).await?.json()?;
    let folders: Vec<RootFolder> = http.send(&get(&["api", version, "rootfolder"])).await?.json()?;
    Ok(ArrReport {
        version: status.version,
        root_folders: folders.into_iter().map(|folder| folder.path).collect(),
    })
}
