//! The hash chain: each entry's hash covers its bytes and the hash before it.

use super::entry::{Entry, Event, FORMAT};
use crate::written::Written;
use dns::Digest;
use std::sync::Arc;

/// An entry as it is stored: its number, its hash, its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Number.
    pub seq: u64,
    /// Hash over the previous hash and `bytes`.
    pub hash: Digest,
    /// The entry as JSON. These bytes are what is hashed; nothing is ever written out anew.
    pub bytes: Written<Entry>,
}

/// Why stored entries are not a ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Bytes and hash do not belong together: the entry was altered, or one before it.
    #[error(
        "ledger entry {0} was altered: its hash is not that of its content and of the entry before"
    )]
    Altered(u64),
    /// The bytes are no entry.
    #[error("ledger entry {0} can't be read: {1}")]
    Unreadable(u64, String),
    /// A format of a newer version.
    #[error(
        "ledger entry {0} has format {1}, this version knows {FORMAT}; use the newer steadfast that wrote it"
    )]
    Newer(u64, u64),
    /// A number that does not follow.
    #[error("ledger entry {1} follows entry {0}: an entry is missing or out of place")]
    Gap(u64, u64),
}

/// The hash of an entry.
pub fn link(previous: &Digest, bytes: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&previous.0);
    hasher.update(bytes);
    Digest(*hasher.finalize().as_bytes())
}

/// Puts an entry at the end of a chain.
pub fn seal(previous: &Digest, entry: &Entry) -> Stored {
    let bytes = serde_json::to_vec(entry)
        .unwrap_or_else(|e| unreachable!("entries have string keys and finite numbers: {e}"));
    Stored {
        seq: entry.seq,
        hash: link(previous, &bytes),
        bytes: bytes.into(),
    }
}

/// Checks one stored entry against the one before it, and reads it.
///
/// # Errors
/// A broken chain, unreadable bytes, a newer format.
pub fn open(last: u64, previous: &Digest, stored: &Stored) -> Result<Arc<Entry>, ChainError> {
    if link(previous, &stored.bytes) != stored.hash {
        return Err(ChainError::Altered(stored.seq));
    }
    read(last, stored)
}

fn read(last: u64, stored: &Stored) -> Result<Arc<Entry>, ChainError> {
    let entry = stored.bytes.read(|bytes| parse(stored.seq, bytes))?;
    if entry.seq != stored.seq {
        return Err(ChainError::Gap(last, entry.seq));
    }
    let follows =
        entry.seq == last + 1 || entry.seq > last && matches!(entry.event, Event::Adopted(_));
    if follows {
        Ok(entry)
    } else {
        Err(ChainError::Gap(last, entry.seq))
    }
}

fn parse(seq: u64, bytes: &[u8]) -> Result<Entry, ChainError> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u64,
    }
    let unreadable = |e: serde_json::Error| ChainError::Unreadable(seq, e.to_string());
    let Format { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
    if format != u64::from(FORMAT) {
        return Err(ChainError::Newer(seq, format));
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}
