//! Probes of the demonstration's targets, told as they are counted.

use super::story::Story;
use super::targets::region;
use crate::exit::{Exit, Fail};
use cell::enactor::Bell;
use cell::probe::{Finding, Probed, Probes, Trust};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use steadfast_core::health::{Cadence, Outcome, Reading, Watched};
use steadfast_core::lifecycle::Input;

/// The name of the prober, for the enactors.
const PROBER: &str = "dev";
/// Why a wait ended early.
pub(super) const STOPPED: &str = "`steadfast dev` was told to stop";
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
    /// Nobody waits any more: Ctrl-C.
    stopped: AtomicBool,
}

/// How many probes in a row were like the last.
#[derive(Clone, Copy, Default)]
struct Row {
    passes: bool,
    run: u32,
    well: Option<bool>,
}

impl Health {
    /// Probes the targets of the ledger's endpoints. What comes back is counted here for the story,
    /// and decided about by both enactors.
    pub(super) fn start(
        watched: Vec<Watched>,
        bells: [Bell; 2],
        story: Arc<Story>,
    ) -> Result<Health, Fail> {
        let tally = Arc::new(Tally::default());
        let cadences = watched.iter().map(|w| (w.target, w.cadence));
        let cadences: BTreeMap<IpAddr, Cadence> = cadences.collect();
        let count = tally.clone();
        let take = move |probed: Probed| {
            let (Ok(finding), Some(cadence)) = (&probed.found, cadences.get(&probed.target)) else {
                return;
            };
            count.take(probed.target, finding, cadence, &story);
            let (at, outcome) = (probed.at, finding.outcome);
            let slot = (probed.endpoint.clone(), probed.target);
            for bell in &bells {
                let readings = vec![(slot.clone(), Reading { at, outcome })];
                bell.hand_in(Input::Probed(PROBER.to_owned(), at, readings));
            }
        };
        let probes = Probes::start(Trust::System, take).map_err(|error| {
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
    pub(super) fn until_sick(&self, target: IpAddr) -> Result<(), String> {
        self.until(target, false)
    }

    /// Waits until the target counts as well.
    pub(super) fn until_well(&self, target: IpAddr) -> Result<(), String> {
        self.until(target, true)
    }

    fn until(&self, target: IpAddr, well: bool) -> Result<(), String> {
        let targets = self.tally.targets.lock();
        let targets = targets.unwrap_or_else(PoisonError::into_inner);
        let not_yet = |targets: &mut BTreeMap<IpAddr, Row>| {
            !self.is_stopped() && targets.get(&target).and_then(|row| row.well) != Some(well)
        };
        let waited = self
            .tally
            .changed
            .wait_timeout_while(targets, PATIENCE, not_yet);
        match waited.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
            _ if self.is_stopped() => Err(STOPPED.into()),
            true => Err(format!("nothing followed within {PATIENCE:?}")),
            false => Ok(()),
        }
    }

    /// Ends all waiting: who presses Ctrl-C does not wait for what somebody else asked for.
    pub(super) fn stop(&self) {
        // Under the lock: nobody is between looking and waiting.
        let targets = self.tally.targets.lock();
        self.tally.stopped.store(true, Ordering::Relaxed);
        drop(targets);
        self.tally.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.tally.stopped.load(Ordering::Relaxed)
    }
}

impl Tally {
    fn take(&self, target: IpAddr, finding: &Finding, cadence: &Cadence, story: &Story) {
        let passes = finding.outcome == Outcome::Pass;
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let row = targets.entry(target).or_default();
        let run = if row.passes == passes { row.run + 1 } else { 1 };
        (row.passes, row.run) = (passes, run);
        let needed = if passes { cadence.rise } else { cadence.fall };
        let known = row.well == Some(passes) || row.well.is_none() && passes;
        if run >= needed || row.well.is_none() && passes {
            row.well = Some(passes);
        }
        if !known {
            let how = if passes { "passes" } else { "fails" };
            let (region, why) = (region(target), &finding.why);
            story.stamped(&format!("{region} {how} {run} of {needed}: {why}"));
        }
        drop(targets);
        self.changed.notify_all();
    }
}
