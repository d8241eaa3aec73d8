//! The command line of `steadfast resolver`.

use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `resolver`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ResolverArgs {
    /// What to do instead of resolving
    #[command(subcommand)]
    pub command: Option<ResolverCommand>,
    /// How to resolve
    #[command(flatten)]
    pub run: RunArgs,
}

/// How to resolve; what a file given with `--config` says counts where this says nothing.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Where to listen, over UDP and TCP [default: 127.0.0.1:53]
    #[arg(long, value_name = "ADDR", value_parser = crate::args::parse_server)]
    pub listen: Vec<SocketAddr>,
    /// Who resolves for us
    #[arg(long, value_name = "ADDR", value_parser = crate::args::parse_server)]
    pub upstream: Vec<SocketAddr>,
    /// A name, or a pattern of names, whose last known good answer stands until its absence is confirmed
    #[arg(long, value_name = "NAME")]
    pub pin: Vec<String>,
    /// A name, or a pattern of names, that does not exist here, pinned or not
    #[arg(long, value_name = "NAME")]
    pub block: Vec<String>,
    /// Who may ask, besides this machine
    #[arg(long, value_name = "NETWORK")]
    pub allow: Vec<String>,
    /// The folder for last known good answers and the control socket
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Metrics for Prometheus, on a loopback address
    #[arg(long, value_name = "ADDR", value_parser = crate::args::parse_server)]
    pub metrics: Option<SocketAddr>,
}

/// What to do instead of resolving.
#[derive(Debug, Subcommand)]
pub enum ResolverCommand {
    /// Explain an answer: where it comes from, who was asked, what would change it
    Why {
        /// The name
        name: String,
        /// Which resolver
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Give up what is remembered of a pinned name: upstreams have the word from now on
    LetGo {
        /// The name
        name: String,
        /// Which resolver
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Grade resolvers: latency, made-up answers, NODATA, AD, EDNS, TCP, contradictions
    Check(CheckArgs),
}

/// A running resolver on this machine.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// The folder that it was started with
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// `resolver check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The resolvers
    #[arg(required = true, value_name = "ADDR", value_parser = crate::args::parse_server)]
    pub addresses: Vec<SocketAddr>,
    /// A name that exists and has an A record
    #[arg(long, default_value = "example.com", value_name = "NAME")]
    pub name: String,
    /// A name whose signatures are broken on purpose: who answers for it does not validate
    #[arg(long, default_value = "dnssec-failed.org", value_name = "NAME")]
    pub broken: String,
    /// How long to wait for an answer
    #[arg(long, default_value = "2s", value_parser = crate::args::parse_span, value_name = "TIME")]
    pub patience: std::time::Duration,
}
