//! How a peer is described and started.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::flavour::{Setup, ZoneSetup};
use crate::key::TsigKey;
use crate::kind::{Kind, require};
use crate::peer::Peer;
use crate::port::Port;
use crate::postgres::Postgres;
use crate::scratch::{Scratch, must};

/// How often a start is tried again on another port when somebody took the first.
const ATTEMPTS: usize = 5;

/// Who signs a zone, and how. Every zone takes updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Not signed.
    Plain,
    /// Signed by the server as it usually is under updates: BIND's `dnssec-policy` in the dynamic
    /// zone itself, Knot's `dnssec-signing`, PowerDNS's `secure-zone`.
    Signed,
    /// BIND only: `inline-signing`, where updates go to an unsigned zone and a signed copy is served.
    InlineSigned,
}

/// Describes a server; [`start`](Self::start) starts it.
#[derive(Debug, Clone)]
#[must_use = "a peer starts with `start`"]
pub struct PeerBuilder {
    kind: Kind,
    zones: Vec<ZoneSetup>,
    mode: Mode,
    open_transfer: bool,
    default_notify_delay: bool,
    cache: u32,
    on_postgres: bool,
    binary: Option<PathBuf>,
    ready_within: Duration,
}

impl PeerBuilder {
    /// A server of this kind, without zones.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            zones: Vec::new(),
            mode: Mode::Plain,
            open_transfer: false,
            default_notify_delay: false,
            cache: 0,
            on_postgres: false,
            binary: None,
            ready_within: Duration::from_secs(10),
        }
    }

    /// A zone and its content, a zone file with SOA and NS ([`zone_text`] writes one). May be
    /// called several times.
    pub fn zone(mut self, name: &str, text: &str) -> Self {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.zones.push(ZoneSetup {
            name,
            text: text.to_owned(),
            mode: self.mode,
        });
        self
    }

    /// How the zones named after this call are signed; [`Mode::Plain`] without it.
    ///
    /// # Panics
    /// On [`Mode::InlineSigned`] for another server than BIND, and for a built-in server that is to
    /// sign: it refuses signed zones.
    #[track_caller]
    pub fn mode(mut self, mode: Mode) -> Self {
        assert!(
            mode != Mode::InlineSigned || self.kind == Kind::Bind,
            "only BIND has inline-signing, {} does not",
            self.kind
        );
        assert!(
            mode == Mode::Plain || self.kind != Kind::Builtin,
            "the built-in server does not sign"
        );
        self.mode = mode;
        self
    }

    /// Lets everybody on loopback transfer the zones; without it the key is needed.
    pub fn open_transfer(mut self) -> Self {
        self.open_transfer = true;
        self
    }

    /// Leaves BIND's `notify-delay` at its default of 5 s; without it followers are told at once.
    pub fn default_notify_delay(mut self) -> Self {
        self.default_notify_delay = true;
        self
    }

    /// PowerDNS only: keeps its data in a PostgreSQL of its own, as Debian sets both up, instead of
    /// in SQLite. It has no backups.
    ///
    /// # Panics
    /// For another server.
    #[track_caller]
    pub fn on_postgres(mut self) -> Self {
        assert_eq!(self.kind, Kind::PowerDns, "only PowerDNS has databases");
        self.on_postgres = true;
        self
    }

    /// The `steadfast` binary that [`Kind::Builtin`] runs; the others take no notice of it.
    pub fn binary(mut self, binary: impl Into<PathBuf>) -> Self {
        self.binary = Some(binary.into());
        self
    }

    /// How long the server may take until it answers for its zones; 10 s without this call. A zone
    /// of a million records takes longer.
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.ready_within = limit;
        self
    }

    /// Starts the server and waits until it answers for every zone.
    ///
    /// # Panics
    /// When the server is not installed (see [`require`]), does not start, or is not ready in
    /// time; with the end of its log.
    #[track_caller]
    pub fn start(self) -> Peer {
        let key = TsigKey::random("steadfast-test");
        let database = self.on_postgres.then(|| Arc::new(Postgres::start()));
        self.start_with(key, None, None, database)
    }

    /// Starts a BIND that follows this server: it transfers all its zones, is told of changes, and
    /// takes no updates.
    #[track_caller]
    pub(crate) fn start_following(primary: &Peer) -> Peer {
        let setup = primary.setup();
        let mut builder = Self::new(Kind::Bind);
        builder.zones.clone_from(&setup.zones);
        let primary = Some(primary.addr());
        builder.start_with(setup.key.clone(), primary, None, None)
    }

    /// Starts a second process on the data of a PowerDNS.
    #[track_caller]
    pub(crate) fn start_beside(first: &Peer, cache: u32) -> Peer {
        let setup = first.setup();
        assert_eq!(setup.kind, Kind::PowerDns, "only PowerDNS shares its data");
        let mut builder = Self::new(Kind::PowerDns);
        builder.zones.clone_from(&setup.zones);
        builder.cache = cache;
        let database = setup.database.clone();
        builder.start_with(setup.key.clone(), None, Some(setup.data()), database)
    }

    #[track_caller]
    fn start_with(
        self,
        key: TsigKey,
        primary: Option<SocketAddr>,
        shares: Option<PathBuf>,
        database: Option<Arc<Postgres>>,
    ) -> Peer {
        require(self.kind);
        let mut taken = String::new();
        for _ in 0..ATTEMPTS {
            let setup = Setup {
                kind: self.kind,
                scratch: Scratch::new(&self.kind.to_string().to_lowercase()),
                port: Port::reserve(),
                control: Port::reserve(),
                key: key.clone(),
                control_key: TsigKey::random("control"),
                zones: self.zones.clone(),
                open_transfer: self.open_transfer,
                default_notify_delay: self.default_notify_delay,
                cache: self.cache,
                shares: shares.clone(),
                database: database.clone(),
                binary: self.binary.clone(),
                primary,
                followers: Vec::new(),
            };
            for folder in ["conf", "run"] {
                let folder = setup.scratch.path().join(folder);
                must(fs::create_dir(&folder), "make", &folder);
            }
            let data = setup.data();
            let made = match &shares {
                Some(other) => std::os::unix::fs::symlink(other, &data),
                None => fs::create_dir(&data),
            };
            must(made, "make", &data);
            match Peer::start(setup, self.ready_within) {
                Ok(peer) => return peer,
                Err(reason) => taken = reason,
            }
        }
        panic!(
            "{} found no port of its own in {ATTEMPTS} attempts: {taken}",
            self.kind
        );
    }
}

/// A zone file: SOA with serial 1, one name server `ns` on 127.0.0.1, and these records. The
/// default TTL is 60 s, the negative TTL 5 s.
pub fn zone_text(origin: &str, records: &str) -> String {
    let origin = origin.trim_end_matches('.');
    format!(
        "$ORIGIN {origin}.\n$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 86400 5\n@ IN NS ns\nns IN A 127.0.0.1\n{records}"
    )
}
