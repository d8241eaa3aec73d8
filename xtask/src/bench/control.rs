//! `bench control`: what planning costs as zones grow, beside octoDNS; and fenced changes a second.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use peers::{Kind, Peer, PeerBuilder};

use super::measure::{Cost, Finished, Spread, children_cpu, cpu_of, measured};
use super::octodns;
use super::zones::{self, ORIGIN};
use crate::command::{self, cargo};
use crate::test::release_binary;
use crate::{Failure, install};

/// Records of a zone, and how often its plan is made.
const SIZES: [(usize, usize); 4] = [(1_000, 25), (10_000, 15), (100_000, 5), (1_000_000, 5)];
/// The promise at a million records: seconds of our processor time, and MB.
const PROMISE: (f64, f64) = (4.0, 600.0);
/// octoDNS is slow: up to this size without `--large`, and how often.
const OCTODNS: (usize, usize) = (10_000, 3);

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
                        "bench control: {word:?}; it takes --plans or --rates (only these), --most=RECORDS, and --large (octoDNS at 100,000 records too)"
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
        let most = if wanted.large { 100_000 } else { OCTODNS.0 };
        let beside = python.as_deref().ok().filter(|_| count <= most);
        let row = size(&binary, count, times, beside)?;
        show(&row);
        rows.push(row);
    }
    beside(&rows);
    verdict(&rows)
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

fn show(row: &Row) {
    let n = row.plans.len();
    println!(
        "{} records, {} changed, n={n}:",
        row.count,
        zones::changes(row.count)
    );
    let Cost { wall, cpu, peak } = row.adopt;
    println!("  adopt, once        CPU {cpu:.2} s   wall {wall:.2} s   peak {peak:.0} MB");
    println!(
        "  plan               CPU {} s, mean {:.4} s   wall {} s   peak {} MB   BIND's CPU {} s",
        spread(&row.plans, |c| c.cpu).show(2),
        row.mean,
        spread(&row.plans, |c| c.wall).show(3),
        spread(&row.plans, |c| c.peak).show(0),
        Spread::of(row.server.iter().copied()).show(3),
    );
    if row.octodns.is_empty() {
        return;
    }
    let costs: Vec<Cost> = row.octodns.iter().map(|s| s.cost).collect();
    println!(
        "  octoDNS, dry run   CPU {} s, {} s of it YAML   wall {} s   peak {} MB   n={}",
        spread(&costs, |c| c.cpu).show(2),
        Spread::of(row.octodns.iter().map(|s| s.yaml)).show(2),
        spread(&costs, |c| c.wall).show(2),
        spread(&costs, |c| c.peak).show(0),
        costs.len(),
    );
}

/// The ratios to octoDNS.
fn beside(rows: &[Row]) {
    for row in rows.iter().filter(|r| !r.octodns.is_empty()) {
        let ours = row.mean.max(1e-4);
        let wall = spread(&row.plans, |c| c.wall).median;
        let theirs = Spread::of(row.octodns.iter().map(|s| s.cost.cpu)).median;
        let bare = Spread::of(row.octodns.iter().map(|s| s.cost.cpu - s.yaml)).median;
        let their_wall = Spread::of(row.octodns.iter().map(|s| s.cost.wall)).median;
        println!(
            "octoDNS to steadfast at {}: {:.0} times the CPU, {:.0} times without its YAML, {:.0} times the wall time",
            row.count,
            theirs / ours,
            bare / ours,
            their_wall / wall.max(1e-3),
        );
    }
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
