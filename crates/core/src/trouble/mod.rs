//! What is wrong in a zone, worst first, each with the one command to type.
//!
//! `status` and notifications say the same, because both ask here. Everything follows from the
//! ledger, the files that freeze, the clock, and what whoever keeps the zone has met ([`Known`]).

mod known;
mod servers;
mod zone;

pub use known::Known;

use crate::freezes::Freezes;
use crate::ledger::State;
use crate::time::{Millis, Time};
use serde::{Deserialize, Serialize};

/// The longest text of a trouble, in characters.
const MOST: usize = 400;

/// How much a trouble matters, the most first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rank {
    /// Somebody has to look now: something is held that nothing but a person lets go.
    Page,
    /// Somebody has to look soon.
    Warn,
    /// Somebody may want to know.
    Note,
}

/// Sorts of trouble; of two with the same rank the one that stands first here matters first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The ledger or its store can't be read or trusted: nothing is decided (I8).
    LedgerInDoubt,
    /// A rollout failed, and no way back passes the guards.
    NoWayBack,
    /// This machine's clock is behind what servers have taken.
    ClockBehind,
    /// Evidence about a server is doubtful: nothing is written there.
    Halted,
    /// So much is sick at once that the checks are not believed.
    CheckerDistrusted,
    /// Sick targets stay in the answer, which would be too small without them.
    AtFloor,
    /// Nothing is written, because somebody said so.
    Frozen,
    /// A server came back with older data.
    Restored,
    /// Somebody else edited what is owned.
    Drift,
    /// No way to the present configuration passes the guards.
    Blocked,
    /// A stage neither passes nor fails.
    Undecided,
    /// A server is not where it is meant to be.
    Behind,
    /// A stage failed, and the configuration was taken back.
    RolledBack,
    /// A server that is where it is meant to be does not answer.
    Unreachable,
    /// Something that was to be moved is not, and why.
    Kept,
    /// Sick targets stay in, because enough went out in this window.
    WithdrawalLimit,
    /// What people approved is not applied, and their word ends soon.
    ApprovalEnds,
    /// A bake is being cut short, or somebody asks for it.
    BreakGlass,
    /// A plan or charter waits for people.
    Waits,
}

impl Kind {
    /// See [`Rank`].
    pub fn rank(self) -> Rank {
        match self {
            Kind::LedgerInDoubt
            | Kind::NoWayBack
            | Kind::ClockBehind
            | Kind::Halted
            | Kind::CheckerDistrusted
            | Kind::AtFloor => Rank::Page,
            Kind::Waits => Rank::Note,
            _ => Rank::Warn,
        }
    }

    /// How long it has to last before anybody is told: what servers and rollouts settle by
    /// themselves in the course of things is no news.
    pub fn settles(self) -> Millis {
        match self {
            Kind::Behind => Millis::seconds(120),
            Kind::Unreachable | Kind::Kept => Millis::seconds(60),
            Kind::Waits => Millis::seconds(30),
            _ => Millis::seconds(5),
        }
    }

    /// Its word, as JSON has it.
    pub fn word(self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value.as_str().unwrap_or_default().to_owned()
    }
}

/// One trouble.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// Of which zone, as people type it.
    pub zone: String,
    /// What sort.
    pub kind: Kind,
    /// What it is about: a server, a name, a number; empty: the zone.
    pub subject: String,
    /// Since when, where the ledger knows.
    pub since: Option<Time>,
    /// What is wrong, on one line.
    pub text: String,
    /// The one command to type next.
    pub next: String,
    /// What is to be known of that command, or the other one that there is; or empty.
    pub beside: String,
}

impl Trouble {
    /// A trouble. `text` and `next` may hold what others wrote: they become one plain line.
    pub fn new(zone: &str, kind: Kind, subject: &str, text: &str, next: &str) -> Trouble {
        Trouble {
            zone: zone.to_owned(),
            kind,
            subject: plain(subject),
            since: None,
            text: plain(text),
            next: plain(next),
            beside: String::new(),
        }
    }

    fn since(self, at: Time) -> Trouble {
        let since = Some(at);
        Trouble { since, ..self }
    }

    fn beside(self, beside: &str) -> Trouble {
        let beside = beside.to_owned();
        Trouble { beside, ..self }
    }

    /// How much it matters.
    pub fn rank(&self) -> Rank {
        self.kind.rank()
    }

    /// Names it: the same trouble has the same key, whoever looks and whenever (zone, sort, what it
    /// is about). At most one with a key stands in a list.
    pub fn key(&self) -> String {
        match self.subject.as_str() {
            "" => format!("{}/{}", self.zone, self.kind.word()),
            subject => format!("{}/{}/{subject}", self.zone, self.kind.word()),
        }
    }

    /// What matters first comes first.
    pub fn order(&self) -> impl Ord + use<> {
        let (zone, subject) = (self.zone.clone(), self.subject.clone());
        (self.rank(), self.kind, zone, subject)
    }
}

/// One line without control characters, not too long.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ");
    let mut kept: String = line
        .chars()
        .filter(|c| !c.is_control())
        .take(MOST)
        .collect();
    if line.chars().count() > MOST {
        kept.push('…');
    }
    kept
}

/// Everything that is wrong in a zone, what matters first first.
pub fn troubles(
    zone: &str,
    state: &State,
    freezes: &Freezes,
    known: &Known,
    now: Time,
) -> Vec<Trouble> {
    let mut all = Vec::new();
    if let Some(why) = &known.doubt {
        all.push(in_doubt(zone, why));
    }
    if state.is_adopted() {
        let view = View {
            zone,
            state,
            freezes,
            known,
            now,
        };
        view.zone(&mut all);
        view.servers(&mut all);
    }
    all.sort_by_key(Trouble::order);
    all
}

/// A ledger that can't be worked with.
pub fn in_doubt(zone: &str, why: &str) -> Trouble {
    let text = format!("the ledger is in doubt, and nothing is decided: {why}");
    let next = format!("steadfast log verify {zone}");
    Trouble::new(zone, Kind::LedgerInDoubt, "", &text, &next)
}

/// What troubles are derived from.
struct View<'v> {
    zone: &'v str,
    state: &'v State,
    freezes: &'v Freezes,
    known: &'v Known,
    now: Time,
}

impl View<'_> {
    fn trouble(&self, kind: Kind, subject: &str, text: &str, next: &str) -> Trouble {
        Trouble::new(self.zone, kind, subject, text, next)
    }
}

/// A name as people type it: without the trailing dot.
fn short(name: &dns::Name) -> String {
    let text = name.to_string();
    match text.strip_suffix('.') {
        Some(short) if !short.is_empty() => short.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests;
