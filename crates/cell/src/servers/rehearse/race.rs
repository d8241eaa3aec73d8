//! Whether a server compares and writes atomically: writers that set out at once and expect the same
//! marker. One of them may win. Servers that share a database behind one address, each with a lock of
//! its own, let two.

use super::{RehearseError, Stage, now};
use crate::servers::{Outcome, UpdateReply};
use dns::{Prerequisite, RRset, Rtype, Update};
use std::time::Duration;
use steadfast_core::abilities::Primitive;

/// Writers of a round, each on a connection of its own. PowerDNS takes 20 connections by default.
const WRITERS: usize = 6;
/// Rounds that must each have one winner. A server that fails half of its rounds passes all of
/// them once in 1,024 times; two PowerDNS on one PostgreSQL failed 167 of 200.
const ROUNDS: u32 = 10;
/// Rounds in all: where nobody wins (a locked database), nothing was learned.
const TRIES: u32 = 4 * ROUNDS;
/// Records that each writer replaces besides, where an RRset may have so many: they keep a server
/// busy between comparing and committing. Without them, two PowerDNS on a machine with work for
/// three passed all rounds in 3 of 142 rehearsals; with them, in none of 120.
const WEIGHT: usize = 60;
/// The pause after a round that nobody won, times the number of those so far.
const PAUSE: Duration = Duration::from_millis(5);

/// How a round ended.
#[derive(Debug, PartialEq, Eq)]
enum Round {
    /// The marker of this writer stands, and of nobody else it was said that it does.
    Won(usize),
    /// What stood before still stands.
    Nobody,
    /// More than one was accepted, or what stands is not what the one accepted wrote.
    Several,
}

impl Stage<'_> {
    /// Rounds of writers, until each of [`ROUNDS`] had one winner, or one had several.
    pub(super) fn races(
        &mut self,
        max_rrset: usize,
        unfenced: &mut Vec<Primitive>,
    ) -> Result<(), RehearseError> {
        let weight = WEIGHT.min(max_rrset);
        let (mut decided, mut idle) = (0, 0);
        let mut said = String::new();
        // Numbers that no other write of this rehearsal has, not even one that is still under way.
        let mut top = self.at + 100;
        while decided < ROUNDS {
            if decided + idle == TRIES {
                return Err(RehearseError::Undecided {
                    decided,
                    of: TRIES,
                    detail: said,
                });
            }
            let first = top + 1;
            top += u32::try_from(WRITERS).unwrap_or(u32::MAX);
            match self.round(first, weight, &mut said)? {
                Round::Won(winner) => {
                    self.at = first + u32::try_from(winner).unwrap_or(u32::MAX);
                    decided += 1;
                }
                Round::Nobody => {
                    idle += 1;
                    std::thread::sleep(PAUSE * idle);
                }
                Round::Several => {
                    unfenced.push(Primitive::Race);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// One round: the texts numbered from `first` on want to follow the one that stands.
    fn round(&self, first: u32, weight: usize, said: &mut String) -> Result<Round, RehearseError> {
        let from = self.text(self.at)?;
        let texts = (first..).take(WRITERS).map(|number| self.text(number));
        let texts = texts.collect::<Result<Vec<RRset>, _>>()?;
        let write = |(to, number): (&RRset, u32)| {
            let expect = Prerequisite::RRsetEquals(from.clone());
            let update = self.update().require(expect).replace(to.clone());
            let weight = self.many(weight, &format!("{number}."))?;
            Ok(update.replace(weight))
        };
        let updates = texts.iter().zip(first..).map(write);
        let updates = updates.collect::<Result<Vec<Update>, RehearseError>>()?;
        let replies = self.server.at_once(&updates, now(), self.fudge);
        if let Some(reply) = replies.iter().find(|r| r.outcome == Outcome::Unknown) {
            said.clone_from(&reply.detail);
        }
        let Some(candidates) = candidates(&replies) else {
            return Ok(Round::Several);
        };
        for writer in &candidates {
            if let Some(text) = texts.get(*writer)
                && self.stands(text)?
            {
                return Ok(Round::Won(*writer));
            }
        }
        let won = replies.iter().any(|r| r.outcome == Outcome::Accepted);
        if !won && self.stands(&from)? {
            return Ok(Round::Nobody);
        }
        // Not what was said to stand: another's text, several at once, or somebody else's work.
        let served = self.serves(&self.lead, Rtype::TXT)?;
        let mut data = served.iter().flat_map(RRset::data);
        match data.any(|datum| texts.iter().any(|text| text.data().any(|d| d == datum))) {
            true => Ok(Round::Several),
            false => Err(RehearseError::Disturbed(self.lead.clone())),
        }
    }

    /// Whether the lead has this text, as the server sees it when it compares.
    fn stands(&self, text: &RRset) -> Result<bool, RehearseError> {
        let there = self
            .update()
            .require(Prerequisite::RRsetEquals(text.clone()));
        let mut reply = self.send(&there, now());
        for attempt in 1..super::TRIES {
            match reply.outcome {
                Outcome::Accepted => return Ok(true),
                Outcome::Unknown | Outcome::NotSent => {}
                _ => return Ok(false),
            }
            std::thread::sleep(Duration::from_millis(50 << attempt));
            reply = self.send(&there, now());
        }
        Ok(reply.outcome == Outcome::Accepted)
    }
}

/// The writers whose text may stand: the one that was accepted, or else those of unknown outcome.
/// `None`: more than one was accepted.
fn candidates(replies: &[UpdateReply]) -> Option<Vec<usize>> {
    let with = |outcome: Outcome| {
        let all = replies.iter().enumerate();
        all.filter(move |(_, r)| r.outcome == outcome)
            .map(|(i, _)| i)
            .collect::<Vec<_>>()
    };
    match with(Outcome::Accepted) {
        one if one.len() == 1 => Some(one),
        none if none.is_empty() => Some(with(Outcome::Unknown)),
        _ => None,
    }
}
