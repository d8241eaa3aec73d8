//! What a ledger's entries say.

use super::leash::Approval;
use super::rollout::Back;
use crate::guards::{Abilities, Finding};
use crate::leash::Charter;
use crate::marker::{Holding, LedgerId};
use crate::rollout::{Evidence, Stage};
use crate::time::{Millis, Time};
use dns::{Digest, Name, RRset, Rtype};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The format of entries that this version writes, and the only one it reads.
pub const FORMAT: u32 = 1;

/// A server's name in the config.
pub type ServerId = String;

/// One entry of a zone's ledger.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// [`FORMAT`].
    pub format: u32,
    /// Its number. Grows by one; jumps only where a zone is taken over.
    pub seq: u64,
    /// When it was decided, by the clock of who decided.
    pub at: Time,
    /// Who: a person, or a process.
    pub by: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened or was decided.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A zone's content was recorded; its servers are to carry this ledger's marker.
    Adopted(Adopted),
    /// A plan was made and numbered.
    Proposed {
        /// Grows by one with each plan of the zone.
        number: u64,
        /// The plan's hash.
        plan: Digest,
        /// The configuration generation it follows.
        parent: u64,
        /// What the guards had to say.
        findings: Vec<Finding>,
    },
    /// The gate let a plan pass: it is the zone's configuration from here on.
    Cleared {
        /// The plan's number.
        number: u64,
        /// The plan's hash.
        plan: Digest,
        /// The configuration generation it makes.
        configuration: u64,
        /// Digest of the owned content that results.
        result: Digest,
    },
    /// A write was decided. Durable before anything is sent (I11).
    Decided(Decision),
    /// A write was read back: marker, touched RRsets, marker again (I7).
    Applied {
        /// The server.
        server: ServerId,
        /// The entry that decided the write.
        write: u64,
        /// The zone's SOA serial with it.
        serial: Option<u32>,
    },
    /// A server refused a write. Nothing changed by it.
    Lost {
        /// The server.
        server: ServerId,
        /// The entry that decided the write.
        write: u64,
        /// Why.
        why: Loss,
        /// The server's answer, for people.
        detail: String,
    },
    /// A foreign edit inside what is owned was found.
    Drifted {
        /// The server.
        server: ServerId,
        /// What stands there instead.
        found: Vec<Found>,
    },
    /// Drift ended.
    Settled {
        /// The server.
        server: ServerId,
        /// Which RRsets.
        rrsets: Vec<(Name, Rtype)>,
        /// How.
        how: Settlement,
    },
    /// Nothing is to be written until thawed (I8).
    Frozen {
        /// Why, in the operator's words.
        reason: String,
        /// When it ends by itself.
        until: Option<Time>,
    },
    /// The freeze ended.
    Thawed {
        /// Why, in the operator's words.
        reason: String,
    },
    /// A server answers with a marker older than one verified there (I2).
    Restored {
        /// The server.
        server: ServerId,
        /// The entry whose marker it carries.
        found: u64,
    },
    /// Evidence about a server is doubtful: nothing is written there until a person has looked.
    Halted {
        /// The server.
        server: ServerId,
        /// Which sort of doubt it is, for programs.
        #[serde(default)]
        kind: HaltKind,
        /// What is doubtful.
        reason: String,
        /// The one command that repairs it.
        fix: String,
    },
    /// A person looked, and writing may go on.
    Resumed {
        /// The server.
        server: ServerId,
    },
    /// Plans that nobody needs any more were forgotten, in the same transaction (I6).
    Cleaned {
        /// Generations whose plans are gone: up to and including this one.
        through: u64,
        /// The content that the rest builds on…
        content: Digest,
        /// …and the generation it is of.
        content_at: u64,
        /// The bodies forgotten.
        forgotten: Vec<Digest>,
    },
    /// Somebody approved what was proposed. Whether it counts is verified each time (I4, I5).
    Approved(Box<Approval>),
    /// Another charter was proposed: who may approve, and what needs approval.
    CharterProposed {
        /// Counted with the plans.
        number: u64,
        /// It.
        charter: Box<Charter>,
    },
    /// A charter is in force from here on.
    Governed {
        /// Under which it was proposed; 0: it is the first.
        number: u64,
        /// It.
        charter: Box<Charter>,
    },
    /// The marker is to be removed; answers stay.
    Released,
    /// Targets went out or came back: a new health generation, which servers are brought to at once,
    /// whatever configuration they hold (I9).
    Moved {
        /// The health generation that it makes. Grows by one.
        health: u64,
        /// What moved, an item an endpoint.
        moves: Vec<Move>,
        /// Bodies of earlier moves that nobody needs any more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        forgotten: Vec<Digest>,
    },
    /// What the checks say of an endpoint without being acted on, or that they are acted on again.
    Watched {
        /// The endpoint.
        endpoint: Name,
        /// Sick targets that stay in, each with the reason; none: the checks are believed again.
        held: Vec<HeldTarget>,
    },
    /// The configuration that is cleared next goes out in stages, and the first begins.
    Staged {
        /// The generation.
        configuration: u64,
        /// The stages, as the plan has them.
        stages: Vec<Stage>,
    },
    /// A stage passed, its whole bake long unless the glass was broken: the next begins, or, after the last, the configuration is
    /// known as good.
    Passed {
        /// The generation.
        configuration: u64,
        /// The stage.
        stage: String,
        /// What the checks said.
        evidence: Vec<Evidence>,
        /// Who cut its bake short, with break-glass.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        glass: Vec<String>,
    },
    /// A stage neither passed nor failed in time: it stays where it is.
    Undecided {
        /// The generation.
        configuration: u64,
        /// The stage.
        stage: String,
        /// What is missing.
        why: String,
        /// What the checks said.
        evidence: Vec<Evidence>,
    },
    /// A stage failed: the generation is called off.
    Failed {
        /// The generation.
        configuration: u64,
        /// The stage.
        stage: String,
        /// What the checks said.
        evidence: Vec<Evidence>,
        /// The way back, which the next entries take; `None`: there is none, and the zone is frozen.
        back: Option<Back>,
    },
    /// A configuration, and every other with its content, is not to be gone back to.
    Struck {
        /// The generation.
        configuration: u64,
        /// Why, in the operator's words.
        reason: String,
    },
}

/// See [`Event::Moved`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Move {
    /// The endpoint.
    pub endpoint: Name,
    /// Targets that go out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out: Vec<IpAddr>,
    /// Targets that come back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub back: Vec<IpAddr>,
    /// How many of those that go out count as withdrawals; a declared standby's take-over does not.
    pub withdrawals: u32,
}

/// A sick target that stays in. See [`Event::Watched`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeldTarget {
    /// The target.
    pub target: IpAddr,
    /// Why it stays in.
    pub why: HeldWhy,
}

/// Why a sick target stays in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldWhy {
    /// More than half of the endpoint's targets are sick at once: the checker may be.
    Distrusted,
    /// Without it the answer would have fewer targets, regions or families than it must.
    Floor,
    /// As many as may were taken out in this window.
    Velocity,
}

impl HeldWhy {
    /// In words, behind the targets' addresses.
    pub fn words(self) -> &'static str {
        match self {
            HeldWhy::Distrusted => {
                "fail, so much at once that the checker is distrusted: the health last cleared stays"
            }
            HeldWhy::Floor => {
                "fail, and stay in: without them the answer would fall below its floor"
            }
            HeldWhy::Velocity => {
                "fail, and stay in for now: `max-withdraw` permits no more in this window"
            }
        }
    }
}

/// See [`Event::Adopted`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Adopted {
    /// The ledger's id, as its markers carry it.
    pub ledger: LedgerId,
    /// The zone.
    pub zone: Name,
    /// The recorded content, by the hash of its body.
    pub content: Digest,
    /// Digest of the owned content.
    pub result: Digest,
    /// The configuration generation that it is.
    pub configuration: u64,
    /// The servers, each with what stands there in place of our marker and the SOA of the transfer.
    pub servers: BTreeMap<ServerId, Origin>,
}

/// What adoption found on a server.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Origin {
    /// The marker's text, when another ledger's or an older one of ours is to be replaced.
    pub marker: Option<String>,
    /// The SOA that framed the transfer: a fence for planting the first marker.
    pub soa: Option<RRset>,
    /// What rehearsal showed.
    pub abilities: Abilities,
}

/// An RRset found in place of what the ledger says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Found {
    /// The owner.
    pub name: Name,
    /// The type.
    #[serde(rename = "type")]
    pub rtype: Rtype,
    /// What stands; `None`: nothing.
    pub found: Option<RRset>,
}

/// How drift ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settlement {
    /// What the ledger says stands again.
    Gone,
    /// A person decided that the recorded value shall be put back.
    Overwrite,
}

/// What makes evidence about a server doubtful.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HaltKind {
    /// None of the others.
    #[default]
    Other,
    /// The marker there is not of this ledger.
    Foreign,
    /// The marker there has a number that this store has not reached: the store is an older copy.
    OlderCopy,
    /// The marker is gone, and what stands is not what was recorded.
    Differs,
    /// The ledger's own record of what stands there can't be read.
    Unreadable,
}

/// Why a server refused a write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// A prerequisite did not hold: the marker had moved, or a value was not the expected one.
    Fenced,
    /// The deadline had passed.
    Late,
}

/// What a write expects in place of the marker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// No marker at all.
    Absent,
    /// The marker of the write that this entry decided.
    Ours(u64),
    /// Another ledger's marker, taken over explicitly.
    Foreign(String),
}

/// What a write does besides moving the marker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Plants the marker; data stay. Fenced by the SOA, where the server serves the one it keeps.
    Plant {
        /// The SOA that must still stand.
        soa: Option<RRset>,
    },
    /// One step of a plan or course.
    Step,
    /// Brings the addresses of endpoints to a later health generation, and leaves the configuration
    /// that the server holds as it is.
    Move {
        /// What changes on the server, by the hash of its body.
        body: Digest,
    },
    /// Moves the marker, data unchanged, so that stalled writes fail (I14).
    Revoke,
    /// Removes the marker; data stay.
    Withdraw,
}

/// A decided write. Anybody may send it until its deadline; it can be applied once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// The server.
    pub server: ServerId,
    /// What must stand there.
    pub expect: Expect,
    /// What it does.
    pub act: Act,
    /// What the server holds afterwards.
    pub holding: Holding,
    /// How long after the entry's time the server may accept it.
    pub deadline: Millis,
    /// A new SOA, whose serial exceeds every authority's: the repair of a restored server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soa: Option<RRset>,
}

impl Decision {
    /// The body that says what it changes, if it changes anything.
    pub fn body(&self) -> Digest {
        self.moves().unwrap_or(self.holding.body)
    }

    /// The body of the moves that it makes, if it makes some.
    pub fn moves(&self) -> Option<Digest> {
        match self.act {
            Act::Move { body } => Some(body),
            _ => None,
        }
    }
}

impl Act {
    /// Whether answers change by it.
    pub fn changes_data(&self) -> bool {
        matches!(self, Act::Step | Act::Move { .. })
    }
}

impl Event {
    /// The bodies that it makes useless.
    pub fn forgotten(&self) -> &[Digest] {
        match self {
            Event::Cleaned { forgotten, .. } | Event::Moved { forgotten, .. } => forgotten,
            _ => &[],
        }
    }

    /// The bodies without which this entry can't be understood.
    pub fn bodies(&self) -> Vec<Digest> {
        match self {
            Event::Adopted(adopted) => vec![adopted.content],
            Event::Proposed { plan, .. } | Event::Cleared { plan, .. } => vec![*plan],
            Event::Decided(Decision {
                act: Act::Step,
                holding,
                ..
            }) => vec![holding.body],
            Event::Decided(Decision {
                act: Act::Move { body },
                ..
            }) => vec![*body],
            Event::Cleaned { content, .. } => vec![*content],
            _ => Vec::new(),
        }
    }

    /// The server concerned, if it is one.
    pub fn server(&self) -> Option<&ServerId> {
        match self {
            Event::Decided(Decision { server, .. })
            | Event::Applied { server, .. }
            | Event::Lost { server, .. }
            | Event::Drifted { server, .. }
            | Event::Settled { server, .. }
            | Event::Restored { server, .. }
            | Event::Halted { server, .. }
            | Event::Resumed { server } => Some(server),
            _ => None,
        }
    }
}
