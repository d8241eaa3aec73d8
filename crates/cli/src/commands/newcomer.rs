//! `steadfast adopt ZONE --server ADDR --key FILE`, and `--from FILE`: the first contact, where
//! there is no config yet.

use super::proposal::{Proposal, propose, sample};
use super::survey::{self, Survey};
use super::{adopt, files, out, words};
use crate::args::AdoptArgs;
use crate::config::sample::write_sample;
use crate::config::{self, FILE_NAME, keyfile};
use crate::diag::{Source, shown_path};
use crate::exit::{Exit, Fail, Outcome};
use crate::prepare::Observed;
use crate::site::{Site, Style, ZoneSite};
use crate::source;
use dns::{Name, Zone};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use steadfast_core::ledger::State;

/// Surveys a zone file. Nothing is written, and nobody asked.
///
/// # Errors
/// A file that is no zone file of this zone.
pub fn from_file(args: &AdoptArgs, file: &Path, style: Style) -> Outcome {
    let apex = apex(&args.zone)?;
    let root = file.parent().filter(|p| !p.as_os_str().is_empty());
    let source = source::load(file, root.unwrap_or(Path::new(".")), &apex)?;
    for warning in &source.warnings {
        out::note(warning.render(style.colour_err).trim_end(), style);
    }
    let proposal = propose(&source.zone);
    // No server is asked; the address is of the block that is for examples (RFC 5737).
    let nobody = [SocketAddr::from((Ipv4Addr::new(192, 0, 2, 53), 53))];
    let site = proposed(&apex, &proposal, &nobody, "steadfast.key", Path::new("."))?.1;
    let policy = site.policy(site.zone_config(&words::name(&apex))?)?;
    let survey = Survey {
        zone: &source.zone,
        from: source.file.clone(),
        policy: &policy,
        proposal: Some(&proposal),
        next: format!(
            "steadfast adopt {} --server ADDR --key FILE --dry-run   (the same for what is live)",
            words::name(&apex)
        ),
    };
    survey::show(&survey, style);
    Ok(Exit::Done)
}

/// Transfers a zone, writes a config for it, and adopts through that config.
///
/// # Errors
/// No key, no transfer, files that are there already, and all of adoption's.
pub fn run(args: &AdoptArgs, style: Style) -> Outcome {
    let apex = apex(&args.zone)?;
    let name = words::name(&apex);
    let key = key(args, &name)?;
    let first = first_contact(&apex, &args.server, &key)?;
    let zone = first.zone(&name)?;
    let observed = adopt::observe_all(&zone)?;
    let content = one(&observed)?;
    let proposal = propose(content);
    let into = args.into.clone().unwrap_or_else(|| ".".into());
    let key_file = format!("keys/{}", file_name(&key));
    let (text, site) = proposed(&apex, &proposal, &args.server, &key_file, &into)?;
    let config = site.zone_config(&name)?;
    let policy = site.policy(config)?;
    if args.dry_run {
        let addresses: Vec<String> = args.server.iter().map(ToString::to_string).collect();
        let survey = Survey {
            zone: content,
            from: addresses.join(", "),
            policy: &policy,
            proposal: Some(&proposal),
            next: format!(
                "steadfast adopt {name} --server {} --key {} --into {name}",
                addresses.join(" --server "),
                shown_path(&key)
            ),
        };
        survey::show(&survey, style);
        return Ok(Exit::Done);
    }
    let planned = ZoneSite {
        config,
        policy: policy.clone(),
        servers: zone.servers.clone(),
        folder: zone.folder.clone(),
    };
    // Whatever would refuse the adoption does so before anything is written.
    adopt::agreed(&planned, &observed, None)?;
    adopt::found(
        &planned,
        &observed,
        &State::default(),
        args.take_over,
        &[].into(),
    )?;
    let path = into.join(FILE_NAME);
    let new = New {
        path: &path,
        text,
        key: &key,
        key_file: &key_file,
        content: &config.content,
    };
    write(new, &into, files::zone_text(content, &policy), style)?;
    let site = Site::load(&path)?;
    let exit = adopt::adopt(&site.zone(&name)?, &site.store()?, args, style)?;
    if into != Path::new(".") && !style.json {
        out::text(&format!("  there: cd {}\n", shown_path(&into)));
    }
    Ok(exit)
}

/// What a first adoption writes.
struct New<'a> {
    /// The config file…
    path: &'a Path,
    /// …and its text.
    text: String,
    /// The key, as it was named…
    key: &'a Path,
    /// …and its copy, relative to the folder.
    key_file: &'a str,
    /// The zone file.
    content: &'a Path,
}

/// Writes config, key and content, all or none.
fn write(new: New<'_>, into: &Path, zone: String, style: Style) -> Result<(), Fail> {
    let secret = std::fs::read(new.key).map_err(|e| {
        let message = format!("cannot read {}: {e}", shown_path(new.key));
        Fail::new(Exit::Usage, "no-key", message, "let this user read it")
    })?;
    files::folder(&into.join("keys"))?;
    files::create(&[
        (into.join(new.key_file), secret, 0o600),
        (new.content.to_owned(), zone.into_bytes(), 0o644),
        (new.path.to_owned(), new.text.into_bytes(), 0o644),
    ])?;
    out::note(
        &format!(
            "  wrote {}, {} and {}",
            shown_path(new.path),
            shown_path(new.content),
            shown_path(&into.join(new.key_file))
        ),
        style,
    );
    Ok(())
}

fn apex(zone: &str) -> Result<Name, Fail> {
    let bad = |message: String, help: String| Fail::new(Exit::Usage, "bad-name", message, help);
    let plain = config::names::canonical(zone).map_err(|f| bad(f.message, f.help))?;
    Name::absolute(&plain).map_err(|e| bad(format!("{zone:?}: {e}"), String::new()))
}

fn key(args: &AdoptArgs, zone: &str) -> Result<PathBuf, Fail> {
    let Some(key) = &args.key else {
        let server = args
            .server
            .first()
            .map(ToString::to_string)
            .unwrap_or_default();
        return Err(Fail::new(
            Exit::Usage,
            "needs-key",
            "transfers and updates are signed, so a server is asked with a key only: --key FILE",
            format!(
                "make one with `tsig-keygen steadfast > steadfast.key` and let the server take updates and transfers with it;\n  without a key: `dig @{server} {zone} AXFR > {zone}.zone`, then `steadfast adopt {zone} --from {zone}.zone`"
            ),
        ));
    };
    keyfile::load(key)?;
    key.canonicalize().map_err(|e| {
        let message = format!("cannot read {}: {e}", shown_path(key));
        Fail::new(Exit::Usage, "no-key", message, "check --key")
    })
}

/// A site with nothing in it but the servers, to transfer through.
fn first_contact(apex: &Name, servers: &[SocketAddr], key: &Path) -> Result<Site, Fail> {
    let nothing = Proposal::default();
    let key = key.to_string_lossy();
    Ok(proposed(apex, &nothing, servers, &key, Path::new("."))?.1)
}

/// The text of the proposed config, and what it loads as.
fn proposed(
    apex: &Name,
    proposal: &Proposal,
    servers: &[SocketAddr],
    key_file: &str,
    root: &Path,
) -> Result<(String, Site), Fail> {
    let text = write_sample(&sample(apex, proposal, servers, key_file));
    let source = Source::new(FILE_NAME, text.clone());
    let loaded = config::parse(source, root).map_err(Fail::diags)?;
    Ok((text, Site { loaded }))
}

fn one(observed: &Observed) -> Result<&Zone, Fail> {
    observed.zones.values().next().ok_or_else(|| {
        Fail::new(
            Exit::Usage,
            "no-server",
            "no server was named",
            "--server ADDR",
        )
    })
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "steadfast.key".into())
}
