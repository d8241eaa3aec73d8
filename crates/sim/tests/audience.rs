//! Followers and caches: what they have, for how long, and what is a violation in what clients hear.
#![allow(clippy::unwrap_used, missing_docs)]

use dns::Rtype;
use proptest::prelude::*;
use steadfast_sim::action::{Action, Verb};
use steadfast_sim::cache::{Cache, Keeps};
use steadfast_sim::followers::Ask;
use steadfast_sim::kit::Kit;
use steadfast_sim::naive::End;
use steadfast_sim::scenario::{FORTH, MORE, Nature, apex, name, records, rrset, start};
use steadfast_sim::script::Script;
use steadfast_sim::server::{Records, serial};
use steadfast_sim::{Scenario, Setting, run};

fn script(servers: usize) -> Script {
    Script::new(
        Kit::FULL,
        &Setting {
            enactors: 1,
            servers: vec![Nature::default(); servers],
            names: 0,
            fleet: Default::default(),
            staged: false,
        },
    )
}

fn broken(script: Script) -> Option<&'static str> {
    script.outcome().violation.map(|v| v.invariant)
}

fn ask(cache: u8, of: (u8, Option<u8>), parts: bool) -> Action {
    Action::Ask(Ask {
        cache,
        of,
        name: name("www.example.com"),
        family: None,
        anew: false,
        parts,
    })
}

/// A zone with an address at `www` for 30 s, nothing else, and an SOA of 20 s whose MINIMUM is 60.
fn view(with: bool) -> Records {
    let data = "ns1.example.net. hostmaster.example.net. 1 3600 600 86400 60";
    let mut sets = vec![rrset("@", 20, Rtype::SOA, &[data])];
    sets.extend(with.then(|| rrset("www", 30, Rtype::A, &["192.0.2.1"])));
    let key = |r: &dns::RRset| (r.name().clone(), r.rtype());
    sets.into_iter().map(|r| (key(&r), r)).collect()
}

#[test]
fn a_nothing_is_kept_as_long_as_rfc_2308_says() {
    let (www, zone) = (name("www.example.com"), apex());
    for keeps in [Keeps::Answers, Keeps::Parts] {
        let mut cache = Cache::default();
        let mut told = |with: bool, now: u64| {
            let question = (&www, Rtype::A);
            cache.ask(keeps, question, (&view(with), &zone), now)
        };
        assert_eq!(told(false, 0).end, End::Nothing);
        let kept = told(true, 19_999);
        assert_eq!((kept.end, kept.fresh), (End::Nothing, false));
        // The SOA's own TTL is shorter than its MINIMUM.
        assert_eq!(told(true, 20_000).end, End::Address);
        assert_eq!(told(false, 49_999).end, End::Address);
        assert_eq!(told(false, 50_000).end, End::Nothing);
    }
}

proptest! {
    /// Against the simplest model: what is told was true at some time not longer ago than a TTL.
    #[test]
    fn what_a_cache_tells_was_true_within_a_ttl(
        asks in prop::collection::vec((0u64..20_000, any::<bool>(), any::<bool>()), 1..40),
    ) {
        let (www, zone) = (name("www.example.com"), apex());
        let mut caches = [Cache::default(), Cache::default()];
        let (mut now, mut said) = (0, Vec::new());
        for (wait, with, parts) in asks {
            now += wait;
            said.push((now, with));
            let keeps = if parts { Keeps::Parts } else { Keeps::Answers };
            let cache = &mut caches[usize::from(parts)];
            let told = cache.ask(keeps, (&www, Rtype::A), (&view(with), &zone), now);
            let has = told.end == End::Address;
            let ttl = if has { 30_000 } else { 20_000 };
            let was = said.iter().any(|(at, with)| *with == has && now < at + ttl || (*at, *with) == (now, has));
            prop_assert!(was);
            prop_assert!(!told.fresh || has == with);
        }
    }
}

#[test]
fn a_follower_is_behind_until_it_transfers() {
    let mut s = script(1);
    s.act(Action::Transfer(0, 0));
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Operate(0, Verb::Apply(MORE)));
    s.pass(1_000);
    let has = |s: &Script| serial(&s.world.followers.get((0, 0)).unwrap().served);
    assert_eq!(has(&s), 1);
    s.act(ask(0, (0, Some(0)), false));
    s.act(Action::FollowerDown(0, 0));
    s.act(Action::Transfer(0, 0));
    assert_eq!(has(&s), 1);
    s.act(Action::FollowerUp(0, 0));
    s.act(Action::Transfer(0, 0));
    assert_eq!(has(&s), s.world.servers[0].serial());
    let outcome = s.outcome();
    assert_eq!(outcome.violation, None);
    assert_eq!(
        (outcome.stats.world.behind, outcome.stats.world.transfers),
        (1, 2)
    );
}

/// What a restored primary's follower has of the lost time it gives up only for a serial that
/// exceeds its own: the repair asks it, and waits while it does not answer (I2).
#[test]
fn the_repair_of_a_restored_primary_reaches_its_follower() {
    let mut s = script(1);
    s.act(Action::Transfer(0, 0));
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Backup(0));
    s.act(Action::Operate(0, Verb::Apply(MORE)));
    s.pass(20_000);
    s.act(Action::Transfer(0, 0));
    let lost = serial(&s.world.followers.get((0, 0)).unwrap().served);
    s.act(Action::FollowerDown(0, 0));
    s.act(Action::Restore(0));
    s.act(Action::Start(0));
    s.pass(30_000);
    assert!(
        s.world.servers[0].serial() < lost,
        "nobody knows what the follower has"
    );
    s.act(Action::FollowerUp(0, 0));
    s.pass(60_000);
    assert!(s.world.servers[0].serial() > lost);
    s.act(Action::Transfer(0, 0));
    assert!(serial(&s.world.followers.get((0, 0)).unwrap().served) > lost);
    s.act(Action::Calm);
    s.act(Action::Check);
    assert!(s.world.stats.world.unknown > 0);
    assert_eq!(broken(s), None);
}

/// The backup is older than the marker: what is planted again has a serial that the follower has
/// not had, or it would keep the lost marker for good (I2, seed 5000793).
#[test]
fn a_marker_that_went_with_its_serial_is_planted_with_a_later_one() {
    let mut s = script(1);
    s.act(Action::Transfer(0, 0));
    s.act(Action::Backup(0));
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Transfer(0, 0));
    s.act(Action::Restore(0));
    s.act(Action::Operate(0, Verb::Apply(MORE)));
    let end = s.world.now + 60_000;
    s.pass_until_held(60_000, |write| {
        write.changes.is_empty() && write.soa.is_some()
    });
    assert!(s.world.now < end, "no marker with a serial");
    s.release();
    s.pass(60_000);
    s.act(Action::Transfer(0, 0));
    s.act(Action::Calm);
    s.act(Action::Check);
    assert_eq!(broken(s), None);
}

#[test]
fn a_critical_name_without_an_address_counts_through_a_cache_too() {
    let mut s = script(1);
    s.act(Action::Transfer(0, 0));
    // Behind the oracle's back, and gone again before anybody looks at the server.
    let good = s.world.servers[0].served.clone();
    let bad: Records = good
        .iter()
        .filter(|((_, t), _)| *t != Rtype::A)
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    s.world.servers[0].served = bad.into();
    s.act(ask(0, (0, None), false));
    assert_eq!(broken(s), Some("I3"));
    assert_eq!(*good, records(&start(0)));
}

/// Why caches that keep each RRset by itself are no part of the standard world: a plan that moves
/// an alias and deletes its old target does not wait until caches let go of the alias (I13).
#[test]
fn an_alias_kept_by_itself_leads_to_what_is_deleted() {
    for (parts, wanted) in [(true, Some("I13")), (false, None)] {
        let mut s = script(1);
        s.act(Action::Start(0));
        s.pass(1_000);
        let mut first = ask(0, (0, None), parts);
        if let Action::Ask(ask) = &mut first {
            ask.family = Some(Rtype::AAAA);
        }
        s.act(first);
        s.act(Action::Operate(0, Verb::Apply(FORTH)));
        s.pass(5_000);
        s.act(ask(0, (0, None), parts));
        assert_eq!(broken(s), wanted);
    }
}

/// An authority that goes back is told by whom asked it before, and by nobody else.
#[test]
fn an_older_answer_after_a_newer_one_from_the_same_server() {
    for (second, wanted) in [(0, Some("I2")), (1, None)] {
        let mut s = script(2);
        s.act(Action::Start(0));
        s.pass(1_000);
        let old = s.world.servers[0].served.clone();
        s.act(Action::Operate(0, Verb::Apply(MORE)));
        s.pass(5_000);
        s.act(ask(0, (0, None), false));
        s.world.servers[usize::from(second)].served = old;
        s.pass(61_000);
        s.act(ask(0, (second, None), false));
        assert_eq!(broken(s), wanted, "server {second}");
    }
}

#[test]
fn the_standard_world_reaches_all_of_it() {
    let mut all = steadfast_sim::tally::Tally::default();
    for seed in 0..200 {
        all.add(&run(Kit::FULL, seed, &Scenario::default()).stats.world);
    }
    // Rare, and shown above; and what only other caches do.
    let elsewhere = [
        "a repair waits for a follower's serial",
        "an answer is put together in a cache",
    ];
    let never: Vec<_> = all
        .all()
        .filter(|(name, n)| *n == 0 && !elsewhere.contains(name))
        .collect();
    assert_eq!(never, []);
}

/// A full disk stops decisions, and what is not in the ledger is not sent (I11); with room again and
/// a new start all goes on.
#[test]
fn a_full_disk_sends_nothing() {
    let mut s = script(1);
    s.act(Action::Start(0));
    s.pass(1_000);
    let (last, serial) = (s.world.stores[0].last(), s.world.servers[0].serial());
    s.act(Action::Full(0));
    s.act(Action::Operate(0, Verb::Apply(MORE)));
    s.pass(20_000);
    let now = (s.world.stores[0].last(), s.world.servers[0].serial());
    assert_eq!(now, (last, serial));
    assert!(s.world.stats.world.full > 0);
    s.act(Action::Roomy(0));
    s.act(Action::Crash(0));
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Operate(0, Verb::Apply(MORE)));
    s.pass(5_000);
    assert!(s.world.servers[0].serial() > serial);
    assert_eq!(broken(s), None);
}
