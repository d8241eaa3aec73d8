//! The leash's part of the state: the charter in force, those proposed, and approvals.

use super::entry::{Entry, Event};
use crate::leash::{Approves, Charter, Statement};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Somebody's approval. That it is here says nothing of whether it counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Approval {
    /// What was signed.
    pub statement: Statement,
    /// Whose it is said to be, as the roll has them.
    pub who: String,
    /// The key's fingerprint.
    pub key: String,
    /// The signature in its armour.
    pub signature: String,
}

/// An approval and when it came in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Given {
    /// It.
    pub approval: Approval,
    /// The entry.
    pub seq: u64,
    /// When.
    pub at: Time,
}

/// A charter, and the entry that says it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Chartered {
    /// It.
    pub charter: Charter,
    /// The entry.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
}

/// See the module.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LeashState {
    /// The charter in force; `None`: nothing needs approval.
    pub charter: Option<Arc<Chartered>>,
    /// Charters proposed, by number.
    pub reforms: BTreeMap<u64, Arc<Chartered>>,
    /// Approvals of what is proposed, by number, in the ledger's order.
    pub approvals: BTreeMap<u64, Vec<Arc<Given>>>,
    /// Signatures that ask for break-glass, since the last plan was cleared, in the ledger's order.
    #[serde(default)]
    pub glass: Vec<Arc<Given>>,
    /// Fingerprints of keys that were on an earlier roll, and are on none since.
    pub former: BTreeSet<String>,
}

impl LeashState {
    /// The entry of the charter in force; 0: there is none.
    pub fn charter_seq(&self) -> u64 {
        self.charter.as_ref().map_or(0, |c| c.seq)
    }

    /// The approvals of a number.
    pub fn approvals_of(&self, number: u64) -> impl Iterator<Item = &Given> {
        self.approvals
            .get(&number)
            .into_iter()
            .flatten()
            .map(Arc::as_ref)
    }

    pub(super) fn fold(&mut self, entry: &Entry) {
        let chartered = |charter: &Charter| {
            Arc::new(Chartered {
                charter: charter.clone(),
                seq: entry.seq,
                at: entry.at,
                by: entry.by.clone(),
            })
        };
        match &entry.event {
            Event::Approved(approval) => {
                let (approval, seq, at) = (approval.as_ref().clone(), entry.seq, entry.at);
                let given = Arc::new(Given { approval, seq, at });
                match given.approval.statement.approves {
                    Approves::BreakGlass { .. } => self.glass.push(given),
                    _ => {
                        let number = given.approval.statement.number;
                        self.approvals.entry(number).or_default().push(given);
                    }
                }
            }
            Event::CharterProposed { number, charter } => {
                self.reforms.insert(*number, chartered(charter));
            }
            Event::Governed { charter, .. } => self.governed(chartered(charter)),
            Event::Cleared { number, .. } => {
                self.approvals.remove(number);
                self.glass.clear();
            }
            _ => {}
        }
    }

    fn governed(&mut self, new: Arc<Chartered>) {
        let keys = |charter: &Charter| {
            let roll = charter.roll().unwrap_or_default().keys.into_iter();
            roll.map(|k| k.fingerprint).collect::<BTreeSet<String>>()
        };
        if let Some(old) = &self.charter {
            self.former.extend(keys(&old.charter));
        }
        let now = keys(&new.charter);
        self.former.retain(|key| !now.contains(key));
        // What else was proposed followed the charter that is gone.
        for number in std::mem::take(&mut self.reforms).into_keys() {
            self.approvals.remove(&number);
        }
        self.charter = Some(new);
    }

    /// Forgets approvals of what is not proposed any more.
    pub(super) fn forget(&mut self, proposed: impl Fn(u64) -> bool) {
        let reforms = &self.reforms;
        self.approvals
            .retain(|n, _| proposed(*n) || reforms.contains_key(n));
    }
}
