//! Servers that lack one thing each: none of the real ones does.
#![allow(clippy::unwrap_used)]

use super::*;
use std::cell::RefCell;
use std::collections::BTreeMap;

type Held = BTreeMap<(Name, Rtype), RRset>;

/// A server in memory, and what is wrong with it.
struct Flawed {
    zone: Name,
    flaw: Flaw,
    held: RefCell<Held>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Flaw {
    None,
    NoPrerequisites,
    NoValues,
    NoDeadline,
    AddsInsteadOfReplacing,
    LosesSwaps,
    TakesFifty,
    NeverServes,
    Races,
    LastWins,
    AlwaysBusy,
}

fn name(text: &str) -> Name {
    Name::absolute(text).unwrap()
}

fn flawed(flaw: Flaw) -> Flawed {
    Flawed {
        zone: name("example.com"),
        flaw,
        held: RefCell::default(),
    }
}

fn run(server: &Flawed) -> Result<Abilities, RehearseError> {
    let played = rehearse(server, Millis::seconds(10), Millis(30));
    assert!(server.held.borrow().is_empty(), "{:?}", server.flaw);
    played
}

impl Flawed {
    fn holds(&self, held: &Held, prerequisite: &Prerequisite) -> bool {
        let used = |name: &Name| held.keys().any(|(n, _)| n == name);
        match prerequisite {
            _ if self.flaw == Flaw::NoPrerequisites => true,
            Prerequisite::RRsetEquals(r) if self.flaw == Flaw::NoValues => {
                held.contains_key(&(r.name().clone(), r.rtype()))
            }
            Prerequisite::RRsetEquals(r) => held
                .get(&(r.name().clone(), r.rtype()))
                .is_some_and(|h| h.same_data(r)),
            Prerequisite::RRsetAbsent(n, t) => !held.contains_key(&(n.clone(), *t)),
            Prerequisite::RRsetExists(n, t) => held.contains_key(&(n.clone(), *t)),
            Prerequisite::NameInUse(n) => used(n),
            Prerequisite::NameNotInUse(n) => !used(n),
        }
    }

    fn edit(&self, held: &mut Held, edit: &Edit) -> Result<(), Outcome> {
        match edit {
            Edit::DeleteName(n) => held.retain(|(name, _), _| name != n),
            Edit::DeleteRRset(n, t) => {
                if self.flaw != Flaw::AddsInsteadOfReplacing {
                    held.remove(&(n.clone(), *t));
                }
            }
            Edit::DeleteRecords(r) => drop(held.remove(&(r.name().clone(), r.rtype()))),
            Edit::TryRRset(r) if self.flaw == Flaw::TakesFifty && r.len() > 50 => {
                return Err(Outcome::Refused);
            }
            Edit::TryRRset(_) => {}
            Edit::AddRRset(r) if self.flaw == Flaw::LosesSwaps && r.rtype() == Rtype::CNAME => {}
            Edit::AddRRset(r) => {
                let slot = held.entry((r.name().clone(), r.rtype()));
                let all: Vec<Vec<u8>> = match &slot {
                    std::collections::btree_map::Entry::Occupied(o) => {
                        o.get().data().chain(r.data()).map(<[u8]>::to_vec).collect()
                    }
                    std::collections::btree_map::Entry::Vacant(_) => {
                        r.data().map(<[u8]>::to_vec).collect()
                    }
                };
                let merged = RRset::new(r.name().clone(), r.rtype(), r.ttl(), all).unwrap();
                slot.insert_entry(merged);
            }
        }
        Ok(())
    }
}

impl Actor for Flawed {
    fn zone(&self) -> &Name {
        &self.zone
    }

    fn update(&self, update: &Update, signed_at: u64, fudge: u16) -> UpdateReply {
        let reply = |outcome| UpdateReply {
            outcome,
            detail: format!("{outcome:?}"),
        };
        let late = now().abs_diff(signed_at) > u64::from(fudge);
        if late && self.flaw != Flaw::NoDeadline {
            return reply(Outcome::Late { server_time: now() });
        }
        let mut held = self.held.borrow().clone();
        let asks = update.edits().is_empty();
        let exactly = |p: &Prerequisite| match p {
            // Even a server without a fence can say whether a name is there.
            Prerequisite::NameNotInUse(n) if asks => !held.keys().any(|(name, _)| name == n),
            p => self.holds(&held, p),
        };
        if !update.prerequisites().iter().all(exactly) {
            return reply(Outcome::Prerequisite(dns::Rcode::NXRRSET));
        }
        for edit in update.edits() {
            if let Err(outcome) = self.edit(&mut held, edit) {
                return reply(outcome);
            }
        }
        self.held.replace(held);
        reply(Outcome::Accepted)
    }

    /// One after the other; where it races, all are compared before the first is written.
    fn at_once(&self, updates: &[Update], signed_at: u64, fudge: u16) -> Vec<UpdateReply> {
        let one = |update: &Update| self.update(update, signed_at, fudge);
        let before = self.held.borrow().clone();
        let busy = UpdateReply {
            outcome: Outcome::Unknown,
            detail: "SERVFAIL".into(),
        };
        match self.flaw {
            Flaw::Races => {
                let anew = |update| {
                    self.held.replace(before.clone());
                    one(update)
                };
                updates.iter().map(anew).collect()
            }
            // Two are written, and the answer to the later one gets lost.
            Flaw::LastWins => {
                let replies: Vec<UpdateReply> = updates.iter().map(one).collect();
                self.held.replace(before);
                updates.last().map(one);
                replies
            }
            Flaw::AlwaysBusy => vec![busy; updates.len()],
            _ => updates.iter().map(one).collect(),
        }
    }

    fn serves(&self, name: &Name, rtype: Rtype) -> Result<Option<RRset>, AskError> {
        let held = self.held.borrow();
        let found = held.get(&(name.clone(), rtype)).cloned();
        Ok(found.filter(|_| self.flaw != Flaw::NeverServes))
    }
}

#[test]
fn a_server_without_flaws_passes() {
    let found = run(&flawed(Flaw::None)).unwrap();
    assert!(found.unfenced.is_empty() && found.swap_cname, "{found}");
    assert_eq!(found.max_rrset, 101);
}

#[test]
fn names_what_does_not_fence() {
    let prerequisites = [
        Primitive::WrongMarker,
        Primitive::WrongValue,
        Primitive::Absence,
        Primitive::Replay,
    ];
    let values = [
        Primitive::WrongMarker,
        Primitive::WrongValue,
        Primitive::Replay,
    ];
    let cases: [(Flaw, &[Primitive]); 3] = [
        (Flaw::NoPrerequisites, &prerequisites),
        (Flaw::NoValues, &values),
        (Flaw::NoDeadline, &[Primitive::Deadline]),
    ];
    for (flaw, expected) in cases {
        assert_eq!(run(&flawed(flaw)).unwrap().unfenced, expected, "{flaw:?}");
    }
}

/// Also where only what stands afterwards tells.
#[test]
fn finds_servers_that_let_two_win() {
    for flaw in [Flaw::Races, Flaw::LastWins] {
        let found = run(&flawed(flaw)).unwrap();
        assert_eq!(found.unfenced, [Primitive::Race], "{flaw:?}");
    }
}

/// I7: inconclusive is no pass.
#[test]
fn a_race_that_nobody_ever_wins_decides_nothing() {
    let failed = run(&flawed(Flaw::AlwaysBusy)).unwrap_err();
    let said = failed.to_string();
    assert!(
        matches!(failed, RehearseError::Undecided { decided: 0, .. }),
        "{said}"
    );
    assert!(said.contains("SERVFAIL"), "{said}");
}

#[test]
fn finds_lost_swaps_and_small_rrsets() {
    assert!(!run(&flawed(Flaw::LosesSwaps)).unwrap().swap_cname);
    assert_eq!(run(&flawed(Flaw::TakesFifty)).unwrap().max_rrset, 50);
}

#[test]
fn fails_where_writes_are_never_seen() {
    for flaw in [Flaw::NeverServes, Flaw::AddsInsteadOfReplacing] {
        let failed = run(&flawed(flaw));
        assert!(
            matches!(failed, Err(RehearseError::Unseen { .. })),
            "{flaw:?}: {failed:?}"
        );
    }
}
