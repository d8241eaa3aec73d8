//! SIGKILL at every boundary and at any instant: the next process makes the generation whole.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use peers::{Kind, Peer, Sampler};
use steadfast_core::marker::Marker;

use crate::rig::{Options, Rig, ZONE};

const RATE: u32 = 700;
/// Moments of an `apply` at which it can be killed.
const MOMENTS: [&str; 9] = [
    "enactor.before-append",
    "enactor.after-append",
    "enactor.before-write",
    "enactor.after-write",
    "enactor.before-read",
    "store.before-begin",
    "store.in-transaction",
    "store.before-commit",
    "store.after-commit",
];
/// How often each moment is let pass at most.
const TIMES: usize = 5;
/// Records that the large change touches.
const HOSTS: u32 = 2_000;

fn sample(peer: &Peer) -> Sampler {
    Sampler::start(peer.addr(), &[("www.example.com", "A")], RATE)
}

/// `www` on a pool of its own, odd and even generations on different ones: three steps from one
/// to the next.
fn pools(generation: usize) -> String {
    let pool = generation % 2;
    let mut text = format!("www 5 CNAME pool-{pool}\ngen 5 TXT \"{generation}\"\n");
    for n in 1..=34 {
        let _ = writeln!(text, "pool-{pool} 5 A 192.0.2.{n}");
    }
    text
}

fn killed_at_every_boundary(kind: Kind) {
    let rig = Rig::adopted(&[kind], &pools(0), Options::default());
    let sampler = sample(rig.peer());
    let (mut generation, mut killed) = (0, 0);
    for moment in MOMENTS {
        let mut here = 0;
        for time in 1..=TIMES {
            generation += 1;
            let config = rig.config("next", &pools(generation));
            let args = ["apply", ZONE, "--yes"];
            let first = rig.spawn(&config, &args, &format!("{moment}@{time}=kill"));
            let first = first.ended();
            match first.code {
                None => here += 1,
                // It was done before.
                Some(0) => {}
                Some(_) => panic!("{kind}: {moment}@{time}: {}", first.said),
            }
            let second = rig.run(&config, &args);
            assert_eq!(
                second.code,
                Some(0),
                "{kind}: {moment}@{time}: {}",
                second.said
            );
            rig.assert_whole();
            let steps = rig.book().state().servers["ns1"].holding().unwrap().of;
            assert!(
                first.code.is_none() || steps == 3,
                "{kind}: {moment}@{time}: {steps} steps"
            );
        }
        assert!(here > 0, "{kind}: {moment} is never reached");
        killed += here;
    }
    rig.run(&rig.config("verify", &pools(0)), &["log", "verify", ZONE])
        .expect(0);
    println!(
        "{kind}: killed {killed} times at {} kinds of moments",
        MOMENTS.len()
    );
    sampler.stop().assert_never_empty(500);
}

#[test]
fn bind_killed_at_every_boundary() {
    killed_at_every_boundary(Kind::Bind);
}

#[test]
fn knot_killed_at_every_boundary() {
    killed_at_every_boundary(Kind::Knot);
}

#[test]
fn powerdns_killed_at_every_boundary() {
    killed_at_every_boundary(Kind::PowerDns);
}

#[test]
fn builtin_killed_at_every_boundary() {
    killed_at_every_boundary(Kind::Builtin);
}

fn hosts(generation: u32) -> String {
    let pool = generation % 2;
    let mut text = format!(
        "www 5 CNAME pool-{pool}\npool-{pool} 5 A 192.0.2.{}\n",
        10 + pool
    );
    for n in 0..HOSTS {
        let _ = writeln!(
            text,
            "h{n} 5 A 10.{}.{}.{}",
            generation % 256,
            n / 250,
            n % 250
        );
    }
    text
}

/// A number below `limit`, of a sequence that the seed names (Knuth's MMIX generator).
fn next(seed: &mut u64, limit: u64) -> u64 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % limit.max(1)
}

/// How far a change had come when its process was killed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Found {
    /// Not yet in the ledger: nothing was there to break.
    Nothing,
    /// In the ledger, and no step recorded as applied.
    Begun,
    /// Some steps were applied.
    Between,
    /// It was complete, or the process had ended.
    Complete,
}

fn found(rig: &Rig, before: u64, was_running: bool) -> Found {
    let state = rig.book().state().clone();
    let holding = state.servers["ns1"].holding().copied().unwrap();
    match (was_running, holding.is_whole()) {
        (true, false) => Found::Between,
        (true, true) if state.configuration == before => Found::Nothing,
        (true, true) if holding.configuration == before => Found::Begun,
        _ => Found::Complete,
    }
}

/// The instants, in µs after the start, between which kills land; they follow a machine that is
/// busier or less so than a moment ago.
struct Instants {
    from: u64,
    to: u64,
}

impl Instants {
    fn follow(&mut self, found: Found) {
        let span = self.to - self.from;
        match found {
            Found::Nothing => {
                self.from += span / 8;
                self.to += span / 16;
            }
            Found::Complete => {
                self.from -= (span / 16).min(self.from);
                self.to -= span / 8;
            }
            Found::Begun | Found::Between => {
                self.from -= (span / 32).min(self.from);
                self.to += span / 32;
            }
        }
    }
}

/// Killed in the middle of a change of 2,000 records in several steps, at any instant, until
/// enough kills have *landed*: the process ran, its change was in the ledger and not complete.
fn killed_at_random_in_a_large_change(kind: Kind) {
    let options = Options {
        zone: "keep = 3\nmax-update = 30000",
        ..Options::default()
    };
    let rig = Rig::adopted(&[kind], &hosts(0), options);
    let sampler = sample(rig.peer());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut seed = now.as_nanos() as u64;
    println!("seed {seed}");
    let args = ["apply", ZONE, "--yes"];
    let config = rig.config("next", &hosts(1));
    let started = Instant::now();
    rig.run(&config, &args).expect(0);
    let took = started.elapsed();
    let steps = rig.book().state().servers["ns1"].holding().unwrap().of;
    assert!(steps >= 5, "{steps} steps");
    let wanted = peers::rounds(&format!("{kind}, kills that land"), 200);
    let mut instants = Instants {
        from: 0,
        to: took.as_micros() as u64,
    };
    let mut kills: BTreeMap<Found, u32> = BTreeMap::new();
    let landed = |kills: &BTreeMap<Found, u32>| {
        let of = |found| kills.get(&found).copied().unwrap_or_default();
        of(Found::Begun) + of(Found::Between)
    };
    let mut attempts = 0;
    while landed(&kills) < wanted {
        assert!(
            attempts < 4 * wanted,
            "too few of {attempts} land: {kills:?}"
        );
        attempts += 1;
        // A content that was not there the time before.
        let config = rig.config("next", &hosts(1 + attempts));
        let before = rig.book().state().configuration;
        let process = rig.spawn(&config, &args, "");
        let instant = instants.from + next(&mut seed, instants.to - instants.from);
        std::thread::sleep(Duration::from_micros(instant));
        let found = found(&rig, before, process.kill());
        *kills.entry(found).or_default() += 1;
        instants.follow(found);
        let second = rig.run(&config, &args);
        let said = &second.said;
        assert_eq!(second.code, Some(0), "{attempts}, {instant} µs: {said}");
        rig.assert_whole();
    }
    rig.run(&config, &["log", "verify", ZONE]).expect(0);
    println!(
        "an apply of {steps} steps takes {took:?}: {} of {attempts} kills landed: {kills:?}",
        landed(&kills)
    );
    let between = kills.get(&Found::Between).copied().unwrap_or_default();
    assert!(between > 0, "it was never killed between steps");
    sampler.stop().assert_never_empty(500);
}

#[test]
fn bind_killed_at_random_in_a_large_change() {
    killed_at_random_in_a_large_change(Kind::Bind);
}

/// The built-in server takes a large change within a tenth of a second, and few instants drawn from
/// outside would fall into it: the process stops itself before one of its writes, and goes on for
/// any time until it is killed.
#[test]
fn builtin_killed_at_random_in_a_large_change() {
    let options = Options {
        zone: "keep = 3\nmax-update = 30000",
        ..Options::default()
    };
    let rig = Rig::adopted(&[Kind::Builtin], &hosts(0), options);
    let sampler = sample(rig.peer());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut seed = now.as_nanos() as u64;
    println!("seed {seed}");
    let args = ["apply", ZONE, "--yes"];
    rig.apply("next", &hosts(1)).expect(0);
    let steps = rig.book().state().servers["ns1"].holding().unwrap().of;
    assert!(steps >= 5, "{steps} steps");
    let rounds = peers::rounds("Builtin, kills", 200);
    let mut kills: BTreeMap<Found, u32> = BTreeMap::new();
    for round in 1..=rounds {
        let config = rig.config("next", &hosts(1 + round));
        let before = rig.book().state().configuration;
        let write = 1 + next(&mut seed, steps.into());
        let failpoint = format!("enactor.before-write@{write}=stop");
        let mut process = rig.spawn(&config, &args, &failpoint);
        process.wait_stopped();
        process.cont();
        let instant = next(&mut seed, 15_000);
        std::thread::sleep(Duration::from_micros(instant));
        let found = found(&rig, before, process.kill());
        *kills.entry(found).or_default() += 1;
        let second = rig.run(&config, &args);
        let said = &second.said;
        assert_eq!(second.code, Some(0), "{write}, {instant} µs: {said}");
        rig.assert_whole();
    }
    println!("of {rounds} kills in {steps} steps: {kills:?}");
    let between = kills.get(&Found::Between).copied().unwrap_or_default();
    assert!(between > 0, "it was never killed between steps");
    let samples = sampler.stop();
    println!("{samples}");
    samples.assert_never_empty(500);
}

/// The server itself is killed in the middle of a change, at any instant: what it acknowledged is
/// there when it comes back, `www` is never empty, and the change goes on from where it stood.
#[test]
fn the_builtin_server_killed_under_writes_loses_nothing() {
    let options = Options {
        zone: "keep = 3\nmax-update = 30000",
        ..Options::default()
    };
    let mut rig = Rig::adopted(&[Kind::Builtin], &hosts(0), options);
    let sampler = sample(rig.peer());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut seed = now.as_nanos() as u64;
    println!("seed {seed}");
    let (rounds, mut between) = (peers::rounds("kills of the server", 100), 0);
    let started = Instant::now();
    rig.apply("first", &hosts(1)).expect(0);
    let took = started.elapsed().as_micros() as u64;
    for round in 2..2 + rounds {
        let config = rig.config("next", &hosts(round));
        let args = ["apply", ZONE, "--yes", "--patience", "60s"];
        // Shorter than this test waits for it: who can't go on says so, and does not look hung.
        let first = ["apply", ZONE, "--yes", "--patience", "20s"];
        let mut apply = rig.spawn(&config, &first, "");
        // Into the writes, not into what the plan is made from.
        let before = u64::from(round);
        while apply.runs() && rig.book().state().configuration <= before {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(next(&mut seed, took / 3)));
        rig.peers[0].kill();
        let recorded = rig.book().state().servers["ns1"]
            .holding()
            .copied()
            .unwrap();
        rig.peers[0].restart();
        let text = rig
            .peer()
            .ask("_steadfast.example.com", "TXT")
            .data("TXT")
            .join(" ");
        let marker: Marker = text.parse().unwrap();
        let at = (marker.configuration, marker.step);
        let was = (recorded.configuration, recorded.step);
        assert!(at >= was, "{round}: {at:?} stands, {was:?} was read back");
        between += u32::from(!recorded.is_whole());
        // Whoever asked at the wrong moment is told so, and asks again.
        let ended = apply.ended();
        assert!(matches!(ended.code, Some(0 | 1)), "{}", ended.said);
        rig.run(&config, &args).expect(0);
        rig.assert_whole();
    }
    assert!(between > 0, "it was never killed between steps");
    println!("{between} of {rounds} kills fell between steps");
    let samples = sampler.stop();
    println!("{samples}");
    assert_eq!(samples.empty, 0, "{samples}");
    assert!(samples.answered > 500, "{samples}");
}
