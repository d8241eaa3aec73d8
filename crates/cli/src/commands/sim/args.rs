//! The command line of `steadfast sim`.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// `sim`
#[derive(Debug, Subcommand)]
pub enum SimCommand {
    /// Explore a scenario, seed after seed, until something breaks
    Run(RunArgs),
    /// Search every interleaving of a small world
    Exhaust(ExhaustArgs),
    /// Run a stored trace again
    Replay(ReplayArgs),
    /// Make a failing trace small: the few events that matter
    Shrink(ShrinkArgs),
    /// Tell a failing trace: who did what, and which reordering makes the difference
    Explain(ExplainArgs),
    /// Judge a production ledger: every entry's right to follow those before it
    Conform(ConformArgs),
    /// Take every safeguard out in turn; each time something has to break
    Mutants(MutantsArgs),
    /// The resolver, among upstreams that lie, fall silent or disagree
    Resolver(ResolverArgs),
    /// Traces of past failures
    #[command(subcommand)]
    Corpus(CorpusCommand),
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
    /// Say what was reached: pairs of state, input and fault, different states, marks
    #[arg(long)]
    pub coverage: bool,
    /// Where the trace of a violation is stored
    #[arg(long, value_name = "DIR", default_value = "sim-traces")]
    pub out: PathBuf,
}

/// `sim resolver`
#[derive(Debug, Args)]
pub struct ResolverArgs {
    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub seeds: u64,
    /// The first seed
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub from: u64,
    /// Go through every small world of so many steps as well; each step is ten times the work
    #[arg(long, value_name = "D", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=8))]
    pub depth: u32,
    /// Take a safeguard out, by its mutant's name
    #[arg(long, value_name = "SAFEGUARD", default_value = "none")]
    pub without: String,
}

/// `sim exhaust`
#[derive(Debug, Args)]
pub struct ExhaustArgs {
    /// How many enactors
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub enactors: u8,
    /// How many servers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub servers: u8,
    /// How many plans operators make; they move www forth and back, at any enactor and any time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=64))]
    pub plans: u32,
    /// How often an enactor may die
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub crashes: u8,
    /// How often an answer may not come, or come when nobody waits for it
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub losses: u8,
    /// How often a write may arrive twice
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub doubles: u8,
    /// How often a server may lose its marker
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub wipes: u8,
    /// How often a server may come back from a backup of any time
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub restores: u8,
    /// How often somebody else may set an RRset
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub edits: u8,
    /// How often time may pass until every deadline is over
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub waits: u8,
    /// Generations that were made before the search begins
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=64))]
    pub history: u32,
    /// How many moves deep
    #[arg(long, value_name = "D", default_value_t = 40)]
    pub depth: u32,
    /// How many different states at most; each takes memory
    #[arg(long, value_name = "N", default_value_t = 2_000_000)]
    pub states: usize,
    /// Look for a violation of this invariant only, and not behind those of others
    #[arg(long, value_name = "INVARIANT")]
    pub invariant: Option<String>,
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

/// `sim mutants`
#[derive(Debug, Args)]
pub struct MutantsArgs {
    /// Only these; `none` is the control
    pub only: Vec<String>,
    /// The scenario; the standard one otherwise
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Within how many seeds each has to be caught, and the control stays clean
    #[arg(long, value_name = "N")]
    pub seeds: Option<u64>,
    /// How many threads [default: one a processor]
    #[arg(long, value_name = "J")]
    pub jobs: Option<usize>,
}

/// `sim corpus`
#[derive(Debug, Subcommand)]
pub enum CorpusCommand {
    /// Put a failing trace into the corpus, as small as it gets
    Add(CorpusAdd),
    /// Run every trace: clean with every safeguard, still broken without its own
    Run(CorpusRun),
}

/// `sim corpus add`
#[derive(Debug, Args)]
pub struct CorpusAdd {
    /// The trace
    pub trace: PathBuf,
    /// What it is called there [default: as the file]
    #[arg(long)]
    pub name: Option<String>,
    /// The corpus
    #[arg(long, value_name = "DIR", default_value = "scenarios/corpus")]
    pub dir: PathBuf,
}

/// `sim corpus run`
#[derive(Debug, Args)]
pub struct CorpusRun {
    /// The corpus
    #[arg(value_name = "DIR", default_value = "scenarios/corpus")]
    pub dir: PathBuf,
}

/// `sim conform`
#[derive(Debug, Args)]
pub struct ConformArgs {
    /// A cell's state folder, its store, or what `steadfast log ZONE --output json` printed
    pub ledger: PathBuf,
    /// Only this zone
    #[arg(long)]
    pub zone: Option<String>,
}
