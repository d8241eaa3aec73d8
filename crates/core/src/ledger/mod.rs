//! The ledger: append-only, hash-chained; the zone's state is its fold.

mod chain;
mod entry;
mod fold;
mod health;
mod layers;
mod leash;
mod rollout;
mod state;

pub use chain::{ChainError, Stored, link, open, seal};
pub use entry::{
    Act, Adopted, Decision, Entry, Event, Expect, FORMAT, Found, HaltKind, HeldTarget, HeldWhy,
    Loss, Move, Origin, ServerId, Settlement,
};
pub(crate) use health::differing;
pub use health::{HealthState, Sight, Watched};
pub use leash::{Approval, Chartered, Given, LeashState};
pub use rollout::{Back, Failure, Rollout, Stages};
pub use state::{Decided, Drift, Freeze, Generation, Halt, Proposal, ServerState, State};
