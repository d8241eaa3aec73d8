//! Writes a reply for the request that it answers.

use crate::answer::Transport;
use crate::request::{COOKIE, Request};
use dns::Rcode;
use dns::message::{HEADER_LEN, MAX_LEN, UDP_SIZE};
use resolver::{Ede, Reply};

/// The most octets for who announces nothing (RFC 1035 §4.2.1).
const PLAIN_UDP: usize = 512;
/// The most octets of an extended error's text.
const TEXT: usize = 200;
const EXTENDED_ERROR: u16 = 15;
const TC: u8 = 0x02;
const RA: u8 = 0x80;
const AD: u8 = 0x20;
const CD: u8 = 0x10;

/// Writes the message. What does not fit is left out: texts first, then everything, with TC.
pub(crate) fn write(
    request: &Request<'_>,
    reply: &Reply,
    cookie: Option<[u8; 16]>,
    transport: Transport,
    out: &mut Vec<u8>,
) {
    let edns = request.edns;
    let limit = match transport {
        Transport::Udp => edns.map_or(PLAIN_UDP, |edns| {
            usize::from(edns.udp_size.min(UDP_SIZE)).max(PLAIN_UDP)
        }),
        Transport::Tcp => MAX_LEN,
    };
    let signatures = edns.is_some_and(|edns| edns.dnssec_ok);
    head(request, reply, signatures, out);
    let records = out.len();
    let counts = reply.append(signatures, out);
    set(out, 6, counts[0]);
    set(out, 8, counts[1]);
    let body_end = out.len();
    opt(request, reply.rcode, &reply.errors, cookie, TEXT, out);
    if out.len() > limit {
        out.truncate(body_end);
        opt(request, reply.rcode, &reply.errors, cookie, 0, out);
    }
    if out.len() > limit {
        out.truncate(records);
        set(out, 6, 0);
        set(out, 8, 0);
        if let Some(flags) = out.get_mut(2) {
            *flags |= TC;
        }
        opt(request, reply.rcode, &reply.errors, cookie, 0, out);
    }
}

/// Header and question. Without a readable question, the header alone.
fn head(request: &Request<'_>, reply: &Reply, signatures: bool, out: &mut Vec<u8>) {
    out.clear();
    let question = request.octets.get(..request.question_end);
    out.extend_from_slice(question.unwrap_or_default());
    let Some(head) = out.first_chunk_mut::<HEADER_LEN>() else {
        return;
    };
    let (high, low) = (head[2], head[3]);
    // RFC 6840 §5.8: AD is for those who set AD or DO.
    let wants_ad = signatures || low & AD != 0;
    let ad = if reply.authentic && wants_ad { AD } else { 0 };
    head[2] = 0x80 | high & 0x79;
    head[3] = RA | ad | low & CD | (reply.rcode.0 & 15) as u8;
    let questions = u8::from(request.question_end > HEADER_LEN);
    head[4..12].copy_from_slice(&[0, questions, 0, 0, 0, 0, 0, 0]);
}

/// The OPT record, for those who sent one.
fn opt(
    request: &Request<'_>,
    rcode: Rcode,
    errors: &[Ede],
    cookie: Option<[u8; 16]>,
    text: usize,
    out: &mut Vec<u8>,
) {
    let Some(edns) = request.edns else {
        return;
    };
    set(out, 10, 1);
    out.push(0);
    out.extend_from_slice(&41u16.to_be_bytes());
    out.extend_from_slice(&UDP_SIZE.to_be_bytes());
    let dnssec_ok = if edns.dnssec_ok { 0x80 } else { 0 };
    out.extend_from_slice(&[(rcode.0 >> 4) as u8, 0, dnssec_ok, 0]);
    let len_at = out.len();
    out.extend_from_slice(&[0, 0]);
    if let (Some(client), Some(server)) = (edns.cookie, cookie) {
        option(COOKIE, &[&client.client, &server], out);
    }
    for error in errors {
        let text = cut(&error.text, text).as_bytes();
        option(EXTENDED_ERROR, &[&error.code.to_be_bytes(), text], out);
    }
    let len = out.len() - len_at - 2;
    set(out, len_at, len as u16);
}

fn option(code: u16, parts: &[&[u8]], out: &mut Vec<u8>) {
    out.extend_from_slice(&code.to_be_bytes());
    let len: usize = parts.iter().map(|part| part.len()).sum();
    out.extend_from_slice(&(len as u16).to_be_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// The start of a text, cut between characters.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

fn set(out: &mut [u8], at: usize, number: u16) {
    if let Some(two) = out.get_mut(at..at + 2) {
        two.copy_from_slice(&number.to_be_bytes());
    }
}
