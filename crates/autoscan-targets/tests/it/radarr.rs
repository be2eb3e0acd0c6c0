//! How Radarr is told and asked, as far as it differs from Sonarr.

use crate::support::{changed, connect, path, rescan, verdicts};
use autoscan_core::change::{Change, Subject};
use autoscan_core::ids::{IdSource, Ids};
use autoscan_core::proof::{ExpectedFile, Observation, Presence};
use autoscan_testkit::PretendArr;
use serde_json::json;

#[tokio::test]
async fn the_id_of_a_series_is_none_of_a_film() {
    // TMDB numbers films and series apart: 603 is a film, and a series too.
    let radarr = PretendArr::radarr("k3y").await.unwrap();
    radarr.add(5, "/films/A (1999)", 603);
    let server = connect("radarr", &json!({"url": radarr.http.url(), "api-key": "k3y"}));
    let of_series = Ids::default().with(IdSource::Tmdb, "603");
    let elsewhere = Change::created(path("/tv/Show/Season 1/a.mkv")).with_ids(of_series.clone());
    let beside = Change::created(path("/films/Show/a.mkv")).with_ids(of_series);
    let batch = [changed("/tv/Show/Season 1", vec![elsewhere]), changed("/films/Show", vec![beside])];
    assert_eq!(verdicts(&server.scan(&batch).await), ["not mine"; 2]);
    assert_eq!((radarr.rescans(), radarr.rescans_of_all()), (vec![], 0));
}

#[tokio::test]
async fn a_film_is_looked_at_by_its_id_and_proven_by_its_file() {
    let radarr = PretendArr::radarr("k3y").await.unwrap();
    radarr.add(5, "/films/A (1999)", 603);
    radarr.add(6, "/films/A (2020)", 604);
    radarr.put("/films/A (1999)/A.mkv", 7);
    let server = connect("radarr", &json!({"url": radarr.http.url(), "api-key": "k3y"}));
    assert_eq!(server.probe().await.unwrap().product, "Radarr");
    let ids = Ids::default().with(IdSource::Tmdb, "603");
    let change = Change::created(path("/films/A (1999)/A.mkv")).with_ids(ids);
    assert_eq!(verdicts(&server.scan(&[changed("/films/A (1999)", vec![change])]).await), ["ok"]);
    assert_eq!(radarr.rescans(), [5]);
    assert_eq!(radarr.http.calls_to("/movie")[0].target, "/api/v3/movie?tmdbId=603");
    let expected = ExpectedFile {
        path: path("/films/A (1999)/A.mkv"),
        subject: Subject::File,
        presence: Presence::There { size: Some(7) },
    };
    assert_eq!(
        server.proof().unwrap().find(&path("/films/A (1999)"), &[expected]).await.unwrap(),
        [Observation::Proven]
    );
    assert_eq!(radarr.http.calls_to("/moviefile")[0].target, "/api/v3/moviefile?movieId=5");
    assert_eq!(
        verdicts(&server.scan(&[rescan("/films"), rescan("/films/A (2020)")]).await),
        ["not mine", "ok"]
    );
    assert_eq!((radarr.rescans(), radarr.rescans_of_all()), (vec![5, 6], 0));
}
