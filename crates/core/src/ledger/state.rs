//! The state of a zone: what the fold of its ledger knows.

use super::entry::{Act, Decision, Expect, HaltKind, Origin, ServerId};
use super::health::HealthState;
use super::leash::LeashState;
use super::rollout::Stages;
use crate::gate::CLOCK_TOLERANCE;
use crate::marker::{Holding, LedgerId, Marker};
use crate::time::{Millis, Time};
use dns::{Digest, Name, RRset, Rtype};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A zone's state. Made by folding its ledger, and by nothing else. What grows with the ledger is
/// shared between copies.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Number of the last entry.
    pub last: u64,
    /// Hash of the last entry.
    pub last_hash: Digest,
    /// The latest time that any entry carries.
    pub last_at: Time,
    /// The ledger's id; zero before the zone is adopted.
    pub ledger: LedgerId,
    /// The zone; `None` before it is adopted.
    pub zone: Option<Name>,
    /// The entry that adopted the zone last.
    pub adopted_at: u64,
    /// Whether the marker is to be removed.
    pub released: bool,
    /// The configuration generation that servers are brought to, those that wait for their stage
    /// later; see [`State::goal`].
    pub configuration: u64,
    /// The health generation.
    pub health: u64,
    /// Which targets are out, now and where servers still hold an earlier health generation.
    #[serde(default)]
    pub endpoints: HealthState,
    /// The recorded content that later plans build on, and the generation it is of.
    pub content: (Digest, u64),
    /// Digest of the owned content of the present configuration.
    pub result: Digest,
    /// Generations that can be returned to, oldest first.
    pub generations: BTreeMap<u64, Arc<Generation>>,
    /// Plans proposed and not cleared, by number.
    pub proposals: BTreeMap<u64, Proposal>,
    /// The charter, and approvals of what is proposed.
    #[serde(default)]
    pub leash: LeashState,
    /// Number of the last plan.
    pub last_number: u64,
    /// The freeze, if there is one.
    pub frozen: Option<Freeze>,
    /// The servers.
    pub servers: BTreeMap<ServerId, Arc<ServerState>>,
    /// How many writes servers refused.
    pub refused: u64,
    /// Which configuration is on its way through stages, and which are known as good.
    #[serde(default)]
    pub stages: Stages,
}

/// A configuration generation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Generation {
    /// The plan that made it; `None` for adopted content.
    pub plan: Option<Digest>,
    /// The plan's number.
    pub number: u64,
    /// The entry that cleared it.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// Who cleared it.
    pub by: String,
    /// Who proposed its plan; empty for adopted content.
    #[serde(default)]
    pub proposed_by: String,
    /// Digest of its owned content.
    pub result: Digest,
}

/// A plan that waits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proposal {
    /// Its hash.
    pub plan: Digest,
    /// The configuration generation it follows.
    pub parent: u64,
    /// The entry.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
}

/// A freeze of the zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Freeze {
    /// The operator's words.
    pub reason: String,
    /// Who.
    pub by: String,
    /// Since which entry.
    pub seq: u64,
    /// Since when.
    pub at: Time,
    /// When it ends by itself.
    pub until: Option<Time>,
}

/// A write that was decided, and when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// What.
    pub decision: Decision,
    /// When: the time that the write is signed with.
    pub at: Time,
}

/// A foreign edit that stands on a server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Drift {
    /// The owner.
    pub name: Name,
    /// The type.
    pub rtype: Rtype,
    /// What was found; `None`: nothing.
    pub found: Option<RRset>,
    /// Whether a person decided that the recorded value shall be put back.
    pub overwrite: bool,
}

/// Why nothing is written to a server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Halt {
    /// Which sort of doubt it is.
    #[serde(default)]
    pub kind: HaltKind,
    /// What is doubtful.
    pub reason: String,
    /// The one command that repairs it.
    pub fix: String,
    /// Since which entry.
    pub seq: u64,
}

/// What the ledger knows of one server.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ServerState {
    /// What adoption found there.
    pub origin: Origin,
    /// The last write that was read back there; `None` until the first marker stands.
    pub verified: Option<u64>,
    /// Every write decided for it that may still matter, by entry.
    pub decisions: BTreeMap<u64, Arc<Decided>>,
    /// Foreign edits.
    pub drift: Vec<Drift>,
    /// Why nothing is written there.
    pub halted: Option<Halt>,
    /// Set when it was restored from a backup, until the repair was read back: the entry whose
    /// marker it came back with.
    pub restored: Option<u64>,
    /// The entry that said so. Writes decided before it are no repair, though the backup's marker be
    /// the one that they expect: its followers may have had their serials (I2).
    #[serde(default)]
    pub restored_at: u64,
    /// The latest time of a write that was read back there: the server's clock agreed with it, so
    /// it is what the ledger knows of the time.
    #[serde(default)]
    pub taken_at: Option<Time>,
    /// The highest SOA serial read there.
    pub serial: Option<u32>,
    /// Whether the marker was removed there.
    pub released: bool,
}

impl Decided {
    /// Until when the write may be sent.
    pub fn expires(&self) -> Time {
        self.at + self.decision.deadline
    }

    /// From when on no server accepts the write, by anybody's clock: servers count whole seconds
    /// (RFC 8945 §5.2.3), and theirs may differ from the clock of who looks, as that of who decided
    /// may from the ledger's.
    pub fn is_over_at(&self) -> Time {
        self.expires() + Millis::seconds(1) + CLOCK_TOLERANCE
    }
}

impl ServerState {
    /// What the server holds, as far as it was read back.
    pub fn holding(&self) -> Option<&Holding> {
        self.verified
            .and_then(|seq| self.decisions.get(&seq))
            .map(|d| &d.decision.holding)
    }

    /// What the next write there expects.
    pub fn expect(&self) -> Expect {
        match (self.verified, &self.origin.marker) {
            (Some(seq), _) => Expect::Ours(seq),
            (None, Some(text)) => Expect::Foreign(text.clone()),
            (None, None) => Expect::Absent,
        }
    }

    /// What is surely past by `now`, a clock that nobody vouches for: no more than what this server
    /// has taken.
    pub fn surely(&self, now: Time) -> Time {
        self.taken_at.unwrap_or_default().min(now)
    }

    /// Writes that the server would still accept: they expect what stands, and are not too late.
    pub fn open(&self, now: Time) -> impl Iterator<Item = (u64, &Decided)> {
        let expect = self.expect();
        self.decisions
            .iter()
            .filter(move |(_, d)| d.decision.expect == expect && now <= d.is_over_at())
            .map(|(seq, d)| (*seq, d.as_ref()))
    }

    /// Whether the server is wholly at `configuration` and nothing waits to be put back.
    pub fn is_whole_at(&self, configuration: u64) -> bool {
        self.restored.is_none()
            && !self.drift.iter().any(|d| d.overwrite)
            && self
                .holding()
                .is_some_and(|h| h.is_whole() && h.configuration == configuration)
    }

    /// Whether what it answers for endpoints is that of the health generation `health`.
    pub fn follows(&self, health: u64) -> bool {
        let there = |h: &Holding| h.health == health && h.ahead.is_none();
        self.holding().is_some_and(there)
    }

    /// Drift at an owner.
    pub fn drift_at(&self, name: &Name) -> impl Iterator<Item = &Drift> {
        self.drift.iter().filter(move |d| &d.name == name)
    }
}

impl State {
    /// Whether the zone is under this ledger.
    pub fn is_adopted(&self) -> bool {
        self.zone.is_some() && !self.released
    }

    /// The marker that a decided write leaves behind.
    pub fn marker(&self, seq: u64, decision: &Decision) -> Marker {
        Marker::new(self.ledger, seq, &decision.holding)
    }

    /// The freeze in force.
    pub fn freeze(&self, now: Time) -> Option<&Freeze> {
        self.frozen
            .as_ref()
            .filter(|f| f.until.is_none_or(|until| now < until))
    }

    /// Whether writes that were called off could still be accepted somewhere, and until when.
    ///
    /// Called off is every write that would lead elsewhere than to the present configuration or
    /// health, or any at all while the zone is frozen or released (I14).
    pub fn revoking(&self, now: Time) -> Option<Time> {
        self.revoking_while(now, self.freeze(now).is_some())
    }

    /// The same where a file may say that the zone is frozen.
    pub fn revoking_while(&self, now: Time, frozen: bool) -> Option<Time> {
        let off = |id: &ServerId, d: &Decided| {
            let to = &d.decision.holding;
            let elsewhere = match d.decision.act {
                Act::Move { .. } => to.ahead.map_or(to.health, |ahead| ahead.health) != self.health,
                Act::Step if self.is_stuck() => true,
                _ => to.configuration != self.goal(id),
            };
            frozen && d.decision.act.changes_data() || elsewhere
        };
        let servers = self.servers.iter();
        let open = servers.flat_map(|(id, s)| s.open(now).map(move |(_, d)| (id, d)));
        open.filter(|(id, d)| off(id, d))
            .map(|(_, d)| d.is_over_at())
            .max()
    }

    /// Servers that are not wholly where they are meant to be.
    pub fn behind(&self) -> impl Iterator<Item = &ServerId> {
        self.servers.keys().filter(|id| !self.is_whole(id))
    }

    /// Whether a server is wholly at the configuration that it is meant to hold now, and at the
    /// present health.
    pub fn is_whole(&self, id: &str) -> bool {
        let there = |s: &Arc<ServerState>| s.is_whole_at(self.goal(id)) && s.follows(self.health);
        self.servers.get(id).is_some_and(there)
    }
}
