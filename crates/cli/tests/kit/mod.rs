//! What tests of the shipped binary share: its config, its processes, and how they end.
// Each test takes what it needs of it.
#![allow(dead_code)]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use peers::{Kind, Peer, PeerBuilder};
use rustix::process::{Pid, Signal, kill_process};

/// The zone of every test.
pub(crate) const ZONE: &str = "example.com";

/// Every server that a zone may stand on: other people's, and ours.
pub(crate) const KINDS: [Kind; 4] = [Kind::Bind, Kind::Knot, Kind::PowerDns, Kind::Builtin];

/// A server of this kind; ours runs the binary under test.
pub(crate) fn server(kind: Kind) -> PeerBuilder {
    PeerBuilder::new(kind).binary(binary())
}

/// How long anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// One server of a config.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Its `type`.
    pub(crate) is: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) key: PathBuf,
    /// More keys of its table.
    pub(crate) more: String,
}

/// A config of one zone.
pub(crate) struct Config<'a> {
    /// The folder of the store.
    pub(crate) state: &'a str,
    /// The zone file.
    pub(crate) content: &'a str,
    /// The critical names, as TOML.
    pub(crate) critical: &'a str,
    /// More keys of the zone's table.
    pub(crate) zone: &'a str,
    pub(crate) servers: &'a [Server],
}

impl Server {
    /// The server as a config describes it.
    pub(crate) fn of(peer: &Peer, more: &str) -> Server {
        Server {
            is: "rfc2136",
            address: peer.addr(),
            key: peer.key_file().to_owned(),
            more: more.into(),
        }
    }
}

impl Config<'_> {
    /// Its text.
    pub(crate) fn text(&self) -> String {
        let Config {
            state,
            content,
            critical,
            zone,
            servers,
        } = self;
        let ids: Vec<String> = (1..=servers.len()).map(|n| format!("\"ns{n}\"")).collect();
        let mut text = format!(
            "[cell]\nname = \"test\"\nstate = \"{state}\"\n\n[zone.\"{ZONE}\"]\ncontent = \"{content}\"\n\
             servers = [{}]\nown = [\"**\"]\ncritical = {critical}\n{zone}\n\n[zone.\"{ZONE}\".limits]\n\
             delete = {{ count = 5000 }}\nchange = {{ count = 5000 }}\ncreate = {{ count = 5000 }}\n",
            ids.join(", ")
        );
        for (n, server) in servers.iter().enumerate() {
            let (n, address, key) = (n + 1, server.address, server.key.display());
            let is = server.is;
            let _ = write!(
                text,
                "\n[server.ns{n}]\ntype = \"{is}\"\naddress = \"{address}\"\nkey-file = \"{key}\"\n{}\n",
                server.more
            );
        }
        text
    }
}

/// The binary that is shipped, where the test's caller built it.
pub(crate) fn binary() -> PathBuf {
    let built = env!("CARGO_BIN_EXE_steadfast");
    std::env::var_os("STEADFAST_BIN").map_or_else(|| built.into(), PathBuf::from)
}

/// The binary where no name resolves (I10): in a mount namespace of its own, in which `resolv.conf`
/// points at a closed port and the hosts file is empty. It replaces the shell, so that signals reach
/// it. `folder` takes the two files.
pub(crate) fn blind(folder: &Path) -> Command {
    let (resolver, hosts) = (folder.join("resolv.conf"), folder.join("hosts"));
    let closed = "nameserver 127.0.0.254\noptions timeout:1 attempts:1\n";
    fs::write(&resolver, closed).unwrap();
    fs::write(&hosts, "").unwrap();
    let script = "mount --bind \"$1\" /etc/resolv.conf && mount --bind \"$2\" /etc/hosts \
        && cmp -s \"$1\" /etc/resolv.conf && ! test -s /etc/hosts \
        || { echo no-namespace; exit 99; }; shift 2; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c", script, "sh"]);
    command.arg(&resolver).arg(&hosts).arg(binary());
    command
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: by a signal.
    pub(crate) code: Option<i32>,
    /// Standard output and standard error.
    pub(crate) said: String,
}

impl Ended {
    /// Fails unless it ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "{}", self.said);
        self
    }

    /// Fails where [`blind`] could not be: then nothing was shown.
    #[track_caller]
    pub(crate) fn was_blind(self) -> Ended {
        let blind = self.code != Some(99) && !self.said.contains("unshare:");
        assert!(blind, "no private mount namespace here: {}", self.said);
        self
    }

    /// Fails unless it said all of this.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Ended {
        for words in words {
            let said = &self.said;
            assert!(said.contains(words), "{words:?} is not in:\n{said}");
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
    /// Starts a command, its output in a file.
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> Process {
        let out = File::create(&log).unwrap();
        let piped = command.stdin(Stdio::null());
        let child = piped.stderr(out.try_clone().unwrap()).stdout(out).spawn();
        Process {
            child: child.unwrap(),
            log,
        }
    }

    /// Waits until it has stopped itself at a failpoint.
    #[track_caller]
    pub(crate) fn wait_stopped(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.state() != Some('T') {
            let ended = self.child.try_wait().unwrap().is_some();
            let runs = !ended && Instant::now() < deadline;
            assert!(runs, "it did not stop: {}", self.said());
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

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits until it has said this.
    #[track_caller]
    pub(crate) fn wait_says(&mut self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.said().contains(words) {
            let on = self.runs() && Instant::now() < deadline;
            assert!(on, "it does not say {words:?}: {}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGKILL, and waits. Says whether it was still running.
    pub(crate) fn kill(mut self) -> bool {
        let _ = self.child.kill();
        self.child.wait().unwrap().code().is_none()
    }

    /// Whether it has not ended yet.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
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
            let soon = Instant::now() < deadline;
            assert!(soon, "it does not end: {}", self.said());
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
