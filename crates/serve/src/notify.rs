//! Tells followers that a zone changed (RFC 1996).

use crate::shared::Shared;
use dns::tsig::Key;
use dns::{Name, Rtype};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often a follower is told that does not answer: after 1, 2, 4, 8 seconds again.
const ATTEMPTS: u32 = 5;
/// How long an answer is waited for before the next look.
const LOOK: Duration = Duration::from_millis(50);

/// A server that transfers a zone from this one.
#[derive(Debug, Clone)]
pub struct Follower {
    /// Where it is told of changes.
    pub address: SocketAddr,
    /// The key that signs what it is told, if it wants that.
    pub key: Option<Key>,
}

/// A follower that was told and has not answered.
struct Told {
    id: u16,
    attempt: u32,
    again: Instant,
}

/// Tells followers until the server stops. Zones come through `changed`; many changes of one zone
/// are told once.
pub(crate) fn run(
    shared: &Shared,
    changed: &Receiver<Name>,
    followers: &BTreeMap<Name, Vec<Follower>>,
    source: &[IpAddr],
) {
    let v4 = open(source, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let v6 = open(source, IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    let mut open: BTreeMap<(Name, usize), Told> = BTreeMap::new();
    while !shared.stopping() {
        match changed.recv_timeout(LOOK) {
            Ok(zone) => {
                let zones: std::collections::BTreeSet<Name> =
                    changed.try_iter().chain([zone]).collect();
                for zone in zones {
                    for i in 0..followers.get(&zone).map_or(0, Vec::len) {
                        let id = getrandom::u32().unwrap_or_default() as u16;
                        let (attempt, again) = (0, Instant::now());
                        open.insert((zone.clone(), i), Told { id, attempt, again });
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        for socket in [&v4, &v6].into_iter().flatten() {
            heard(socket, followers, &mut open);
        }
        open.retain(|(zone, i), told| {
            if told.again > Instant::now() {
                return true;
            }
            let follower = followers.get(zone).and_then(|all| all.get(*i));
            let Some(follower) = follower.filter(|_| told.attempt < ATTEMPTS) else {
                shared.note(&format!("zone {zone}: a follower does not answer NOTIFY"));
                return false;
            };
            let socket = if follower.address.is_ipv4() { &v4 } else { &v6 };
            if let Some(socket) = socket {
                tell(shared, socket, zone, follower, told.id);
            }
            told.again = Instant::now() + Duration::from_secs(1 << told.attempt);
            told.attempt += 1;
            true
        });
    }
}

/// A socket of that family, from an address that the server listens on: followers take NOTIFY from
/// the primary they know.
fn open(source: &[IpAddr], any: IpAddr) -> Option<UdpSocket> {
    let own = source.iter().find(|ip| ip.is_ipv4() == any.is_ipv4());
    let socket = UdpSocket::bind((*own?, 0)).ok()?;
    socket.set_nonblocking(true).ok()?;
    Some(socket)
}

fn tell(shared: &Shared, socket: &UdpSocket, zone: &Name, follower: &Follower, id: u16) {
    let mut octets = id.to_be_bytes().to_vec();
    // Opcode 4 and AA; one question.
    octets.extend_from_slice(&[0x24, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    zone.write_wire(&mut octets);
    octets.extend_from_slice(&Rtype::SOA.0.to_be_bytes());
    octets.extend_from_slice(&[0, 1]);
    let octets = match &follower.key {
        Some(key) => key.sign(&octets, shared.now(), 300).octets,
        None => octets,
    };
    // Lost ones are sent again.
    let _ = socket.send_to(&octets, follower.address);
}

/// Takes followers off the list that answered. The answer decides nothing but that, so its
/// signature is not looked at.
fn heard(
    socket: &UdpSocket,
    followers: &BTreeMap<Name, Vec<Follower>>,
    open: &mut BTreeMap<(Name, usize), Told>,
) {
    let mut buffer = [0; 1232];
    while let Ok((len, from)) = socket.recv_from(&mut buffer) {
        let Some([a, b, flags]) = buffer.get(..len).and_then(|o| o.first_chunk::<3>()) else {
            continue;
        };
        let id = u16::from_be_bytes([*a, *b]);
        open.retain(|(zone, i), told| {
            let follower = followers.get(zone).and_then(|all| all.get(*i));
            let is_it = follower.is_some_and(|f| f.address == from);
            !(is_it && told.id == id && flags & 0xf8 == 0xa0)
        });
    }
}
