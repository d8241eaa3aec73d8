//! `bench health`: what a thousand endpoints cost that are probed, and how long after the probe that
//! settles it the last primary answers without a dead target; followers apart.
//!
//! The floor is the failing probes themselves: three in a row, five seconds apart. What is measured
//! begins where the third was answered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use peers::{Kind, Peer, PeerBuilder, zone_text};

use super::measure::{Spread, cpu_of};
use super::table::Table;
use crate::command::{self, cargo, root};
use crate::{Failure, install};

const ZONE: &str = "bench.example";
const ENDPOINTS: u32 = 1_000;
const TARGETS: u8 = 3;
/// Probes that fail before a target is out.
const FALL: usize = 3;
/// How many targets die, one after the other.
const DEATHS: u32 = 9;
/// For how long the steady state is watched.
const STEADY: Duration = Duration::from_secs(20);
/// Within this everything has to happen.
const PATIENCE: Duration = Duration::from_secs(60);
const KINDS: [(Kind, &str); 3] = [
    (Kind::Bind, "bind"),
    (Kind::Knot, "knot"),
    (Kind::PowerDns, "powerdns"),
];

/// The bench.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    if let Some(word) = words.first() {
        return Err(Failure::Usage(format!("bench health takes no {word:?}")));
    }
    install::run()?;
    command::run(&mut cargo(&["build", "--release", "-q", "-p", "steadfast"]))?;
    let failed = |error: std::io::Error| Failure::Failed(format!("bench health: {error}"));
    let text = zone_text(ZONE, "");
    let start = |(kind, _): &(Kind, &str)| PeerBuilder::new(*kind).zone(ZONE, &text).start();
    let mut peers: Vec<Peer> = KINDS.iter().map(start).collect();
    // A BIND behind each, told by NOTIFY, fed by IXFR.
    let followers: Vec<Peer> = peers.iter_mut().map(Peer::follower).collect();
    let targets = Targets::start().map_err(failed)?;
    let dir = std::env::temp_dir().join(format!("bench-health-{}", std::process::id()));
    fs::create_dir_all(&dir).map_err(failed)?;
    let report = measure(&dir, &peers, &followers, &targets);
    let _ = fs::remove_dir_all(&dir);
    println!("{}", report.map_err(failed)?);
    Ok(())
}

fn measure(
    dir: &Path,
    peers: &[Peer],
    followers: &[Peer],
    targets: &Targets,
) -> std::io::Result<String> {
    fs::write(dir.join("zone"), zone_text(ZONE, ""))?;
    fs::write(dir.join("steadfast.toml"), config(peers, targets.port))?;
    steadfast(dir, &["adopt", ZONE, "--yes"])?;
    steadfast(dir, &["apply", ZONE, "--yes"])?;
    let daemon = Daemon::start(dir)?;
    // Two rounds, so that every target is known.
    sleep(Duration::from_secs(12));
    let (cpu, clock) = (cpu_of(daemon.0.id()), Instant::now());
    sleep(STEADY);
    let share = (cpu_of(daemon.0.id()) - cpu) / clock.elapsed().as_secs_f64() * 100.0;
    let memory = resident(daemon.0.id());
    let servers: Vec<&Peer> = peers.iter().chain(followers).collect();
    let mut deaths = Vec::new();
    for death in 0..DEATHS {
        deaths.push(one_death(death * (ENDPOINTS / DEATHS), &servers, targets)?);
    }
    let mut table = Table::new(&["server", "ms after the third failed probe"]);
    let primaries = 0..peers.len();
    rows(&mut table, &deaths, primaries, "");
    rows(
        &mut table,
        &deaths,
        peers.len()..servers.len(),
        "'s follower",
    );
    Ok(format!(
        "{ENDPOINTS} endpoints of {TARGETS} targets, probed every 5 s: {share:.1} % of a core, {memory:.1} MB resident\n\
         {DEATHS} deaths, medians (least-most)\n\n{}",
        table.show()
    ))
}

/// A row for each of these servers, and one for the last of them.
fn rows(table: &mut Table, deaths: &[Vec<f64>], servers: Range<usize>, what: &str) {
    let of = |i: usize| deaths.iter().filter_map(move |each| each.get(i)).copied();
    for (i, (_, name)) in servers.clone().zip(KINDS) {
        let all: Vec<f64> = of(i).collect();
        table.row([format!("{name}{what}"), Spread::of(all).show(1)]);
    }
    let last = |each: &Vec<f64>| {
        let these = each.get(servers.clone()).unwrap_or_default();
        these.iter().copied().fold(0.0, f64::max)
    };
    let last: Vec<f64> = deaths.iter().map(last).collect();
    table.row([format!("the last{what}"), Spread::of(last).show(1)]);
}

/// Lets one target die; for each server the milliseconds from the third failed probe's answer to
/// the first answer without the target.
fn one_death(endpoint: u32, peers: &[&Peer], targets: &Targets) -> std::io::Result<Vec<f64>> {
    let dead = address(endpoint, 1);
    targets.kill(dead);
    let end = Instant::now() + PATIENCE;
    let late = || std::io::Error::other(format!("{dead} did not leave within {PATIENCE:?}"));
    let settled = loop {
        match targets.failures(dead).get(FALL - 1) {
            Some(at) => break *at,
            None if Instant::now() > end => return Err(late()),
            None => sleep(Duration::from_micros(200)),
        }
    };
    let name = format!("e{endpoint}.{ZONE}");
    let mut gone: BTreeMap<usize, f64> = BTreeMap::new();
    while gone.len() < peers.len() {
        for (i, peer) in peers.iter().enumerate() {
            if gone.contains_key(&i) {
                continue;
            }
            let answer = peer.ask(&name, "A");
            if !answer.data("A").contains(&dead.to_string().as_str()) {
                gone.insert(i, settled.elapsed().as_secs_f64() * 1e3);
            }
        }
        if Instant::now() > end {
            return Err(late());
        }
        sleep(Duration::from_micros(500));
    }
    Ok(gone.into_values().collect())
}

fn address(endpoint: u32, target: u8) -> IpAddr {
    let [_, _, high, low] = endpoint.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(127, 10 + target, high, low))
}

fn config(peers: &[Peer], port: u16) -> String {
    let mut text = format!(
        "[cell]\nname = \"bench\"\nstate = \"state\"\n\n[zone.\"{ZONE}\"]\ncontent = \"zone\"\nservers = [\"bind\", \"knot\", \"powerdns\"]\n\
         own = [\"**\"]\ncritical = []\n\n[zone.\"{ZONE}\".limits]\ndelete = {{ count = 5 }}\nchange = {{ count = 5 }}\ncreate = {{ count = 5000 }}\n"
    );
    for ((_, name), peer) in KINDS.iter().zip(peers) {
        let (address, key) = (peer.addr(), peer.key_file().display());
        let _ = writeln!(
            text,
            "\n[server.{name}]\ntype = \"rfc2136\"\naddress = \"{address}\"\nkey-file = \"{key}\""
        );
    }
    for endpoint in 0..ENDPOINTS {
        let _ = writeln!(
            text,
            "\n[endpoint.\"e{endpoint}.{ZONE}\"]\npolicy = \"all-healthy\"\nttl = \"30s\"\nmin-targets = 2\nmin-regions = 1\n\
             max-withdraw = {{ targets = 1, per = \"10m\" }}\n\
             check = {{ type = \"http\", port = {port}, path = \"/\", interval = \"5s\", timeout = \"2s\", fall = {FALL}, rise = 10 }}\ntargets = ["
        );
        for target in 1..=TARGETS {
            let at = address(endpoint, target);
            let _ = writeln!(text, "  {{ address = \"{at}\", region = \"r{target}\" }},");
        }
        text.push_str("]\n");
    }
    text
}

fn steadfast(dir: &Path, args: &[&str]) -> std::io::Result<()> {
    let ended = Command::new(binary())
        .args(args)
        .current_dir(dir)
        .output()?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    Err(std::io::Error::other(format!("steadfast {args:?}: {said}")))
}

fn binary() -> PathBuf {
    root().join("target/release/steadfast")
}

fn resident(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kibi = line.and_then(|l| l.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kibi.unwrap_or_default() * 1024.0 / 1e6
}

/// `steadfast up`; it ends with this.
struct Daemon(Child);

impl Daemon {
    fn start(dir: &Path) -> std::io::Result<Daemon> {
        let log = fs::File::create(dir.join("up.log"))?;
        let mut command = Command::new(binary());
        let command = command.arg("up").current_dir(dir).stdin(Stdio::null());
        command
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map(Daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// All targets: one port on every address of loopback. Dead ones answer 503.
struct Targets {
    port: u16,
    ledger: Arc<Mutex<Ledger>>,
}

#[derive(Default)]
struct Ledger {
    dead: BTreeSet<IpAddr>,
    failures: BTreeMap<IpAddr, Vec<Instant>>,
}

impl Targets {
    fn start() -> std::io::Result<Targets> {
        let listener = TcpListener::bind("0.0.0.0:0")?;
        let port = listener.local_addr()?.port();
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        for _ in 0..2 {
            let (listener, ledger) = (listener.try_clone()?, ledger.clone());
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    answer(stream, &ledger);
                }
            });
        }
        Ok(Targets { port, ledger })
    }

    fn kill(&self, target: IpAddr) {
        lock(&self.ledger).dead.insert(target);
    }

    fn failures(&self, target: IpAddr) -> Vec<Instant> {
        let ledger = lock(&self.ledger);
        ledger.failures.get(&target).cloned().unwrap_or_default()
    }
}

fn lock(ledger: &Mutex<Ledger>) -> std::sync::MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(mut stream: TcpStream, ledger: &Mutex<Ledger>) {
    let Ok(at) = stream.local_addr() else { return };
    let mut request = [0; 1024];
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let _ = stream.read(&mut request);
    let dead = lock(ledger).dead.contains(&at.ip());
    let status = if dead { "503 no" } else { "200 OK" };
    let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
    if dead {
        let mut ledger = lock(ledger);
        ledger
            .failures
            .entry(at.ip())
            .or_default()
            .push(Instant::now());
    }
}
