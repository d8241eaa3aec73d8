//! Plans: what would change, exactly, in which steps, and the way back.

mod behind;
pub mod compose;
mod make;
mod order;
pub(crate) mod path;
mod steps;

pub use make::{Desired, Form, Held, Planned, Report, plan, plan_of_changes, standing};
pub use steps::{Cut, CutError, OVERHEAD, cut, update_len};

use dns::{Change, Digest, Name};
use serde::{Deserialize, Serialize};

/// The format of plan bodies that this version writes, and the only one it reads.
pub const FORMAT: u32 = 1;

/// Changes and the order in which they travel. Each step is one UPDATE; all changes of one owner
/// name are in one step.
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
        let mut seen = vec![false; self.changes.len()];
        let mut home = std::collections::BTreeMap::<&Name, usize>::new();
        for (step, order) in self.order.iter().enumerate() {
            for i in order {
                let Some(change) = self.changes.get(*i as usize) else {
                    return false;
                };
                if std::mem::replace(&mut seen[*i as usize], true) {
                    return false;
                }
                if *home.entry(change.name()).or_insert(step) != step {
                    return false;
                }
            }
        }
        !self.order.is_empty() && seen.into_iter().all(|s| s)
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
}

impl Plan {
    /// The configuration generation that this plan makes.
    pub fn generation(&self) -> u64 {
        self.parent + 1
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
