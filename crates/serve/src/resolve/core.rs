//! The state machine behind one lock, the clients that wait for it, and what its effects do.

use super::clock::{Entropy, now};
use super::net::Network;
use super::outward::Outward;
use super::store::Disk;
use super::write::write;
use crate::answer::Transport;
use crate::cookie::Cookies;
use crate::request::Request;
use crate::shared::Limits;
use resolver::{Effect, Input, Key, Reply, Resolver};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// A client that waits.
pub(crate) enum Client {
    /// The request, where it came from, and the socket to answer on.
    Datagram(Vec<u8>, SocketAddr, Arc<UdpSocket>),
    /// A stream's thread waits for the reply.
    Stream(SyncSender<Reply>),
}

/// The state machine and what belongs to it.
pub(crate) struct Machine {
    pub(crate) resolver: Resolver,
    pub(crate) entropy: Entropy,
    pub(crate) clients: BTreeMap<u64, Client>,
    next_client: u64,
    effects: Vec<Effect>,
}

impl Machine {
    pub(crate) fn new(resolver: Resolver) -> Machine {
        Machine {
            resolver,
            entropy: Entropy::new(),
            clients: BTreeMap::new(),
            next_client: 0,
            effects: Vec::new(),
        }
    }

    /// A client asks. `Ok`: the reply; `Err`: the client's number, which has to be put into
    /// `clients` before the lock is given back.
    pub(crate) fn ask(&mut self, key: Key, effects: &mut Vec<Effect>) -> Result<Reply, u64> {
        let client = self.next_client;
        self.next_client += 1;
        self.step(Input::Ask(client, key));
        let mut reply = Err(client);
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Reply(to, told) if to == client => reply = Ok(told),
                other => effects.push(other),
            }
        }
        reply
    }

    fn step(&mut self, input: Input<'_>) {
        let entropy = &mut self.entropy;
        let mut draw = || entropy.draw();
        self.resolver
            .step(now(), &mut draw, input, &mut self.effects);
    }
}

/// What the threads of a resolver share.
pub(crate) struct Core {
    machine: Mutex<Machine>,
    pub(crate) outward: Outward,
    pub(crate) allow: RwLock<Vec<Network>>,
    pub(crate) cookies: Cookies,
    pub(crate) limits: Limits,
    pub(crate) seed: u64,
    pub(crate) disk: Disk,
    /// Questions from those who may not ask.
    pub(crate) refused: AtomicU64,
    /// Questions that a worker's own front answered.
    pub(crate) front_hits: AtomicU64,
    /// Grows when fronts have to forget: what they hold may not be served any more.
    pub(crate) epoch: AtomicU64,
    stop: AtomicBool,
    log: fn(&str),
}

impl Core {
    pub(crate) fn new(
        machine: Machine,
        outward: Outward,
        allow: Vec<Network>,
        limits: Limits,
        disk: Disk,
        log: fn(&str),
    ) -> Core {
        let mut entropy = Entropy::new();
        Core {
            machine: Mutex::new(machine),
            outward,
            allow: RwLock::new(allow),
            cookies: Cookies::new(|| entropy.draw()),
            limits,
            seed: entropy.draw(),
            disk,
            refused: AtomicU64::new(0),
            front_hits: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            log,
        }
    }

    pub(crate) fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One input, and everything that follows.
    pub(crate) fn input(self: &Arc<Self>, input: Input<'_>) {
        let forgets = matches!(input, Input::LetGo(_) | Input::Reload(_));
        let mut machine = self.machine();
        machine.step(input);
        if forgets {
            self.epoch.fetch_add(1, Ordering::Release);
        }
        let effects = std::mem::take(&mut machine.effects);
        let (effects, clients) = self.settle(effects, &mut machine);
        let wake = machine.resolver.next_wake();
        drop(machine);
        self.outward.wake_at(wake);
        for (client, reply) in clients {
            self.tell(client, &reply);
        }
        self.carry_out(effects);
    }

    /// What has to happen before the lock is given back: the disk is told in the order in which
    /// things were decided, and clients that have a reply wait no longer. The rest comes back.
    pub(crate) fn settle(
        &self,
        effects: Vec<Effect>,
        machine: &mut Machine,
    ) -> (Vec<Effect>, Vec<(Client, Reply)>) {
        let (mut rest, mut told) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Reply(client, reply) => {
                    told.extend(
                        machine
                            .clients
                            .remove(&client)
                            .map(|client| (client, reply)),
                    );
                }
                Effect::Keep(key, entry) => self.disk.keep(key, entry),
                Effect::Forget(key) => self.disk.forget(key),
                other => rest.push(other),
            }
        }
        (rest, told)
    }

    /// Sends, closes, tells the operator.
    pub(crate) fn carry_out(self: &Arc<Self>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Query {
                    query,
                    to,
                    over,
                    octets,
                } => self.outward.send(self, query, to, over, octets),
                Effect::Close(query) => self.outward.close(query),
                Effect::Note(text) => (self.log)(&text),
                Effect::Reply(..) | Effect::Keep(..) | Effect::Forget(_) => {}
            }
        }
    }

    pub(crate) fn tell(&self, client: Client, reply: &Reply) {
        match client {
            Client::Datagram(octets, from, socket) => {
                let Ok(request) = Request::read(&octets) else {
                    return;
                };
                let mut out = Vec::with_capacity(512);
                let cookie = self.cookie(&request, from.ip());
                write(&request, reply, cookie, Transport::Udp, &mut out);
                // A client that cannot be reached asks again, or is gone.
                let _ = socket.send_to(&out, from);
            }
            // A stream that does not wait any more is gone.
            Client::Stream(sender) => drop(sender.try_send(reply.clone())),
        }
    }

    /// The server's cookie, for who sent a cookie.
    pub(crate) fn cookie(&self, request: &Request<'_>, from: IpAddr) -> Option<[u8; 16]> {
        let cookie = request.edns?.cookie?;
        Some(self.cookies.make(cookie.client, from, second()))
    }

    pub(crate) fn may_ask(&self, ip: IpAddr) -> bool {
        let allow = self.allow.read().unwrap_or_else(PoisonError::into_inner);
        allow.iter().any(|network| network.contains(ip))
    }

    pub(crate) fn note(&self, text: &str) {
        (self.log)(text);
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.outward.wake();
    }
}

/// Unix seconds, as cookies count them.
pub(crate) fn second() -> u32 {
    now().wall as u32
}
