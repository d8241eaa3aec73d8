//! A day with ten thousand clients, three hours of it without an authority: what the servers that come
//! back are asked.

use crate::world::{A, B, Says, World, config, has, name};
use dns::Rtype;
use steadfast_resolver::Key;

const CLIENTS: u64 = 10_000;
const MINUTES: u64 = 24 * 60;
/// From the start of the tenth hour to that of the thirteenth.
const DEAD: std::ops::Range<u64> = 10 * 60..13 * 60;
/// The two hours after that.
const RETURN: std::ops::Range<u64> = 13 * 60..15 * 60;
/// Seconds that answers live, and that pass from one question of a client to its next.
const TTL: u32 = 300;
const RHYTHM: u64 = 600;
/// Names, half of them pinned; a client's are drawn so that some are asked for far more than others.
const NAMES: u64 = 1_500;

/// A number for each question of each client, the same in every run.
fn draw(client: u64, turn: u64) -> u64 {
    let mut seed = (client << 32 | turn).wrapping_add(0x9e37_79b9_7f4a_7c15);
    for shift in [30, 27, 31] {
        seed = (seed ^ seed >> shift).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    seed ^ seed >> 33
}

fn asked(client: u64, turn: u64) -> Key {
    // The square of a share: a quarter of the names get half of the questions.
    let share = draw(client, turn) % 1_000_000;
    let number = share * share / 1_000_000 * NAMES / 1_000_000;
    let zone = ["com", "org"][number as usize % 2];
    Key::new(name(&format!("n{number}.example.{zone}")), Rtype::A)
}

/// Questions to the servers in each minute of the day.
fn day() -> Vec<u64> {
    let mut config = config(&[A, B], &["**.example.com"]);
    config.ttl.jitter = 5;
    let mut world = World::new(config);
    let keys: Vec<Vec<Key>> = (0..8)
        .map(|turn| (0..CLIENTS).map(|client| asked(client, turn)).collect())
        .collect();
    let mut sent = Vec::new();
    for minute in 0..MINUTES {
        for who in [A, B] {
            match DEAD.contains(&minute) {
                true => world.say(who, Says::Silence),
                false => world.say(who, has("192.0.2.10", TTL)),
            }
        }
        let before = world.counters().sent;
        for second in minute * 60..minute * 60 + 60 {
            for client in (second % RHYTHM..CLIENTS).step_by(RHYTHM as usize) {
                let turn = &keys[(second / RHYTHM) as usize % keys.len()];
                world.put(turn[client as usize].clone());
            }
            world.pass(1);
            world.replies.clear();
            world.delivered.clear();
        }
        sent.push(world.counters().sent - before);
    }
    sent
}

#[test]
fn ten_thousand_clients_and_three_hours_without_an_authority() {
    let sent = day();
    let most = |minutes: std::ops::Range<u64>, window: usize| {
        let part = &sent[minutes.start as usize..minutes.end as usize];
        part.windows(window)
            .map(|w| w.iter().sum::<u64>())
            .max()
            .unwrap()
    };
    // Over the life of an answer and over an hour: less than twice what is normal.
    for window in [5, 60] {
        let (normal, after) = (most(60..DEAD.start, window), most(RETURN, window));
        println!("{window} min: {normal} normally, {after} after the return");
        assert!(
            after < 2 * normal,
            "{after} in {window} min, {normal} normally"
        );
    }
    // In the first minute every name that is wanted is looked for, pinned ones within a recheck,
    // and none twice.
    let (normal, first) = (most(60..DEAD.start, 1), sent[DEAD.end as usize]);
    println!("1 min: {normal} normally, {first} in the first after the return");
    assert!(first < NAMES, "{first} questions for {NAMES} names");
    // While nobody answers: each name once a recheck (15 s pinned, 30 s otherwise), a fifth on top
    // for further tries, and a probe a second to each server.
    let (dead, once) = (most(DEAD, 1), NAMES / 2 * 4 + NAMES / 2 * 2);
    println!("1 min: {dead} at most while they are dead");
    assert!(
        dead <= once + once / 5 + 120,
        "{dead} questions to dead servers"
    );
}
