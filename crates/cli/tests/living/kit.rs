//! A folder with config and store, the binary run in it, and other people's tools.

use peers::{Kind, Mode, Peer, PeerBuilder, zone_text};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The zone of every test.
pub(crate) const ZONE: &str = "example.com";

/// How long anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// One server of the config.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) key: PathBuf,
    /// More keys of its table.
    pub(crate) more: String,
}

/// Where `steadfast` runs: a config, a zone file, a store.
pub(crate) struct Site {
    pub(crate) dir: PathBuf,
    pub(crate) servers: Vec<Server>,
    /// More keys of the zone's table.
    pub(crate) zone: String,
    /// The critical names, as TOML.
    pub(crate) critical: String,
    runs: Cell<u32>,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: by a signal.
    pub(crate) code: Option<i32>,
    /// Standard output and standard error.
    pub(crate) said: String,
}

/// A server with the test's zone.
pub(crate) fn start(kind: Kind, mode: Mode, records: &str) -> Peer {
    let text = zone_text(ZONE, records);
    let builder = PeerBuilder::new(kind).mode(mode).zone(ZONE, &text);
    let peer = builder.ready_within(Duration::from_secs(90)).start();
    if kind == Kind::PowerDns {
        wait_for_housekeeping(&peer);
    }
    peer
}

/// PowerDNS writes the notified serial once after its start; an UPDATE at that moment gets SERVFAIL.
fn wait_for_housekeeping(peer: &Peer) {
    let end = Instant::now() + Duration::from_secs(5);
    while !peer.log_tail().contains("Request to queue notification") && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(50));
}

/// The server as the config describes it.
pub(crate) fn server(peer: &Peer) -> Server {
    Server {
        address: peer.addr(),
        key: peer.key_file().to_owned(),
        more: "timeout = \"2s\"\nread-back = \"4s\"\n".into(),
    }
}

impl Site {
    /// A folder below the first server's, which goes with it.
    pub(crate) fn new(peer: &Peer, records: &str) -> Site {
        Site::of(peer, vec![server(peer)], records)
    }

    pub(crate) fn of(home: &Peer, servers: Vec<Server>, records: &str) -> Site {
        let dir = home.dir().join("site");
        fs::create_dir(&dir).unwrap();
        let site = Site {
            dir,
            servers,
            zone: String::new(),
            critical: "[\"www\"]".into(),
            runs: Cell::new(0),
        };
        site.wants(records);
        site
    }

    /// As [`Site::new`], adopted.
    #[track_caller]
    pub(crate) fn adopted(peer: &Peer, records: &str) -> Site {
        let site = Site::new(peer, records);
        site.run(&["adopt", ZONE]).expect(0);
        site
    }

    /// Another cell over the same servers: a store of its own.
    pub(crate) fn other(&self, name: &str, records: &str) -> Site {
        let site = Site {
            dir: self.dir.join(name),
            servers: self.servers.clone(),
            zone: self.zone.clone(),
            critical: self.critical.clone(),
            runs: Cell::new(0),
        };
        fs::create_dir(&site.dir).unwrap();
        site.wants(records);
        site
    }

    /// Writes what the zone shall hold, and the config.
    pub(crate) fn wants(&self, records: &str) {
        fs::write(self.dir.join("zone"), zone_text(ZONE, records)).unwrap();
        let names: Vec<String> = (1..=self.servers.len())
            .map(|n| format!("\"ns{n}\""))
            .collect();
        let mut text = format!(
            "[cell]\nname = \"test\"\nstate = \"state\"\n\n[zone.\"{ZONE}\"]\ncontent = \"zone\"\n\
             servers = [{}]\nown = [\"**\"]\nignore = [\"free.**\", \"_acme-challenge.shop.w\"]\n\
             critical = {}\n{}\n[zone.\"{ZONE}\".limits]\n\
             delete = {{ count = 5000 }}\nchange = {{ count = 5000 }}\ncreate = {{ count = 5000 }}\n",
            names.join(", "),
            self.critical,
            self.zone
        );
        for (n, server) in self.servers.iter().enumerate() {
            let (n, address, key) = (n + 1, server.address, server.key.display());
            let _ = write!(
                text,
                "\n[server.ns{n}]\ntype = \"rfc2136\"\naddress = \"{address}\"\nkey-file = \"{key}\"\n{}\n",
                server.more
            );
        }
        fs::write(self.dir.join("steadfast.toml"), text).unwrap();
    }

    /// Runs the binary to its end.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.spawn(args, "").ended()
    }

    /// Applies what the zone file holds.
    #[track_caller]
    pub(crate) fn apply(&self) -> Ended {
        self.run(&["apply", ZONE, "--yes"])
    }

    /// Starts the binary, with failpoints.
    pub(crate) fn spawn(&self, args: &[&str], failpoints: &str) -> Process {
        self.start(self.command(args).env("STEADFAST_FAILPOINT", failpoints))
    }

    /// The binary in this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(args).current_dir(&self.dir);
        command
    }

    /// Starts a command, its output in a file.
    pub(crate) fn start(&self, command: &mut Command) -> Process {
        let run = self.runs.replace(self.runs.get() + 1);
        let log = self.dir.join(format!("run-{run}.log"));
        let out = File::create(&log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stderr(out.try_clone().unwrap())
            .stdout(out)
            .spawn()
            .unwrap();
        Process { child, log }
    }
}

/// The binary that is shipped, where the test's caller built it.
pub(crate) fn binary() -> PathBuf {
    let built = env!("CARGO_BIN_EXE_steadfast");
    std::env::var_os("STEADFAST_BIN").map_or_else(|| built.into(), PathBuf::from)
}

impl Ended {
    /// Fails unless it ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "{}", self.said);
        self
    }

    /// Fails unless it said all of this.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Ended {
        for words in words {
            assert!(
                self.said.contains(words),
                "{words:?} is not in:\n{}",
                self.said
            );
        }
        self
    }
}

/// A running process. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Waits until it has stopped itself at a failpoint.
    #[track_caller]
    pub(crate) fn wait_stopped(&mut self) {
        let stopped = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
            Some(stat.rsplit_once(") ")?.1.starts_with('T'))
        };
        let end = Instant::now() + PATIENCE;
        while stopped() != Some(true) {
            let ended = stopped().is_none() || Instant::now() >= end;
            assert!(!ended, "it did not stop: {}", self.said());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets it go on.
    pub(crate) fn cont(&self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-CONT", &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// What it said so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(mut self) -> Ended {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let (code, said) = (status.code(), self.said());
                return Ended { code, said };
            }
            assert!(Instant::now() < end, "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody else's edits, with `nsupdate`: names are relative to the zone's.
#[track_caller]
pub(crate) fn nsupdate(peer: &Peer, edits: &[&str]) {
    let (ip, port) = (peer.addr().ip(), peer.addr().port());
    let absolute = |edit: &&str| {
        let mut words: Vec<String> = edit.splitn(4, ' ').map(str::to_owned).collect();
        words[2] = format!("{}.{ZONE}.", words[2]);
        words.join(" ")
    };
    let edits: Vec<String> = edits.iter().map(absolute).collect();
    let edits = edits.join("\n");
    let script = format!("server {ip} {port}\nzone {ZONE}\n{edits}\nsend\n");
    let mut child = Command::new("nsupdate")
        .arg("-k")
        .arg(peer.key_file())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success(), "{script}");
}

/// The records of a transfer, one a line, as `dig` prints them.
#[track_caller]
pub(crate) fn axfr(peer: &Peer) -> BTreeSet<String> {
    axfr_of(peer.addr(), peer.key_file())
}

#[track_caller]
pub(crate) fn axfr_of(address: SocketAddr, key: &Path) -> BTreeSet<String> {
    let port = address.port().to_string();
    let out = Command::new("dig")
        .args([&format!("@{}", address.ip()), "-p", &port, "-k"])
        .arg(key)
        .args(["+noall", "+answer", "+time=30", ZONE, "AXFR"])
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let lines = text
        .lines()
        .filter(|l| !l.starts_with(';') && !l.trim().is_empty());
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let all: BTreeSet<String> = lines.map(words).collect();
    assert!(!all.is_empty(), "no transfer: {text}");
    all
}

/// The addresses that a server answers for a name, sorted.
#[track_caller]
pub(crate) fn a(peer: &Peer, name: &str) -> Vec<String> {
    let answer = peer.ask(&format!("{name}.{ZONE}"), "A");
    answer.data("A").into_iter().map(str::to_owned).collect()
}

/// The marker on a server, as one string; empty: none.
#[track_caller]
pub(crate) fn marker(peer: &Peer) -> String {
    let answer = peer.ask(&format!("_steadfast.{ZONE}"), "TXT");
    answer.data("TXT").join("|")
}
