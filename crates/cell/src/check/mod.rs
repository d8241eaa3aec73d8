//! Runs the checks of a stage: looks, and says what was seen. What follows from it is the core's.
//!
//! Each look has a bound on its time, on what it reads and on what it starts. What can't be known is
//! inconclusive, never a pass (I7). Whom a check asks is an address; no name is looked up (I10).

mod command;
mod dns_answers;
mod http;
mod prometheus;

use ::dns::Name;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use steadfast_core::rollout::{Ask, Kind, Reading};

/// Looks once. `servers` are the addresses of the stage's servers and their followers, `marker` is
/// the owner of the zone's marker.
pub fn look(ask: &Ask, servers: &[(String, Vec<SocketAddr>)], marker: &Name) -> Reading {
    let time = Duration::from_millis(ask.check.timeout.0);
    let limit = Limit::after(time);
    match &ask.check.kind {
        Kind::Dns {
            name,
            rtype,
            values,
            count,
        } => {
            let wanted = dns_answers::Wanted {
                name,
                rtype: *rtype,
                values,
                count: *count as usize,
                configuration: ask.configuration,
                marker,
            };
            wanted.look(servers, limit)
        }
        Kind::Http {
            address,
            path,
            host,
            status,
        } => match http::get(*address, path, host, limit) {
            Ok(answer) if answer.status == *status => Reading::pass(format!("answers {status}")),
            Ok(answer) => Reading::fail(format!("answers {}, not {status}", answer.status)),
            Err(why) => Reading::inconclusive(why),
        },
        Kind::Tcp { address } => match TcpStream::connect_timeout(address, time) {
            Ok(_) => Reading::pass(format!("{address} takes connections")),
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
                Reading::fail(format!("{address} refuses the connection"))
            }
            Err(e) => Reading::inconclusive(format!("{address}: {e}")),
        },
        Kind::Prometheus {
            address,
            query,
            pass,
        } => prometheus::look(*address, query, pass, limit),
        Kind::Command { argv } => command::run(argv, ask, limit),
    }
}

/// When a look ends, whatever it waits for.
#[derive(Clone, Copy)]
struct Limit {
    at: Instant,
    whole: Duration,
}

impl Limit {
    fn after(whole: Duration) -> Limit {
        let at = Instant::now() + whole;
        Limit { at, whole }
    }

    /// What is left; `None`: nothing.
    fn left(&self) -> Option<Duration> {
        let left = self.at.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn passed(&self) -> String {
        format!("nothing within {} ms", self.whole.as_millis())
    }
}
