//! What tests of plans and guards are made of.

#![allow(clippy::unwrap_used)]

use super::{Abilities, Finding, Verdict, judge_plan};
use crate::plan::{Desired, Form, Held, Plan, plan};
use crate::policy::{Limit, Limits, Policy};
use crate::time::{Millis, Time};
use dns::pattern::Pattern;
use dns::{Name, RRset, Rtype, Zone, rdata, token};
use std::collections::BTreeMap;

/// The apex that all tests use.
pub(crate) fn apex() -> Name {
    Name::absolute("example.com").unwrap()
}

/// A name relative to the apex.
pub(crate) fn name(text: &str) -> Name {
    Name::parse(text, &apex()).unwrap()
}

/// SOA and two name servers with addresses.
pub(crate) const BASE: &str = "@ SOA ns1 root 1 3600 600 86400 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns2 A 192.0.2.2
";

/// A zone of [`BASE`] and lines of owner, type, data, names relative to the apex, TTL 300 unless
/// the owner is followed by a number.
pub(crate) fn zone(text: &str) -> Zone {
    bare(&format!("{BASE}{text}"))
}

/// A zone of lines, without [`BASE`].
pub(crate) fn bare(text: &str) -> Zone {
    type Sets = BTreeMap<(Name, Rtype), (u32, Vec<Vec<u8>>)>;
    let mut sets = Sets::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let fields = token::split(line).unwrap();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let (ttl, rest) = match fields[1].parse() {
            Ok(ttl) => (ttl, &fields[2..]),
            Err(_) => (300, &fields[1..]),
        };
        let rtype: Rtype = rest[0].parse().unwrap();
        let data = rdata::from_text(rtype, &rest[1..], &apex()).unwrap();
        let set = sets
            .entry((name(fields[0]), rtype))
            .or_insert((ttl, Vec::new()));
        set.1.push(data);
    }
    let make = |((name, rtype), (ttl, data))| RRset::new(name, rtype, ttl, data).unwrap();
    Zone::new(apex(), sets.into_iter().map(make).collect()).unwrap()
}

/// A policy that owns all and allows all, with these critical names.
pub(crate) fn policy(critical: &[&str]) -> Policy {
    let free = Limit {
        count: None,
        share_ppm: Some(100_000_000),
    };
    Policy {
        zone: apex(),
        own: vec![Pattern::parse("**", &apex()).unwrap()],
        ignore: Vec::new(),
        critical: critical.iter().map(|c| name(c)).collect(),
        limits: Limits {
            create: free,
            change: free,
            delete: free,
            per_name: Default::default(),
        },
        ttl_min: 0,
        ttl_max: 86_400,
        max_rrset: 100,
        max_update: 65_535,
        deadline: Millis::seconds(10),
        read_back: Millis::seconds(10),
        keep: 3,
        stages: Vec::new(),
    }
}

/// The plan from one content to another.
pub(crate) fn plan_of(from: &Zone, to: &Zone, policy: &Policy) -> Plan {
    let desired = Desired {
        content: to.clone(),
        source: "test".into(),
        form: Form::WithSoa,
    };
    let held_content = from.filter(|r| policy.owns_set(r));
    let held = Held {
        configuration: 7,
        content: &held_content,
        outs: &Default::default(),
    };
    let observed = BTreeMap::from([("ns1".to_owned(), from.clone())]);
    plan(&desired, held, &observed, policy).plan.unwrap()
}

/// What the guards say of the way from one content to another.
pub(crate) fn judged(from: &str, to: &str, policy: &Policy) -> Vec<Finding> {
    judged_with(from, to, policy, &[])
}

/// As [`judged`], with what servers can do.
pub(crate) fn judged_with(
    from: &str,
    to: &str,
    policy: &Policy,
    abilities: &[(String, Abilities)],
) -> Vec<Finding> {
    let (from, to) = (zone(from), zone(to));
    let plan = plan_of(&from, &to, policy);
    let held = (plan.parent, plan.base);
    judge_plan(&plan, held, &from, policy, abilities, &[], Time(0))
}

/// The findings of one guard and verdict, as "name type: why".
pub(crate) fn said(found: &[Finding], guard: &str, verdict: Verdict) -> Vec<String> {
    let of = |f: &&Finding| f.guard == guard && f.verdict == verdict;
    found.iter().filter(of).map(|f| f.why.clone()).collect()
}

/// The guards that refuse.
pub(crate) fn refusing(found: &[Finding]) -> Vec<&str> {
    let refusals = found.iter().filter(|f| f.verdict == Verdict::Refuse);
    let mut guards: Vec<&str> = refusals.map(|f| f.guard.as_str()).collect();
    guards.dedup();
    guards
}
