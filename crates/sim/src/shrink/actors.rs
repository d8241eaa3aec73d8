//! A trace without one of its enactors: all of its lines at once. To leave them out one by one does
//! not do where everybody has to be at rest for something to show.

use crate::action::{Action, E, Item};
use crate::targets::Fate;
use crate::trace::Trace;

/// The trace without an enactor; the last one gets its number.
pub(super) fn without(trace: &Trace, gone: E) -> Trace {
    let mut less = trace.clone();
    less.header.setting.enactors -= 1;
    let last = less.header.setting.enactors;
    less.lines.retain_mut(|line| match whose(&mut line.action) {
        Some(e) if *e == gone => false,
        Some(e) if *e == last => {
            *e = gone;
            true
        }
        _ => true,
    });
    less
}

/// The enactor that an action concerns.
fn whose(action: &mut Action) -> Option<&mut E> {
    Some(match action {
        Action::Start(e)
        | Action::Crash(e)
        | Action::Stall(e)
        | Action::Go(e)
        | Action::Skew(e, _)
        | Action::Wake(e)
        | Action::Store(e)
        | Action::Answer(e)
        | Action::StoreFails(e)
        | Action::StoreForgets(e)
        | Action::Operate(e, _)
        | Action::Said(e, ..)
        | Action::Attach(e, _)
        | Action::Cut(e, _)
        | Action::Joined(e, _) => e,
        Action::Targets(
            Fate::Blind(e, ..)
            | Fate::Sees(e, ..)
            | Fate::Clock(e, ..)
            | Fate::Probe(e, _)
            | Fate::Report(e, _),
        ) => e,
        Action::Send(Item(e, _))
        | Action::Deliver(Item(e, _))
        | Action::Look(Item(e, _))
        | Action::Return(Item(e, _))
        | Action::GiveUp(Item(e, _)) => e,
        Action::Down(_)
        | Action::Up(_)
        | Action::Refuse(_)
        | Action::Permit(_)
        | Action::Show(_)
        | Action::ServerSkew(..)
        | Action::Backup(_)
        | Action::Restore(_)
        | Action::Reload(_)
        | Action::Foreign(..)
        | Action::Forge(..)
        | Action::PutBack(_)
        | Action::Rival
        | Action::CopyStore(_)
        | Action::Calm
        | Action::Check
        | Action::Transfer(..)
        | Action::FollowerDown(..)
        | Action::FollowerUp(..)
        | Action::Ask(_)
        | Action::Targets(Fate::Dies(_) | Fate::Errs(_) | Fate::Lives(_) | Fate::Buries(_))
        | Action::Full(_)
        | Action::Roomy(_) => return None,
    })
}
