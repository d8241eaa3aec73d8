//! What survives a crash: a snapshot of the zone, and a journal of the changes since.
//!
//! A change is durable (fsync) before anybody is told that it was made. The snapshot is written
//! aside and renamed; it and every journal entry carry the number of the change they end with, so
//! that a crash between writing a snapshot and emptying the journal leaves entries that are skipped.
//! An entry that a crash cut short was never acknowledged: it is cut off. Damage before the end is
//! an error, never a guess.

use crate::delta::Delta;
use dns::{Digest, Name, RRset, Zone};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const SNAPSHOT: &[u8; 8] = b"SFSNAP\0\x01";
const JOURNAL: &[u8; 8] = b"SFJRNL\0\x01";
/// Octets of a checksum.
const SUM: usize = 16;
/// A journal is folded into a new snapshot when it is longer than the snapshot and this.
const WORTH_FOLDING: u64 = 1 << 20;

/// Why what is stored can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system will not.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// A file is damaged.
    #[error("{path}: {why}; restore the folder from a backup, or move it away to begin anew")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// The files of one zone. One process at a time has them.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    journal: File,
    journal_len: u64,
    snapshot_len: u64,
    /// The number of the last change.
    last: u64,
}

/// What was stored.
pub(crate) struct Stored {
    pub(crate) zone: Zone,
    pub(crate) deltas: Vec<Delta>,
}

impl Store {
    /// Opens the folder of a zone, made if need be; what is stored there, or nothing.
    pub(crate) fn open(folder: &Path, apex: &Name) -> Result<(Store, Option<Stored>), StoreError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        std::fs::create_dir_all(folder).map_err(at(folder))?;
        let path = folder.join("journal");
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut journal = options.open(&path).map_err(at(&path))?;
        journal.try_lock().map_err(|error| StoreError::Io {
            path: path.clone(),
            source: io::Error::other(format!("{error}; another server has this zone open")),
        })?;
        let mut octets = Vec::new();
        journal.read_to_end(&mut octets).map_err(at(&path))?;
        let mut store = Store {
            folder: folder.to_owned(),
            journal,
            journal_len: 0,
            snapshot_len: 0,
            last: 0,
        };
        let Some((number, zone)) = store.read_snapshot(apex)? else {
            store.empty_journal()?;
            return Ok((store, None));
        };
        store.last = number;
        let (deltas, good) = entries(&path, &octets, number)?;
        store.last += deltas.len() as u64;
        if good < JOURNAL.len() as u64 {
            store.empty_journal()?;
        } else {
            store.cut_journal(good)?;
        }
        Ok((store, Some(Stored { zone, deltas })))
    }

    /// Makes a change durable.
    pub(crate) fn append(&mut self, delta: &Delta) -> Result<(), StoreError> {
        let mut body = (self.last + 1).to_be_bytes().to_vec();
        delta.pack(&mut body);
        let mut entry = (body.len() as u32).to_be_bytes().to_vec();
        entry.extend_from_slice(Digest::of(&body).0.get(..SUM).unwrap_or_default());
        entry.extend_from_slice(&body);
        let written = self.journal.write_all(&entry);
        let written = written.and_then(|()| self.journal.sync_data());
        if let Err(source) = written {
            // What is half there must not stand in front of the next entry.
            let _ = self.cut_journal(self.journal_len);
            return Err(self.failed("journal", source));
        }
        self.journal_len += entry.len() as u64;
        self.last += 1;
        Ok(())
    }

    /// Whether the journal has grown so long that a new snapshot is worth its while.
    pub(crate) fn is_long(&self) -> bool {
        self.journal_len > self.snapshot_len.max(WORTH_FOLDING)
    }

    /// Writes the zone as it is after the last change, and empties the journal.
    pub(crate) fn snapshot(
        &mut self,
        apex: &Name,
        rrsets: impl Iterator<Item = RRset>,
    ) -> Result<(), StoreError> {
        let mut octets = SNAPSHOT.to_vec();
        octets.extend_from_slice(&self.last.to_be_bytes());
        apex.write_wire(&mut octets);
        for rrset in rrsets {
            rrset.pack(&mut octets);
        }
        let sum = Digest::of(&octets);
        octets.extend_from_slice(sum.0.get(..SUM).unwrap_or_default());
        let (aside, path) = (
            self.folder.join("snapshot.new"),
            self.folder.join("snapshot"),
        );
        let write = || {
            let mut file = File::create(&aside)?;
            file.write_all(&octets)?;
            file.sync_all()?;
            std::fs::rename(&aside, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|source| self.failed("snapshot", source))?;
        self.snapshot_len = octets.len() as u64;
        self.empty_journal()
    }

    fn read_snapshot(&mut self, apex: &Name) -> Result<Option<(u64, Zone)>, StoreError> {
        let path = self.folder.join("snapshot");
        let octets = match std::fs::read(&path) {
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.failed("snapshot", source)),
        };
        self.snapshot_len = octets.len() as u64;
        let damaged = |why: &str| StoreError::Damaged {
            path: path.clone(),
            why: why.to_owned(),
        };
        let (body, sum) = octets
            .split_last_chunk::<SUM>()
            .ok_or_else(|| damaged("cut short"))?;
        if Digest::of(body).0.get(..SUM) != Some(sum.as_slice()) {
            return Err(damaged("its checksum is wrong"));
        }
        let rest = body.strip_prefix(SNAPSHOT.as_slice());
        let head = rest.and_then(|rest| rest.split_first_chunk::<8>());
        let (number, rest) = head.ok_or_else(|| damaged("no snapshot of this version"))?;
        let (name, taken) = Name::from_wire(rest).map_err(|_| damaged("no name in it"))?;
        if name != *apex {
            return Err(damaged(&format!("it holds the zone {name}")));
        }
        let mut rest = rest.get(taken..).unwrap_or_default();
        let mut rrsets = Vec::new();
        while !rest.is_empty() {
            rrsets.push(RRset::unpack(&mut rest).ok_or_else(|| damaged("a malformed RRset"))?);
        }
        let zone = Zone::new(name, rrsets).map_err(|error| damaged(&error.to_string()))?;
        Ok(Some((u64::from_be_bytes(*number), zone)))
    }

    fn empty_journal(&mut self) -> Result<(), StoreError> {
        self.cut_journal(0)?;
        let written = self.journal.write_all(JOURNAL);
        let written = written.and_then(|()| self.journal.sync_all());
        self.journal_len = JOURNAL.len() as u64;
        written.map_err(|source| self.failed("journal", source))
    }

    fn cut_journal(&mut self, len: u64) -> Result<(), StoreError> {
        let cut = self.journal.set_len(len);
        let cut = cut.and_then(|()| io::Seek::seek(&mut self.journal, io::SeekFrom::Start(len)));
        cut.map_err(|source| self.failed("journal", source))?;
        self.journal_len = len;
        Ok(())
    }

    fn failed(&self, file: &str, source: io::Error) -> StoreError {
        let path = self.folder.join(file);
        StoreError::Io { path, source }
    }
}

/// The changes after number `after`, and how many octets of the journal are whole.
fn entries(path: &Path, octets: &[u8], after: u64) -> Result<(Vec<Delta>, u64), StoreError> {
    let damaged = |at: usize, why: &str| StoreError::Damaged {
        path: path.to_owned(),
        why: format!("the entry at octet {at} {why}"),
    };
    let mut deltas = Vec::new();
    if JOURNAL.starts_with(octets) {
        // A crash right after the snapshot was renamed, or nothing but the beginning.
        return Ok((deltas, octets.len() as u64));
    }
    if !octets.starts_with(JOURNAL) {
        return Err(damaged(0, "is no journal's beginning of this version"));
    }
    let mut at = JOURNAL.len();
    while let Some((head, rest)) = octets.get(at..).and_then(|o| o.split_first_chunk::<4>()) {
        let len = u32::from_be_bytes(*head) as usize;
        let Some((sum, rest)) = rest.split_first_chunk::<SUM>() else {
            break;
        };
        let Some((body, behind)) = rest.split_at_checked(len) else {
            break;
        };
        if Digest::of(body).0.get(..SUM) != Some(sum.as_slice()) {
            if behind.is_empty() {
                break;
            }
            return Err(damaged(at, "has a wrong checksum, and others follow"));
        }
        let (number, body) = body
            .split_first_chunk::<8>()
            .ok_or_else(|| damaged(at, "is empty"))?;
        let number = u64::from_be_bytes(*number);
        if number > after {
            if number != after + 1 + deltas.len() as u64 {
                return Err(damaged(at, "is not the next one"));
            }
            deltas.push(Delta::unpack(body).ok_or_else(|| damaged(at, "is malformed"))?);
        }
        at += 4 + SUM + len;
    }
    Ok((deltas, at as u64))
}
