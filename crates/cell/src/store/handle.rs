//! The open file: opening, creating, recovering, and closing it after a failure.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redb::{
    Builder, ConcurrencyMode, Durability, ReadTransaction, ReadableDatabase, TransactionError,
    WriteTransaction,
};

use super::backend::{Backend, Patience, Turns, lock_timeout};
use super::guard::guarded;
use super::tables::{self, Fault};
use super::{Appended, Batch, StoreError, copy, holder};
use crate::failpoint;

/// Pages that one handle may keep in memory.
const CACHE_BYTES: usize = 64 << 20;
/// How long a reader waits for a lock, before it reads a copy. redb's readers only ever wait for
/// the header lock, which is held for microseconds, or for one or two flushes to the disk.
const READER_WAIT: Duration = Duration::from_millis(500);
/// The first bytes of every redb file.
const MAGIC: [u8; 4] = *b"redb";

/// Whether a store may be written through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    ReadOnly,
    ReadWrite,
}

#[derive(Clone)]
enum Database {
    Reader(Arc<redb::ReadOnlyDatabase>),
    Writer(Arc<redb::Database>, Turns),
    Copy(Arc<redb::Database>),
}

/// redb's handle. Whoever uses it keeps a clone, so that it is not closed under their hands. Gone
/// only while it is being dropped.
#[derive(Clone)]
struct Handle(Option<Database>);

impl Handle {
    fn begin_read(&self) -> Result<ReadTransaction, TransactionError> {
        match &self.0 {
            Some(Database::Reader(database)) => database.begin_read(),
            Some(Database::Writer(database, _) | Database::Copy(database)) => database.begin_read(),
            None => Err(redb::StorageError::DatabaseClosed.into()),
        }
    }

    /// Nothing when another process or thread is in a write transaction.
    fn try_begin_write(&self) -> Result<Option<WriteTransaction>, TransactionError> {
        let Some(Database::Writer(database, _)) = &self.0 else {
            return Err(redb::StorageError::DatabaseClosed.into());
        };
        match database.try_begin_write() {
            Err(TransactionError::WouldBlock) => Ok(None),
            other => other.map(Some),
        }
    }

    fn is(&self, other: &Handle) -> bool {
        match (&self.0, &other.0) {
            (Some(Database::Reader(one)), Some(Database::Reader(two))) => Arc::ptr_eq(one, two),
            (Some(Database::Writer(one, _)), Some(Database::Writer(two, _))) => {
                Arc::ptr_eq(one, two)
            }
            _ => false,
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Closing a handle for writing commits once more, if the write lock is free; it never
        // waits for it. What was acknowledged does not depend on it. On a damaged file it may
        // panic.
        let database = self.0.take();
        let _ = guarded(move || drop(database));
    }
}

/// The store's file: opened for reading, and opened for writing too when first written; opened
/// again after a failure, because redb does not use a handle again after an IO error.
pub(super) struct Handles {
    path: PathBuf,
    access: Access,
    wait: Duration,
    reader: Mutex<Option<Handle>>,
    writer: Mutex<Option<Handle>>,
}

fn lock(slot: &Mutex<Option<Handle>>) -> MutexGuard<'_, Option<Handle>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Handles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handles")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Handles {
    fn new(path: PathBuf, access: Access, wait: Duration) -> Self {
        Handles {
            path,
            access,
            wait,
            reader: Mutex::new(None),
            writer: Mutex::new(None),
        }
    }

    pub(super) fn open(path: PathBuf, access: Access, wait: Duration) -> Result<Self, StoreError> {
        let handles = Handles::new(path, access, wait);
        handles.read(|_| Ok(()))?;
        Ok(handles)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn set_wait(&mut self, wait: Duration) {
        self.wait = wait;
        // An open handle keeps the limit that it was opened with.
        *lock(&self.reader) = None;
        *lock(&self.writer) = None;
    }

    /// Lets go of `failed`; the next call opens the file again.
    fn discard(&self, failed: &Handle) {
        for slot in [&self.reader, &self.writer] {
            let mut slot = lock(slot);
            if slot.as_ref().is_some_and(|open| open.is(failed)) {
                *slot = None;
            }
        }
    }

    fn reader(&self) -> Result<Handle, StoreError> {
        let mut slot = lock(&self.reader);
        if let Some(handle) = &*slot {
            return Ok(handle.clone());
        }
        let handle = self.open_for_reading()?;
        *slot = Some(handle.clone());
        Ok(handle)
    }

    fn writer(&self) -> Result<Handle, StoreError> {
        if self.access == Access::ReadOnly {
            return Err(StoreError::ReadOnly {
                path: self.path.clone(),
            });
        }
        let mut slot = lock(&self.writer);
        if let Some(handle) = &*slot {
            return Ok(handle.clone());
        }
        let handle = self.open_for_writing(self.wait)?;
        *slot = Some(handle.clone());
        Ok(handle)
    }

    fn open_for_reading(&self) -> Result<Handle, StoreError> {
        if let Some(reader) = self.try_open_for_reading()? {
            return Ok(reader);
        }
        // The last process died with the file open, and nobody has it open now: opening it for
        // writing recovers it. Closing it again marks it as clean.
        let recovered = self
            .open_for_writing(self.reader_wait())
            .map_err(|error| match error {
                StoreError::NotWritable { path, source } => {
                    StoreError::NeedsRecovery { path, source }
                }
                other => other,
            })?;
        let reader = self.try_open_for_reading()?;
        drop(recovered);
        reader.ok_or_else(|| self.damaged("recovering it had no effect".to_owned()))
    }

    fn reader_wait(&self) -> Duration {
        self.wait.min(READER_WAIT)
    }

    /// Nothing when the file needs recovery first.
    fn try_open_for_reading(&self) -> Result<Option<Handle>, StoreError> {
        let file = self.open_file(OpenOptions::new().read(true))?;
        let opened = guarded(|| {
            builder().open_read_only_with_backend(Backend::new(file, self.reader_wait())?)
        });
        match opened.map_err(|panic| self.unreadable(&panic))? {
            Ok(database) => Ok(Some(Handle(Some(Database::Reader(Arc::new(database)))))),
            Err(redb::DatabaseError::RepairAborted) => Ok(None),
            Err(error) => Err(self.explain("", error.into())),
        }
    }

    fn open_for_writing(&self, wait: Duration) -> Result<Handle, StoreError> {
        let file = self.open_file(OpenOptions::new().read(true).write(true))?;
        let opened = guarded(|| {
            let backend = Backend::new(file, wait)?;
            let turns = backend.turns();
            Ok((builder().create_with_backend(backend)?, turns))
        });
        let (database, turns) = opened
            .map_err(|panic| self.unreadable(&panic))?
            .map_err(|error: redb::DatabaseError| self.explain("", error.into()))?;
        Ok(Handle(Some(Database::Writer(Arc::new(database), turns))))
    }

    /// Opens the file and refuses one that redb would fill anew: an empty file, or one without its
    /// first bytes, held a ledger once.
    fn open_file(&self, options: &OpenOptions) -> Result<File, StoreError> {
        let fail = |source| self.io(source);
        let mut file = options.open(&self.path).map_err(fail)?;
        if !file.metadata().map_err(fail)?.is_file() {
            return Err(self.damaged("it is not a file".to_owned()));
        }
        let mut first = [0; MAGIC.len()];
        match file.read_exact(&mut first) {
            Ok(()) if first == MAGIC => Ok(file),
            Ok(()) => Err(self.damaged("its first bytes are not those of a store".to_owned())),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("it is empty or cut off".to_owned()))
            }
            Err(error) => Err(fail(error)),
        }
    }

    /// One reading transaction for `work`.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.begin_read()?.run(work)
    }

    pub(super) fn begin_read(&self) -> Result<Reading<'_>, StoreError> {
        let begun = self.reader().and_then(|handle| self.begin_read_on(handle));
        match begun {
            Err(error @ (StoreError::Busy { .. } | StoreError::NeedsRecovery { .. })) => {
                self.begin_read_of_copy().ok_or(error)
            }
            other => other,
        }
    }

    fn begin_read_on(&self, handle: Handle) -> Result<Reading<'_>, StoreError> {
        let begun = guarded(|| handle.begin_read());
        let transaction =
            self.settle("", &handle, begun.map(|begun| begun.map_err(Fault::from)))?;
        let reading = Reading {
            handles: self,
            handle,
            transaction: Some(transaction),
        };
        reading.run(tables::check_readable)?;
        Ok(reading)
    }

    /// Nothing when there is no copy to be had, for whatever reason: why the file itself cannot
    /// be read is what the operator needs to hear.
    fn begin_read_of_copy(&self) -> Option<Reading<'_>> {
        let file = self.open_file(OpenOptions::new().read(true)).ok()?;
        let copy = guarded(|| copy::in_memory(&file)).ok()?.ok()??;
        self.begin_read_on(Handle(Some(Database::Copy(Arc::new(copy)))))
            .ok()
    }

    /// Does the batch in one writing transaction.
    pub(super) fn write(&self, zone: &str, batch: &Batch) -> Result<Appended, StoreError> {
        let handle = self.writer()?;
        failpoint::hit("store.before-begin");
        let transaction = self.begin_write(zone, &handle)?;
        failpoint::hit("store.in-transaction");
        let applied = guarded(move || {
            let appended = tables::apply(&transaction, zone, batch)?;
            Ok((transaction, appended))
        });
        // An error has dropped the transaction, which takes back what it did.
        let (transaction, appended) = self.settle(zone, &handle, applied)?;
        if matches!(appended, Appended::Conflict { .. }) {
            let aborted = guarded(move || transaction.abort().map_err(Fault::from));
            self.settle(zone, &handle, aborted)?;
            return Ok(appended);
        }
        failpoint::hit("store.before-commit");
        let committed = guarded(move || transaction.commit().map_err(Fault::from));
        let settled = self.settle(zone, &handle, committed);
        drop(handle);
        if let Err(cause) = settled {
            return self.after_failed_commit(zone, batch, appended, cause);
        }
        failpoint::hit("store.after-commit");
        Ok(appended)
    }

    /// Takes the write lock, by polling so that the limit is ours.
    fn begin_write(&self, zone: &str, handle: &Handle) -> Result<WriteTransaction, StoreError> {
        let Some(Database::Writer(_, turns)) = &handle.0 else {
            return Err(StoreError::ReadOnly {
                path: self.path.clone(),
            });
        };
        turns.yield_to_waiting();
        if let Some(transaction) = self.try_begin_write(zone, handle)? {
            return Ok(transaction);
        }
        turns.wait();
        let begun = self.poll_begin_write(zone, handle);
        turns.done();
        begun
    }

    fn poll_begin_write(
        &self,
        zone: &str,
        handle: &Handle,
    ) -> Result<WriteTransaction, StoreError> {
        let mut patience = Patience::new(self.wait);
        while patience.pause() {
            if let Some(transaction) = self.try_begin_write(zone, handle)? {
                return Ok(transaction);
            }
        }
        Err(self.busy(self.wait))
    }

    fn try_begin_write(
        &self,
        zone: &str,
        handle: &Handle,
    ) -> Result<Option<WriteTransaction>, StoreError> {
        let begun = guarded(|| {
            let Some(mut transaction) = handle.try_begin_write()? else {
                return Ok(None);
            };
            transaction.set_durability(Durability::Immediate)?;
            Ok(Some(transaction))
        });
        self.settle(zone, handle, begun)
    }

    /// A commit that failed may still have reached the file. Opening the file again decides it,
    /// one way or the other, for everybody; so look there.
    fn after_failed_commit(
        &self,
        zone: &str,
        batch: &Batch,
        appended: Appended,
        cause: StoreError,
    ) -> Result<Appended, StoreError> {
        let unsure = |cause| StoreError::Unsure {
            cause: Box::new(cause),
        };
        let Some((number, entry)) = batch.entries.last() else {
            return Err(unsure(cause));
        };
        let look = self.writer().and_then(|_| {
            self.read(|transaction| tables::read_entry_hash(transaction, zone, *number))
        });
        match look {
            Ok(Some(hash)) if hash == entry.hash => Ok(appended),
            Ok(_) => Err(cause),
            Err(_) => Err(unsure(cause)),
        }
    }

    /// Flattens what came out of redb, and lets go of a handle that may not be used again.
    fn settle<T>(
        &self,
        zone: &str,
        handle: &Handle,
        outcome: Result<Result<T, Fault>, String>,
    ) -> Result<T, StoreError> {
        let fault = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(fault)) => fault,
            Err(panic) => {
                self.discard(handle);
                return Err(self.unreadable(&panic));
            }
        };
        if matches!(fault, Fault::Redb(_)) {
            self.discard(handle);
        }
        self.refuse(zone, Err(fault))
    }

    /// Gives a fault its file and, for a refusal, its zone.
    pub(super) fn refuse<T>(&self, zone: &str, outcome: Result<T, Fault>) -> Result<T, StoreError> {
        outcome.map_err(|fault| match fault {
            Fault::Redb(error) => self.explain(zone, *error),
            Fault::Damaged(rule) => self.damaged(rule),
            Fault::Refused(rule) => self.refused(zone, rule),
            Fault::Newer(found) => StoreError::NewerFormat {
                path: self.path.clone(),
                found,
                known: tables::FORMAT,
            },
        })
    }

    fn explain(&self, zone: &str, error: redb::Error) -> StoreError {
        use redb::Error as E;
        match error {
            E::Io(source) => self.io(source),
            E::Corrupted(rule) => self.damaged(rule),
            E::DatabaseAlreadyOpen => {
                self.incompatible("another program has locked the whole file")
            }
            E::LockProtocolMismatch => {
                self.incompatible("another program has it open and locks it in another way")
            }
            E::UpgradeRequired(found) => self.incompatible(&format!(
                "its redb file format is {found}, which is not this one's"
            )),
            E::ValueTooLarge(bytes) => self.refused(
                zone,
                format!("{bytes} bytes are more than a store can hold in one piece"),
            ),
            E::RepairAborted => self.damaged("it needs recovery and that was not done".to_owned()),
            E::TableDoesNotExist(name) => self.damaged(format!("the table `{name}` is missing")),
            error @ (E::TableTypeMismatch { .. }
            | E::TypeDefinitionChanged { .. }
            | E::TableIsMultimap(_)
            | E::TableIsNotMultimap(_)) => self.damaged(error.to_string()),
            other => StoreError::Io {
                path: self.path.clone(),
                source: io::Error::other(other),
            },
        }
    }

    fn io(&self, source: io::Error) -> StoreError {
        if let Some(waited) = lock_timeout(&source) {
            return self.busy(waited);
        }
        match source.kind() {
            io::ErrorKind::UnexpectedEof => {
                self.damaged("it is shorter than its content".to_owned())
            }
            io::ErrorKind::InvalidData => self.damaged(source.to_string()),
            _ => io_error(&self.path, source),
        }
    }

    fn busy(&self, waited: Duration) -> StoreError {
        StoreError::Busy {
            path: self.path.clone(),
            waited,
            holders: holder::find(&self.path),
        }
    }

    fn damaged(&self, rule: String) -> StoreError {
        StoreError::Damaged {
            path: self.path.clone(),
            rule,
        }
    }

    fn unreadable(&self, panic: &str) -> StoreError {
        self.damaged(format!("a page cannot be read ({panic})"))
    }

    fn refused(&self, zone: &str, rule: String) -> StoreError {
        StoreError::Refused {
            path: self.path.clone(),
            zone: zone.to_owned(),
            rule,
        }
    }

    fn incompatible(&self, rule: &str) -> StoreError {
        StoreError::Incompatible {
            path: self.path.clone(),
            rule: rule.to_owned(),
        }
    }
}

/// A reading transaction: one moment of the store.
pub(super) struct Reading<'a> {
    handles: &'a Handles,
    handle: Handle,
    transaction: Option<ReadTransaction>,
}

impl Reading<'_> {
    pub(super) fn run<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let outcome = guarded(|| match &self.transaction {
            Some(transaction) => work(transaction),
            None => Err(redb::StorageError::DatabaseClosed.into()),
        });
        self.handles.settle("", &self.handle, outcome)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let transaction = self.transaction.take();
        let _ = guarded(move || drop(transaction));
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .set_concurrency_mode(ConcurrencyMode::MultiWriter)
        .set_cache_size(CACHE_BYTES);
    builder
}

/// Makes folder and file where they are missing. The file is made under another name and linked
/// into place when it is whole, so an empty `cell.redb` is never one that was just being made, and
/// of two processes that make it at once one wins and the other uses that one.
pub(super) fn create_if_missing(dir: &Path, path: &Path, wait: Duration) -> Result<(), StoreError> {
    let fail = |source| io_error(path, source);
    if fs::symlink_metadata(path).is_ok() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|e| io_error(dir, e))?;
    static NTH: AtomicU64 = AtomicU64::new(0);
    let nth = NTH.fetch_add(1, Ordering::Relaxed);
    let fresh = dir.join(format!(
        "{}.new-{}-{nth}",
        super::FILE_NAME,
        std::process::id()
    ));
    let linked = fill_new(&fresh, wait).and_then(|()| match fs::hard_link(&fresh, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(fail),
    });
    let removed = fs::remove_file(&fresh);
    linked?;
    removed.map_err(fail)?;
    // The name is as durable as what will be acknowledged under it.
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| io_error(dir, e))
}

fn fill_new(fresh: &Path, wait: Duration) -> Result<(), StoreError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(fresh)
        .map_err(|error| io_error(fresh, error))?;
    let handles = Handles::new(fresh.to_owned(), Access::ReadWrite, wait);
    let filled = guarded(|| {
        let database = builder().create_with_backend(Backend::new(file, wait)?)?;
        let transaction = database.begin_write()?;
        tables::create_all(&transaction)?;
        transaction.commit()?;
        Ok(database.close()?)
    });
    handles.refuse("", filled.map_err(|panic| handles.unreadable(&panic))?)
}

fn io_error(path: &Path, source: io::Error) -> StoreError {
    use io::ErrorKind as K;
    let path = path.to_owned();
    match source.kind() {
        K::NotFound => StoreError::Missing { path },
        K::NotADirectory | K::AlreadyExists => StoreError::NotAFolder { path },
        K::StorageFull | K::QuotaExceeded | K::FileTooLarge => StoreError::Full { path, source },
        K::ReadOnlyFilesystem | K::PermissionDenied => StoreError::NotWritable { path, source },
        _ => StoreError::Io { path, source },
    }
}
