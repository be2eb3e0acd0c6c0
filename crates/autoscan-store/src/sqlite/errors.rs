//! SQLite's failures, in sentences.

use autoscan_core::ports::StoreError;
use rusqlite::{Error, ErrorCode};

/// What a failure of a running store means.
pub(super) fn store_error(error: &Error) -> StoreError {
    let sentence = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            "the disk is full; free some space and autoscan goes on by itself".to_owned()
        }
        Some(ErrorCode::ReadOnly) => {
            "it has become read-only; make it writable again and autoscan goes on by itself".to_owned()
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            return StoreError::Locked;
        }
        Some(ErrorCode::SystemIoFailure) => {
            format!("the disk answered with an error ({error}); autoscan goes on by itself when that passes")
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => format!(
            "its files cannot be opened ({error}); check that its folder exists and may be written by autoscan"
        ),
        _ => return StoreError::Broken(error.to_string()),
    };
    StoreError::NotWritable(sentence)
}
