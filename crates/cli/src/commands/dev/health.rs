//! Probes of the demonstration's targets, told as they are counted.

use super::story::Story;
use super::targets::REGIONS;
use crate::config::model::{self, Config};
use crate::exit::{Exit, Fail};
use cell::probe::{Probed, Probes, Trust};
use dns::Name;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use steadfast_core::health::{Cadence, Check, Outcome, Watched};
use steadfast_core::time::Millis;

/// How long a change of health may take to show.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the probes count, and who waits for it.
pub(super) struct Health {
    tally: Arc<Tally>,
    _probes: Probes,
}

#[derive(Default)]
struct Tally {
    targets: Mutex<BTreeMap<IpAddr, Row>>,
    changed: Condvar,
}

/// How many probes in a row were like the last.
#[derive(Clone, Copy, Default)]
struct Row {
    passes: bool,
    run: u32,
    well: Option<bool>,
}

impl Health {
    /// Probes the targets of the config's endpoints.
    pub(super) fn start(config: &Config, story: Arc<Story>) -> Result<Health, Fail> {
        let tally = Arc::new(Tally::default());
        let watched: Vec<Watched> = config.endpoints.values().flat_map(watched).collect();
        let Some(cadence) = watched.first().map(|w| w.cadence) else {
            return Err(Fail::store("the config has no endpoint"));
        };
        let count = tally.clone();
        let take = move |probed: Probed| count.take(&probed, &cadence, &story);
        let probes = Probes::start(Trust::System, take);
        let probes = probes.map_err(|error| {
            let message = format!("no probes: {error}");
            Fail::new(Exit::Error, "no-probes", message, "")
        })?;
        probes.watch(watched);
        Ok(Health {
            tally,
            _probes: probes,
        })
    }

    /// Waits until the target counts as sick.
    pub(super) fn until_sick(&self, target: Option<IpAddr>) -> Result<(), String> {
        self.until(target, false)
    }

    /// Waits until the target counts as well.
    pub(super) fn until_well(&self, target: Option<IpAddr>) -> Result<(), String> {
        self.until(target, true)
    }

    fn until(&self, target: Option<IpAddr>, well: bool) -> Result<(), String> {
        let targets = self.tally.targets.lock();
        let targets = targets.unwrap_or_else(PoisonError::into_inner);
        let not_yet = |targets: &mut BTreeMap<IpAddr, Row>| {
            let row = target.and_then(|t| targets.get(&t));
            row.and_then(|row| row.well) != Some(well)
        };
        let waited = self
            .tally
            .changed
            .wait_timeout_while(targets, PATIENCE, not_yet);
        match waited.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
            true => Err(format!("nothing followed within {PATIENCE:?}")),
            false => Ok(()),
        }
    }
}

impl Tally {
    fn take(&self, probed: &Probed, cadence: &Cadence, story: &Story) {
        let Ok(finding) = &probed.found else { return };
        let passes = finding.outcome == Outcome::Pass;
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let row = targets.entry(probed.target).or_default();
        let run = if row.passes == passes { row.run + 1 } else { 1 };
        (row.passes, row.run) = (passes, run);
        let needed = if passes { cadence.rise } else { cadence.fall };
        let known = row.well == Some(passes) || row.well.is_none() && passes;
        if run >= needed || row.well.is_none() && passes {
            row.well = Some(passes);
        }
        drop(targets);
        self.changed.notify_all();
        if !known {
            let how = if passes { "passes" } else { "fails" };
            let why = &finding.why;
            story.tell(
                region(probed.target),
                &format!("{how} {run} of {needed}   {why}"),
            );
        }
    }
}

/// An endpoint's targets as the prober takes them.
fn watched(endpoint: &model::Endpoint) -> Vec<Watched> {
    let Ok(name) = Name::absolute(&endpoint.name) else {
        return Vec::new();
    };
    let millis = |span: Duration| Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
    let check = &endpoint.check;
    let one = |target: &model::Target| Watched {
        endpoint: name.clone(),
        target: target.address,
        check: asked(&check.probe),
        cadence: Cadence {
            interval: millis(check.interval),
            timeout: millis(check.timeout),
            fall: check.fall,
            rise: check.rise,
        },
    };
    endpoint.targets.iter().map(one).collect()
}

fn asked(probe: &model::Probe) -> Check {
    match probe.clone() {
        model::Probe::Http { port, path } => Check::Http { port, path },
        model::Probe::Https { port, path } => Check::Https { port, path },
        model::Probe::Tcp { port } => Check::Tcp { port },
        model::Probe::Dns { port } => Check::Dns { port },
    }
}

fn region(target: IpAddr) -> &'static str {
    let found = REGIONS
        .iter()
        .find(|(_, octets)| IpAddr::from(*octets) == target);
    found.map_or("?", |(region, _)| region)
}
