//! Two authorities that disagree: accept, reject and wait, before real servers.

use crate::kit::{addresses, ask, authority, config, errors, start, until};
use dns::{Name, Rcode, Rtype};
use std::time::Duration;

const API: &str = "api.example.com";
const GONE: &str = "update delete api.example.com. A\n";

#[test]
fn a_deletion_at_one_is_held_and_at_both_is_honoured_by_the_deadline() {
    let one = authority("api 1 A 192.0.2.1\nweb 1 A 192.0.2.2\n");
    let two = authority("api 1 A 192.0.2.1\nweb 1 A 192.0.2.2\n");
    let mut config = config(&[one.addr(), two.addr()], &[API]);
    config.engine.pins[0].hold = 6;
    config.engine.pins[0].recheck = 1;
    let resolver = start(config);
    assert_eq!(addresses(&ask(&resolver, API, Rtype::A)), ["192.0.2.1"]);
    let why = || {
        let report = resolver.why(&Name::absolute(API).unwrap());
        let a = report
            .types
            .into_iter()
            .find(|t| t.question.ends_with(" A"))
            .unwrap();
        let history: Vec<String> = a.history.into_iter().map(|(_, text)| text).collect();
        (a.finding.unwrap_or_default(), history.join("\n"))
    };

    // Reject: one of them still has it.
    one.nsupdate(GONE);
    for _ in 0..60 {
        std::thread::sleep(Duration::from_millis(150));
        let answer = ask(&resolver, API, Rtype::A);
        assert_eq!(addresses(&answer), ["192.0.2.1"], "{:?}", why());
    }
    let (finding, history) = why();
    assert!(
        format!("{finding}{history}").contains("still has it"),
        "{finding} {history}"
    );

    // Wait: both say so, not for long enough.
    two.nsupdate(GONE);
    until("both say so", || {
        ask(&resolver, API, Rtype::A);
        why().0.starts_with("waiting: 2 of 2 sources say NXDOMAIN")
    });
    // What was cached before is fresh for its TTL of a second, and rightly without a label.
    std::thread::sleep(Duration::from_millis(1_500));
    let held = ask(&resolver, API, Rtype::A);
    assert_eq!(addresses(&held), ["192.0.2.1"]);
    assert_eq!(errors(&held), [3]);

    // Accept: it is gone, and the name is gone for clients within the deadline.
    let began = std::time::Instant::now();
    while ask(&resolver, API, Rtype::A).rcode != Rcode::NXDOMAIN {
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", why());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(began.elapsed() > Duration::from_secs(2), "not before");
    assert!(
        why().1.contains("released: 2 sources say NXDOMAIN"),
        "{:?}",
        why()
    );

    // And an unpinned name goes at once.
    assert_eq!(
        ask(&resolver, "web.example.com", Rtype::A).rcode,
        Rcode::NOERROR
    );
    for peer in [&one, &two] {
        peer.nsupdate("update delete web.example.com. A\n");
    }
    until("the unpinned name is gone", || {
        ask(&resolver, "web.example.com", Rtype::A).rcode == Rcode::NXDOMAIN
    });
}
