//! The config: found, read with the place of every value, laid over with the environment, compared with its schema, and
//! handed on as [`Settings`]. Only this module reads arguments' files of settings and the environment.

mod access;
mod check;
mod compare;
mod edit;
mod fault;
mod find;
mod first_run;
mod formats;
mod load;
mod loaded;
mod names;
mod node;
mod notes;
mod older;
mod overlay;
mod quote;
mod read;
mod redact;
mod reference;
mod schema;
mod secrets;
mod settings;
mod shape;
mod sources;
mod target_shape;
mod unknown;
mod variables;
mod view;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use access::TlsFiles;
pub(crate) use edit::{Composed, compose, raw_settings};
pub(crate) use fault::ConfigFaults;
pub(crate) use load::{load, load_again, load_or_begin};
pub(crate) use loaded::Loaded;
pub(crate) use reference::reference;
pub(crate) use schema::{KindSchema, Kinds, schema};
pub(crate) use secrets::Generated;
pub(crate) use settings::{Settings, TargetSettings, TriggerSettings};
