//! Ledgers besides the zone's: how one begins, an older one in its place, a rival's.

use crate::action::{Action, E, News};
use crate::scenario;
use crate::server::Server;
use crate::store::Store;
use crate::world::World;
use dns::{Rtype, Zone};
use std::sync::Arc;
use steadfast_core::body::Body;
use steadfast_core::guards::Abilities;
use steadfast_core::ledger::{self, Adopted, Entry, Event as Entered, FORMAT, Origin};
use steadfast_core::lifecycle::Append;
use steadfast_core::marker::LedgerId;
use steadfast_core::time::Time;

impl World {
    /// A ledger begins, in an empty store: with a content, on servers as they are.
    pub(crate) fn adopt(&mut self, store: usize, ledger: LedgerId, content: Zone) {
        let result = content.digest();
        let body = Body::Content(Arc::new(content));
        let (content, bytes) = body.encode();
        let origin = |s: &Server| Origin {
            marker: None,
            soa: s.kept.get(&(s.apex.clone(), Rtype::SOA)).cloned(),
            abilities: Abilities {
                swap_cname: s.habit.swaps(),
                ..Abilities::assumed()
            },
        };
        let adopted = Adopted {
            ledger,
            zone: scenario::apex(),
            content,
            result,
            configuration: 1,
            servers: self
                .servers
                .iter()
                .map(|s| (s.id.clone(), origin(s)))
                .collect(),
        };
        let entry = Entry {
            format: FORMAT,
            seq: 1,
            at: Time(self.now),
            by: "adopt".into(),
            event: Entered::Adopted(adopted),
        };
        let append = Append {
            expect_last: 0,
            entries: vec![ledger::seal(&dns::Digest::default(), &entry)],
            bodies: vec![(content, bytes)],
            forget: Vec::new(),
            snapshot: None,
        };
        self.append(store, &append);
    }

    /// The zone's store and a copy of it change places.
    pub(crate) fn put_back(&mut self, copy: u8, news: &mut Vec<News>) {
        let copy = usize::from(copy);
        if copy == 0 || copy >= self.stores.len() {
            return;
        }
        let all = self.enactors.iter().enumerate();
        let users = all.filter(|(_, x)| x.store == 0 || x.store == copy);
        let users: Vec<E> = users.filter_map(|(e, _)| E::try_from(e).ok()).collect();
        for e in users {
            self.dispatch(&Action::Crash(e), news);
        }
        self.stores.swap(0, copy);
        self.oracle.put_back(copy);
    }

    /// Somebody adopts what the first server has, with a ledger of their own, as if no marker stood
    /// anywhere: at the beginning none does.
    pub(crate) fn rival(&mut self) {
        let store = self.stores.len();
        let content = self.servers.first().map(|server| {
            let ours =
                |set: &&dns::RRset| set.rtype() != Rtype::SOA && *set.name() != server.marker;
            server.kept.values().filter(ours).cloned().collect()
        });
        let content = Zone::new(scenario::apex(), content.unwrap_or_default());
        let Ok(content) = content else { return };
        self.stores.push(Store::default());
        self.oracle.begun();
        self.adopt(store, LedgerId(0x5eed + store as u64), content);
    }
}
