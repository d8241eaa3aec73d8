//! Servers that refuse, are silent, or answer nonsense: nothing lost, no answer changed, and it
//! converges once they answer again.

use crate::kit::KINDS;
use crate::site::{Server, Site, ZONE, a, axfr, server, start};
use peers::{Behaviour, Kind, Mode, Peer, Proxy};
use std::time::Duration;

const FIRST: &str = "www 60 A 192.0.2.1\n";
const SECOND: &str = "www 60 A 192.0.2.2\n";

/// Frozen: nothing is written, the four causes are told, and after the thaw one `apply` converges.
/// PowerDNS and the built-in server know no such state.
#[test]
fn a_frozen_zone_is_left_alone_until_it_is_thawed() {
    for kind in [Kind::Bind, Kind::Knot] {
        let peer = start(kind, Mode::Plain, FIRST);
        let site = Site::adopted(&peer, FIRST);
        site.wants(SECOND);
        peer.freeze(ZONE);
        let before = axfr(&peer);
        let refused = site.run(&["apply", ZONE, "--yes", "--patience", "3s"]);
        assert!(
            matches!(refused.code, Some(code) if code != 0),
            "{}",
            refused.said
        );
        let refused = refused.says(&["REFUSED", "frozen", "key", "access list", "not the primary"]);
        let told = refused.said.matches("access list").count();
        assert!(told <= 2, "told {told} times:\n{}", refused.said);
        assert_eq!(axfr(&peer), before, "{kind}");
        peer.thaw(ZONE);
        assert_eq!(a(&peer, "www"), ["192.0.2.1"], "{kind}: nothing was queued");
        site.apply().expect(0);
        assert_eq!(a(&peer, "www"), ["192.0.2.2"], "{kind}");
    }
}

/// A zone that is frozen when it is adopted: refused, nothing written.
#[test]
fn a_frozen_zone_is_not_adopted() {
    let peer = start(Kind::Bind, Mode::Plain, FIRST);
    let site = Site::new(&peer, FIRST);
    peer.freeze(ZONE);
    let before = axfr(&peer);
    site.run(&["adopt", ZONE])
        .expect(1)
        .says(&["rndc thaw", "not the primary"]);
    assert_eq!(axfr(&peer), before);
    peer.thaw(ZONE);
    site.run(&["adopt", ZONE]).expect(0);
}

/// A site whose server stands behind a proxy.
fn behind_proxy(peer: &Peer) -> (Proxy, Site) {
    let proxy = Proxy::before(peer.addr());
    let server = Server {
        address: proxy.addr(),
        more: "timeout = \"300ms\"\nread-back = \"2s\"\n".into(),
        ..server(peer)
    };
    let site = Site::of(peer, vec![server], FIRST);
    site.run(&["adopt", ZONE]).expect(0);
    (proxy, site)
}

/// Every way of a server to answer nothing useful, from the first question on.
#[test]
fn a_server_that_answers_nonsense_changes_nothing() {
    let ways = [
        (Behaviour::Rcode(4), "NOTIMP"),
        (Behaviour::Rcode(2), "SERVFAIL"),
        (Behaviour::Rcode(5), "REFUSED"),
        (Behaviour::Garbage, "the answer"),
        (Behaviour::Half, ""),
        (Behaviour::OtherQuestion, "the answer"),
        (Behaviour::Silent, "within"),
    ];
    let peer = start(Kind::Bind, Mode::Plain, FIRST);
    let (proxy, site) = behind_proxy(&peer);
    let before = axfr(&peer);
    for (way, words) in ways {
        proxy.set(way);
        site.wants(SECOND);
        let said = site
            .run(&["apply", ZONE, "--yes", "--patience", "2s"])
            .expect(1);
        assert!(
            said.said.contains("ns1") && said.said.contains(words),
            "{way:?}: {}",
            said.said
        );
        site.run(&["plan", ZONE]).expect(1);
        assert_eq!(axfr(&peer), before, "{way:?}");
    }
    proxy.set(Behaviour::Forward);
    site.apply().expect(0);
    assert_eq!(a(&peer, "www"), ["192.0.2.2"]);
    site.run(&["plan", ZONE, "--exit-code"]).expect(0);
}

/// The same, from the moment of the first write on: the plan is in the ledger already.
#[test]
fn a_server_that_fails_at_the_write_is_caught_up_later() {
    let ways = [
        Behaviour::Rcode(4),
        Behaviour::Rcode(2),
        Behaviour::Rcode(5),
        Behaviour::Garbage,
        Behaviour::Half,
        Behaviour::OtherQuestion,
        Behaviour::Silent,
        Behaviour::LoseUpdates,
    ];
    let peer = start(Kind::Bind, Mode::Plain, FIRST);
    let (proxy, site) = behind_proxy(&peer);
    for (n, way) in (10..).zip(ways) {
        let old = a(&peer, "www");
        site.wants(&format!("www 60 A 192.0.2.{n}\n"));
        let failpoint = "enactor.before-write@1=stop";
        let mut apply = site.spawn(&["apply", ZONE, "--yes", "--patience", "2s"], failpoint);
        apply.wait_stopped();
        proxy.set(way);
        apply.cont();
        let ended = apply.ended();
        assert!(
            matches!(ended.code, Some(1 | 4 | 5)),
            "{way:?}: {}",
            ended.said
        );
        assert_eq!(a(&peer, "www"), old, "{way:?}");
        proxy.set(Behaviour::Forward);
        site.apply().expect(0);
        assert_eq!(a(&peer, "www"), [format!("192.0.2.{n}")], "{way:?}");
    }
}

/// Applied and not acknowledged: found by reading back, not written twice.
#[test]
fn lost_answers_are_found_by_reading_back() {
    let peer = start(Kind::Bind, Mode::Plain, FIRST);
    let (proxy, site) = behind_proxy(&peer);
    site.wants(SECOND);
    let before = proxy.updates();
    proxy.set(Behaviour::LoseUpdateAnswers);
    site.apply().expect(0).says(&["unknown whether written"]);
    assert_eq!(proxy.updates(), before + 1);
    assert_eq!(a(&peer, "www"), ["192.0.2.2"]);
}

/// A write that is held up on its way past its deadline does nothing when it arrives.
#[test]
fn a_delayed_write_is_refused_by_its_deadline() {
    let peer = start(Kind::Bind, Mode::Plain, FIRST);
    let proxy = Proxy::before(peer.addr());
    let server = Server {
        address: proxy.addr(),
        more: "timeout = \"500ms\"\nread-back = \"1s\"\ndeadline = \"2s\"\n".into(),
        ..server(&peer)
    };
    let site = Site::of(&peer, vec![server], FIRST);
    site.run(&["adopt", ZONE]).expect(0);
    site.wants(SECOND);
    proxy.set(Behaviour::DelayUpdates(Duration::from_secs(4)));
    let late = site.run(&["apply", ZONE, "--yes", "--patience", "3s"]);
    assert_eq!(late.code, Some(1), "{}", late.said);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(a(&peer, "www"), ["192.0.2.1"]);
    proxy.set(Behaviour::Forward);
    site.apply().expect(0);
    assert_eq!(a(&peer, "www"), ["192.0.2.2"]);
}

/// Told apart where the server tells; PowerDNS says REFUSED to all.
#[test]
fn wrong_keys_are_told_apart() {
    for kind in KINDS {
        let peer = start(kind, Mode::Plain, FIRST);
        let before = axfr(&peer);
        let cases = [
            (peer.wrong_secret_key_file(), "BADSIG"),
            (peer.unknown_key_file(), "BADKEY"),
        ];
        let mut site = Site::new(&peer, FIRST);
        for (key, name) in cases {
            site.servers[0].key = key;
            site.wants(FIRST);
            let refused = site.run(&["adopt", ZONE]).expect(1);
            let word = if kind == Kind::PowerDns { "" } else { name };
            assert!(
                refused.said.contains(word),
                "{kind} {name}: {}",
                refused.said
            );
            assert_eq!(axfr(&peer), before, "{kind} {name}");
        }
        site.servers[0].key = peer.key_file().to_owned();
        site.wants(FIRST);
        site.run(&["adopt", ZONE]).expect(0);
        site.servers[0].key = peer.wrong_secret_key_file();
        site.wants(SECOND);
        site.run(&["apply", ZONE, "--yes", "--patience", "2s"])
            .expect(1);
        assert_eq!(a(&peer, "www"), ["192.0.2.1"], "{kind}");
    }
}
