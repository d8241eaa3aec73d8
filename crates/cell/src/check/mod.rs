//! Runs the checks of a stage: looks, and says what was seen. What follows from it is the core's.
//!
//! Each look has a bound on its time, on what it reads and on what it starts. What can't be known is
//! inconclusive, never a pass (I7). Whom a check asks is an address; no name is looked up (I10).

mod dns_answers;
mod prometheus;

use crate::limit::Limit;
use crate::{bounded, http};
use ::dns::Name;
use std::net::{SocketAddr, TcpStream};
use std::process::ExitStatus;
use std::time::Duration;
use steadfast_core::rollout::{Ask, Kind, Reading};

/// "Temporary failure" (sysexits.h): the program can't say.
const CANT_SAY: i32 = 75;

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
        Kind::Command { argv } => command(argv, ask, limit),
    }
}

/// A program that somebody wrote.
fn command(argv: &[String], ask: &Ask, limit: Limit) -> Reading {
    let environment = [
        ("STEADFAST_STAGE", ask.stage.clone()),
        ("STEADFAST_SERVERS", ask.servers.join(" ")),
        ("STEADFAST_CONFIGURATION", ask.configuration.to_string()),
    ];
    match bounded::run(argv, &environment, None, limit) {
        Ok((status, said)) => judge(status, &said),
        Err(why) => Reading::inconclusive(why),
    }
}

fn judge(status: ExitStatus, said: &str) -> Reading {
    let how = bounded::shown(status, said);
    match status.code() {
        Some(0) => Reading::pass(how),
        Some(CANT_SAY) | None => Reading::inconclusive(how),
        Some(_) => Reading::fail(how),
    }
}

#[cfg(test)]
mod tests;
