//! `steadfast dev`: a whole cell on loopback, and what happens to it told as it happens.
//!
//! Nothing here is made for show: the built-in server, the store, the fence and two enactors are
//! those of production; a story is what they did. What a second terminal asks for comes over a
//! socket in the state folder.

mod blackout;
mod control;
mod folder;
mod follow;
mod gate;
mod health;
mod october;
mod regions;
mod sampler;
mod scene;
mod story;
mod targets;

use super::up::announce;
use crate::args::{DevArgs, DevCommand};
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use folder::Folder;
use scene::Scene;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use story::Story;

/// The zone of the demonstration.
const ZONE: &str = "dev.test";

/// Runs the command.
///
/// # Errors
/// A folder that can't be used or has a `dev` already; no `dev` to talk to.
pub fn run(args: &DevArgs, style: Style) -> Outcome {
    match &args.what {
        None => stay(args, style),
        Some(DevCommand::Status) => control::ask(&args.into, "status", style),
        Some(DevCommand::Stop { region }) => {
            control::ask(&args.into, &format!("stop {region}"), style)
        }
        Some(DevCommand::Start { region }) => {
            control::ask(&args.into, &format!("start {region}"), style)
        }
        Some(DevCommand::Blackout) => control::ask(&args.into, "blackout", style),
        Some(DevCommand::October { careless: false }) => control::ask(&args.into, "october", style),
        Some(DevCommand::October { careless: true }) => {
            control::ask(&args.into, "october careless", style)
        }
    }
}

/// Runs until Ctrl-C or SIGTERM.
fn stay(args: &DevArgs, style: Style) -> Outcome {
    // First: a signal that comes early must not go by.
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|error| {
        let message = format!("signals can't be handled: {error}");
        Fail::new(Exit::Error, "signals", message, "")
    })?;
    let folder = Folder::open(&args.into)?;
    let story = Arc::new(Story::new(style));
    let scene = Arc::new(Scene::set(folder, story.clone())?);
    // It looks at targets and brings servers up, as a daemon does.
    let _presence = announce(&scene.folder.path().join("state"))?;
    let follower = follow::start(&scene);
    let control = control::listen(&scene)?;
    scene.introduce();
    let _ = signals.forever().next();
    story.line("");
    scene.health.stop();
    control.stop();
    follower.stop();
    let folder = scene.shown_folder();
    drop(scene);
    story.line(&format!("stopped; state stays in {folder}"));
    Ok(Exit::Done)
}
