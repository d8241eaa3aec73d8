//! Refused updates, told apart as far as the server tells.

use crate::fixture::{ZONE, connect, key, marker, now, start, step, update};
use peers::Kind;
use steadfast_cell::servers::{AskError, Outcome};

/// The fudge is a deadline that the server enforces (RFC 8945 §5.2.3).
#[test]
fn an_update_signed_20_s_ago_with_5_s_to_spare_is_refused() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let signed_at = now() - 20;
        let reply = fixture.server.update(&step("one", "two"), signed_at, 5);
        match (kind, reply.outcome) {
            (Kind::Bind | Kind::Knot, Outcome::Late { server_time }) => {
                assert!(
                    (20..=25).contains(&(server_time - signed_at)),
                    "{kind}: {reply}"
                );
            }
            (Kind::PowerDns, Outcome::Refused) => assert!(reply.detail.contains("clocks differ")),
            _ => panic!("{kind}: {reply:?}"),
        }
        assert_eq!(fixture.marker(), "one", "{kind}");
        let in_time = fixture.server.update(&step("one", "two"), now() - 20, 30);
        assert_eq!(in_time.outcome, Outcome::Accepted, "{kind}: {in_time}");
    }
}

#[test]
fn an_update_signed_in_the_future_is_refused() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let reply = fixture.server.update(&step("one", "two"), now() + 60, 5);
        let late = matches!(reply.outcome, Outcome::Late { .. });
        assert!(
            late || kind == Kind::PowerDns && reply.outcome == Outcome::Refused,
            "{kind}: {reply:?}"
        );
        assert_eq!(fixture.marker(), "one", "{kind}");
    }
}

#[test]
fn a_wrong_secret_is_refused() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let wrong = connect(&fixture.peer, &key(&fixture.peer.wrong_secret_key_file()));
        let reply = wrong.update(&step("one", "two"), now(), 10);
        let expected = match kind {
            Kind::PowerDns => Outcome::Refused,
            Kind::Bind | Kind::Knot | Kind::Builtin => Outcome::BadSig,
        };
        assert_eq!(reply.outcome, expected, "{kind}: {reply}");
        assert!(wrong.transfer().is_err(), "{kind}");
        assert!(
            wrong
                .ask(&marker("x").name().clone(), dns::Rtype::TXT)
                .is_err(),
            "{kind}"
        );
        assert_eq!(fixture.marker(), "one", "{kind}");
    }
}

#[test]
fn an_unknown_key_is_refused() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let unknown = connect(&fixture.peer, &key(&fixture.peer.unknown_key_file()));
        let reply = unknown.update(&step("one", "two"), now(), 10);
        let expected = match kind {
            Kind::PowerDns => Outcome::Refused,
            Kind::Bind | Kind::Knot | Kind::Builtin => Outcome::BadKey,
        };
        assert_eq!(reply.outcome, expected, "{kind}: {reply}");
        assert_eq!(fixture.marker(), "one", "{kind}");
    }
}

#[test]
fn a_frozen_zone_answers_refused_and_queues_nothing() {
    for kind in [Kind::Bind, Kind::Knot] {
        let fixture = start(kind);
        fixture.peer.freeze(ZONE);
        for _ in 0..12 {
            let reply = fixture.send(&step("one", "two"));
            assert_eq!(reply.outcome, Outcome::Refused, "{kind}: {reply}");
            assert!(reply.detail.contains("frozen") && reply.detail.contains("not the primary"));
        }
        assert_eq!(fixture.marker(), "one", "{kind}");
        fixture.peer.thaw(ZONE);
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert_eq!(
            fixture.marker(),
            "one",
            "{kind}: a refused update was queued"
        );
        fixture.accepted(&step("one", "two"));
    }
}

#[test]
fn a_server_without_the_zone_says_so() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let elsewhere = dns::Name::absolute("example.net").unwrap();
        let server = steadfast_cell::servers::Rfc2136::new(
            elsewhere.clone(),
            fixture.peer.addr(),
            key(fixture.peer.key_file()),
            steadfast_cell::servers::Timeouts::default(),
        );
        let update =
            dns::Update::new(elsewhere.clone()).replace(marker("x").renamed(elsewhere.clone()));
        let reply = server.update(&update, now(), 10);
        let refused = matches!(reply.outcome, Outcome::NotAuth | Outcome::Refused);
        assert!(refused, "{kind}: {reply:?}");
        let asked = server.ask(&elsewhere, dns::Rtype::SOA);
        assert!(
            matches!(asked, Err(AskError::Rcode(..))),
            "{kind}: {asked:?}"
        );
        assert!(server.transfer().is_err(), "{kind}");
    }
}

#[test]
fn a_follower_takes_no_updates() {
    for kind in [Kind::Bind, Kind::PowerDns] {
        let mut fixture = start(kind);
        let follower = fixture.peer.follower();
        let server = connect(&follower, &key(fixture.peer.key_file()));
        let reply = server.update(&update().replace(marker("x")), now(), 10);
        let refused = matches!(
            reply.outcome,
            Outcome::NotImp | Outcome::Refused | Outcome::NotAuth
        );
        assert!(refused, "{kind}: {reply:?}");
    }
}
