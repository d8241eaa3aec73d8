//! What a receiver was told, in a file below the cell's state. Whoever holds its lock sends; a dead
//! process holds none.

use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};
use steadfast_core::pager::Memory;

/// The folder below the cell's.
const FOLDER: &str = "notify";

pub(super) fn folder(state: &Path) -> PathBuf {
    state.join(FOLDER)
}

/// What a receiver was told, for whoever looks; nothing, where that is not known.
pub fn standing(state: &Path, receiver: &str) -> Memory {
    Kept::new(&folder(state), receiver).read()
}

/// A receiver's file.
pub(super) struct Kept {
    folder: PathBuf,
    file: PathBuf,
    lock: PathBuf,
}

impl Kept {
    pub(super) fn new(folder: &Path, receiver: &str) -> Kept {
        Kept {
            folder: folder.to_owned(),
            file: folder.join(format!("{receiver}.json")),
            lock: folder.join(format!("{receiver}.lock")),
        }
    }

    /// What it says. What can't be read is forgotten: to be told twice is better than never.
    pub(super) fn read(&self) -> Memory {
        let octets = fs::read(&self.file).unwrap_or_default();
        serde_json::from_slice(&octets).unwrap_or_default()
    }

    /// Takes the lock; `None`: another process has it.
    pub(super) fn lock(&self) -> Result<Option<File>> {
        fs::create_dir_all(&self.folder)?;
        let mut open = OpenOptions::new();
        let file = open
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.lock)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(e) if Error::from(e).kind() == ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Puts it in place of what stands there, whole or not at all.
    pub(super) fn write(&self, memory: &Memory) -> Result<()> {
        let octets = serde_json::to_vec(memory)?;
        let new = self.file.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&octets)?;
        file.sync_data()?;
        fs::rename(&new, &self.file)
    }
}
