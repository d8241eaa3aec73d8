//! Tries on a server what fencing rests on, before a zone is entrusted to it.
//!
//! Everything happens on scratch names below the marker's (`_r0._steadfast.ZONE`…), which nothing
//! else looks at. `_r0` plays the marker: each write expects the text that the one before it left,
//! so that a second rehearsal at the same time is noticed instead of being misread. What an earlier
//! one left behind when it crashed is removed first. TXT stands for every type: BIND refuses
//! addresses at names with underscores (`check-names`).

mod race;

use super::rfc2136::random_id;
use super::{AskError, Outcome, Rfc2136, UpdateReply};
use dns::rrset::RRsetError;
use dns::{Edit, Name, Prerequisite, RRset, Rtype, Update};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use steadfast_core::abilities::{Abilities, Primitive};
use steadfast_core::policy::marker_name;
use steadfast_core::time::Millis;

/// TTL of scratch records, in seconds.
const TTL: u32 = 5;
/// Records in an RRset that BIND, by default, still takes.
const USUAL_RRSET: usize = 100;
/// How far back, in seconds, the write lies whose deadline has passed for sure.
const LONG_AGO: u64 = 3600;
/// How often a write of unknown outcome is tried.
const TRIES: u32 = 4;

/// How often a rehearsal is begun when others disturb it…
const ATTEMPTS: u32 = 6;
/// …and the least pause between, times the number of tries so far.
const PAUSE: Duration = Duration::from_millis(250);

/// Why a server could not be rehearsed.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// It does not take a write that it should take.
    #[error("it does not take {what}: {detail}")]
    Refused {
        /// Which write.
        what: &'static str,
        /// Its answer.
        detail: String,
    },
    /// What it accepted is not to be seen.
    #[error(
        "it accepted a write and did not serve it within {within:?} (read-back); another process may answer for the same data, or updates need longer there"
    )]
    Unseen {
        /// How long it was waited for.
        within: Duration,
    },
    /// Somebody else rehearses there, too.
    #[error("somebody else rehearses on it at the same time, or edits {0}")]
    Disturbed(Name),
    /// A question was not answered.
    #[error("it does not answer questions about scratch names: {0}")]
    Ask(#[from] AskError),
    /// The zone's name leaves no room for scratch names.
    #[error("the zone's name is too long for scratch names")]
    NoRoom,
    /// The system gave no random number.
    #[error("{0}")]
    Random(String),
    /// Nobody ever wins: what it does with writers that set out at once is not known (I7).
    #[error(
        "of {of} races between writes that expect the same marker it decided only {decided}: {detail}"
    )]
    Undecided {
        /// Races with one winner.
        decided: u32,
        /// Races in all.
        of: u32,
        /// What it said to a write that neither won nor lost.
        detail: String,
    },
    /// Scratch records are left over.
    #[error("scratch records below {owner} could not be removed: {detail}")]
    LeftOver {
        /// The marker's name.
        owner: Name,
        /// The server's answer.
        detail: String,
    },
}

impl From<RRsetError> for RehearseError {
    fn from(_: RRsetError) -> RehearseError {
        RehearseError::NoRoom
    }
}

/// What a rehearsal needs of a server.
pub(super) trait Actor {
    fn zone(&self) -> &Name;
    fn update(&self, update: &Update, signed_at: u64, fudge: u16) -> UpdateReply;
    /// As [`Actor::update`], all at once, each on a connection of its own.
    fn at_once(&self, updates: &[Update], signed_at: u64, fudge: u16) -> Vec<UpdateReply>;
    fn serves(&self, name: &Name, rtype: Rtype) -> Result<Option<RRset>, AskError>;
}

impl Actor for Rfc2136 {
    fn zone(&self) -> &Name {
        Rfc2136::zone(self)
    }

    fn update(&self, update: &Update, signed_at: u64, fudge: u16) -> UpdateReply {
        Rfc2136::update(self, update, signed_at, fudge)
    }

    fn at_once(&self, updates: &[Update], signed_at: u64, fudge: u16) -> Vec<UpdateReply> {
        Rfc2136::at_once(self, updates, signed_at, fudge)
    }

    fn serves(&self, name: &Name, rtype: Rtype) -> Result<Option<RRset>, AskError> {
        self.ask(name, rtype).map(|answer| answer.rrset)
    }
}

/// See [`super::Server::rehearse`].
pub(super) fn rehearse(
    server: &dyn Actor,
    deadline: Millis,
    read_back: Millis,
) -> Result<Abilities, RehearseError> {
    for attempt in 1..ATTEMPTS {
        match once(server, deadline, read_back) {
            Err(RehearseError::Disturbed(_)) => {}
            done => return done,
        }
        let random = random_id().map_err(RehearseError::Random)?;
        std::thread::sleep(PAUSE * attempt + Duration::from_millis(u64::from(random % 500)));
    }
    once(server, deadline, read_back)
}

/// One try. Where another rehearsal disturbs this one, the scratch names are left to the other,
/// which clears them away: of any number that meet, the last to begin gets through.
fn once(
    server: &dyn Actor,
    deadline: Millis,
    read_back: Millis,
) -> Result<Abilities, RehearseError> {
    let mut stage = Stage::new(server, deadline, read_back)?;
    stage.clear()?;
    let played = stage.play();
    if matches!(played, Err(RehearseError::Disturbed(_))) {
        return played;
    }
    // Whatever happened; but the first error says more.
    let cleared = stage.clear();
    let abilities = played?;
    cleared.map(|()| abilities)
}

/// A rehearsal under way.
struct Stage<'a> {
    server: &'a dyn Actor,
    fudge: u16,
    patience: Duration,
    /// Plays the marker.
    lead: Name,
    /// Plays everything else.
    extra: Name,
    /// Plays the large RRset.
    crowd: Name,
    /// Differs from rehearsal to rehearsal.
    salt: u16,
    /// The number in the lead's text.
    at: u32,
    lag: Duration,
}

impl<'a> Stage<'a> {
    fn new(
        server: &'a dyn Actor,
        deadline: Millis,
        read_back: Millis,
    ) -> Result<Stage<'a>, RehearseError> {
        let owner = marker_name(server.zone());
        let name = |label: &[u8]| owner.child(label).map_err(|_| RehearseError::NoRoom);
        Ok(Stage {
            server,
            fudge: u16::try_from(deadline.0 / 1000).unwrap_or(u16::MAX),
            patience: Duration::from_millis(read_back.0),
            lead: name(b"_r0")?,
            extra: name(b"_r1")?,
            crowd: name(b"_r2")?,
            salt: random_id().map_err(RehearseError::Random)?,
            at: 0,
            lag: Duration::ZERO,
        })
    }

    fn play(&mut self) -> Result<Abilities, RehearseError> {
        let mut unfenced = Vec::new();
        self.enter()?;
        self.refuses_what_it_should(&mut unfenced)?;
        self.replaces(&mut unfenced)?;
        self.keeps_deadlines(&mut unfenced)?;
        let swap_cname = self.swaps()?;
        let max_rrset = self.largest()?;
        if !unfenced.contains(&Primitive::WrongMarker) {
            self.races(max_rrset, &mut unfenced)?;
        }
        unfenced.sort_unstable();
        Ok(Abilities {
            swap_cname,
            max_rrset,
            unfenced,
            lag: Some(Millis(
                u64::try_from(self.lag.as_millis()).unwrap_or(u64::MAX),
            )),
        })
    }

    /// The first write: expects nothing, as the first marker does.
    fn enter(&mut self) -> Result<(), RehearseError> {
        let update = self
            .update()
            .require(Prerequisite::RRsetAbsent(self.lead.clone(), Rtype::TXT))
            .edit(Edit::AddRRset(self.text(self.at)?))
            .edit(Edit::AddRRset(self.value(&[1])?));
        self.must(&update, self.at, "a first write")?;
        self.seen()
    }

    fn refuses_what_it_should(
        &mut self,
        unfenced: &mut Vec<Primitive>,
    ) -> Result<(), RehearseError> {
        let next = self.text(self.at + 1)?;
        let lead = Prerequisite::RRsetEquals(self.text(self.at)?);
        let other = Prerequisite::RRsetEquals(self.text(self.at + 7)?);
        let value = Prerequisite::RRsetEquals(self.value(&[9])?);
        let absent = Prerequisite::RRsetAbsent(self.extra.clone(), Rtype::TXT);
        let cases = [
            (Primitive::WrongMarker, self.update().require(other)),
            (
                Primitive::WrongValue,
                self.update().require(lead.clone()).require(value),
            ),
            (
                Primitive::Absence,
                self.update().require(lead).require(absent),
            ),
        ];
        for (primitive, update) in cases {
            let reply = self.send(&update.replace(next.clone()), now());
            if reply.outcome == Outcome::Accepted {
                unfenced.push(primitive);
                // So that the next case starts where it should.
                self.reset()?;
            }
        }
        Ok(())
    }

    /// A right prerequisite, a replacement, and the same again.
    fn replaces(&mut self, unfenced: &mut Vec<Primitive>) -> Result<(), RehearseError> {
        let after = self.value(&[2, 3])?;
        let update = self
            .update()
            .require(Prerequisite::RRsetEquals(self.text(self.at)?))
            .require(Prerequisite::RRsetEquals(self.value(&[1])?))
            .replace(after.clone())
            .replace(self.text(self.at + 1)?);
        self.must(&update, self.at + 1, "a write that expects what stands")?;
        self.at += 1;
        self.seen()?;
        if self.serves(&self.extra, Rtype::TXT)? != Some(after) {
            unfenced.push(Primitive::Replace);
        }
        if self.send(&update, now()).outcome == Outcome::Accepted {
            unfenced.push(Primitive::Replay);
            self.reset()?;
        }
        Ok(())
    }

    fn keeps_deadlines(&mut self, unfenced: &mut Vec<Primitive>) -> Result<(), RehearseError> {
        let update = self
            .update()
            .require(Prerequisite::RRsetEquals(self.text(self.at)?))
            .replace(self.text(self.at + 1)?);
        let late = self.send(&update, now().saturating_sub(LONG_AGO));
        if late.outcome == Outcome::Accepted {
            unfenced.push(Primitive::Deadline);
            self.reset()?;
            return Ok(());
        }
        // The same in time, or the refusal proved nothing.
        self.must(&update, self.at + 1, "a write in time")?;
        self.at += 1;
        Ok(())
    }

    /// Data become a CNAME and other data again, each in one UPDATE.
    fn swaps(&mut self) -> Result<bool, RehearseError> {
        let target = self.server.zone().to_wire();
        let cname = RRset::new(self.extra.clone(), Rtype::CNAME, TTL, [target])?;
        let value = self.value(&[4])?;
        let mut swaps = true;
        for (gone, there) in [(Rtype::TXT, cname), (Rtype::CNAME, value)] {
            let update = self
                .update()
                .require(Prerequisite::RRsetEquals(self.text(self.at)?))
                .edit(Edit::DeleteRRset(self.extra.clone(), gone))
                .edit(Edit::AddRRset(there.clone()))
                .replace(self.text(self.at + 1)?);
            match self.moved(&update, self.at + 1)? {
                (true, _) => {}
                (false, reply) => return self.undisturbed(&reply).map(|()| false),
            }
            self.at += 1;
            self.seen()?;
            swaps &= self.serves(&self.extra, there.rtype())? == Some(there);
        }
        Ok(swaps)
    }

    /// How many records it takes in one RRset: 101 ("more than 100"), or the most of 100, 50, 25…
    fn largest(&mut self) -> Result<usize, RehearseError> {
        let mut count = USUAL_RRSET + 1;
        while count > 1 {
            let crowd = self.many(count, "")?;
            let update = self
                .update()
                .require(Prerequisite::RRsetEquals(self.text(self.at)?))
                .edit(Edit::TryRRset(crowd))
                .replace(self.text(self.at + 1)?);
            let (moved, reply) = self.moved(&update, self.at + 1)?;
            if moved {
                self.at += 1;
                return Ok(count);
            }
            self.undisturbed(&reply)?;
            count = if count > USUAL_RRSET {
                USUAL_RRSET
            } else {
                count / 2
            };
        }
        Ok(1)
    }

    /// Removes every scratch record, of this rehearsal or an earlier one.
    fn clear(&self) -> Result<(), RehearseError> {
        let names = [&self.lead, &self.extra, &self.crowd];
        let mut update = self.update();
        let mut gone = self.update();
        for name in names {
            update = update.edit(Edit::DeleteName(name.clone()));
            gone = gone.require(Prerequisite::NameNotInUse(name.clone()));
        }
        let mut reply = self.send(&gone, now());
        for attempt in 0..TRIES {
            if reply.outcome == Outcome::Accepted {
                return Ok(());
            }
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(100 << attempt));
            }
            let sent = self.send(&update, now());
            if is_no(sent.outcome) {
                let (what, detail) = ("updates", sent.detail);
                return Err(RehearseError::Refused { what, detail });
            }
            reply = self.send(&gone, now());
        }
        Err(RehearseError::LeftOver {
            owner: marker_name(self.server.zone()),
            detail: reply.detail,
        })
    }

    /// Puts the scratch names back where this rehearsal believes them to be, after the server did
    /// what it should have refused.
    fn reset(&mut self) -> Result<(), RehearseError> {
        self.at += 10;
        let update = self
            .update()
            .replace(self.text(self.at)?)
            .replace(self.value(&[1])?);
        self.must(&update, self.at, "a plain write")
    }

    /// Sends what must be accepted and lead to the text numbered `to`.
    fn must(&self, update: &Update, to: u32, what: &'static str) -> Result<(), RehearseError> {
        match self.moved(update, to)? {
            (true, _) => Ok(()),
            (false, reply) => {
                self.undisturbed(&reply)?;
                let detail = reply.detail;
                Err(RehearseError::Refused { what, detail })
            }
        }
    }

    /// Fails where the lead is not where this rehearsal left it: then a refusal says nothing of what
    /// the server can do.
    fn undisturbed(&self, refusal: &UpdateReply) -> Result<(), RehearseError> {
        match refusal.outcome {
            Outcome::Prerequisite(_) => Err(RehearseError::Disturbed(self.lead.clone())),
            _ => Ok(()),
        }
    }

    /// Sends an update; says whether the lead moved to the text numbered `to`. Where the answer
    /// does not tell (a lost answer, a busy database), the lead is asked for and it is tried again.
    fn moved(&self, update: &Update, to: u32) -> Result<(bool, UpdateReply), RehearseError> {
        let there = self
            .update()
            .require(Prerequisite::RRsetEquals(self.text(to)?));
        let mut reply = self.send(update, now());
        for attempt in 1..TRIES {
            match reply.outcome {
                Outcome::Accepted => return Ok((true, reply)),
                Outcome::Unknown | Outcome::NotSent => {}
                _ => return Ok((false, reply)),
            }
            std::thread::sleep(Duration::from_millis(50 << attempt));
            if self.send(&there, now()).outcome == Outcome::Accepted {
                return Ok((true, reply));
            }
            reply = self.send(update, now());
        }
        Ok((reply.outcome == Outcome::Accepted, reply))
    }

    /// Waits until the server serves the lead's text.
    fn seen(&mut self) -> Result<(), RehearseError> {
        let since = Instant::now();
        let text = Some(self.text(self.at)?);
        loop {
            let served = self.serves(&self.lead, Rtype::TXT)?;
            if served == text {
                break;
            }
            if since.elapsed() >= self.patience {
                let within = self.patience;
                return Err(RehearseError::Unseen { within });
            }
            // Nothing of ours: not there yet, or somebody else took it away.
            if !served.is_some_and(|s| self.is_ours(&s)) {
                let there = self
                    .update()
                    .require(Prerequisite::RRsetEquals(self.text(self.at)?));
                self.undisturbed(&self.send(&there, now()))?;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.lag = self.lag.max(since.elapsed());
        Ok(())
    }

    fn serves(&self, name: &Name, rtype: Rtype) -> Result<Option<RRset>, AskError> {
        self.server.serves(name, rtype)
    }

    /// Whether a lead has a text of this rehearsal.
    fn is_ours(&self, lead: &RRset) -> bool {
        let salt = format!("steadfast-rehearsal {:04x} ", self.salt);
        let ours = |datum: &[u8]| {
            datum
                .get(1..)
                .is_some_and(|t| t.starts_with(salt.as_bytes()))
        };
        lead.data().any(ours)
    }

    fn send(&self, update: &Update, signed_at: u64) -> UpdateReply {
        self.server.update(update, signed_at, self.fudge)
    }

    fn update(&self) -> Update {
        Update::new(self.server.zone().clone())
    }

    fn text(&self, number: u32) -> Result<RRset, RehearseError> {
        let words = format!("steadfast-rehearsal {:04x} {number}", self.salt);
        let data = [string(&words)];
        Ok(RRset::new(self.lead.clone(), Rtype::TXT, TTL, data)?)
    }

    /// So many records at one name.
    fn many(&self, count: usize, salt: &str) -> Result<RRset, RehearseError> {
        let data = (0..count).map(|i| string(&format!("steadfast-rehearsal {salt}{i}")));
        Ok(RRset::new(self.crowd.clone(), Rtype::TXT, TTL, data)?)
    }

    fn value(&self, numbers: &[u8]) -> Result<RRset, RehearseError> {
        let data = numbers
            .iter()
            .map(|n| string(&format!("steadfast-rehearsal {n}")));
        Ok(RRset::new(self.extra.clone(), Rtype::TXT, TTL, data)?)
    }
}

/// A character-string (RFC 1035 §3.3), as TXT holds it. Longer ones are cut.
fn string(words: &str) -> Vec<u8> {
    let bytes: Vec<u8> = words.bytes().take(255).collect();
    let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    [vec![length], bytes].concat()
}

/// Whether the server will not do it at all, however often it is asked.
fn is_no(outcome: Outcome) -> bool {
    !matches!(
        outcome,
        Outcome::Accepted | Outcome::Unknown | Outcome::NotSent
    )
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
