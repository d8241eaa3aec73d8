//! The file under redb, with a limit on every wait for a lock.
//!
//! redb waits for its locks without end: for the writer lock when a database is opened, for the
//! header lock (microseconds, around reading or writing the 320-byte header) everywhere. A process
//! that is stopped while it holds one would hold this one up for ever. So the locks are taken by
//! polling, and a wait that is too long becomes an error that [`lock_timeout`] recognises.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

/// The first pause. Most waits are for a lock that is held for microseconds.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
/// The longest pause. Short, because a process that appends without a pause leaves the lock free
/// for a moment only, and whoever polls has to meet that moment.
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// Pauses that double from [`FIRST_PAUSE`] to [`LONGEST_PAUSE`], until a limit.
pub(super) struct Patience {
    started: Instant,
    limit: Duration,
    pause: Duration,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Patience {
            started: Instant::now(),
            limit,
            pause: FIRST_PAUSE,
        }
    }

    /// Sleeps once; false when the limit has passed.
    pub(super) fn pause(&mut self) -> bool {
        let Some(left) = self.limit.checked_sub(self.started.elapsed()) else {
            return false;
        };
        sleep(self.pause.min(left));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

/// A lock was not free within this limit.
#[derive(Debug)]
struct LockTimeout(Duration);

impl fmt::Display for LockTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock was not free in time")
    }
}

impl std::error::Error for LockTimeout {}

/// How long was waited, when `error` came from a lock wait of ours and not from the file system.
pub(super) fn lock_timeout(error: &io::Error) -> Option<Duration> {
    let inner = error.get_ref()?;
    inner.downcast_ref::<LockTimeout>().map(|timeout| timeout.0)
}

/// Who waits for the write lock holds this byte shared, far above the content. It lies in the
/// range that redb leaves to backends.
const WAITING: Bound<u64> = Bound::Included((1 << 62) + 960);

/// Makes writers take turns. Whoever polls has to meet the moment at which the lock is free, and
/// a process that appends without a pause would leave hardly any; so whoever comes new lets those
/// who wait already try first. A process that is stopped while it waits costs the others one
/// pause for each append.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<FileBackend>);

impl Turns {
    /// Lets others try, when some wait.
    pub(super) fn yield_to_waiting(&self) {
        if self.0.query_lock_range(WAITING, WAITING).unwrap_or(false) {
            sleep(LONGEST_PAUSE * 2);
        }
    }

    /// From now on others see that this process waits. Failing to say so only costs time.
    pub(super) fn wait(&self) {
        let _ = self.0.try_lock_shared_range(WAITING, WAITING);
    }

    pub(super) fn done(&self) {
        let _ = self.0.unlock_range(WAITING, WAITING);
    }
}

/// redb's file backend, impatient.
#[derive(Debug)]
pub(super) struct Backend {
    file: Arc<FileBackend>,
    limit: Duration,
}

impl Backend {
    pub(super) fn new(file: File, limit: Duration) -> Result<Self, DatabaseError> {
        Ok(Backend {
            file: Arc::new(FileBackend::new(file)?),
            limit,
        })
    }

    pub(super) fn turns(&self) -> Turns {
        Turns(self.file.clone())
    }

    fn poll(
        &self,
        mut attempt: impl FnMut() -> Result<bool, BackendError>,
    ) -> Result<(), BackendError> {
        let mut patience = Patience::new(self.limit);
        while !attempt()? {
            if !patience.pause() {
                let timeout = io::Error::new(io::ErrorKind::TimedOut, LockTimeout(self.limit));
                return Err(BackendError::Io(timeout));
            }
        }
        Ok(())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        let attempt = || self.file.try_lock_range(start, end);
        if attempt()? {
            return Ok(());
        }
        // Opening for writing waits for the write lock here.
        let turns = self.turns();
        turns.wait();
        let polled = self.poll(attempt);
        turns.done();
        polled
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.poll(|| self.file.try_lock_shared_range(start, end))
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
