//! `autoscan healthcheck`: for containers, without curl.

use crate::client::Client;
use crate::{End, output};

pub(crate) async fn run(client: &Client) -> Result<End, String> {
    client.get(&["ready"], &[]).await?;
    output::line("healthy");
    Ok(End::Well)
}
