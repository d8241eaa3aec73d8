//! The lifecycle: brings every server of a zone to what its ledger says, one fenced write at a time.
//!
//! Any number of enactors run it over one ledger. None leads: each derives the next write from the
//! ledger, records it there by compare-and-swap, sends it, and reads it back. Per server:
//!
//! ```text
//!            ┌────────────── marker not as expected ─────────────┐
//!            ▼                                                   │
//!  Unread ─► Reading ─► Seen ─► Ready ─► Deciding ─► Sending ─► Unread (read back)
//!            ▲           │        │      (append)     (write)
//!            │           │        └─► Rest     nothing to do until the ledger grows
//!            └─ Waiting ◄┴─► Comparing         marker gone: transfer, compare, plant again
//! ```
//!
//! One input, then drain: [`Lifecycle::step`] takes one input and returns every effect that
//! follows. Nothing happens between calls.

mod apart;
mod back;
mod clock;
mod compare;
mod course;
mod draft;
mod judge;
mod met;
mod next;
mod patrol;
mod print;
mod replant;
mod rests;
mod run;
mod settle;
mod stages;
mod submission;
mod targets;
mod write;

pub use course::CourseError;
pub(crate) use judge::zone_text;
pub use print::{Print, print_reading};
pub use submission::Submission;

use crate::body::{Body, BodyError};
use crate::book::{Book, BookError};
use crate::freezes::Freezes;
use crate::health::{self, Slot};
use crate::ledger::{Entry, Event, Found, HeldTarget, Loss, Move, ServerId, State, Stored};
use crate::marker::Holding;
use crate::policy::Policy;
use crate::rollout;
use crate::safeguards::{Full, Safeguard, Safeguards};
use crate::server::{Reading, Reply, Write};
use crate::time::{Millis, Time};
use crate::written::Written;
use dns::{Digest, Name, Rtype, Zone};
use draft::Draft;
use run::{Phase, Run};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed.
    Wake,
    /// The ledger's entries after the last one known: the answer to [`Effect::Refresh`].
    Tail(Vec<Stored>, Vec<(Digest, Written<Body>)>),
    /// An append was done.
    Appended,
    /// An append was refused, because somebody else's came first: these entries.
    Conflict(Vec<Stored>, Vec<(Digest, Written<Body>)>),
    /// The store failed. Nothing is decided from here on (I8).
    StoreFailed(String),
    /// A server's answer to a write.
    Written(ServerId, u64, Reply),
    /// A server's answer to a read, or why there is none.
    Read(ServerId, Result<Reading, String>),
    /// A whole transfer, or why there is none.
    Transferred(ServerId, Result<Zone, String>),
    /// SOA serials of a server and all its followers, or why one of them is not known.
    Serials(ServerId, Result<Vec<u32>, String>),
    /// Servers that have nothing to do are to be looked at: somebody else may have edited them.
    Patrol,
    /// An operator's or the gate's events.
    Submit(Submission),
    /// What a prober, by its name, saw of targets, and what its own clock shows: the one that the
    /// readings carry, which need not be the clock of the ledger's writers.
    Probed(String, Time, Vec<(Slot, health::Reading)>),
    /// What a check said: the answer to the [`Effect::Check`] with that number.
    Checked(u64, rollout::Reading),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Read the ledger after the last entry known.
    Refresh,
    /// Append by compare-and-swap, durably, before any later effect of this server is done.
    Append(Append),
    /// Send a write.
    Write(ServerId, Write),
    /// Read marker, these RRsets, marker again, and the SOA.
    Read(ServerId, Vec<(Name, Rtype)>),
    /// Transfer the zone.
    Transfer(ServerId),
    /// Ask the server and all its followers for their SOA serials.
    Serials(ServerId),
    /// Call again with [`Input::Wake`] at that time, if nothing happens before.
    WakeAt(Time),
    /// Tell the operator.
    Tell(Notice),
    /// Look at something, for a stage.
    Check(rollout::Ask),
}

/// An append to the ledger: all of it or nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Append {
    /// The ledger's last entry must be this one.
    pub expect_last: u64,
    /// The new entries.
    pub entries: Vec<Stored>,
    /// New bodies.
    pub bodies: Vec<(Digest, Written<Body>)>,
    /// Bodies to forget.
    pub forget: Vec<Digest>,
    /// The state after the new entries, from time to time.
    pub snapshot: Option<Vec<u8>>,
}

/// What an operator may want to see.
#[derive(Clone, PartialEq, Debug)]
pub enum Notice {
    /// A submission is in the ledger, its last entry having this number.
    Submitted(u64),
    /// A submission was dropped, because the ledger moved since it was decided.
    Stale,
    /// A write is on its way.
    Sent(ServerId, u64, Holding),
    /// A server answered a write with something else than yes.
    Answered(ServerId, u64, Reply),
    /// A write was read back.
    Applied(ServerId, u64, Holding),
    /// A write was refused, and something newer stands there.
    Lost(ServerId, u64, Loss, String),
    /// A foreign edit stands in the way.
    Drift(ServerId, Vec<Found>),
    /// A server came back with an older marker.
    Restored(ServerId, u64),
    /// Nothing is written to a server until somebody looked.
    Halted(ServerId, String, String),
    /// A server does not answer, or not usefully.
    Waiting(ServerId, String),
    /// No way to the present configuration passes.
    Blocked(ServerId, CourseError),
    /// Plans were forgotten, up to and including this generation's.
    Cleaned(u64),
    /// Targets went out or came back: the health generation, and what moved.
    Moved(u64, Vec<Move>),
    /// Sick targets of an endpoint stay in; none: the checks are believed again.
    Held(Name, Vec<HeldTarget>),
    /// Nothing was moved, and why: the gate did not let what the checks say pass.
    Kept(String),
    /// The ledger can't be trusted or reached: everything stays as it is (I8).
    Doubt(String),
    /// A stage began, passed, failed, or can't be decided: the ledger's event.
    Stage(Box<Event>),
}

/// Runs one zone. See the module's text.
#[derive(Clone, Debug)]
pub struct Lifecycle<S: Safeguards = Full> {
    policy: Arc<Policy>,
    /// Who decides, for the ledger.
    by: String,
    book: Book,
    runs: BTreeMap<ServerId, Run>,
    submissions: Vec<Submission>,
    inflight: Option<Draft>,
    /// Unowned content, which guards need to see.
    context: Option<Arc<Zone>>,
    /// Why nothing is decided any more.
    doubt: Option<String>,
    refreshing: bool,
    /// What files freeze.
    freezes: Freezes,
    /// What the clock showed last.
    clock: Time,
    /// Whether the zone was frozen when effects were derived last.
    frozen: bool,
    watch: targets::Watch,
    readings: stages::Readings,
    safeguards: S,
}

impl Lifecycle {
    /// A lifecycle that knows nothing of the ledger yet: feed it the whole [`Input::Tail`].
    pub fn new(policy: Policy, by: String) -> Lifecycle {
        Lifecycle::resume(policy, by, Book::default())
    }

    /// A lifecycle that goes on from a book.
    pub fn resume(policy: Policy, by: String, book: Book) -> Lifecycle {
        Lifecycle::with(Full, policy, by, book)
    }
}

impl<S: Safeguards> Lifecycle<S> {
    /// A lifecycle with these safeguards, that goes on from a book.
    pub fn with(safeguards: S, policy: Policy, by: String, book: Book) -> Lifecycle<S> {
        Lifecycle {
            policy: Arc::new(policy),
            by,
            book,
            runs: BTreeMap::new(),
            submissions: Vec::new(),
            inflight: None,
            context: None,
            doubt: None,
            refreshing: false,
            freezes: Freezes::default(),
            clock: Time::default(),
            frozen: false,
            watch: targets::Watch::default(),
            readings: stages::Readings::default(),
            safeguards,
        }
    }

    /// What it looks at before it acts.
    pub fn safeguards(&self) -> S {
        self.safeguards
    }

    /// The state of the zone, as far as the ledger was read.
    pub fn state(&self) -> &State {
        self.book.state()
    }

    /// The book.
    pub fn book(&mut self) -> &mut Book {
        &mut self.book
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Says what stands in the zone beside what is owned, for the guards.
    pub fn set_context(&mut self, unowned: Zone) {
        self.context = Some(Arc::new(unowned));
    }

    /// Says what files freeze: before each step, by whoever reads the folder.
    pub fn obey(&mut self, freezes: Freezes) {
        if self.freezes != freezes {
            self.freezes = freezes;
            self.runs.values_mut().for_each(Run::rouse);
            self.watch_all();
        }
    }

    /// What files freeze.
    pub fn freezes(&self) -> &Freezes {
        &self.freezes
    }

    /// Takes events in without doing anything yet: they go with whatever the next input leads to.
    pub fn offer(&mut self, submission: Submission) {
        self.submissions.push(submission);
    }

    /// Whether every server was brought as far as it can be for now: nothing is in flight, being
    /// read or waited for.
    pub fn is_at_rest(&self) -> bool {
        self.inflight.is_none()
            && self.submissions.is_empty()
            && self
                .state()
                .servers
                .keys()
                .all(|id| self.runs.get(id).is_some_and(Run::is_at_rest))
    }

    /// Takes one input and returns every effect that follows from it.
    pub fn step(&mut self, now: Time, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.tell_time(now);
        self.take(now, input, &mut effects);
        if self.doubt.is_none() {
            self.drive(now, &mut effects);
        }
        effects
    }

    fn take(&mut self, now: Time, input: Input, effects: &mut Vec<Effect>) {
        if let Input::Read(id, _) | Input::Transferred(id, _) | Input::Serials(id, _) = &input
            && self.runs.get_mut(id).is_some_and(Run::is_outdated)
        {
            return;
        }
        match input {
            Input::Wake => {
                let due = |r: &mut Run| r.wake(now);
                let woken = self.runs.values_mut().map(due).filter(|w| *w).count();
                if woken > 0 || self.is_at_rest() {
                    self.refresh(effects);
                }
            }
            Input::Tail(entries, bodies) => {
                self.refreshing = false;
                self.read(&entries, &bodies, effects);
            }
            Input::Appended => self.appended(now, effects),
            Input::Conflict(entries, bodies) => {
                self.overtaken(effects);
                self.read(&entries, &bodies, effects);
            }
            Input::StoreFailed(why) => self.distrust(why, effects),
            Input::Written(server, seq, reply) => self.written(now, &server, seq, reply, effects),
            Input::Read(server, result) => self.seen(now, &server, result, effects),
            Input::Transferred(server, result) => self.transferred(now, &server, result, effects),
            Input::Serials(server, result) => self.serials(now, &server, result, effects),
            Input::Patrol => self.patrol(),
            Input::Submit(submission) => self.submissions.push(submission),
            Input::Probed(prober, clock, readings) => self.probed(now, prober, clock, readings),
            Input::Checked(ask, reading) => self.checked(ask, reading),
        }
    }

    /// Derives what follows from what is known.
    fn drive(&mut self, now: Time, effects: &mut Vec<Effect>) {
        let ids: Vec<ServerId> = self.state().servers.keys().cloned().collect();
        for id in &ids {
            self.runs.entry(id.clone()).or_default();
        }
        self.thaw(now);
        self.read_unread(effects);
        if self.inflight.is_some() || self.refreshing {
            return;
        }
        let mut draft = Draft::new(self.book.shared_state(), &self.by, now);
        self.judge_targets(now, &mut draft, effects);
        let moved = !draft.is_empty();
        self.submit(now, &mut draft, effects);
        if moved || draft.is_empty() || draft.goes_on() {
            self.judge_stage(now, &mut draft, effects);
            for id in self.in_turn(ids, draft.state()) {
                self.advance(now, &id, &mut draft, effects);
            }
            self.clean(now, &mut draft);
        }
        self.read_unread(effects);
        self.append(now, draft, effects);
        let thaw = self.state().freeze(now).and_then(|f| f.until);
        let wakes = self.runs.values().filter_map(Run::wakes_at).chain(thaw);
        let wakes = wakes.chain(self.watch.wakes_at());
        let wakes = wakes.chain(self.stage_wakes_at(now));
        if let Some(wake) = wakes.min() {
            effects.push(Effect::WakeAt(wake));
        }
    }

    /// A freeze may end by itself, without an entry that says so.
    fn thaw(&mut self, now: Time) {
        let frozen = self.state().freeze(now).is_some();
        if std::mem::replace(&mut self.frozen, frozen) && !frozen {
            self.runs.values_mut().for_each(Run::rouse);
        }
    }

    /// Puts at most one submission into the draft. What the gate let pass is followed by what it
    /// leads to, in the same append (I11); everything else travels alone.
    fn submit(&mut self, now: Time, draft: &mut Draft, effects: &mut Vec<Effect>) {
        while draft.is_empty() && !self.submissions.is_empty() {
            let submission = self.submissions.remove(0);
            if !submission.is_permitted(self.safeguards, now, draft.state().last) {
                effects.push(Effect::Tell(Notice::Stale));
                continue;
            }
            for body in submission.bodies.iter().cloned() {
                draft.attach(body);
            }
            for event in &submission.events {
                self.stage(event, draft);
                draft.push(event.clone());
            }
            draft.submission = Some(submission);
            if draft.goes_on() {
                self.runs.values_mut().for_each(Run::rouse);
            }
        }
    }

    /// Somebody else's append came first. What people said holds whatever came before it, and is
    /// said again; what was decided on the ledger's old end is stale.
    fn overtaken(&mut self, effects: &mut Vec<Effect>) {
        let draft = self.inflight.take();
        // What was to be said of targets is found anew.
        let entries = draft.iter().flat_map(|d| d.entries());
        self.watch.look_anew(entries.map(|(entry, _)| &entry.event));
        match draft.and_then(|draft| draft.submission) {
            Some(said) if said.is_said() || !self.safeguards.has(Safeguard::ClearedAtEnd) => {
                self.submissions.insert(0, said)
            }
            Some(_) => effects.push(Effect::Tell(Notice::Stale)),
            None => {}
        }
        self.runs.values_mut().for_each(Run::undecide);
    }

    fn append(&mut self, now: Time, mut draft: Draft, effects: &mut Vec<Effect>) {
        if draft.is_empty() {
            return;
        }
        effects.push(Effect::Append(draft.take_append()));
        if !self.safeguards.has(Safeguard::LedgerFirst) {
            self.anticipate(now, &draft, effects);
        }
        self.inflight = Some(draft);
    }

    /// Sends what is decided and not durable yet. Only weakened safeguards do.
    fn anticipate(&mut self, now: Time, draft: &Draft, effects: &mut Vec<Effect>) {
        let book = self.book.clone();
        for (hash, body) in draft.bodies() {
            self.book.keep(*hash, body.clone());
        }
        self.book.moved_to(draft.shared_state());
        self.send_decided(now, draft, effects);
        self.book = book;
    }

    fn send_decided(&mut self, now: Time, draft: &Draft, effects: &mut Vec<Effect>) {
        for (entry, _) in draft.entries() {
            if let Event::Decided(decision) = &entry.event {
                self.send(now, &decision.server, entry.seq, effects);
            }
        }
    }

    fn appended(&mut self, now: Time, effects: &mut Vec<Effect>) {
        let Some(draft) = self.inflight.take() else {
            return;
        };
        for (hash, body) in draft.bodies() {
            self.book.keep(*hash, body.clone());
        }
        self.book.moved_to(draft.shared_state());
        for (entry, _) in draft.entries() {
            self.after(entry);
            // Who submits knows what it says.
            if draft.submission.is_none() {
                self.tell(entry, effects);
            }
        }
        if draft.submission.is_some() {
            effects.push(Effect::Tell(Notice::Submitted(self.state().last)));
        }
        if self.safeguards.has(Safeguard::LedgerFirst) {
            self.send_decided(now, &draft, effects);
        }
    }

    /// Notices for entries of our own that are now in the ledger.
    fn tell(&self, entry: &Entry, effects: &mut Vec<Effect>) {
        let notice = match &entry.event {
            Event::Applied { server, write, .. } => {
                let decided = self
                    .state()
                    .servers
                    .get(server)
                    .and_then(|s| s.decisions.get(write));
                decided.map(|d| Notice::Applied(server.clone(), *write, d.decision.holding))
            }
            Event::Lost {
                server,
                write,
                why,
                detail,
            } => Some(Notice::Lost(server.clone(), *write, *why, detail.clone())),
            Event::Drifted { server, found } => Some(Notice::Drift(server.clone(), found.clone())),
            Event::Restored { server, found } => Some(Notice::Restored(server.clone(), *found)),
            Event::Halted {
                server,
                reason,
                fix,
                ..
            } => Some(Notice::Halted(server.clone(), reason.clone(), fix.clone())),
            Event::Cleaned { through, .. } => Some(Notice::Cleaned(*through)),
            Event::Moved { health, moves, .. } => Some(Notice::Moved(*health, moves.clone())),
            Event::Watched { endpoint, held } => Some(Notice::Held(endpoint.clone(), held.clone())),
            event => self.stage_notice(event),
        };
        effects.extend(notice.map(Effect::Tell));
    }

    fn read(
        &mut self,
        entries: &[Stored],
        bodies: &[(Digest, Written<Body>)],
        effects: &mut Vec<Effect>,
    ) {
        let bodies = bodies.iter().map(|(hash, bytes)| (*hash, bytes));
        match self.book.read(entries, bodies) {
            Ok(read) => {
                read.iter().for_each(|entry| self.after(entry));
                if !read.is_empty() {
                    self.runs.values_mut().for_each(Run::rouse);
                }
            }
            Err(why) => self.distrust(why.to_string(), effects),
        }
    }

    /// Forgets what an entry makes obsolete.
    fn after(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Adopted(_) => self.runs.clear(),
            Event::Cleaned { forgotten, .. } => forgotten.iter().for_each(|h| self.book.forget(h)),
            Event::Moved {
                moves, forgotten, ..
            } => {
                forgotten.iter().for_each(|h| self.book.forget(h));
                self.was_moved(moves);
                self.runs.values_mut().for_each(Run::rouse);
            }
            Event::Cleared { .. }
            | Event::Frozen { .. }
            | Event::Thawed { .. }
            | Event::Passed { .. }
            | Event::Released => {
                self.runs.values_mut().for_each(Run::rouse);
            }
            Event::Resumed { server } => {
                if let Some(run) = self.runs.get_mut(server) {
                    run.look_anew();
                }
            }
            event => {
                if let Some(run) = event.server().and_then(|id| self.runs.get_mut(id)) {
                    // Somebody else may have repaired it, and it may be back from a backup again.
                    run.repair = None;
                    run.rouse();
                }
            }
        }
    }

    fn refresh(&mut self, effects: &mut Vec<Effect>) {
        if !self.refreshing && self.inflight.is_none() {
            self.refreshing = true;
            effects.push(Effect::Refresh);
        }
    }

    fn distrust(&mut self, why: String, effects: &mut Vec<Effect>) {
        effects.push(Effect::Tell(Notice::Doubt(why.clone())));
        self.doubt = Some(why);
        self.inflight = None;
    }

    /// Starts a read for every server of which nothing is known.
    fn read_unread(&mut self, effects: &mut Vec<Effect>) {
        let ids: Vec<ServerId> = self
            .runs
            .iter()
            .filter(|(_, r)| r.phase == Phase::Unread)
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            let wanted = self.wanted(&id);
            if let Some(run) = self.runs.get_mut(&id) {
                run.phase = Phase::Reading;
                effects.push(Effect::Read(id, wanted));
            }
        }
    }
}

impl From<BodyError> for CourseError {
    fn from(error: BodyError) -> CourseError {
        CourseError::Book(BookError::Body(error))
    }
}

/// The pause before the `attempt`-th try: doubles up to five seconds, spread by a fifth so that
/// enactors do not march in step. `salt` differs between enactors and servers.
pub(crate) fn pause(attempt: u32, salt: &str) -> Millis {
    let base = 25u64 << attempt.min(8);
    let spread = Digest::of(format!("{salt} {attempt}").as_bytes()).0[0];
    Millis(base.min(5_000) + base.min(5_000) * u64::from(spread) / 1280)
}
