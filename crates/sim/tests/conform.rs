//! A ledger that the lifecycle wrote conforms; a doctored one does not, and the entry is named.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use steadfast_core::ledger::{Entry, Event, Stored, seal};
use steadfast_sim::action::{Action, Verb};
use steadfast_sim::conform::judge;
use steadfast_sim::kit::Kit;
use steadfast_sim::run::{Setting, run_seen};
use steadfast_sim::scenario::{BACK, FORTH, Nature, Scenario};
use steadfast_sim::script::Script;

type Bodies = BTreeMap<dns::Digest, Vec<u8>>;

fn real() -> (Vec<Stored>, Bodies) {
    let mut s = Script::new(
        Kit::FULL,
        &Setting {
            enactors: 1,
            servers: vec![Nature::default(); 2],
            names: 0,
            fleet: Default::default(),
            staged: false,
        },
    );
    s.act(Action::Start(0));
    s.pass(1_000);
    for recipe in [FORTH, BACK, FORTH] {
        s.act(Action::Operate(0, Verb::Apply(recipe)));
        s.pass(3_000);
    }
    let store = s.world.stores[0].clone();
    (
        store.entries.as_ref().clone(),
        store
            .bodies
            .iter()
            .map(|(hash, bytes)| (*hash, bytes.to_vec()))
            .collect(),
    )
}

/// The ledger with its entries changed, and sealed anew: the chain alone shows nothing.
fn doctored(change: impl Fn(&mut Vec<Entry>)) -> Vec<(u64, &'static str)> {
    let (stored, bodies) = real();
    let read = |s: &Stored| serde_json::from_slice::<Entry>(&s.bytes).unwrap();
    let mut entries: Vec<Entry> = stored.iter().map(read).collect();
    change(&mut entries);
    let mut last = dns::Digest::default();
    let mut sealed = Vec::new();
    for (i, entry) in entries.iter_mut().enumerate() {
        entry.seq = i as u64 + 1;
        let one = seal(&last, entry);
        last = one.hash;
        sealed.push(one);
    }
    let judged = judge(&sealed, &bodies);
    judged
        .breaches
        .iter()
        .map(|b| (b.entry, b.invariant))
        .collect()
}

fn at(entries: &[Entry], which: impl Fn(&Event) -> bool) -> usize {
    entries.iter().position(|e| which(&e.event)).unwrap()
}

#[test]
fn what_the_lifecycle_wrote_conforms() {
    let (stored, bodies) = real();
    let judged = judge(&stored, &bodies);
    assert_eq!(judged.breaches, []);
    assert_eq!(judged.entries, stored.len() as u64);
    assert!(judged.writes >= 8, "{judged:?}");
    assert_eq!(doctored(|_| {}), []);
}

/// The control: whatever the lifecycle wrote in rough worlds, crashes, restored backups and all.
#[test]
fn what_rough_worlds_wrote_conforms() {
    let mut restored = 0;
    for seed in 0..120 {
        run_seen(
            Kit::FULL,
            seed,
            &Scenario::default(),
            &mut |world, event| {
                if event.action != Action::Check {
                    return;
                }
                let store = &world.stores[0];
                let bodies = store.bodies.iter();
                let bodies: Bodies = bodies.map(|(h, b)| (*h, b.to_vec())).collect();
                let judged = judge(&store.entries, &bodies);
                assert_eq!(judged.breaches, [], "seed {seed}");
                restored = restored.max(world.stats.restored);
            },
        );
    }
    assert!(restored > 0, "no backup was restored");
}

#[test]
fn an_altered_entry_is_named_and_nothing_behind_it_is_believed() {
    let (mut stored, bodies) = real();
    let mut bytes = stored[3].bytes.to_vec();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    stored[3].bytes = bytes.into();
    let judged = judge(&stored, &bodies);
    assert_eq!(judged.entries, 3);
    let breach = judged.breaches.first().unwrap();
    assert_eq!((breach.entry, breach.invariant), (4, "I11"));
    let (mut stored, bodies) = real();
    stored.remove(5);
    let breaches = judge(&stored, &bodies).breaches;
    assert_eq!(
        breaches.first().map(|b| (b.entry, b.invariant)),
        Some((7, "I11"))
    );
}

#[test]
fn a_doctored_ledger_is_found_by_what_it_says() {
    let cleared = |e: &Event| matches!(e, Event::Cleared { .. });
    let proposed = |e: &Event| matches!(e, Event::Proposed { .. });
    let step = |e: &Event| matches!(e, Event::Decided(d) if d.holding.of > 0);
    let first = |found: Vec<(u64, &'static str)>| found.first().map(|f| f.1);
    // Cleared without being proposed.
    assert_eq!(
        first(doctored(|all| drop(all.remove(at(all, proposed))))),
        Some("I5")
    );
    // A generation left out.
    let skipped = doctored(|all| {
        let i = at(all, cleared);
        if let Event::Cleared { configuration, .. } = &mut all[i].event {
            *configuration += 1;
        }
    });
    assert_eq!(first(skipped), Some("I2"));
    // Another plan than the one that was looked at.
    let other = doctored(|all| {
        let i = at(all, cleared);
        if let Event::Cleared { plan, .. } = &mut all[i].event {
            plan.0[0] ^= 1;
        }
    });
    assert_eq!(first(other), Some("I4"));
    // A write to a generation that nobody cleared.
    let ahead = doctored(|all| {
        let i = at(all, step);
        if let Event::Decided(d) = &mut all[i].event {
            d.holding.configuration += 1;
        }
    });
    assert_eq!(first(ahead), Some("I5"));
}

#[test]
fn a_doctored_result_return_or_reading_is_found() {
    let first = |found: Vec<(u64, &'static str)>| found.first().map(|f| f.1);
    // Another content than the plan's.
    let other = doctored(|all| {
        let i = at(all, |e| matches!(e, Event::Cleared { .. }));
        if let Event::Cleared { result, .. } = &mut all[i].event {
            result.0[0] ^= 1;
        }
    });
    assert_eq!(first(other), Some("I4"));
    // A write that was read back although a newer one was.
    let older = doctored(|all| {
        let applied = |e: &Entry| matches!(e.event, Event::Applied { .. });
        let (first, last) = (
            all.iter().position(applied).unwrap(),
            all.iter().rposition(applied).unwrap(),
        );
        let older = all[first].clone();
        all.truncate(last + 1);
        all.push(older);
    });
    assert_eq!(first(older), Some("I2"));
    // A return from a backup that is newer than what stood.
    let newer = doctored(|all| {
        let i = all
            .iter()
            .rposition(|e| matches!(e.event, Event::Decided(_)))
            .unwrap();
        let Event::Decided(decision) = &all[i].event else {
            return;
        };
        let (server, found) = (decision.server.clone(), all[i].seq);
        all.truncate(i + 1);
        let mut back = all[i].clone();
        back.event = Event::Restored { server, found };
        all.push(back);
    });
    assert_eq!(first(newer), Some("I2"));
}

#[test]
fn a_doctored_write_freeze_or_cleanup_is_found() {
    let cleared = |e: &Event| matches!(e, Event::Cleared { .. });
    let step = |e: &Event| matches!(e, Event::Decided(d) if d.holding.of > 0);
    let first = |found: Vec<(u64, &'static str)>| found.first().map(|f| f.1);
    // A write without a deadline.
    let endless = doctored(|all| {
        let i = at(all, step);
        if let Event::Decided(d) = &mut all[i].event {
            d.deadline.0 = 0;
        }
    });
    assert_eq!(first(endless), Some("I1"));
    // Frozen, and a step all the same.
    let frozen = doctored(|all| {
        let i = at(all, step);
        let mut freeze = all[i].clone();
        freeze.event = Event::Frozen {
            reason: String::new(),
            until: None,
        };
        // What follows counts from one further on, and so would every number in it.
        all.truncate(i + 1);
        all.insert(i, freeze);
    });
    assert_eq!(first(frozen), Some("I14"));
    // What is live, forgotten.
    let forgotten = doctored(|all| {
        let i = all.iter().rposition(|e| cleared(&e.event)).unwrap();
        let Event::Cleared { plan, .. } = all[i].event else {
            return;
        };
        all.truncate(i + 1);
        let mut clean = all[i].clone();
        clean.event = Event::Cleaned {
            through: 1,
            content: dns::Digest([7; 32]),
            content_at: 1,
            forgotten: vec![plan],
        };
        all.push(clean);
    });
    assert_eq!(forgotten.last().map(|f| f.1), Some("I6"));
}
