//! The world: stores, servers, enactors, and one action at a time. It draws nothing: whoever
//! directs it says what happens and when, so that a list of events is the whole story.

use crate::action::{Action, E, Event, Fnv, Item, News, Srv, Verb};
use crate::cache::Cache;
use crate::enactor::{Ask, Emitted, Enactor, Request, ToStore};
use crate::evidence::Evidence;
use crate::kit::Kit;
use crate::operator;
use crate::oracle::{Open, Oracle};
use crate::run::Setting;
use crate::scenario::{self, Nature};
use crate::server::{Followers, Serials, Server};
use crate::stages;
use crate::stats::Stats;
use crate::store::Store;
use crate::targets::{self, Fleet, Targets};
use dns::{Rtype, Zone};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;
use steadfast_core::ledger::Entry;
use steadfast_core::lifecycle::{Append, CourseError, Input, Notice};
use steadfast_core::marker::LedgerId;
use steadfast_core::policy::Policy;

/// When every story begins, in milliseconds since 1970.
pub const DAWN: u64 = 1_760_918_400_000;

/// The world.
#[derive(Clone, Debug)]
pub struct World {
    /// Milliseconds.
    pub now: u64,
    pub(crate) policy: Arc<Policy>,
    pub(crate) ids: Arc<[String]>,
    /// Stores; the first is the zone's, others are copies.
    pub stores: Vec<Store>,
    /// Servers.
    pub servers: Vec<Server>,
    /// Servers that transfer from these.
    pub followers: Followers,
    pub(crate) caches: BTreeMap<u8, Cache>,
    pub(crate) targets: Targets,
    pub(crate) evidence: Evidence,
    pub(crate) fleet: Fleet,
    /// The latest decision of which a write arrived at each server, for the count.
    pub(crate) newest: BTreeMap<usize, u64>,
    /// Enactors.
    pub enactors: Vec<Enactor>,
    /// The judge.
    pub oracle: Oracle,
    /// Numbers.
    pub stats: Stats,
    hash: Fnv,
    serials: Serials,
    calm: bool,
    /// Servers of which an operator was told, since faults ended, that guards refuse every way,
    /// with what to do about it.
    blocked: BTreeSet<String>,
    /// Lines of the story, when somebody reads it.
    pub story: Option<Vec<(String, String)>>,
}

impl World {
    /// A world at its dawn: the zone adopted by the ledger, no marker planted, nobody running.
    pub fn new(kit: Kit, setting: &Setting) -> World {
        let mut policy = scenario::policy(setting.names);
        targets::permit(&mut policy, setting.fleet);
        if setting.staged {
            policy.stages = stages::of(setting.servers.len());
        }
        let policy = Arc::new(policy);
        let start = scenario::start(setting.names);
        let more: Vec<_> = targets::at_start(setting.fleet).collect();
        let start = scenario::along(&start, more);
        let records = Arc::new(scenario::records(&start));
        let server = |(i, nature): (usize, &Nature)| Server {
            id: format!("ns{i}"),
            apex: scenario::apex(),
            marker: policy.marker_name(),
            kept: records.clone(),
            served: records.clone(),
            trailing: Default::default(),
            lags: nature.lags,
            habit: nature.habit,
            skew: 0,
            down: false,
            refuses: false,
            backup: None,
            highest: 1,
            views: 0,
        };
        let servers: Vec<Server> = setting.servers.iter().enumerate().map(server).collect();
        let ids: Arc<[String]> = servers.iter().map(|s| s.id.clone()).collect();
        let mut world = World {
            now: DAWN,
            oracle: Oracle::new(policy.clone(), servers.len()),
            policy,
            ids,
            stores: vec![Store::default()],
            servers,
            followers: Followers::default(),
            caches: BTreeMap::new(),
            targets: Targets::default(),
            evidence: Evidence::default(),
            fleet: setting.fleet,
            newest: BTreeMap::new(),
            enactors: (0..setting.enactors)
                .map(|e| Enactor::new(kit, e))
                .collect(),
            stats: Stats::default(),
            hash: Fnv::default(),
            serials: Serials::default(),
            calm: false,
            blocked: BTreeSet::new(),
            story: None,
        };
        world.adopt(0, LedgerId(0x5eed), start);
        world
    }

    /// What happened so far, as a number: equal for equal stories.
    pub fn hash(&self) -> u64 {
        self.hash.0
    }

    /// One thing happens.
    pub fn act(&mut self, event: &Event) -> Vec<News> {
        self.now = self.now.max(event.at);
        self.stats.events += 1;
        event.hash(&mut self.hash);
        self.tally(&event.action);
        let mut news = Vec::new();
        self.dispatch(&event.action, &mut news);
        self.oracle.tick(self.now);
        if self.oracle.is_frozen_for_good()
            && self.is_quiet()
            && let Some(text) = self.oracle.unrevoked(&self.servers, self.now)
        {
            self.oracle.accuse("I14", text);
        }
        if self.oracle.is_called_off()
            && self.is_quiet()
            && let Some(text) = self.oracle.not_called_off(&self.servers, self.now)
        {
            self.oracle.accuse("I14", text);
        }
        for store in &self.stores {
            store.last().hash(&mut self.hash);
        }
        let followers = self.followers.iter().map(|(_, f)| &f.served);
        let zones = self.servers.iter().map(|s| &s.kept).chain(followers);
        for (place, zone) in zones.enumerate() {
            self.serials.of(place, zone).hash(&mut self.hash);
        }
        news
    }

    pub(crate) fn dispatch(&mut self, action: &Action, news: &mut Vec<News>) {
        match action {
            Action::Start(e) => self.start(*e, news),
            Action::Crash(e) => {
                if let Some(enactor) = self.enactor(*e) {
                    let verbs = std::mem::take(&mut enactor.verbs);
                    enactor.crash();
                    news.extend((0..verbs).map(|_| News::Answered(*e, false)));
                }
                self.targets.crash(*e);
                self.evidence.crash(*e);
                self.tell(*e, || "dies".into());
            }
            Action::Stall(e) => self.tell(*e, || "is stopped".into()),
            Action::Go(e) => self.tell(*e, || "goes on".into()),
            Action::Skew(e, skew) => {
                if let Some(enactor) = self.enactor(*e) {
                    enactor.skew = *skew;
                }
                self.oracle.skewed(*skew);
            }
            Action::Wake(e) => self.step(*e, Input::Wake, news),
            Action::Store(e) => self.store(*e, news),
            Action::Answer(e) => {
                let answer = self.enactor(*e).and_then(|x| x.back.pop_front());
                if let Some(answer) = answer {
                    self.step(*e, answer, news);
                }
            }
            Action::StoreFails(e) => self.store_fails(*e, news),
            Action::StoreForgets(e) => self.store_forgets(*e, news),
            Action::Send(item) => self.send(*item, news),
            Action::Deliver(item) => self.deliver(*item, news),
            Action::Look(item) => self.look(*item, news),
            Action::Return(item) => self.give_back(*item, news),
            Action::GiveUp(item) => self.give_up(*item, news),
            Action::Operate(e, verb) => self.operate(*e, verb, news),
            Action::CopyStore(from) => {
                if let Some(store) = self.stores.get(usize::from(*from)).cloned() {
                    self.stores.push(store);
                    self.oracle.copied(usize::from(*from));
                }
            }
            Action::PutBack(copy) => self.put_back(*copy, news),
            Action::Rival => self.rival(),
            Action::Attach(e, store) => {
                let there = usize::from(*store) < self.stores.len();
                if let Some(enactor) = self.enactor(*e).filter(|_| there) {
                    enactor.next_store = usize::from(*store);
                }
            }
            Action::Calm => self.calm = true,
            Action::Check => self.check(),
            Action::Transfer(s, n) => self.transfer(*s, *n),
            Action::FollowerDown(s, n) => self.followers.set_down((*s, *n), true),
            Action::FollowerUp(s, n) => self.followers.set_down((*s, *n), false),
            Action::Ask(ask) => self.ask(ask),
            Action::Targets(fate) => self.befalls(*fate, news),
            Action::Said(e, life, ask, word) => self.said(*e, *life, (*ask, *word), news),
            Action::Full(s) | Action::Roomy(s) => {
                if let Some(store) = self.stores.get_mut(usize::from(*s)) {
                    store.full = matches!(action, Action::Full(_));
                }
            }
            _ => self.happens(action, news),
        }
    }

    /// What happens to servers.
    fn happens(&mut self, action: &Action, news: &mut Vec<News>) {
        let Some(srv) = concerned(action) else {
            return;
        };
        let index = usize::from(srv);
        let Some(server) = self.servers.get_mut(index) else {
            return;
        };
        let id = server.id.clone();
        match action {
            Action::Down(_) => server.down = true,
            Action::Up(_) => {
                server.down = false;
                self.targets.returns(index);
            }
            Action::Refuse(_) | Action::Permit(_) => {
                server.refuses = matches!(action, Action::Refuse(_));
            }
            Action::ServerSkew(_, skew) => server.skew = *skew,
            Action::Backup(_) => server.backup = Some(server.kept.clone()),
            Action::Show(_) => {
                if server.show() {
                    self.oracle.served(index, server);
                }
                return;
            }
            Action::Restore(_) if server.restore() => {
                server.highest = self.followers.highest(index).unwrap_or(server.highest);
                self.oracle.reset(index, server);
                self.oracle.served(index, server);
            }
            Action::Reload(_) => {
                let owner = server.marker.clone();
                server.set(&owner, Rtype::TXT, None);
                self.oracle.reset(index, server);
                news.extend(server.lags.then_some(News::Trails(srv)));
            }
            Action::Forge(_, part) => {
                let owner = server.marker.clone();
                match crate::honest::forged(server, *part) {
                    Some(forged) => server.set(&owner, Rtype::TXT, Some(&forged)),
                    None => return,
                }
                self.oracle.edited(index, (owner, Rtype::TXT));
                self.oracle.served(index, server);
                news.extend(server.lags.then_some(News::Trails(srv)));
            }
            Action::Foreign(_, name, rtype, set) => {
                let mut edited = server.clone();
                edited.set(name, *rtype, set.as_ref());
                // Others may do what they like, but not the very thing that is judged.
                if self.oracle.empty(&edited.kept).is_some() {
                    return;
                }
                *server = edited;
                self.oracle.edited(index, (name.clone(), *rtype));
                self.oracle.served(index, server);
                news.extend(server.lags.then_some(News::Trails(srv)));
            }
            _ => {}
        }
        if let Some(story) = &mut self.story {
            story.push((id, format!("{action:?}")));
        }
    }

    pub(crate) fn enactor(&mut self, e: E) -> Option<&mut Enactor> {
        self.enactors.get_mut(usize::from(e))
    }

    pub(crate) fn request(&mut self, item: Item) -> Option<&mut Request> {
        self.enactor(item.0)?.requests.get_mut(&item.1)
    }

    fn tell(&mut self, e: E, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push((format!("e{e}"), what()));
        }
    }

    fn start(&mut self, e: E, news: &mut Vec<News>) {
        // Whoever ran before knows nothing any more.
        self.targets.crash(e);
        self.evidence.crash(e);
        let policy = self.policy.clone();
        let Some(enactor) = self.enactors.get_mut(usize::from(e)) else {
            return;
        };
        enactor.start(&policy);
        if let Some(life) = &mut enactor.life
            && let Ok(context) = Zone::new(scenario::apex(), vec![scenario::soa()])
        {
            life.set_context(context);
        }
        self.tell(e, || "starts".into());
        // It knows nothing yet: its first wish is the ledger.
        self.step(e, Input::Wake, news);
    }

    /// One input for an enactor's lifecycle, and what follows.
    pub(crate) fn step(&mut self, e: E, input: Input, news: &mut Vec<News>) {
        let now = self.now;
        let Some(enactor) = self.enactors.get_mut(usize::from(e)) else {
            return;
        };
        if enactor.life.is_none() {
            return;
        }
        let emitted = enactor.step(e, now, input, &self.ids);
        let skew = enactor.skew;
        self.absorb(e, emitted, skew, news);
    }

    fn absorb(&mut self, e: E, emitted: Emitted, skew: i64, news: &mut Vec<News>) {
        self.trusts(e, &emitted);
        self.warranted(e, &emitted);
        news.extend((0..emitted.to_store).map(|_| News::StoreWaits(e)));
        for item in emitted.requests {
            let writes = self
                .request(item)
                .is_some_and(|r| matches!(r.ask, Ask::Write(..)));
            news.push(if writes {
                News::WriteWaits(item)
            } else {
                News::LookWaits(item)
            });
        }
        let life = self.enactor(e).map_or(0, |x| u64::from(x.lives));
        let checks = emitted.checks.iter();
        news.extend(checks.map(|ask| News::Asked(e, life, *ask)));
        if let Some(at) = emitted.wake {
            news.push(News::WakeAt(e, at.0.saturating_add_signed(-skew)));
        }
        for notice in emitted.notices {
            self.notice(e, &notice, news);
        }
    }

    fn notice(&mut self, e: E, notice: &Notice, news: &mut Vec<News>) {
        self.tell(e, || crate::story::notice(notice));
        let answer = match notice {
            Notice::Submitted(_) => {
                self.told(e);
                Some(true)
            }
            Notice::Stale => Some(false),
            Notice::Blocked(id, CourseError::Guards(findings)) => {
                self.stats.blocked += 1;
                let repairable = findings.iter().all(|f| !f.fix.is_empty());
                if self.calm && repairable {
                    self.blocked.insert(id.clone());
                }
                None
            }
            Notice::Doubt(why) => {
                let why = format!("e{e} lost its trust without a cause: {why}");
                if self.enactor(e).is_some_and(|x| !x.failed) {
                    self.oracle.accuse("I12", why);
                }
                None
            }
            _ => None,
        };
        if let Some(yes) = answer {
            if let Some(enactor) = self.enactor(e) {
                enactor.verbs = enactor.verbs.saturating_sub(1);
            }
            news.push(News::Answered(e, yes));
        }
    }

    fn store(&mut self, e: E, news: &mut Vec<News>) {
        let Some(enactor) = self.enactors.get_mut(usize::from(e)) else {
            return;
        };
        let index = enactor.store;
        let Some(store) = self.stores.get_mut(index) else {
            return;
        };
        if store.full && matches!(enactor.out.front(), Some(ToStore::Append(_))) {
            self.stats.world.full += 1;
            return self.store_fails(e, news);
        }
        let Some(asked) = enactor.ask_store(store) else {
            return;
        };
        news.push(News::AnswerWaits(e));
        if let ToStore::Append(append) = asked {
            let done = matches!(enactor.back.back(), Some(Input::Appended));
            let doubtful = enactor.doubtful.take();
            if done {
                let entries = self.appended(index, &append);
                self.keeps(e, &entries);
                self.judged(e, doubtful, &append, &entries);
            } else {
                self.stats.conflicts += 1;
                self.tell(e, || "loses an append".into());
            }
        }
    }

    pub(crate) fn append(&mut self, index: usize, append: &Append) {
        if let Some(store) = self.stores.get_mut(index) {
            store.append(append);
            self.appended(index, append);
        }
    }

    fn appended(&mut self, index: usize, append: &Append) -> Vec<Arc<Entry>> {
        for stored in &append.entries {
            stored.hash.0.hash(&mut self.hash);
        }
        let Some(store) = self.stores.get(index) else {
            return Vec::new();
        };
        let entries = self.oracle.appended(index, append, store, &self.servers);
        for entry in &entries {
            self.stats.count(&entry.event);
            if let Some(story) = &mut self.story {
                story.push((format!("store{index}"), crate::story::entry(entry)));
            }
        }
        entries
    }

    fn store_fails(&mut self, e: E, news: &mut Vec<News>) {
        let Some(enactor) = self.enactor(e) else {
            return;
        };
        if enactor.out.pop_front().is_none() {
            return;
        }
        enactor.failed = true;
        self.step(e, Input::StoreFailed("disk full".into()), news);
    }

    /// The store does what it is asked, and nobody hears of it.
    fn store_forgets(&mut self, e: E, news: &mut Vec<News>) {
        let waits = self.enactor(e).is_some_and(|x| !x.out.is_empty());
        if !waits {
            return;
        }
        let mut unheard = Vec::new();
        self.store(e, &mut unheard);
        if let Some(enactor) = self.enactor(e) {
            enactor.back.pop_back();
            enactor.failed = true;
        }
        self.step(e, Input::StoreFailed("no answer".into()), news);
    }

    fn operate(&mut self, e: E, verb: &Verb, news: &mut Vec<News>) {
        let now = self.now;
        let Some(enactor) = self.enactors.get_mut(usize::from(e)) else {
            return;
        };
        let clock = enactor.clock(now);
        let Some(life) = enactor.life.as_mut().filter(|l| l.state().is_adopted()) else {
            return news.push(News::Answered(e, false));
        };
        let held = life.state().configuration;
        self.oracle.asked(enactor.store, held, verb, clock);
        match operator::submission(life, &self.ids, verb, clock) {
            Ok(submission) => {
                enactor.verbs += 1;
                self.tell(e, || format!("is asked: {verb:?}"));
                self.step(e, Input::Submit(submission), news);
            }
            Err(why) => {
                self.tell(e, || format!("is asked: {verb:?}, and refuses: {why}"));
                news.push(News::Answered(e, false));
            }
        }
    }

    /// Whether nothing more is to be expected: everybody at rest, nothing on its way.
    pub fn is_quiet(&self) -> bool {
        let at_rest = |x: &Enactor| {
            x.out.is_empty() && x.back.is_empty() && x.life.as_ref().is_some_and(|l| l.is_at_rest())
        };
        let last = self.stores.first().map_or(0, Store::last);
        let knows = |x: &Enactor| x.life.as_ref().is_some_and(|l| l.state().last == last);
        // A freeze that ends by itself is something to wait for.
        let freeze = self.oracle.state(0).and_then(|s| s.frozen.as_ref());
        let until = freeze.and_then(|f| f.until);
        until.is_none_or(|until| until.0 <= self.now)
            && !self.oracle.is_rolling()
            && self.enactors.iter().all(|x| at_rest(x) && knows(x))
            && self.servers.iter().all(|s| s.trailing.is_empty())
    }

    /// Whether some fault has not ended, so that nothing is to be expected of whom it concerns.
    fn is_rough(&self) -> bool {
        let lives = |x: &Enactor| {
            let is_well = x.life.is_some() && !x.failed;
            is_well && (x.store, x.skew) == (0, 0)
        };
        let serves = |(i, s): (usize, &Server)| {
            self.targets.is_buried(i) || !s.down && !s.refuses && s.skew == 0
        };
        let mut servers = self.servers.iter().enumerate();
        !(self.calm && self.enactors.iter().all(lives) && servers.all(serves))
            || self.followers.iter().any(|(_, f)| f.down)
            || self.stores.first().is_none_or(|s| s.full)
    }

    /// Whether an enactor still waits for what becomes of a request.
    pub(crate) fn is_awaited(&self, item: Item) -> bool {
        let enactor = self.enactors.get(usize::from(item.0));
        enactor.is_some_and(|x| {
            let request = x.requests.get(&item.1);
            x.life.is_some() && request.is_some_and(|r| !r.done && r.life == x.lives)
        })
    }

    /// Everything must be done and at rest (I12).
    fn check(&mut self) {
        if self.is_rough() {
            return;
        }
        let mut open = Vec::new();
        for (i, server) in self.servers.iter().enumerate() {
            // One that is dead holds nobody else up (I8).
            if self.targets.is_buried(i) {
                continue;
            }
            if self.blocked.contains(&server.id) && !self.oracle.has_a_way(server) {
                continue;
            }
            open.extend(self.oracle.unfinished(i, server));
        }
        open.extend(self.astray());
        let unhealed = self.unhealed();
        open.extend(unhealed.map(|text| Open::new("unhealed", "", text)));
        for enactor in &self.enactors {
            if enactor.verbs > 0 {
                let text = format!("{} owes an operator an answer", enactor.name);
                open.push(Open::new("an answer is owed", "", text));
            }
        }
        let all_up = (0..self.servers.len()).all(|i| !self.targets.is_buried(i));
        if open.is_empty() && all_up && !self.is_quiet() {
            let text = "somebody still does something".to_owned();
            open.push(Open::new("no rest", "", text));
        }
        if !open.is_empty() {
            self.oracle.unsettled(open);
        }
    }
}

/// The server to which something happens.
fn concerned(action: &Action) -> Option<Srv> {
    match action {
        Action::Down(s)
        | Action::Up(s)
        | Action::Refuse(s)
        | Action::Permit(s)
        | Action::Show(s)
        | Action::ServerSkew(s, _)
        | Action::Backup(s)
        | Action::Restore(s)
        | Action::Reload(s)
        | Action::Forge(s, _)
        | Action::Foreign(s, ..) => Some(*s),
        _ => None,
    }
}
