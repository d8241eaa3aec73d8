//! What probing costs: `cargo run --release -p steadfast-cell --example probe_cost -- [TARGETS] [SECONDS] [dead|http]`.
//!
//! All targets share one port on 127.0.0.0/8: `dead`: the kernel drops every connection, so each
//! probe waits out its 2 s; `http`: a thread answers 200. Every 5 s each, as many probes as there
//! are targets. Prints the CPU time of the probes' thread and what the process holds.

#![allow(clippy::unwrap_used)]

use dns::Name;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use steadfast_cell::probe::{Probes, Trust};
use steadfast_core::health::{Cadence, Check, Outcome, Watched};
use steadfast_core::time::Millis;

static COUNT: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |i: usize, usual: u32| args.get(i).map_or(usual, |a| a.parse().unwrap());
    let (targets, seconds) = (number(1, 3_000), number(2, 30));
    let dead = args.get(3).is_none_or(|a| a == "dead");
    let (port, _kept) = if dead { hole() } else { (answering(), None) };
    let one = |n: u32| Watched {
        endpoint: Name::absolute(&format!("e{}.test", n / 3)).unwrap(),
        target: IpAddr::from((0x7f01_0000 + n).to_be_bytes()),
        check: Check::Http {
            port,
            path: "/healthz".into(),
        },
        cadence: Cadence {
            interval: Millis(5_000),
            timeout: Millis(2_000),
            fall: 3,
            rise: 10,
        },
    };
    let probes = Probes::start(Trust::System, |probed| {
        let at = match probed.found {
            Ok(finding) => finding.outcome as usize,
            Err(_) => 3,
        };
        COUNT[at].fetch_add(1, Ordering::Relaxed);
    });
    let probes = probes.unwrap();
    assert_eq!(Outcome::Pass as usize, 0);
    probes.watch((0..targets).map(one).collect());
    // The first round warms up.
    std::thread::sleep(Duration::from_secs(8));
    let (before, counted) = (cpu(), count());
    std::thread::sleep(Duration::from_secs(u64::from(seconds)));
    let (used, probed) = (cpu() - before, count() - counted);
    let [pass, wrong, nothing, unasked] = COUNT.each_ref().map(|c| c.load(Ordering::Relaxed));
    println!("{targets} targets, {probed} probes in {seconds} s");
    println!("  so far {pass} pass, {wrong} wrong, {nothing} nothing, {unasked} not asked");
    println!(
        "  CPU of the probes' thread {:.2} % of one core",
        used * 100.0 / f64::from(seconds)
    );
    println!("  {}", held());
}

fn count() -> u64 {
    COUNT.iter().map(|c| c.load(Ordering::Relaxed)).sum()
}

/// CPU seconds of the thread that is called `probes`.
fn cpu() -> f64 {
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        if let Some((_, rest)) = stat.split_once("(probes) ") {
            let fields: Vec<&str> = rest.split(' ').collect();
            let ticks: f64 =
                fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
            return ticks / 100.0;
        }
    }
    panic!("the thread is gone");
}

fn held() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS"));
    line.unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// A port on every loopback address whose connections the kernel drops.
fn hole() -> (u16, Option<Box<dyn Kept>>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("0.0.0.0:0".parse().unwrap()).unwrap();
        socket.listen(1).unwrap()
    });
    let port = listener.local_addr().unwrap().port();
    let at = (IpAddr::from([127, 0, 0, 1]), port).into();
    let wait = Duration::from_millis(200);
    let filled: Vec<TcpStream> =
        std::iter::from_fn(|| TcpStream::connect_timeout(&at, wait).ok()).collect();
    (port, Some(Box::new((runtime, listener, filled))))
}

/// Anything that is kept.
trait Kept {}
impl<T> Kept for T {}

fn answering() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut buffer = [0; 1024];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    port
}
