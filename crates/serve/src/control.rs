//! Requests that are more than a question: updates, transfers, and whatever is signed.

use crate::answer::{Outcome, Transport, answer, truncated};
use crate::request::Request;
use crate::shared::Shared;
use crate::transfer::{self, Sink};
use crate::update;
use crate::zone::CommitError;
use dns::message::{HEADER_LEN, Message, UDP_SIZE};
use dns::tsig::{self, Accepted, Key, Rejected};
use dns::{Name, Rcode, Rtype, Soa};
use std::io;
use std::net::SocketAddr;
use std::sync::PoisonError;

/// Answers a request for which [`answer`] said [`Outcome::Control`].
pub(crate) fn control(
    shared: &Shared,
    octets: &[u8],
    from: SocketAddr,
    transport: Transport,
    send: &mut Sink<'_>,
) -> io::Result<()> {
    let keys: Vec<&Key> = shared.keys.iter().map(|rights| &rights.key).collect();
    let mut accepted = match tsig::accept(&keys, octets, shared.now()) {
        Ok(accepted) => accepted,
        Err(rejected) => {
            shared.note(&format!(
                "{from}: signature not accepted: {}",
                rejected.why()
            ));
            return send(&reject(octets, rejected));
        }
    };
    let plain = match &accepted {
        Some(accepted) => accepted.request().to_vec(),
        None => octets.to_vec(),
    };
    if plain.get(2).is_some_and(|b| b >> 3 & 0x0f == 5) {
        return match update(shared, &plain, accepted, from) {
            Answered::Plain(reply) => send(&reply),
            Answered::Signed(mut key, reply) => send(&key.sign(&reply, shared.now())),
        };
    }
    let mut sign = |message: &[u8]| match &mut accepted {
        Some(key) => send(&key.sign(message, shared.now())),
        None => send(message),
    };
    let Ok(request) = Request::read(&plain) else {
        return sign(&failure(&plain, Rcode::FORMERR));
    };
    if matches!(Rtype(request.qtype), Rtype::AXFR | Rtype::IXFR) {
        let key = accepted.as_ref().map(|key| key.key().clone());
        let mut sign = |message: &[u8]| match &mut accepted {
            Some(key) => send(&key.sign(message, shared.now())),
            None => send(message),
        };
        return transfer_out(shared, &request, key.as_ref(), from, transport, &mut sign);
    }
    let mut out = Vec::new();
    match answer(&shared.catalog(), &plain, transport, &mut out) {
        Outcome::Reply => {
            let most = match transport {
                Transport::Udp => {
                    let size = request.edns.map_or(0, |edns| edns.udp_size.min(UDP_SIZE));
                    usize::from(size).max(512)
                }
                Transport::Tcp => usize::from(u16::MAX),
            };
            let signature = accepted.as_ref().map_or(0, Accepted::record_len);
            if out.len() + signature > most {
                truncated(&plain, &mut out);
            }
            match &mut accepted {
                Some(key) => send(&key.sign(&out, shared.now())),
                None => send(&out),
            }
        }
        Outcome::Silence | Outcome::Control => Ok(()),
    }
}

/// An answer, and who signs it.
enum Answered {
    Plain(Vec<u8>),
    Signed(Box<Accepted>, Vec<u8>),
}

/// The answer to a request whose signature is wrong.
fn reject(octets: &[u8], rejected: Rejected) -> Vec<u8> {
    let reply = failure(octets, rejected.rcode());
    rejected.seal(&reply)
}

/// Header and, where it can be read, question.
fn failure(octets: &[u8], rcode: Rcode) -> Vec<u8> {
    let end = Request::read(octets).map_or(HEADER_LEN, |request| request.question_end);
    let mut out = octets.get(..end).unwrap_or_default().to_vec();
    if let Some(flags) = out.get_mut(2..HEADER_LEN) {
        let opcode_and_rd = flags.first().copied().unwrap_or_default() & 0x79;
        let questions = u8::from(end > HEADER_LEN);
        let head = [opcode_and_rd | 0x80, rcode.0 as u8 & 0x0f, 0, questions];
        flags.fill(0);
        flags.iter_mut().zip(head).for_each(|(to, from)| *to = from);
    }
    out
}

fn update(shared: &Shared, plain: &[u8], key: Option<Accepted>, from: SocketAddr) -> Answered {
    let Some(key) = key else {
        return Answered::Plain(failure(plain, Rcode::REFUSED));
    };
    let rcode = match Message::parse(plain) {
        Ok(message) => match try_update(shared, &message, &key, from) {
            Ok(()) => Rcode::NOERROR,
            Err(Failed::Rcode(rcode)) => rcode,
            Err(Failed::TooLate) => {
                shared.note(&format!("{from}: an update of {} came too late", key.key()));
                return Answered::Plain(reject(plain, key.too_late(shared.now())));
            }
        },
        Err(_) => Rcode::FORMERR,
    };
    Answered::Signed(Box::new(key), failure(plain, rcode))
}

enum Failed {
    Rcode(Rcode),
    TooLate,
}

impl From<Rcode> for Failed {
    fn from(rcode: Rcode) -> Failed {
        Failed::Rcode(rcode)
    }
}

fn try_update(
    shared: &Shared,
    message: &Message,
    key: &Accepted,
    from: SocketAddr,
) -> Result<(), Failed> {
    let zone = update::zone_of(message)?;
    let writer = shared.writers.get(zone).ok_or(Rcode::NOTAUTH)?;
    if !may(shared, key.key(), zone, |rights| rights.update) {
        return Err(Rcode::REFUSED.into());
    }
    let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
    if !writer.is_durable() {
        // What could be forgotten is not acknowledged.
        return Err(Rcode::REFUSED.into());
    }
    // From here on nobody else changes the zone.
    let catalog = shared.catalog();
    let generation = catalog.zone(zone).ok_or(Rcode::NOTAUTH)?;
    let changes = update::changes(generation, message)?;
    if !key.in_time(shared.now()) {
        return Err(Failed::TooLate);
    }
    if changes.is_empty() {
        return Ok(());
    }
    match writer.commit(shared, generation, changes) {
        Ok(()) => Ok(()),
        Err(CommitError::Refused(why)) => {
            shared.note(&format!("{from}: an update is refused: {why}"));
            Err(Rcode::REFUSED.into())
        }
        Err(error) => {
            shared.note(&format!("{from}: an update failed: {error}"));
            Err(Rcode::SERVFAIL.into())
        }
    }
}

/// Whether the key may do this in the zone.
fn may(
    shared: &Shared,
    key: &Name,
    zone: &Name,
    what: impl Fn(&crate::keys::KeyRights) -> bool,
) -> bool {
    let rights = shared.keys.iter().filter(|r| r.key.name() == key);
    rights
        .into_iter()
        .any(|rights| what(rights) && rights.is_for(zone))
}

fn transfer_out(
    shared: &Shared,
    request: &Request<'_>,
    key: Option<&Name>,
    from: SocketAddr,
    transport: Transport,
    send: &mut Sink<'_>,
) -> io::Result<()> {
    let octets = request.octets;
    let incremental = Rtype(request.qtype) == Rtype::IXFR;
    let refuse = |rcode| failure(octets, rcode);
    let Ok((zone, _)) = Name::from_wire(request.name()) else {
        return send(&refuse(Rcode::FORMERR));
    };
    let Some(writer) = shared.writers.get(&zone) else {
        return send(&refuse(Rcode::NOTAUTH));
    };
    if !key.is_some_and(|key| may(shared, key, &zone, |rights| rights.transfer)) {
        shared.note(&format!("{from}: no right to transfer {zone}"));
        return send(&refuse(Rcode::REFUSED));
    }
    if transport == Transport::Udp && !incremental {
        // RFC 5936 §4.2: there is no AXFR over UDP.
        return send(&refuse(Rcode::FORMERR));
    }
    let has = match Message::parse(octets) {
        Ok(message) if incremental => {
            let soa = message.authority.iter().find(|r| r.rtype == Rtype::SOA);
            let soa = soa.and_then(|record| Soa::from_wire(&record.data));
            match soa {
                Some(soa) => Some(soa.serial),
                None => return send(&refuse(Rcode::FORMERR)),
            }
        }
        Ok(_) => None,
        Err(_) => return send(&refuse(Rcode::FORMERR)),
    };
    let patience = shared.limits.tcp_idle;
    let lane = match transport {
        Transport::Tcp => shared.lanes.enter(from.ip(), patience),
        Transport::Udp => None,
    };
    if lane.is_none() && transport == Transport::Tcp {
        shared.note(&format!("{from}: too many transfers at once"));
        return send(&refuse(Rcode::REFUSED));
    }
    // Content and changes of one moment; the sending holds nobody up.
    let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
    let catalog = shared.catalog();
    let deltas = has.and_then(|serial| writer.since(serial));
    drop(writer);
    let Some(generation) = catalog.zone(&zone) else {
        return send(&refuse(Rcode::SERVFAIL));
    };
    let current = has.is_some_and(|serial| !generation.serial().exceeds(serial));
    if current || transport == Transport::Udp {
        return transfer::soa_alone(octets, generation, send);
    }
    match deltas {
        Some(deltas) => transfer::changed(octets, generation, &deltas, send),
        None => transfer::whole(octets, generation, send),
    }
}
