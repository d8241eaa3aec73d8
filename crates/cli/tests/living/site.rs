//! A folder with config and store, the binary run in it, and other people's tools.

use peers::{Kind, Mode, Peer, zone_text};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::kit::{self, Config, Process};
pub(crate) use crate::kit::{Ended, Server, ZONE, binary};

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

/// A server with the test's zone.
pub(crate) fn start(kind: Kind, mode: Mode, records: &str) -> Peer {
    let text = zone_text(ZONE, records);
    let builder = kit::server(kind).mode(mode).zone(ZONE, &text);
    builder.ready_within(Duration::from_secs(90)).start()
}

/// The server as the config describes it.
pub(crate) fn server(peer: &Peer) -> Server {
    Server::of(peer, "timeout = \"2s\"\nread-back = \"4s\"\n")
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
        let ignore = "ignore = [\"free.**\", \"_acme-challenge.shop.w\"]\n";
        let text = Config {
            state: "state",
            content: "zone",
            critical: &self.critical,
            zone: &format!("{ignore}{}", self.zone),
            servers: &self.servers,
        }
        .text();
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
        Process::start(command, log)
    }
}

/// Somebody else's edits, with `nsupdate`: names are relative to the zone's.
#[track_caller]
pub(crate) fn nsupdate(peer: &Peer, edits: &[&str]) {
    let absolute = |edit: &&str| {
        let mut words: Vec<String> = edit.splitn(4, ' ').map(str::to_owned).collect();
        words[2] = format!("{}.{ZONE}.", words[2]);
        words.join(" ")
    };
    let edits: Vec<String> = edits.iter().map(absolute).collect();
    peer.nsupdate(&edits.join("\n"));
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
