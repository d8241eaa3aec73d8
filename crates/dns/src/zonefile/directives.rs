//! `$ORIGIN`, `$TTL`, `$INCLUDE`, and the refusal of all others.

use super::fields::{self, shown};
use super::lexer::{QUOTED, Token};
use super::parser::{Owner, Parser};
use super::problem::{Fail, Raw, Source, Text};
use super::words::ttl_of;
use super::{MAX_INCLUDE_DEPTH, MAX_INCLUDES, MAX_TEXT};
use crate::name::Name;

const INCLUDE_HELP: &str =
    "an include names a file that this user may read, by a path relative to this one";

impl Parser<'_, '_> {
    pub(super) fn directive(
        &mut self,
        text: &[u8],
        base: u32,
        tokens: &[Token],
        first: Token,
    ) -> Result<(), Fail> {
        let arguments = tokens.get(1..).unwrap_or_default();
        let word = first.of(text).to_ascii_uppercase();
        match (word.as_slice(), arguments) {
            (b"$ORIGIN", [name]) => {
                self.origin = self.origin_of(text, base, *name)?;
                self.forget_token();
                Ok(())
            }
            (b"$TTL", [ttl]) => {
                self.default_ttl = Some(ttl_of(*ttl, text)?);
                Ok(())
            }
            (b"$INCLUDE", [path]) => self.include(text, *path, None),
            (b"$INCLUDE", [path, origin]) => {
                let origin = self.origin_of(text, base, *origin)?;
                self.include(text, *path, Some(origin))
            }
            (b"$ORIGIN", _) => Err(usage(first, "$ORIGIN takes one name")),
            (b"$TTL", _) => Err(usage(first, "$TTL takes one TTL")),
            (b"$INCLUDE", _) => Err(usage(first, "$INCLUDE takes a path and perhaps an origin")),
            (b"$GENERATE", _) => Err(Fail::new(
                first,
                "generate",
                "$GENERATE is BIND's own and is not read here",
                "write the records out: `named-compilezone -o OUT ZONE FILE` does it",
            )),
            _ => Err(Fail::new(
                first,
                "unknown-directive",
                "not a directive; there are $ORIGIN, $TTL and $INCLUDE",
                "a name that starts with a dollar sign is written `\\$…`",
            )),
        }
    }

    fn origin_of(&mut self, text: &[u8], base: u32, token: Token) -> Result<Name, Fail> {
        let key = fields::name_of(token, text, &self.origin)?;
        let name = key.to_name();
        if key.repeats_origin() {
            self.warn(Raw {
                at: base + token.start,
                token: shown(token, text),
                code: "missing-dot",
                message: format!("without a trailing dot this origin is {name}"),
                help: format!("write `{}.` if that is the name meant", shown(token, text)),
            });
        }
        Ok(name)
    }

    /// Reads another file in this place; origin and owner are the same again after it (RFC 1035
    /// §5.1).
    fn include(&mut self, text: &[u8], path: Token, origin: Option<Name>) -> Result<(), Fail> {
        let index = self.load(text, path)?;
        let origin_before = self.origin.clone();
        let owner_before = std::mem::replace(&mut self.owner, Owner::None);
        if let Some(origin) = origin {
            self.origin = origin;
        }
        if let Owner::Known(name, _) = &owner_before {
            self.owner = Owner::Known(name.clone(), None);
        }
        self.source(index);
        self.origin = origin_before;
        self.owner = owner_before;
        Ok(())
    }

    fn load(&mut self, text: &[u8], path: Token) -> Result<usize, Fail> {
        let fail = |code, message: String, help: &str| Fail::new(path, code, message, help);
        if self.stack.len() > MAX_INCLUDE_DEPTH {
            let message = format!("includes nest more than {MAX_INCLUDE_DEPTH} deep");
            return Err(fail("include-depth", message, "put the files together"));
        }
        if self.sources.len() > MAX_INCLUDES {
            let message = format!("more than {MAX_INCLUDES} includes");
            return Err(fail("include-count", message, "put the files together"));
        }
        let written = std::str::from_utf8(path.of(text))
            .map_err(|_| fail("include-path", "the path is not UTF-8".into(), INCLUDE_HELP))?;
        let chain: Vec<&str> = self
            .stack
            .iter()
            .filter_map(|i| self.sources.get(*i))
            .map(|s| s.name.as_str())
            .collect();
        let from = chain.last().copied().unwrap_or_default();
        let (name, bytes) = (self.loader)(written, from).map_err(|why| {
            fail(
                "include",
                format!("cannot be included: {why}"),
                INCLUDE_HELP,
            )
        })?;
        if chain.contains(&name.as_str()) {
            let message = format!("includes go round: {} → {name}", chain.join(" → "));
            return Err(fail(
                "include-loop",
                message,
                "remove one of these includes",
            ));
        }
        let last = self.sources.last();
        let base = last.map_or(0, |s| s.base as usize + s.text.bytes().len() + 1);
        if base + bytes.len() > MAX_TEXT {
            let message = format!("more than {MAX_TEXT} octets with this file");
            return Err(fail(
                "long-file",
                message,
                "include less; no zone needs that",
            ));
        }
        self.sources.push(Source {
            name,
            text: Text::Included(bytes.into()),
            base: base as u32,
        });
        Ok(self.sources.len() - 1)
    }

    /// The owner's token means another name under another origin.
    fn forget_token(&mut self) {
        if let Owner::Known(_, token) = &mut self.owner {
            *token = None;
        }
    }
}

fn usage(token: Token, message: &str) -> Fail {
    debug_assert!(!token.is(QUOTED));
    let help = "one word follows $ORIGIN and $TTL, one or two $INCLUDE; `;` begins a comment";
    Fail::new(token, "directive", message, help)
}
