//! `steadfast dev`: a whole cell on loopback, and what happens to it told as it happens.
//!
//! Nothing here is made for show: the built-in server, the store, the fence and two enactors are
//! those of production; a story is what they did. What a second terminal asks for comes over a
//! socket in the state folder.

mod control;
mod folder;
mod follow;
mod gate;
mod health;
mod october;
mod sampler;
mod scene;
mod story;
mod targets;

use crate::args::{DevArgs, DevCommand};
use crate::exit::{Exit, Outcome};
use crate::site::Style;
use folder::Folder;
use nix::sys::signal::{SigSet, Signal};
use scene::Scene;
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
        Some(DevCommand::October { careless: false }) => control::ask(&args.into, "october", style),
        Some(DevCommand::October { careless: true }) => {
            control::ask(&args.into, "october careless", style)
        }
    }
}

/// Runs until Ctrl-C or SIGTERM.
fn stay(args: &DevArgs, style: Style) -> Outcome {
    // Before there is a second thread: all of them inherit it, and one of us waits.
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGINT);
    ends.add(Signal::SIGTERM);
    let blocked = ends.thread_block();
    let folder = Folder::open(&args.into)?;
    let story = Arc::new(Story::new(style));
    let scene = Arc::new(Scene::set(folder, story.clone())?);
    let follower = follow::start(&scene);
    let control = control::listen(&scene)?;
    scene.introduce();
    if blocked.is_ok() {
        let _ = ends.wait();
    } else {
        std::thread::park();
    }
    story.line("");
    control.stop();
    follower.stop();
    let folder = scene.shown_folder();
    drop(scene);
    story.line(&format!("stopped; state stays in {folder}"));
    Ok(Exit::Done)
}
