//! Many who come at once, and want nothing good.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::{Home, PASSWORD, Program, base64, episode};
use crate::servers::block_on;

/// Lets this test open files for everybody. Whether it may.
fn many_files() -> bool {
    let limit = getrlimit(Resource::Nofile);
    let enough = limit.maximum.is_none_or(|most| most >= 12_000);
    if !enough || setrlimit(Resource::Nofile, Rlimit { current: Some(12_000), ..limit }).is_err() {
        println!("skipped: a process may open only {:?} files here", limit.maximum);
        return false;
    }
    true
}

/// A connection of one of the addresses of this machine; what it says first is sent. None when it is closed meanwhile.
async fn come(home: &Home, address: u8, says: &str) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, address], 0))).unwrap();
    let to = SocketAddr::from((IpAddr::from(Ipv4Addr::LOCALHOST), home.port));
    let mut stream = tokio::time::timeout(Duration::from_secs(20), socket.connect(to)).await.ok()?.ok()?;
    stream.write_all(says.as_bytes()).await.ok()?;
    Some(stream)
}

#[test]
fn thousands_who_drip_their_headers_from_one_address_keep_nobody_waiting() {
    if !many_files() {
        return;
    }
    let home = Home::new("triggers: { sonarr: [{ name: sonarr }] }");
    let program = home.serve();
    let mut slow = Vec::new();
    block_on(async {
        for _ in 0..4500 {
            slow.extend(come(&home, 2, "POST /triggers/sonarr HTTP/1.1\r\nhost: x\r\nx-drip: ").await);
        }
    });
    program.sonarr(&episode("/tv/Show", "a.mkv"));
    block_on(async {
        let mut ended = 0;
        for stream in &mut slow {
            let mut room = [0];
            let read = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut room)).await;
            ended += usize::from(read.is_ok());
        }
        // Those who have a place still drip: nobody waited for their half minute to be over.
        assert_eq!(ended, 4500 - 2048);
    });
}

#[test]
fn of_ten_thousand_live_streams_half_of_the_places_are_served_and_the_rest_is_told_to_come_again() {
    if !many_files() {
        return;
    }
    let home = Home::new("triggers: { sonarr: [{ name: sonarr }] }");
    let program = home.serve();
    let login = base64(format!("autoscan:{PASSWORD}").as_bytes());
    let request = format!("GET /api/v1/live HTTP/1.1\r\nhost: x\r\nauthorization: Basic {login}\r\n\r\n");
    let (mut open, mut refused) = (Vec::new(), 0);
    block_on(async {
        for number in 0..10_000_u32 {
            let address = u8::try_from(2 + number % 20).unwrap();
            let mut stream = come(&home, address, &request).await.unwrap();
            let mut head = [0; 12];
            stream.read_exact(&mut head).await.unwrap();
            match &head[9..] {
                b"200" => open.push(stream),
                b"503" => refused += 1,
                other => panic!("{}", String::from_utf8_lossy(other)),
            }
        }
    });
    assert_eq!((open.len(), refused), (2048, 10_000 - 2048));
    program.sonarr(&episode("/tv/Show", "a.mkv"));
    block_on(async {
        for stream in &mut open {
            let mut said = Vec::new();
            while !String::from_utf8_lossy(&said).contains("event: ") {
                let mut room = [0; 1024];
                let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut room)).await;
                let read = read.expect("nothing is told").unwrap();
                assert!(read > 0, "a stream ended");
                said.extend_from_slice(&room[..read]);
            }
        }
    });
    drop(open);
    program.until("there is room again", || {
        block_on(async {
            let mut stream = come(&home, 2, &request).await.unwrap();
            let mut head = [0; 12];
            stream.read_exact(&mut head).await.is_ok() && head.ends_with(b"200")
        })
    });
    program.stop();
}

/// The most memory that the program ever took, in KiB.
fn peak(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_request_of_sixty_thousand_paths_is_stored_within_60_mib() {
    let home = Home::new("");
    let home_text = std::fs::read_to_string(home.path("config.yml")).unwrap();
    home.write("config.yml", &home_text.replace("minimum-age: 0s", "minimum-age: 1h"));
    let program = home.serve();
    let path = |number| format!("path=/mnt/tv/Some+Show+{number}/Season+01/episode.mkv&");
    let form: String = (0..60_000).map(path).collect::<Vec<_>>().concat();
    let before = peak(&program);
    let stored = program.ask("POST", "/triggers/manual", &form);
    assert!(stored.status == 200 && stored.body.contains("60000 folders"), "{stored:?}");
    let grown = peak(&program) - before;
    assert!(grown < 60 << 10, "it grew by {grown} KiB");
    let queued = program.get("/api/v1/stats");
    assert_eq!(queued["waiting"], 60_000);
}
