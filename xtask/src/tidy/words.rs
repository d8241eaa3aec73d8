//! Words that must not stand in a file.

use super::source::{Source, find_word, line_of};
use super::{Tree, Violation, crate_of};

/// Crates that know no clock, randomness, socket, file, or hash order (DESIGN.md, Shape).
const SANS_IO: [&str; 5] = ["dns", "core", "resolver", "fault", "sim"];

/// What would let the world in, and what to use instead.
const WORLDLY: [(&str, &str); 12] = [
    ("Instant", "time comes in as a value"),
    ("SystemTime", "time comes in as a value"),
    ("HashMap", "its order differs from run to run: BTreeMap"),
    ("HashSet", "its order differs from run to run: BTreeSet"),
    ("RandomState", "entropy comes in as a value"),
    ("rand::", "entropy comes in as a value"),
    ("getrandom", "entropy comes in as a value"),
    ("std::fs", "files are the shell's"),
    ("std::thread", "threads are the shell's"),
    ("std::process", "processes are the shell's"),
    ("std::env", "the environment is the shell's"),
    ("std::net", "of std::net only addresses, as values"),
];

/// What of `std::net` is a value.
const NET_VALUES: [&str; 7] = [
    "IpAddr",
    "Ipv4Addr",
    "Ipv6Addr",
    "SocketAddr",
    "SocketAddrV4",
    "SocketAddrV6",
    "AddrParseError",
];

/// Clock, randomness, sockets, files and hash order in crates that must not know them.
pub(crate) fn check_sans_io(tree: &Tree) -> Vec<Violation> {
    let inside = |path: &str| {
        crate_of(path).is_some_and(|name| SANS_IO.contains(&name)) && path.contains("/src/")
    };
    tree.rust()
        .filter(|(path, _)| inside(path))
        .flat_map(|(path, text)| check_file(path, text))
        .collect()
}

fn check_file(path: &str, text: &str) -> Vec<Violation> {
    let code = Source::new(text).code;
    let mut violations = Vec::new();
    for (word, instead) in WORLDLY {
        for at in
            find_word(&code, word).filter(|at| word != "std::net" || !is_net_value(&code, *at))
        {
            violations.push(Violation::new(
                path,
                line_of(&code, at),
                format!("`{word}` in a crate without IO: {instead}"),
            ));
        }
    }
    // `use std::{fs, …}` hides the path; nobody needs that form here.
    for at in find_word(&code, "std::{") {
        violations.push(Violation::new(
            path,
            line_of(&code, at),
            "name each import of std by its whole path",
        ));
    }
    violations
}

/// Whether `std::net` at this place is followed by `::` and only names from [`NET_VALUES`].
fn is_net_value(code: &str, at: usize) -> bool {
    let rest = code.get(at + "std::net".len()..).unwrap_or_default();
    let Some(rest) = rest.strip_prefix("::") else {
        return false;
    };
    let names = match rest.strip_prefix('{') {
        Some(group) => group.split('}').next().unwrap_or_default(),
        None => rest
            .split(|character: char| !character.is_alphanumeric())
            .next()
            .unwrap_or_default(),
    };
    let mut names = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .peekable();
    names.peek().is_some() && names.all(|name| NET_VALUES.contains(&name))
}

/// What stands for work that somebody meant to do later. In comments only marks in capitals count.
const LATER_IN_CODE: [&str; 3] = ["todo!", "unimplemented!", "#[ignore"];
const LATER_IN_COMMENTS: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// Unfinished work and switched-off tests, in every Rust file.
pub(crate) fn check_unfinished(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.rust() {
        let source = Source::new(text);
        for (words, view) in [
            (LATER_IN_CODE, &source.code),
            (LATER_IN_COMMENTS, &source.comments),
        ] {
            for word in words {
                let places = find_word(view, word);
                let complain = |at| {
                    Violation::new(
                        path,
                        line_of(view, at),
                        format!("`{word}`: finish it, or leave it out"),
                    )
                };
                violations.extend(places.map(complain));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(check: fn(&Tree) -> Vec<Violation>, path: &str, text: &str) -> Vec<usize> {
        let mut lines: Vec<usize> = check(&Tree::of(&[(path, text)]))
            .iter()
            .map(|violation| violation.line)
            .collect();
        lines.sort_unstable();
        lines
    }

    #[test]
    fn the_world_is_kept_out_of_crates_without_io() {
        let text = "use std::time::Instant;\nuse std::net::IpAddr;\nuse std::net::{Ipv4Addr, UdpSocket};\n\
                    // HashMap in a comment\nfn f() { let m = HashMap::new(); std::fs::read(\"std::thread\"); }\n\
                    use std::{fs, net};\nuse std::net;\nuse std::net::{\n    IpAddr, Ipv6Addr,\n};\n";
        assert_eq!(
            lines(check_sans_io, "crates/core/src/a.rs", text),
            [1, 3, 5, 5, 6, 7]
        );
        assert_eq!(lines(check_sans_io, "crates/cell/src/a.rs", text), [0; 0]);
        assert_eq!(lines(check_sans_io, "crates/core/tests/a.rs", text), [0; 0]);
    }

    #[test]
    fn unfinished_work_is_found() {
        let text = "fn a() { todo!() }\n// TODO: later\n#[ignore = \"slow\"]\nlet s = \"FIXME\";\n/* XXX */\nunimplemented!();\n";
        assert_eq!(
            lines(check_unfinished, "crates/cell/src/a.rs", text),
            [1, 2, 3, 5, 6]
        );
    }
}
