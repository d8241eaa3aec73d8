//! What is signed: one small text that a person can read.

use super::{Refused, stamp};
use crate::marker::LedgerId;
use crate::time::Time;
use dns::{Digest, Name};
use serde::{Deserialize, Serialize};

/// The first line, with the format's version.
const HEAD: &str = "steadfast approval 1";

/// No text is longer than this, in octets.
pub const MOST_OCTETS: usize = 4096;

/// No reason is longer than this, in characters.
pub(super) const MOST_REASON: usize = 500;

/// What somebody says by signing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Statement {
    /// Of which zone.
    pub zone: Name,
    /// In which ledger.
    pub ledger: LedgerId,
    /// Under which number it was proposed.
    pub number: u64,
    /// The hash of the plan, or of the charter.
    pub hash: Digest,
    /// The configuration generation that the plan follows; for a charter, the ledger entry of the
    /// charter that it follows, 0 where there is none.
    pub parent: u64,
    /// Until when it counts; whole seconds.
    pub until: Time,
    /// What is permitted.
    pub approves: Approves,
}

/// What a statement permits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approves {
    /// The plan.
    Plan,
    /// Who approves, and what: a new charter.
    Charter,
    /// That one guard's findings on the plan do not refuse it.
    Waiver {
        /// The guard.
        guard: String,
        /// Why, on one line.
        reason: String,
    },
    /// That the bake of the stages to come is over as soon as every check has passed; nothing else.
    BreakGlass {
        /// Why, on one line.
        reason: String,
    },
}

impl Statement {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let (approves, reason) = match &self.approves {
            Approves::Plan => ("plan".to_owned(), String::new()),
            Approves::Charter => ("charter".to_owned(), String::new()),
            Approves::Waiver { guard, reason } => {
                (format!("waiver of {guard}"), format!("reason: {reason}\n"))
            }
            Approves::BreakGlass { reason } => {
                ("break-glass".to_owned(), format!("reason: {reason}\n"))
            }
        };
        format!(
            "{HEAD}\nzone: {}\nledger: {}\nnumber: {}\nhash: {}\nparent: {}\nuntil: {}\napproves: {approves}\n{reason}",
            self.zone,
            self.ledger,
            self.number,
            self.hash,
            self.parent,
            stamp::show(self.until),
        )
    }

    /// Reads what [`Statement::text`] writes, and nothing else.
    ///
    /// # Errors
    /// Oversize; another version; a text that is no statement.
    pub fn read(text: &str) -> Result<Statement, Refused> {
        if text.len() > MOST_OCTETS {
            return Err(Refused::Oversize(text.len()));
        }
        let head = text.lines().next().unwrap_or_default();
        if head != HEAD {
            return Err(match head.strip_prefix("steadfast approval ") {
                Some(version) => Refused::Format(super::shown(version)),
                None => Refused::NoStatement,
            });
        }
        let statement = parse(text).ok_or(Refused::NoStatement)?;
        // One text for one meaning: what was signed is what is understood.
        match statement.text() == text {
            true => Ok(statement),
            false => Err(Refused::NoStatement),
        }
    }

    /// Whether it can be written as text: a reason is one line, a guard one word.
    pub fn is_sayable(&self) -> bool {
        let word =
            |g: &str| !g.is_empty() && g.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        match &self.approves {
            Approves::Waiver { guard, reason } => word(guard) && is_reason(reason),
            Approves::BreakGlass { reason } => is_reason(reason),
            _ => true,
        }
    }
}

/// Whether a text can be the reason of a waiver, or of break-glass.
pub fn is_reason(text: &str) -> bool {
    let length = text.chars().count();
    (1..=MOST_REASON).contains(&length)
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

fn parse(text: &str) -> Option<Statement> {
    let mut lines = text.lines().skip(1);
    let mut take = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(": ");
    let zone = Name::absolute(take("zone")?).ok()?;
    let ledger = take("ledger")?.parse().ok()?;
    let number = take("number")?.parse().ok()?;
    let hash = digest(take("hash")?)?;
    let parent = take("parent")?.parse().ok()?;
    let until = stamp::read(take("until")?)?;
    let approves = match take("approves")? {
        "plan" => Approves::Plan,
        "charter" => Approves::Charter,
        "break-glass" => Approves::BreakGlass {
            reason: take("reason")?.to_owned(),
        },
        other => Approves::Waiver {
            guard: other.strip_prefix("waiver of ")?.to_owned(),
            reason: take("reason")?.to_owned(),
        },
    };
    let statement = Statement {
        zone,
        ledger,
        number,
        hash,
        parent,
        until,
        approves,
    };
    statement.is_sayable().then_some(statement)
}

fn digest(text: &str) -> Option<Digest> {
    let bytes: Vec<u8> = (0..text.len() / 2)
        .map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok())
        .collect::<Option<_>>()?;
    Some(Digest(bytes.try_into().ok()?))
}
