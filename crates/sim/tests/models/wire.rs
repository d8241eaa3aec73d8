//! UPDATEs and transfers on a real connection, written by hand: in the order given, which the
//! `dns` crate does not allow.

use dns::transfer::{Progress, Transfer};
use dns::tsig::Key;
use dns::{Edit, Name, Prerequisite, RRset, Rcode, Rtype};
use peers::Peer;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use steadfast_sim::server::Records;

pub(crate) struct Talk {
    address: SocketAddr,
    key: Key,
    apex: Name,
}

impl Talk {
    pub(crate) fn new(peer: &Peer, zone: &str) -> Talk {
        Talk {
            address: peer.addr(),
            key: key(peer.key_file()),
            apex: Name::absolute(zone).unwrap(),
        }
    }

    pub(crate) fn with_key(&self, file: &std::path::Path) -> Talk {
        Talk {
            address: self.address,
            key: key(file),
            apex: self.apex.clone(),
        }
    }

    pub(crate) fn apex(&self) -> &Name {
        &self.apex
    }

    pub(crate) fn update(&self, require: &[Prerequisite], edits: &[Edit]) -> Rcode {
        self.update_at(require, edits, 0, 300)
    }

    /// Signed that many seconds from now, with that fudge.
    pub(crate) fn update_at(
        &self,
        require: &[Prerequisite],
        edits: &[Edit],
        ahead: i64,
        fudge: u16,
    ) -> Rcode {
        let message = compose(&self.apex, require, edits);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let signed = self
            .key
            .sign(&message, now.saturating_add_signed(ahead), fudge);
        let mut stream = self.connect();
        send(&mut stream, &signed.octets);
        let reply = receive(&mut stream);
        Rcode(u16::from(reply[3] & 15))
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// What the server has, without what servers make.
    pub(crate) fn records(&self) -> Records {
        let mut query = vec![0x5e, 0xed, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend(self.apex.to_wire());
        query.extend([0, 252, 0, 1]);
        let mut stream = self.connect();
        send(&mut stream, &query);
        let mut transfer = Transfer::new(0x5eed, self.apex.clone());
        while transfer.feed(&receive(&mut stream)).unwrap() == Progress::More {}
        let zone = transfer.finish().unwrap().zone;
        let ours = zone.iter().filter(|set| !set.rtype().is_server_made());
        let mut records: Records = ours
            .map(|r| ((r.name().clone(), r.rtype()), r.clone()))
            .collect();
        records.retain(|(_, rtype), _| *rtype != Rtype::RRSIG);
        records
    }
}

fn send(stream: &mut TcpStream, message: &[u8]) {
    let mut octets = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    octets.extend(message);
    stream.write_all(&octets).unwrap();
}

fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).unwrap();
    message
}

fn compose(apex: &Name, require: &[Prerequisite], edits: &[Edit]) -> Vec<u8> {
    let (mut body, mut counts) = (apex.to_wire(), [1u16, 0, 0, 0]);
    body.extend([0, 6, 0, 1]);
    let (any, none) = (Rtype::ANY, 254);
    for one in require {
        let mut put = |name: &Name, rtype: Rtype, class: u16, data: &[u8]| {
            counts[1] += 1;
            record(&mut body, name, rtype, class, 0, data);
        };
        match one {
            Prerequisite::NameInUse(name) => put(name, any, 255, &[]),
            Prerequisite::NameNotInUse(name) => put(name, any, none, &[]),
            Prerequisite::RRsetExists(name, rtype) => put(name, *rtype, 255, &[]),
            Prerequisite::RRsetAbsent(name, rtype) => put(name, *rtype, none, &[]),
            Prerequisite::RRsetEquals(set) => {
                set.data().for_each(|d| put(set.name(), set.rtype(), 1, d))
            }
        }
    }
    for one in edits {
        let mut put = |set: &RRset, class: u16, ttl: u32| {
            for datum in set.data() {
                counts[2] += 1;
                record(&mut body, set.name(), set.rtype(), class, ttl, datum);
            }
        };
        match one {
            Edit::DeleteRecords(set) => put(set, none, 0),
            Edit::AddRRset(set) => put(set, 1, set.ttl()),
            Edit::TryRRset(set) => put(set, 1, set.ttl()),
            Edit::DeleteRRset(..) | Edit::DeleteName(_) => {}
        }
        let gone = match one {
            Edit::DeleteRRset(name, rtype) => Some((name, *rtype)),
            Edit::DeleteName(name) => Some((name, any)),
            Edit::TryRRset(set) => Some((set.name(), set.rtype())),
            _ => None,
        };
        if let Some((name, rtype)) = gone {
            counts[2] += 1;
            record(&mut body, name, rtype, 255, 0, &[]);
        }
    }
    let mut message = vec![0x5e, 0xee, 5 << 3, 0];
    counts.iter().for_each(|n| message.extend(n.to_be_bytes()));
    message.extend(body);
    message
}

fn record(out: &mut Vec<u8>, name: &Name, rtype: Rtype, class: u16, ttl: u32, data: &[u8]) {
    out.extend(name.to_wire());
    out.extend(rtype.0.to_be_bytes());
    out.extend(class.to_be_bytes());
    out.extend(ttl.to_be_bytes());
    out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    out.extend(data);
}

/// Reads a key file as `tsig-keygen` writes it.
fn key(file: &std::path::Path) -> Key {
    let text = std::fs::read_to_string(file).unwrap();
    let fields: Vec<&str> = text.split('"').collect();
    let algorithm = text.split("algorithm ").nth(1).unwrap();
    let algorithm = algorithm.split(';').next().unwrap().parse().unwrap();
    Key::from_base64(Name::absolute(fields[1]).unwrap(), algorithm, fields[3]).unwrap()
}
