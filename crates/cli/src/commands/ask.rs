//! Asks a person, where there is one.

use crate::exit::{Exit, Fail};
use crate::site::Style;
use std::io::{BufRead, IsTerminal, Write};

/// Asks a yes-or-no question on the terminal; the safe answer is the shortest.
///
/// # Errors
/// No terminal, or an answer other than yes.
pub fn confirm(question: &str, style: Style) -> Result<(), Fail> {
    if style.json || !std::io::stdin().is_terminal() {
        return Err(Fail::new(
            Exit::Usage,
            "needs-yes",
            "there is no terminal to ask on, so nothing was done",
            "the same with --yes does it without asking",
        ));
    }
    eprint!("{question} [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match (read, answer.trim().to_ascii_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err(Fail::new(
            Exit::Waiting,
            "not-confirmed",
            "not confirmed, so nothing was done",
            "",
        )),
    }
}
