//! All zones of a server.

use crate::generation::Generation;
use crate::request::Request;
use crate::tree::parent;
use dns::{Name, Rtype};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The zones that are served, each as one generation, and the server's own name (RFC 5001).
///
/// Immutable: a change makes another catalog, which shares all generations but one.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    zones: BTreeMap<Vec<u8>, Arc<Generation>>,
    nsid: Vec<u8>,
}

impl Catalog {
    /// A catalog without zones.
    pub fn new(nsid: &[u8]) -> Catalog {
        Catalog {
            zones: BTreeMap::new(),
            nsid: nsid.to_vec(),
        }
    }

    /// The same with this generation in place of whatever the zone had.
    #[must_use]
    pub fn with(&self, generation: Arc<Generation>) -> Catalog {
        let mut catalog = self.clone();
        let apex = generation.apex_wire.clone();
        catalog.zones.insert(apex, generation);
        catalog
    }

    /// The generation of a zone.
    pub fn zone(&self, apex: &Name) -> Option<&Arc<Generation>> {
        self.zones.get(apex.to_wire().as_slice())
    }

    /// All generations, by the names of their zones.
    pub fn zones(&self) -> impl Iterator<Item = &Arc<Generation>> {
        self.zones.values()
    }

    pub(crate) fn nsid(&self) -> &[u8] {
        &self.nsid
    }

    /// The zone that answers a request: the one with the longest name; for DS at its apex the one
    /// above, if we have it (RFC 4035 §3.1.4.1).
    pub(crate) fn find(&self, request: &Request<'_>) -> Option<&Generation> {
        let mut name = request.name();
        let mut at_apex = None;
        loop {
            if let Some(zone) = self.zones.get(name) {
                let is_ds = Rtype(request.qtype) == Rtype::DS && name.len() == request.name().len();
                if !is_ds {
                    return Some(zone);
                }
                at_apex = Some(&**zone);
            }
            match parent(name) {
                Some(up) => name = up,
                None => return at_apex,
            }
        }
    }
}
