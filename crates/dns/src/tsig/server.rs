//! The server's side: requests verified, answers signed (RFC 8945 §5.2, §5.3).

use super::record::{self, Tsig, error};
use super::{Key, TsigError, push_counted};
use crate::message::Rcode;
use crate::name::Name;
use ring::hmac;

/// How far off a clock may be that reads our answers, in seconds (RFC 8945 §10 recommends it).
const FUDGE: u16 = 300;

/// A request whose signature verified and that came in time; it signs the answers.
#[derive(Debug)]
pub struct Accepted {
    key: Key,
    tsig: Tsig,
    /// The request as it was before it was signed.
    request: Vec<u8>,
    /// The last signature, counted.
    pending: Vec<u8>,
    first: bool,
}

/// A request whose signature is not accepted: nothing it asks for may be done.
#[derive(Debug)]
pub struct Rejected {
    why: TsigError,
    rcode: Rcode,
    /// The TSIG record of the answer, unsigned.
    tsig: Option<Box<Tsig>>,
    /// Signs the answer, where the key is right and the time is not.
    late: Option<Box<Accepted>>,
}

/// Verifies a request that came at `now` (Unix seconds); `Ok(None)` when it is not signed.
///
/// # Errors
/// An unknown key, a wrong or shortened signature, a time outside of the request's own window.
pub fn accept(keys: &[&Key], request: &[u8], now: u64) -> Result<Option<Accepted>, Rejected> {
    let malformed = |why: String| Rejected {
        why: TsigError::Malformed(why),
        rcode: Rcode::FORMERR,
        tsig: None,
        late: None,
    };
    let found = record::find(request).map_err(|e| malformed(e.to_string()))?;
    let Some((tsig, start)) = found else {
        return Ok(None);
    };
    let reject = |why: TsigError, number: u16| Rejected {
        why,
        rcode: Rcode::NOTAUTH,
        tsig: Some(Box::new(Tsig {
            mac: Vec::new(),
            other: Vec::new(),
            error: number,
            ..tsig.clone()
        })),
        late: None,
    };
    let known = |key: &&&Key| key.name == tsig.key && key.algorithm.name_wire() == tsig.algorithm;
    let Some(key) = keys.iter().find(known) else {
        return Err(reject(TsigError::BadKey(tsig.key.clone()), error::BADKEY));
    };
    let mut plain = Vec::with_capacity(start);
    record::push_message(&mut plain, request, start, tsig.original_id);
    let mut digested = plain.clone();
    tsig.push_variables(&mut digested);
    match key.check_mac(&tsig, &digested) {
        Ok(()) => {}
        Err(TsigError::Truncated(len)) if len < 10.max(key.mac_len() / 2) => {
            return Err(malformed(format!("a signature of {len} octets")));
        }
        Err(TsigError::Truncated(_)) => return Err(reject(TsigError::BadTrunc, error::BADTRUNC)),
        Err(_) => return Err(reject(TsigError::BadSig(tsig.key.clone()), error::BADSIG)),
    }
    // The id that came may have been changed on the way; the answer goes back to whoever changed it.
    if let (Some(id), Some(came)) = (plain.first_chunk_mut::<2>(), request.first_chunk::<2>()) {
        *id = *came;
    }
    let mut pending = Vec::new();
    push_counted(&mut pending, &tsig.mac);
    let accepted = Accepted {
        key: (**key).clone(),
        tsig,
        request: plain,
        pending,
        first: true,
    };
    if accepted.in_time(now) {
        Ok(Some(accepted))
    } else {
        Err(accepted.too_late(now))
    }
}

impl Accepted {
    /// The name of the key.
    pub fn key(&self) -> &Name {
        &self.key.name
    }

    /// The request without its signature.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Whether the request may still be acted on at `now` (Unix seconds): its time and fudge are a
    /// deadline, which is to be looked at again right before the act.
    pub fn in_time(&self, now: u64) -> bool {
        self.tsig.time.abs_diff(now) <= u64::from(self.tsig.fudge)
    }

    /// Gives the request up because its time is over.
    pub fn too_late(self, now: u64) -> Rejected {
        Rejected {
            why: TsigError::BadTime { server_time: now },
            rcode: Rcode::NOTAUTH,
            tsig: None,
            late: Some(Box::new(self)),
        }
    }

    /// Octets that signing adds to an answer.
    pub fn record_len(&self) -> usize {
        self.key.record_len() + 6
    }

    /// Signs the next answer; a request for a transfer has many.
    pub fn sign(&mut self, answer: &[u8], now: u64) -> Vec<u8> {
        let tsig = Tsig {
            time: now,
            fudge: FUDGE,
            error: 0,
            other: Vec::new(),
            ..self.tsig.clone()
        };
        self.seal(answer, tsig)
    }

    fn seal(&mut self, answer: &[u8], mut tsig: Tsig) -> Vec<u8> {
        tsig.original_id = record::id(answer);
        let mut digested = std::mem::take(&mut self.pending);
        digested.extend_from_slice(answer);
        if self.first {
            tsig.push_variables(&mut digested);
        } else {
            tsig.push_timers(&mut digested);
        }
        self.first = false;
        tsig.mac = hmac::sign(&self.key.hmac, &digested).as_ref().to_vec();
        push_counted(&mut self.pending, &tsig.mac);
        let mut octets = answer.to_vec();
        tsig.append_to(&mut octets);
        octets
    }
}

impl Rejected {
    /// Why, for the operator.
    pub fn why(&self) -> &TsigError {
        &self.why
    }

    /// The response code of the answer.
    pub fn rcode(&self) -> Rcode {
        self.rcode
    }

    /// Adds to the answer what the client is to know: BADKEY and BADSIG unsigned, BADTIME signed,
    /// with our clock (RFC 8945 §5.2.3).
    pub fn seal(self, answer: &[u8]) -> Vec<u8> {
        let mut octets = answer.to_vec();
        if let Some(mut late) = self.late {
            let TsigError::BadTime { server_time } = self.why else {
                return octets;
            };
            let [_, _, clock @ ..] = server_time.to_be_bytes();
            let tsig = Tsig {
                error: error::BADTIME,
                other: clock.to_vec(),
                ..late.tsig.clone()
            };
            return late.seal(answer, tsig);
        }
        if let Some(tsig) = self.tsig {
            let original_id = record::id(answer);
            Tsig {
                original_id,
                ..*tsig
            }
            .append_to(&mut octets);
        }
        octets
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Algorithm;
    use super::*;
    use crate::message::Query;
    use crate::rtype::Rtype;

    const NOW: u64 = 1_800_000_000;

    fn name(text: &str) -> Name {
        Name::absolute(text).unwrap()
    }

    fn key(text: &str, secret: &[u8]) -> Key {
        Key::new(name(text), Algorithm::Sha256, secret).unwrap()
    }

    fn request() -> Vec<u8> {
        Query::new(77, name("example.com"), Rtype::AXFR).to_wire()
    }

    fn reply() -> Vec<u8> {
        let mut reply = request();
        reply[2] |= 0x80;
        reply
    }

    #[test]
    fn a_request_is_verified_and_its_answer_too() {
        let key = key("k", b"secret");
        let signed = key.sign(&request(), NOW, 5);
        let mut accepted = accept(&[&key], &signed.octets, NOW + 5).unwrap().unwrap();
        assert_eq!(
            (accepted.request(), accepted.key()),
            (&request()[..], &name("k"))
        );
        assert!(accepted.in_time(NOW + 5) && !accepted.in_time(NOW + 6));
        let answer = accepted.sign(&reply(), NOW + 5);
        assert_eq!(signed.verifier.verify(&answer, NOW + 6), Ok(()));
        assert!(accept(&[&key], &request(), NOW).unwrap().is_none());
    }

    #[test]
    fn many_answers_to_one_request() {
        let key = key("k", b"secret");
        let (octets, mut sequence) = key.sign_sequence(&request(), NOW, 300);
        let mut accepted = accept(&[&key], &octets, NOW).unwrap().unwrap();
        for i in 0..5 {
            let answer = accepted.sign(&reply(), NOW + i);
            assert_eq!(sequence.verify(&answer, NOW + i), Ok(()));
        }
        assert_eq!(sequence.done(), Ok(()));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let key_ = key("k", b"secret");
        let told = |keys: &[&Key], now| {
            let signed = key_.sign(&request(), NOW, 5);
            let rejected = accept(keys, &signed.octets, now).unwrap_err();
            assert_eq!(rejected.rcode(), Rcode::NOTAUTH);
            let mut answer = reply();
            answer[3] |= 9;
            signed
                .verifier
                .verify(&rejected.seal(&answer), now)
                .unwrap_err()
        };
        assert_eq!(told(&[], NOW), TsigError::BadKey(name("k")));
        let other = key("k", b"other");
        assert_eq!(told(&[&other], NOW), TsigError::BadSig(name("k")));
        let server_time = NOW + 6;
        assert_eq!(
            told(&[&key_], server_time),
            TsigError::BadTime { server_time }
        );
    }

    #[test]
    fn a_changed_request_is_rejected_wherever_it_was_changed() {
        let key = key("k", b"secret");
        let signed = key.sign(&request(), NOW, 5).octets;
        for at in 2..signed.len() {
            let mut changed = signed.clone();
            changed[at] ^= 1;
            let accepted = accept(&[&key], &changed, NOW);
            // Letter case of names is no change.
            let case =
                signed[at].is_ascii_alphabetic() && changed[at].eq_ignore_ascii_case(&signed[at]);
            // Nor is the TTL of the record, of which the hash has zero (§4.3.3).
            let ttl = (47..51).contains(&at);
            assert!(
                case || ttl || !matches!(accepted, Ok(Some(_))),
                "octet {at}"
            );
        }
    }
}
