//! Decides, by a seed, what happens when. It only schedules actions; the world does them.

mod checks;
mod fates;
mod people;

use crate::action::{Action, E, Event, Item, News, Srv, Verb};
use crate::audience::Audience;
use crate::rng::Rng;
use crate::scenario::{Faults, Scenario, rrset};
use crate::targets::Fate;
use crate::world::{DAWN, World};
use dns::Rtype;
use std::collections::{BTreeMap, BTreeSet};

/// How often things go wrong, in parts per million per occasion; drawn for each seed.
#[derive(Clone, Debug)]
struct Rates {
    stall: u32,
    crash: u32,
    lose: u32,
    late: u32,
    double: u32,
    impatient: u32,
    store_fails: u32,
    poll: u64,
    lag: u64,
}

/// The director of one run.
#[derive(Debug)]
pub struct Director {
    rng: Rng,
    scenario: Scenario,
    faults: Faults,
    rates: Rates,
    queue: BTreeMap<(u64, u64), Action>,
    count: u64,
    stalled: BTreeMap<E, Vec<Action>>,
    cut: BTreeSet<(E, usize)>,
    /// Until when an enactor is cut off its store.
    apart: BTreeMap<E, u64>,
    wakes: BTreeMap<E, u64>,
    patience: BTreeSet<Item>,
    shown: BTreeMap<Srv, u64>,
    calm: bool,
    audience: Audience,
    /// What befalls stores.
    stores: Rng,
    /// Entropy for what people came to do later than the rest of the programme: that stays as it
    /// was for each seed.
    people: Rng,
    /// Entropy for targets and probers.
    fates: Rng,
    /// Entropy for what checks say.
    checks: Rng,
    /// How often they fail and how often they say nothing, in parts per million.
    says: (u32, u32),
    /// The server that stays down.
    dead: Option<Srv>,
    /// Targets that a prober can't reach for some time.
    hidden: Vec<(E, u8, u8)>,
}

impl Director {
    /// The director of a seed.
    pub fn new(rng: Rng, scenario: &Scenario, faults: Faults) -> Director {
        let mut rng = rng;
        let mut others = rng.clone();
        let audience = Audience::new(Rng::new(others.draw()), scenario);
        let stores = Rng::new(others.draw());
        let people = Rng::new(others.draw());
        let fates = Rng::new(others.draw());
        let mut checks = Rng::new(others.draw());
        let says = (checks.below(150_000) as u32, checks.below(300_000) as u32);
        let doses = &scenario.doses;
        let rates = Rates {
            stall: doses.stall.often.draw(&mut rng),
            crash: doses.crash.often.draw(&mut rng),
            lose: doses.lose.often.draw(&mut rng),
            late: doses.delay.often.draw(&mut rng),
            double: doses.duplicate.often.draw(&mut rng),
            impatient: doses.give_up.often.draw(&mut rng),
            store_fails: doses.store_fail.often.draw(&mut rng),
            poll: 300 + rng.below(1_200),
            lag: 1 + rng.below(doses.lag.lasts.1),
        };
        Director {
            rng,
            scenario: scenario.clone(),
            faults,
            rates,
            queue: BTreeMap::new(),
            count: 0,
            stalled: BTreeMap::new(),
            cut: BTreeSet::new(),
            apart: BTreeMap::new(),
            wakes: BTreeMap::new(),
            patience: BTreeSet::new(),
            shown: BTreeMap::new(),
            calm: false,
            audience,
            stores,
            people,
            fates,
            checks,
            says,
            dead: None,
            hidden: Vec::new(),
        }
    }

    /// Writes the programme: starts, verbs, and faults that need no occasion.
    pub fn open(&mut self) {
        let (enactors, servers) = (self.scenario.enactors, self.scenario.servers);
        let told = std::mem::take(&mut self.scenario.schedule);
        let starts = |e: &Event| matches!(e.action, Action::Start(_));
        let drawn = !told.iter().any(starts);
        for event in told {
            self.at(event.at, event.action);
        }
        for e in 0..enactors {
            if self.faults.skew {
                let skew = self.skew();
                self.at(DAWN, Action::Skew(e, skew));
            }
            let at = self.rng.below(2_000);
            if drawn {
                self.at(DAWN + at, Action::Start(e));
            }
        }
        for s in 0..servers {
            if self.faults.skew {
                let skew = self.skew();
                self.at(DAWN, Action::ServerSkew(s, skew));
            }
        }
        if self.faults.jumps {
            self.jump();
        }
        for _ in 0..self.scenario.verbs {
            let at = self.moment();
            let verb = self.verb();
            let verb = self.other_verb().unwrap_or(verb);
            let e = self.any_enactor();
            self.at(at, Action::Operate(e, verb));
        }
        let (fewest, most) = self.scenario.doses.misfortunes;
        for _ in 0..self.rng.between(fewest, most) {
            let at = self.moment();
            let s = self.rng.below(u64::from(servers)) as Srv;
            self.misfortune(at, s);
        }
        self.mischief();
        self.ledgers();
        for _ in 0..self.stores.between(fewest, most) {
            self.store_misfortune();
        }
        self.open_fates();
        self.at(DAWN + self.scenario.rough, Action::Calm);
        for (at, action) in self.audience.open(DAWN, self.scenario.rough) {
            self.at(at, action);
        }
    }

    fn skew(&mut self) -> i64 {
        let most = self.scenario.doses.skew;
        self.rng.between(0, 2 * most) as i64 - most as i64
    }

    /// An enactor's clock is set wrong: by a little more than may be, by minutes, or by a day.
    fn jump(&mut self) {
        let (e, at) = (self.any_enactor(), self.moment());
        let far = match self.rng.below(3) {
            0 => self.rng.between(5_000, 15_000),
            1 => self.rng.between(20_000, 400_000),
            _ => 86_400_000,
        } as i64;
        let far = if self.rng.chance(300_000) { -far } else { far };
        self.at(at, Action::Skew(e, far));
        let span = self.rng.between(1_000, 40_000);
        self.at(at + span, Action::Skew(e, 0));
    }

    fn moment(&mut self) -> u64 {
        DAWN + 1_000 + self.rng.below(self.scenario.rough.saturating_sub(2_000))
    }

    fn any_enactor(&mut self) -> E {
        self.rng.below(u64::from(self.scenario.enactors)) as E
    }

    /// Something that befalls a store or the way to it, and ends. It has a random stream of its
    /// own: a seed's story is the same without.
    fn store_misfortune(&mut self) {
        let rng = &mut self.stores;
        let at = DAWN + 1_000 + rng.below(self.scenario.rough.saturating_sub(2_000));
        let (shortest, longest) = self.scenario.doses.misfortune;
        let span = rng.between(shortest, longest);
        let e = rng.below(u64::from(self.scenario.enactors)) as E;
        let cut = self.faults.network && self.scenario.doses.cut;
        let both = cut && self.faults.store_failures;
        if both && rng.chance(500_000) || cut && !both {
            self.at(at, Action::Cut(e, None));
            self.at(at + span, Action::Joined(e, None));
        } else if self.faults.store_failures {
            self.at(at, Action::Full(0));
            self.at(at + span, Action::Roomy(0));
        }
    }

    /// Something that befalls a server, and ends.
    fn misfortune(&mut self, at: u64, s: Srv) {
        let (shortest, longest) = self.scenario.doses.misfortune;
        let span = self.rng.between(shortest, longest);
        let mut kinds = Vec::new();
        let f = &self.faults;
        for (on, kind) in [
            (f.network && self.scenario.doses.down, 0),
            (f.network && self.scenario.doses.cut, 1),
            (f.habits && self.scenario.doses.refuse, 2),
            (f.foreign, 3),
            (f.restores, 4),
            (f.reloads, 5),
            (f.copies, 6),
        ] {
            kinds.extend(on.then_some(kind));
        }
        match self.rng.pick(&kinds) {
            Some(0) => {
                self.at(at, Action::Down(s));
                self.at(at + span, Action::Up(s));
            }
            Some(1) => {
                let e = self.any_enactor();
                self.at(at, Action::Cut(e, Some(s)));
                self.at(at + span, Action::Joined(e, Some(s)));
            }
            Some(2) => {
                self.at(at, Action::Refuse(s));
                self.at(at + span, Action::Permit(s));
            }
            Some(3) => self.edit(at, s),
            Some(4) => {
                self.at(at, Action::Backup(s));
                self.at(at + span * 2, Action::Restore(s));
            }
            Some(5) => self.at(at, Action::Reload(s)),
            Some(6) => {
                let e = self.any_enactor();
                self.at(at, Action::CopyStore(0));
                self.at(at, Action::Attach(e, 1));
                self.at(at + span, Action::Crash(e));
                self.at(at + span + 10, Action::Start(e));
            }
            _ => {}
        }
    }

    fn edit(&mut self, at: u64, s: Srv) {
        let n = self.rng.below(200) + 1;
        let set = match self.rng.below(7) {
            6 => people::strangers_marker(),
            0 => rrset("api", 60, Rtype::A, &[&format!("203.0.113.{n}")]),
            1 => rrset("pool-a", 60, Rtype::A, &[&format!("203.0.113.{n}")]),
            2 => rrset("www", 60, Rtype::CNAME, &["pool-b"]),
            3 => rrset("old", 60, Rtype::TXT, &["foreign"]),
            4 => rrset("note", 60, Rtype::TXT, &["foreign"]),
            _ => rrset("beside", 60, Rtype::A, &["203.0.113.1"]),
        };
        let (name, rtype) = (set.name().clone(), set.rtype());
        let after = (!self.rng.chance(100_000)).then_some(set);
        self.at(at, Action::Foreign(s, name, rtype, after));
    }

    fn at(&mut self, at: u64, action: Action) {
        self.count += 1;
        self.queue.insert((at, self.count), action);
    }

    /// The next thing that happens; `None`: the run is over.
    pub fn next(&mut self, world: &World) -> Option<Event> {
        loop {
            let ((at, _), action) = self.queue.pop_first()?;
            if self.calm && at > DAWN + self.scenario.rough + self.scenario.calm {
                return None;
            }
            let limit = DAWN + self.scenario.rough + self.scenario.calm;
            if action == Action::Check && at < limit && !world.is_quiet() {
                // It was quiet, and is not any more.
                continue;
            }
            if let Action::Wake(e) = action {
                // Only the earliest of an enactor's timers rings.
                if self.wakes.get(&e) == Some(&at) {
                    self.wakes.remove(&e);
                }
            }
            if let Some(held) = side(&action).and_then(|e| self.stalled.get_mut(&e)) {
                held.push(action);
                continue;
            }
            if let Action::Store(e) | Action::Answer(e) = action
                && self.apart.contains_key(&e)
            {
                // What was sent arrives when there is a way again.
                let until = self.apart.get(&e).copied().unwrap_or(at);
                self.at(until.max(at), action);
                continue;
            }
            if let Some(action) = self.through(at, action, world) {
                return Some(Event { at, action });
            }
        }
    }

    /// What of it gets through the network.
    fn through(&mut self, at: u64, action: Action, world: &World) -> Option<Action> {
        let (Action::Deliver(item) | Action::Look(item)) = action else {
            return Some(action);
        };
        let server = world.server_of(item)?;
        let cut = self.cut.contains(&(item.0, server));
        let down = world.servers.get(server).is_none_or(|s| s.down);
        if cut || down {
            self.lose(at, item);
            return None;
        }
        Some(action)
    }

    /// The answer will not come: the asker stops waiting some time later.
    fn lose(&mut self, at: u64, item: Item) {
        if self.patience.insert(item) {
            let wait = self.rng.between(500, 5_000);
            self.at(at + wait, Action::GiveUp(item));
        }
    }

    /// Plans what follows from an event.
    pub fn react(&mut self, event: &Event, news: &[News], world: &World) {
        let at = event.at;
        match &event.action {
            Action::Start(e) => {
                let poll = self.rng.between(1, self.rates.poll);
                self.wake(*e, at + poll);
            }
            Action::Wake(e) => self.wake(*e, at + self.rates.poll),
            Action::Go(e) => self.release(*e, at),
            Action::Deliver(item) if !news.contains(&News::ReplyWaits(*item)) => {
                // A duplicate, or a reply that nobody waits for.
            }
            Action::Calm => self.soothe(at, world),
            Action::Cut(e, Some(s)) => drop(self.cut.insert((*e, usize::from(*s)))),
            Action::Joined(e, Some(s)) => drop(self.cut.remove(&(*e, usize::from(*s)))),
            Action::Cut(e, None) => {
                let joined = Action::Joined(*e, None);
                let end = self.queue.iter().find(|(_, a)| **a == joined);
                self.apart.extend(end.map(|((until, _), _)| (*e, *until)));
            }
            Action::Joined(e, None) => drop(self.apart.remove(e)),
            Action::Store(e) if !self.calm => {
                let full = world.stores.first().is_some_and(|s| s.full);
                let enactor = world.enactors.get(usize::from(*e));
                if full && enactor.is_some_and(|x| x.failed) {
                    // Somebody starts it again.
                    self.at(at + 2_000, Action::Crash(*e));
                    self.at(at + 2_100, Action::Start(*e));
                }
            }
            _ => {}
        }
        for one in news {
            self.follow(at, one);
        }
        for (at, action) in self.audience.react(at, &event.action, world) {
            self.at(at, action);
        }
        if self.calm
            && self.may_rest(at)
            && world.is_quiet()
            && !matches!(event.action, Action::Check)
        {
            let limit = DAWN + self.scenario.rough + self.scenario.calm;
            let planned = |((at, _), a): (&(u64, u64), &Action)| *a == Action::Check && *at < limit;
            if !self.queue.iter().any(planned) {
                self.at(at + 3 * self.rates.poll, Action::Check);
            }
        }
    }

    fn wake(&mut self, e: E, at: u64) {
        if self.wakes.get(&e).is_none_or(|known| at < *known) {
            self.wakes.insert(e, at);
            self.at(at, Action::Wake(e));
        }
    }

    fn release(&mut self, e: E, at: u64) {
        let held = self.stalled.remove(&e).unwrap_or_default();
        for (i, action) in held.into_iter().enumerate() {
            self.at(at + i as u64 / 4, action);
        }
    }

    fn follow(&mut self, at: u64, news: &News) {
        let soon = self.rng.between(0, 4);
        match news {
            News::StoreWaits(e) => {
                self.befall(*e, at);
                if self.faults.store_failures
                    && !self.calm
                    && self.rng.chance(self.rates.store_fails)
                {
                    // Half of them have done it, and could not say so.
                    let fails = match self.rng.chance(500_000) {
                        true => Action::StoreFails(*e),
                        false => Action::StoreForgets(*e),
                    };
                    self.at(at + soon, fails);
                    // Nobody trusts it any more; somebody starts it again.
                    self.at(at + 2_000, Action::Crash(*e));
                    return self.at(at + 2_100, Action::Start(*e));
                }
                self.at(at + soon, Action::Store(*e));
            }
            News::AnswerWaits(e) => {
                self.at(at + soon, Action::Answer(*e));
                self.befall(*e, at);
            }
            News::WriteWaits(item) => {
                self.befall(item.0, at);
                self.at(at + soon, Action::Send(*item));
            }
            News::Sent(item) => self.transport(at, *item),
            News::LookWaits(item) => {
                if self.lost() {
                    return self.lose(at, *item);
                }
                let delay = self.delay();
                self.at(at + delay, Action::Look(*item));
            }
            News::ReplyWaits(item) => {
                if self.lost() {
                    return self.lose(at, *item);
                }
                let delay = self.delay();
                self.at(at + delay, Action::Return(*item));
            }
            News::WakeAt(e, when) => self.wake(*e, (*when).max(at + 1)),
            News::Trails(s) => {
                let lag = if self.calm { 20 } else { self.rates.lag };
                let lag = self.rng.between(1, lag);
                let due = (at + lag).max(self.shown.get(s).copied().unwrap_or(0));
                self.shown.insert(*s, due);
                self.at(due, Action::Show(*s));
            }
            News::Asked(e, life, ask) => self.look(at, (*e, *life), *ask),
            News::Probed(e, p) => self.after_round(at, *e, *p),
            News::Answered(_, false) if !self.calm && self.rng.chance(500_000) => {
                let (e, verb) = (self.any_enactor(), self.verb());
                let wait = self.rng.between(10, 2_000);
                self.at(at + wait, Action::Operate(e, verb));
            }
            News::Answered(..) => {}
        }
    }

    /// A write on its way.
    fn transport(&mut self, at: u64, item: Item) {
        if self.faults.network && !self.calm && self.rng.chance(self.rates.double) {
            let (low, high) = self.scenario.doses.duplicate.lasts;
            let delay = self.rng.between(low, high);
            self.at(at + delay, Action::Deliver(item));
        }
        if self.faults.network && !self.calm && self.rng.chance(self.rates.impatient) {
            let (low, high) = self.scenario.doses.give_up.lasts;
            let wait = self.rng.between(low, high);
            self.at(at + wait, Action::GiveUp(item));
        }
        if self.lost() {
            return self.lose(at, item);
        }
        let delay = self.delay();
        self.at(at + delay, Action::Deliver(item));
    }

    fn lost(&mut self) -> bool {
        self.faults.network && !self.calm && self.rng.chance(self.rates.lose)
    }

    fn delay(&mut self) -> u64 {
        if self.faults.network && !self.calm && self.rng.chance(self.rates.late) {
            let (low, high) = self.scenario.doses.delay.lasts;
            return self.rng.between(low, high);
        }
        self.rng.between(0, 8)
    }

    /// Something that befalls an enactor between two effects.
    fn befall(&mut self, e: E, at: u64) {
        if self.calm {
            return;
        }
        if self.faults.stalls && self.rng.chance(self.rates.stall) && !self.stalled.contains_key(&e)
        {
            self.stalled.insert(e, Vec::new());
            // Most are short; three in ten outlast what a deadline permits.
            let (low, high) = self.scenario.doses.stall.lasts;
            let third = (high / 3).max(low);
            let span = if self.rng.chance(300_000) {
                self.rng.between(third, high)
            } else {
                self.rng.between(low, third)
            };
            self.at(at, Action::Stall(e));
            self.at(at + span, Action::Go(e));
        }
        if self.faults.crashes && self.rng.chance(self.rates.crash) {
            let (low, high) = self.scenario.doses.crash.lasts;
            let (when, pause) = (self.rng.between(0, 5), self.rng.between(low, high));
            self.at(at + when, Action::Crash(e));
            self.at(at + when + pause, Action::Start(e));
        }
    }

    /// Faults end: everything is up, clocks are right, everybody starts anew.
    fn soothe(&mut self, at: u64, world: &World) {
        self.calm = true;
        self.cut.clear();
        self.apart.clear();
        // What an enactor on a copy of the store has sent would be noticed when somebody looks
        // again, and nobody does who is at rest.
        let of_the_zone = |item: &Item| {
            let enactor = world.enactors.get(usize::from(item.0));
            enactor.is_some_and(|e| e.store == 0)
        };
        self.queue.retain(|_, action| match action {
            Action::Show(_) => true,
            Action::Deliver(item) => of_the_zone(item),
            _ => false,
        });
        self.at(at, Action::Roomy(0));
        self.stalled.clear();
        self.wakes.clear();
        for s in 0..self.scenario.servers {
            if self.dead != Some(s) {
                self.at(at, Action::Up(s));
            }
            self.at(at, Action::Permit(s));
            self.at(at, Action::ServerSkew(s, 0));
        }
        let trailing = world
            .servers
            .iter()
            .map(|s| s.trailing.len())
            .collect::<Vec<_>>();
        for (s, versions) in trailing.into_iter().enumerate() {
            for _ in 0..versions {
                self.at(at + 20, Action::Show(s as Srv));
            }
        }
        for e in 0..self.scenario.enactors {
            self.at(at, Action::Attach(e, 0));
            self.at(at, Action::Skew(e, 0));
            self.at(at, Action::Crash(e));
            // What the user of a copy had sent has come, or is too late: at rest nobody looks.
            let copies = if self.faults.copies { 16_000 } else { 0 };
            let start = self.rng.between(1, 1_000) + copies;
            self.at(at + start, Action::Start(e));
        }
        self.soothe_fates(at);
        // A freeze that a wrong clock made to last for days is a person's to end.
        let frozen = world.oracle.state(0).and_then(|s| s.frozen.as_ref());
        let limit = at + self.scenario.calm / 2;
        if frozen.is_some_and(|f| f.until.is_some_and(|until| until.0 > limit)) {
            self.at(at + 20_000, Action::Operate(0, Verb::Thaw));
        }
        self.at(at + self.scenario.calm, Action::Check);
    }
}

/// The enactor that has to run for an action to happen.
fn side(action: &Action) -> Option<E> {
    match action {
        Action::Wake(e)
        | Action::Store(e)
        | Action::Answer(e)
        | Action::StoreFails(e)
        | Action::StoreForgets(e)
        | Action::Targets(Fate::Probe(e, _) | Fate::Report(e, _))
        | Action::Said(e, ..)
        | Action::Operate(e, _) => Some(*e),
        Action::Send(item) | Action::Look(item) | Action::Return(item) | Action::GiveUp(item) => {
            Some(item.0)
        }
        _ => None,
    }
}
