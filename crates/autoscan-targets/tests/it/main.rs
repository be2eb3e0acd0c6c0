//! How every kind of target tells its server and proves what it told, against pretend servers.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod audiobookshelf;
mod audiobookshelf_find;
mod audiobookshelf_model;
mod autoscan;
mod command;
mod emby;
mod emby_find;
mod emby_reports;
mod faults;
mod fileflows;
mod jellyfin;
mod jellyfin_bad_days;
mod jellyfin_find;
mod jellyfin_library_scans;
mod jellyfin_model;
mod jellyfin_published;
mod jellyfin_scan;
mod jellyfin_whole;
mod kodi;
mod logins;
mod media;
mod mpd;
mod mpd_gone;
mod mpd_model;
mod one_bad_folder;
mod plex;
mod plex_proof;
mod radarr;
mod remedies;
mod samples;
mod secrets;
mod settings;
mod shelf;
mod sonarr;
mod support;
mod tdarr;
mod webhook;
