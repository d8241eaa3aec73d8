//! `max-change` at one owner name, kind by kind; and what it does not hold up.
#![allow(clippy::unwrap_used)]

use dns::pattern::Pattern;
use dns::zonefile::{Options, no_includes, parse};
use dns::{Name, Zone};
use std::collections::BTreeMap;
use steadfast_core::guards::{Finding, Verdict, judge_plan};
use steadfast_core::plan::{Desired, Held, Purpose, plan};
use steadfast_core::policy::{Limit, Limits, PerName, Policy};
use steadfast_core::time::{Millis, Time};

fn zone(records: &str) -> Zone {
    let apex = Name::absolute("example.com").unwrap();
    let text = format!(
        "$ORIGIN example.com.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\n@ NS ns2\nns A 192.0.2.1\nns2 A 192.0.2.2\n{records}"
    );
    let parsed = parse(
        text.as_bytes(),
        "z",
        &apex,
        &Options::default(),
        &mut no_includes,
    );
    parsed.unwrap().zone
}

fn count(count: u32) -> Limit {
    Limit {
        count: Some(count),
        share_ppm: None,
    }
}

fn policy(per_name: PerName) -> Policy {
    let apex = Name::absolute("example.com").unwrap();
    let limits = Limits {
        create: count(100),
        change: count(100),
        delete: count(100),
        per_name,
    };
    Policy {
        own: vec![Pattern::parse("**", &apex).unwrap()],
        ignore: Vec::new(),
        critical: Vec::new(),
        zone: apex,
        limits,
        ttl_min: 0,
        ttl_max: 86_400,
        max_rrset: 100,
        max_update: 60_000,
        deadline: Millis::seconds(10),
        read_back: Millis::seconds(10),
        keep: 3,
        stages: Vec::new(),
    }
}

fn refusals(from: &str, to: &str, policy: &Policy, purpose: Purpose) -> Vec<Finding> {
    let owned = |r: &dns::RRset| policy.owns_set(r);
    let held = zone(from).filter(owned);
    let desired = Desired {
        content: zone(to),
        source: "z".into(),
        form: steadfast_core::plan::Form::WithSoa,
    };
    let now = Held {
        configuration: 1,
        content: &held,
        outs: &Default::default(),
    };
    let mut plan = plan(&desired, now, &BTreeMap::new(), policy).plan.unwrap();
    plan.purpose = purpose;
    let holds = (1, held.digest());
    let all = judge_plan(&plan, holds, &held, policy, &[], &[], Time(1));
    all.into_iter()
        .filter(|f| f.verdict == Verdict::Refuse)
        .collect()
}

const FULL: &str = "app A 192.0.2.3\napp AAAA 2001:db8::3\napp TXT x\napp MX 10 ns\n";

#[test]
fn each_kind_has_its_own_limit_at_a_name() {
    let per_name = PerName {
        delete: Some(count(1)),
        create: Some(count(3)),
        change: None,
    };
    let policy = policy(per_name);
    let judged = |from, to| refusals(from, to, &policy, Purpose::Change);
    let one = "app A 192.0.2.3\napp AAAA 2001:db8::3\napp TXT x\n";
    assert_eq!(judged(FULL, one), []);
    let found = judged(FULL, "app A 192.0.2.3\n");
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .why
            .contains("deletes 3 RRsets at app.example.com."),
        "{found:?}"
    );
    let found = judged("", FULL);
    assert!(
        found[0]
            .why
            .contains("creates 4 RRsets at app.example.com."),
        "{found:?}"
    );
}

#[test]
fn a_share_is_of_what_the_name_had_and_bounds_no_new_name() {
    let half = Limit {
        count: None,
        share_ppm: Some(500_000),
    };
    let per_name = PerName {
        delete: Some(half),
        create: Some(half),
        change: None,
    };
    let policy = policy(per_name);
    let judged = |from, to| refusals(from, to, &policy, Purpose::Change);
    assert_eq!(judged("", FULL), []);
    assert_eq!(judged(FULL, "app A 192.0.2.3\napp TXT x\n"), []);
    assert_eq!(judged(FULL, "app A 192.0.2.3\n").len(), 1);
}

#[test]
fn the_way_back_is_not_held_up_by_limits() {
    let mut policy = policy(PerName::default());
    policy.limits.delete = count(0);
    assert_eq!(refusals(FULL, "", &policy, Purpose::Change).len(), 1);
    let back = Purpose::Rollback { to: 1 };
    assert_eq!(refusals(FULL, "", &policy, back), []);
}
