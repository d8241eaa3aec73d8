//! Records: owner, TTL, class and type in front of the data, and what a zone as a whole must have.

use super::build::Builder;
use super::fields::{self, Data, Doubt, shown};
use super::lexer::{FaultAt, HIGH, Lexer, QUOTED, Record, Token};
use super::problem::{Fail, Problem, Raw, Source, Text, Warnings, locate, shorten};
use super::words::{check_class, describe, is_class, ttl_of, unknown_type};
use super::{Loader, MAX_TEXT, Options, Parsed};
use crate::name::Name;
use crate::rtype::Rtype;
use crate::zone::{View, Zone};

/// How many relative targets with dots in them are looked up in the finished zone.
const MAX_TARGETS: usize = 10_000;

/// The owner for records that leave it out.
pub(super) enum Owner {
    /// No record yet.
    None,
    /// The last one was no name: records without owner are passed over in silence.
    Bad,
    /// That one, and the token it was.
    Known(Name, Option<Token>),
}

pub(super) struct Parser<'p, 't> {
    pub(super) apex: &'p Name,
    pub(super) opts: &'p Options,
    pub(super) loader: &'p mut Loader<'p>,
    pub(super) sources: Vec<Source<'t>>,
    /// Indices of the files being read, the innermost last.
    pub(super) stack: Vec<usize>,
    pub(super) origin: Name,
    pub(super) owner: Owner,
    pub(super) default_ttl: Option<u32>,
    last_ttl: Option<u32>,
    builder: Builder,
    soa: Option<u32>,
    no_ttl_told: bool,
    last_ttl_told: bool,
    server_made: Option<(u32, usize)>,
    targets: Vec<(Raw, Name)>,
    doubts: Vec<Doubt>,
    errors: Vec<Raw>,
    warnings: Warnings,
    /// No more errors are wanted.
    pub(super) stopped: bool,
    data: Vec<u8>,
}

pub(super) fn run(
    text: &[u8],
    file: &str,
    apex: &Name,
    opts: &Options,
    loader: &mut Loader<'_>,
) -> Result<Parsed, Vec<Problem>> {
    let mut forward = |path: &str, from: &str| loader(path, from);
    let mut parser = Parser {
        apex,
        opts,
        loader: &mut forward,
        sources: Vec::new(),
        stack: Vec::new(),
        origin: apex.clone(),
        owner: Owner::None,
        default_ttl: None,
        last_ttl: None,
        builder: Builder::default(),
        soa: None,
        no_ttl_told: false,
        last_ttl_told: false,
        server_made: None,
        targets: Vec::new(),
        doubts: Vec::new(),
        errors: Vec::new(),
        warnings: Warnings {
            kept: Vec::new(),
            dropped: 0,
            max: opts.max_warnings,
        },
        stopped: false,
        data: Vec::new(),
    };
    let too_long = text.len() > MAX_TEXT;
    let source = Source {
        name: file.to_owned(),
        text: Text::Main(if too_long { &[] } else { text }),
        base: 0,
    };
    parser.sources.push(source);
    if too_long {
        parser.error(Raw {
            at: 0,
            token: String::new(),
            code: "long-file",
            message: format!("the file has more than {MAX_TEXT} octets"),
            help: String::new(),
        });
    } else {
        parser.source(0);
    }
    parser.finish()
}

impl Parser<'_, '_> {
    /// Reads one file to its end.
    pub(super) fn source(&mut self, index: usize) {
        let Some(source) = self.sources.get(index) else {
            return;
        };
        let (text, base) = (source.text.clone(), source.base);
        let text = text.bytes();
        let Some(start) = self.front(text, base) else {
            return;
        };
        self.stack.push(index);
        let mut lexer = Lexer::new(text, start);
        let mut tokens = Vec::new();
        while !self.stopped
            && let Some(record) = lexer.next(&mut tokens)
        {
            for fault in &lexer.faults {
                self.fault(text, base, *fault);
            }
            if record.bad {
                self.owner = Owner::Bad;
                continue;
            }
            if let Err(fail) = self.record(text, base, &tokens, record) {
                self.fail(text, base, &tokens, fail);
            } else if !record.ended {
                self.unended(text, base, &tokens);
            }
        }
        self.stack.pop();
    }

    /// Looks at the first octets; where the text starts, or `None` when it is none.
    fn front(&mut self, text: &[u8], base: u32) -> Option<usize> {
        let head = text.get(..8192).unwrap_or(text);
        let whole = |code, message: &str, help: &str| Raw {
            at: base,
            token: String::new(),
            code,
            message: message.into(),
            help: help.into(),
        };
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            let help = "save the file as UTF-8";
            self.error(whole("utf-16", "the file is in UTF-16", help));
            return None;
        }
        let odd = |b: &&u8| b.is_ascii_control() && !matches!(b, b'\t' | b'\n' | b'\r');
        let odd = head.iter().filter(odd).count();
        if head.contains(&0) || odd * 10 > head.len() {
            self.error(whole(
                "binary-file",
                "the file is not text",
                "a zone in BIND's raw format becomes text by \
                 `named-compilezone -f raw -F text -o OUT ZONE FILE`",
            ));
            return None;
        }
        if head.starts_with(&[0xef, 0xbb, 0xbf]) {
            self.warn(whole(
                "byte-order-mark",
                "the file starts with a byte order mark, which other servers take for a part of \
                 the first name",
                "save it as UTF-8 without BOM",
            ));
            return Some(3);
        }
        Some(0)
    }

    fn record(
        &mut self,
        text: &[u8],
        base: u32,
        tokens: &[Token],
        record: Record,
    ) -> Result<(), Fail> {
        let Some(first) = tokens.first() else {
            return Ok(());
        };
        let directive = !first.is(QUOTED) && first.of(text).first() == Some(&b'$');
        if directive && !record.indented {
            return self.directive(text, base, tokens, *first);
        }
        let rest = if record.indented {
            tokens
        } else {
            self.owner = Owner::Bad.kept(&self.owner, *first, text);
            if matches!(self.owner, Owner::Bad) {
                self.owner = self.read_owner(text, base, *first)?;
            }
            tokens.get(1..).unwrap_or_default()
        };
        let name = match &self.owner {
            Owner::Known(name, _) => name.clone(),
            Owner::Bad => return Ok(()),
            Owner::None => {
                return Err(Fail::new(
                    *first,
                    "no-owner",
                    "the first record has no owner: its line starts with white space",
                    "write the owner in the first column, `@` for the origin",
                ));
            }
        };
        let (ttl, rtype, rest) = self.front_fields(text, rest, record)?;
        self.data.clear();
        let mut data = std::mem::take(&mut self.data);
        let read = Data {
            rtype,
            text,
            tokens: rest,
            origin: &self.origin,
            doubts: &mut self.doubts,
        }
        .read(&mut data);
        let done = read.and_then(|()| self.add(&name, rtype, ttl, &data, base, *first));
        self.data = data;
        self.tell_doubts(text, base);
        done
    }

    fn read_owner(&mut self, text: &[u8], base: u32, token: Token) -> Result<Owner, Fail> {
        if token.is(QUOTED) {
            let help = "write it without quotes";
            return Err(Fail::new(token, "bad-name", "an owner in quotes", help));
        }
        let key = fields::name_of(token, text, &self.origin)?;
        let name = key.to_name();
        if token.is(HIGH) {
            self.doubts.push(Doubt::NotAscii(token));
        }
        if key.repeats_origin() {
            self.doubts.push(Doubt::RepeatsOrigin(token, name.clone()));
        }
        self.tell_doubts(text, base);
        Ok(Owner::Known(name, Some(token)))
    }

    /// TTL and class in either order, and the type.
    fn front_fields<'k>(
        &mut self,
        text: &[u8],
        tokens: &'k [Token],
        record: Record,
    ) -> Result<(Option<u32>, Rtype, &'k [Token]), Fail> {
        let mut rest = tokens;
        let (mut ttl, mut class) = (None, false);
        while let Some((token, tail)) = rest.split_first() {
            rest = tail;
            let word = token.of(text);
            if word.first().is_some_and(u8::is_ascii_digit) && ttl.is_none() {
                ttl = Some(ttl_of(*token, text)?);
            } else if !class && is_class(word) {
                check_class(*token, word)?;
                class = true;
            } else {
                let rtype = fields::rtype_of(word).filter(|_| !token.is(QUOTED));
                let rtype = rtype.ok_or_else(|| unknown_type(*token, word, record))?;
                if rtype.is_meta() {
                    return Err(Fail::new(
                        *token,
                        "meta-type",
                        format!("{rtype} stands only in messages, never in a zone"),
                        "remove the record",
                    ));
                }
                return Ok((ttl, rtype, rest));
            }
        }
        Err(Fail::new(
            None,
            "no-type",
            "the record ends before its type",
            "a record is: owner, TTL, class, type, data; the line may be cut short",
        ))
    }

    /// Takes in one record, its TTL filled in.
    fn add(
        &mut self,
        name: &Name,
        rtype: Rtype,
        ttl: Option<u32>,
        data: &[u8],
        base: u32,
        token: Token,
    ) -> Result<(), Fail> {
        let place = base + token.start;
        if rtype == Rtype::SOA {
            self.check_soa(name, token, place)?;
        }
        if !name.is_under(self.apex) {
            return Err(Fail::new(
                token,
                "outside",
                format!("{name} is outside of the zone {}", self.apex),
                "remove the record, or correct `$ORIGIN` or the owner's trailing dot",
            ));
        }
        let Some(ttl) = self.ttl(ttl, place) else {
            if std::mem::replace(&mut self.no_ttl_told, true) {
                return Ok(());
            }
            return Err(Fail::new(
                token,
                "no-ttl",
                "the record has no TTL, and there is no `$TTL` before it",
                "put a line such as `$TTL 1h` at the top of the file",
            ));
        };
        if rtype.is_server_made() {
            self.server_made.get_or_insert((place, 0)).1 += 1;
        }
        self.builder.push(name, rtype, ttl, data, place);
        Ok(())
    }

    /// The record's own TTL, else `$TTL` (RFC 2308 §4), else the last one given (RFC 1035 §5.1).
    fn ttl(&mut self, own: Option<u32>, place: u32) -> Option<u32> {
        if own.is_some() {
            self.last_ttl = own;
            return own;
        }
        if let Some(ttl) = self.default_ttl {
            return Some(ttl);
        }
        if let Some(ttl) = self.last_ttl
            && !std::mem::replace(&mut self.last_ttl_told, true)
        {
            self.warn(Raw {
                at: place,
                token: String::new(),
                code: "ttl-carried-over",
                message: format!(
                    "the record has no TTL and there is no `$TTL`; it takes that of the record \
                     before, {ttl} s (RFC 1035 §5.1), and so do others below"
                ),
                help: "put a line such as `$TTL 1h` at the top of the file".into(),
            });
        }
        self.last_ttl.or(self.opts.default_ttl)
    }

    fn check_soa(&mut self, name: &Name, token: Token, place: u32) -> Result<(), Fail> {
        if name != self.apex {
            return Err(Fail::new(
                token,
                "soa-not-at-apex",
                format!("an SOA at {name}; the zone is {}", self.apex),
                "an SOA belongs to the zone's own name: is this the file of another zone?",
            ));
        }
        if let Some(first) = self.soa {
            let help = "keep one of them";
            let message = format!("a second SOA; the first is at {}", self.place(first));
            return Err(Fail::new(token, "two-soas", message, help));
        }
        self.soa = Some(place);
        Ok(())
    }

    fn finish(mut self) -> Result<Parsed, Vec<Problem>> {
        self.check_whole();
        if !self.errors.is_empty() {
            return Err(locate(self.errors, &self.sources));
        }
        let zone = self.builder.finish(self.apex, &mut self.warnings);
        for (raw, name) in self.targets {
            if !might_exist(&zone, &name) {
                self.warnings.push(raw);
            }
        }
        let Warnings { kept, dropped, .. } = self.warnings;
        Ok(Parsed {
            zone,
            warnings: locate(kept, &self.sources),
            more_warnings: dropped,
        })
    }

    fn check_whole(&mut self) {
        if let Some((at, count)) = self.server_made {
            self.warn(Raw {
                at,
                token: String::new(),
                code: "server-made",
                message: format!(
                    "{count} records of types that servers make when they sign (RRSIG, NSEC, \
                     DNSKEY…), the first here"
                ),
                help: "leave them out: servers that sign make their own".into(),
            });
        }
        if !self.errors.is_empty() || !self.opts.require_soa || self.soa.is_some() {
            return;
        }
        let main = self.sources.first().map_or(0, |s| s.text.bytes().len());
        let empty = self.builder.len() == 0;
        let (code, message) = if empty {
            ("empty-file", "there is no record in this file".to_owned())
        } else {
            let count = self.builder.len();
            let apex = self.apex;
            ("no-soa", format!("{count} records, but no SOA of {apex}"))
        };
        self.error(Raw {
            at: if empty { 0 } else { main as u32 },
            token: String::new(),
            code,
            message,
            help: "a zone file has one SOA at the zone's own name: is the file complete, and is \
                   it that of this zone?"
                .into(),
        });
    }

    /// A record whose line the file does not end: it may be cut.
    fn unended(&mut self, text: &[u8], base: u32, tokens: &[Token]) {
        if let Some(last) = tokens.last() {
            self.warn(Raw {
                at: base + last.start,
                token: shown(*last, text),
                code: "no-final-newline",
                message: "the file ends inside this line; it may be cut short".into(),
                help: "end the last line with a line break".into(),
            });
        }
    }

    fn tell_doubts(&mut self, text: &[u8], base: u32) {
        if self.doubts.is_empty() {
            return;
        }
        for doubt in std::mem::take(&mut self.doubts) {
            self.tell_doubt(doubt, text, base);
        }
    }

    fn tell_doubt(&mut self, doubt: Doubt, text: &[u8], base: u32) {
        let raw = |token: Token, code, message: String, help: String| Raw {
            at: base + token.start,
            token: shown(token, text),
            code,
            message,
            help,
        };
        match doubt {
            Doubt::RepeatsOrigin(token, name) => self.warn(raw(
                token,
                "missing-dot",
                format!("without a trailing dot this is {name}"),
                format!("write `{}.` if that is the name meant", shown(token, text)),
            )),
            Doubt::Address(token, name) => self.warn(raw(
                token,
                "address-as-name",
                format!("an address where a name belongs: this is {name}"),
                "point at a name that has this address".into(),
            )),
            Doubt::NotAscii(token) => self.warn(raw(
                token,
                "not-ascii",
                "a name with characters outside of ASCII; its octets are taken as they are".into(),
                "write the A-label of an internationalised name (`xn--…`)".into(),
            )),
            Doubt::DottedTarget(token, name) => {
                if self.targets.len() < MAX_TARGETS {
                    let target = raw(
                        token,
                        "dangling-target",
                        format!("without a trailing dot this is {name}, which does not exist"),
                        format!("write `{}.` if that is the name meant", shown(token, text)),
                    );
                    self.targets.push((target, name));
                }
            }
        }
    }

    fn fault(&mut self, text: &[u8], base: u32, (fault, start, len): FaultAt) {
        let bytes = text.get(start as usize..).unwrap_or_default();
        let bytes = bytes.get(..len as usize).unwrap_or(bytes);
        let (code, message, help) = describe(fault);
        self.error(Raw {
            at: base + start,
            token: shorten(bytes),
            code,
            message,
            help: help.into(),
        });
    }

    fn fail(&mut self, text: &[u8], base: u32, tokens: &[Token], fail: Fail) {
        let token = fail.token.or(tokens.last().copied());
        self.error(Raw {
            at: base + token.map_or(0, |t| t.start),
            token: token.map_or_else(String::new, |t| shown(t, text)),
            code: fail.code,
            message: fail.message,
            help: fail.help,
        });
    }

    fn error(&mut self, raw: Raw) {
        self.errors.push(raw);
        self.stopped |= self.errors.len() >= self.opts.max_errors.max(1);
    }

    pub(super) fn warn(&mut self, raw: Raw) {
        self.warnings.push(raw);
    }

    /// A position as people read it.
    fn place(&self, at: u32) -> String {
        let raw = Raw {
            at,
            token: String::new(),
            code: "",
            message: String::new(),
            help: String::new(),
        };
        let found = locate(vec![raw], &self.sources);
        let text = |p: &Problem| format!("{}:{}:{}", p.file, p.line, p.column);
        found.first().map(text).unwrap_or_default()
    }
}

impl Owner {
    /// The owner before, when `token` has the same text; `self` otherwise.
    fn kept(self, before: &Owner, token: Token, text: &[u8]) -> Owner {
        match before {
            Owner::Known(name, Some(last)) if last.of(text) == token.of(text) => {
                Owner::Known(name.clone(), Some(token))
            }
            _ => self,
        }
    }
}

/// Whether a query for `name` may find something: it exists, or a wildcard or delegation covers it.
fn might_exist(zone: &Zone, name: &Name) -> bool {
    if !name.is_under(zone.apex()) || zone.exists(name) {
        return true;
    }
    let mut at = name.parent();
    while let Some(above) = at {
        if above == *zone.apex() {
            return covers(zone, &above, false);
        }
        if covers(zone, &above, true) {
            return true;
        }
        at = above.parent();
    }
    false
}

fn covers(zone: &Zone, above: &Name, cut: bool) -> bool {
    let wild = above.wildcard().is_ok_and(|w| zone.exists(&w));
    wild || zone.get(above, Rtype::DNAME).is_some() || cut && zone.get(above, Rtype::NS).is_some()
}
