//! What probers told each enactor, counted again: whoever moves a target has to have been told
//! enough by probers that were not cut off (I8, I9).

use crate::action::E;
use crate::enactor::{Emitted, ToStore};
use crate::overdue::Overdue;
use crate::targets::Round;
use crate::world::World;
use std::collections::BTreeMap;
use std::net::IpAddr;
use steadfast_core::health::{Definitions, Known, Outcome, Slot};
use steadfast_core::ledger::{Entry, Event, Move};
use steadfast_core::time::{Millis, Time};

/// Readings further apart than this are no row: three rounds and the time of one answer.
const HOLE: Millis = Millis(3_500);

/// What one prober told of one target.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    passes: u32,
    /// Failures in a row, but for those while it was known to be cut off.
    fails: u32,
    /// Of them those that nobody can doubt.
    surely: u32,
    /// What it said last with enough in a row: well, or sick.
    leans: Option<bool>,
    last: Option<Time>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    rows: BTreeMap<(E, u8), BTreeMap<Slot, Row>>,
    /// The health generation that each enactor has read to.
    read: BTreeMap<E, u64>,
    /// What its probers could have told for long.
    pub(crate) overdue: Overdue,
}

/// The definitions in this crate all say so.
const FALL: u32 = 2;
const RISE: u32 = 3;

impl Evidence {
    /// An enactor forgets what it was told.
    pub fn crash(&mut self, e: E) {
        self.rows.retain(|(x, _), _| *x != e);
        self.read.remove(&e);
        self.overdue.excuse(e);
    }

    /// A round is told.
    pub fn hears(&mut self, prober: (E, u8), round: &Round) {
        let rows = self.rows.entry(prober).or_default();
        let (now, before) = round.cut_off;
        for (slot, reading) in &round.readings {
            let row = rows.entry(slot.clone()).or_default();
            if row.last.is_some_and(|last| reading.at.since(last) > HOLE) {
                *row = Row::default();
            }
            row.last = Some(reading.at);
            if reading.outcome == Outcome::Pass {
                row.passes += 1;
                (row.fails, row.surely) = (0, 0);
            } else {
                let came_back = reading.outcome == Outcome::Wrong;
                row.passes = 0;
                row.fails += u32::from(came_back || !(now && before));
                row.surely += u32::from(came_back || !now && !before);
            }
            if row.passes >= RISE {
                row.leans = Some(true);
            } else if row.fails >= FALL {
                row.leans = Some(false);
            }
        }
    }

    /// An enactor has read that targets moved: what counts of them comes after that.
    fn restarts(&mut self, e: E, moves: &[Move]) {
        let mine = self.rows.iter_mut().filter(|((x, _), _)| *x == e);
        for (_, rows) in mine {
            for one in moves {
                for target in one.out.iter().chain(&one.back) {
                    let slot = (one.endpoint.clone(), *target);
                    if let Some(row) = rows.get_mut(&slot) {
                        (row.passes, row.fails, row.surely, row.leans) = (0, 0, 0, None);
                    }
                }
            }
        }
    }

    /// An enactor forgets what it was told of targets that no definition has which it knows of: a
    /// configuration without them that lasted for a second is enough. When they return it has yet to
    /// be told, and can't distrust whoever calls them sick because of what it heard before. It knows
    /// of no less than it did: so all that it says has to be warranted as ever.
    fn forgets(&mut self, e: E, known: &Definitions) {
        let mine = self.rows.iter_mut().filter(|((x, _), _)| *x == e);
        for ((name, target), row) in mine.flat_map(|(_, rows)| rows) {
            if known.probed(name, target).is_none() {
                row.surely = 0;
            }
        }
    }

    /// Whether more than half of the probers that an enactor has heard of say so.
    fn most(&self, e: E, slot: &Slot, says: impl Fn(&Row) -> bool) -> bool {
        let mine = self.rows.iter().filter(|((x, _), _)| *x == e);
        let heard = mine.clone().count();
        let say = mine.filter(|(_, rows)| rows.get(slot).is_some_and(&says));
        say.count() * 2 > heard
    }
}

impl World {
    /// Whether the moves that an enactor wants to append follow from what it was told.
    pub(crate) fn warranted(&mut self, e: E, emitted: &Emitted) {
        if self.fleet.is_none() {
            return;
        }
        let Some(enactor) = self.enactors.get_mut(usize::from(e)) else {
            return;
        };
        let Some(life) = enactor.life.as_mut() else {
            return;
        };
        let (health, store) = (life.state().health, enactor.store);
        let outs = life.state().outs().clone();
        let from = self.evidence.read.insert(e, health).unwrap_or(0);
        for known in from + 1..=health {
            let moves = self.oracle.moves(store, known);
            self.evidence.restarts(e, &moves);
        }
        let Ok(known) = life.book().definitions() else {
            return;
        };
        self.evidence.forgets(e, &known);
        let new = enactor.out.iter().rev().take(emitted.to_store);
        let appends = new.filter_map(|ask| match ask {
            ToStore::Append(append) => Some(append),
            ToStore::Tail(_) => None,
        });
        let entries = appends.flat_map(|a| &a.entries);
        let entries = entries.filter_map(|s| serde_json::from_slice::<Entry>(&s.bytes).ok());
        let moved = entries.filter_map(|entry| match entry.event {
            Event::Moved { moves, .. } => Some(moves),
            _ => None,
        });
        let moved: Vec<Move> = moved.flatten().collect();
        for one in moved {
            let Some(known) = known.get(&one.endpoint) else {
                if one.out.is_empty() {
                    continue;
                }
                let text = format!(
                    "e{e} moves targets of {}, which is no endpoint",
                    one.endpoint
                );
                return self.oracle.accuse("I9", text);
            };
            let out = outs.get(&one.endpoint).cloned().unwrap_or_default();
            if let Some((invariant, why)) = self.evidence.against(e, known, &out, &one) {
                let text = format!("e{e} {why} of {}", one.endpoint);
                return self.oracle.accuse(invariant, text);
            }
        }
    }
}

impl Evidence {
    fn against(
        &self,
        e: E,
        known: &Known,
        out: &std::collections::BTreeSet<IpAddr>,
        one: &Move,
    ) -> Option<(&'static str, String)> {
        let slot = |target: &IpAddr| (one.endpoint.clone(), *target);
        let unseen = |t: &&IpAddr| !self.most(e, &slot(t), |row| row.leans == Some(false));
        if let Some(target) = one.out.iter().find(unseen) {
            let why = format!("takes out {target}, which no prober that sees found sick,");
            return Some(("I8", why));
        }
        let defined = |t: &&IpAddr| known.of(t).is_some();
        let unwell = |t: &&IpAddr| !self.most(e, &slot(t), |row| row.leans == Some(true));
        if let Some(target) = one.back.iter().filter(defined).find(unwell) {
            return Some((
                "I9",
                format!("lets {target} back, which nobody found well,"),
            ));
        }
        // Under each definition by itself: the others' targets say nothing about its own.
        for endpoint in known.live() {
            let sick = endpoint.targets.iter().filter(|t| {
                let at = &t.address;
                let stays = out.contains(at) && !one.back.contains(at);
                stays || self.most(e, &slot(at), |row| row.surely >= FALL)
            });
            let (sick, all) = (sick.count(), endpoint.targets.len());
            let loses = one.out.iter().any(|target| endpoint.has(target));
            if loses && sick > 1 && sick * 2 > all {
                let why =
                    format!("believes that {sick} of {all} are sick at once, and takes out some");
                return Some(("I9", why));
            }
        }
        None
    }
}
