//! A last known good answer as octets for the disk: versioned, so that another version's are not
//! misread. Checksums and files are the shell's.

use crate::answer::Answer;
use crate::body::Body;
use crate::class::Facts;
use crate::key::Key;
use dns::message::Record;
use dns::{Name, Rcode, Rtype};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The version that is written.
const VERSION: u8 = 1;

/// A last known good answer, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The question.
    pub key: Key,
    /// The view it belongs to.
    pub view: String,
    /// Who gave it.
    pub by: SocketAddr,
    /// When it was last confirmed, in unix seconds.
    pub confirmed: u64,
    /// What it leads to.
    pub facts: Facts,
    /// The answer.
    pub answer: Arc<Answer>,
}

/// Why octets are no kept answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptError {
    /// Another version wrote them.
    Version(u8),
    /// They end too early, go on too long, or say what cannot be.
    Broken(&'static str),
}

impl std::fmt::Display for KeptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeptError::Version(version) => write!(
                f,
                "format {version}, this program knows {VERSION}: it is from another version"
            ),
            KeptError::Broken(what) => write!(f, "broken: {what}"),
        }
    }
}

impl std::error::Error for KeptError {}

impl Kept {
    /// The octets.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put(&mut out, &encode_key(&self.key));
        put(&mut out, self.view.as_bytes());
        put(&mut out, self.by.to_string().as_bytes());
        out.extend_from_slice(&self.confirmed.to_be_bytes());
        put(&mut out, self.facts.target.key());
        out.extend_from_slice(&(self.facts.addresses.len() as u16).to_be_bytes());
        for address in &self.facts.addresses {
            put(&mut out, address.to_string().as_bytes());
        }
        let answer = &self.answer;
        out.extend_from_slice(&answer.rcode.0.to_be_bytes());
        out.push(u8::from(answer.authentic));
        out.extend_from_slice(&answer.ttl.to_be_bytes());
        out.extend_from_slice(&answer.signed_until.unwrap_or(0).to_be_bytes());
        put_body(&mut out, &answer.full);
        out.push(u8::from(answer.plain.is_some()));
        if let Some(plain) = &answer.plain {
            put_body(&mut out, plain);
        }
        out
    }

    /// Reads what [`Kept::encode`] wrote.
    ///
    /// # Errors
    /// Another version's octets, or broken ones.
    pub fn decode(octets: &[u8]) -> Result<Kept, KeptError> {
        let mut take = Take(octets);
        match take.array::<1>("version")? {
            [VERSION] => {}
            [other] => return Err(KeptError::Version(other)),
        }
        let key = decode_key(take.bytes("question")?)?;
        let view = text(take.bytes("view")?)?.to_owned();
        let by = parse(take.bytes("source")?)?;
        let confirmed = u64::from_be_bytes(take.array("time")?);
        let target = name(take.bytes("target")?)?;
        let mut addresses = BTreeSet::new();
        for _ in 0..u16::from_be_bytes(take.array("addresses")?) {
            addresses.insert(parse::<IpAddr>(take.bytes("address")?)?);
        }
        let rcode = Rcode(u16::from_be_bytes(take.array("result")?));
        let [authentic] = take.array("flags")?;
        let ttl = u32::from_be_bytes(take.array("ttl")?);
        let signed_until = u32::from_be_bytes(take.array("signatures")?);
        let full = take.body(&key)?;
        let plain = match take.array("plain")? {
            [0] => None,
            _ => Some(take.body(&key)?),
        };
        if !take.0.is_empty() {
            return Err(KeptError::Broken("more octets than there should be"));
        }
        Ok(Kept {
            key,
            view,
            by,
            confirmed,
            facts: Facts { target, addresses },
            answer: Arc::new(Answer {
                rcode,
                authentic: authentic != 0,
                ttl,
                signed_until: Some(signed_until).filter(|until| *until > 0),
                full,
                plain,
            }),
        })
    }
}

/// A question as octets: what entries on disk are replaced and forgotten by.
pub(crate) fn encode_key(key: &Key) -> Vec<u8> {
    let mut out = vec![u8::from(key.checking_disabled)];
    out.extend_from_slice(&key.rtype.0.to_be_bytes());
    out.extend_from_slice(key.name.key());
    out
}

fn decode_key(octets: &[u8]) -> Result<Key, KeptError> {
    let mut take = Take(octets);
    let [cd] = take.array("question")?;
    let rtype = Rtype(u16::from_be_bytes(take.array("question")?));
    Ok(Key {
        name: name(take.0)?,
        rtype,
        checking_disabled: cd != 0,
    })
}

fn put(out: &mut Vec<u8>, octets: &[u8]) {
    out.extend_from_slice(&(octets.len() as u32).to_be_bytes());
    out.extend_from_slice(octets);
}

fn put_body(out: &mut Vec<u8>, body: &Body) {
    put(out, body.octets());
    for count in body.counts() {
        out.extend_from_slice(&count.to_be_bytes());
    }
}

fn name(key: &[u8]) -> Result<Name, KeptError> {
    Name::from_key(key).map_err(|_| KeptError::Broken("a name that is none"))
}

fn text(octets: &[u8]) -> Result<&str, KeptError> {
    std::str::from_utf8(octets).map_err(|_| KeptError::Broken("text that is none"))
}

fn parse<T: std::str::FromStr>(octets: &[u8]) -> Result<T, KeptError> {
    let parsed = text(octets)?.parse();
    parsed.map_err(|_| KeptError::Broken("an address that is none"))
}

/// What is still to be read.
struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], KeptError> {
        let (head, tail) = self.0.split_first_chunk().ok_or(KeptError::Broken(what))?;
        self.0 = tail;
        Ok(*head)
    }

    fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], KeptError> {
        let len = u32::from_be_bytes(self.array(what)?) as usize;
        let (head, tail) = self
            .0
            .split_at_checked(len)
            .ok_or(KeptError::Broken(what))?;
        self.0 = tail;
        Ok(head)
    }

    /// A body is read as the message that it is a part of, and written anew: clients get it as it
    /// is.
    fn body(&mut self, key: &Key) -> Result<Body, KeptError> {
        let octets = self.bytes("records")?;
        let mut message = vec![0, 0, 0x80, 0, 0, 1];
        message.extend_from_slice(&self.array::<4>("records")?);
        message.extend_from_slice(&[0, 0]);
        key.name.write_wire(&mut message);
        message.extend_from_slice(&key.rtype.0.to_be_bytes());
        message.extend_from_slice(&[0, 1]);
        message.extend_from_slice(octets);
        let broken = KeptError::Broken("records that are none");
        let message = dns::Message::parse(&message).map_err(|_| broken)?;
        let answer: Vec<&Record> = message.answer.iter().collect();
        let authority: Vec<&Record> = message.authority.iter().collect();
        Body::write(&key.name, &answer, &authority).ok_or(broken)
    }
}
