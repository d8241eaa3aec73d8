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
    let text = write_sample(&sample(&zone));
    config::parse(Source::new(FILE_NAME, text.clone()), &args.into).map_err(Fail::diags)?;
    let path = args.into.join(FILE_NAME);
    files::folder(&args.into)?;
    files::create(&[(path.clone(), text.into_bytes(), 0o644)])?;
    let shown = shown_path(&path);
    if style.json {
        out::json(&json!({ "config": shown, "zone": zone }));
    } else {
        out::text(&format!(
            "wrote {shown}\n  1. put the server's address into it\n  2. tsig-keygen steadfast > ns1.key, and give that key to the server (update and transfer)\n  3. steadfast check\n  next: steadfast adopt {zone} --dry-run   (writes nothing)\n"
        ));
    }
    Ok(Exit::Done)
}

fn sample(zone: &str) -> Sample {
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
            address: SocketAddr::from((Ipv4Addr::new(192, 0, 2, 53), 53)),
            key_file: "ns1.key".into(),
            followers: Vec::new(),
        }],
    }
}
