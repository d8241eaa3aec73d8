//! `steadfast check`: everything that can be found wrong without asking a server, in one run.

use super::{out, words};
use crate::args::Cli;
use crate::charter;
use crate::config;
use crate::config::model::{self, ServerKind};
use crate::diag::{self, Diag, Place, shown_path};
use crate::exit::{Exit, Fail, Outcome, Said};
use crate::site::{Site, Style};
use crate::source;
use cell::enactor::open_state;
use cell::notify::How;
use serde_json::json;
use std::path::Path;
use steadfast_core::leash::Charter;

/// What was checked, and what was found.
#[derive(Default)]
struct Found {
    diags: Vec<Diag>,
    checked: Vec<String>,
    /// Nothing was adopted yet.
    fresh: bool,
}

impl Found {
    fn fail(&mut self, fail: Fail, place: &Path) {
        match fail.said {
            Said::Diags(diags) => self.diags.extend(diags),
            Said::Words {
                code,
                message,
                help,
            } => {
                let diag = Diag::error(code, message).at(Place::file(shown_path(place)));
                let diag = if help.is_empty() {
                    diag
                } else {
                    diag.help(help)
                };
                self.diags.push(diag);
            }
        }
    }
}

/// Runs the command.
///
/// # Errors
/// No config, or one that does not load.
pub fn run(cli: &Cli, style: Style) -> Outcome {
    let here = std::env::current_dir().unwrap_or_default();
    let path = config::discover(cli.config.as_deref(), &here)?;
    let site = Site::load(&path)?;
    let mut found = Found::default();
    found.diags.extend(site.loaded.warnings.clone());
    found.checked.push(format!(
        "{}: {}, {}",
        shown_path(&path),
        words::count(site.config().zones.len(), "zone"),
        words::count(site.config().servers.len(), "server")
    ));
    keys(&site, &mut found);
    zones(&site, &path, &mut found);
    receivers(&site, &mut found);
    state(&site, &mut found);
    diag::sort(&mut found.diags);
    Ok(report(&found, style))
}

fn keys(site: &Site, found: &mut Found) {
    for server in site.config().servers.values() {
        if server.kind == ServerKind::Builtin && !server.key_file.exists() {
            let file = shown_path(&server.key_file);
            let made = format!("{file}: not there yet; the built-in server makes it");
            found.checked.push(made);
            continue;
        }
        match site.loaded.key(server) {
            Ok((key, warnings)) => {
                found.diags.extend(warnings);
                let file = shown_path(&server.key_file);
                found
                    .checked
                    .push(format!("{file}: key {} for {}", key.name, server.name));
            }
            Err(diag) => found.diags.push(diag),
        }
    }
}

fn zones(site: &Site, path: &Path, found: &mut Found) {
    for zone in site.config().zones.values() {
        let policy = match site.policy(zone) {
            Ok(policy) => policy,
            Err(fail) => {
                found.fail(fail, path);
                continue;
            }
        };
        let proposed = site
            .alone(&zone.name)
            .and_then(|alone| charter::proposed(&alone));
        match proposed {
            Ok(Some(charter)) => {
                strained(site, zone, &charter, found);
                found.checked.push(format!(
                    "{}: {} may approve; {}",
                    zone.approvals
                        .as_ref()
                        .map_or_else(String::new, |a| shown_path(&a.signers)),
                    charter.roll().unwrap_or_default().people().join(", "),
                    match charter.classes.len() {
                        1 => "1 class".to_owned(),
                        n => format!("{n} classes"),
                    },
                ))
            }
            Ok(None) => {}
            Err(fail) => found.fail(fail, path),
        }
        if !zone.content.exists() && !is_adopted(site, &policy.zone) {
            let file = shown_path(&zone.content);
            found.checked.push(match source::is_yaml(&zone.content) {
                true => format!("{file}: not there yet; let octoDNS write it (`octodns-dump`)"),
                false => format!(
                    "{file}: not there yet; `steadfast adopt {}` writes it",
                    zone.name
                ),
            });
            continue;
        }
        match source::load(&zone.content, &site.config().root, &policy.zone) {
            Ok(source) => {
                let all = site.endpoints(zone);
                if let Err(fail) = source::endpoints::add(source.zone.clone(), &source.file, all) {
                    found.fail(fail, path);
                    continue;
                }
                let owned = source.zone.iter().filter(|r| policy.owns_set(r)).count();
                found.diags.extend(source.warnings);
                found.checked.push(format!(
                    "{}: {} of {}, {owned} owned",
                    source.file,
                    words::count(source.zone.len(), "RRset"),
                    zone.name
                ));
            }
            Err(fail) => found.fail(fail, &zone.content),
        }
    }
}

/// A roll that is large enough only for plans by people who are not on it.
fn strained(site: &Site, zone: &model::Zone, charter: &Charter, found: &mut Found) {
    let path = format!("zone.\"{}\".approvals", zone.name);
    let place = site.loaded.place(&path);
    for (what, count) in charter.strained() {
        let message = format!(
            "{what} needs {} besides whoever proposed the plan: where that is somebody on the roll, the others are not enough",
            words::count(count, "approval")
        );
        let mut diag = Diag::warning("small-roll", message);
        diag.place = place.clone();
        found.diags.push(
            diag.help("put one more person on the roll (into the group, where one is named)"),
        );
    }
}

/// Who is told: what is read or run then must be there.
fn receivers(site: &Site, found: &mut Found) {
    for notify in site.config().notify.values() {
        let (file, key, how) = match &notify.how {
            How::Webhook(webhook) => match &webhook.token {
                Some(file) => (file.clone(), "token-file", "its token"),
                None => continue,
            },
            How::Command { argv } => {
                let program = argv.first().cloned().unwrap_or_default();
                (program.into(), "command", "its program")
            }
        };
        let shown = shown_path(&file);
        match std::fs::File::open(&file) {
            Ok(_) => found
                .checked
                .push(format!("{shown}: {how}, of notify.{}", notify.name)),
            Err(error) => {
                let message = format!("notify.{}: {shown} can't be read: {error}", notify.name);
                let mut diag = Diag::error("unreadable", message);
                diag.place = site.loaded.place(&format!("notify.{}.{key}", notify.name));
                let help = "correct the path, or give this user access; then steadfast notify test";
                found.diags.push(diag.help(help));
            }
        }
    }
}

/// Whether the store has a ledger of the zone.
fn is_adopted(site: &Site, zone: &dns::Name) -> bool {
    let store = site.store_to_look().ok().flatten();
    let zones = store.and_then(|s| s.zones().ok()).unwrap_or_default();
    zones.contains(&zone.to_string())
}

/// The state folder can be written, and the store in it can be read.
fn state(site: &Site, found: &mut Found) {
    let folder = &site.config().cell.state;
    let shown = shown_path(folder);
    // Where it is missing, it is going to be made in the nearest folder that exists.
    let there = folder
        .ancestors()
        .find(|f| f.exists() || f.as_os_str().is_empty());
    let there = there
        .filter(|f| !f.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let probe = there.join(format!(".steadfast-check-{}", std::process::id()));
    match std::fs::File::create_new(&probe) {
        Ok(_) => {
            let _ = std::fs::remove_file(&probe);
            found.checked.push(format!("{shown}: can be written"));
        }
        Err(error) => {
            let message = format!("the state folder cannot be written: {error}");
            let help = "give this user access to it, or change `state` under [cell]";
            let diag = Diag::error("no-state", message).at(Place::file(shown));
            found.diags.push(diag.help(help));
        }
    }
    let store = match site.store_to_look() {
        Ok(None) => {
            found.fresh = true;
            return found
                .checked
                .push("no store yet: nothing was adopted".into());
        }
        Ok(Some(store)) => store,
        Err(fail) => return found.fail(fail, folder),
    };
    let zones = match store.zones() {
        Ok(zones) => zones,
        Err(error) => return found.fail(Fail::store(error), folder),
    };
    for zone in &zones {
        match open_state(&store, zone) {
            Ok(state) => found.checked.push(format!(
                "{}: ledger of {}, up to entry {}",
                shown_path(store.path()),
                zone.trim_end_matches('.'),
                state.last
            )),
            Err(error) => found.fail(Fail::store(error), store.path()),
        }
    }
}

fn report(found: &Found, style: Style) -> Exit {
    let bad = diag::has_errors(&found.diags);
    let exit = if bad { Exit::Usage } else { Exit::Done };
    if style.json {
        out::json(&json!({ "ok": !bad, "problems": found.diags, "checked": found.checked }));
        return exit;
    }
    if !found.diags.is_empty() {
        eprint!("{}", diag::render_all(&found.diags, style.colour_err));
    }
    let mut text = String::new();
    for line in &found.checked {
        text += &format!("ok  {line}\n");
    }
    text += match bad {
        true => "next: correct what is named above, then steadfast check\n",
        false if found.fresh => "next: steadfast adopt ZONE --dry-run   (writes nothing)\n",
        false => "next: steadfast status\n",
    };
    out::text(&text);
    exit
}
