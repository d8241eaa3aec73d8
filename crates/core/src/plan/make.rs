//! From what is wanted and what stands to a plan.

use super::steps::{OVERHEAD, cut_configured, fits_one};
use super::{FORMAT, Plan, Purpose};
use crate::guards::Finding;
use crate::health::{Outs, rendered};
use crate::policy::Policy;
use dns::{Change, Digest, Name, RRset, Rtype, Zone};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What the source says the zone shall hold. A source that could not be read whole makes no
/// `Desired` (I7): there is no such thing as a partial one.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Everything in the source, owned or not.
    pub content: Zone,
    /// Where it came from, for people.
    pub source: String,
    /// What a source of its form has at the apex when it is whole.
    pub form: Form,
}

/// What stands at the apex of a whole zone in a source of this form.
///
/// No form shows by itself that its end is there: a zone file and a YAML mapping both parse when
/// they are cut after a line, and a SOA stands at the start. What the apex shows is that the file
/// is the beginning of this zone and not of something else; how much of the rest may be missing is
/// for `max-change` to say. So a form without SOA is not held to weaker evidence, only to what it
/// can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// SOA and NS: a zone file (RFC 1035 §5.2).
    WithSoa,
    /// NS: octoDNS, and content of the ledger, which leave the SOA to the server. A SOA in such a
    /// source is a mistake.
    WithoutSoa,
}

/// What the ledger says the zone holds.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// The configuration generation.
    pub configuration: u64,
    /// Its owned content.
    pub content: &'a Zone,
    /// Targets that are out.
    pub outs: &'a Outs,
}

/// What planning has to tell besides the plan.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[must_use]
pub struct Report {
    /// Foreign edits inside what is owned, per server: from what the ledger says to what stands.
    /// A server without any is not in it.
    pub drift: BTreeMap<String, Vec<Change>>,
    /// Foreign edits, per server, that already made what is desired: from what the ledger says to
    /// what stands. They are not in `drift`.
    pub already_there: BTreeMap<String, Vec<Change>>,
    /// RRsets of the source that are not owned, and so left alone although they differ from what
    /// the first server holds; each with the reason.
    pub left_alone: Vec<(Name, Rtype, String)>,
    /// RRsets that the ledger holds otherwise than the source, and that the policy does not own any
    /// more: left alone.
    pub let_go: Vec<(Name, Rtype)>,
    /// What the guard `source-complete` says of the source. It judges here and not at the gate,
    /// where the source is not known any more.
    pub source: Vec<Finding>,
}

/// A plan, if anything is to change, and the report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    /// `None`: nothing to do.
    pub plan: Option<Plan>,
    /// What else there is to know.
    pub report: Report,
}

/// Makes the plan that brings the owned content from what the ledger holds to what is desired.
///
/// Three-way: what changes is what differs between the ledger and the source; what stands on the
/// servers (`observed`, whole zones as transferred) says what was edited by others, and is never
/// planned around. The plan is made even when the report's findings refuse it. Equal inputs make
/// equal plans, to the byte.
pub fn plan(
    desired: &Desired,
    held: Held<'_>,
    observed: &BTreeMap<String, Zone>,
    policy: &Policy,
) -> Planned {
    let changes = diff_owned(held.content, &desired.content, policy);
    let mut report = Report {
        source: crate::guards::source_complete(desired, held.content, policy),
        let_go: let_go(held.content, &desired.content, policy),
        left_alone: left_alone(desired, observed.values().next(), policy),
        ..Report::default()
    };
    let (served, wanted) = (
        rendered(held.content, held.outs),
        rendered(&desired.content, held.outs),
    );
    for (server, zone) in observed {
        let edits = diff_owned(&served, zone, policy);
        let there = |edit: &Change| is_wanted(edit, &wanted);
        let (already, drift): (Vec<_>, Vec<_>) = edits.into_iter().partition(there);
        for (list, edits) in [
            (&mut report.already_there, already),
            (&mut report.drift, drift),
        ] {
            if !edits.is_empty() {
                list.insert(server.clone(), edits);
            }
        }
    }
    let plan = (!changes.is_empty()).then(|| make(changes, held, observed, policy));
    Planned { plan, report }
}

fn make(
    changes: Vec<Change>,
    held: Held<'_>,
    observed: &BTreeMap<String, Zone>,
    policy: &Policy,
) -> Plan {
    let base = held.content.digest();
    let budget = policy.max_update.saturating_sub(OVERHEAD);
    let around = observed.values().next();
    let around = around.filter(|_| !fits_one(&changes, budget));
    let before = around.map(|zone| standing(held.content, zone, policy));
    let before = before.as_ref().unwrap_or(held.content);
    plan_of_changes(changes, held, base, before, policy)
}

/// Makes the plan that does these changes (canonical order, fitting what is held) to the owned
/// content. `base` is the digest of that content, `before` it together with what else stands in the
/// zone. As [`plan()`], it is made even when guards will refuse it.
pub fn plan_of_changes(
    changes: Vec<Change>,
    held: Held<'_>,
    base: Digest,
    before: &Zone,
    policy: &Policy,
) -> Plan {
    let result = held.content.apply(&changes).map_or(base, |z| z.digest());
    let (cut, _too_large) = cut_configured(before, changes, held.outs, policy);
    Plan {
        format: FORMAT,
        zone: policy.zone.clone(),
        parent: held.configuration,
        purpose: Purpose::Change,
        base,
        result,
        steps: cut.steps,
        back: cut.back,
        stages: policy.stages.clone(),
    }
}

/// The zone as guards judge it: the owned part as the ledger says, the rest as `observed` on a
/// server, without types that servers make and without the marker.
pub fn standing(held: &Zone, observed: &Zone, policy: &Policy) -> Zone {
    let foreign = |r: &RRset| !r.rtype().is_server_made() && !policy.is_marker_side(r.name());
    let mut all: Vec<RRset> = Vec::with_capacity(held.len() + 16);
    for (ours, theirs) in pairs(held, observed) {
        let owned = || ours.or(theirs).is_some_and(|r| policy.owns_set(r));
        let pick = if ours == theirs || owned() {
            ours
        } else {
            theirs.filter(|r| foreign(r))
        };
        all.extend(pick.cloned());
    }
    // Sorted and unique, as both were.
    Zone::new(held.apex().clone(), all).unwrap_or_else(|_| held.clone())
}

/// Both zones side by side: each owner and type once, with what either holds.
fn pairs<'z>(from: &'z Zone, to: &'z Zone) -> impl Iterator<Item = Pair<'z>> {
    let (mut a, mut b) = (from.iter().peekable(), to.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (a.peek(), b.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(x), Some(y)) => (x.name(), x.rtype()).cmp(&(y.name(), y.rtype())),
        };
        let before = if order.is_le() { a.next() } else { None };
        let after = if order.is_ge() { b.next() } else { None };
        Some((before, after))
    })
}

type Pair<'z> = (Option<&'z RRset>, Option<&'z RRset>);

/// Where two zones differ. Most of a zone is equal: who owns it is asked only for the rest.
fn differing<'z>(from: &'z Zone, to: &'z Zone) -> impl Iterator<Item = Pair<'z>> {
    pairs(from, to).filter(|(before, after)| before != after)
}

/// The changes that make the owned part of `to` out of the owned part of `from`.
fn diff_owned(from: &Zone, to: &Zone, policy: &Policy) -> Vec<Change> {
    let owned = |(a, b): &Pair<'_>| a.or(*b).is_some_and(|r| policy.owns_set(r));
    let owned = differing(from, to).filter(owned);
    let change = |(a, b): Pair<'_>| Change::new(a.cloned(), b.cloned());
    owned.filter_map(change).collect()
}

fn is_wanted(edit: &Change, desired: &Zone) -> bool {
    desired.get(edit.name(), edit.rtype()) == edit.after()
}

fn let_go(held: &Zone, desired: &Zone, policy: &Policy) -> Vec<(Name, Rtype)> {
    let held = differing(held, desired).filter_map(|(before, _)| before);
    let gone = held.filter(|r| !policy.owns_set(r));
    gone.map(|r| (r.name().clone(), r.rtype())).collect()
}

fn left_alone(
    desired: &Desired,
    observed: Option<&Zone>,
    policy: &Policy,
) -> Vec<(Name, Rtype, String)> {
    let Some(observed) = observed else {
        return Vec::new();
    };
    let mut left = Vec::new();
    for (stands, wanted) in differing(observed, &desired.content) {
        let Some(wanted) = wanted.filter(|r| !policy.owns_set(r)) else {
            continue;
        };
        let soa = stands.filter(|_| wanted.rtype() == Rtype::SOA);
        if !soa.is_some_and(|stands| same_but_serial(stands, wanted)) {
            let why = why_left(wanted, policy);
            left.push((wanted.name().clone(), wanted.rtype(), why));
        }
    }
    left
}

/// Whether two SOAs differ at most in the serial, which servers count up by themselves.
fn same_but_serial(a: &RRset, b: &RRset) -> bool {
    let rest = |r: &RRset| {
        let data = r.data().next().unwrap_or_default().to_vec();
        let names = data.len().saturating_sub(20);
        let tail = data.get(names + 4..).unwrap_or_default().to_vec();
        (data.get(..names).unwrap_or_default().to_vec(), tail)
    };
    a.ttl() == b.ttl() && rest(a) == rest(b)
}

fn why_left(rrset: &RRset, policy: &Policy) -> String {
    let rtype = rrset.rtype();
    let ignored = policy.ignore.iter().any(|p| p.matches(rrset.name()));
    if rtype == Rtype::SOA {
        "the SOA is the server's".into()
    } else if rtype.is_server_made() {
        format!("{rtype} is made by the server")
    } else if policy.is_marker_side(rrset.name()) {
        "it is where the marker stands".into()
    } else if ignored {
        "its name is in `ignore`".into()
    } else {
        "its name is not in `own`".into()
    }
}
