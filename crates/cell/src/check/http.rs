//! One GET over HTTP/1.1 (RFC 9112) with bounds on time and size. Blocking: a check is one of a few,
//! on a thread of its own.

use super::Limit;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// The most that is read of an answer, in octets.
const MOST: usize = 1 << 20;
/// The most header fields of an answer.
const FIELDS: usize = 100;

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Asks once, and reads until the server closes or the body is whole.
pub(super) fn get(
    address: SocketAddr,
    path: &str,
    host: &str,
    limit: Limit,
) -> Result<Answer, String> {
    let said = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => limit.passed(),
        _ => format!("{address}: {e}"),
    };
    let left = || limit.left().ok_or_else(|| limit.passed());
    let mut stream = TcpStream::connect_timeout(&address, left()?).map_err(said)?;
    let agent = concat!("steadfast/", env!("CARGO_PKG_VERSION"));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.set_write_timeout(Some(left()?)).map_err(said)?;
    stream.write_all(request.as_bytes()).map_err(said)?;
    let mut octets = Vec::new();
    let mut piece = [0; 8192];
    loop {
        if let Some(answer) = whole(&octets, false)? {
            return Ok(answer);
        }
        if octets.len() > MOST {
            return Err(format!("more than {} KiB of answer", MOST >> 10));
        }
        stream.set_read_timeout(Some(left()?)).map_err(said)?;
        match stream.read(&mut piece).map_err(said)? {
            0 => return whole(&octets, true)?.ok_or_else(|| "the answer is cut off".to_owned()),
            n => octets.extend_from_slice(&piece[..n]),
        }
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
