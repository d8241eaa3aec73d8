//! The race of October 2025: a delayed writer, a newer plan, a cleanup.
//!
//! `www` moves to pool B, and pool A is to be deleted. Before the deletion is sent its writer stalls;
//! newer generations bring `www` back to pool A; then the deletion arrives. Without a fence that
//! leaves `www` with nothing.

use std::fmt::Write as _;
use std::time::Duration;

use peers::{Kind, Peer, Sampler};

use crate::rig::{Options, Rig, ZONE};
use steadfast_core::gate::CLOCK_TOLERANCE;

/// Addresses of pool A: so many that their deletion is a step of its own.
const POOL_A: usize = 34;
/// Generations that the others go on while one stands still.
const OTHERS: u64 = 10;
/// Questions a second.
const RATE: u32 = 700;

/// The zone with `www` on that pool, of that generation.
fn records(pool: char, with_a: bool, generation: u64) -> String {
    let mut text =
        format!("www 5 CNAME pool-{pool}\npool-b 5 A 192.0.2.200\ngen 5 TXT \"{generation}\"\n");
    for n in 1..=POOL_A {
        if with_a {
            let _ = writeln!(text, "pool-a 5 A 192.0.2.{n}");
        }
    }
    text
}

fn sample(peer: &Peer) -> Sampler {
    Sampler::start(peer.addr(), &[("www.example.com", "A")], RATE)
}

/// Brings one process to the moment between deciding the deletion of pool A and writing it, lets
/// others go on and clean up, and lets it go on. `late`: not before the write's deadline.
fn stalled_deletion(kind: Kind, late: bool) {
    let options = Options {
        server: if late {
            "deadline = \"2s\""
        } else {
            "deadline = \"60s\""
        },
        ..Options::default()
    };
    let rig = Rig::adopted(&[kind], &records('a', true, 1), options);
    let sampler = sample(rig.peer());
    let config = rig.config("delayed", &records('b', false, 2));
    let mut delayed = rig.spawn(
        &config,
        &["apply", ZONE, "--yes"],
        "enactor.before-write@2=stop",
    );
    delayed.wait_stopped();
    let state = rig.book().state().clone();
    let second = state.configuration;
    assert_eq!(
        rig.peer().ask("www.example.com", "A").data("A"),
        ["192.0.2.200"]
    );
    for n in 1..=OTHERS {
        rig.apply(&format!("other-{n}"), &records('a', true, 2 + n))
            .expect(0);
    }
    if late {
        // Over for a server whose clock is behind by all that is tolerated, too.
        let past = Duration::from_secs(2) + Duration::from_millis(CLOCK_TOLERANCE.0 + 1_500);
        std::thread::sleep(past);
        rig.apply("last", &records('a', true, 99)).expect(0);
    }
    // The plan of a write that could still arrive is kept; of one that can't, it is not (I6).
    let book = rig.book();
    let kept = book.plan_of(second).is_some();
    assert_eq!(kept, !late, "generation {second}'s plan");
    delayed.cont();
    let said = delayed.ended().expect(7).says(&["superseded"]).said;
    let refused = match (late, kind) {
        // PowerDNS answers BADTIME with a bare REFUSED.
        (true, Kind::PowerDns) => "refused",
        (true, _) => "refused by the server, too late",
        (false, _) => "refused by the server",
    };
    assert!(said.contains(refused), "{said}");
    std::thread::sleep(Duration::from_millis(100));
    println!("{kind}, late: {late}");
    sampler.stop().assert_never_empty(500);
    rig.assert_whole();
    let www = rig.peer().ask("www.example.com", "A");
    assert_eq!(www.data("A").len(), POOL_A);
}

/// The same schedule without a fence empties the name, or the tests above prove nothing.
fn unfenced(kind: Kind) {
    let rig = Rig::new(&[kind], &records('a', true, 1), Options::default());
    let peer = rig.peer();
    let sampler = sample(peer);
    let www = |pool: char, generation: u64| {
        format!(
            "update delete www.{ZONE} CNAME\nupdate add www.{ZONE} 5 CNAME pool-{pool}.{ZONE}\n\
             update delete gen.{ZONE} TXT\nupdate add gen.{ZONE} 5 TXT \"{generation}\"\n"
        )
    };
    peer.nsupdate(&www('b', 2));
    for n in 1..=OTHERS {
        peer.nsupdate(&www('a', 2 + n));
    }
    peer.nsupdate(&format!("update delete pool-a.{ZONE} A\n"));
    std::thread::sleep(Duration::from_millis(200));
    let samples = sampler.stop();
    println!("{kind}, unfenced: {samples}");
    assert!(samples.empty > 0, "the schedule is harmless: {samples}");
    assert!(
        !peer
            .ask("www.example.com", "A")
            .serves("www.example.com", "A")
    );
}

macro_rules! each_server {
    ($($name:ident: $kind:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn a_delayed_deletion_is_refused() {
                stalled_deletion($kind, false);
            }

            #[test]
            fn a_deletion_after_its_deadline_is_refused() {
                stalled_deletion($kind, true);
            }

            #[test]
            fn without_a_fence_the_name_goes_empty() {
                unfenced($kind);
            }
        }
    )*};
}

each_server! {
    bind: Kind::Bind;
    knot: Kind::Knot;
    powerdns: Kind::PowerDns;
    builtin: Kind::Builtin;
}
