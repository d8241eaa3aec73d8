//! Questions straight to the server: no resolver between, answers signed.

use super::{READ_FUDGE, Rfc2136, random_id, unix_now};
use crate::servers::exchange::{Again, Connection, Exchange, Failure, Timeouts};
use dns::message::{MessageError, Mismatch};
use dns::rrset::RRsetError;
use dns::tsig::{TsigError, Verifier};
use dns::{Message, Name, Query, RRset, Rcode, Rtype};
use std::net::SocketAddr;
use std::time::Duration;

/// Queries under way at once on one connection. Above this, both sides could fill their buffers
/// and wait for each other.
const WINDOW: usize = 32;

/// What a server says about one name and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// NOERROR or NXDOMAIN; everything else is an [`AskError::Rcode`].
    pub rcode: Rcode,
    /// AA: the server holds the zone. Off in a referral.
    pub authoritative: bool,
    /// The RRset of exactly that name and type. Data that a wildcard gave look the same as data
    /// of the name's own; what is *stored* only a prerequisite tells.
    pub rrset: Option<RRset>,
    /// The SOA of a negative answer.
    pub soa: Option<RRset>,
}

/// Marker, RRsets, marker again. Only when both markers are equal do the RRsets belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The marker before the RRsets were asked for.
    pub marker_before: Option<RRset>,
    /// The RRsets, in the order asked for.
    pub rrsets: Vec<Option<RRset>>,
    /// The marker after all of them had come.
    pub marker_after: Option<RRset>,
}

/// Why there is no answer to a question. None of these says that a record is absent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// No connection, a lost one, or no answer in time.
    #[error(transparent)]
    Exchange(#[from] Failure),
    /// The answer is no message.
    #[error("the answer is no message: {0}")]
    Message(#[from] MessageError),
    /// The answer is to something else.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The signature is missing or wrong, or the server refuses ours.
    #[error(transparent)]
    Tsig(#[from] TsigError),
    /// The server will not, or cannot.
    #[error("the server answers {0}{1}")]
    Rcode(Rcode, String),
    /// Records whose data are malformed.
    #[error("the answer's records are malformed: {0}")]
    Data(#[from] RRsetError),
    /// The server answered without the SOA that was asked for.
    #[error("the server has no SOA for {0}")]
    NoSoa(Name),
    /// The system gave no random number for the message id.
    #[error("{0}")]
    Random(String),
}

impl AskError {
    /// Whether it ends the wait for a better answer. Forged datagrams must not.
    fn is_final(&self) -> bool {
        match self {
            AskError::Tsig(why) => why.is_refusal(),
            AskError::Rcode(..) | AskError::NoSoa(_) => true,
            _ => false,
        }
    }
}

/// A question that was signed, or not.
struct Asked {
    query: Query,
    octets: Vec<u8>,
    verifier: Option<Verifier>,
}

impl Rfc2136 {
    /// Asks for one RRset: over UDP, over TCP when the answer does not fit.
    ///
    /// # Errors
    /// Anything but a signed NOERROR or NXDOMAIN.
    pub fn ask(&self, name: &Name, rtype: Rtype) -> Result<Answer, AskError> {
        let asked = self.signed(name, rtype)?;
        let message = asked.over_udp(&self.exchange)?;
        answer(&asked.query, &message)
    }

    /// Reads the marker, then the RRsets, then the marker again, on one connection.
    ///
    /// The RRsets travel together; but each marker waits for what was asked before it to be
    /// answered, since servers may answer in any order (RFC 7766 §7).
    ///
    /// # Errors
    /// Anything but signed answers to all.
    pub fn read(&self, marker: &Name, wanted: &[(Name, Rtype)]) -> Result<Reading, AskError> {
        let marker = (marker.clone(), Rtype::TXT);
        self.exchange.converse(|connection| {
            let before = self.ask_all(connection, std::slice::from_ref(&marker))?;
            let rrsets = self.ask_all(connection, wanted)?;
            let after = self.ask_all(connection, std::slice::from_ref(&marker))?;
            Ok(Reading {
                marker_before: before.into_iter().next().flatten(),
                rrsets,
                marker_after: after.into_iter().next().flatten(),
            })
        })
    }

    /// The serial of the zone's SOA at any address: a follower's, unsigned.
    ///
    /// # Errors
    /// Anything but an authoritative SOA.
    pub fn serial(&self, address: SocketAddr) -> Result<u32, AskError> {
        let id = random_id().map_err(AskError::Random)?;
        let query = Query::new(id, self.zone.clone(), Rtype::SOA);
        let asked = Asked {
            octets: query.to_wire(),
            query,
            verifier: None,
        };
        let exchange = Exchange::new(address, self.exchange.timeouts());
        let message = asked.over_udp(&exchange)?;
        let answer = answer(&asked.query, &message)?;
        let soa = answer.rrset.filter(|_| answer.authoritative);
        let serial = soa.as_ref().and_then(serial_of);
        serial.ok_or_else(|| AskError::NoSoa(self.zone.clone()))
    }

    /// What anybody is answered at any address, unsigned: over TCP, or over UDP and, where the answer
    /// does not fit, over TCP.
    ///
    /// # Errors
    /// No answer to this question in time. Whatever code the answer has, it is one.
    pub fn look(
        address: SocketAddr,
        (name, rtype): (&Name, Rtype),
        tcp: bool,
        time: Duration,
    ) -> Result<Message, AskError> {
        let id = random_id().map_err(AskError::Random)?;
        let query = Query::new(id, name.clone(), rtype);
        let asked = Asked {
            octets: query.to_wire(),
            query,
            verifier: None,
        };
        let timeouts = Timeouts {
            connect: time,
            exchange: time,
            ..Timeouts::default()
        };
        let exchange = Exchange::new(address, timeouts);
        match tcp {
            true => asked.over_tcp(&exchange),
            false => asked.over_udp(&exchange),
        }
    }

    /// Whether the server answers at all, over TCP: one question for the SOA, within `exchange`.
    /// What it answers is not looked at.
    pub(super) fn answers(&self) -> Result<(), Failure> {
        match self
            .signed(&self.zone, Rtype::SOA)
            .map(|asked| asked.over_tcp(&self.exchange))
        {
            Ok(Err(AskError::Exchange(why))) => Err(why),
            _ => Ok(()),
        }
    }

    fn signed(&self, name: &Name, rtype: Rtype) -> Result<Asked, AskError> {
        let id = random_id().map_err(AskError::Random)?;
        let query = Query::new(id, name.clone(), rtype);
        let signed = self.key.sign(&query.to_wire(), unix_now(), READ_FUDGE);
        Ok(Asked {
            query,
            octets: signed.octets,
            verifier: Some(signed.verifier),
        })
    }

    /// Asks for several RRsets on one connection, some at a time.
    fn ask_all(
        &self,
        connection: &mut Connection,
        wanted: &[(Name, Rtype)],
    ) -> Result<Vec<Option<RRset>>, AskError> {
        let mut found: Vec<Option<RRset>> = Vec::with_capacity(wanted.len());
        for some in wanted.chunks(WINDOW) {
            let mut open = self.send_all(connection, some)?;
            let base = found.len();
            found.resize(base + some.len(), None);
            while !open.is_empty() {
                let octets = connection.receive()?;
                let message = Message::parse(&octets)?;
                // By id: the order of answers is the server's.
                let at = open.iter().position(|(_, a)| a.query.id == message.id);
                let (index, asked) = open.swap_remove(at.unwrap_or(0));
                asked.check(&octets, &message)?;
                if let Some(slot) = found.get_mut(base + index) {
                    *slot = answer(&asked.query, &message)?.rrset;
                }
            }
        }
        Ok(found)
    }

    fn send_all(
        &self,
        connection: &mut Connection,
        wanted: &[(Name, Rtype)],
    ) -> Result<Vec<(usize, Asked)>, AskError> {
        let mut open: Vec<(usize, Asked)> = Vec::with_capacity(wanted.len());
        for (index, (name, rtype)) in wanted.iter().enumerate() {
            let mut asked = self.signed(name, *rtype)?;
            while open
                .iter()
                .any(|(_, other)| other.query.id == asked.query.id)
            {
                asked = self.signed(name, *rtype)?;
            }
            connection.send(&asked.octets)?;
            open.push((index, asked));
        }
        Ok(open)
    }
}

impl Asked {
    fn over_udp(&self, exchange: &Exchange) -> Result<Message, AskError> {
        let mut ignored = None;
        let judge = |octets: &[u8]| match self.judge(octets) {
            Err(why) if !why.is_final() => {
                ignored = Some(why);
                None
            }
            verdict => Some(verdict),
        };
        match (exchange.udp(&self.octets, judge), ignored) {
            (Ok(Ok(Some(message))), _) => Ok(message),
            (Ok(Ok(None)), _) => self.over_tcp(exchange),
            (Ok(Err(why)), _) | (Err(Failure::Timeout { .. }), Some(why)) => Err(why),
            (Err(failure), _) => Err(failure.into()),
        }
    }

    fn over_tcp(&self, exchange: &Exchange) -> Result<Message, AskError> {
        let octets = exchange.tcp(&self.octets, Again::Yes)?;
        let judged = Message::parse(&octets).map_err(AskError::from);
        let judged = judged.and_then(|message| self.check(&octets, &message).map(|()| message));
        if judged.is_err() {
            exchange.forget();
        }
        judged
    }

    /// `None` for a truncated answer.
    fn judge(&self, octets: &[u8]) -> Result<Option<Message>, AskError> {
        let message = Message::parse(octets)?;
        self.query.matches(&message)?;
        if message.flags.truncated {
            return Ok(None);
        }
        self.check(octets, &message)?;
        Ok(Some(message))
    }

    fn check(&self, octets: &[u8], message: &Message) -> Result<(), AskError> {
        self.query.matches(message)?;
        let verified = match &self.verifier {
            Some(verifier) => verifier.verify(octets, unix_now()),
            None => Ok(()),
        };
        match verified {
            // A refusal often is unsigned, and says more than "not signed".
            Err(TsigError::Unsigned) if is_failure(message.rcode) => Err(refusal(message)),
            Err(why) => Err(why.into()),
            Ok(()) if is_failure(message.rcode) => Err(refusal(message)),
            Ok(()) => Ok(()),
        }
    }
}

fn is_failure(rcode: Rcode) -> bool {
    !matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN)
}

fn refusal(message: &Message) -> AskError {
    let errors = message.extended_errors();
    let detail = if errors.is_empty() {
        errors
    } else {
        format!(" ({errors})")
    };
    AskError::Rcode(message.rcode, detail)
}

fn answer(query: &Query, message: &Message) -> Result<Answer, AskError> {
    let mut rrset = Message::rrset(&message.answer, &query.name, query.rtype)?;
    let referral = !message.flags.authoritative && message.answer.is_empty();
    if rrset.is_none() && referral {
        // Below a delegation the parent does not answer; what it holds there comes as the referral
        // itself and its glue.
        rrset = match query.rtype {
            Rtype::NS => Message::rrset(&message.authority, &query.name, Rtype::NS)?,
            rtype => Message::rrset(&message.additional, &query.name, rtype)?,
        };
    }
    let soa_owner = message.authority.iter().find(|r| r.rtype == Rtype::SOA);
    let soa = match soa_owner {
        Some(record) => Message::rrset(&message.authority, &record.name, Rtype::SOA)?,
        None => None,
    };
    Ok(Answer {
        rcode: message.rcode,
        authoritative: message.flags.authoritative,
        rrset,
        soa,
    })
}

/// The serial in an SOA's data: the first of the five numbers at its end.
fn serial_of(soa: &RRset) -> Option<u32> {
    let data = soa.data().next()?;
    let numbers = data.get(data.len().checked_sub(20)?..)?;
    numbers.first_chunk().map(|n| u32::from_be_bytes(*n))
}
