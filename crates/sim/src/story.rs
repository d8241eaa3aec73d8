//! A trace as people read it: one line a thing, one lane an actor.

use crate::action::{Event, Item};
use crate::kit::Kit;
use crate::run::{Setting, build};
use crate::world::DAWN;
use std::fmt::Write as _;
use steadfast_core::ledger::{Act, Entry, Event as Entered, Expect};
use steadfast_core::lifecycle::Notice;
use steadfast_core::server::{Reply, Write};

/// Tells a trace, lane by lane, up to the first violation.
pub fn tell(kit: Kit, setting: &Setting, trace: &[Event]) -> String {
    let mut world = build(kit, setting);
    world.story = Some(Vec::new());
    let mut out = String::new();
    for event in trace {
        world.act(event);
        let at = event.at.saturating_sub(DAWN);
        for (lane, what) in world.story.as_mut().map(std::mem::take).unwrap_or_default() {
            let indent = match lane.as_bytes().first() {
                Some(b'e') => 0,
                Some(b's') => 4,
                _ => 8,
            };
            // Writing to a string can't fail.
            let _ = writeln!(out, "{at:>7} {:indent$}{lane}: {what}", "");
        }
        if let Some(violation) = &world.oracle.violation {
            let _ = writeln!(
                out,
                "{at:>7} !! {}: {}",
                violation.invariant, violation.text
            );
            break;
        }
    }
    out
}

/// A notice in a few words.
pub fn notice(notice: &Notice) -> String {
    match notice {
        Notice::Sent(id, seq, holding) => format!("sends write {seq} to {id}, for {holding}"),
        Notice::Answered(id, seq, reply) => {
            format!("hears from {id} of write {seq}: {}", answer(reply))
        }
        Notice::Applied(id, seq, holding) => {
            format!("has read write {seq} back from {id}: {holding}")
        }
        Notice::Lost(id, seq, _, why) => format!("write {seq} to {id} was overtaken: {why}"),
        Notice::Stale => "drops the change: the ledger moved".into(),
        Notice::Submitted(seq) => format!("has it in the ledger, entry {seq}"),
        Notice::Cleaned(through) => format!("forgets plans up to generation {through}"),
        Notice::Restored(id, found) => {
            format!("sees that {id} is restored: it has the marker of write {found}")
        }
        Notice::Halted(id, why, fix) => format!("stops writing to {id}: {why}; repair: {fix}"),
        Notice::Blocked(id, _) => format!("finds no way for {id} that the guards let pass"),
        Notice::Doubt(why) => format!("trusts its ledger no more: {why}"),
        other => format!("{other:?}"),
    }
}

/// What a server answered.
fn answer(reply: &Reply) -> String {
    match reply {
        Reply::Accepted => "accepted".into(),
        Reply::Fenced(why) => format!("refused, {why}"),
        Reply::Late(why, _) => format!("refused as too late, {why}"),
        Reply::Refused(why) => format!("refused, {why}"),
        other => format!("{other:?}"),
    }
}

/// An entry in a few words.
pub fn entry(entry: &Entry) -> String {
    let Entry { seq, by, .. } = entry;
    // A process is `e1.2`: the second life of e1.
    let by = by.split('.').next().unwrap_or(by);
    let what = match &entry.event {
        Entered::Decided(d) => {
            let expect = match &d.expect {
                Expect::Ours(seq) => format!("where write {seq} stands"),
                Expect::Absent => "where no marker stands".to_owned(),
                other => format!("where {other:?} stands"),
            };
            let to = &d.holding;
            let act = match &d.act {
                Act::Plant { soa } if soa.is_some() => "plant the marker, by SOA".to_owned(),
                Act::Plant { .. } => "plant the marker, by values".to_owned(),
                Act::Step if to.is_whole() && to.of == 1 => {
                    format!("generation {}", to.configuration)
                }
                Act::Step => {
                    format!(
                        "generation {}, step {} of {}",
                        to.configuration, to.step, to.of
                    )
                }
                Act::Move { .. } => format!("health {}", to.ahead.map_or(to.health, |a| a.health)),
                Act::Revoke => "move the marker only: revoke".to_owned(),
                Act::Withdraw => "remove the marker".to_owned(),
            };
            format!("{by} decides write {seq} to {}: {act}, {expect}", d.server)
        }
        Entered::Cleared { configuration, .. } => {
            format!("{by} clears generation {configuration}")
        }
        Entered::Proposed { number, .. } => format!("{by} proposes plan {number}"),
        Entered::Adopted(_) => "adopted".into(),
        Entered::Frozen { .. } => format!("{by} freezes the zone"),
        Entered::Thawed { .. } => format!("{by} thaws the zone"),
        Entered::Cleaned { through, .. } => {
            format!("{by} forgets the plans before generation {through}")
        }
        Entered::Applied { server, write, .. } => {
            format!("{by}: Applied: write {write} on {server}")
        }
        Entered::Lost { server, write, .. } => {
            format!("{by}: {server} refused write {write}")
        }
        other => format!("{by}: {other:?}"),
    };
    format!("#{seq} {what}")
}

/// A write that arrived, in a few words.
pub fn write(item: Item, write: &Write, reply: &Reply) -> String {
    let one = |c: &dns::Change| match c.after() {
        None => format!("delete {} {}", c.name(), c.rtype()),
        Some(after) => format!("{} {} = {}", c.name(), c.rtype(), after.texts().join(" ")),
    };
    let changes: Vec<String> = write.changes.iter().map(one).collect();
    let changes = match changes.as_slice() {
        [] => "only the marker".to_owned(),
        all => all.join(", "),
    };
    let (seq, e) = (write.seq, item.0);
    match reply {
        Reply::Accepted => format!("takes write {seq} of e{e}: {changes}"),
        other => format!("write {seq} of e{e} ({changes}): {}", answer(other)),
    }
}
