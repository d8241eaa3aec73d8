//! Health that should have moved by now: who is alive, knows the ledger and could see a target all
//! along has to have said how it is, whichever definition that a server answers by has it (I8).

use crate::action::E;
use crate::targets::{Round, number};
use crate::world::World;
use std::collections::BTreeMap;
use std::net::IpAddr;
use steadfast_core::health::Slot;

/// So many rounds of every prober are enough: three make a verdict, and what is decided then has to
/// get into the ledger beside what others append.
const ENOUGH: u32 = 10;
/// Milliseconds from one round that counts to the next, at most.
const HOLE: u64 = 2_500;

/// How long a prober could have seen a target as it is.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// How it is.
    well: bool,
    /// Whether it was out all that time.
    out: bool,
    rounds: u32,
}

/// What one prober could have seen.
#[derive(Clone, Debug, Default)]
struct View {
    rows: BTreeMap<Slot, Row>,
    last: u64,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overdue {
    views: BTreeMap<(E, u8), View>,
}

impl Overdue {
    /// An enactor dies, or nobody can expect anything of it.
    pub(crate) fn excuse(&mut self, e: E) {
        self.views.retain(|(x, _), _| *x != e);
    }

    /// Whether every prober of an enactor could have seen for long enough that a target is so.
    fn is_certain(&self, (e, probers): (E, u8), slot: &Slot, well: bool) -> bool {
        (0..probers).all(|p| {
            let view = self.views.get(&(e, p));
            let row = view.and_then(|v| v.rows.get(slot));
            row.is_some_and(|row| row.well == well && row.rounds >= ENOUGH)
        })
    }
}

impl World {
    /// Whether an enactor knows the ledger's end and gets into it what it wants there.
    fn may_be_expected(&self, e: E) -> bool {
        let end = self.oracle.state(0).map(|s| s.last);
        let takes = self.stores.first().is_some_and(|store| !store.full);
        let able = self.enactors.get(usize::from(e)).is_some_and(|x| {
            let known = x.life.as_ref().map(|l| l.state().last);
            // While it waits for the store it decides nothing.
            let waits = !x.out.is_empty() || !x.back.is_empty();
            x.store == 0 && known == end && !x.failed && !waits
        });
        takes && able
    }

    /// A prober has told of a round.
    pub(crate) fn overdue(&mut self, prober: (E, u8), round: &Round) {
        let (e, now) = (prober.0, self.now);
        if !self.may_be_expected(e) || self.oracle.holds_still(now) {
            return self.evidence.overdue.excuse(e);
        }
        let slots = self.oracle.answered_by();
        let view = self.evidence.overdue.views.entry(prober).or_default();
        if round.at.saturating_sub(view.last) > HOLE || round.cut_off.0 || round.cut_off.1 {
            view.rows.clear();
        }
        view.last = round.at;
        view.rows.retain(|slot, _| slots.contains(slot));
        for slot in &slots {
            let n = number(slot.1);
            if round.hidden.contains(&n) {
                view.rows.remove(slot);
                continue;
            }
            let (well, out) = (!round.sick.contains_key(&n), self.oracle.is_out(slot));
            let fresh = Row {
                well,
                out,
                rounds: 0,
            };
            let row = view.rows.entry(slot.clone()).or_insert(fresh);
            if (row.well, row.out) != (well, out) {
                *row = fresh;
            }
            row.rounds += 1;
        }
        let mine = (e, self.fleet.probers);
        let fault = slots.iter().find_map(|slot| {
            let well = !round.sick.contains_key(&number(slot.1));
            let certain = self.evidence.overdue.is_certain(mine, slot, well);
            let sick = |t: &IpAddr| {
                let slot = (slot.0.clone(), *t);
                !self.evidence.overdue.is_certain(mine, &slot, true)
            };
            certain
                .then(|| self.oracle.misplaced(now, slot, well, sick))
                .flatten()
        });
        if let Some(text) = fault {
            let text = format!("{text}, as e{e} could see for {ENOUGH} rounds");
            self.oracle.accuse("I8", text);
        }
    }
}
