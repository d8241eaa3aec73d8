//! A region's target dies, or comes back: what is counted, decided, and answered then.

use super::health::STOPPED;
use super::sampler::addresses;
use super::scene::Scene;
use super::targets::{REGIONS, address};
use crate::commands::words;
use crate::exit::{Fail, Said};
use cell::enactor::open_book;
use dns::Name;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use steadfast_core::health::{Endpoint, Health};
use steadfast_core::ledger::State;

/// How long the enactors may take once the checks have said enough.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(2);

type Told = Result<(), String>;

/// Stops a target and tells what follows.
pub(super) fn stop(scene: &Scene, region: &str) -> Told {
    let target = known(region)?;
    let before = scene.state().map_err(said)?;
    let began = Instant::now();
    if !scene.targets().end(region) {
        return Err(format!("{region} does not run"));
    }
    told(scene, began, || {
        let story = &scene.story;
        story.stamped(&format!(
            "{region} stops: nothing listens at {target} any more"
        ));
        scene.health.until_sick(target)?;
        follows(scene, &before, target, true)
    })
}

/// Starts a target and tells what follows.
pub(super) fn start(scene: &Scene, region: &str) -> Told {
    let target = known(region)?;
    let before = scene.state().map_err(said)?;
    let began = Instant::now();
    let begun = scene.targets().begin(region);
    begun.map_err(|error| format!("{region} can't start: {error}"))?;
    told(scene, began, || {
        scene.story.stamped(&format!("{region} runs"));
        scene.health.until_well(target)?;
        follows(scene, &before, target, false)
    })
}

fn told(scene: &Scene, began: Instant, tell: impl FnOnce() -> Told) -> Told {
    scene.story.clock(Some(began));
    let told = tell();
    scene.story.clock(None);
    told
}

fn known(region: &str) -> Result<IpAddr, String> {
    let regions: Vec<&str> = REGIONS.iter().map(|(r, _)| *r).collect();
    address(region).ok_or_else(|| format!("no region {region:?}; there are {}", regions.join(", ")))
}

/// What the enactors make of it: a new generation, or a reason for none.
fn follows(scene: &Scene, before: &State, target: IpAddr, sick: bool) -> Told {
    let story = &scene.story;
    let endpoint = endpoint(scene)?;
    let name = &endpoint.name;
    let was_out = before.outs().out(name).contains(&target);
    let end = Instant::now() + PATIENCE;
    let after = loop {
        let now = scene.state().map_err(said)?;
        let held = now.endpoints.held.get(name).map(|w| w.held.as_slice());
        let held = held.unwrap_or_default();
        let is_held = held.iter().any(|h| h.target == target);
        let is_out = now.outs().out(name).contains(&target);
        match sick {
            _ if is_out != was_out => break now,
            true if is_held => {
                story.stamped(&words::held(name, held));
                return Ok(());
            }
            false if !is_held && !is_out => {
                story.stamped("it was never out: the answer stays as it is");
                return Ok(());
            }
            _ => {}
        }
        if scene.health.is_stopped() {
            return Err(STOPPED.into());
        }
        if end < Instant::now() {
            return Err(format!("nothing was decided within {PATIENCE:?}"));
        }
        std::thread::sleep(LOOK);
    };
    let stays = stays(&endpoint, after.outs().out(name));
    let sign = if was_out { '+' } else { '-' };
    story.stamped(&format!(
        "{}/{}: {sign} {} A {target}   ({} of {} stay; floor {})",
        after.configuration,
        after.health,
        words::name(name),
        stays.len(),
        endpoint.targets.len(),
        endpoint.floor.targets,
    ));
    answered(scene, name, &stays, was_out, end)
}

fn answered(
    scene: &Scene,
    name: &Name,
    stays: &BTreeSet<IpAddr>,
    back: bool,
    end: Instant,
) -> Told {
    while addresses(scene.address, name).as_ref() != Some(stays) {
        if scene.health.is_stopped() {
            return Err(STOPPED.into());
        }
        if end < Instant::now() {
            return Err("the server does not answer so".into());
        }
        std::thread::sleep(LOOK);
    }
    let how = if back { "with" } else { "without" };
    scene
        .story
        .stamped(&format!("every server answers {how} it"));
    Ok(())
}

fn endpoint(scene: &Scene) -> Result<Arc<Endpoint>, String> {
    let book = open_book(&scene.store, &scene.apex.to_string());
    let endpoints = book.map_err(|e| e.to_string())?.endpoints();
    let endpoints = endpoints.map_err(|e| e.to_string())?;
    endpoints
        .values()
        .next()
        .cloned()
        .ok_or_else(|| "the ledger has no endpoint".to_owned())
}

fn stays(endpoint: &Endpoint, out: &BTreeSet<IpAddr>) -> BTreeSet<IpAddr> {
    endpoint.all().difference(out).copied().collect()
}

fn said(fail: Fail) -> String {
    match fail.said {
        Said::Words { message, .. } => message,
        Said::Diags(diags) => crate::diag::render_all(&diags, false),
    }
}
