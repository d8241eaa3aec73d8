//! What rehearsal finds out about real servers, and that it leaves nothing behind.

use crate::fixture::{
    Fixture, WAYS, ZONE, cname, connect, key, name, rrset, start, start_with, update,
};
use dns::{Rtype, Zone};
use peers::{Behaviour, Kind, Mode, Proxy};
use std::time::{Duration, Instant};
use steadfast_cell::servers::{Primary, RehearseError, Rfc2136, Server, Timeouts};
use steadfast_core::abilities::Abilities;
use steadfast_core::time::Millis;

fn rehearse(fixture: &Fixture) -> Result<Abilities, RehearseError> {
    let server = connect(&fixture.peer, &key(fixture.peer.key_file()));
    Primary::new(server, Vec::new()).rehearse(Millis::seconds(10), Millis::seconds(15))
}

/// Everything but the SOA, and what servers make.
fn content(fixture: &Fixture) -> Zone {
    let zone = fixture.server.transfer().unwrap().zone;
    zone.filter(|r| r.rtype() != Rtype::SOA && !r.rtype().is_server_made())
}

#[test]
fn knows_each_server_and_leaves_no_trace() {
    for (kind, mode) in WAYS {
        let fixture = start_with(kind, mode, "*.w 60 A 192.0.2.9\n");
        let before = content(&fixture);
        let found = rehearse(&fixture).unwrap();
        let said = format!("{kind} {mode:?}: {found}");
        assert!(found.unfenced.is_empty(), "{said}");
        let swaps = (kind, mode) != (Kind::Knot, Mode::Signed);
        assert_eq!(found.swap_cname, swaps, "{said}");
        let most = if kind == Kind::Bind { 100 } else { 101 };
        assert_eq!(found.max_rrset, most, "{said}");
        assert!(found.lag.is_some(), "{said}");
        assert_eq!(before.diff(&settled(&fixture, &before)), [], "{said}");
    }
}

/// Servers that sign inline transfer the signed copy, which comes a moment later.
fn settled(fixture: &Fixture, wanted: &Zone) -> Zone {
    for _ in 0..200 {
        let now = content(fixture);
        if wanted.diff(&now).is_empty() {
            return now;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    content(fixture)
}

#[test]
fn removes_what_an_earlier_rehearsal_left() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let before = content(&fixture);
        let left = rrset("_r0._steadfast", 5, Rtype::TXT, &["steadfast-rehearsal"]);
        fixture.accepted(
            &update()
                .replace(left)
                .replace(cname("_r1._steadfast", "www")),
        );
        rehearse(&fixture).unwrap();
        assert_eq!(before.diff(&content(&fixture)), [], "{kind}");
    }
}

#[test]
fn says_why_it_can_not_rehearse() {
    let fixture = start(Kind::Bind);
    fixture.peer.freeze(ZONE);
    let why = rehearse(&fixture).unwrap_err().to_string();
    assert!(
        why.contains("rndc thaw") && why.contains("not the primary"),
        "{why}"
    );
    fixture.peer.thaw(ZONE);
    rehearse(&fixture).unwrap();
}

/// A proxy before a server, and the server as it is seen through it.
fn through_proxy(fixture: &Fixture) -> (Proxy, Primary) {
    let proxy = Proxy::before(fixture.peer.addr());
    let timeouts = Timeouts {
        exchange: Duration::from_millis(300),
        ..Timeouts::default()
    };
    let key = key(fixture.peer.key_file());
    let server = Rfc2136::new(name("@"), proxy.addr(), key, timeouts);
    (proxy, Primary::new(server, Vec::new()))
}

/// A server that stops answering in the middle; once it answers again, nothing is left.
#[test]
fn a_rehearsal_that_fails_half_way_is_cleaned_up_by_the_next() {
    let fixture = start(Kind::Bind);
    let before = content(&fixture);
    let (proxy, server) = through_proxy(&fixture);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for_updates(&proxy, 6);
            proxy.set(Behaviour::Silent);
        });
        let failed = server.rehearse(Millis::seconds(10), Millis::seconds(2));
        assert!(failed.is_err(), "{failed:?}");
    });
    proxy.set(Behaviour::Forward);
    let found = server
        .rehearse(Millis::seconds(10), Millis::seconds(2))
        .unwrap();
    assert!(found.unfenced.is_empty(), "{found}");
    assert_eq!(before.diff(&content(&fixture)), []);
}

/// Lost answers are not taken for refusals.
#[test]
fn lost_answers_do_not_confuse_it() {
    let fixture = start(Kind::Knot);
    let (proxy, server) = through_proxy(&fixture);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for_updates(&proxy, 3);
            proxy.set(Behaviour::LoseUpdateAnswers);
            std::thread::sleep(Duration::from_millis(350));
            proxy.set(Behaviour::Forward);
        });
        let found = server
            .rehearse(Millis::seconds(10), Millis::seconds(5))
            .unwrap();
        assert!(found.unfenced.is_empty(), "{found}");
    });
}

fn wait_for_updates(proxy: &Proxy, count: u64) {
    let end = Instant::now() + Duration::from_secs(10);
    while proxy.updates() < count && Instant::now() < end {
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Two that meet both get through in the end, and neither takes the other's traces for a flaw.
#[test]
fn rehearsals_that_meet_do_not_confuse_each_other() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let before = content(&fixture);
        let alone = rehearse(&fixture).unwrap();
        std::thread::scope(|scope| {
            let others = [0, 1].map(|_| scope.spawn(|| rehearse(&fixture)));
            for other in others {
                let found = other.join().unwrap().unwrap();
                assert!(found.unfenced.is_empty(), "{kind}: {found}");
                assert_eq!(
                    (found.swap_cname, found.max_rrset),
                    (alone.swap_cname, alone.max_rrset),
                    "{kind}"
                );
            }
        });
        assert_eq!(before.diff(&content(&fixture)), [], "{kind}");
    }
}
