//! Real servers, one store, and any number of `steadfast` processes.
// Several tests share it, and none uses all of it.
#![allow(dead_code)]

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cell::enactor::open_book;
use cell::store::Store;
use peers::{Kind, Peer, zone_text};
use steadfast_core::book::Book;

use crate::kit::{Config, Process, Server, server};
pub(crate) use crate::kit::{Ended, ZONE, binary};

/// What the config says beside names and addresses.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Keys of the zone.
    pub(crate) zone: &'static str,
    /// Keys of each server.
    pub(crate) server: &'static str,
    /// The critical names.
    pub(crate) critical: &'static str,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            zone: "keep = 3\nmax-update = 2000",
            server: "",
            critical: r#"["www"]"#,
        }
    }
}

/// Servers of one zone, and the folder with configs and store.
pub(crate) struct Rig {
    pub(crate) peers: Vec<Peer>,
    options: Options,
    runs: Cell<u32>,
}

impl Rig {
    /// Starts one server of each kind with these records; nothing is adopted.
    pub(crate) fn new(kinds: &[Kind], records: &str, options: Options) -> Rig {
        let text = zone_text(ZONE, records);
        let start = |kind: &Kind| server(*kind).zone(ZONE, &text).start();
        let rig = Rig {
            peers: kinds.iter().map(start).collect(),
            options,
            runs: Cell::new(0),
        };
        fs::create_dir(rig.dir()).unwrap();
        rig
    }

    /// As [`Rig::new`], adopted by the store `state`.
    pub(crate) fn adopted(kinds: &[Kind], records: &str, options: Options) -> Rig {
        let rig = Rig::new(kinds, records, options);
        let config = rig.config("adopt", records);
        rig.run(&config, &["adopt", ZONE]).expect(0);
        rig
    }

    /// The folder with configs and stores. It goes with the first server.
    pub(crate) fn dir(&self) -> PathBuf {
        self.peers[0].dir().join("cell")
    }

    /// The first server.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peers[0]
    }

    /// A config with this content, over the shared store.
    pub(crate) fn config(&self, name: &str, records: &str) -> PathBuf {
        self.config_on(name, records, "state")
    }

    /// A config with this content, over that store.
    pub(crate) fn config_on(&self, name: &str, records: &str, state: &str) -> PathBuf {
        let more = self.options.server;
        let servers: Vec<Server> = self.peers.iter().map(|p| Server::of(p, more)).collect();
        let text = Config {
            state,
            content: &format!("{name}.zone"),
            critical: self.options.critical,
            zone: self.options.zone,
            servers: &servers,
        }
        .text();
        fs::write(
            self.dir().join(format!("{name}.zone")),
            zone_text(ZONE, records),
        )
        .unwrap();
        let file = self.dir().join(format!("{name}.toml"));
        fs::write(&file, text).unwrap();
        file
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, config: &Path, args: &[&str]) -> Ended {
        self.spawn(config, args, "").ended()
    }

    /// Applies this content, from a config of its own.
    pub(crate) fn apply(&self, name: &str, records: &str) -> Ended {
        let config = self.config(name, records);
        self.run(&config, &["apply", ZONE, "--yes"])
    }

    /// Starts the binary, with failpoints.
    pub(crate) fn spawn(&self, config: &Path, args: &[&str], failpoints: &str) -> Process {
        let run = self.runs.replace(self.runs.get() + 1);
        let log = self.dir().join(format!("run-{run}.log"));
        let mut command = Command::new(binary());
        command.arg("--config").arg(config).args(args);
        Process::start(command.env("STEADFAST_FAILPOINT", failpoints), log)
    }

    /// The ledger of the shared store; its chain is checked while it is read.
    pub(crate) fn book(&self) -> Book {
        self.book_of("state")
    }

    /// The ledger of that store.
    pub(crate) fn book_of(&self, state: &str) -> Book {
        let store = Store::open_read_only(&self.dir().join(state)).unwrap();
        open_book(&store, &format!("{ZONE}.")).unwrap()
    }

    /// Each server's owned content is that of the ledger's present configuration.
    pub(crate) fn assert_whole(&self) {
        let mut book = self.book();
        let configuration = book.state().configuration;
        let head = book.head().unwrap();
        for (id, server) in &book.state().servers {
            assert!(server.is_whole_at(configuration), "{id}: {server:#?}");
        }
        for peer in &self.peers {
            let standing = transfer(peer);
            let differing: Vec<String> = head
                .diff(&standing)
                .iter()
                .map(|c| format!("{} {}", c.name(), c.rtype()))
                .filter(|c| !c.starts_with("_steadfast") && !c.ends_with(" SOA"))
                .collect();
            assert!(differing.is_empty(), "{}: {differing:?}", peer.kind());
        }
    }
}

/// What a server holds, by AXFR.
pub(crate) fn transfer(peer: &Peer) -> dns::Zone {
    let text = fs::read_to_string(peer.key_file()).unwrap();
    let secret = text.split('"').nth(3).unwrap();
    let name = dns::Name::absolute(peer.key_name()).unwrap();
    let key = dns::tsig::Key::from_base64(name, dns::tsig::Algorithm::Sha256, secret).unwrap();
    let zone = dns::Name::absolute(ZONE).unwrap();
    let server = cell::servers::Rfc2136::new(zone, peer.addr(), key, Default::default());
    server.transfer().unwrap().zone
}
