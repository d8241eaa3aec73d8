//! Writes an answer: the question as it came, records with compressed names, OPT at the end.

use crate::node::Set;
use crate::request::{COOKIE, Edns, NSID, Request, ZONEVERSION};
use crate::tree::parent;
use dns::Rtype;
use dns::message::{HEADER_LEN, UDP_SIZE};

/// Sections by their place in the header's counts.
pub(crate) const ANSWER: usize = 1;
pub(crate) const AUTHORITY: usize = 2;
pub(crate) const ADDITIONAL: usize = 3;
/// Names that later ones are compressed against, besides the question's.
const KNOWN: usize = 16;
const POINTER: u16 = 0xc000;

/// The owner of a record that is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner<'a> {
    /// A name that stands at this offset.
    At(u16),
    /// A name in lower-case wire form.
    Name(&'a [u8]),
}

/// An answer being written.
pub(crate) struct Writer<'o, 'a> {
    pub(crate) out: &'o mut Vec<u8>,
    request: &'a Request<'a>,
    /// The most octets, room for OPT taken off.
    limit: usize,
    counts: [u16; 4],
    /// Names written: offset, name, and how many of its octets stand there literally.
    known: [(u16, &'a [u8], usize); KNOWN],
    known_len: usize,
}

/// What the OPT record of an answer tells, each only to who asked for it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told<'t> {
    /// The server's name.
    pub(crate) nsid: &'t [u8],
    /// Labels of the zone's name, and its serial.
    pub(crate) version: Option<(u8, u32)>,
    /// The server's part of the client's cookie.
    pub(crate) cookie: Option<[u8; 16]>,
}

/// Octets that OPT takes in the answer.
fn opt_len(edns: &Edns, told: &Told<'_>) -> usize {
    let nsid = if edns.nsid { 4 + told.nsid.len() } else { 0 };
    let version = if told.version.is_some() { 10 } else { 0 };
    let cookie = if told.cookie.is_some() { 28 } else { 0 };
    11 + nsid + version + cookie
}

impl<'o, 'a> Writer<'o, 'a> {
    /// Begins with the header and the question of the request; flags are set at the end.
    pub(crate) fn new(
        request: &'a Request<'a>,
        limit: usize,
        told: &Told<'_>,
        out: &'o mut Vec<u8>,
    ) -> Writer<'o, 'a> {
        out.clear();
        let question = request.octets.get(..request.question_end);
        out.extend_from_slice(question.unwrap_or_default());
        let opt = request.edns.map_or(0, |edns| opt_len(&edns, told));
        Writer {
            out,
            request,
            limit: limit.saturating_sub(opt),
            counts: [1, 0, 0, 0],
            known: [(0, &[], 0); KNOWN],
            known_len: 0,
        }
    }

    /// Writes all records of an RRset, or none: `false` when they do not fit. `targets` gets the
    /// names that the data point at and where they stand.
    #[inline]
    pub(crate) fn set(
        &mut self,
        section: usize,
        owner: Owner<'a>,
        set: &Set<'a>,
        ttl: u32,
        mut targets: Option<&mut Vec<(&'a [u8], u16)>>,
    ) -> bool {
        let (start, counts, known) = (self.out.len(), self.counts, self.known_len);
        for datum in set.data() {
            self.owner(owner);
            self.head(set.rtype, ttl);
            let len_at = self.out.len() - 2;
            let target = self.data(set.rtype, datum);
            if let (Some(targets), Some(target)) = (targets.as_deref_mut(), target) {
                targets.push(target);
            }
            let len = (self.out.len() - len_at - 2) as u16;
            self.put(len_at, len);
            if let Some(count) = self.counts.get_mut(section) {
                *count += 1;
            }
            if self.out.len() > self.limit {
                self.out.truncate(start);
                (self.counts, self.known_len) = (counts, known);
                return false;
            }
        }
        true
    }

    /// Writes a CNAME that a DNAME makes; `false` when it does not fit. Gives where its target is.
    pub(crate) fn made_cname(&mut self, owner: Owner<'a>, ttl: u32, target: &[u8]) -> Option<u16> {
        self.owner(owner);
        self.head(Rtype::CNAME.0, ttl);
        let at = self.out.len();
        self.put(at - 2, target.len() as u16);
        self.out.extend_from_slice(target);
        self.counts[ANSWER] += 1;
        (self.out.len() <= self.limit).then_some(at as u16)
    }

    /// Takes back everything but the question.
    pub(crate) fn clear(&mut self) {
        self.out.truncate(self.request.question_end);
        self.counts = [1, 0, 0, 0];
        self.known_len = 0;
    }

    fn head(&mut self, rtype: u16, ttl: u32) {
        let [a, b] = rtype.to_be_bytes();
        let [t0, t1, t2, t3] = ttl.to_be_bytes();
        self.out
            .extend_from_slice(&[a, b, 0, 1, t0, t1, t2, t3, 0, 0]);
    }

    fn owner(&mut self, owner: Owner<'a>) {
        match owner {
            Owner::At(at) => {
                let pointer = (at | POINTER).to_be_bytes();
                self.out.extend_from_slice(&pointer);
            }
            Owner::Name(name) => {
                self.name(name);
            }
        }
    }

    /// Writes data; gives the name in it that leads on. Only names of RFC 1035's types are
    /// compressed (RFC 3597 §4).
    #[inline]
    fn data(&mut self, rtype: u16, datum: &'a [u8]) -> Option<(&'a [u8], u16)> {
        let skip = match Rtype(rtype) {
            Rtype::NS | Rtype::CNAME | Rtype::PTR | Rtype::SOA => 0,
            Rtype::MX => 2,
            Rtype::SRV => {
                let at = self.out.len() as u16 + 6;
                self.out.extend_from_slice(datum);
                return Some((datum.get(6..)?, at));
            }
            _ => {
                self.out.extend_from_slice(datum);
                return None;
            }
        };
        let (fixed, name) = datum.split_at_checked(skip)?;
        self.out.extend_from_slice(fixed);
        if Rtype(rtype) != Rtype::SOA {
            return Some((name, self.name(name)));
        }
        let mut rest = name;
        for _ in 0..2 {
            let (name, tail) = rest.split_at_checked(name_len(rest)?)?;
            self.name(name);
            rest = tail;
        }
        self.out.extend_from_slice(rest);
        None
    }

    /// Writes a name, its longest known suffix as a pointer. Gives where the name is.
    fn name(&mut self, name: &'a [u8]) -> u16 {
        let start = self.out.len() as u16;
        let mut rest = name;
        while rest.len() > 1 {
            if let Some(at) = self.find(rest) {
                if rest.len() == name.len() && at < POINTER {
                    // All of it is there: whoever points at this name can point there.
                    self.out.extend_from_slice(&(at | POINTER).to_be_bytes());
                    return at;
                }
                self.out.extend_from_slice(&(at | POINTER).to_be_bytes());
                self.learn(start, name, name.len() - rest.len());
                return start;
            }
            let up = parent(rest).unwrap_or(&[0]);
            let label = rest.get(..rest.len() - up.len());
            self.out.extend_from_slice(label.unwrap_or_default());
            rest = up;
        }
        self.out.push(0);
        self.learn(start, name, name.len());
        start
    }

    fn learn(&mut self, at: u16, name: &'a [u8], literal: usize) {
        if at < 0x4000
            && let Some(slot) = self.known.get_mut(self.known_len)
        {
            *slot = (at, name, literal);
            self.known_len += 1;
        }
    }

    fn find(&self, name: &[u8]) -> Option<u16> {
        let asked = self.request.name();
        if asked.ends_with(name) && self.request.is_label_start(asked.len() - name.len()) {
            return Some((HEADER_LEN + asked.len() - name.len()) as u16);
        }
        let known = self.known.get(..self.known_len).unwrap_or_default();
        known.iter().find_map(|(at, other, literal)| {
            let from = other.len().checked_sub(name.len())?;
            let is_there = from < *literal && other.ends_with(name) && begins_label(other, from);
            let at = usize::from(*at) + from;
            (is_there && at < 0x4000).then_some(at as u16)
        })
    }

    fn put(&mut self, at: usize, value: u16) {
        if let Some(place) = self.out.get_mut(at..at + 2) {
            place.copy_from_slice(&value.to_be_bytes());
        }
    }

    /// Appends OPT and sets counts and flags.
    pub(crate) fn finish(mut self, flags: u8, rcode: u16, told: &Told<'_>) {
        if let Some(edns) = self.request.edns {
            opt(self.out, &edns, rcode, told);
            self.counts[ADDITIONAL] += 1;
        }
        for (i, count) in self.counts.into_iter().enumerate() {
            self.put(4 + 2 * i, count);
        }
        set_flags(self.out, flags, rcode);
    }
}

/// Sets QR, keeps opcode, RD and CD, and sets AA and TC from `flags` and the low bits of the rcode.
pub(crate) fn set_flags(out: &mut [u8], flags: u8, rcode: u16) {
    if let Some([high, low]) = out.get_mut(2..4) {
        *high = 0x80 | *high & 0x79 | flags;
        *low = *low & 0x10 | (rcode & 0x0f) as u8;
    }
}

/// Appends an OPT record (RFC 6891 §6.1.2), with NSID, ZONEVERSION and a cookie where asked for.
pub(crate) fn opt(out: &mut Vec<u8>, edns: &Edns, rcode: u16, told: &Told<'_>) {
    let nsid = told.nsid;
    let [s0, s1] = UDP_SIZE.to_be_bytes();
    let signed = if edns.dnssec_ok { 0x80 } else { 0 };
    out.extend_from_slice(&[0, 0, 41, s0, s1, (rcode >> 4) as u8, 0, signed, 0, 0, 0]);
    let len_at = out.len() - 2;
    if edns.nsid {
        out.extend_from_slice(&NSID.to_be_bytes());
        out.extend_from_slice(&(nsid.len() as u16).to_be_bytes());
        out.extend_from_slice(nsid);
    }
    if let Some((labels, serial)) = told.version.filter(|_| edns.zone_version) {
        out.extend_from_slice(&ZONEVERSION.to_be_bytes());
        // Type 0 is the SOA's serial (RFC 9660 §2).
        out.extend_from_slice(&[0, 6, labels, 0]);
        out.extend_from_slice(&serial.to_be_bytes());
    }
    if let (Some(cookie), Some(server)) = (edns.cookie, told.cookie) {
        out.extend_from_slice(&COOKIE.to_be_bytes());
        out.extend_from_slice(&[0, 24]);
        out.extend_from_slice(&cookie.client);
        out.extend_from_slice(&server);
    }
    let len = (out.len() - len_at - 2) as u16;
    if let Some(place) = out.get_mut(len_at..len_at + 2) {
        place.copy_from_slice(&len.to_be_bytes());
    }
}

/// Octets of the uncompressed name at the front.
pub(crate) fn name_len(wire: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *wire.get(at)? {
            0 => return Some(at + 1),
            len => at += 1 + usize::from(len),
        }
    }
}

/// Whether a label of the name begins at this octet.
fn begins_label(name: &[u8], at: usize) -> bool {
    let mut rest = name;
    while name.len() - rest.len() < at {
        match parent(rest) {
            Some(up) => rest = up,
            None => return false,
        }
    }
    name.len() - rest.len() == at
}
