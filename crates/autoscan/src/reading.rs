//! Reads the config and the files that it names. They may lie on a share that hangs: every read has an end.

use std::path::Path;
use std::time::Duration;

use crate::disk::{Unanswered, Workers};

/// How long a read is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads files of settings on threads that may block.
pub(crate) struct ConfigReader(Workers);

impl Default for ConfigReader {
    fn default() -> Self {
        Self(Workers::new(PATIENCE))
    }
}

impl ConfigReader {
    /// What `read` answers. The error is a sentence: it took too long, or one that took too long before has not ended yet.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        self.0.run(Path::new("config"), read).await.map_err(|unanswered| match unanswered {
            Unanswered::Silent => format!(
                "The config, or a file that it names, could not be read within {} s. Check that the disk or share on which it \
                 lies answers, then try again",
                PATIENCE.as_secs()
            ),
            Unanswered::Broken(reason) => format!("Reading the config failed: {reason}"),
        })
    }
}
