//! The commands, one file each.

pub mod adopt;
pub mod apply;
pub mod approve;
pub mod ask;
pub mod check;
pub mod checkpoint;
pub mod dev;
pub mod drill;
pub mod explain;
pub mod export;
pub mod files;
pub mod freeze;
pub mod generate;
pub mod glass;
pub mod govern;
pub mod init;
pub mod keep;
pub mod leashed;
pub mod log;
pub mod look;
pub mod newcomer;
pub mod notify;
pub mod out;
pub mod past;
pub mod plan;
pub mod proposal;
pub mod rehearse;
pub mod release;
pub mod resolver;
pub mod rollback;
pub mod show;
pub mod sign;
pub mod sim;
pub mod stages;
pub mod status;
pub mod survey;
pub mod thaw;
pub mod trust;
pub mod up;
pub mod words;

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
        Command::Approve(args) => approve::run(cli, args, style),
        Command::Waive(args) => approve::waive(cli, args, style),
        Command::BreakGlass(args) => approve::break_glass(cli, args, style),
        Command::Govern(args) => govern::run(cli, args, style),
        Command::Status(args) => status::run(cli, args, style),
        Command::Log(args) => log::run(cli, args, style),
        Command::Explain(args) => explain::run(cli, args, style),
        Command::Freeze(args) => freeze::run(cli, args, style),
        Command::Thaw(args) => thaw::run(cli, args, style),
        Command::Release(args) => release::run(cli, args, style),
        Command::Notify(what) => notify::run(cli, what, style),
        Command::Rollback(args) => rollback::run(cli, args, style),
        Command::Resolver(args) => resolver::run(cli, args, style),
        Command::Drill(what) => drill::run(what, style),
        Command::Sim(what) => sim::run(what, style),
        Command::Generate(what) => generate::run(what, style),
        Command::Init(args) => init::run(args, style),
        Command::Check => check::run(cli, style),
        Command::Dev(args) => dev::run(args, style),
        Command::Up => up::run(cli, style),
    }
}
