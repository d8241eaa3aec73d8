//! `steadfast adopt --dry-run`: what adoption would own, and what is wrong with the zone as it
//! stands. Writes nothing.

use super::proposal::Proposal;
use super::{out, words};
use crate::site::Style;
use dns::{Name, RRset, Rtype, Zone};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use steadfast_core::guards::{Finding, standing_faults};
use steadfast_core::policy::Policy;

/// How many of a kind are shown.
const SHOWN: usize = 12;
/// A critical name with a greater TTL takes long to be moved elsewhere, in seconds.
const LONG: u32 = 3600;

/// What a survey looks at.
pub struct Survey<'a> {
    /// The zone, whole.
    pub zone: &'a Zone,
    /// Where it came from, for people.
    pub from: String,
    /// The policy that it would have.
    pub policy: &'a Policy,
    /// What would be proposed; `None` where a config says it already.
    pub proposal: Option<&'a Proposal>,
    /// What to type next.
    pub next: String,
}

/// What was seen.
struct Seen {
    owned: usize,
    made: usize,
    ignored: Vec<String>,
    faults: Vec<Finding>,
    addresses: BTreeMap<String, Vec<String>>,
    nameservers: Vec<String>,
    ttls: Vec<String>,
}

/// Looks and prints.
pub fn show(survey: &Survey<'_>, style: Style) {
    let seen = look(survey.zone, survey.policy);
    if style.json {
        out::json(&document(survey, &seen));
    } else {
        out::text(&text(survey, &seen));
    }
}

fn look(zone: &Zone, policy: &Policy) -> Seen {
    let served = zone.filter(|r| !r.rtype().is_server_made() && !policy.is_marker_side(r.name()));
    let others = served
        .iter()
        .filter(|r| !policy.owns_set(r) && r.rtype() != Rtype::SOA);
    let mut ignored: Vec<String> = others
        .map(|r| format!("{} {}", words::name(r.name()), r.rtype()))
        .collect();
    ignored.dedup();
    Seen {
        owned: served.iter().filter(|r| policy.owns_set(r)).count(),
        made: zone.iter().filter(|r| r.rtype().is_server_made()).count(),
        ignored,
        faults: standing_faults(&served, policy),
        addresses: addresses(&served),
        nameservers: nameservers(&served),
        ttls: ttls(&served, policy),
    }
}

/// Names that have one address of a family at most, by that address.
fn addresses(zone: &Zone) -> BTreeMap<String, Vec<String>> {
    let mut by_name: BTreeMap<&Name, Vec<String>> = BTreeMap::new();
    let addresses = [Rtype::A, Rtype::AAAA];
    for rrset in zone.iter().filter(|r| addresses.contains(&r.rtype())) {
        let list = by_name.entry(rrset.name()).or_default();
        let texts = rrset.texts();
        if texts.len() > 1 {
            // Marks the name as resting on several.
            list.push(String::new());
        }
        list.extend(texts.into_iter().take(1));
    }
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, list) in by_name {
        if list.iter().any(String::is_empty) {
            continue;
        }
        found
            .entry(list.join(" + "))
            .or_default()
            .push(words::name(name));
    }
    found
}

/// Zones and delegations that hang on one name server, by name or by address.
fn nameservers(zone: &Zone) -> Vec<String> {
    let mut found = Vec::new();
    for rrset in zone.iter().filter(|r| r.rtype() == Rtype::NS) {
        let owner = words::name(rrset.name());
        let targets: Vec<Name> = rrset.targets().collect();
        if let [only] = targets.as_slice() {
            found.push(format!(
                "{owner} has one name server, {}",
                words::name(only)
            ));
            continue;
        }
        let addresses: BTreeSet<Vec<String>> = targets
            .iter()
            .map(|t| zone.get(t, Rtype::A).map(RRset::texts).unwrap_or_default())
            .collect();
        if let Some(one) = addresses
            .first()
            .filter(|a| addresses.len() == 1 && !a.is_empty())
        {
            found.push(format!(
                "all {} name servers of {owner} have the address {}",
                targets.len(),
                one.join(", ")
            ));
        }
    }
    found
}

fn ttls(zone: &Zone, policy: &Policy) -> Vec<String> {
    let mut found = Vec::new();
    for rrset in zone.iter().filter(|r| r.rtype() != Rtype::SOA) {
        let (name, rtype, ttl) = (words::name(rrset.name()), rrset.rtype(), rrset.ttl());
        if ttl == 0 {
            found.push(format!("{name} {rtype} has TTL 0: every lookup reaches your servers, and none survives their absence"));
        } else if ttl < policy.ttl_min || ttl > policy.ttl_max {
            found.push(format!(
                "{name} {rtype} has TTL {ttl}, outside of {} to {}",
                policy.ttl_min, policy.ttl_max
            ));
        } else if policy.is_critical(rrset.name())
            && matches!(rtype, Rtype::A | Rtype::AAAA | Rtype::CNAME)
            && ttl > LONG
        {
            let long = words::span(steadfast_core::time::Millis::seconds(u64::from(ttl)));
            found.push(format!(
                "{name} {rtype} is critical and cached for {long}: moving it takes that long"
            ));
        }
    }
    found
}

fn list(out: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "  {title}");
    for item in items.iter().take(SHOWN) {
        let _ = writeln!(out, "    {item}");
    }
    if items.len() > SHOWN {
        let _ = writeln!(
            out,
            "    … and {} more (all with --output json)",
            items.len() - SHOWN
        );
    }
}

fn text(survey: &Survey<'_>, seen: &Seen) -> String {
    let (zone, policy) = (survey.zone, survey.policy);
    let name = words::name(zone.apex());
    let mut out = format!(
        "{name}  as {} has it: {} RRsets, {} records\n  would own {} of them; {} made by the server are only observed; the SOA stays the server's\n",
        survey.from,
        zone.len(),
        zone.record_count(),
        seen.owned,
        seen.made,
    );
    if let Some(proposal) = survey.proposal {
        let ignore = proposal.ignore.iter();
        let ignore: Vec<String> = ignore.map(|(p, why)| format!("{p:<24} {why}")).collect();
        list(&mut out, "would leave to others (`ignore`)", &ignore);
        list(
            &mut out,
            "registry entries of external-dns whose names were not found",
            &proposal.unclear,
        );
        list(
            &mut out,
            "left to others, but no pattern can say it: leave them out of `own` by hand",
            &proposal.unfit,
        );
    }
    list(&mut out, "stands here and is left alone", &seen.ignored);
    let critical: Vec<String> = policy.critical.iter().map(words::name).collect();
    let critical = match critical.is_empty() {
        true => "none; name those that may never be empty under `critical`".to_owned(),
        false => critical.join(", "),
    };
    let _ = writeln!(out, "  critical: {critical}");
    let faults = seen.faults.iter();
    let faults: Vec<String> = faults
        .map(|f| format!("{}: {}: {}", f.guard, words::name(&f.name), f.why))
        .collect();
    list(
        &mut out,
        "wrong already (reported, not in the way)",
        &faults,
    );
    let single: Vec<String> = seen
        .addresses
        .iter()
        .map(|(address, names)| {
            let more = names.len().saturating_sub(6);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            let some: Vec<&str> = names.iter().take(6).map(String::as_str).collect();
            format!("{address}: {}{more}", some.join(", "))
        })
        .collect();
    list(&mut out, "rests on one address", &single);
    list(&mut out, "rests on one name server", &seen.nameservers);
    list(&mut out, "odd TTLs", &seen.ttls);
    let _ = writeln!(out, "  nothing was written\n  next: {}", survey.next);
    out
}

fn document(survey: &Survey<'_>, seen: &Seen) -> Value {
    let proposal = survey.proposal.map(|p| {
        let ignore = p.ignore.iter();
        let ignore: Vec<Value> = ignore
            .map(|(pattern, why)| json!({ "pattern": pattern, "why": why }))
            .collect();
        json!({ "ignore": ignore, "critical": p.critical, "unclear": p.unclear, "unfit": p.unfit })
    });
    json!({
        "zone": words::name(survey.zone.apex()),
        "from": survey.from,
        "rrsets": survey.zone.len(),
        "records": survey.zone.record_count(),
        "owned": seen.owned,
        "server-made": seen.made,
        "left-alone": seen.ignored,
        "critical": survey.policy.critical.iter().map(words::name).collect::<Vec<_>>(),
        "proposal": proposal,
        "standing": seen.faults,
        "one-address": seen.addresses,
        "one-name-server": seen.nameservers,
        "ttls": seen.ttls,
        "written": false,
        "next": survey.next,
    })
}
