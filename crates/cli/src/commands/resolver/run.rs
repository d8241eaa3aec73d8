//! Runs the resolver in the foreground until it is told to stop.

use super::args::RunArgs;
use super::{config, control, metrics};
use crate::args::Cli;
use crate::commands::out;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use serve::ResolverServer;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;

/// Runs until SIGTERM or SIGINT; SIGHUP reads the configuration again.
pub(super) fn run(cli: &Cli, args: &RunArgs, style: Style) -> Outcome {
    let settings = config::load(cli.config.as_deref(), args)?;
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        Fail::new(Exit::Error, "resolver", format!("{what}: {error}"), "")
    };
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(|e| failed("signals", &e))?;
    let state = settings.resolver.state.clone();
    let server = ResolverServer::start(settings.resolver)
        .map_err(|e| Fail::new(Exit::Error, "resolver", e.to_string(), ""))?;
    let server = Arc::new(server);
    if let Some(dir) = &state {
        // A folder that cannot be written to is no reason for being without names.
        if let Err(error) = control::listen(dir, &server) {
            let without = "`resolver why` and `let-go` will not reach this one";
            eprintln!("no control socket in {}: {error}; {without}", dir.display());
        }
    }
    if let Some(addr) = settings.metrics {
        metrics::listen(addr, &server).map_err(|e| failed("the metrics port", &e))?;
    }
    for addr in server.addresses() {
        out::note(&format!("resolving on {addr}"), style);
    }
    for signal in signals.forever() {
        match signal {
            SIGHUP => reload(cli, args, &server),
            _ => break,
        }
    }
    if let Some(dir) = &state {
        control::end(dir);
    }
    server.stop();
    Ok(Exit::Done)
}

/// A configuration that cannot be used leaves the old one in place.
fn reload(cli: &Cli, args: &RunArgs, server: &ResolverServer) {
    let loaded = config::load(cli.config.as_deref(), args);
    let told = loaded.and_then(|settings| {
        let (engine, allow) = (settings.resolver.engine, settings.resolver.allow);
        let refused =
            |e: serve::ResolverError| Fail::new(Exit::Usage, "resolver", e.to_string(), "");
        server.reload(engine, allow).map_err(refused)
    });
    match told {
        Ok(()) => eprintln!("configuration read again"),
        Err(fail) => eprint!("the old configuration stays: {}", fail.render(false)),
    }
}
