//! Results go to standard output, everything else to standard error. A reader that went away
//! (`| head`) is no error.

use crate::site::Style;
use anstyle::{AnsiColor, Style as Paint};
use serde_json::Value;
use std::io::Write;

/// Prints a result.
pub fn text(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Prints a result as one JSON document.
pub fn json(value: &Value) {
    text(&format!("{value}\n"));
}

/// Prints progress or a warning, unless a program is listening.
pub fn note(line: &str, style: Style) {
    if !style.json {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

/// A word in colour, where colour is shown.
pub fn painted(word: &str, colour: AnsiColor, style: Style) -> String {
    if !style.colour {
        return word.to_owned();
    }
    let paint = Paint::new().fg_color(Some(colour.into()));
    format!("{paint}{word}{paint:#}")
}
