//! What the daemon writes to its log: on standard error, a line an event, with zone, generation and
//! ledger entry as fields; as JSON with `--output json`.

use crate::commands::words;
use crate::enact;
use crate::site::{Site, Style};
use cell::keeper::{Tell, Told};
use cell::notify::Went;
use cell::probe::Probed;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use steadfast_core::health::Outcome;
use steadfast_core::ledger::State;
use steadfast_core::lifecycle::Notice;
use tracing::{error, info, warn};

/// So many lines about targets in [`WINDOW`], and so many about what is done, and no more: ten
/// thousand endpoints may flap at once. What is in doubt, halted or edited by others is always told.
const MOST: u32 = 200;
const WINDOW: Duration = Duration::from_secs(10);

/// Begins to log.
pub(super) fn start(style: Style) {
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false);
    // The journal has the time of each line.
    let in_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    // Somebody else began first only in tests, and then it stays as it is.
    let _ = match (style.json, in_journal) {
        (true, _) => log.json().flatten_event(true).try_init(),
        (false, true) => log.with_ansi(false).without_time().try_init(),
        (false, false) => log.with_ansi(style.colour_err).try_init(),
    };
}

/// It runs.
pub(super) fn up(site: &Site, path: &Path) {
    let config = site.config();
    for warning in &site.loaded.warnings {
        warn!("{}", warning.message);
    }
    info!(
        config = %path.display(),
        cell = config.cell.name,
        zones = config.zones.len(),
        endpoints = config.endpoints.len(),
        process = std::process::id(),
        "up"
    );
}

/// The config was read again.
pub(super) fn reloaded(site: &Site) {
    let config = site.config();
    let (zones, endpoints) = (config.zones.len(), config.endpoints.len());
    info!(
        zones,
        endpoints, "the config was read again; endpoints count with the next plan"
    );
}

/// A line of a built-in server.
pub(super) fn server(line: &str) {
    info!("{line}");
}

/// What one zone's keeper tells.
pub(super) fn zone(name: &str) -> Tell {
    let name = name.to_owned();
    let told = Mutex::new(Before::default());
    Arc::new(move |what: Told<'_>| match what {
        Told::Notice(notice, state) => {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            notice_line(&name, notice, state, &mut told);
        }
        Told::Stands(..) => {}
        Told::Probe(probed) => {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            probe_line(&name, probed, &mut told);
        }
        Told::Failed(why, pause) => {
            let again = format!("{} ms", pause.as_millis());
            error!(zone = name, again, "{why}");
        }
    })
}

/// How messages to people went. What is not taken is said once, until it is.
pub(super) fn deliveries() -> cell::notify::Hear {
    let failing = Mutex::new(std::collections::BTreeSet::<String>::new());
    Arc::new(move |notify: &str, text: &str, went: &Went| {
        let mut failing = failing.lock().unwrap_or_else(PoisonError::into_inner);
        let first = text.lines().next().unwrap_or_default();
        match went {
            Went::Taken(said) => {
                failing.remove(notify);
                info!(notify, said, "told: {first}");
            }
            Went::Failed(why, pause) if failing.insert(notify.to_owned()) => {
                let again = format!("{} s", pause.as_secs());
                let help = format!("steadfast notify test {notify}");
                error!(notify, again, help, "not taken: {why}; it was: {first}");
            }
            Went::Failed(..) => {}
            Went::Unkept(why) => warn!(
                notify,
                "what was told can't be kept, so a restart tells it again: {why}"
            ),
        }
    })
}

/// What was told already.
#[derive(Default)]
struct Before {
    /// The last line of each server that waits: it says the same again and again.
    waiting: std::collections::BTreeMap<String, String>,
    probes: Budget,
    notices: Budget,
}

/// Lines of a window.
#[derive(Default)]
struct Budget {
    since: Option<Instant>,
    lines: u32,
}

enum Room {
    Tell,
    /// The first line for which there is none.
    Last,
    None,
}

impl Budget {
    /// Whether there is room for one more.
    fn take(&mut self) -> Room {
        if self.since.is_none_or(|since| since.elapsed() > WINDOW) {
            (self.since, self.lines) = (Some(Instant::now()), 0);
        }
        self.lines = self.lines.saturating_add(1);
        match self.lines {
            1..=MOST => Room::Tell,
            n if n == MOST + 1 => Room::Last,
            _ => Room::None,
        }
    }
}

fn notice_line(zone: &str, notice: &Notice, state: &State, told: &mut Before) {
    let generation = format!("{}/{}", state.configuration, state.health);
    let entry = state.last;
    if let Notice::Waiting(server, why) = notice {
        if told.waiting.get(server) == Some(why) {
            return;
        }
        told.waiting.insert(server.clone(), why.clone());
    }
    if let Notice::Applied(server, ..) = notice {
        told.waiting.remove(server);
    }
    let Some(line) = enact::line(notice, state) else {
        return;
    };
    let line = line.trim();
    let always = matches!(
        notice,
        Notice::Doubt(_) | Notice::Halted(..) | Notice::Drift(..) | Notice::Restored(..)
    );
    let room = if always {
        Room::Tell
    } else {
        told.notices.take()
    };
    match room {
        Room::Tell => {}
        Room::Last => {
            let help = format!("steadfast log {zone}");
            warn!(
                zone,
                generation, entry, help, "more happens than is told line by line"
            );
            return;
        }
        Room::None => return,
    }
    match notice {
        Notice::Doubt(_) | Notice::Halted(..) => error!(zone, generation, entry, "{line}"),
        Notice::Waiting(..)
        | Notice::Answered(..)
        | Notice::Lost(..)
        | Notice::Drift(..)
        | Notice::Restored(..)
        | Notice::Blocked(..)
        | Notice::Held(..)
        | Notice::Kept(..) => warn!(zone, generation, entry, "{line}"),
        _ => info!(zone, generation, entry, "{line}"),
    }
}

fn probe_line(zone: &str, probed: &Probed, told: &mut Before) {
    match told.probes.take() {
        Room::Tell => {}
        Room::Last => {
            warn!(
                zone,
                "more targets answer otherwise than before; not told one by one"
            );
            return;
        }
        Room::None => return,
    }
    let (endpoint, target) = (words::name(&probed.endpoint), probed.target);
    let took = format!("{} ms", probed.took.as_millis());
    match &probed.found {
        Ok(found) if found.outcome == Outcome::Pass => {
            info!(zone, endpoint, %target, took, "{}", found.why);
        }
        Ok(found) => warn!(zone, endpoint, %target, took, "fails: {}", found.why),
        Err(unasked) => warn!(zone, endpoint, %target, "{unasked}"),
    }
}
