//! Random batches against a model of maps.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use steadfast_cell::store::{Appended, Batch, GENESIS, Hash, Store};

use crate::support::{Folder, batch, body, no_bodies};

/// One zone in the model.
#[derive(Default)]
struct Zone {
    entries: Vec<(u64, Hash, Vec<u8>)>,
    bodies: BTreeSet<u8>,
    snapshot: Option<(u64, Vec<u8>)>,
}

impl Zone {
    fn end(&self) -> (u64, Hash) {
        self.entries
            .last()
            .map_or((0, GENESIS), |(number, hash, _)| (*number, *hash))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append {
        zone: usize,
        /// Added to the last number: a conflict when not 0.
        behind: u64,
        jumps: Vec<u64>,
        bodies: Vec<u8>,
        forget: Vec<u8>,
        snapshot: bool,
    },
    Reopen,
}

const ZONES: [&str; 3] = ["a.example", "b.example", "b.example.net"];

fn step() -> impl Strategy<Value = Step> {
    let few = || prop::collection::vec(0..6u8, 0..3);
    let append = (
        0..ZONES.len(),
        prop_oneof![4 => Just(0u64), 1 => 1..3u64],
        prop::collection::vec(1..5u64, 0..4),
        few(),
        few(),
        any::<bool>(),
    )
        .prop_map(
            |(zone, behind, jumps, bodies, forget, snapshot)| Step::Append {
                zone,
                behind,
                jumps,
                bodies,
                forget,
                snapshot,
            },
        );
    prop_oneof![12 => append, 1 => Just(Step::Reopen)]
}

fn name(number: u8) -> String {
    format!("body {number}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn behaves_like_maps(steps in prop::collection::vec(step(), 1..25)) {
        let folder = Folder::new();
        let mut store = Store::create_or_open(folder.path()).unwrap();
        let mut model: BTreeMap<usize, Zone> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Reopen => {
                    drop(store);
                    store = Store::open(folder.path()).unwrap();
                }
                Step::Append { zone, behind, jumps, bodies, forget, snapshot } => {
                    let expected = model.entry(zone).or_default();
                    let (last, hash) = expected.end();
                    let mut number = last + behind;
                    let numbered: Vec<(u64, Vec<u8>)> = jumps.iter().map(|jump| {
                        number += jump;
                        (number, format!("entry {number}").into_bytes())
                    }).collect();
                    let slices: Vec<(u64, &[u8])> =
                        numbered.iter().map(|(number, bytes)| (*number, bytes.as_slice())).collect();
                    let mut batch: Batch = batch(last + behind, hash, &slices);
                    batch.bodies = bodies.iter().map(|n| body(&name(*n))).collect();
                    batch.forget = forget.iter().map(|n| body(&name(*n)).hash).collect();
                    batch.snapshot = snapshot.then(|| (number, format!("fold {number}").into()));
                    let appended = store.append(ZONES[zone], batch.clone()).unwrap();
                    if behind > 0 {
                        prop_assert_eq!(appended, Appended::Conflict { last });
                    } else {
                        prop_assert_eq!(appended, Appended::Done { last: number });
                        for (number, entry) in batch.entries {
                            expected.entries.push((number, entry.hash, entry.bytes));
                        }
                        expected.bodies.retain(|n| !forget.contains(n));
                        expected.bodies.extend(bodies);
                        expected.snapshot = batch.snapshot.or(expected.snapshot.take());
                    }
                }
            }
            check(&store, &model);
        }
    }
}

fn check(store: &Store, model: &BTreeMap<usize, Zone>) {
    let filled: Vec<&str> = model
        .iter()
        .filter(|(_, zone)| !zone.entries.is_empty())
        .map(|(zone, _)| ZONES[*zone])
        .collect();
    assert_eq!(store.zones().unwrap(), filled);
    for (zone, expected) in model {
        let middle = expected
            .entries
            .get(expected.entries.len() / 2)
            .map_or(0, |entry| entry.0);
        for after in [0, middle] {
            let tail = store.tail(ZONES[*zone], after, &no_bodies).unwrap();
            let above: Vec<_> = expected
                .entries
                .iter()
                .filter(|entry| entry.0 > after)
                .cloned()
                .collect();
            assert_eq!((tail.last, tail.last_hash), expected.end());
            assert_eq!(tail.entries, above);
        }
        assert_eq!(store.snapshot(ZONES[*zone]).unwrap(), expected.snapshot);
    }
    for number in 0..6 {
        let body = body(&name(number));
        let kept = model.values().any(|zone| zone.bodies.contains(&number));
        assert_eq!(store.body(&body.hash).unwrap(), kept.then_some(body.bytes));
    }
}
