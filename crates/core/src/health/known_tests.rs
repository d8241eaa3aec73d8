//! Several definitions of one endpoint at once: each of them judges as if it were alone.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::guards::testkit::name;
use crate::time::{Millis, Time};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

fn ip(n: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, n])
}

fn set(targets: &[u8]) -> BTreeSet<IpAddr> {
    targets.iter().map(|t| ip(*t)).collect()
}

/// An endpoint of these targets, each in a region of its own, with a floor of so many.
fn endpoint(targets: &[u8], floor: usize) -> Arc<Endpoint> {
    let target = |n: &u8| Target {
        address: ip(*n),
        region: format!("r{n}"),
        priority: u32::from(*n),
    };
    Arc::new(Endpoint {
        name: name("api"),
        answer: Answer::AllHealthy,
        ttl: 30,
        floor: Floor {
            targets: floor,
            regions: 1,
        },
        velocity: Velocity {
            targets: 2,
            per: Millis::seconds(600),
        },
        check: Check::Tcp {
            port: u16::from(targets[0]),
        },
        cadence: Cadence {
            interval: Millis::seconds(5),
            timeout: Millis::seconds(2),
            fall: 3,
            rise: 10,
        },
        targets: targets.iter().map(target).collect(),
    })
}

fn all(one: &Arc<Endpoint>) -> BTreeMap<dns::Name, Arc<Endpoint>> {
    BTreeMap::from([(one.name.clone(), one.clone())])
}

/// Servers answer by these, and those may return.
fn known(live: &[&Arc<Endpoint>], back: &[&Arc<Endpoint>], rolling: bool) -> Definitions {
    let live: Vec<_> = live.iter().map(|e| all(e)).collect();
    let back: Vec<_> = back.iter().map(|e| all(e)).collect();
    Definitions::new(&live, &back, rolling)
}

fn judged(definitions: &Definitions, out: &[u8], sick: &[u8]) -> Choice {
    let verdict = |t: u8| match sick.contains(&t) {
        true => Verdict::Sick(Time(u64::from(t))),
        false => Verdict::Well,
    };
    let verdicts = (1..=9).map(|t| (ip(t), verdict(t))).collect();
    let standing = Standing {
        out: set(out),
        withdrawn: Vec::new(),
    };
    let known = definitions.get(&name("api")).unwrap();
    let none = BTreeSet::new();
    choose(known, &standing, &verdicts, &none, Rules::ALL, Time(99))
}

#[test]
fn what_only_the_old_definition_has_goes_out_and_returns() {
    let (new, old) = (endpoint(&[1, 2, 3], 1), endpoint(&[3, 4, 5], 1));
    let both = known(&[&new, &old], &[], true);
    let choice = judged(&both, &[], &[4]);
    assert_eq!((choice.out, choice.withdrawals), (set(&[4]), 1));
    assert_eq!(judged(&both, &[4], &[]).out, set(&[]));
}

#[test]
fn the_other_definitions_targets_are_no_capacity() {
    let (new, old) = (endpoint(&[1, 2, 3, 6], 1), endpoint(&[3, 4, 5], 2));
    let both = known(&[&new, &old], &[], true);
    // 3 and 4 are most of the old one's, and few of all: the old one distrusts the checker. What
    // only the new one has goes.
    let choice = judged(&both, &[], &[1, 3, 4]);
    assert_eq!((choice.out, choice.distrusted), (set(&[1]), true));
    // The new one has enough; the old one would be left with 5 alone.
    let old = endpoint(&[3, 4, 5, 7, 8], 4);
    let choice = judged(&known(&[&new, &old], &[], true), &[4], &[3, 4]);
    assert_eq!((choice.out, choice.distrusted), (set(&[4]), false));
    let choice = judged(&known(&[&new], &[], false), &[], &[3]);
    assert_eq!(choice.out, set(&[3]));
}

#[test]
fn withdrawals_are_counted_once_for_all_definitions() {
    let (new, old) = (endpoint(&[1, 2, 3, 4, 5], 1), endpoint(&[4, 5, 6, 7, 8], 1));
    let choice = judged(&known(&[&new, &old], &[], true), &[], &[1, 4, 8]);
    assert_eq!((choice.out, choice.withdrawals), (set(&[1, 4]), 2));
    let held = [Held {
        target: ip(8),
        why: Why::Velocity(Time(600_099)),
    }];
    assert_eq!(choice.held, held);
}

#[test]
fn what_may_return_is_probed_during_a_rollout_and_holds_nobody_up() {
    let (new, old) = (endpoint(&[1, 2, 3], 1), endpoint(&[3, 4, 5], 3));
    let one = |definitions: &Definitions| -> BTreeSet<IpAddr> {
        definitions.watched().map(|w| w.target).collect()
    };
    let rolling = known(&[&new], &[&old], true);
    assert_eq!(one(&rolling), set(&[1, 2, 3, 4, 5]));
    assert_eq!(one(&known(&[&new], &[&old], false)), set(&[1, 2, 3]));
    // Its own part goes by its own floor; what servers answer goes by theirs.
    assert_eq!(judged(&rolling, &[], &[4]).out, set(&[]));
    assert_eq!(judged(&rolling, &[], &[3]).out, set(&[3]));
    // What was out stays out for the day on which it returns, with nobody losing anything now.
    let choice = judged(&rolling, &[4], &[4]);
    assert_eq!((choice.out, choice.withdrawals), (set(&[4]), 0));
}

#[test]
fn a_target_is_asked_what_the_first_definition_that_has_it_says() {
    let (new, old) = (endpoint(&[1, 3], 1), endpoint(&[4, 3], 1));
    let both = known(&[&new, &old], &[], true);
    let ports = both.watched().map(|w| (w.target, w.check.port()));
    let ports: Vec<(IpAddr, u16)> = ports.collect();
    assert_eq!(ports, [(ip(1), 1), (ip(3), 1), (ip(4), 4)]);
}

/// Two overlapping definitions of up to six targets.
fn pair() -> impl proptest::strategy::Strategy<Value = [Arc<Endpoint>; 2]> {
    let one = || (1..=6u8, 1..=4u8, 1..4usize, 1..3usize, any::<bool>());
    let made = |(count, from, floor, velocity, failover): (u8, u8, usize, usize, bool)| {
        let targets: Vec<u8> = (from..from + count).collect();
        let mut made = Endpoint::clone(&endpoint(&targets, floor.min(targets.len())));
        made.velocity.targets = velocity;
        if failover {
            made.answer = Answer::Failover;
        }
        Arc::new(made)
    };
    (one(), one()).prop_map(move |(a, b)| [made(a), made(b)])
}

fn rows() -> impl proptest::strategy::Strategy<Value = Vec<(u64, Vec<Option<bool>>)>> {
    let row = prop::collection::vec(prop::option::weighted(0.8, any::<bool>()), 10);
    prop::collection::vec((0..400u64, row), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever probers say, under each definition by itself: its floor holds, no window loses more
    /// than it may, and nothing of it goes while most of it is sick.
    #[test]
    fn each_definition_is_safe_by_itself(pair in pair(), rows in rows()) {
        let definitions = known(&[&pair[0], &pair[1]], &[], false);
        let known = definitions.get(&name("api")).unwrap();
        let mut standing = Standing::default();
        let mut lost: [Vec<Time>; 2] = Default::default();
        let mut now = Time(0);
        for (pause, row) in rows {
            now = now + Millis::seconds(pause);
            let verdict = |known: &bool| match known {
                true => Verdict::Well,
                false => Verdict::Sick(now),
            };
            let row = (1u8..).zip(&row);
            let verdicts: BTreeMap<IpAddr, Verdict> =
                row.filter_map(|(t, known)| Some((ip(t), verdict(known.as_ref()?)))).collect();
            let choice = choose(known, &standing, &verdicts, &BTreeSet::new(), Rules::ALL, now);
            let gone: BTreeSet<IpAddr> = choice.out.difference(&standing.out).copied().collect();
            let stays: BTreeSet<IpAddr> = standing.out.intersection(&choice.out).copied().collect();
            for target in &gone {
                prop_assert!(matches!(verdicts.get(target), Some(Verdict::Sick(_))));
            }
            for target in standing.out.difference(&choice.out) {
                prop_assert_eq!(verdicts.get(target), Some(&Verdict::Well));
            }
            for (definition, lost) in pair.iter().zip(&mut lost) {
                let answer = definition.answered_without(&choice.out);
                prop_assert!(definition.is_above_floor(&answer), "{:?}", answer);
                let before = definition.answered_without(&stays).len();
                let count = match definition.answer {
                    Answer::AllHealthy => gone.iter().filter(|t| definition.has(t)).count(),
                    Answer::Failover => before.saturating_sub(answer.len()),
                };
                prop_assert!(choice.withdrawals >= count);
                lost.extend((0..count).map(|_| now));
                let per = definition.velocity.per;
                let window = lost.iter().filter(|at| now.since(**at) < per).count();
                prop_assert!(count == 0 || window <= definition.velocity.targets);
                let sick = |t: &&IpAddr| {
                    let sick = matches!(verdicts.get(t), Some(Verdict::Sick(_)));
                    sick || stays.contains(*t)
                };
                let all = definition.all();
                let sick = all.iter().filter(sick).count();
                if sick > 1 && sick * 2 > all.len() {
                    prop_assert!(gone.iter().all(|t| !definition.has(t)));
                }
            }
            standing.withdrawn.extend((0..choice.withdrawals).map(|_| now));
            standing.out = choice.out;
        }
    }
}
