//! One delivery, bounded in time, in what is read, and in what it leaves.

use super::{How, Receiver, Webhook, tls};
use crate::bounded;
use crate::http::{self, AGENT, Wanted};
use crate::limit::Limit;
use rustls::pki_types::ServerName;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use steadfast_core::pager::Message;

/// So much of an answer is shown, in characters.
const SHOWN: usize = 200;
/// So much of a token's file is read, in octets.
const MOST: u64 = 16 << 10;

/// Hands a message to a receiver, once. Returns what it says to it.
///
/// # Errors
/// Why it was not taken.
pub fn deliver(receiver: &Receiver, message: &Message) -> Result<String, String> {
    let limit = Limit::after(receiver.timeout);
    match &receiver.how {
        How::Webhook(webhook) => post(webhook, &message.octets(), limit),
        How::Command { argv } => {
            let environment = [
                ("STEADFAST_CELL", message.cell.clone()),
                ("STEADFAST_NOTIFY", receiver.name.clone()),
            ];
            let (status, said) = bounded::run(argv, &environment, Some(message.octets()), limit)?;
            let shown = bounded::shown(status, &said);
            match status.success() {
                true => Ok(shown),
                false => Err(shown),
            }
        }
    }
}

fn post(webhook: &Webhook, body: &[u8], limit: Limit) -> Result<String, String> {
    let (address, path) = (webhook.address, &webhook.path);
    let usual = if webhook.tls { 443 } else { 80 };
    let host = match &webhook.name {
        Some(name) if address.port() == usual => name.clone(),
        Some(name) => format!("{name}:{}", address.port()),
        None => address.to_string(),
    };
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    );
    if let Some(file) = &webhook.token {
        for (name, value) in fields(file)? {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
    head.push_str("\r\n");
    let mut request = head.into_bytes();
    request.extend_from_slice(body);
    let secured = match webhook.tls {
        true => {
            let name = webhook
                .name
                .clone()
                .unwrap_or_else(|| address.ip().to_string());
            let name = ServerName::try_from(name).map_err(|e| e.to_string())?;
            Some((tls::config()?, name))
        }
        false => None,
    };
    let answer = http::exchange(address, &request, secured, Wanted::Status, limit)?;
    let said = String::from_utf8_lossy(&answer.body);
    let said: Vec<&str> = said.split_whitespace().collect();
    let plain = said.join(" ");
    let plain = plain.chars().filter(|c| !c.is_control()).take(SHOWN);
    let shown = match plain.collect::<String>() {
        empty if empty.is_empty() => format!("answers {}", answer.status),
        said => format!("answers {}: {said}", answer.status),
    };
    match answer.status {
        200..300 => Ok(shown),
        300..400 => Err(format!("{shown}; redirects are not followed")),
        _ => Err(shown),
    }
}

/// What a token's file says, as header fields: a line is a token, or a field by its name. It is
/// read each time, so that a new one counts at once.
fn fields(file: &Path) -> Result<Vec<(String, String)>, String> {
    let shown = file.display();
    let mut octets = Vec::new();
    File::open(file)
        .and_then(|file| file.take(MOST + 1).read_to_end(&mut octets))
        .map_err(|e| format!("the token can't be read: {shown}: {e}"))?;
    if octets.len() as u64 > MOST {
        return Err(format!("{shown} is too large to be a token"));
    }
    // What it says is secret, so no message quotes it.
    let bad = |n: usize| format!("{shown}, line {n}: neither a token nor `Name: value`");
    let text = String::from_utf8(octets).map_err(|_| bad(1))?;
    let mut fields = Vec::new();
    for (n, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let (name, value) = match line.split_once(": ") {
            Some((name, value)) => (name.to_owned(), value.trim().to_owned()),
            None => ("Authorization".to_owned(), format!("Bearer {line}")),
        };
        let token = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        let visible = |b: u8| b == b' ' || b.is_ascii_graphic();
        if name.is_empty() || !name.bytes().all(token) || !value.bytes().all(visible) {
            return Err(bad(n));
        }
        fields.push((name, value));
    }
    match fields.is_empty() {
        true => Err(format!("{shown} is empty: there is no token")),
        false => Ok(fields),
    }
}
