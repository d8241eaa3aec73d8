//! The server: sockets, threads, and the handle that stops them.

use crate::answer::Transport;
use crate::catalog::Catalog;
use crate::control::control;
use crate::delta::Delta;
use crate::generation::{Generation, ZoneRefused};
use crate::journal::{Store, StoreError};
use crate::keys::KeyRights;
use crate::notify::{self, Follower};
use crate::shared::{Limits, Shared};
use crate::tcp;
use crate::udp::{self, Passed};
use crate::zone::{CommitError, ZoneWriter};
use dns::{Change, Name, Rtype, Soa, Zone};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Signed or otherwise special requests over UDP that may wait.
const WAITING: usize = 1024;
/// How often a port that both UDP and TCP can have is looked for.
const ATTEMPTS: usize = 20;

/// A zone to serve.
#[derive(Debug, Clone)]
pub struct ZoneConfig {
    /// The content to begin with. Once a state folder holds the zone, that content counts.
    pub zone: Zone,
    /// Who is told of changes.
    pub followers: Vec<Follower>,
}

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses for UDP and TCP; port 0 lets the system choose one for both.
    pub listen: Vec<SocketAddr>,
    /// The zones.
    pub zones: Vec<ZoneConfig>,
    /// Who may change and transfer them.
    pub keys: Vec<KeyRights>,
    /// Where changes are kept. Without it updates are refused: what could be forgotten is not
    /// acknowledged.
    pub state: Option<PathBuf>,
    /// The server's own name, for who asks (RFC 5001).
    pub nsid: Vec<u8>,
    /// What it does not exceed.
    pub limits: Limits,
    /// UDP workers for each address; `None`: one a core.
    pub workers: Option<usize>,
    /// Where lines for the operator go.
    pub log: fn(&str),
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: Vec::new(),
            zones: Vec::new(),
            keys: Vec::new(),
            state: None,
            nsid: Vec::new(),
            limits: Limits::default(),
            workers: None,
            log: |line| eprintln!("{line}"),
        }
    }
}

/// Why a server does not start. Nothing of it runs then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address can't be had.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// An answer must come from the address that was asked: a wildcard does not say which.
    #[error(
        "cannot listen on {0}: name each address; answers come from the address that was asked"
    )]
    Wildcard(SocketAddr),
    /// A zone is there twice.
    #[error("zone {0} is there twice; keep one of them")]
    Twice(Name),
    /// A zone can't be served.
    #[error(transparent)]
    Zone(#[from] ZoneRefused),
    /// What is stored can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system has no thread left.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// A running server. It stops when this is dropped.
pub struct Authority {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    threads: Vec<JoinHandle<()>>,
}

impl Authority {
    /// Starts the server; it answers when this returns.
    ///
    /// # Errors
    /// An address that is taken, a zone that can't be served, a damaged state folder.
    pub fn start(config: Config) -> Result<Authority, StartError> {
        let (mut catalog, mut writers) = (Catalog::new(&config.nsid), BTreeMap::new());
        let mut followers = BTreeMap::new();
        for zone in config.zones {
            let apex = zone.zone.apex().clone();
            let (generation, writer) = open_zone(&zone.zone, config.state.as_deref())?;
            catalog = catalog.with(Arc::new(generation));
            followers.insert(apex.clone(), zone.followers);
            if writers.insert(apex.clone(), Mutex::new(writer)).is_some() {
                return Err(StartError::Twice(apex));
            }
        }
        let mut sockets = Vec::new();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for addr in config.listen {
            sockets.push(Sockets::open(addr, config.workers.unwrap_or(cores).max(1))?);
        }
        let addresses: Vec<SocketAddr> = sockets.iter().map(|s| s.addr).collect();
        let (changed, to_tell) = channel();
        // Followers may have missed changes while we were away.
        for apex in followers.keys() {
            let _ = changed.send(apex.clone());
        }
        let (keys, limits, log) = (config.keys, config.limits, config.log);
        let shared = Shared::new(catalog, writers, keys, limits, changed, log);
        let mut authority = Authority {
            shared: Arc::new(shared),
            addresses,
            threads: Vec::new(),
        };
        authority.run(sockets, to_tell, followers)?;
        Ok(authority)
    }

    /// The addresses that it listens on, ports that the system chose filled in.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What is served now.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.shared.catalog()
    }

    /// Serves this content from the next question on, as one change: durable first, where there is
    /// a state folder. Its serial counts if it exceeds the one that stands; otherwise the next one
    /// does. Nothing happens when the content is what stands, serials aside.
    ///
    /// # Errors
    /// A zone that is not served here or can't be, or a full disk. What is served stays.
    pub fn replace(&self, zone: &Zone) -> Result<(), CommitError> {
        let apex = zone.apex();
        let no_zone = || CommitError::NoZone(apex.clone());
        let writer = self.shared.writers.get(apex).ok_or_else(no_zone)?;
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let catalog = self.shared.catalog();
        let old = catalog.zone(apex).ok_or_else(no_zone)?;
        let refused = |error| CommitError::Refused(ZoneRefused::Zone(error));
        let new = Generation::new(zone)?;
        let changes = old.to_zone().map_err(refused)?.diff(zone);
        let of_soa = |change: &&Change| change.rtype() == Rtype::SOA;
        let mut soa = new.soa().clone();
        if changes.iter().all(|c| of_soa(&c)) && soa.with_serial(old.serial()) == *old.soa() {
            return Ok(());
        }
        if !soa.serial.exceeds(old.serial()) {
            soa = soa.with_serial(old.serial().next());
        }
        let mut changes: Vec<Change> = changes.into_iter().filter(|c| !of_soa(&c)).collect();
        let set = |soa: &Soa, ttl| soa.to_rrset(apex.clone(), ttl).ok();
        let (before, after) = (set(old.soa(), old.soa_ttl()), set(&soa, new.soa_ttl()));
        changes.extend(Change::new(before, after));
        writer.commit(&self.shared, old, changes)
    }

    /// Stops: answers what was taken, closes everything, waits for all threads.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stop();
        for address in &self.addresses {
            // Wakes whoever waits for a connection.
            drop(TcpStream::connect(address));
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }

    fn run(
        &mut self,
        sockets: Vec<Sockets>,
        to_tell: Receiver<Name>,
        followers: BTreeMap<Name, Vec<Follower>>,
    ) -> Result<(), StartError> {
        let (pass, passed) = sync_channel::<Passed>(WAITING);
        for Sockets { udp, tcp, .. } in sockets {
            for socket in udp {
                let (socket, pass) = (Arc::new(socket), pass.clone());
                self.spawn("dns-udp", move |shared| udp::work(shared, &socket, &pass))?;
            }
            self.spawn("dns-accept", move |shared| tcp::accept(shared, &tcp))?;
        }
        drop(pass);
        self.spawn("dns-control", move |shared| {
            for Passed {
                octets,
                from,
                socket,
            } in passed
            {
                let mut send = |message: &[u8]| socket.send_to(message, from).map(drop);
                // A client that can't be reached asks again, or is gone.
                let _ = control(shared, &octets, from, Transport::Udp, &mut send);
            }
        })?;
        let source: Vec<IpAddr> = self.addresses.iter().map(SocketAddr::ip).collect();
        self.spawn("dns-notify", move |shared| {
            notify::run(shared, &to_tell, &followers, &source);
        })
    }

    fn spawn(
        &mut self,
        name: &str,
        work: impl FnOnce(&Arc<Shared>) + Send + 'static,
    ) -> Result<(), StartError> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name(name.into());
        let thread = thread.spawn(move || work(&shared));
        self.threads.push(thread.map_err(StartError::Thread)?);
        Ok(())
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads what is stored of the zone, or stores what it begins with.
fn open_zone(zone: &Zone, state: Option<&Path>) -> Result<(Generation, ZoneWriter), StartError> {
    let apex = zone.apex();
    let Some(state) = state else {
        return Ok((Generation::new(zone)?, ZoneWriter::new(None, Vec::new())));
    };
    let (mut store, stored) = Store::open(&state.join(folder_of(apex)), apex)?;
    let (generation, history): (Generation, Vec<Delta>) = match stored {
        Some(stored) => {
            let first = Generation::new(&stored.zone)?;
            let deltas = stored.deltas.iter();
            let last = deltas
                .into_iter()
                .try_fold(first, |g, d| g.apply(&d.changes));
            (last?, stored.deltas)
        }
        None => {
            let generation = Generation::new(zone)?;
            store.snapshot(apex, zone.iter().cloned())?;
            (generation, Vec::new())
        }
    };
    Ok((generation, ZoneWriter::new(Some(store), history)))
}

/// A folder's name for a zone: what is no letter, digit, dash or dot is written as its number.
fn folder_of(apex: &Name) -> String {
    let text = apex.to_string();
    let text = text
        .strip_suffix('.')
        .filter(|t| !t.is_empty())
        .unwrap_or("root.");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let one = |c: char| match plain(c) {
        true => c.to_string(),
        false => format!("%{:02x}", c as u32),
    };
    text.chars().map(one).collect()
}

/// The sockets of one address.
pub(crate) struct Sockets {
    pub(crate) addr: SocketAddr,
    pub(crate) udp: Vec<UdpSocket>,
    pub(crate) tcp: TcpListener,
}

impl Sockets {
    pub(crate) fn open(addr: SocketAddr, workers: usize) -> Result<Sockets, StartError> {
        if addr.ip().is_unspecified() {
            return Err(StartError::Wildcard(addr));
        }
        let mut attempt = 1;
        loop {
            match Sockets::try_open(addr, workers) {
                Ok(sockets) => return Ok(sockets),
                Err(_) if addr.port() == 0 && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(StartError::Listen(addr, error)),
            }
        }
    }

    fn try_open(addr: SocketAddr, workers: usize) -> io::Result<Sockets> {
        // Sockets that share a port would share it with another process of this user, too: this
        // one does not, and finds out.
        let alone = UdpSocket::bind(addr)?;
        let addr = alone.local_addr()?;
        let tcp = TcpListener::bind(addr)?;
        drop(alone);
        let udp = (0..workers).map(|_| udp::open(addr));
        let udp = udp.collect::<io::Result<Vec<UdpSocket>>>()?;
        Ok(Sockets { addr, udp, tcp })
    }
}
