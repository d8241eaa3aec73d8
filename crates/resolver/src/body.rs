//! Records in wire form, ready to be sent behind a question: names compressed, TTLs findable.

use dns::message::{CLASS_IN, HEADER_LEN, MAX_LEN, Record};
use dns::{Name, Rtype};
use std::collections::BTreeMap;

/// The records of an answer as they follow the question of their key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Body {
    octets: Box<[u8]>,
    /// Where TTLs are in `octets`.
    ttls: Box<[u16]>,
    answers: u16,
    authorities: u16,
}

/// What becomes of TTLs on the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patch {
    /// Take these seconds off, none below zero; at most the second number.
    Age(u32, u32),
    /// At most these seconds (RFC 8767 §4: 30).
    Cap(u32),
}

impl Body {
    /// Writes the records behind a question for `asked`; `None` when they exceed a message.
    pub(crate) fn write(asked: &Name, answer: &[&Record], authority: &[&Record]) -> Option<Body> {
        let mut writer = Writer::new(asked);
        for record in answer.iter().chain(authority) {
            writer.record(record)?;
        }
        Some(Body {
            octets: writer.octets.into(),
            ttls: writer.ttls.into(),
            answers: u16::try_from(answer.len()).ok()?,
            authorities: u16::try_from(authority.len()).ok()?,
        })
    }

    /// The records as they stand behind the question.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Numbers of answer and authority records.
    pub fn counts(&self) -> [u16; 2] {
        [self.answers, self.authorities]
    }

    /// Octets that it takes in a message.
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Memory in octets, roughly.
    pub(crate) fn weight(&self) -> usize {
        self.octets.len() + 2 * self.ttls.len() + 40
    }

    /// Appends the records, TTLs patched.
    pub(crate) fn append(&self, patch: Patch, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.octets);
        for at in &self.ttls {
            let at = start + usize::from(*at);
            if let Some(Some(four)) = out.get_mut(at..).map(|o| o.first_chunk_mut::<4>()) {
                let ttl = u32::from_be_bytes(*four);
                let ttl = match patch {
                    Patch::Age(age, most) => ttl.saturating_sub(age).min(most),
                    Patch::Cap(most) => ttl.min(most),
                };
                *four = ttl.to_be_bytes();
            }
        }
    }
}

/// Names that stand somewhere are pointed at; offsets count from the message's first octet, of
/// which header and question come before.
struct Writer<'a> {
    asked: &'a Name,
    octets: Vec<u8>,
    ttls: Vec<u16>,
    /// Length of header and question.
    before: usize,
    /// Filled when a name comes that is not the one asked for: few answers have one.
    names: Option<BTreeMap<Vec<u8>, u16>>,
}

impl Writer<'_> {
    fn new(asked: &Name) -> Writer<'_> {
        Writer {
            asked,
            octets: Vec::with_capacity(64),
            ttls: Vec::new(),
            before: HEADER_LEN + asked.wire_len() + 4,
            names: None,
        }
    }

    /// The names that the question has.
    fn of_question(asked: &Name) -> BTreeMap<Vec<u8>, u16> {
        let mut names = BTreeMap::new();
        let mut name = Some(asked.clone());
        while let Some(own) = name.filter(|name| !name.is_root()) {
            let at = HEADER_LEN + asked.wire_len() - own.wire_len();
            names.insert(own.key().to_vec(), at as u16);
            name = own.parent();
        }
        names
    }

    fn record(&mut self, record: &Record) -> Option<()> {
        self.name(&record.name);
        self.octets.extend_from_slice(&record.rtype.0.to_be_bytes());
        self.octets.extend_from_slice(&CLASS_IN.to_be_bytes());
        self.ttls.push(u16::try_from(self.octets.len()).ok()?);
        self.octets.extend_from_slice(&record.ttl.to_be_bytes());
        let len = u16::try_from(record.data.len()).ok()?;
        // The target of an alias is the owner of the next record, more often than not.
        match (record.rtype, Name::from_wire(&record.data)) {
            (Rtype::CNAME | Rtype::NS | Rtype::PTR, Ok((name, taken)))
                if taken == record.data.len() =>
            {
                let at = self.octets.len();
                self.octets.extend_from_slice(&[0, 0]);
                self.name(&name);
                let len = u16::try_from(self.octets.len() - at - 2).ok()?;
                self.octets
                    .get_mut(at..at + 2)?
                    .copy_from_slice(&len.to_be_bytes());
            }
            _ => {
                self.octets.extend_from_slice(&len.to_be_bytes());
                self.octets.extend_from_slice(&record.data);
            }
        }
        // Room for an OPT record with a cookie and a reason.
        (self.before + self.octets.len() <= MAX_LEN - 512).then_some(())
    }

    fn name(&mut self, name: &Name) {
        if name == self.asked && !name.is_root() {
            self.octets.extend_from_slice(&[0xc0, HEADER_LEN as u8]);
            return;
        }
        let asked = self.asked;
        let names = self.names.get_or_insert_with(|| Writer::of_question(asked));
        let mut rest = Some(name.clone());
        while let Some(own) = rest.filter(|name| !name.is_root()) {
            if let Some(at) = names.get(own.key()) {
                self.octets.extend_from_slice(&(at | 0xc000).to_be_bytes());
                return;
            }
            let here = self.before + self.octets.len();
            if let Ok(at @ ..0x4000) = u16::try_from(here) {
                names.insert(own.key().to_vec(), at);
            }
            let wire = own.to_wire();
            let label = 1 + usize::from(wire.first().copied().unwrap_or_default());
            self.octets
                .extend_from_slice(wire.get(..label).unwrap_or_default());
            rest = own.parent();
        }
        self.octets.push(0);
    }
}
