//! An answer of the store that is older than what is known by now is no damage.
#![allow(clippy::unwrap_used, missing_docs)]

use dns::Digest;
use steadfast_core::book::Book;
use steadfast_core::ledger::{Entry, Event, FORMAT, seal};
use steadfast_core::time::Time;

#[test]
fn entries_read_twice_are_taken_in_once() {
    let entry = |seq| Entry {
        format: FORMAT,
        seq,
        at: Time(seq),
        by: "test".into(),
        event: Event::Thawed {
            reason: String::new(),
        },
    };
    let first = seal(&Digest::default(), &entry(1));
    let second = seal(&first.hash, &entry(2));
    let mut book = Book::default();
    book.read(&[first.clone(), second.clone()], []).unwrap();
    let third = seal(&second.hash, &entry(3));
    let read = book.read(&[first, second, third.clone()], []).unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!((book.state().last, book.state().last_hash), (3, third.hash));
}
