//! `bench resolver`: the resolver beside Unbound, dnsdist and BIND as forwarders.
//!
//! One worker each, in turns, before the same upstream (the built-in authority, in a process of
//! its own, whose time does not count). What counts is answers per second of the *resolver's*
//! processor time. Of the peers here only Unbound, BIND and we draw port and id anew for each
//! question to an upstream; dnsdist does not.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::authority::{Server, cpu, launch, memory};
use super::load::{Counts, Order, ask, ask_in};
use super::measure::Spread;
use super::table::Table;
use crate::command::{self, cargo, root};
use crate::{Failure, install};
use peers::Program;

/// Names that are asked again and again, and fresh ones in a turn.
const WARM: usize = 10_000;
const FRESH: usize = 120_000;
const TURNS: usize = 5;
const TURN: Duration = Duration::from_secs(2);
const SERVERS: [&str; 4] = ["steadfast", "unbound", "dnsdist", "bind"];
const PROGRAMS: [Program; 3] = [
    Program("unbound", "unbound"),
    Program("dnsdist", "dnsdist"),
    Program("named", "bind9"),
];

/// What a turn showed: seconds of processor, seconds, answers.
type Figure = (f64, f64, Counts);

/// The bench.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    if let Some(word) = words.first() {
        return Err(Failure::Usage(format!("bench resolver takes no {word:?}")));
    }
    install::see_to("bench resolver", &PROGRAMS)?;
    build()?;
    let io = |error: std::io::Error| Failure::Failed(format!("bench resolver: {error}"));
    let table = measure().map_err(io)?;
    println!(
        "{WARM} warm names, then {FRESH} fresh ones a turn; one worker, medians of {TURNS} (least-most)\n\n{table}"
    );
    Ok(())
}

/// Builds the examples of `serve`, which our side of the benches is.
pub(super) fn build() -> Result<(), Failure> {
    let words = [
        "build",
        "--release",
        "-q",
        "-p",
        "steadfast-serve",
        "--examples",
    ];
    command::run(&mut cargo(&words))
}

fn measure() -> std::io::Result<String> {
    let upstream = upstream()?;
    let servers = SERVERS
        .iter()
        .map(|what| start(what, upstream.addr))
        .collect::<std::io::Result<Vec<Server>>>()?;
    let warm: Vec<Vec<u8>> = (0..WARM).map(|i| question("w", i)).collect();
    let mut hits: Vec<Vec<Figure>> = vec![Vec::new(); SERVERS.len()];
    let mut misses = hits.clone();
    let mut sizes = Vec::new();
    for server in &servers {
        ask_in(Order::Once, server.addr, &warm, PATIENCE)?;
        ask_in(Order::Once, server.addr, &warm, PATIENCE)?;
        sizes.push(memory(server));
    }
    for _ in 0..TURNS {
        for (server, hits) in servers.iter().zip(&mut hits) {
            hits.push(turn(server, || ask(server.addr, &warm, TURN))?);
        }
    }
    for n in 0..TURNS {
        let fresh: Vec<Vec<u8>> = (0..FRESH).map(|i| question(&format!("t{n}x"), i)).collect();
        for (server, misses) in servers.iter().zip(&mut misses) {
            misses.push(turn(server, || {
                ask_in(Order::Once, server.addr, &fresh, TURN)
            })?);
        }
    }
    let heads = [
        "resolver",
        "hits q/CPU-s",
        "hits q/s",
        "misses q/CPU-s",
        "misses q/s",
        "bad",
        "lost",
        "PSS MB warm",
        "PSS MB end",
    ];
    let mut table = Table::new(&heads);
    for (i, what) in SERVERS.iter().enumerate() {
        let (Some(hits), Some(misses), Some(server)) = (hits.get(i), misses.get(i), servers.get(i))
        else {
            continue;
        };
        let per_cpu =
            |f: &[Figure]| Spread::of(f.iter().map(|(cpu, _, c)| c.good as f64 / cpu)).show(0);
        let per_second =
            |f: &[Figure]| Spread::of(f.iter().map(|(_, wall, c)| c.good as f64 / wall)).show(0);
        let all = || hits.iter().chain(misses);
        table.row([
            (*what).to_owned(),
            per_cpu(hits),
            per_second(hits),
            per_cpu(misses),
            per_second(misses),
            all().map(|f| f.2.bad).sum::<u64>().to_string(),
            all().map(|f| f.2.lost).sum::<u64>().to_string(),
            sizes.get(i).map_or(String::new(), |mb| format!("{mb:.0}")),
            format!("{:.0}", memory(server)),
        ]);
    }
    Ok(table.show())
}

/// How long warming may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn turn(
    server: &Server,
    load: impl FnOnce() -> std::io::Result<Counts>,
) -> std::io::Result<Figure> {
    let (before, start) = (cpu(server), Instant::now());
    let counts = load()?;
    Ok((cpu(server) - before, start.elapsed().as_secs_f64(), counts))
}

fn question(kind: &str, i: usize) -> Vec<u8> {
    let label = format!("{kind}{i}");
    let mut octets = (i as u16).to_be_bytes().to_vec();
    octets.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 1, label.len() as u8]);
    octets.extend(label.as_bytes());
    octets.extend(b"\x05bench\x07example\0\0\x01\0\x01");
    octets.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    octets
}

fn place(what: &str) -> std::io::Result<(PathBuf, SocketAddr)> {
    let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let dir = std::env::temp_dir().join(format!("bench-{what}-{}", addr.port()));
    fs::create_dir_all(&dir)?;
    Ok((dir, addr))
}

/// An authority that has every name.
fn upstream() -> std::io::Result<Server> {
    let (dir, addr) = place("upstream")?;
    let zone = dir.join("zone");
    let text = "$ORIGIN bench.example.\n$TTL 3600\n@ SOA ns a 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n* A 192.0.2.1\n";
    fs::write(&zone, text)?;
    let mut ours = Command::new(root().join("target/release/examples/authority"));
    ours.arg(addr.to_string())
        .arg("bench.example")
        .arg(zone)
        .env("WORKERS", "1");
    launch(&mut ours, dir, addr, &question("w", 0))
}

/// A resolver with one worker before the upstream.
fn start(what: &str, upstream: SocketAddr) -> std::io::Result<Server> {
    let (dir, addr) = place(what)?;
    let (shown, port, up) = (dir.display(), addr.port(), upstream.port());
    let conf = dir.join("conf");
    let mut command = match what {
        "unbound" => {
            let text = format!(
                "server:\n  interface: 127.0.0.1@{port}\n  num-threads: 1\n  username: \"\"\n  chroot: \"\"\n  directory: \"{shown}\"\n  pidfile: \"\"\n  \
                 use-syslog: no\n  module-config: \"iterator\"\n  do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n  \
                 msg-cache-size: 128m\n  rrset-cache-size: 256m\n  outgoing-range: 4096\n  num-queries-per-thread: 2048\n\
                 forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@{up}\nremote-control:\n  control-enable: no\n"
            );
            fs::write(&conf, text)?;
            let mut unbound = Command::new("/usr/sbin/unbound");
            unbound.arg("-d").arg("-c").arg(&conf);
            unbound
        }
        "dnsdist" => {
            let text = format!(
                "setLocal('127.0.0.1:{port}')\nnewServer({{address='127.0.0.1:{up}', checkName='w0.bench.example.'}})\n\
                 pc = newPacketCache(1200000, {{maxTTL=86400}})\ngetPool(''):setCache(pc)\nsetSecurityPollSuffix('')\n"
            );
            fs::write(&conf, text)?;
            let mut dnsdist = Command::new("/usr/bin/dnsdist");
            dnsdist
                .arg("--supervised")
                .arg("--disable-syslog")
                .arg("-C")
                .arg(&conf);
            dnsdist
        }
        "bind" => {
            let text = format!(
                "options {{ directory \"{shown}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none; \
                 forward only; forwarders {{ 127.0.0.1 port {up}; }}; recursion yes; dnssec-validation no; max-cache-size 512m; recursive-clients 10000; }};\ncontrols {{ }};\n"
            );
            fs::write(&conf, text)?;
            let mut named = Command::new("/usr/sbin/named");
            named.args(["-g", "-n", "1", "-c"]).arg(&conf);
            named
        }
        _ => {
            let mut ours = Command::new(root().join("target/release/examples/resolver"));
            ours.arg(addr.to_string())
                .arg(upstream.to_string())
                .env("WORKERS", "1");
            ours
        }
    };
    launch(&mut command, dir, addr, &question("w", 0))
}
