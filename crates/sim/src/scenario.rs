//! The zone, its policy, the contents that operators ask for, and how rough the world is.

pub mod doses;
mod fates;
pub mod file;

use crate::action::Event;
use crate::cache::Keeps;
use crate::rng::Rng;
use crate::server::{Habit, Records};
use crate::targets::Fleet;
use dns::pattern::Pattern;
use dns::{Name, RRset, Rtype, Zone, rdata};
pub use doses::Doses;
pub use fates::Fates;
pub use file::Expect;
use serde::{Deserialize, Serialize};
use steadfast_core::policy::{Limit, Limits, PerName, Policy};
use steadfast_core::time::Millis;

/// How rough the world is. Parts per million are per occasion.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name: what its file is called.
    pub name: String,
    /// How many enactors.
    pub enactors: u8,
    /// How many servers.
    pub servers: u8,
    /// How many critical names like an endpoint's, besides the story's: see [`endpoints`].
    pub names: u16,
    /// Endpoints with targets, and who probes them.
    pub fleet: Fleet,
    /// What befalls targets and probers.
    pub fates: Fates,
    /// Whether plans go out in stages.
    pub staged: bool,
    /// How many followers a server has at most; drawn for each.
    pub followers: u8,
    /// How many caches clients ask, at most; drawn.
    pub caches: u8,
    /// How they keep answers.
    pub keeps: Keeps,
    /// How long faults last, in milliseconds of the world's clock.
    pub rough: u64,
    /// How long everything may take to come to rest afterwards.
    pub calm: u64,
    /// How many operators' verbs.
    pub verbs: u32,
    /// Which faults may be drawn at all.
    pub faults: Faults,
    /// How often and how long.
    pub doses: Doses,
    /// How the servers are; empty: drawn for each run.
    pub natures: Vec<Nature>,
    /// What happens in every run, at these moments. It has the starts: nobody else starts.
    pub schedule: Vec<Event>,
    /// What must be seen.
    pub expect: Expect,
}

/// Switches of faults. Each seed draws which of these it uses, and how often (swarm).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Faults {
    /// Enactors stop and go on.
    pub stalls: bool,
    /// Enactors die and start again.
    pub crashes: bool,
    /// Packets are lost, late, doubled; links are cut; servers are down.
    pub network: bool,
    /// Served views trail.
    pub lag: bool,
    /// Clocks differ by up to two seconds.
    pub skew: bool,
    /// An enactor's clock is set far off, and right again later.
    pub jumps: bool,
    /// Servers refuse, or drop a CNAME that meets other data.
    pub habits: bool,
    /// Somebody else edits.
    pub foreign: bool,
    /// Freezes and thaws.
    pub freezes: bool,
    /// Backups are restored.
    pub restores: bool,
    /// Zone files without the marker are loaded.
    pub reloads: bool,
    /// Copies of the store come into use.
    pub copies: bool,
    /// The store fails.
    pub store_failures: bool,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Faults = Faults {
        stalls: false,
        crashes: false,
        network: false,
        lag: false,
        skew: false,
        jumps: false,
        habits: false,
        foreign: false,
        freezes: false,
        restores: false,
        reloads: false,
        copies: false,
        store_failures: false,
    };

    /// Everything may.
    pub const ALL: Faults = Faults {
        stalls: true,
        crashes: true,
        network: true,
        lag: true,
        skew: true,
        jumps: true,
        habits: true,
        foreign: true,
        freezes: true,
        restores: true,
        reloads: true,
        copies: true,
        store_failures: true,
    };

    /// A random part of these: each seed looks at another corner (swarm testing).
    #[must_use]
    pub fn draw(&self, rng: &mut Rng) -> Faults {
        let mut half = |on: bool| on && rng.chance(500_000);
        Faults {
            stalls: half(self.stalls),
            crashes: half(self.crashes),
            network: half(self.network),
            lag: half(self.lag),
            skew: half(self.skew),
            habits: half(self.habits),
            foreign: half(self.foreign),
            freezes: half(self.freezes),
            restores: half(self.restores) && half(true),
            reloads: half(self.reloads) && half(true),
            copies: half(self.copies) && half(true),
            store_failures: half(self.store_failures),
            jumps: half(self.jumps) && half(true),
        }
    }
}

impl Scenario {
    /// The busy world that speed is measured in: somebody changes something all the time, and
    /// nothing goes wrong.
    #[must_use]
    pub fn busy() -> Scenario {
        Scenario {
            name: "busy".into(),
            servers: 4,
            names: 50,
            verbs: 150,
            faults: Faults::NONE,
            ..Scenario::default()
        }
    }
}

impl Default for Scenario {
    fn default() -> Scenario {
        Scenario {
            name: "standard".into(),
            enactors: 3,
            servers: 2,
            names: 0,
            fleet: Fleet::default(),
            fates: Fates::NONE,
            staged: false,
            followers: 2,
            caches: 2,
            keeps: Keeps::Answers,
            rough: 60_000,
            calm: 180_000,
            verbs: 8,
            faults: Faults::ALL,
            doses: Doses::default(),
            natures: Vec::new(),
            schedule: Vec::new(),
            expect: Expect::default(),
        }
    }
}

/// The zone of every scenario.
pub fn apex() -> Name {
    name("example.com")
}

/// An absolute name; the texts are this crate's own.
pub fn name(text: &str) -> Name {
    Name::absolute(text).unwrap_or_else(|e| unreachable!("{text}: {e}"))
}

/// An RRset from one line: owner under the zone, TTL, type, data.
pub fn rrset(owner: &str, ttl: u32, rtype: Rtype, data: &[&str]) -> RRset {
    let owner = Name::parse(owner, &apex()).unwrap_or_else(|e| unreachable!("{owner}: {e}"));
    let one = |text: &&str| {
        let tokens: Vec<&str> = text.split(' ').collect();
        rdata::from_text(rtype, &tokens, &apex()).unwrap_or_else(|e| unreachable!("{text}: {e}"))
    };
    RRset::new(owner, rtype, ttl, data.iter().map(one)).unwrap_or_else(|e| unreachable!("{e}"))
}

/// The policy of every scenario, with so many endpoints. UPDATEs are small, so plans have several
/// steps.
pub fn policy(names: u16) -> Policy {
    let limit = |count, share| Limit {
        count: Some(count),
        share_ppm: share,
    };
    Policy {
        zone: apex(),
        own: vec![
            Pattern::parse("**", &apex()).unwrap_or_else(|e| unreachable!("a good pattern: {e}")),
        ],
        ignore: Vec::new(),
        critical: critical(names),
        limits: Limits {
            // In a small zone the share is what bites, in a larger one the count.
            create: limit(4, None),
            change: limit(3, Some(500_000)),
            delete: limit(2, None),
            per_name: PerName {
                create: Some(limit(2, None)),
                change: None,
                delete: Some(limit(2, Some(500_000))),
            },
        },
        ttl_min: 1,
        ttl_max: 86_400,
        max_rrset: 3,
        // An endpoint's four addresses, before and after, have to fit in one.
        max_update: if names == 0 { 840 } else { 1_000 },
        deadline: Millis::seconds(10),
        read_back: Millis::seconds(8),
        keep: 3,
        stages: Vec::new(),
    }
}

/// Names that may never be empty: the story's, and so many endpoints.
pub fn critical(names: u16) -> Vec<Name> {
    let story = ["www.example.com", "api.example.com"].map(name);
    let endpoints = endpoints(names).map(|set| set.name().clone());
    story.into_iter().chain(endpoints).collect()
}

/// What all endpoints are below.
const ENDPOINTS: &str = "svc.example.com.";

/// Endpoint number `n` as its targets are when it moves for the `to`th time: two addresses, in two
/// networks.
pub fn endpoint(n: u16, to: u8) -> RRset {
    let addresses = [format!("198.18.{to}.1"), format!("198.19.{to}.1")];
    let data = addresses.each_ref().map(String::as_str);
    rrset(&format!("e{n}.{ENDPOINTS}"), 60, Rtype::A, &data)
}

/// So many endpoints, as they are at the start.
pub fn endpoints(names: u16) -> impl Iterator<Item = RRset> {
    (0..names).map(|n| endpoint(n, 0))
}

/// What is delegated, once somebody delegates it.
const CUT: &str = "sub.example.com.";

/// A content with what no recipe knows of as another has it: who asks for a recipe leaves endpoints
/// and delegations as they are.
#[must_use]
pub fn beside(content: Zone, present: &Zone) -> Zone {
    let above = [ENDPOINTS, CUT, crate::targets::LIVE].map(name);
    let known = |set: &&RRset| above.iter().any(|at| set.name().is_under(at));
    let mut kept = present.iter().filter(known).peekable();
    if kept.peek().is_none() {
        return content;
    }
    let all = content.iter().chain(kept).cloned().collect();
    Zone::new(apex(), all).unwrap_or(content)
}

/// A content and more of it.
#[must_use]
pub fn along(content: &Zone, more: Vec<RRset>) -> Zone {
    let all = content.iter().cloned().chain(more).collect();
    Zone::new(apex(), all).unwrap_or_else(|_| content.clone())
}

/// A content with one endpoint moved.
#[must_use]
pub fn moving(content: &Zone, set: RRset) -> Zone {
    let others = content.iter().filter(|r| r.name() != set.name()).cloned();
    let all = others.chain([set.clone()]).collect();
    Zone::new(apex(), all).unwrap_or_else(|_| content.clone())
}

/// The recipe that moves `www` to `pool-b` and deletes `pool-a`.
pub const FORTH: u64 = 1_000_001;
/// The recipe of the content that everything starts with.
pub const BACK: u64 = 1_000_002;
/// The recipe of that content and a note.
pub const MORE: u64 = 1_000_003;
/// The recipe of that content and an alias at `old`.
pub const ALIAS: u64 = 1_000_004;
/// The recipe of that content and an address at `old`.
pub const DATA: u64 = 1_000_005;

/// From this recipe on: the content that everything starts with, and the recipe's number as a note.
pub const NOTES: u64 = 2_000_000;

/// Wanted content number `n`. All but every twentieth, which lacks `api`, give `www` and `api` an
/// address; `www` is an alias of one of three pools, of which some may be gone.
pub fn recipe(n: u64) -> Zone {
    match n {
        FORTH => return moved(),
        BACK => return start(0),
        MORE => return with(rrset("note", 60, Rtype::TXT, &["more"])),
        ALIAS => return with(rrset("old", 60, Rtype::CNAME, &["www"])),
        NOTES.. => return with(rrset("note", 60, Rtype::TXT, &[&n.to_string()])),
        DATA => return with(rrset("old", 60, Rtype::A, &["192.0.2.99"])),
        _ => {}
    }
    let mut rng = Rng::new(n);
    let pools = ["pool-a", "pool-b", "pool-c"];
    let live = rng.below(3) as usize;
    let mut sets = vec![rrset("@", 3600, Rtype::NS, &["ns1.example.net."])];
    let target = pools.get(live).copied().unwrap_or("pool-a");
    sets.push(rrset("www", 60, Rtype::CNAME, &[target]));
    for (i, pool) in pools.iter().enumerate() {
        if i == live || rng.chance(400_000) {
            let address = format!("192.0.2.{}", 10 * (i as u64 + 1) + rng.below(2));
            sets.push(rrset(pool, 60, Rtype::A, &[&address]));
        }
    }
    let address = format!("198.51.100.{}", rng.below(3) + 1);
    if n % 20 != 13 {
        sets.push(rrset("api", 60, Rtype::A, &[&address]));
    }
    if rng.chance(500_000) {
        let text = format!("v{}", rng.below(3));
        sets.push(rrset("note", 60, Rtype::TXT, &[&text]));
    }
    if rng.chance(300_000) {
        sets.push(rrset("old", 60, Rtype::CNAME, &["www"]));
    } else if rng.chance(300_000) {
        // From an alias to data and back: not every server is able to do it.
        sets.push(rrset("old", 60, Rtype::A, &["192.0.2.99"]));
    }
    Zone::new(apex(), sets).unwrap_or_else(|e| unreachable!("{e}"))
}

/// How many ways there are to spoil a content.
pub const SPOILT: u8 = 19;

/// How many of them people knew first: those keep their draws.
pub const SPOILT_AT_FIRST: u8 = 10;

/// A content with something in it that no plan may do: what a broken source or a tired person
/// would ask for. Guards have to refuse each.
pub fn spoil(content: &Zone, kind: u8) -> Zone {
    let ns = |target: &str| rrset("@", 3600, Rtype::NS, &[target]);
    let text = |n: u32| rrset(&format!("extra{n}"), 60, Rtype::TXT, &["x"]);
    let mut sets: Vec<RRset> = content.iter().cloned().collect();
    match kind {
        0 => sets.clear(),
        1 => sets.truncate(sets.len() / 2),
        2 => sets.push(rrset("spoilt", 100_000, Rtype::TXT, &["ttl"])),
        3 => sets.push(rrset("spoilt", 0, Rtype::TXT, &["ttl"])),
        4 => sets.push(rrset("spoilt", 60, Rtype::CNAME, &["nowhere"])),
        5 => sets
            .iter_mut()
            .filter(|s| s.rtype() == Rtype::NS)
            .for_each(|s| *s = ns("other.example.net.")),
        6 => sets.retain(|s| s.rtype() != Rtype::NS),
        7 => sets.extend((0..5).map(text)),
        8 => sets
            .iter_mut()
            .for_each(|s| *s = s.with_ttl(120).unwrap_or_else(|_| s.clone())),
        10 => sets.push(rrset("many", 60, Rtype::TXT, &["a", "b", "c", "d"])),
        11 => sets.extend(crowd()),
        12 => sets.retain(|s| s.name() != &name("many.example.com")),
        13 => sets.extend(crowd().into_iter().take(2)),
        14..19 => delegate(&mut sets, kind),
        _ => {
            // An alias without its pool: the name that may never be empty.
            let target = content.get(&name("www.example.com"), Rtype::CNAME);
            let target = target.and_then(|www| www.targets().next());
            sets.retain(|s| Some(s.name()) != target.as_ref());
        }
    }
    sets.dedup_by(|a, b| (a.name(), a.rtype()) == (b.name(), b.rtype()));
    Zone::new(apex(), sets).unwrap_or_else(|_| content.clone())
}

/// Three RRsets of one name.
fn crowd() -> [RRset; 3] {
    [
        rrset("many", 60, Rtype::A, &["192.0.2.98"]),
        rrset("many", 60, Rtype::TXT, &["x"]),
        rrset("many", 60, Rtype::MX, &["10 mail.example.net."]),
    ]
}

/// Delegates a name, signed; where that stands, takes something of it away that caches still need.
fn delegate(sets: &mut Vec<RRset>, kind: u8) {
    let (cut, host) = (name("sub.example.com"), name("ns.sub.example.com"));
    let ds = |tag: &str| rrset("sub", 3600, Rtype::DS, &[tag]);
    if !sets.iter().any(|s| s.name() == &cut) {
        sets.push(rrset("sub", 3600, Rtype::NS, &["ns.sub"]));
        sets.push(rrset("ns.sub", 3600, Rtype::A, &["192.0.2.53"]));
        return sets.push(ds(OLD_KEY));
    }
    match kind {
        14 => sets.retain(|s| s.name() != &cut || s.rtype() != Rtype::NS),
        15 => sets
            .iter_mut()
            .filter(|s| s.name() == &cut && s.rtype() == Rtype::DS)
            .for_each(|s| *s = ds(NEW_KEY)),
        16 => sets.retain(|s| s.name() != &host),
        17 => sets
            .iter_mut()
            .filter(|s| s.name() == &cut && s.rtype() == Rtype::NS)
            .for_each(|s| *s = rrset("sub", 3600, Rtype::NS, &["other.example.net."])),
        _ => sets.retain(|s| s.name() != &cut),
    }
}

const OLD_KEY: &str = "1 13 2 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const NEW_KEY: &str = "2 13 2 bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// The content that everything starts with, with so many endpoints: `www` is an alias of `pool-a`.
pub fn start(names: u16) -> Zone {
    let mut sets = vec![
        rrset("@", 3600, Rtype::NS, &["ns1.example.net."]),
        rrset("www", 60, Rtype::CNAME, &["pool-a"]),
        rrset("pool-a", 60, Rtype::A, &["192.0.2.10"]),
        rrset("pool-b", 60, Rtype::A, &["192.0.2.20"]),
        rrset("api", 60, Rtype::A, &["198.51.100.1"]),
    ];
    sets.extend(endpoints(names));
    Zone::new(apex(), sets).unwrap_or_else(|e| unreachable!("{e}"))
}

fn with(more: RRset) -> Zone {
    let sets = start(0).iter().cloned().chain([more]).collect();
    Zone::new(apex(), sets).unwrap_or_else(|e| unreachable!("{e}"))
}

fn moved() -> Zone {
    let sets = vec![
        rrset("@", 3600, Rtype::NS, &["ns1.example.net."]),
        rrset("www", 60, Rtype::CNAME, &["pool-b"]),
        rrset("pool-b", 60, Rtype::A, &["192.0.2.20"]),
        rrset("api", 60, Rtype::A, &["198.51.100.1"]),
    ];
    Zone::new(apex(), sets).unwrap_or_else(|e| unreachable!("{e}"))
}

/// The SOA that everything starts with.
pub fn soa() -> RRset {
    let data = "ns1.example.net. hostmaster.example.net. 1 3600 600 86400 60";
    rrset("@", 3600, Rtype::SOA, &[data])
}

/// A server's records at the start.
pub fn records(content: &Zone) -> Records {
    let all = content.iter().cloned().chain([soa()]);
    all.map(|r| ((r.name().clone(), r.rtype()), r)).collect()
}

/// How a server behaves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nature {
    /// Whether its served view trails.
    pub lags: bool,
    /// Its habit.
    pub habit: Habit,
}
