//! A trace as people read it: one line a thing, one lane an actor.

use crate::action::{Event, Item};
use crate::run::{Setting, build};
use crate::world::DAWN;
use std::fmt::Write as _;
use steadfast_core::ledger::{Act, Entry, Event as Entered, Expect};
use steadfast_core::lifecycle::Notice;
use steadfast_core::safeguards::Safeguards;
use steadfast_core::server::{Reply, Write};

/// Tells a trace, lane by lane, up to the first violation.
pub fn tell<S: Safeguards>(setting: &Setting, trace: &[Event]) -> String {
    let mut world = build::<S>(setting);
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

/// One thing that a story says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Milliseconds from the start.
    pub at: u64,
    /// Which event of the trace it belongs to.
    pub event: usize,
    /// Whose lane: `e0`, `store0`, `ns0`, or `!!` for what was broken.
    pub lane: String,
    /// What happens.
    pub what: String,
}

/// What happens in a trace, up to the first violation.
pub fn lines<S: Safeguards>(setting: &Setting, trace: &[Event]) -> Vec<Told> {
    let mut world = build::<S>(setting);
    world.story = Some(Vec::new());
    let mut told = Vec::new();
    for (index, event) in trace.iter().enumerate() {
        world.act(event);
        let mut say = |lane, what| {
            told.push(Told {
                at: event.at.saturating_sub(DAWN),
                event: index,
                lane,
                what,
            });
        };
        let lines = world.story.as_mut().map(std::mem::take).unwrap_or_default();
        lines.into_iter().for_each(|(lane, what)| say(lane, what));
        if let Some(violation) = &world.oracle.violation {
            let what = format!("{}: {}", violation.invariant, violation.text);
            say("!!".into(), what);
            break;
        }
    }
    told
}

/// A notice in a few words.
pub fn notice(notice: &Notice) -> String {
    match notice {
        Notice::Sent(id, seq, holding) => format!("sends {seq} to {id}, for {holding}"),
        Notice::Answered(id, seq, reply) => format!("hears of {seq} from {id}: {reply:?}"),
        Notice::Applied(id, seq, holding) => format!("has read {seq} back from {id}: {holding}"),
        other => format!("{other:?}"),
    }
}

/// An entry in a few words.
pub fn entry(entry: &Entry) -> String {
    let Entry { seq, by, .. } = entry;
    let what = match &entry.event {
        Entered::Decided(d) => {
            let expect = match &d.expect {
                Expect::Ours(seq) => format!("marker {seq}"),
                other => format!("{other:?}"),
            };
            let act = match &d.act {
                Act::Plant { soa } if soa.is_some() => "plant by SOA".to_owned(),
                Act::Plant { .. } => "plant by values".to_owned(),
                act => format!("{act:?}").to_lowercase(),
            };
            format!(
                "decided: {act} on {} in place of {expect}: {}",
                d.server, d.holding
            )
        }
        Entered::Cleared { configuration, .. } => format!("cleared generation {configuration}"),
        Entered::Proposed { number, .. } => format!("proposed plan {number}"),
        Entered::Adopted(_) => "adopted".into(),
        other => format!("{other:?}"),
    };
    format!("#{seq} by {by}: {what}")
}

/// A write that arrived, in a few words.
pub fn write(item: Item, write: &Write, reply: &Reply) -> String {
    let changes: Vec<String> = write
        .changes
        .iter()
        .map(|c| {
            let texts = c.after().map_or("nothing".into(), |a| a.texts().join(" "));
            format!("{} {} := {texts}", c.name(), c.rtype())
        })
        .collect();
    format!(
        "takes {} of e{} [{}]: {reply:?}",
        write.seq,
        item.0,
        changes.join(", ")
    )
}
