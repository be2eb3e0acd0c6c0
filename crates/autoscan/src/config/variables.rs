//! The environment, and the `.env` file beside the config that stands in for it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::{self, ConfigFault, shown, shown_path};
use super::node::{Location, Origin};

/// The name of the file beside the config.
pub(super) const DOT_ENV: &str = ".env";

/// A larger file holds no secret and no variables.
const LARGEST: u64 = 1 << 16;

/// A variable that is set to something: an empty one counts as not set.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) place: Location,
}

/// Every variable, by layer: those of the environment, then those of `.env`.
#[derive(Debug, Default)]
pub(super) struct Variables {
    layers: Vec<BTreeMap<String, Variable>>,
    /// Relative names of secret files count from here.
    current: PathBuf,
}

impl Variables {
    /// The variables of `environment` and of the `.env` in `folder`, which is called by `named` in faults.
    pub(super) fn new(
        environment: &BTreeMap<String, String>,
        folder: &Path,
        current: &Path,
        faults: &mut Vec<ConfigFault>,
    ) -> Self {
        let real = environment.iter().map(|(name, value)| {
            let place = Location::whole(&Arc::new(Origin::Variable(name.clone())));
            (name.clone(), Variable { name: name.clone(), value: value.clone(), place })
        });
        let mut layers = vec![real.collect(), dot_env(&folder.join(DOT_ENV), current, faults)];
        for layer in &mut layers {
            layer.retain(|_, variable: &mut Variable| !variable.value.is_empty());
        }
        Self { layers, current: current.to_owned() }
    }

    /// Each layer, the one that wins first.
    pub(super) fn layers(&self) -> impl DoubleEndedIterator<Item = impl Iterator<Item = &Variable>> {
        self.layers.iter().map(BTreeMap::values)
    }

    /// A variable by its exact name.
    pub(super) fn get(&self, name: &str) -> Option<&Variable> {
        self.layers.iter().find_map(|layer| layer.get(name))
    }

    /// A variable by its exact name, or the content of the file that `{name}_FILE` names.
    pub(super) fn get_or_file(&self, name: &str, faults: &mut Vec<ConfigFault>) -> Option<Variable> {
        let file_name = format!("{name}_FILE");
        for layer in &self.layers {
            match (layer.get(name), layer.get(&file_name)) {
                (None, None) => {}
                (Some(variable), None) => return Some(variable.clone()),
                (Some(_), Some(file)) => {
                    faults.push(ConfigFault::at(
                        &file.place,
                        format!("{name} is set as well: keep one of the two"),
                    ));
                    return None;
                }
                (None, Some(file)) => {
                    return self
                        .content_of(file)
                        .map_err(|fault| faults.push(fault))
                        .ok()
                        .map(|value| Variable { value, ..file.clone() });
                }
            }
        }
        None
    }

    /// The content of the file that a `…_FILE` variable names, without the line breaks at its end.
    pub(super) fn content_of(&self, variable: &Variable) -> Result<String, ConfigFault> {
        let path = self.current.join(&variable.value);
        let fault = |what: String| ConfigFault::at(&variable.place, format!("{}: {what}", shown_path(&path)));
        let text = small_text(&path).map_err(fault)?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(fault("the file is empty".to_owned()));
        }
        Ok(text.to_owned())
    }
}

fn small_text(path: &Path) -> Result<String, String> {
    if path.is_dir() {
        return Err(fault::IS_A_FOLDER.to_owned());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| fault::why_unreadable(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err("the file is larger than 64 KiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_bytes| "the file is not UTF-8".to_owned())
}

fn dot_env(path: &Path, current: &Path, faults: &mut Vec<ConfigFault>) -> BTreeMap<String, Variable> {
    if !path.is_file() {
        return BTreeMap::new();
    }
    let name = fault::name_of(path, current);
    let whole = Location::whole(&Arc::new(Origin::File(name.clone())));
    let text = match small_text(path) {
        Ok(text) => text,
        Err(what) => {
            faults.push(ConfigFault::at(&whole, what));
            return BTreeMap::new();
        }
    };
    let mut variables = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        match assignment(line) {
            Ok(None) => {}
            Ok(Some((variable, value))) => {
                let origin = Arc::new(Origin::DotEnv { file: name.clone(), variable: variable.to_owned() });
                let place = Location::new(&origin, number + 1, 0);
                variables.insert(variable.to_owned(), Variable { name: variable.to_owned(), value, place });
            }
            Err(what) => {
                faults
                    .push(ConfigFault::at(&Location { line: number + 1, column: 1, ..whole.clone() }, what));
            }
        }
    }
    variables
}

/// One line of a `.env`: `KEY=value`, `export KEY="value"`, a comment or nothing.
fn assignment(line: &str) -> Result<Option<(&str, String)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').ok_or("the line is not KEY=value")?;
    let name = name.trim();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!("{:?} is not the name of a variable", shown(name)));
    }
    value_of(value.trim_start()).map(|value| Some((name, value)))
}

fn value_of(text: &str) -> Result<String, String> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let end = text.find(" #").unwrap_or(text.len());
        return Ok(if text.starts_with('#') { String::new() } else { text[..end].trim_end().to_owned() });
    };
    let mut value = String::new();
    let mut rest = text[1..].chars();
    loop {
        match rest.next().ok_or("the quote is not closed")? {
            c if c == quote => break,
            '\\' if quote == '"' => value.push(match rest.next().ok_or("the quote is not closed")? {
                'n' => '\n',
                't' => '\t',
                c => c,
            }),
            c => value.push(c),
        }
    }
    let rest = rest.as_str().trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        return Ok(value);
    }
    Err("something follows the closing quote".to_owned())
}
