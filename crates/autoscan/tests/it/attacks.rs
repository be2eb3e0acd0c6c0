//! What somebody tries who does not belong here, on the real binary.

use std::io::Write;
use std::process::Stdio;
use std::thread;

use crate::harness::{Answer, Home, PASSWORD, Program, base64, episode, login};

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let line = answer.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_default()
}

fn cookie(answer: &Answer) -> String {
    format!("Cookie: {}", header(answer, "set-cookie").split(';').next().unwrap())
}

/// Logs in as a browser does; answers the cookie, or the status that refused.
fn logs_in(program: &Program, password: &str, more: &[&str]) -> Result<String, u16> {
    let page = program.request("GET", "/login", more, b"");
    let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = format!("csrf={csrf}&username=autoscan&password={password}");
    let planted = cookie(&page);
    let headers: Vec<&str> = more.iter().copied().chain([planted.as_str()]).collect();
    let answer = program.request("POST", "/login", &headers, form.as_bytes());
    if answer.status == 303 { Ok(cookie(&answer)) } else { Err(answer.status) }
}

fn stats(program: &Program, cookie: &str) -> u16 {
    program.request("GET", "/api/v1/stats", &[cookie], b"").status
}

#[test]
fn a_session_outlives_a_restart_and_ends_with_the_password() {
    let home = Home::new("");
    let program = home.serve();
    let cookie = logs_in(&program, PASSWORD, &[]).unwrap();
    assert_eq!(stats(&program, &cookie), 200);
    program.kill();
    let program = home.serve();
    assert_eq!(stats(&program, &cookie), 200);
    program.stop();
    let config = std::fs::read_to_string(home.path("config.yml")).unwrap();
    home.write("config.yml", &config.replace(PASSWORD, "another"));
    let program = home.serve();
    assert_eq!(stats(&program, &cookie), 401);
    assert!(logs_in(&program, "another", &[]).is_ok());
    assert_eq!(logs_in(&program, PASSWORD, &[]), Err(401));
}

#[test]
fn the_hash_that_the_program_prints_lets_its_password_in() {
    let home = Home::new("");
    let mut hashing =
        home.command(&["hash-password"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    hashing.stdin.take().unwrap().write_all(b"hunter2\n").unwrap();
    let hash = String::from_utf8(hashing.wait_with_output().unwrap().stdout).unwrap();
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let config = std::fs::read_to_string(home.path("config.yml")).unwrap();
    let written =
        config.replace(&format!("password: {PASSWORD}"), &format!("password-hash: '{}'", hash.trim()));
    home.write("config.yml", &written);
    let program = home.serve();
    let cookie = logs_in(&program, "hunter2", &[]).unwrap();
    assert_eq!(stats(&program, &cookie), 200);
    assert_eq!(logs_in(&program, hash.trim(), &[]), Err(401));
    let basic = format!("Authorization: Basic {}", base64(b"autoscan:hunter2"));
    let webhook = program.request("POST", "/triggers/manual?path=/tv", &[&basic], b"");
    assert_eq!(webhook.status, 200, "{webhook:?}");
    assert!(!program.printed().contains("argon2id"));
}

#[test]
fn behind_a_trusted_proxy_each_address_guesses_for_itself_and_tls_makes_cookies_secure() {
    let home = Home::new("trusted-proxies: [127.0.0.1]");
    let program = home.serve();
    let from = |address: &str| {
        let forwarded = format!("X-Forwarded-For: 203.0.113.9, {address}");
        program.request("GET", "/api/v1/stats", &["X-Api-Key: wrong", &forwarded], b"").status
    };
    for _ in 0..20 {
        assert_eq!(from("198.51.100.1"), 401);
    }
    assert_eq!(from("198.51.100.1"), 429);
    assert_eq!(from("198.51.100.2"), 401);
    let right = |address: &str| {
        let forwarded = format!("X-Forwarded-For: {address}");
        program.request("GET", "/api/v1/stats", &[&login(), &forwarded], b"").status
    };
    assert_eq!((right("198.51.100.1"), right("198.51.100.2")), (429, 200));
    let page = program.request("GET", "/login", &["X-Forwarded-Proto: https"], b"");
    assert!(header(&page, "set-cookie").starts_with("__Host-autoscan_session="), "{page:?}");
    assert!(header(&page, "set-cookie").contains("; Secure; "), "{page:?}");
    assert!(!header(&page, "strict-transport-security").is_empty());
    assert!(logs_in(&program, PASSWORD, &["X-Forwarded-Proto: https"]).is_ok());

    let alone = Home::new("").serve();
    let page = alone.request("GET", "/login", &["X-Forwarded-Proto: https"], b"");
    assert!(!header(&page, "set-cookie").contains("Secure"), "nobody trusted said so: {page:?}");
}

#[test]
fn lines_that_are_smuggled_into_a_header_reach_no_answer_and_no_log() {
    let home = Home::new("log: { level: debug }");
    let program = home.serve();
    for id in ["a\r\nSet-Cookie: evil=1", "a\nX-Evil: 1", "a b", "\u{1b}[31mred"] {
        let header = format!("X-Correlation-ID: {id}");
        // What is no header at all is answered with 400, or not at all.
        let Some(answer) = program.try_request("GET", "/health", &[&header], b"") else { continue };
        assert!(!answer.head.contains("evil") && !answer.head.contains("x-evil"), "{answer:?}");
        assert!(!self::header(&answer, "x-request-id").contains('\u{1b}'));
    }
    let answer = program.request("GET", "/health", &["X-Correlation-ID: id-of-the-sender"], b"");
    assert_eq!(header(&answer, "x-request-id"), "id-of-the-sender");
    program.until("the line of the log names the id", || {
        program.printed().contains("request_id") && program.printed().contains("id-of-the-sender")
    });
    assert!(!program.printed().contains("[31mred"));
}

#[test]
fn slow_and_oversized_senders_keep_nobody_waiting() {
    let home = Home::new("triggers: { sonarr: [{ name: sonarr }] }");
    let program = home.serve();
    let slow: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = program.connect().unwrap();
            stream.write_all(b"POST /triggers/sonarr HTTP/1.1\r\nhost: x\r\nx-drip: ").unwrap();
            stream
        })
        .collect();
    let large = vec![b' '; 5 << 20];
    assert_eq!(program.request("POST", "/triggers/sonarr", &[&login()], &large).status, 413);
    assert_eq!(program.request("POST", "/login", &[], &large).status, 403);
    program.sonarr(&episode("/tv/Show", "a.mkv"));
    assert_eq!(slow.len(), 200);
}

#[test]
fn over_tls_the_commands_still_find_the_server_and_a_wrong_file_is_named() {
    let home = Home::new("tls: { cert: cert.pem, key: key.pem }");
    let made = rcgen::generate_simple_self_signed(["nas.example".to_owned()]).unwrap();
    home.write("cert.pem", &made.cert.pem());
    let refused = home.ends(&["serve"]);
    let said = &refused.err;
    assert!(refused.code == Some(1) && said.contains("tls.key: ") && said.contains("key.pem"), "{refused:?}");
    home.write("key.pem", &made.signing_key.serialize_pem());
    let mut server = home.command(&["serve"]).stderr(Stdio::null()).spawn().unwrap();
    let healthy = (0..300).any(|_| {
        thread::sleep(std::time::Duration::from_millis(50));
        home.ends(&["healthcheck"]).code == Some(0)
    });
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(healthy);
}
