//! `[endpoint."NAME"]`: read and checked. `source/endpoints.rs` makes it part of the content.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::fields::{At, Fields, Reader, Span, Value};
use super::model::{Check, Endpoint, MaxWithdraw, Policy, Target};
use super::text::{Fault, show_duration, show_seconds};
use super::zone::{Bounds, is_owned};
use crate::diag::Diag;
use steadfast_core::health::Check as Probe;

/// `zones` has every zone of the file, as far as it could be read.
pub(super) fn load(
    cx: &mut Reader,
    name: &At<String>,
    mut f: Fields,
    zones: &BTreeMap<String, Bounds>,
) -> Option<Endpoint> {
    let zone = zone_of(&name.value, zones);
    let policy = f.choice("policy").map(|word| {
        if word.value == "failover" {
            Policy::Failover
        } else {
            Policy::AllHealthy
        }
    });
    let ttl = f.number("ttl");
    let (min_targets, min_regions) = (f.number("min-targets"), f.number("min-regions"));
    let max_withdraw = f
        .table("max-withdraw")
        .and_then(|table| withdrawal(table.value));
    let check = f.table("check").and_then(|table| check(cx, table.value));
    let listed = f.list("targets");
    let length = listed.as_ref().map(|list| list.value.len());
    let targets = listed.map(|list| targets(cx, list.value, policy));
    f.done();
    stands_in_zone(
        cx,
        name,
        zone.as_ref().map(|(zone, bounds)| (zone.as_str(), *bounds)),
        zones,
        ttl.as_ref(),
    );
    // Floors are compared with what is written: a target with an error of its own still counts.
    if let (Some(targets), Some(length)) = (&targets, length) {
        floors(
            cx,
            targets,
            length,
            min_targets.as_ref(),
            min_regions.as_ref(),
        );
    }
    Some(Endpoint {
        name: name.value.clone(),
        zone: zone?.0,
        policy: policy?,
        ttl: ttl?.value,
        min_targets: min_targets?.value,
        min_regions: min_regions?.value,
        max_withdraw: max_withdraw?,
        check: check?,
        targets: targets?,
    })
}

/// The longest zone that the name lies in.
fn zone_of<'a>(name: &str, zones: &'a BTreeMap<String, Bounds>) -> Option<(String, &'a Bounds)> {
    let inside = |zone: &str| {
        name == zone
            || name
                .strip_suffix(zone)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    zones
        .iter()
        .filter(|(zone, _)| inside(zone))
        .max_by_key(|(zone, _)| zone.len())
        .map(|(zone, bounds)| (zone.clone(), bounds))
}

fn stands_in_zone(
    cx: &mut Reader,
    name: &At<String>,
    zone: Option<(&str, &Bounds)>,
    zones: &BTreeMap<String, Bounds>,
    ttl: Option<&At<u32>>,
) {
    let Some((zone, bounds)) = zone else {
        if cx.incomplete {
            return;
        }
        let known: Vec<&str> = zones.keys().map(String::as_str).collect();
        let help = if known.is_empty() {
            "describe its zone under [zone.\"NAME\"]".to_owned()
        } else {
            format!("zones of this file: {}", known.join(", "))
        };
        cx.fault(
            &name.span,
            Fault::new(
                "outside-zone",
                format!("the endpoint `{}` is in no zone of this file", name.value),
                help,
            ),
        );
        return;
    };
    if let Some((own, ignore)) = &bounds.own
        && let Err(fault) = is_owned(&name.value, zone, own, ignore, "endpoint")
    {
        cx.fault(&name.span, fault);
    }
    if let (Some(ttl), Some((least, most))) = (ttl, bounds.ttl)
        && !(least..=most).contains(&ttl.value)
        && least <= most
    {
        let message = format!(
            "a TTL of {} is outside of the bounds of `{zone}`",
            show_seconds(ttl.value)
        );
        cx.fault(
            &ttl.span,
            Fault::new(
                "out-of-range",
                message,
                format!(
                    "write \"{}\" to \"{}\", or change the zone's `ttl-min` and `ttl-max`",
                    show_seconds(least),
                    show_seconds(most)
                ),
            ),
        );
    }
}

fn withdrawal(mut f: Fields) -> Option<MaxWithdraw> {
    let (targets, per) = (f.number("targets"), f.duration("per"));
    f.done();
    Some(MaxWithdraw {
        targets: targets?.value,
        per: per?.value,
    })
}

fn check(cx: &mut Reader, mut f: Fields) -> Option<Check> {
    let span = f.span.clone();
    let kind = f.choice("type");
    let path = f.text("path");
    let port = f.number("port");
    let (interval, timeout) = (f.duration("interval"), f.duration("timeout"));
    let (fall, rise) = (f.number("fall"), f.number("rise"));
    f.done();
    if let (Some(timeout), Some(interval)) = (&timeout, &interval)
        && timeout.value > interval.value
    {
        let (short, long) = (show_duration(interval.value), show_duration(timeout.value));
        let message =
            format!("`timeout` ({long}) is more than `interval` ({short}): probes would pile up");
        cx.fault(
            &timeout.span,
            Fault::new(
                "bounds-crossed",
                message,
                format!("write at most \"{short}\""),
            ),
        );
    }
    let probe = kind.and_then(|kind| probe(cx, kind.value, path, port, &span));
    Some(Check {
        probe: probe?,
        interval: interval?.value,
        timeout: timeout?.value,
        fall: fall?.value,
        rise: rise?.value,
    })
}

fn probe(
    cx: &mut Reader,
    kind: &str,
    path: Option<At<String>>,
    port: Option<At<u32>>,
    span: &Span,
) -> Option<Probe> {
    let web = matches!(kind, "http" | "https");
    let lacks = |key: &str, example: &str| {
        Fault::new(
            "missing-key",
            format!("a check of type `{kind}` lacks `{key}`"),
            format!("add {key} = {example}"),
        )
    };
    if let Some(path) = path.as_ref().filter(|_| !web) {
        let message = format!("a check of type `{kind}` has no `path`");
        cx.fault(
            &path.span,
            Fault::new(
                "unknown-key",
                message,
                "remove it, or write type = \"https\"",
            ),
        );
        return None;
    }
    let port = port.and_then(|port| u16::try_from(port.value).ok());
    let path = path.map(|path| path.value);
    let probe = match kind {
        "http" => path
            .map(|path| Probe::Http {
                port: port.unwrap_or(80),
                path,
            })
            .ok_or_else(|| lacks("path", "\"/healthz\"")),
        "https" => path
            .map(|path| Probe::Https {
                port: port.unwrap_or(443),
                path,
            })
            .ok_or_else(|| lacks("path", "\"/healthz\"")),
        "tcp" => port
            .map(|port| Probe::Tcp { port })
            .ok_or_else(|| lacks("port", "5432")),
        _ => Ok(Probe::Dns {
            port: port.unwrap_or(53),
        }),
    };
    cx.accept(span, probe)
}

fn targets(cx: &mut Reader, list: Vec<At<Value>>, policy: Option<Policy>) -> Vec<Target> {
    let mut out: Vec<Target> = Vec::new();
    let mut seen: Vec<(IpAddr, Span)> = Vec::new();
    for (index, item) in list.into_iter().enumerate() {
        let Value::Table(mut f) = item.value else {
            continue;
        };
        let (address, region, priority) = (f.ip("address"), f.text("region"), f.number("priority"));
        f.done();
        if let Some(priority) = priority
            .as_ref()
            .filter(|_| policy == Some(Policy::AllHealthy))
        {
            let fault = Fault::new(
                "without-effect",
                "`priority` has no effect: all healthy targets are answered",
                "remove it, or write policy = \"failover\"",
            );
            cx.warn(&priority.span, fault);
        }
        let (Some(address), Some(region)) = (address, region) else {
            continue;
        };
        if let Some((_, first)) = seen.iter().find(|(known, _)| *known == address.value) {
            let diag = Diag::error(
                "duplicate-target",
                format!("{} is listed twice", address.value),
            )
            .at(cx.place(&address.span))
            .and(cx.place(first), "first here")
            .help("remove one of the two");
            cx.report(diag);
        }
        seen.push((address.value, address.span));
        let place = u32::try_from(index).unwrap_or(u32::MAX);
        out.push(Target {
            address: address.value,
            region: region.value,
            priority: priority.map_or(place, |p| p.value),
        });
    }
    out
}

fn floors(
    cx: &mut Reader,
    targets: &[Target],
    length: usize,
    min_targets: Option<&At<u32>>,
    min_regions: Option<&At<u32>>,
) {
    let regions = targets
        .iter()
        .map(|target| target.region.as_str())
        .collect::<BTreeSet<_>>()
        .len();
    let all_read = targets.len() == length;
    if let Some(floor) = min_targets {
        let wanted = usize::try_from(floor.value).unwrap_or(usize::MAX);
        if wanted > length {
            let message = format!("`min-targets` is {wanted}, and there are {length} targets");
            cx.fault(
                &floor.span,
                Fault::new(
                    "bounds-crossed",
                    message,
                    format!("write at most {length}, or add targets"),
                ),
            );
        } else if wanted == length {
            let message =
                "`min-targets` is the number of targets: no sick target can ever be taken out";
            cx.warn(
                &floor.span,
                Fault::new(
                    "never-withdraws",
                    message,
                    "write a smaller number, or add a target",
                ),
            );
        }
    }
    if let Some(floor) = min_regions.filter(|_| all_read) {
        let wanted = usize::try_from(floor.value).unwrap_or(usize::MAX);
        if wanted > regions {
            let message = format!("`min-regions` is {wanted}, and the targets lie in {regions}");
            cx.fault(
                &floor.span,
                Fault::new(
                    "bounds-crossed",
                    message,
                    format!("write at most {regions}, or add targets in other regions"),
                ),
            );
        }
    }
}
