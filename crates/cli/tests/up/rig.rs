//! Real servers, a config with an endpoint, and targets that can be stopped.

use crate::kit::{self, Config, Ended, Process, Server, ZONE, binary, server};
use crate::target::Target;
use peers::{Kind, Peer, Port, zone_text};
use std::cell::Cell;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const RECORDS: &str = "www 60 A 192.0.2.1\n";

pub(crate) struct Rig {
    pub(crate) peers: Vec<Peer>,
    pub(crate) targets: Vec<Target>,
    /// Where the daemon's own server listens, if it has one. It is the only one then.
    own: Option<Port>,
    dir: PathBuf,
    runs: Cell<u32>,
    port: Port,
}

impl Drop for Rig {
    fn drop(&mut self) {
        if self.own.is_some() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// The addresses of targets, counted from 1, as an answer has them.
pub(crate) fn all_of(targets: &[u8]) -> Vec<String> {
    targets.iter().map(|n| format!("127.0.3.{n}")).collect()
}

impl Rig {
    /// Servers of these kinds, adopted, with an endpoint of so many targets, of which `floor` stay.
    pub(crate) fn start(kinds: &[Kind], targets: u8, floor: u32) -> Rig {
        let text = zone_text(ZONE, RECORDS);
        let start = |kind: &Kind| server(*kind).zone(ZONE, &text).start();
        let peers: Vec<Peer> = kinds.iter().map(start).collect();
        let dir = peers[0].dir().join("cell");
        let rig = Rig::with(peers, None, dir, targets);
        rig.begin(floor);
        rig
    }

    /// As [`Rig::start`], with the daemon's own server and no other.
    pub(crate) fn own(targets: u8, floor: u32) -> Rig {
        let own = Port::reserve();
        let name = format!("sf-own-{}-{}", std::process::id(), own.number());
        let dir = std::env::temp_dir().join(name);
        let rig = Rig::with(Vec::new(), Some(own), dir, targets);
        rig.write_config(&rig.text("", floor));
        let up = rig.up_and_running();
        rig.begin(floor);
        up.signal(rustix::process::Signal::TERM);
        up.ended().expect(0);
        rig
    }

    fn with(peers: Vec<Peer>, own: Option<Port>, dir: PathBuf, targets: u8) -> Rig {
        let reserved = Port::reserve();
        let port = reserved.number();
        let target = |n| Target::new(SocketAddrV4::new(Ipv4Addr::new(127, 0, 3, n), port));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("zone"), zone_text(ZONE, RECORDS)).unwrap();
        Rig {
            peers,
            targets: (1..=targets).map(target).collect(),
            own,
            dir,
            runs: Cell::new(0),
            port: reserved,
        }
    }

    fn begin(&self, floor: u32) {
        self.write_config(&self.text("", floor));
        self.run(&["adopt", ZONE, "--yes"]).expect(0);
        self.write_config(&self.text("\"api\"", floor));
        self.run(&["apply", ZONE, "--yes"]).expect(0);
    }

    fn servers(&self) -> Vec<Server> {
        let own = self.own.iter().map(|port| Server {
            is: "builtin",
            address: port.addr(),
            key: self.dir.join("own.key"),
            more: String::new(),
        });
        let peers = self.peers.iter().map(|p| Server::of(p, ""));
        peers.chain(own).collect()
    }

    /// Where a server listens.
    pub(crate) fn address(&self, server: usize) -> SocketAddr {
        self.servers()[server].address
    }

    fn text(&self, critical: &str, floor: u32) -> String {
        let (servers, port) = (self.servers(), self.port.number());
        let config = Config {
            state: "state",
            content: "zone",
            critical: &format!("[\"www\", {critical}]"),
            zone: "",
            servers: &servers,
        };
        let regions = ["us-east", "eu-west", "ap-south"];
        let target = |(i, t): (usize, &Target)| {
            format!(
                "{{ address = \"{}\", region = \"{}\" }}",
                t.address.ip(),
                regions[i % 3]
            )
        };
        let targets: Vec<String> = self.targets.iter().enumerate().map(target).collect();
        format!(
            "{}\n[endpoint.\"api.{ZONE}\"]\npolicy = \"all-healthy\"\nttl = \"5s\"\nmin-targets = {floor}\nmin-regions = 1\n\
             max-withdraw = {{ targets = 1, per = \"1m\" }}\n\
             check = {{ type = \"http\", port = {port}, path = \"/\", interval = \"200ms\", timeout = \"150ms\", fall = 3, rise = 2 }}\n\
             targets = [ {} ]\n",
            config.text(),
            targets.join(", ")
        )
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.dir.clone()
    }

    pub(crate) fn config_text(&self) -> String {
        fs::read_to_string(self.dir().join("steadfast.toml")).unwrap()
    }

    pub(crate) fn write_config(&self, text: &str) {
        fs::write(self.dir().join("steadfast.toml"), text).unwrap();
    }

    fn log(&self) -> PathBuf {
        self.runs.set(self.runs.get() + 1);
        self.dir().join(format!("run-{}.log", self.runs.get()))
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        let mut command = Command::new(binary());
        command.args(args).current_dir(self.dir());
        Process::start(&mut command, self.log()).ended()
    }

    /// Starts the daemon.
    pub(crate) fn up(&self) -> Process {
        self.up_with(&[])
    }

    /// Starts the daemon, and waits until it runs.
    pub(crate) fn up_and_running(&self) -> Process {
        let mut up = self.up();
        up.wait_says("process=");
        up
    }

    pub(crate) fn up_with(&self, variables: &[(&str, &str)]) -> Process {
        let mut command = Command::new(binary());
        command.arg("up").current_dir(self.dir());
        command
            .env_remove("JOURNAL_STREAM")
            .envs(variables.iter().copied());
        Process::start(&mut command, self.log())
    }

    /// Starts the daemon where no name resolves.
    pub(crate) fn up_blind(&self) -> Process {
        let mut command = kit::blind(&self.dir);
        command.arg("up").current_dir(&self.dir);
        Process::start(command.env_remove("JOURNAL_STREAM"), self.log())
    }

    /// What a server answers for the endpoint.
    pub(crate) fn answers(&self, server: usize) -> Vec<String> {
        let answer = peers::ask(self.address(server), &format!("api.{ZONE}"), "A");
        answer.data("A").iter().map(|a| (*a).to_owned()).collect()
    }

    /// Waits until these servers answer with these targets.
    #[track_caller]
    pub(crate) fn wait_for(&self, targets: &[u8], servers: &[usize], within: Duration) {
        let wanted = all_of(targets);
        let what = format!("servers {servers:?} answer {wanted:?}");
        self.wait_until(within, &what, |rig| {
            servers.iter().all(|s| rig.answers(*s) == wanted)
        });
    }

    /// Waits until every target was asked often enough to be known for well.
    pub(crate) fn passes(&self) {
        let asked = |t: &Target| t.asked.load(Ordering::Relaxed);
        let before: Vec<u32> = self.targets.iter().map(asked).collect();
        self.wait_until(Duration::from_secs(20), "every target is asked", |rig| {
            let now = rig.targets.iter().map(asked);
            now.zip(&before).all(|(now, before)| now >= before + 4)
        });
    }

    #[track_caller]
    pub(crate) fn wait_until(&self, within: Duration, what: &str, is: impl Fn(&Rig) -> bool) {
        let end = Instant::now() + within;
        while !is(self) {
            if Instant::now() > end {
                let status = self.run(&["status"]).said;
                let log = self.run(&["log", ZONE, "-n", "30"]).said;
                panic!("not within {within:?}: {what}\n{status}\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
