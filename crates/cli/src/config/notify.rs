//! `[notify.NAME]`: the keys, and what they say.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use cell::notify::{How, Webhook};
use steadfast_core::trouble::Rank;

use super::fields::{At, Fields, Reader};
use super::keys::{Kind, Need, Section, key, seconds};
use super::model::Notify;
use super::stage::whole_path;
use super::text::Fault;
use crate::diag::shown;

pub(super) static NOTIFY: Section = Section {
    header: "[notify.NAME]",
    doc: "Somebody whom `steadfast up` tells what is wrong: a `webhook` or a `command`, one of the two. It gets JSON; \
          see notifications.md. `steadfast notify test NAME` shows whether it arrives.",
    keys: &[
        key(
            "webhook",
            Kind::Text,
            Need::Optional,
            r#""https://192.0.2.7:8443/hooks/dns""#,
            "Where to POST: an address, never a name, because DNS may be what is wrong. Any status from 200 to 299 says that it was taken.",
        ),
        key(
            "server-name",
            Kind::Text,
            Need::Optional,
            r#""hooks.example.com""#,
            "The webhook's name, for the `Host` header and its certificate. Without it: the address.",
        ),
        key(
            "token-file",
            Kind::Path,
            Need::Optional,
            r#""hooks.token""#,
            "A file with the webhook's secrets: a line is a token, sent as `Authorization: Bearer …`, or a header field `Name: value`. It is \
             read for each message.",
        ),
        key(
            "command",
            Kind::List(&Kind::Text, 1),
            Need::Optional,
            r#"["/usr/local/bin/page", "dns"]"#,
            "A program by its whole path, and its arguments; it gets the JSON on standard input. Exit code 0 says that it was taken; what it \
             starts ends with it.",
        ),
        key(
            "rank",
            Kind::Choice(&["page", "warn", "note"], &[]),
            Need::Default(r#""warn""#),
            r#""page""#,
            "What matters less is not told: `page` (somebody has to look now), `warn` (soon), `note` (plans that wait for people, too).",
        ),
        key(
            "repeat",
            Kind::Duration(seconds(60), seconds(7 * 86_400)),
            Need::Default(r#""1h""#),
            r#""1h""#,
            "How often what lasts is told again.",
        ),
        key(
            "timeout",
            Kind::Duration(Duration::from_millis(100), seconds(60)),
            Need::Default(r#""10s""#),
            r#""10s""#,
            "How long one delivery may take. What is not taken is tried again, less and less often, five minutes apart at most.",
        ),
    ],
};

/// A rank by its word.
fn rank(word: &str) -> Rank {
    match word {
        "page" => Rank::Page,
        "note" => Rank::Note,
        _ => Rank::Warn,
    }
}

/// `None`: an error, which is reported.
pub(super) fn load(cx: &mut Reader, name: &At<String>, mut f: Fields) -> Option<Notify> {
    let (webhook, command) = (f.text("webhook"), f.texts("command"));
    let (server_name, token) = (f.text("server-name"), f.path("token-file"));
    let (word, repeat, timeout) = (
        f.choice("rank"),
        f.duration("repeat"),
        f.duration("timeout"),
    );
    let (span, broken) = (f.span.clone(), f.broken);
    f.done();
    let how = match (webhook, command) {
        (Some(webhook), None) => {
            let (tls, address, path) = cx.accept(&webhook.span, url(&webhook.value))?;
            let name = match server_name {
                Some(at) => Some(cx.accept(&at.span, host(&at.value))?),
                None => None,
            };
            How::Webhook(Webhook {
                address,
                tls,
                name,
                path,
                token: token.map(|at| at.value),
            })
        }
        (None, Some(command)) => {
            let program = command.value.first()?;
            cx.accept(&program.span, whole_path(&program.value))?;
            let of = [
                ("server-name", server_name.map(|at| at.span)),
                ("token-file", token.map(|at| at.span)),
            ];
            for (key, at) in of {
                if let Some(at) = at {
                    let message = format!("`{key}` is about webhooks, and this is a command");
                    cx.fault(&at, Fault::new("unknown-key", message, "remove it"));
                    return None;
                }
            }
            let argv = command.value.into_iter().map(|word| word.value).collect();
            How::Command { argv }
        }
        (Some(_), Some(_)) => {
            let message = format!("`notify.{}` is a webhook and a command", name.value);
            let help = "keep one of them here, and give the other a [notify.NAME] of its own";
            cx.fault(&span, Fault::new("bounds-crossed", message, help));
            return None;
        }
        (None, None) => {
            if !broken {
                let message = format!("`notify.{}` does not say how", name.value);
                let help = "add webhook = \"https://192.0.2.7:8443/hooks/dns\", or command = [\"/usr/local/bin/page\"]";
                cx.fault(&span, Fault::new("missing-key", message, help));
            }
            return None;
        }
    };
    Some(Notify {
        name: name.value.clone(),
        how,
        least: rank(word?.value),
        repeat: repeat?.value,
        timeout: timeout?.value,
    })
}

/// `http(s)://ADDRESS[:PORT][/PATH]`.
fn url(text: &str) -> Result<(bool, SocketAddr, String), Fault> {
    let bad = |message: String, help: &str| Err(Fault::new("bad-webhook", message, help));
    let example = "write http:// or https://, an address, a port and a path, such as \"https://192.0.2.7:8443/hooks/dns\"";
    let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return bad(format!("`{}` is no URL of a webhook", shown(text)), example),
    };
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    if authority.contains('@') {
        let message = "`webhook` has a user or password in it".to_owned();
        return bad(message, "put secrets into a `token-file`");
    }
    let usual = if tls { 443 } else { 80 };
    let bare = authority.trim_start_matches('[').trim_end_matches(']');
    let address = match (authority.parse::<SocketAddr>(), bare.parse::<IpAddr>()) {
        (Ok(address), _) => address,
        (_, Ok(ip)) if ip.is_ipv4() || authority.starts_with('[') => SocketAddr::new(ip, usual),
        _ => {
            let message = format!("`{}` is no address", shown(authority));
            let help = "write an IP address: names may be what is wrong when somebody has to be told; its name goes into `server-name`";
            return bad(message, help);
        }
    };
    if address.port() == 0 {
        return bad("port 0 can't be asked".to_owned(), example);
    }
    let slash = if path.starts_with('?') { "/" } else { "" };
    if !path.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        let message = format!("`{}` is not a path of a URL", shown(path));
        return bad(message, "encode what is not ASCII, and leave `#…` out");
    }
    Ok((tls, address, format!("{slash}{path}")))
}

fn host(text: &str) -> Result<String, Fault> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    match text.len() <= 253 && text.bytes().all(plain) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(Fault::new(
            "bad-text",
            format!("`{}` is no name of a host", shown(text)),
            "write it as it stands in the certificate, such as \"hooks.example.com\"",
        )),
    }
}
