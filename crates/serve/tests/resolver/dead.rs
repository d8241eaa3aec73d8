//! Upstreams that are not there.

use crate::kit::{addresses, ask, authority, errors, resolver};
use dns::{Rcode, Rtype};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

#[test]
fn closed_ports_fail_soon_and_are_not_hammered() {
    let gone = ["127.0.0.1:1", "127.0.0.1:2"].map(|a| a.parse::<SocketAddr>().unwrap());
    let resolver = resolver(&gone, &["**.example.com"]);
    let began = Instant::now();
    let answer = ask(&resolver, "api.example.com", Rtype::A);
    assert_eq!(answer.rcode, Rcode::SERVFAIL);
    assert_eq!(errors(&answer), [22]);
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    let sent = resolver.counters().sent;
    assert!(sent < 40, "{sent} questions to closed ports");
}

#[test]
fn a_dead_upstream_is_answered_for_by_what_is_remembered() {
    let mut peer = authority("api 1 A 192.0.2.1\nweb 1 A 192.0.2.2\n");
    let resolver = resolver(&[peer.addr()], &["api.example.com"]);
    for name in ["api.example.com", "web.example.com"] {
        assert_eq!(ask(&resolver, name, Rtype::A).rcode, Rcode::NOERROR);
    }
    peer.kill();
    std::thread::sleep(Duration::from_millis(1500));
    let held = ask(&resolver, "api.example.com", Rtype::A);
    assert_eq!(
        (addresses(&held), errors(&held)),
        (vec!["192.0.2.1".into()], vec![3, 22])
    );
    let stale = ask(&resolver, "web.example.com", Rtype::A);
    assert_eq!(
        (addresses(&stale), errors(&stale)),
        (vec!["192.0.2.2".into()], vec![3, 22])
    );
    peer.restart();
    crate::kit::until("fresh answers again", || {
        errors(&ask(&resolver, "web.example.com", Rtype::A)).is_empty()
            && errors(&ask(&resolver, "api.example.com", Rtype::A)).is_empty()
    });
}
