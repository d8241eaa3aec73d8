//! The running resolver: sockets, threads, and the handle that stops them.

use super::core::{Client, Core, Machine};
use super::net::Network;
use super::outward::{self, Outward};
use super::store::Disk;
use super::udp::{Asked, key_of, read};
use super::write::write;
use crate::answer::Transport;
use crate::authority::{Sockets, StartError};
use crate::shared::Limits;
use crate::tcp::{self, Service};
use dns::{Name, Rcode};
use resolver::{Config, ConfigError, Counters, Ede, Input, Key, Reply, Report, Resolver};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a stream's thread waits for the state machine, which has a deadline of its own.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a resolver is started with.
#[derive(Debug, Clone)]
pub struct ResolverConfig {
    /// What it decides by.
    pub engine: Config,
    /// Addresses for UDP and TCP; port 0 lets the system choose one for both.
    pub listen: Vec<SocketAddr>,
    /// Who may ask.
    pub allow: Vec<Network>,
    /// Where last known good answers are kept. Without it they do not survive a restart.
    pub state: Option<PathBuf>,
    /// What it does not exceed.
    pub limits: Limits,
    /// UDP workers for each address; `None`: one a core.
    pub workers: Option<usize>,
    /// Where lines for the operator go.
    pub log: fn(&str),
}

impl Default for ResolverConfig {
    fn default() -> ResolverConfig {
        ResolverConfig {
            engine: Config::default(),
            listen: Vec::new(),
            allow: Network::LOOPBACK.to_vec(),
            state: None,
            limits: Limits::default(),
            workers: None,
            log: |line| eprintln!("{line}"),
        }
    }
}

/// Why a resolver does not start. Nothing of it runs then.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// An address can't be had.
    #[error(transparent)]
    Listen(#[from] StartError),
    /// It would ask itself.
    #[error("upstream {0} is this resolver itself; name another one")]
    Itself(SocketAddr),
    /// A configuration that must not be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state folder can't be used at all.
    #[error("the state folder {0}: {1}")]
    State(PathBuf, io::Error),
    /// The system has no thread or descriptor left.
    #[error("cannot start: {0}")]
    System(io::Error),
}

/// A running resolver. It stops when this is dropped.
pub struct ResolverServer {
    core: Arc<Core>,
    addresses: Vec<SocketAddr>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl ResolverServer {
    /// Starts the resolver; it answers when this returns.
    ///
    /// # Errors
    /// An address that is taken, an upstream that is the resolver itself, a configuration that
    /// must not be. A damaged store is none: what is whole is used, the rest is told.
    pub fn start(config: ResolverConfig) -> Result<ResolverServer, ResolverError> {
        let mut sockets = Vec::new();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for addr in &config.listen {
            sockets.push(Sockets::open(
                *addr,
                config.workers.unwrap_or(cores).max(1),
            )?);
        }
        let addresses: Vec<SocketAddr> = sockets.iter().map(|s| s.addr).collect();
        not_itself(&config.engine, &addresses)?;
        let resolver = Resolver::new(config.engine)?;
        let (disk, kept) = match &config.state {
            Some(dir) => {
                Disk::open(dir, config.log).map_err(|e| ResolverError::State(dir.clone(), e))?
            }
            None => (Disk::none(), Vec::new()),
        };
        let outward = Outward::new().map_err(ResolverError::System)?;
        let machine = Machine::new(resolver);
        let core = Core::new(
            machine,
            outward,
            config.allow,
            config.limits,
            disk,
            config.log,
        );
        let server = ResolverServer {
            core: Arc::new(core),
            addresses,
            threads: Mutex::new(Vec::new()),
        };
        server.core.input(Input::Start(kept));
        server.run(sockets).map_err(ResolverError::System)?;
        Ok(server)
    }

    /// The addresses that it listens on, ports that the system chose filled in.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Counters {
        let mut counters = self.core.machine().resolver.counters();
        let front = self.core.front_hits.load(Ordering::Relaxed);
        counters.asked += front;
        counters.hits += front;
        counters
    }

    /// Questions from those who may not ask.
    pub fn refused(&self) -> u64 {
        self.core.refused.load(Ordering::Relaxed)
    }

    /// Looks at the state machine.
    pub fn look<T>(&self, look: impl FnOnce(&Resolver) -> T) -> T {
        look(&self.core.machine().resolver)
    }

    /// Explains a name.
    pub fn why(&self, name: &Name) -> Report {
        self.core.machine().resolver.why(name, super::clock::now())
    }

    /// Gives up what is remembered of a name (R2).
    pub fn let_go(&self, name: &Name) {
        self.core.input(Input::LetGo(name.clone()));
    }

    /// Takes another configuration: upstreams, pins, lists and bounds, not addresses and folders.
    ///
    /// # Errors
    /// One that must not be; the old one stays then.
    pub fn reload(&self, engine: Config, allow: Vec<Network>) -> Result<(), ResolverError> {
        // No upstream is not refused but ignored: the last good list stays (R3).
        match engine.check() {
            Err(ConfigError::NoUpstream) | Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
        not_itself(&engine, &self.addresses)?;
        *self
            .core
            .allow
            .write()
            .unwrap_or_else(PoisonError::into_inner) = allow;
        self.core.input(Input::Reload(engine));
        Ok(())
    }

    /// Stops: closes everything, waits for all threads, leaves nothing unwritten.
    pub fn stop(&self) {
        self.core.stop();
        for address in &self.addresses {
            // Wakes whoever waits for a connection.
            drop(TcpStream::connect(address));
        }
        let threads = std::mem::take(&mut *self.threads());
        for thread in threads {
            let _ = thread.join();
        }
        self.core.disk.finish();
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, sockets: Vec<Sockets>) -> io::Result<()> {
        for Sockets { udp, tcp, .. } in sockets {
            for socket in udp {
                let socket = Arc::new(socket);
                self.spawn("dns-udp", move |core| super::udp::work(core, &socket))?;
            }
            self.spawn("dns-accept", move |core| tcp::accept(core, &tcp))?;
        }
        self.spawn("dns-outward", outward::work)
    }

    fn spawn(&self, name: &str, work: impl FnOnce(&Arc<Core>) + Send + 'static) -> io::Result<()> {
        let core = Arc::clone(&self.core);
        let thread = std::thread::Builder::new().name(name.into());
        self.threads().push(thread.spawn(move || work(&core))?);
        Ok(())
    }
}

impl Drop for ResolverServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn not_itself(engine: &Config, addresses: &[SocketAddr]) -> Result<(), ResolverError> {
    let own = engine
        .upstreams
        .iter()
        .find(|addr| addresses.contains(addr));
    own.map_or(Ok(()), |addr| Err(ResolverError::Itself(*addr)))
}

impl Service for Core {
    fn stopping(&self) -> bool {
        Core::stopping(self)
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn note(&self, text: &str) {
        Core::note(self, text);
    }

    fn serve(
        self: &Arc<Self>,
        octets: &[u8],
        from: SocketAddr,
        send: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut out = Vec::new();
        let (request, reply) = match read(self, octets, from.ip()) {
            Asked::Silence => return Err(ErrorKind::InvalidData.into()),
            Asked::Refuse(request, reply) => (request, reply),
            Asked::Slip => return Ok(()),
            Asked::Question(request) => match key_of(&request) {
                Some(key) => (request, ask_and_wait(self, key)),
                None => (request, Reply::bare(Rcode::FORMERR, Vec::new())),
            },
        };
        let cookie = self.cookie(&request, from.ip());
        write(&request, &reply, cookie, Transport::Tcp, &mut out);
        send(&out)
    }
}

/// Asks, and waits for the reply: a stream has a thread of its own.
fn ask_and_wait(core: &Arc<Core>, key: Key) -> Reply {
    let mut effects = Vec::new();
    let mut machine = core.machine();
    let answered = machine.ask(key, &mut effects).map_err(|client| {
        let (sender, receiver): (_, Receiver<Reply>) = sync_channel(1);
        machine.clients.insert(client, Client::Stream(sender));
        receiver
    });
    let (effects, told) = core.settle(effects, &mut machine);
    let wake = machine.resolver.next_wake();
    drop(machine);
    core.outward.wake_at(wake);
    for (client, reply) in told {
        core.tell(client, &reply);
    }
    core.carry_out(effects);
    let waited = answered.or_else(|receiver| receiver.recv_timeout(PATIENCE));
    waited.unwrap_or_else(|_| {
        let ede = Ede::new(Ede::NO_REACHABLE, "no reply in time");
        Reply::bare(Rcode::SERVFAIL, vec![ede])
    })
}
