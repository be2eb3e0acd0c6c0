//! The tests that need the whole program: one binary, so that it is linked once.

#[cfg(test)]
mod arr_gaps;
#[cfg(test)]
mod attacks;
#[cfg(test)]
mod bad_bodies;
#[cfg(test)]
mod bad_configs;
#[cfg(test)]
mod bad_databases;
#[cfg(test)]
mod bad_targets;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod care;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod crowds;
mod deletions;
#[cfg(test)]
mod document;
#[cfg(test)]
mod environment;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod house_rules;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod leaks;
#[cfg(test)]
mod main_job;
#[cfg(test)]
mod manual_page;
#[cfg(test)]
mod many;
#[cfg(test)]
mod map_suggestions;
#[cfg(test)]
mod media_setup;
#[cfg(test)]
mod modules;
#[cfg(test)]
mod more_targets;
#[cfg(test)]
mod mounts;
#[cfg(test)]
mod own_targets;
#[cfg(test)]
mod pacing;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod person;
#[cfg(test)]
mod pictures;
#[cfg(test)]
mod proven;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod real_kodi;
#[cfg(test)]
mod real_mpd;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod remedies;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod server_states;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod songs;
#[cfg(test)]
mod watched_folder;
