//! A pinned name never resolves to nothing on unconfirmed evidence (R1).

use crate::world::{A, B, Says, World, addresses, codes, config, has, is_empty};
use dns::{Rcode, Rtype};
use proptest::prelude::*;
use steadfast_resolver::Key;

const API: &str = "api.example.com";

fn pinned() -> World {
    let mut world = World::new(config(&[A, B], &["**.example.com"]));
    for who in [A, B] {
        world.say(who, has("192.0.2.10", 5));
    }
    assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
    world
}

#[test]
fn every_row_of_the_blackout_table_is_answered_at_once_and_labelled() {
    for fault in [
        Says::Silence,
        Says::Fails(2),
        Says::Fails(5),
        Says::NoData(Some(5)),
        Says::NoData(None),
        Says::NxDomain(Some(5)),
        Says::NxDomain(None),
        has("10.0.0.1", 5),
        has("0.0.0.0", 5),
        Says::Records(vec![(
            API,
            5,
            5,
            b"\x04gone\x07example\x03com\x00".to_vec(),
        )]),
    ] {
        let mut world = pinned();
        for who in [A, B] {
            world.say(who, fault.clone());
        }
        world.pass(7);
        for second in [7, 15, 23] {
            let began = world.now.mono;
            let reply = world.ask(API);
            assert_eq!(addresses(&reply), ["192.0.2.10"], "{fault:?} at {second} s");
            assert_eq!(codes(&reply)[0], 3, "{fault:?} at {second} s");
            let waited = world.now.mono - began;
            assert!(waited < 10, "{fault:?} at {second} s: {waited} ms");
            world.pass(8);
        }
        for who in [A, B] {
            world.say(who, has("192.0.2.20", 5));
        }
        world.pass(16);
        let healed = world.ask(API);
        assert_eq!(
            addresses(&healed),
            ["192.0.2.20"],
            "{fault:?}: within one recheck"
        );
        assert_eq!(codes(&healed), []);
    }
}

#[test]
fn a_new_public_address_is_served_at_once_and_the_old_one_is_remembered() {
    let mut world = pinned();
    world.say(A, has("203.0.113.7", 5));
    world.say(B, has("203.0.113.7", 5));
    world.pass(6);
    let reply = world.ask(API);
    assert_eq!(
        (addresses(&reply), codes(&reply)),
        (vec!["203.0.113.7".into()], vec![])
    );
    let why = world.resolver.why(&crate::world::name(API), world.now);
    assert_eq!(why.types[0].before, ["192.0.2.10"]);
    // Also in the middle of a quarantine.
    for who in [A, B] {
        world.say(who, Says::NoData(Some(5)));
    }
    world.pass(10);
    assert_eq!(addresses(&world.ask(API)), ["203.0.113.7"]);
    world.say(B, has("198.51.100.4", 5));
    world.pass(16);
    let reply = world.ask(API);
    assert_eq!(
        (addresses(&reply), codes(&reply)),
        (vec!["198.51.100.4".into()], vec![])
    );
}

#[test]
fn an_unpinned_name_gets_its_nxdomain_at_once() {
    let mut world = World::new(config(&[A, B], &["**.example.org"]));
    world.say(A, has("192.0.2.10", 5));
    world.say(B, has("192.0.2.10", 5));
    world.ask(API);
    world.say(A, Says::NxDomain(Some(5)));
    world.say(B, Says::NxDomain(Some(5)));
    world.pass(6);
    let reply = world.ask(API);
    assert_eq!((reply.rcode, codes(&reply)), (Rcode::NXDOMAIN, vec![]));
}

#[test]
fn an_aaaa_that_goes_while_a_stays_is_let_go() {
    let mut world = World::new(config(&[A, B], &["**.example.com"]));
    let six = Says::Records(vec![(
        API,
        28,
        5,
        vec![0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    )]);
    for who in [A, B] {
        world.say(who, has("192.0.2.10", 5));
        world.say_of(who, Rtype::AAAA, six.clone());
    }
    world.ask(API);
    assert_eq!(
        crate::world::seen(&world.ask_for(API, Rtype::AAAA), Rtype::AAAA)
            .answer
            .len(),
        1
    );
    for who in [A, B] {
        world.say_of(who, Rtype::AAAA, Says::NoData(Some(5)));
    }
    world.pass(20);
    let reply = world.ask_for(API, Rtype::AAAA);
    assert!(
        reply.rcode == Rcode::NOERROR && codes(&reply).is_empty(),
        "{reply:?}"
    );
    assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
}

#[test]
fn an_aaaa_that_goes_together_with_a_is_held() {
    let mut world = World::new(config(&[A, B], &["**.example.com"]));
    let six = Says::Records(vec![(
        API,
        28,
        5,
        vec![0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    )]);
    for who in [A, B] {
        world.say(who, has("192.0.2.10", 5));
        world.say_of(who, Rtype::AAAA, six.clone());
    }
    world.ask(API);
    world.ask_for(API, Rtype::AAAA);
    for who in [A, B] {
        world.say(who, Says::NoData(Some(5)));
    }
    world.pass(100);
    for _ in 0..10 {
        world.pass(7);
        let reply = world.ask_for(API, Rtype::AAAA);
        assert_eq!(crate::world::seen(&reply, Rtype::AAAA).answer.len(), 1);
        assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
    }
}

#[test]
fn an_exact_pin_is_known_before_anybody_asks_and_kept_fresh() {
    let mut world = World::new(config(&[A], &[API]));
    world.say(A, has("192.0.2.10", 60));
    world.pass(3600);
    let sent = world.counters().sent;
    world.say(A, Says::Silence);
    world.pass(90);
    assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
    assert!(sent > 60, "{sent} questions in an hour");
}

#[test]
fn random_names_under_a_pattern_take_no_more_than_the_quota_and_nothing_from_exact_pins() {
    let mut config = config(&[A], &[API, "**.example.com"]);
    config.pins[1].quota = 100;
    let mut world = World::new(config);
    world.say(A, has("192.0.2.10", 600));
    world.ask(API);
    for n in 0..100_000 {
        world.ask(&format!("r{n}.example.com"));
        assert!(world.disk.len() <= 102, "{} on disk", world.disk.len());
    }
    let kept = world.resolver.pinned().0;
    assert!(kept <= 102, "{kept} kept");
    world.say(A, Says::Silence);
    world.pass(700);
    assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"], "never evicted");
    assert_eq!(addresses(&world.ask("r99999.example.com")), ["192.0.2.10"]);
    assert_eq!(
        world.ask("r5.example.com").rcode,
        Rcode::NOERROR,
        "stale, from the cache"
    );
}

#[test]
fn bogus_is_no_evidence_and_is_never_answered_with_what_nobody_validated() {
    let mut world = pinned();
    world.say(A, Says::Because(6));
    world.say(B, Says::Because(6));
    world.pass(7);
    let reply = world.ask(API);
    assert_eq!((reply.rcode, codes(&reply)), (Rcode::SERVFAIL, vec![6]));
    // One that does not validate is not asked instead.
    let mut world = pinned();
    world.say(A, Says::Because(7));
    world.pass(7);
    let mut bogus = 0;
    for _ in 0..20 {
        let reply = world.ask("other.example.com");
        bogus += usize::from(codes(&reply) == [6]);
        world.pass(10);
    }
    assert!(bogus > 0);
}

/// What happens to a pinned name.
#[derive(Debug, Clone)]
enum Event {
    Says(usize, u8),
    Pass(u64),
    Restart(u64),
    WallJumps(i64),
    LetGo,
    Ask,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (0usize..2, 0u8..9).prop_map(|(who, what)| Event::Says(who, what)),
        3 => (0u64..120).prop_map(Event::Pass),
        1 => (100u64..3000).prop_map(Event::Pass),
        1 => (0u64..100).prop_map(Event::Restart),
        1 => (-400_000i64..400_000).prop_map(Event::WallJumps),
        1 => Just(Event::LetGo),
        6 => Just(Event::Ask),
    ];
    prop::collection::vec(event, 1..80)
}

const HOLD: u64 = 300;
const MAX_AGE: u64 = 2000;

/// The plain model of what excuses an empty answer: what reached the resolver, and when.
#[derive(Default)]
struct Model {
    /// When a good answer last reached it; `None`: never, or let go since.
    good: Option<u64>,
    /// How much older the disk may make it, in milliseconds.
    slack: u64,
}

impl Model {
    fn may_be_empty(&self, world: &World) -> bool {
        let Some(good) = self.good else {
            return true;
        };
        let now = world.now.mono;
        if now - good + self.slack >= MAX_AGE * 1000 {
            return true;
        }
        agreed_for(world, good) >= (HOLD - 36) * 1000
    }
}

/// For how long, at most, both sources kept saying that the name is gone, after `good`: with no
/// more than 36 s between what each of them said (two rechecks and a little).
fn agreed_for(world: &World, good: u64) -> u64 {
    let gone = |says: &Says| matches!(says, Says::NoData(_) | Says::NxDomain(_));
    let mut saying: std::collections::BTreeMap<_, (u64, u64)> = std::collections::BTreeMap::new();
    let mut longest = 0;
    for (at, who, says, key) in &world.delivered {
        if *at <= good || !gone(says) || !is_api(key) {
            continue;
        }
        let (since, last) = saying.entry(*who).or_insert((*at, *at));
        if *at - *last > 36_000 {
            *since = *at;
        }
        *last = *at;
        let lately = saying.values().filter(|(_, last)| *at - *last <= 36_000);
        if lately.clone().count() >= 2 {
            let both_since = lately.map(|(since, _)| *since).max().unwrap();
            longest = longest.max(*at - both_since);
        }
    }
    longest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_pinned_name_never_resolves_to_nothing_on_unconfirmed_evidence(events in events()) {
        let mut config = config(&[A, B], &["**.example.com"]);
        config.pins[0].hold = HOLD;
        config.pins[0].max_age = MAX_AGE;
        let mut world = World::new(config);
        let mut model = Model::default();
        let mut number = 0u8;
        for event in events {
            let before = world.delivered.len();
            match event {
                Event::Says(who, what) => {
                    number = number % 200 + 1;
                    world.say([A, B][who], match what {
                        0 => Says::NoData(Some(5)),
                        1 => Says::NoData(None),
                        2 => Says::NxDomain(Some(20)),
                        3 => Says::Fails(2),
                        4 => Says::Silence,
                        5 => Says::Octets(vec![0x80; 30]),
                        _ => Says::Has(vec![[192, 0, 2, number].into()], 5),
                    });
                }
                Event::Pass(seconds) => world.pass(seconds),
                Event::Restart(seconds) => {
                    // The disk's date may be ten minutes older, and the wall may have jumped.
                    model.slack = u64::MAX / 2;
                    if world.disk.is_empty() {
                        model.good = None;
                    }
                    world.restart(seconds);
                }
                Event::WallJumps(seconds) => {
                    world.now.wall = world.now.wall.saturating_add_signed(seconds);
                }
                Event::LetGo => {
                    world.input(steadfast_resolver::Input::LetGo(crate::world::name(API)));
                    model.good = None;
                }
                Event::Ask => {
                    let reply = world.ask(API);
                    // A good answer may have come in the same moment, after this one was given.
                    let excused = model.may_be_empty(&world);
                    note(&mut model, &world, before);
                    if is_empty(&reply) || reply.rcode == Rcode::SERVFAIL {
                        prop_assert!(excused || model.may_be_empty(&world), "{:?}: {reply:?}\n{:#?}", world.now, world.resolver.why(&crate::world::name(API), world.now));
                        model.good = None;
                    } else {
                        let fresh = codes(&reply).is_empty();
                        prop_assert!(fresh || codes(&reply)[0] == 3, "labelled (R4): {reply:?}");
                    }
                }
            }
            note(&mut model, &world, before);
        }
    }
}

fn is_api(key: &Key) -> bool {
    key.rtype == Rtype::A && key.name == crate::world::name(API)
}

/// Good answers that reached the resolver meanwhile.
fn note(model: &mut Model, world: &World, before: usize) {
    for (at, _, says, key) in &world.delivered[before..] {
        if matches!(says, Says::Has(..)) && is_api(key) && model.good.is_none_or(|good| good < *at)
        {
            model.good = Some(*at);
            model.slack = 0;
        }
    }
}
