//! Traces as files: JSON lines, a header and then one event a line.
//!
//! A trace needs no seed and no scenario to be run again: the header has the world's setting, the
//! lines say what happens. It has one of two forms. In the *whole* form every event is there. In
//! the *told* form (`"follows": "at-once"`) only those events are that matter, and everything else
//! follows at once, in order: see [`crate::follow`].

use crate::action::{Action, Event};
use crate::run::{Outcome, Setting};
use crate::scenario::file::meant;
use crate::world::DAWN;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The format that this version writes, and the only one it reads.
pub const FORMAT: u32 = 1;

/// A stored run.
#[derive(Clone, PartialEq, Debug)]
pub struct Trace {
    /// What it was, and what came of it.
    pub header: Header,
    /// What happens.
    pub lines: Vec<Line>,
}

/// The first line of a trace.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Header {
    /// [`FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The seed that the run was drawn from, while the scenario stays as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The version of the source.
    pub commit: String,
    /// The safeguard taken out; `none`: all are there.
    pub without: String,
    /// What happens that no line says.
    pub follows: Follows,
    /// When the run ends, in milliseconds from its start; otherwise with the last line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The world.
    pub setting: Setting,
    /// What was broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violation: Option<Broken>,
    /// What the run came to, as a number: equal for equal runs.
    pub hash: String,
}

/// What happens besides the lines of a trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Follows {
    /// Nothing: every event has a line.
    Nothing,
    /// Whatever is due happens at once, in order, unless a later line names it.
    AtOnce,
}

/// A broken invariant, as a file says it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Broken {
    /// Its name in DESIGN.md.
    pub invariant: String,
    /// What happened.
    pub text: String,
}

/// One event of a trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Milliseconds from the start of the run.
    pub at: u64,
    /// What.
    pub action: Action,
    /// In the told form, what sort of request, and the how-manieth.
    pub which: Which,
}

/// What a line of the told form needs to name one of many alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Which {
    /// The how-manieth of its kind, from 1; 0: not said.
    pub nth: u32,
    /// Whether it belongs to a question; otherwise to a write.
    pub question: bool,
    /// Whether it never happens.
    pub never: bool,
}

/// Why a text is no trace.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {message}{}", .help.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
pub struct BadTrace {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Reads an action from what a line has besides the words that are not its name.
///
/// # Errors
/// Not one action, or one that nobody knows.
pub fn action(what: &BTreeMap<String, Value>) -> Result<Action, String> {
    let mut entries = what.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => {
            let one = [(name.clone(), value.clone())].into_iter().collect();
            serde_json::from_value(Value::Object(one)).map_err(|e| e.to_string())
        }
        (None, _) => Err("nothing happens here".into()),
        (Some((one, _)), Some((other, _))) => Err(format!("`{one}` and `{other}` are two events")),
    }
}

impl Line {
    /// An event in the whole form.
    pub fn whole(event: &Event) -> Line {
        Line {
            at: event.at.saturating_sub(DAWN),
            action: event.action.clone(),
            which: Which::default(),
        }
    }

    /// The event, in the world's time.
    pub fn event(&self) -> Event {
        Event {
            at: DAWN + self.at,
            action: self.action.clone(),
        }
    }

    fn json(&self) -> Value {
        let mut value = serde_json::to_value(&self.action).unwrap_or_default();
        if let Value::String(name) = value {
            value = Value::Object([(name, Value::Null)].into_iter().collect());
        }
        let Value::Object(action) = value else {
            return Value::Null;
        };
        let mut line = serde_json::Map::new();
        line.insert("at".into(), self.at.into());
        line.extend(action);
        let Which {
            nth,
            question,
            never,
        } = self.which;
        if nth > 0 {
            line.insert("nth".into(), nth.into());
        }
        for (key, on) in [("question", question), ("never", never)] {
            if on {
                line.insert(key.into(), true.into());
            }
        }
        Value::Object(line)
    }

    fn read(text: &str) -> Result<Line, String> {
        let mut line: BTreeMap<String, Value> =
            serde_json::from_str(text).map_err(|e| e.to_string())?;
        let at = line.remove("at").and_then(|v| v.as_u64());
        let at = at.ok_or("`at` is missing: milliseconds from the start of the run")?;
        let nth = match line.remove("nth") {
            None => 0,
            Some(value) => {
                let nth = value.as_u64().and_then(|n| u32::try_from(n).ok());
                nth.filter(|n| *n > 0).ok_or("`nth` counts from 1")?
            }
        };
        let mut flag = |key: &str| match line.remove(key) {
            None => Ok(false),
            Some(Value::Bool(on)) => Ok(on),
            Some(_) => Err(format!("`{key}` is true or false")),
        };
        let (question, never) = (flag("question")?, flag("never")?);
        let action = action(&line)?;
        let which = Which {
            nth,
            question,
            never,
        };
        Ok(Line { at, action, which })
    }
}

impl Trace {
    /// The trace of a run, whole.
    pub fn of(outcome: &Outcome, scenario: &str, seed: Option<u64>, without: &str) -> Trace {
        Trace {
            header: Header {
                format: FORMAT,
                scenario: scenario.into(),
                seed,
                commit: String::new(),
                without: without.into(),
                follows: Follows::Nothing,
                until: None,
                setting: outcome.setting.clone(),
                violation: broken(outcome),
                hash: hex(outcome.hash),
            },
            lines: outcome.trace.iter().map(Line::whole).collect(),
        }
    }

    /// The events, in the world's time.
    pub fn events(&self) -> Vec<Event> {
        self.lines.iter().map(Line::event).collect()
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string(&self.header).unwrap_or_default();
        for line in &self.lines {
            text += "\n";
            text += &line.json().to_string();
        }
        text + "\n"
    }

    /// Reads a trace.
    ///
    /// # Errors
    /// The first line that is not one, with the fix.
    pub fn read(text: &str) -> Result<Trace, BadTrace> {
        let bad = |line: usize, message: String, help: Option<String>| BadTrace {
            line,
            help: help.or_else(|| meant(&message)),
            message,
        };
        let mut lines = text.lines().enumerate();
        let (_, first) = lines
            .next()
            .ok_or_else(|| bad(1, "the file is empty".into(), Some(MAKE.into())))?;
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let format = serde_json::from_str::<Format>(first);
        let Format { format } =
            format.map_err(|e| bad(1, format!("no header of a trace: {e}"), Some(MAKE.into())))?;
        if format != FORMAT {
            let help = format!("this version reads format {FORMAT}: use the one that wrote it");
            return Err(bad(1, format!("format {format}"), Some(help)));
        }
        let header = serde_json::from_str(first).map_err(|e| bad(1, e.to_string(), None))?;
        let mut read: Vec<Line> = Vec::new();
        for (at, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
            let line = Line::read(text).map_err(|e| bad(at + 1, e, None))?;
            if read.last().is_some_and(|before| before.at > line.at) {
                let help = "lines stand in the order in which they happen".to_owned();
                return Err(bad(at + 1, "time goes back here".into(), Some(help)));
            }
            read.push(line);
        }
        Ok(Trace {
            header,
            lines: read,
        })
    }
}

const MAKE: &str = "`steadfast sim run` stores one for each violation";

/// A violation as a header says it.
pub fn broken(outcome: &Outcome) -> Option<Broken> {
    outcome.violation.as_ref().map(|v| Broken {
        invariant: v.invariant.to_owned(),
        text: v.text.clone(),
    })
}

/// A run's number as a header says it.
pub fn hex(hash: u64) -> String {
    format!("{hash:016x}")
}
