//! Reads names from text without an allocation.

use crate::name::{
    END, ESCAPE, MAX_LABEL_LEN, MAX_WIRE_LEN, Name, NameError, unescaped, wire_len, write_wire,
};

/// A name's key on the stack: for names that are only passed through, as those in record data.
pub(crate) struct KeyBuf {
    bytes: [u8; 2 * MAX_WIRE_LEN],
    len: usize,
    /// Octets of the origin's key in front, when the text was relative; 0 otherwise.
    origin: usize,
}

impl KeyBuf {
    /// As [`Name::parse_bytes`], `@` included.
    pub(crate) fn parse(text: &[u8], origin: &Name) -> Result<KeyBuf, NameError> {
        let mut key = KeyBuf {
            bytes: [0; 2 * MAX_WIRE_LEN],
            len: 0,
            origin: 0,
        };
        match text {
            b"." => {}
            b"@" => key.extend(origin.key()),
            _ => key.read(text, origin)?,
        }
        Ok(key)
    }

    fn read(&mut self, text: &[u8], origin: &Name) -> Result<(), NameError> {
        let mut labels = Labels::split(text)?;
        let origin = if labels.absolute { &[] } else { origin.key() };
        let wire = labels.flat_len + labels.count + wire_len(origin);
        if labels.longest > MAX_LABEL_LEN {
            return Err(NameError::LongLabel(labels.longest));
        }
        if wire > MAX_WIRE_LEN {
            return Err(NameError::LongName(wire));
        }
        self.extend(origin);
        self.origin = self.len;
        while let Some(label) = labels.pop() {
            for byte in label {
                match byte.to_ascii_lowercase() {
                    byte @ (0 | 1) => self.extend(&[ESCAPE, byte + 1]),
                    byte => self.extend(&[byte]),
                }
            }
            self.extend(&[END]);
        }
        Ok(())
    }

    #[inline]
    fn extend(&mut self, bytes: &[u8]) {
        // It fits: lengths were checked, and an octet on the wire is at most two in the key.
        if let Some(room) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(crate) fn to_name(&self) -> Name {
        Name::of_key(self.key())
    }

    /// Whether the text was relative to an origin other than the root.
    pub(crate) fn is_relative(&self) -> bool {
        self.origin > 0
    }

    /// Whether the text was relative and ended in the origin itself: `www.example.com` inside of
    /// `example.com`.
    pub(crate) fn repeats_origin(&self) -> bool {
        let (origin, tail) = self.key().split_at(self.origin.min(self.len));
        !origin.is_empty() && tail.starts_with(origin)
    }

    pub(crate) fn write_wire(&self, out: &mut Vec<u8>) {
        write_wire(self.key(), out);
    }
}

/// The labels of presentation text, decoded, leftmost first.
struct Labels {
    flat: [u8; MAX_WIRE_LEN],
    /// Octets of all labels; more than `flat` holds when the name is too long.
    flat_len: usize,
    /// Where each label ends in `flat`.
    ends: [u8; MAX_WIRE_LEN / 2 + 1],
    count: usize,
    longest: usize,
    absolute: bool,
}

impl Labels {
    fn split(text: &[u8]) -> Result<Labels, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        let mut labels = Labels {
            flat: [0; MAX_WIRE_LEN],
            flat_len: 0,
            ends: [0; MAX_WIRE_LEN / 2 + 1],
            count: 0,
            longest: 0,
            absolute: false,
        };
        let mut start = 0;
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            at += 1;
            labels.absolute = false;
            match byte {
                b'.' => {
                    labels.end_label(start)?;
                    start = labels.flat_len;
                    labels.absolute = true;
                }
                b'\\' => {
                    let (byte, taken) = unescaped(text.get(at..).unwrap_or_default())?;
                    at += taken;
                    labels.push(byte);
                }
                byte => labels.push(*byte),
            }
        }
        if !labels.absolute {
            labels.end_label(start)?;
        }
        Ok(labels)
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        if let Some(room) = self.flat.get_mut(self.flat_len) {
            *room = byte;
        }
        self.flat_len += 1;
    }

    fn end_label(&mut self, start: usize) -> Result<(), NameError> {
        if self.flat_len == start {
            return Err(NameError::EmptyLabel);
        }
        self.longest = self.longest.max(self.flat_len - start);
        if let Some(end) = self.ends.get_mut(self.count) {
            *end = self.flat_len.min(MAX_WIRE_LEN) as u8;
        }
        self.count += 1;
        Ok(())
    }

    /// Takes the rightmost label.
    fn pop(&mut self) -> Option<&[u8]> {
        self.count = self.count.checked_sub(1)?;
        let end = usize::from(*self.ends.get(self.count)?);
        let before = self.count.checked_sub(1).and_then(|i| self.ends.get(i));
        self.flat.get(before.map_or(0, |e| usize::from(*e))..end)
    }
}
