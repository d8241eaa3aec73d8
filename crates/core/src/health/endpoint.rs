//! Endpoints: names that are served from health-checked targets.

use super::Check;
use crate::time::Millis;
use dns::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A name whose addresses follow the health of its targets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Endpoint {
    /// The owner of its A and AAAA RRsets.
    pub name: Name,
    /// Which of the targets that are in are answered.
    pub answer: Answer,
    /// TTL in seconds.
    pub ttl: u32,
    /// What is answered at least, whatever the checks say.
    pub floor: Floor,
    /// How fast targets may be taken out.
    pub velocity: Velocity,
    /// What its targets are asked.
    pub check: Check,
    /// How often they are asked, and what follows from how many answers.
    pub cadence: Cadence,
    /// No address twice.
    pub targets: Vec<Target>,
}

/// Which targets are answered of those that are in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// All of them.
    AllHealthy,
    /// Those of the best priority; of the next ones too, until the floor is reached.
    Failover,
}

/// What is answered at least.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Floor {
    /// Targets; at least 1.
    pub targets: usize,
    /// Regions; at least 1.
    pub regions: usize,
}

/// At most so many targets are taken out in any window of this length. At least 1: a limit that
/// can never permit a withdrawal is refused when the config is read (I9).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Velocity {
    /// How many targets.
    pub targets: usize,
    /// The window.
    pub per: Millis,
}

/// How a target is probed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cadence {
    /// From one probe to the next.
    pub interval: Millis,
    /// A probe without an answer by then has failed.
    pub timeout: Millis,
    /// So many failures in a row make a target sick; at least 1.
    pub fall: u32,
    /// So many successes in a row make it well; at least 1.
    pub rise: u32,
}

/// One target.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Target {
    /// What the name resolves to.
    pub address: IpAddr,
    /// Where it is.
    pub region: String,
    /// Smaller goes first, where the answer is failover.
    pub priority: u32,
}

impl Cadence {
    /// How old a reading may be and still say something: three probes missed in a row are no news.
    pub fn fresh_for(&self) -> Millis {
        Millis(
            self.interval
                .0
                .saturating_mul(3)
                .saturating_add(self.timeout.0),
        )
    }
}

impl Endpoint {
    /// Every target's address.
    pub fn all(&self) -> BTreeSet<IpAddr> {
        self.targets.iter().map(|t| t.address).collect()
    }

    /// Whether it has this target.
    pub fn has(&self, target: &IpAddr) -> bool {
        self.targets.iter().any(|t| t.address == *target)
    }

    /// The addresses answered when all but these are in: maybe none.
    pub fn answered_without(&self, out: &BTreeSet<IpAddr>) -> BTreeSet<IpAddr> {
        let inside = self.all().difference(out).copied().collect();
        self.answered(&inside)
    }

    /// The addresses answered when these are in. A pure function: every enactor and every server
    /// comes to the same.
    pub fn answered(&self, inside: &BTreeSet<IpAddr>) -> BTreeSet<IpAddr> {
        let here = |t: &&Target| inside.contains(&t.address);
        let mut targets: Vec<&Target> = self.targets.iter().filter(here).collect();
        match self.answer {
            Answer::AllHealthy => targets.into_iter().map(|t| t.address).collect(),
            Answer::Failover => {
                targets.sort_by_key(|t| t.priority);
                let mut answered = Vec::new();
                for target in targets {
                    let next_level = answered
                        .last()
                        .is_some_and(|last: &&Target| last.priority != target.priority);
                    if next_level && self.suffices(answered.iter().copied()) {
                        break;
                    }
                    answered.push(target);
                }
                answered.into_iter().map(|t| t.address).collect()
            }
        }
    }

    /// Whether these addresses, answered, stay above every floor: targets, regions, and an address
    /// of each family that the endpoint has, since a client of one family has no use for the other
    /// (I3).
    pub fn is_above_floor(&self, answered: &BTreeSet<IpAddr>) -> bool {
        let there = |t: &&Target| answered.contains(&t.address);
        self.suffices(self.targets.iter().filter(there))
    }

    fn suffices<'a>(&self, answered: impl Iterator<Item = &'a Target> + Clone) -> bool {
        let regions: BTreeSet<&str> = answered.clone().map(|t| t.region.as_str()).collect();
        let family = |v4: bool| {
            let has = |t: &Target| t.address.is_ipv4() == v4;
            !self.targets.iter().any(has) || answered.clone().any(has)
        };
        answered.clone().count() >= self.floor.targets
            && regions.len() >= self.floor.regions
            && family(true)
            && family(false)
    }
}
