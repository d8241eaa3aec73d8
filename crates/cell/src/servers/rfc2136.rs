//! A server that takes signed dynamic updates: BIND, Knot, PowerDNS (RFC 2136, 8945, 5936).

mod ask;
mod reply;

pub use ask::{Answer, AskError, Reading};
pub use reply::{Outcome, UpdateReply};

use super::exchange::{Again, Exchange, Failure, Timeouts};
use dns::transfer::{Progress, Transfer, TransferError as Broken, Transferred};
use dns::tsig::{Key, TsigError};
use dns::{Name, Query, Rtype, Update};
use std::net::SocketAddr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How far off, in seconds, the clock may be for requests that change nothing (RFC 8945 §10).
const READ_FUDGE: u16 = 300;
/// The most octets that a transfer may have, unless told otherwise.
const MAX_TRANSFER: u64 = 1 << 30;

/// One zone on one server.
#[derive(Debug)]
pub struct Rfc2136 {
    zone: Name,
    key: Key,
    exchange: Exchange,
    max_transfer: u64,
}

/// Why a transfer gave no zone.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// No connection, a lost one, or too slow.
    #[error(transparent)]
    Exchange(#[from] Failure),
    /// The server's messages make no transfer, or it refuses.
    #[error("{0}")]
    Broken(#[from] Broken),
    /// A signature is missing or wrong, or the server refuses ours.
    #[error(transparent)]
    Tsig(#[from] TsigError),
    /// More octets than the limit.
    #[error("the transfer has more than {0} octets")]
    TooLarge(u64),
    /// The system gave no random number for the message id.
    #[error("{0}")]
    Random(String),
}

impl Rfc2136 {
    /// Nothing is sent yet.
    pub fn new(zone: Name, address: SocketAddr, key: Key, timeouts: Timeouts) -> Rfc2136 {
        Rfc2136 {
            zone,
            key,
            exchange: Exchange::new(address, timeouts),
            max_transfer: MAX_TRANSFER,
        }
    }

    /// Takes transfers of at most `octets` (1 GiB otherwise).
    #[must_use]
    pub fn max_transfer(mut self, octets: u64) -> Rfc2136 {
        self.max_transfer = octets;
        self
    }

    /// The zone.
    pub fn zone(&self) -> &Name {
        &self.zone
    }

    /// The server.
    pub fn address(&self) -> SocketAddr {
        self.exchange.server()
    }

    /// Octets that this server's signature adds to an update.
    pub fn signature_len(&self) -> usize {
        self.key.record_len()
    }

    /// Sends an update once, over TCP, and says what became of it.
    ///
    /// `signed_at` (Unix seconds) is when the write was decided; the server refuses it when its
    /// own clock is more than `fudge` seconds away (RFC 8945 §5.2.3).
    pub fn update(&self, update: &Update, signed_at: u64, fudge: u16) -> UpdateReply {
        let id = match random_id() {
            Ok(id) => id,
            Err(why) => return UpdateReply::not_sent(why),
        };
        let octets = match update.to_wire(id, Some(&self.key)) {
            Ok(octets) => octets,
            Err(why) => return UpdateReply::not_sent(why.to_string()),
        };
        let signed = self.key.sign(&octets, signed_at, fudge);
        let answer = match self.exchange.tcp(&signed.octets, Again::No) {
            Ok(answer) => answer,
            Err(failure) if failure.may_have_arrived() => {
                return UpdateReply::unknown(failure.to_string());
            }
            Err(failure) => return UpdateReply::not_sent(failure.to_string()),
        };
        let reply = UpdateReply::judge(update, id, &answer, &signed.verifier, unix_now());
        if reply.outcome == Outcome::Unknown {
            self.exchange.forget();
        }
        reply
    }

    /// Transfers the zone (AXFR) over a connection of its own. A transfer may take long, so the
    /// server is asked for its SOA first: one that hangs is known after `exchange`.
    ///
    /// # Errors
    /// Anything but a whole, signed transfer of one version of the zone.
    pub fn transfer(&self) -> Result<Transferred, TransferError> {
        self.answers()?;
        let timeouts = self.exchange.timeouts();
        let id = random_id().map_err(TransferError::Random)?;
        let query = Query::new(id, self.zone.clone(), Rtype::AXFR);
        let (octets, mut sequence) =
            self.key
                .sign_sequence(&query.to_wire(), unix_now(), READ_FUDGE);
        let end = Instant::now() + timeouts.transfer;
        let mut connection = self.exchange.connect(timeouts.transfer)?;
        connection.send(&octets)?;
        let mut transfer = Transfer::new(id, self.zone.clone());
        let mut total = 0;
        loop {
            connection.narrow(end, timeouts.idle);
            let answer = connection.receive()?;
            total += answer.len() as u64;
            if total > self.max_transfer {
                return Err(TransferError::TooLarge(self.max_transfer));
            }
            let verified = sequence.verify(&answer, unix_now());
            if let Err(why) = verified {
                // A refusal often is unsigned, and says more than "not signed".
                return match transfer.feed(&answer) {
                    Err(refused @ Broken::Rcode(_)) if !why.is_refusal() => Err(refused.into()),
                    _ => Err(why.into()),
                };
            }
            if transfer.feed(&answer)? == Progress::Done {
                sequence.done()?;
                return Ok(transfer.finish()?);
            }
        }
    }
}

/// A message id that nobody can guess.
pub(super) fn random_id() -> Result<u16, String> {
    let mut id = [0; 2];
    match getrandom::fill(&mut id) {
        Ok(()) => Ok(u16::from_be_bytes(id)),
        Err(why) => Err(format!("no random message id: {why}")),
    }
}

/// This machine's clock, in Unix seconds. Before 1970 it is 0, which no server accepts.
fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
