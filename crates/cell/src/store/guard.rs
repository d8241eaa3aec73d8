//! Turns a panic inside redb into an error.
//!
//! redb trusts the pages of a file that it wrote itself and may panic on one that was damaged
//! from outside; its documentation says so. Its own integrity check on opening would read the
//! whole file under the writer lock, each time and in each process, so instead every call into
//! redb passes through here. The handle that panicked is not used again.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

static QUIET: Once = Once::new();

/// Runs `work`; the message of a panic becomes the error.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    QUIET.call_once(silence_guarded_panics);
    let before = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    outcome.map_err(|panic| message(panic.as_ref()))
}

/// The operator gets one clear error: the default hook's report of a panic that is caught here
/// would only stand beside it. Panics anywhere else are reported as before.
fn silence_guarded_panics() {
    let loud = take_hook();
    set_hook(Box::new(move |info| {
        if !GUARDED.get() {
            loud(info);
        }
    }));
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a page could not be read").to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_next_call_works() {
        let word = String::from("page 7");
        assert_eq!(
            guarded(|| panic!("{word} is odd")),
            Err::<(), _>("page 7 is odd".to_owned())
        );
        assert_eq!(guarded(|| 3), Ok(3));
    }
}
