//! A DNS question as a probe (RFC 1035, RFC 5452).

use super::find::{Found, Unasked, failed, nothing, pass, wrong};
use dns::{Message, Name, Query, Rcode, Rtype};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// Asks over UDP, twice if need be: one lost datagram is no failure. Resolvers are asked to
/// resolve; authorities don't mind.
pub(super) async fn ask(at: SocketAddr, name: &Name, end: Instant, patience: Duration) -> Found {
    let unasked = |error: std::io::Error| Unasked(error.to_string());
    let (any, rtype): (IpAddr, Rtype) = match at {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED.into(), Rtype::A),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED.into(), Rtype::AAAA),
    };
    let id = getrandom::u32().map_err(|e| Unasked(e.to_string()))? as u16;
    let mut query = Query::new(id, name.clone(), rtype);
    query.recursion_desired = true;
    let socket = UdpSocket::bind((any, 0)).await.map_err(unasked)?;
    socket.connect(at).await.map_err(unasked)?;
    let mut seen = None;
    for turn in [end - patience / 2, end] {
        if let Err(error) = socket.send(&query.to_wire()).await {
            return failed(&error);
        }
        let mut buffer = vec![0; 4096];
        loop {
            let octets = match timeout_at(turn, socket.recv(&mut buffer)).await {
                Ok(Ok(len)) => buffer.get(..len).unwrap_or_default(),
                Ok(Err(error)) => return failed(&error),
                Err(_) => break,
            };
            // Anybody can send from that address: only an answer to this question ends the wait.
            match judge(&query, octets) {
                Ok(finding) => return Ok(finding),
                Err(why) => seen = Some(why),
            }
        }
    }
    Ok(match seen {
        Some(why) => wrong(why),
        None => nothing(format!("no answer in {patience:?}")),
    })
}

fn judge(query: &Query, octets: &[u8]) -> Result<super::Finding, String> {
    let answer = Message::parse(octets).map_err(|e| format!("the answer is no message: {e}"))?;
    query.matches(&answer).map_err(|e| e.to_string())?;
    Ok(match answer.rcode {
        rcode @ (Rcode::SERVFAIL | Rcode::REFUSED) => wrong(format!("answers {rcode}")),
        rcode => pass(format!("answers {rcode}")),
    })
}
