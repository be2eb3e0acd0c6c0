//! The reference of every key, as Markdown, drawn from the schema.

use std::fmt::Write;

use serde_json::Value;

use super::schema::{Kinds, alternatives, common, general, own, takes};
use super::shape::TriggerKeys;
use super::target_shape::TargetKeys;

const HEAD: &str = "# The config, key by key

This page is drawn from the program: `autoscan schema` prints the same as JSON Schema. A commented example is
[config.yml](../examples/config.yml).

The config is the first of: `--config`, `$AUTOSCAN_CONFIG`, `./config.yml`, `$XDG_CONFIG_HOME/autoscan/config.yml` and
`/config/config.yml`. Names that end in `.yaml`, `.toml` and `.json` are read too. A duration has a unit: `500ms`, `10s`, `2m`,
`1h30m`, `30d`. An unknown key is an error, and `autoscan check` shows all errors at once.
";

const ENVIRONMENT: &str = "
## The environment

Every key can come from a variable: `AUTOSCAN__`, then the key with two underscores between its parts and one for each `-`, in
any case. It wins over the file. A number is an item of a list, counted from 0; an item can also be named, and without either
the first is meant.

| Variable | Key |
|---|---|
| `AUTOSCAN__MINIMUM_AGE=30s` | `minimum-age` |
| `AUTOSCAN__AUTHENTICATION__PASSWORD_FILE=/run/secrets/password` | `authentication.password`, from a file: every secret can |
| `AUTOSCAN__TARGETS__PLEX__URL`, `AUTOSCAN__TARGETS__PLEX__0__URL` | `url` of the first target under `plex` |
| `AUTOSCAN__TARGETS__PLEX__LIVING_ROOM__URL` | `url` of the target named `living-room` |
| `AUTOSCAN__ANCHORS=/mnt/a.bin,/mnt/b.bin` | a list: with commas, or as `[\"/mnt/a.bin\"]` |
| `AUTOSCAN__TRIGGERS__SONARR__MAP={\"/tv\": \"/mnt/tv\"}` | a group of keys, as JSON |

A file `.env` beside the config is read in the same way (`KEY=value`, one a line); the real environment wins over it. A
variable that is empty counts as not set.

Variables of other programs fill in what neither of these says:

| Variable | Key |
|---|---|
| `SERVER_PASS` · `SECRET_KEY` · `SECRET_KEY_FALLBACKS` · `WEBHOOK_SECRET` | the same under `authentication` |
| `SERVER_IP` · `SERVER_PORT` | `host` · `port` |
| `PLEX_LOCAL_URL` · `PLEX_TOKEN` | `url` · `token` of the first Plex |
| `JELLYFIN_LOCAL_URL` · `JELLYFIN_API_KEY` | `url` · key of the first Jellyfin, or Emby with `EMBY_OR_JELLYFIN=emby` |
| `EMBY_LOCAL_URL` · `EMBY_API_KEY` | `url` · key of the first Emby |
| `LOG_FORMAT=json` | `log.format` |
| `AUTOSCAN_DATABASE` · `AUTOSCAN_VERBOSITY` (0, 1, 2) | `database` · `log.level` |

Each of them can be a file too: `PLEX_TOKEN_FILE`. Those that name a server or `SERVER_PASS` are enough without a config file.

## While autoscan runs

The config is read again by the signal SIGHUP, by a button of the page *Config*, or by `POST /api/v1/config/reload`: the file, and
the variables of `.env`. All of it is taken over, or nothing: with a fault, autoscan goes on with the config that it had, and says
every fault. Requests are answered all the time, and what waits, pauses and logins stay. `host`, `port`, `database`, `tls` and `log` hold only after
a restart, and the answer says so. `autoscan config --redacted` prints what is read, with defaults and with dots for
secrets, for the body of a webhook and for the arguments of programs.

The pages write into the file only what a person saw and confirmed. Comments and order stay.
";

/// Every key, as Markdown tables.
pub(crate) fn reference(kinds: &Kinds) -> String {
    let mut out = HEAD.to_owned();
    table(&mut out, "General", &general());
    table(&mut out, "Every trigger: `triggers.<kind>`", &common::<TriggerKeys>());
    for kind in &kinds.triggers {
        let written = if kind.is_single() { "one group of keys, `priority` is `5`" } else { "a list" };
        table(&mut out, &format!("`triggers.{}` ({written})", kind.name), &own(kind));
    }
    table(&mut out, "Every target: `targets.<kind>`", &common::<TargetKeys>());
    for kind in &kinds.targets {
        table(&mut out, &format!("`targets.{}` (a list)", kind.name), &own(kind));
    }
    out.push_str(ENVIRONMENT);
    out
}

fn table(out: &mut String, title: &str, schema: &Value) {
    let mut rows = Vec::new();
    gather(&mut rows, "", schema);
    let _ = write!(out, "\n## {title}\n\n");
    if rows.is_empty() {
        out.push_str("No keys of its own.\n");
        return;
    }
    out.push_str("| Key | Type | Default | |\n|---|---|---|---|\n");
    for row in rows {
        out.push_str(&row);
    }
}

fn gather(rows: &mut Vec<String>, above: &str, schema: &Value) {
    for choice in alternatives(schema) {
        let required: Vec<&str> =
            choice["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, below) in choice["properties"].as_object().into_iter().flatten() {
            let key_path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
            rows.push(row(&key_path, below, required.contains(&key.as_str())));
            gather(rows, &key_path, below);
        }
        if let Some(items) = choice.get("items") {
            gather(rows, &format!("{above}[]"), items);
        }
    }
}

fn row(key: &str, schema: &Value, required: bool) -> String {
    let default = match schema.get("default") {
        _ if required => "required".to_owned(),
        None | Some(Value::Object(_) | Value::Null) => String::new(),
        Some(Value::Array(items)) if items.is_empty() => String::new(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(other) => format!("`{other}`"),
    };
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let cell = |text: &str| text.replace('\n', " ").replace('|', "\\|");
    format!("| `{key}` | {} | {} | {} |\n", cell(&type_name(schema)), cell(&default), cell(description))
}

fn type_name(schema: &Value) -> String {
    let mut names: Vec<String> = alternatives(schema).into_iter().map(one_type_name).collect();
    names.dedup();
    names.join(" or ")
}

fn one_type_name(schema: &Value) -> String {
    let words: Vec<&str> =
        schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let constant = schema.get("const").and_then(Value::as_str);
    if !words.is_empty() || constant.is_some() {
        let quoted: Vec<String> = words.into_iter().chain(constant).map(|word| format!("`{word}`")).collect();
        return quoted.join(", ");
    }
    if takes(schema, "array") {
        return format!("list of {}", type_name(&schema["items"]));
    }
    if takes(schema, "object") {
        let is_map = schema.get("propertyNames").is_some();
        return if is_map { "prefixes: `{from: to}`" } else { "group" }.to_owned();
    }
    if takes(schema, "string") {
        return match schema.get("format").and_then(Value::as_str) {
            Some("span") => "duration",
            Some("regex") => "regular expression",
            Some("host") => "address",
            Some("anchor-file") => "path",
            Some("uri" | "url") => "URL",
            Some(format @ ("secret" | "name" | "path")) => format,
            _ => "text",
        }
        .to_owned();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => "whole number",
        Some("boolean") => "`true` or `false`",
        _ => "number",
    }
    .to_owned()
}
