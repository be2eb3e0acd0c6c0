//! What is the same for every target: proof, pace, programs; and what holds for all of them.

use std::time::Duration;

use autoscan_core::storm::StormRule;

use super::{faults, loaded};

const PLEX: &str = "url: http://plex:32400, token: a";

fn plex(keys: &str) -> String {
    format!("targets: {{ plex: [{{ {PLEX}{keys} }}] }}")
}

#[test]
fn proof_is_on_for_fifteen_minutes_unless_something_else_is_written() {
    for (keys, proof) in [
        ("", Some(900)),
        (", proof: on", Some(900)),
        (", proof: true, proof-within: 2m", Some(120)),
        (", proof: off", None),
        (", proof: false", None),
        (", proof-within: 30s", Some(30)),
    ] {
        let settings = loaded(&plex(keys)).settings;
        assert_eq!(settings.targets[0].proof, proof.map(Duration::from_secs), "{keys}");
    }
}

#[test]
fn a_target_is_paced_and_has_programs_around_its_scans() {
    let settings = loaded(&plex(
        ", max-in-flight: 4, quiet-hours: ['18:00-23:30', '00:00-06:00'], only-when-idle: { longest-wait: 2h }, \
         before: [/config/before.sh, 'a b'], after: [/config/after.sh]",
    ))
    .settings;
    let target = &settings.targets[0];
    assert_eq!(target.pace.max_in_flight, 4);
    assert!(
        target.pace.quiet_hours.left(19 * 60).is_some() && target.pace.quiet_hours.left(12 * 60).is_none()
    );
    assert_eq!(target.pace.only_when_idle, Some(Duration::from_hours(2)));
    assert_eq!(target.before, ["/config/before.sh", "a b"]);
    assert_eq!(target.after, ["/config/after.sh"]);
    let idle = loaded(&plex(", only-when-idle: {}")).settings.targets[0].pace.only_when_idle;
    assert_eq!(idle, Some(Duration::from_hours(6)));
}

#[test]
fn what_holds_for_all_is_read() {
    let settings = loaded(
        "priorities: [{ path: /Movies/, priority: 1 }]\nstorm: { share: 50%, within: 2m, at-least: 10 }\nmetrics: { auth: true }",
    )
    .settings;
    assert_eq!((settings.priorities[0].path.as_str(), settings.priorities[0].priority), ("/Movies/", 1));
    let rule = StormRule { share: 50, within: Duration::from_mins(2), at_least: 10 };
    assert_eq!(settings.storm, Some(rule));
    assert!(settings.metrics_need_auth);
    assert_eq!(loaded("{}").settings.storm, Some(StormRule::default()));
    assert_eq!(loaded("storm: { enabled: false }").settings.storm, None);
}

#[test]
fn what_makes_no_sense_is_said() {
    for (config, fault) in [
        (plex(", proof: maybe"), ": \"maybe\" is not one of on, off, true, false"),
        (plex(", quiet-hours: ['6pm-8pm']"), "is no span of the day"),
        (plex(", max-in-flight: 0"), ": 0 is not between 1 and 32"),
        (plex(", before: ['']"), "before.0 is empty"),
        ("storm: { share: 0.3 }".to_owned(), "write 1% to 100%, such as 30%"),
        ("storm: { at-least: 0 }".to_owned(), ": 0 is less than 1"),
        ("priorities: [{ path: /a }]".to_owned(), "priorities.0.priority is missing"),
    ] {
        let faults = faults(&config);
        assert!(faults.len() == 1 && faults[0].contains(fault), "{config}: {faults:?}");
    }
}
