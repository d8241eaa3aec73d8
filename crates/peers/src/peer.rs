//! A running server.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::builder::{Mode, PeerBuilder};
use crate::builtin;
use crate::flavour::{Setup, flavour};
use crate::key::TsigKey;
use crate::kind::Kind;
use crate::port::{Holder, holder};
use crate::process::Process;
use crate::scratch::{Scratch, copy_tree, must, write};
use crate::tools::nsupdate;
use crate::wire::{Answer, ask, try_ask_do};

/// A server that [`PeerBuilder::start`] started. It ends, and its files go, when this is dropped.
///
/// Every method panics when what it asks for cannot be done.
#[derive(Debug)]
pub struct Peer {
    // Before the folder: the process ends first.
    process: Process,
    setup: Setup,
    ready_within: Duration,
    key_file: PathBuf,
}

/// What [`Peer::backup`] took.
#[derive(Debug)]
pub struct Backup(Scratch);

impl Peer {
    /// Starts the server. The error says that the port was taken by somebody else.
    #[track_caller]
    pub(crate) fn start(setup: Setup, ready_within: Duration) -> Result<Self, String> {
        let ways = flavour(setup.kind);
        ways.configure(&setup);
        if setup.shares.is_none() {
            ways.first_data(&setup);
        }
        let key_file = setup.scratch.path().join("update.key");
        write(&key_file, &setup.key.file_text());
        let process = Process::new(ways.argv(&setup), setup.scratch.path().join("log"));
        let mut peer = Self {
            process,
            setup,
            ready_within,
            key_file,
        };
        peer.process.start();
        peer.try_ready()?;
        if peer.kind() == Kind::PowerDns && peer.setup.shares.is_none() {
            peer.wait_for_housekeeping();
        }
        if peer.kind() == Kind::Builtin {
            builtin::fill(&peer);
        }
        Ok(peer)
    }

    /// PowerDNS writes the notified serial once after its start. An UPDATE that meets this write
    /// gets SERVFAIL ("database is locked"): a transaction that has read cannot wait for another's
    /// write.
    #[track_caller]
    fn wait_for_housekeeping(&self) {
        let deadline = Instant::now() + self.ready_within;
        while !self.log_tail().contains("Request to queue notification") {
            let log = self.log_tail();
            assert!(
                Instant::now() < deadline,
                "PowerDNS looked at no zone:\n{log}"
            );
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(Duration::from_millis(50));
    }

    /// A BIND that follows this server: it transfers its zones and is told of changes (NOTIFY).
    #[track_caller]
    pub fn follower(&mut self) -> Self {
        let follower = PeerBuilder::start_following(self);
        self.setup.followers.push(follower.addr());
        flavour(self.setup.kind).configure(&self.setup);
        match self.setup.kind {
            Kind::Builtin => self.restart(),
            kind => flavour(kind).reconfigure(&self.setup),
        }
        follower
    }

    /// A second process of PowerDNS on the same database, which keeps answers for `cache` seconds
    /// (20 is PowerDNS's default).
    #[track_caller]
    pub fn twin(&self, cache: u32) -> Self {
        PeerBuilder::start_beside(self, cache)
    }

    /// Edits the server's only zone as somebody else does, with `nsupdate`; names are absolute.
    ///
    /// PowerDNS over SQLite answers SERVFAIL, having done nothing, where its own notifier writes to
    /// the database at that moment, as it does after each start: it is asked again.
    #[track_caller]
    pub fn nsupdate(&self, lines: &str) {
        let zones: Vec<&str> = self.setup.zones.iter().map(|z| z.name.as_str()).collect();
        assert_eq!(zones.len(), 1, "nsupdate is for servers of one zone");
        let lines = format!("zone {}\n{lines}", zones.concat());
        let ask = || nsupdate(self.addr(), &["-v", "-t", "5"], &self.key_file, &lines);
        let mut output = ask();
        for _ in 0..10 {
            if output.status.success() || !self.log_tail().contains("database is locked") {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
            output = ask();
        }
        let log = self.log_tail();
        assert!(output.status.success(), "{lines}: {output:?}\n{log}");
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.setup.kind
    }

    /// Where it answers, over UDP and TCP.
    pub fn addr(&self) -> SocketAddr {
        self.setup.port.addr()
    }

    /// Its folder. `data` in it holds the zones, `log` what the server printed.
    pub fn dir(&self) -> &Path {
        self.setup.scratch.path()
    }

    /// The key that may update and transfer, as `tsig-keygen` writes it.
    pub fn key_file(&self) -> &Path {
        &self.key_file
    }

    /// The key's name, without the last dot.
    pub fn key_name(&self) -> &str {
        &self.setup.key.name
    }

    /// A key file with the right name and another secret (BADSIG, where the server tells).
    #[track_caller]
    pub fn wrong_secret_key_file(&self) -> PathBuf {
        self.write_key("wrong-secret.key", &TsigKey::random(&self.setup.key.name))
    }

    /// A key file with a name that the server does not know (BADKEY, where the server tells).
    #[track_caller]
    pub fn unknown_key_file(&self) -> PathBuf {
        self.write_key("unknown.key", &TsigKey::random("somebody-else"))
    }

    #[track_caller]
    fn write_key(&self, name: &str, key: &TsigKey) -> PathBuf {
        let file = self.dir().join(name);
        write(&file, &key.file_text());
        file
    }

    /// Process id of the server.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The end of what the server printed.
    pub fn log_tail(&self) -> String {
        self.process.log_tail()
    }

    /// All that the server printed.
    ///
    /// # Panics
    /// When its log can't be read.
    #[track_caller]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Asks it one question; see [`ask`].
    #[track_caller]
    pub fn ask(&self, name: &str, rtype: &str) -> Answer {
        ask(self.addr(), name, rtype)
    }

    /// Stops it where it stands (SIGSTOP), and waits until it does.
    #[track_caller]
    pub fn stop(&self) {
        self.process.stop();
    }

    /// Lets it go on (SIGCONT).
    #[track_caller]
    pub fn cont(&self) {
        self.process.cont();
    }

    /// Kills it (SIGKILL). [`restart`](Self::restart) starts it again with the data it left.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends it in order if it runs, starts it with the same data, and waits until it answers.
    #[track_caller]
    pub fn restart(&mut self) {
        self.process.end();
        self.process.start();
        self.wait_ready();
    }

    /// Stops updates of a zone: `rndc freeze`, `knotc zone-freeze`. PowerDNS has no such thing.
    #[track_caller]
    pub fn freeze(&self, zone: &str) {
        flavour(self.setup.kind).freeze(&self.setup, self.known(zone));
    }

    /// Ends a [`freeze`](Self::freeze).
    #[track_caller]
    pub fn thaw(&self, zone: &str) {
        flavour(self.setup.kind).thaw(&self.setup, self.known(zone));
    }

    /// Replaces a zone by this zone file, as a deployment that knows nothing of updates does:
    /// everything that updates wrote is gone, the serial is the file's (or what the server makes
    /// of it).
    #[track_caller]
    pub fn reload_from(&self, zone: &str, text: &str) {
        flavour(self.setup.kind).reload_from(&self.setup, self.known(zone), text);
    }

    /// A copy of the server's data at one moment: the process is stopped while it is taken, as
    /// a snapshot of a disk would catch it.
    #[track_caller]
    pub fn backup(&self) -> Backup {
        let backup = Backup(Scratch::new("backup"));
        let moves = self.process.runs() && !self.process.stopped();
        if moves {
            self.stop();
        }
        copy_tree(&self.setup.data(), &backup.0.path().join("data"));
        if moves {
            self.cont();
        }
        backup
    }

    /// Ends the server, puts the data of the backup in place of its own, and starts it.
    #[track_caller]
    pub fn restore(&mut self, backup: &Backup) {
        self.process.end();
        let data = self.setup.data();
        must(fs::remove_dir_all(&data), "remove", &data);
        copy_tree(&backup.0.path().join("data"), &data);
        self.restart();
    }

    /// Waits until the server answers for every zone, signed where it signs.
    #[track_caller]
    pub fn wait_ready(&mut self) {
        if let Err(taken) = self.try_ready() {
            panic!("{taken}");
        }
    }

    /// As [`wait_ready`](Self::wait_ready); the error says that somebody else holds the port.
    #[track_caller]
    fn try_ready(&mut self) -> Result<(), String> {
        let kind = self.setup.kind;
        let deadline = Instant::now() + self.ready_within;
        loop {
            let ended = self.process.ended();
            let holder = holder(self.setup.port.number(), self.process.pid());
            if holder == Holder::Others {
                return Err(format!(
                    "{}: another process listens on {kind}'s port",
                    self.addr()
                ));
            }
            if let Some(status) = ended {
                panic!(
                    "{kind} ended ({status}) instead of serving:\n{}",
                    self.log_tail()
                );
            }
            if holder == Holder::Alone
                && self
                    .setup
                    .zones
                    .iter()
                    .all(|zone| self.serves(&zone.name, zone.mode))
            {
                return Ok(());
            }
            let patience = self.ready_within;
            assert!(
                Instant::now() < deadline,
                "{kind} was not ready after {patience:?}:\n{}",
                self.log_tail()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn serves(&self, zone: &str, mode: Mode) -> bool {
        let signed = mode != Mode::Plain;
        try_ask_do(self.addr(), zone, "SOA", signed).is_ok_and(|answer| {
            answer.authoritative
                && answer.serial().is_some()
                && (!signed || !answer.data("RRSIG").is_empty())
        })
    }

    /// The zone's name as the setup has it.
    #[track_caller]
    fn known(&self, zone: &str) -> &str {
        let wanted = zone.trim_end_matches('.');
        let found = self
            .setup
            .zones
            .iter()
            .find(|known| known.name.eq_ignore_ascii_case(wanted));
        found.map_or_else(
            || panic!("{} has no zone {zone}", self.setup.kind),
            |zone| &zone.name,
        )
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }
}
