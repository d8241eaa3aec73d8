//! Which daemons run on a store: each holds the lock of a file of its own, and a dead one holds none.

use crate::exit::{Exit, Fail};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder under the cell's state.
const FOLDER: &str = "up";

/// Held for as long as the daemon runs, or who does its work.
pub struct Presence {
    path: PathBuf,
    _lock: File,
}

impl Drop for Presence {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A daemon that runs.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Present {
    /// Its process.
    pub process: u32,
}

/// Says that this process runs on the store in `state`.
///
/// # Errors
/// A folder that can't be written to.
pub fn announce(state: &Path) -> Result<Presence, Fail> {
    let folder = state.join(FOLDER);
    let path = folder.join(std::process::id().to_string());
    let failed = |e: std::io::Error| {
        let message = format!("cannot write {}: {e}", path.display());
        let help = "give this user access to the cell's state folder";
        Fail::new(Exit::Error, "no-state", message, help)
    };
    fs::create_dir_all(&folder).map_err(failed)?;
    let open = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let mut lock = open.map_err(failed)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|e| failed(e.into()))?;
    writeln!(lock, "{}", std::process::id()).map_err(failed)?;
    Ok(Presence {
        path: path.clone(),
        _lock: lock,
    })
}

/// The daemons that run on the store in `state`; what dead ones left behind is passed over.
pub fn present(state: &Path) -> Vec<Present> {
    let Ok(files) = fs::read_dir(state.join(FOLDER)) else {
        return Vec::new();
    };
    let one = |entry: fs::DirEntry| {
        let process = entry.file_name().to_str()?.parse().ok()?;
        let file = File::open(entry.path()).ok()?;
        let free = flock(&file, FlockOperation::NonBlockingLockShared).is_ok();
        (!free).then_some(Present { process })
    };
    let mut all: Vec<Present> = files.flatten().filter_map(one).collect();
    all.sort_by_key(|p| p.process);
    all
}
