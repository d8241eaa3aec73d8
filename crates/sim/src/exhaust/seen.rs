//! The pictures seen: an open table of 128-bit hashes, which are never listed.

/// A set of hashes.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Zero is free.
    slots: Vec<u128>,
    count: usize,
}

impl Seen {
    /// Adds one; says whether it is new.
    pub(super) fn insert(&mut self, hash: u128) -> bool {
        if self.count * 2 >= self.slots.len() {
            self.grow();
        }
        // One picture of 2^128 is taken for another.
        let hash = hash.max(1);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match self.slots.get_mut(at) {
                Some(slot) if *slot == hash => return false,
                Some(slot) if *slot == 0 => {
                    *slot = hash;
                    self.count += 1;
                    return true;
                }
                _ => at = (at + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let room = (self.slots.len() * 2).max(1 << 12);
        let old = std::mem::replace(&mut self.slots, vec![0; room]);
        self.count = 0;
        for hash in old.into_iter().filter(|h| *h != 0) {
            self.insert(hash);
        }
    }
}
