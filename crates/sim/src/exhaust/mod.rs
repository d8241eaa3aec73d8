//! Every interleaving of a small world.
//!
//! Breadth first, so that the first violation found is one of the shortest, and its trace is one
//! that [`crate::replay`] accepts. The production lifecycle steps unchanged, and the same oracle
//! judges each state. Time passes in whole seconds: a timer rings at the next one, and a write
//! takes effect at any time until its deadline.
//!
//! A search whose frontier ran empty has seen every state that its moves lead to, within its
//! budgets of faults; one that hit a bound has not, and says so.

mod moves;
mod picture;
mod seen;

use crate::action::{Action, Event, Verb};
use crate::kit::Kit;
use crate::run::{Outcome, Setting, build, replay};
use crate::scenario::{BACK, FORTH, MORE, NOTES, Nature};
use moves::{Move, Node};
use seen::Seen;

/// A small world and its bounds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Small {
    /// How many enactors.
    pub enactors: u8,
    /// How many servers.
    pub servers: u8,
    /// What operators ask for, in this order, each at any enactor and any time.
    pub verbs: Vec<Verb>,
    /// How often an enactor dies.
    pub crashes: u8,
    /// How often an answer does not come, or comes after nobody waits for it.
    pub losses: u8,
    /// How often a write arrives twice.
    pub doubles: u8,
    /// How often a server loses its marker.
    pub wipes: u8,
    /// How often a server comes back from a backup of any time.
    pub restores: u8,
    /// How often somebody else sets an RRset.
    pub edits: u8,
    /// How often time passes until every deadline is over.
    pub waits: u8,
    /// Generations that were made before the search begins.
    pub history: u32,
    /// How many moves deep.
    pub depth: u32,
    /// How many states at most.
    pub most: usize,
    /// The only invariant to look for; nothing is looked for behind a violation of another.
    pub wanted: Option<&'static str>,
}

impl Small {
    /// That many enactors, plans that move `www` forth and back, and crashes, on one server.
    pub fn new(enactors: u8, plans: u32, crashes: u8) -> Small {
        // A content that comes back too often is refused: two sources disagree.
        let verb = |n: u32| Verb::Apply([FORTH, BACK, MORE][n as usize % 3]);
        Small {
            enactors,
            servers: 1,
            verbs: (0..plans).map(verb).collect(),
            crashes,
            losses: 0,
            doubles: 0,
            wipes: 0,
            waits: 0,
            restores: 0,
            edits: 0,
            history: 0,
            depth: 40,
            most: 2_000_000,
            wanted: None,
        }
    }

    fn setting(&self) -> Setting {
        Setting {
            enactors: self.enactors,
            servers: vec![Nature::default(); usize::from(self.servers)],
            names: 0,
            fleet: Default::default(),
            staged: false,
        }
    }
}

/// How far a search has come.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// States reached, each as often as a move led to it.
    pub states: u64,
    /// Different ones.
    pub unique: u64,
    /// States in which nobody has anything to do of their own accord: all must be done there.
    pub ends: u64,
    /// How many moves deep it went.
    pub depth: u32,
    /// Whether nothing is left to look at. Otherwise a bound was hit.
    pub exhausted: bool,
    /// The bounds that were hit.
    pub bounds: Vec<Bound>,
    /// The first violation, with one of the shortest traces to it.
    pub violation: Option<Outcome>,
}

/// What ended a search that has not seen every state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// [`Small::depth`].
    Depth,
    /// [`Small::most`].
    States,
    /// Nothing is looked for behind a violation that is not [`Small::wanted`].
    Unwanted,
}

/// How many unique states are found between two words of progress.
const OFTEN: u64 = 10_000;

/// Searches the whole of a small world. `progress` is told at the end of each level, and now and
/// then inside of one.
pub fn exhaust(kit: Kit, small: &Small, progress: &mut dyn FnMut(&Report)) -> Report {
    let mut search = Search::new(kit, small);
    search.run(progress);
    search.report
}

struct Search<'a> {
    kit: Kit,
    small: &'a Small,
    /// What led to the first state.
    opening: Vec<Event>,
    seen: Seen,
    /// For each unique state, in the order of finding, where it came from.
    came: Vec<(u32, Move)>,
    level: Vec<(u32, Node)>,
    /// Whether something was not looked behind.
    left_out: bool,
    report: Report,
}

impl<'a> Search<'a> {
    fn new(kit: Kit, small: &'a Small) -> Search<'a> {
        let mut opening = Vec::new();
        let node = open(kit, small, &mut opening);
        let mut seen = Seen::default();
        seen.insert(picture::picture(
            &node.world,
            &node.beside(),
            node.goes_back(),
        ));
        let report = Report {
            states: 1,
            unique: 1,
            ..Report::default()
        };
        Search {
            kit,
            small,
            opening,
            seen,
            came: vec![(0, Move::Wait)],
            level: vec![(0, node)],
            left_out: false,
            report,
        }
    }

    fn run(&mut self, progress: &mut dyn FnMut(&Report)) {
        while !self.level.is_empty() && self.report.depth < self.small.depth {
            let level = std::mem::take(&mut self.level);
            self.report.depth += 1;
            for (index, node) in level {
                if !self.expand(index, node, progress) {
                    return;
                }
            }
            progress(&self.report);
        }
        if !self.level.is_empty() {
            self.report.bounds.push(Bound::Depth);
        }
        if self.left_out {
            self.report.bounds.push(Bound::Unwanted);
        }
        self.report.exhausted = self.report.bounds.is_empty();
    }

    /// Looks at everything that follows from a state; `false`: the search is over.
    fn expand(&mut self, index: u32, node: Node, progress: &mut dyn FnMut(&Report)) -> bool {
        let (moves, busy) = node.moves(self.small);
        if !busy {
            self.report.ends += 1;
            if let Some(outcome) = self.undone(index, &node) {
                self.report.violation = Some(outcome);
                return false;
            }
        }
        let mut events = Vec::new();
        let mut node = Some(node);
        let mut moves = moves.into_iter().peekable();
        while let Some(step) = moves.next() {
            let last = moves.peek().is_none();
            let next = if last { node.take() } else { node.clone() };
            let Some(mut next) = next else { break };
            events.clear();
            next.go(step, self.small, &mut events);
            self.report.states += 1;
            if let Some(violation) = &next.world.oracle.violation {
                let wanted = self.small.wanted;
                if wanted.is_some_and(|w| w != violation.invariant) {
                    self.left_out = true;
                    continue;
                }
                let trace = self.trace(index, Some(step));
                self.report.violation = Some(replay(self.kit, &self.small.setting(), &trace));
                return false;
            }
            if !self.seen.insert(picture::picture(
                &next.world,
                &next.beside(),
                next.goes_back(),
            )) {
                continue;
            }
            if self.came.len() >= self.small.most {
                self.report.bounds.push(Bound::States);
                return false;
            }
            let place = self.came.len() as u32;
            self.came.push((index, step));
            self.report.unique += 1;
            if self.report.unique.is_multiple_of(OFTEN) {
                progress(&self.report);
            }
            self.level.push((place, next));
        }
        true
    }

    /// Nobody does anything of their own accord: then all must be done.
    fn undone(&self, index: u32, node: &Node) -> Option<Outcome> {
        let mut last = node.clone();
        let mut events = Vec::new();
        last.act(Action::Calm, &mut events);
        if self.small.restores > 0 || self.small.edits > 0 {
            // Who is at rest does not look: a restart does.
            last.look_again(&mut events);
            settle(&mut last, self.small, &mut events);
        }
        last.act(Action::Check, &mut events);
        last.world.oracle.violation.as_ref()?;
        let mut trace = self.trace(index, None);
        trace.extend(events);
        Some(replay(self.kit, &self.small.setting(), &trace))
    }

    /// The events that led to a state, and those of one more move.
    fn trace(&self, index: u32, step: Option<Move>) -> Vec<Event> {
        let mut moves: Vec<Move> = step.into_iter().collect();
        let mut at = index;
        while let Some((from, step)) = self.came.get(at as usize).filter(|_| at > 0) {
            moves.push(*step);
            at = *from;
        }
        let mut node = open(self.kit, self.small, &mut Vec::new());
        let mut trace = self.opening.clone();
        for step in moves.into_iter().rev() {
            node.go(step, self.small, &mut trace);
        }
        trace
    }
}

/// A world in which markers are planted, the history is made, and everybody is at rest.
fn open(kit: Kit, small: &Small, trace: &mut Vec<Event>) -> Node {
    let mut node = Node::new(build(kit, &small.setting()), small);
    for e in 0..small.enactors {
        node.act(Action::Start(e), trace);
        settle(&mut node, small, trace);
    }
    for n in 0..small.history {
        let recipe = NOTES + u64::from(n);
        node.act(Action::Operate(0, Verb::Apply(recipe)), trace);
        settle(&mut node, small, trace);
    }
    node
}

/// Everybody does what there is to do, in order, until nobody has anything.
fn settle(node: &mut Node, small: &Small, trace: &mut Vec<Event>) {
    const ENOUGH: usize = 10_000;
    for _ in 0..ENOUGH {
        let (moves, busy) = node.moves(small);
        match moves.first().filter(|_| busy) {
            Some(step) => node.go(*step, small, trace),
            None => return,
        }
    }
}
