//! What the leash costs: the gate for a plan of 100,000 changes with two signatures, and a ledger of
//! a million entries. `cargo xtask bench leash` runs it; words: changes, entries.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::disallowed_types)] // It measures: the clock is its subject.

#[allow(dead_code)]
#[path = "../tests/leash/keys.rs"]
mod keys;
#[allow(dead_code)]
#[path = "../tests/leash/scene.rs"]
mod scene;

use cell::store::{Appended, Batch, NewEntry, Store};
use dns::pattern::Pattern;
use dns::{Digest, Name, RRset, Rtype, Zone};
use std::collections::BTreeMap;
use std::time::Instant;
use steadfast_core::body::Body;
use steadfast_core::guards::{Abilities, judge_plan};
use steadfast_core::ledger::{
    Act, Adopted, Decision, Entry, Event, Expect, FORMAT, Move, Origin, State, Stored, open, seal,
};
use steadfast_core::marker::{Holding, LedgerId};
use steadfast_core::plan::{Desired, Form, Held, Plan, plan};
use steadfast_core::policy::{Limit, Limits, PerName, Policy};
use steadfast_core::time::{Millis, Time};

const ROUNDS: usize = 5;

fn main() {
    let mut words = std::env::args().skip(1).map(|w| w.parse::<u32>());
    let mut number = |usual| words.next().map_or(usual, |n| n.expect("a number"));
    let (changes, entries) = (number(100_000), number(1_000_000));
    gate(changes);
    ledger(entries);
}

/// Seconds of this thread on the processor. The kernel brings it up to date some hundred times a
/// second: what is shorter is done many times over.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let spent = text.split(' ').next().unwrap();
    spent.parse::<f64>().unwrap() / 1e9
}

/// Something short.
fn short<T>(what: &str, mut work: impl FnMut() -> T) {
    rounds(&format!("1,000 times: {what}"), || {
        (0..1_000).for_each(|_| drop(std::hint::black_box(work())));
    });
}

/// Median, least and most milliseconds on the processor of some rounds.
fn rounds<T>(what: &str, mut work: impl FnMut() -> T) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let before = cpu();
            std::hint::black_box(work());
            (cpu() - before) * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let median = times[ROUNDS / 2];
    println!(
        "  {what}: {median:.2} ms ({:.2}-{:.2})",
        times[0],
        times[ROUNDS - 1]
    );
    median
}

fn gate(changes: u32) {
    let policy = policy();
    let (before, after) = (content(changes, 0), content(changes, 1));
    let owned = before.filter(|r| policy.owns_set(r));
    let desired = Desired {
        content: after,
        source: "made up".into(),
        form: Form::WithSoa,
    };
    let observed = BTreeMap::from([("ns1".to_owned(), before.clone())]);
    let held = Held {
        configuration: 3,
        content: &owned,
        outs: &Default::default(),
    };
    let made = plan(&desired, held, &observed, &policy).plan.unwrap();
    println!(
        "the gate: {} changes in {} steps, zone of {} RRsets; CPU, medians of {ROUNDS} (least-most)",
        made.steps.changes.len(),
        made.steps.count(),
        before.len()
    );
    let able = [(
        "ns1".to_owned(),
        Abilities {
            swap_cname: true,
            ..Abilities::assumed()
        },
    )];
    let mut findings = Vec::new();
    let guards = rounds("all guards", || {
        let held = (made.parent, made.base);
        findings = judge_plan(&made, held, &before, &policy, &able, &[], scene::NOW);
    });
    let scene = approved(made, owned.len());
    let check = rounds("approvals, classes, base, freeze", || {
        let passed = scene.check(&findings, scene::NOW + Millis::seconds(60));
        assert!(passed.is_ok());
    });
    println!("  together: {:.1} ms", guards + check);
    let verify = || {
        let given = &scene.state.leash.approvals[&scene::NUMBER];
        let verified = given.iter().map(|given| {
            let sig = steadfast_core::leash::read_signature(&given.approval.signature).unwrap();
            let text = given.approval.statement.text();
            steadfast_core::leash::verify(&sig, text.as_bytes()).unwrap();
        });
        verified.count()
    };
    short("two Ed25519 signatures alone", verify);
}

/// The plan, proposed and approved by two people.
fn approved(plan: Plan, owned: usize) -> scene::Scene {
    let mut scene = scene::scene(2);
    let (hash, _) = Body::Plan(plan.clone()).encode();
    scene.state.result = plan.base;
    scene.state.proposals.get_mut(&scene::NUMBER).unwrap().plan = hash;
    (scene.plan, scene.hash) = (plan, hash);
    assert!(owned > 0);
    for who in ["bob", "carol"] {
        let statement = scene.statement();
        let approval = scene.signed(who, statement);
        scene.give(approval);
    }
    scene
}

/// Ten hosts for each change; in round 1 every tenth is another: new data, gone, or a new one beside.
fn content(changes: u32, round: u32) -> Zone {
    let apex = scene::zone();
    let ns = apex.child(b"ns").unwrap();
    let soa = [ns.to_wire(), ns.to_wire(), vec![0; 20]].concat();
    let mut all = vec![
        RRset::new(apex.clone(), Rtype::SOA, 300, [soa]).unwrap(),
        RRset::new(apex.clone(), Rtype::NS, 300, [ns.to_wire()]).unwrap(),
        RRset::new(ns, Rtype::A, 300, [[192, 0, 2, 53]]).unwrap(),
    ];
    let host = |i: u32, word: &str| {
        let above = apex.child(format!("s{}", i % 1000).as_bytes()).unwrap();
        above.child(format!("{word}{i}").as_bytes()).unwrap()
    };
    let a = |name: Name, n: u32| RRset::new(name, Rtype::A, 300, [n.to_be_bytes()]).unwrap();
    for i in 0..changes * 10 {
        match (round, i % 40) {
            (1, 5 | 15) => all.push(a(host(i, "host"), i + 1)),
            (1, 25) => {}
            (1, 35) => all.extend([a(host(i, "host"), i), a(host(i, "new"), i)]),
            _ => all.push(a(host(i, "host"), i)),
        }
    }
    Zone::new(apex, all).unwrap()
}

fn policy() -> Policy {
    let share = Limit {
        count: None,
        share_ppm: Some(500_000),
    };
    let apex = scene::zone();
    let critical = |i: u32| {
        let above = apex.child(format!("s{}", i % 1000).as_bytes()).unwrap();
        above.child(format!("host{i}").as_bytes()).unwrap()
    };
    Policy {
        own: vec![Pattern::parse("**", &apex).unwrap()],
        ignore: vec![Pattern::parse("_acme-challenge.**", &apex).unwrap()],
        critical: (0..100).map(|i| critical(i * 400)).collect(),
        limits: Limits {
            create: share,
            change: share,
            delete: share,
            per_name: PerName::default(),
        },
        zone: apex,
        ttl_min: 0,
        ttl_max: 86_400,
        max_rrset: 100,
        max_update: 65_535,
        deadline: Millis::seconds(10),
        read_back: Millis::seconds(10),
        keep: 3,
        stages: Vec::new(),
    }
}

/// A target that flaps: health generation, write, read-back, over and over.
fn ledger(count: u32) {
    let entries = flapping(count);
    let octets: usize = entries.iter().map(|e| e.bytes.len()).sum();
    println!(
        "\na ledger of {count} entries, {:.0} MB",
        octets as f64 / 1e6
    );
    let per_second = |ms: f64| f64::from(count) / ms * 1e3;
    let mut copies: Vec<Vec<Stored>> = (0..ROUNDS).map(|_| fresh(&entries)).collect();
    let chain = rounds("chain: hashes and every entry read", || {
        let (mut last, mut head) = (0, Digest::default());
        for stored in &copies.pop().unwrap() {
            open(last, &head, stored).unwrap();
            (last, head) = (stored.seq, stored.hash);
        }
    });
    println!("    {:.0} entries a second of CPU", per_second(chain));
    let mut copies: Vec<Vec<Stored>> = (0..ROUNDS).map(|_| fresh(&entries)).collect();
    let mut state = State::default();
    let fold = rounds("chain, entries and their fold", || {
        state = State::default();
        state.extend(&copies.pop().unwrap()).unwrap();
    });
    println!("    {:.0} entries a second of CPU", per_second(fold));
    let folder = std::env::temp_dir().join(format!("steadfast-leash-{}", std::process::id()));
    let opened = stored(&folder, &entries);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(opened, state.last);
}

/// The same without what reading left in memory.
fn fresh(entries: &[Stored]) -> Vec<Stored> {
    let copy = |s: &Stored| Stored {
        seq: s.seq,
        hash: s.hash,
        bytes: s.bytes.to_vec().into(),
    };
    entries.iter().map(copy).collect()
}

fn flapping(count: u32) -> Vec<Stored> {
    let zone = scene::zone();
    let origin = Origin {
        marker: None,
        soa: None,
        abilities: Abilities::assumed(),
    };
    let body = Digest::of(b"content");
    let adopted = Event::Adopted(Adopted {
        ledger: LedgerId(7),
        zone: zone.clone(),
        content: body,
        result: body,
        configuration: 1,
        servers: BTreeMap::from([("ns1".to_owned(), origin)]),
    });
    let mut entries: Vec<Stored> = Vec::with_capacity(count as usize);
    let mut push = |event: Event| {
        let (seq, head) = entries
            .last()
            .map_or((0, Digest::default()), |e: &Stored| (e.seq, e.hash));
        let entry = Entry {
            format: FORMAT,
            seq: seq + 1,
            at: Time(scene::NOW.0 + seq * 100),
            by: "cell eu-1 (process 4711)".into(),
            event,
        };
        entries.push(seal(&head, &entry));
        (seq + 1, entries.len())
    };
    push(adopted);
    let (mut round, mut expect) = (0u64, Expect::Absent);
    loop {
        round += 1;
        let target = "192.0.2.80".parse().unwrap();
        let (out, back) = match round % 2 {
            1 => (vec![target], vec![]),
            _ => (vec![], vec![target]),
        };
        let endpoint = zone
            .child(format!("e{}", (round - 1) / 2 % 100).as_bytes())
            .unwrap();
        let one = Move {
            endpoint,
            withdrawals: out.len() as u32,
            out,
            back,
        };
        let holding = Holding {
            configuration: 1,
            health: round,
            body,
            step: 0,
            of: 0,
            ahead: None,
        };
        let decision = Decision {
            server: "ns1".into(),
            expect: expect.clone(),
            act: Act::Move { body },
            holding,
            deadline: Millis::seconds(10),
            soa: None,
        };
        let applied = |write| Event::Applied {
            server: "ns1".into(),
            write,
            serial: Some(round as u32),
        };
        push(Event::Moved {
            health: round,
            moves: vec![one],
            forgotten: Vec::new(),
        });
        let (write, _) = push(Event::Decided(decision));
        expect = Expect::Ours(write);
        let (_, length) = push(applied(write));
        if length >= count as usize {
            entries.truncate(count as usize);
            return entries;
        }
    }
}

/// Puts them into a store with a snapshot 500 entries before the end, and opens it as `status` does.
fn stored(folder: &std::path::Path, entries: &[Stored]) -> u64 {
    let store = Store::create_or_open(folder).unwrap();
    let zone = "example.com.";
    let snapshot_at = entries.len() - entries.len().min(500);
    let mut state = State::default();
    let mut last = 0;
    for (at, chunk) in entries.chunks(20_000).enumerate() {
        let upto = at * 20_000 + chunk.len();
        let new = |s: &Stored| {
            let bytes = s.bytes.to_vec();
            (
                s.seq,
                NewEntry {
                    bytes,
                    hash: s.hash.0,
                },
            )
        };
        let is_last = upto == entries.len();
        let snapshot = is_last.then(|| {
            state.extend(&entries[..snapshot_at]).unwrap();
            (state.last, serde_json::to_vec(&state).unwrap())
        });
        let batch = Batch {
            expect_last: last,
            entries: chunk.iter().map(new).collect(),
            snapshot,
            ..Batch::default()
        };
        last = chunk.last().unwrap().seq;
        assert_eq!(store.append(zone, batch).unwrap(), Appended::Done { last });
    }
    drop(store);
    let mut seen = 0;
    let began = Instant::now();
    rounds("open by snapshot and 500 entries", || {
        let store = Store::open_read_only(folder).unwrap();
        seen = cell::enactor::open_state(&store, zone).unwrap().last;
    });
    println!(
        "    {:.3} s on the clock each; the file has {:.0} MB",
        began.elapsed().as_secs_f64() / ROUNDS as f64,
        std::fs::metadata(Store::open_read_only(folder).unwrap().path())
            .unwrap()
            .len() as f64
            / 1e6
    );
    seen
}
