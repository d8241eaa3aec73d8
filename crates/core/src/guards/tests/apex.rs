#![allow(clippy::unwrap_used)]

use crate::guards::Verdict::{Note, Refuse};
use crate::guards::testkit::*;
use crate::guards::{Finding, judge_plan};
use crate::plan::Purpose;
use crate::time::Time;

const GUARD: &str = "apex";

/// The way between two zones without the base lines.
fn between(from: &str, to: &str) -> Vec<Finding> {
    let (from, to, policy) = (bare(from), bare(to), policy(&[]));
    let plan = plan_of(&from, &to, &policy);
    judge_plan(
        &plan,
        (plan.parent, plan.base),
        &from,
        &policy,
        &[],
        &[],
        Time(0),
    )
}

const HOSTS: &str = "ns1 A 192.0.2.1\nns2 A 192.0.2.2\nns3 A 192.0.2.3\nns4 A 192.0.2.4\n";

fn ns(names: &[&str]) -> String {
    let lines = names.iter().map(|n| format!("@ NS {n}\n"));
    lines.collect::<String>() + HOSTS
}

#[test]
fn the_zone_keeps_its_name_servers() {
    let refused = |from: &[&str], to: &[&str]| said(&between(&ns(from), &ns(to)), GUARD, Refuse);
    assert_eq!(
        refused(&["ns1", "ns2"], &[]),
        ["the plan leaves example.com. without NS"]
    );
    assert_eq!(refused(&["ns1"], &[]).len(), 1);
    assert_eq!(
        refused(&["ns1", "ns2"], &["ns1"]),
        ["the plan leaves example.com. with 1 name server of 2"]
    );
    assert_eq!(refused(&["ns1", "ns2"], &["ns3", "ns4"]).len(), 1);
    assert_eq!(
        refused(&["ns1", "ns2"], &["ns2", "ns3"]),
        Vec::<String>::new()
    );
    // A zone with one: not made worse.
    assert_eq!(refused(&["ns1"], &["ns1", "ns2"]), Vec::<String>::new());
    let fewer = between(&ns(&["ns1", "ns2", "ns3"]), &ns(&["ns1", "ns2"]));
    assert_eq!(
        said(&fewer, GUARD, Note),
        ["example.com. goes from 3 to 2 name servers"]
    );
}

#[test]
fn delegations_do_not_go_or_change_hands_at_once() {
    let refused = |from: &str, to: &str| said(&judged(from, to, &policy(&[])), GUARD, Refuse);
    let one = "sub NS a.example.net.\nsub NS b.example.net.\n";
    assert_eq!(refused("", one), Vec::<String>::new());
    assert_eq!(
        refused(one, "sub NS b.example.net.\nsub NS c.example.net.\n"),
        Vec::<String>::new()
    );
    assert_eq!(refused(one, "sub NS c.example.net.\n").len(), 1);
    assert_eq!(
        refused(one, ""),
        ["the plan deletes the delegation of sub.example.com."]
    );
    let ds = "sub DS 1 13 2 00";
    let signed = format!("{one}{ds}\n");
    assert!(
        refused(&signed, &format!("{ds}\n"))
            .iter()
            .any(|w| w.contains("leaves its DS behind"))
    );
    assert_eq!(
        refused(&signed, &format!("{one}sub DS 2 13 2 00\n")).len(),
        1
    );
    assert_eq!(
        refused(&signed, &format!("{signed}sub DS 2 13 2 00\n")),
        Vec::<String>::new()
    );
    assert_eq!(refused(&signed, one), Vec::<String>::new());
    assert_eq!(
        refused("", &format!("{ds}\n")),
        ["sub.example.com. would have a DS without a delegation"]
    );
}

#[test]
fn a_name_server_that_is_named_keeps_its_address() {
    let both = "ns1 AAAA 2001:db8::1\n";
    let six = between(&(ns(&["ns1", "ns2"]) + both), &ns(&["ns1", "ns2"]));
    assert_eq!(refusing(&six), Vec::<&str>::new());
    assert_eq!(
        said(&six, GUARD, Note),
        [
            "the plan deletes ns1.example.com. AAAA, and ns1.example.com. is a name server of example.com.; its A stays"
        ]
    );
    let gone = ns(&["ns1", "ns2"]).replace("ns1 A 192.0.2.1\n", "");
    let none = between(&ns(&["ns1", "ns2"]), &gone);
    assert_eq!(
        said(&none, GUARD, Refuse),
        [
            "the plan deletes ns1.example.com. A, and ns1.example.com. is a name server of example.com."
        ]
    );
    // Not named any more, or named by nobody: free to go.
    let moved = between(
        &ns(&["ns1", "ns2", "ns3"]),
        &ns(&["ns2", "ns3"]).replace("ns1 A 192.0.2.1\n", ""),
    );
    assert_eq!(said(&moved, GUARD, Refuse), Vec::<String>::new());
}

#[test]
fn what_servers_make_is_not_planned() {
    let from = zone("");
    let mut plan = plan_of(&from, &zone("a A 192.0.2.7\n"), &policy(&[]));
    let soa = bare("@ SOA ns1 root 2 3600 600 86400 300\n@ DNSKEY 257 3 13 AAAA\n");
    let old = from.get(&apex(), dns::Rtype::SOA).cloned();
    let new = soa.iter().map(|r| {
        let before = old.clone().filter(|o| o.rtype() == r.rtype());
        dns::Change::new(before, Some(r.clone())).unwrap()
    });
    let mut changes: Vec<dns::Change> = new.collect();
    changes.append(&mut plan.steps.changes);
    plan.steps.order = vec![vec![0, 1, 2]];
    plan.back = plan.steps.order.clone();
    plan.steps.changes = changes;
    let found = judge_plan(
        &plan,
        (plan.parent, plan.base),
        &from,
        &policy(&[]),
        &[],
        &[],
        Time(0),
    );
    assert_eq!(
        said(&found, GUARD, Refuse),
        [
            "the plan changes example.com. SOA; the SOA is the server's",
            "the plan creates example.com. DNSKEY; servers make DNSKEY by themselves"
        ]
    );
}

#[test]
fn a_rollback_keeps_the_pace_and_catching_up_does_not() {
    let (from, to, policy) = (
        zone("sub NS a.example.net.\n"),
        zone("sub NS b.example.net.\n"),
        policy(&[]),
    );
    let mut plan = plan_of(&from, &to, &policy);
    plan.purpose = Purpose::Rollback { to: 3 };
    let held = (plan.parent, plan.base);
    let found = judge_plan(&plan, held, &from, &policy, &[], &[], Time(0));
    assert_eq!(refusing(&found), [GUARD]);
}
