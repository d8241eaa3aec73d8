//! `steadfast up`: the daemon of one cell.
//!
//! It keeps every zone of the config at what its ledger says, and its endpoints at what their targets
//! are able to do. It holds nothing that a file does not: killed at any moment, it goes on from the
//! ledger, and others on the same store go on meanwhile.

mod log;
mod presence;
mod running;
mod systemd;

pub use presence::{Present, announce, present};

use crate::args::Cli;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::{Site, Style};
use running::Running;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How often the daemon looks at itself, where systemd does not say.
const LOOK: Duration = Duration::from_secs(5);

/// Runs the command until a signal ends it.
///
/// # Errors
/// No config or a bad one, a store, key or port that can't be used. Once it runs, it goes on.
pub fn run(cli: &Cli, style: Style) -> Outcome {
    let path = crate::site::config_path(cli)?;
    let site = Site::load(&path)?;
    // Before anything else: a signal that comes early must not go by.
    let signals = signals()?;
    log::start(style);
    let store = site.store()?;
    let _presence = announce(&site.config().cell.state)?;
    let mut running = Running::start(&site, &store)?;
    log::up(&site, &path);
    systemd::ready();
    let every = systemd::watchdog().map_or(LOOK, |limit| limit / 2);
    loop {
        match signals.recv_timeout(every) {
            Ok(SIGHUP) => reload(&path, &mut running),
            Ok(signal) => {
                tracing::info!(signal, "stopping");
                break;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if running.is_alive() {
            systemd::alive();
        }
    }
    systemd::stopping();
    running.stop();
    tracing::info!("stopped; answers stay as they are");
    Ok(Exit::Done)
}

fn signals() -> Result<Receiver<i32>, Fail> {
    let failed = |e: std::io::Error| {
        let message = format!("signals can't be handled: {e}");
        Fail::new(Exit::Error, "signals", message, "")
    };
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(failed)?;
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if send.send(signal).is_err() {
                return;
            }
        }
    });
    Ok(receive)
}

/// Goes on with the config as it is now; a bad one is refused, and the old one kept.
fn reload(path: &Path, running: &mut Running) {
    systemd::reloading();
    let outcome = Site::load(path).and_then(|site| running.follow(&site).map(|()| site));
    match outcome {
        Ok(site) => log::reloaded(&site),
        Err(fail) => {
            let why = fail.render(false);
            tracing::error!(
                why = why.trim(),
                "the config was not taken; the old one stays in force"
            );
        }
    }
    systemd::ready();
}
