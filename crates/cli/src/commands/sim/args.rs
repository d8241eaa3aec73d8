//! The command line of `steadfast sim`.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// `sim`
#[derive(Debug, Subcommand)]
pub enum SimCommand {
    /// Explore a scenario, seed after seed, until something breaks
    Run(RunArgs),
    /// Run a stored trace again
    Replay(ReplayArgs),
    /// Make a failing trace small: the few events that matter
    Shrink(ShrinkArgs),
    /// Tell a failing trace: who did what, and which reordering makes the difference
    Explain(ExplainArgs),
}

/// `sim run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A scenario file, or a folder of them; the standard scenario otherwise
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// How many seeds [default: 1000]
    #[arg(long, value_name = "N", conflicts_with = "span")]
    pub seeds: Option<u64>,
    /// The first seed
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub from: u64,
    /// Explore for so long
    #[arg(long = "for", value_name = "TIME", value_parser = crate::args::parse_span)]
    pub span: Option<Duration>,
    /// How many threads; the outcome does not depend on it [default: one a processor]
    #[arg(long, value_name = "J")]
    pub jobs: Option<usize>,
    /// Take a safeguard out, by its mutant's name
    #[arg(long, value_name = "SAFEGUARD", default_value = "none")]
    pub without: String,
    /// Where the trace of a violation is stored
    #[arg(long, value_name = "DIR", default_value = "sim-traces")]
    pub out: PathBuf,
}

/// `sim replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The trace
    pub trace: PathBuf,
    /// Only the first events
    #[arg(long, value_name = "N")]
    pub until: Option<usize>,
    /// Other safeguards than the trace's
    #[arg(long, value_name = "SAFEGUARD")]
    pub without: Option<String>,
}

/// `sim shrink`
#[derive(Debug, Args)]
pub struct ShrinkArgs {
    /// The trace
    pub trace: PathBuf,
    /// Where to write the small one [default: beside it, as NAME.small.trace]
    #[arg(long, value_name = "FILE")]
    pub into: Option<PathBuf>,
    /// Most runs that are tried
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub runs: u64,
}

/// `sim explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The trace
    pub trace: PathBuf,
    /// How wide the story is, in characters
    #[arg(long, value_name = "N", default_value_t = 130)]
    pub width: usize,
}
