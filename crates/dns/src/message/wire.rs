//! Reads a message's octets one question or record at a time, without copying.

use super::{HEADER_LEN, MessageError};
use crate::name::{MAX_WIRE_LEN, Name};
use crate::rdata::{self, Field};
use crate::rtype::Rtype;
use std::ops::Range;

/// A place in a message. Cheap to make; it checks as it goes.
pub(crate) struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
    /// Where the labels of the last name are: offset and length. Kept to not clear it each time.
    labels: [(u16, u8); 128],
}

/// A record whose owner and data are still in place.
#[derive(Debug, Clone)]
pub(crate) struct RawRecord {
    /// Offset of the owner, which is where the record begins.
    pub(crate) start: usize,
    pub(crate) rtype: Rtype,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    pub(crate) data: Range<usize>,
}

/// Numbers of questions, answers, authority and additional records.
pub(crate) type Counts = [u16; 4];

impl<'a> Reader<'a> {
    /// Stands behind the header, and gives the counts in it.
    pub(crate) fn new(octets: &'a [u8]) -> Result<(Reader<'a>, Counts), MessageError> {
        let mut reader = Reader {
            octets,
            at: 4,
            labels: [(0, 0); 128],
        };
        let counts = reader.take::<8>("the header")?;
        let [a, b, c, d, e, f, g, h] = counts;
        let two = |x, y| u16::from_be_bytes([x, y]);
        debug_assert_eq!(reader.at, HEADER_LEN);
        Ok((reader, [two(a, b), two(c, d), two(e, f), two(g, h)]))
    }

    /// Name, type and class of a question.
    pub(crate) fn question(&mut self) -> Result<(Name, Rtype, u16), MessageError> {
        let (name, next) = self.name(self.at, "the question")?;
        self.at = next;
        let [a, b, c, d] = self.take::<4>("the question")?;
        let rtype = Rtype(u16::from_be_bytes([a, b]));
        Ok((name, rtype, u16::from_be_bytes([c, d])))
    }

    /// The next record. Its owner's labels are checked when [`Reader::owner`] reads them.
    pub(crate) fn record(&mut self) -> Result<RawRecord, MessageError> {
        let start = self.at;
        self.at = self.skip_name(start)?;
        let fixed = self.take::<10>("a record's head")?;
        let [t0, t1, c0, c1, l0, l1, l2, l3, n0, n1] = fixed;
        let end = self.at + usize::from(u16::from_be_bytes([n0, n1]));
        if end > self.octets.len() {
            return Err(self.half("a record's data"));
        }
        let data = self.at..end;
        self.at = end;
        Ok(RawRecord {
            start,
            rtype: Rtype(u16::from_be_bytes([t0, t1])),
            class: u16::from_be_bytes([c0, c1]),
            ttl: u32::from_be_bytes([l0, l1, l2, l3]),
            data,
        })
    }

    /// The owner of a record.
    pub(crate) fn owner(&mut self, record: &RawRecord) -> Result<Name, MessageError> {
        Ok(self.name(record.start, "a record's owner")?.0)
    }

    /// Where the labels of a record's owner really are, when it is nothing but a pointer.
    pub(crate) fn owner_pointer(&self, record: &RawRecord) -> Option<usize> {
        match self.octets.get(record.start..record.start + 2) {
            Some([high, low]) if *high >= 0xc0 => {
                Some(usize::from(u16::from_be_bytes([high & 0x3f, *low])))
            }
            _ => None,
        }
    }

    /// A record's data as they stand, names compressed.
    pub(crate) fn raw_data(&self, record: &RawRecord) -> &'a [u8] {
        self.octets.get(record.data.clone()).unwrap_or_default()
    }

    /// Appends a record's data with names decompressed and in lower case, for those types where
    /// names may be compressed (RFC 3597 §4) and no others.
    pub(crate) fn data(
        &mut self,
        record: &RawRecord,
        out: &mut Vec<u8>,
    ) -> Result<(), MessageError> {
        let Some(fields) = rdata::layout(record.rtype) else {
            out.extend_from_slice(self.raw_data(record));
            return Ok(());
        };
        let Range { start, end } = record.data;
        let mut at = start;
        for field in fields {
            let next = match field {
                Field::Fixed(n) => at + n,
                Field::Text => at + 1 + usize::from(*self.octets.get(at).unwrap_or(&0)),
                Field::Name => self.find_labels(at, "a name in a record's data")?.0,
            };
            if next > end || at >= end {
                let why = format!("the data of a {} record end inside a field", record.rtype);
                return Err(MessageError::Garbage { at, why });
            }
            match field {
                Field::Name => self.push_lower(at, out)?,
                _ => out.extend_from_slice(self.octets.get(at..next).unwrap_or_default()),
            }
            at = next;
        }
        out.extend_from_slice(self.octets.get(at..end).unwrap_or_default());
        Ok(())
    }

    /// Nothing may follow the last record.
    pub(crate) fn end(&self) -> Result<(), MessageError> {
        match self.octets.len() - self.at {
            0 => Ok(()),
            more => Err(self.garbage(self.at, format!("{more} octets after the last record"))),
        }
    }

    pub(crate) fn garbage(&self, at: usize, why: impl Into<String>) -> MessageError {
        let why = why.into();
        MessageError::Garbage { at, why }
    }

    fn half(&self, inside: &'static str) -> MessageError {
        let len = self.octets.len();
        MessageError::Half { len, inside }
    }

    fn take<const N: usize>(&mut self, inside: &'static str) -> Result<[u8; N], MessageError> {
        let rest = self.octets.get(self.at..).unwrap_or_default();
        let Some(taken) = rest.first_chunk::<N>() else {
            return Err(self.half(inside));
        };
        self.at += N;
        Ok(*taken)
    }

    /// The offset behind the name at `at`.
    fn skip_name(&self, mut at: usize) -> Result<usize, MessageError> {
        let inside = "a record's owner";
        loop {
            match self.octets.get(at) {
                None => return Err(self.half(inside)),
                Some(0) => return Ok(at + 1),
                Some(len @ 1..=63) => at += 1 + usize::from(*len),
                Some(0xc0..) if at + 2 > self.octets.len() => return Err(self.half(inside)),
                Some(0xc0..) => return Ok(at + 2),
                Some(other) => {
                    let why = format!("a label of the unknown kind {:#04x}", other & 0xc0);
                    return Err(self.garbage(at, why));
                }
            }
        }
    }

    fn name(&mut self, at: usize, inside: &'static str) -> Result<(Name, usize), MessageError> {
        let (next, count) = self.find_labels(at, inside)?;
        let octets = self.octets;
        let label = |(start, len): &(u16, u8)| {
            let start = usize::from(*start);
            octets
                .get(start..start + usize::from(*len))
                .unwrap_or_default()
        };
        let labels = self.labels.get(..count).unwrap_or_default();
        match Name::from_labels(labels.iter().map(label)) {
            Ok(name) => Ok((name, next)),
            Err(why) => Err(self.garbage(at, why.to_string())),
        }
    }

    fn push_lower(&mut self, at: usize, out: &mut Vec<u8>) -> Result<(), MessageError> {
        let (_, count) = self.find_labels(at, "a name in a record's data")?;
        for (start, len) in self.labels.get(..count).unwrap_or_default() {
            let start = usize::from(*start);
            let label = self.octets.get(start..start + usize::from(*len));
            out.push(*len);
            out.extend(label.unwrap_or_default().iter().map(u8::to_ascii_lowercase));
        }
        out.push(0);
        Ok(())
    }

    /// Fills `labels` with the name at `at`; gives the offset behind it and how many labels.
    ///
    /// Each pointer must lead to before the labels that were read last, so that following them
    /// ends.
    fn find_labels(
        &mut self,
        start: usize,
        inside: &'static str,
    ) -> Result<(usize, usize), MessageError> {
        let (mut at, mut run, mut behind) = (start, start, None);
        let (mut count, mut wire_len) = (0, 1);
        loop {
            let Some(&len) = self.octets.get(at) else {
                return Err(self.half(inside));
            };
            match len {
                0 => return Ok((behind.unwrap_or(at + 1), count)),
                1..=63 => {
                    wire_len += 1 + usize::from(len);
                    if wire_len > MAX_WIRE_LEN {
                        return Err(self.garbage(start, "a name of more than 255 octets"));
                    }
                    if let (Some(slot), Ok(from)) =
                        (self.labels.get_mut(count), u16::try_from(at + 1))
                    {
                        *slot = (from, len);
                    } else {
                        return Err(self.garbage(start, "a name beyond 65,535 octets"));
                    }
                    count += 1;
                    at += 1 + usize::from(len);
                    if at > self.octets.len() {
                        return Err(self.half(inside));
                    }
                }
                0xc0.. => {
                    let Some(low) = self.octets.get(at + 1) else {
                        return Err(self.half(inside));
                    };
                    let target = usize::from(u16::from_be_bytes([len & 0x3f, *low]));
                    if target >= run || target < HEADER_LEN {
                        return Err(
                            self.garbage(at, "a compression pointer that does not point backwards")
                        );
                    }
                    behind.get_or_insert(at + 2);
                    (at, run) = (target, target);
                }
                other => {
                    let why = format!("a label of the unknown kind {:#04x}", other & 0xc0);
                    return Err(self.garbage(at, why));
                }
            }
        }
    }
}
