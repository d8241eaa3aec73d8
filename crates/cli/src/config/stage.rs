//! `[[zone."NAME".stage]]`: read and checked; what comes out is what plans carry.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use dns::zonefile::{self, Options};
use dns::{Name, Rtype};
use steadfast_core::rollout::{Check, Kind, Stage, Undecided};
use steadfast_core::time::Millis;

use super::fields::{At, Fields, Reader, Span, Value};
use super::names;
use super::suggest::nearest;
use super::text::{Fault, show_duration};
use crate::diag::{Diag, shown};

/// `servers` are those of the zone. `None`: an error, which is reported.
pub(super) fn load(
    cx: &mut Reader,
    zone: &str,
    list: Option<At<Vec<At<Value>>>>,
    servers: &[String],
) -> Option<Vec<Stage>> {
    let Some(list) = list.filter(|list| !list.value.is_empty()) else {
        return Some(Vec::new());
    };
    let mut taken: BTreeMap<String, Span> = BTreeMap::new();
    let mut names: BTreeMap<String, Span> = BTreeMap::new();
    let written = list.value.len();
    let mut stages = Vec::new();
    for item in list.value {
        let Value::Table(mut f) = item.value else {
            continue;
        };
        stages.extend(stage(cx, zone, &mut f, servers, (&mut taken, &mut names)));
        f.done();
    }
    let left: Vec<&str> = servers.iter().map(String::as_str).collect();
    let left: Vec<&str> = left
        .into_iter()
        .filter(|s| !taken.contains_key(*s))
        .collect();
    if stages.len() == written && !left.is_empty() {
        let message = format!("no stage of `{zone}` has {}", left.join(", "));
        let help = "add it to a stage: each server of the zone is in exactly one";
        cx.fault(
            &list.span,
            Fault::new("server-without-stage", message, help),
        );
        return None;
    }
    (stages.len() == written).then_some(stages)
}

type Seen = BTreeMap<String, Span>;

fn stage(
    cx: &mut Reader,
    zone: &str,
    f: &mut Fields,
    servers: &[String],
    (taken, names): (&mut Seen, &mut Seen),
) -> Option<Stage> {
    let (name, listed, need) = (f.text("name"), f.texts("servers"), f.number("need"));
    let (bake, patience) = (f.duration("bake"), f.duration("patience"));
    let undecided = f.choice("undecided");
    let checks = f.list("checks");
    let span = f.span.clone();
    if let Some(name) = &name {
        once(cx, names, &name.value, &name.span, "stage");
    }
    let mut own = Vec::new();
    for server in listed?.value {
        if !servers.contains(&server.value) {
            unknown(cx, zone, &server, servers);
        } else if once(cx, taken, &server.value, &server.span, "server") {
            own.push(server.value);
        }
    }
    let bake = bake?;
    let checks = checks.map(|c| self::checks(cx, zone, c.value, &bake))??;
    let all = u32::try_from(own.len()).unwrap_or(u32::MAX);
    if let Some(need) = need.as_ref().filter(|need| need.value > all && all > 0) {
        let message = format!("`need` is {}, and the stage has {all} servers", need.value);
        let help = format!("write at most {all}, or leave it out: all of them");
        cx.fault(&need.span, Fault::new("bounds-crossed", message, help));
        return None;
    }
    if checks.is_empty() {
        let message = "a stage without checks is only a pause: it can't fail";
        let help = "add checks = [{ type = \"dns\", ask = \"www\", rtype = \"A\" }], or whatever shows that clients are served";
        cx.warn(&span, Fault::new("stage-without-checks", message, help));
    }
    Some(Stage {
        name: name?.value,
        servers: own,
        need: need.map_or(all, |need| need.value),
        bake: millis(bake.value),
        patience: millis(patience?.value),
        undecided: match undecided?.value {
            "back" => Undecided::Back,
            _ => Undecided::Hold,
        },
        checks,
    })
}

fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

/// Whether it is here for the first time; reports it where it is not.
fn once(cx: &mut Reader, seen: &mut Seen, text: &str, span: &Span, what: &str) -> bool {
    if let Some(first) = seen.get(text) {
        let help = match what {
            "server" => "a server gets a configuration once: leave it in one of the stages",
            _ => "give it another name: the ledger tells them apart by it",
        };
        let diag = Diag::error(
            "duplicate-stage",
            format!("the {what} `{text}` stands twice"),
        )
        .at(cx.place(span))
        .and(cx.place(first), "first here")
        .help(help);
        cx.report(diag);
        return false;
    }
    seen.insert(text.to_owned(), span.clone());
    true
}

fn unknown(cx: &mut Reader, zone: &str, server: &At<String>, servers: &[String]) {
    if cx.incomplete {
        return;
    }
    let known = servers.iter().map(String::as_str);
    let help = match nearest(&server.value, known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("servers of {zone}: {}", servers.join(", ")),
    };
    let message = format!("`{zone}` has no server `{}`", shown(&server.value));
    cx.fault(&server.span, Fault::new("unknown-server", message, help));
}

fn checks(
    cx: &mut Reader,
    zone: &str,
    list: Vec<At<Value>>,
    bake: &At<Duration>,
) -> Option<Vec<Check>> {
    let written = list.len();
    let mut names = Seen::new();
    let mut checks = Vec::new();
    for item in list {
        let Value::Table(mut f) = item.value else {
            continue;
        };
        let check = check(cx, zone, &mut f, bake);
        f.done();
        let Some(check) = check else { continue };
        if once(cx, &mut names, &check.name, &item.span, "check") {
            checks.push(check);
        }
    }
    (checks.len() == written).then_some(checks)
}

fn check(cx: &mut Reader, zone: &str, f: &mut Fields, bake: &At<Duration>) -> Option<Check> {
    let (word, name) = (f.choice("type"), f.text("name"));
    let (every, timeout, fall) = (f.duration("every"), f.duration("timeout"), f.number("fall"));
    let span = f.span.clone();
    let keys = Keys {
        ask: f.text("ask"),
        rtype: f.text("rtype"),
        values: f.texts("values").map_or_else(Vec::new, |list| list.value),
        count: f.number("count").map_or(1, |count| count.value),
        address: f.socket("address"),
        path: f.text("path"),
        host: f.text("host"),
        status: f.number("status").map_or(200, |status| status.value),
        query: f.text("query"),
        pass: f.text("pass"),
        run: f.texts("run"),
        broken: f.broken,
    };
    let (word, every, timeout, fall) = (word?.value, every?, timeout?, fall?.value);
    times(cx, bake, &every, &timeout, fall)?;
    let kind = keys.kind(cx, zone, word, &span)?;
    Some(Check {
        name: name.map_or_else(|| word.to_owned(), |name| name.value),
        every: millis(every.value),
        timeout: millis(timeout.value),
        fall,
        kind,
    })
}

/// A check that is not asked often enough within the bake can't fail it.
fn times(
    cx: &mut Reader,
    bake: &At<Duration>,
    every: &At<Duration>,
    timeout: &At<Duration>,
    fall: u32,
) -> Option<()> {
    if every.value > bake.value {
        let (every_text, bake_text) = (show_duration(every.value), show_duration(bake.value));
        let message =
            format!("the bake ({bake_text}) is shorter than the check's interval ({every_text})");
        let help = "lengthen `bake`, or shorten `every`: a stage must not pass between two looks";
        cx.fault(&every.span, Fault::new("bake-too-short", message, help));
        return None;
    }
    if every.value * (fall - 1) > bake.value {
        let message = format!(
            "the check can't fail: {fall} readings in a row take longer than the bake ({})",
            show_duration(bake.value)
        );
        let help = "lengthen `bake`, shorten `every`, or lower `fall`";
        cx.fault(&bake.span, Fault::new("cannot-fail", message, help));
        return None;
    }
    if timeout.value > every.value {
        let (timeout_text, every_text) = (show_duration(timeout.value), show_duration(every.value));
        let message = format!("`timeout` ({timeout_text}) is more than `every` ({every_text})");
        let help = "shorten `timeout`, or lengthen `every`";
        cx.fault(&timeout.span, Fault::new("bounds-crossed", message, help));
        return None;
    }
    Some(())
}

/// What a check may say beside its times.
struct Keys {
    ask: Option<At<String>>,
    rtype: Option<At<String>>,
    values: Vec<At<String>>,
    count: u32,
    address: Option<At<SocketAddr>>,
    path: Option<At<String>>,
    host: Option<At<String>>,
    status: u32,
    query: Option<At<String>>,
    pass: Option<At<String>>,
    run: Option<At<Vec<At<String>>>>,
    /// Something was not taken, and that is reported already.
    broken: bool,
}

impl Keys {
    fn kind(self, cx: &mut Reader, zone: &str, word: &str, span: &Span) -> Option<Kind> {
        let given = [
            ("ask", self.ask.as_ref().map(|a| &a.span), "dns"),
            ("rtype", self.rtype.as_ref().map(|a| &a.span), "dns"),
            ("path", self.path.as_ref().map(|a| &a.span), "http"),
            ("host", self.host.as_ref().map(|a| &a.span), "http"),
            ("query", self.query.as_ref().map(|a| &a.span), "prometheus"),
            ("pass", self.pass.as_ref().map(|a| &a.span), "prometheus"),
            ("run", self.run.as_ref().map(|a| &a.span), "command"),
        ];
        for (key, at, of) in given {
            if let Some(at) = at.filter(|_| of != word) {
                let message =
                    format!("`{key}` is about checks of type `{of}`, and this is `{word}`");
                let help = format!("remove it, or write type = \"{of}\"");
                cx.fault(at, Fault::new("unknown-key", message, help));
                return None;
            }
        }
        let mut lacks = Lacks {
            cx,
            word,
            span,
            broken: self.broken,
        };
        match word {
            "dns" => self.dns(lacks, zone),
            "http" => {
                let address = lacks
                    .need(self.address, "address", "\"192.0.2.9:80\"")?
                    .value;
                let path = lacks.need(self.path, "path", "\"/healthz\"")?.value;
                Some(Kind::Http {
                    address,
                    path,
                    host: host(lacks.cx, self.host, address)?,
                    status: u16::try_from(self.status).unwrap_or(200),
                })
            }
            "tcp" => {
                let address = lacks
                    .need(self.address, "address", "\"192.0.2.10:443\"")?
                    .value;
                Some(Kind::Tcp { address })
            }
            "prometheus" => {
                let address = lacks
                    .need(self.address, "address", "\"192.0.2.9:9090\"")?
                    .value;
                let example = "\"sum(rate(http_errors_total[1m]))\"";
                let query = lacks.need(self.query, "query", example)?.value;
                let pass = lacks.need(self.pass, "pass", "\"< 0.05\"")?;
                let threshold = pass.value.parse().map_err(|e| {
                    let help = "write a comparison and a number, such as pass = \"< 0.05\"";
                    Fault::new("bad-threshold", format!("`pass`: {e}"), help)
                });
                let pass = lacks.cx.accept(&pass.span, threshold)?;
                Some(Kind::Prometheus {
                    address,
                    query,
                    pass,
                })
            }
            _ => {
                let run = lacks.need(self.run, "run", "[\"/usr/local/bin/errors-low\"]")?;
                command(lacks.cx, run)
            }
        }
    }

    fn dns(self, mut lacks: Lacks<'_, '_>, zone: &str) -> Option<Kind> {
        let ask = lacks.need(self.ask, "ask", "\"www\"")?;
        let rtype = lacks.need(self.rtype, "rtype", "\"A\"")?;
        let cx = lacks.cx;
        let name = cx.accept(&ask.span, names::in_zone(&ask.value, zone))?;
        let name = Name::absolute(&name).map_err(|e| {
            Fault::new(
                "bad-name",
                format!("`ask`: {e}"),
                "write a name of the zone",
            )
        });
        let name = cx.accept(&ask.span, name)?;
        let known = rtype.value.parse::<Rtype>().map_err(|_| {
            let message = format!("`{}` is no type of record", shown(&rtype.value));
            Fault::new(
                "bad-type",
                message,
                "write A, AAAA, CNAME, MX, TXT or another one",
            )
        });
        let rtype = cx.accept(&rtype.span, known)?;
        let mut values = Vec::new();
        for value in self.values {
            values.push(cx.accept(&value.span, canonical(&name, rtype, &value.value))?);
        }
        Some(Kind::Dns {
            name,
            rtype,
            values,
            count: self.count,
        })
    }
}

/// Whom it is told that a key is missing.
struct Lacks<'c, 's> {
    cx: &'c mut Reader,
    word: &'s str,
    span: &'s Span,
    /// Something was not taken, and that is reported already.
    broken: bool,
}

impl Lacks<'_, '_> {
    /// The value; reports where there is none.
    fn need<T>(&mut self, value: Option<T>, key: &str, example: &str) -> Option<T> {
        if value.is_none() && !self.broken {
            let message = format!("a check of type `{}` lacks `{key}`", self.word);
            let help = format!("add {key} = {example}");
            let fault = Fault::new("missing-key", message, help);
            self.cx.fault(self.span, fault);
        }
        value
    }
}

fn host(cx: &mut Reader, host: Option<At<String>>, address: SocketAddr) -> Option<String> {
    let Some(host) = host else {
        return Some(address.to_string());
    };
    if host.value.bytes().all(|b| b.is_ascii_graphic()) {
        return Some(host.value);
    }
    let fault = Fault::new(
        "bad-text",
        "`host` has a character that no host has",
        "write the host's name",
    );
    cx.fault(&host.span, fault);
    None
}

/// A program by its path: what PATH says is another thing for a daemon than for a person.
pub(super) fn whole_path(program: &str) -> Result<(), Fault> {
    if program.starts_with('/') {
        return Ok(());
    }
    let message = format!("`{}` is no whole path of a program", shown(program));
    let help = "write it from the root: /usr/bin/…";
    Err(Fault::new("bad-path", message, help))
}

fn command(cx: &mut Reader, run: At<Vec<At<String>>>) -> Option<Kind> {
    let program = run.value.first()?;
    let fault = if let Err(fault) = whole_path(&program.value) {
        Some(fault)
    } else if program.value.ends_with("/true") {
        let message = "the check can't fail: this program always says yes";
        Some(Fault::new(
            "cannot-fail",
            message,
            "run something that looks at what clients get",
        ))
    } else {
        None
    };
    match fault {
        Some(fault) => {
            cx.fault(&program.span, fault);
            None
        }
        None => Some(Kind::Command {
            argv: run.value.into_iter().map(|word| word.value).collect(),
        }),
    }
}

/// Data as answers show them, from data as zone files write them.
fn canonical(name: &Name, rtype: Rtype, text: &str) -> Result<String, Fault> {
    let bad = |why: String| {
        let help = "write it as a zone file does, names in full";
        Fault::new(
            "bad-value",
            format!("`{}` is no {rtype}: {why}", shown(text)),
            help,
        )
    };
    let options = Options {
        require_soa: false,
        ..Options::default()
    };
    let line = format!("@ 60 IN {rtype} {text}\n");
    let parsed = zonefile::parse(
        line.as_bytes(),
        "value",
        name,
        &options,
        &mut zonefile::no_includes,
    );
    let parsed = parsed.map_err(|problems| {
        bad(problems
            .first()
            .map_or_else(String::new, |p| p.message.clone()))
    })?;
    let set = parsed.zone.get(name, rtype);
    let texts = set.map(dns::RRset::texts).unwrap_or_default();
    match texts.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(bad("it is not one record".into())),
    }
}
