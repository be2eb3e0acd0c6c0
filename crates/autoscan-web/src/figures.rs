//! `/metrics`: what is counted, for Prometheus. No server is asked, and of the database only what costs little.

use std::time::Duration;

use autoscan_core::ports::{Stats, StoreError};
use autoscan_engine::{TargetView, TriggerView, VISIBLE_WITHIN};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::app::{App, Shared};
use crate::metrics::{CONTENT_TYPE, Family, Kind, Sample, Value, histogram, render};
use crate::{answer, body, unreached};

/// Every state of a lane: a figure that is 0 tells more than one that is not there.
const LANES: [&str; 7] = ["starting", "open", "quiet", "away", "busy", "misconfigured", "paused"];

/// `GET /metrics`: anyone may look, unless the config says otherwise.
pub(crate) async fn figures(State(app): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if app.web.metrics_need_auth
        && let Err(problem) = app.admit_page(&parts, false).await
    {
        return body::reject(&parts, body, problem).await.into_response();
    }
    let engine = &app.web.engine;
    let mut families = vec![version(&app), up_since(&app)];
    families.extend(scans(&engine.stats().await));
    families.extend(unreached::count(engine).await.ok().map(no_server_told));
    let triggers = engine.triggers();
    families.extend([events(&triggers), lost_requests(&triggers)]);
    families.extend(of_targets(&engine.targets()));
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))];
    answer::fresh((kind, render(&families)).into_response())
}

fn version(app: &App) -> Family {
    Family {
        name: "autoscan_build_info",
        help: "The version of autoscan.",
        kind: Kind::Gauge,
        samples: vec![Sample::new([("version", app.web.version)], Value::Count(1))],
    }
}

fn up_since(app: &App) -> Family {
    let since = u64::try_from(app.process.since.as_millis()).unwrap_or_default();
    Family {
        name: "autoscan_start_time_seconds",
        help: "When autoscan came up, in seconds since 1970 in UTC.",
        kind: Kind::Gauge,
        samples: vec![Sample::new([], Value::Seconds(Duration::from_millis(since)))],
    }
}

/// None while the database cannot be asked.
fn scans(stats: &Result<Stats, StoreError>) -> Option<Family> {
    let Stats { waiting, running, attention, done } = *stats.as_ref().ok()?;
    let counts = [("waiting", waiting), ("running", running), ("attention", attention), ("done", done)];
    Some(Family {
        name: "autoscan_scans",
        help: "Scans that are kept, by state; done and attention until the history ends.",
        kind: Kind::Gauge,
        samples: counts.map(|(state, count)| Sample::new([("state", state)], Value::Count(count))).to_vec(),
    })
}

fn no_server_told(count: u64) -> Family {
    Family {
        name: "autoscan_scans_no_server_told",
        help: "Scans of which no server was told, among the newest hundred that need attention.",
        kind: Kind::Gauge,
        samples: vec![Sample::new([], Value::Count(count))],
    }
}

fn events(triggers: &[TriggerView]) -> Family {
    let sample = |trigger: &TriggerView| {
        let labels = [("trigger", trigger.name.as_str()), ("kind", trigger.kind)];
        Sample::new(labels, Value::Count(trigger.events))
    };
    Family {
        name: "autoscan_trigger_events_total",
        help: "Requests of a trigger since the start.",
        kind: Kind::Counter,
        samples: triggers.iter().map(sample).collect(),
    }
}

fn lost_requests(triggers: &[TriggerView]) -> Family {
    let sample = |trigger: &TriggerView| {
        let labels = [("trigger", trigger.name.as_str()), ("kind", trigger.kind)];
        Sample::new(labels, Value::Count(trigger.lost))
    };
    Family {
        name: "autoscan_trigger_lost_requests_total",
        help: "Requests of a trigger that could not be stored and that no sender repeats.",
        kind: Kind::Counter,
        samples: triggers.iter().map(sample).collect(),
    }
}

fn of_targets(targets: &[TargetView]) -> [Family; 3] {
    [
        Family {
            name: "autoscan_target_state",
            help: "1 for the state that a target's lane is in, 0 for the others.",
            kind: Kind::Gauge,
            samples: targets.iter().flat_map(lane).collect(),
        },
        Family {
            name: "autoscan_deliveries_total",
            help: "Deliveries that were seen, or are missing, since the start.",
            kind: Kind::Counter,
            samples: targets.iter().flat_map(deliveries).collect(),
        },
        Family {
            name: "autoscan_time_to_visible_seconds",
            help: "From the first webhook of a scan until the target showed its files, since the start.",
            kind: Kind::Histogram,
            samples: targets.iter().flat_map(visible).collect(),
        },
    ]
}

fn lane(target: &TargetView) -> impl Iterator<Item = Sample> + '_ {
    LANES.into_iter().map(|state| {
        let labels = [("target", target.name.as_str()), ("kind", target.kind), ("state", state)];
        Sample::new(labels, Value::Count(u64::from(target.state == state)))
    })
}

fn deliveries(target: &TargetView) -> [Sample; 2] {
    [("seen", target.figures.seen), ("missing", target.figures.missing)].map(|(state, count)| {
        Sample::new([("target", target.name.as_str()), ("state", state)], Value::Count(count))
    })
}

fn visible(target: &TargetView) -> Vec<Sample> {
    let figures = &target.figures;
    let within = VISIBLE_WITHIN.into_iter().zip(figures.visible_within);
    histogram(("target", target.name.as_str()), within, figures.seen, figures.visible_after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use autoscan_core::name::Name;
    use autoscan_engine::TargetFigures;

    #[test]
    fn a_target_shows_how_long_its_files_took() {
        let target = TargetView {
            name: Name::parse("plex").unwrap(),
            kind: "plex",
            url: "http://plex:32400/".to_owned(),
            state: "away",
            reason: Some("plex does not answer".to_owned()),
            until: None,
            version: None,
            figures: TargetFigures {
                visible_within: [0, 0, 1, 1, 1, 1, 2, 2, 2, 2],
                seen: 3,
                visible_after: Duration::from_millis(4_003_500),
                missing: 4,
            },
        };
        let text = render(&of_targets(&[target]));
        for line in [
            "autoscan_target_state{target=\"plex\",kind=\"plex\",state=\"away\"} 1",
            "autoscan_target_state{target=\"plex\",kind=\"plex\",state=\"open\"} 0",
            "autoscan_deliveries_total{target=\"plex\",state=\"seen\"} 3",
            "autoscan_deliveries_total{target=\"plex\",state=\"missing\"} 4",
            "autoscan_time_to_visible_seconds_bucket{target=\"plex\",le=\"2\"} 0",
            "autoscan_time_to_visible_seconds_bucket{target=\"plex\",le=\"5\"} 1",
            "autoscan_time_to_visible_seconds_bucket{target=\"plex\",le=\"3600\"} 2",
            "autoscan_time_to_visible_seconds_bucket{target=\"plex\",le=\"+Inf\"} 3",
            "autoscan_time_to_visible_seconds_sum{target=\"plex\"} 4003.5",
            "autoscan_time_to_visible_seconds_count{target=\"plex\"} 3",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("http") && !text.contains("answer"), "{text}");
    }
}
