//! TSIG keys as `tsig-keygen` writes them: `key "name" { algorithm hmac-sha256; secret "base64"; };`
//!
//! Nothing here shows the secret: errors name file, line and column and never quote the text, and words of the file
//! appear in a message only where they cannot be one. A [`Secret`] prints as dots.

use std::fmt;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::names;
use super::suggest::nearest;
use crate::diag::{Diag, Place, Source, shown, shown_path};

/// Larger key files are refused unread, in bytes.
const LARGEST_FILE: u64 = 64 << 10;
/// Secrets of fewer bytes are warned of (128 bits).
const SHORT_SECRET: usize = 16;

/// A TSIG key (RFC 8945).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TsigKey {
    /// Canonical: lower case, no trailing dot.
    pub name: String,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The secret.
    pub secret: Secret,
}

/// The algorithms that are taken; MD5 and SHA-1 are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `hmac-sha256`
    HmacSha256,
    /// `hmac-sha384`
    HmacSha384,
    /// `hmac-sha512`
    HmacSha512,
}

const ALGORITHMS: [(&str, Algorithm); 3] = [
    ("hmac-sha256", Algorithm::HmacSha256),
    ("hmac-sha384", Algorithm::HmacSha384),
    ("hmac-sha512", Algorithm::HmacSha512),
];
const REFUSED: [&str; 5] = [
    "hmac-md5",
    "hmac-md5.sig-alg.reg.int",
    "hmac-sha1",
    "hmac-sha224",
    "gss-tsig",
];

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ALGORITHMS
            .iter()
            .find(|(_, algorithm)| algorithm == self)
            .map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// A shared secret, which no output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The bytes, for signing.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Reads the one key of a file, and says what somebody should look at.
///
/// # Errors
/// A file that cannot be read, or that is not exactly one key.
pub fn load(path: &Path) -> Result<(TsigKey, Vec<Diag>), Diag> {
    let shown = shown_path(path);
    let place = || Place::file(shown.clone());
    let unreadable = |error: std::io::Error| {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "make one with `tsig-keygen NAME`, give it to the server, and check `key-file`"
            }
            std::io::ErrorKind::PermissionDenied => "let this user or its group read it",
            _ => "check `key-file`",
        };
        Diag::error("no-key", format!("cannot read the key file: {error}"))
            .at(place())
            .help(help)
    };
    let meta = path.metadata().map_err(unreadable)?;
    if !meta.is_file() || meta.len() > LARGEST_FILE {
        let message = if meta.is_file() {
            format!("a key file of {} bytes", meta.len())
        } else {
            "the key file is not a file".to_owned()
        };
        return Err(Diag::error("no-key", message)
            .at(place())
            .help("name the file that `tsig-keygen NAME` wrote"));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Diag::error("no-key", "the key file is not text")
            .at(place())
            .help("name the file that `tsig-keygen NAME` wrote")
    })?;
    let (key, mut warnings) = parse(&Source::new(shown.clone(), text))?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        let message = format!("everybody on this machine can get at the key (mode {mode:03o})");
        warnings.push(
            Diag::warning("key-exposed", message)
                .at(place())
                .help(format!("chmod 640 {shown}")),
        );
    }
    Ok((key, warnings))
}

/// The same for a text that is already here.
///
/// # Errors
/// As [`load`].
pub fn parse(source: &Source) -> Result<(TsigKey, Vec<Diag>), Diag> {
    let mut parser = Parser {
        source,
        tokens: tokens(source)?,
        next: 0,
    };
    let mut keys: Vec<(TsigKey, Range<usize>)> = Vec::new();
    while parser.peek().is_some() {
        keys.push(parser.key()?);
    }
    let place = |span: &Range<usize>| source.place(span.clone()).unquoted();
    match keys.as_slice() {
        [] => Err(Diag::error("no-key", "the key file holds no key")
            .at(place(&(0..0)))
            .help("fill it with `tsig-keygen NAME`, and give the same to the server")),
        [(key, span)] => {
            let mut warnings = Vec::new();
            let bytes = key.secret.expose().len();
            if bytes < SHORT_SECRET {
                let message = format!("the secret has only {bytes} bytes");
                warnings.push(Diag::warning("short-secret", message).at(place(span)).help(
                    format!("make a new key: tsig-keygen -a hmac-sha256 {}", key.name),
                ));
            }
            Ok((key.clone(), warnings))
        }
        [_, (_, second), ..] => {
            let names: Vec<String> = keys
                .iter()
                .map(|(key, _)| format!("`{}`", key.name))
                .collect();
            let message = format!(
                "the key file holds {} keys: {}",
                keys.len(),
                names.join(", ")
            );
            Err(Diag::error("several-keys", message).at(place(second)).help(
                "leave the one that this server knows, and put the others into files of their own",
            ))
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A bare word, or text in quotation marks.
    Word(String),
    /// `{`, `}` or `;`
    Sign(char),
}

fn complain(
    source: &Source,
    span: Range<usize>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Diag {
    Diag::error("bad-key-file", message)
        .at(source.place(span).unquoted())
        .help(help)
}

/// Words, texts and signs; comments (`#`, `//`, `/* */`) are left out.
fn tokens(source: &Source) -> Result<Vec<(Token, Range<usize>)>, Diag> {
    let text = source.text();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or_default();
        let length = if first.is_whitespace() || first == '\u{feff}' {
            first.len_utf8()
        } else if first == '#' || rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            let end = rest.get(2..).and_then(|inner| inner.find("*/"));
            end.map(|end| end + 4).ok_or_else(|| {
                complain(
                    source,
                    at..at + 2,
                    "a comment that does not end",
                    "close it with `*/`",
                )
            })?
        } else if first == '"' {
            let inner = rest.get(1..).unwrap_or_default();
            let end = inner
                .find(['"', '\n'])
                .filter(|end| inner[*end..].starts_with('"'));
            let end = end.ok_or_else(|| {
                complain(
                    source,
                    at..at + 1,
                    "text in quotation marks that does not end on its line",
                    "close the quotation marks",
                )
            })?;
            out.push((
                Token::Word(inner.get(..end).unwrap_or_default().to_owned()),
                at..at + end + 2,
            ));
            end + 2
        } else if matches!(first, '{' | '}' | ';') {
            out.push((Token::Sign(first), at..at + 1));
            1
        } else {
            let ends = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | '"' | '#');
            let end = rest.find(ends).unwrap_or(rest.len());
            out.push((
                Token::Word(rest.get(..end).unwrap_or_default().to_owned()),
                at..at + end,
            ));
            end
        };
        at += length;
    }
    Ok(out)
}

struct Parser<'a> {
    source: &'a Source,
    tokens: Vec<(Token, Range<usize>)>,
    next: usize,
}

const FORM: &str = "the form is: key \"NAME\" { algorithm hmac-sha256; secret \"BASE64\"; };";

impl Parser<'_> {
    fn peek(&self) -> Option<&(Token, Range<usize>)> {
        self.tokens.get(self.next)
    }

    /// The span of the next token, or of the end of the file.
    fn here(&self) -> Range<usize> {
        let end = self.source.text().len();
        self.peek().map_or(end..end, |(_, span)| span.clone())
    }

    fn word(&mut self, what: &str) -> Result<(String, Range<usize>), Diag> {
        match self.peek().cloned() {
            Some((Token::Word(word), span)) => {
                self.next += 1;
                Ok((word, span))
            }
            _ => Err(complain(
                self.source,
                self.here(),
                format!("{what} is missing"),
                FORM,
            )),
        }
    }

    fn sign(&mut self, sign: char) -> Result<(), Diag> {
        if self
            .peek()
            .is_some_and(|(token, _)| *token == Token::Sign(sign))
        {
            self.next += 1;
            return Ok(());
        }
        Err(complain(
            self.source,
            self.here(),
            format!("`{sign}` is missing"),
            FORM,
        ))
    }

    /// One `key` statement; the span is that of its name.
    fn key(&mut self) -> Result<(TsigKey, Range<usize>), Diag> {
        let (word, span) = self.word("`key`")?;
        if word != "key" {
            return Err(self.strange(&word, span, &["key"], "only `key` statements are read here"));
        }
        let (text, span) = self.word("the name of the key")?;
        let wrong_name = || {
            complain(
                self.source,
                span.clone(),
                "this cannot be the name of a key",
                "write a domain name, such as \"eu-1.example.com\"",
            )
        };
        let name = names::canonical(&text).map_err(|_| wrong_name())?;
        self.sign('{')?;
        let (mut algorithm, mut secret) = (None, None);
        while !self
            .peek()
            .is_some_and(|(token, _)| *token == Token::Sign('}'))
        {
            let (word, at) = self.word("`}`")?;
            let twice = || {
                complain(
                    self.source,
                    at.clone(),
                    format!("`{word}` is here twice"),
                    FORM,
                )
            };
            match word.as_str() {
                "algorithm" if algorithm.is_some() => return Err(twice()),
                "secret" if secret.is_some() => return Err(twice()),
                "algorithm" => algorithm = Some(self.algorithm(&name)?),
                "secret" => secret = Some(self.secret(&name)?),
                _ => return Err(self.strange(&word, at, &["algorithm", "secret"], FORM)),
            }
            self.sign(';')?;
        }
        let end = self.here();
        self.sign('}')?;
        self.sign(';')?;
        let lacks = |what: &str| {
            complain(
                self.source,
                end.clone(),
                format!("the key `{name}` has no {what}"),
                FORM,
            )
        };
        let key = TsigKey {
            algorithm: algorithm.ok_or_else(|| lacks("algorithm"))?,
            secret: secret.ok_or_else(|| lacks("secret"))?,
            name: name.clone(),
        };
        Ok((key, span))
    }

    fn algorithm(&mut self, name: &str) -> Result<Algorithm, Diag> {
        let (word, span) = self.word("the algorithm")?;
        let word = word.trim_end_matches('.').to_ascii_lowercase();
        if let Some((_, algorithm)) = ALGORITHMS.iter().find(|(known, _)| *known == word) {
            return Ok(*algorithm);
        }
        let message = if REFUSED.contains(&word.as_str()) {
            format!("`{word}` is not taken: too weak, or not a shared secret")
        } else {
            let near = nearest(&word, ALGORITHMS.iter().map(|(known, _)| *known));
            near.map_or_else(
                || "this algorithm is not known".to_owned(),
                |near| format!("this algorithm is not known; did you mean `{near}`?"),
            )
        };
        let help = format!(
            "hmac-sha256, hmac-sha384 and hmac-sha512 are; make a new key: tsig-keygen -a hmac-sha256 {name}"
        );
        Err(complain(self.source, span, message, help))
    }

    fn secret(&mut self, name: &str) -> Result<Secret, Diag> {
        let (word, span) = self.word("the secret")?;
        let bytes = base64(&word).filter(|bytes| !bytes.is_empty());
        let help = format!(
            "was it cut off? Copy it again, or make a new key: tsig-keygen -a hmac-sha256 {name}"
        );
        bytes.map(Secret).ok_or_else(|| {
            complain(
                self.source,
                span,
                "the secret is not base64 (RFC 4648 §4)",
                help,
            )
        })
    }

    /// A word that does not belong here. It is shown only if it is nearly one that does: it might be the secret.
    fn strange(&self, word: &str, span: Range<usize>, known: &[&str], help: &str) -> Diag {
        match nearest(word, known.iter().copied()) {
            Some(near) => complain(
                self.source,
                span,
                format!("`{}` is not known; did you mean `{near}`?", shown(word)),
                help,
            ),
            None => complain(
                self.source,
                span,
                format!("{} is expected here", known.join(" or ")),
                help,
            ),
        }
    }
}

/// A key file, as `tsig-keygen` writes it. It holds the secret: for a file of mode 0600.
#[must_use]
pub fn text(name: &str, secret: &[u8]) -> String {
    let secret = to_base64(secret);
    format!("key \"{name}\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{secret}\";\n}};\n")
}

fn to_base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let at = |i: usize| three.get(i).copied().map_or(0, u32::from);
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        let digit = move |i: usize| match i <= three.len() {
            true => char::from(DIGITS[(bits >> (18 - 6 * i)) as usize % 64]),
            false => '=',
        };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// Strict base64: padded, canonical, nothing between.
fn base64(text: &str) -> Option<Vec<u8>> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let bare = text.trim_end_matches('=');
    let padding = text.len() - bare.len();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for group in bare.as_bytes().chunks(4) {
        let bits = group
            .iter()
            .try_fold(0u32, |bits, byte| Some(bits << 6 | value(*byte)?))?;
        let bits = bits << (6 * (4 - group.len()));
        let [_, bytes @ ..] = bits.to_be_bytes();
        let (full, rest) = bytes.split_at(group.len().checked_sub(1)?);
        if rest.iter().any(|byte| *byte != 0) {
            return None;
        }
        out.extend_from_slice(full);
    }
    Some(out)
}

#[cfg(test)]
#[path = "keyfile_tests.rs"]
mod tests;
