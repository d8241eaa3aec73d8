//! The built-in server: started and stopped here, written to like any other (RFC 2136 over
//! loopback, with TSIG), so that fence, read-back and deadline are the same.

use super::holder::{self, Holder};
use dns::Zone;
use dns::tsig::Key;
use serve::{Authority, Config, Follower, KeyRights, Limits, StartError, ZoneConfig};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a built-in server is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens, UDP and TCP. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// What it calls itself when asked (NSID, RFC 5001).
    pub name: String,
    /// Who may change and transfer its zones.
    pub key: Key,
    /// Its zones, each with the content to begin with. Where the state folder has the zone already,
    /// that counts.
    pub zones: Vec<Zone>,
    /// Where it keeps zones and journals.
    pub state: PathBuf,
    /// Servers that transfer from it: told of each change.
    pub followers: Vec<SocketAddr>,
    /// Where lines for the operator go.
    pub log: fn(&str),
}

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub enum BuiltinError {
    /// Somebody else has the port.
    #[error("{address} is taken{}", by(.holder.as_ref()))]
    Taken {
        /// Where it was to listen.
        address: SocketAddr,
        /// Who has it, as far as this user may know.
        holder: Option<Holder>,
    },
    /// Anything else.
    #[error(transparent)]
    Start(StartError),
}

fn by(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" by {holder}"))
}

/// A running built-in server. It stops when this is dropped.
pub struct Builtin {
    authority: Authority,
}

impl Builtin {
    /// Starts it; it answers when this returns.
    ///
    /// # Errors
    /// A port that is taken, with who has it; a zone that it can't serve; a damaged state folder.
    pub fn start(settings: Settings) -> Result<Builtin, BuiltinError> {
        let followers = settings.followers.into_iter().map(|address| Follower {
            address,
            key: Some(settings.key.clone()),
        });
        let followers: Vec<Follower> = followers.collect();
        let zone = |zone: Zone| ZoneConfig {
            zone,
            followers: followers.clone(),
        };
        let config = Config {
            listen: vec![settings.listen],
            zones: settings.zones.into_iter().map(zone).collect(),
            keys: vec![KeyRights::all(settings.key)],
            state: Some(settings.state),
            nsid: settings.name.into_bytes(),
            limits: Limits::default(),
            workers: None,
            log: settings.log,
        };
        let authority = Authority::start(config).map_err(|error| match error {
            StartError::Listen(address, error) if error.kind() == ErrorKind::AddrInUse => {
                let holder = holder::of(address);
                BuiltinError::Taken { address, holder }
            }
            other => BuiltinError::Start(other),
        })?;
        Ok(Builtin { authority })
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.authority.addresses().first().copied()
    }

    /// Answers what was taken, then stops.
    pub fn stop(self) {
        self.authority.stop();
    }
}
