//! Transfers out: whole zones (RFC 5936) and what changed (RFC 1995).

use crate::delta::Delta;
use crate::generation::Generation;
use dns::message::HEADER_LEN;
use dns::{Name, RRset, Rtype};
use std::collections::BTreeSet;
use std::io;

/// A message is sent when it has so many octets. Owners in it can then be pointed at.
const PAGE: usize = 15_000;

/// Where finished messages go.
pub(crate) type Sink<'a> = dyn FnMut(&[u8]) -> io::Result<()> + 'a;

/// Sends the whole zone.
pub(crate) fn whole(
    request: &[u8],
    generation: &Generation,
    sink: &mut Sink<'_>,
) -> io::Result<()> {
    let mut pages = Pages::new(request, generation, sink);
    let soa = soa_of(generation)?;
    pages.rrset(&soa)?;
    for rrset in generation.rrsets() {
        if rrset.rtype() != Rtype::SOA {
            pages.rrset(&rrset)?;
        }
    }
    pages.rrset(&soa)?;
    pages.flush()
}

/// Sends what changed: for each generation the old SOA and what goes, the new SOA and what comes.
pub(crate) fn changed(
    request: &[u8],
    generation: &Generation,
    deltas: &[Delta],
    sink: &mut Sink<'_>,
) -> io::Result<()> {
    let mut pages = Pages::new(request, generation, sink);
    let soa = soa_of(generation)?;
    pages.rrset(&soa)?;
    for delta in deltas {
        for goes in [true, false] {
            let side = |set: Option<&RRset>| set.filter(|s| s.rtype() == Rtype::SOA).cloned();
            let of_soa = |c: &dns::Change| side(if goes { c.before() } else { c.after() });
            match delta.changes.iter().find_map(of_soa) {
                Some(soa) => pages.rrset(&soa)?,
                None => return Err(io::ErrorKind::InvalidData.into()),
            }
            for change in delta.changes.iter().filter(|c| c.rtype() != Rtype::SOA) {
                let (from, to) = match goes {
                    true => (change.before(), change.after()),
                    false => (change.after(), change.before()),
                };
                pages.without(from, to)?;
            }
        }
    }
    pages.rrset(&soa)?;
    pages.flush()
}

/// Sends the SOA alone: the client has what there is, or has to come over TCP.
pub(crate) fn soa_alone(
    request: &[u8],
    generation: &Generation,
    sink: &mut Sink<'_>,
) -> io::Result<()> {
    let mut pages = Pages::new(request, generation, sink);
    pages.rrset(&soa_of(generation)?)?;
    pages.flush()
}

fn soa_of(generation: &Generation) -> io::Result<RRset> {
    let mut sets = generation.at(generation.apex());
    let soa = sets.remove(&Rtype::SOA);
    soa.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Records, one message after the other.
struct Pages<'a, 's> {
    sink: &'a mut Sink<'s>,
    out: Vec<u8>,
    /// Header and question.
    head: usize,
    count: u16,
    apex: &'a [u8],
    /// The last owner, and where it stands.
    owner: Option<(Name, u16)>,
}

impl<'a, 's> Pages<'a, 's> {
    fn new(request: &[u8], generation: &'a Generation, sink: &'a mut Sink<'s>) -> Pages<'a, 's> {
        let head = HEADER_LEN + generation.apex_wire.len() + 4;
        let mut out = request.get(..head).unwrap_or_default().to_vec();
        if let Some(header) = out.get_mut(2..HEADER_LEN) {
            // QR and AA; one question.
            header.copy_from_slice(&[0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        }
        Pages {
            sink,
            out,
            head,
            count: 0,
            apex: &generation.apex_wire,
            owner: None,
        }
    }

    fn rrset(&mut self, set: &RRset) -> io::Result<()> {
        set.data().try_for_each(|datum| self.record(set, datum))
    }

    /// The records of `set` that `other` does not have, with this TTL.
    fn without(&mut self, set: Option<&RRset>, other: Option<&RRset>) -> io::Result<()> {
        let Some(set) = set else { return Ok(()) };
        let other = other.filter(|other| other.ttl() == set.ttl());
        let stay: BTreeSet<&[u8]> = other.iter().flat_map(|other| other.data()).collect();
        let mut left = set.data().filter(|datum| !stay.contains(datum));
        left.try_for_each(|datum| self.record(set, datum))
    }

    fn record(&mut self, set: &RRset, datum: &[u8]) -> io::Result<()> {
        let most = set.name().wire_len() + 10 + datum.len();
        if self.count > 0 && self.out.len() + most > PAGE {
            self.flush()?;
        }
        match &self.owner {
            Some((name, at)) if name == set.name() => {
                self.out.extend_from_slice(&(at | 0xc000).to_be_bytes());
            }
            _ => {
                let at = self.out.len() as u16;
                self.owner = (at < 0x4000).then(|| (set.name().clone(), at));
                let name = set.name().to_wire();
                // The zone's name stands in the question.
                let labels = name.get(..name.len() - self.apex.len());
                self.out.extend_from_slice(labels.unwrap_or_default());
                let apex = HEADER_LEN as u16 | 0xc000;
                self.out.extend_from_slice(&apex.to_be_bytes());
            }
        }
        self.out.extend_from_slice(&set.rtype().0.to_be_bytes());
        self.out.extend_from_slice(&[0, 1]);
        self.out.extend_from_slice(&set.ttl().to_be_bytes());
        self.out
            .extend_from_slice(&(datum.len() as u16).to_be_bytes());
        self.out.extend_from_slice(datum);
        self.count += 1;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(count) = self.out.get_mut(6..8) {
            count.copy_from_slice(&self.count.to_be_bytes());
        }
        (self.sink)(&self.out)?;
        self.out.truncate(self.head);
        self.count = 0;
        self.owner = None;
        Ok(())
    }
}
