//! `bench control`: what planning costs as zones grow, beside octoDNS; and fenced changes a second.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use peers::{Kind, Peer, PeerBuilder};

use super::measure::{Cost, Finished, Spread, children_cpu, cpu_of, measured};
use super::octodns;
use super::table::Table;
use super::zones::{self, ORIGIN};
use crate::command::{self, cargo};
use crate::test::release_binary;
use crate::{Failure, install};

/// Records of a zone, and how often its plan is made.
const SIZES: [(usize, usize); 4] = [(1_000, 25), (10_000, 15), (100_000, 5), (1_000_000, 5)];
/// The promise at a million records: seconds of our processor time, and MB.
const PROMISE: (f64, f64) = (4.0, 600.0);
/// octoDNS is slow: up to this size without `--large`, and how often. Larger zones once.
const OCTODNS: (usize, usize) = (100_000, 3);

/// What the command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    plans: bool,
    rates: bool,
    large: bool,
    most: usize,
}

/// The bench.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let wanted = parse(words)?;
    install::run()?;
    if wanted.plans {
        plans(wanted)?;
    }
    if wanted.rates {
        println!();
        let words = [
            "run",
            "--release",
            "-q",
            "-p",
            "steadfast-cell",
            "--example",
        ];
        command::run(cargo(&words).arg("fenced_rate"))?;
    }
    Ok(())
}

fn parse(words: &[String]) -> Result<Wanted, Failure> {
    let mut wanted = Wanted {
        plans: true,
        rates: true,
        large: false,
        most: usize::MAX,
    };
    for word in words {
        match word.as_str() {
            "--large" => wanted.large = true,
            "--plans" => wanted.rates = false,
            "--rates" => wanted.plans = false,
            word => {
                let most = word.strip_prefix("--most=").and_then(|n| n.parse().ok());
                wanted.most = most.ok_or_else(|| {
                    Failure::Usage(format!(
                        "bench control: {word:?}; it takes --plans or --rates (only these), --most=RECORDS, and --large (octoDNS at a million records too)"
                    ))
                })?;
            }
        }
    }
    Ok(wanted)
}

/// Everything that was measured at one size.
struct Row {
    count: usize,
    adopt: Cost,
    plans: Vec<Cost>,
    /// Mean processor seconds of the plans, finer than each by itself.
    mean: f64,
    /// BIND's processor seconds for each plan.
    server: Vec<f64>,
    octodns: Vec<octodns::Sync>,
}

fn plans(wanted: Wanted) -> Result<(), Failure> {
    let binary = release_binary()?;
    let python = peers::octodns().map(|bin| bin.join("python"));
    if let Err(why) = &python {
        println!("octoDNS is NOT measured, it cannot be installed: {why}");
    }
    let mut rows = Vec::new();
    for (count, times) in SIZES.into_iter().filter(|s| s.0 <= wanted.most) {
        println!("{count} records …   (load {})", load());
        let most = if wanted.large { usize::MAX } else { OCTODNS.0 };
        let beside = python.as_deref().ok().filter(|_| count <= most);
        let row = size(&binary, count, times, beside).inspect_err(|_| {
            // What was measured before something failed is still worth having.
            println!("\n{}", show(&rows));
        })?;
        rows.push(row);
    }
    println!("\n{}", show(&rows));
    verdict(&rows)
}

/// How busy this machine is, for whoever reads the figures: the kernel's averages of runnable
/// processes over 1, 5 and 15 minutes.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn size(binary: &Path, count: usize, times: usize, python: Option<&Path>) -> Result<Row, Failure> {
    let peer = PeerBuilder::new(Kind::Bind)
        .zone(ORIGIN, &zones::zone_file(count, false))
        .ready_within(Duration::from_secs(120))
        .start();
    let folder = peer.dir().join("bench");
    let failed = |e: std::io::Error| Failure::Failed(format!("{}: {e}", folder.display()));
    let scratch = folder.join("scratch");
    fs::create_dir_all(&scratch).map_err(failed)?;
    let config = folder.join("steadfast.toml");
    fs::write(&config, zones::config(peer.addr(), peer.key_file())).map_err(failed)?;
    let content = folder.join(format!("{ORIGIN}.zone"));
    fs::write(&content, zones::zone_file(count, true)).map_err(failed)?;
    let steadfast = |words: &[&str]| {
        let mut command = Command::new(binary);
        measured(command.arg("-c").arg(&config).args(words), &scratch)
    };
    let adopt = steadfast(&["adopt", ORIGIN, "--yes"])?;
    expect(&adopt, 0, "adopted by ledger")?;
    let mut row = Row {
        count,
        adopt: adopt.cost,
        plans: Vec::new(),
        mean: 0.0,
        server: Vec::new(),
        octodns: Vec::new(),
    };
    let said = format!("{} to change, 0 to delete", zones::changes(count));
    let start = children_cpu();
    for _ in 0..times {
        let before = cpu_of(peer.pid());
        let plan = steadfast(&["plan", ORIGIN, "--exit-code"])?;
        row.server.push(cpu_of(peer.pid()) - before);
        expect(&plan, 3, &said)?;
        row.plans.push(plan.cost);
    }
    row.mean = (children_cpu() - start) / times as f64;
    let repeats = if count > OCTODNS.0 { 1 } else { OCTODNS.1 };
    for _ in 0..python.map_or(0, |_| repeats) {
        row.octodns
            .extend(octodns_run(python, &peer, count, &folder)?);
    }
    Ok(row)
}

fn octodns_run(
    python: Option<&Path>,
    peer: &Peer,
    count: usize,
    folder: &Path,
) -> Result<Option<octodns::Sync>, Failure> {
    let Some(python) = python else {
        return Ok(None);
    };
    let run = octodns::sync(python, peer, count, folder)?;
    if run.changes < zones::changes(count) {
        let (found, made) = (run.changes, zones::changes(count));
        return Err(Failure::Failed(format!(
            "octoDNS plans {found} changes; {made} were made"
        )));
    }
    Ok(Some(run))
}

/// A measurement counts only when the work was done.
fn expect(run: &Finished, code: i32, says: &str) -> Result<(), Failure> {
    if run.code == Some(code) && run.stdout.contains(says) {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "steadfast ended with {:?} instead of {code}, or without {says:?}:\n{}{}",
        run.code, run.stdout, run.stderr
    )))
}

fn spread(costs: &[Cost], of: fn(&Cost) -> f64) -> Spread {
    Spread::of(costs.iter().map(of))
}

/// The plans of both, and what octoDNS takes for one of ours. Medians, least and most in brackets.
fn show(rows: &[Row]) -> String {
    let mut ours = Table::new(&[
        "steadfast plan",
        "n",
        "CPU s",
        "mean CPU s",
        "wall s",
        "peak MB",
        "BIND's CPU s",
        "adopt, once: CPU s",
        "peak MB",
    ]);
    let mut theirs = Table::new(&[
        "octoDNS, dry run",
        "n",
        "CPU s",
        "of it YAML",
        "wall s",
        "peak MB",
        "BIND's CPU s",
        "CPU to ours",
        "without its YAML",
        "wall to ours",
    ]);
    for row in rows {
        let plan = |of, decimals| spread(&row.plans, of).show(decimals);
        ours.row([
            row.count.to_string(),
            row.plans.len().to_string(),
            plan(|c| c.cpu, 2),
            format!("{:.4}", row.mean),
            plan(|c| c.wall, 3),
            plan(|c| c.peak, 0),
            Spread::of(row.server.iter().copied()).show(3),
            format!("{:.2}", row.adopt.cpu),
            format!("{:.0}", row.adopt.peak),
        ]);
        if row.octodns.is_empty() {
            theirs.row([row.count.to_string(), "not run".to_owned()]);
            continue;
        }
        let of = |pick: fn(&octodns::Sync) -> f64| Spread::of(row.octodns.iter().map(pick));
        let (cpu, wall) = (of(|s| s.cost.cpu), of(|s| s.cost.wall));
        let mean = row.mean.max(1e-4);
        let our_wall = spread(&row.plans, |c| c.wall).median.max(1e-3);
        theirs.row([
            row.count.to_string(),
            row.octodns.len().to_string(),
            cpu.show(2),
            of(|s| s.yaml).show(2),
            wall.show(2),
            of(|s| s.cost.peak).show(0),
            of(|s| s.server).show(3),
            format!("{:.0} times", cpu.median / mean),
            format!("{:.0} times", of(|s| s.cost.cpu - s.yaml).median / mean),
            format!("{:.0} times", wall.median / our_wall),
        ]);
    }
    format!(
        "medians (least-most), 1 % changed; load at the end {}\n\n{}\n{}",
        load(),
        ours.show(),
        theirs.show()
    )
}

/// The promise at a million records, kept or not.
fn verdict(rows: &[Row]) -> Result<(), Failure> {
    let Some(row) = rows.iter().find(|r| r.count == 1_000_000) else {
        return Ok(());
    };
    let cpu = spread(&row.plans, |c| c.cpu).median;
    let peak = spread(&row.plans, |c| c.peak).most;
    let text = format!(
        "a million records: {cpu:.2} s of CPU (limit {} s), {peak:.0} MB (limit {} MB)",
        PROMISE.0, PROMISE.1
    );
    if cpu < PROMISE.0 && peak < PROMISE.1 {
        println!("{text}: kept");
        return Ok(());
    }
    Err(Failure::Failed(format!("{text}: NOT kept")))
}
