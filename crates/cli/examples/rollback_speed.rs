//! How long an automatic rollback takes: from the check that fails to the last server's read-back,
//! beside its floor, the writes themselves. `cargo xtask bench leash` runs it; words: the binary,
//! rounds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::disallowed_types)] // It measures: the clock is its subject.

use cell::store::Store;
use peers::{Kind, Peer, PeerBuilder, zone_text};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use steadfast_core::ledger::{Entry, Event};

const ZONE: &str = "example.com";
const KINDS: [(Kind, &str); 3] = [
    (Kind::Bind, "bind"),
    (Kind::Knot, "knot"),
    (Kind::Builtin, "builtin"),
];
/// Within this everything has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with the config, gone with this.
struct Site {
    folder: PathBuf,
    binary: PathBuf,
    peers: Vec<Peer>,
}

/// One rollback, in milliseconds.
struct Round {
    /// From the failing check's last moment to the last read-back.
    whole: u64,
    /// Of it the writes: from the first decision to the last read-back.
    writes: u64,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let binary = PathBuf::from(words.first().expect("the binary's path"));
    let rounds = words.get(1).map_or(7, |n| n.parse().expect("a number"));
    let site = Site::new(binary);
    site.run(&["adopt", ZONE, "--yes"]);
    let all: Vec<Round> = (0..rounds).map(|n| site.round(n)).collect();
    let middle = |of: fn(&Round) -> u64| {
        let mut all: Vec<u64> = all.iter().map(of).collect();
        all.sort_unstable();
        format!(
            "{} ms ({}-{})",
            all[all.len() / 2],
            all[0],
            all[all.len() - 1]
        )
    };
    println!(
        "from the failing check to the last of {} servers read back, {rounds} rollbacks, medians (least-most):",
        KINDS.len()
    );
    println!("  whole: {}", middle(|r| r.whole));
    println!(
        "  its floor, the writes and their read-back: {}",
        middle(|r| r.writes)
    );
    println!("  beyond them: {}", middle(|r| r.whole - r.writes));
}

impl Site {
    fn new(binary: PathBuf) -> Site {
        let text = zone_text(ZONE, &records("good"));
        let start = |(kind, _): &(Kind, &str)| {
            let builder = PeerBuilder::new(*kind).binary(&binary);
            builder.zone(ZONE, &text).start()
        };
        let peers: Vec<Peer> = KINDS.iter().map(start).collect();
        let folder = std::env::temp_dir().join(format!("bench-leash-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("zone"), &text).unwrap();
        let site = Site {
            folder,
            binary,
            peers,
        };
        fs::write(site.file("steadfast.toml"), site.config()).unwrap();
        site
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn config(&self) -> String {
        let shell = format!(
            "test ! -e {0}/fail || {{ date +%s%N > {0}/failed.new; mv {0}/failed.new {0}/failed; exit 1; }}",
            self.folder.display()
        );
        let stage = |name: &str| {
            format!(
                "[[zone.\"{ZONE}\".stage]]\nname = \"{name}\"\nservers = [\"{name}\"]\nbake = \"2s\"\n\
                 checks = [{{ type = \"command\", name = \"errors\", run = [\"/bin/sh\", \"-c\", \"{shell}\"], every = \"1s\", timeout = \"1s\" }}]\n"
            )
        };
        let server = |(peer, (_, name)): (&Peer, &(Kind, &str))| {
            format!(
                "[server.{name}]\ntype = \"rfc2136\"\naddress = \"{}\"\nkey-file = \"{}\"\n",
                peer.addr(),
                peer.key_file().display()
            )
        };
        let names: Vec<&str> = KINDS.iter().map(|(_, name)| *name).collect();
        let stages: String = names.iter().map(|name| stage(name)).collect();
        let servers: String = self.peers.iter().zip(&KINDS).map(server).collect();
        format!(
            "[cell]\nname = \"bench\"\nstate = \"state\"\n[zone.\"{ZONE}\"]\ncontent = \"zone\"\nservers = {names:?}\n\
             own = [\"**\"]\ncritical = [\"www\"]\nkeep = 50\n{stages}[zone.\"{ZONE}\".limits]\n\
             delete = {{ count = 5, share = \"50%\" }}\nchange = {{ count = 50, share = \"50%\" }}\ncreate = {{ count = 200 }}\n{servers}"
        )
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).current_dir(&self.folder);
        command.stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) {
        let status = self.command(words).status().unwrap();
        assert!(status.success(), "steadfast {words:?}: {status}");
    }

    /// A bad configuration reaches every server; then the check begins to fail.
    fn round(&self, n: u32) -> Round {
        let bad = format!("bad-{n}");
        fs::write(self.file("zone"), zone_text(ZONE, &records(&bad))).unwrap();
        let mut apply = self.command(&["apply", ZONE, "--yes"]).spawn().unwrap();
        wait(&mut apply, "the bad one everywhere", || {
            self.peers.iter().all(|p| says(p, &bad))
        });
        fs::write(self.file("fail"), "").unwrap();
        let status = apply.wait().unwrap();
        assert_eq!(status.code(), Some(6), "apply was not rolled back");
        let failed = fs::read_to_string(self.file("failed")).unwrap();
        let failed = failed.trim().parse::<u64>().unwrap() / 1_000_000;
        for name in ["fail", "failed"] {
            fs::remove_file(self.file(name)).unwrap();
        }
        assert!(self.peers.iter().all(|p| says(p, "good")));
        self.told(failed)
    }

    /// What the ledger says of the last rollback.
    fn told(&self, failed: u64) -> Round {
        let store = Store::open_read_only(&self.file("state")).unwrap();
        let tail = store.tail(&format!("{ZONE}."), 0, &|_| Vec::new()).unwrap();
        let entries = tail.entries.iter();
        let entries: Vec<Entry> = entries
            .map(|(.., bytes)| serde_json::from_slice(bytes).unwrap())
            .collect();
        let is_failure = |e: &Entry| matches!(e.event, Event::Failed { .. });
        let began = entries.iter().rposition(is_failure).unwrap();
        let (mut first, mut last, mut count) = (None, 0, 0);
        for entry in &entries[began..] {
            match &entry.event {
                Event::Decided(_) => first = first.or(Some(entry.at.0)),
                Event::Applied { .. } => {
                    count += 1;
                    last = entry.at.0;
                }
                _ => {}
            }
        }
        assert_eq!(count, KINDS.len(), "writes of a rollback");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        assert!(failed <= last && u128::from(last) <= now.as_millis());
        Round {
            whole: last - failed,
            writes: last - first.unwrap(),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(Path::new(&self.folder));
    }
}

fn records(generation: &str) -> String {
    format!("www 5 A 192.0.2.1\ngen 5 TXT \"{generation}\"\n")
}

fn says(peer: &Peer, generation: &str) -> bool {
    peer.ask("gen.example.com", "TXT")
        .data("TXT")
        .join(" ")
        .contains(generation)
}

fn wait(apply: &mut Child, what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        assert!(
            apply.try_wait().unwrap().is_none(),
            "apply ended before {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
