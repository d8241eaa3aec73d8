//! What is told, in this terminal and to whoever asked from another.

use crate::commands::out;
use crate::site::Style;
use serde_json::json;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The story of this cell.
#[derive(Debug)]
pub(super) struct Story {
    style: Style,
    /// Who asked for what is going on.
    audience: Mutex<Option<UnixStream>>,
    /// When what is going on began, where its times count.
    began: Mutex<Option<Instant>>,
}

impl Story {
    pub(super) fn new(style: Style) -> Story {
        Story {
            style,
            audience: Mutex::new(None),
            began: Mutex::new(None),
        }
    }

    /// Somebody does or says something.
    pub(super) fn tell(&self, who: &str, what: &str) {
        self.line(&format!("{who:<4} {what}"));
    }

    /// The clock of [`Story::stamped`] starts, or stops.
    pub(super) fn clock(&self, began: Option<Instant>) {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = began;
    }

    /// Something happens; when, if its time counts.
    pub(super) fn stamped(&self, what: &str) {
        let began = *self.began.lock().unwrap_or_else(PoisonError::into_inner);
        match began {
            Some(began) => self.line(&format!("{:4.1} s  {what}", began.elapsed().as_secs_f64())),
            None => self.line(&format!("        {what}")),
        }
    }

    /// A line as it is.
    pub(super) fn line(&self, line: &str) {
        match self.style.json {
            true => out::json(&json!({ "story": line })),
            false => out::text(&format!("{line}\n")),
        }
        if let Some(stream) = self.audience().as_mut() {
            // Who went away hears nothing; what they asked for goes on.
            let _ = writeln!(stream, " {line}");
        }
    }

    /// Tells it to this one, too, until told otherwise.
    pub(super) fn to(&self, stream: Option<UnixStream>) {
        *self.audience() = stream;
    }

    /// Whether somebody asked for what is going on.
    pub(super) fn has_audience(&self) -> bool {
        self.audience().is_some()
    }

    fn audience(&self) -> MutexGuard<'_, Option<UnixStream>> {
        self.audience.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
