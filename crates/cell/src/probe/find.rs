//! One probe: from the connection to what it says.

use super::tls::Tls;
use super::{http, question};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use steadfast_core::health::{Check, Outcome, Watched};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// How a target answered, and why that is so, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What it counts as.
    pub outcome: Outcome,
    /// In a few words: `connection refused`, `answers 503`.
    pub why: String,
}

/// Why a target was not asked: the fault is on this side, so it is no reading.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not asked: {0}")]
pub struct Unasked(pub String);

/// What a probe comes to.
pub(super) type Found = Result<Finding, Unasked>;

pub(super) fn pass(why: impl Into<String>) -> Finding {
    let (outcome, why) = (Outcome::Pass, why.into());
    Finding { outcome, why }
}

pub(super) fn wrong(why: impl Into<String>) -> Finding {
    let (outcome, why) = (Outcome::Wrong, why.into());
    Finding { outcome, why }
}

pub(super) fn nothing(why: impl Into<String>) -> Finding {
    let (outcome, why) = (Outcome::Nothing, why.into());
    Finding { outcome, why }
}

/// Asks a target once, within its timeout.
pub(super) async fn find(watched: &Watched, tls: &Tls) -> Found {
    let patience = Duration::from_millis(watched.cadence.timeout.0);
    let end = Instant::now() + patience;
    let at = SocketAddr::new(watched.target, watched.check.port());
    let in_time = match &watched.check {
        Check::Dns { .. } => return question::ask(at, &watched.endpoint, end, patience).await,
        Check::Tcp { .. } => {
            return Ok(connect(at, end, patience)
                .await?
                .err()
                .unwrap_or_else(|| pass("accepts connections")));
        }
        Check::Http { path, .. } => {
            let request = http::request(&watched.endpoint, at.port(), 80, path)?;
            match connect(at, end, patience).await? {
                Ok(stream) => timeout_at(end, http::get(stream, &request)).await,
                Err(finding) => return Ok(finding),
            }
        }
        Check::Https { path, .. } => {
            let request = http::request(&watched.endpoint, at.port(), 443, path)?;
            let (name, connector) = tls.ready(&watched.endpoint)?;
            match connect(at, end, patience).await? {
                Ok(stream) => {
                    let talk = async {
                        match connector.connect(name, stream).await {
                            Ok(stream) => http::get(stream, &request).await,
                            Err(error) => wrong(format!("TLS: {error}")),
                        }
                    };
                    timeout_at(end, talk).await
                }
                Err(finding) => return Ok(finding),
            }
        }
    };
    // It answered when it took the connection: it is reachable, and as useless to its clients as
    // one that answers garbage. What a dead network sends is not even that.
    let silent = || {
        wrong(format!(
            "took the connection and gave no answer in {patience:?}"
        ))
    };
    Ok(in_time.unwrap_or_else(|_| silent()))
}

/// Connects. A refusal is an answer of the target's machine; no answer at all may be our own fault.
async fn connect(
    at: SocketAddr,
    end: Instant,
    patience: Duration,
) -> Result<Result<TcpStream, Finding>, Unasked> {
    match timeout_at(end, TcpStream::connect(at)).await {
        Ok(Ok(stream)) => {
            // A request is one small segment: it need not wait for others.
            let _ = stream.set_nodelay(true);
            Ok(Ok(stream))
        }
        Ok(Err(error)) => failed(&error).map(Err),
        Err(_) => Ok(Err(nothing(format!("no answer in {patience:?}")))),
    }
}

/// What an error of the network says about the target.
pub(super) fn failed(error: &io::Error) -> Found {
    Ok(match error.kind() {
        ErrorKind::ConnectionRefused => wrong("connection refused"),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            wrong("connection reset")
        }
        ErrorKind::HostUnreachable => nothing("no route to the host"),
        ErrorKind::TimedOut => nothing("no answer"),
        // No route of our own, no descriptor, no port, no permission: nothing was sent.
        _ => return Err(Unasked(error.to_string())),
    })
}
