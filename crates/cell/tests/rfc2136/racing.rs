//! Writers that set out at once, against one process or two.

use crate::fixture::{Fixture, connect, key, name, now, start, step};
use dns::{Rcode, Rtype};
use peers::{Kind, Peer};
use std::sync::Barrier;
use std::time::{Duration, Instant};
use steadfast_cell::servers::{Outcome, Rfc2136};

/// Writers of a round.
const WRITERS: usize = 12;

#[test]
fn of_racing_writers_exactly_one_wins() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        race(&kind.to_string(), &fixture, &[&fixture.peer]);
    }
}

#[test]
fn of_writers_racing_over_two_processes_on_one_database_exactly_one_wins() {
    let fixture = start(Kind::PowerDns);
    let twin = fixture.peer.twin(20);
    race("PowerDNS twice", &fixture, &[&fixture.peer, &twin]);
}

/// Rounds of writers that all expect the same marker. SQLite may send everybody away, as "database
/// is locked": such a round decides nothing and is held again.
fn race(what: &str, fixture: &Fixture, doors: &[&Peer]) {
    let rounds = peers::rounds(&format!("{what}: rounds of {WRITERS} writers"), 60);
    let (mut from, mut decided, mut busy) = ("one".to_owned(), 0, 0);
    while decided < rounds {
        let outcomes = round(doors, &from, &format!("{decided}-{busy}"));
        let stands = fixture.marker();
        let won: Vec<&String> = outcomes
            .iter()
            .filter(|(_, outcome)| *outcome == Outcome::Accepted)
            .map(|(to, _)| to)
            .collect();
        let locked = fixture.kind() == Kind::PowerDns;
        let known = |outcome: &Outcome| match outcome {
            Outcome::Accepted | Outcome::Prerequisite(Rcode::NXRRSET) => true,
            other => locked && *other == Outcome::Unknown,
        };
        assert!(
            outcomes.iter().all(|(_, o)| known(o)),
            "{what}: {outcomes:?}"
        );
        if locked && won.is_empty() && stands == from {
            busy += 1;
            assert!(busy <= 2 * rounds, "{what}: nobody ever wins");
            continue;
        }
        assert_eq!(won, [&stands], "{what}: {outcomes:?}");
        decided += 1;
        from = stands;
    }
    println!("{what}: one winner in each of {decided} rounds; {busy} more decided nothing");
}

/// What each writer wanted the marker to be, and what became of it.
fn round(doors: &[&Peer], from: &str, round: &str) -> Vec<(String, Outcome)> {
    let barrier = Barrier::new(WRITERS);
    std::thread::scope(|scope| {
        let write = |writer: usize| {
            let (door, barrier) = (doors[writer % doors.len()], &barrier);
            scope.spawn(move || {
                let server = connect(door, &key(door.key_file()));
                let to = format!("r{round}-w{writer}");
                let update = step(from, &to);
                barrier.wait();
                let reply = server.update(&update, now(), 10);
                (to, reply.outcome)
            })
        };
        let writers: Vec<_> = (0..WRITERS).map(write).collect();
        writers.into_iter().map(|w| w.join().unwrap()).collect()
    })
}

/// The other process answers from its cache; what it checks before a write is in the database.
#[test]
fn a_second_process_serves_the_old_marker_for_its_cache_time_and_still_fences() {
    let fixture = start(Kind::PowerDns);
    let cache = peers::rounds("seconds that the second process keeps answers", 20);
    let twin = fixture.peer.twin(cache);
    let other = connect(&twin, &key(fixture.peer.key_file()));
    assert_eq!(marker_at(&other), "one");
    let kept = Instant::now();
    fixture.accepted(&step("one", "two"));
    assert_eq!(fixture.marker(), "two");
    assert_eq!(marker_at(&other), "one", "it has no cache");
    let late = other.update(&step("one", "late"), now(), 10);
    assert_eq!(
        late.outcome,
        Outcome::Prerequisite(Rcode::NXRRSET),
        "{late}"
    );
    let cache = Duration::from_secs(cache.into());
    while marker_at(&other) == "one" {
        let limit = cache * 2 + Duration::from_secs(3);
        assert!(kept.elapsed() < limit, "stale for {:?}", kept.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    let stale = kept.elapsed();
    println!("the second process served the old marker for {stale:?}");
    // It counts in whole seconds.
    assert!(stale + Duration::from_secs(1) > cache, "{stale:?}");
    assert_eq!(marker_at(&other), "two");
}

fn marker_at(server: &Rfc2136) -> String {
    let answer = server.ask(&name("_steadfast"), Rtype::TXT).unwrap();
    answer
        .rrset
        .map_or(String::new(), |m| m.texts().concat().replace('"', ""))
}
