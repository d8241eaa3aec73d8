//! Plans: what would change, exactly, in which steps, and the way back.

mod behind;
pub mod compose;
mod make;
pub(crate) mod near;
mod order;
pub(crate) mod path;
mod steps;

pub use make::{Desired, Form, Held, Planned, Report, plan, plan_of_changes, standing};
pub(crate) use steps::cut_configured;
pub use steps::{Cut, CutError, OVERHEAD, cut, update_len};

use crate::rollout::Stage;
use dns::{Change, Digest, Name};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// The format of plan bodies that this version writes, and the only one it reads.
pub const FORMAT: u32 = 1;

/// Changes and the order in which they travel. Each step is one UPDATE; all changes of one owner
/// name are in one step. Only a course may take apart what some servers can't do at once: what goes
/// at an owner in one step, and in a later one what comes there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Steps {
    /// All changes, in canonical order of owner and type, each pair once.
    pub changes: Vec<Change>,
    /// For each step the positions in `changes` of what it does. At least one step, which may be
    /// empty: it moves the marker and nothing else.
    pub order: Vec<Vec<u32>>,
}

impl Steps {
    /// How many steps there are.
    pub fn count(&self) -> u32 {
        self.order.len() as u32
    }

    /// The changes of step `n`, counted from 1.
    pub fn step(&self, n: u32) -> impl Iterator<Item = &Change> + Clone {
        let at = (n as usize).checked_sub(1);
        let order = at
            .and_then(|at| self.order.get(at))
            .map(Vec::as_slice)
            .unwrap_or_default();
        order.iter().filter_map(|i| self.changes.get(*i as usize))
    }

    /// Whether each change is in exactly one step and all changes of an owner travel together.
    pub fn is_sound(&self) -> bool {
        self.is_in_order(false)
    }

    /// The same for a course, where at an owner everything may go first, and the rest come later.
    pub fn is_sound_apart(&self) -> bool {
        self.is_in_order(true)
    }

    fn is_in_order(&self, apart: bool) -> bool {
        let Some(owners) = self.owners() else {
            return false;
        };
        let mut seen = vec![false; self.changes.len()];
        // For each owner its step, and whether everything in it goes.
        let mut home: Vec<Option<(usize, bool)>> = vec![None; self.changes.len()];
        for (step, order) in self.order.iter().enumerate() {
            for i in order {
                let Some(change) = self.changes.get(*i as usize) else {
                    return false;
                };
                if std::mem::replace(&mut seen[*i as usize], true) {
                    return false;
                }
                let (goes, comes) = (change.after().is_none(), change.before().is_none());
                let (last, all_go) = home[owners[*i as usize]].get_or_insert((step, true));
                if *last != step && !(apart && *all_go && comes) {
                    return false;
                }
                (*last, *all_go) = (step, *all_go && goes);
            }
        }
        !self.order.is_empty() && seen.into_iter().all(|s| s)
    }

    /// For each change a number of its owner. `None`: they are in no canonical order.
    fn owners(&self) -> Option<Vec<usize>> {
        let mut owner = 0;
        let mut owners = Vec::with_capacity(self.changes.len());
        let mut last: Option<&Change> = None;
        for change in &self.changes {
            if let Some(last) = last {
                match last.name().cmp(change.name()) {
                    Ordering::Less => owner += 1,
                    Ordering::Equal if last.rtype() < change.rtype() => {}
                    _ => return None,
                }
            }
            owners.push(owner);
            last = Some(change);
        }
        Some(owners)
    }

    /// These steps and then those. `None`: something would change twice.
    pub(crate) fn then(self, next: Steps) -> Option<Steps> {
        let first = self.changes.len() as u32;
        let shifted = next.order.into_iter();
        let shifted = shifted.map(|step| step.into_iter().map(|i| i + first).collect::<Vec<u32>>());
        let order: Vec<Vec<u32>> = self.order.into_iter().chain(shifted).collect();
        let mut changes: Vec<(u32, Change)> = (0..).zip(self.changes).collect();
        changes.extend((first..).zip(next.changes));
        let key = |(_, c): &(u32, Change)| (c.name().clone(), c.rtype());
        changes.sort_by_cached_key(key);
        if changes
            .windows(2)
            .any(|pair| key(&pair[0]) == key(&pair[1]))
        {
            return None;
        }
        let mut place = vec![0; changes.len()];
        for (at, (was, _)) in (0..).zip(&changes) {
            place[*was as usize] = at;
        }
        let moved = |step: Vec<u32>| {
            let mut step: Vec<u32> = step.into_iter().map(|i| place[i as usize]).collect();
            step.sort_unstable();
            step
        };
        Some(Steps {
            order: order.into_iter().map(moved).collect(),
            changes: changes.into_iter().map(|(_, change)| change).collect(),
        })
    }
}

/// Why a plan was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// New content from its source.
    Change,
    /// Older content as a new generation.
    Rollback {
        /// The configuration generation whose content returns.
        to: u64,
    },
    /// A foreign edit, taken into the configuration.
    KeepDrift,
}

/// A plan. Immutable; its hash is that of its stored bytes, and leaves nothing to choose.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT`].
    pub format: u32,
    /// The zone.
    pub zone: Name,
    /// The configuration generation that this plan follows. Its own is one more.
    pub parent: u64,
    /// Why.
    pub purpose: Purpose,
    /// Digest of the owned content it starts from.
    pub base: Digest,
    /// Digest of the owned content it leads to.
    pub result: Digest,
    /// What changes, and in which order.
    pub steps: Steps,
    /// The way back: the order of the inverse changes, as positions in `steps.changes`.
    pub back: Vec<Vec<u32>>,
    /// The stages that it goes out in; none: everywhere at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
}

impl Plan {
    /// The configuration generation that this plan makes.
    pub fn generation(&self) -> u64 {
        self.parent + 1
    }

    /// The same plan for another reason. What was there before goes everywhere at once: it was
    /// looked at when it was new.
    pub fn made_for(self, purpose: Purpose) -> Plan {
        let mut stages = self.stages;
        if matches!(purpose, Purpose::Rollback { .. }) {
            stages.clear();
        }
        Plan {
            purpose,
            stages,
            ..self
        }
    }

    /// The way back as steps of its own.
    pub fn rollback(&self) -> Steps {
        let changes = self.steps.changes.iter().map(Change::inverse).collect();
        Steps {
            changes,
            order: self.back.clone(),
        }
    }
}
