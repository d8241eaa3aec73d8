//! Makes a failing trace small: from every event that happened to the few that matter.
//!
//! A write alone takes a dozen events (asked, decided, stored, sent, delivered, answered, read back
//! three times…), so leaving out single events of the whole form comes to no short story. In the
//! told form (see [`crate::follow`]) each line is a thing that somebody did or a delay, and leaving
//! one out means "no delay": the rest follows at once. What is kept breaks the same invariant, and
//! leaves nothing open that was not: a server that is down for good converges nowhere, and that is
//! another story (faults have to end before [`crate::action::Action::Check`] claims anything).

mod actors;

use crate::action::{Action, Verb};
use crate::follow::{self, POLL};
use crate::kit::Kit;
use crate::oracle::Violation;
use crate::run::Outcome;
use crate::scenario::{BACK, FORTH};
use crate::trace::{Broken, Follows, Line, Trace, broken, hex};

/// What shrinking came to.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smaller trace.
    pub trace: Trace,
    /// How many runs it took.
    pub runs: u64,
}

/// Why a trace can't be made smaller.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotShrunk {
    /// Nothing is broken by it.
    #[error("the trace breaks nothing: there is nothing to keep while it is made smaller")]
    Clean,
    /// The violation depends on an order that the told form does not have.
    #[error("the violation does not survive being told: only the whole trace shows it")]
    OnlyWhole,
}

/// A story of so many lines is short. Above that, up to [`NEARLY`], what takes many runs is tried.
const SHORT: usize = 12;
/// See [`SHORT`].
const NEARLY: usize = 20;

struct Search {
    kit: Kit,
    wanted: Violation,
    best: Trace,
    runs: u64,
    most: u64,
}

/// Makes a trace smaller. `most` bounds the number of runs.
///
/// # Errors
/// A trace that breaks nothing, or only whole.
pub fn shrink(kit: Kit, trace: &Trace, most: u64) -> Result<Shrunk, NotShrunk> {
    let outcome = kit.again(trace);
    let wanted = outcome.violation.clone().ok_or(NotShrunk::Clean)?;
    let mut best = trace.clone();
    if trace.header.follows == Follows::Nothing {
        best.header.follows = Follows::AtOnce;
        best.lines = follow::name(kit, &trace.header.setting, &outcome.trace);
    }
    let mut search = Search {
        kit,
        wanted,
        best,
        runs: 1,
        most,
    };
    search.best.header.until = search.end();
    let start = search.best.clone();
    if !search.take(start) {
        return Err(NotShrunk::OnlyWhole);
    }
    search.all();
    let Search { best, runs, .. } = search;
    Ok(Shrunk { trace: best, runs })
}

impl Search {
    fn end(&self) -> Option<u64> {
        let last = self.best.lines.last().map_or(0, |l| l.at);
        Some(self.best.header.until.unwrap_or(last).max(last))
    }

    /// Whether a trace breaks the same; then it is the best so far, ending where it breaks.
    fn take(&mut self, mut tried: Trace) -> bool {
        if self.runs >= self.most {
            return false;
        }
        self.runs += 1;
        // What a line brought about may come by itself, when somebody looks again.
        tried.header.until = tried.header.until.map(|until| until + 2 * POLL);
        let outcome = self.kit.again(&tried);
        let same = |found: &Violation| found.is_part_of(&self.wanted);
        if !outcome.violation.as_ref().is_some_and(same) {
            return false;
        }
        let Some(found) = broken(&outcome) else {
            return false;
        };
        settle(&mut tried, &outcome, found);
        self.best = tried;
        true
    }

    /// Everything, until nothing more can go.
    fn all(&mut self) {
        loop {
            let before = (self.best.lines.len(), self.best.header.setting.clone());
            self.leave_out();
            self.fewer_actors();
            self.plain_verbs();
            self.pairs();
            self.threes();
            self.other_hands();
            if before == (self.best.lines.len(), self.best.header.setting.clone()) {
                break;
            }
        }
        self.round_times();
    }

    /// Lines, many at a time and then one by one.
    fn leave_out(&mut self) {
        let mut size = self.best.lines.len().div_ceil(2).max(1);
        loop {
            let mut end = self.best.lines.len();
            let mut gone = false;
            // From the end: what was done early gives the later lines their numbers.
            while end > 0 {
                let start = end.saturating_sub(size);
                let mut less = self.best.clone();
                less.lines.drain(start..end);
                gone |= self.take(less);
                end = start.min(self.best.lines.len());
            }
            if size == 1 && !gone {
                return;
            }
            size = if size == 1 { 1 } else { size.div_ceil(2) };
        }
    }

    /// Two lines that only make sense together: a stop and its end, a backup and its restoring.
    fn pairs(&mut self) {
        let mut i = 0;
        while i < self.best.lines.len().min(60) {
            let mut j = i + 1;
            while j < self.best.lines.len().min(60) {
                let mut less = self.best.clone();
                less.lines.remove(j);
                less.lines.remove(i);
                if !self.take(less) {
                    j += 1;
                }
            }
            i += 1;
        }
    }

    /// Whether it is worth while to try what takes many runs.
    fn is_nearly_short(&self) -> bool {
        (SHORT + 1..=NEARLY).contains(&self.best.lines.len())
    }

    /// Three lines that only make sense together, in a story that is nearly short enough.
    fn threes(&mut self) {
        let mut i = 0;
        while self.is_nearly_short() && i < self.best.lines.len() {
            let before = self.best.lines.len();
            'one: for j in i + 1..before {
                for k in j + 1..before {
                    let mut less = self.best.clone();
                    for at in [k, j, i] {
                        less.lines.remove(at);
                    }
                    if self.take(less) {
                        break 'one;
                    }
                }
            }
            // Fewer lines: another stands here now.
            i += usize::from(self.best.lines.len() == before);
        }
    }

    /// A verb at another enactor, where that spares a line: a start, or a delay.
    fn other_hands(&mut self) {
        let mut i = 0;
        while self.is_nearly_short() && i < self.best.lines.len() {
            let before = self.best.lines.len();
            self.other_hand(i);
            i += usize::from(self.best.lines.len() == before);
        }
    }

    fn other_hand(&mut self, i: usize) {
        let Some(Action::Operate(by, verb)) = self.best.lines.get(i).map(|l| l.action.clone())
        else {
            return;
        };
        let others = (0..self.best.header.setting.enactors).filter(|e| *e != by);
        for e in others {
            for gone in (0..self.best.lines.len()).filter(|gone| *gone != i) {
                let mut less = self.best.clone();
                if let Some(line) = less.lines.get_mut(i) {
                    line.action = Action::Operate(e, verb.clone());
                }
                less.lines.remove(gone);
                if self.take(less) {
                    return;
                }
            }
        }
    }

    /// Any enactor, the last server, and what is odd about servers.
    fn fewer_actors(&mut self) {
        for e in (0..self.best.header.setting.enactors).rev() {
            if self.best.header.setting.enactors > 1 {
                self.take(actors::without(&self.best, e));
            }
        }
        while self.best.header.setting.servers.len() > 1 {
            let mut less = self.best.clone();
            less.header.setting.servers.pop();
            if !self.take(less) {
                break;
            }
        }
        for i in 0..self.best.header.setting.servers.len() {
            let mut less = self.best.clone();
            if let Some(server) = less.header.setting.servers.get_mut(i)
                && *server != crate::scenario::Nature::default()
            {
                *server = crate::scenario::Nature::default();
                self.take(less);
            }
        }
    }

    /// The two contents that everybody knows, in place of drawn ones.
    fn plain_verbs(&mut self) {
        for i in 0..self.best.lines.len() {
            for recipe in [FORTH, BACK] {
                let mut plain = self.best.clone();
                match plain.lines.get_mut(i).map(|l| &mut l.action) {
                    Some(Action::Operate(_, Verb::Apply(n))) if *n != FORTH && *n != BACK => {
                        *n = recipe;
                    }
                    _ => continue,
                }
                self.take(plain);
            }
        }
    }

    /// Times as people would write them.
    fn round_times(&mut self) {
        for grain in [5_000, 1_000, 500, 100, 10] {
            for i in 0..self.best.lines.len() {
                let mut round = self.best.clone();
                let Some(at) = round.lines.get(i).map(|l| l.at) else {
                    break;
                };
                if at % grain == 0 {
                    continue;
                }
                let up = at.next_multiple_of(grain);
                for line in round.lines.iter_mut().skip(i) {
                    line.at = line.at.max(up);
                }
                round.header.until = round.header.until.map(|u| u.max(up) + grain);
                self.take(round);
            }
        }
    }
}

/// Writes into a trace what it comes to, and leaves out what would come after.
fn settle(trace: &mut Trace, outcome: &Outcome, found: Broken) {
    let end = outcome.trace.last().map_or(0, |e| e.at);
    let end = end.saturating_sub(crate::world::DAWN);
    trace.header.until = Some(end);
    // What would come later never comes; its name holds back until then.
    trace.lines.retain(|l: &Line| l.at <= end || holds(l));
    for line in trace.lines.iter_mut().filter(|l| l.at > end) {
        line.at = end;
        line.which.never = true;
    }
    trace.header.violation = Some(found);
    trace.header.hash = hex(outcome.hash);
}

/// Whether a line, by being there, holds something back.
pub(crate) fn holds(line: &Line) -> bool {
    matches!(
        line.action,
        Action::Store(_)
            | Action::Answer(_)
            | Action::Wake(_)
            | Action::Send(_)
            | Action::Deliver(_)
            | Action::Look(_)
            | Action::Return(_)
            | Action::Show(_)
    )
}
