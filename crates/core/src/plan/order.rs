//! In which order owners change, so that nothing is pointed at before it is there or after it is
//! gone.

use super::path::{At, END, Path};
use crate::guards::answer::{self, Trace, closest_encloser};
use crate::guards::walk::is_pointer;
use dns::{Name, RRset, Rtype, View};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::ops::Range;

/// All changes of one owner: they travel together.
#[derive(Clone, Debug)]
pub(super) struct Unit<'a> {
    pub(super) name: &'a Name,
    /// Places in the list of changes.
    pub(super) changes: Range<usize>,
}

/// The owners that change, in canonical order.
pub(super) fn units(changes: &[dns::Change]) -> Vec<Unit<'_>> {
    let mut units: Vec<Unit<'_>> = Vec::new();
    for (i, change) in changes.iter().enumerate() {
        match units.last_mut().filter(|u| u.name == change.name()) {
            Some(unit) => unit.changes.end = i + 1,
            None => units.push(Unit {
                name: change.name(),
                changes: i..i + 1,
            }),
        }
    }
    units
}

/// The order of the units along `path` (whose positions are not looked at yet): a topological
/// order of what hangs on what. Where that leaves a choice, names that somebody is known to ask for
/// come first when they come to be, and go last when they cease, since what happens beside them
/// may hide a wildcard from them; else the order is canonical. Owners that hang on each other stand
/// next to each other.
pub(super) fn order(path: &Path<'_>, units: &[Unit<'_>], asked_for: &BTreeSet<Name>) -> Vec<u32> {
    let mut graph = Graph {
        path,
        units,
        start: path.at(0),
        end: path.at(END),
        after: vec![BTreeSet::new(); units.len()],
    };
    for unit in 0..units.len() {
        graph.add_targets(unit);
        graph.add_wildcards(unit);
        graph.add_cuts(unit);
    }
    let after: Vec<Vec<u32>> = graph
        .after
        .into_iter()
        .map(|s| s.into_iter().collect())
        .collect();
    let (start, end) = (path.at(0), path.at(END));
    let rank = |unit: &Unit<'_>| {
        let has = |view: &At<'_, '_>| !view.node(unit.name).is_empty();
        match asked_for.contains(unit.name) {
            true if has(&end) && !has(&start) => 0,
            true if has(&start) && !has(&end) => 2,
            _ => 1,
        }
    };
    let ranks: Vec<u8> = units.iter().map(rank).collect();
    topological(&after, &ranks)
}

struct Graph<'g, 'a> {
    path: &'g Path<'a>,
    units: &'g [Unit<'a>],
    start: At<'g, 'a>,
    end: At<'g, 'a>,
    /// For each unit the units that come after it.
    after: Vec<BTreeSet<u32>>,
}

impl Graph<'_, '_> {
    fn unit(&self, name: &Name) -> Option<usize> {
        self.units.binary_search_by(|u| u.name.cmp(name)).ok()
    }

    fn edge(&mut self, first: usize, then: usize) {
        if first != then
            && let Some(after) = self.after.get_mut(first)
        {
            after.insert(then as u32);
        }
    }

    /// What a unit points at after comes first, if it comes to be; what it pointed at before goes
    /// last, if it ceases.
    fn add_targets(&mut self, unit: usize) {
        let Some(Unit { changes, .. }) = self.units.get(unit).cloned() else {
            return;
        };
        for i in changes {
            for target in targets(self.path.to(i)) {
                self.add_target(unit, &target, true);
            }
            for target in targets(self.path.from(i)) {
                self.add_target(unit, &target, false);
            }
        }
    }

    fn add_target(&mut self, unit: usize, target: &Name, comes: bool) {
        let mut trace = Trace::default();
        let before = answer::answer(&self.start, target, &mut trace);
        let after = answer::answer(&self.end, target, &mut trace);
        let matters = if comes {
            after.gains_over(before)
        } else {
            before.gains_over(after)
        };
        if !matters {
            return;
        }
        for name in trace.nodes {
            match self.unit(&name) {
                Some(other) if comes => self.edge(other, unit),
                Some(other) => self.edge(unit, other),
                None => {}
            }
        }
    }

    /// A name that a wildcard answered comes before the wildcard goes, and a name comes before
    /// what is below it, which would hide the wildcard from it. Backwards for what goes.
    fn add_wildcards(&mut self, unit: usize) {
        let Some(name) = self.units.get(unit).map(|u| u.name) else {
            return;
        };
        let (before, after) = (self.start.node(name), self.end.node(name));
        match (before.is_empty(), after.is_empty()) {
            (true, false) => {
                let (parents, wildcard) = self.hidden(name, &self.start);
                for parent in parents {
                    self.edge(parent, unit);
                }
                if let Some(wildcard) = wildcard {
                    self.edge(unit, wildcard);
                }
            }
            (false, true) => {
                let (parents, wildcard) = self.hidden(name, &self.end);
                for parent in parents {
                    self.edge(unit, parent);
                }
                if let Some(wildcard) = wildcard {
                    self.edge(wildcard, unit);
                }
            }
            _ => {}
        }
    }

    /// Around a name that is absent from `view`: the units of its absent ancestors and their
    /// wildcards, and the unit of the wildcard that answers for it.
    fn hidden(&self, name: &Name, view: &At<'_, '_>) -> (Vec<usize>, Option<usize>) {
        if view.exists(name) {
            return (Vec::new(), None);
        }
        let (top, encloser) = closest_encloser(view, name);
        let mut parents = Vec::new();
        let mut ancestor = name.parent();
        while let Some(at) = ancestor.filter(|a| a.is_under(&top)) {
            let wildcard = at.wildcard().ok().filter(|w| w != name);
            parents.extend(self.unit(&at));
            parents.extend(wildcard.and_then(|w| self.unit(&w)));
            ancestor = at.parent();
        }
        let wildcard = encloser.wildcard().ok().filter(|w| w != name);
        (parents, wildcard.and_then(|w| self.unit(&w)))
    }

    /// A DNAME or a delegation comes before what it takes over goes, and goes after what takes over
    /// from it has come.
    fn add_cuts(&mut self, unit: usize) {
        let Some(name) = self.units.get(unit).map(|u| u.name) else {
            return;
        };
        let apex = name == self.start.apex();
        let is_cut = |t: Rtype| t == Rtype::DNAME || t == Rtype::NS && !apex;
        let cut = |node: Vec<&RRset>| node.iter().any(|r| is_cut(r.rtype()));
        let (was, is) = (cut(self.start.node(name)), cut(self.end.node(name)));
        if was == is {
            return;
        }
        let from = self.units.partition_point(|u| u.name <= name);
        for other in from..self.units.len() {
            if !self.units.get(other).is_some_and(|u| u.name.is_under(name)) {
                return;
            }
            let goes = self.loses(other);
            match is {
                true if goes => self.edge(unit, other),
                false if !goes => self.edge(other, unit),
                _ => {}
            }
        }
    }

    /// Whether a unit ends with nothing.
    fn loses(&self, unit: usize) -> bool {
        let name = self.units.get(unit).map(|u| u.name);
        name.is_some_and(|n| self.end.node(n).is_empty())
    }
}

fn targets(rrset: Option<&RRset>) -> Vec<Name> {
    let pointer = rrset.filter(|r| is_pointer(r.rtype()));
    pointer.map(|r| r.targets().collect()).unwrap_or_default()
}

/// Orders nodes so that each comes before those after it; the members of a circle one after
/// another. The lowest rank first where there is a choice, of one rank the smallest.
fn topological(after: &[Vec<u32>], ranks: &[u8]) -> Vec<u32> {
    let (circle_of, circles) = circles(after);
    let mut waits = vec![0u32; circles.len()];
    let mut leads: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); circles.len()];
    for (node, next) in after.iter().enumerate() {
        for other in next.iter().map(|n| circle_of[*n as usize]) {
            if other != circle_of[node] && leads[circle_of[node]].insert(other) {
                waits[other] += 1;
            }
        }
    }
    let rank = |c: usize| circles[c].iter().map(|n| ranks[*n as usize]).min();
    // By their smallest members.
    let ready = |c: usize| Reverse((rank(c), circles[c].first().copied(), c));
    let mut heap: BinaryHeap<_> = (0..circles.len())
        .filter(|c| waits[*c] == 0)
        .map(ready)
        .collect();
    let mut order = Vec::with_capacity(after.len());
    while let Some(Reverse((_, _, circle))) = heap.pop() {
        order.extend_from_slice(&circles[circle]);
        for other in &leads[circle] {
            waits[*other] -= 1;
            if waits[*other] == 0 {
                heap.push(ready(*other));
            }
        }
    }
    order
}

/// Strongly connected components (Tarjan 1972), without recursion: for each node its component,
/// and for each component its nodes in order.
fn circles(after: &[Vec<u32>]) -> (Vec<usize>, Vec<Vec<u32>>) {
    const NEW: u32 = u32::MAX;
    let count = after.len();
    let (mut index, mut low) = (vec![NEW; count], vec![0u32; count]);
    let mut circle_of = vec![usize::MAX; count];
    let mut circles: Vec<Vec<u32>> = Vec::new();
    let (mut stack, mut next) = (Vec::new(), 0u32);
    for root in 0..count {
        if index[root] != NEW {
            continue;
        }
        // Each frame: a node and how many of its edges are done.
        let mut frames = vec![(root, 0usize)];
        while let Some((node, edge)) = frames.pop() {
            if edge == 0 {
                (index[node], low[node]) = (next, next);
                next += 1;
                stack.push(node);
            }
            if let Some(to) = after[node].get(edge).map(|n| *n as usize) {
                frames.push((node, edge + 1));
                if index[to] == NEW {
                    frames.push((to, 0));
                } else if circle_of[to] == usize::MAX {
                    low[node] = low[node].min(index[to]);
                }
                continue;
            }
            if low[node] == index[node] {
                let at = stack.iter().rposition(|n| *n == node).unwrap_or_default();
                let mut members: Vec<u32> = stack.split_off(at).iter().map(|n| *n as u32).collect();
                members.sort_unstable();
                for member in &members {
                    circle_of[*member as usize] = circles.len();
                }
                circles.push(members);
            }
            if let Some((parent, _)) = frames.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
        }
    }
    (circle_of, circles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_comes_first_and_circles_stay_together() {
        // 0 needs 3, 3 and 1 need each other, 2 is free.
        let after = vec![vec![], vec![3], vec![], vec![0, 1]];
        let plain = |after: &[Vec<u32>]| topological(after, &vec![1; after.len()]);
        assert_eq!(plain(&after), vec![1, 3, 0, 2]);
        assert_eq!(topological(&after, &[1, 1, 0, 1]), vec![2, 1, 3, 0]);
        assert_eq!(topological(&after, &[0, 2, 1, 1]), vec![1, 3, 0, 2]);
        assert_eq!(plain(&[]), Vec::<u32>::new());
        assert_eq!(plain(&[vec![1], vec![2], vec![0]]), vec![0, 1, 2]);
        let long: Vec<Vec<u32>> = (0..50_000)
            .map(|i| Vec::from_iter((i > 0).then(|| i - 1)))
            .collect();
        let expected: Vec<u32> = (0..50_000).rev().collect();
        assert_eq!(plain(&long), expected);
    }
}
