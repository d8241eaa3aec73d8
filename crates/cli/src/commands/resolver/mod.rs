//! `steadfast resolver`: the resolver that outlives the outage, and what looks at it.

pub mod args;
mod check;
mod config;
mod control;
mod metrics;
mod run;
mod why;

use crate::args::Cli;
use crate::exit::Outcome;
use crate::site::Style;
use args::{ResolverArgs, ResolverCommand};

/// Runs the command.
///
/// # Errors
/// A configuration that must not be, an address that is taken, nobody to talk to.
pub fn run(cli: &Cli, args: &ResolverArgs, style: Style) -> Outcome {
    match &args.command {
        None => run::run(cli, &args.run, style),
        Some(ResolverCommand::Why { name, place }) => why::why(cli, name, place, style),
        Some(ResolverCommand::LetGo { name, place }) => why::let_go(cli, name, place, style),
        Some(ResolverCommand::Check(args)) => check::run(args, style),
    }
}
