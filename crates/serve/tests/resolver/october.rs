//! The October answer: NOERROR, and nothing in it.

use crate::kit::{addresses, ask, ask_tcp, authority, errors, resolver, until};
use dns::{Rcode, Rtype};
use std::time::Duration;

const EMPTY: &str = "update delete api.example.com. A\nupdate delete web.example.com. A\n\
    update add api.example.com. 1 TXT \"still here\"\nupdate add web.example.com. 1 TXT \"still here\"\n";

#[test]
fn a_pinned_name_that_was_emptied_keeps_answering_and_an_unpinned_one_follows() {
    let peer = authority("api 1 A 192.0.2.1\nweb 1 A 192.0.2.2\n");
    let resolver = resolver(&[peer.addr()], &["api.example.com"]);
    assert_eq!(
        addresses(&ask(&resolver, "api.example.com", Rtype::A)),
        ["192.0.2.1"]
    );
    assert_eq!(
        addresses(&ask(&resolver, "web.example.com", Rtype::A)),
        ["192.0.2.2"]
    );
    assert_eq!(errors(&ask(&resolver, "api.example.com", Rtype::A)), []);

    peer.nsupdate(EMPTY);
    until("the unpinned name is empty", || {
        ask(&resolver, "web.example.com", Rtype::A)
            .answer
            .is_empty()
    });
    std::thread::sleep(Duration::from_millis(1500));
    for round in 0..20 {
        let held = ask(&resolver, "api.example.com", Rtype::A);
        assert_eq!(addresses(&held), ["192.0.2.1"], "round {round}");
        assert_eq!(held.rcode, Rcode::NOERROR);
        assert_eq!(errors(&held), [3], "labelled (R4)");
        assert!(!held.flags.authentic, "nobody validated this");
        assert!(held.answer.iter().all(|r| r.ttl <= 30));
    }
    let held = ask_tcp(&resolver, "api.example.com", Rtype::A);
    assert_eq!(
        (addresses(&held), errors(&held)),
        (vec!["192.0.2.1".into()], vec![3])
    );
    let text = &held.edns.unwrap().errors[0].text;
    assert!(
        text.contains("NODATA") && text.contains("1 of 2 sources"),
        "{text}"
    );
}

#[test]
fn a_real_change_is_served_at_once() {
    let peer = authority("api 1 A 192.0.2.1\n");
    let resolver = resolver(&[peer.addr()], &["**.example.com"]);
    assert_eq!(
        addresses(&ask(&resolver, "api.example.com", Rtype::A)),
        ["192.0.2.1"]
    );
    peer.nsupdate(
        "update delete api.example.com. A\nupdate add api.example.com. 1 A 203.0.113.7\n",
    );
    std::thread::sleep(Duration::from_millis(1100));
    let answer = ask(&resolver, "api.example.com", Rtype::A);
    assert_eq!(
        addresses(&answer),
        ["203.0.113.7"],
        "another prefix, no delay"
    );
    assert_eq!(errors(&answer), []);
}
