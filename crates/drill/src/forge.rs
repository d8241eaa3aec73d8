//! The answers that nobody gave.

use dns::{Message, Name, Rtype};
use fault::{Answer, OnWire, Span};
use std::net::IpAddr;

/// The longest that a made-up answer may be kept by whoever gets it, in seconds; and never past the
/// end of its fault.
const TTL: u64 = 5;
/// Octets of a header.
const HEADER: usize = 12;

/// Writes what a request gets in place of an answer, in octets ready to send. `left` is what the
/// fault still lasts: nobody may keep the answer for longer. Whoever speaks EDNS reads in it (RFC
/// 8914, code 0) that this is a drill.
///
/// `None`: there is nothing to send, because the fault is a silence or a delay, or because the
/// request cannot be answered.
pub fn forge(request: &[u8], fault: &OnWire, left: Span) -> Option<Vec<u8>> {
    let message = Message::parse(request).ok()?;
    let asked = message.question?;
    let name = asked.name.to_wire();
    let end = HEADER + name.len() + 4;
    let mut out = request.get(..end)?.to_vec();
    // A name that is compressed in a question is none of ours.
    let plain = out
        .get(HEADER..HEADER + name.len())?
        .eq_ignore_ascii_case(&name);
    if !plain {
        return None;
    }
    let ttl = (left.0 / 1000).min(TTL) as u8;
    let (recursion_desired, checking_disabled) = (out[2] & 0x01, out[3] & 0x10);
    out[2] = 0x80 | recursion_desired;
    out[3] = 0x80 | checking_disabled;
    out[4..HEADER].fill(0);
    out[5] = 1;
    match fault.answer {
        Answer::Timeout | Answer::Delay(_) => return None,
        Answer::ServFail => out[3] |= 2,
        Answer::Refused => out[3] |= 5,
        Answer::NxDomain => {
            out[3] |= 3;
            soa(&mut out, &apex(fault, &asked.name), ttl);
        }
        Answer::NoData { soa: true } => soa(&mut out, &apex(fault, &asked.name), ttl),
        Answer::NoData { soa: false } => {}
        Answer::WrongAddress(to) => address(&mut out, to, ttl),
    }
    if let Some(edns) = message.edns {
        opt(&mut out, edns.dnssec_ok, fault);
    }
    Some(out)
}

fn address(out: &mut Vec<u8>, to: IpAddr, ttl: u8) {
    let (rtype, data) = match to {
        IpAddr::V4(ip) => (Rtype::A, ip.octets().to_vec()),
        IpAddr::V6(ip) => (Rtype::AAAA, ip.octets().to_vec()),
    };
    out[7] = 1;
    out.extend([0xc0, HEADER as u8]);
    out.extend(rtype.0.to_be_bytes());
    out.extend([0, 1, 0, 0, 0, ttl, 0, data.len() as u8]);
    out.extend(data);
}

/// The SOA of a negative answer (RFC 2308): who gets it keeps it no longer than an address.
fn soa(out: &mut Vec<u8>, apex: &Name, ttl: u8) {
    out[9] = 1;
    apex.write_wire(out);
    out.extend(Rtype::SOA.0.to_be_bytes());
    out.extend([0, 1, 0, 0, 0, ttl, 0, 22, 0, 0]);
    for field in [1, 3600, 600, 86_400, u32::from(ttl)] {
        out.extend(field.to_be_bytes());
    }
}

/// The zone that a negative answer is from: the fixed end of the fault's pattern, or the name above.
fn apex(fault: &OnWire, asked: &Name) -> Name {
    let text = fault.name.as_deref().unwrap_or_default();
    let labels: Vec<&str> = text.split('.').collect();
    let star = labels
        .iter()
        .rposition(|label| matches!(*label, "*" | "**"));
    let fixed = labels
        .get(star.map_or(0, |at| at + 1)..)
        .unwrap_or_default()
        .join(".");
    let fixed = Name::absolute(&fixed)
        .ok()
        .filter(|apex| asked.is_under(apex));
    fixed.or_else(|| asked.parent()).unwrap_or_else(Name::root)
}

fn opt(out: &mut Vec<u8>, dnssec_ok: bool, fault: &OnWire) {
    let text = format!("steadfast drill: {fault}");
    let text = text
        .as_bytes()
        .get(..text.len().min(200))
        .unwrap_or_default();
    let len = text.len() as u16;
    out[11] += 1;
    out.extend([0, 0, 41, 4, 208, 0, 0, if dnssec_ok { 0x80 } else { 0 }, 0]);
    out.extend((len + 6).to_be_bytes());
    out.extend([0, 15]);
    out.extend((len + 2).to_be_bytes());
    out.extend([0, 0]);
    out.extend(text);
}
