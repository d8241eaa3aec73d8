//! Every state that would be served: after each step, at the end, and on the way back.

use super::need::Need;
use super::walk::{Health, Item, Walk};
use super::{Judged, Moment, pointers};
use crate::plan::Steps;
use crate::plan::path::{At, Path};
use dns::Name;

/// What became of the items along the way.
pub(super) struct States {
    pub(super) items: Vec<Item>,
    pub(super) before: Vec<Health>,
    pub(super) end: Vec<Health>,
    pub(super) needs: Vec<Need>,
    /// Where an item lacks what it needs: the end if it does there, else the first step, else the
    /// first on the way back.
    pub(super) faults: Vec<Fault>,
}

/// An item that lacks what it needs.
pub(super) struct Fault {
    /// Which item.
    pub(super) item: usize,
    /// In which state.
    pub(super) moment: Moment,
    /// How it stands there.
    pub(super) health: Health,
}

pub(super) fn walk(judged: &Judged<'_>) -> States {
    let case = judged.case;
    let critical = case.policy.critical.iter().cloned().map(Item::Critical);
    let mut items: Vec<Item> = critical.collect();
    items.extend(pointers::affected(judged.forth));
    let count = items.len();
    let mut walk = Walk::new(judged.forth, items.clone());
    let before = walk.health().to_vec();
    let needs: Vec<Need> = before.iter().map(Need::of).collect();
    let mut first = vec![None; count];
    collect(&mut walk, case.steps, &needs, &mut first);
    let end = walk.health().to_vec();
    let mut faults: Vec<Fault> = Vec::new();
    for (item, health) in end.iter().enumerate() {
        let (moment, health) = match first[item].take() {
            _ if !needs[item].is_met(health) => (Moment::End, health.clone()),
            Some((n, health)) => (step(n, case.steps.count()), health),
            None => continue,
        };
        faults.push(Fault {
            item,
            moment,
            health,
        });
    }
    if let (Some(path), Some(steps)) = (judged.back, case.back) {
        let bad = |i: usize| faults.iter().any(|f| f.item == i);
        let mut first = vec![None; count];
        let mut walk = Walk::new(path, items.clone());
        collect(&mut walk, steps, &needs, &mut first);
        let of = steps.count();
        let back = first.into_iter().enumerate().filter_map(|(item, first)| {
            let (n, health) = first.filter(|_| !bad(item))?;
            let moment = Moment::Back { n, of };
            Some(Fault {
                item,
                moment,
                health,
            })
        });
        let back: Vec<Fault> = back.collect();
        faults.extend(back);
    }
    States {
        items,
        before,
        end,
        needs,
        faults,
    }
}

/// Notes for each item the first step after which it lacks what it needs.
fn collect(
    walk: &mut Walk<'_, '_>,
    steps: &Steps,
    needs: &[Need],
    first: &mut [Option<(u32, Health)>],
) {
    for n in 1..=steps.count() {
        let mut touched: Vec<&Name> = steps.step(n).map(dns::Change::name).collect();
        touched.dedup();
        for i in walk.advance(n, touched) {
            let health = &walk.health()[i];
            if first[i].is_none() && !needs[i].is_met(health) {
                first[i] = Some((n, health.clone()));
            }
        }
    }
}

fn step(n: u32, of: u32) -> Moment {
    if n == of {
        Moment::End
    } else {
        Moment::Step { n, of }
    }
}

impl<'j> Judged<'j> {
    /// The state at a moment; of the plan as a whole, its end.
    pub(super) fn state(&self, moment: Moment) -> At<'j, 'j> {
        let end = |path: &'j Path<'j>| path.end();
        match (moment, self.back) {
            (Moment::Step { n, .. }, _) => self.forth.at(n),
            (Moment::Back { n, .. }, Some(back)) => back.at(n),
            _ => end(self.forth),
        }
    }
}

/// The moment in words, for the middle of a sentence.
pub(super) fn when(moment: Moment) -> String {
    match moment {
        Moment::Plan | Moment::End => "at the end".into(),
        Moment::Step { n, of } => format!("after step {n} of {of}"),
        Moment::Back { n, of } => format!("after step {n} of {of} of the way back"),
    }
}
