use std::fs;

use autoscan_core::path::LocalPath;
use autoscan_core::secret::Secret;
use autoscan_web::{DiffLine, Edit, MapOf, NewTarget, Sign};
use proptest::prelude::*;

use super::{Machine, kinds};
use crate::config::{Composed, compose};

/// A text that is nowhere but in secrets.
const HIDDEN: &str = "hUnTeR2";

fn target(kind: &str, name: &str) -> NewTarget {
    NewTarget {
        kind: kind.to_owned(),
        name: name.to_owned(),
        url: format!("http://{kind}:1234"),
        key: Secret::new("abc"),
        map: Vec::new(),
    }
}

fn plex() -> Edit {
    Edit::AddTarget(target("plex", "den"))
}

fn pairs(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

fn map(of: MapOf, lines: &[(&str, &str)]) -> Edit {
    Edit::AddMap { of, lines: pairs(lines) }
}

fn exclude(triggers: &[&str]) -> Edit {
    Edit::Exclude {
        triggers: triggers.iter().map(|name| (*name).to_owned()).collect(),
        folder: LocalPath::parse("/mnt/tv/Show (2020)").unwrap(),
    }
}

fn of_target(name: &str) -> MapOf {
    MapOf::Target(name.to_owned())
}

fn of_trigger(name: &str) -> MapOf {
    MapOf::Trigger(name.to_owned())
}

fn composed(machine: &Machine, edit: &Edit) -> Result<Composed, String> {
    let running = machine.look().unwrap_or_else(|faults| panic!("{faults}"));
    compose(edit, &running, &kinds())
}

/// What a config becomes.
fn edited(ending: &str, text: &str, edit: &Edit) -> String {
    let name = format!("here/config.{ending}");
    let machine = Machine::new().file(&name, text);
    let composed = composed(&machine, edit).unwrap_or_else(|why| panic!("{why}\n{text}"));
    composed.write().unwrap();
    fs::read_to_string(machine.path(&name)).unwrap()
}

fn refused(text: &str, edit: &Edit) -> String {
    match composed(&Machine::with_config(text), edit) {
        Err(why) => why,
        Ok(composed) => panic!("it is proposed: {:?}", composed.proposal),
    }
}

const NEW: &str = "- name: den\n      url: http://plex:1234\n      token: abc\n";

/// Files, and what they are with one more Plex.
fn with_a_plex() -> Vec<(&'static str, String)> {
    vec![
        ("port: 1\n", format!("port: 1\n\ntargets:\n  plex:\n    {NEW}")),
        ("port: 1\n# 2", format!("port: 1\n# 2\n\ntargets:\n  plex:\n    {}", NEW.trim_end())),
        ("port: 1\n# the end\n", format!("port: 1\n# the end\n\ntargets:\n  plex:\n    {NEW}")),
        ("---\nport: 1\n...\n", format!("---\nport: 1\n\ntargets:\n  plex:\n    {NEW}...\n")),
        ("targets:\nport: 1\n", format!("targets:\n  plex:\n    {NEW}port: 1\n")),
        ("targets: {} # none\nport: 1\n", format!("targets: # none\n  plex:\n    {NEW}port: 1\n")),
        ("targets: ~\nport: 1\n", format!("targets:\n  plex:\n    {NEW}port: 1\n")),
        ("targets:\n  # plex:\n  #   - x\nport: 1\n", format!("targets:\n  plex:\n    {NEW}  # plex:\n  #   - x\nport: 1\n")),
        ("targets:\n  plex: []\n  emby:\n", format!("targets:\n  plex:\n    {NEW}  emby:\n")),
        (
            "targets:\n  emby:\n    - { url: 'http://e', token: t }\n  # tail\nport: 1\n",
            format!("targets:\n  emby:\n    - {{ url: 'http://e', token: t }}\n  plex:\n    {NEW}  # tail\nport: 1\n"),
        ),
        (
            "targets:\n  plex:\n    - url: http://p # mine\n      token: t\n      # scan-delay: 1s\n\n    # more\n  emby: []\n",
            format!("targets:\n  plex:\n    - url: http://p # mine\n      token: t\n      # scan-delay: 1s\n    {NEW}\n    # more\n  emby: []\n"),
        ),
        (
            "targets:\n  plex:\n  - url: http://p\n    token: t\nport: 1\n",
            "targets:\n  plex:\n  - url: http://p\n    token: t\n  - name: den\n    url: http://plex:1234\n    token: abc\nport: 1\n".to_owned(),
        ),
        (
            "targets:\n  plex:\n  -\n    url: http://p\n    token: t",
            "targets:\n  plex:\n  -\n    url: http://p\n    token: t\n  - name: den\n    url: http://plex:1234\n    token: abc".to_owned(),
        ),
        (
            "targets:\n    emby: []\n",
            "targets:\n    emby: []\n    plex:\n        - name: den\n          url: http://plex:1234\n          token: abc\n".to_owned(),
        ),
        (
            "targets: { plex: [{ url: 'http://p', token: t }] }\n",
            "targets: { plex: [{ url: 'http://p', token: t }, { name: den, url: http://plex:1234, token: abc }] }\n".to_owned(),
        ),
        (
            "{ port: 1 }\n",
            "{ port: 1, targets: { plex: [{ name: den, url: http://plex:1234, token: abc }] } }\n".to_owned(),
        ),
        (
            "targets: {\n  emby: [], # none\n}\n",
            "targets: {\n  emby: [], # none\n  plex: [{ name: den, url: http://plex:1234, token: abc }]\n}\n".to_owned(),
        ),
        (
            "port: 1\ntargets:\n  plex: # those\n    - url: |-\n        http://p\n      token: \"t\n        u\"\n\nhistory: 1d\n",
            format!("port: 1\ntargets:\n  plex: # those\n    - url: |-\n        http://p\n      token: \"t\n        u\"\n    {NEW}\nhistory: 1d\n"),
        ),
        ("port: 1\t# a\ttab\n", format!("port: 1\t# a\ttab\n\ntargets:\n  plex:\n    {NEW}")),
        ("'targets' : {}\n\"port\": 1\n", format!("'targets' :\n  plex:\n    {NEW}\"port\": 1\n")),
        ("# größer als 1 €\ntargets: {}\n", format!("# größer als 1 €\ntargets:\n  plex:\n    {NEW}")),
    ]
}

#[test]
fn a_target_comes_into_yaml_however_its_targets_are_written() {
    for (before, after) in with_a_plex() {
        assert_eq!(edited("yml", before, &plex()), after, "of {before}");
        let (before, after) = (before.replace('\n', "\r\n"), after.replace('\n', "\r\n"));
        assert_eq!(edited("yml", &before, &plex()), after, "of {before} with other line ends");
        assert_eq!(edited("yml", &format!("\u{feff}{before}"), &plex()), format!("\u{feff}{after}"));
    }
}

#[test]
fn the_first_config_takes_targets_and_maps() {
    let text = include_str!("../first_run.yml");
    let with_plex = edited(
        "yml",
        text,
        &Edit::AddTarget(NewTarget { map: pairs(&[("/mnt/m", "/data")]), ..target("plex", "plex") }),
    );
    let both = edited("yml", &with_plex, &Edit::AddTarget(target("jellyfin", "jf")));
    let mapped = edited("yml", &both, &map(of_trigger("sonarr"), &[("/tv", "/mnt/m/tv")]));
    let new: Vec<&str> = mapped.lines().filter(|line| !text.lines().any(|old| old == *line)).collect();
    let wanted = "      map:\n        /tv: /mnt/m/tv\n  plex:\n    - name: plex\n      url: http://plex:1234\n      token: abc\n      map:\n        \
                  /mnt/m: /data\n  jellyfin:\n    - name: jf\n      url: http://jellyfin:1234\n      api-key: abc";
    assert_eq!(new.join("\n"), wanted, "{mapped}");
    let kept: Vec<&str> = mapped.lines().filter(|line| !new.contains(line)).collect();
    assert_eq!(kept, text.lines().collect::<Vec<_>>());
}

#[test]
fn lines_of_a_map_come_to_those_that_are_there() {
    let lines = [("/a: b", "/x #1"), (r"C:\Media", "/m"), ("/it's", "/y")];
    for (before, after) in [
        (
            "triggers:\n  sonarr:\n    - map:\n        /tv: /mnt # here\n      priority: 2\n",
            "triggers:\n  sonarr:\n    - map:\n        /tv: /mnt # here\n        '/a: b': '/x #1'\n        'C:\\Media': /m\n        '/it''s': /y\n      priority: 2\n",
        ),
        (
            "triggers:\n  sonarr:\n    - map: { /tv: /mnt }\n",
            "triggers:\n  sonarr:\n    - map: { /tv: /mnt, '/a: b': '/x #1', 'C:\\Media': /m, '/it''s': /y }\n",
        ),
        (
            "triggers:\n  sonarr:\n    - priority: 2\n      # a word\n  radarr: []\n",
            "triggers:\n  sonarr:\n    - priority: 2\n      map:\n        '/a: b': '/x #1'\n        'C:\\Media': /m\n        '/it''s': /y\n      # a word\n  radarr: []\n",
        ),
        (
            "triggers:\n  sonarr:\n    - {}\n",
            "triggers:\n  sonarr:\n    - { map: { '/a: b': '/x #1', 'C:\\Media': /m, '/it''s': /y } }\n",
        ),
        (
            "triggers: { sonarr: [{ name: sonarr, map: }] }\n",
            "triggers: { sonarr: [{ name: sonarr, map: { '/a: b': '/x #1', 'C:\\Media': /m, '/it''s': /y } }] }\n",
        ),
    ] {
        assert_eq!(edited("yml", before, &map(of_trigger("sonarr"), &lines)), after, "of {before}");
    }
    let after = edited("yml", "port: 1\n", &map(of_trigger("manual"), &[("/tv", "/mnt")]));
    assert_eq!(after, "port: 1\n\ntriggers:\n  manual:\n    map:\n      /tv: /mnt\n");
    let two = "targets:\n  plex:\n    - { url: 'http://p', token: t }\n    - { url: 'http://q', token: t }\n";
    assert_eq!(
        edited("yml", two, &map(of_target("plex-2"), &[("/m", "/d")])),
        "targets:\n  plex:\n    - { url: 'http://p', token: t }\n    - { url: 'http://q', token: t, map: { /m: /d } }\n"
    );
}

#[test]
fn a_folder_is_excluded_at_each_trigger_that_reports_it() {
    let line = r"'^/mnt/tv/Show \(2020\)(/|$)'";
    for (ending, before, triggers, after) in [
        (
            "yml",
            "triggers:\n  sonarr:\n    - name: sonarr # mine\n  radarr: []\n".to_owned(),
            &["sonarr"][..],
            format!(
                "triggers:\n  sonarr:\n    - name: sonarr # mine\n      exclude:\n        - {line}\n  radarr: []\n"
            ),
        ),
        (
            "yml",
            "triggers:\n  sonarr:\n    - name: a\n      exclude:\n        - x # why\n    - { name: b, exclude: [y] }\n".to_owned(),
            &["a", "b", "manual"],
            format!(
                "triggers:\n  sonarr:\n    - name: a\n      exclude:\n        - x # why\n        - {line}\n    \
                 - {{ name: b, exclude: [y, {line}] }}\n  manual:\n    exclude:\n      - {line}\n"
            ),
        ),
        (
            "yml",
            format!("triggers:\n  sonarr:\n    - exclude: [{line}]\n    - name: b\n"),
            &["sonarr", "b"],
            format!("triggers:\n  sonarr:\n    - exclude: [{line}]\n    - name: b\n      exclude:\n        - {line}\n"),
        ),
        (
            "toml",
            "[[triggers.sonarr]]\nname = 'a' # mine\n".to_owned(),
            &["a"],
            "[[triggers.sonarr]]\nname = 'a' # mine\nexclude = ['^/mnt/tv/Show \\(2020\\)(/|$)']\n".to_owned(),
        ),
        (
            "json",
            "{\"triggers\": {\"sonarr\": [{\"name\": \"a\"}]}}".to_owned(),
            &["a"],
            "{\"triggers\": {\"sonarr\": [{\"name\": \"a\", \"exclude\": [\"^/mnt/tv/Show \\\\(2020\\\\)(/|$)\"]}]}}"
                .to_owned(),
        ),
    ] {
        assert_eq!(edited(ending, &before, &exclude(triggers)), after, "of {before}");
    }
    let all = format!("triggers:\n  sonarr:\n    - exclude: [{line}]\n");
    assert!(refused(&all, &exclude(&["sonarr"])).contains("nothing to change"));
    assert!(refused("port: 1\n", &exclude(&["sonarr"])).contains("There is no trigger named \"sonarr\""));
}

#[test]
fn toml_and_json_keep_their_form_too() {
    for (before, after) in [
        (
            "# mine\nport = 1 # one\n",
            "# mine\nport = 1 # one\n\n[[targets.plex]]\nname = \"den\"\nurl = \"http://plex:1234\"\ntoken = \"abc\"\n",
        ),
        (
            "[[targets.plex]]\nurl = 'http://p' # p\ntoken = \"t\"\n\n[files]\ncheck = false\n",
            "[[targets.plex]]\nurl = 'http://p' # p\ntoken = \"t\"\n\n[[targets.plex]]\nname = \"den\"\nurl = \"http://plex:1234\"\ntoken = \"abc\"\n\n[files]\ncheck = false\n",
        ),
        (
            "targets = { plex = [] }\n",
            "targets = { plex = [{ name = \"den\", url = \"http://plex:1234\", token = \"abc\" }] }\n",
        ),
    ] {
        assert_eq!(edited("toml", before, &plex()), after, "of {before}");
    }
    let before = "[[triggers.sonarr]]\nmap = { \"/tv\" = '/mnt' }\n\n[[triggers.sonarr]]\n";
    assert_eq!(
        edited("toml", before, &map(of_trigger("sonarr"), &[("/a", "/b")])),
        "[[triggers.sonarr]]\nmap = { \"/tv\" = '/mnt' , \"/a\" = \"/b\" }\n\n[[triggers.sonarr]]\n"
    );
    for (before, after) in [
        (
            "{\n\t\"port\": 1\n}\n",
            "{\n\t\"port\": 1,\n\t\"targets\": { \"plex\": [{ \"name\": \"den\", \"url\": \"http://plex:1234\", \"token\": \"abc\" }] }\n}\n",
        ),
        (
            "{\"targets\":{\"plex\":[]}}",
            "{\"targets\":{\"plex\":[{ \"name\": \"den\", \"url\": \"http://plex:1234\", \"token\": \"abc\" }]}}",
        ),
        (
            "{\n  \"targets\": null,\n  \"port\": 1\n}",
            "{\n  \"targets\": { \"plex\": [{ \"name\": \"den\", \"url\": \"http://plex:1234\", \"token\": \"abc\" }] },\n  \"port\": 1\n}",
        ),
    ] {
        assert_eq!(edited("json", before, &plex()), after, "of {before}");
    }
}

#[test]
fn what_cannot_be_written_is_refused_with_a_sentence_and_the_file_stays() {
    let aliased =
        "targets:\n  plex:\n    - &p\n      url: http://p\n      token: t\n    - <<: *p\n      name: two\n";
    let merged = "triggers:\n  sonarr:\n    - { map: &m { /a: /b } }\n  radarr:\n    - map:\n        <<: *m\n        /c: /d\n";
    for (text, edit, says) in [
        (aliased, map(of_target("plex"), &[("/a", "/b")]), "anchors (&)"),
        (aliased, map(of_target("two"), &[("/a", "/b")]), "anchors (&)"),
        (merged, map(of_trigger("sonarr"), &[("/x", "/y")]), "anchors (&)"),
        (merged, map(of_trigger("radarr"), &[("/x", "/y")]), "anchors (&)"),
        ("port: 1\n", map(of_target("plex"), &[("/a", "/b")]), "There is no target named \"plex\""),
        ("port: 1\n", map(of_trigger("x"), &[("/a", "/b")]), "There is no trigger named \"x\""),
        ("port: 1\n", map(of_trigger("manual"), &[]), "nothing to change"),
        ("port: 1\n", map(of_trigger("manual"), &[("a", "/b")]), "With this the config would be wrong"),
        ("port: 1\n", Edit::AddTarget(target("plexx", "x")), "no kind of target named \"plexx\""),
        ("port: 1\n", Edit::AddTarget(target("command", "x")), "by hand"),
        ("port: 1\n", Edit::AddTarget(target("plex", "a b")), "With this the config would be wrong"),
        (
            "targets: { emby: [{ name: den, url: 'http://e', token: t }] }",
            plex(),
            "a target named \"den\" already",
        ),
        (
            "triggers: { manual: { map: { /a: /b } } }",
            map(of_trigger("manual"), &[("/a", "/c")]),
            "something else stands there: \"/b\"",
        ),
    ] {
        let why = refused(text, &edit);
        assert!(why.contains(says), "{why}");
    }
    // An item without a name has that of its kind: a new one of that name would rename it.
    let why = refused(
        "targets: { plex: [{ url: 'http://p', token: t }] }",
        &Edit::AddTarget(target("plex", "plex")),
    );
    assert!(why.contains("already"), "{why}");
}

#[test]
fn what_stands_in_the_environment_is_not_written_into_the_file() {
    let machine = Machine::with_config("port: 1\n")
        .variable("AUTOSCAN__TARGETS__PLEX__URL", "http://p")
        .variable("AUTOSCAN__TARGETS__PLEX__TOKEN", HIDDEN);
    let why = composed(&machine, &map(of_target("plex"), &[("/a", "/b")])).err().unwrap();
    assert!(why.contains("change other settings") || why.contains("environment"), "{why}");
}

#[test]
fn without_a_file_the_variables_are_named_and_no_secret_is() {
    let machine = Machine::new().variable("PLEX_LOCAL_URL", "http://p").variable("PLEX_TOKEN", HIDDEN);
    let new = NewTarget { key: Secret::new(HIDDEN), map: pairs(&[("/a", "/b")]), ..target("plex", "den") };
    let why = composed(&machine, &Edit::AddTarget(new)).err().unwrap();
    let says = "AUTOSCAN__TARGETS__PLEX__1__NAME=den  AUTOSCAN__TARGETS__PLEX__1__URL=http://plex:1234  \
                AUTOSCAN__TARGETS__PLEX__1__TOKEN=…  AUTOSCAN__TARGETS__PLEX__1__MAP={\"/a\":\"/b\"}";
    assert!(why.contains(says) && !why.contains(HIDDEN), "{why}");
    let why = composed(&machine, &map(of_target("plex"), &[("/a", "/b")])).err().unwrap();
    assert!(why.contains("AUTOSCAN__TARGETS__PLEX__0__MAP={\"/a\":\"/b\"}"), "{why}");
}

fn shown(diff: &[DiffLine]) -> String {
    let sign = |line: &DiffLine| match line.sign {
        Sign::Added => '+',
        Sign::Removed => '-',
        Sign::Kept => ' ',
    };
    diff.iter().map(|line| format!("{}{}\n", sign(line), line.text)).collect::<Vec<_>>().concat()
}

#[test]
fn the_difference_has_three_lines_around_it_and_dots_for_secrets() {
    let text = "port: 1\nhistory: 1d\nauthentication:\n  password: hUnTeR2\n  # api-key: former-hUnTeR9\n  webhook-secret: |\n    hUnTeR2\n\
                # see http://me:hUnTeR2@host/x?token=hUnTeR2 and hUnTeR2\ntargets:\n  emby:\n    - url: http://me:hUnTeR2@emby/\n      api-key: \"hUnTeR2\"\n";
    let machine = Machine::with_config(text);
    let new = NewTarget {
        key: Secret::new("hUnTeR2-too"),
        url: "http://me:hUnTeR2@p".to_owned(),
        ..target("plex", "den")
    };
    let composed = composed(&machine, &Edit::AddTarget(new)).unwrap_or_else(|why| panic!("{why}"));
    let diff = shown(&composed.proposal.diff);
    assert_eq!(
        diff,
        "   emby:\n     - url: http://••••••@emby/\n       api-key: ••••••\n+  plex:\n+    - name: den\n+      url: http://••••••@p\n+      token: ••••••\n"
    );
    let all = Edit::AddMap { of: of_trigger("manual"), lines: pairs(&[("/a", "/b")]) };
    let text = text.replace("history: 1d\n", "triggers: { manual: { priority: 1 } }\n");
    let machine = Machine::with_config(&text);
    let diff = shown(&self::composed(&machine, &all).unwrap_or_else(|why| panic!("{why}")).proposal.diff);
    assert!(
        diff.contains("-triggers") && diff.contains("+triggers") && diff.contains("password: ••••••"),
        "{diff}"
    );
    assert!(!diff.to_lowercase().contains("hunter"), "{diff}");
}

#[test]
fn a_written_file_keeps_its_mode_its_link_and_its_name() {
    use std::os::unix::fs::{MetadataExt, symlink};
    let machine = Machine::new().file("far/real.yml", "port: 1\n").mode("far/real.yml", 0o640);
    symlink(machine.path("far/real.yml"), machine.path("here/config.yml")).unwrap();
    let composed = composed(&machine, &plex()).unwrap_or_else(|why| panic!("{why}"));
    composed.write().unwrap();
    assert!(fs::symlink_metadata(machine.path("here/config.yml")).unwrap().is_symlink());
    let about = fs::metadata(machine.path("far/real.yml")).unwrap();
    assert_eq!(about.mode() & 0o7777, 0o640);
    assert!(fs::read_to_string(machine.path("far/real.yml")).unwrap().contains("den"));
    assert_eq!(fs::read_dir(machine.path("far")).unwrap().count(), 1);
    composed.take_back().unwrap();
    assert_eq!(fs::read_to_string(machine.path("far/real.yml")).unwrap(), "port: 1\n");
    fs::write(machine.path("far/real.yml"), "port: 2\n").unwrap();
    assert!(composed.take_back().unwrap_err().contains("changed meanwhile"));
    assert_eq!(fs::read_to_string(machine.path("far/real.yml")).unwrap(), "port: 2\n");
}

/// Configs of every form, with comments between.
fn any_config() -> impl Strategy<Value = String> {
    let comment = prop_oneof![
        Just(String::new()),
        Just("# a comment: [ { ' \"\n".to_owned()),
        Just("\n".to_owned()),
        Just("   # deeper\n".to_owned())
    ];
    let item = prop_oneof![
        Just("{ url: 'http://a', token: t }".to_owned()),
        Just("url: http://a # b\n      token: \"x\"".to_owned()),
        Just("url: 'http://a'\n      map:\n        /a: /b\n      token: 0123".to_owned()),
        Just("token: t\n      url: http://a\n      map: {}".to_owned()),
    ];
    let kind = |name: &'static str| {
        let block = prop::collection::vec((item.clone(), comment.clone()), 1..3).prop_map(move |items| {
            let lines = items
                .iter()
                .map(|(item, comment)| format!("    - {item}\n{comment}"))
                .collect::<Vec<_>>()
                .concat();
            format!("  {name}:\n{lines}")
        });
        prop_oneof![block, Just(format!("  {name}: []\n")), Just(format!("  {name}:\n")), Just(String::new())]
    };
    let targets = (comment.clone(), kind("plex"), comment.clone(), kind("emby"))
        .prop_map(|(a, plex, b, emby)| format!("targets:\n{a}{plex}{b}{emby}"));
    let targets = prop_oneof![4 => targets, 1 => Just("targets: {}\n".to_owned()), 1 => Just(String::new())];
    (comment.clone(), targets, comment, any::<bool>(), any::<bool>()).prop_map(
        |(a, targets, b, crlf, end)| {
            let text = format!("{a}port: 1 # x\n{targets}{b}history: 2d");
            let text = if end { text + "\n" } else { text };
            if crlf { text.replace('\n', "\r\n") } else { text }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edit_only_adds_lines_and_says_what_was_wanted(
        text in any_config(),
        kind in prop::sample::select(vec!["plex", "emby", "jellyfin"]),
        lines in prop::collection::btree_map("/[ -~äé\u{1F3AC}]{0,12}", "(/|[A-Z]:\\\\)[ -~ü]{0,12}", 0..3),
        key in "[!-~]{1,12}",
    ) {
        let machine = Machine::with_config(&text);
        let new = NewTarget {
            key: Secret::new(key),
            map: lines.into_iter().collect(),
            ..target(kind, "brand-new")
        };
        match composed(&machine, &Edit::AddTarget(new.clone())) {
            // A path may be none: `//`, or `..` in it.
            Err(why) => prop_assert!(why.contains("would be wrong"), "{why}\n{text}"),
            Ok(composed) => {
                composed.write().unwrap();
                let after = fs::read_to_string(machine.path("here/config.yml")).unwrap();
                let mut rest = after.lines();
                for line in text.lines() {
                    let is_empty_value = line.trim_end().ends_with("{}") || line.trim_end().ends_with("[]");
                    let bare = line.trim_end_matches(['{', '}', '[', ']', ' ']);
                    prop_assert!(rest.any(|found| found == line || (is_empty_value && found == bare)), "{line} of\n{text}\nis gone in\n{after}");
                }
                let loaded = machine.look().unwrap_or_else(|faults| panic!("{faults}"));
                let kept = loaded.settings.targets.iter().find(|target| target.name.as_str() == "brand-new").unwrap();
                prop_assert_eq!(kept.kind, kind);
                prop_assert_eq!(&kept.raw["url"], &new.url);
                let secret = kept.raw.get("token").or(kept.raw.get("api-key")).and_then(|key| key.as_str());
                prop_assert_eq!(secret, Some(new.key.reveal()));
            }
        }
    }

    #[test]
    fn whatever_is_quoted_is_read_as_the_same(key in "/\\PC{0,20}", value in "/[ -~\u{80}-\u{a0}\u{2028}]{0,20}") {
        let machine = Machine::with_config("port: 1\n");
        let edit = Edit::AddMap { of: of_trigger("manual"), lines: vec![(key.clone(), value.clone())] };
        match composed(&machine, &edit) {
            Err(why) => prop_assert!(why.contains("would be wrong"), "{key:?} {value:?}: {why}"),
            Ok(composed) => {
                composed.write().unwrap();
                let loaded = machine.look().unwrap_or_else(|faults| panic!("{faults}"));
                prop_assert_eq!(&loaded.written.0["triggers"]["manual"]["map"][&key], &value);
            }
        }
    }
}
