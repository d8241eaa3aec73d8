//! `[server.NAME]`

use std::collections::BTreeMap;
use std::time::Duration;

use super::fields::{At, Fields, Reader, Span, Value};
use super::model::{Server, ServerKind};
use super::text::{Fault, show_duration};
use crate::diag::Diag;

/// Every server that the file names, `None` where it could not be read.
pub(super) fn load_all(
    cx: &mut Reader,
    tables: Vec<(At<String>, Fields)>,
) -> BTreeMap<String, Option<Server>> {
    let mut servers: BTreeMap<String, Option<Server>> = BTreeMap::new();
    let mut spans: BTreeMap<String, Span> = BTreeMap::new();
    for (name, fields) in tables {
        let server = load(cx, &name.value, fields);
        let twin = server.as_ref().and_then(|new| {
            servers
                .values()
                .flatten()
                .find(|old| old.address == new.address && old.key_file == new.key_file)
        });
        if let Some(twin) = twin {
            let mut diag = Diag::error(
                "duplicate-server",
                format!(
                    "`{}` and `{}` are the same server: {}",
                    twin.name, name.value, twin.address
                ),
            )
            .at(cx.place(&name.span))
            .help("keep one of the two; views of one server have a key each");
            if let Some(span) = spans.get(&twin.name) {
                diag = diag.and(cx.place(span), "the same address and key");
            }
            cx.report(diag);
        }
        spans.insert(name.value.clone(), name.span);
        servers.insert(name.value, server);
    }
    servers
}

fn load(cx: &mut Reader, name: &str, mut f: Fields) -> Option<Server> {
    let span = f.span.clone();
    let kind = f.choice("type").map(|word| match word.value {
        "builtin" => ServerKind::Builtin,
        _ => ServerKind::Rfc2136,
    });
    let address = f.socket("address");
    let key_file = f.path("key-file");
    let deadline = f.duration("deadline");
    let timeout = f.duration("timeout");
    let read_back = f.duration("read-back");
    let followers = f.list("followers");
    let broken = f.broken;
    f.done();
    if let Some(deadline) = &deadline
        && deadline.value.subsec_nanos() != 0
    {
        let message = format!(
            "`deadline` of `{}` is not in whole seconds",
            show_duration(deadline.value)
        );
        let rounded = show_duration(Duration::from_secs(deadline.value.as_secs() + 1));
        cx.fault(
            &deadline.span,
            Fault::new("out-of-range", message, format!("write \"{rounded}\""))
                .note("the server enforces it by the TSIG time, which counts seconds"),
        );
    }
    if let (Some(timeout), Some(deadline)) = (&timeout, &deadline)
        && timeout.value > deadline.value
    {
        let (short, long) = (show_duration(deadline.value), show_duration(timeout.value));
        let message = format!(
            "`timeout` ({long}) is more than `deadline` ({short}): a write would be late before it is given up"
        );
        cx.fault(
            &timeout.span,
            Fault::new(
                "bounds-crossed",
                message,
                format!("write at most \"{short}\""),
            ),
        );
    }
    let followers = followers.map(|list| followers_of(cx, list.value, address.as_ref()));
    let kind = kind?;
    if kind == ServerKind::Rfc2136 && key_file.is_none() && !broken {
        let message = "a server of type `rfc2136` lacks `key-file`";
        let help = "add key-file = \"ns1.key\"";
        cx.fault(&span, Fault::new("missing-key", message, help));
        return None;
    }
    Some(Server {
        name: name.to_owned(),
        kind,
        address: address?.value,
        key_file: key_file.map(|file| file.value).unwrap_or_default(),
        deadline: deadline?.value,
        timeout: timeout?.value,
        read_back: read_back?.value,
        followers: followers?,
    })
}

fn followers_of(
    cx: &mut Reader,
    list: Vec<At<Value>>,
    own: Option<&At<std::net::SocketAddr>>,
) -> Vec<std::net::SocketAddr> {
    let mut out = Vec::new();
    for item in list {
        let Value::Socket(address) = item.value else {
            continue;
        };
        if own.is_some_and(|own| own.value == address) {
            let message = format!("{address} follows itself");
            cx.fault(
                &item.span,
                Fault::new(
                    "duplicate-server",
                    message,
                    "list the servers that transfer from this one",
                ),
            );
        } else if out.contains(&address) {
            cx.warn(
                &item.span,
                Fault::new(
                    "listed-twice",
                    format!("{address} is listed twice"),
                    "remove one of the two",
                ),
            );
        } else {
            out.push(address);
        }
    }
    out
}
