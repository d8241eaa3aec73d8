//! A query as it came: read once, without an allocation.

use dns::Rcode;
use dns::message::HEADER_LEN;

/// EDNS option of RFC 5001.
pub(crate) const NSID: u16 = 3;
/// EDNS option of RFC 9660.
pub(crate) const ZONEVERSION: u16 = 19;
/// EDNS option of RFC 7873.
pub(crate) const COOKIE: u16 = 10;
const OPT: u16 = 41;
const TSIG: u16 = 250;
/// The longest name on the wire (RFC 1035 §3.1).
pub(crate) const MAX_NAME: usize = 255;

/// A request with one question.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) octets: &'a [u8],
    /// Where the question ends.
    pub(crate) question_end: usize,
    lower: [u8; MAX_NAME],
    len: usize,
    /// Bit i: a label begins at octet i of the name.
    starts: [u64; 4],
    pub(crate) qtype: u16,
    pub(crate) class: u16,
    pub(crate) edns: Option<Edns>,
    /// A TSIG record ends the message.
    pub(crate) signed: bool,
}

/// What the OPT record of a request says (RFC 6891).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Edns {
    pub(crate) udp_size: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
    pub(crate) nsid: bool,
    pub(crate) zone_version: bool,
    pub(crate) cookie: Option<Cookie>,
}

/// A client's cookie, and the server's that it brings back, if that is as long as ours are
/// (RFC 9018 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cookie {
    pub(crate) client: [u8; 8],
    pub(crate) server: Option<[u8; 16]>,
}

/// Why octets are no request, as far as their sender is to be told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    pub(crate) rcode: Rcode,
    /// How much of the request to repeat: the header alone, or the question too.
    pub(crate) question_end: usize,
    pub(crate) edns: Option<Edns>,
}

impl<'a> Request<'a> {
    /// Reads a request whose header is there.
    pub(crate) fn read(octets: &'a [u8]) -> Result<Request<'a>, Refused> {
        let malformed = |question_end| Refused {
            rcode: Rcode::FORMERR,
            question_end,
            edns: None,
        };
        let count = |at: usize| be16(octets, at).unwrap_or_default();
        if count(4) != 1 {
            return Err(malformed(HEADER_LEN));
        }
        let mut request = Request {
            octets,
            question_end: HEADER_LEN,
            lower: [0; MAX_NAME],
            len: 0,
            starts: [0; 4],
            qtype: 0,
            class: 0,
            edns: None,
            signed: false,
        };
        let question = request.question();
        question.ok_or(malformed(HEADER_LEN))?;
        let question_end = request.question_end;
        let records = request.records(count(6), count(8), count(10));
        match records {
            Some(()) => Ok(request),
            None => Err(Refused {
                edns: request.edns,
                ..malformed(question_end)
            }),
        }
    }

    /// What can be repeated of octets that are no request.
    pub(crate) fn of_refused(octets: &'a [u8], refused: &Refused) -> Request<'a> {
        Request {
            octets,
            question_end: refused.question_end,
            lower: [0; MAX_NAME],
            len: 0,
            starts: [0; 4],
            qtype: 0,
            class: 0,
            edns: refused.edns,
            signed: false,
        }
    }

    /// The name asked for, in lower-case wire form.
    #[inline]
    pub(crate) fn name(&self) -> &[u8] {
        self.lower.get(..self.len).unwrap_or_default()
    }

    /// Whether a label of the name begins at this octet of it.
    #[inline]
    pub(crate) fn is_label_start(&self, at: usize) -> bool {
        let word = self.starts.get(at / 64).copied().unwrap_or_default();
        word >> (at % 64) & 1 == 1
    }

    fn question(&mut self) -> Option<()> {
        let mut at = HEADER_LEN;
        loop {
            let len = usize::from(*self.octets.get(at)?);
            if len > 63 {
                return None;
            }
            let start = at - HEADER_LEN;
            *self.starts.get_mut(start / 64)? |= 1 << (start % 64);
            at += 1 + len;
            if len == 0 {
                break;
            }
        }
        self.len = at - HEADER_LEN;
        let name = self.octets.get(HEADER_LEN..at)?;
        // Length octets are below `A`: they stay as they are.
        let lower = self.lower.get_mut(..self.len)?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        self.qtype = be16(self.octets, at)?;
        self.class = be16(self.octets, at + 2)?;
        self.question_end = at + 4;
        Some(())
    }

    /// Goes over the records behind the question; of interest are OPT and TSIG.
    fn records(&mut self, answers: u16, authorities: u16, additionals: u16) -> Option<()> {
        let mut at = self.question_end;
        let before = u32::from(answers) + u32::from(authorities);
        let all = before + u32::from(additionals);
        for i in 0..all {
            let start = at;
            at = skip_name(self.octets, at)?;
            let rtype = be16(self.octets, at)?;
            let len = usize::from(be16(self.octets, at + 8)?);
            let data = self.octets.get(at + 10..at + 10 + len)?;
            match rtype {
                OPT if i < before || self.edns.is_some() => return None,
                OPT if self.octets.get(start) != Some(&0) => return None,
                OPT => self.edns = Some(edns(self.octets, at, data)?),
                TSIG if i + 1 < all || i < before => return None,
                TSIG => self.signed = true,
                _ => {}
            }
            at += 10 + len;
        }
        (at == self.octets.len()).then_some(())
    }
}

fn edns(octets: &[u8], at: usize, mut options: &[u8]) -> Option<Edns> {
    let mut edns = Edns {
        udp_size: be16(octets, at + 2)?,
        version: *octets.get(at + 5)?,
        dnssec_ok: octets.get(at + 6)? & 0x80 != 0,
        ..Edns::default()
    };
    while !options.is_empty() {
        let (head, rest) = options.split_first_chunk::<4>()?;
        let [c0, c1, l0, l1] = *head;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([l0, l1])))?;
        options = rest;
        match u16::from_be_bytes([c0, c1]) {
            NSID => edns.nsid = true,
            // RFC 9660 §3.1: a request's option is empty.
            ZONEVERSION if !value.is_empty() => return None,
            ZONEVERSION => edns.zone_version = true,
            // RFC 7873 §5.2: of several, the first counts.
            COOKIE if edns.cookie.is_some() => {}
            // RFC 7873 §5.2.2: the client's part alone, or with 8 to 32 octets of the server's.
            COOKIE => match (value.split_first_chunk::<8>()?, value.len()) {
                ((client, server), 8 | 16..=40) => {
                    let (client, server) = (*client, server.try_into().ok());
                    edns.cookie = Some(Cookie { client, server });
                }
                _ => return None,
            },
            _ => {}
        }
    }
    Some(edns)
}

/// Where the name at `at` ends. Pointers are not followed: nobody asks for what they point at.
fn skip_name(octets: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *octets.get(at)? {
            0 => return Some(at + 1),
            len @ 1..=63 => at += 1 + usize::from(len),
            0xc0.. => return Some(at + 2),
            _ => return None,
        }
    }
}

#[inline]
pub(crate) fn be16(octets: &[u8], at: usize) -> Option<u16> {
    let two = octets.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*two))
}
