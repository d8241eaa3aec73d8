//! Folders, chains and child processes for the tests.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};

use steadfast_cell::store::{Appended, Batch, Body, GENESIS, Hash, NewEntry, Store, StoreError};

/// A folder of its own, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NTH: AtomicU64 = AtomicU64::new(0);
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        let name = format!("steadfast-store-{}-{nth}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Folder(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join(steadfast_cell::store::FILE_NAME)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn link(before: &Hash, bytes: &[u8]) -> Hash {
    *blake3::hash(&[before.as_slice(), bytes].concat()).as_bytes()
}

pub(crate) fn body(text: &str) -> Body {
    Body {
        hash: *blake3::hash(text.as_bytes()).as_bytes(),
        bytes: text.into(),
    }
}

/// A batch of chained entries after `(last, hash)`.
pub(crate) fn batch(last: u64, hash: Hash, entries: &[(u64, &[u8])]) -> Batch {
    let mut before = hash;
    let entries = entries
        .iter()
        .map(|(number, bytes)| {
            before = link(&before, bytes);
            (
                *number,
                NewEntry {
                    bytes: bytes.to_vec(),
                    hash: before,
                },
            )
        })
        .collect();
    Batch {
        expect_last: last,
        entries,
        ..Batch::default()
    }
}

pub(crate) fn no_bodies(_: &[u8]) -> Vec<Hash> {
    Vec::new()
}

/// Appends one entry at the end, whatever the end is; repeats on a conflict.
pub(crate) fn append_one(store: &Store, zone: &str, bytes: &[u8]) -> Result<u64, StoreError> {
    loop {
        let tail = store.tail(zone, u64::MAX, &no_bodies)?;
        let next = tail.last + 1;
        match store.append(zone, batch(tail.last, tail.last_hash, &[(next, bytes)]))? {
            Appended::Done { last } => return Ok(last),
            Appended::Conflict { .. } => {}
        }
    }
}

/// Every entry's bytes, with the chain checked here and not by the store.
pub(crate) fn verified(store: &Store, zone: &str) -> Vec<Vec<u8>> {
    let tail = store.tail(zone, 0, &no_bodies).unwrap();
    let mut before = GENESIS;
    let mut last = 0;
    for (number, hash, bytes) in &tail.entries {
        assert!(*number > last);
        assert_eq!(link(&before, bytes), *hash);
        (before, last) = (*hash, *number);
    }
    assert_eq!((last, before), (tail.last, tail.last_hash));
    tail.entries
        .into_iter()
        .map(|(_, _, bytes)| bytes)
        .collect()
}

/// This test program again, in the role of `processes::as_child`.
pub(crate) fn child(role: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "processes::as_child",
        "--exact",
        "--nocapture",
        "--test-threads=1",
    ]);
    command.env("STORE_ROLE", role).env("STORE_DIR", dir);
    command
}

/// Kills and reaps the child when a test is over, however it ends.
pub(crate) struct Reaped(pub(crate) Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
