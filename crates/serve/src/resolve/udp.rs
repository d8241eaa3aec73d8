//! Questions in datagrams, many in one call.

use super::clock::now;
use super::core::{Client, Core};
use super::front::Front;
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
    /// They ask.
    Question(Request<'a>),
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
    match (request.class, may_be_asked(Rtype(request.qtype))) {
        (CLASS_IN, false) => Asked::Refuse(request, bare(Rcode::NOTIMP)),
        (CLASS_IN, true) if head[2] & 1 != 0 => Asked::Question(request),
        // Other classes; and who does not want resolving, but a look into the cache.
        _ => Asked::Refuse(request, bare(Rcode::REFUSED)),
    }
}

/// What a question asks.
pub(crate) fn key_of(request: &Request<'_>) -> Option<Key> {
    let (name, _) = Name::from_wire(request.name()).ok()?;
    Some(Key {
        name,
        rtype: Rtype(request.qtype),
        checking_disabled: checking_disabled(request),
    })
}

/// CD.
pub(crate) fn checking_disabled(request: &Request<'_>) -> bool {
    request.octets.get(3).is_some_and(|flags| flags & 0x10 != 0)
}

/// Transfers and the like are nothing to resolve; ANY is answered by who has it.
fn may_be_asked(rtype: Rtype) -> bool {
    !rtype.is_meta() || rtype == Rtype::ANY
}

/// Answers what comes on `socket` until told to stop.
pub(crate) fn work(core: &Arc<Core>, socket: &Arc<UdpSocket>) {
    let mut limiter = Limiter::new(core.limits.answers_per_network, true, core.seed);
    let mut front = Front::new();
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
        let mut batch = Batch {
            core,
            socket,
            limiter: &mut limiter,
            front: &mut front,
            answers: &mut answers,
            to: &mut to,
        };
        batch.answer(&messages);
        deliver(fd, &mut send, &answers, &to);
    }
}

/// A message, and where it came from.
type Came<'m> = (&'m [u8], SockaddrStorage);

/// Datagrams that came together, and what is sent for them.
struct Batch<'b> {
    core: &'b Arc<Core>,
    socket: &'b Arc<UdpSocket>,
    limiter: &'b mut Limiter,
    front: &'b mut Front,
    answers: &'b mut [Vec<u8>],
    to: &'b mut Vec<Option<SockaddrStorage>>,
}

impl Batch<'_> {
    /// Answers what needs no upstream; the rest waits with the state machine.
    fn answer(&mut self, messages: &[Came<'_>]) {
        let (now, mut rest) = (now(), Vec::new());
        self.front.begin(self.core.epoch.load(Ordering::Acquire));
        let mut hits = 0;
        for came in messages {
            let (octets, from) = (came.0, ip(&came.1));
            let asked = read(self.core, octets, from);
            match slow_down(self.core, asked, from, self.limiter, now.wall as u32) {
                Asked::Silence => {}
                Asked::Slip => self.put(came.1, |out| truncated(octets, out)),
                Asked::Refuse(request, reply) => self.reply(&request, &reply, came.1),
                Asked::Question(request) => match self.front.find(&request, now.mono) {
                    Some(reply) => {
                        hits += 1;
                        self.reply(&request, &reply, came.1);
                    }
                    None => rest.push((request, came)),
                },
            }
        }
        if hits > 0 {
            self.core.front_hits.fetch_add(hits, Ordering::Relaxed);
        }
        if !rest.is_empty() {
            self.ask(rest);
        }
    }

    /// Asks the state machine, under one lock for all.
    fn ask(&mut self, rest: Vec<(Request<'_>, &Came<'_>)>) {
        let (mut effects, mut replies) = (Vec::new(), Vec::with_capacity(rest.len()));
        let mut machine = self.core.machine();
        let now = now();
        for (request, (octets, from)) in rest {
            let Some(key) = key_of(&request) else {
                let reply = Reply::bare(Rcode::FORMERR, Vec::new());
                replies.push((request, reply, *from));
                continue;
            };
            let asked = machine.ask(key.clone(), &mut effects);
            match (asked, std_addr(from)) {
                (Ok(reply), _) => {
                    if let Some(fresh) = machine.resolver.fresh(&key, now.mono) {
                        self.front.keep(&request, &reply, fresh, now.mono);
                    }
                    replies.push((request, reply, *from));
                }
                (Err(client), Some(addr)) => {
                    let waits = Client::Datagram(octets.to_vec(), addr, Arc::clone(self.socket));
                    machine.clients.insert(client, waits);
                }
                (Err(_), None) => {}
            }
        }
        let (effects, told) = self.core.settle(effects, &mut machine);
        let wake = machine.resolver.next_wake();
        drop(machine);
        self.core.outward.wake_at(wake);
        for (client, reply) in told {
            self.core.tell(client, &reply);
        }
        for (request, reply, from) in replies {
            self.reply(&request, &reply, from);
        }
        self.core.carry_out(effects);
    }

    fn reply(&mut self, request: &Request<'_>, reply: &Reply, from: SockaddrStorage) {
        let cookie = self.core.cookie(request, ip(&from));
        self.put(from, |out| {
            write(request, reply, cookie, Transport::Udp, out)
        });
    }

    /// Writes one more answer. There are as many places as messages.
    fn put(&mut self, to: SockaddrStorage, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(out) = self.answers.get_mut(self.to.len()) {
            write(out);
            self.to.push(Some(to));
        }
    }
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
        Asked::Refuse(request, _) | Asked::Question(request) => request,
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
