//! Load by hand: posts distinct Sonarr bodies to a running server and prints the figures as one line of JSON.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use autoscan_bench::load::Load;
use clap::Parser;

#[derive(Parser)]
#[command(about = "Posts distinct Sonarr webhooks and prints requests a second, p50 and p99 as JSON")]
struct Arguments {
    /// The server, such as 127.0.0.1:3030.
    address: SocketAddr,
    /// The path to post to.
    #[arg(long, default_value = "/triggers/sonarr")]
    path: String,
    /// The user of Basic authentication.
    #[arg(long, requires = "password")]
    username: Option<String>,
    /// The password of Basic authentication.
    #[arg(long, requires = "username")]
    password: Option<String>,
    /// Connections that are used at once.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// At most this many requests.
    #[arg(long, default_value_t = 1_000_000)]
    requests: u64,
    /// At most this many seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The number of the first series; each request takes the next.
    #[arg(long, default_value_t = 0)]
    first: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let load = Load {
        address: arguments.address,
        path: arguments.path,
        login: arguments.username.zip(arguments.password),
        connections: arguments.connections,
        requests: arguments.requests,
        time: Duration::from_secs(arguments.seconds),
        first: arguments.first,
    };
    println!("{}", serde_json::to_string(&load.run()?)?);
    Ok(())
}
