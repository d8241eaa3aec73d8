//! Followers transfer and clients ask: what happens around servers without anybody writing.

use crate::action::Srv;
use crate::cache::{Cache, Keeps, Told};
use crate::naive::End;
use crate::oracle::{Authority, Open};
use crate::server::{Found, Records, same};
use crate::world::World;
use dns::{Name, Rtype};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A client's question for a name's addresses.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The cache that it asks.
    pub cache: u8,
    /// Whom the cache asks for what it does not know.
    pub of: Authority,
    /// The name.
    pub name: Name,
    /// One family only; otherwise both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Rtype>,
    /// Whether the cache was emptied just before: the resolver started anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
    /// Whether the cache keeps each RRset by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parts: bool,
}

impl World {
    /// A follower asks its primary for something newer.
    pub(crate) fn transfer(&mut self, srv: Srv, n: u8) {
        let Some(primary) = self.servers.get(usize::from(srv)) else {
            return;
        };
        match self.followers.ask((srv, n), primary) {
            Found::Newer => {
                self.stats.world.transfers += 1;
                let id = primary.id.clone();
                self.say(id, || format!("is transferred by follower {n}"));
                if let Some(name) = self
                    .followers
                    .get((srv, n))
                    .and_then(|f| self.oracle.empty_at(usize::from(srv), &f.served))
                {
                    let text = format!("follower {n} of ns{srv} answers {name} with nothing");
                    self.oracle.accuse("I3", text);
                }
            }
            Found::Stuck => self.stats.world.stuck += 1,
            Found::Same | Found::Nobody => {}
        }
    }

    fn view(&self, (srv, follower): Authority) -> Option<Arc<Records>> {
        match follower {
            None => {
                let server = self.servers.get(usize::from(srv)).filter(|s| !s.down);
                server.map(|s| s.served.clone())
            }
            Some(n) => {
                let follower = self.followers.get((srv, n)).filter(|f| !f.down);
                follower.map(|f| f.served.clone())
            }
        }
    }

    /// A client asks a cache.
    pub(crate) fn ask(&mut self, ask: &Ask) {
        let apex = crate::scenario::apex();
        // Nobody there: the resolver tries the next, which is another question here.
        let Some(view) = self.view(ask.of) else {
            return;
        };
        let keeps = if ask.parts {
            Keeps::Parts
        } else {
            Keeps::Answers
        };
        let both = [Rtype::A, Rtype::AAAA];
        let families = match &ask.family {
            Some(one) => std::slice::from_ref(one),
            None => &both,
        };
        let now = self.now;
        let cache = self.caches.entry(ask.cache).or_default();
        if ask.anew {
            *cache = Cache::default();
        }
        let told: Vec<Told> = families
            .iter()
            .map(|family| cache.ask(keeps, (&ask.name, *family), (&view, &apex), now))
            .collect();
        let tally = &mut self.stats.world;
        let fresh = told.iter().any(|t| t.fresh || t.pieced);
        tally.asked += u64::from(fresh);
        tally.kept += u64::from(told.iter().any(|t| !t.fresh));
        tally.pieced += u64::from(told.iter().any(|t| t.pieced));
        tally.nothing += u64::from(told.iter().any(|t| t.fresh && t.end == End::Nothing));
        let changed = families.iter().zip(&told).any(|(family, t)| {
            let mut anew = Cache::default();
            let says = anew.ask(keeps, (&ask.name, *family), (&view, &apex), now);
            !t.fresh && t.set != says.set
        });
        tally.outdated += u64::from(changed);
        if let (srv, Some(_)) = ask.of {
            let primary = self.servers.get(usize::from(srv));
            let behind = primary.is_some_and(|p| !same(&p.served, &view, &apex));
            tally.behind += u64::from(behind);
        }
        if fresh {
            self.oracle.heard(ask.cache, ask.of, &view);
        }
        let empty = told.iter().all(|t| t.end == End::Nothing) && told.len() > 1;
        if empty {
            let pieced = told.iter().any(|t| t.pieced);
            self.say("clients".into(), || format!("{} has no address", ask.name));
            self.oracle
                .told_nothing(ask.cache, ask.of, &ask.name, pieced);
        }
    }

    fn say(&mut self, lane: String, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push((lane, what()));
        }
    }

    /// Followers that keep other data than a primary that is whole, for good (I2).
    pub(crate) fn astray(&self) -> Option<Open> {
        self.followers.iter().find_map(|(at, follower)| {
            let primary = self.servers.get(usize::from(at.0))?;
            let apex = &primary.apex;
            let newer =
                crate::server::exceeds(primary.serial(), crate::server::serial(&follower.served));
            let stuck = !newer && !same(&primary.kept, &follower.served, apex);
            let text = self.oracle.follows(at, stuck, primary)?;
            Some(Open::new("a follower is stuck", &primary.id, text))
        })
    }
}
