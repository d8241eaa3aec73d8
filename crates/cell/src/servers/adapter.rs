//! The server-adapter trait, and RFC 2136 behind it.

use super::rehearse::{RehearseError, rehearse};
use super::{Outcome, Rfc2136};
use dns::{Name, Rtype, Zone};
use std::net::SocketAddr;
use steadfast_core::abilities::Abilities;
use steadfast_core::server::{Fence, Reading, Reply, Write};
use steadfast_core::time::{Millis, Time};

/// A server, as the core's effects need it. Each call blocks for as long as its time-outs let it.
pub trait Server: Send + Sync {
    /// How well it fences.
    fn fence(&self) -> Fence;

    /// Sends one atomic, fenced write, once.
    fn write(&self, write: &Write) -> Reply;

    /// Reads marker, RRsets, marker again, and the SOA, from the server itself.
    ///
    /// # Errors
    /// Why there is no such reading, in words for people. Never an empty one for a failed one (I7).
    fn read(&self, marker: &Name, rrsets: &[(Name, Rtype)]) -> Result<Reading, String>;

    /// Transfers the zone whole.
    ///
    /// # Errors
    /// Why there is no transfer.
    fn transfer(&self) -> Result<Zone, String>;

    /// The SOA serials of the server and of everything that transfers from it.
    ///
    /// # Errors
    /// The first that can't be known: all of them count (I2).
    fn serials(&self) -> Result<Vec<u32>, String>;

    /// Where clients ask: the server's own address first, then those that transfer from it.
    fn addresses(&self) -> Vec<SocketAddr>;

    /// Tries each primitive on scratch names below the marker's, and removes them whatever happens.
    /// `deadline` is that of later writes, `read_back` how long a write may take to be served.
    ///
    /// # Errors
    /// Writes that can't be done or seen at all. What it does but should not is no error: see
    /// [`Abilities::unfenced`].
    fn rehearse(&self, deadline: Millis, read_back: Millis) -> Result<Abilities, RehearseError>;
}

/// An RFC 2136 primary together with its followers.
#[derive(Debug)]
pub struct Primary {
    server: Rfc2136,
    followers: Vec<SocketAddr>,
}

impl Primary {
    /// A primary that these followers transfer from.
    pub fn new(server: Rfc2136, followers: Vec<SocketAddr>) -> Primary {
        Primary { server, followers }
    }

    /// The server itself.
    pub fn server(&self) -> &Rfc2136 {
        &self.server
    }
}

impl Server for Primary {
    fn fence(&self) -> Fence {
        Fence::Server
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        let followers = self.followers.iter().copied();
        [self.server.address()]
            .into_iter()
            .chain(followers)
            .collect()
    }

    fn write(&self, write: &Write) -> Reply {
        let update = write.to_update(self.server.zone());
        let reply = self
            .server
            .update(&update, write.signed_at.unix_seconds(), write.fudge);
        match reply.outcome {
            Outcome::Accepted => Reply::Accepted,
            Outcome::Prerequisite(_) => Reply::Fenced(reply.detail),
            Outcome::Late { server_time } => {
                let clock = Time(server_time.saturating_mul(1_000));
                Reply::Late(reply.detail, Some(clock))
            }
            Outcome::BadKey
            | Outcome::BadSig
            | Outcome::Refused
            | Outcome::NotAuth
            | Outcome::NotImp
            | Outcome::FormErr => Reply::Refused(reply.detail),
            Outcome::Unknown => Reply::Unknown(reply.detail),
            Outcome::NotSent => Reply::NotSent(reply.detail),
        }
    }

    fn read(&self, marker: &Name, rrsets: &[(Name, Rtype)]) -> Result<Reading, String> {
        let mut wanted = rrsets.to_vec();
        wanted.push((self.server.zone().clone(), Rtype::SOA));
        let read = self
            .server
            .read(marker, &wanted)
            .map_err(|e| e.to_string())?;
        let mut found = read.rrsets;
        let soa = found.pop().flatten();
        let named = rrsets
            .iter()
            .zip(found)
            .map(|((name, rtype), set)| (name.clone(), *rtype, set));
        Ok(Reading {
            before: read.marker_before,
            rrsets: named.collect(),
            after: read.marker_after,
            soa,
        })
    }

    fn transfer(&self) -> Result<Zone, String> {
        self.server
            .transfer()
            .map(|t| t.zone)
            .map_err(|e| e.to_string())
    }

    fn serials(&self) -> Result<Vec<u32>, String> {
        let all = std::iter::once(self.server.address()).chain(self.followers.iter().copied());
        all.map(|address| {
            self.server
                .serial(address)
                .map_err(|e| format!("{address}: {e}"))
        })
        .collect()
    }

    fn rehearse(&self, deadline: Millis, read_back: Millis) -> Result<Abilities, RehearseError> {
        rehearse(&self.server, deadline, read_back)
    }
}
