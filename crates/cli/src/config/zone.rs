//! `[zone."NAME"]` and its limits.

use std::collections::BTreeMap;

use super::approvals;
use super::fields::{At, Fields, Reader, Span};
use super::model::{Fence, Limit, Limits, Server, Share, Zone};
use super::names;
use super::stage;
use super::suggest::nearest;
use super::text::{Fault, show_seconds};
use crate::diag::{Diag, shown};

/// What endpoints need to know of a zone, as far as it could be read.
#[derive(Default)]
pub(super) struct Bounds {
    pub(super) own: Option<(Vec<String>, Vec<String>)>,
    pub(super) ttl: Option<(u32, u32)>,
}

/// `servers` has every server of the file, `None` where it could not be read.
pub(super) fn load(
    cx: &mut Reader,
    name: &At<String>,
    mut f: Fields,
    servers: &BTreeMap<String, Option<Server>>,
) -> (Bounds, Option<Zone>) {
    let zone = name.value.as_str();
    let content = f.path("content");
    let listed = f
        .texts("servers")
        .map(|list| server_list(cx, list.value, servers));
    let owned = ownership(cx, &mut f, zone);
    let critical = f
        .texts("critical")
        .map(|list| critical(cx, list.value, zone, owned.as_ref()));
    let min_fence = f.choice("min-fence").map(|word| fence(word.value));
    let ttl = ttl_bounds(cx, &mut f);
    let sizes = f.number("keep").zip(f.number("max-update"));
    let limits = f
        .table("limits")
        .and_then(|fields| limits(cx, fields.value, zone));
    let stages = f.list("stage");
    let stages = stage::load(cx, zone, stages, listed.as_deref().unwrap_or_default());
    let approvals = f
        .table("approvals")
        .map(|fields| approvals::load(cx, fields.value, zone));
    f.done();
    let bounds = Bounds {
        own: owned.clone(),
        ttl,
    };
    let assemble = || {
        let (own, ignore) = owned?;
        let (ttl_min, ttl_max) = ttl?;
        let (keep, max_update) = sizes?;
        Some(Zone {
            name: zone.to_owned(),
            content: content?.value,
            servers: listed?,
            own,
            ignore,
            critical: critical?,
            min_fence: min_fence?,
            limits: limits?,
            ttl_min,
            ttl_max,
            keep: keep.value,
            max_update: max_update.value,
            stages: stages?,
            approvals: match approvals {
                Some(approvals) => Some(approvals?),
                None => None,
            },
        })
    };
    (bounds, assemble())
}

/// `own` and `ignore`, if they leave anything.
fn ownership(cx: &mut Reader, f: &mut Fields, zone: &str) -> Option<(Vec<String>, Vec<String>)> {
    let own = f
        .texts("own")
        .and_then(|list| patterns(cx, list.value, zone));
    let ignore = f.texts("ignore");
    let span = ignore
        .as_ref()
        .map_or(f.span.clone(), |list| list.span.clone());
    let ignore = ignore.and_then(|list| patterns(cx, list.value, zone));
    let (own, ignore) = own.zip(ignore)?;
    if own
        .iter()
        .all(|pattern| ignore.contains(pattern) || ignore.iter().any(|all| all == "**"))
    {
        let message = format!("in `{zone}`, `ignore` takes away all that `own` takes");
        let help = "remove the pattern that stands in both from `ignore`";
        cx.fault(&span, Fault::new("owns-nothing", message, help));
        return None;
    }
    Some((own, ignore))
}

fn ttl_bounds(cx: &mut Reader, f: &mut Fields) -> Option<(u32, u32)> {
    let (least, most) = f.number("ttl-min").zip(f.number("ttl-max"))?;
    if least.value > most.value {
        let (min, max) = (show_seconds(least.value), show_seconds(most.value));
        let message = format!("`ttl-min` ({min}) is more than `ttl-max` ({max}): no TTL fits");
        let help = "lower `ttl-min` or raise `ttl-max`";
        cx.fault(&least.span, Fault::new("bounds-crossed", message, help));
    }
    Some((least.value, most.value))
}

fn fence(word: &str) -> Fence {
    match word {
        "lease-only" => Fence::LeaseOnly,
        "batch" => Fence::Batch,
        _ => Fence::Server,
    }
}

fn server_list(
    cx: &mut Reader,
    list: Vec<At<String>>,
    servers: &BTreeMap<String, Option<Server>>,
) -> Vec<String> {
    let mut seen: Vec<At<String>> = Vec::new();
    for item in list {
        let Some(server) = servers.get(&item.value) else {
            if cx.incomplete {
                continue;
            }
            let known: Vec<&str> = servers.keys().map(String::as_str).collect();
            let help = match (
                nearest(&item.value, known.iter().copied()),
                known.is_empty(),
            ) {
                (Some(near), _) => format!("did you mean \"{near}\"?"),
                (None, false) => format!("servers of this file: {}", known.join(", ")),
                (None, true) => format!("describe it under [server.{}]", shown(&item.value)),
            };
            cx.fault(
                &item.span,
                Fault::new(
                    "unknown-server",
                    format!("there is no server `{}`", shown(&item.value)),
                    help,
                ),
            );
            continue;
        };
        let address = server.as_ref().map(|server| server.address);
        let key = server.as_ref().map(|server| &server.key_file);
        let same = |other: &&At<String>| {
            let theirs = servers.get(&other.value).and_then(|server| server.as_ref());
            // With the same key too, the second table is wrong, and reported there.
            let view = theirs.is_some_and(|theirs| {
                Some(theirs.address) == address && Some(&theirs.key_file) != key
            });
            other.value == item.value || view
        };
        if let Some(first) = seen.iter().find(same) {
            let message = match address.filter(|_| first.value != item.value) {
                Some(address) => {
                    format!("`{}` and `{}` are both {address}", first.value, item.value)
                }
                None => format!("`{}` is listed twice", item.value),
            };
            let diag = Diag::error("duplicate-server", message)
                .at(cx.place(&item.span))
                .and(cx.place(&first.span), "first here")
                .help(
                    "list each server once: two writes of one step to one server refuse each other",
                );
            cx.report(diag);
            continue;
        }
        seen.push(item);
    }
    seen.into_iter().map(|item| item.value).collect()
}

fn patterns(cx: &mut Reader, list: Vec<At<String>>, zone: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let mut good = true;
    for item in list {
        match cx.accept(&item.span, names::pattern(&item.value, zone)) {
            Some(pattern) if out.contains(&pattern) => twice(cx, &item.span, &item.value),
            Some(pattern) => out.push(pattern),
            None => good = false,
        }
    }
    good.then_some(out)
}

fn twice(cx: &mut Reader, span: &Span, text: &str) {
    cx.warn(
        span,
        Fault::new(
            "listed-twice",
            format!("`{}` is listed twice", shown(text)),
            "remove one of the two",
        ),
    );
}

fn critical(
    cx: &mut Reader,
    list: Vec<At<String>>,
    zone: &str,
    owned: Option<&(Vec<String>, Vec<String>)>,
) -> Vec<String> {
    let mut out = Vec::new();
    for item in list {
        let Some(name) = cx.accept(&item.span, names::in_zone(&item.value, zone)) else {
            continue;
        };
        if let Some((own, ignore)) = owned
            && let Err(fault) = is_owned(&name, zone, own, ignore, "critical name")
        {
            cx.fault(&item.span, fault);
        }
        if out.contains(&name) {
            twice(cx, &item.span, &item.value);
        } else {
            out.push(name);
        }
    }
    out
}

/// What we promise about a name we must be able to keep.
pub(super) fn is_owned(
    name: &str,
    zone: &str,
    own: &[String],
    ignore: &[String],
    what: &str,
) -> Result<(), Fault> {
    if let Some(pattern) = ignore
        .iter()
        .find(|pattern| names::takes(pattern, name, zone))
    {
        let message = format!("the {what} `{name}` is ignored, by `{pattern}`");
        return Err(Fault::new(
            "not-owned",
            message,
            "make the pattern in `ignore` narrower, or let go of the name",
        ));
    }
    if !own.iter().any(|pattern| names::takes(pattern, name, zone)) {
        let message = format!("the {what} `{name}` is not owned: no pattern in `own` takes it");
        return Err(Fault::new(
            "not-owned",
            message,
            format!("add \"{name}.\" to `own`, or let go of the name"),
        ));
    }
    Ok(())
}

fn limits(cx: &mut Reader, mut f: Fields, zone: &str) -> Option<Limits> {
    let span = f.span.clone();
    let mut take = |key: &str| f.table(key).map(|table| limit(cx, key, table.value));
    let zone_wide = [take("delete"), take("change"), take("create")];
    let per_name = [
        take("delete-per-name"),
        take("change-per-name"),
        take("create-per-name"),
    ];
    f.done();
    if zone_wide
        .iter()
        .all(|limit| matches!(limit, Some(Some(Limit { count: Some(0), .. }))))
    {
        let message = format!("the limits of `{zone}` can never permit anything");
        cx.fault(
            &span,
            Fault::new(
                "limits-permit-nothing",
                message,
                "permit something, and use `steadfast freeze` to stop all changes for a while",
            ),
        );
    }
    if per_name.iter().any(|limit| matches!(limit, Some(None))) {
        return None;
    }
    let [delete, change, create] = zone_wide.map(Option::flatten);
    let [delete_per_name, change_per_name, create_per_name] = per_name.map(Option::flatten);
    Some(Limits {
        delete: delete?,
        change: change?,
        create: create?,
        delete_per_name,
        change_per_name,
        create_per_name,
    })
}

pub(super) fn limit(cx: &mut Reader, key: &str, mut f: Fields) -> Option<Limit> {
    let span = f.span.clone();
    let (count, share) = (f.number("count"), f.number("share"));
    let unread = f.broken;
    f.done();
    if unread {
        return None;
    }
    match (&count, &share) {
        (None, None) => {
            let help = format!(
                "write how many, how large a share, or both: {key} = {{ count = 5, share = \"2%\" }}"
            );
            cx.fault(
                &span,
                Fault::new(
                    "limit-without-bound",
                    format!("`{key}` has neither `count` nor `share`"),
                    help,
                )
                .note("an unset limit is not the same as no limit"),
            );
            return None;
        }
        (Some(count), Some(share)) if count.value == 0 => {
            let message = format!("the share of `{key}` has no effect: `count = 0` is \"never\"");
            cx.warn(
                &share.span,
                Fault::new(
                    "share-without-effect",
                    message,
                    "remove `share`, or permit a count",
                ),
            );
        }
        _ => {}
    }
    Some(Limit {
        count: count.map(|count| count.value),
        share: share.map(|share| Share(share.value)),
    })
}
