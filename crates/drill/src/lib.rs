//! Drills: a DNS proxy that gives wrong answers on purpose, for a while.
//!
//! [`Drill`] decides which questions are hit, [`forge`] writes what they get instead, both without
//! IO; [`Proxy`] is the shell: sockets, and the clock. A fault ends in the data path: every question
//! is compared with the clock, so that nobody has to be alive to end it (D1). What runs Steadfast
//! itself is never hit (D2).

mod clock;
mod forge;
mod proxy;
mod rules;
mod tcp;
mod udp;

pub use forge::forge;
pub use proxy::{Counts, Hits, Proxy, StartError};
pub use rules::Drill;
