//! Problems, and where in which file they are.

use super::lexer::Token;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// What is wrong, or likely wrong, at one place of a zone file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file's display name.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The token that is meant, at most 60 characters of it, control characters escaped; may be
    /// empty.
    pub token: String,
    /// What kind of problem, in kebab-case; never changes.
    pub code: &'static str,
    /// The rule that is broken.
    pub message: String,
    /// The fix; may be empty.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem {
            file,
            line,
            column,
            token,
            message,
            help,
            ..
        } = self;
        write!(f, "{file}:{line}:{column}: {message}")?;
        if !token.is_empty() {
            write!(f, " (at `{token}`)")?;
        }
        if !help.is_empty() {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

/// Characters of a token that a problem shows.
const SHOWN: usize = 60;

/// The start of `bytes` as one printable word of at most 60 characters.
pub(super) fn shorten(bytes: &[u8]) -> String {
    let front = bytes.get(..4 * SHOWN).unwrap_or(bytes);
    let text: String = String::from_utf8_lossy(front)
        .chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = (!c.is_control()).then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect();
    if front.len() == bytes.len() && text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN - 1).chain(['…']).collect()
}

/// The octets of a file, borrowed or shared, so that reading it and reporting on it need no copy.
#[derive(Clone)]
pub(super) enum Text<'t> {
    Main(&'t [u8]),
    Included(Arc<[u8]>),
}

impl Text<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Text::Main(bytes) => bytes,
            Text::Included(bytes) => bytes,
        }
    }
}

/// A file that was read; positions count on from file to file.
pub(super) struct Source<'t> {
    pub(super) name: String,
    pub(super) text: Text<'t>,
    pub(super) base: u32,
}

/// A problem whose line and column nobody asked for yet.
pub(super) struct Raw {
    pub(super) at: u32,
    pub(super) token: String,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
}

/// Warnings up to a number, and how many there were beyond it.
pub(super) struct Warnings {
    pub(super) kept: Vec<Raw>,
    pub(super) dropped: usize,
    pub(super) max: usize,
}

impl Warnings {
    pub(super) fn push(&mut self, raw: Raw) {
        if self.kept.len() < self.max {
            self.kept.push(raw);
        } else {
            self.dropped += 1;
        }
    }
}

/// What a part of the parser found wrong with one token of a record.
pub(super) struct Fail {
    /// Which token; `None` for the last one.
    pub(super) token: Option<Token>,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
}

impl Fail {
    pub(super) fn new(
        token: impl Into<Option<Token>>,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Fail {
        Fail {
            token: token.into(),
            code,
            message: message.into(),
            help: help.into(),
        }
    }
}

/// Gives each problem its file, line and column, in the order of the text. One pass over each
/// file, whatever the number of problems.
pub(super) fn locate(mut raws: Vec<Raw>, sources: &[Source<'_>]) -> Vec<Problem> {
    raws.sort_by_key(|r| r.at);
    let mut raws = raws.into_iter().peekable();
    let mut problems = Vec::new();
    for (i, source) in sources.iter().enumerate() {
        let end = sources.get(i + 1).map_or(u32::MAX, |s| s.base);
        let mut rest = source.text.bytes().iter();
        let (mut line, mut column, mut at) = (1, 1, source.base);
        while let Some(raw) = raws.next_if(|r| r.at < end) {
            let count = raw.at.saturating_sub(at) as usize;
            for byte in rest.by_ref().take(count) {
                match byte {
                    b'\n' => (line, column) = (line + 1, 1),
                    0x80..=0xbf => {}
                    _ => column += 1,
                }
            }
            at = at.max(raw.at);
            problems.push(Problem {
                file: source.name.clone(),
                line,
                column,
                token: raw.token,
                code: raw.code,
                message: raw.message,
                help: raw.help,
            });
        }
    }
    problems
}
