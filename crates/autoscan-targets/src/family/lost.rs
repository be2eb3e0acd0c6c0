//! When a telling that brought nothing is believed lost.

use std::time::Duration;

/// A server that looks at once has long begun after this: when it does nothing then and still does not show the files, it dropped
/// what it was told.
pub(crate) const LOST_AFTER: Duration = Duration::from_mins(2);
