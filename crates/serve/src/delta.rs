//! From one serial to the next.

use dns::{Change, RRset, Serial};
use std::sync::Arc;

/// The changes between two generations, the SOA's among them.
#[derive(Debug, Clone)]
pub(crate) struct Delta {
    pub(crate) from: Serial,
    pub(crate) to: Serial,
    pub(crate) changes: Arc<[Change]>,
}

/// Sides of a change that are there.
const BEFORE: u8 = 1;
const AFTER: u8 = 2;

impl Delta {
    pub(crate) fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.from.0.to_be_bytes());
        out.extend_from_slice(&self.to.0.to_be_bytes());
        for change in &*self.changes {
            let (before, after) = (change.before(), change.after());
            let flag = |side: Option<&RRset>, flag| if side.is_some() { flag } else { 0 };
            out.push(flag(before, BEFORE) | flag(after, AFTER));
            before
                .into_iter()
                .chain(after)
                .for_each(|set| set.pack(out));
        }
    }

    pub(crate) fn unpack(octets: &[u8]) -> Option<Delta> {
        let (from, rest) = octets.split_first_chunk::<4>()?;
        let (to, mut rest) = rest.split_first_chunk::<4>()?;
        let mut changes = Vec::new();
        while let Some((sides, tail)) = rest.split_first() {
            rest = tail;
            let mut side = |flag| match sides & flag {
                0 => Some(None),
                _ => RRset::unpack(&mut rest).map(Some),
            };
            let (before, after) = (side(BEFORE)?, side(AFTER)?);
            changes.push(Change::new(before, after)?);
        }
        Some(Delta {
            from: Serial(u32::from_be_bytes(*from)),
            to: Serial(u32::from_be_bytes(*to)),
            changes: changes.into(),
        })
    }
}
