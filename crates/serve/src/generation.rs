//! A zone as it is served: immutable, swapped in whole.

use crate::node::HAS_DNAME;
use crate::tree::Tree;
use dns::{Change, Name, RRset, Rtype, Serial, Soa, Zone, ZoneError};
use std::collections::BTreeMap;

/// One version of a zone, indexed for answering. Versions that follow one another share what did
/// not change.
#[derive(Clone, Debug)]
pub struct Generation {
    apex: Name,
    pub(crate) apex_wire: Vec<u8>,
    pub(crate) apex_labels: u8,
    soa: Soa,
    soa_ttl: u32,
    pub(crate) apex_dname: bool,
    pub(crate) tree: Tree,
}

/// Why a zone can't be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneRefused {
    /// Not exactly one SOA record at the apex.
    #[error("zone {0}: {1} SOA records at the apex where one belongs (RFC 1035 §5.2); give it one")]
    Soa(Name, usize),
    /// The zone is signed. Signatures would go stale without a word: nobody here renews them.
    #[error(
        "zone {zone} is signed ({owner} has {rtype}); the built-in server does not serve signed \
         zones yet: give it the zone without DNSSEC records, or leave this zone on its server"
    )]
    Signed {
        /// The zone.
        zone: Name,
        /// Whose record it is.
        owner: Name,
        /// What it is.
        rtype: Rtype,
    },
    /// A CNAME beside other data (RFC 2181 §10.1), or more than one CNAME, DNAME or SOA.
    #[error("zone {zone}: {owner} {rtype} {why}")]
    Conflict {
        /// The zone.
        zone: Name,
        /// The owner.
        owner: Name,
        /// The type.
        rtype: Rtype,
        /// The rule.
        why: &'static str,
    },
    /// Changes that do not fit the zone.
    #[error(transparent)]
    Zone(#[from] ZoneError),
}

/// Types that only a signed zone has.
pub(crate) fn is_signature(rtype: Rtype) -> bool {
    matches!(
        rtype,
        Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3 | Rtype::NSEC3PARAM | Rtype::DNSKEY
    )
}

impl Generation {
    /// Indexes a zone.
    ///
    /// # Errors
    /// A zone without its SOA, a signed one, or one that breaks the rules of CNAME and DNAME.
    pub fn new(zone: &Zone) -> Result<Generation, ZoneRefused> {
        let rrsets: Vec<&RRset> = zone.iter().collect();
        for owner in rrsets.chunk_by(|a, b| a.name() == b.name()) {
            check(zone.apex(), owner)?;
        }
        let soa = zone.get(zone.apex(), Rtype::SOA);
        let tree = Tree::build(zone);
        Generation::of(zone.apex().clone(), soa, tree)
    }

    fn of(apex: Name, soa: Option<&RRset>, tree: Tree) -> Result<Generation, ZoneRefused> {
        let count = soa.map_or(0, RRset::len);
        let (Some(set), Some(soa)) = (soa, soa.and_then(|s| Soa::from_rrset(s).ok())) else {
            return Err(ZoneRefused::Soa(apex, count));
        };
        let apex_wire = apex.to_wire();
        let apex_node = tree.find(&apex_wire);
        Ok(Generation {
            apex_dname: apex_node.is_some_and(|node| node.has(HAS_DNAME)),
            apex_labels: apex.label_count() as u8,
            soa_ttl: set.ttl(),
            apex,
            apex_wire,
            soa,
            tree,
        })
    }

    /// The zone's name.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The zone's SOA.
    pub fn soa(&self) -> &Soa {
        &self.soa
    }

    /// The TTL of the SOA in seconds.
    pub fn soa_ttl(&self) -> u32 {
        self.soa_ttl
    }

    /// The zone's serial.
    pub fn serial(&self) -> Serial {
        self.soa.serial
    }

    /// How many names exist, empty non-terminals among them.
    pub fn names(&self) -> usize {
        self.tree.names()
    }

    /// How long a negative answer is cached, in seconds (RFC 2308 §5).
    pub(crate) fn negative_ttl(&self) -> u32 {
        self.soa_ttl.min(self.soa.minimum)
    }

    /// The RRsets of one owner.
    pub fn at(&self, name: &Name) -> BTreeMap<Rtype, RRset> {
        let Some(node) = self.tree.find(&name.to_wire()) else {
            return BTreeMap::new();
        };
        let sets = node.sets().filter_map(|set| set.to_rrset(name));
        sets.map(|set| (set.rtype(), set)).collect()
    }

    /// All RRsets, those of one owner together, otherwise in no order.
    pub fn rrsets(&self) -> impl Iterator<Item = RRset> {
        self.tree.iter().flat_map(|node| {
            let owner = Name::from_wire(node.name).map(|(name, _)| name);
            let owner = owner.unwrap_or_else(|_| Name::root());
            node.sets().filter_map(move |set| set.to_rrset(&owner))
        })
    }

    /// The content.
    ///
    /// # Errors
    /// None that an index made by [`Generation::new`] and [`Generation::apply`] gives.
    pub fn to_zone(&self) -> Result<Zone, ZoneError> {
        Zone::new(self.apex.clone(), self.rrsets().collect())
    }

    /// The generation after these changes, in any order, each owner and type once. Costs what the
    /// changes cost, not what the zone does.
    ///
    /// # Errors
    /// A before-value that does not stand, an owner outside of the zone, or a result that
    /// [`Generation::new`] would refuse.
    pub fn apply(&self, changes: &[Change]) -> Result<Generation, ZoneRefused> {
        let mut owners: BTreeMap<&Name, BTreeMap<Rtype, RRset>> = BTreeMap::new();
        for change in changes {
            let name = change.name();
            if !name.is_under(&self.apex) {
                return Err(ZoneError::Outside(name.clone(), self.apex.clone()).into());
            }
            let sets = owners.entry(name).or_insert_with(|| self.at(name));
            if sets.get(&change.rtype()) != change.before() {
                return Err(ZoneError::BeforeDiffers(name.clone(), change.rtype()).into());
            }
            sets.remove(&change.rtype());
            sets.extend(change.after().map(|set| (set.rtype(), set.clone())));
        }
        let soa = match owners.get(&self.apex) {
            Some(sets) => sets.get(&Rtype::SOA).cloned(),
            None => self.at(&self.apex).remove(&Rtype::SOA),
        };
        let mut editor = self.tree.edit();
        for (name, sets) in owners {
            check(&self.apex, &sets.values().collect::<Vec<_>>())?;
            editor.put(&name.to_wire(), sets);
        }
        Generation::of(self.apex.clone(), soa.as_ref(), editor.finish())
    }
}

/// Checks the RRsets of one owner.
fn check(apex: &Name, sets: &[&RRset]) -> Result<(), ZoneRefused> {
    for set in sets {
        let (owner, rtype) = (set.name(), set.rtype());
        let refuse = |why| {
            Err(ZoneRefused::Conflict {
                zone: apex.clone(),
                owner: owner.clone(),
                rtype,
                why,
            })
        };
        if is_signature(rtype) {
            return Err(ZoneRefused::Signed {
                zone: apex.clone(),
                owner: owner.clone(),
                rtype,
            });
        }
        match rtype {
            Rtype::CNAME if sets.len() > 1 => {
                return refuse("stands beside other data (RFC 2181 §10.1); keep one of them");
            }
            Rtype::CNAME | Rtype::DNAME if set.len() > 1 => {
                return refuse("is there more than once (RFC 2181 §10.1, RFC 6672 §2.4); keep one");
            }
            Rtype::SOA if owner != apex => {
                return refuse("stands below the apex; an SOA belongs there alone (RFC 1035 §6.2)");
            }
            _ => {}
        }
    }
    Ok(())
}
