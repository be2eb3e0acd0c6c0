//! `autoscan healthcheck`: for containers, without curl.

use crate::client::Client;
use crate::command_end::CommandEnd;
use crate::output;

pub(crate) async fn run(client: &Client) -> Result<CommandEnd, String> {
    client.get(&["ready"], &[]).await?;
    output::line("healthy");
    Ok(CommandEnd::Well)
}
