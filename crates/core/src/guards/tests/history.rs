#![allow(clippy::unwrap_used)]

use crate::guards::Verdict::{Note, Refuse, Standing};
use crate::guards::testkit::*;
use crate::guards::{drift_findings, judge_plan, source_complete};
use crate::plan::{Desired, Form, Held, Purpose, plan};
use crate::time::Time;
use dns::{Digest, Rtype, Zone};
use std::collections::BTreeMap;

#[test]
fn a_plan_follows_what_is_held() {
    let (from, policy) = (zone("a A 192.0.2.7\n"), policy(&[]));
    let plan = plan_of(&from, &zone("a A 192.0.2.8\n"), &policy);
    let judge = |held, before: &Zone| {
        said(
            &judge_plan(&plan, held, before, &policy, &[], &[], Time(0)),
            "base-moved",
            Refuse,
        )
    };
    assert_eq!(judge((plan.parent, plan.base), &from), Vec::<String>::new());
    assert_eq!(
        judge((plan.parent + 1, plan.base), &from),
        ["the plan follows configuration 7; example.com. is at 8"]
    );
    let other = Digest::of(b"other");
    assert_eq!(judge((plan.parent, other), &from).len(), 1);
    assert_eq!(
        judge((plan.parent, plan.base), &zone("a A 192.0.2.9\n")),
        [
            "the plan expects a.example.com. A to be 192.0.2.7 with TTL 300; it is 192.0.2.9 with TTL 300"
        ]
    );
    assert_eq!(
        judge((plan.parent, plan.base), &zone("a 60 A 192.0.2.7\n")),
        [
            "the plan expects a.example.com. A to be 192.0.2.7 with TTL 300; it is 192.0.2.7 with TTL 60"
        ]
    );
}

#[test]
fn a_damaged_plan_is_refused() {
    let (from, policy) = (zone("a A 192.0.2.7\n"), policy(&[]));
    let whole = plan_of(&from, &zone("b A 192.0.2.8\n"), &policy);
    let judge = |order: Vec<Vec<u32>>, back: Vec<Vec<u32>>| {
        let mut plan = whole.clone();
        (plan.steps.order, plan.back) = (order, back);
        refusing(&judge_plan(
            &plan,
            (plan.parent, plan.base),
            &from,
            &policy,
            &[],
            &[],
            Time(0),
        ))
        .len()
    };
    assert_eq!(judge(vec![vec![0, 1]], vec![vec![0, 1]]), 0);
    assert_eq!(judge(vec![vec![0]], vec![vec![0, 1]]), 1);
    assert_eq!(judge(vec![vec![0, 1, 1]], vec![vec![0, 1]]), 1);
    assert_eq!(judge(vec![vec![0, 7]], vec![vec![0, 1]]), 1);
    assert_eq!(judge(vec![vec![0, 1]], vec![]), 1);
}

#[test]
fn content_that_keeps_coming_back_is_refused() {
    let (a, b) = (zone("x A 192.0.2.1\n"), zone("x A 192.0.2.2\n"));
    let policy = policy(&[]);
    let mut plan = plan_of(&b, &a, &policy);
    let minute = |m: u64| Time(m * 60_000);
    let (da, db) = (plan.result, plan.base);
    let refused = |plan: &_, history: &[(Time, Digest)], now| {
        said(
            &judge_plan(plan, (7, db), &b, &policy, &[], history, now),
            "oscillation",
            Refuse,
        )
        .len()
    };
    // A → B → A → B, and A again.
    let history = [
        (minute(40), db),
        (minute(30), da),
        (minute(20), db),
        (minute(10), da),
    ];
    assert_eq!(refused(&plan, &history, minute(41)), 1);
    assert_eq!(refused(&plan, &history[..3], minute(41)), 0);
    // The first time is more than an hour ago.
    assert_eq!(refused(&plan, &history, minute(81)), 0);
    assert_eq!(refused(&plan, &[], minute(41)), 0);
    plan.purpose = Purpose::Rollback { to: 3 };
    assert_eq!(refused(&plan, &history, minute(41)), 0);
}

#[test]
fn a_source_is_a_whole_zone() {
    let held = zone("a A 192.0.2.7\n");
    let policy = policy(&[]);
    let said = |content: Zone| {
        let desired = Desired {
            content,
            source: "zone.txt".into(),
            form: Form::WithSoa,
        };
        let found = source_complete(&desired, &held, &policy);
        found.into_iter().map(|f| f.why).collect::<Vec<_>>()
    };
    assert_eq!(said(zone("")), Vec::<String>::new());
    assert_eq!(said(Zone::empty(apex())), ["zone.txt is empty"]);
    assert_eq!(
        said(Zone::empty(name("sub"))),
        ["zone.txt is a source of sub.example.com., not of example.com."]
    );
    assert_eq!(
        said(bare("a A 192.0.2.7\n")),
        [
            "zone.txt has no SOA at example.com.: it is not a whole zone",
            "zone.txt has no NS at example.com.: it is not a whole zone"
        ]
    );
    assert_eq!(said(zone("sub SOA ns1 root 1 1 1 1 1\n")).len(), 1);
}

#[test]
fn a_source_with_nothing_owned_is_refused() {
    let mut policy = policy(&[]);
    policy.own = vec![dns::pattern::Pattern::parse("**.apps", &apex()).unwrap()];
    let desired = Desired {
        content: zone(""),
        source: "zone.txt".into(),
        form: Form::WithSoa,
    };
    let count = |held: &Zone| source_complete(&desired, held, &policy).len();
    assert_eq!(count(&bare("x.apps A 192.0.2.7\n")), 1);
    assert_eq!(count(&bare("")), 0);
}

#[test]
fn foreign_edits_are_told_and_never_planned_around() {
    let held = zone("a A 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3\nd TXT old\n");
    let content = zone("a A 192.0.2.1\nb A 192.0.2.22\nc A 192.0.2.33\nd TXT old\n");
    let stands =
        zone("a A 192.0.2.111\nb A 192.0.2.222\nc A 192.0.2.33\nd 60 TXT old\n_steadfast TXT m\n");
    let policy = policy(&[]);
    let desired = Desired {
        content,
        source: "zone.txt".into(),
        form: Form::WithSoa,
    };
    let owned = held.filter(|r| policy.owns_set(r));
    let made = Held {
        configuration: 3,
        content: &owned,
        outs: &Default::default(),
    };
    let observed = BTreeMap::from([("ns1".to_owned(), stands), ("ns2".to_owned(), held)]);
    let planned = plan(&desired, made, &observed, &policy);
    let plan = planned.plan.unwrap();
    assert_eq!((plan.parent, plan.generation()), (3, 4));
    assert_eq!(plan.steps.changes.len(), 2);
    assert_eq!(planned.report.drift.keys().collect::<Vec<_>>(), ["ns1"]);
    let found = drift_findings(&planned.report, &plan);
    assert_eq!(
        said(&found, "drift", Refuse),
        [
            "on ns1, somebody else changed b.example.com. A to 192.0.2.222, where the plan changes something too"
        ]
    );
    assert_eq!(
        said(&found, "drift", Standing),
        [
            "on ns1, somebody else changed a.example.com. A to 192.0.2.111; this plan does not touch it",
            "on ns1, somebody else changed d.example.com. TXT to a TTL of 60 s; this plan does not touch it"
        ]
    );
    assert_eq!(
        said(&found, "drift", Note),
        ["on ns1, somebody else changed c.example.com. A to 192.0.2.33, as the plan wants it"]
    );
}

/// octoDNS leaves the SOA to the server: NS at the apex are needed all the same, and a SOA is odd.
#[test]
fn a_source_without_soa_is_held_to_what_its_form_can_have() {
    let held = zone("a A 192.0.2.7\n");
    let policy = policy(&[]);
    let said = |keep: fn(&dns::RRset) -> bool| {
        let desired = Desired {
            content: zone("a A 192.0.2.8\n").filter(keep),
            source: "zone.yaml".into(),
            form: Form::WithoutSoa,
        };
        let found = source_complete(&desired, &held, &policy);
        found.into_iter().map(|f| f.why).collect::<Vec<_>>()
    };
    assert_eq!(said(|r| r.rtype() != Rtype::SOA), Vec::<String>::new());
    let without_ns = said(|r| !matches!(r.rtype(), Rtype::SOA | Rtype::NS));
    assert!(without_ns[0].contains("has no NS"), "{without_ns:?}");
    let with_soa = said(|_| true);
    assert!(with_soa[0].contains("leaves to the server"), "{with_soa:?}");
    assert!(said(|_| false)[0].contains("is empty"));
}

#[test]
fn what_is_not_owned_is_left_alone() {
    let mut policy = policy(&[]);
    policy.ignore = vec![dns::pattern::Pattern::parse("**.ext", &apex()).unwrap()];
    let stands = zone("x.ext A 192.0.2.1\ny.ext A 192.0.2.2\na A 192.0.2.3\n");
    let wants = zone("x.ext A 192.0.2.9\na A 192.0.2.3\n");
    let owned = stands.filter(|r| policy.owns_set(r));
    let desired = Desired {
        content: wants,
        source: "zone.txt".into(),
        form: Form::WithSoa,
    };
    let held = Held {
        configuration: 1,
        content: &owned,
        outs: &Default::default(),
    };
    let observed = BTreeMap::from([("ns1".to_owned(), stands)]);
    let planned = plan(&desired, held, &observed, &policy);
    assert_eq!(planned.plan, None);
    let left = &planned.report.left_alone;
    assert_eq!(left.len(), 1);
    assert_eq!(
        (left[0].0.clone(), left[0].2.as_str()),
        (name("x.ext"), "its name is in `ignore`")
    );
}
