//! `steadfast drill`: DNS faults on purpose, each with an end.

mod proxy;

use crate::exit::Outcome;
use crate::site::Style;
use clap::{Args, Subcommand};
use std::net::SocketAddr;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// Stand between clients and a DNS server, and falsify some of its answers for a while
    Proxy(ProxyArgs),
}

/// `drill proxy`
#[derive(Debug, Args)]
pub struct ProxyArgs {
    /// Where to listen, over UDP and TCP; on this machine only
    #[arg(long, default_value = "127.0.0.1:5398", value_name = "ADDR", value_parser = crate::args::parse_server)]
    pub listen: SocketAddr,
    /// The server whose answers are falsified
    #[arg(long, value_name = "ADDR", value_parser = crate::args::parse_server)]
    pub upstream: SocketAddr,
    /// A fault: 'nodata name=**.example.com share=50% for=10m'; the first that is about a question counts
    #[arg(long, value_name = "FAULT", required = true)]
    pub fault: Vec<String>,
    /// A name, or a pattern of names, whose answers are never falsified
    #[arg(long, value_name = "NAME")]
    pub spare: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// A fault that cannot be read; an address that must not be listened on.
pub fn run(what: &DrillCommand, style: Style) -> Outcome {
    match what {
        DrillCommand::Proxy(args) => proxy::run(args, style),
    }
}
