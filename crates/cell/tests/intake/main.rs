//! The intake against a real BIND: nothing lost, nothing twice, never empty.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod found;
mod world;

use dns::{Rtype, Update};
use peers::{Kind, Sampler};
use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};
use steadfast_cell::intake::{Intake, Options, Outcome, TurnedAway};
use steadfast_cell::servers::Outcome as Sent;
use steadfast_core::ledger::Event;
use steadfast_core::plan::compose::Base;
use world::{World, a, name, wish};

const THREADS: usize = 64;

fn records() -> String {
    let counters = (0..THREADS).map(|i| format!("c{i} 60 A 10.0.{i}.0\n"));
    let head = "www 60 A 192.0.2.1\n".to_owned();
    std::iter::once(head).chain(counters).collect()
}

fn is(owner: &str, address: &str) -> Base {
    Base::Is(Some(a(owner, address)))
}

/// Counts up: each step expects the one before, so none can be lost, done twice, or overtaken.
fn count(intake: &Intake, i: usize, steps: usize) -> Vec<u64> {
    let owner = format!("c{i}");
    let step = |k: usize| {
        let base = is(&owner, &format!("10.0.{i}.{}", k - 1));
        let wish = wish(&owner, base, Some(&format!("10.0.{i}.{k}")));
        match intake.submit(wish).unwrap().wait() {
            Outcome::Applied(configuration) => configuration,
            other => panic!("{owner} step {k}: {other:?}"),
        }
    };
    (1..=steps).map(step).collect()
}

#[test]
fn sixty_four_threads_each_change_is_applied_once_and_nothing_is_ever_empty() {
    let steps = peers::rounds("changes of each of 64 threads", 60) as usize;
    let world = World::start(Kind::Bind, &records());
    let sampler = Sampler::start(world.peer.addr(), &[("www.example.com", "A")], 1_000);
    let intake = world.intake(Options::default());
    let generations: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let swap = scope.spawn(|| {
            for k in 2..2 + steps {
                let www = wish("www", Base::Anything, Some(&format!("192.0.2.{k}")));
                assert!(intake.submit(www).unwrap().wait().stands());
            }
        });
        let threads: Vec<_> = (0..THREADS)
            .map(|i| {
                scope.spawn({
                    let intake = &intake;
                    move || count(intake, i, steps)
                })
            })
            .collect();
        swap.join().unwrap();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    intake.close();
    sampler.stop().assert_never_empty(500);
    for (i, own) in generations.iter().enumerate() {
        assert!(own.is_sorted_by(|a, b| a < b), "c{i}: {own:?}");
        let last = world.peer.ask(&format!("c{i}.example.com"), "A");
        assert_eq!(last.data("A"), [format!("10.0.{i}.{steps}")]);
    }
    let stands = world.transfer().filter(|r| world.policy.owns_set(r));
    assert_eq!(world.recorded().diff(&stands), []);
    // They travelled together: far fewer generations than changes, each decided and read back once.
    let distinct: BTreeSet<u64> = generations.iter().flatten().copied().collect();
    let changes = THREADS * steps;
    assert!(
        distinct.len() * 8 < changes,
        "{} generations",
        distinct.len()
    );
    let events = world.entries();
    let many = |is: fn(&Event) -> bool| events.iter().filter(|e| is(e)).count();
    let cleared = many(|e| matches!(e, Event::Cleared { .. }));
    // One more each for planting the marker.
    assert_eq!(many(|e| matches!(e, Event::Decided(_))), cleared + 1);
    assert_eq!(many(|e| matches!(e, Event::Applied { .. })), cleared + 1);
    println!("{changes} changes in {cleared} generations");
}

#[test]
fn a_bad_change_among_good_ones_is_refused_alone() {
    let world = World::start(Kind::Bind, &records());
    let intake = world.intake(Options::default());
    let tickets: Vec<_> = (0..THREADS)
        .map(|i| {
            let change = match i {
                // Would leave the critical name with nothing.
                20 => wish("www", Base::Anything, None),
                21 => wish("c21", is("c21", "10.9.9.9"), Some("10.1.21.1")),
                22 => wish("c22", Base::Anything, Some("10.0.22.0")),
                i => wish(&format!("c{i}"), Base::Anything, Some("10.1.1.1")),
            };
            intake.submit(change).unwrap()
        })
        .collect();
    for (i, ticket) in tickets.into_iter().enumerate() {
        let outcome = ticket.wait();
        match (i, &outcome) {
            (20, Outcome::Refused(findings)) => {
                assert!(
                    findings.iter().any(|f| f.guard == "never-empty"),
                    "{findings:?}"
                );
            }
            (21, Outcome::Moved(owner, Rtype::A, Some(found))) => {
                assert_eq!((owner, found), (&name("c21"), &a("c21", "10.0.21.0")));
            }
            (22, Outcome::AlreadyThere(_)) => {}
            (20..=22, other) => panic!("{i}: {other:?}"),
            (_, Outcome::Applied(_)) => {}
            (_, other) => panic!("{i}: {other:?}"),
        }
    }
    let www = world.peer.ask("www.example.com", "A");
    assert_eq!(www.data("A"), ["192.0.2.1"]);
    assert_eq!(
        world.peer.ask("c63.example.com", "A").data("A"),
        ["10.1.1.1"]
    );
}

#[test]
fn of_many_with_one_base_exactly_one_wins() {
    let world = World::start(Kind::Bind, &records());
    let intake = world.intake(Options::default());
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let racers: Vec<_> = (1..=16)
            .map(|i| {
                let wish = wish("c0", is("c0", "10.0.0.0"), Some(&format!("10.1.0.{i}")));
                let intake = &intake;
                scope.spawn(move || intake.submit(wish).unwrap().wait())
            })
            .collect();
        racers.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let won = outcomes.iter().filter(|o| o.stands()).count();
    let moved = |o: &&Outcome| matches!(o, Outcome::Moved(..));
    assert_eq!(
        (won, outcomes.iter().filter(moved).count()),
        (1, 15),
        "{outcomes:?}"
    );
}

#[test]
fn a_foreign_edit_stops_whoever_meant_that_rrset_and_nobody_else() {
    let world = World::start(Kind::Bind, &records());
    let intake = world.intake(Options::default());
    let foreign = Update::new(name("@")).replace(a("c5", "203.0.113.5"));
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let sent = World::connect(&world.peer).update(&foreign, seconds, 10);
    assert_eq!(sent.outcome, Sent::Accepted);
    let tickets: Vec<_> = (4..8)
        .map(|i| {
            let owner = format!("c{i}");
            let base = is(&owner, &format!("10.0.{i}.0"));
            intake.submit(wish(&owner, base, Some("10.1.1.1"))).unwrap()
        })
        .collect();
    let outcomes: Vec<Outcome> = tickets.into_iter().map(|t| t.wait()).collect();
    assert_eq!(
        outcomes[1],
        Outcome::Drifted("ns1".into(), name("c5"), Rtype::A)
    );
    for at in [0, 2, 3] {
        assert!(outcomes[at].stands(), "{at}: {:?}", outcomes[at]);
    }
    let stands = world.peer.ask("c5.example.com", "A");
    assert_eq!(stands.data("A"), ["203.0.113.5"]);
    assert_eq!(
        world.peer.ask("c6.example.com", "A").data("A"),
        ["10.1.1.1"]
    );
}

#[test]
fn a_full_line_turns_away_and_a_dead_server_leaves_the_outcome_unknown() {
    let mut world = World::start(Kind::Bind, &records());
    let options = Options {
        patience: std::time::Duration::from_millis(200),
        most_waiting: 2,
        ..Options::default()
    };
    let intake = world.intake(options);
    let first = wish("c0", Base::Anything, Some("10.1.1.1"));
    assert!(intake.submit(first).unwrap().wait().stands());
    world.peer.stop();
    let second = wish("c1", Base::Anything, Some("10.1.1.1"));
    let ticket = intake.submit(second).unwrap();
    let outcome = ticket.wait();
    assert!(
        matches!(outcome, Outcome::Unknown(Some(3), _)),
        "{outcome:?}"
    );
    world.peer.cont();
    world.peer.kill();
    let hold = |i: usize| intake.submit(wish(&format!("c{i}"), Base::Anything, Some("10.1.1.2")));
    let held: Vec<_> = (2..12).map(hold).collect();
    assert!(held.iter().any(|h| matches!(h, Err(TurnedAway::Full))));
}

/// What piles up while a server does not answer is caught up with, not replayed: the newest change
/// of each name goes, in a handful of generations.
#[test]
fn ten_thousand_that_queued_go_newest_first_and_in_no_time() {
    let world = World::start(Kind::Bind, &records());
    let sampler = Sampler::start(world.peer.addr(), &[("www.example.com", "A")], 500);
    let intake = world.intake(Options {
        most_waiting: 20_000,
        ..Options::default()
    });
    let before = world.entries().len();
    world.peer.stop();
    let hand_in = |n: usize| {
        let address = format!("10.2.{}.{}", n / THREADS, n % THREADS);
        let wish = wish(&format!("c{}", n % THREADS), Base::Anything, Some(&address));
        intake.submit(wish).unwrap()
    };
    let tickets: Vec<_> = (0..10_000).map(hand_in).collect();
    world.peer.cont();
    let outcomes: Vec<Outcome> = tickets.into_iter().map(|t| t.wait()).collect();
    let (old, newest) = outcomes.split_at(10_000 - THREADS);
    assert!(newest.iter().all(Outcome::stands), "{newest:?}");
    let overtaken = old.iter().filter(|o| **o == Outcome::Overtaken).count();
    assert!(overtaken >= 10_000 - 3 * THREADS, "{overtaken} overtaken");
    let zone = world.transfer();
    for n in 10_000 - THREADS..10_000 {
        let (owner, address) = (
            format!("c{}", n % THREADS),
            format!("10.2.{}.{}", n / THREADS, n % THREADS),
        );
        assert_eq!(
            zone.get(&name(&owner), Rtype::A),
            Some(&a(&owner, &address)),
            "{owner}"
        );
    }
    let cleared = world.entries()[before..]
        .iter()
        .filter(|e| matches!(e, Event::Cleared { .. }))
        .count();
    assert!(cleared <= 3, "{cleared} generations");
    sampler.stop().assert_never_empty(50);
}
