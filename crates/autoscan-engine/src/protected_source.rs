//! Every source is wrapped once, as every target is: its words hold no secret, and a panic in its code is a fault of its own.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use autoscan_core::ports::{Source, SourceBatch, SourceFault};
use autoscan_core::redact::Redaction;
use futures_util::FutureExt as _;

use crate::protected::message;

struct ProtectedSource {
    source: Arc<dyn Source>,
    redaction: Redaction,
}

/// The same source, whose words hold no secret and whose panics are faults.
pub(crate) fn protected_source(source: Arc<dyn Source>, redaction: Redaction) -> Arc<dyn Source> {
    Arc::new(ProtectedSource { source, redaction })
}

impl ProtectedSource {
    fn hide(&self, text: &str) -> String {
        self.redaction.hide(text).into_owned()
    }
}

#[async_trait]
impl Source for ProtectedSource {
    async fn next(&self, place: Option<&str>) -> Result<SourceBatch, SourceFault> {
        match AssertUnwindSafe(self.source.next(place)).catch_unwind().await {
            Ok(Ok(batch)) => Ok(batch),
            Ok(Err(SourceFault::Away(reason))) => Err(SourceFault::Away(self.hide(&reason))),
            Ok(Err(SourceFault::Refused(reason))) => Err(SourceFault::Refused(self.hide(&reason))),
            Ok(Err(SourceFault::Busy { after, reason })) => {
                Err(SourceFault::Busy { after, reason: self.hide(&reason) })
            }
            Err(panic) => Err(SourceFault::Away(self.hide(&format!(
                "autoscan itself failed while it read this source; that is a bug of autoscan, please report it: {}",
                message(&*panic)
            )))),
        }
    }
}
