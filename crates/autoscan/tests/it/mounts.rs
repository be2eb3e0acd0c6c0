//! Real mounts that hang and die: a folder mounted through FUSE by `bindfs`, where this machine has it.

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::harness::{Home, PATIENCE, Program, episode};
use crate::servers;

/// A folder that another program shows at a second place.
struct Mount {
    program: Child,
    at: PathBuf,
}

impl Mount {
    /// None where the machine cannot mount.
    fn new(what: &Path, at: &Path) -> Option<Self> {
        fs::create_dir_all(what).unwrap();
        fs::create_dir_all(at).unwrap();
        let mut bindfs = Command::new("bindfs");
        let started = bindfs.arg("-f").arg(what).arg(at).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut mount = Self { program: started.ok()?, at: at.to_owned() };
        let start = Instant::now();
        while !mount.stands() {
            if mount.program.try_wait().unwrap().is_some() || start.elapsed() > PATIENCE {
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
        Some(mount)
    }

    fn stands(&self) -> bool {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        table.lines().any(|line| line.split(' ').nth(4) == self.at.to_str())
    }

    fn signal(&self, name: &str) {
        let id = self.program.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.signal("CONT");
        let unmounted = Command::new("umount").arg("-l").arg(&self.at).status();
        let _gone = unmounted.and_then(|_| self.program.kill()).and_then(|()| self.program.wait());
    }
}

/// Media on a mount and media beside it, and a Plex that sees both.
struct Setup {
    home: Home,
    plex: autoscan_testkit::PretendPlex,
}

impl Setup {
    fn new() -> Self {
        let (home, plex) = (Home::new(""), servers::plex());
        let root = home.path("").to_str().unwrap().trim_end_matches('/').to_owned();
        let config = fs::read_to_string(home.path("config.yml")).unwrap();
        let lines = format!(
            "files: {{ settle: 0s }}\ntriggers: {{ sonarr: [{{ name: sonarr }}] }}\ntargets:\n  plex: [{{ name: plex, url: '{}', token: plex-token, map: {{ {root}/mounted: /data/tv, {root}/beside: /data/tv }} }}]\n",
            plex.http.url()
        );
        home.write("config.yml", &format!("{config}{lines}"));
        Self { home, plex }
    }

    fn mount(&self) -> Option<Mount> {
        Mount::new(&self.home.path("behind"), &self.home.path("mounted"))
    }

    /// An episode that is there for an hour already, and its webhook.
    fn import(&self, program: &Program, on_disk: &str, seen: &str, show: &str) {
        self.home.write(&format!("{on_disk}/{show}/S01/a.mkv"), "film");
        let file =
            File::options().write(true).open(self.home.path(&format!("{on_disk}/{show}/S01/a.mkv"))).unwrap();
        let long_ago = earlier(Duration::from_hours(1));
        file.set_times(FileTimes::new().set_modified(long_ago)).unwrap();
        program.sonarr(&episode(self.home.path(&format!("{seen}/{show}")).to_str().unwrap(), "S01/a.mkv"));
    }

    fn told(&self, show: &str) -> usize {
        self.told_at(&format!("/data/tv/{show}/S01"))
    }

    fn told_at(&self, folder: &str) -> usize {
        self.plex.scans().iter().filter(|scan| scan.path.as_deref() == Some(folder)).count()
    }
}

#[expect(clippy::disallowed_methods, reason = "the disk keeps real time")]
fn earlier(by: Duration) -> SystemTime {
    SystemTime::now() - by
}

fn held(program: &Program, show: &str, says: &str) -> bool {
    let scans = program.scans();
    let scan = scans.iter().find(|scan| scan["folder"].as_str().unwrap().contains(show));
    let delivery = scan.map_or(&Value::Null, |scan| &scan["deliveries"][0]);
    delivery["state"] == "held" && delivery["error"].as_str().unwrap().contains(says)
}

#[test]
fn a_mount_that_hangs_holds_only_what_is_under_it() {
    let setup = Setup::new();
    let Some(mount) = setup.mount() else {
        return eprintln!("skipped: this machine has no bindfs or no FUSE");
    };
    let program = setup.home.serve();
    setup.import(&program, "behind", "mounted", "Before");
    program.until("all is well before", || setup.told("Before") == 1);
    mount.signal("STOP");
    for number in 0..30 {
        setup.import(&program, "behind", "mounted", &format!("Hung {number}"));
    }
    setup.import(&program, "beside", "beside", "Free");
    program.until("what lies beside is told", || setup.told("Free") == 1);
    program.until("the rest is held", || held(&program, "Hung 29", "does not answer"));
    mount.signal("CONT");
    program
        .until("all goes on by itself", || (0..30).all(|number| setup.told(&format!("Hung {number}")) == 1));
}

#[test]
fn a_link_that_leads_onto_a_hung_mount_holds_nothing_beside_it() {
    let setup = Setup::new();
    let Some(mount) = setup.mount() else {
        return eprintln!("skipped: this machine has no bindfs or no FUSE");
    };
    fs::create_dir_all(setup.home.path("beside")).unwrap();
    std::os::unix::fs::symlink(setup.home.path("mounted"), setup.home.path("beside/link")).unwrap();
    let program = setup.home.serve();
    mount.signal("STOP");
    for number in 0..30 {
        setup.import(&program, "behind", "beside/link", &format!("Hung {number}"));
    }
    program.until("what is behind the link is held", || held(&program, "Hung 29", "does not answer"));
    for number in 0..10 {
        setup.import(&program, "beside", "beside", &format!("Free {number}"));
    }
    program.until("what lies beside the link is told", || {
        (0..10).all(|number| setup.told(&format!("Free {number}")) == 1)
    });
    let scans = program.scans();
    let blames = scans.iter().find(|scan| scan["folder"].as_str().unwrap().contains("Hung 29")).unwrap();
    assert!(blames.to_string().contains("/mounted"), "the mount that hangs is named: {blames}");
    mount.signal("CONT");
    let all_told = || (0..30).all(|number| setup.told_at(&format!("/data/tv/link/Hung {number}/S01")) == 1);
    program.until("all goes on by itself", all_told);
}

#[test]
fn a_link_whose_mount_vanished_holds_what_is_behind_it() {
    let setup = Setup::new();
    let Some(mount) = setup.mount() else {
        return eprintln!("skipped: this machine has no bindfs or no FUSE");
    };
    fs::create_dir_all(setup.home.path("beside")).unwrap();
    std::os::unix::fs::symlink(setup.home.path("mounted"), setup.home.path("beside/link")).unwrap();
    let program = setup.home.serve();
    setup.import(&program, "behind", "beside/link", "Before");
    program.until("all is well before", || setup.told_at("/data/tv/link/Before/S01") == 1);
    drop(mount);
    setup.import(&program, "behind", "beside/link", "After");
    program.until("it is held", || {
        let scans = program.scans();
        let after = scans.iter().find(|scan| scan["folder"].as_str().unwrap().contains("After"));
        after.is_some_and(|scan| scan.to_string().contains("was a mount and is none now"))
    });
    assert_eq!(setup.told_at("/data/tv/link/After/S01"), 0);
}

#[test]
fn a_mount_whose_program_died_holds_and_goes_on_when_it_is_mounted_again() {
    let setup = Setup::new();
    let Some(mount) = setup.mount() else {
        return eprintln!("skipped: this machine has no bindfs or no FUSE");
    };
    let program = setup.home.serve();
    mount.signal("KILL");
    setup.import(&program, "behind", "mounted", "Show");
    program.until("it is held", || held(&program, "Show", "not connected"));
    drop(mount);
    let _again = setup.mount().unwrap();
    program.until("it goes on by itself", || setup.told("Show") == 1);
}

#[test]
fn a_library_that_was_away_for_ten_seconds_is_all_trash_and_none_of_it_is_emptied() {
    const FILMS: usize = 5_000;
    let plex = servers::plex();
    let home = Home::new("");
    let (behind, mounted) = (home.path("behind"), home.path("mounted"));
    for number in 0..FILMS {
        home.write(&format!("behind/Film {number}/Film {number}.mkv"), "film");
    }
    let mount = || Mount::new(&behind, &mounted);
    let Some(first) = mount() else {
        return eprintln!("skipped: this machine has no bindfs or no FUSE");
    };
    plex.sees("/data/movies", &mounted);
    let config = fs::read_to_string(home.path("config.yml")).unwrap();
    let root = mounted.to_str().unwrap();
    // No limit stands in the way but the mount itself.
    let trash = "empty-trash: { after: always, max-items: 1000000, max-percent: 100 }";
    let lines = format!(
        "files: {{ settle: 0s }}\ntriggers: {{ radarr: [{{ name: radarr }}] }}\ntargets:\n  plex: [{{ name: plex, url: '{}', token: plex-token, map: {{ {root}: /data/movies }}, {trash} }}]\n",
        plex.http.url()
    );
    home.write("config.yml", &format!("{config}{lines}"));
    let program = home.serve();
    let newest =
        |field: &str| program.scans()[0]["deliveries"][0][field].as_str().unwrap_or_default().to_owned();
    let import = |name: &str| {
        home.write(&format!("behind/{name}/{name}.mkv"), "film");
        film(&program, mounted.join(name).to_str().unwrap(), &format!("{name}.mkv"));
    };
    // The whole library is known, and one import is told while all is well: its trash is empty.
    look_at_all(&plex);
    import("Before");
    program.until("the first film is seen", || {
        newest("state") == "seen" && program.scans()[0]["state"] == "done"
    });
    assert_eq!(plex.times_emptied("2"), 0, "there is no trash: {}", newest("note"));

    drop(first);
    fs::remove_dir_all(&mounted).unwrap();
    fs::create_dir(&mounted).unwrap();
    film(&program, mounted.join("Away").to_str().unwrap(), "Away.mkv");
    // Plex looks by itself, as it does once an hour.
    look_at_all(&plex);
    assert!(plex.item("/data/movies/Film 7/Film 7.mkv").is_some_and(|item| item.trash));
    program
        .until("what comes meanwhile is held", || newest("state") == "held" || waits_for_the_mount(&program));
    thread::sleep(Duration::from_secs(10));

    let _again = mount().unwrap();
    home.write("behind/Away/Away.mkv", "film");
    import("After");
    program.until_within(Duration::from_secs(90), "both films are seen", || {
        program.scans().iter().all(|scan| scan["state"] == "done" && scan["deliveries"][0]["state"] == "seen")
    });
    assert_eq!(plex.times_emptied("2"), 0, "{}", program.printed());
    assert!(newest("note").contains("was gone"), "{}", newest("note"));
}

/// Plex looks at the whole library of films.
fn look_at_all(plex: &autoscan_testkit::PretendPlex) {
    let host = plex.http.url();
    let host = host.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let request = format!(
        "GET /library/sections/2/refresh HTTP/1.1\r\nHost: {host}\r\nX-Plex-Token: plex-token\r\nConnection: close\r\n\r\n"
    );
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let answer = crate::harness::read_answer(&mut stream).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn waits_for_the_mount(program: &Program) -> bool {
    let scan = &program.scans()[0];
    scan["state"] == "waiting" && scan["note"].as_str().is_some_and(|note| note.contains("mount"))
}

fn film(program: &Program, folder: &str, file: &str) {
    let body = serde_json::json!({
        "eventType": "Download", "movie": { "folderPath": folder }, "movieFile": { "relativePath": file },
    });
    let answer = program.ask("POST", "/triggers/radarr", &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
}
