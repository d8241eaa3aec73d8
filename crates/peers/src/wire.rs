//! Questions and answers, by hand: a second opinion that shares no code with the `dns` crate.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// How long [`ask`] waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Record types by name, as far as the tests ask for them (IANA's "Resource Record TYPEs").
const TYPES: [(&str, u16); 21] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("DNAME", 39),
    ("OPT", 41),
    ("DS", 43),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("NSEC3", 50),
    ("NSEC3PARAM", 51),
    ("CDS", 59),
    ("CDNSKEY", 60),
    ("ANY", 255),
    ("CAA", 257),
];

/// A record of an answer section.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Owner, in lower case, without the last dot.
    pub name: String,
    /// Type, such as `A` or `TYPE65534`.
    pub rtype: String,
    /// Time to live in seconds.
    pub ttl: u32,
    /// The data as text: addresses, names and TXT strings as people write them (strings without
    /// quotes, joined by spaces), SOA as names and numbers, everything else in hexadecimal.
    pub data: String,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 0 is NOERROR, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED.
    pub rcode: u8,
    /// The AA bit: the server speaks for the zone.
    pub authoritative: bool,
    /// The TC bit: the answer did not fit and what is here is a part.
    pub truncated: bool,
    /// The answer section.
    pub records: Vec<Record>,
}

impl Answer {
    /// The data of the answer section's records of one type, sorted.
    pub fn data(&self, rtype: &str) -> Vec<&str> {
        let mut data: Vec<&str> = self
            .of_type(rtype)
            .map(|record| record.data.as_str())
            .collect();
        data.sort_unstable();
        data
    }

    /// The serial of the SOA in the answer section.
    pub fn serial(&self) -> Option<u32> {
        self.of_type("SOA")
            .next()?
            .data
            .split(' ')
            .nth(2)?
            .parse()
            .ok()
    }

    /// Whether a client that asked this gets something: the CNAMEs of the answer section, followed
    /// from the name, end in a record of the type. A chain that leaves the server's zones has no
    /// such end and counts as nothing.
    pub fn serves(&self, name: &str, rtype: &str) -> bool {
        let mut name = plain(name);
        for _ in 0..=self.records.len() {
            if self.of_type(rtype).any(|record| record.name == name) {
                return true;
            }
            match self.of_type("CNAME").find(|record| record.name == name) {
                Some(alias) => name = plain(&alias.data),
                None => return false,
            }
        }
        false
    }

    fn of_type<'a>(&'a self, rtype: &str) -> impl Iterator<Item = &'a Record> + use<'a> {
        let rtype = rtype.to_owned();
        self.records
            .iter()
            .filter(move |record| record.rtype == rtype)
    }
}

/// Asks one question over UDP, and over TCP when the answer was truncated.
///
/// # Panics
/// When no answer comes within two seconds, or one that cannot be read.
#[track_caller]
pub fn ask(server: SocketAddr, name: &str, rtype: &str) -> Answer {
    ask_or_panic(server, name, rtype, false)
}

/// As [`ask`], with the DO bit, which makes servers of signed zones add RRSIGs.
#[track_caller]
pub fn ask_signed(server: SocketAddr, name: &str, rtype: &str) -> Answer {
    ask_or_panic(server, name, rtype, true)
}

#[track_caller]
fn ask_or_panic(server: SocketAddr, name: &str, rtype: &str, signed: bool) -> Answer {
    match exchange(server, &question(name, rtype, 0x5eed, signed), PATIENCE) {
        Ok(answer) => answer,
        Err(error) => panic!("{server} gave no answer for {name} {rtype}: {error}"),
    }
}

/// As [`ask`], for servers that may not answer.
///
/// # Errors
/// No answer in time, a refused connection, or an answer that cannot be read.
pub fn try_ask(
    server: SocketAddr,
    name: &str,
    rtype: &str,
    patience: Duration,
) -> io::Result<Answer> {
    exchange(server, &question(name, rtype, 0x5eed, false), patience)
}

/// As [`try_ask`], with the RD bit, as clients of a resolver ask.
///
/// # Errors
/// As [`try_ask`].
pub fn try_ask_recursive(
    server: SocketAddr,
    name: &str,
    rtype: &str,
    patience: Duration,
) -> io::Result<Answer> {
    let mut question = question(name, rtype, 0x5eed, false);
    if let Some(flags) = question.get_mut(2) {
        *flags |= 1;
    }
    exchange(server, &question, patience)
}

/// As [`try_ask`], with the DO bit when `signed`.
pub(crate) fn try_ask_do(
    server: SocketAddr,
    name: &str,
    rtype: &str,
    signed: bool,
) -> io::Result<Answer> {
    exchange(
        server,
        &question(name, rtype, 0x5eed, signed),
        Duration::from_millis(500),
    )
}

/// Sends the question until an answer comes: a server that was stopped may have lost the first.
fn exchange(server: SocketAddr, question: &[u8], patience: Duration) -> io::Result<Answer> {
    let socket = UdpSocket::bind((server.ip(), 0))?;
    socket.connect(server)?;
    let deadline = Instant::now() + patience;
    let mut buffer = [0; 4096];
    loop {
        socket.send(question)?;
        let resend = deadline.min(Instant::now() + Duration::from_millis(250));
        while let Some(left) = resend
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
        {
            socket.set_read_timeout(Some(left))?;
            let length = match socket.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) if is_timeout(&error) => break,
                Err(error) => return Err(error),
            };
            let bytes = buffer.get(..length).unwrap_or_default();
            if is_answer_to(bytes, question) {
                let answer = parse(bytes).ok_or_else(unreadable)?;
                return if answer.truncated {
                    over_tcp(server, question, patience)
                } else {
                    Ok(answer)
                };
            }
        }
        if Instant::now() >= deadline {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("nothing within {patience:?}"),
            ));
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

fn over_tcp(server: SocketAddr, question: &[u8], patience: Duration) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&server, patience)?;
    stream.set_read_timeout(Some(patience))?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut bytes)?;
    if !is_answer_to(&bytes, question) {
        return Err(unreadable());
    }
    parse(&bytes).ok_or_else(unreadable)
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the answer cannot be read")
}

/// A query of RFC 1035 section 4.1 with an EDNS record (RFC 6891) that takes 4096 bytes.
///
/// # Panics
/// On a name that is none, or a type that the table of this file lacks.
#[track_caller]
pub(crate) fn question(name: &str, rtype: &str, id: u16, signed: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend(id.to_be_bytes());
    // Flags: a plain query, no recursion. One question, one additional record.
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
    for label in plain(name).split('.').filter(|label| !label.is_empty()) {
        let length = u8::try_from(label.len()).ok().filter(|length| *length < 64);
        bytes.push(length.unwrap_or_else(|| panic!("{name}: a label has more than 63 bytes")));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(type_number(rtype).to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend([
        0,
        0,
        41,
        0x10,
        0,
        0,
        0,
        if signed { 0x80 } else { 0 },
        0,
        0,
        0,
    ]);
    bytes
}

/// Whether these bytes answer that question: same id, QR set, same name, type and class. Names are
/// compared without case.
pub(crate) fn is_answer_to(bytes: &[u8], question: &[u8]) -> bool {
    // The question without its EDNS record, which has 11 bytes.
    let asked = question
        .get(12..question.len().saturating_sub(11))
        .unwrap_or_default();
    let echoed = bytes.get(12..12 + asked.len()).unwrap_or_default();
    bytes.get(..2) == question.get(..2)
        && bytes.get(2).is_some_and(|flags| flags & 0x80 != 0)
        && bytes.get(4..6) == Some(&[0, 1])
        && asked.eq_ignore_ascii_case(echoed)
}

/// Where the first question ends.
pub(crate) fn question_end(bytes: &[u8]) -> Option<usize> {
    Some(read_name(bytes, 12)?.1 + 4).filter(|end| *end <= bytes.len())
}

/// Reads header, question and answer section.
pub(crate) fn parse(bytes: &[u8]) -> Option<Answer> {
    let flags = read_u16(bytes, 2)?;
    let mut at = 12;
    for _ in 0..read_u16(bytes, 4)? {
        at = read_name(bytes, at)?.1 + 4;
    }
    let mut records = Vec::new();
    for _ in 0..read_u16(bytes, 6)? {
        let (name, fixed) = read_name(bytes, at)?;
        let rtype = read_u16(bytes, fixed)?;
        let ttl =
            u32::from(read_u16(bytes, fixed + 4)?) << 16 | u32::from(read_u16(bytes, fixed + 6)?);
        let data_at = fixed + 10;
        at = data_at + usize::from(read_u16(bytes, fixed + 8)?);
        let data = data_text(bytes, rtype, data_at, at)?;
        records.push(Record {
            name,
            rtype: type_name(rtype),
            ttl,
            data,
        });
    }
    Some(Answer {
        rcode: bytes.get(3)? & 15,
        authoritative: flags & 0x0400 != 0,
        truncated: flags & 0x0200 != 0,
        records,
    })
}

fn data_text(bytes: &[u8], rtype: u16, from: usize, to: usize) -> Option<String> {
    let data = bytes.get(from..to)?;
    Some(match rtype {
        1 => std::net::Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).to_string(),
        28 => std::net::Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).to_string(),
        2 | 5 | 12 | 39 => read_name(bytes, from)?.0,
        6 => {
            let (primary, at) = read_name(bytes, from)?;
            let (mailbox, at) = read_name(bytes, at)?;
            let number = |place| {
                Some(u32::from_be_bytes(bytes.get(place..place + 4)?.try_into().ok()?).to_string())
            };
            let numbers: Option<Vec<String>> = (0..5).map(|index| number(at + 4 * index)).collect();
            format!("{primary} {mailbox} {}", numbers?.join(" "))
        }
        16 => {
            let mut strings = Vec::new();
            let mut rest = data;
            while let Some((length, tail)) = rest.split_first() {
                let (string, tail) = tail.split_at_checked(usize::from(*length))?;
                strings.push(String::from_utf8_lossy(string).into_owned());
                rest = tail;
            }
            strings.join(" ")
        }
        _ => data.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

/// A name, and where it ends. Compression pointers may only point back (RFC 1035 section 4.1.4).
fn read_name(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let (mut at, mut end) = (start, None);
    loop {
        let length = usize::from(*bytes.get(at)?);
        match length {
            0 => return Some((labels.join("."), end.unwrap_or(at + 1))),
            1..64 => {
                let label = bytes.get(at + 1..at + 1 + length)?;
                labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
                at += 1 + length;
            }
            192.. => {
                let target = usize::from(read_u16(bytes, at)? & 0x3fff);
                end = end.or(Some(at + 2));
                if target >= at {
                    return None;
                }
                at = target;
            }
            _ => return None,
        }
    }
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// Lower case, without the last dot.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[track_caller]
fn type_number(name: &str) -> u16 {
    let known = TYPES
        .iter()
        .find(|known| known.0 == name)
        .map(|known| known.1);
    let number = known.or_else(|| name.strip_prefix("TYPE")?.parse().ok());
    number.unwrap_or_else(|| panic!("{name:?} is no record type that the tests know"))
}

fn type_name(number: u16) -> String {
    let known = TYPES.iter().find(|known| known.1 == number);
    known.map_or_else(|| format!("TYPE{number}"), |known| known.0.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// An answer to `www.a. A`: www.a. CNAME b.a., b.a. A 192.0.2.1, with compressed names.
    fn sample() -> Vec<u8> {
        let mut bytes = question("WWW.a.", "A", 7, false);
        bytes.truncate(bytes.len() - 11);
        bytes[2] = 0x84;
        bytes[7] = 2;
        bytes[11] = 0;
        bytes.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, b'b', 0xc0, 16]);
        bytes.extend([
            1, b'B', 0xc0, 16, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, 1,
        ]);
        bytes
    }

    #[test]
    fn reads_compressed_names_and_follows_aliases() {
        let answer = parse(&sample()).unwrap();
        assert!(answer.authoritative && !answer.truncated);
        assert_eq!(answer.data("CNAME"), ["b.a"]);
        assert_eq!(answer.data("A"), ["192.0.2.1"]);
        assert_eq!(answer.records[1].ttl, 256);
        assert!(answer.serves("www.a", "A"));
        assert!(!answer.serves("www.a", "AAAA"));
        assert!(!answer.serves("other.a", "A"));
    }

    #[test]
    fn tells_an_answer_from_another_questions() {
        let asked = question("www.a", "A", 7, true);
        assert!(is_answer_to(&sample(), &asked));
        for other in [
            question("www.a", "A", 8, true),
            question("www.a", "AAAA", 7, true),
            question("wwx.a", "A", 7, true),
        ] {
            assert!(!is_answer_to(&sample(), &other));
        }
        assert!(!is_answer_to(&asked, &asked), "a question answers nothing");
    }

    #[test]
    fn no_prefix_of_an_answer_is_an_answer() {
        let whole = sample();
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn pointers_forward_are_refused() {
        let mut bytes = sample();
        let pointer = 12 + 7 + 4;
        bytes[pointer + 1] = u8::try_from(pointer).unwrap();
        assert_eq!(parse(&bytes), None);
    }
}
