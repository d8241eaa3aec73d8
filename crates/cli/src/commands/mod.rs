//! The commands, one file each.

pub mod adopt;
pub mod apply;
pub mod ask;
pub mod plan;
pub mod rehearse;
pub mod show;

use crate::args::{Cli, Command};
use crate::exit::Outcome;
use crate::site::Style;

/// Runs the command that was asked for.
///
/// # Errors
/// Why it ended early; `main` prints it.
pub fn run(cli: &Cli, style: Style) -> Outcome {
    match &cli.command {
        Command::Adopt(args) => adopt::run(cli, args, style),
        Command::Plan(args) => plan::run(cli, args, style),
        Command::Apply(args) => apply::run(cli, args, style),
        _ => Ok(crate::exit::Exit::Usage),
    }
}
