//! Plain words for what happens.

use crate::action::{Action, E, Event, Item, Verb};
use crate::enactor::Ask;
use crate::follow::Mark;
use crate::scenario::{BACK, FORTH, recipe};
use crate::server::Records;
use crate::world::World;
use dns::{Name, Rtype};
use steadfast_core::server::Write;

type Said = (String, String);

/// What an operator asks for.
pub(super) fn verb(e: E, verb: &Verb) -> String {
    let what = match verb {
        Verb::Apply(FORTH) => "move www to pool-b, then delete pool-a".to_owned(),
        Verb::Apply(BACK) => "the first content again: www at pool-a".to_owned(),
        Verb::Apply(n) => {
            let content = recipe(*n);
            let www = content
                .iter()
                .find(|r| r.rtype() == Rtype::CNAME && r.name().to_string().starts_with("www."));
            let at = www.and_then(|r| r.targets().next());
            let at = at.map_or("nowhere".into(), |t| short(&t.to_string()));
            format!("content {n}, with www at {at}")
        }
        Verb::Rollback(by) => format!("back by {by} generations"),
        Verb::Freeze(None) => "freeze".to_owned(),
        Verb::Freeze(Some(ms)) => format!("freeze for {} s", ms / 1_000),
        Verb::Thaw => "thaw".to_owned(),
        Verb::Resume(s) => format!("write to ns{s} again"),
        Verb::Spoil(kind) => format!("a broken content, sort {kind}"),
        Verb::Late(by, n) => format!("a plan for content {n} saved {by} generations ago"),
        Verb::Move(n, to) => format!("move endpoint {n} to its targets number {to}"),
        #[allow(unreachable_patterns)]
        other => format!("{other:?}"),
    };
    format!("ask e{e}: {what}")
}

/// What the world's own story does not tell.
pub(super) fn of(event: &Event, world: &World) -> Vec<Said> {
    let one = |lane: String, text: &str| vec![(lane, text.to_owned())];
    match &event.action {
        Action::Send(item) => write(*item, world)
            .map(|w| {
                (
                    format!("e{}", item.0),
                    format!("sends write {}: {}", w.seq, changes(w)),
                )
            })
            .into_iter()
            .collect(),
        Action::GiveUp(item) => one(format!("e{}", item.0), "stops waiting for an answer"),
        Action::CopyStore(_) => one("ledger".into(), "is copied"),
        Action::PutBack(_) => one("ledger".into(), "goes back: a copy takes its place"),
        Action::Rival => one("ledger".into(), "gets a rival for the same servers"),
        Action::Attach(e, s) => one(
            format!("e{e}"),
            &format!("is to use store {s} from its next start"),
        ),
        Action::StoreFails(e) => one(format!("e{e}"), "is failed by its store: disk full"),
        Action::StoreForgets(e) => one(
            format!("e{e}"),
            "gets no answer from its store, which did as it was asked",
        ),
        Action::Skew(e, ms) => one(
            format!("e{e}"),
            &format!("has a clock that is off by {ms} ms"),
        ),
        Action::Cut(e, s) | Action::Joined(e, s) => {
            let from = s.map_or("its store".to_owned(), |s| format!("ns{s}"));
            let verb = match &event.action {
                Action::Cut(..) => "is cut off",
                _ => "reaches again",
            };
            one(format!("e{e}"), &format!("{verb} {from}"))
        }
        Action::Full(_) => one("ledger".into(), "its disk is full"),
        Action::Roomy(_) => one("ledger".into(), "there is room on its disk"),
        Action::Calm => one(
            "operators".into(),
            "from here on nothing goes wrong any more",
        ),
        _ => Vec::new(),
    }
}

/// What of the world's story is told, and in which lane.
pub(super) fn kept(lane: String, what: String) -> Option<Said> {
    let noise = [
        "is asked: ",
        "sends ",
        "has read ",
        "has it in the ledger",
        "Waiting(",
    ];
    if let Some(store) = lane.strip_prefix("store") {
        let quiet = ["Applied", "proposes plan", "adopted"];
        let name = match store {
            "0" => "ledger".to_owned(),
            n => format!("copy {n}"),
        };
        let told = !quiet.iter().any(|q| what.contains(q));
        return told.then_some((name, shortened(&what)));
    }
    if what.contains("and refuses") {
        return Some((lane, shortened(&what)));
    }
    let told = !noise.iter().any(|n| what.starts_with(n));
    told.then_some((lane, shortened(&what)))
}

/// What is held back.
pub(super) fn held(mark: &Mark, world: &World) -> Option<Said> {
    let until = match mark.done {
        Some(_) => format!("until event {}", mark.line + 1),
        None => "for good".to_owned(),
    };
    let (lane, what) = match &mark.action {
        Action::Send(item) => {
            let w = write(*item, world)?;
            let text = format!("write {} is ready: {}", w.seq, changes(w));
            (format!("e{}", item.0), text)
        }
        Action::Deliver(item) => {
            let w = write(*item, world)?;
            (
                format!("e{}", item.0),
                format!("write {} is on its way", w.seq),
            )
        }
        Action::Store(e) => (format!("e{e}"), "waits for the store".into()),
        Action::Answer(e) => (format!("e{e}"), "does not see the store's answer".into()),
        Action::Look(item) => (format!("e{}", item.0), "a question is on its way".into()),
        Action::Return(item) => (format!("e{}", item.0), "an answer is on its way".into()),
        Action::Show(s) => (
            format!("ns{s}"),
            "what it answers with trails what it keeps".into(),
        ),
        Action::Wake(e) => (format!("e{e}"), "does not look at the ledger".into()),
        _ => return None,
    };
    Some((lane, format!("{what}; held back {until}")))
}

fn write(item: Item, world: &World) -> Option<&Write> {
    let enactor = world.enactors.get(usize::from(item.0))?;
    match &enactor.requests.get(&item.1)?.ask {
        Ask::Write(write, _) => Some(write),
        _ => None,
    }
}

fn changes(write: &Write) -> String {
    let one = |c: &dns::Change| {
        let (name, rtype) = (short(&c.name().to_string()), c.rtype());
        match c.after() {
            None => format!("delete {name} {rtype}"),
            Some(after) => format!("{name} {rtype} = {}", short(&after.texts().join(" "))),
        }
    };
    match write.changes.as_slice() {
        [] => "only the marker".to_owned(),
        all => all.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

/// A name of the zone without the zone.
pub(super) fn short(name: &str) -> String {
    name.trim_end_matches('.')
        .trim_end_matches(".example.com")
        .to_owned()
}

fn shortened(text: &str) -> String {
    text.replace(".example.com.", "").replace("\"", "")
}

/// What a name answers with: the addresses, and by which alias.
pub(super) fn view(records: &Records, name: &Name) -> String {
    let mut at = name.clone();
    let mut by = String::new();
    for _ in 0..8 {
        let get = |t| records.get(&(at.clone(), t));
        if let Some(set) = get(Rtype::A).or_else(|| get(Rtype::AAAA)) {
            return format!("with {}{by}", set.texts().join(", "));
        }
        match get(Rtype::CNAME).and_then(|set| set.targets().next()) {
            Some(target) => {
                by += &format!(" by {}", short(&target.to_string()));
                at = target;
            }
            None if by.is_empty() => return "with nothing".into(),
            None => return format!("with nothing: {} is gone", short(&at.to_string())),
        }
    }
    "with a circle".into()
}
