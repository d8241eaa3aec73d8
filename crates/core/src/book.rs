//! The book: a zone's state together with the bodies that it needs, read from the ledger.

use crate::body::{Body, BodyError};
use crate::health::{self, Definitions, ENDPOINT, Endpoint, from_rrset, render};
use crate::ledger::{ChainError, Entry, State, Stored};
use crate::marker::Holding;
use crate::plan::Plan;
use crate::written::Written;
use dns::{Change, Digest, Name, Rtype, View, Zone};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A zone's ledger as far as it was read.
#[derive(Clone, Debug, Default)]
pub struct Book {
    state: Arc<State>,
    bodies: BTreeMap<Digest, Arc<Body>>,
    /// Owned content, and the generation it is of.
    head: Option<(u64, Arc<Zone>)>,
    /// The endpoints of a configuration: which adoption and generation they are of.
    endpoints: Option<((u64, u64), Arc<Endpoints>)>,
    /// The definitions that count, of which entry they are, and where they were looked up.
    definitions: Option<((u64, Digest), Places, Arc<Definitions>)>,
}

/// Where a server can be: at a configuration, or so many of a body's steps on the way to it.
type Place = (u64, Option<(Digest, u32)>);

/// Where definitions of endpoints that count are looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Places {
    /// The adoption, and the present configuration.
    head: (u64, u64),
    /// Where servers are, are led to, or may be as soon as somebody looks: the latest first.
    live: Vec<Place>,
    /// What is known as good.
    back: Vec<Place>,
    /// Whether a rollout goes on, which may go back there by itself.
    rolling: bool,
}

/// Endpoints by name.
pub type Endpoints = BTreeMap<Name, Arc<Endpoint>>;

/// Why a book can't be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// The chain of entries is broken.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A body is damaged.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A body is not there.
    #[error("the store lacks the body {0} that generation {1} is made of")]
    Missing(Digest, u64),
    /// A plan does not fit the content that it follows.
    #[error("the plan of generation {0} does not fit the content before it: {1}")]
    Misfit(u64, String),
}

impl Book {
    /// Goes on from a snapshot of the state; the rest comes as entries.
    pub fn from_snapshot(state: State) -> Book {
        Book {
            state: Arc::new(state),
            ..Book::default()
        }
    }

    /// The state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The state, to be shared.
    pub(crate) fn shared_state(&self) -> Arc<State> {
        self.state.clone()
    }

    /// Takes in bodies and entries, in order.
    ///
    /// # Errors
    /// A broken chain or a damaged body; what came before it is taken in.
    pub fn read<'a>(
        &mut self,
        entries: &[Stored],
        bodies: impl IntoIterator<Item = (Digest, &'a Written<Body>)>,
    ) -> Result<Vec<Arc<Entry>>, BookError> {
        for (hash, bytes) in bodies {
            if let std::collections::btree_map::Entry::Vacant(free) = self.bodies.entry(hash) {
                free.insert(Body::open(hash, bytes)?);
            }
        }
        // What was read twice is no news: an answer may be older than what is known by now.
        let known = entries.partition_point(|e| e.seq <= self.state.last);
        let fresh = entries.get(known..).unwrap_or_default();
        let read = Arc::make_mut(&mut self.state).extend(fresh)?;
        for entry in &read {
            for hash in entry.event.forgotten() {
                self.bodies.remove(hash);
            }
        }
        Ok(read)
    }

    /// Takes in the state after what was just appended.
    pub(crate) fn moved_to(&mut self, state: Arc<State>) {
        self.state = state;
    }

    /// Keeps a body that is to be appended.
    pub fn keep(&mut self, hash: Digest, body: Arc<Body>) {
        self.bodies.insert(hash, body);
    }

    /// Lets go of a body.
    pub fn forget(&mut self, hash: &Digest) {
        self.bodies.remove(hash);
    }

    /// A body.
    pub fn body(&self, hash: &Digest) -> Option<&Arc<Body>> {
        self.bodies.get(hash)
    }

    /// All bodies.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = (&Digest, &Arc<Body>)> {
        self.bodies.iter()
    }

    /// The hashes of the bodies that the state refers to: what a store must hand over with it.
    pub fn needed(state: &State) -> Vec<Digest> {
        let mut all = vec![state.content.0];
        all.extend(state.generations.values().filter_map(|g| g.plan));
        all.extend(state.proposals.values().map(|p| p.plan));
        for server in state.servers.values() {
            all.extend(server.holding().filter(|h| h.of > 0).map(|h| h.body));
            all.extend(
                server
                    .decisions
                    .values()
                    .map(|d| d.decision.holding)
                    .filter(|h| h.of > 0)
                    .map(|h| h.body),
            );
            all.extend(server.decisions.values().filter_map(|d| d.decision.moves()));
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The plan that made a generation.
    pub fn plan_of(&self, generation: u64) -> Option<&Plan> {
        let hash = self.state.generations.get(&generation)?.plan?;
        match self.bodies.get(&hash)?.as_ref() {
            Body::Plan(plan) => Some(plan),
            _ => None,
        }
    }

    /// The owned content of the present configuration.
    ///
    /// # Errors
    /// A body that is missing or does not fit.
    pub fn head(&mut self) -> Result<Arc<Zone>, BookError> {
        let goal = self.state.configuration;
        let (mut at, mut zone) = match self
            .head
            .take()
            .filter(|(at, _)| *at <= goal && *at >= self.state.content.1)
        {
            Some(head) => head,
            None => self.recorded()?,
        };
        while at < goal {
            let plan = self.plan_of(at + 1).ok_or_else(|| self.missing(at + 1))?;
            let next = zone.apply(&plan.steps.changes);
            zone = Arc::new(next.map_err(|e| BookError::Misfit(at + 1, e.to_string()))?);
            at += 1;
        }
        self.head = Some((at, zone.clone()));
        Ok(zone)
    }

    /// The owned content that is at hand without work: of the present configuration or one before.
    pub fn at_hand(&self) -> Option<&Zone> {
        match (
            &self.head,
            self.bodies.get(&self.state.content.0).map(Arc::as_ref),
        ) {
            (Some((_, head)), _) => Some(head),
            (None, Some(Body::Content(zone))) => Some(zone),
            _ => None,
        }
    }

    /// The owned content of an earlier generation, by taking back what came after it.
    ///
    /// # Errors
    /// A generation that is not kept any more, or does not fit.
    pub fn content(&mut self, generation: u64) -> Result<Arc<Zone>, BookError> {
        let mut zone = self.head()?;
        for later in (generation + 1..=self.state.configuration).rev() {
            let plan = self.plan_of(later).ok_or_else(|| self.missing(later))?;
            let back: Vec<Change> = plan.steps.changes.iter().map(Change::inverse).collect();
            zone = Arc::new(
                zone.apply(&back)
                    .map_err(|e| BookError::Misfit(later, e.to_string()))?,
            );
        }
        Ok(zone)
    }

    /// Whether any generation from `from` on and before `to` had nothing at all at `owner`.
    ///
    /// # Errors
    /// As [`Book::content`].
    pub fn was_without(&mut self, owner: &Name, from: u64, to: u64) -> Result<bool, BookError> {
        let content = self.content(to)?;
        let node = View::at(&*content, owner);
        let mut types: BTreeSet<Rtype> = node.iter().map(|r| r.rtype()).collect();
        for later in (from + 1..=to).rev() {
            let plan = self.plan_of(later).ok_or_else(|| self.missing(later))?;
            for change in plan.steps.changes.iter().filter(|c| c.name() == owner) {
                match change.before() {
                    Some(_) => types.insert(change.rtype()),
                    None => types.remove(&change.rtype()),
                };
            }
            if types.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What stands on a server that holds this, drift aside: owned content, with the addresses of
    /// endpoints as its health generation has them.
    ///
    /// # Errors
    /// As [`Book::content`].
    pub fn held(&mut self, holding: &Holding) -> Result<Arc<Zone>, BookError> {
        let configured = self.configured(holding)?;
        Ok(render(&configured, &self.state.endpoints.sight(holding)))
    }

    /// The owned content of the present configuration as it stands where a server is whole: with the
    /// addresses that endpoints have today.
    ///
    /// # Errors
    /// As [`Book::content`].
    pub fn served(&mut self) -> Result<Arc<Zone>, BookError> {
        let head = self.head()?;
        Ok(render(&head, self.state.outs()))
    }

    /// The endpoints of the present configuration.
    ///
    /// # Errors
    /// As [`Book::content`].
    pub fn endpoints(&mut self) -> Result<Arc<Endpoints>, BookError> {
        let generation = (self.state.adopted_at, self.state.configuration);
        if let Some((at, endpoints)) = &self.endpoints
            && *at == generation
        {
            return Ok(endpoints.clone());
        }
        let endpoints = Arc::new(health::endpoints(&*self.head()?));
        self.endpoints = Some((generation, endpoints.clone()));
        Ok(endpoints)
    }

    /// Every definition of endpoints that counts: the present one, those by which a server answers or
    /// may answer as soon as somebody looks (after a write that was decided and not read back), and
    /// those that are known as good. None where the zone is not adopted.
    ///
    /// # Errors
    /// As [`Book::content`].
    pub fn definitions(&mut self) -> Result<Arc<Definitions>, BookError> {
        if !self.state.is_adopted() {
            return Ok(Arc::default());
        }
        let entry = (self.state.last, self.state.last_hash);
        if let Some((at, _, definitions)) = &self.definitions
            && *at == entry
        {
            return Ok(definitions.clone());
        }
        let places = Places::of(&self.state);
        if let Some((at, known, definitions)) = &mut self.definitions
            && *known == places
        {
            *at = entry;
            return Ok(definitions.clone());
        }
        let mut live = vec![self.endpoints()?];
        for place in &places.live {
            live.push(self.endpoints_at(*place)?);
        }
        // A way back that can't be read is none.
        let back = places.back.iter();
        let back: Vec<_> = back.filter_map(|p| self.endpoints_at(*p).ok()).collect();
        let all = live.iter().map(AsRef::as_ref);
        let definitions = Definitions::new(all, back.iter().map(AsRef::as_ref), places.rolling);
        let definitions = Arc::new(definitions);
        self.definitions = Some((entry, places, definitions.clone()));
        Ok(definitions)
    }

    /// The endpoints of an earlier place, without its other content.
    fn endpoints_at(&mut self, (generation, part): Place) -> Result<Arc<Endpoints>, BookError> {
        let mut endpoints = self.endpoints()?;
        for later in (generation + 1..=self.state.configuration).rev() {
            let plan = self.plan_of(later).ok_or_else(|| self.missing(later))?;
            take_back(&mut endpoints, plan.steps.changes.iter());
        }
        if let Some((hash, step)) = part {
            let missing = || BookError::Missing(hash, generation);
            let body = self.bodies.get(&hash).ok_or_else(missing)?;
            let steps = body.steps().ok_or_else(missing)?;
            for undone in (step + 1..=steps.count()).rev() {
                take_back(&mut endpoints, steps.step(undone));
            }
        }
        Ok(endpoints)
    }

    /// The configured content that a server holds, with definitions of endpoints in place of their
    /// addresses.
    ///
    /// # Errors
    /// As [`Book::content`].
    pub fn configured(&mut self, holding: &Holding) -> Result<Arc<Zone>, BookError> {
        let goal = self.content(holding.configuration)?;
        if holding.is_whole() {
            return Ok(goal);
        }
        let missing = || BookError::Missing(holding.body, holding.configuration);
        let body = self.bodies.get(&holding.body).ok_or_else(missing)?;
        let steps = body.steps().ok_or_else(missing)?;
        let undone = (holding.step + 1..=steps.count()).flat_map(|n| steps.step(n));
        let back: Vec<Change> = undone.map(Change::inverse).collect();
        let misfit = |e: dns::ZoneError| BookError::Misfit(holding.configuration, e.to_string());
        Ok(Arc::new(goal.apply(&back).map_err(misfit)?))
    }

    fn recorded(&self) -> Result<(u64, Arc<Zone>), BookError> {
        let (hash, at) = self.state.content;
        match self.bodies.get(&hash).map(Arc::as_ref) {
            Some(Body::Content(zone)) => Ok((at, zone.clone())),
            _ => Err(BookError::Missing(hash, at)),
        }
    }

    fn missing(&self, generation: u64) -> BookError {
        let hash = self.state.generations.get(&generation).and_then(|g| g.plan);
        BookError::Missing(hash.unwrap_or_default(), generation)
    }
}

impl Places {
    fn of(state: &State) -> Places {
        let oldest = state.generations.keys().next().copied().unwrap_or_default();
        let mut live = BTreeSet::new();
        for (id, server) in &state.servers {
            let later = server.decisions.range(server.verified.unwrap_or(0)..);
            // Health does not matter here.
            live.extend(later.map(|(_, d)| place(&d.decision.holding)));
            live.insert((state.goal(id), None));
        }
        let head = (state.configuration, None);
        let kept = |(generation, _): &Place| *generation >= oldest && *generation <= head.0;
        let good = state.stages.good.keys().rev();
        Places {
            head: (state.adopted_at, state.configuration),
            live: live
                .into_iter()
                .rev()
                .filter(|p| *p != head && kept(p))
                .collect(),
            back: good
                .map(|g| (*g, None))
                .filter(|p| *p != head && kept(p))
                .collect(),
            rolling: state.rolling().is_some(),
        }
    }
}

fn place(holding: &Holding) -> Place {
    let part = (!holding.is_whole()).then_some((holding.body, holding.step));
    (holding.configuration, part)
}

/// Endpoints as they were before some changes of the content.
fn take_back<'c>(endpoints: &mut Arc<Endpoints>, changes: impl Iterator<Item = &'c Change>) {
    for change in changes.filter(|c| c.rtype() == ENDPOINT) {
        let before = change.before().and_then(|r| from_rrset(r).ok());
        let endpoints = Arc::make_mut(endpoints);
        match before {
            Some(endpoint) => endpoints.insert(change.name().clone(), Arc::new(endpoint)),
            None => endpoints.remove(change.name()),
        };
    }
}
