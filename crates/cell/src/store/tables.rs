//! The tables, and what is read and written inside one transaction.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `format` | format number |
//! | `heads` | zone | last sequence number, last hash |
//! | `entries` | zone, sequence number | hash ‖ bytes |
//! | `bodies` | hash | bytes |
//! | `references` | hash, zone | – |
//! | `snapshots` | zone | sequence number, blake3 of the bytes, bytes |
//!
//! The head is a second witness of the chain: a ledger whose last entry is not the head's was cut.
//! References start with the hash, so that "does anybody still refer to it" is one look.

use std::ops::Bound;

use redb::{
    ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction,
};

use super::{Appended, Batch, Body, GENESIS, Hash};

/// The format that this release reads and writes.
pub(super) const FORMAT: u64 = 1;

pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
pub(super) const FORMAT_KEY: &str = "format";
const HEADS: TableDefinition<&str, (u64, &Hash)> = TableDefinition::new("heads");
const ENTRIES: TableDefinition<(&str, u64), &[u8]> = TableDefinition::new("entries");
const BODIES: TableDefinition<&Hash, &[u8]> = TableDefinition::new("bodies");
const REFERENCES: TableDefinition<(&Hash, &str), ()> = TableDefinition::new("references");
const SNAPSHOTS: TableDefinition<&str, (u64, &Hash, &[u8])> = TableDefinition::new("snapshots");

/// Why a transaction could not do its work; [`super::handle`] adds the file and the fix.
#[derive(Debug)]
pub(super) enum Fault {
    /// redb or the file system said no.
    Redb(Box<redb::Error>),
    /// What was read contradicts itself.
    Damaged(String),
    /// The caller broke a rule.
    Refused(String),
    /// The format number is above [`FORMAT`].
    Newer(u64),
}

macro_rules! fault_from {
    ($($error:ty),*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Fault::Redb(Box::new(error.into()))
            }
        }
    )*};
}
fault_from!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::DatabaseError,
    redb::SetDurabilityError
);

/// Where a zone's ledger ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) last: u64,
    pub(super) hash: Hash,
}

const EMPTY: Head = Head {
    last: 0,
    hash: GENESIS,
};

/// The link of the ledger's chain: blake3(hash of the entry before ‖ bytes).
pub(super) fn link(before: &Hash, bytes: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before);
    hasher.update(bytes);
    *hasher.finalize().as_bytes()
}

/// Makes all tables and writes the format number, in a new file.
pub(super) fn create_all(transaction: &WriteTransaction) -> Result<(), Fault> {
    transaction.open_table(META)?.insert(FORMAT_KEY, FORMAT)?;
    transaction.open_table(HEADS)?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(BODIES)?;
    transaction.open_table(REFERENCES)?;
    transaction.open_table(SNAPSHOTS)?;
    Ok(())
}

fn check_format(meta: &impl ReadableTable<&'static str, u64>) -> Result<(), Fault> {
    match meta.get(FORMAT_KEY)?.map(|number| number.value()) {
        Some(FORMAT) => Ok(()),
        Some(number) if number > FORMAT => Err(Fault::Newer(number)),
        Some(number) => Err(Fault::Damaged(format!("the format number is {number}"))),
        None => Err(Fault::Damaged("the format number is missing".to_owned())),
    }
}

fn head(
    heads: &impl ReadableTable<&'static str, (u64, &'static Hash)>,
    zone: &str,
) -> Result<Head, Fault> {
    Ok(heads.get(zone)?.map_or(EMPTY, |found| {
        let (last, hash) = found.value();
        Head { last, hash: *hash }
    }))
}

/// Checks, at the beginning of every reading transaction, that this release knows the format: a
/// newer one may have upgraded the file while it was open here.
pub(super) fn check_readable(transaction: &ReadTransaction) -> Result<(), Fault> {
    check_format(&transaction.open_table(META)?)
}

pub(super) fn read_zones(transaction: &ReadTransaction) -> Result<Vec<String>, Fault> {
    let heads = transaction.open_table(HEADS)?;
    let mut zones = Vec::new();
    for row in heads.iter()? {
        let (zone, found) = row?;
        let (last, hash) = found.value();
        let zone = zone.value();
        // A damaged name would hide a ledger; its entries would still have the right one.
        if read_entry_hash(transaction, zone, last)? != Some(*hash) {
            return Err(Fault::Damaged(format!(
                "the ledger of {zone:?} does not end at its head"
            )));
        }
        zones.push(zone.to_owned());
    }
    if heads.len()? != zones.len() as u64 {
        return Err(Fault::Damaged(
            "the list of zones is shorter than it was".to_owned(),
        ));
    }
    Ok(zones)
}

pub(super) fn read_head(transaction: &ReadTransaction, zone: &str) -> Result<Head, Fault> {
    head(&transaction.open_table(HEADS)?, zone)
}

pub(super) type Entries = Vec<(u64, Hash, Vec<u8>)>;

/// The entries above `after`, with the chain checked from the entry before them to the head.
pub(super) fn read_entries(
    transaction: &ReadTransaction,
    zone: &str,
    after: u64,
) -> Result<(Head, Entries), Fault> {
    let head = read_head(transaction, zone)?;
    let table = transaction.open_table(ENTRIES)?;
    let mut before = EMPTY;
    if let Some(row) = table.range((zone, 0)..=(zone, after))?.next_back() {
        let (key, value) = row?;
        let number = key.value().1;
        before = Head {
            last: number,
            hash: split(zone, number, value.value())?.0,
        };
    }
    let mut entries = Vec::new();
    let above = (
        Bound::Excluded((zone, after)),
        Bound::Included((zone, u64::MAX)),
    );
    for row in table.range::<(&str, u64)>(above)? {
        let (key, value) = row?;
        let number = key.value().1;
        let (hash, bytes) = split(zone, number, value.value())?;
        if number <= before.last || link(&before.hash, bytes) != hash {
            return Err(broken(zone, number));
        }
        before = Head { last: number, hash };
        entries.push((number, hash, bytes.to_vec()));
    }
    // The last entry in the table is the head, whether or not anything lies above `after`.
    if before != head {
        return Err(Fault::Damaged(format!(
            "the ledger of {zone} ends at entry {}, its head says {}",
            before.last, head.last
        )));
    }
    Ok((head, entries))
}

/// The hash of one entry, if there is such an entry.
pub(super) fn read_entry_hash(
    transaction: &ReadTransaction,
    zone: &str,
    number: u64,
) -> Result<Option<Hash>, Fault> {
    let table = transaction.open_table(ENTRIES)?;
    let Some(value) = table.get((zone, number))? else {
        return Ok(None);
    };
    Ok(Some(split(zone, number, value.value())?.0))
}

fn split<'a>(zone: &str, number: u64, value: &'a [u8]) -> Result<(Hash, &'a [u8]), Fault> {
    let (hash, bytes) = value
        .split_first_chunk()
        .ok_or_else(|| broken(zone, number))?;
    Ok((*hash, bytes))
}

fn broken(zone: &str, number: u64) -> Fault {
    Fault::Damaged(format!(
        "entry {number} of {zone} does not match the hash in its chain"
    ))
}

pub(super) fn read_body(
    transaction: &ReadTransaction,
    hash: &Hash,
) -> Result<Option<Vec<u8>>, Fault> {
    let table = transaction.open_table(BODIES)?;
    let Some(found) = table.get(hash)? else {
        let references = transaction.open_table(REFERENCES)?;
        return match references.range((hash, "")..)?.next().transpose()? {
            Some((key, _)) if key.value().0 == hash => Err(Fault::Damaged(format!(
                "the body {} is gone, and {} refers to it",
                blake3::Hash::from_bytes(*hash).to_hex(),
                key.value().1
            ))),
            _ => Ok(None),
        };
    };
    let bytes = found.value().to_vec();
    if blake3::hash(&bytes).as_bytes() != hash {
        return Err(Fault::Damaged(format!(
            "the body {} has other content",
            blake3::Hash::from_bytes(*hash).to_hex()
        )));
    }
    Ok(Some(bytes))
}

pub(super) fn read_bodies(
    transaction: &ReadTransaction,
    wanted: Vec<Hash>,
) -> Result<Vec<Body>, Fault> {
    let mut bodies = Vec::new();
    for hash in wanted {
        if let Some(bytes) = read_body(transaction, &hash)? {
            bodies.push(Body { hash, bytes });
        }
    }
    Ok(bodies)
}

pub(super) fn read_snapshot(
    transaction: &ReadTransaction,
    zone: &str,
) -> Result<Option<(u64, Vec<u8>)>, Fault> {
    let table = transaction.open_table(SNAPSHOTS)?;
    let Some(found) = table.get(zone)? else {
        return Ok(None);
    };
    let (number, hash, bytes) = found.value();
    if blake3::hash(bytes).as_bytes() != hash {
        return Err(Fault::Damaged(format!(
            "the snapshot of {zone} has other content"
        )));
    }
    Ok(Some((number, bytes.to_vec())))
}

/// Everything about a batch that can be checked without the file, so that none of it is done
/// while the write lock is held. `before` is where the batch says that it starts.
pub(super) fn check_batch(zone: &str, batch: &Batch) -> Result<(), Fault> {
    let refuse = |rule: String| Err(Fault::Refused(rule));
    if zone.is_empty() {
        return refuse("a zone has a name".to_owned());
    }
    let mut last = batch.expect_last;
    let mut before: Option<&Hash> = None;
    for (number, entry) in &batch.entries {
        if *number <= last {
            return refuse(format!("entry {number} does not come after {last}"));
        }
        if before.is_some_and(|hash| link(hash, &entry.bytes) != entry.hash) {
            return refuse(format!(
                "the hash of entry {number} does not continue the chain"
            ));
        }
        last = *number;
        before = Some(&entry.hash);
    }
    for body in &batch.bodies {
        if *blake3::hash(&body.bytes).as_bytes() != body.hash {
            return refuse("a body's hash is not the hash of its bytes".to_owned());
        }
    }
    match &batch.snapshot {
        Some((number, _)) if *number > last => refuse(format!(
            "the snapshot is of entry {number}, the ledger ends at {last}"
        )),
        _ => Ok(()),
    }
}

/// Does the batch inside `transaction`, which the caller commits, or aborts on a conflict or an
/// error.
pub(super) fn apply(
    transaction: &WriteTransaction,
    zone: &str,
    batch: &Batch,
) -> Result<Appended, Fault> {
    check_format(&transaction.open_table(META)?)?;
    let mut heads = transaction.open_table(HEADS)?;
    let mut head = head(&heads, zone)?;
    if head.last != batch.expect_last {
        return Ok(Appended::Conflict { last: head.last });
    }
    if let Some((number, first)) = batch.entries.first()
        && link(&head.hash, &first.bytes) != first.hash
    {
        let rule = format!("the hash of entry {number} does not continue the chain");
        return Err(Fault::Refused(rule));
    }
    let mut entries = transaction.open_table(ENTRIES)?;
    for (number, entry) in &batch.entries {
        let value = [entry.hash.as_slice(), &entry.bytes].concat();
        entries.insert((zone, *number), value.as_slice())?;
        head = Head {
            last: *number,
            hash: entry.hash,
        };
    }
    if !batch.entries.is_empty() {
        heads.insert(zone, (head.last, &head.hash))?;
    }
    apply_bodies(transaction, zone, batch)?;
    if let Some((number, bytes)) = &batch.snapshot {
        let hash = *blake3::hash(bytes).as_bytes();
        transaction
            .open_table(SNAPSHOTS)?
            .insert(zone, (*number, &hash, bytes.as_slice()))?;
    }
    Ok(Appended::Done { last: head.last })
}

/// Forgets first, so that a body that the same batch adds stays.
fn apply_bodies(transaction: &WriteTransaction, zone: &str, batch: &Batch) -> Result<(), Fault> {
    let mut bodies = transaction.open_table(BODIES)?;
    let mut references = transaction.open_table(REFERENCES)?;
    for hash in &batch.forget {
        references.remove((hash, zone))?;
        let others = references.range((hash, "")..)?.next().transpose()?;
        if others.is_none_or(|(key, _)| key.value().0 != hash) {
            bodies.remove(hash)?;
        }
    }
    for body in &batch.bodies {
        references.insert((&body.hash, zone), ())?;
        if bodies.get(&body.hash)?.is_none() {
            bodies.insert(&body.hash, body.bytes.as_slice())?;
        }
    }
    Ok(())
}
