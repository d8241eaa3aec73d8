//! What the threads of a server share.

use crate::catalog::Catalog;
use crate::cookie::Cookies;
use crate::keys::KeyRights;
use crate::lanes::Lanes;
use crate::zone::ZoneWriter;
use dns::Name;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a server does not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// UDP answers a second to one network (IPv4 /24, IPv6 /56); beyond it, half of them say "ask
    /// over TCP" and half are left out. `None`: no limit.
    pub answers_per_network: Option<u32>,
    /// Whether clients on loopback are never limited: from there nobody can be hit but ourselves.
    /// Not where a proxy on this machine brings everybody's questions.
    pub spare_loopback: bool,
    /// Transfers at a time; one client may have half of them, the others wait their turn.
    pub transfers: usize,
    /// TCP connections at a time; one client may have half of them.
    pub tcp_connections: usize,
    /// How long a TCP client may be silent, or take for one message.
    pub tcp_idle: Duration,
}

impl Default for Limits {
    /// 500 answers a second and network, 8 transfers, 256 connections, 10 s (RFC 7766 §6.2.3).
    fn default() -> Limits {
        Limits {
            answers_per_network: Some(500),
            spare_loopback: true,
            transfers: 8,
            tcp_connections: 256,
            tcp_idle: Duration::from_secs(10),
        }
    }
}

/// 64 bits that nobody can foresee. It waits until the system has some: a cookie that can be guessed
/// proves nothing.
fn draw() -> u64 {
    loop {
        match getrandom::u64() {
            Ok(drawn) => return drawn,
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// What the threads of a server share.
pub(crate) struct Shared {
    catalog: RwLock<Arc<Catalog>>,
    pub(crate) writers: BTreeMap<Name, Mutex<ZoneWriter>>,
    pub(crate) keys: Vec<KeyRights>,
    pub(crate) limits: Limits,
    pub(crate) lanes: Lanes,
    /// Random, for what strangers must not foresee.
    pub(crate) seed: u64,
    /// What tells clients that were here before.
    pub(crate) cookies: Cookies,
    stop: AtomicBool,
    started: Instant,
    /// Tells the notifier of a zone that changed.
    pub(crate) changed: Mutex<Sender<Name>>,
    log: fn(&str),
}

impl Shared {
    pub(crate) fn new(
        catalog: Catalog,
        writers: BTreeMap<Name, Mutex<ZoneWriter>>,
        keys: Vec<KeyRights>,
        limits: Limits,
        changed: Sender<Name>,
        log: fn(&str),
    ) -> Shared {
        Shared {
            catalog: RwLock::new(Arc::new(catalog)),
            writers,
            keys,
            limits,
            lanes: Lanes::new(limits.transfers),
            seed: getrandom::u64().unwrap_or_default(),
            cookies: Cookies::new(draw),
            stop: AtomicBool::new(false),
            started: Instant::now(),
            changed: Mutex::new(changed),
            log,
        }
    }

    /// What is served now. It stays as it is for whoever holds it.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        let catalog = self.catalog.read();
        Arc::clone(&catalog.unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves another generation of a zone from the next batch of questions on. Only who holds the
    /// zone's writer calls this.
    pub(crate) fn publish(&self, generation: Arc<crate::Generation>) {
        let apex = generation.apex().clone();
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        *catalog = Arc::new(catalog.with(generation));
        drop(catalog);
        let changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody listens while the server stops.
        let _ = changed.send(apex);
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Seconds since the start, counted from 1: a bucket of second 0 was never used.
    pub(crate) fn second(&self) -> u32 {
        1 + self.started.elapsed().as_secs() as u32
    }

    /// Unix seconds.
    pub(crate) fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    }

    /// Tells the operator.
    pub(crate) fn note(&self, text: &str) {
        (self.log)(text);
    }
}
