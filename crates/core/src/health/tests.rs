//! The health stream's decisions, told one by one, and held against what may never happen.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::guards::testkit::name;
use crate::time::{Millis, Time};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

const SECOND: u64 = 1_000;

fn cadence() -> Cadence {
    Cadence {
        interval: Millis(5 * SECOND),
        timeout: Millis(2 * SECOND),
        fall: 3,
        rise: 10,
    }
}

fn ip(n: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, n])
}

/// Targets 1, 2, 3… in the regions given.
fn endpoint(answer: Answer, regions: &[&str], floor: (usize, usize)) -> Endpoint {
    let targets = regions.iter().enumerate().map(|(i, region)| Target {
        address: ip(i as u8 + 1),
        region: (*region).to_owned(),
        priority: i as u32,
    });
    Endpoint {
        name: name("api"),
        answer,
        ttl: 30,
        floor: Floor {
            targets: floor.0,
            regions: floor.1,
        },
        velocity: Velocity {
            targets: 1,
            per: Millis(600 * SECOND),
        },
        check: Check::Tcp { port: 443 },
        cadence: cadence(),
        targets: targets.collect(),
    }
}

fn only(endpoint: &Endpoint) -> Known {
    Known::only(Arc::new(endpoint.clone()))
}

fn probe(prober: &mut Prober<IpAddr>, target: u8, at: u64, outcome: Outcome) {
    let at = Time(at * SECOND);
    prober.take(ip(target), Reading { at, outcome }, &cadence());
}

fn says(prober: &Prober<IpAddr>, target: u8, at: u64) -> Verdict {
    prober.verdict(&ip(target), &cadence(), Time(at * SECOND))
}

/// Probes targets 1 to 3 every five seconds; `dead` answer nothing.
fn rounds(prober: &mut Prober<IpAddr>, from: u64, count: u64, dead: &[u8]) -> u64 {
    for round in 0..count {
        for target in 1..=3 {
            let outcome = match dead.contains(&target) {
                true => Outcome::Nothing,
                false => Outcome::Pass,
            };
            probe(
                prober,
                target,
                from + round * 5 + u64::from(target),
                outcome,
            );
        }
    }
    from + count * 5
}

fn sick(targets: &[u8]) -> BTreeMap<IpAddr, Verdict> {
    let verdict = |t: u8| match targets.contains(&t) {
        true => Verdict::Sick(Time(u64::from(t))),
        false => Verdict::Well,
    };
    (1..=6).map(|t| (ip(t), verdict(t))).collect()
}

fn out(targets: &[u8]) -> BTreeSet<IpAddr> {
    targets.iter().map(|t| ip(*t)).collect()
}

#[test]
fn three_failures_make_it_sick_and_ten_successes_well() {
    let mut prober = Prober::<IpAddr>::default();
    let at = rounds(&mut prober, 0, 9, &[]);
    assert_eq!(says(&prober, 1, at), Verdict::Silent(Silence::TooFew));
    let at = rounds(&mut prober, at, 1, &[]);
    assert_eq!(says(&prober, 1, at), Verdict::Well);
    let died = at + 1;
    let at = rounds(&mut prober, at, 2, &[1]);
    assert_eq!(says(&prober, 1, at), Verdict::Well);
    let at = rounds(&mut prober, at, 1, &[1]);
    assert_eq!(says(&prober, 1, at), Verdict::Sick(Time(died * SECOND)));
    let at = rounds(&mut prober, at, 9, &[]);
    assert!(matches!(says(&prober, 1, at), Verdict::Sick(_)));
    let at = rounds(&mut prober, at, 1, &[]);
    assert_eq!(says(&prober, 1, at), Verdict::Well);
}

#[test]
fn a_prober_that_reaches_nothing_is_cut_off_and_says_nothing() {
    let mut prober = Prober::<IpAddr>::default();
    let at = rounds(&mut prober, 0, 10, &[]);
    let at = rounds(&mut prober, at, 40, &[1, 2, 3]);
    assert!(prober.is_cut_off());
    for target in 1..=3 {
        assert_eq!(says(&prober, target, at), Verdict::Silent(Silence::CutOff));
    }
    // The link is back. What failed while it was cut makes nobody sick, not even between the first
    // answer and the next target's.
    probe(&mut prober, 1, at + 1, Outcome::Pass);
    assert!(!prober.is_cut_off());
    assert_eq!(says(&prober, 1, at + 1), Verdict::Well);
    assert_eq!(says(&prober, 2, at + 1), Verdict::Silent(Silence::CutOff));
    probe(&mut prober, 2, at + 2, Outcome::Pass);
    assert_eq!(says(&prober, 2, at + 2), Verdict::Well);
    // One of them is down after all.
    let at = rounds(&mut prober, at + 5, 1, &[3]);
    assert_eq!(says(&prober, 3, at), Verdict::Well);
    let at = rounds(&mut prober, at, 2, &[3]);
    assert!(matches!(says(&prober, 3, at), Verdict::Sick(_)));
}

/// Target 1 has been failing when the prober loses its connection, and again when that is back.
#[test]
fn what_failed_before_the_cut_is_sick_and_what_failed_with_it_is_not() {
    let mut prober = Prober::<IpAddr>::default();
    let at = rounds(&mut prober, 0, 10, &[]);
    let at = rounds(&mut prober, at, 3, &[1]);
    assert!(matches!(says(&prober, 1, at), Verdict::Sick(_)));
    let at = rounds(&mut prober, at, 3, &[1, 2, 3]);
    assert_eq!(says(&prober, 1, at), Verdict::Silent(Silence::CutOff));
    let at = rounds(&mut prober, at, 2, &[1]);
    assert!(matches!(says(&prober, 1, at), Verdict::Sick(_)));
    assert_eq!(says(&prober, 2, at), Verdict::Well);
}

/// A target that answers garbage is reachable: everybody knows whose fault it is.
#[test]
fn a_wrong_answer_is_evidence_of_the_connection() {
    let mut prober = Prober::<IpAddr>::default();
    for n in 0..3 {
        probe(&mut prober, 1, n * 5, Outcome::Wrong);
    }
    assert_eq!(says(&prober, 1, 11), Verdict::Sick(Time(0)));
}

#[test]
fn readings_grow_old_and_rows_with_a_hole_are_none() {
    let mut prober = Prober::<IpAddr>::default();
    let at = rounds(&mut prober, 0, 10, &[]);
    assert_eq!(says(&prober, 1, at + 10), Verdict::Well);
    assert_eq!(says(&prober, 1, at + 20), Verdict::Silent(Silence::Old));
    // Two failures, a pause of a day, and one more.
    let at = rounds(&mut prober, at, 2, &[3]);
    let at = rounds(&mut prober, at + 86_400, 1, &[3]);
    assert_eq!(says(&prober, 3, at), Verdict::Silent(Silence::TooFew));
    // A clock that steps back by a year: what comes from there is not newer.
    let before = prober.clone();
    probe(&mut prober, 2, 1, Outcome::Nothing);
    assert_eq!(prober, before);
}

#[test]
fn probers_decide_by_the_majority_of_those_that_there_are() {
    let sick = Verdict::Sick(Time(1));
    let later = Verdict::Sick(Time(2));
    let silent = Verdict::Silent(Silence::CutOff);
    assert_eq!(ballot(&[sick]), sick);
    assert_eq!(ballot(&[sick, later, Verdict::Well]), later);
    assert_eq!(ballot(&[sick, silent, silent]), silent);
    assert_eq!(
        ballot(&[sick, Verdict::Well]),
        Verdict::Silent(Silence::TooFew)
    );
    assert_eq!(ballot(&[Verdict::Well, Verdict::Well, sick]), Verdict::Well);
    assert_eq!(ballot(&[]), Verdict::Silent(Silence::TooFew));
}

#[test]
fn one_of_three_goes_and_the_next_waits_for_the_window() {
    let five = endpoint(Answer::AllHealthy, &["a", "b", "c", "a", "b"], (2, 2));
    let now = Time(1_000 * SECOND);
    let first = choose(
        &only(&five),
        &Standing::default(),
        &sick(&[2]),
        &BTreeSet::new(),
        Rules::ALL,
        now,
    );
    assert_eq!((first.out, first.withdrawals), (out(&[2]), 1));
    let standing = Standing {
        out: out(&[2]),
        withdrawn: vec![now],
    };
    let soon = Time(1_100 * SECOND);
    let second = choose(
        &only(&five),
        &standing,
        &sick(&[1, 2]),
        &BTreeSet::new(),
        Rules::ALL,
        soon,
    );
    let free = now + Millis(600 * SECOND);
    assert_eq!(second.out, out(&[2]));
    let held = Held {
        target: ip(1),
        why: Why::Velocity(free),
    };
    assert_eq!((second.held, second.again_at), (vec![held], Some(free)));
    let third = choose(
        &only(&five),
        &standing,
        &sick(&[1, 2]),
        &BTreeSet::new(),
        Rules::ALL,
        free,
    );
    assert_eq!((third.out, third.withdrawals), (out(&[1, 2]), 1));
}

#[test]
fn everything_sick_at_once_means_the_checker_is() {
    let three = endpoint(Answer::AllHealthy, &["a", "b", "c"], (1, 1));
    let choice = choose(
        &only(&three),
        &Standing::default(),
        &sick(&[1, 2, 3]),
        &BTreeSet::new(),
        Rules::ALL,
        Time(0),
    );
    assert!(choice.distrusted);
    assert_eq!((choice.out, choice.held.len()), (out(&[]), 3));
    // One that was out stays out, and one that is well comes back.
    let standing = Standing {
        out: out(&[1, 2]),
        withdrawn: Vec::new(),
    };
    let choice = choose(
        &only(&three),
        &standing,
        &sick(&[2, 3]),
        &BTreeSet::new(),
        Rules::ALL,
        Time(0),
    );
    assert!(choice.distrusted);
    assert_eq!(choice.out, out(&[2]));
}

#[test]
fn floors_of_targets_and_regions_hold() {
    let two = endpoint(Answer::AllHealthy, &["a", "a", "b"], (2, 2));
    let choice = choose(
        &only(&two),
        &Standing::default(),
        &sick(&[3]),
        &BTreeSet::new(),
        Rules::ALL,
        Time(0),
    );
    let held = Held {
        target: ip(3),
        why: Why::Floor,
    };
    assert_eq!((choice.out, choice.held), (out(&[]), vec![held]));
    let choice = choose(
        &only(&two),
        &Standing::default(),
        &sick(&[1]),
        &BTreeSet::new(),
        Rules::ALL,
        Time(0),
    );
    assert_eq!(choice.out, out(&[1]));
}

#[test]
fn the_last_address_of_a_family_stays() {
    let mut mixed = endpoint(Answer::AllHealthy, &["a", "b", "c"], (1, 1));
    let six: IpAddr = "2001:db8::1".parse().unwrap();
    mixed.targets[0].address = six;
    let verdicts = [(six, Verdict::Sick(Time(0)))].into();
    let choice = choose(
        &only(&mixed),
        &Standing::default(),
        &verdicts,
        &BTreeSet::new(),
        Rules::ALL,
        Time(0),
    );
    assert_eq!(choice.held[0].why, Why::Floor);
}

#[test]
fn a_standby_takes_over_at_once_and_that_is_no_withdrawal() {
    let pair = endpoint(Answer::Failover, &["a", "b", "c"], (1, 1));
    let standing = Standing {
        out: out(&[]),
        withdrawn: vec![Time(0)],
    };
    assert_eq!(pair.answered(&pair.all()), out(&[1]));
    let choice = choose(
        &only(&pair),
        &standing,
        &sick(&[1]),
        &BTreeSet::new(),
        Rules::ALL,
        Time(SECOND),
    );
    assert_eq!((choice.withdrawals, choice.held.len()), (0, 0));
    let inside = pair.all().difference(&choice.out).copied().collect();
    assert_eq!(pair.answered(&inside), out(&[2]));
}

/// A world of verdicts, one row a step; `None`: nobody knows.
fn steps() -> impl proptest::strategy::Strategy<Value = Vec<(u64, Vec<Option<bool>>)>> {
    let row = prop::collection::vec(prop::option::weighted(0.8, any::<bool>()), 6);
    prop::collection::vec((0..400u64, row), 1..40)
}

fn any_endpoint() -> impl proptest::strategy::Strategy<Value = Endpoint> {
    let regions = prop::collection::vec(0..3usize, 1..=6);
    let limits = (any::<bool>(), 1..4usize, 1..3usize, 1..3usize);
    (regions, limits).prop_map(|(regions, (failover, floor, floor_regions, velocity))| {
        let names: Vec<&str> = regions.iter().map(|r| ["a", "b", "c"][*r]).collect();
        let distinct: BTreeSet<&&str> = names.iter().collect();
        let kind = match failover {
            true => Answer::Failover,
            false => Answer::AllHealthy,
        };
        let floor = (floor.min(names.len()), floor_regions.min(distinct.len()));
        let mut made = endpoint(kind, &names, floor);
        made.velocity.targets = velocity;
        made
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever probers say: the floors hold, no window sees more withdrawals than it may, only
    /// the sick go, only the well come back, and what nobody knows stays as it is.
    #[test]
    fn nothing_leaves_the_envelope(endpoint in any_endpoint(), steps in steps()) {
        let all = endpoint.all();
        let mut standing = Standing::default();
        let mut shrunk: Vec<Time> = Vec::new();
        let mut now = Time(0);
        for (pause, row) in steps {
            now = now + Millis(pause * SECOND);
            let verdict = |known: &bool| match known {
                true => Verdict::Well,
                false => Verdict::Sick(now),
            };
            let verdicts: BTreeMap<IpAddr, Verdict> = (1u8..)
                .zip(&row)
                .filter_map(|(t, known)| Some((ip(t), verdict(known.as_ref()?))))
                .collect();
            let choice = choose(&only(&endpoint), &standing, &verdicts, &BTreeSet::new(), Rules::ALL, now);
            let answer = |out: &BTreeSet<IpAddr>| endpoint.answered(&all.difference(out).copied().collect());
            // What comes back comes first, and may relieve standbys.
            let back: BTreeSet<IpAddr> = standing.out.intersection(&choice.out).copied().collect();
            let (before, after) = (answer(&back), answer(&choice.out));
            prop_assert!(endpoint.is_above_floor(&after), "{:?}", after);
            for gone in choice.out.difference(&standing.out) {
                prop_assert!(matches!(verdicts.get(gone), Some(Verdict::Sick(_))));
            }
            for back in standing.out.difference(&choice.out) {
                prop_assert_eq!(verdicts.get(back), Some(&Verdict::Well));
            }
            let sick = all.iter().filter(|t| matches!(verdicts.get(t), Some(Verdict::Sick(_)))).count();
            if sick == all.len() {
                prop_assert_eq!(&choice.out, &standing.out);
            }
            // Each target that all-healthy loses counts; of failover, only what is not replaced.
            let lost = match endpoint.answer {
                Answer::AllHealthy => choice.out.difference(&standing.out).count(),
                Answer::Failover => before.len().saturating_sub(after.len()),
            };
            prop_assert!(choice.withdrawals >= lost);
            shrunk.extend((0..choice.withdrawals).map(|_| now));
            for end in &shrunk {
                let within = shrunk.iter().filter(|at| **at <= *end && end.since(**at) < endpoint.velocity.per);
                prop_assert!(within.count() <= endpoint.velocity.targets);
            }
            standing.withdrawn.extend((0..choice.withdrawals).map(|_| now));
            standing.out = choice.out;
        }
    }
}
