use super::{Machine, kinds, loaded, project};
use crate::config::{reference, schema};

fn example(name: &str) -> String {
    std::fs::read_to_string(project().join("examples").join(name)).unwrap()
}

#[test]
fn every_example_loads() {
    let mut names = Vec::new();
    for file in std::fs::read_dir(project().join("examples")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let Some((stem, ending)) = name.rsplit_once('.') else { continue };
        if stem.starts_with("compose") || !["yml", "yaml", "toml", "json"].contains(&ending) {
            continue;
        }
        let machine = Machine::new().file(&format!("here/config.{ending}"), example(&name));
        let loaded = machine.look().unwrap_or_else(|faults| panic!("{name}:\n{faults}"));
        assert!(!loaded.settings.targets.is_empty(), "{name} tells nobody");
        names.push(name);
    }
    for wanted in ["config.yml", "minimal.yml", "minimal.toml", "minimal.json", "go-autoscan.yml"] {
        assert!(names.iter().any(|name| name == wanted), "{wanted} is not there");
    }
}

#[test]
fn the_full_example_writes_the_defaults() {
    let (full, bare) = (loaded(&example("config.yml")).settings, loaded("port: 3030").settings);
    assert_eq!(full.listen, bare.listen);
    assert_eq!(full.base_url, bare.base_url);
    assert_eq!(full.database.file_name(), bare.database.file_name());
    assert_eq!((full.history, full.log), (bare.history, bare.log));
    assert_eq!(full.files, bare.files);
    assert_eq!(full.triggers[0].quiet, bare.triggers[0].quiet);
    assert_eq!(full.targets.last().unwrap().pace.scan_delay, std::time::Duration::ZERO);
}

#[test]
fn the_three_minimal_examples_say_the_same() {
    let settings = |ending: &str| {
        let machine =
            Machine::new().file(&format!("here/config.{ending}"), example(&format!("minimal.{ending}")));
        let settings = machine.look().unwrap().settings;
        format!("{settings:?}").replace(&machine.disk.path().display().to_string(), "")
    };
    assert_eq!(settings("yml"), settings("toml"));
    assert_eq!(settings("yml"), settings("json"));
}

#[test]
fn a_config_of_the_go_autoscan_means_what_it_meant() {
    let loaded = loaded(&example("go-autoscan.yml"));
    let settings = &loaded.settings;
    let listen: Vec<String> = settings.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["0.0.0.0:3030", "127.0.0.1:3031"]);
    let triggers: Vec<(&str, i64)> =
        settings.triggers.iter().map(|trigger| (trigger.name.as_str(), trigger.priority)).collect();
    assert_eq!(
        triggers,
        [("manual", 5), ("lidarr", 1), ("radarr", 2), ("radarr4k", 5), ("sonarr-docker", 2), ("sonarr", 0)]
    );
    let targets: Vec<&str> = settings.targets.iter().map(|target| target.name.as_str()).collect();
    assert_eq!(targets, ["emby", "jellyfin", "plex", "plex-2"]);
    let quiet = settings.triggers[0].quiet;
    assert_eq!((quiet.minimum_age.as_secs(), quiet.maximum_wait.as_secs()), (600, 600));
    assert_eq!(settings.targets[0].pace.scan_delay.as_secs(), 5);
    assert_eq!(settings.anchors[0].prefix.as_str(), "/mnt/unionfs");
    assert_eq!(settings.authentication.password.as_ref().unwrap().reveal(), "general kenobi");
    assert_eq!(loaded.notes.len(), 4, "{:#?}", loaded.notes);
    assert_eq!(
        loaded.notes[0],
        "config.yml:9:1: scan-stats has no effect here. Known from the Go autoscan, which logs counts this often."
    );
    assert_eq!(
        loaded.notes[1],
        "config.yml:22:5: triggers.manual.verbosity has no effect here. Known from the Go autoscan; `log.level` is for all."
    );
}

#[test]
fn the_reference_names_every_key_of_the_schema() {
    let (reference, schema) = (reference(&kinds()), schema(&kinds()));
    for key in schema["properties"].as_object().unwrap().keys() {
        assert!(reference.contains(&format!("`{key}")), "{key} is not in the reference");
    }
    for kind in ["lidarr", "manual", "radarr", "sonarr"] {
        assert!(reference.contains(&format!("## `triggers.{kind}`")), "{kind}");
    }
    assert!(reference.contains("| `authentication.password` | secret |  |"), "{reference}");
    assert!(reference.contains("| `minimum-age` | duration | `10s` |"), "{reference}");
    assert!(reference.contains("| `api.url` | URL | required |"), "{reference}");
    assert!(!reference.contains(" \n"), "no line ends in a space");
}

#[test]
fn the_schema_refuses_unknown_keys_at_every_level() {
    let schema = schema(&kinds());
    for path in ["", "/properties/files", "/properties/triggers", "/properties/targets/properties/plex/items"]
    {
        assert_eq!(schema.pointer(path).unwrap()["additionalProperties"], false, "{path}");
    }
    assert_eq!(
        schema.pointer("/properties/triggers/properties/manual/properties/priority/default").unwrap(),
        5
    );
    assert_eq!(schema.pointer("/properties/triggers/properties/manual/properties/name"), None);
    assert_eq!(schema["properties"]["minimum-age"]["default"], "10s");
}
