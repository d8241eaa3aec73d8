//! One exchange over HTTP/1.1 (RFC 9112), TLS or not, with bounds on time and size. Blocking: checks
//! and notifications are a few, each on a thread of its own.

use crate::limit::{Limit, Timed};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

/// Who asks.
pub(crate) const AGENT: &str = concat!("steadfast/", env!("CARGO_PKG_VERSION"));

/// The most that is read of an answer, in octets.
const MOST: usize = 1 << 20;
/// The most header fields of an answer.
const FIELDS: usize = 100;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// How much of an answer is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    /// All of it, up to [`MOST`].
    Whole,
    /// The status; of the body what comes at once.
    Status,
}

/// Asks once with GET.
pub(crate) fn get(
    address: SocketAddr,
    path: &str,
    host: &str,
    limit: Limit,
) -> Result<Answer, String> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    exchange(address, request.as_bytes(), None, Wanted::Whole, limit)
}

/// Sends a request, and reads until the server closes or there is as much as is wanted. With `tls`,
/// inside of that, for that name.
pub(crate) fn exchange(
    address: SocketAddr,
    request: &[u8],
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    wanted: Wanted,
    limit: Limit,
) -> Result<Answer, String> {
    let left = limit.left().ok_or_else(|| limit.passed())?;
    let said = |e: std::io::Error| said(address, limit, &e);
    let stream = TcpStream::connect_timeout(&address, left).map_err(said)?;
    let mut stream = Timed { stream, limit };
    match tls {
        None => talk(&mut stream, request, wanted).map_err(said)?,
        Some((config, name)) => {
            let session = ClientConnection::new(config, name);
            let session = session.map_err(|e| format!("{address}: {e}"))?;
            let mut stream = StreamOwned::new(session, stream);
            talk(&mut stream, request, wanted).map_err(said)?
        }
    }
}

fn said(address: SocketAddr, limit: Limit, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => limit.passed(),
        _ => format!("{address}: {error}"),
    }
}

/// The outer error is the connection's, the inner one the answer's.
fn talk(
    stream: &mut (impl Read + Write),
    request: &[u8],
    wanted: Wanted,
) -> std::io::Result<Result<Answer, String>> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut octets = Vec::new();
    let mut piece = [0; 8192];
    loop {
        let found = match wanted {
            Wanted::Whole => whole(&octets, false),
            Wanted::Status => head(&octets),
        };
        match found {
            Ok(Some(answer)) => return Ok(Ok(answer)),
            Ok(None) => {}
            Err(why) => return Ok(Err(why)),
        }
        if octets.len() > MOST {
            return Ok(Err(format!("more than {} KiB of answer", MOST >> 10)));
        }
        let n = match stream.read(&mut piece) {
            // TLS without its own goodbye: what came counts, if it is whole.
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => 0,
            read => read?,
        };
        match piece.get(..n) {
            Some(piece) if n > 0 => octets.extend_from_slice(piece),
            _ => {
                let answer = whole(&octets, true).map(|a| a.ok_or("the answer is cut off".into()));
                return Ok(answer.and_then(|a| a));
            }
        }
    }
}

/// The status, as soon as the head is whole, with as much of the body as came with it.
fn head(octets: &[u8]) -> Result<Option<Answer>, String> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut answer = httparse::Response::new(&mut fields);
    match answer.parse(octets) {
        Ok(httparse::Status::Complete(len)) => Ok(Some(Answer {
            status: answer.code.unwrap_or_default(),
            body: octets.get(len..).unwrap_or_default().to_vec(),
        })),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(error) => Err(format!("the answer is no HTTP: {error}")),
    }
}

/// The answer, if it is whole; `closed`: nothing more comes.
fn whole(octets: &[u8], closed: bool) -> Result<Option<Answer>, String> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut answer = httparse::Response::new(&mut fields);
    let len = match answer.parse(octets) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("the answer is no HTTP: {error}")),
    };
    let status = answer.code.unwrap_or_default();
    let rest = octets.get(len..).unwrap_or_default();
    let field = |name: &str| {
        let found = answer
            .headers
            .iter()
            .find(|f| f.name.eq_ignore_ascii_case(name));
        found
            .and_then(|f| std::str::from_utf8(f.value).ok())
            .map(str::trim)
    };
    let body = if field("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        unchunk(rest)?
    } else if let Some(length) = field("content-length") {
        let length: usize = length
            .parse()
            .map_err(|_| format!("Content-Length {length:?} is no number"))?;
        rest.get(..length).map(<[u8]>::to_vec)
    } else {
        closed.then(|| rest.to_vec())
    };
    Ok(body.map(|body| Answer { status, body }))
}

/// A chunked body (RFC 9112 §7.1); `None`: there is more to come.
fn unchunk(mut rest: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut body = Vec::new();
    loop {
        let (start, len) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("the answer's chunks are malformed".into()),
        };
        if len == 0 {
            return Ok(Some(body));
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let end = start.saturating_add(len);
        let Some(chunk) = rest.get(start..end) else {
            return Ok(None);
        };
        body.extend_from_slice(chunk);
        let Some(next) = rest.get(end + 2..) else {
            return Ok(None);
        };
        rest = next;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn body(octets: &[u8], closed: bool) -> Option<Vec<u8>> {
        whole(octets, closed).unwrap().map(|answer| answer.body)
    }

    #[test]
    fn a_body_is_whole_by_its_length_by_its_chunks_or_by_the_close() {
        let long = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(body(long, false).unwrap(), b"abc");
        assert!(body(&long[..long.len() - 1], false).is_none());
        let chunks =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(body(chunks, false).unwrap(), b"abc");
        for cut in 0..chunks.len() - 4 {
            assert!(body(&chunks[..cut], true).is_none(), "{cut}");
        }
        let open = b"HTTP/1.1 200 OK\r\n\r\nabc";
        assert!(body(open, false).is_none());
        assert_eq!(body(open, true).unwrap(), b"abc");
    }

    #[test]
    fn what_is_no_http_says_so() {
        assert!(whole(b"220 mail ESMTP\r\n", false).is_err());
        let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
        assert!(whole(chunks, false).is_err());
    }
}
