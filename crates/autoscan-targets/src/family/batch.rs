//! Telling a batch one scan after the other.

use autoscan_core::fault::Fault;
use autoscan_core::ports::TargetScan;

/// Tells each scan. After a fault that stops the lane the rest gets the same fault without being tried.
pub(crate) async fn one_by_one<'a, F, T>(batch: &'a [TargetScan], tell: F) -> Vec<Result<(), Fault>>
where
    F: Fn(&'a TargetScan) -> T,
    T: Future<Output = Result<(), Fault>>,
{
    let mut results: Vec<Result<(), Fault>> = Vec::with_capacity(batch.len());
    for scan in batch {
        let result = match results.last() {
            Some(Err(fault)) if fault.stops_the_lane() => Err(fault.clone()),
            _ => tell(scan).await,
        };
        results.push(result);
    }
    results
}
