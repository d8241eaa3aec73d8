//! One new folder per peer, removed on drop.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of our own under the system's temporary folder.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes it. Its path is short: a unix socket inside must fit in 108 bytes.
    #[track_caller]
    pub(crate) fn new(what: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let dir =
                std::env::temp_dir().join(format!("peers-{what}-{}-{number}", std::process::id()));
            match fs::create_dir(&dir) {
                Ok(()) => return Self(dir),
                // Left behind by an earlier process with our pid, which was killed.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("cannot make {}: {error}", dir.display()),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::env::var_os("PEERS_KEEP").is_some() {
            eprintln!("kept: {}", self.0.display());
        } else if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

/// Copies a folder with everything in it.
#[track_caller]
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    must(fs::create_dir_all(to), "make", to);
    for entry in must(fs::read_dir(from), "list", from) {
        let entry = must(entry, "list", from);
        let target = to.join(entry.file_name());
        if must(entry.file_type(), "look at", &entry.path()).is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            must(fs::copy(entry.path(), &target), "copy to", &target);
        }
    }
}

/// Writes a whole file.
#[track_caller]
pub(crate) fn write(file: &Path, text: &str) {
    must(fs::write(file, text), "write", file);
}

/// The value, or a panic that names what was tried on which path.
#[track_caller]
pub(crate) fn must<T>(result: std::io::Result<T>, tried: &str, path: &Path) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("cannot {tried} {}: {error}", path.display()),
    }
}
