//! Rust text with the parts that a rule must not look at blanked out.

/// Two views of one file. Both have the bytes and the lines of the original, or blanks for them.
#[derive(Debug)]
pub(crate) struct Source {
    /// Without comments, and without what stands in strings and character literals.
    pub(crate) code: String,
    /// Comments only.
    pub(crate) comments: String,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Code,
    LineComment,
    BlockComment(usize),
    Text,
    RawText(usize),
    Char,
}

impl State {
    fn is_comment(self) -> bool {
        matches!(self, Self::LineComment | Self::BlockComment(_))
    }
}

impl Source {
    /// Splits a file. Not a whole lexer, but it knows nested comments, raw strings, and that a
    /// quote may begin a lifetime.
    pub(crate) fn new(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let (mut code, mut comments) = (String::new(), String::new());
        let (mut state, mut at) = (State::Code, 0);
        while at < chars.len() {
            let (next, length) = step(state, &chars, at);
            let end = (at + length).min(chars.len());
            for &character in chars.get(at..end).unwrap_or_default() {
                let comment = [state, next].iter().any(|state| state.is_comment());
                let is_code = (state, next) == (State::Code, State::Code);
                for (view, shown) in [(&mut code, is_code), (&mut comments, comment)] {
                    match shown || character == '\n' {
                        true => view.push(character),
                        // As many bytes, so that a place in one view is that place in the file.
                        false => view.extend(std::iter::repeat_n(' ', character.len_utf8())),
                    }
                }
            }
            (state, at) = (next, end);
        }
        Self { code, comments }
    }
}

/// The state after the next token, and how many characters that has.
fn step(state: State, chars: &[char], at: usize) -> (State, usize) {
    let is = |pattern: &str| {
        pattern
            .chars()
            .enumerate()
            .all(|(offset, wanted)| chars.get(at + offset) == Some(&wanted))
    };
    match state {
        State::Code if is("//") => (State::LineComment, 2),
        State::Code if is("/*") => (State::BlockComment(1), 2),
        State::Code if is("\"") => (State::Text, 1),
        State::Code if is("'") && begins_char(chars, at) => (State::Char, 1),
        State::Code if is("r\"") || is("r#") => raw_text(chars, at),
        State::Code => (State::Code, 1),
        State::LineComment if is("\n") => (State::Code, 1),
        State::BlockComment(depth) if is("/*") => (State::BlockComment(depth + 1), 2),
        State::BlockComment(1) if is("*/") => (State::Code, 2),
        State::BlockComment(depth) if is("*/") => (State::BlockComment(depth - 1), 2),
        State::Text | State::Char if is("\\") => (state, 2),
        State::Text if is("\"") => (State::Code, 1),
        State::Char if is("'") => (State::Code, 1),
        State::RawText(hashes) if is(&format!("\"{}", "#".repeat(hashes))) => {
            (State::Code, 1 + hashes)
        }
        other => (other, 1),
    }
}

/// `'x'` or `'\n'`, and not the lifetime `'x`.
fn begins_char(chars: &[char], at: usize) -> bool {
    chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'')
}

/// `r"`, `r##"`; but `r#type` is a name, and so is the end of `var"`.
fn raw_text(chars: &[char], at: usize) -> (State, usize) {
    let in_name = at > 0
        && chars
            .get(at - 1)
            .is_some_and(|before| before.is_alphanumeric() && *before != 'b');
    let hashes = chars
        .iter()
        .skip(at + 1)
        .take_while(|character| **character == '#')
        .count();
    if !in_name && chars.get(at + 1 + hashes) == Some(&'"') {
        (State::RawText(hashes), hashes + 2)
    } else {
        (State::Code, 1)
    }
}

/// The line, from 1, of a byte offset.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

/// Byte offsets where a word stands by itself: no letter, digit or `_` beside it.
pub(crate) fn find_word<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let joins = |character: Option<char>| {
        character.is_some_and(|character| character.is_alphanumeric() || character == '_')
    };
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| {
            let (before, rest) = text.split_at(*at);
            let after = rest.get(word.len()..).and_then(|rest| rest.chars().next());
            let last = word.chars().next_back();
            !(joins(before.chars().next_back()) || joins(last) && joins(after))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_comments_are_told_apart() {
        let text =
            "a /* b /* c */ d */ e // f\n\"g // \\\" h\" i 'j' '\\'' &'k l r#\"m \" n\"# o r#type";
        let source = Source::new(text);
        let words = |view: &str| {
            view.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            words(&source.code),
            ["a", "e", "i", "&'k", "l", "o", "r#type"]
        );
        assert_eq!(
            words(&source.comments),
            ["/*", "b", "/*", "c", "*/", "d", "*/", "//", "f"]
        );
        assert_eq!(source.code.matches('\n').count(), 1);
        let wide = "\"ä\" x /* ö */ y";
        let source = Source::new(wide);
        assert_eq!(
            (source.code.find('y'), source.comments.len()),
            (wide.find('y'), wide.len())
        );
    }

    #[test]
    fn words_stand_alone() {
        let found: Vec<usize> = find_word("fn refn fn_ fn", "fn").collect();
        assert_eq!(found, [0, 12]);
        assert_eq!(find_word("std::fs::read", "std::fs").count(), 1);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
}
