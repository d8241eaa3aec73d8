//! `steadfast resolver check`: grades resolvers that people already have.

use super::args::CheckArgs;
use crate::commands::out;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use dns::{Message, Name, Query, Rcode, Rtype};
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// Questions for the latency.
const ROUNDS: usize = 5;

/// One finding: what was looked at, whether it is as it should be, and what was seen.
struct Finding {
    what: &'static str,
    good: Option<bool>,
    seen: String,
}

/// Asks each resolver, and prints what it is worth. Exit 4 if one of them is not to be trusted.
pub(super) fn run(args: &CheckArgs, style: Style) -> Outcome {
    let name = Name::absolute(&args.name).map_err(|error| {
        let message = format!("{:?} is no name: {error}", args.name);
        Fail::new(Exit::Usage, "name", message, "write it as www.example.com")
    })?;
    let broken = Name::absolute(&args.broken).map_err(|error| {
        let message = format!("{:?} is no name: {error}", args.broken);
        Fail::new(
            Exit::Usage,
            "name",
            message,
            "write it as dnssec-failed.org",
        )
    })?;
    let mut all = Vec::new();
    for addr in &args.addresses {
        all.push((*addr, examine(*addr, (&name, &broken), args.patience)));
    }
    let answers: Vec<Vec<IpAddr>> = args
        .addresses
        .iter()
        .map(|addr| addresses_of(*addr, &name, args.patience))
        .collect();
    if let [first, others @ ..] = answers.as_slice() {
        let same = others
            .iter()
            .all(|other| networks(other) == networks(first));
        for ((_, findings), own) in all
            .iter_mut()
            .zip(&answers)
            .skip(usize::from(others.is_empty()))
        {
            findings.push(Finding {
                what: "agreement",
                good: same.then_some(true),
                seen: if same {
                    "the others say the same".into()
                } else {
                    format!("{own:?}; others differ")
                },
            });
        }
    }
    let bad = all
        .iter()
        .any(|(_, findings)| findings.iter().any(|f| f.good == Some(false)));
    match style.json {
        true => out::json(&Value::Array(
            all.iter().map(|(addr, f)| as_json(*addr, f)).collect(),
        )),
        false => all
            .iter()
            .for_each(|(addr, findings)| show(*addr, findings)),
    }
    Ok(if bad { Exit::Refused } else { Exit::Done })
}

fn show(addr: SocketAddr, findings: &[Finding]) {
    let bad = findings.iter().filter(|f| f.good == Some(false)).count();
    let grade = match bad {
        0 => "good".to_owned(),
        n => format!("{n} faults"),
    };
    out::text(&format!("{addr}: {grade}\n"));
    for finding in findings {
        let mark = match finding.good {
            Some(true) => "+",
            Some(false) => "-",
            None => "~",
        };
        out::text(&format!("  {mark} {:<10} {}\n", finding.what, finding.seen));
    }
}

fn as_json(addr: SocketAddr, findings: &[Finding]) -> Value {
    let one = |f: &Finding| json!({ "what": f.what, "good": f.good, "seen": f.seen });
    json!({ "resolver": addr.to_string(), "findings": findings.iter().map(one).collect::<Vec<_>>() })
}

/// Everything that one resolver alone shows.
fn examine(addr: SocketAddr, (name, broken): (&Name, &Name), patience: Duration) -> Vec<Finding> {
    let mut findings = vec![latency(addr, name, patience)];
    if findings.iter().any(|f| f.good == Some(false)) {
        return findings;
    }
    findings.push(made_up(addr, patience));
    findings.push(nodata(addr, name, patience));
    findings.push(edns(addr, name, patience));
    findings.push(over_tcp(addr, name, patience));
    findings.push(validates(addr, name, broken, patience));
    findings
}

fn latency(addr: SocketAddr, name: &Name, patience: Duration) -> Finding {
    let mut times = Vec::new();
    let mut last = String::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        match ask(addr, name, Rtype::A, false, patience) {
            Ok(answer) if answer.rcode == Rcode::NOERROR && !answer.answer.is_empty() => {
                times.push(began.elapsed());
            }
            Ok(answer) => {
                last = format!(
                    "{name} A: {}, {} records",
                    answer.rcode,
                    answer.answer.len()
                )
            }
            Err(error) => last = error.to_string(),
        }
    }
    times.sort();
    match times.get(times.len() / 2) {
        Some(median) if times.len() == ROUNDS => Finding {
            what: "latency",
            good: Some(true),
            seen: format!("{:.1} ms median of {ROUNDS}", median.as_secs_f64() * 1e3),
        },
        Some(_) => Finding {
            what: "latency",
            good: None,
            seen: format!("{} of {ROUNDS} answered; {last}", times.len()),
        },
        None => Finding {
            what: "latency",
            good: Some(false),
            seen: format!("no answer for {name}: {last}"),
        },
    }
}

/// A name that cannot exist must not (RFC 6761 §6.4).
fn made_up(addr: SocketAddr, patience: Duration) -> Finding {
    let random = getrandom::u64().unwrap_or_default();
    let asked = Name::absolute(&format!("steadfast-{random:016x}.invalid"))
        .map_err(|e| io::Error::other(e.to_string()))
        .and_then(|name| ask(addr, &name, Rtype::A, false, patience));
    let (good, seen) = match asked {
        Ok(answer) if !answer.answer.is_empty() => {
            (Some(false), "answers for names that cannot exist".into())
        }
        Ok(answer) if answer.rcode == Rcode::NXDOMAIN => {
            (Some(true), "NXDOMAIN where it belongs".into())
        }
        Ok(answer) => (None, format!("{} where NXDOMAIN belongs", answer.rcode)),
        Err(error) => (None, error.to_string()),
    };
    Finding {
        what: "invention",
        good,
        seen,
    }
}

/// An answer without records says for how long by its SOA (RFC 2308 §2.2), or is asked for again
/// and again.
fn nodata(addr: SocketAddr, name: &Name, patience: Duration) -> Finding {
    // Nobody publishes records of this type (it is reserved for private use).
    let (good, seen) = match ask(addr, name, Rtype(65_280), false, patience) {
        Ok(answer) if answer.rcode != Rcode::NOERROR => (
            None,
            format!("{} for a type that is not there", answer.rcode),
        ),
        Ok(answer) if answer.authority.iter().any(|r| r.rtype == Rtype::SOA) => (
            Some(true),
            "NODATA with the SOA that says for how long".into(),
        ),
        Ok(_) => (
            Some(false),
            "NODATA without SOA: it cannot be cached, and hides faults".into(),
        ),
        Err(error) => (None, error.to_string()),
    };
    Finding {
        what: "NODATA",
        good,
        seen,
    }
}

fn edns(addr: SocketAddr, name: &Name, patience: Duration) -> Finding {
    let (good, seen) = match ask(addr, name, Rtype::A, true, patience).map(|a| a.edns) {
        Ok(Some(edns)) if edns.udp_size > 1452 => (
            None,
            format!(
                "EDNS, {} octets: fragments can be forged; 1232 is advised",
                edns.udp_size
            ),
        ),
        Ok(Some(edns)) => (Some(true), format!("EDNS, {} octets", edns.udp_size)),
        Ok(None) => (
            Some(false),
            "no EDNS: no reasons, no signatures, 512 octets".into(),
        ),
        Err(error) => (Some(false), error.to_string()),
    };
    Finding {
        what: "EDNS",
        good,
        seen,
    }
}

fn over_tcp(addr: SocketAddr, name: &Name, patience: Duration) -> Finding {
    let query = question(name, Rtype::A, false);
    let answer = stream(addr, &query.to_wire(), patience);
    let (good, seen) = match answer.map(|octets| Message::parse(&octets)) {
        Ok(Ok(message)) if query.matches(&message).is_ok() => {
            (Some(true), "answers over TCP".into())
        }
        Ok(_) => (Some(false), "what comes over TCP is no answer".into()),
        Err(error) => (Some(false), format!("no TCP: {error}")),
    };
    Finding {
        what: "TCP",
        good,
        seen,
    }
}

/// Whether AD means anything: it is set where signatures hold, and a zone that is broken on purpose
/// fails.
fn validates(addr: SocketAddr, name: &Name, broken: &Name, patience: Duration) -> Finding {
    let answer = ask(addr, broken, Rtype::A, true, patience);
    let ad = ask(addr, name, Rtype::A, true, patience).is_ok_and(|answer| answer.flags.authentic);
    let has = |answer: &Message| answer.rcode == Rcode::NOERROR && !answer.answer.is_empty();
    let (good, seen) = match answer {
        // SERVFAIL alone may be any failure: what is rightly signed has to be answered, with AD.
        Ok(answer) if answer.rcode == Rcode::SERVFAIL && ad => (
            Some(true),
            "a broken signature is SERVFAIL, a good one AD: it validates".into(),
        ),
        Ok(answer) if answer.rcode == Rcode::SERVFAIL => (
            None,
            format!(
                "not judged: {broken} fails, but {name} has no AD; it may be unsigned, or nothing is resolved"
            ),
        ),
        Ok(answer) if has(&answer) && ad => (
            Some(false),
            "says AD, and answers where signatures are broken: AD means nothing".into(),
        ),
        Ok(answer) if has(&answer) => (None, "does not validate".into()),
        Ok(answer) => (
            None,
            format!(
                "not judged: {} for {broken}, which has to be reachable",
                answer.rcode
            ),
        ),
        Err(error) => (None, format!("not judged: {broken}: {error}")),
    };
    Finding {
        what: "AD",
        good,
        seen,
    }
}

fn question(name: &Name, rtype: Rtype, dnssec_ok: bool) -> Query {
    let id = getrandom::u32().unwrap_or_default() as u16;
    Query {
        recursion_desired: true,
        dnssec_ok,
        ..Query::new(id, name.clone(), rtype)
    }
}

fn ask(
    addr: SocketAddr,
    name: &Name,
    rtype: Rtype,
    dnssec_ok: bool,
    patience: Duration,
) -> io::Result<Message> {
    let query = question(name, rtype, dnssec_ok);
    let any: IpAddr = match addr {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(addr)?;
    socket.send(&query.to_wire())?;
    let deadline = Instant::now() + patience;
    let mut octets = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"));
        }
        socket.set_read_timeout(Some(left))?;
        let len = match socket.recv(&mut octets) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        match Message::parse(octets.get(..len).unwrap_or_default()) {
            Ok(message) if query.matches(&message).is_ok() => return Ok(message),
            // Something else than the answer: it may still come.
            _ => {}
        }
    }
}

fn stream(addr: SocketAddr, octets: &[u8], patience: Duration) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&addr, patience)?;
    stream.set_read_timeout(Some(patience))?;
    let len = u16::try_from(octets.len()).map_err(io::Error::other)?;
    stream.write_all(&[&len.to_be_bytes(), octets].concat())?;
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn addresses_of(addr: SocketAddr, name: &Name, patience: Duration) -> Vec<IpAddr> {
    let Ok(answer) = ask(addr, name, Rtype::A, false, patience) else {
        return Vec::new();
    };
    let of_a = answer.answer.iter().filter(|r| r.rtype == Rtype::A);
    let mut all: Vec<IpAddr> = of_a
        .filter_map(|r| r.data.first_chunk::<4>())
        .map(|d| IpAddr::from(*d))
        .collect();
    all.sort();
    all
}

/// Answers differ by place and rotation: networks are compared, not addresses.
fn networks(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let facts = resolver::Facts {
        target: Name::root(),
        addresses: addresses.iter().copied().collect(),
    };
    facts.networks().into_iter().collect()
}
