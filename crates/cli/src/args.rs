//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// DNS automation on a leash.
#[derive(Debug, Parser)]
#[command(
    name = "steadfast",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// The config file; otherwise steadfast.toml, upwards from the current folder
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How to print
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs: one JSON document on standard output
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a whole cell on loopback, and watch what happens to it
    Dev(DevArgs),
    /// Write a new steadfast.toml
    Init(InitArgs),
    /// Take over a live zone without changing an answer
    Adopt(AdoptArgs),
    /// Let go of a zone: remove the marker, leave the answers
    Release(ReleaseArgs),
    /// Validate the config, the keys and the zone files
    Check,
    /// Show what would change, and what the guards say
    Plan(PlanArgs),
    /// Enact a change: gate, rollout, verify
    Apply(ApplyArgs),
    /// Run the daemon of this cell: keep every zone at its ledger, and its endpoints at their targets
    Up,
    /// Show where every zone and server stands, from the store alone
    Status(StatusArgs),
    /// Show a zone's ledger, or verify it
    Log(LogArgs),
    /// Show everything that the ledger knows of one name
    Explain(ExplainArgs),
    /// Approve a saved plan, or a proposed charter, with an SSH key
    Approve(ApproveArgs),
    /// Permit one saved plan to pass one guard, with an SSH key
    Waive(WaiveArgs),
    /// Shorten the bake of the rollout that goes on, with an SSH key and a second person
    BreakGlass(BreakGlassArgs),
    /// Propose who may approve and what needs approval, as the config says it
    Govern(GovernArgs),
    /// Stop all writing, and move the marker so that stalled writes fail
    Freeze(FreezeArgs),
    /// End a freeze, or a server's halt
    Thaw(ThawArgs),
    /// Who is told when something is wrong: see whether it arrives
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Return to older content, as a new generation
    Rollback(RollbackArgs),
    /// Resolve names, and keep pinned ones when upstreams slip
    Resolver(crate::commands::resolver::args::ResolverArgs),
    /// Inject DNS faults, for a while
    #[command(subcommand)]
    Drill(crate::commands::drill::DrillCommand),
    /// Run the production state machine in a world where everything goes wrong
    #[command(subcommand)]
    Sim(crate::commands::sim::args::SimCommand),
    /// Print shell completions, man pages, or the JSON Schema of the config
    #[command(subcommand)]
    Generate(Generate),
}

/// `dev`
#[derive(Debug, Args)]
pub struct DevArgs {
    /// Its folder: config, zone, state
    #[arg(
        long,
        global = true,
        default_value = ".steadfast-dev",
        value_name = "DIR"
    )]
    pub into: PathBuf,
    /// What to ask of the one that runs
    #[command(subcommand)]
    pub what: Option<DevCommand>,
}

/// What a second terminal may ask of a running `dev`.
#[derive(Debug, Subcommand)]
pub enum DevCommand {
    /// Show where it stands
    Status,
    /// Stop a region's target
    Stop {
        /// us-east, eu-west or ap-south
        region: String,
    },
    /// Start a region's target again
    Start {
        /// us-east, eu-west or ap-south
        region: String,
    },
    /// Stop one writer in mid-write while the other goes on: 20 October 2025
    October {
        /// The same by a writer without prerequisites, as other tools write
        #[arg(long)]
        careless: bool,
    },
    /// Let the server's answers turn empty, before a resolver with a pin and before one without
    Blackout,
}

/// `release`
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// The zone
    pub zone: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The zone to start with
    #[arg(default_value = "example.com")]
    pub zone: String,
    /// The folder to write to
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub into: PathBuf,
    /// No DNS server yet: use the built-in one, at this address
    #[arg(long, value_name = "ADDR", value_parser = parse_server)]
    pub builtin: Option<SocketAddr>,
}

/// `adopt`
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// The zone
    pub zone: String,
    /// The primary's address, where there is no config yet
    #[arg(long, value_name = "ADDR", value_parser = parse_server)]
    pub server: Vec<SocketAddr>,
    /// The TSIG key, as tsig-keygen writes it
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Write a config, the key and the zone's content to this folder, and adopt from there
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
    /// Show what would be owned and what is wrong with the zone; write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The same for a zone file; needs neither server nor key
    #[arg(long, value_name = "FILE", conflicts_with_all = ["server", "key", "into"])]
    pub from: Option<PathBuf>,
    /// Take the zone from another ledger, or from a newer copy of this one
    #[arg(long)]
    pub take_over: bool,
    /// Where servers differ: record what this one holds, and bring the others to it
    #[arg(long, value_name = "SERVER", conflicts_with_all = ["server", "key", "into", "from", "drift"])]
    pub like: Option<String>,
    /// Keep what stands: take the foreign edits, of these names or of all, into the configuration
    #[arg(long, value_name = "NAME", num_args = 0.., conflicts_with_all = ["take_over", "into", "server"])]
    pub drift: Option<Vec<String>>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The zone
    pub zone: String,
    /// Propose it: store it, print its number and hash
    #[arg(long)]
    pub save: bool,
    /// Exit with 3 when changes are pending
    #[arg(long)]
    pub exit_code: bool,
}

/// `apply`
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A zone, or the number of a saved plan
    pub what: String,
    /// The zone of the number, where the config has several
    #[arg(long)]
    pub zone: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Put the recorded values back over foreign edits, of these names or of all
    #[arg(long, value_name = "NAME", num_args = 0..)]
    pub overwrite: Option<Vec<String>>,
    /// Go when the first stage has begun: a daemon, or the next apply, goes on
    #[arg(long)]
    pub detach: bool,
    /// How long to wait for servers
    #[arg(long, default_value = "60s", value_parser = parse_span, value_name = "TIME")]
    pub patience: std::time::Duration,
}

/// How an approval is made.
#[derive(Debug, Args)]
pub struct Signing {
    /// The zone of the number, where the config has several
    #[arg(long)]
    pub zone: Option<String>,
    /// The key to sign with: its file, or its .pub file where ssh-agent has it; otherwise the one
    /// below ~/.ssh or in ssh-agent that is on the roll
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Write what is to be signed elsewhere, and sign nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "signature"])]
    pub print: Option<PathBuf>,
    /// Take in what `ssh-keygen -Y sign -n steadfast` made of it; the signed text lies beside it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "span"])]
    pub signature: Option<PathBuf>,
    /// How long it counts; as long as the charter permits otherwise
    #[arg(long = "for", value_parser = parse_span, value_name = "TIME")]
    pub span: Option<std::time::Duration>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `approve`
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The number of a saved plan, or of a proposed charter
    pub number: u64,
    /// How
    #[command(flatten)]
    pub signing: Signing,
}

/// `waive`
#[derive(Debug, Args)]
pub struct WaiveArgs {
    /// The guard, as the plan's findings name it
    pub guard: String,
    /// The number of a saved plan
    pub number: u64,
    /// Why, on one line
    #[arg(long, required_unless_present = "signature", default_value = "")]
    pub reason: String,
    /// How
    #[command(flatten)]
    pub signing: Signing,
}

/// `break-glass`
#[derive(Debug, Args)]
pub struct BreakGlassArgs {
    /// The number of the plan that goes out
    pub number: u64,
    /// Why, on one line
    #[arg(long, required_unless_present = "signature", default_value = "")]
    pub reason: String,
    /// How; `--for` is an hour at most
    #[command(flatten)]
    pub signing: Signing,
}

/// `govern`
#[derive(Debug, Args)]
pub struct GovernArgs {
    /// The zone
    pub zone: String,
    /// Show what is in force and what the config proposes; write nothing
    #[arg(long)]
    pub show: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Only this zone
    pub zone: Option<String>,
}

/// `log`
#[derive(Debug, Args)]
pub struct LogArgs {
    /// `verify`, `export`, `checkpoint`, or a zone
    pub first: Option<String>,
    /// What to verify: a zone, or an exported file. What to export or to sign: a zone, or where
    /// there is one alone, the file to write (`-`: standard output)
    pub second: Option<String>,
    /// The file to write, where a zone is named
    pub third: Option<String>,
    /// Only the last entries
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub last: Option<usize>,
    /// `verify`: what you noted before, as HASH for the last entry, or as NUMBER:HASH
    #[arg(long, value_name = "HEAD", value_parser = parse_head)]
    pub head: Option<crate::commands::trust::Head>,
    /// `verify FILE`: what somebody signed before with `log checkpoint`
    #[arg(long, value_name = "FILE", requires = "signers")]
    pub checkpoint: Option<PathBuf>,
    /// Whose checkpoints count: a file in OpenSSH's allowed_signers form
    #[arg(long, value_name = "FILE", requires = "checkpoint")]
    pub signers: Option<PathBuf>,
    /// `checkpoint`: the key to sign with, as for `approve`
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// `explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The name, whole or relative to the only zone
    pub name: String,
    /// Ask the servers, too
    #[arg(long)]
    pub live: bool,
    /// As it was then: 2026-11-23T21:00:00Z (UTC), or '2h ago'
    #[arg(long, value_name = "TIME", conflicts_with = "live")]
    pub at: Option<String>,
}

/// `freeze`
#[derive(Debug, Args)]
pub struct FreezeArgs {
    /// The zone
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub zone: Option<String>,
    /// Every zone of the config
    #[arg(long)]
    pub all: bool,
    /// Why
    #[arg(long)]
    pub reason: String,
    /// End by itself after this time
    #[arg(long = "for", value_parser = parse_span, value_name = "TIME")]
    pub span: Option<std::time::Duration>,
}

/// `thaw`
#[derive(Debug, Args)]
pub struct ThawArgs {
    /// The zone
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub zone: Option<String>,
    /// Every zone of the config
    #[arg(long)]
    pub all: bool,
    /// Resume a halted server
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    pub server: Option<String>,
    /// Why
    #[arg(long, default_value = "")]
    pub reason: String,
}

/// `notify`
#[derive(Debug, Subcommand)]
pub enum NotifyCommand {
    /// Send a test message, and show what the receiver says
    Test {
        /// Only to this one of [notify.NAME]; otherwise to all
        name: Option<String>,
    },
}

/// `rollback`
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The zone
    pub zone: String,
    /// The configuration generation to return to; the one before the present one otherwise
    #[arg(long, value_name = "N")]
    pub to: Option<u64>,
    /// Go back nowhere: say that this configuration, and every other with its content, is never to be
    /// gone back to by itself
    #[arg(long, value_name = "N", conflicts_with = "to", requires = "reason")]
    pub strike: Option<u64>,
    /// Why, with `--strike`
    #[arg(long, requires = "strike")]
    pub reason: Option<String>,
    /// Show it; write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// How long to wait for servers
    #[arg(long, default_value = "60s", value_parser = parse_span, value_name = "TIME")]
    pub patience: std::time::Duration,
}

/// `generate`
#[derive(Debug, Subcommand)]
pub enum Generate {
    /// Completions for a shell
    Completions {
        /// Which
        shell: clap_complete::Shell,
    },
    /// Man pages, one file a command
    Man {
        /// The folder to write to
        dir: PathBuf,
    },
    /// The JSON Schema of steadfast.toml
    Schema,
}

pub(crate) fn parse_server(text: &str) -> Result<SocketAddr, String> {
    crate::config::text::socket_addr(text)
        .map_err(|fault| format!("{}; {}", fault.message, fault.help))
}

fn parse_head(text: &str) -> Result<crate::commands::trust::Head, String> {
    text.parse()
}

pub(crate) fn parse_span(text: &str) -> Result<std::time::Duration, String> {
    crate::config::text::duration(text)
        .map_err(|fault| format!("{}; {}", fault.message, fault.help))
}
