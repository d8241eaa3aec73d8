//! The health stream's decisions: from what probers see to which targets are in (I8, I9).
//!
//! ```text
//! readings ──► pulse (one prober, one target: fall, rise, age) ──► verdict
//!                       a prober that reaches nothing says nothing      │
//! verdicts of all probers ──► ballot (majority) ──► standing ──► envelope ──► the choice
//!                                                      floors, velocity, panic
//! ```
//!
//! All of it is a function of values. What nobody knows changes nothing: unreachable is not sick
//! (I7), a prober without evidence of its own connection is silent, and everything sick at once
//! means that the checker is.

mod ballot;
mod check;
mod definition;
mod endpoint;
mod envelope;
mod known;
#[cfg(test)]
mod known_tests;
mod pulse;
mod render;
mod rounds;
#[cfg(test)]
mod tests;

pub use ballot::ballot;
pub use check::Check;
pub use definition::{DefinitionError, ENDPOINT, from_rrset, to_rrset};
pub use endpoint::{Answer, Cadence, Endpoint, Floor, Target, Velocity};
pub use envelope::{Choice, Held, Rules, Standing, Why, choose};
pub use known::{Definitions, Known};
pub use pulse::{Outcome, Prober, Reading, Silence, Verdict};
pub use render::{
    Health, Outs, addresses, answered, endpoints, has_endpoints, render, rendered, served,
    served_steps,
};
pub use rounds::{Due, Rounds, Slot, Watched};
