//! `bench blackout`: what clients get while the upstream fails, from us and from seven others.
//!
//! Each row is a fault of the one upstream that all of them have: 100 names are asked for until all
//! answer, the fault comes, the answers' TTL goes by, each name is asked for three times over, the
//! fault goes, and each is asked for once more. The names have moved meanwhile, so that an old answer
//! and a new one can be told apart. All resolvers in one run, in turns of a fraction of a second, on
//! loopback. Share of names that get an address that is theirs; a peer's own settings: `servers.rs`.

mod client;
mod faulty;
mod servers;

use std::io;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use self::client::{NAMES, Pass, pass};
use self::faulty::{Does, Faulty, TTL};
use self::servers::{ALL, Running};
use super::table::Table;
use crate::command::{self, cargo, root};
use crate::{Failure, install};
use peers::Program;

const PROGRAMS: [Program; 6] = [
    Program("unbound", "unbound"),
    Program("dnsdist", "dnsdist"),
    Program("kresd", "knot-resolver"),
    Program("pdns_recursor", "pdns-recursor"),
    Program("named", "bind9"),
    Program("dnsmasq", "dnsmasq-base"),
];
/// The rows: the words for it, what the upstream does, and what is done to the resolver then.
const ROWS: [(&str, Does, Then); 10] = [
    ("blackhole", Does::Silent, Then::Nothing),
    ("closed port", Does::Closed, Then::Nothing),
    ("SERVFAIL", Does::ServFail, Then::Nothing),
    ("REFUSED", Does::Refused, Then::Nothing),
    ("NODATA with SOA", Does::NoData, Then::Nothing),
    ("NODATA without SOA", Does::NoDataBare, Then::Nothing),
    ("NXDOMAIN", Does::NxDomain, Then::Nothing),
    ("private address", Does::Private, Then::Nothing),
    ("blackhole, restart", Does::Silent, Then::Restart),
    ("blackhole, SIGKILL", Does::Silent, Then::Kill),
];
/// How long after the end of the answers' TTL the first pass begins, and how far passes are apart.
const SLACK: Duration = Duration::from_secs(2);
const BREATH: Duration = Duration::from_millis(1_500);
/// From healing to the first question: some peers ask a failed upstream again after 5 s only, and
/// what they remember of its negative answers lives 5 s.
const HEALING: Duration = Duration::from_secs(6);
/// One resolver's questions begin so long after those of the one before it.
const STAGGER: Duration = Duration::from_millis(250);

/// What is done to the resolvers in the middle of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    Restart,
    Kill,
}

/// What one resolver did in one row.
#[derive(Debug, Clone, Default)]
struct Cell {
    first: Pass,
    later: Vec<Pass>,
    healed: Pass,
}

/// The bench.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    if let Some(word) = words.first() {
        return Err(Failure::Usage(format!("bench blackout takes no {word:?}")));
    }
    install::see_to("bench blackout", &PROGRAMS)?;
    super::resolver::build()?;
    see_to_hickory();
    let who: Vec<&'static str> = ALL
        .into_iter()
        .filter(|what| *what != "hickory" || servers::hickory().exists())
        .collect();
    let began = Instant::now();
    let mut rows = Vec::new();
    for (words, does, then) in ROWS {
        let row = row(&who, does, then)
            .map_err(|error| Failure::Failed(format!("bench blackout: {words}: {error}")))?;
        let shares: Vec<String> = who
            .iter()
            .zip(&row)
            .map(|(w, c)| format!("{w} {}", during(c)))
            .collect();
        println!(
            "{:3.0} s  {words}: {}",
            began.elapsed().as_secs_f64(),
            shares.join(", ")
        );
        rows.push((words, row));
    }
    let text = report(&who, &rows);
    println!("\n{text}");
    match shortfalls(&rows) {
        short if short.is_empty() => Ok(()),
        short => Err(Failure::Failed(format!(
            "bench blackout: {}",
            short.join("; ")
        ))),
    }
}

/// The one that no Debian package brings; minutes, once. Without crates.io its column is left out.
fn see_to_hickory() {
    if servers::hickory().exists() {
        return;
    }
    let folder = root().join("target/hickory");
    let mut install = cargo(&[
        "install",
        "--locked",
        "-q",
        "hickory-dns",
        "--version",
        "0.26.3",
    ]);
    install.arg("--root").arg(&folder);
    install.arg("--target-dir").arg(folder.join("build"));
    if let Err(error) = command::run(&mut install) {
        println!("hickory-dns can't be installed, its column is left out: {error:?}");
    }
}

/// Warm, fault, three passes, healing: all resolvers through the same moments.
fn row(who: &[&'static str], does: Does, then: Then) -> io::Result<Vec<Cell>> {
    let upstream = Faulty::start()?;
    let started = who.iter().map(|what| Running::start(what, upstream.addr));
    let mut servers = started.collect::<io::Result<Vec<Running>>>()?;
    let mut cells = vec![Cell::default(); servers.len()];
    servers.iter().try_for_each(warm)?;
    upstream.does(does);
    sleep(Duration::from_secs(u64::from(TTL)) + SLACK);
    if then != Then::Nothing {
        for server in &mut servers {
            server.again(then == Then::Kill)?;
        }
        sleep(BREATH);
    }
    for number in 0..3 {
        for (cell, pass) in cells.iter_mut().zip(each(&servers)?) {
            match number {
                0 => cell.first = pass,
                _ => cell.later.push(pass),
            }
        }
        sleep(BREATH);
    }
    upstream.does(Does::Healed);
    sleep(HEALING);
    for (cell, pass) in cells.iter_mut().zip(each(&servers)?) {
        cell.healed = pass;
    }
    Ok(cells)
}

/// Asks until every name is answered; it takes a resolver some seconds to come up.
fn warm(server: &Running) -> io::Result<()> {
    let begin = Instant::now();
    loop {
        let pass = pass(server.addr)?;
        if pass.right == NAMES {
            return Ok(());
        }
        if begin.elapsed() > Duration::from_secs(20) {
            let log = server.log();
            let why = format!(
                "{} of {NAMES} names answered before the fault:\n{log}",
                pass.right
            );
            return Err(io::Error::other(why));
        }
    }
}

/// A pass at each resolver, one beginning a little after the other.
fn each(servers: &[Running]) -> io::Result<Vec<Pass>> {
    thread::scope(|scope| {
        let mut running = Vec::new();
        for server in servers {
            let addr = server.addr;
            running.push(scope.spawn(move || pass(addr)));
            sleep(STAGGER);
        }
        let joined = running.into_iter().map(|pass| {
            let pass = pass.join();
            pass.unwrap_or_else(|_| Err(io::Error::other("a client panicked")))
        });
        joined.collect()
    })
}

/// Share of names in the first pass, and in the worse of the others if that is another.
fn during(cell: &Cell) -> String {
    let first = cell.first.share();
    let later = cell.later.iter().map(Pass::share).min().unwrap_or_default();
    match first == later {
        true => format!("{first}"),
        false => format!("{first} → {later}"),
    }
}

/// Share of names that are answered rightly after healing, and how many of these are old answers.
fn after(cell: &Cell) -> String {
    match (cell.healed.right - cell.healed.new) * 100 / NAMES {
        0 => format!("{}", cell.healed.share()),
        old => format!("{} ({old} old)", cell.healed.share()),
    }
}

fn report(who: &[&str], rows: &[(&str, Vec<Cell>)]) -> String {
    let heads: Vec<&str> = ["fault, % right"]
        .into_iter()
        .chain(who.iter().copied())
        .collect();
    let mut fault = Table::new(&[&heads[..], &["ours p99 ms, first → later"]].concat());
    let mut healed = Table::new(&[&["first after healing, % right"], &heads[1..]].concat());
    for (words, row) in rows {
        let line = |show: fn(&Cell) -> String| {
            let cells = row.iter().map(show);
            [(*words).to_owned()]
                .into_iter()
                .chain(cells)
                .collect::<Vec<_>>()
        };
        let ours = row.first().cloned().unwrap_or_default();
        let later = ours.later.iter().map(Pass::p99).fold(0.0, f64::max);
        let p99 = format!("{:.1} → {later:.1}", ours.first.p99());
        fault.row(line(during).into_iter().chain([p99]));
        healed.row(line(after));
    }
    format!(
        "{NAMES} names, one upstream, TTL {TTL} s; \"a → b\": first pass → worse of two later ones\n\n{}\n{}",
        fault.show(),
        healed.show()
    )
}

/// Where ours falls short of what it promises.
fn shortfalls(rows: &[(&str, Vec<Cell>)]) -> Vec<String> {
    let mut short = Vec::new();
    for (words, row) in rows {
        let Some(ours) = row.first() else { continue };
        let passes = || [&ours.first].into_iter().chain(&ours.later);
        if passes().any(|pass| pass.right < NAMES) {
            short.push(format!("{words}: ours answered {} %", during(ours)));
        }
        if ours.healed.new < NAMES {
            short.push(format!(
                "{words}: after healing ours answered {} %",
                after(ours)
            ));
        }
        let slowest = passes().map(Pass::p99).fold(0.0, f64::max);
        if slowest >= 10.0 {
            short.push(format!(
                "{words}: ours took {slowest:.1} ms (p99), not under 10"
            ));
        }
    }
    short
}
