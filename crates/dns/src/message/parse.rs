//! From octets to a [`Message`].

use super::wire::{RawRecord, Reader};
use super::{
    CLASS_ANY, CLASS_NONE, Edns, ExtendedError, Flags, Message, MessageError, Opcode, Question,
    Rcode, Record,
};
use crate::rtype::Rtype;

/// EDNS option of RFC 5001.
const NSID: u16 = 3;
/// EDNS option of RFC 8914.
const EXTENDED_ERROR: u16 = 15;

/// Reads a whole message.
pub(super) fn message(octets: &[u8]) -> Result<Message, MessageError> {
    let (mut reader, [questions, answers, authorities, additionals]) = Reader::new(octets)?;
    let (id, opcode, flags, rcode) = header(octets);
    let question = question(&mut reader, questions)?;
    let answer = section(&mut reader, answers)?;
    let authority = section(&mut reader, authorities)?;
    let mut message = Message {
        id,
        opcode,
        flags,
        rcode: Rcode(rcode),
        question,
        answer,
        authority,
        additional: Vec::new(),
        edns: None,
        signed: false,
    };
    additional(&mut reader, additionals, &mut message)?;
    reader.end()?;
    Ok(message)
}

/// Id, opcode, flags and the lower four bits of the result.
pub(crate) fn header(octets: &[u8]) -> (u16, Opcode, Flags, u16) {
    let byte = |i: usize| octets.get(i).copied().unwrap_or_default();
    let (high, low) = (byte(2), byte(3));
    let flags = Flags {
        answer: high & 0x80 != 0,
        authoritative: high & 0x04 != 0,
        truncated: high & 0x02 != 0,
        recursion_desired: high & 0x01 != 0,
        recursion_available: low & 0x80 != 0,
        authentic: low & 0x20 != 0,
    };
    let id = u16::from_be_bytes([byte(0), byte(1)]);
    (id, Opcode(high >> 3 & 0x0f), flags, u16::from(low & 0x0f))
}

/// The question, if there is one.
pub(crate) fn question(
    reader: &mut Reader<'_>,
    count: u16,
) -> Result<Option<Question>, MessageError> {
    match count {
        0 => Ok(None),
        1 => {
            let (name, rtype, class) = reader.question()?;
            Ok(Some(Question { name, rtype, class }))
        }
        more => Err(reader.garbage(4, format!("{more} questions in one message (RFC 9619)"))),
    }
}

fn section(reader: &mut Reader<'_>, count: u16) -> Result<Vec<Record>, MessageError> {
    let mut records = Vec::new();
    for _ in 0..count {
        let raw = reader.record()?;
        records.push(record(reader, &raw)?);
    }
    Ok(records)
}

fn additional(
    reader: &mut Reader<'_>,
    count: u16,
    message: &mut Message,
) -> Result<(), MessageError> {
    for left in (0..count).rev() {
        let raw = reader.record()?;
        match raw.rtype {
            Rtype::OPT if message.edns.is_some() => {
                return Err(reader.garbage(raw.start, "two OPT records (RFC 6891 §6.1.1)"));
            }
            Rtype::OPT => {
                let [upper, version, flags, _] = raw.ttl.to_be_bytes();
                message.rcode.0 |= u16::from(upper) << 4;
                message.edns = Some(Edns {
                    udp_size: raw.class,
                    version,
                    dnssec_ok: flags & 0x80 != 0,
                    ..options(reader, &raw)?
                });
            }
            Rtype::TSIG if left > 0 => {
                let why = "a TSIG record that is not the last one (RFC 8945 §5.1)";
                return Err(reader.garbage(raw.start, why));
            }
            Rtype::TSIG => message.signed = true,
            _ => message.additional.push(record(reader, &raw)?),
        }
    }
    Ok(())
}

fn record(reader: &mut Reader<'_>, raw: &RawRecord) -> Result<Record, MessageError> {
    let mut data = Vec::new();
    // In an UPDATE that a server echoes, deletions have no data, whatever their type.
    if raw.data.is_empty() && matches!(raw.class, CLASS_ANY | CLASS_NONE) {
        data.clear();
    } else {
        reader.data(raw, &mut data)?;
    }
    Ok(Record {
        name: reader.owner(raw)?,
        rtype: raw.rtype,
        class: raw.class,
        ttl: ttl(raw.ttl),
        data,
    })
}

/// RFC 2181 §8: a TTL with the top bit set is zero.
pub(crate) fn ttl(seconds: u32) -> u32 {
    if seconds > i32::MAX as u32 {
        0
    } else {
        seconds
    }
}

fn options(reader: &Reader<'_>, raw: &RawRecord) -> Result<Edns, MessageError> {
    let mut edns = Edns::default();
    let mut rest = reader.raw_data(raw);
    while !rest.is_empty() {
        let cut = || reader.garbage(raw.data.start, "an EDNS option that is cut short");
        let (head, tail) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        let [c0, c1, l0, l1] = *head;
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let (value, tail) = tail.split_at_checked(len).ok_or_else(cut)?;
        rest = tail;
        match (u16::from_be_bytes([c0, c1]), value) {
            (NSID, value) => edns.nsid = Some(value.to_vec()),
            (EXTENDED_ERROR, [i0, i1, text @ ..]) => edns.errors.push(ExtendedError {
                code: u16::from_be_bytes([*i0, *i1]),
                text: String::from_utf8_lossy(text)
                    .trim_end_matches('\0')
                    .to_owned(),
            }),
            _ => {}
        }
    }
    Ok(edns)
}
