//! A conversation with the binary, written down as a person would see it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs the binary in a folder of its own and writes down what was typed and said.
pub(crate) struct Talk {
    folder: PathBuf,
    script: String,
    hidden: Vec<(String, String)>,
    /// The socket of an ssh-agent.
    pub(crate) agent: Option<PathBuf>,
}

impl Talk {
    /// A new folder.
    pub(crate) fn new(name: &str) -> Talk {
        let pid = std::process::id();
        let folder = std::env::temp_dir().join(format!("steadfast-talk-{name}-{pid}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        let hidden = vec![(folder.display().to_string(), "DIR".to_owned())];
        Talk {
            folder,
            script: String::new(),
            hidden,
            agent: None,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Shows `text` as `shown` from here on.
    pub(crate) fn hide(&mut self, text: &str, shown: &str) {
        self.hidden.insert(0, (text.to_owned(), shown.to_owned()));
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    /// A comment in the script.
    pub(crate) fn note(&mut self, text: &str) {
        let _ = writeln!(self.script, "# {text}");
    }

    /// Types a command; returns its exit code.
    pub(crate) fn run(&mut self, line: &str) -> i32 {
        let (code, stdout, stderr) = self.quietly(line);
        let typed = self.redact(line);
        let _ = writeln!(self.script, "$ steadfast {typed}");
        let (stdout, stderr) = (self.redact(&stdout), self.redact(&stderr));
        for said in stderr.lines() {
            let _ = writeln!(self.script, "! {said}");
        }
        let _ = write!(self.script, "{stdout}");
        let _ = writeln!(self.script, "[exit {code}]\n");
        code
    }

    /// The same without writing it down.
    pub(crate) fn quietly(&self, line: &str) -> (i32, String, String) {
        let output = Command::new(binary())
            .args(words(line))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .env("USER", "ann")
            .env("HOME", &self.folder)
            .env(
                "SSH_AUTH_SOCK",
                self.agent.as_deref().unwrap_or(Path::new("")),
            )
            .env_remove("NO_COLOR")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        (code, text(output.stdout), text(output.stderr))
    }

    /// What `--output json` says.
    pub(crate) fn json(&self, line: &str) -> (i32, serde_json::Value) {
        let (code, stdout, _) = self.quietly(&format!("--output json {line}"));
        let value = serde_json::from_str(&stdout);
        (
            code,
            value.unwrap_or_else(|e| panic!("{line}: {e}: {stdout}")),
        )
    }

    /// Everything so far.
    pub(crate) fn script(&self) -> &str {
        &self.script
    }

    fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (secret, shown) in &self.hidden {
            text = text.replace(secret, shown);
        }
        let words: Vec<String> = text.split(' ').map(redact_word).collect();
        spans(&who(&words.join(" ")))
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.script);
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The shipped binary, or the one under test.
pub(crate) fn binary() -> PathBuf {
    let named = std::env::var_os("STEADFAST_BIN").map(PathBuf::from);
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_steadfast").into())
}

/// Splits a command line; `'…'` holds words together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (i, part) in line.split('\'').enumerate() {
        if i % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Hashes, ledger ids, times and addresses with ports.
fn redact_word(word: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    let joins = |c: char| c.is_ascii_alphanumeric() || c == ':' || c == '-' || c == '.';
    for c in word.chars().chain(['\0']) {
        if joins(c) {
            run.push(c);
            continue;
        }
        out += &token(&run);
        run.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

fn token(run: &str) -> String {
    if let Some(run) = run.strip_suffix(':').filter(|run| run.len() > 11) {
        return token(run) + ":";
    }
    // A noted head: number and hash.
    if let Some((number, hash)) = run.split_once(':').filter(|(_, hash)| hash.len() == 64) {
        return format!("{number}:{}", token(hash));
    }
    let hex = run.len() >= 12 && run.bytes().all(|b| b.is_ascii_hexdigit());
    let digit = |i: usize| run.as_bytes().get(i).is_some_and(u8::is_ascii_digit);
    if run.len() == 20 && run.ends_with('Z') && run.contains('T') && digit(0) {
        return "TIME".into();
    }
    match run.len() {
        16 if hex => "LEDGER".into(),
        _ if hex => "HASH".into(),
        _ => run.to_owned(),
    }
}

/// `ann@host (process 12)` becomes `ann@HOST`.
fn who(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("ann@") {
        out += &rest[..at];
        out += "ann@HOST";
        rest = &rest[at..];
        rest = rest.find(')').map_or("", |end| &rest[end + 1..]);
    }
    out + rest
}

/// `3 s ago`, `(in 2 h)` and `bakes, 5 s of 10 s left`.
fn spans(text: &str) -> String {
    let mut out = Vec::new();
    for line in text.split('\n') {
        let mut line = line.to_owned();
        if let Some(at) = line.find(" ago") {
            let head = &line[..at];
            let units = [" s", " min", " h", " d"];
            if let Some(unit) = units.iter().find(|u| head.ends_with(**u)) {
                let number = head[..head.len() - unit.len()].rfind(' ').unwrap_or(0);
                line = format!("{} SPAN ago{}", &line[..number], &line[at + 4..]);
            }
        }
        if let (Some(at), Some(end)) = (line.find(": bakes, "), line.find(" left")) {
            line = format!("{}: bakes, SPAN{}", &line[..at], &line[end..]);
        }
        if let Some(at) = line.find("are served after ") {
            line = format!("{}are served after SPAN", &line[..at]);
        }
        if let Some(at) = line.find("(in ")
            && let Some(end) = line[at..].find(')')
        {
            line = format!("{}(in SPAN){}", &line[..at], &line[at + end + 1..]);
        }
        out.push(line);
    }
    out.join("\n")
}
