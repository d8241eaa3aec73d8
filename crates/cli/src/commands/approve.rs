//! `steadfast approve` and `steadfast waive`: somebody's word on a saved plan, signed.

use super::{apply, ask, glass, leashed, out, show, sign, words};
use crate::args::{ApproveArgs, BreakGlassArgs, Cli, Signing, WaiveArgs};
use crate::charter;
use crate::diag::shown_path;
use crate::enact;
use crate::exit::{Exit, Fail, Outcome};
use crate::prepare::{self, Prepared};
use crate::site::{Site, Style, ZoneSite, actor};
use cell::enactor::{now, said};
use cell::store::Store;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use steadfast_core::body::Body;
use steadfast_core::book::Book;
use steadfast_core::gate;
use steadfast_core::leash::{self, Approves, Missing, Refused, Roll, Statement};
use steadfast_core::ledger::{Approval, Event, State};
use steadfast_core::time::{Millis, Time};

/// How long the store may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// `approve`.
///
/// # Errors
/// No such plan or charter, a signature that does not count, no key.
pub fn run(cli: &Cli, args: &ApproveArgs, style: Style) -> Outcome {
    let number = args.number;
    ask_one(cli, number, &args.signing, style, |book| {
        match book.state().leash.reforms.contains_key(&number) {
            true => Approves::Charter,
            false => Approves::Plan,
        }
    })
}

/// `waive`.
///
/// # Errors
/// As [`run`]; a guard that can't be waived, no reason.
pub fn waive(cli: &Cli, args: &WaiveArgs, style: Style) -> Outcome {
    if !leash::WAIVABLE.contains(&args.guard.as_str()) {
        let refused = Refused::NeverWaived(args.guard.clone());
        let can = format!("can be waived: {}", leash::WAIVABLE.join(", "));
        return Err(Fail::new(
            Exit::Refused,
            refused.code(),
            refused.to_string(),
            can,
        ));
    }
    if args.signing.signature.is_none() && !leash::is_reason(&args.reason) {
        let message = "a waiver has a reason: one line, 500 characters at most";
        let help = format!(
            "steadfast waive {} {} --reason 'why' --for 2h",
            args.guard, args.number
        );
        return Err(Fail::new(Exit::Usage, "no-reason", message, help));
    }
    ask_one(cli, args.number, &args.signing, style, |_| {
        Approves::Waiver {
            guard: args.guard.clone(),
            reason: args.reason.clone(),
        }
    })
}

/// `break-glass`.
///
/// # Errors
/// As [`run`]; no rollout, no reason.
pub fn break_glass(cli: &Cli, args: &BreakGlassArgs, style: Style) -> Outcome {
    if args.signing.signature.is_none() && !leash::is_reason(&args.reason) {
        let message = "the glass is broken for a reason: one line, 500 characters at most";
        let help = format!("steadfast break-glass {} --reason 'why'", args.number);
        return Err(Fail::new(Exit::Usage, "no-reason", message, help));
    }
    ask_one(cli, args.number, &args.signing, style, |_| {
        let reason = args.reason.clone();
        Approves::BreakGlass { reason }
    })
}

/// Asks one person about the plan or charter of this number.
fn ask_one(
    cli: &Cli,
    number: u64,
    signing: &Signing,
    style: Style,
    matter: impl FnOnce(&Book) -> Approves,
) -> Outcome {
    let site = Site::open(cli)?;
    let zone_name = apply::the_zone(&site, signing.zone.as_deref())?;
    let (zone, store) = (site.zone(&zone_name)?, site.store()?);
    let book = prepare::adopted_book(&store, &zone.policy, &zone_name)?;
    let asking = Asking {
        zone: &zone,
        store: &store,
        number,
        matter: matter(&book),
        signing,
        style,
    };
    asking.run(book)
}

/// One question to one person.
struct Asking<'a> {
    zone: &'a ZoneSite<'a>,
    store: &'a Arc<Store>,
    number: u64,
    matter: Approves,
    signing: &'a Signing,
    style: Style,
}

impl Asking<'_> {
    fn run(&self, book: Book) -> Outcome {
        let name = &self.zone.config.name;
        let state = book.state().clone();
        let Some(in_force) = state.leash.charter.clone() else {
            return Err(self.free());
        };
        let roll = in_force.charter.roll().map_err(Fail::store)?;
        if let Some(file) = &self.signing.signature {
            let approval = self.taken_in(file, &roll)?;
            return self.give(&state, approval);
        }
        let is_glass = matches!(self.matter, Approves::BreakGlass { .. });
        let (hash, parent) = match state.leash.reforms.get(&self.number) {
            _ if is_glass => {
                let matter =
                    glass::matter(&state, self.number).map_err(|why| self.refused(&why))?;
                glass::show(name, &state, self.style);
                matter
            }
            Some(reform) => {
                self.show_charter(&state, &reform.charter);
                (reform.charter.digest(), state.leash.charter_seq())
            }
            None => {
                let prepared =
                    apply::proposed(self.zone, self.store, book, self.number, self.style)?;
                self.show_plan(&prepared)?;
                let Some((plan, hash, _)) = &prepared.plan else {
                    return Err(Fail::store("the plan has no body"));
                };
                if plan.parent != state.configuration {
                    let (parent, held) = (plan.parent, state.configuration);
                    let moved = gate::Refusal::BaseMoved { parent, held };
                    return Err(apply::refused(&moved, name));
                }
                (*hash, plan.parent)
            }
        };
        let span = self
            .signing
            .span
            .map(|s| Millis(u64::try_from(s.as_millis()).unwrap_or(u64::MAX)));
        let most = match is_glass {
            true => in_force.charter.lifetime.min(leash::MOST_GLASS),
            false => in_force.charter.lifetime,
        };
        let until = state.last_at.max(now()) + span.unwrap_or(most);
        let statement = Statement {
            zone: self.zone.policy.zone.clone(),
            ledger: state.ledger,
            number: self.number,
            hash,
            parent,
            until: Time(until.0 / 1000 * 1000),
            approves: self.matter.clone(),
        };
        match &self.signing.print {
            Some(file) => self.print(file, &statement),
            None => self.sign(&state, &roll, statement),
        }
    }

    /// Nothing needs approval here.
    fn free(&self) -> Fail {
        let name = &self.zone.config.name;
        if matches!(self.matter, Approves::BreakGlass { .. }) {
            let message = format!(
                "breaking the glass takes two people of a charter, and the ledger of {name} has none"
            );
            let help = format!(
                "bakes go on as planned; `steadfast rollback {name}` calls the rollout off; `steadfast govern {name}` records a charter"
            );
            return Fail::new(Exit::Usage, "no-charter", message, help);
        }
        let help = match self.zone.config.approvals {
            Some(_) => format!("`steadfast govern {name}` records what the config says"),
            None => format!(
                "`steadfast apply {}`; [zone.\"{name}\".approvals] in the config says otherwise",
                self.number
            ),
        };
        let message = format!("nobody's approval is needed for {name}: its ledger has no charter");
        Fail::new(Exit::Usage, "no-charter", message, help)
    }

    fn show_plan(&self, prepared: &Prepared) -> Result<(), Fail> {
        if self.style.json {
            return Ok(());
        }
        show::plan(self.zone, prepared, Some(self.number), self.style);
        let (Some((plan, hash, _)), state) = (&prepared.plan, prepared.book.state()) else {
            return Ok(());
        };
        let owned = prepared.book.at_hand().map_or(0, dns::Zone::len);
        let number = Some(self.number);
        let missing = leash::missing(state, plan, *hash, number, &actor(), owned, now());
        let proposal = state.proposals.get(&self.number);
        let by = proposal.map(|p| p.by.as_str()).unwrap_or_default();
        let needs = match missing {
            Ok(()) => "it has all approvals that it needs".to_owned(),
            Err(missing) => missing.to_string(),
        };
        out::text(&format!("  proposed by {by}; {needs}\n"));
        Ok(())
    }

    fn show_charter(&self, state: &State, new: &leash::Charter) {
        if !self.style.json {
            let old = state.leash.charter.as_ref().map(|c| &c.charter);
            let name = &self.zone.config.name;
            out::text(&format!(
                "{name}: charter {}, in place of the one in force\n{}",
                self.number,
                charter::difference(old, new)
            ));
        }
    }

    fn print(&self, file: &Path, statement: &Statement) -> Outcome {
        std::fs::write(file, statement.text()).map_err(|e| {
            let message = format!("cannot write {}: {e}", shown_path(file));
            Fail::new(Exit::Error, "unwritable", message, "name another file")
        })?;
        let shown = shown_path(file);
        if self.style.json {
            out::json(
                &json!({ "zone": self.zone.config.name, "number": self.number, "file": shown, "statement": statement }),
            );
            return Ok(Exit::Done);
        }
        let verb = match &self.matter {
            Approves::Waiver { guard, .. } => format!("waive {guard}"),
            Approves::BreakGlass { .. } => "break-glass".into(),
            _ => "approve".into(),
        };
        out::text(&format!(
            "{}\n  written to {shown}; nothing is approved yet\n  next, where the key is: ssh-keygen -Y sign -n steadfast -f KEY {shown}\n  then here: steadfast {verb} {} --signature {shown}.sig\n",
            indented(&statement.text()),
            self.number,
        ));
        Ok(Exit::Done)
    }

    fn sign(&self, state: &State, roll: &Roll, statement: Statement) -> Outcome {
        let key = sign::key(self.signing.key.as_deref(), roll)?;
        if !self.signing.yes {
            let what = match &self.matter {
                Approves::Plan => "Approve this plan".to_owned(),
                Approves::Charter => "Approve this charter".to_owned(),
                Approves::Waiver { guard, .. } => format!("Let it pass {guard}"),
                Approves::BreakGlass { .. } => {
                    "Break the glass: no bake but the last is waited for".to_owned()
                }
            };
            ask::confirm(&format!("{what}, as {}?", key.who), self.style)?;
        }
        let signature = sign::sign(&key, &statement.text())?;
        let approval = approval(statement, signature, roll).map_err(|why| self.refused(&why))?;
        self.give(state, approval)
    }

    /// An approval made elsewhere: the signature, and the signed text beside it.
    fn taken_in(&self, file: &Path, roll: &Roll) -> Result<Approval, Fail> {
        let oversize = |most: usize| self.refused(&Refused::Oversize(most + 1));
        let most = leash::MOST_SIGNATURE;
        let signature = sign::read(file, most)?.ok_or_else(|| oversize(most))?;
        // What is no signature is said to be none, whatever lies beside it.
        leash::read_signature(&signature).map_err(|why| self.refused(&why))?;
        let beside = match file.extension() {
            Some(e) if e == "sig" => file.with_extension(""),
            _ => PathBuf::from(format!("{}.txt", file.display())),
        };
        let most = leash::MOST_STATEMENT;
        let text = sign::read(&beside, most)?.ok_or_else(|| oversize(most))?;
        let statement = Statement::read(&text).map_err(|why| self.refused(&why))?;
        approval(statement, signature, roll).map_err(|why| self.refused(&why))
    }

    fn refused(&self, why: &Refused) -> Fail {
        let number = self.number;
        let fix = why.fix(&self.zone.config.name, number);
        let fix = match (&self.matter, why) {
            (Approves::BreakGlass { .. }, Refused::OtherPlan { wanted, .. }) => format!(
                "the plan that goes out is {wanted}: steadfast break-glass {wanted} --reason '…'"
            ),
            (Approves::BreakGlass { .. }, _) => fix.replace(
                &format!("steadfast approve {number}"),
                &format!("steadfast break-glass {number} --reason '…'"),
            ),
            _ => fix,
        };
        Fail::new(Exit::Refused, why.code(), why.to_string(), fix)
    }

    /// Records an approval that counts.
    fn give(&self, state: &State, approval: Approval) -> Outcome {
        let who =
            leash::admit(state, self.number, &approval, now()).map_err(|why| self.refused(&why))?;
        let statement = approval.statement.clone();
        if !same_matter(&statement.approves, &self.matter) {
            return Err(self.refused(&Refused::OtherMatter(statement.approves.to_string())));
        }
        let mut enactor = enact::enactor(&self.zone.alone(), self.store, None)?;
        let submission = said(vec![Event::Approved(Box::new(approval))]);
        if !enact::submit_only(&mut enactor, submission, PATIENCE, self.style) {
            let help = "nothing was approved; try again, and see `steadfast status`";
            let message = "the approval could not be recorded";
            return Err(Fail::new(Exit::Error, "not-recorded", message, help));
        }
        if matches!(self.matter, Approves::BreakGlass { .. }) {
            glass::told(
                &self.zone.config.name,
                self.number,
                enactor.state(),
                &who,
                self.style,
            );
            return Ok(Exit::Done);
        }
        let missing = self.missing(enactor.lifecycle().book());
        self.told(&who, &statement, missing);
        Ok(Exit::Done)
    }

    /// What is still missing, as the ledger has it now.
    fn missing(&self, book: &mut Book) -> Option<Missing> {
        let number = self.number;
        if self.matter == Approves::Charter {
            let missing = leash::reform_missing(book.state(), number, now()).err();
            return missing.flatten().map(|m| *m);
        }
        let owned = book.head().map_or(0, |head| head.len());
        let state = book.state();
        let hash = state.proposals.get(&number)?.plan;
        let Body::Plan(plan) = book.body(&hash)?.as_ref() else {
            return None;
        };
        let missing = leash::missing(state, plan, hash, Some(number), "", owned, now());
        missing.err().map(|m| *m)
    }

    fn told(&self, who: &str, statement: &Statement, missing: Option<Missing>) {
        let (name, number) = (&self.zone.config.name, self.number);
        let until = words::time(statement.until);
        let next = missing.as_ref().map(|m| leashed::next(m, name));
        let missing = missing.map(|m| m.to_string());
        if self.style.json {
            out::json(&json!({
                "zone": name, "number": number, "by": who, "until": until, "missing": missing,
                "approves": statement.approves,
            }));
            return;
        }
        let what = match &self.matter {
            Approves::Plan => format!("plan {number} is approved by {who}"),
            Approves::Charter => format!("charter {number} is approved by {who}"),
            Approves::Waiver { guard, .. } => format!("plan {number} may pass {guard}, says {who}"),
            Approves::BreakGlass { .. } => format!("the glass is broken by {who}"),
        };
        let more = match missing.zip(next) {
            Some((missing, next)) => format!("  {missing}\n  next: {next}\n"),
            None => format!("  next: steadfast apply {number}\n"),
        };
        out::text(&format!("{name}: {what}, until {until}\n{more}"));
    }
}

fn same_matter(a: &Approves, b: &Approves) -> bool {
    match (a, b) {
        (Approves::Waiver { guard: a, .. }, Approves::Waiver { guard: b, .. }) => a == b,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

/// A signed statement, under the name that the roll has for its key.
fn approval(statement: Statement, signature: String, roll: &Roll) -> Result<Approval, Refused> {
    let sig = leash::read_signature(&signature)?;
    let signer = roll.signer(sig.public_key());
    let key = leash::fingerprint(sig.public_key());
    Ok(Approval {
        statement,
        who: signer.map_or_else(|| key.clone(), |s| s.who.clone()),
        key,
        signature,
    })
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}
