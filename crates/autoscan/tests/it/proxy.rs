//! Behind a real nginx, where this machine has one: below a sub-path, stripped by the proxy or not, and with TLS.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::browser::{Browser, Screen};
use crate::harness::{Program, free_port};
use crate::media_setup::{MediaSetup, imported};
use crate::servers::block_on;

/// A proxy in front of one autoscan. It ends with the test.
struct Nginx {
    process: Child,
    /// As the browser sees it.
    base: String,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _gone = self.process.kill().and_then(|()| self.process.wait().map(drop));
    }
}

/// How the proxy hands on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// `/autoscan/…` as it is.
    SubPath,
    /// `/autoscan/…` without `/autoscan`.
    Stripped,
    /// Everything, from HTTPS.
    Tls,
}

impl Nginx {
    fn start(setup: &MediaSetup, way: Way) -> Option<Self> {
        let folder = setup.home.path("nginx");
        fs::create_dir_all(&folder).unwrap();
        let (port, behind) = (free_port(), setup.home.port);
        let at = folder.display();
        let (listen, location) = match way {
            Way::SubPath => (String::new(), format!("/autoscan/ {{ proxy_pass http://127.0.0.1:{behind};")),
            Way::Stripped => (String::new(), format!("/autoscan/ {{ proxy_pass http://127.0.0.1:{behind}/;")),
            Way::Tls => {
                let (certificate, key) = certificate(&folder);
                let keys = format!("ssl_certificate {certificate}; ssl_certificate_key {key};");
                (format!(" ssl; {keys}"), format!("/ {{ proxy_pass http://127.0.0.1:{behind};"))
            }
        };
        let listen = if listen.is_empty() { ";".to_owned() } else { listen };
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 128; }}\n\
             http {{ access_log off; client_body_temp_path {at}/1; proxy_temp_path {at}/2; fastcgi_temp_path {at}/3;\n\
             uwsgi_temp_path {at}/4; scgi_temp_path {at}/5;\n\
             server {{ listen 127.0.0.1:{port}{listen}\n\
             location {location} proxy_http_version 1.1; proxy_set_header Host $http_host;\n\
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; }} }} }}\n"
        );
        fs::write(folder.join("nginx.conf"), config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(folder.join("nginx.conf"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = match command.spawn() {
            Ok(process) => process,
            Err(error) => {
                eprintln!("skipped: there is no nginx on this machine ({error})");
                return None;
            }
        };
        let base = match way {
            Way::Tls => format!("https://127.0.0.1:{port}"),
            Way::SubPath | Way::Stripped => format!("http://127.0.0.1:{port}/autoscan"),
        };
        Some(Self { process, base })
    }
}

/// A certificate of our own making.
fn certificate(folder: &std::path::Path) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let path: PathBuf = folder.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    (write("cert.pem", made.cert.pem()), write("key.pem", made.signing_key.serialize_pem()))
}

/// The setup, with these lines in its config.
fn setup(lines: &str) -> (MediaSetup, Program) {
    let setup = MediaSetup::with_lines(lines, "");
    let program = setup.home.serve();
    (setup, program)
}

#[test]
fn behind_a_proxy_a_person_logs_in_looks_around_and_sees_what_comes_in() {
    for (way, lines) in [
        (Way::SubPath, "base-url: /autoscan\n"),
        (Way::Stripped, "base-url: /autoscan\n"),
        (Way::Tls, "trusted-proxies: [127.0.0.1]\n"),
    ] {
        let (setup, program) = setup(lines);
        let Some(nginx) = Nginx::start(&setup, way) else { return };
        block_on(async {
            let Some(browser) = Browser::open(Screen::Desk, &nginx.base).await else { return };
            browser.log_in().await;
            for path in ["/", "/scans", "/manual-scan", "/triggers", "/targets", "/config"] {
                browser.go(path).await;
                browser.inspect(&format!("proxy-{way:?}")).await;
                let styled = browser.ask("return getComputedStyle(document.body).display;").await;
                assert_eq!(styled, "flex", "{way:?} {path}: the style sheet is found");
            }
            let cookies = browser.client.get_all_cookies().await.unwrap();
            let cookie = cookies.iter().find(|cookie| cookie.name().contains("autoscan")).unwrap();
            assert_eq!(cookie.secure() == Some(true), way == Way::Tls, "{way:?}");
            assert_eq!(cookie.http_only(), Some(true), "{way:?}");

            browser.go("/").await;
            setup.put("tv/Show/Season 01/Show - S01E01.mkv", 10);
            browser.ask("window.notReloaded = true;").await;
            imported(&program, "Show", "Season 01/Show - S01E01.mkv");
            let done = "return [...document.querySelectorAll('a.figure')].some((each) => /1\\s*done/.test(each.innerText));";
            browser.until(done).await;
            let stayed = browser.ask("return window.notReloaded === true;").await;
            assert_eq!(stayed, true, "{way:?}: it was told, and not reloaded");
            browser.press("Log out").await;
            browser.find("#password").await;
            browser.close().await;
        });
    }
}
