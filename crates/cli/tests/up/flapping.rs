//! Thousands of endpoints flap at once: the log, the memory and the ledger stay bounded, `status`
//! answers, no name goes empty and no endpoint loses more than its cap permits (I9).

use crate::kit::{Process, ZONE, binary, server};
use peers::{Kind, Peer, Sampler, zone_text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often each target is asked, and how long a target is well, or sick.
const INTERVAL: Duration = Duration::from_secs(10);
/// For how long they flap.
const FLAPPING: Duration = Duration::from_secs(60);
/// `max-withdraw`: one target in this, in milliseconds.
const WINDOW: u64 = 60_000;

/// The second target of each endpoint is sick while this is set.
struct Targets {
    port: u16,
    sick: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
}

impl Targets {
    fn start() -> Targets {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let targets = Targets {
            port: listener.local_addr().unwrap().port(),
            sick: Arc::default(),
            asked: Arc::default(),
        };
        for _ in 0..2 {
            let listener = listener.try_clone().unwrap();
            let (sick, asked) = (targets.sick.clone(), targets.asked.clone());
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    answer(stream, &sick);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        targets
    }
}

fn answer(mut stream: TcpStream, sick: &AtomicBool) {
    // One socket for all of 127.0.0.0/8 has to be one for every address: others are not answered.
    let Some(at) = stream.local_addr().ok().filter(|at| at.ip().is_loopback()) else {
        return;
    };
    let mut request = [0; 1024];
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let _ = stream.read(&mut request);
    let second = matches!(at.ip(), IpAddr::V4(v4) if v4.octets()[1] == 12);
    let status = match second && sick.load(Ordering::Relaxed) {
        true => "503 no",
        false => "200 OK",
    };
    let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
}

struct World {
    peer: Peer,
    targets: Targets,
    dir: PathBuf,
}

impl World {
    fn new(endpoints: u32) -> World {
        let peer = server(Kind::Bind).zone(ZONE, &zone_text(ZONE, "")).start();
        let dir = peer.dir().join("cell");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("zone"), zone_text(ZONE, "")).unwrap();
        let world = World {
            targets: Targets::start(),
            peer,
            dir,
        };
        fs::write(dir_file(&world, "steadfast.toml"), world.config(endpoints)).unwrap();
        world.run(&["adopt", ZONE, "--yes"]);
        world.run(&["apply", ZONE, "--yes"]);
        world
    }

    fn config(&self, endpoints: u32) -> String {
        let (address, key) = (self.peer.addr(), self.peer.key_file().display());
        let port = self.targets.port;
        let mut text = format!(
            "[cell]\nname = \"test\"\nstate = \"state\"\n\n[zone.\"{ZONE}\"]\ncontent = \"zone\"\nservers = [\"ns1\"]\nown = [\"**\"]\ncritical = []\n\
             \n[zone.\"{ZONE}\".limits]\ndelete = {{ count = 5 }}\nchange = {{ count = 5 }}\ncreate = {{ count = 50000 }}\n\
             \n[server.ns1]\ntype = \"rfc2136\"\naddress = \"{address}\"\nkey-file = \"{key}\"\n"
        );
        let interval = INTERVAL.as_secs();
        for endpoint in 0..endpoints {
            let [_, _, high, low] = endpoint.to_be_bytes();
            let _ = write!(
                text,
                "\n[endpoint.\"e{endpoint}.{ZONE}\"]\npolicy = \"all-healthy\"\nttl = \"5s\"\nmin-targets = 1\nmin-regions = 1\n\
                 max-withdraw = {{ targets = 1, per = \"60s\" }}\n\
                 check = {{ type = \"http\", port = {port}, path = \"/\", interval = \"{interval}s\", timeout = \"2s\", fall = 1, rise = 1 }}\n\
                 targets = [ {{ address = \"127.11.{high}.{low}\", region = \"a\" }}, {{ address = \"127.12.{high}.{low}\", region = \"b\" }} ]\n"
            );
        }
        text
    }

    /// Runs a command to its end; what it wrote, and how long it took.
    #[track_caller]
    fn run(&self, args: &[&str]) -> (String, Duration) {
        let began = Instant::now();
        let ended = Command::new(binary())
            .args(args)
            .current_dir(&self.dir)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{args:?}: {said}");
        (String::from_utf8(ended.stdout).unwrap(), began.elapsed())
    }
}

fn dir_file(world: &World, name: &str) -> PathBuf {
    world.dir.join(name)
}

/// Megabytes that a process holds.
fn resident(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim()
        .strip_suffix(" kB")
        .unwrap()
        .trim()
        .parse::<f64>()
        .unwrap()
        * 1024.0
        / 1e6
}

/// Seconds of processor time that a process has taken.
fn cpu(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// Each endpoint's withdrawals are at least a window apart. How many there were, in how many health
/// generations, returns counted.
fn withdrawals_are_capped(log: &str) -> (usize, u32) {
    let export: Value = serde_json::from_str(log).unwrap();
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let (mut count, mut generations) = (0, 0);
    for row in export["entries"].as_array().unwrap() {
        let entry = &row["entry"];
        if entry["event"] != "moved" {
            continue;
        }
        generations += 1;
        let at = entry["at"].as_u64().unwrap();
        for one in entry["moves"].as_array().unwrap() {
            if one["out"].as_array().is_none_or(Vec::is_empty) {
                continue;
            }
            count += 1;
            let endpoint = one["endpoint"].as_str().unwrap().to_owned();
            if let Some(before) = last.insert(endpoint.clone(), at) {
                assert!(at - before >= WINDOW, "{endpoint}: {before}, {at}");
            }
        }
    }
    (count, generations)
}

#[test]
fn thousands_of_endpoints_flap_at_once() {
    let endpoints = peers::rounds("endpoints that flap", 10_000);
    let began = Instant::now();
    let world = World::new(endpoints);
    println!("adopted and applied in {:?}", began.elapsed());
    let log = dir_file(&world, "up.log");
    let mut up = Command::new(binary());
    let mut up = Process::start(up.arg("up").current_dir(&world.dir), log.clone());
    up.wait_says("process=");
    // Everybody is known before anybody flaps.
    std::thread::sleep(INTERVAL + Duration::from_secs(2));
    let names: Vec<String> = (0..20)
        .map(|i| format!("e{}.{ZONE}", i * endpoints / 20))
        .collect();
    let questions: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), "A")).collect();
    let sampler = Sampler::start(world.peer.addr(), &questions, 500);
    let (before, cpu_before) = (resident(up.id()), cpu(up.id()));
    let (until, mut slowest, mut most) = (Instant::now() + FLAPPING, Duration::ZERO, before);
    let asked = world.targets.asked.load(Ordering::Relaxed);
    let mut turn = Instant::now();
    while Instant::now() < until {
        if turn <= Instant::now() {
            world.targets.sick.fetch_xor(true, Ordering::Relaxed);
            turn += INTERVAL;
        }
        slowest = slowest.max(world.run(&["status"]).1);
        most = most.max(resident(up.id()));
        assert!(up.runs(), "{}", up.said());
        std::thread::sleep(Duration::from_millis(500));
    }
    let asked = world.targets.asked.load(Ordering::Relaxed) - asked;
    let share = (cpu(up.id()) - cpu_before) / FLAPPING.as_secs_f64() * 100.0;
    world.targets.sick.store(false, Ordering::Relaxed);
    let lines = fs::read_to_string(&log).unwrap().lines().count();
    println!(
        "{:.0} probes/s; {share:.0} % of a core; {before:.1} MB, {most:.1} at most; {lines} lines of log; status within {slowest:?}",
        asked as f64 / FLAPPING.as_secs_f64()
    );
    up.signal(rustix::process::Signal::TERM);
    let stopping = Instant::now();
    up.ended().expect(0);
    let stopped = stopping.elapsed();
    println!("stopped in {stopped:?}");
    assert!(stopped < Duration::from_secs(5), "{stopped:?}");
    let ledger = world.run(&["log", ZONE, "--output", "json"]).0;
    let (withdrawn, generations) = withdrawals_are_capped(&ledger);
    let octets: u64 = fs::read_dir(world.dir.join("state"))
        .unwrap()
        .map(|f| f.unwrap().metadata().unwrap().len())
        .sum();
    println!(
        "{withdrawn} withdrawals, {generations} health generations; the ledger's export has {} octets, the store {octets}",
        ledger.len()
    );
    sampler.stop().assert_never_empty(450);
    // The first window holds one withdrawal each; hardly any is missed.
    assert!(withdrawn >= endpoints as usize * 9 / 10, "{withdrawn}");
    // What happens at once is told and decided at once: the log, ledger and memory do not grow with
    // the number of endpoints alone.
    let seconds = (FLAPPING + INTERVAL).as_secs() as usize + 10;
    assert!(lines <= seconds / 10 * 500, "{lines} lines of log");
    assert!(
        u64::from(generations) <= seconds as u64 * 50,
        "{generations}"
    );
    assert!(most <= 150.0 + f64::from(endpoints) * 0.1, "{most} MB");
    world.run(&["log", "verify", ZONE]);
}
