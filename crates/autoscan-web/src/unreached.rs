//! Scans that are over and reached nobody: every target skipped them, none takes their folder, or their file never came. A person must act, or new
//! files there are never seen.

use autoscan_core::ports::{ScanFilter, StoreError};
use autoscan_core::scan::{self, Scan, ScanState};
use autoscan_engine::Engine;

/// What became of such a scan.
pub(crate) const NOBODY: &str = "No server was told";
/// Scans that are looked through for a count.
const LOOKED_THROUGH: usize = 100;

/// Whether a scan is over and reached nobody.
pub(crate) fn reached_nobody(scan: &Scan) -> bool {
    scan.state == ScanState::Attention && scan::reached_nobody(&scan.deliveries)
}

/// How many of the newest hundred scans that need attention reached nobody.
pub(crate) async fn count(engine: &Engine) -> Result<u64, StoreError> {
    let filter =
        ScanFilter { state: Some(ScanState::Attention), limit: LOOKED_THROUGH, ..ScanFilter::default() };
    let scans = engine.list(filter).await?.scans;
    Ok(scans.iter().filter(|scan| reached_nobody(scan)).count() as u64)
}
