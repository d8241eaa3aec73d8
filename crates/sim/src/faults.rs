//! Counts what goes wrong, as it happens: an exploration shows which faults it has drawn.

use crate::action::{Action, Item};
use crate::enactor::Ask;
use crate::world::World;

/// Milliseconds that a clock may be off without having jumped.
const OFF: i64 = 5_000;

impl World {
    /// What an action is, before it happens.
    pub(crate) fn tally(&mut self, action: &Action) {
        let given_up = match action {
            Action::GiveUp(item) => self.given_up(*item),
            _ => None,
        };
        let (again, overtaken) = match action {
            Action::Deliver(item) => self.order(*item),
            _ => (false, false),
        };
        let tally = &mut self.stats.world;
        tally.duplicates += u64::from(again);
        tally.overtaken += u64::from(overtaken);
        let count = match action {
            Action::Stall(_) => &mut tally.stalls,
            Action::Crash(_) => &mut tally.crashes,
            Action::Skew(_, 0) | Action::ServerSkew(_, 0) => return,
            Action::Skew(_, by) if *by > OFF => &mut tally.ahead,
            Action::Skew(_, by) if *by < -OFF => &mut tally.back,
            Action::Skew(..) => &mut tally.skews,
            Action::ServerSkew(..) => &mut tally.server_skews,
            Action::StoreFails(_) => &mut tally.store_fails,
            Action::StoreForgets(_) => &mut tally.store_forgets,
            Action::CopyStore(_) => &mut tally.copies,
            Action::PutBack(_) => &mut tally.put_back,
            Action::Rival => &mut tally.rivals,
            Action::Forge(..) => &mut tally.forged,
            Action::Down(_) => &mut tally.downs,
            Action::Refuse(_) => &mut tally.refuses,
            Action::Restore(_) => &mut tally.restores,
            Action::Reload(_) => &mut tally.reloads,
            Action::Foreign(..) => &mut tally.edits,
            Action::Cut(_, Some(_)) => &mut tally.cuts,
            Action::Cut(_, None) => &mut tally.store_cuts,
            Action::GiveUp(_) => match given_up {
                Some(Lost::Write) => &mut tally.lost,
                Some(Lost::Reply) => &mut tally.unheard,
                Some(Lost::Question) => &mut tally.unanswered,
                None => return,
            },
            _ => return,
        };
        *count += 1;
    }

    /// What an enactor stops waiting for.
    fn given_up(&self, item: Item) -> Option<Lost> {
        let enactor = self.enactors.get(usize::from(item.0))?;
        let request = enactor.requests.get(&item.1).filter(|r| !r.done)?;
        Some(match (&request.ask, &request.reply) {
            (_, Some(_)) => Lost::Reply,
            (Ask::Write(_, true), None) => Lost::Write,
            _ => Lost::Question,
        })
    }

    /// Whether a write arrives for the second time, and whether after one decided later.
    fn order(&mut self, item: Item) -> (bool, bool) {
        let enactor = self.enactors.get(usize::from(item.0));
        let request = enactor.and_then(|e| e.requests.get(&item.1));
        let Some(request) = request else {
            return (false, false);
        };
        let Ask::Write(write, true) = &request.ask else {
            return (false, false);
        };
        let newest = self.newest.entry(request.server).or_default();
        let overtaken = write.seq < *newest;
        *newest = write.seq.max(*newest);
        (request.arrived, overtaken)
    }
}

/// What is given up.
enum Lost {
    /// A write that has left: it may still arrive.
    Write,
    /// An answer that was given.
    Reply,
    /// Anything else.
    Question,
}
