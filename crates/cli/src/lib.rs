//! What the `steadfast` binary is made of, as a library that its tests can reach.
//!
//! [`config`] loads `steadfast.toml`; [`diag`] is the one way in which every command tells an operator what is
//! wrong, where, and how to fix it.

pub mod args;
pub mod builtin;
pub mod charter;
pub mod commands;
pub mod config;
pub mod diag;
pub mod drift;
pub mod enact;
pub mod exit;
pub mod led;
pub mod prepare;
pub mod site;
pub mod source;
