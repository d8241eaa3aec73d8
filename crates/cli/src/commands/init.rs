//! `steadfast init`: a new steadfast.toml to start from.

use super::{files, out};
use crate::args::InitArgs;
use crate::config::model::Limits;
use crate::config::sample::{Sample, SampleServer, SampleZone, write_sample};
use crate::config::{self, FILE_NAME};
use crate::diag::{Source, shown_path};
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};

/// Runs the command.
///
/// # Errors
/// A file that is there already, a bad zone name, a folder that can't be written to.
pub fn run(args: &InitArgs, style: Style) -> Outcome {
    let zone = config::names::canonical(&args.zone)
        .map_err(|fault| Fail::new(Exit::Usage, "bad-name", fault.message, fault.help))?;
    let text = write_sample(&sample(&zone, args.builtin));
    config::parse(Source::new(FILE_NAME, text.clone()), &args.into).map_err(Fail::diags)?;
    let path = args.into.join(FILE_NAME);
    let mut new = vec![(path.clone(), text.into_bytes(), 0o644)];
    if let Some(address) = args.builtin {
        let content = args.into.join(format!("{zone}.zone"));
        new.push((content, beginning(&zone, address).into_bytes(), 0o644));
    }
    files::folder(&args.into)?;
    files::create(&new)?;
    let shown = shown_path(&path);
    let next = match args.builtin {
        Some(_) => format!(
            "wrote {shown} and {zone}.zone\n  1. put your records into {zone}.zone\n  2. steadfast up   (in another terminal, or as a service)\n  3. steadfast adopt {zone}\n  next: steadfast apply {zone}\n"
        ),
        None => format!(
            "wrote {shown}\n  1. put the server's address into it\n  2. tsig-keygen steadfast > ns1.key, and give that key to the server (update and transfer)\n  3. steadfast check\n  next: steadfast adopt {zone} --dry-run   (writes nothing)\n"
        ),
    };
    match style.json {
        true => out::json(&json!({ "config": shown, "zone": zone })),
        false => out::text(&next),
    }
    Ok(Exit::Done)
}

/// A zone file to start from, where no server has the zone yet.
fn beginning(zone: &str, address: SocketAddr) -> String {
    let rtype = if address.is_ipv4() { "A" } else { "AAAA" };
    let ip = address.ip();
    format!(
        "$ORIGIN {zone}.\n$TTL 300\n@    SOA  ns1 hostmaster 1 3600 600 604800 60\n@    NS   ns1\nns1  {rtype}    {ip}\n; 192.0.2.10 stands for an address of yours.\n@    A    192.0.2.10\nwww  A    192.0.2.10\n"
    )
}

fn sample(zone: &str, builtin: Option<SocketAddr>) -> Sample {
    Sample {
        cell: "cell-1".into(),
        state: "state".into(),
        zones: vec![SampleZone {
            name: zone.to_owned(),
            content: format!("{zone}.zone"),
            servers: vec!["ns1".into()],
            own: vec!["**".into()],
            ignore: vec![(
                "_acme-challenge.**".into(),
                "ACME clients write and delete there".into(),
            )],
            critical: vec!["@".into()],
            limits: Limits::suggested(),
        }],
        servers: vec![SampleServer {
            name: "ns1".into(),
            // Of the block that is for examples (RFC 5737).
            address: builtin.unwrap_or(SocketAddr::from((Ipv4Addr::new(192, 0, 2, 53), 53))),
            key_file: builtin.is_none().then(|| "ns1.key".into()),
            followers: Vec::new(),
        }],
    }
}
