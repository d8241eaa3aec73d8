//! All names of a zone, found by hash; a change copies only the shards that it touches.
//!
//! A shard is one allocation of some sixteen names: their hashes side by side in a cache line,
//! then where each begins, then the nodes. So a name is found with three looks at memory: the
//! list of shards, the hashes, the node. Versions of a zone share the shards that are the same.

use crate::node::{self, Node, NodeBuf};
use dns::{Name, RRset, Zone};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names per shard, on average, when a tree is built.
const PER_SHARD: usize = 16;
/// Names per shard at which the whole is spread over more.
const TOO_MANY: usize = 64;

/// An immutable index of a zone's names, empty non-terminals among them.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// A power of two of them.
    shards: Vec<Arc<[u8]>>,
    names: usize,
    /// Names other than the apex with NS or DNAME: where nothing below is ours to answer. While
    /// there are none, nobody looks for them.
    cuts: usize,
    apex_len: usize,
}

/// A fast hash of octets. Who asks cannot make names collide: only who fills the zone could.
#[inline]
fn hash(name: &[u8]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut h = (name.len() as u64).wrapping_mul(K);
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        h = (h ^ u64::from_le_bytes(*word)).wrapping_mul(K);
        h ^= h >> 29;
    }
    let tail = rest.iter().fold(0u64, |t, b| t << 8 | u64::from(*b));
    h = (h ^ tail).wrapping_mul(K);
    h ^= h >> 32;
    h = h.wrapping_mul(K);
    h ^ h >> 29
}

/// The name without its leftmost label; `None` for the root.
#[inline]
pub(crate) fn parent(name: &[u8]) -> Option<&[u8]> {
    match name.first() {
        None | Some(0) => None,
        Some(len) => name.get(1 + usize::from(*len)..),
    }
}

fn is_wildcard(name: &[u8]) -> bool {
    name.starts_with(b"\x01*")
}

impl Tree {
    /// The names of a zone.
    pub(crate) fn build(zone: &Zone) -> Tree {
        let mut staging = Staging::default();
        let rrsets: Vec<&RRset> = zone.iter().collect();
        let apex = zone.apex().to_wire();
        staging.open.push(Open::new(apex.clone(), &[]));
        for group in rrsets.chunk_by(|a, b| a.name() == b.name()) {
            if let Some(first) = group.first() {
                staging.owner(first.name(), group, apex.len());
            }
        }
        staging.close_down_to(0);
        staging.finish(apex.len())
    }

    /// How many names there are, empty non-terminals among them.
    pub(crate) fn names(&self) -> usize {
        self.names
    }

    /// Whether some name but the apex is a delegation or a DNAME.
    #[inline]
    pub(crate) fn has_cuts(&self) -> bool {
        self.cuts > 0
    }

    /// Finds a name in lower-case wire form.
    #[inline]
    pub(crate) fn find(&self, name: &[u8]) -> Option<Node<'_>> {
        let hash = hash(name);
        let shard = self.shards.get(self.shard_of(hash))?;
        let tag = (hash as u32).to_le_bytes();
        let (count, rest) = shard.split_first_chunk::<4>()?;
        let count = u32::from_le_bytes(*count) as usize;
        let (tags, rest) = rest.as_chunks::<4>().0.split_at_checked(count)?;
        for (i, _) in tags.iter().enumerate().filter(|(_, t)| **t == tag) {
            let at = u32::from_le_bytes(*rest.get(i)?) as usize;
            let node = Node::read(shard.get(at..)?)?;
            if node.name == name {
                return Some(node);
            }
        }
        None
    }

    /// All names, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Node<'_>> {
        self.shards.iter().flat_map(|shard| nodes(shard))
    }

    fn shard_of(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.shards.len() - 1)
    }

    /// Starts a change.
    pub(crate) fn edit(&self) -> Editor<'_> {
        Editor {
            tree: self,
            open: BTreeMap::new(),
            names: self.names,
            cuts: self.cuts,
        }
    }

    /// Makes shards of encoded nodes.
    fn of_nodes(octets: &[u8], places: &[(u64, usize)], apex_len: usize) -> Tree {
        let shards = (places.len() / PER_SHARD).next_power_of_two();
        let mut tree = Tree {
            shards: Vec::new(),
            names: places.len(),
            cuts: 0,
            apex_len,
        };
        let mut sorted: Vec<(u64, usize)> = places.to_vec();
        let mask = shards as u64 - 1;
        sorted.sort_unstable_by_key(|(hash, at)| (hash >> 32 & mask, *at));
        let mut rest = sorted.as_slice();
        for shard in 0..shards as u64 {
            let len = rest.partition_point(|(hash, _)| hash >> 32 & mask == shard);
            let (own, others) = rest.split_at(len);
            rest = others;
            let own = own.iter().filter_map(|(_, at)| octets.get(*at..));
            let own: Vec<&[u8]> = own.filter_map(whole_node).collect();
            let cuts = own.iter().filter_map(|octets| Node::read(octets));
            tree.cuts += cuts
                .filter(|node| is_cut(node.name, node.flags, apex_len))
                .count();
            tree.shards.push(shard_of_nodes(&own));
        }
        tree
    }
}

fn is_cut(name: &[u8], flags: u8, apex_len: usize) -> bool {
    flags & (node::HAS_NS | node::HAS_DNAME) != 0 && name.len() != apex_len
}

/// The octets of the node at the front, and no more.
fn whole_node(octets: &[u8]) -> Option<&[u8]> {
    let node = Node::read(octets)?;
    let mut len = 1 + node.name.len() + 5 + 2;
    for set in node.sets() {
        len += 10 + set.data().map(|d| d.len() + 2).sum::<usize>();
    }
    octets.get(..len)
}

fn shard_of_nodes(nodes: &[&[u8]]) -> Arc<[u8]> {
    let head = 4 + 8 * nodes.len();
    let mut out = Vec::with_capacity(head + nodes.iter().map(|n| n.len()).sum::<usize>());
    out.extend_from_slice(&(nodes.len() as u32).to_le_bytes());
    let names = nodes.iter().filter_map(|octets| Node::read(octets));
    for node in names {
        out.extend_from_slice(&(hash(node.name) as u32).to_le_bytes());
    }
    let mut at = head;
    for octets in nodes {
        out.extend_from_slice(&(at as u32).to_le_bytes());
        at += octets.len();
    }
    for octets in nodes {
        out.extend_from_slice(octets);
    }
    out.into()
}

fn nodes(shard: &[u8]) -> impl Iterator<Item = Node<'_>> {
    let words = shard.as_chunks::<4>().0;
    let count = words.first().map_or(0, |c| u32::from_le_bytes(*c) as usize);
    let places = words.get(1 + count..1 + 2 * count).unwrap_or_default();
    let places = places.iter().map(|at| u32::from_le_bytes(*at) as usize);
    places.filter_map(|at| Node::read(shard.get(at..)?))
}

/// Names on the way from the apex to the one that is read, none of them written yet: how many
/// children they have is known when all were read.
#[derive(Default)]
struct Staging<'a> {
    open: Vec<Open<'a>>,
    octets: Vec<u8>,
    places: Vec<(u64, usize)>,
}

struct Open<'a> {
    name: Vec<u8>,
    children: u32,
    wildcard: bool,
    sets: &'a [&'a RRset],
}

impl<'a> Open<'a> {
    fn new(name: Vec<u8>, sets: &'a [&'a RRset]) -> Open<'a> {
        Open {
            name,
            children: 0,
            wildcard: false,
            sets,
        }
    }
}

impl<'a> Staging<'a> {
    /// Takes the next owner; owners come in canonical order, so a name's ancestors come before it.
    fn owner(&mut self, owner: &Name, sets: &'a [&'a RRset], apex_len: usize) {
        let name = owner.to_wire();
        // Ancestors between the apex and the name, the topmost first, the name itself last.
        let mut path: Vec<&[u8]> = vec![&name];
        while let Some(up) = path.last().and_then(|last| parent(last))
            && up.len() >= apex_len
        {
            path.push(up);
        }
        path.reverse();
        let known = self.open.iter().zip(&path);
        let common = known.take_while(|(open, name)| open.name == **name).count();
        self.close_down_to(common);
        for ancestor in path.get(common..).unwrap_or_default() {
            if let Some(above) = self.open.last_mut() {
                above.children += 1;
                above.wildcard |= is_wildcard(ancestor);
            }
            self.open.push(Open::new(ancestor.to_vec(), &[]));
        }
        if let Some(last) = self.open.last_mut() {
            last.sets = sets;
        }
    }

    fn close_down_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(open) = self.open.pop() else { return };
            self.places.push((hash(&open.name), self.octets.len()));
            let sets = open.sets.iter().copied();
            node::write(
                &open.name,
                open.children,
                open.wildcard,
                sets,
                &mut self.octets,
            );
        }
    }

    fn finish(self, apex_len: usize) -> Tree {
        Tree::of_nodes(&self.octets, &self.places, apex_len)
    }
}

/// A change under way.
#[derive(Debug)]
pub(crate) struct Editor<'a> {
    tree: &'a Tree,
    open: BTreeMap<usize, Vec<NodeBuf>>,
    names: usize,
    cuts: usize,
}

impl Editor<'_> {
    /// Gives `name` these RRsets and no others; without any it ceases to exist, unless something
    /// is below it.
    pub(crate) fn put(&mut self, name: &[u8], sets: BTreeMap<dns::Rtype, RRset>) {
        let apex_len = self.tree.apex_len;
        let cut = |sets: &BTreeMap<dns::Rtype, RRset>| {
            let there = |rtype| sets.contains_key(&rtype);
            name.len() != apex_len && (there(dns::Rtype::NS) || there(dns::Rtype::DNAME))
        };
        self.cuts += usize::from(cut(&sets));
        let empty = sets.is_empty();
        match self.node(name) {
            Some(node) => {
                let before = std::mem::replace(&mut node.sets, sets);
                let unused = empty && node.children == 0 && name.len() != apex_len;
                self.cuts -= usize::from(cut(&before));
                if unused {
                    self.remove(name);
                }
            }
            None if empty => {}
            None => {
                let node = NodeBuf {
                    sets,
                    ..NodeBuf::empty(name)
                };
                self.insert(node);
            }
        }
    }

    /// The changed tree.
    pub(crate) fn finish(self) -> Tree {
        let mut tree = Tree {
            names: self.names,
            cuts: self.cuts,
            ..self.tree.clone()
        };
        for (at, nodes) in self.open {
            if let Some(shard) = tree.shards.get_mut(at) {
                *shard = encode(&nodes);
            }
        }
        if tree.names > TOO_MANY * tree.shards.len() {
            return tree.spread();
        }
        tree
    }

    fn shard(&mut self, name: &[u8]) -> &mut Vec<NodeBuf> {
        let at = self.tree.shard_of(hash(name));
        let tree = self.tree;
        self.open.entry(at).or_insert_with(|| {
            let shard = tree.shards.get(at).map_or(&[][..], |shard| shard);
            nodes(shard).map(|node| NodeBuf::of(&node)).collect()
        })
    }

    fn node(&mut self, name: &[u8]) -> Option<&mut NodeBuf> {
        self.shard(name).iter_mut().find(|node| node.name == name)
    }

    fn insert(&mut self, node: NodeBuf) {
        let name = node.name.clone();
        self.names += 1;
        self.shard(&name).push(node);
        let apex_len = self.tree.apex_len;
        let Some(above) = parent(&name).filter(|above| above.len() >= apex_len) else {
            return;
        };
        if self.node(above).is_none() {
            self.insert(NodeBuf::empty(above));
        }
        if let Some(above) = self.node(above) {
            above.children += 1;
            above.wildcard |= is_wildcard(&name);
        }
    }

    fn remove(&mut self, name: &[u8]) {
        self.names -= 1;
        self.shard(name).retain(|node| node.name != name);
        let apex_len = self.tree.apex_len;
        let Some(above) = parent(name) else { return };
        if let Some(node) = self.node(above) {
            node.children -= 1;
            node.wildcard &= !is_wildcard(name);
            if node.children == 0 && node.sets.is_empty() && above.len() > apex_len {
                self.remove(above);
            }
        }
    }
}

fn encode(nodes: &[NodeBuf]) -> Arc<[u8]> {
    let one = |node: &NodeBuf| {
        let mut octets = Vec::new();
        node.write(&mut octets);
        octets
    };
    let octets: Vec<Vec<u8>> = nodes.iter().map(one).collect();
    let octets: Vec<&[u8]> = octets.iter().map(Vec::as_slice).collect();
    shard_of_nodes(&octets)
}

impl Tree {
    /// The same over as many shards as it has grown to need.
    fn spread(&self) -> Tree {
        let (mut octets, mut places) = (Vec::new(), Vec::new());
        for node in self.iter() {
            places.push((hash(node.name), octets.len()));
            NodeBuf::of(&node).write(&mut octets);
        }
        Tree::of_nodes(&octets, &places, self.apex_len)
    }
}
