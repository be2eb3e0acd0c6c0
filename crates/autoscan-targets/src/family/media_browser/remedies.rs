//! What these servers do to mend a cause when a person asks for it: one scan of a library.

use std::collections::HashSet;

use autoscan_core::cause::Remedy;
use autoscan_core::fault::Fault;

use crate::family::libraries;
use crate::family::media_browser::scan::send;
use crate::family::media_browser::server::MediaBrowser;

/// Asks the server to scan the library once. What else waits for a scan of it need ask for none.
pub(crate) async fn apply(server: &impl MediaBrowser, remedy: &Remedy) -> Result<(), Fault> {
    let Remedy::ScanLibrary { library, id } = remedy;
    let product = server.product();
    if !libraries::list(server).await?.iter().any(|known| known.id == *id) {
        return Err(Fault::wrong(format!("{product} has no library {library:?} any more")));
    }
    match send(server, id).await {
        Ok(()) => {
            server.state().scan_sent(id, &HashSet::new());
            Ok(())
        }
        Err(Fault::Wrong { reason }) => {
            let refuses = format!(
                "{product} refuses to scan the library {library:?} alone ({reason}): start its scan there"
            );
            Err(Fault::wrong(refuses))
        }
        Err(fault) => Err(fault),
    }
}
