//! How many fenced changes a second a server takes through the intake, with 1, 8 and 64 that wait,
//! beside plain unfenced UPDATEs of as many connections on the same server in the same run.
//!
//! `cargo xtask bench control` runs it; words: seconds of each part, rounds, and a server's name.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[allow(dead_code)]
#[path = "../tests/intake/world.rs"]
mod world;

use dns::{Name, RRset, Rtype, Update, rdata};
use peers::{Kind, PeerBuilder, zone_text};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use steadfast_cell::intake::Options;
use steadfast_cell::servers::{Outcome, Rfc2136, Timeouts};
use steadfast_core::plan::compose::Base;
use world::{World, key, wish};

/// Names in each of the two zones.
const NAMES: usize = 1_000;
const DEPTHS: [usize; 3] = [1, 8, 64];
/// The zone that plain updates go to: the ledger would take them for drift in its own.
const PLAIN: &str = "plain.example";

/// What one part of the run showed.
struct Part {
    rate: f64,
    /// Milliseconds.
    p50: f64,
    p99: f64,
    /// Microseconds of processor time a change: the server's and ours.
    server: f64,
    ours: f64,
    /// Changes a generation; zero for plain updates.
    together: f64,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| words.get(i).and_then(|w| w.parse::<f64>().ok());
    let seconds = Duration::from_secs_f64(number(0).unwrap_or(2.0));
    let rounds = number(1).unwrap_or(3.0) as usize;
    println!(
        "changes a second of one RRset each, zone of {NAMES} names; {rounds} rounds of {} s, medians (least-most)",
        seconds.as_secs_f64()
    );
    println!("\n{HEADS}");
    for kind in [Kind::Bind, Kind::Knot] {
        if words
            .get(2)
            .is_none_or(|w| w.eq_ignore_ascii_case(&kind.to_string()))
        {
            server(kind, seconds, rounds);
        }
    }
}

fn server(kind: Kind, seconds: Duration, rounds: usize) {
    let lines = (0..NAMES).map(|i| format!("h{i} 60 A 10.0.0.1\n"));
    let records: String = lines.collect();
    let plain = zone_text(PLAIN, &records);
    let world = World::start_with(
        PeerBuilder::new(kind).zone(PLAIN, &plain),
        &format!("www 60 A 192.0.2.1\n{records}"),
    );
    let mut count = 0;
    let mut rows: Vec<[Vec<Part>; 2]> = DEPTHS.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    for _ in 0..rounds {
        for (row, depth) in rows.iter_mut().zip(DEPTHS) {
            count += 1;
            row[0].push(fenced(&world, depth, seconds, count));
            row[1].push(unfenced(&world, depth, seconds, count));
        }
    }
    for (row, depth) in rows.iter().zip(DEPTHS) {
        println!("{}", line(&format!("{kind}, {depth}"), row));
    }
    let stands = world.transfer().filter(|r| world.policy.owns_set(r));
    assert_eq!(
        world.recorded().diff(&stands),
        [],
        "the server holds what the ledger says"
    );
}

/// An address that was never there before: contents that return are another guard's matter.
fn address(round: usize, n: usize) -> String {
    let [b, c, d] = [n >> 14 & 0x7f, n >> 7 & 0x7f, n & 0x7f];
    format!("{}.{b}.{c}.{d}", 11 + round)
}

fn fenced(world: &World, depth: usize, seconds: Duration, round: usize) -> Part {
    let intake = world.intake(Options::default());
    // The first change pays for the transfer of what stands beside.
    let first = wish("www", Base::Anything, Some(&address(round, 0)));
    assert!(intake.submit(first).unwrap().wait().stands());
    let generations = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let part = run(world, depth, seconds, |thread, n| {
        let owner = format!("h{}", thread + depth * (n % (NAMES / depth)));
        let change = wish(
            &owner,
            Base::Anything,
            Some(&address(round, 1 + thread + n * depth)),
        );
        match intake.submit(change).unwrap().wait() {
            steadfast_cell::intake::Outcome::Applied(at) => {
                generations.lock().unwrap().insert(at);
            }
            other => panic!("{owner}: {other:?}"),
        }
    });
    let count = generations.into_inner().unwrap().len().max(1);
    let together = part.rate * seconds.as_secs_f64() / count as f64;
    Part { together, ..part }
}

fn unfenced(world: &World, depth: usize, seconds: Duration, round: usize) -> Part {
    let zone = Name::absolute(PLAIN).unwrap();
    let connect = || {
        let key = key(world.peer.key_file());
        Rfc2136::new(zone.clone(), world.peer.addr(), key, Timeouts::default())
    };
    let servers: Vec<Rfc2136> = (0..depth).map(|_| connect()).collect();
    // Connected before the clock runs: BIND takes ten at once, and the others try again after a
    // second.
    for server in &servers {
        server.read(&zone, &[]).unwrap();
    }
    run(world, depth, seconds, |thread, n| {
        let owner = format!("h{}", thread + depth * (n % (NAMES / depth)));
        let name = Name::parse(&owner, &zone).unwrap();
        let text = address(round, 1 + thread + n * depth);
        let datum = rdata::from_text(Rtype::A, &[text.as_str()], &zone).unwrap();
        let rrset = RRset::new(name, Rtype::A, 60, [datum]).unwrap();
        let update = Update::new(zone.clone()).replace(rrset);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let reply = servers[thread].update(&update, now.as_secs(), 10);
        assert_eq!(reply.outcome, Outcome::Accepted, "{reply}");
    })
}

/// `depth` threads that do `one` again and again.
fn run(world: &World, depth: usize, seconds: Duration, one: impl Fn(usize, usize) + Sync) -> Part {
    let (server, ours) = (server_cpu(world.peer.pid()), own_cpu());
    let start = Instant::now();
    let mut times: Vec<f64> = std::thread::scope(|scope| {
        let thread = |thread: usize| {
            let one = &one;
            scope.spawn(move || {
                let mut times = Vec::new();
                while start.elapsed() < seconds {
                    let begun = Instant::now();
                    one(thread, times.len());
                    times.push(begun.elapsed().as_secs_f64() * 1e3);
                }
                times
            })
        };
        let threads: Vec<_> = (0..depth).map(thread).collect();
        threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect()
    });
    let elapsed = start.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    let count = times.len() as f64;
    let at = |share: f64| times[((count - 1.0) * share) as usize];
    Part {
        rate: count / elapsed,
        p50: at(0.5),
        p99: at(0.99),
        server: (server_cpu(world.peer.pid()) - server) * 1e6 / count,
        ours: (own_cpu() - ours) * 1e6 / count,
        together: 0.0,
    }
}

/// The heads of the table: what was fenced, the same unfenced, and the one to the other.
const HEADS: &str = "\
| server, waiting | fenced/s | p50, p99 ms | CPU µs a change: server's, ours | a generation \
| plain/s | p50, p99 ms | CPU µs: server's, ours | fenced to plain | server's CPU |
|---|---|---|---|---|---|---|---|---|---|";

/// A row of it: medians, of rates and ratios least and most in brackets.
fn line(what: &str, [fenced, plain]: &[Vec<Part>; 2]) -> String {
    let of =
        |parts: &[Part], pick: fn(&Part) -> f64, decimals| spread(parts.iter().map(pick), decimals);
    let ratio = |pick: fn(&Part) -> f64| {
        let pairs = fenced.iter().zip(plain);
        spread(pairs.map(|(f, p)| pick(f) / pick(p)), 2)
    };
    let middle = |parts: &[Part], pick: fn(&Part) -> f64, decimals| {
        let text = of(parts, pick, decimals);
        text.split(' ').next().unwrap_or_default().to_owned()
    };
    let two = |a: String, b: String| format!("{a}, {b}");
    let both = |parts: &[Part]| {
        let [p50, p99] = [middle(parts, |p| p.p50, 1), middle(parts, |p| p.p99, 1)];
        let [server, ours] = [middle(parts, |p| p.server, 0), middle(parts, |p| p.ours, 0)];
        [of(parts, |p| p.rate, 0), two(p50, p99), two(server, ours)]
    };
    let mut cells = vec![what.to_owned()];
    cells.extend(both(fenced));
    cells.push(middle(fenced, |p| p.together, 1));
    cells.extend(both(plain));
    cells.extend([ratio(|p| p.rate), ratio(|p| p.server)]);
    format!("| {} |", cells.join(" | "))
}

fn spread(figures: impl Iterator<Item = f64>, decimals: usize) -> String {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    let (median, last) = (sorted[sorted.len() / 2], sorted.len() - 1);
    format!(
        "{median:.decimals$} ({:.decimals$}-{:.decimals$})",
        sorted[0], sorted[last]
    )
}

/// Seconds on the processor of all threads of a process that live.
fn server_cpu(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .flatten();
    let spent = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    tasks.filter_map(spent).sum::<f64>() / 1e9
}

/// Our own, ended threads too; in steps of 10 ms.
fn own_cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
