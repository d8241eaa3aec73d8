//! GET, as much of HTTP/1.1 as a probe needs (RFC 9112): one request, the head of one answer.
//!
//! `httparse` reads the head: the parser that hyper has. The rest of a client (bodies, pools,
//! redirects, HTTP/2) would be code that a probe must not run.

use super::find::{Finding, Unasked, pass, wrong};
use dns::Name;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// The longest head, interim answers included, and the most of a body that is read, in octets.
const BOUND: usize = 16 << 10;
/// The most header fields of an answer.
const FIELDS: usize = 100;
/// How long a body is waited for once the head has said all.
const BODY: Duration = Duration::from_millis(100);

/// The request for `path`, in the endpoint's own name.
pub(super) fn request(
    endpoint: &Name,
    port: u16,
    usual: u16,
    path: &str,
) -> Result<Vec<u8>, Unasked> {
    let host = host(endpoint)?;
    if !path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Unasked(format!("{path:?} is no path of a URL")));
    }
    let port = match port == usual {
        true => String::new(),
        false => format!(":{port}"),
    };
    let agent = concat!("steadfast/", env!("CARGO_PKG_VERSION"));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}{port}\r\nUser-Agent: {agent}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    Ok(request.into_bytes())
}

/// A name as URLs and certificates have it.
pub(super) fn host(endpoint: &Name) -> Result<String, Unasked> {
    let text = endpoint.to_string();
    let host = text.strip_suffix('.').unwrap_or(&text);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    match !host.is_empty() && host.bytes().all(plain) {
        true => Ok(host.to_owned()),
        false => Err(Unasked(format!("{host:?} can't be the host of a URL"))),
    }
}

/// Sends the request and judges the answer's head. The caller bounds the time.
pub(super) async fn get(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
) -> Finding {
    if let Err(error) = stream.write_all(request).await {
        return broke(&error, 0);
    }
    let mut head = Vec::with_capacity(1024);
    let finding = loop {
        match judge(&head) {
            Some(finding) => break finding,
            None if head.len() >= BOUND => {
                return wrong(format!("more than {} KiB of header fields", BOUND >> 10));
            }
            None => {}
        }
        let room = BOUND - head.len();
        match (&mut stream).take(room as u64).read_buf(&mut head).await {
            Ok(0) => return broke(&ErrorKind::UnexpectedEof.into(), head.len()),
            Ok(_) => {}
            Err(error) => return broke(&error, head.len()),
        }
    };
    // A server that has sent a short body and finds it unread notes a reset in its log.
    let mut body = Vec::new();
    let _ = timeout(
        BODY,
        (&mut stream).take(BOUND as u64).read_to_end(&mut body),
    )
    .await;
    finding
}

/// What a head says, interim answers (RFC 9110 §15.2) passed over; `None` while it is not whole.
fn judge(mut octets: &[u8]) -> Option<Finding> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        let len = match answer.parse(octets) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) => return None,
            Err(error) => return Some(wrong(format!("the answer is no HTTP: {error}"))),
        };
        let code = answer.code.unwrap_or_default();
        match code {
            100 | 102..200 => octets = octets.get(len..).unwrap_or_default(),
            200..300 => return Some(pass(format!("answers {code}"))),
            300..400 => {
                return Some(wrong(format!("answers {code}: redirects are not followed")));
            }
            _ => return Some(wrong(format!("answers {code}"))),
        }
    }
}

fn broke(error: &std::io::Error, after: usize) -> Finding {
    let how = match error.kind() {
        ErrorKind::UnexpectedEof => "closed".to_owned(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "reset".to_owned(),
        _ => format!("lost ({error})"),
    };
    match after {
        0 => wrong(format!("connection {how} without an answer")),
        _ => wrong(format!(
            "connection {how} in the middle of the answer's head"
        )),
    }
}
