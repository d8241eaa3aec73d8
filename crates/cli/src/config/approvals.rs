//! `[zone."NAME".approvals]`: the keys, and what they say.

use std::time::Duration;

use steadfast_core::leash::{Author, Class, Need};

use super::fields::{At, Fields, Reader};
use super::keys::{Kind, LIMIT, Need as KeyNeed, Section, key, seconds};
use super::model::Approvals;
use super::names;
use super::text::Fault;

/// The class that says what a waiver needs.
const WAIVER: &str = "waiver";

pub(super) static APPROVALS: Section = Section {
    header: r#"[zone."NAME".approvals]"#,
    doc: "Whose approval plans need. What stands here is a proposal: the ledger has what counts. `steadfast adopt` records \
          it, or `steadfast govern NAME` where the zone is adopted already; each later change of it takes two people of the \
          roll that is in force. Every class that matches a change holds; what no class matches needs `default`.",
    keys: &[
        key(
            "signers",
            Kind::Path,
            KeyNeed::Required,
            r#""allowed_signers""#,
            "The roll of approvers: an OpenSSH `allowed_signers` file (ssh-keygen(1)). A line names one person, as `anna@example.com ssh-ed25519 AAAA…`; \
             the options `namespaces`, `valid-after` and `valid-before` (with a `Z`) count.",
        ),
        key(
            "default",
            Kind::Count(0, 20),
            KeyNeed::Required,
            "1",
            "How many people approve a change that no class matches. Whoever proposed the plan does not count.",
        ),
        key(
            "expire",
            Kind::Duration(seconds(60), seconds(30 * 86_400)),
            KeyNeed::Default(r#""24h""#),
            r#""24h""#,
            "How long an approval or a waiver may count at most.",
        ),
        key(
            "group",
            Kind::ById(&GROUP),
            KeyNeed::Optional,
            "",
            "Groups of people, for `from`.",
        ),
        key(
            "class",
            Kind::ById(&CLASS),
            KeyNeed::Optional,
            "",
            "Classes of changes. The class `waiver` matches nothing: it says what a waiver needs (without it: what `default` says, one person at least).",
        ),
    ],
};

static GROUP: Section = Section {
    header: r#"[zone."NAME".approvals.group.NAME]"#,
    doc: "A group of people.",
    keys: &[key(
        "members",
        Kind::List(&Kind::Text, 1),
        KeyNeed::Required,
        r#"["anna@example.com", "bob@example.com"]"#,
        "Its members, as the roll has them.",
    )],
};

static CLASS: Section = Section {
    header: r#"[zone."NAME".approvals.class.NAME]"#,
    doc: "A class of changes: a change is in it when everything that is said here holds for it. Of several classes that match, the largest \
          number holds, and every group.",
    keys: &[
        key(
            "approvals",
            Kind::Count(0, 20),
            KeyNeed::Required,
            "2",
            "How many people approve it. Whoever proposed the plan does not count.",
        ),
        key(
            "from",
            Kind::List(&Kind::Id, 1),
            KeyNeed::Optional,
            r#"["dns", "security"]"#,
            "They are of these groups, and of each there is one.",
        ),
        key(
            "types",
            Kind::List(&Kind::Text, 1),
            KeyNeed::Optional,
            r#"["NS", "DS", "MX"]"#,
            "Changes of these types.",
        ),
        key(
            "names",
            Kind::List(&Kind::Pattern, 1),
            KeyNeed::Optional,
            r#"["_acme-challenge.**"]"#,
            "Changes at names that one of these patterns takes.",
        ),
        key(
            "critical",
            Kind::Flag,
            KeyNeed::Optional,
            "true",
            "Changes at critical names, at cuts and redirections above them, and at wildcards that could stand for them; `false`: all others. \
             What a critical name points at by CNAME is not meant: name it under `critical`, too.",
        ),
        key(
            "deletes",
            Kind::Flag,
            KeyNeed::Optional,
            "true",
            "Changes that delete an RRset; `false`: all others.",
        ),
        key(
            "above",
            Kind::Inline(&LIMIT),
            KeyNeed::Optional,
            "{ count = 10 }",
            "Plans that touch more RRsets than this.",
        ),
        key(
            "author",
            Kind::Choice(&["person", "gateway"], &[]),
            KeyNeed::Optional,
            r#""gateway""#,
            "Plans that somebody of this sort made: people, or automation that hands changes in.",
        ),
        key(
            "rollback",
            Kind::Flag,
            KeyNeed::Default("false"),
            "true",
            "Whether the class is about rollbacks to a former configuration, and nothing else. Those were approved before: without such a class \
             they need nobody.",
        ),
    ],
};

/// Reads the table. Whether everybody named is on the roll shows when that file is read.
pub(super) fn load(cx: &mut Reader, mut f: Fields, zone: &str) -> Option<Approvals> {
    let signers = f.path("signers");
    let approvals = f.number("default");
    let expire = f.duration("expire");
    let mut groups = std::collections::BTreeMap::new();
    for (name, mut group) in f.tables("group").map(|t| t.value).unwrap_or_default() {
        let members = group.texts("members").map(|list| list.value);
        group.done();
        let members = members?.into_iter().map(|m| m.value).collect();
        groups.insert(name.value, members);
    }
    let otherwise = Need {
        approvals: approvals.as_ref().map_or(0, |n| n.value),
        from: Vec::new(),
    };
    let mut waiver = Need {
        approvals: otherwise.approvals.max(1),
        from: Vec::new(),
    };
    let mut classes = Vec::new();
    let mut whole = true;
    for (name, fields) in f.tables("class").map(|t| t.value).unwrap_or_default() {
        let Some(class) = class(cx, &name, fields, zone, &groups) else {
            whole = false;
            continue;
        };
        if name.value == WAIVER {
            let bare = Class {
                name: class.name.clone(),
                need: class.need.clone(),
                ..Class::default()
            };
            if bare != class || class.need.count() == 0 {
                let message = "the class `waiver` says what a waiver needs, and nothing else; one person at least";
                let help = "keep `approvals` and `from`, and give what else it says to a class of another name";
                cx.fault(&name.span, Fault::new("bad-waiver", message, help));
            }
            waiver = class.need;
        } else {
            classes.push(class);
        }
    }
    f.done();
    whole.then_some(Approvals {
        signers: signers?.value,
        expire: expire.map_or(Duration::ZERO, |e| e.value),
        otherwise: approvals.map(|_| otherwise)?,
        waiver,
        groups,
        classes,
    })
}

fn class(
    cx: &mut Reader,
    name: &At<String>,
    mut f: Fields,
    zone: &str,
    groups: &std::collections::BTreeMap<String, Vec<String>>,
) -> Option<Class> {
    let approvals = f.number("approvals");
    let mut class = Class {
        name: name.value.clone(),
        ..Class::default()
    };
    let mut good = !f.broken;
    for group in f.texts("from").map(|l| l.value).unwrap_or_default() {
        if !groups.contains_key(&group.value) {
            let message = format!("there is no group `{}`", group.value);
            let help = format!(
                "describe it under [zone.\"{zone}\".approvals.group.{}]",
                group.value
            );
            cx.fault(&group.span, Fault::new("unknown-group", message, help));
            good = false;
        }
        class.need.from.push(group.value);
    }
    for item in f.texts("types").map(|l| l.value).unwrap_or_default() {
        match item.value.to_ascii_uppercase().parse() {
            Ok(rtype) => class.types.push(rtype),
            Err(_) => {
                let message = format!("`{}` is no record type", crate::diag::shown(&item.value));
                let help = "write a type such as A, MX or TYPE65";
                cx.fault(&item.span, Fault::new("bad-type", message, help));
                good = false;
            }
        }
    }
    for item in f.texts("names").map(|l| l.value).unwrap_or_default() {
        match cx.accept(&item.span, names::pattern(&item.value, zone)) {
            Some(pattern) => class.names.push(pattern),
            None => good = false,
        }
    }
    class.critical = f.flag("critical").map(|v| v.value);
    class.deletes = f.flag("deletes").map(|v| v.value);
    class.rollback = f.flag("rollback").is_some_and(|v| v.value);
    class.author = f.choice("author").map(|word| match word.value {
        "gateway" => Author::Gateway,
        _ => Author::Person,
    });
    if let Some(above) = f.table("above") {
        let limit = super::zone::limit(cx, "above", above.value);
        good &= limit.is_some();
        class.above = limit.map(|l| (l.count, l.share.map(|s| s.0)));
    }
    f.done();
    class.need.approvals = approvals?.value;
    good.then_some(class)
}
