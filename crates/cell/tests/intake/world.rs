//! A server, a store, and a zone that is adopted.

use dns::pattern::Pattern;
use dns::tsig::Key;
use dns::{Digest, Name, RRset, Rtype, Zone, rdata};
use peers::{Kind, Peer, PeerBuilder, zone_text};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use steadfast_cell::enactor::{Enactor, Ended};
use steadfast_cell::intake::{Intake, Options};
use steadfast_cell::servers::{Primary, Rfc2136, Server, Timeouts};
use steadfast_cell::store::Store;
use steadfast_core::body::Body;
use steadfast_core::guards::Abilities;
use steadfast_core::ledger::{Adopted, Event, Origin};
use steadfast_core::lifecycle::Submission;
use steadfast_core::marker::LedgerId;
use steadfast_core::plan::compose::{Base, Edit, Wish};
use steadfast_core::policy::{Limit, Limits, PerName, Policy};
use steadfast_core::time::Millis;

pub(crate) const ZONE: &str = "example.com";

/// A server with an adopted zone.
pub(crate) struct World {
    pub(crate) peer: Peer,
    pub(crate) policy: Policy,
    pub(crate) servers: BTreeMap<String, Arc<dyn Server>>,
    pub(crate) store: Arc<Store>,
    _folder: Folder,
}

/// Where the store lies; removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NTH: AtomicU64 = AtomicU64::new(0);
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        let name = format!("steadfast-intake-{}-{nth}", std::process::id());
        Folder(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A name relative to the zone.
pub(crate) fn name(text: &str) -> Name {
    Name::parse(text, &Name::absolute(ZONE).unwrap()).unwrap()
}

pub(crate) fn a(owner: &str, address: &str) -> RRset {
    let datum = rdata::from_text(Rtype::A, &[address], &name("@")).unwrap();
    RRset::new(name(owner), Rtype::A, 60, [datum]).unwrap()
}

/// A change of one address; `None` for nothing there.
pub(crate) fn wish(owner: &str, base: Base, after: Option<&str>) -> Wish {
    let edit = Edit {
        name: name(owner),
        rtype: Rtype::A,
        base,
        after: after.map(|address| a(owner, address)),
    };
    Wish::new(vec![edit]).unwrap()
}

/// Reads a key file as `tsig-keygen` writes it.
pub(crate) fn key(file: &Path) -> Key {
    let text = std::fs::read_to_string(file).unwrap();
    let fields: Vec<&str> = text.split('"').collect();
    let algorithm = text.split("algorithm ").nth(1).unwrap();
    let algorithm = algorithm.split(';').next().unwrap().parse().unwrap();
    Key::from_base64(Name::absolute(fields[1]).unwrap(), algorithm, fields[3]).unwrap()
}

fn policy() -> Policy {
    let free = Limit {
        count: None,
        share_ppm: Some(1_000_000),
    };
    Policy {
        zone: name("@"),
        own: vec![Pattern::parse("**", &name("@")).unwrap()],
        ignore: Vec::new(),
        critical: vec![name("www")],
        limits: Limits {
            create: free,
            change: free,
            delete: free,
            per_name: PerName::default(),
        },
        ttl_min: 0,
        ttl_max: 86_400,
        max_rrset: 100,
        max_update: 60_000,
        deadline: Millis::seconds(10),
        read_back: Millis::seconds(10),
        keep: 20,
        stages: Vec::new(),
    }
}

impl World {
    /// Starts the server with these records, and adopts its zone.
    pub(crate) fn start(kind: Kind, records: &str) -> World {
        World::start_with(PeerBuilder::new(kind), records)
    }

    /// As [`World::start`], of a server that has other zones too.
    pub(crate) fn start_with(builder: PeerBuilder, records: &str) -> World {
        let peer = builder.zone(ZONE, &zone_text(ZONE, records)).start();
        let primary = Primary::new(World::connect(&peer), Vec::new());
        let folder = Folder::new();
        let store = Arc::new(Store::create_or_open(&folder.0).unwrap());
        let servers = BTreeMap::from([("ns1".to_owned(), Arc::new(primary) as Arc<dyn Server>)]);
        let world = World {
            peer,
            policy: policy(),
            servers,
            store,
            _folder: folder,
        };
        world.adopt();
        world
    }

    pub(crate) fn connect(peer: &Peer) -> Rfc2136 {
        let timeouts = Timeouts::default();
        Rfc2136::new(name("@"), peer.addr(), key(peer.key_file()), timeouts)
    }

    fn adopt(&self) {
        let zone = self.transfer();
        let soa = zone.get(zone.apex(), Rtype::SOA).cloned();
        let owned = Arc::new(zone.filter(|r| self.policy.owns_set(r)));
        let result: Digest = owned.digest();
        let body = Arc::new(Body::Content(owned));
        let origin = Origin {
            marker: None,
            soa,
            abilities: Abilities::assumed(),
        };
        let adopted = Adopted {
            ledger: LedgerId(7),
            zone: name("@"),
            content: body.encode().0,
            result,
            configuration: 1,
            servers: BTreeMap::from([("ns1".to_owned(), origin)]),
        };
        let submission = Submission {
            cleared: None,
            events: vec![Event::Adopted(adopted)],
            bodies: vec![body],
        };
        let mut enactor = Enactor::open(
            self.store.clone(),
            self.policy.clone(),
            "test".into(),
            self.servers.clone(),
        )
        .unwrap();
        enactor.submit(submission);
        let patience = Instant::now() + Duration::from_secs(20);
        let ended = enactor.run(patience, &mut |_, _| {}, &mut |l| {
            l.state().is_adopted() && l.is_at_rest()
        });
        assert_eq!(ended, Ended::Done, "{}", self.peer.log_tail());
        assert!(enactor.state().behind().next().is_none());
    }

    /// An intake of the zone.
    pub(crate) fn intake(&self, options: Options) -> Intake {
        Intake::open(
            self.store.clone(),
            self.policy.clone(),
            "test".into(),
            self.servers.clone(),
            options,
        )
        .unwrap()
    }

    /// What the server holds.
    pub(crate) fn transfer(&self) -> Zone {
        let server = self.servers.values().next().unwrap();
        server.transfer().unwrap()
    }

    /// What the ledger says that it holds.
    pub(crate) fn recorded(&self) -> Zone {
        let zone = self.policy.zone.to_string();
        let mut book = steadfast_cell::enactor::open_book(&self.store, &zone).unwrap();
        book.head().unwrap().as_ref().clone()
    }

    /// The ledger's entries.
    pub(crate) fn entries(&self) -> Vec<Event> {
        let zone = self.policy.zone.to_string();
        let tail = self.store.tail(&zone, 0, &|_| Vec::new()).unwrap();
        let read = |(_, _, bytes): &(u64, _, Vec<u8>)| {
            let entry: steadfast_core::ledger::Entry = serde_json::from_slice(bytes).unwrap();
            entry.event
        };
        tail.entries.iter().map(read).collect()
    }
}
