//! How a second terminal talks to a running `steadfast dev`: a line of words over a socket in its
//! folder; back come the lines of the story, and at the end `=` and an exit code.

use super::folder::cannot;
use super::scene::Scene;
use super::{blackout, follow, october, regions};
use crate::commands::out;
use crate::diag::shown_path;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest request, in octets.
const LONGEST: u64 = 200;
/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes requests until it is stopped.
pub(super) struct Control {
    stop: Arc<AtomicBool>,
    socket: PathBuf,
    thread: JoinHandle<()>,
}

impl Control {
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes it.
        drop(UnixStream::connect(&self.socket));
        let _ = self.thread.join();
        let _ = std::fs::remove_file(&self.socket);
    }
}

pub(super) fn socket(folder: &Path) -> PathBuf {
    folder.join("socket")
}

/// Listens. Requests are served one after the other: an act has the stage for itself.
pub(super) fn listen(scene: &Arc<Scene>) -> Result<Control, Fail> {
    let socket = scene.socket();
    // Whoever left it is gone: the folder is ours.
    let _ = std::fs::remove_file(&socket);
    let failed = |error: std::io::Error| cannot(&socket, &error);
    let listener = UnixListener::bind(&socket).map_err(failed)?;
    let stop = Arc::new(AtomicBool::new(false));
    let (scene, flag) = (scene.clone(), stop.clone());
    let thread = std::thread::Builder::new().name("dev-control".into());
    let thread = thread.spawn(move || {
        for stream in listener.incoming().flatten() {
            if flag.load(Ordering::Relaxed) {
                return;
            }
            serve(&scene, stream);
        }
    });
    let thread = thread.map_err(failed)?;
    Ok(Control {
        stop,
        socket,
        thread,
    })
}

fn serve(scene: &Scene, mut stream: UnixStream) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut request = String::new();
    let Ok(copy) = stream.try_clone() else { return };
    if BufReader::new(copy.take(LONGEST))
        .read_line(&mut request)
        .is_err()
    {
        return;
    }
    scene.story.to(stream.try_clone().ok());
    let done = act(scene, request.trim());
    if let Err(why) = &done {
        scene.story.line(why);
    }
    follow::skip(scene);
    scene.story.to(None);
    let _ = writeln!(stream, "={}", i32::from(done.is_err()));
}

fn act(scene: &Scene, request: &str) -> Result<(), String> {
    let words: Vec<&str> = request.split_whitespace().collect();
    match words.as_slice() {
        ["status"] => {
            scene.stand();
            Ok(())
        }
        ["blackout"] => blackout::blackout(scene),
        ["october"] => october::fenced(scene),
        ["october", "careless"] => october::careless(scene),
        ["stop", region] => regions::stop(scene, region),
        ["start", region] => regions::start(scene, region),
        _ => Err(format!("{request:?} is nothing that this version knows")),
    }
}

/// Asks the `dev` of this folder for something, and shows what it tells.
pub(super) fn ask(folder: &Path, request: &str, style: Style) -> Outcome {
    let mut stream = UnixStream::connect(socket(folder)).map_err(|_| {
        let message = format!("no `steadfast dev` runs in {}", shown_path(folder));
        let help = "start it in another terminal, from this folder: steadfast dev";
        Fail::new(Exit::Error, "no-dev", message, help)
    })?;
    let lost = |error: std::io::Error| {
        let message = format!("`steadfast dev` does not answer: {error}");
        Fail::new(Exit::Error, "no-dev", message, "")
    };
    writeln!(stream, "{request}").map_err(lost)?;
    let mut story = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line.map_err(lost)?;
        match line.strip_prefix('=') {
            Some(code) => {
                if style.json {
                    out::json(&json!({ "story": story }));
                }
                return Ok(if code == "0" { Exit::Done } else { Exit::Error });
            }
            None if style.json => story.push(line.trim_start().to_owned()),
            None => out::text(&format!("{}\n", line.strip_prefix(' ').unwrap_or(&line))),
        }
    }
    let message = "`steadfast dev` ended in the middle of it";
    Err(Fail::new(Exit::Error, "no-dev", message, ""))
}
