//! Random zones and random wishes. The checker here is naive on purpose and shares nothing with
//! what it checks: it makes every state, and resolves by scanning all of it.

#![allow(clippy::unwrap_used)]

use super::answer::{Ending, Trace, answer};
use super::testkit::{apex, plan_of, policy, refusing};
use super::{Verdict, judge_plan};
use crate::plan::{OVERHEAD, Plan, Steps, update_len};
use crate::policy::Policy;
use crate::time::Time;
use dns::resolve::{Kind, resolve};
use dns::{Name, RRset, Rtype, Zone, rdata};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const HOSTS: [&str; 14] = [
    "a", "b", "c", "*", "x.a", "y.a", "*.a", "z.x.a", "x.b", "*.b", "d.c", "*.d.c", "e.d.c", "f",
];
const TARGETS: [&str; 10] = [
    "a",
    "b",
    "c",
    "x.a",
    "q.a",
    "y.b",
    "e.d.c",
    "g.d.c",
    "nowhere.f",
    "out.example.net.",
];
const CRITICAL: [&str; 7] = ["a", "b", "x.a", "q.a", "q.x.a", "g.d.c", "any"];

/// A checker's answer: IPv4, IPv6, data of any type; or from elsewhere.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Naive {
    Here(bool, bool, bool),
    Elsewhere,
}

fn naive(zone: &Zone, name: &Name, hops: u32) -> Naive {
    let records: Vec<(Vec<Vec<u8>>, Rtype, Option<Name>)> = zone
        .iter()
        .map(|r| (r.name().labels(), r.rtype(), r.targets().next()))
        .collect();
    let apex = zone.apex().labels();
    let labels = name.labels();
    if !labels.ends_with(&apex) {
        return Naive::Elsewhere;
    }
    if hops > 11 {
        return Naive::Here(false, false, false);
    }
    let find =
        |owner: &[Vec<u8>], t: Rtype| records.iter().find(|(n, rt, _)| n == owner && *rt == t);
    // Down from the apex, one label at a time (RFC 1034 §4.3.2, step 3).
    for from in (0..=labels.len() - apex.len()).rev() {
        let here = &labels[from..];
        if here != apex && find(here, Rtype::NS).is_some() {
            return Naive::Elsewhere;
        }
        if let Some((_, _, Some(target))) = find(here, Rtype::DNAME).filter(|_| from > 0) {
            let mut whole = labels[..from].to_vec();
            whole.extend(target.labels());
            return match Name::from_labels(whole.iter().map(Vec::as_slice)) {
                Ok(next) => naive(zone, &next, hops + 1),
                Err(_) => Naive::Here(false, false, false),
            };
        }
    }
    let exists = |n: &[Vec<u8>]| records.iter().any(|(owner, ..)| owner.ends_with(n));
    let mut source = labels.clone();
    if !exists(&labels) {
        let mut encloser = labels.clone();
        while encloser != apex && !exists(&encloser) {
            encloser.remove(0);
        }
        source = encloser;
        source.insert(0, b"*".to_vec());
        if find(&source, Rtype::NS).is_some() {
            return Naive::Here(false, false, true);
        }
    }
    if let Some((_, _, Some(target))) = find(&source, Rtype::CNAME) {
        return naive(zone, target, hops + 1);
    }
    let has = |t| find(&source, t).is_some();
    let any = records.iter().any(|(owner, ..)| *owner == source);
    Naive::Here(has(Rtype::A), has(Rtype::AAAA), any)
}

/// Whether `now` keeps what `before` had.
fn keeps(before: Naive, now: Naive) -> bool {
    match (before, now) {
        (_, Naive::Elsewhere) | (Naive::Here(false, false, _), _) => true,
        (Naive::Elsewhere, Naive::Here(a, b, _)) => a || b,
        (Naive::Here(a, b, _), Naive::Here(c, d, _)) => (!a || c) && (!b || d),
    }
}

/// One owner's data: an alias, or any of A, AAAA, TXT, MX; or a DNAME.
fn node() -> impl Strategy<Value = Vec<(Rtype, usize)>> {
    let target = 0..TARGETS.len();
    prop_oneof![
        4 => Just(vec![(Rtype::A, 0)]),
        2 => Just(vec![(Rtype::A, 1), (Rtype::AAAA, 1)]),
        1 => Just(vec![(Rtype::TXT, 0)]),
        4 => target.clone().prop_map(|t| vec![(Rtype::CNAME, t)]),
        1 => target.clone().prop_map(|t| vec![(Rtype::A, 2), (Rtype::MX, t)]),
        1 => target.prop_map(|t| vec![(Rtype::DNAME, t)]),
        1 => Just(vec![(Rtype::NS, 9)]),
        3 => Just(vec![]),
    ]
}

type Nodes = BTreeMap<&'static str, Vec<(Rtype, usize)>>;

fn nodes() -> impl Strategy<Value = Nodes> {
    prop::collection::btree_map(prop::sample::select(&HOSTS[..]), node(), 3..12)
}

fn make(nodes: &Nodes) -> Zone {
    let at = |text: &str| Name::parse(text, &apex()).unwrap();
    let mut sets = vec![
        RRset::new(apex(), Rtype::NS, 300, [at("ns").to_wire()]).unwrap(),
        RRset::new(at("ns"), Rtype::A, 300, [[192, 0, 2, 53]]).unwrap(),
    ];
    for (owner, data) in nodes {
        for (rtype, pick) in data {
            let target = TARGETS.get(*pick).copied().unwrap_or("a");
            let text = match *rtype {
                Rtype::A => format!("192.0.2.{}", pick + 1),
                Rtype::AAAA => format!("2001:db8::{}", pick + 1),
                Rtype::TXT => "hello".into(),
                Rtype::MX => format!("10 {target}"),
                _ => target.to_owned(),
            };
            let tokens: Vec<&str> = text.split(' ').collect();
            let wire = rdata::from_text(*rtype, &tokens, &apex()).unwrap();
            sets.push(RRset::new(at(owner), *rtype, 300, [wire]).unwrap());
        }
    }
    Zone::new(apex(), sets).unwrap()
}

/// A small edit of a zone, so that many wishes are ones that guards let pass.
fn edited() -> impl Strategy<Value = (Nodes, Nodes)> {
    (nodes(), nodes(), any::<prop::sample::Index>()).prop_map(|(from, new, keep)| {
        let mut to = from.clone();
        let count = keep.index(new.len() + 1);
        to.extend(new.into_iter().take(count));
        (from, to)
    })
}

/// Every state from `from` along `steps`, the last one included.
fn states(from: &Zone, steps: &Steps) -> Vec<Zone> {
    let mut all = vec![from.clone()];
    for n in 1..=steps.count() {
        all.push(all.last().unwrap().apply(steps.step(n)).unwrap());
    }
    all.remove(0);
    all
}

fn tight(from: &Zone, to: &Zone, spare: usize, critical: &[&str]) -> Policy {
    let changes = from.diff(to);
    let most = |at: &[dns::Change]| {
        let there: usize = at.iter().map(update_len).sum();
        let back: usize = at.iter().map(|c| update_len(&c.inverse())).sum();
        there.max(back)
    };
    let owners = changes.chunk_by(|a, b| a.name() == b.name()).map(most);
    let largest = owners.max().unwrap_or(0);
    Policy {
        max_update: OVERHEAD + largest + spare,
        ..policy(critical)
    }
}

/// The aliases that lead to no data at all, by scanning: where an alias ends at a name in the zone,
/// that name has to own something, or a wildcard has to.
fn naive_dangling(zone: &Zone) -> BTreeSet<(Name, Name)> {
    let aliases = zone.iter().filter(|r| r.rtype() == Rtype::CNAME);
    let pairs = aliases.flat_map(|r| r.targets().map(|t| (r.name().clone(), t)));
    pairs
        .filter(|(_, target)| naive(zone, target, 0) == Naive::Here(false, false, false))
        .collect()
}

fn check_states(before: &Zone, plan: &Plan, policy: &Policy) -> Result<(), TestCaseError> {
    let there = states(before, &plan.steps);
    let end = there.last().unwrap().clone();
    let back = states(&end, &plan.rollback());
    for name in &policy.critical {
        let had = naive(before, name, 0);
        for (i, state) in there.iter().chain(&back).enumerate() {
            let now = naive(state, name, 0);
            prop_assert!(
                keeps(had, now),
                "{name} state {i}: {had:?} → {now:?}\n{plan:#?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn steps_lead_there_and_back((from, to) in edited(), spare in 0usize..400) {
        let (from, to) = (make(&from), make(&to));
        prop_assume!(from != to);
        let plan = plan_of(&from, &to, &tight(&from, &to, spare, &CRITICAL));
        prop_assert!(plan.steps.is_sound());
        prop_assert!(plan.rollback().is_sound());
        prop_assert_eq!(from.apply(&from.diff(&to)).unwrap(), to.clone());
        prop_assert_eq!(states(&from, &plan.steps).pop().unwrap(), to.clone());
        prop_assert_eq!(states(&to, &plan.rollback()).pop().unwrap(), from.clone());
        prop_assert_eq!(plan.base, from.digest());
        prop_assert_eq!(plan.result, to.digest());
        let again = plan_of(&from, &to, &tight(&from, &to, spare, &CRITICAL));
        prop_assert_eq!(serde_json::to_vec(&plan).unwrap(), serde_json::to_vec(&again).unwrap());
    }

    #[test]
    fn what_passes_never_empties_a_critical_name((from, to) in edited(), spare in 0usize..400) {
        let (from, to) = (make(&from), make(&to));
        prop_assume!(from != to);
        let policy = tight(&from, &to, spare, &CRITICAL);
        let plan = plan_of(&from, &to, &policy);
        let found = judge_plan(&plan, (plan.parent, plan.base), &from, &policy, &[], &[], Time(0));
        let refused = found.iter().any(|f| f.guard == "never-empty" && f.verdict == Verdict::Refuse);
        if !refused {
            check_states(&from, &plan, &policy)?;
        }
        // And it does not refuse what is harmless: some state has to be worse.
        if refused {
            prop_assert!(check_states(&from, &plan, &policy).is_err(), "{found:#?}");
        }
    }

    #[test]
    fn answers_are_those_of_the_authority(nodes in nodes()) {
        let zone = make(&nodes);
        for text in HOSTS.iter().chain(&CRITICAL).chain(&TARGETS) {
            let name = Name::parse(text, &apex()).unwrap();
            let ours = answer(&zone, &name, &mut Trace::default());
            let theirs = |t| resolve(&zone, &name, t).kind;
            let (a, aaaa) = (theirs(Rtype::A), theirs(Rtype::AAAA));
            if ours.ending == Ending::Data && a == Kind::Referral {
                // A wildcard NS: a referral for BIND, nothing to rely on here.
                prop_assert!(!ours.v4 && !ours.v6);
                continue;
            }
            prop_assert_eq!(ours.v4, a == Kind::Data, "{} A", name);
            prop_assert_eq!(ours.v6, aaaa == Kind::Data, "{} AAAA", name);
            let far = matches!(a, Kind::Referral | Kind::LeavesZone);
            prop_assert_eq!(ours.is_elsewhere(), far, "{}", name);
            let absent = matches!(a, Kind::NxDomain | Kind::TooLong);
            prop_assert_eq!(ours.ending == Ending::Absent, absent, "{}", name);
            prop_assert_eq!(ours.ending == Ending::Loop, a == Kind::Loop, "{}", name);
        }
    }

    #[test]
    fn what_passes_leaves_no_alias_dangling((from, to) in edited(), spare in 0usize..400) {
        let (from, to) = (make(&from), make(&to));
        prop_assume!(from != to);
        let policy = tight(&from, &to, spare, &[]);
        let plan = plan_of(&from, &to, &policy);
        let found = judge_plan(&plan, (plan.parent, plan.base), &from, &policy, &[], &[], Time(0));
        prop_assume!(!refusing(&found).contains(&"dangling"));
        let known = naive_dangling(&from);
        let there = states(&from, &plan.steps);
        let back = states(&to, &plan.rollback());
        for (i, state) in there.iter().chain(&back).enumerate() {
            let new: Vec<_> = naive_dangling(state).difference(&known).cloned().collect();
            prop_assert!(new.is_empty(), "state {i}: {new:?}\n{plan:#?}");
        }
    }

    #[test]
    fn steps_pass_where_both_ends_do((from, to) in edited(), spare in 0usize..400) {
        let (from, to) = (make(&from), make(&to));
        prop_assume!(from != to);
        // One UPDATE for all: what refuses is the end itself.
        let whole = policy(&CRITICAL);
        let plan = plan_of(&from, &to, &whole);
        let held = (plan.parent, plan.base);
        let end = judge_plan(&plan, held, &from, &whole, &[], &[], Time(0));
        prop_assume!(!refusing(&end).contains(&"never-empty") && !refusing(&end).contains(&"dangling"));
        let tight = tight(&from, &to, spare, &CRITICAL);
        let plan = plan_of(&from, &to, &tight);
        let found = judge_plan(&plan, held, &from, &tight, &[], &[], Time(0));
        let guards: BTreeSet<&str> = refusing(&found).into_iter().collect();
        // What must travel together may be too large for an UPDATE; nothing else is left to refuse.
        let extra: Vec<&&str> = guards.iter().filter(|g| !refusing(&end).contains(g) && **g != "bounds").collect();
        prop_assert!(extra.is_empty(), "{found:#?}\n{plan:#?}");
    }
}

/// As many cases as the environment asks for when this is built; wishes that change nothing, or
/// that the end itself refuses, do not count.
fn config() -> ProptestConfig {
    let asked = option_env!("STEADFAST_CASES").and_then(|n| n.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(256),
        max_global_rejects: 1_000_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}
