//! Whether octets are the answer to a question that was sent.
//!
//! Who forges an answer has to guess id and port, and the case of each letter of the name
//! (draft-vixie-dnsext-dns0x20) where the upstream keeps it. A wrong guess does not end the wait;
//! it is counted, and a question that somebody guesses at is asked again over TCP.

use crate::key::Key;
use dns::message::{CLASS_IN, HEADER_LEN, UDP_SIZE};
use dns::{Rcode, Rtype};

/// A question that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The octets.
    pub octets: Vec<u8>,
    /// Where the question ends in them.
    question_end: usize,
}

/// Why octets are not taken for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Near {
    /// Not even a header, or a question.
    NoAnswer,
    /// Another id.
    Id,
    /// Another question.
    Question,
    /// The question, its letters in another case.
    Case,
}

impl Sent {
    /// A question for `key`: id and case from `entropy`, DO set (RFC 4035 §3.2.1 lets us ask for
    /// clients that do not care), no client subnet (RFC 7871 §7.1.2).
    pub fn new(key: &Key, mix_case: bool, entropy: [u64; 2]) -> Sent {
        let mut octets = Vec::with_capacity(HEADER_LEN + key.name.wire_len() + 15);
        let id = (entropy[0] >> 32) as u16;
        octets.extend_from_slice(&id.to_be_bytes());
        let cd = if key.checking_disabled { 0x10 } else { 0 };
        octets.extend_from_slice(&[0x01, cd, 0, 1, 0, 0, 0, 0, 0, 1]);
        key.name.write_wire(&mut octets);
        if mix_case {
            let mut bits = u128::from(entropy[1]) << 32 | u128::from(entropy[0] as u32);
            for octet in octets.iter_mut().skip(HEADER_LEN) {
                if octet.is_ascii_alphabetic() {
                    *octet ^= 0x20 * (bits & 1) as u8;
                    bits = bits.rotate_right(1);
                }
            }
        }
        octets.extend_from_slice(&key.rtype.0.to_be_bytes());
        octets.extend_from_slice(&CLASS_IN.to_be_bytes());
        let question_end = octets.len();
        octets.push(0);
        octets.extend_from_slice(&Rtype::OPT.0.to_be_bytes());
        octets.extend_from_slice(&UDP_SIZE.to_be_bytes());
        octets.extend_from_slice(&[0, 0, 0x80, 0, 0, 0]);
        Sent {
            octets,
            question_end,
        }
    }

    /// Whether `octets` answer it: QR, opcode, id, and the question to the letter. A failure may
    /// come without question (RFC 1035 §4.1.1 leaves that open for FORMERR).
    ///
    /// # Errors
    /// What differs.
    pub fn check(&self, octets: &[u8]) -> Result<(), Near> {
        let head = octets.first_chunk::<HEADER_LEN>().ok_or(Near::NoAnswer)?;
        if head[2] & 0xf8 != 0x80 {
            return Err(Near::NoAnswer);
        }
        if self.octets.get(..2) != head.get(..2) {
            return Err(Near::Id);
        }
        let rcode = Rcode(u16::from(head[3] & 15));
        let count = u16::from_be_bytes([head[4], head[5]]);
        let fails = !matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN);
        if count == 0 && fails {
            return Ok(());
        }
        let mine = self.octets.get(HEADER_LEN..self.question_end);
        let theirs = octets.get(HEADER_LEN..self.question_end);
        match (mine, theirs) {
            (Some(mine), Some(theirs)) if count == 1 && mine == theirs => Ok(()),
            (Some(mine), Some(theirs)) if count == 1 && mine.eq_ignore_ascii_case(theirs) => {
                Err(Near::Case)
            }
            _ => Err(Near::Question),
        }
    }
}

/// Whether TC is set: the rest is to be had over TCP.
pub(crate) fn is_truncated(octets: &[u8]) -> bool {
    octets.get(2).is_some_and(|flags| flags & 0x02 != 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use dns::Name;

    fn sent() -> Sent {
        let key = Key::new(Name::absolute("www.example.com").unwrap(), Rtype::A);
        Sent::new(&key, true, [0x1234_5678_9abc_def0, 0x0f0f_3355_aa11_7777])
    }

    fn answer(sent: &Sent) -> Vec<u8> {
        let mut octets = sent.octets[..sent.question_end].to_vec();
        octets[2] |= 0x80;
        octets[11] = 0;
        octets
    }

    #[test]
    fn only_the_answer_to_the_letter_is_taken() {
        let sent = sent();
        let good = answer(&sent);
        assert_eq!(sent.check(&good), Ok(()));
        let changed = |at: usize, bits: u8| {
            let mut octets = good.clone();
            octets[at] ^= bits;
            sent.check(&octets)
        };
        assert_eq!(changed(0, 1), Err(Near::Id));
        assert_eq!(changed(1, 0x80), Err(Near::Id));
        assert_eq!(changed(2, 0x80), Err(Near::NoAnswer), "QR=0");
        assert_eq!(changed(2, 0x28), Err(Near::NoAnswer), "opcode");
        assert_eq!(changed(13, 0x20), Err(Near::Case));
        assert_eq!(changed(13, 0x01), Err(Near::Question));
        assert_eq!(changed(good.len() - 1, 2), Err(Near::Question), "class");
        assert_eq!(changed(good.len() - 3, 2), Err(Near::Question), "type");
        assert_eq!(changed(5, 3), Err(Near::Question), "two questions");
        assert_eq!(sent.check(&good[..11]), Err(Near::NoAnswer));
        let mut bare = good[..12].to_vec();
        bare[5] = 0;
        assert_eq!(sent.check(&bare), Err(Near::Question), "NOERROR of nothing");
        bare[3] |= 1;
        assert_eq!(sent.check(&bare), Ok(()), "FORMERR may be bare");
    }

    #[test]
    fn case_is_mixed_and_asked_for_signatures() {
        let letters: Vec<u8> = sent().octets[12..].iter().copied().take(17).collect();
        assert!(letters.iter().any(u8::is_ascii_uppercase));
        assert!(letters.iter().any(u8::is_ascii_lowercase));
        let message = dns::Message::parse(&sent().octets).unwrap();
        assert!(message.edns.unwrap().dnssec_ok);
    }
}
