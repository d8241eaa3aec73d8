//! The embedded store of a cell: ledgers, plan bodies, zone contents and snapshots in one file,
//! used by several processes at once.
//!
//! It works on bytes. A *ledger* (one for each zone) is a chain of numbered entries, appended to
//! by compare-and-swap on its last number; a *body* is addressed by its blake3 hash and shared
//! between zones. One [`Store::append`] is one transaction: entries, bodies, cleanup (I6) and
//! snapshot together or not at all, and durable before it returns (I11).
//!
//! No transaction outlives a call, so none spans network IO or a wait. A process that is stopped
//! while it does anything else holds nobody up; one stopped inside a transaction holds up other
//! writers, who give up after a limit and say which process it is, and never a reader. A process
//! that is killed leaves no lock. docs/rfd/0002-the-store.md has the measurements.
//!
//! A process opens the file for reading and only opens it for writing at its first append, so that
//! commands that only look never ask for the write lock.

mod backend;
mod copy;
mod error;
mod guard;
mod handle;
mod holder;
mod tables;

use crate::freezes::Folder;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::StoreError;
pub use holder::{Holder, Holders};

use handle::{Access, Handles};

/// A blake3 hash.
pub type Hash = [u8; 32];

/// What the first entry of a ledger has as the hash before it.
pub const GENESIS: Hash = [0; 32];

/// The name of the file in the state folder.
pub const FILE_NAME: &str = "cell.redb";

/// How long one wait for a lock may last, unless [`Store::with_wait`] says otherwise.
pub const WAIT: Duration = Duration::from_secs(5);

/// An entry to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// What it says; the store does not look inside.
    pub bytes: Vec<u8>,
    /// blake3(hash of the entry before ‖ bytes), with [`GENESIS`] before the first. The caller
    /// computes it, the store checks it.
    pub hash: Hash,
}

/// A plan body or a zone's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// blake3(bytes); the store checks it.
    pub hash: Hash,
    /// At most 3 GiB.
    pub bytes: Vec<u8>,
}

/// What one [`Store::append`] does, all or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The ledger's last number that this batch was decided on; 0 for an empty ledger.
    pub expect_last: u64,
    /// Numbered entries; numbers grow strictly from above `expect_last` and may jump.
    pub entries: Vec<(u64, NewEntry)>,
    /// Bodies to keep for this zone.
    pub bodies: Vec<Body>,
    /// Bodies that this zone no longer refers to. One goes when no zone refers to it any more. A
    /// hash that is also in `bodies` stays.
    pub forget: Vec<Hash>,
    /// A snapshot of the fold up to a number, which replaces the one before.
    pub snapshot: Option<(u64, Vec<u8>)>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is durable; `last` is now the ledger's last number.
    Done {
        /// The last number.
        last: u64,
    },
    /// Somebody else was first: nothing was done; `last` is the ledger's last number.
    Conflict {
        /// The last number.
        last: u64,
    },
}

/// The end of a ledger, from one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The ledger's last number; 0 when it is empty.
    pub last: u64,
    /// The hash of that entry; [`GENESIS`] when it is empty.
    pub last_hash: Hash,
    /// Number, hash and bytes of the entries asked for.
    pub entries: Vec<(u64, Hash, Vec<u8>)>,
    /// The bodies asked for, in that order, each once; what is not there is left out.
    pub bodies: Vec<Body>,
}

/// An open store. Threads may share it.
#[derive(Debug)]
pub struct Store {
    handles: Handles,
    freezes: Folder,
}

impl Store {
    /// Opens the store in the folder `dir`, and makes folder (mode 0700) and file (mode 0600)
    /// where they are missing. A file appears under its name only when it is whole.
    pub fn create_or_open(dir: &Path) -> Result<Store, StoreError> {
        let path = dir.join(FILE_NAME);
        handle::create_if_missing(dir, &path, WAIT)?;
        Store::open_as(path, Access::ReadWrite, WAIT)
    }

    /// Opens the store in the folder `dir`; [`StoreError::Missing`] when there is none.
    pub fn open(dir: &Path) -> Result<Store, StoreError> {
        Store::open_as(dir.join(FILE_NAME), Access::ReadWrite, WAIT)
    }

    /// Opens the store for looking only. It never takes the write lock, with one exception: when
    /// the last process was killed and nobody has the file open, it recovers the file first.
    pub fn open_read_only(dir: &Path) -> Result<Store, StoreError> {
        Store::open_as(dir.join(FILE_NAME), Access::ReadOnly, WAIT)
    }

    /// As [`Store::open_read_only`], but waits for a lock no longer than `wait` before it reads a
    /// copy in memory: for commands that must answer at once.
    pub fn open_read_only_within(dir: &Path, wait: Duration) -> Result<Store, StoreError> {
        Store::open_as(dir.join(FILE_NAME), Access::ReadOnly, wait)
    }

    fn open_as(path: PathBuf, access: Access, wait: Duration) -> Result<Store, StoreError> {
        let freezes = Folder::new(None, path.parent().unwrap_or(Path::new(".")));
        let handles = Handles::open(path, access, wait)?;
        Ok(Store { handles, freezes })
    }

    /// Whoever works with this store obeys this folder of freezes, instead of the one beside it.
    #[must_use]
    pub fn with_freezes(mut self, freezes: Folder) -> Store {
        self.freezes = freezes;
        self
    }

    /// The folder of freezes.
    pub fn freezes(&self) -> &Folder {
        &self.freezes
    }

    /// Limits each single wait for a lock to `wait`, from now on, instead of to [`WAIT`]. One
    /// append waits for the write lock once, and for the header lock (which is held for
    /// microseconds) a few times.
    #[must_use]
    pub fn with_wait(mut self, wait: Duration) -> Store {
        self.handles.set_wait(wait);
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.handles.path()
    }

    /// The zones that have a ledger, sorted.
    pub fn zones(&self) -> Result<Vec<String>, StoreError> {
        self.handles.read(tables::read_zones)
    }

    /// The entries of `zone` above the number `after`, and the bodies that `bodies` names for
    /// them, in one transaction. The chain is checked from `after` to the end.
    pub fn tail(
        &self,
        zone: &str,
        after: u64,
        bodies: &dyn Fn(&[u8]) -> Vec<Hash>,
    ) -> Result<Tail, StoreError> {
        let reading = self.handles.begin_read()?;
        let (head, entries) = reading.run(|txn| tables::read_entries(txn, zone, after))?;
        let mut seen = BTreeSet::new();
        let mut wanted = Vec::new();
        for (_, _, bytes) in &entries {
            wanted.extend(bodies(bytes).into_iter().filter(|hash| seen.insert(*hash)));
        }
        let bodies = reading.run(|txn| tables::read_bodies(txn, wanted))?;
        Ok(Tail {
            last: head.last,
            last_hash: head.hash,
            entries,
            bodies,
        })
    }

    /// A body, by its hash.
    pub fn body(&self, hash: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        self.handles.read(|txn| tables::read_body(txn, hash))
    }

    /// The latest snapshot of `zone`, and the number of the last entry in it.
    pub fn snapshot(&self, zone: &str) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        self.handles.read(|txn| tables::read_snapshot(txn, zone))
    }

    /// Appends `batch` to the ledger of `zone`, unless its last number is no longer
    /// `batch.expect_last`. Durable when it returns [`Appended::Done`].
    pub fn append(&self, zone: &str, batch: Batch) -> Result<Appended, StoreError> {
        self.handles
            .refuse(zone, tables::check_batch(zone, &batch))?;
        // Most conflicts show without the write lock.
        let head = self.handles.read(|txn| tables::read_head(txn, zone))?;
        if head.last != batch.expect_last {
            return Ok(Appended::Conflict { last: head.last });
        }
        self.handles.write(zone, &batch)
    }
}
