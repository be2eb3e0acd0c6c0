//! The pages: how long the server takes for them with a long history, how large they are, and what a thousand people who
//! watch cost.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use autoscan_bench::load::millis;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::Effort;
use crate::history;
use crate::report::{Row, median};
use crate::webhooks::{MANY, play};
use crate::workspace::{PASSWORD, Settings, USERNAME, Workspace};

const GOAL_OVERVIEW: (&str, &str) = ("overview, 1 000 000 scans", "≤ 20 ms");
const GOAL_SCANS: (&str, &str) = ("first page of scans, 1 000 000 scans", "≤ 20 ms");
const GOAL_PAGE: (&str, &str) = ("largest page", "≤ 60 kB");
const GOAL_ASSETS: (&str, &str) = ("style, script and icon together", "≤ 120 kB");
const GOAL_WATCHED: (&str, &str) = ("PSS for 1 000 live listeners", "≤ 10 MB");
const GOAL_UNHINDERED: (&str, &str) = ("webhooks/s beside 1 000 live listeners", "≥ 0.9 of those without");

const PAGES: [&str; 8] =
    ["/", "/scans", "/manual-scan", "/triggers", "/targets", "/setup", "/log", "/config"];
const LISTENERS: usize = 1_000;
/// Listeners that come from one address.
const AN_ADDRESS: usize = 10;

/// The four rows about pages.
pub(crate) fn rows(workspace: &Workspace, effort: Effort) -> Vec<Row> {
    let pages = measure(workspace, effort).unwrap_or_else(|error| {
        let goals = [GOAL_OVERVIEW, GOAL_SCANS, GOAL_PAGE, GOAL_ASSETS];
        goals.map(|(what, goal)| Row::failed(what, goal, &error)).into()
    });
    let live = listeners(workspace, effort).unwrap_or_else(|error| {
        [GOAL_WATCHED, GOAL_UNHINDERED].map(|(what, goal)| Row::failed(what, goal, &error)).into()
    });
    pages.into_iter().chain(live).collect()
}

fn measure(workspace: &Workspace, effort: Effort) -> Result<Vec<Row>> {
    let folder = workspace.fresh()?;
    workspace.autoscan(folder.path(), &Settings::intake())?.stop()?;
    history::fill(&folder.path().join("autoscan.db"), effort.history)?;
    let server = workspace.autoscan(folder.path(), &Settings::intake())?;
    let cookie = log_in(server.address)?;
    let mut rows = Vec::new();
    for ((what, goal), path) in [(GOAL_OVERVIEW, "/"), (GOAL_SCANS, "/scans")] {
        let mut times = Vec::new();
        for _ in 0..effort.webhooks {
            let start = Instant::now();
            get(server.address, path, &cookie)?;
            times.push(millis(start.elapsed()));
        }
        times.sort_by(f64::total_cmp);
        let slow = times[times.len() * 99 / 100];
        let usual = median(times);
        rows.push(Row::new(what, goal, format!("{usual:.1} ms (p99 {slow:.1} ms)"), slow <= 20.0));
    }
    let mut largest = ("", 0);
    for path in PAGES {
        let page = get(server.address, path, &cookie)?;
        largest = if page.len() > largest.1 { (path, page.len()) } else { largest };
    }
    let kilobytes = kilobytes(largest.1);
    rows.push(Row::new(
        GOAL_PAGE.0,
        GOAL_PAGE.1,
        format!("{kilobytes:.1} kB ({})", largest.0),
        kilobytes <= 60.0,
    ));
    rows.push(assets(server.address, &cookie)?);
    server.stop()?;
    Ok(rows)
}

fn assets(address: SocketAddr, cookie: &str) -> Result<Row> {
    let page = get(address, "/", cookie)?;
    let mut names: Vec<&str> = page.split('"').filter(|text| text.starts_with("/assets/")).collect();
    names.sort_unstable();
    names.dedup();
    ensure!(names.len() >= 2, "the page names {} assets", names.len());
    let mut bytes = 0;
    for name in names {
        bytes += get(address, name, cookie)?.len();
    }
    let kilobytes = kilobytes(bytes);
    Ok(Row::new(GOAL_ASSETS.0, GOAL_ASSETS.1, format!("{kilobytes:.1} kB"), kilobytes <= 120.0))
}

/// Two servers beside each other, one of them watched.
fn listeners(workspace: &Workspace, effort: Effort) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (alone, watched) = (workspace.fresh()?, workspace.fresh()?);
    let alone = workspace.autoscan(alone.path(), &Settings::intake())?;
    let watched = workspace.autoscan(watched.path(), &Settings::intake())?;
    for server in [&alone, &watched] {
        play(server, MANY, Duration::from_millis(500), 0)?;
    }
    std::thread::sleep(Duration::from_secs(2));
    let before = watched.pss_mb()?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let address = watched.address;
    let opened = runtime.block_on(open(address))?;
    // Each reads what it is sent, on a thread of its own, until the end.
    let reading = std::thread::spawn(move || runtime.block_on(read_on(opened, stopped)));
    std::thread::sleep(Duration::from_secs(2));
    let grown = watched.pss_mb()? - before;
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for round in 0..effort.rounds {
        let part = u64::from(round) + 1;
        let (without, with) =
            (play(&alone, MANY, effort.time, part)?, play(&watched, MANY, effort.time, part)?);
        ratios.push(with.per_second / without.per_second);
        rates.push(with.per_second);
    }
    stop.send_replace(true);
    let events = reading.join().map_err(|_broken| anyhow::anyhow!("the listeners broke"))?;
    ensure!(events > 0, "no listener was told anything");
    alone.stop()?;
    watched.stop()?;
    let (ratio, rate) = (median(ratios), median(rates));
    Ok(vec![
        Row::new(GOAL_WATCHED.0, GOAL_WATCHED.1, format!("{grown:.1} MB"), grown <= 10.0),
        Row::new(GOAL_UNHINDERED.0, GOAL_UNHINDERED.1, format!("{ratio:.2} ({rate:.0}/s)"), ratio >= 0.9),
    ])
}

/// Listeners from a hundred addresses of this machine: people do not all sit behind one.
async fn open(address: SocketAddr) -> Result<Vec<tokio::net::TcpStream>> {
    let login = BASE64_STANDARD.encode(format!("{USERNAME}:{PASSWORD}"));
    let request = format!(
        "GET /api/v1/live HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {login}\r\nAccept: text/event-stream\r\n\r\n"
    );
    let mut opened = Vec::new();
    for number in 0..LISTENERS {
        let socket = TcpSocket::new_v4()?;
        let last = u8::try_from(2 + number / AN_ADDRESS % 250)?;
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0))?;
        let mut stream = socket.connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        ensure!(head.ends_with(b" 200"), "listener {number}: {}", String::from_utf8_lossy(&head));
        opened.push(stream);
    }
    Ok(opened)
}

/// Reads all until the stop; answers how many bytes came.
async fn read_on(opened: Vec<tokio::net::TcpStream>, stopped: tokio::sync::watch::Receiver<bool>) -> usize {
    let mut tasks = tokio::task::JoinSet::new();
    for mut stream in opened {
        let mut stopped = stopped.clone();
        tasks.spawn(async move {
            let (mut bytes, mut room) = (0, vec![0; 1024]);
            loop {
                tokio::select! {
                    read = stream.read(&mut room) => match read {
                        Ok(0) | Err(_) => return bytes,
                        Ok(read) => bytes += read,
                    },
                    _ = stopped.changed() => return bytes,
                }
            }
        });
    }
    tasks.join_all().await.into_iter().sum()
}

/// Logs in at the form; answers the cookie.
fn log_in(address: SocketAddr) -> Result<String> {
    let (head, page) = ask(address, "GET", "/login", "", "")?;
    let cookie = cookie_of(&head).context("the login sets no cookie")?;
    let token = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let token = token.context("the login has no token")?;
    let form = format!("csrf={token}&username={USERNAME}&password={PASSWORD}&next=%2F");
    let (head, _) = ask(address, "POST", "/login", &cookie, &form)?;
    cookie_of(&head).context("the login was refused")
}

fn cookie_of(head: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("set-cookie:"))?;
    Some(line.split_once(':')?.1.split(';').next()?.trim().to_owned())
}

/// A page that must be there.
fn get(address: SocketAddr, path: &str, cookie: &str) -> Result<String> {
    let (head, body) = ask(address, "GET", path, cookie, "")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{path}: {}", head.lines().next().unwrap_or_default());
    Ok(body)
}

fn ask(address: SocketAddr, method: &str, path: &str, cookie: &str, form: &str) -> Result<(String, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if !cookie.is_empty() {
        request = request + "Cookie: " + cookie + "\r\n";
    }
    if method == "POST" {
        let kind = "application/x-www-form-urlencoded";
        let length = form.len().to_string();
        request = request + "Content-Type: " + kind + "\r\nContent-Length: " + &length + "\r\n";
    }
    stream.write_all(format!("{request}\r\n{form}").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8(answer).context("an answer that is no text")?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { bail!("{path}: no whole answer") };
    Ok((head.to_owned(), body.to_owned()))
}

#[expect(clippy::cast_precision_loss, reason = "no page has that many bytes")]
fn kilobytes(bytes: usize) -> f64 {
    bytes as f64 / 1000.0
}
