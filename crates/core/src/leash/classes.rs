//! Classes: what a change does, and whose word it needs.

use super::charter::Charter;
use crate::ledger::State;
use crate::plan::{Plan, Purpose};
use crate::policy::Limit;
use dns::pattern::Pattern;
use dns::{Change, Name, Rtype};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How many people must approve, and of which groups.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Need {
    /// So many distinct people, the author not among them.
    pub approvals: u32,
    /// They are of these groups, and of each there is one who stands for no other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
}

impl Need {
    /// How many people it takes: never fewer than groups.
    pub fn count(&self) -> u32 {
        self.approvals.max(self.from.len() as u32)
    }

    /// What satisfies both.
    fn and(&mut self, other: &Need) {
        self.approvals = self.approvals.max(other.approvals);
        for group in &other.from {
            if !self.from.contains(group) {
                self.from.push(group.clone());
            }
        }
    }
}

/// Who makes a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Author {
    /// Somebody at a terminal, or a program that runs as them.
    Person,
    /// Automation that hands changes in.
    Gateway,
}

impl Author {
    /// Who the ledger says it was: gateways sign entries as `gateway:NAME`.
    pub fn of(by: &str) -> Author {
        match by.starts_with("gateway:") {
            true => Author::Gateway,
            false => Author::Person,
        }
    }
}

/// A class of changes. A change is in it when all that is said here holds for it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Of one of these types; none said: of any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<Rtype>,
    /// At a name that one of these patterns takes; none said: at any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Whether the answer of a critical name comes from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<bool>,
    /// Whether it deletes an RRset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletes: Option<bool>,
    /// Of a plan that touches more RRsets than this, `(count, share in parts per million)`; where
    /// both are said, than the smaller one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<(Option<u32>, Option<u32>)>,
    /// Of a plan that somebody of this sort made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    /// Whether it is about rollbacks, and nothing else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rollback: bool,
    /// What it needs.
    pub need: Need,
}

/// What a plan needs, and because of which classes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Demand {
    /// What.
    pub need: Need,
    /// The classes that say so, each once, in the charter's order; none: no class matched.
    pub classes: Vec<String>,
}

/// What a class looks at besides the change itself.
struct Sight<'a> {
    charter: &'a Charter,
    zone: &'a Name,
    count: usize,
    owned: usize,
    author: Author,
    rollback: bool,
}

impl Charter {
    /// What a plan by `by` needs. Each change is looked at by itself: what no class matches needs
    /// what the charter says otherwise, and the whole plan what the strictest of its changes need,
    /// taken together. `owned` is the number of owned RRsets before it.
    ///
    /// A rollback to content that the ledger itself has as a former configuration was approved
    /// before: it needs nothing but what a class says of rollbacks.
    pub fn demand(&self, plan: &Plan, by: &str, state: &State, owned: usize) -> Demand {
        let rollback = is_return(plan, state);
        let sight = Sight {
            charter: self,
            zone: &plan.zone,
            count: plan.steps.changes.len(),
            owned,
            author: Author::of(by),
            rollback,
        };
        let classes: Vec<(&Class, Vec<Pattern>)> = self
            .classes
            .iter()
            .filter(|c| c.rollback == rollback)
            .map(|c| (c, patterns(c, &plan.zone)))
            .collect();
        let mut hit = BTreeSet::new();
        let mut need = Need::default();
        for change in &plan.steps.changes {
            let mut matched = false;
            for (i, (class, patterns)) in classes.iter().enumerate() {
                if sight.is_in(class, patterns, change) {
                    matched = true;
                    if hit.insert(i) {
                        need.and(&class.need);
                    }
                }
            }
            if !matched && !rollback {
                need.and(&self.otherwise);
            }
        }
        if plan.steps.changes.is_empty() && !rollback {
            need.and(&self.otherwise);
        }
        // Only those that say how it came to this.
        let strict = |i: &usize| classes.get(*i).filter(|(c, _)| c.need.count() > 0);
        let names = hit.iter().filter_map(strict).map(|(c, _)| c.name.clone());
        Demand {
            need,
            classes: names.collect(),
        }
    }
}

/// Whether a plan leads back to what the ledger says was the zone's configuration.
fn is_return(plan: &Plan, state: &State) -> bool {
    let Purpose::Rollback { to } = plan.purpose else {
        return false;
    };
    let was = state.generations.get(&to);
    was.is_some_and(|g| g.result == plan.result)
}

/// A pattern that can't be read takes everything: a charter is checked before it is in force, and
/// a class that is not understood must not be looser for it.
fn patterns(class: &Class, zone: &Name) -> Vec<Pattern> {
    let read = |text: &String| Pattern::parse(text, zone).or_else(|_| Pattern::parse("**", zone));
    class.names.iter().filter_map(|t| read(t).ok()).collect()
}

impl Sight<'_> {
    fn is_in(&self, class: &Class, names: &[Pattern], change: &Change) -> bool {
        let name = change.name();
        let typed = class.types.is_empty() || class.types.contains(&change.rtype());
        let named = names.is_empty() || names.iter().any(|p| p.matches(name));
        let deletes = change.after().is_none();
        typed
            && named
            && class.critical.is_none_or(|c| c == self.is_critical(change))
            && class.deletes.is_none_or(|d| d == deletes)
            && class.author.is_none_or(|a| a == self.author)
            && class.rollback == self.rollback
            && class.above.is_none_or(|(count, share_ppm)| {
                self.count > Limit { count, share_ppm }.allows(self.owned)
            })
    }

    /// Whether a critical name is answered from there: it is the name, a cut or redirection above
    /// it, or a wildcard that could stand for it.
    fn is_critical(&self, change: &Change) -> bool {
        let (name, rtype) = (change.name(), change.rtype());
        let above = matches!(rtype, Rtype::NS | Rtype::DNAME) && name != self.zone;
        let parent = name.parent().filter(|_| name.is_wildcard());
        self.charter.critical.iter().any(|critical| {
            critical == name
                || above && critical.is_under(name)
                || parent.as_ref().is_some_and(|p| critical.is_under(p))
        })
    }
}
