//! Files and functions that a reader can hold in mind.

use super::source::{Source, find_word, line_of};
use super::{Tree, Violation};

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;

/// Files that may be longer: path, and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// Functions that may be longer: path, name, and why.
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[];

/// Checks every Rust file.
pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    check_except(tree, LONG_FILES, LONG_FUNCTIONS)
}

fn check_except(
    tree: &Tree,
    files: &[(&str, &str)],
    functions: &[(&str, &str, &str)],
) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut used = Vec::new();
    for (path, text) in tree.rust() {
        let lines = text.lines().count();
        if lines > FILE_LINES {
            let excepted = files.iter().any(|file| file.0 == path);
            used.push((path.to_owned(), String::new()));
            if !excepted {
                let says = format!("{lines} lines, more than {FILE_LINES}: split it by ideas");
                violations.push(Violation::new(path, 0, says));
            }
        }
        for (name, line, lines) in functions_of(text)
            .into_iter()
            .filter(|function| function.2 > FUNCTION_LINES)
        {
            let excepted = functions
                .iter()
                .any(|function| (function.0, function.1) == (path, name.as_str()));
            if !excepted {
                let says =
                    format!("`{name}` has {lines} lines, more than {FUNCTION_LINES}: split it");
                violations.push(Violation::new(path, line, says));
            }
            used.push((path.to_owned(), name));
        }
    }
    let listed = files
        .iter()
        .map(|file| (file.0, ""))
        .chain(functions.iter().map(|function| (function.0, function.1)));
    for (path, name) in listed.filter(|listed| {
        !used
            .iter()
            .any(|used| (used.0.as_str(), used.1.as_str()) == *listed)
    }) {
        violations.push(Violation::new(
            path,
            0,
            format!("{name} is short by now: take it off the list of exceptions"),
        ));
    }
    violations
}

/// Name, first line and number of lines of each function with a body.
fn functions_of(text: &str) -> Vec<(String, usize, usize)> {
    let code = Source::new(text).code;
    find_word(&code, "fn")
        .filter_map(|at| {
            let rest = code.get(at + 2..)?.strip_prefix(' ')?;
            let name: String = rest
                .chars()
                .take_while(|character| character.is_alphanumeric() || *character == '_')
                .collect();
            let length = body_end(rest)?;
            let lines = rest.get(..length)?.matches('\n').count() + 1;
            Some((name, line_of(&code, at), lines))
        })
        .collect()
}

/// Where the function's body ends; `None` for a signature alone.
fn body_end(rest: &str) -> Option<usize> {
    let (mut round, mut curly) = (0_usize, 0_usize);
    for (at, character) in rest.char_indices() {
        match character {
            '(' | '[' => round += 1,
            ')' | ']' => round = round.saturating_sub(1),
            '{' => curly += 1,
            '}' => curly = curly.saturating_sub(1),
            ';' if round == 0 && curly == 0 => return None,
            _ => {}
        }
        if character == '}' && curly == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        format!(
            "trait T {{ fn signature(x: [u8; 2]); }}\nfn long<'a>(x: [u8; 2]) -> u8 {{\n{}}}\n",
            "    '}';\n".repeat(lines - 2)
        )
    }

    #[test]
    fn long_functions_are_found() {
        let (fits, long) = (function(70), function(71));
        assert_eq!(check(&Tree::of(&[("a.rs", &fits)])), []);
        let violations = check(&Tree::of(&[("a.rs", &long)]));
        assert_eq!(
            violations,
            [Violation::new(
                "a.rs",
                2,
                "`long` has 71 lines, more than 70: split it"
            )]
        );
    }

    #[test]
    fn long_files_are_found() {
        let (fits, long) = ("//\n".repeat(600), "//\n".repeat(601));
        let violations = check(&Tree::of(&[("fits.rs", &fits), ("long.rs", &long)]));
        assert_eq!(
            violations,
            [Violation::new(
                "long.rs",
                0,
                "601 lines, more than 600: split it by ideas"
            )]
        );
    }

    #[test]
    fn exceptions_hold_while_they_are_needed() {
        let (file, long) = ("//\n".repeat(601), function(71));
        let tree = Tree::of(&[("file.rs", &file), ("a.rs", &long), ("short.rs", "")]);
        let files = [("file.rs", "a table"), ("short.rs", "was long")];
        let violations = check_except(&tree, &files, &[("a.rs", "long", "a table")]);
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(violations[0].path == "short.rs" && violations[0].says.contains("exceptions"));
    }
}
