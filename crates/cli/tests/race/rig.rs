//! Real servers, one store, and any number of `steadfast` processes.
// Several tests share it, and none uses all of it.
#![allow(dead_code)]

use std::cell::Cell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cell::enactor::open_book;
use cell::store::Store;
use peers::{Kind, Peer, PeerBuilder, zone_text};
use rustix::process::{Pid, Signal, kill_process};
use steadfast_core::book::Book;

/// The zone of every test.
pub(crate) const ZONE: &str = "example.com";

/// How long anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: by a signal.
    pub(crate) code: Option<i32>,
    /// Standard output and standard error.
    pub(crate) said: String,
}

impl Rig {
    /// Starts one server of each kind with these records; nothing is adopted.
    pub(crate) fn new(kinds: &[Kind], records: &str, options: Options) -> Rig {
        let text = zone_text(ZONE, records);
        let start = |kind: &Kind| PeerBuilder::new(*kind).zone(ZONE, &text).start();
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
        let ids: Vec<String> = (1..=self.peers.len())
            .map(|n| format!("\"ns{n}\""))
            .collect();
        let Options {
            zone,
            server,
            critical,
        } = &self.options;
        let mut text = format!(
            "[cell]\nname = \"test\"\nstate = \"{state}\"\n\n[zone.\"{ZONE}\"]\ncontent = \"{name}.zone\"\n\
             servers = [{}]\nown = [\"**\"]\ncritical = {critical}\n{zone}\n\n[zone.\"{ZONE}\".limits]\n\
             delete = {{ count = 5000 }}\nchange = {{ count = 5000 }}\ncreate = {{ count = 5000 }}\n",
            ids.join(", ")
        );
        for (n, peer) in self.peers.iter().enumerate() {
            let (n, address, key) = (n + 1, peer.addr(), peer.key_file().display());
            text += &format!(
                "\n[server.ns{n}]\ntype = \"rfc2136\"\naddress = \"{address}\"\nkey-file = \"{key}\"\n{server}\n"
            );
        }
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
        let out = File::create(&log).unwrap();
        let child = Command::new(binary())
            .arg("--config")
            .arg(config)
            .args(args)
            .env("STEADFAST_FAILPOINT", failpoints)
            .stdin(Stdio::null())
            .stderr(out.try_clone().unwrap())
            .stdout(out)
            .spawn()
            .unwrap();
        Process { child, log }
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
    let secret = text
        .split("secret \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let key = dns::tsig::Key::new(
        dns::Name::absolute(peer.key_name()).unwrap(),
        dns::tsig::Algorithm::Sha256,
        &unbase64(secret),
    )
    .unwrap();
    let zone = dns::Name::absolute(ZONE).unwrap();
    let server = cell::servers::Rfc2136::new(zone, peer.addr(), key, Default::default());
    server.transfer().unwrap().zone
}

fn unbase64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let word = chunk
            .iter()
            .fold(0u32, |w, c| w << 6 | u32::from(value(*c)));
        let word = word << (6 * (4 - chunk.len()));
        bytes.extend(&word.to_be_bytes()[1..chunk.len()]);
    }
    bytes
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

    /// Fails unless it said this.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Ended {
        assert!(
            self.said.contains(words),
            "{words:?} is not in:\n{}",
            self.said
        );
        self
    }
}

/// A running `steadfast`. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Waits until it has stopped itself at a failpoint.
    #[track_caller]
    pub(crate) fn wait_stopped(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.state() != Some('T') {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "it ended and never stopped: {}",
                self.said()
            );
            assert!(
                Instant::now() < deadline,
                "it did not stop: {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn state(&self) -> Option<char> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGCONT.
    pub(crate) fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGKILL, and waits. Says whether it was still running.
    pub(crate) fn kill(mut self) -> bool {
        let _ = self.child.kill();
        self.child.wait().unwrap().code().is_none()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// What it said so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let (code, said) = (status.code(), self.said());
                return Ended { code, said };
            }
            assert!(
                Instant::now() < deadline,
                "it does not end: {}",
                self.said()
            );
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
