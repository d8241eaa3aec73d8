//! Many small wishes made into one change, so that what waits while a write is in flight travels
//! together, and splitting it again, so that a bad wish stops nobody else. Of wishes that
//! replace the same RRsets only the newest goes: a backlog is not replayed, it is caught up with.

use crate::guards::Finding;
use dns::{Change, Name, RRset, Rtype, Zone};
use std::collections::{BTreeMap, BTreeSet};

/// What somebody who asks for a change believes to stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Base {
    /// Whatever it is, it is to be replaced.
    Anything,
    /// Exactly this RRset, TTL included; `None`: no such RRset.
    Is(Option<RRset>),
}

/// One RRset as it shall be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// The owner.
    pub name: Name,
    /// The type.
    pub rtype: Rtype,
    /// What must stand for the edit to make sense.
    pub base: Base,
    /// What shall stand; `None`: nothing.
    pub after: Option<RRset>,
}

/// Edits that are made together or not at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wish(Vec<Edit>);

/// Why edits are no wish.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WishError {
    /// There is none.
    #[error("a change without edits")]
    Empty,
    /// Two edits of one RRset: which of them counts is not for us to choose.
    #[error("{0} {1} is edited twice in one change")]
    Twice(Name, Rtype),
    /// An edit whose RRset is another one than it says.
    #[error("an edit of {0} {1} holds an RRset of another owner or type")]
    Another(Name, Rtype),
}

/// What becomes of one wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is in the composition.
    Travels,
    /// All of it stands already.
    There,
    /// What it is based on does not stand: the RRset, and what does.
    Moved(Name, Rtype, Option<RRset>),
    /// The guards refuse it by itself.
    Refused(Vec<Finding>),
    /// A newer wish that replaces all of it, whatever stands, goes in its stead.
    Overtaken,
    /// It touches an owner that an earlier one touches, or is refused only together with others:
    /// it belongs into the next composition.
    Waits,
}

/// A composition: what passed, and what became of each wish, in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Composed<T> {
    /// What `judge` made of the changes; `None` where nothing travels.
    pub passed: Option<T>,
    /// One a wish.
    pub fates: Vec<Fate>,
}

impl Wish {
    /// Checks edits, and puts them into canonical order.
    ///
    /// # Errors
    /// No edit, two of one RRset, or an edit that says one RRset and holds another.
    pub fn new(mut edits: Vec<Edit>) -> Result<Wish, WishError> {
        edits.sort_by(|a, b| key(a).cmp(&key(b)));
        if edits.is_empty() {
            return Err(WishError::Empty);
        }
        if let Some([twice, _]) = edits.array_windows().find(|[a, b]| key(a) == key(b)) {
            return Err(WishError::Twice(twice.name.clone(), twice.rtype));
        }
        let another = |e: &&Edit| {
            let base = match &e.base {
                Base::Is(base) => base.as_ref(),
                Base::Anything => None,
            };
            let mut sides = base.into_iter().chain(&e.after);
            sides.any(|r| (r.name(), r.rtype()) != key(e))
        };
        match edits.iter().find(another) {
            Some(edit) => Err(WishError::Another(edit.name.clone(), edit.rtype)),
            None => Ok(Wish(edits)),
        }
    }

    /// The edits in canonical order.
    pub fn edits(&self) -> &[Edit] {
        &self.0
    }

    /// Whether `held` is what the wish is to lead to.
    pub fn stands_in(&self, held: &Zone) -> bool {
        let stands = |e: &Edit| held.get(&e.name, e.rtype) == e.after.as_ref();
        self.0.iter().all(stands)
    }

    /// Whether nothing is left of another wish once this one stands, whatever stood before.
    fn replaces(&self, older: &Wish) -> bool {
        let replaced = |old: &Edit| {
            let mut ours = self.0.iter().filter(|e| key(e) == key(old));
            ours.any(|e| e.base == Base::Anything)
        };
        older.0.iter().all(replaced)
    }

    /// The changes that it makes of `held`, or what it is wrong about.
    fn changes(&self, held: &Zone) -> Result<Vec<Change>, Fate> {
        let mut changes = Vec::with_capacity(self.0.len());
        for edit in &self.0 {
            let stands = held.get(&edit.name, edit.rtype);
            if let Base::Is(base) = &edit.base
                && base.as_ref() != stands
            {
                let stands = stands.cloned();
                return Err(Fate::Moved(edit.name.clone(), edit.rtype, stands));
            }
            changes.extend(Change::new(stands.cloned(), edit.after.clone()));
        }
        if changes.is_empty() {
            return Err(Fate::There);
        }
        Ok(changes)
    }
}

fn key(edit: &Edit) -> (&Name, Rtype) {
    (&edit.name, edit.rtype)
}

/// Composes `wishes` over the content that the ledger holds.
///
/// `judge` makes a plan of changes (canonical order) and lets it pass, or says what refuses it.
/// When the whole is refused, each wish is judged by itself: those refused alone are refused, and
/// the rest travels; when even the rest is refused, its first half is tried, so that in the end one
/// wish travels alone. No wish is ever composed with one that touches the same owner: what each
/// expects is judged against what will have stood, in the order in which they came. At most `most`
/// travel. One that a newer one undoes at once stands back for it.
pub fn compose<T>(
    held: &Zone,
    wishes: &[&Wish],
    most: usize,
    mut judge: impl FnMut(Vec<Change>) -> Result<T, Vec<Finding>>,
) -> Composed<T> {
    let mut fates = vec![Fate::Waits; wishes.len()];
    let by = overtakers(wishes);
    let mut going = gather(held, wishes, &by, most, &mut fates);
    let mut sifted = false;
    let mut passed = None;
    while passed.is_none() && !going.is_empty() {
        match judge(together(&going)) {
            Ok(made) => passed = Some(made),
            Err(findings) if going.len() == 1 => {
                going
                    .drain(..)
                    .for_each(|(i, _)| fates[i] = Fate::Refused(findings.clone()));
            }
            Err(_) if !std::mem::replace(&mut sifted, true) => {
                let before = going.len();
                going.retain(|(i, changes)| match judge(changes.clone()) {
                    Ok(_) => true,
                    Err(findings) => {
                        fates[*i] = Fate::Refused(findings);
                        false
                    }
                });
                if going.len() == before {
                    going.truncate(before.div_ceil(2));
                }
            }
            Err(_) => going.truncate(going.len().div_ceil(2)),
        }
    }
    for (i, _) in &going {
        fates[*i] = Fate::Travels;
    }
    for (i, by) in by.into_iter().enumerate() {
        // Where the newer one does not stand, the older one's turn comes.
        if by.is_some_and(|j| matches!(fates[j], Fate::Travels | Fate::There)) {
            fates[i] = Fate::Overtaken;
        }
    }
    Composed { passed, fates }
}

/// For each wish the newer one that undoes it at once, if there is one: the next that touches any
/// of its owners, and that replaces each of its RRsets, whatever stands. With nothing between the
/// two, whether the older one went first can't be seen afterwards.
fn overtakers(wishes: &[&Wish]) -> Vec<Option<usize>> {
    let mut next: BTreeMap<&Name, usize> = BTreeMap::new();
    let mut by = vec![None; wishes.len()];
    for (i, wish) in wishes.iter().enumerate().rev() {
        let owners = || wish.edits().iter().map(|e| &e.name);
        let mut touchers = owners().map(|owner| next.get(owner).copied());
        let first = touchers.next().flatten();
        by[i] = first.filter(|j| touchers.all(|t| t == Some(*j)) && wishes[*j].replaces(wish));
        if by[i].is_none() {
            next.extend(owners().map(|owner| (owner, i)));
        }
    }
    by
}

/// The wishes that may travel together, each with its changes.
type Going = Vec<(usize, Vec<Change>)>;

fn gather(
    held: &Zone,
    wishes: &[&Wish],
    by: &[Option<usize>],
    most: usize,
    fates: &mut [Fate],
) -> Going {
    let mut taken: BTreeSet<&Name> = BTreeSet::new();
    let mut going = Vec::new();
    for (i, wish) in wishes.iter().enumerate().filter(|(i, _)| by[*i].is_none()) {
        if going.len() == most {
            break;
        }
        let names = || wish.edits().iter().map(|e| &e.name);
        let free = !names().any(|n| taken.contains(n));
        // Also those of a wish that waits: what came later must not overtake it.
        taken.extend(names());
        if !free {
            continue;
        }
        match wish.changes(held) {
            Ok(changes) => going.push((i, changes)),
            Err(fate) => fates[i] = fate,
        }
    }
    going
}

fn together(going: &Going) -> Vec<Change> {
    let mut all: Vec<Change> = going.iter().flat_map(|(_, c)| c).cloned().collect();
    all.sort_by(|a, b| (a.name(), a.rtype()).cmp(&(b.name(), b.rtype())));
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::guards::testkit::{name, zone};
    use crate::guards::{Moment, Verdict};

    fn rrset(line: &str) -> RRset {
        let made = zone(line);
        made.iter()
            .find(|r| r.name() == &owner(line))
            .unwrap()
            .clone()
    }

    fn owner(line: &str) -> Name {
        name(line.split(' ').next().unwrap())
    }

    /// From and to, each a line or empty; `*` as base takes whatever stands.
    fn wish(edits: &[(&str, &str)]) -> Wish {
        let edit = |(base, after): &(&str, &str)| {
            let after = (!after.is_empty()).then(|| rrset(after));
            let base = match *base {
                "*" => Base::Anything,
                "" => Base::Is(None),
                line => Base::Is(Some(rrset(line))),
            };
            let side = match &base {
                Base::Is(Some(side)) => Some(side.clone()),
                _ => after.clone(),
            };
            let side = side.unwrap();
            Edit {
                name: side.name().clone(),
                rtype: side.rtype(),
                base,
                after,
            }
        };
        Wish::new(edits.iter().map(edit).collect()).unwrap()
    }

    fn finding(why: &str) -> Finding {
        Finding {
            guard: "test".into(),
            verdict: Verdict::Refuse,
            moment: Moment::Plan,
            name: name("@"),
            rtype: None,
            why: why.into(),
            fix: String::new(),
        }
    }

    /// Refuses what touches `bad`, and more than `most` changes.
    fn strict(most: usize) -> impl FnMut(Vec<Change>) -> Result<Vec<Change>, Vec<Finding>> {
        move |changes| {
            if changes.iter().any(|c| c.name() == &name("bad")) {
                return Err(vec![finding("bad")]);
            }
            if changes.len() > most {
                return Err(vec![finding("too many")]);
            }
            Ok(changes)
        }
    }

    const HELD: &str = "a A 10.0.0.1\nb A 10.0.0.2\nc A 10.0.0.3\nbad A 10.0.0.4\n";

    fn run(wishes: &[Wish], most: usize) -> (Vec<String>, Vec<Fate>) {
        let wishes: Vec<&Wish> = wishes.iter().collect();
        let composed = compose(&zone(HELD), &wishes, usize::MAX, strict(most));
        let changed = composed.passed.into_iter().flatten();
        let changed = changed.map(|c| c.name().to_string().replace(".example.com.", ""));
        (changed.collect(), composed.fates)
    }

    #[test]
    fn what_is_apart_travels_together_in_canonical_order() {
        let wishes = [
            wish(&[("c A 10.0.0.3", "c A 10.1.0.3"), ("", "new A 10.1.0.9")]),
            wish(&[("a A 10.0.0.1", "")]),
            wish(&[("*", "b A 10.1.0.2")]),
        ];
        let (changed, fates) = run(&wishes, 99);
        assert_eq!(changed, ["a", "b", "c", "new"]);
        assert_eq!(fates, vec![Fate::Travels; 3]);
    }

    #[test]
    fn a_bad_one_is_refused_alone() {
        let wishes = [
            wish(&[("*", "a A 10.1.0.1")]),
            wish(&[("*", "bad A 10.1.0.4")]),
            wish(&[("*", "b A 10.1.0.2")]),
        ];
        let (changed, fates) = run(&wishes, 99);
        assert_eq!(changed, ["a", "b"]);
        let refused = Fate::Refused(vec![finding("bad")]);
        assert_eq!(fates, vec![Fate::Travels, refused.clone(), Fate::Travels]);
        let (changed, fates) = run(&wishes[1..2], 99);
        assert_eq!((changed.len(), fates), (0, vec![refused]));
    }

    #[test]
    fn what_is_too_much_together_goes_in_parts() {
        let wishes = ["a A 10.1.0.1", "b A 10.1.0.2", "c A 10.1.0.3"].map(|w| wish(&[("*", w)]));
        let (changed, fates) = run(&wishes, 2);
        assert_eq!(changed, ["a", "b"]);
        assert_eq!(fates, vec![Fate::Travels, Fate::Travels, Fate::Waits]);
        let (changed, fates) = run(&wishes, 1);
        assert_eq!(changed, ["a"]);
        assert_eq!(fates, vec![Fate::Travels, Fate::Waits, Fate::Waits]);
    }

    #[test]
    fn one_owner_changes_once_and_order_is_kept() {
        let wishes = [
            wish(&[("*", "a A 10.1.0.1")]),
            wish(&[("a A 10.1.0.1", "a A 10.2.0.1"), ("*", "b A 10.2.0.2")]),
            wish(&[("*", "b A 10.3.0.2")]),
            wish(&[("*", "c A 10.3.0.3")]),
        ];
        let (changed, fates) = run(&wishes, 99);
        assert_eq!(changed, ["a", "c"]);
        let expected = [Fate::Travels, Fate::Waits, Fate::Waits, Fate::Travels];
        assert_eq!(fates, expected);
    }

    #[test]
    fn of_a_backlog_only_the_newest_goes() {
        let old = || (0..5).map(|i| wish(&[("*", &*format!("a A 10.1.0.{i}"))]));
        let backlog: Vec<Wish> = old().chain([wish(&[("*", "b A 10.1.0.9")])]).collect();
        let (changed, fates) = run(&backlog, 99);
        assert_eq!(changed, ["a", "b"]);
        assert_eq!(fates[..4], vec![Fate::Overtaken; 4]);
        assert_eq!(fates[4..], vec![Fate::Travels; 2]);
        // One that expects something of the one before is no replacement, and what replaces only a
        // part is none either.
        let part = wish(&[("*", "a A 10.1.0.1"), ("*", "b A 10.1.0.1")]);
        for newer in [
            wish(&[("a A 10.1.0.1", "a A 10.2.0.1")]),
            wish(&[("*", "a A 10.2.0.1")]),
        ] {
            let (_, fates) = run(&[part.clone(), newer], 99);
            assert_eq!(fates, [Fate::Travels, Fate::Waits]);
        }
        // What stands already overtakes too.
        let (_, fates) = run(
            &[
                wish(&[("*", "a A 10.2.0.1")]),
                wish(&[("*", "a A 10.0.0.1")]),
            ],
            99,
        );
        assert_eq!(fates, [Fate::Overtaken, Fate::There]);
    }

    #[test]
    fn where_the_newest_is_refused_the_one_before_has_its_turn() {
        let wishes = [
            wish(&[("*", "bad A 10.1.0.1")]),
            wish(&[("*", "bad A 10.1.0.2")]),
        ];
        let (_, fates) = run(&wishes, 99);
        assert_eq!(fates, [Fate::Waits, Fate::Refused(vec![finding("bad")])]);
    }

    #[test]
    fn a_moved_base_and_what_stands_already() {
        let wishes = [
            wish(&[("a A 10.9.9.9", "a A 10.1.0.1")]),
            wish(&[("*", "b A 10.0.0.2")]),
            wish(&[("", "c A 10.1.0.3")]),
        ];
        let (changed, fates) = run(&wishes, 99);
        assert!(changed.is_empty());
        let moved = |line: &str| Fate::Moved(owner(line), Rtype::A, Some(rrset(line)));
        let expected = [moved("a A 10.0.0.1"), Fate::There, moved("c A 10.0.0.3")];
        assert_eq!(fates, expected);
    }

    #[test]
    fn edits_that_make_no_wish() {
        assert_eq!(Wish::new(Vec::new()), Err(WishError::Empty));
        let edit = wish(&[("*", "a A 10.1.0.1")]).edits()[0].clone();
        let twice = Wish::new(vec![edit.clone(), edit.clone()]);
        assert_eq!(twice, Err(WishError::Twice(name("a"), Rtype::A)));
        let rtype = Rtype::AAAA;
        let another = Wish::new(vec![Edit { rtype, ..edit }]);
        assert_eq!(another, Err(WishError::Another(name("a"), Rtype::AAAA)));
    }
}
