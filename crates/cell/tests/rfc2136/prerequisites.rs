//! Each kind of prerequisite, holding and not.

use crate::fixture::{Fixture, a, cname, marker, name, rrset, start, step, update};
use dns::{Name, Prerequisite, Rcode, Rtype};
use peers::Kind;
use steadfast_cell::servers::Outcome;

const ALL: [Kind; 3] = Kind::ALL;

/// One that holds is accepted; one that does not is refused with the right code, and the marker
/// in the same update does not move.
#[track_caller]
fn both_ways(fixture: &Fixture, holds: Prerequisite, fails: Prerequisite, code: Rcode) {
    fixture.accepted(&update().require(holds).replace(marker("two")));
    assert_eq!(fixture.marker(), "two");
    let refused = update().require(fails).replace(marker("three"));
    fixture.expect(&refused, Outcome::Prerequisite(code));
    assert_eq!(fixture.marker(), "two");
}

#[test]
fn name_in_use() {
    let require = |owner: &str| Prerequisite::NameInUse(name(owner));
    for kind in ALL {
        both_ways(
            &start(kind),
            require("www"),
            require("none"),
            Rcode::NXDOMAIN,
        );
    }
}

#[test]
fn name_not_in_use() {
    let require = |owner: &str| Prerequisite::NameNotInUse(name(owner));
    for kind in ALL {
        both_ways(
            &start(kind),
            require("none"),
            require("www"),
            Rcode::YXDOMAIN,
        );
    }
}

#[test]
fn rrset_exists() {
    let require = |rtype| Prerequisite::RRsetExists(name("www"), rtype);
    for kind in ALL {
        both_ways(
            &start(kind),
            require(Rtype::A),
            require(Rtype::AAAA),
            Rcode::NXRRSET,
        );
    }
}

#[test]
fn rrset_absent() {
    let require = |rtype| Prerequisite::RRsetAbsent(name("www"), rtype);
    for kind in ALL {
        both_ways(
            &start(kind),
            require(Rtype::AAAA),
            require(Rtype::A),
            Rcode::YXRRSET,
        );
    }
}

#[test]
fn rrset_equals() {
    let require = |data: &[&str]| Prerequisite::RRsetEquals(a("www", data));
    for kind in ALL {
        let fixture = start(kind);
        let whole = require(&["192.0.2.2", "192.0.2.1"]);
        both_ways(
            &fixture,
            whole,
            require(&["192.0.2.1", "192.0.2.3"]),
            Rcode::NXRRSET,
        );
        let fixture = start(kind);
        let less = Prerequisite::RRsetEquals(marker("one"));
        both_ways(&fixture, less, require(&["192.0.2.1"]), Rcode::NXRRSET);
        let more = require(&["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
        let refused = update().require(more).replace(marker("three"));
        fixture.expect(&refused, Outcome::Prerequisite(Rcode::NXRRSET));
    }
}

#[test]
fn a_marker_moves_once() {
    for kind in ALL {
        let fixture = start(kind);
        fixture.accepted(&step("one", "two"));
        // A second adopter, a replayed step and a skipped one.
        for stale in [
            step("one", "two"),
            step("one", "three"),
            step("zero", "one"),
        ] {
            fixture.expect(&stale, Outcome::Prerequisite(Rcode::NXRRSET));
        }
        fixture.accepted(&step("two", "three"));
        assert_eq!(fixture.marker(), "three");
    }
}

#[test]
fn asking_whether_prerequisites_hold_changes_nothing() {
    for kind in ALL {
        let fixture = start(kind);
        let serial = fixture.server.serial(fixture.peer.addr()).unwrap();
        fixture.accepted(&update().require(Prerequisite::RRsetEquals(marker("one"))));
        assert_eq!(
            fixture.server.serial(fixture.peer.addr()).unwrap(),
            serial,
            "{kind}"
        );
    }
}

/// Our RRsets hold names in lower case; the zone file says `WWW.Example.COM.`.
#[test]
fn a_value_prerequisite_matches_a_target_in_mixed_case() {
    for kind in ALL {
        let fixture = start(kind);
        let stored = cname("alias", "www");
        assert_eq!(
            fixture.rrset("alias", Rtype::CNAME),
            Some(stored.clone()),
            "{kind}"
        );
        let moved = update()
            .require(Prerequisite::RRsetEquals(stored))
            .replace(cname("alias", "ns"));
        fixture.accepted(&moved);
        assert_eq!(
            fixture.rrset("alias", Rtype::CNAME),
            Some(cname("alias", "ns"))
        );
    }
}

/// A wildcard's data look like the name's own in an answer; only a prerequisite tells.
#[test]
fn prerequisites_see_what_is_stored_and_answers_do_not() {
    for kind in ALL {
        let fixture = start(kind);
        fixture.accepted(&update().edit(dns::Edit::AddRRset(a("*.w", &["192.0.2.9"]))));
        assert_eq!(
            fixture.rrset("foo.w", Rtype::A),
            Some(a("foo.w", &["192.0.2.9"])),
            "{kind}"
        );
        fixture.accepted(&update().require(Prerequisite::RRsetAbsent(name("foo.w"), Rtype::A)));
    }
}

#[test]
fn a_name_outside_of_the_zone_is_an_error_of_the_update() {
    for kind in ALL {
        let fixture = start(kind);
        let outside = Name::absolute("www.example.net").unwrap();
        let reply = fixture
            .send(&update().replace(rrset("x", 60, Rtype::A, &["192.0.2.1"]).renamed(outside)));
        assert_eq!(reply.outcome, Outcome::FormErr, "{kind}: {reply}");
    }
}
