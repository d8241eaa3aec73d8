//! Transaction signatures (RFC 8945): requests signed with a shared secret, answers verified.
//!
//! The time in a request's signature is when the write was *decided*, and the fudge is how many
//! seconds around it the **server** accepts the request (RFC 8945 §5.2.3): a deadline that nobody's
//! stalled process can outlive. Answers are judged by the clock at their receipt.
//!
//! HMAC comes from `ring`; the record is read and written here. The `domain` library cannot be
//! used for it: up to 0.12.3 it hashes the server's time in a BADTIME answer as eight octets
//! instead of six, so that a real server's "too late" would look forged.

mod record;
mod sequence;
mod server;

pub use sequence::Sequence;
pub use server::{Accepted, Rejected, accept};

use crate::message::MessageError;
use crate::name::Name;
use record::{Tsig, error};
use ring::hmac;
use std::fmt;
use std::str::FromStr;

/// Octets of the longest time that fits (48 bits, RFC 8945 §4.2).
const MAX_TIME: u64 = (1 << 48) - 1;

/// The hash under the HMAC. MD5 and SHA-1 are left out on purpose (RFC 8945 §6: not for new use).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `hmac-sha256`, mandatory to implement.
    Sha256,
    /// `hmac-sha384`.
    Sha384,
    /// `hmac-sha512`.
    Sha512,
}

/// Why something is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// An algorithm that is not supported.
    #[error(
        "the TSIG algorithm {0:?} is not supported; use hmac-sha256, hmac-sha384 or hmac-sha512"
    )]
    Algorithm(String),
    /// A secret without octets.
    #[error("the TSIG secret is empty; make a key with `tsig-keygen`")]
    Empty,
    /// A secret that is no base64. The text is not repeated: it may be most of the secret.
    #[error("the TSIG secret is not base64 (RFC 4648 §4)")]
    Base64,
}

/// A shared secret and its name. Printing it shows no secret.
#[derive(Clone)]
pub struct Key {
    name: Name,
    algorithm: Algorithm,
    hmac: hmac::Key,
}

/// Why an answer's signature is not accepted, or what the server says about ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TsigError {
    /// The answer carries no signature.
    #[error("the answer is not signed")]
    Unsigned,
    /// The answer is no message, or its TSIG record is malformed or misplaced.
    #[error("the answer's signature cannot be read: {0}")]
    Malformed(String),
    /// Signed with another key or algorithm than the request.
    #[error("the answer is signed with another key, {0}")]
    OtherKey(String),
    /// The signature does not fit the answer: forged, changed on its way, or not for our request.
    #[error("the answer's signature is wrong")]
    Forged,
    /// The signature is shorter than the algorithm's; we take no truncated ones (RFC 8945 §5.2.2.1).
    #[error("the answer's signature is cut to {0} octets")]
    Truncated(usize),
    /// The answer was signed too long before, or after, its receipt.
    #[error(
        "the answer was signed at {signed} with {fudge} s to spare, and read at {now} (Unix seconds)"
    )]
    Stale {
        /// When it was signed, in Unix seconds.
        signed: u64,
        /// How far off the clock may be, in seconds.
        fudge: u16,
        /// The receiver's clock, in Unix seconds.
        now: u64,
    },
    /// An answer of a sequence is missing its signature at the end, or 100 in a row lack one.
    #[error("{0} messages in a row are not signed (RFC 8945 §5.3.1)")]
    TooManyUnsigned(usize),
    /// The server: our signature does not verify. Wrong secret.
    #[error("the server says BADSIG: the secret of key {0} is not the same on both sides")]
    BadSig(Name),
    /// The server: it does not know our key, or not with that algorithm.
    #[error("the server says BADKEY: it does not know the key {0} with that algorithm")]
    BadKey(Name),
    /// The server: the request came outside of its time window. This answer was signed and
    /// verified.
    #[error("the server says BADTIME: its clock shows {server_time} (Unix seconds)")]
    BadTime {
        /// The server's clock in Unix seconds.
        server_time: u64,
    },
    /// The server: our signature is too short.
    #[error("the server says BADTRUNC: it wants longer signatures")]
    BadTrunc,
}

impl TsigError {
    /// Whether the *server* refused our signature, so that it did not act on the request.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            TsigError::BadSig(_)
                | TsigError::BadKey(_)
                | TsigError::BadTime { .. }
                | TsigError::BadTrunc
        )
    }
}

/// A signed request, and what verifies its answer.
#[derive(Debug)]
pub struct Signed {
    /// The octets to send.
    pub octets: Vec<u8>,
    /// Checks the answer.
    pub verifier: Verifier,
}

/// Verifies the one answer of a request.
#[derive(Debug, Clone)]
pub struct Verifier {
    key: Key,
    request_mac: Vec<u8>,
}

impl Key {
    /// A key of its parts.
    ///
    /// # Errors
    /// An empty secret.
    pub fn new(name: Name, algorithm: Algorithm, secret: &[u8]) -> Result<Key, KeyError> {
        if secret.is_empty() {
            return Err(KeyError::Empty);
        }
        let hmac = hmac::Key::new(algorithm.hmac(), secret);
        Ok(Key {
            name,
            algorithm,
            hmac,
        })
    }

    /// A key whose secret is in base64, as key files have it.
    ///
    /// # Errors
    /// No base64, or an empty secret.
    pub fn from_base64(name: Name, algorithm: Algorithm, secret: &str) -> Result<Key, KeyError> {
        let octets: Vec<u8> =
            domain::utils::base64::decode(secret).map_err(|_| KeyError::Base64)?;
        Key::new(name, algorithm, &octets)
    }

    /// The name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Octets that signing adds to a request.
    pub fn record_len(&self) -> usize {
        let data = self.algorithm.name_wire().len() + 16 + self.mac_len();
        self.name.wire_len() + 10 + data
    }

    /// Signs a request.
    ///
    /// `time` is in Unix seconds; the server accepts the request while its own clock is at most
    /// `fudge` seconds away from it.
    pub fn sign(&self, request: &[u8], time: u64, fudge: u16) -> Signed {
        let (octets, mac) = self.append(request, time, fudge);
        let verifier = Verifier {
            key: self.clone(),
            request_mac: mac,
        };
        Signed { octets, verifier }
    }

    /// Signs a request that many messages answer (AXFR).
    pub fn sign_sequence(&self, request: &[u8], time: u64, fudge: u16) -> (Vec<u8>, Sequence) {
        let (octets, mac) = self.append(request, time, fudge);
        (octets, Sequence::new(self.clone(), &mac))
    }

    fn append(&self, request: &[u8], time: u64, fudge: u16) -> (Vec<u8>, Vec<u8>) {
        let mut tsig = Tsig {
            key: self.name.clone(),
            algorithm: self.algorithm.name_wire().to_vec(),
            time: time.min(MAX_TIME),
            fudge,
            mac: Vec::new(),
            original_id: record::id(request),
            error: 0,
            other: Vec::new(),
        };
        let mut digested = request.to_vec();
        tsig.push_variables(&mut digested);
        tsig.mac = hmac::sign(&self.hmac, &digested).as_ref().to_vec();
        let mut octets = request.to_vec();
        tsig.append_to(&mut octets);
        (octets, tsig.mac)
    }

    fn mac_len(&self) -> usize {
        self.hmac.algorithm().digest_algorithm().output_len()
    }

    /// Whether `tsig` was made with this key over `digested`.
    fn check_mac(&self, tsig: &Tsig, digested: &[u8]) -> Result<(), TsigError> {
        if tsig.key != self.name || tsig.algorithm != self.algorithm.name_wire() {
            return Err(TsigError::OtherKey(tsig.key.to_string()));
        }
        if tsig.mac.len() < self.mac_len() {
            return Err(TsigError::Truncated(tsig.mac.len()));
        }
        hmac::verify(&self.hmac, digested, &tsig.mac).map_err(|_| TsigError::Forged)
    }
}

impl Verifier {
    /// Verifies an answer that came at `now` (Unix seconds).
    ///
    /// # Errors
    /// Anything but a fresh answer with the right signature. A server's refusal of our signature
    /// is an error too ([`TsigError::is_refusal`]); BADSIG and BADKEY come unsigned, necessarily.
    pub fn verify(&self, answer: &[u8], now: u64) -> Result<(), TsigError> {
        let (tsig, start) = find(answer)?.ok_or(TsigError::Unsigned)?;
        unsigned_refusal(&tsig, answer)?;
        let mut digested = Vec::with_capacity(answer.len() + 256);
        push_counted(&mut digested, &self.request_mac);
        record::push_message(&mut digested, answer, start, tsig.original_id);
        tsig.push_variables(&mut digested);
        self.key.check_mac(&tsig, &digested)?;
        check_time(&tsig, now)
    }
}

/// The TSIG record of a message, and where it starts.
fn find(answer: &[u8]) -> Result<Option<(Tsig, usize)>, TsigError> {
    record::find(answer).map_err(|e: MessageError| TsigError::Malformed(e.to_string()))
}

/// What a server says that could not sign, for lack of a key that both know (RFC 8945 §5.2).
fn unsigned_refusal(tsig: &Tsig, answer: &[u8]) -> Result<(), TsigError> {
    if !tsig.mac.is_empty() {
        return Ok(());
    }
    let not_auth = answer.get(3).is_some_and(|b| b & 0x0f == 9);
    match tsig.error {
        error::BADSIG if not_auth => Err(TsigError::BadSig(tsig.key.clone())),
        error::BADKEY if not_auth => Err(TsigError::BadKey(tsig.key.clone())),
        error::BADTRUNC if not_auth => Err(TsigError::BadTrunc),
        _ => Err(TsigError::Unsigned),
    }
}

/// Judges the error and the time of a signature that verified.
fn check_time(tsig: &Tsig, now: u64) -> Result<(), TsigError> {
    match (tsig.error, tsig.server_time()) {
        (error::BADTIME, Some(server_time)) => return Err(TsigError::BadTime { server_time }),
        (error::BADTRUNC, _) => return Err(TsigError::BadTrunc),
        (0, _) => {}
        (other, _) => {
            let why = format!("it is signed, with the error {other}");
            return Err(TsigError::Malformed(why));
        }
    }
    if tsig.time.abs_diff(now) > u64::from(tsig.fudge) {
        return Err(TsigError::Stale {
            signed: tsig.time,
            fudge: tsig.fudge,
            now,
        });
    }
    Ok(())
}

fn push_counted(out: &mut Vec<u8>, octets: &[u8]) {
    out.extend_from_slice(&(octets.len() as u16).to_be_bytes());
    out.extend_from_slice(octets);
}

impl Algorithm {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Algorithm::Sha256 => hmac::HMAC_SHA256,
            Algorithm::Sha384 => hmac::HMAC_SHA384,
            Algorithm::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn name_wire(self) -> &'static [u8] {
        match self {
            Algorithm::Sha256 => b"\x0bhmac-sha256\0",
            Algorithm::Sha384 => b"\x0bhmac-sha384\0",
            Algorithm::Sha512 => b"\x0bhmac-sha512\0",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Algorithm::Sha256 => "hmac-sha256",
            Algorithm::Sha384 => "hmac-sha384",
            Algorithm::Sha512 => "hmac-sha512",
        })
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    /// As in key files, case and a trailing dot forgiven.
    fn from_str(text: &str) -> Result<Algorithm, KeyError> {
        match text.to_ascii_lowercase().trim_end_matches('.') {
            "hmac-sha256" => Ok(Algorithm::Sha256),
            "hmac-sha384" => Ok(Algorithm::Sha384),
            "hmac-sha512" => Ok(Algorithm::Sha512),
            _ => Err(KeyError::Algorithm(text.to_owned())),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} {}, secret not shown)", self.name, self.algorithm)
    }
}

#[cfg(test)]
mod tests;
