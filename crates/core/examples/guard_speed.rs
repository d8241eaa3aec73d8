//! How long planning and judging take: `cargo run --release --example guard_speed [RRSETS]`.
//!
//! One in a hundred RRsets changes: new addresses, new hosts, hosts that go, aliases that move. One
//! in ten RRsets is an alias (or, in the second round, nine in ten), and a wildcard stands at the
//! apex, so that each new name hides it.

#![allow(clippy::disallowed_types)] // It measures: the clock is its subject.

use dns::{Name, RRset, Rtype, Zone, pattern::Pattern};
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;
use steadfast_core::guards::{Abilities, Verdict, drift_findings, judge_plan};
use steadfast_core::plan::{Desired, Form, Held, plan};
use steadfast_core::policy::{Limit, Limits, PerName, Policy};
use steadfast_core::time::{Millis, Time};

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    let asked = std::env::args().nth(1).map(|n| n.parse());
    let rrsets: u32 = asked.transpose()?.unwrap_or(1_000_000);
    let apex = Name::absolute("example.com")?;
    let policy = policy(&apex, rrsets)?;
    for aliases_in_ten in [1, 9] {
        println!("{aliases_in_ten} in ten aliases");
        let (before, after) = zones(&apex, rrsets, aliases_in_ten)?;
        measure(&policy, before, after)?;
    }
    println!("all new names below one that a wildcard answered");
    let (before, _) = zones(&apex, rrsets, 1)?;
    let crowd = crowd(&apex, rrsets / 100)?;
    let all = before.iter().cloned().chain(crowd).collect();
    let after = Zone::new(apex, all)?;
    measure(&policy, before, after)
}

/// New hosts that all stand below a name that was not there.
fn crowd(apex: &Name, count: u32) -> Fallible<Vec<RRset>> {
    let above = apex.child(b"crowd")?.child(b"new")?;
    let host = |i: u32| {
        let name = above.child(format!("host{i}").as_bytes())?;
        Ok(RRset::new(name, Rtype::A, 300, [i.to_be_bytes()])?)
    };
    (0..count).map(host).collect()
}

fn measure(policy: &Policy, before: Zone, after: Zone) -> Fallible<()> {
    println!("  {} RRsets", before.len());

    let held = before.filter(|r| policy.owns_set(r));
    let desired = Desired {
        content: after,
        source: "made up".into(),
        form: Form::WithSoa,
    };
    let observed = BTreeMap::from([("ns1".to_owned(), before.clone())]);
    let held = Held {
        configuration: 1,
        content: &held,
        outs: &Default::default(),
    };
    let planned = timed("plan", || plan(&desired, held, &observed, policy));
    let made = planned.plan.ok_or("nothing to do")?;
    let (steps, back) = (made.steps.count(), made.back.len());
    println!(
        "  {} changes in {steps} steps, {back} back",
        made.steps.changes.len()
    );

    let able = Abilities {
        swap_cname: true,
        max_rrset: 100,
        ..Abilities::assumed()
    };
    let able = [("ns1".to_owned(), able)];
    let held = (made.parent, made.base);
    let judge = || judge_plan(&made, held, &before, policy, &able, &[], Time(0));
    let mut found = timed("judge", judge);
    found.extend(drift_findings(&planned.report, &made));
    let refused = found.iter().filter(|f| f.verdict == Verdict::Refuse);
    println!(
        "  {} refusals, {} findings",
        refused.clone().count(),
        found.len()
    );
    for finding in refused.take(3) {
        println!("  {}: {}", finding.guard, finding.why);
    }
    Ok(())
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    let seconds = start.elapsed().as_secs_f64();
    println!("  {what}: {seconds:.3} s");
    done
}

/// A zone, and the same with one in a hundred RRsets changed.
fn zones(apex: &Name, rrsets: u32, aliases_in_ten: u32) -> Fallible<(Zone, Zone)> {
    let ns = apex.child(b"ns")?;
    let soa = [ns.to_wire(), ns.to_wire(), vec![0; 20]].concat();
    let mut before = vec![
        RRset::new(apex.clone(), Rtype::SOA, 300, [soa])?,
        RRset::new(apex.clone(), Rtype::NS, 300, [ns.to_wire()])?,
        RRset::new(ns, Rtype::A, 300, [[192, 0, 2, 53]])?,
        RRset::new(apex.wildcard()?, Rtype::A, 300, [[192, 0, 2, 80]])?,
    ];
    let mut after = before.clone();
    let host = |i: u32| {
        apex.child(format!("s{}", i % 1000).as_bytes())?
            .child(format!("host{i}").as_bytes())
    };
    for i in 0..rrsets {
        let alias = i % 10 < aliases_in_ten;
        // Aliases point at the next address.
        let target = host(i - i % 10 + 9)?.to_wire();
        let data = if alias {
            target
        } else {
            i.to_be_bytes().to_vec()
        };
        let rtype = if alias { Rtype::CNAME } else { Rtype::A };
        let set = RRset::new(host(i)?, rtype, 300, [&data])?;
        match i % 400 {
            // New data; an alias gets a new host.
            5 => after.push(RRset::new(host(i)?, Rtype::A, 300, [[198, 51, 100, 1]])?),
            // A host goes, its name still answered by the wildcard's.
            103 => {}
            // A new host beside.
            204 => {
                after.push(set.clone());
                let fresh = host(i)?
                    .parent()
                    .ok_or("no parent")?
                    .child(format!("new{i}").as_bytes())?;
                after.push(RRset::new(fresh, Rtype::A, 300, [[198, 51, 100, 2]])?);
            }
            // An alias of a host that comes to be.
            301 => {
                let fresh = apex.child(format!("fresh{i}").as_bytes())?;
                after.push(RRset::new(host(i)?, Rtype::CNAME, 300, [fresh.to_wire()])?);
                after.push(RRset::new(fresh, Rtype::A, 300, [[198, 51, 100, 3]])?);
            }
            _ => after.push(set.clone()),
        }
        before.push(set);
    }
    Ok((
        Zone::new(apex.clone(), before)?,
        Zone::new(apex.clone(), after)?,
    ))
}

fn policy(apex: &Name, rrsets: u32) -> Fallible<Policy> {
    let share = Limit {
        count: None,
        share_ppm: Some(50_000),
    };
    let mut critical = vec![
        apex.child(b"www")?,
        apex.child(b"crowd")?.child(b"new")?.child(b"host7")?,
    ];
    for i in (9..rrsets).step_by((rrsets as usize / 100).max(1)) {
        critical.push(
            apex.child(format!("s{}", i % 1000).as_bytes())?
                .child(format!("host{i}").as_bytes())?,
        );
    }
    Ok(Policy {
        zone: apex.clone(),
        own: vec![Pattern::parse("**", apex)?],
        ignore: vec![Pattern::parse("_acme-challenge.**", apex)?],
        critical,
        limits: Limits {
            create: share,
            change: share,
            delete: share,
            per_name: PerName::default(),
        },
        ttl_min: 0,
        ttl_max: 86_400,
        max_rrset: 100,
        max_update: 65_535,
        deadline: Millis::seconds(10),
        read_back: Millis::seconds(10),
        keep: 3,
        stages: Vec::new(),
    })
}
