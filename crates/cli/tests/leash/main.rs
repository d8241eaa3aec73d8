//! Approvals: what counts as one, and what does not, each by its name. Signatures are real:
//! `ssh-keygen` makes them; time alone is a value.
#![allow(clippy::unwrap_used)]

mod classes;
mod glass;
mod keys;
mod model;
mod refusals;
mod rolls;
mod scene;
mod security_key;
mod texts;
