//! Writes names, questions and records, owners compressed (RFC 1035 §4.1.4).

use super::{CLASS_IN, HEADER_LEN, Opcode};
use crate::name::Name;
use crate::rtype::Rtype;
use std::collections::BTreeMap;

/// A message being written.
pub(crate) struct Composer {
    octets: Vec<u8>,
    /// Where names stand, by canonical key, of which an ancestor's is a prefix.
    names: BTreeMap<Vec<u8>, u16>,
}

impl Composer {
    /// A header with all counts zero.
    pub(crate) fn new(id: u16, opcode: Opcode) -> Composer {
        let mut octets = Vec::with_capacity(512);
        octets.extend_from_slice(&id.to_be_bytes());
        octets.push(opcode.0 << 3);
        octets.resize(HEADER_LEN, 0);
        Composer {
            octets,
            names: BTreeMap::new(),
        }
    }

    pub(crate) fn question(&mut self, name: &Name, rtype: Rtype) {
        self.name(name);
        self.octets.extend_from_slice(&rtype.0.to_be_bytes());
        self.octets.extend_from_slice(&CLASS_IN.to_be_bytes());
        self.count(0);
    }

    /// Writes a record into a section (1 answer or prerequisite, 2 authority or update, 3
    /// additional). Names inside the data stay whole: RFC 3597 §4 wants that of most types.
    pub(crate) fn record(
        &mut self,
        section: usize,
        name: &Name,
        rtype: Rtype,
        class: u16,
        ttl: u32,
        data: &[u8],
    ) {
        self.name(name);
        self.octets.extend_from_slice(&rtype.0.to_be_bytes());
        self.octets.extend_from_slice(&class.to_be_bytes());
        self.octets.extend_from_slice(&ttl.to_be_bytes());
        self.octets
            .extend_from_slice(&(data.len() as u16).to_be_bytes());
        self.octets.extend_from_slice(data);
        self.count(section);
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.octets
    }

    /// Sets bits of the two flag octets.
    #[cfg(test)]
    pub(crate) fn flags(&mut self, high: u8, low: u8) {
        self.octets[2] |= high;
        self.octets[3] |= low;
    }

    fn count(&mut self, section: usize) {
        let at = 4 + 2 * section;
        if let Some([high, low]) = self.octets.get_mut(at..at + 2) {
            let count = u16::from_be_bytes([*high, *low]).saturating_add(1);
            [*high, *low] = count.to_be_bytes();
        }
    }

    fn name(&mut self, name: &Name) {
        let key = name.key();
        let mut known = key.len();
        for label in name.labels() {
            let ancestor = key.get(..known).unwrap_or_default();
            if let Some(at) = self.names.get(ancestor) {
                self.octets.extend_from_slice(&(at | 0xc000).to_be_bytes());
                return;
            }
            if let Ok(at @ ..0x4000) = u16::try_from(self.octets.len()) {
                self.names.insert(ancestor.to_vec(), at);
            }
            self.octets.push(label.len() as u8);
            self.octets.extend_from_slice(&label);
            known = parent_len(ancestor);
        }
        self.octets.push(0);
    }
}

/// The length of the parent's key in a key that ends in an end mark.
fn parent_len(key: &[u8]) -> usize {
    let body = key.split_last().map_or(&[][..], |(_, body)| body);
    body.iter().rposition(|b| *b == 0).map_or(0, |at| at + 1)
}
