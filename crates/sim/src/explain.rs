//! Why a trace fails, in plain words: who did what, lane by lane, and which reordering makes the
//! difference.

mod difference;
mod render;
mod words;

use crate::action::{Action, Event};
use crate::follow::{self, Mark};
use crate::kit::Kit;
use crate::run::build;
use crate::shrink::shrink;
use crate::trace::{Broken, Follows, Trace, broken};
use crate::world::{DAWN, World};
pub use difference::{Difference, difference};
pub use render::render;
use serde::Serialize;
use std::collections::BTreeMap;

/// Most runs that are spent on making a whole trace tellable.
const MOST: u64 = 20_000;

/// One thing in the story.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// Milliseconds from the start.
    pub at: u64,
    /// The line of the trace that it is, from 1; `None`: it follows.
    pub event: Option<usize>,
    /// Whose lane.
    pub lane: String,
    /// What happens.
    pub text: String,
}

/// A story.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Explained {
    /// The safeguard that is missing.
    pub without: String,
    /// What was broken.
    pub violation: Option<Broken>,
    /// How many events the trace has, and the story that is told of it.
    pub events: (usize, usize),
    /// The lanes, from left to right.
    pub lanes: Vec<String>,
    /// What happens.
    pub rows: Vec<Row>,
    /// What would have made the difference.
    pub difference: Option<Difference>,
}

/// Tells a trace. One in the whole form is made small first, where that can be done.
pub fn explain(kit: Kit, trace: &Trace) -> Explained {
    let small = match trace.header.follows {
        Follows::Nothing => shrink(kit, trace, MOST).ok().map(|s| s.trace),
        Follows::AtOnce => None,
    };
    let told = small.as_ref().unwrap_or(trace);
    let (outcome, marks) = match told.header.follows {
        Follows::Nothing => (kit.again(told), Vec::new()),
        Follows::AtOnce => follow::marked(kit, told),
    };
    let rows = rows(kit, &outcome.setting, &outcome.trace, &marks);
    let mut lanes = vec!["operators".to_owned()];
    lanes.extend((0..outcome.setting.enactors).map(|e| format!("e{e}")));
    lanes.push("ledger".into());
    for row in &rows {
        if row.lane.starts_with("copy") && !lanes.contains(&row.lane) {
            lanes.push(row.lane.clone());
        }
    }
    lanes.extend((0..outcome.setting.servers.len()).map(|s| format!("ns{s}")));
    lanes.push("clients".into());
    lanes.retain(|l| rows.iter().any(|r| r.lane == *l));
    Explained {
        without: told.header.without.clone(),
        violation: broken(&outcome),
        events: (trace.lines.len(), told.lines.len()),
        lanes,
        rows,
        difference: difference(kit, told),
    }
}

/// What happens in a run, in words.
pub fn rows(kit: Kit, setting: &crate::run::Setting, trace: &[Event], marks: &[Mark]) -> Vec<Row> {
    let mut world = build(kit, setting);
    world.story = Some(Vec::new());
    let mut seen = BTreeMap::new();
    views(&world, &mut seen);
    let mut rows = Vec::new();
    for (index, event) in trace.iter().enumerate() {
        let at = event.at.saturating_sub(DAWN);
        let line = marks.iter().find(|m| m.done == Some(index));
        let line = line.map(|m| m.line + 1);
        let mut lines = Vec::new();
        if let Action::Operate(e, verb) = &event.action {
            lines.push(("operators".into(), words::verb(*e, verb)));
        }
        lines.extend(words::of(event, &world));
        world.act(event);
        let told = world.story.as_mut().map(std::mem::take).unwrap_or_default();
        lines.extend(
            told.into_iter()
                .filter_map(|(lane, what)| words::kept(lane, what)),
        );
        lines.extend(views(&world, &mut seen));
        for held in marks.iter().filter(|m| m.due == Some(index)) {
            lines.extend(words::held(held, &world));
        }
        for (i, (lane, text)) in lines.into_iter().enumerate() {
            // What an event leads to has its number on the first line only.
            let event = line.filter(|_| i == 0);
            rows.push(Row {
                at,
                event,
                lane,
                text,
            });
        }
        if let Some(violation) = &world.oracle.violation {
            let (lane, event) = ("clients".to_owned(), None);
            let text = format!("!! {} is broken: {}", violation.invariant, violation.text);
            rows.push(Row {
                at,
                event,
                lane,
                text,
            });
            break;
        }
    }
    rows
}

/// What clients see anew, server by server and critical name by name.
fn views(world: &World, seen: &mut BTreeMap<(usize, String), String>) -> Vec<(String, String)> {
    let mut news = Vec::new();
    for (i, server) in world.servers.iter().enumerate() {
        for name in &world.policy.critical {
            let view = words::view(&server.served, name);
            let key = (i, name.to_string());
            if seen
                .insert(key, view.clone())
                .is_some_and(|old| old != view)
            {
                let name = words::short(&name.to_string());
                news.push((
                    "clients".to_owned(),
                    format!("{} answers {name} {view}", server.id),
                ));
            }
        }
    }
    news
}
