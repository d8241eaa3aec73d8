//! Many answers to one request (RFC 8945 §5.3.1).

use super::record::{self, Tsig};
use super::{Key, TsigError, check_time, find, push_counted, unsigned_refusal};

/// How many messages in a row may lack a signature (RFC 8945 §5.3.1).
const MAX_UNSIGNED: usize = 99;

/// Verifies the messages of a transfer, in order.
///
/// Messages between two signed ones are covered by the later signature. So what a message says is
/// to be trusted only when [`Sequence::done`] says so in the end.
#[derive(Debug)]
pub struct Sequence {
    key: Key,
    /// The last signature, counted, and everything since.
    pending: Vec<u8>,
    first: bool,
    unsigned: usize,
}

impl Sequence {
    pub(super) fn new(key: Key, request_mac: &[u8]) -> Sequence {
        let mut pending = Vec::with_capacity(1 << 16);
        push_counted(&mut pending, request_mac);
        Sequence {
            key,
            pending,
            first: true,
            unsigned: 0,
        }
    }

    /// Verifies the next answer, which came at `now` (Unix seconds).
    ///
    /// # Errors
    /// As [`super::Verifier::verify`]; later messages may lack a signature, up to 99 in a row.
    pub fn verify(&mut self, answer: &[u8], now: u64) -> Result<(), TsigError> {
        match find(answer)? {
            Some((tsig, start)) => self.signed(&tsig, answer, start, now),
            None if self.first => Err(TsigError::Unsigned),
            None if self.unsigned == MAX_UNSIGNED => {
                Err(TsigError::TooManyUnsigned(MAX_UNSIGNED + 1))
            }
            None => {
                self.pending.extend_from_slice(answer);
                self.unsigned += 1;
                Ok(())
            }
        }
    }

    /// Says whether the sequence may end here: its last message must be signed.
    ///
    /// # Errors
    /// The last messages are not covered by a signature.
    pub fn done(&self) -> Result<(), TsigError> {
        match (self.first, self.unsigned) {
            (false, 0) => Ok(()),
            (true, _) => Err(TsigError::Unsigned),
            (false, n) => Err(TsigError::TooManyUnsigned(n)),
        }
    }

    #[cfg(test)]
    pub(super) fn pending(&self) -> &[u8] {
        &self.pending
    }

    fn signed(
        &mut self,
        tsig: &Tsig,
        answer: &[u8],
        start: usize,
        now: u64,
    ) -> Result<(), TsigError> {
        unsigned_refusal(tsig, answer)?;
        record::push_message(&mut self.pending, answer, start, tsig.original_id);
        if self.first {
            tsig.push_variables(&mut self.pending);
        } else {
            tsig.push_timers(&mut self.pending);
        }
        self.key.check_mac(tsig, &self.pending)?;
        check_time(tsig, now)?;
        self.pending.clear();
        push_counted(&mut self.pending, &tsig.mac);
        self.first = false;
        self.unsigned = 0;
        Ok(())
    }
}
