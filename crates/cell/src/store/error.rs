//! What can go wrong with a store, as an operator reads it: the file, the rule, the fix.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::holder::Holders;

/// Why the store did not do what was asked. In every case what was acknowledged before is intact,
/// and, except for [`StoreError::Unsure`], the batch that failed left nothing behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no store in the folder.
    #[error("{}: there is no store here; `steadfast init` makes one, or correct `state` in the config", path.display())]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// The state folder, or one that it lies in, is a file.
    #[error("{}: a file stands where the state folder, or one above it, has to be; correct `state` in the config, or move that file away", path.display())]
    NotAFolder {
        /// What was to be made or opened.
        path: PathBuf,
    },
    /// Another process held a lock for the whole waiting time.
    #[error("{}: another process held the store's lock for {:.1} s: {holders}; DNS answers are not affected", path.display(), waited.as_secs_f64())]
    Busy {
        /// The store's file.
        path: PathBuf,
        /// How long this process waited.
        waited: Duration,
        /// Who holds it, as far as /proc says, and what to do.
        holders: Holders,
    },
    /// The disk, the quota or the permitted file size is used up.
    #[error("{}: no room to write ({source}); nothing was recorded; free some space on this disk and repeat the command", path.display())]
    Full {
        /// The store's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder, file or file system refuses writing.
    #[error("{}: may not be written ({source}); nothing was recorded; give this user write access to the folder and the file, or remount the file system read-write", path.display())]
    NotWritable {
        /// The store's file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The last process died with the file open, and recovering it needs write access.
    #[error("{}: was not closed cleanly and may not be written here ({source}); run any steadfast command once as a user who may write it: it recovers by itself", path.display())]
    NeedsRecovery {
        /// The store's file.
        path: PathBuf,
        /// Why it may not be written.
        source: io::Error,
    },
    /// Any other failure of the file system.
    #[error("{}: {source}; check the disk and the system log, then repeat the command", path.display())]
    Io {
        /// The file or folder at hand.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A newer release wrote this store.
    #[error("{}: made by a newer steadfast (format {found}, this one knows up to {known}); use that release, or restore a copy from before the upgrade", path.display())]
    NewerFormat {
        /// The store's file.
        path: PathBuf,
        /// The number in the file.
        found: u64,
        /// The highest number that this release knows.
        known: u64,
    },
    /// Another program has the file, or wrote it in a way that this release does not share.
    #[error("{}: {rule}; stop the other program, or use one steadfast release on this store", path.display())]
    Incompatible {
        /// The store's file.
        path: PathBuf,
        /// What does not fit.
        rule: String,
    },
    /// The content contradicts itself.
    #[error("{}: the store is damaged: {rule}; keep this file, put back a copy from before the damage, then run `steadfast log verify`; DNS keeps its answers meanwhile", path.display())]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What was expected and not found.
        rule: String,
    },
    /// The batch breaks a rule of the store: an error of the caller. Nothing was recorded.
    #[error("{}: the batch for {zone} is refused: {rule}; this is an error in steadfast, please report it", path.display())]
    Refused {
        /// The store's file.
        path: PathBuf,
        /// The zone it was for.
        zone: String,
        /// The rule it breaks.
        rule: String,
    },
    /// The store was opened for reading alone.
    #[error("{}: this command opened the store for reading only", path.display())]
    ReadOnly {
        /// The store's file.
        path: PathBuf,
    },
    /// The commit failed, and so did finding out whether it took effect. Appending again with the
    /// same `expect_last` is safe: it is a conflict if the first one counted.
    #[error(
        "{cause}; whether the last entry was recorded is not known: read the ledger before repeating"
    )]
    Unsure {
        /// What broke the commit or the look afterwards.
        cause: Box<StoreError>,
    },
}
