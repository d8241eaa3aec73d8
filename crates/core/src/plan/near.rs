//! Searching sorted lists near the last find: guards look at names in their order, so the next is
//! rarely far, and a search from the middle would touch memory all over a large zone each time.

use std::cell::Cell;

/// Where the last search ended.
#[derive(Debug, Default)]
pub(crate) struct Near(Cell<usize>);

impl Near {
    /// The first of `items` that is not before what is sought: as `partition_point(before)`, in
    /// steps of 1, 2, 4… from where the last search ended.
    pub(crate) fn seek<T>(&self, items: &[T], before: impl Fn(&T) -> bool) -> usize {
        let near = self.0.get().min(items.len());
        let (head, tail) = items.split_at(near);
        let found = match tail.first() {
            Some(first) if before(first) => near + run(tail, &before),
            _ => near - back(head, &before),
        };
        self.0.set(found);
        found
    }
}

/// How many of the first items fulfil `holds`, as `partition_point` says; few, most of the time.
pub(crate) fn run<T>(items: &[T], holds: impl Fn(&T) -> bool) -> usize {
    let mut reach = 1;
    while items.get(reach - 1).is_some_and(&holds) {
        reach *= 2;
    }
    let from = reach / 2;
    let upto = reach.min(items.len());
    let rest = items.get(from..upto).unwrap_or_default();
    from + rest.partition_point(holds)
}

/// How many of the last items are not before what is sought.
fn back<T>(items: &[T], before: impl Fn(&T) -> bool) -> usize {
    let len = items.len();
    let mut reach = 1;
    while reach <= len && items.get(len - reach).is_some_and(|i| !before(i)) {
        reach *= 2;
    }
    let known = reach / 2;
    let from = len.saturating_sub(reach);
    let rest = items.get(from..len - known).unwrap_or_default();
    known + rest.len() - rest.partition_point(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_finds_what_a_search_of_all_finds(
            mut items in prop::collection::vec(0..60u8, 0..80),
            sought in prop::collection::vec(0..62u8, 1..20),
        ) {
            items.sort_unstable();
            let near = Near::default();
            for s in sought {
                let all = items.partition_point(|i| *i < s);
                prop_assert_eq!(near.seek(&items, |i| *i < s), all);
                let rest = &items[all..];
                prop_assert_eq!(run(rest, |i| *i == s), rest.partition_point(|i| *i == s));
            }
        }
    }
}
