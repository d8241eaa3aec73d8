//! The charter: who may approve, and what needs approval.

use super::classes::{Class, Need};
use super::roll::{Roll, RollError, person};
use crate::time::Millis;
use dns::pattern::Pattern;
use dns::{Digest, Name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Approvals live at least as long…
pub(super) const SHORTEST: Millis = Millis::seconds(60);
/// …and at most as long.
pub(super) const LONGEST: Millis = Millis::seconds(30 * 86_400);

/// See the module. It stands in the ledger; what config files say is a proposal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Charter {
    /// The roll of approvers, as its file has it.
    pub signers: String,
    /// Groups of people, by name.
    #[serde(default)]
    pub groups: BTreeMap<String, Vec<String>>,
    /// Classes of changes; every one that matches holds.
    #[serde(default)]
    pub classes: Vec<Class>,
    /// What holds for a change that no class matches.
    pub otherwise: Need,
    /// What a waiver takes: one approval at least.
    pub waiver: Need,
    /// The critical names that classes speak of.
    #[serde(default)]
    pub critical: Vec<Name>,
    /// How long an approval may count.
    pub lifetime: Millis,
}

/// What is wrong with a charter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CharterError {
    /// The roll.
    #[error(transparent)]
    Roll(#[from] RollError),
    /// Too few people for dual control.
    #[error(
        "the roll has {0} people; who may approve changes only when two approve it, so there must be two at least"
    )]
    Few(usize),
    /// Somebody in a group who is not on the roll.
    #[error("{who} of the group {group} is not on the roll")]
    Stranger {
        /// Who.
        who: String,
        /// Of which group.
        group: String,
    },
    /// A class that wants a group that is not there.
    #[error("{what} wants somebody of the group {group}, which is not there")]
    NoGroup {
        /// What wants it.
        what: String,
        /// The group.
        group: String,
    },
    /// More approvals than there are people.
    #[error(
        "{what} needs {wanted} approvals, and {have} people could give one: it could never be approved"
    )]
    Unreachable {
        /// What needs them.
        what: String,
        /// How many.
        wanted: u32,
        /// How many people there are.
        have: usize,
    },
    /// A name pattern that can't be read.
    #[error("{what}: {why}")]
    Pattern {
        /// Which class.
        what: String,
        /// Why.
        why: String,
    },
    /// A waiver for nothing.
    #[error("a waiver takes one approval at least")]
    FreeWaiver,
    /// A lifetime that is none.
    #[error("approvals count for {} s; {} s to {} s are permitted", .0.0 / 1000, SHORTEST.0 / 1000, LONGEST.0 / 1000)]
    Lifetime(Millis),
}

impl Charter {
    /// Its hash: what an approval of a new charter names.
    pub fn digest(&self) -> Digest {
        let bytes = serde_json::to_vec(self)
            .unwrap_or_else(|e| unreachable!("charters have string keys: {e}"));
        Digest::of(&bytes)
    }

    /// The roll.
    ///
    /// # Errors
    /// As [`Roll::parse`].
    pub fn roll(&self) -> Result<Roll, RollError> {
        Roll::parse(&self.signers)
    }

    /// Whether it can be kept: everybody named is there, and everything can be approved.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, zone: &Name) -> Result<(), CharterError> {
        let roll = self.roll()?;
        let people = roll.people();
        if people.len() < 2 {
            return Err(CharterError::Few(people.len()));
        }
        for (group, members) in &self.groups {
            let unknown = |who: &&String| !people.iter().any(|p| person(p) == person(who));
            if let Some(who) = members.iter().find(unknown) {
                let (who, group) = (who.clone(), group.clone());
                return Err(CharterError::Stranger { who, group });
            }
        }
        for class in &self.classes {
            for text in &class.names {
                Pattern::parse(text, zone).map_err(|e| CharterError::Pattern {
                    what: format!("the class {}", class.name),
                    why: format!("{text}: {e}"),
                })?;
            }
            self.reachable(&format!("the class {}", class.name), &class.need, &people)?;
        }
        self.reachable("what no class matches", &self.otherwise, &people)?;
        self.reachable("a waiver", &self.waiver, &people)?;
        if self.waiver.approvals == 0 {
            return Err(CharterError::FreeWaiver);
        }
        if !(SHORTEST..=LONGEST).contains(&self.lifetime) {
            return Err(CharterError::Lifetime(self.lifetime));
        }
        Ok(())
    }

    /// What people on the roll could not approve of each other's plans: whoever proposes one does not
    /// count, so a need takes one person more than it asks for.
    pub fn strained(&self) -> Vec<(String, usize)> {
        let roll = self.roll().unwrap_or_default();
        let people = roll.people();
        let classes = self.classes.iter();
        let classes = classes.map(|c| (format!("the class {}", c.name), &c.need));
        let needs = classes.chain([("what no class matches".to_owned(), &self.otherwise)]);
        let fails = |need: &Need| {
            // Without any one of them, the others have to be enough.
            (0..people.len()).any(|author| {
                let others = people.iter().enumerate().filter(|(n, _)| *n != author);
                let others: Vec<String> = others.map(|(_, who)| (*who).to_owned()).collect();
                !self.satisfies(need, &others)
            })
        };
        let strained = needs.filter(|(_, need)| need.count() > 0 && fails(need));
        strained
            .map(|(what, need)| (what, need.count() as usize))
            .collect()
    }

    fn reachable(&self, what: &str, need: &Need, people: &[&str]) -> Result<(), CharterError> {
        let what = what.to_owned();
        if let Some(group) = need.from.iter().find(|g| !self.groups.contains_key(*g)) {
            let group = group.clone();
            return Err(CharterError::NoGroup { what, group });
        }
        let able: Vec<String> = people
            .iter()
            .filter(|who| self.is_asked(need, who))
            .map(|who| (*who).to_owned())
            .collect();
        let (wanted, have) = (need.count(), able.len());
        match self.satisfies(need, &able) {
            true => Ok(()),
            false => Err(CharterError::Unreachable { what, wanted, have }),
        }
    }

    /// Whether somebody's word counts towards a need: of its groups, or anybody where it names none.
    pub(crate) fn is_asked(&self, need: &Need, who: &str) -> bool {
        need.from.is_empty() || need.from.iter().any(|group| self.is_in(group, who))
    }

    fn is_in(&self, group: &str, who: &str) -> bool {
        let members = self.groups.get(group).map(Vec::as_slice);
        members
            .unwrap_or_default()
            .iter()
            .any(|m| person(m) == person(who))
    }

    /// Whether these distinct people are enough: as many as needed, and for each group one who
    /// stands for no other.
    pub(crate) fn satisfies(&self, need: &Need, have: &[String]) -> bool {
        let asked: Vec<&String> = have.iter().filter(|who| self.is_asked(need, who)).collect();
        asked.len() >= need.approvals as usize && self.stand_for(&need.from, &asked)
    }

    /// Whether each group finds somebody of its own.
    fn stand_for(&self, groups: &[String], people: &[&String]) -> bool {
        let Some((group, others)) = groups.split_first() else {
            return true;
        };
        (0..people.len()).any(|i| {
            let rest = || [&people[..i], &people[i + 1..]].concat();
            self.is_in(group, people[i]) && self.stand_for(others, &rest())
        })
    }
}
