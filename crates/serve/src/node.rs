//! One owner name of a zone as octets: what a shard holds many of.
//!
//! ```text
//! name length 1 · name · flags 1 · children 4 · RRsets 2 · per RRset: type 2, TTL 4, length 4, data
//! ```
//! The name is in lower-case wire form; data are, per record, a length of two octets and the
//! uncompressed data: what [`dns::RRset`] packs as well. Numbers are big-endian. Small as it is, a
//! million names with an address each take about 60 MB.

use dns::{Name, RRset, Rtype};
use std::collections::BTreeMap;

/// The owner has NS records.
pub(crate) const HAS_NS: u8 = 1;
/// The owner has a DNAME record.
pub(crate) const HAS_DNAME: u8 = 2;
/// The owner has a CNAME record.
pub(crate) const HAS_CNAME: u8 = 4;
/// A child of the name is the label `*`.
pub(crate) const HAS_WILDCARD: u8 = 8;

/// A name of the zone: an owner of RRsets, or an empty non-terminal (RFC 4592 §2.2.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'a> {
    /// Lower-case wire form.
    pub(crate) name: &'a [u8],
    pub(crate) flags: u8,
    /// How many names right below this one exist.
    pub(crate) children: u32,
    sets: &'a [u8],
}

/// An RRset in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Set<'a> {
    pub(crate) rtype: u16,
    pub(crate) ttl: u32,
    data: &'a [u8],
}

impl<'a> Node<'a> {
    /// Reads a node; `None` on octets that no node has.
    #[inline]
    pub(crate) fn read(octets: &'a [u8]) -> Option<Node<'a>> {
        let (len, rest) = octets.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*len))?;
        let ([flags, c0, c1, c2, c3], sets) = rest.split_first_chunk::<5>()?;
        Some(Node {
            name,
            flags: *flags,
            children: u32::from_be_bytes([*c0, *c1, *c2, *c3]),
            sets,
        })
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Its RRsets by type, the lowest first.
    #[inline]
    pub(crate) fn sets(&self) -> Sets<'a> {
        match self.sets.split_first_chunk::<2>() {
            Some((count, rest)) => Sets {
                left: u16::from_be_bytes(*count),
                rest,
            },
            None => Sets { left: 0, rest: &[] },
        }
    }

    #[inline]
    pub(crate) fn set(&self, rtype: Rtype) -> Option<Set<'a>> {
        self.sets().find(|set| set.rtype == rtype.0)
    }
}

/// Goes through the RRsets of a node.
#[derive(Clone, Debug)]
pub(crate) struct Sets<'a> {
    left: u16,
    rest: &'a [u8],
}

impl<'a> Iterator for Sets<'a> {
    type Item = Set<'a>;

    #[inline]
    fn next(&mut self) -> Option<Set<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (head, rest) = self.rest.split_first_chunk::<10>()?;
        let [a, b, t0, t1, t2, t3, l0, l1, l2, l3] = *head;
        let len = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let (data, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some(Set {
            rtype: u16::from_be_bytes([a, b]),
            ttl: u32::from_be_bytes([t0, t1, t2, t3]),
            data,
        })
    }
}

impl<'a> Set<'a> {
    /// The data of each record, uncompressed.
    #[inline]
    pub(crate) fn data(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.data;
        std::iter::from_fn(move || {
            let (len, tail) = rest.split_first_chunk::<2>()?;
            let (datum, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
            rest = tail;
            Some(datum)
        })
    }

    /// The same as a value, under this owner. `None` cannot come out of a tree: what is in it was
    /// an RRset.
    pub(crate) fn to_rrset(self, owner: &Name) -> Option<RRset> {
        RRset::new(owner.clone(), Rtype(self.rtype), self.ttl, self.data()).ok()
    }
}

/// A node that is being changed.
#[derive(Clone, Debug)]
pub(crate) struct NodeBuf {
    pub(crate) name: Vec<u8>,
    pub(crate) children: u32,
    pub(crate) wildcard: bool,
    pub(crate) sets: BTreeMap<Rtype, RRset>,
}

impl NodeBuf {
    /// A name that owns nothing and has nothing below it, yet.
    pub(crate) fn empty(name: &[u8]) -> NodeBuf {
        NodeBuf {
            name: name.to_vec(),
            children: 0,
            wildcard: false,
            sets: BTreeMap::new(),
        }
    }

    pub(crate) fn of(node: &Node<'_>) -> NodeBuf {
        let mut buf = NodeBuf {
            children: node.children,
            wildcard: node.has(HAS_WILDCARD),
            ..NodeBuf::empty(node.name)
        };
        if let Ok((owner, _)) = Name::from_wire(node.name) {
            let sets = node.sets().filter_map(|set| set.to_rrset(&owner));
            buf.sets = sets.map(|set| (set.rtype(), set)).collect();
        }
        buf
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        write(
            &self.name,
            self.children,
            self.wildcard,
            self.sets.values(),
            out,
        );
    }
}

/// Appends a node of these parts.
pub(crate) fn write<'a>(
    name: &[u8],
    children: u32,
    wildcard: bool,
    sets: impl Iterator<Item = &'a RRset>,
    out: &mut Vec<u8>,
) {
    out.push(name.len() as u8);
    out.extend_from_slice(name);
    let flags_at = out.len();
    let mut flags = if wildcard { HAS_WILDCARD } else { 0 };
    out.push(0);
    out.extend_from_slice(&children.to_be_bytes());
    let count_at = out.len();
    let mut count = 0u16;
    out.extend_from_slice(&[0, 0]);
    for set in sets {
        flags |= match set.rtype() {
            Rtype::NS => HAS_NS,
            Rtype::DNAME => HAS_DNAME,
            Rtype::CNAME => HAS_CNAME,
            _ => 0,
        };
        count += 1;
        out.extend_from_slice(&set.rtype().0.to_be_bytes());
        out.extend_from_slice(&set.ttl().to_be_bytes());
        let len_at = out.len();
        out.extend_from_slice(&[0; 4]);
        for datum in set.data() {
            out.extend_from_slice(&(datum.len() as u16).to_be_bytes());
            out.extend_from_slice(datum);
        }
        let len = (out.len() - len_at - 4) as u32;
        put(out, len_at, &len.to_be_bytes());
    }
    put(out, flags_at, &[flags]);
    put(out, count_at, &count.to_be_bytes());
}

fn put(out: &mut [u8], at: usize, octets: &[u8]) {
    if let Some(place) = out.get_mut(at..at + octets.len()) {
        place.copy_from_slice(octets);
    }
}
