#![allow(clippy::unwrap_used)]
use super::*;
use crate::trouble::Kind;

pub(super) const START: Time = Time(1_700_000_000_000);

pub(super) fn rules() -> Rules {
    Rules {
        cell: "eu-1".into(),
        least: Rank::Warn,
        repeat: HOUR,
    }
}

pub(super) fn at(seconds: u64) -> Time {
    START + Millis::seconds(seconds)
}

pub(super) fn trouble(kind: Kind, subject: &str) -> Trouble {
    let text = format!("{} of {subject}", kind.word());
    let next = format!("steadfast status {subject}");
    Trouble::new("example.com", kind, subject, &text, &next)
}

pub(super) fn zones() -> BTreeSet<String> {
    ["example.com".to_owned()].into()
}

/// A receiver that takes what it gets.
struct Desk {
    pager: Pager,
    memory: Memory,
}

impl Desk {
    fn new() -> Desk {
        let (pager, memory) = (Pager::new(rules()), Memory::default());
        Desk { pager, memory }
    }

    fn see(&mut self, second: u64, troubles: &[Trouble]) -> Option<Message> {
        let now = at(second);
        self.pager.see(now, "example.com", troubles);
        let message = self.pager.due(now, &self.memory, &zones())?;
        self.memory.delivered(now, &message);
        Some(message)
    }

    /// As if the process had been started anew.
    fn restart(&mut self) {
        self.pager = Pager::new(rules());
    }
}

#[test]
fn told_when_it_lasts_again_after_a_while_and_once_when_it_is_over() {
    let mut desk = Desk::new();
    let halted = [trouble(Kind::Halted, "ns1")];
    assert_eq!(desk.see(0, &halted), None);
    assert_eq!(desk.see(4, &halted), None);
    assert_eq!(desk.see(5, &halted).unwrap().event, Event::Trouble);
    for second in [6, 60, 3604] {
        assert_eq!(desk.see(second, &halted), None, "{second}");
    }
    assert_eq!(desk.see(3605, &halted).unwrap().event, Event::Lasts);
    assert_eq!(desk.see(3606, &[]), None);
    assert_eq!(desk.see(3665, &[]), None);
    let over = desk.see(3666, &[]).unwrap();
    assert_eq!((over.event, over.next), (Event::Resolved, None));
    assert_eq!(over.resolved[0].key, "eu-1/example.com/halted/ns1");
    assert_eq!(desk.see(3667, &[]), None);
}

#[test]
fn a_blip_is_no_news_and_neither_is_a_gap() {
    let mut desk = Desk::new();
    let halted = [trouble(Kind::Halted, "ns1")];
    assert_eq!(desk.see(0, &halted), None);
    assert_eq!(desk.see(3, &[]), None);
    assert_eq!(desk.see(6, &halted), None, "it has to last once more");
    assert!(desk.see(11, &halted).is_some());
    assert_eq!(desk.see(20, &[]), None);
    assert_eq!(desk.see(79, &halted), None, "it was not over");
    assert_eq!(desk.see(200, &halted), None);
}

#[test]
fn what_matters_less_than_asked_for_is_not_told() {
    let mut desk = Desk::new();
    for second in [0, 31, 62] {
        assert_eq!(desk.see(second, &[trouble(Kind::Waits, "7")]), None);
    }
}

#[test]
fn a_restart_pages_nobody_again_and_says_nothing_is_over_that_it_did_not_look_at() {
    let mut desk = Desk::new();
    let halted = [trouble(Kind::Halted, "ns1")];
    desk.see(0, &halted);
    assert!(desk.see(5, &halted).is_some());
    desk.restart();
    // Before the zone was looked at, and long after: not looked at is not over.
    assert_eq!(desk.pager.due(at(500), &desk.memory, &zones()), None);
    assert_eq!(desk.see(501, &halted), None);
    assert_eq!(desk.see(520, &halted), None);
    desk.restart();
    // It ended while nobody looked.
    assert_eq!(desk.see(600, &[]), None);
    assert_eq!(desk.see(660, &[]).unwrap().event, Event::Resolved);
    assert_eq!(desk.see(661, &[]), None);
}

#[test]
fn a_zone_that_the_config_drops_ends_its_troubles() {
    let mut desk = Desk::new();
    let halted = [trouble(Kind::Halted, "ns1")];
    desk.see(0, &halted);
    desk.see(5, &halted);
    desk.pager.keep(&BTreeSet::new());
    let message = desk.pager.due(at(6), &desk.memory, &BTreeSet::new());
    assert_eq!(message.unwrap().event, Event::Resolved);
}

#[test]
fn a_storm_is_one_message_with_the_worst_of_it() {
    let mut desk = Desk::new();
    let mut storm: Vec<Trouble> = (0..999)
        .map(|n| trouble(Kind::Drift, &format!("n{n:03}.example.com")))
        .collect();
    storm.push(trouble(Kind::Halted, "ns1"));
    desk.see(0, &storm);
    let message = desk.see(5, &storm).unwrap();
    assert_eq!((message.troubles.len(), message.more), (SHOWN, 990));
    assert_eq!(message.troubles[0].kind, Kind::Halted);
    assert!(
        message.text.ends_with("and 990 more: steadfast status"),
        "{}",
        message.text
    );
    assert!(message.octets().len() < 60_000);
    assert_eq!(desk.see(6, &storm), None, "all of it was told");
    let over = (0..=70).find_map(|s| desk.see(10 + s, &[])).unwrap();
    assert_eq!((over.resolved.len(), over.more_resolved), (SHOWN, 990));
}

#[test]
fn what_flaps_all_day_is_told_a_bounded_number_of_times() {
    let mut desk = Desk::new();
    let (mut sent, day) = (0, 24 * 3600);
    for second in 0..day {
        let there = second % 80 < 10;
        let troubles = [trouble(Kind::Halted, "ns1")];
        let now = &troubles[..usize::from(there)];
        sent += usize::from(desk.see(second, now).is_some());
    }
    let most = FREELY + usize::try_from(day * 1000 / APART.0).unwrap();
    assert!((20..=most).contains(&sent), "{sent} of at most {most}");
}

#[test]
fn a_dead_receiver_is_tried_less_and_less_and_gets_what_is_true_when_it_is_back() {
    let mut desk = Desk::new();
    let first = [trouble(Kind::Halted, "ns1")];
    let later = [trouble(Kind::Drift, "www.example.com")];
    let mut tries = Vec::new();
    for second in 0..7200 {
        let now = at(second);
        let there = if second < 3600 { &first } else { &later };
        desk.pager.see(now, "example.com", there);
        if let Some(message) = desk.pager.due(now, &desk.memory, &zones()) {
            desk.memory
                .failed(now, &message, "connection refused", second);
            tries.push((second, message));
        }
    }
    assert!((10..60).contains(&tries.len()), "{}", tries.len());
    assert!(
        tries
            .windows(2)
            .all(|w| w[1].0 - w[0].0 <= memory::LATEST.0 / 1000 + 1)
    );
    let failed = desk.memory.undelivered.clone().unwrap();
    assert_eq!(
        (failed.since, failed.why.as_str()),
        (at(5), "connection refused")
    );
    let message = (7200..8000)
        .find_map(|second| desk.see(second, &later))
        .unwrap();
    let kinds: Vec<Kind> = message.troubles.iter().map(|t| t.kind).collect();
    assert_eq!(kinds, [Kind::Drift], "what is over by then was never told");
    assert_eq!(desk.memory.undelivered, None);
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_waiting() {
    let mut desk = Desk::new();
    let halted = [trouble(Kind::Halted, "ns1")];
    desk.see(10_000, &halted);
    assert_eq!(desk.see(0, &halted), None);
    let message = desk.see(5, &halted).unwrap();
    desk.memory.failed(at(9_000), &message, "no", 7);
    desk.see(6, &halted);
    desk.memory.told.clear();
    assert!(desk.pager.due(at(7), &desk.memory, &zones()).is_some());
}

#[test]
fn a_message_reads_like_this() {
    let mut desk = Desk::new();
    let failed = Trouble {
        since: Some(at(0)),
        beside: "(the source still says what failed: correct it first)".into(),
        ..Trouble::new(
            "example.com",
            Kind::RolledBack,
            "42",
            "stage canary of configuration 42 failed: errors fails (exit 1); the content of 41 is back, as 43",
            "steadfast plan example.com",
        )
    };
    let old = [trouble(Kind::Undecided, "42 canary")];
    desk.see(0, &old);
    desk.see(5, &old);
    let now = [failed, trouble(Kind::Unreachable, "ns2")];
    let all: Vec<Message> = (6..=70).filter_map(|s| desk.see(s, &now)).collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&all).unwrap());
}
