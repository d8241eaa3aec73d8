//! The TSIG record itself (RFC 8945 §4.2), and what is hashed (§4.3).

use crate::message::wire::{RawRecord, Reader};
use crate::message::{CLASS_ANY, HEADER_LEN, MessageError};
use crate::name::Name;
use crate::rtype::Rtype;

/// TSIG's own error numbers (RFC 8945 §3).
pub(super) mod error {
    pub(crate) const BADSIG: u16 = 16;
    pub(crate) const BADKEY: u16 = 17;
    pub(crate) const BADTIME: u16 = 18;
    pub(crate) const BADTRUNC: u16 = 22;
}

/// A TSIG record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tsig {
    pub(super) key: Name,
    /// The algorithm's name in wire form, lower-case.
    pub(super) algorithm: Vec<u8>,
    /// When it was signed, in Unix seconds, 48 bits.
    pub(super) time: u64,
    /// Seconds that a clock may be off.
    pub(super) fudge: u16,
    pub(super) mac: Vec<u8>,
    /// The message id when it was signed.
    pub(super) original_id: u16,
    pub(super) error: u16,
    pub(super) other: Vec<u8>,
}

impl Tsig {
    /// The server's clock in a BADTIME answer.
    pub(super) fn server_time(&self) -> Option<u64> {
        <[u8; 6]>::try_from(self.other.as_slice()).ok().map(time48)
    }

    /// RFC 8945 §4.3.3.
    pub(super) fn push_variables(&self, out: &mut Vec<u8>) {
        self.key.write_wire(out);
        out.extend_from_slice(&CLASS_ANY.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.algorithm);
        self.push_timers(out);
        out.extend_from_slice(&self.error.to_be_bytes());
        super::push_counted(out, &self.other);
    }

    /// RFC 8945 §5.3.1: all that is hashed of the record after the first answer of a sequence.
    pub(super) fn push_timers(&self, out: &mut Vec<u8>) {
        let [_, _, time @ ..] = self.time.to_be_bytes();
        out.extend_from_slice(&time);
        out.extend_from_slice(&self.fudge.to_be_bytes());
    }

    /// Appends the record to a message and counts it.
    pub(super) fn append_to(&self, message: &mut Vec<u8>) {
        let mut data = self.algorithm.clone();
        self.push_timers(&mut data);
        super::push_counted(&mut data, &self.mac);
        data.extend_from_slice(&self.original_id.to_be_bytes());
        data.extend_from_slice(&self.error.to_be_bytes());
        super::push_counted(&mut data, &self.other);
        self.key.write_wire(message);
        message.extend_from_slice(&Rtype::TSIG.0.to_be_bytes());
        message.extend_from_slice(&CLASS_ANY.to_be_bytes());
        message.extend_from_slice(&[0; 4]);
        super::push_counted(message, &data);
        add_to_count(message, 1);
    }
}

/// The message id; zero of octets that have none.
pub(super) fn id(message: &[u8]) -> u16 {
    message.first_chunk().map_or(0, |b| u16::from_be_bytes(*b))
}

/// Appends a message as its signer hashed it: with its own id, without the TSIG record at `start`.
pub(super) fn push_message(out: &mut Vec<u8>, message: &[u8], start: usize, original_id: u16) {
    let at = out.len();
    out.extend_from_slice(message.get(..start).unwrap_or_default());
    if let Some(copy) = out.get_mut(at..)
        && let Some(id) = copy.first_chunk_mut::<2>()
    {
        *id = original_id.to_be_bytes();
        add_to_count(copy, -1);
    }
}

/// The TSIG record of a message and where it starts; `None` when there is none.
///
/// # Errors
/// A malformed message, or a TSIG record anywhere but at the end.
pub(super) fn find(message: &[u8]) -> Result<Option<(Tsig, usize)>, MessageError> {
    let (mut reader, [questions, answers, authorities, additionals]) = Reader::new(message)?;
    for _ in 0..questions {
        reader.question()?;
    }
    let all = u32::from(answers) + u32::from(authorities) + u32::from(additionals);
    for left in (0..all).rev() {
        let raw = reader.record()?;
        if raw.rtype != Rtype::TSIG {
            continue;
        }
        if left > 0 || additionals == 0 || raw.class != CLASS_ANY {
            let why = "a TSIG record that is not the last additional one (RFC 8945 §5.1)";
            return Err(reader.garbage(raw.start, why));
        }
        reader.end()?;
        let tsig = read(&mut reader, &raw)?;
        return Ok(Some((tsig, raw.start)));
    }
    reader.end()?;
    Ok(None)
}

fn read(reader: &mut Reader<'_>, raw: &RawRecord) -> Result<Tsig, MessageError> {
    let key = reader.owner(raw)?;
    let data = reader.raw_data(raw);
    fields(key, data).ok_or_else(|| reader.garbage(raw.start, "the data of the TSIG record"))
}

fn fields(key: Name, data: &[u8]) -> Option<Tsig> {
    let (algorithm, taken) = Name::from_wire(data).ok()?;
    let (head, rest) = data.get(taken..)?.split_first_chunk::<10>()?;
    let [t0, t1, t2, t3, t4, t5, f0, f1, m0, m1] = *head;
    let (mac, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([m0, m1])))?;
    let (head, other) = rest.split_first_chunk::<6>()?;
    let [i0, i1, e0, e1, o0, o1] = *head;
    if other.len() != usize::from(u16::from_be_bytes([o0, o1])) {
        return None;
    }
    Some(Tsig {
        key,
        algorithm: algorithm.to_wire(),
        time: time48([t0, t1, t2, t3, t4, t5]),
        fudge: u16::from_be_bytes([f0, f1]),
        mac: mac.to_vec(),
        original_id: u16::from_be_bytes([i0, i1]),
        error: u16::from_be_bytes([e0, e1]),
        other: other.to_vec(),
    })
}

fn time48(octets: [u8; 6]) -> u64 {
    octets.iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// Adds to the count of additional records.
fn add_to_count(message: &mut [u8], difference: i16) {
    if let Some(count) = message.get_mut(HEADER_LEN - 2..HEADER_LEN)
        && let Ok(octets) = <[u8; 2]>::try_from(&*count)
    {
        let sum = u16::from_be_bytes(octets).saturating_add_signed(difference);
        count.copy_from_slice(&sum.to_be_bytes());
    }
}
