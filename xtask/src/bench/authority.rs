//! `bench authority`: the built-in server beside Knot and NSD, and the bare echo as floor.
//!
//! One worker each, in turns, the same questions: existing names, at random. What counts is answers
//! per second of the *server's* processor time: wall times say how busy the machine was.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::load::{self, Counts};
use super::measure::{Spread, cpu_of};
use super::table::Table;
use crate::command::{self, cargo, root};
use crate::{Failure, install};

/// Names of the zone that is asked about, and of the one that is loaded.
const NAMES: usize = 100_000;
const LOADED: usize = 1_000_000;
/// How often each server has its turn, and for how long.
const TURNS: usize = 5;
const TURN: Duration = Duration::from_secs(2);
/// How often the large zone is loaded.
const LOADS: usize = 3;
/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The servers that are measured.
const SERVERS: [&str; 3] = ["steadfast", "knot", "nsd"];

/// A running server; its files go with it.
pub(crate) struct Server {
    child: Child,
    dir: PathBuf,
    pub(crate) addr: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // NSD's parent ends its children at SIGTERM.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.child.try_wait().is_ok_and(|s| s.is_none()) && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The bench.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    if let Some(word) = words.first() {
        return Err(Failure::Usage(format!("bench authority takes no {word:?}")));
    }
    install::run()?;
    let words = [
        "build",
        "--release",
        "-q",
        "-p",
        "steadfast-serve",
        "--example",
    ];
    command::run(cargo(&words).arg("authority"))?;
    let io = |error: std::io::Error| Failure::Failed(format!("bench authority: {error}"));
    let scratch = std::env::temp_dir().join(format!("bench-authority-{}", std::process::id()));
    fs::create_dir_all(&scratch).map_err(io)?;
    let file = scratch.join("zone");
    fs::write(&file, zone(NAMES)).map_err(io)?;
    let rates = rates(&file).map_err(io);
    fs::write(&file, zone(LOADED)).map_err(io)?;
    let loads = rates.and_then(|rates| Ok((rates, loads(&file).map_err(io)?)));
    let _ = fs::remove_dir_all(&scratch);
    let (rates, loads) = loads?;
    println!("{NAMES} names, one worker, medians of {TURNS} (least-most)\n\n{rates}");
    println!("load of {LOADED} names, medians of {LOADS} (least-most)\n\n{loads}");
    Ok(())
}

fn zone(names: usize) -> String {
    let mut text = "$ORIGIN bench.example.\n$TTL 60\n@ SOA ns a 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n".to_owned();
    for i in 0..names {
        let [_, b, c, d] = (i as u32).to_be_bytes();
        let _ = writeln!(text, "h{i} A 10.{b}.{c}.{d}");
    }
    text
}

fn question(i: usize) -> Vec<u8> {
    let label = format!("h{i}");
    let mut octets = (i as u16).to_be_bytes().to_vec();
    octets.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 1, label.len() as u8]);
    octets.extend(label.as_bytes());
    octets.extend(b"\x05bench\x07example\0\0\x01\0\x01");
    octets.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    octets
}

/// Answers per second of the server's processor, in turns.
fn rates(file: &Path) -> std::io::Result<String> {
    let questions: Vec<Vec<u8>> = (0..NAMES).map(question).collect();
    let servers = SERVERS
        .iter()
        .map(|what| start(what, file))
        .collect::<std::io::Result<Vec<Server>>>()?;
    let mut figures: Vec<Vec<(f64, f64, Counts)>> = vec![Vec::new(); SERVERS.len() + 1];
    for _ in 0..TURNS {
        for (server, figures) in servers.iter().zip(&mut figures) {
            let (before, start) = (cpu(server), Instant::now());
            let counts = load::ask(server.addr, &questions, TURN)?;
            let wall = start.elapsed().as_secs_f64();
            figures.push((cpu(server) - before, wall, counts));
        }
        if let Some(floor) = figures.last_mut() {
            floor.push(floor_of(&questions)?);
        }
    }
    let heads = ["server", "q/CPU-s", "q/s", "bad", "lost", "PSS MB"];
    let mut table = Table::new(&heads);
    for (i, figures) in figures.iter().enumerate() {
        let per_cpu = figures.iter().map(|(cpu, _, c)| c.good as f64 / cpu);
        let per_second = figures.iter().map(|(_, wall, c)| c.good as f64 / wall);
        let memory = servers
            .get(i)
            .map_or(String::new(), |s| format!("{:.0}", memory(s)));
        table.row([
            SERVERS.get(i).copied().unwrap_or("bare echo").to_owned(),
            Spread::of(per_cpu).show(0),
            Spread::of(per_second).show(0),
            figures.iter().map(|f| f.2.bad).sum::<u64>().to_string(),
            figures.iter().map(|f| f.2.lost).sum::<u64>().to_string(),
            memory,
        ]);
    }
    Ok(table.show() + &doubt(&figures))
}

/// What makes the figures worth less: losses, and a server that is cheaper than the floor.
fn doubt(figures: &[Vec<(f64, f64, Counts)>]) -> String {
    let median = |figures: &Vec<(f64, f64, Counts)>| {
        Spread::of(figures.iter().map(|(cpu, _, c)| c.good as f64 / cpu)).median
    };
    let floor = figures.last().map_or(0.0, median);
    let mut text = String::new();
    for (what, figures) in SERVERS.iter().zip(figures) {
        if median(figures) > floor {
            let _ = writeln!(
                text,
                "DOUBTFUL: {what} is above the bare echo, which does less"
            );
        }
    }
    if figures.iter().flatten().any(|f| f.2.lost + f.2.bad > 0) {
        text += "DOUBTFUL: not every question was answered, or not with data\n";
    }
    text
}

fn floor_of(questions: &[Vec<u8>]) -> std::io::Result<(f64, f64, Counts)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    let (addr, stop) = (socket.local_addr()?, AtomicBool::new(false));
    std::thread::scope(|scope| {
        let echo = scope.spawn(|| load::echo(&socket, &stop));
        let start = Instant::now();
        let counts = load::ask(addr, questions, TURN);
        let wall = start.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        Ok((echo.join().unwrap_or_default(), wall, counts?))
    })
}

/// From the start of the program until it answers for the last name, and its memory then.
fn loads(file: &Path) -> std::io::Result<String> {
    let mut table = Table::new(&["server", "wall s", "CPU s", "PSS MB"]);
    for what in SERVERS {
        let mut figures = Vec::new();
        for _ in 0..LOADS {
            let begin = Instant::now();
            let server = start(what, file)?;
            figures.push((begin.elapsed().as_secs_f64(), cpu(&server), memory(&server)));
        }
        table.row([
            what.to_owned(),
            Spread::of(figures.iter().map(|f| f.0)).show(2),
            Spread::of(figures.iter().map(|f| f.1)).show(2),
            Spread::of(figures.iter().map(|f| f.2)).show(0),
        ]);
    }
    Ok(table.show())
}

/// Starts a server with one worker; it answers when this returns.
fn start(what: &str, file: &Path) -> std::io::Result<Server> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let dir = std::env::temp_dir().join(format!("bench-{what}-{port}"));
    fs::create_dir_all(dir.join("db"))?;
    let (shown, zone) = (dir.display(), file.display());
    let conf = dir.join("conf");
    let mut command = match what {
        "knot" => {
            let text = format!(
                "server:\n  rundir: \"{shown}\"\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n\
                 control:\n  listen: \"{shown}/s\"\ndatabase:\n  storage: \"{shown}/db\"\n\
                 zone:\n  - domain: bench.example\n    file: \"{zone}\"\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n"
            );
            fs::write(&conf, text)?;
            let mut knot = Command::new("/usr/sbin/knotd");
            knot.arg("-c").arg(&conf);
            knot
        }
        "nsd" => {
            let text = format!(
                "server:\n  ip-address: 127.0.0.1@{port}\n  server-count: 1\n  username: \"\"\n  zonesdir: \"{shown}\"\n  database: \"\"\n  pidfile: \"\"\n  \
                 xfrdfile: \"{shown}/x\"\n  xfrdir: \"{shown}\"\n  zonelistfile: \"{shown}/l\"\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n\
                 zone:\n  name: \"bench.example\"\n  zonefile: \"{zone}\"\n"
            );
            fs::write(&conf, text)?;
            let mut nsd = Command::new("/usr/sbin/nsd");
            nsd.arg("-d").arg("-c").arg(&conf);
            nsd
        }
        _ => {
            let mut ours = Command::new(root().join("target/release/examples/authority"));
            ours.arg(format!("127.0.0.1:{port}")).arg("bench.example");
            ours.arg(file).env("WORKERS", "1");
            ours
        }
    };
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    launch(&mut command, dir, addr, &question(NAMES - 1))
}

/// Starts a server with its files in `dir`; it answers this question when this returns.
pub(crate) fn launch(
    command: &mut Command,
    dir: PathBuf,
    addr: SocketAddr,
    question: &[u8],
) -> std::io::Result<Server> {
    let log = fs::File::create(dir.join("log"))?;
    command
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log);
    let child = command.spawn()?;
    let server = Server { child, dir, addr };
    wait(&server, question)?;
    Ok(server)
}

/// Waits until the server answers the question.
fn wait(server: &Server, question: &[u8]) -> std::io::Result<()> {
    let begin = Instant::now();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    socket.connect(server.addr)?;
    let mut buffer = [0; 1500];
    while begin.elapsed() < PATIENCE {
        let sent = socket.send(question);
        let came = sent.and_then(|_| socket.recv(&mut buffer));
        if came.is_ok_and(|len| len > 12) && buffer[3] & 15 == 0 && buffer[7] == 1 {
            return Ok(());
        }
        sleep(Duration::from_millis(5));
    }
    let log = fs::read_to_string(server.dir.join("log")).unwrap_or_default();
    Err(std::io::Error::other(format!(
        "a server does not answer:\n{log}"
    )))
}

/// The process and those that it started.
fn family(server: &Server) -> Vec<u32> {
    let mut family = vec![server.child.id()];
    let mut at = 0;
    while let Some(pid) = family.get(at) {
        let path = format!("/proc/{pid}/task/{pid}/children");
        let children = fs::read_to_string(path).unwrap_or_default();
        family.extend(
            children
                .split_whitespace()
                .filter_map(|pid| pid.parse::<u32>().ok()),
        );
        at += 1;
    }
    family
}

/// Seconds on the processor of all its processes.
pub(crate) fn cpu(server: &Server) -> f64 {
    family(server).into_iter().map(cpu_of).sum()
}

/// Proportional memory of all its processes, in MB (10⁶ octets): what forks share counts once.
pub(crate) fn memory(server: &Server) -> f64 {
    let of = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find_map(|l| l.strip_prefix("Pss:"))?;
        let kibi: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(kibi * 1024.0 / 1e6)
    };
    family(server).into_iter().filter_map(of).sum()
}
