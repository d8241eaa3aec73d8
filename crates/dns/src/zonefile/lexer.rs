//! Splits zone file text into records, and records into tokens, without copying any.

use super::{MAX_RECORD, MAX_TOKEN};

/// The token stood in quotes.
pub(super) const QUOTED: u8 = 1;
/// The token has a backslash in it.
pub(super) const ESCAPED: u8 = 2;
/// No white space stands between this token and the one before.
pub(super) const GLUED: u8 = 4;
/// The token has octets above 127.
pub(super) const HIGH: u8 = 8;

/// A token's place in the text, quotes not included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) flags: u8,
}

impl Token {
    pub(super) fn of<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    pub(super) fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A record's first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Whether it begins with white space: the owner is that of the record before.
    pub(super) indented: bool,
    /// Whether something in it could not be read; it is to be skipped.
    pub(super) bad: bool,
    /// Whether it ends with a line end, not with the file.
    pub(super) ended: bool,
}

/// What is wrong with the text as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Octets that no text has.
    Binary,
    /// A control character that is not white space.
    Control(u8),
    /// A quoted string that does not end on its line.
    OpenQuote,
    /// A parenthesis that never closes.
    OpenParenthesis,
    /// A closing parenthesis without an opening one.
    StrayParenthesis,
    /// A backslash at the end of the file or line.
    StrayBackslash,
    /// A token over the limit.
    LongToken,
    /// A record over the limit; whether a parenthesis is open.
    LongRecord(bool),
}

/// A fault and where: start and length.
pub(super) type FaultAt = (Fault, u32, u32);

pub(super) struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    /// Faults of the record last read.
    pub(super) faults: Vec<FaultAt>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    High,
    Space,
    Newline,
    Comment,
    Open,
    Close,
    Quote,
    Backslash,
    Control,
}

const CLASSES: [Class; 256] = {
    let mut table = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b' ' | b'\t' => Class::Space,
            b'\n' => Class::Newline,
            b';' => Class::Comment,
            b'(' => Class::Open,
            b')' => Class::Close,
            b'"' => Class::Quote,
            b'\\' => Class::Backslash,
            0..=31 | 127 => Class::Control,
            128..=255 => Class::High,
            _ => Class::Plain,
        };
        byte += 1;
    }
    table
};

fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

/// What one record has taken so far.
struct State {
    depth: usize,
    open_at: usize,
    size: usize,
    bad: bool,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t [u8], at: usize) -> Lexer<'t> {
        Lexer {
            text,
            at,
            faults: Vec::new(),
        }
    }

    /// Stops reading.
    pub(super) fn stop(&mut self) {
        self.at = self.text.len();
    }

    /// Reads the next record that has tokens or faults; `None` at the end of the text.
    pub(super) fn next(&mut self, tokens: &mut Vec<Token>) -> Option<Record> {
        self.faults.clear();
        tokens.clear();
        while let Some(first) = self.text.get(self.at) {
            let indented = matches!(first, b' ' | b'\t');
            let mut state = State {
                depth: 0,
                open_at: 0,
                size: 0,
                bad: false,
            };
            let ended = self.record(tokens, &mut state);
            if !tokens.is_empty() || state.bad {
                return Some(Record {
                    indented,
                    bad: state.bad,
                    ended,
                });
            }
        }
        None
    }

    /// Reads up to the end of the record; whether that was a line end.
    fn record(&mut self, tokens: &mut Vec<Token>, state: &mut State) -> bool {
        while let Some(byte) = self.text.get(self.at) {
            let start = self.at;
            match class(*byte) {
                Class::Plain | Class::High | Class::Backslash => self.word(tokens, state),
                Class::Space => self.at += 1,
                Class::Newline => {
                    self.at += 1;
                    if state.depth == 0 {
                        return true;
                    }
                }
                Class::Comment => self.skip_line(),
                Class::Open => {
                    if state.depth == 0 {
                        state.open_at = start;
                    }
                    state.depth += 1;
                    self.at += 1;
                }
                Class::Close => {
                    self.at += 1;
                    match state.depth.checked_sub(1) {
                        Some(depth) => state.depth = depth,
                        None => self.fault(state, Fault::StrayParenthesis, start, 1),
                    }
                }
                Class::Quote => self.quoted(tokens, state),
                Class::Control => self.control(state),
            }
            if state.size > MAX_RECORD {
                self.long_record(tokens, state);
                return true;
            }
        }
        if state.depth > 0 {
            self.fault(state, Fault::OpenParenthesis, state.open_at, 1);
        }
        false
    }

    #[inline]
    fn word(&mut self, tokens: &mut Vec<Token>, state: &mut State) {
        let start = self.at;
        let mut flags = self.glue(tokens, start);
        while let Some(byte) = self.text.get(self.at) {
            match class(*byte) {
                Class::Plain => self.at += 1,
                Class::High => {
                    flags |= HIGH;
                    self.at += 1;
                }
                Class::Backslash => {
                    flags |= ESCAPED;
                    if !self.escape(state) {
                        break;
                    }
                }
                _ => break,
            }
        }
        self.push(tokens, state, start, self.at, flags);
    }

    fn quoted(&mut self, tokens: &mut Vec<Token>, state: &mut State) {
        let open = self.at;
        let mut flags = QUOTED | self.glue(tokens, open);
        self.at += 1;
        let start = self.at;
        while let Some(byte) = self.text.get(self.at) {
            match class(*byte) {
                Class::Quote => {
                    self.push(tokens, state, start, self.at, flags);
                    self.at += 1;
                    return;
                }
                Class::Newline => break,
                Class::Backslash => {
                    flags |= ESCAPED;
                    if !self.escape(state) {
                        break;
                    }
                }
                Class::Control => self.control(state),
                Class::High => {
                    flags |= HIGH;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        self.fault(state, Fault::OpenQuote, open, self.at - open);
    }

    /// Steps over a backslash and the character after it; false when there is none.
    fn escape(&mut self, state: &mut State) -> bool {
        match self.text.get(self.at + 1) {
            Some(byte) if !matches!(byte, b'\n' | b'\r' | 0) => {
                self.at += 2;
                true
            }
            _ => {
                self.fault(state, Fault::StrayBackslash, self.at, 1);
                self.at += 1;
                false
            }
        }
    }

    /// Steps over a control character; a carriage return before a line end is none.
    fn control(&mut self, state: &mut State) {
        let at = self.at;
        self.at += 1;
        match self.text.get(at) {
            Some(b'\r') if matches!(self.text.get(at + 1), Some(b'\n') | None) => {}
            Some(0) => {
                self.fault(state, Fault::Binary, at, 1);
                self.stop();
            }
            Some(byte) => self.fault(state, Fault::Control(*byte), at, 1),
            None => {}
        }
    }

    fn glue(&self, tokens: &[Token], start: usize) -> u8 {
        let touches = |last: &Token| {
            let close = u32::from(last.is(QUOTED));
            (last.end + close) as usize == start
        };
        tokens
            .last()
            .map_or(0, |t| if touches(t) { GLUED } else { 0 })
    }

    fn push(
        &mut self,
        tokens: &mut Vec<Token>,
        state: &mut State,
        start: usize,
        end: usize,
        flags: u8,
    ) {
        state.size += end - start + 1;
        if end - start > MAX_TOKEN {
            self.fault(state, Fault::LongToken, start, end - start);
        }
        tokens.push(Token {
            start: start as u32,
            end: end as u32,
            flags,
        });
    }

    /// Reports one fault a record; those after it are most often its consequence.
    fn fault(&mut self, state: &mut State, fault: Fault, at: usize, len: usize) {
        if !state.bad {
            self.faults.push((fault, at as u32, len as u32));
        }
        state.bad = true;
    }

    fn long_record(&mut self, tokens: &[Token], state: &mut State) {
        let open = state.depth > 0;
        let first = tokens.first().map_or(0, |t| t.start as usize);
        let at = if open { state.open_at } else { first };
        self.fault(state, Fault::LongRecord(open), at, 1);
        if open {
            // Where the record ends cannot be known.
            self.stop();
        } else {
            self.skip_line();
            self.at = self.text.len().min(self.at + 1);
        }
    }

    fn skip_line(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    }
}
