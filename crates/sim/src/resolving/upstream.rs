//! What upstreams say: octets, as they come over the wire.

use dns::{Message, Name, Rtype};

/// What is true of a name: what its owner publishes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Truth {
    /// It has an address in this public network.
    Has(u8),
    /// It was removed.
    Gone,
}

/// How an upstream answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mood {
    /// With the truth.
    Honest,
    /// With what was true before.
    Behind,
    /// NOERROR and nothing, with an SOA or without: October.
    Empty(bool),
    /// NXDOMAIN.
    NxDomain,
    /// A private address in place of a public one.
    Private,
    /// SERVFAIL.
    Fails,
    /// SERVFAIL, because validation failed (EDE 6).
    Bogus,
    /// Not at all.
    Silent,
}

impl Mood {
    /// All of them.
    pub const ALL: [Mood; 9] = [
        Mood::Honest,
        Mood::Behind,
        Mood::Empty(true),
        Mood::Empty(false),
        Mood::NxDomain,
        Mood::Private,
        Mood::Fails,
        Mood::Bogus,
        Mood::Silent,
    ];
}

/// What an answer says, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Word {
    /// The name has an address in this public network.
    Has(u8),
    /// It has none.
    Gone,
    /// It has a private address.
    Private,
    /// Nothing that can be used.
    Nothing,
}

/// The TTL of all records, in seconds.
pub const TTL: u32 = 20;
const PRIVATE: [u8; 4] = [10, 0, 0, 1];

/// What an upstream in this mood says to a question for an address, where `truth` is what holds and
/// `before` what held. `None`: silence.
pub fn word(mood: Mood, truth: Truth, before: Truth) -> Option<Word> {
    let of = |truth| match truth {
        Truth::Has(network) => Word::Has(network),
        Truth::Gone => Word::Gone,
    };
    Some(match mood {
        Mood::Honest => of(truth),
        Mood::Behind => of(before),
        Mood::Empty(_) | Mood::NxDomain => Word::Gone,
        Mood::Private => Word::Private,
        Mood::Fails | Mood::Bogus => Word::Nothing,
        Mood::Silent => return None,
    })
}

/// The octets of it, for this question. Every answer claims to be validated.
pub fn octets(question: &[u8], mood: Mood, word: Word) -> Option<Vec<u8>> {
    let asked = Message::parse(question).ok()?.question?;
    let end = dns::message::HEADER_LEN + asked.name.wire_len() + 4;
    let mut out = question.get(..end)?.to_vec();
    set(&mut out, 2, |octet| octet | 0x80);
    set(&mut out, 3, |_| 0xa0);
    set(&mut out, 10, |_| 0);
    set(&mut out, 11, |_| 0);
    let is_nowhere = asked.name.is_under(&invalid());
    if is_nowhere || asked.rtype != Rtype::A {
        // Probes are answered as a good resolver does. Nothing here has other types.
        set(&mut out, 3, |octet| octet | if is_nowhere { 3 } else { 0 });
        soa(&mut out, &asked.name);
        return Some(out);
    }
    match word {
        Word::Has(network) => address(&mut out, &asked.name, [203, 0, network, 1]),
        Word::Private => address(&mut out, &asked.name, PRIVATE),
        Word::Gone if mood == Mood::Empty(false) => {}
        Word::Gone => {
            if mood == Mood::NxDomain {
                set(&mut out, 3, |octet| octet | 3);
            }
            soa(&mut out, &asked.name);
        }
        Word::Nothing => {
            set(&mut out, 3, |_| 0x82);
            if mood == Mood::Bogus {
                out.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 6, 0, 15, 0, 2, 0, 6]);
                set(&mut out, 11, |_| 1);
            }
        }
    }
    Some(out)
}

/// What a reply says to who asked for an address.
pub fn seen(reply: &resolver::Reply, key: &resolver::Key) -> Word {
    let octets = reply.to_wire(0, key, false);
    let Ok(message) = Message::parse(&octets) else {
        return Word::Nothing;
    };
    let mut addresses = message.answer.iter().filter(|r| r.rtype == Rtype::A);
    match addresses.next().map(|record| record.data.as_slice()) {
        Some([203, 0, network, 1]) => Word::Has(*network),
        Some(_) => Word::Private,
        None if matches!(message.rcode, dns::Rcode::NOERROR | dns::Rcode::NXDOMAIN) => Word::Gone,
        None => Word::Nothing,
    }
}

fn invalid() -> Name {
    Name::absolute("invalid").unwrap_or_else(|_| Name::root())
}

fn address(out: &mut Vec<u8>, owner: &Name, octets: [u8; 4]) {
    record(out, 7, owner, 1, &octets);
}

fn soa(out: &mut Vec<u8>, owner: &Name) {
    let mut data = vec![0, 0];
    for number in [1, 3600, 600, 86_400, TTL] {
        data.extend(number.to_be_bytes());
    }
    record(out, 9, owner, 6, &data);
}

/// Appends a record, and counts it at this place of the header.
fn record(out: &mut Vec<u8>, count: usize, owner: &Name, rtype: u16, data: &[u8]) {
    out.extend(owner.to_wire());
    out.extend(rtype.to_be_bytes());
    out.extend([0, 1]);
    out.extend(TTL.to_be_bytes());
    out.extend((data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
    set(out, count, |octet| octet.saturating_add(1));
}

fn set(out: &mut [u8], at: usize, to: impl Fn(u8) -> u8) {
    if let Some(octet) = out.get_mut(at) {
        *octet = to(*octet);
    }
}
