//! Daemons that share a memory, are started anew at any time and send what they can, against what
//! may be said of any history of troubles.

use super::tests::{START, at, rules, trouble, zones};
use super::*;
use crate::trouble::Kind;
use proptest::prelude::*;

const KINDS: [Kind; 4] = [Kind::Halted, Kind::Drift, Kind::Behind, Kind::Waits];

/// What happens in a second.
#[derive(Clone, Debug)]
enum Move {
    Begins(usize),
    Ends(usize),
    Restart(usize),
    /// The receiver is away for so many seconds.
    Away(u64),
    Quiet(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        (0..KINDS.len()).prop_map(Move::Begins),
        (0..KINDS.len()).prop_map(Move::Ends),
        (0..2usize).prop_map(Move::Restart),
        (1..200u64).prop_map(Move::Away),
        (1..400u64).prop_map(Move::Quiet),
    ];
    proptest::collection::vec(one, 1..30)
}

/// The troubles as they are, and what a receiver may have heard of them.
#[derive(Default)]
struct World {
    there: BTreeSet<usize>,
    /// Since when each is there, or gone.
    since: BTreeMap<usize, Time>,
    heard: BTreeSet<String>,
    /// The last time that something may have held telling up.
    held_up: u64,
    away: u64,
}

impl World {
    fn troubles(&self) -> Vec<Trouble> {
        let all = self.there.iter();
        all.map(|n| trouble(KINDS[*n], &n.to_string())).collect()
    }

    /// What may be said of a message, whatever came before.
    fn hears(&mut self, now: Time, message: &Message) {
        let order: Vec<(Rank, Kind)> = message.troubles.iter().map(|t| (t.rank, t.kind)).collect();
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!(message.next.is_some(), !message.troubles.is_empty());
        for said in &message.troubles {
            assert_eq!(
                said.new,
                self.heard.insert(said.key.clone()),
                "{}",
                said.key
            );
            assert!(said.rank <= rules().least);
            let n: usize = said.subject.parse().unwrap_or_default();
            let lasted = now.since(self.since[&n]);
            if said.new {
                assert!(self.there.contains(&n), "{} was gone", said.key);
                assert!(lasted >= said.kind.settles(), "{} is a blip", said.key);
            } else {
                let fresh = self.there.contains(&n) || lasted <= Millis(CALM.0 + 1000);
                assert!(fresh, "{} was over", said.key);
            }
        }
        for over in &message.resolved {
            assert!(self.heard.remove(&over.key), "{} was never told", over.key);
        }
    }

    /// Nobody is left in the dark for long.
    fn knows(&self, second: u64) {
        // Bounds of the budget, of retries and of settling, one after the other.
        let quiet = second.saturating_sub(self.held_up) > 800;
        for n in self
            .there
            .iter()
            .filter(|n| KINDS[**n].rank() <= rules().least)
        {
            let key = format!("eu-1/{}", trouble(KINDS[*n], &n.to_string()).key());
            let long = at(second).since(self.since[n]) > Millis::seconds(800);
            assert!(
                !quiet || !long || self.heard.contains(&key),
                "{key} is not told"
            );
        }
        for key in &self.heard {
            let n: usize = key
                .rsplit('/')
                .next()
                .and_then(|n| n.parse().ok())
                .unwrap_or(9);
            let over = !self.there.contains(&n);
            let long = at(second).since(self.since[&n]) > Millis::seconds(800);
            assert!(!(quiet && over && long), "{key} is over");
        }
    }
}

fn run(moves: &[Move]) {
    let mut world = World::default();
    let mut daemons = [Pager::new(rules()), Pager::new(rules())];
    let mut memory = Memory::default();
    let mut second = 0;
    for one in moves {
        let mut span = 1;
        match one {
            Move::Begins(n) => {
                if world.there.insert(*n) {
                    world.since.insert(*n, at(second));
                }
            }
            Move::Ends(n) => {
                if world.there.remove(n) {
                    world.since.insert(*n, at(second));
                }
            }
            Move::Restart(n) => {
                daemons[*n] = Pager::new(rules());
                world.held_up = second;
            }
            Move::Away(n) => world.away = second + n,
            Move::Quiet(n) => span = *n,
        }
        for _ in 0..span {
            // Each looks, and then they take turns at the memory.
            let now = at(second);
            for (n, daemon) in (0..).zip(&mut daemons) {
                daemon.see(now + Millis(n), "example.com", &world.troubles());
                let Some(message) = daemon.due(now + Millis(n), &memory, &zones()) else {
                    continue;
                };
                if second < world.away {
                    memory.failed(now, &message, "away", second * 77);
                    world.held_up = world.away;
                } else {
                    world.hears(now, &message);
                    memory.delivered(now, &message);
                }
                assert!(memory.sent.iter().is_sorted() && memory.sent.len() <= FREELY);
            }
            world.knows(second);
            second += 1;
        }
    }
    assert!(at(second) > START);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn whoever_is_told_is_told_once_in_order_and_not_late(moves in moves()) {
        run(&moves);
    }
}
