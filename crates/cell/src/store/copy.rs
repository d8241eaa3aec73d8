//! Reading when the file itself cannot be used: from a verified copy in memory.
//!
//! redb registers each reader under its header lock. A process that is stopped in the middle of
//! opening the file for writing or of closing it holds that lock, and so would keep everybody from
//! reading, though nobody is changing anything. And a file that a killed process left open needs
//! recovery, which a folder that may not be written does not permit. In both cases the bytes are
//! copied without any lock, and redb recovers the copy.
//!
//! The copy may be torn when the holder goes on meanwhile; redb's integrity check reads every page
//! of it against the checksums in the pages above, so a torn copy is refused, not read. What it
//! shows is what recovery would show. It is used for one reading transaction.

use std::fs::File;
use std::os::unix::fs::FileExt;

use redb::backends::InMemoryBackend;
use redb::{Builder, Database, DatabaseError, StorageBackend};

/// Larger files are not copied.
const LARGEST: u64 = 1 << 30;
const PIECE: usize = 1 << 20;

/// A copy of `file`; nothing when it is too large.
pub(super) fn in_memory(file: &File) -> Result<Option<Database>, DatabaseError> {
    let length = file.metadata()?.len();
    if length > LARGEST {
        return Ok(None);
    }
    let memory = InMemoryBackend::new();
    StorageBackend::set_len(&memory, length)?;
    let mut piece = vec![0; PIECE];
    let mut offset = 0;
    while offset < length {
        let room = PIECE.min(usize::try_from(length - offset).unwrap_or(PIECE));
        let Some(room) = piece.get_mut(..room) else {
            break;
        };
        let read = file.read_at(room, offset)?;
        let Some(read @ [_, ..]) = room.get(..read) else {
            break;
        };
        StorageBackend::write(&memory, offset, read)?;
        offset += read.len() as u64;
    }
    Builder::new()
        .set_check_integrity_on_open(true)
        .create_with_backend(memory)
        .map(Some)
}
