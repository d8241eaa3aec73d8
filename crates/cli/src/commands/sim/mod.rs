//! `steadfast sim`: the production state machine in a world where everything goes wrong.

pub mod args;
mod conform;
mod corpus;
mod exhaust;
mod explain;
mod jobs;
mod load;
mod mutants;
mod replay;
mod resolver;
mod run;
mod shrink;

use crate::exit::Outcome;
use crate::site::Style;
use args::SimCommand;

/// Runs the command.
///
/// # Errors
/// A file that can't be read, a safeguard that nobody knows.
pub fn run(command: &SimCommand, style: Style) -> Outcome {
    match command {
        SimCommand::Run(args) => run::run(args, style),
        SimCommand::Exhaust(args) => exhaust::run(args, style),
        SimCommand::Replay(args) => replay::run(args, style),
        SimCommand::Explain(args) => explain::run(args, style),
        SimCommand::Mutants(args) => mutants::run(args, style),
        SimCommand::Corpus(command) => corpus::run(command, style),
        SimCommand::Conform(args) => conform::run(args, style),
        SimCommand::Shrink(args) => shrink::run(args, style),
        SimCommand::Resolver(args) => resolver::run(args, style),
    }
}
