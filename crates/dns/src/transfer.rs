//! Whole zones from a server (AXFR, RFC 5936), message by message.

use crate::message::wire::{RawRecord, Reader};
use crate::message::{
    CLASS_IN, MessageError, Mismatch, Opcode, Rcode, parse_header, parse_question, parse_ttl,
};
use crate::name::Name;
use crate::rrset::{RRset, RRsetError};
use crate::rtype::Rtype;
use crate::zone::{Zone, ZoneError};

/// A transfer under way: feed it the answers in the order they come.
#[derive(Debug)]
pub struct Transfer {
    id: u16,
    apex: Name,
    soa: Option<RRset>,
    done: bool,
    open: Open,
    rrsets: Vec<RRset>,
    records: usize,
    mixed_ttls: Vec<(Name, Rtype)>,
}

/// Whether more messages follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The closing SOA has not come yet.
    More,
    /// It has.
    Done,
}

/// A zone as a server has it.
#[derive(Debug)]
pub struct Transferred {
    /// The content, SOA included.
    pub zone: Zone,
    /// The SOA.
    pub soa: RRset,
    /// How many records came, the closing SOA not counted.
    pub records: usize,
    /// RRsets whose records had different TTLs (RFC 2181 §5.2); the lowest was taken. Signatures
    /// are not among them: theirs differ by nature.
    pub mixed_ttls: Vec<(Name, Rtype)>,
}

/// Why a transfer failed. Nothing of it may be used then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// An answer is no message.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// An answer is to something else.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The server will not, or cannot.
    #[error("the server answers {0}")]
    Rcode(Rcode),
    /// The first record is not the zone's SOA (RFC 5936 §2.2).
    #[error("the transfer begins with {0} {1}, not with the zone's SOA (RFC 5936 §2.2)")]
    NoSoa(Name, Rtype),
    /// A message before the end without records, or the first one truncated.
    #[error("a message of the transfer holds no record")]
    Empty,
    /// The zone changed while it was sent, or the server mixes up two.
    #[error("the transfer ends with another SOA than it began with")]
    SoaDiffers,
    /// A record that isn't in the zone.
    #[error("the transfer has {0}, which is outside of the zone {1}")]
    Outside(Name, Name),
    /// A record of another class than IN, or of a type that no zone holds.
    #[error("the transfer has {0} of type {1} and class {2}, which no zone holds")]
    Foreign(Name, Rtype, u16),
    /// Records after the closing SOA.
    #[error("records follow the closing SOA")]
    AfterEnd,
    /// The messages end before the closing SOA.
    #[error("the transfer ends after {0} records, before the closing SOA")]
    Unfinished(usize),
    /// Data that no record of its type has.
    #[error("{0}: {1}")]
    Data(Name, RRsetError),
    /// The records make no zone.
    #[error(transparent)]
    Zone(#[from] ZoneError),
}

/// The RRset that the last records belong to.
#[derive(Debug)]
struct Open {
    name: Name,
    /// Where in the current message its owner stands.
    at: usize,
    rtype: Rtype,
    ttl: u32,
    mixed: bool,
    octets: Vec<u8>,
    /// Where each datum ends in `octets`.
    ends: Vec<usize>,
}

impl Transfer {
    /// Waits for the answers to an AXFR query of `apex` with that message id.
    pub fn new(id: u16, apex: Name) -> Transfer {
        let open = Open {
            name: apex.clone(),
            at: 0,
            rtype: Rtype::SOA,
            ttl: 0,
            mixed: false,
            octets: Vec::new(),
            ends: Vec::new(),
        };
        Transfer {
            id,
            apex,
            soa: None,
            done: false,
            open,
            rrsets: Vec::new(),
            records: 0,
            mixed_ttls: Vec::new(),
        }
    }

    /// Takes the next answer. Signatures are the caller's to check, before or after.
    ///
    /// # Errors
    /// Anything that RFC 5936 does not allow. The transfer is lost then.
    pub fn feed(&mut self, octets: &[u8]) -> Result<Progress, TransferError> {
        if self.done {
            return Err(TransferError::AfterEnd);
        }
        let (mut reader, [questions, answers, ..]) = Reader::new(octets)?;
        self.check_header(octets, &mut reader, questions)?;
        if answers == 0 {
            return Err(TransferError::Empty);
        }
        self.open.at = 0;
        for _ in 0..answers {
            let raw = reader.record()?;
            self.record(&mut reader, &raw)?;
        }
        Ok(if self.done {
            Progress::Done
        } else {
            Progress::More
        })
    }

    /// How many records came so far.
    pub fn records(&self) -> usize {
        self.records
    }

    /// The zone.
    ///
    /// # Errors
    /// The closing SOA is missing, or the records make no zone.
    pub fn finish(mut self) -> Result<Transferred, TransferError> {
        let Some(soa) = self.soa.take().filter(|_| self.done) else {
            return Err(TransferError::Unfinished(self.records));
        };
        let rrsets = self.merged()?;
        let zone = Zone::new(self.apex, rrsets)?;
        let mut mixed_ttls = self.mixed_ttls;
        mixed_ttls.sort();
        mixed_ttls.dedup();
        Ok(Transferred {
            zone,
            soa,
            records: self.records,
            mixed_ttls,
        })
    }

    fn check_header(
        &self,
        octets: &[u8],
        reader: &mut Reader<'_>,
        questions: u16,
    ) -> Result<(), TransferError> {
        let (got, opcode, flags, rcode) = parse_header(octets);
        let question = parse_question(reader, questions)?;
        if got != self.id {
            return Err(Mismatch::Id {
                asked: self.id,
                got,
            }
            .into());
        }
        if !flags.answer {
            return Err(Mismatch::NotAnAnswer.into());
        }
        if opcode != Opcode::QUERY {
            return Err(Mismatch::Opcode {
                asked: 0,
                got: opcode.0,
            }
            .into());
        }
        if rcode != 0 {
            return Err(TransferError::Rcode(Rcode(rcode)));
        }
        let wrong = |q: &crate::message::Question| {
            q.name != self.apex || q.rtype != Rtype::AXFR || q.class != CLASS_IN
        };
        // RFC 5936 §2.2.1: later messages may leave the question out.
        match question {
            Some(q) if wrong(&q) => Err(self.other_question(format!("{} {}", q.name, q.rtype))),
            None if self.soa.is_none() => Err(self.other_question("no question".into())),
            _ => Ok(()),
        }
    }

    fn other_question(&self, got: String) -> TransferError {
        let asked = format!("{} AXFR", self.apex);
        Mismatch::Question { asked, got }.into()
    }

    fn record(&mut self, reader: &mut Reader<'_>, raw: &RawRecord) -> Result<(), TransferError> {
        if self.done {
            return Err(TransferError::AfterEnd);
        }
        let ttl = parse_ttl(raw.ttl);
        let known = self.open.at != 0
            && (raw.start == self.open.at || reader.owner_pointer(raw) == Some(self.open.at));
        if known && raw.rtype == self.open.rtype && raw.class == CLASS_IN && raw.rtype != Rtype::SOA
        {
            self.open.push(reader, raw, ttl)?;
            self.records += 1;
            return Ok(());
        }
        let at = reader.owner_pointer(raw).unwrap_or(raw.start);
        let name = if known {
            self.open.name.clone()
        } else {
            reader.owner(raw)?
        };
        if raw.class != CLASS_IN || raw.rtype.is_meta() {
            return Err(TransferError::Foreign(name, raw.rtype, raw.class));
        }
        if raw.rtype == Rtype::SOA || self.soa.is_none() {
            return self.soa(reader, raw, name);
        }
        if !name.is_under(&self.apex) {
            return Err(TransferError::Outside(name, self.apex.clone()));
        }
        if name != self.open.name || raw.rtype != self.open.rtype {
            self.close()?;
            self.open.name = name;
            self.open.rtype = raw.rtype;
            self.open.ttl = ttl;
        }
        self.open.at = at;
        self.open.push(reader, raw, ttl)?;
        self.records += 1;
        Ok(())
    }

    fn soa(
        &mut self,
        reader: &mut Reader<'_>,
        raw: &RawRecord,
        name: Name,
    ) -> Result<(), TransferError> {
        if raw.rtype != Rtype::SOA || name != self.apex {
            return Err(match self.soa {
                None => TransferError::NoSoa(name, raw.rtype),
                Some(_) => TransferError::Outside(name, self.apex.clone()),
            });
        }
        let mut data = Vec::new();
        reader.data(raw, &mut data)?;
        let made = RRset::new(name, Rtype::SOA, parse_ttl(raw.ttl), [&data]);
        let soa = made.map_err(|e| TransferError::Data(self.apex.clone(), e))?;
        match &self.soa {
            None => {
                self.rrsets.push(soa.clone());
                self.soa = Some(soa);
                self.records += 1;
            }
            Some(first) if first.same_data(&soa) => {
                self.close()?;
                self.done = true;
            }
            Some(_) => return Err(TransferError::SoaDiffers),
        }
        Ok(())
    }

    /// Makes an RRset of the open records.
    fn close(&mut self) -> Result<(), TransferError> {
        let open = &mut self.open;
        if open.ends.is_empty() {
            return Ok(());
        }
        let mut from = 0;
        let data = open.ends.iter().map(|end| {
            let datum = open.octets.get(from..*end).unwrap_or_default();
            from = *end;
            datum
        });
        let made = RRset::new(open.name.clone(), open.rtype, open.ttl, data);
        let rrset = made.map_err(|e| TransferError::Data(open.name.clone(), e))?;
        // Servers send owners in order and the types of one owner in any: put those in order here,
        // and the whole need not be sorted.
        let after = |r: &RRset| r.name() == rrset.name() && r.rtype() > rrset.rtype();
        let behind = self.rrsets.iter().rev().take_while(|r| after(r)).count();
        self.rrsets.insert(self.rrsets.len() - behind, rrset);
        if open.mixed {
            self.mixed_ttls.push((open.name.clone(), open.rtype));
        }
        open.octets.clear();
        open.ends.clear();
        open.mixed = false;
        Ok(())
    }

    /// All RRsets in order, those that came in several parts made one.
    fn merged(&mut self) -> Result<Vec<RRset>, TransferError> {
        let mut rrsets = std::mem::take(&mut self.rrsets);
        let key = |r: &RRset| (r.name().clone(), r.rtype());
        let order = |a: &RRset, b: &RRset| (a.name(), a.rtype()).cmp(&(b.name(), b.rtype()));
        if rrsets.is_sorted_by(|a, b| order(a, b).is_lt()) {
            return Ok(rrsets);
        }
        // Mostly sorted already as a rule: a stable sort makes use of that.
        rrsets.sort_by(order);
        let mut merged: Vec<RRset> = Vec::with_capacity(rrsets.len());
        for rrset in rrsets {
            let Some(last) = merged.last_mut().filter(|last| order(last, &rrset).is_eq()) else {
                merged.push(rrset);
                continue;
            };
            if last.ttl() != rrset.ttl() && rrset.rtype() != Rtype::RRSIG {
                self.mixed_ttls.push(key(&rrset));
            }
            let ttl = last.ttl().min(rrset.ttl());
            let data = last.data().chain(rrset.data());
            let whole = RRset::new(rrset.name().clone(), rrset.rtype(), ttl, data);
            *last = whole.map_err(|e| TransferError::Data(rrset.name().clone(), e))?;
        }
        Ok(merged)
    }
}

impl Open {
    fn push(
        &mut self,
        reader: &mut Reader<'_>,
        raw: &RawRecord,
        ttl: u32,
    ) -> Result<(), MessageError> {
        if !self.ends.is_empty() && ttl != self.ttl {
            self.mixed |= raw.rtype != Rtype::RRSIG;
            self.ttl = self.ttl.min(ttl);
        }
        reader.data(raw, &mut self.octets)?;
        self.ends.push(self.octets.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
