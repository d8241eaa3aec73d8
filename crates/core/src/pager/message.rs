//! What receivers get: format 1. Changes only with an entry in the changelog.

use super::{Rules, SHOWN, memory::Told};
use crate::leash::stamp;
use crate::time::Time;
use crate::trouble::{Kind, Rank, Trouble};
use serde::Serialize;
use std::fmt::Write as _;

/// The format of messages.
const FORMAT: u32 = 1;

/// What a message is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Something is wrong that was not told yet.
    Trouble,
    /// Nothing new: what was told lasts.
    Lasts,
    /// Something is over, and nothing is new.
    Resolved,
    /// Somebody wants to see whether messages arrive.
    Test,
}

/// A message.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Message {
    /// 1.
    pub format: u32,
    /// The cell.
    pub cell: String,
    /// What it is for.
    pub event: Event,
    /// When it was made.
    pub at: String,
    /// All of it for people: what matters first, then the command to type.
    pub text: String,
    /// The rank of what matters first; nothing: all is well.
    pub rank: Option<Rank>,
    /// The one command to type next, for what matters first.
    pub next: Option<String>,
    /// What is wrong, what matters first first.
    pub troubles: Vec<Said>,
    /// So many more are not listed.
    pub more: usize,
    /// What is over.
    pub resolved: Vec<Over>,
    /// So many more are not listed.
    pub more_resolved: usize,
    /// All that it tells of, listed or not: key, zone, text.
    #[serde(skip)]
    tells: Vec<(String, String, String)>,
    #[serde(skip)]
    ends: Vec<String>,
}

/// A trouble in a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Said {
    /// The same for the same trouble, from whichever daemon and in every message: receivers that
    /// hear of it twice know that it is one.
    pub key: String,
    /// Whether it was not told before.
    pub new: bool,
    /// How much it matters.
    pub rank: Rank,
    /// The zone.
    pub zone: String,
    /// What sort it is.
    pub kind: Kind,
    /// What it is about; empty: the zone.
    pub subject: String,
    /// Since when, where the ledger knows.
    pub since: Option<String>,
    /// What is wrong.
    pub text: String,
    /// The command to type.
    pub next: String,
    /// What is to be known of it; or empty.
    pub beside: String,
}

/// A trouble that is over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Over {
    /// As [`Said::key`].
    pub key: String,
    /// The zone.
    pub zone: String,
    /// What was wrong.
    pub text: String,
}

impl Message {
    /// Its octets: one JSON document.
    pub fn octets(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What it tells of.
    pub(super) fn told(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let all = self.tells.iter();
        all.map(|(key, zone, text)| (key.as_str(), zone.as_str(), text.as_str()))
    }

    /// What it says to be over.
    pub(super) fn over(&self) -> impl Iterator<Item = &str> {
        self.ends.iter().map(String::as_str)
    }
}

/// A message that says that messages arrive.
pub fn test(cell: &str, receiver: &str, now: Time) -> Message {
    Message {
        format: FORMAT,
        cell: cell.to_owned(),
        event: Event::Test,
        at: stamp::show(now),
        text: format!(
            "{cell}: a test of notify.{receiver}: messages arrive. Nothing is wrong, nothing is to be done."
        ),
        rank: None,
        next: None,
        troubles: Vec::new(),
        more: 0,
        resolved: Vec::new(),
        more_resolved: 0,
        tells: Vec::new(),
        ends: Vec::new(),
    }
}

pub(super) fn compose(
    rules: &Rules,
    now: Time,
    event: Event,
    all: &[(&String, &Trouble, bool)],
    beyond: usize,
    over: Vec<(String, Told)>,
) -> Message {
    let cell = &rules.cell;
    let key = |key: &str| format!("{cell}/{key}");
    let said = |(k, trouble, new): &(&String, &Trouble, bool)| Said {
        key: key(k),
        new: *new,
        rank: trouble.rank(),
        zone: trouble.zone.clone(),
        kind: trouble.kind,
        subject: trouble.subject.clone(),
        since: trouble.since.map(stamp::show),
        text: trouble.text.clone(),
        next: trouble.next.clone(),
        beside: trouble.beside.clone(),
    };
    let ended = |(k, told): &(String, Told)| Over {
        key: key(k),
        zone: told.zone.clone(),
        text: told.text.clone(),
    };
    let troubles: Vec<Said> = all.iter().take(SHOWN).map(said).collect();
    let more = all.len() + beyond - troubles.len();
    let resolved: Vec<Over> = over.iter().take(SHOWN).map(ended).collect();
    let more_resolved = over.len() - resolved.len();
    let first = troubles.first();
    Message {
        format: FORMAT,
        cell: cell.clone(),
        event,
        at: stamp::show(now),
        text: text(cell, event, &troubles, more, (&resolved, more_resolved)),
        rank: first.map(|t| t.rank),
        next: first.map(|t| t.next.clone()),
        troubles,
        more,
        resolved,
        more_resolved,
        tells: all
            .iter()
            .map(|(k, t, _)| ((*k).clone(), t.zone.clone(), t.text.clone()))
            .collect(),
        ends: over.into_iter().map(|(key, _)| key).collect(),
    }
}

/// The message for people.
fn text(
    cell: &str,
    event: Event,
    troubles: &[Said],
    more: usize,
    (resolved, more_resolved): (&[Over], usize),
) -> String {
    let mut out = String::new();
    let lasts = match event {
        Event::Lasts => "still: ",
        _ => "",
    };
    if let Some((first, others)) = troubles.split_first() {
        let _ = write!(
            out,
            "{cell}: {lasts}{}: {}\nnext: {}",
            first.zone, first.text, first.next
        );
        if !first.beside.is_empty() {
            let _ = write!(out, "   {}", first.beside);
        }
        for other in others {
            let _ = write!(out, "\nalso: {}: {}", other.zone, other.text);
        }
        if more > 0 {
            let _ = write!(out, "\nand {more} more: steadfast status");
        }
    }
    for over in resolved {
        let lead = match out.is_empty() {
            true => format!("{cell}: over"),
            false => "\nover".to_owned(),
        };
        let _ = write!(out, "{lead}: {}: {}", over.zone, over.text);
    }
    if more_resolved > 0 {
        let _ = write!(out, "\nand {more_resolved} more are over");
    }
    if troubles.is_empty() && !resolved.is_empty() {
        out.push_str("\nnothing else is wrong");
    }
    out
}
