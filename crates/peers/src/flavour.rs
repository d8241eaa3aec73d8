//! What differs between servers: how they are configured and commanded.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::builder::Mode;
use crate::key::TsigKey;
use crate::kind::Kind;
use crate::port::Port;
use crate::postgres::Postgres;
use crate::scratch::{Scratch, must, write};
use crate::{bind, builtin, knot, powerdns};

/// Everything that a server's files are written from.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) kind: Kind,
    pub(crate) scratch: Scratch,
    pub(crate) port: Port,
    /// BIND's `rndc` channel; the others have a socket in the folder.
    pub(crate) control: Port,
    pub(crate) key: TsigKey,
    pub(crate) control_key: TsigKey,
    pub(crate) zones: Vec<ZoneSetup>,
    /// Whether loopback may transfer without the key.
    pub(crate) open_transfer: bool,
    /// Whether BIND waits its usual five seconds before it tells followers.
    pub(crate) default_notify_delay: bool,
    /// How many seconds PowerDNS keeps an answer.
    pub(crate) cache: u32,
    /// The data of another process, which this one shares.
    pub(crate) shares: Option<PathBuf>,
    /// Where a PowerDNS keeps its data, if not in SQLite.
    pub(crate) database: Option<Arc<Postgres>>,
    /// The program, where no package brings it.
    pub(crate) binary: Option<PathBuf>,
    /// The server that this one follows.
    pub(crate) primary: Option<SocketAddr>,
    /// The servers that follow this one.
    pub(crate) followers: Vec<SocketAddr>,
}

/// One zone of a server.
#[derive(Debug, Clone)]
pub(crate) struct ZoneSetup {
    /// In lower case, without the last dot.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) mode: Mode,
}

impl Setup {
    /// What a backup holds: zones, journals, keys, databases.
    pub(crate) fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// Makes this folder in the data's, and the zone files of a server that follows none.
    pub(crate) fn write_zones(&self, folder: &str) {
        let folder = self.data().join(folder);
        must(fs::create_dir_all(&folder), "make", &folder);
        for zone in self.zones.iter().filter(|_| self.primary.is_none()) {
            write(&self.zone_file(&zone.name), &zone.text);
        }
    }

    /// Where the server's sockets are.
    pub(crate) fn run(&self) -> PathBuf {
        self.scratch.path().join("run")
    }

    /// A configuration file.
    pub(crate) fn conf(&self, name: &str) -> PathBuf {
        self.scratch.path().join("conf").join(name)
    }

    /// The file with a zone's content.
    pub(crate) fn zone_file(&self, zone: &str) -> PathBuf {
        self.data().join(format!("{zone}.zone"))
    }
}

/// The ways of one kind of server.
pub(crate) trait Flavour {
    /// Writes the configuration files, again whenever the setup changed.
    fn configure(&self, setup: &Setup);
    /// Makes the data of a server that never ran.
    fn first_data(&self, setup: &Setup);
    /// The server in the foreground, logging to stderr.
    fn argv(&self, setup: &Setup) -> Vec<OsString>;
    /// Makes the running server read its configuration again.
    fn reconfigure(&self, setup: &Setup);
    /// Stops updates of a zone.
    fn freeze(&self, setup: &Setup, zone: &str);
    /// Allows them again.
    fn thaw(&self, setup: &Setup, zone: &str);
    /// Replaces a zone by a file, as a deployment that does not know of updates does.
    fn reload_from(&self, setup: &Setup, zone: &str, text: &str);
}

/// The ways of this kind.
pub(crate) fn flavour(kind: Kind) -> &'static dyn Flavour {
    match kind {
        Kind::Bind => &bind::Bind,
        Kind::Knot => &knot::Knot,
        Kind::PowerDns => &powerdns::PowerDns,
        Kind::Builtin => &builtin::Builtin,
    }
}
