//! Questions in datagrams, many in one call.

use super::core::{Client, Core, second};
use super::write::write;
use crate::answer::{Transport, truncated};
use crate::limit::{Limiter, Verdict};
use crate::request::Request;
use crate::udp::{BATCH, REQUEST, deliver, ip, std_addr};
use dns::message::{CLASS_IN, HEADER_LEN};
use dns::{Name, Rcode, Rtype};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use resolver::{Ede, Key, Reply};
use std::io::IoSliceMut;
use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What is to be done with octets from a client.
pub(crate) enum Asked<'a> {
    /// They are no question, and an answer might start a ping-pong.
    Silence,
    /// They cannot or may not be asked.
    Refuse(Request<'a>, Reply),
    /// Whoever sends them asks too much: "ask over TCP".
    Slip,
    /// They ask this.
    Question(Request<'a>, Key),
}

/// Reads what a client sent. It does not panic, whatever that is.
pub(crate) fn read<'a>(core: &Core, octets: &'a [u8], from: IpAddr) -> Asked<'a> {
    let Some(head) = octets.first_chunk::<HEADER_LEN>() else {
        return Asked::Silence;
    };
    if head[2] & 0x80 != 0 {
        return Asked::Silence;
    }
    let bare = |rcode| Reply::bare(rcode, Vec::new());
    let request = match Request::read(octets) {
        Ok(request) => request,
        Err(refused) => {
            let request = Request::of_refused(octets, &refused);
            return Asked::Refuse(request, bare(refused.rcode));
        }
    };
    if !core.may_ask(from) {
        core.refused.fetch_add(1, Ordering::Relaxed);
        let ede = Ede::new(Ede::PROHIBITED, "not in the list of who may ask here");
        return Asked::Refuse(request, Reply::bare(Rcode::REFUSED, vec![ede]));
    }
    if head[2] >> 3 & 0x0f != 0 {
        return Asked::Refuse(request, bare(Rcode::NOTIMP));
    }
    if request.edns.is_some_and(|edns| edns.version > 0) {
        return Asked::Refuse(request, bare(Rcode::BADVERS));
    }
    let rtype = Rtype(request.qtype);
    let name = Name::from_wire(request.name());
    match name {
        Ok((name, _)) if request.class == CLASS_IN && may_be_asked(rtype) && head[2] & 1 != 0 => {
            let key = Key {
                name,
                rtype,
                checking_disabled: head[3] & 0x10 != 0,
            };
            Asked::Question(request, key)
        }
        Ok(_) if request.class == CLASS_IN && !may_be_asked(rtype) => {
            Asked::Refuse(request, bare(Rcode::NOTIMP))
        }
        // Other classes; and who does not want resolving, but a look into the cache.
        Ok(_) => Asked::Refuse(request, bare(Rcode::REFUSED)),
        Err(_) => Asked::Refuse(request, bare(Rcode::FORMERR)),
    }
}

/// Transfers and the like are nothing to resolve; ANY is answered by who has it.
fn may_be_asked(rtype: Rtype) -> bool {
    !rtype.is_meta() || rtype == Rtype::ANY
}

/// Answers what comes on `socket` until told to stop.
pub(crate) fn work(core: &Arc<Core>, socket: &Arc<UdpSocket>) {
    let mut limiter = Limiter::new(core.limits.answers_per_network, core.seed);
    let mut receive = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut send = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut requests = vec![0u8; BATCH * REQUEST];
    let mut answers: Vec<Vec<u8>> = (0..BATCH).map(|_| Vec::with_capacity(1500)).collect();
    let mut to: Vec<Option<SockaddrStorage>> = Vec::with_capacity(BATCH);
    while !core.stopping() {
        to.clear();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = requests
            .chunks_exact_mut(REQUEST)
            .map(|chunk| [IoSliceMut::new(chunk)])
            .collect();
        let (fd, flags) = (socket.as_raw_fd(), MsgFlags::MSG_WAITFORONE);
        let came = match recvmmsg(fd, &mut receive, slices.iter_mut(), flags, None) {
            Ok(came) => came,
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => continue,
            Err(error) => {
                core.note(&format!("udp: {error}"));
                std::thread::sleep(std::time::Duration::from_millis(100));
                continue;
            }
        };
        let messages: Vec<(&[u8], SockaddrStorage)> = came
            .filter_map(|message| Some((message.iovs().next()?, message.address?)))
            .collect();
        batch(core, socket, &messages, &mut limiter, &mut answers, &mut to);
        deliver(fd, &mut send, &answers, &to);
    }
}

/// Answers a batch: what needs no upstream at once, into `answers` and `to`.
fn batch(
    core: &Arc<Core>,
    socket: &Arc<UdpSocket>,
    messages: &[(&[u8], SockaddrStorage)],
    limiter: &mut Limiter,
    answers: &mut [Vec<u8>],
    to: &mut Vec<Option<SockaddrStorage>>,
) {
    let (mut effects, mut replies) = (Vec::new(), Vec::with_capacity(messages.len()));
    let mut slips = Vec::new();
    let second = second();
    let asked: Vec<Asked<'_>> = messages
        .iter()
        .map(|(octets, from)| {
            let from = ip(from);
            let asked = read(core, octets, from);
            slow_down(core, asked, from, limiter, second)
        })
        .collect();
    let mut machine = core.machine();
    for (asked, (octets, from)) in asked.into_iter().zip(messages) {
        match asked {
            Asked::Silence => {}
            Asked::Slip => slips.push((octets, from)),
            Asked::Refuse(request, reply) => replies.push((request, reply, from)),
            Asked::Question(request, key) => match (machine.ask(key, &mut effects), std_addr(from))
            {
                (Ok(reply), _) => replies.push((request, reply, from)),
                (Err(client), Some(addr)) => {
                    let waits = Client::Datagram(octets.to_vec(), addr, Arc::clone(socket));
                    machine.clients.insert(client, waits);
                }
                (Err(_), None) => {}
            },
        }
    }
    let (effects, told) = core.settle(effects, &mut machine);
    let wake = machine.resolver.next_wake();
    drop(machine);
    core.outward.wake_at(wake);
    for (client, reply) in told {
        core.tell(client, &reply);
    }
    for (request, reply, from) in replies {
        let Some(out) = answers.get_mut(to.len()) else {
            break;
        };
        let cookie = core.cookie(&request, ip(from));
        write(&request, &reply, cookie, Transport::Udp, out);
        to.push(Some(*from));
    }
    for (octets, from) in slips {
        if let Some(out) = answers.get_mut(to.len()) {
            truncated(octets, out);
            to.push(Some(*from));
        }
    }
    core.carry_out(effects);
}

/// Who asks too much gets "ask over TCP" or nothing, unless a cookie shows that it is no victim.
fn slow_down<'a>(
    core: &Core,
    asked: Asked<'a>,
    from: IpAddr,
    limiter: &mut Limiter,
    second: u32,
) -> Asked<'a> {
    let request = match &asked {
        Asked::Silence | Asked::Slip => return asked,
        Asked::Refuse(request, _) | Asked::Question(request, _) => request,
    };
    let cookie = request.edns.and_then(|edns| edns.cookie);
    if cookie.is_some_and(|cookie| core.cookies.proves(cookie, from, second)) {
        return asked;
    }
    match (limiter.judge(from, second), asked) {
        (Verdict::Answer, asked) => asked,
        (Verdict::Slip, _) => Asked::Slip,
        (Verdict::Nothing, _) => Asked::Silence,
    }
}
