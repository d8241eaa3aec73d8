//! Scenario files: TOML, refused where anything in them is not understood.

use super::doses::{Dose, Rate};
use super::{Doses, Faults, Nature, Scenario};
use crate::action::{Action, Event};
use crate::cache::Keeps;
use crate::targets::Fate;
use crate::trace;
use crate::world::DAWN;
use fault::{Kind, Often, Range, Span, What, Whom, nearest};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// What a file says.
#[derive(Clone, Debug)]
pub struct File {
    /// Its name: that of the file, without its ending.
    pub name: String,
    /// What it is about, in a line.
    pub title: String,
    /// Where the story is from.
    pub source: String,
    /// The story.
    pub story: String,
    /// Parts of Steadfast that it needs and that are not built: it loads, and is not run.
    pub waits_for: Vec<String>,
    /// Whether it is a story for a resolver ([`crate::resolving::stories`]), and not for a zone.
    pub is_of_resolver: bool,
    /// What is run.
    pub scenario: Scenario,
}

/// What a scenario must show.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// Invariants that it is about. All of them are judged, always.
    pub holds: Vec<String>,
    /// What must happen in some run: names of [`crate::stats::Stats`] or coverage marks.
    pub reach: Vec<String>,
    /// What must be caught with a safeguard taken out.
    pub caught: Vec<Caught>,
}

/// A safeguard that this scenario shows the need of.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Caught {
    /// The safeguard, by its mutant's name.
    pub without: String,
    /// By which invariants it may be caught.
    pub by: Vec<String>,
    /// Within how many seeds.
    pub within: u64,
}

/// What is wrong with a file, where, and what to write.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{line}:{column}: {message}{}", .help.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// In bytes.
    pub span: std::ops::Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Toml {
    name: String,
    title: String,
    source: String,
    story: String,
    #[serde(default)]
    waits_for: Vec<String>,
    runs_in: Option<RunsIn>,
    #[serde(default)]
    world: World,
    #[serde(default)]
    fault: Vec<Spanned<OneFault>>,
    #[serde(default)]
    schedule: Vec<Spanned<Moment>>,
    #[serde(default)]
    expect: Expect,
}

/// The world of a story, where it is not a zone's.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RunsIn {
    Resolver,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct World {
    enactors: Spanned<u8>,
    servers: Spanned<u8>,
    followers: Spanned<u8>,
    caches: Spanned<u8>,
    keeps: Keeps,
    server: Vec<Nature>,
    rough: Span,
    calm: Span,
    verbs: Option<u32>,
    misfortunes: Option<Spanned<Often>>,
    /// Endpoints with targets, and probers of each enactor.
    endpoints: Spanned<u8>,
    probers: Spanned<u8>,
    /// Whether people change definitions, and whether a server may go down for good.
    redefined: bool,
    dead_server: bool,
    /// Whether plans go out in stages.
    staged: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneFault {
    what: What,
    whom: Whom,
    often: Option<Often>,
    lasts: Option<Range>,
    from: Option<Span>,
    until: Option<Span>,
}

#[derive(Deserialize)]
struct Moment {
    at: Span,
    #[serde(flatten)]
    what: BTreeMap<String, serde_json::Value>,
}

impl Default for World {
    fn default() -> World {
        let standard = Scenario::default();
        World {
            enactors: Spanned::new(0..0, standard.enactors),
            servers: Spanned::new(0..0, standard.servers),
            followers: Spanned::new(0..0, 0),
            caches: Spanned::new(0..0, 0),
            keeps: standard.keeps,
            server: Vec::new(),
            rough: Span(standard.rough),
            calm: Span(standard.calm),
            verbs: None,
            misfortunes: None,
            endpoints: Spanned::new(0..0, 0),
            probers: Spanned::new(0..0, 2),
            redefined: false,
            dead_server: false,
            staged: false,
        }
    }
}

impl Fault {
    fn new(
        text: &str,
        span: std::ops::Range<usize>,
        message: String,
        help: Option<String>,
    ) -> Fault {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(start..).map_or(0, |l| l.chars().count()) + 1;
        Fault {
            line,
            column,
            span,
            message,
            help,
        }
    }

    fn of_toml(text: &str, error: &toml::de::Error) -> Fault {
        let message = error.message().trim().to_owned();
        let (message, help) = match message.split_once("; ") {
            // What the vocabulary of faults says.
            Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
            None => {
                let help = meant(&message);
                (message, help)
            }
        };
        Fault::new(text, error.span().unwrap_or(0..0), message, help)
    }
}

/// What was meant, by the list of known words that serde gives: unknown field `a`, expected one
/// of `b`, `c`.
pub(crate) fn meant(message: &str) -> Option<String> {
    let mut words = message.split('`').skip(1).step_by(2);
    let strange = message.starts_with("unknown").then(|| words.next())??;
    let known: Vec<&str> = words.collect();
    let near = nearest(strange, known.iter().copied())?;
    Some(format!("did you mean `{near}`?"))
}

impl File {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The first thing in it that is not understood, cannot be run, or contradicts something else.
    pub fn read(text: &str) -> Result<File, Fault> {
        let toml: Toml = toml::from_str(text).map_err(|e| Fault::of_toml(text, &e))?;
        let complain =
            |span, message: String, help: &str| Fault::new(text, span, message, Some(help.into()));
        let mut scenario = Scenario {
            name: toml.name.clone(),
            expect: toml.expect,
            rough: toml.world.rough.0,
            calm: toml.world.calm.0,
            natures: toml.world.server.clone(),
            faults: Faults::NONE,
            doses: Doses::none(),
            ..Scenario::default()
        };
        world(&toml.world, &mut scenario).map_err(|(s, m, h)| complain(s, m, h))?;
        let is_of_resolver = matches!(toml.runs_in, Some(RunsIn::Resolver));
        let waits = !toml.waits_for.is_empty() || is_of_resolver;
        for fault in &toml.fault {
            let known = take(fault.get_ref(), &mut scenario);
            // What waits for parts that are not built may need faults that are not, either.
            if let Err((message, help)) = known
                && !waits
            {
                return Err(complain(fault.span(), message, help));
            }
        }
        let whom = (scenario.enactors, scenario.servers);
        for moment in &toml.schedule {
            let Moment { at, what } = moment.get_ref();
            let action = trace::action(what).map_err(|message| {
                let help = meant(&message);
                let short = message.split(", expected").next().unwrap_or_default();
                Fault::new(text, moment.span(), short.to_owned(), help)
            })?;
            fits(&action, whom).map_err(|m| complain(moment.span(), m, "see [world]"))?;
            let at = DAWN + at.0;
            scenario.schedule.push(Event { at, action });
        }
        let told = |e: &Event| matches!(e.action, Action::Operate(..));
        let told = scenario.schedule.iter().any(told);
        let drawn = if told { 0 } else { scenario.verbs };
        scenario.verbs = toml.world.verbs.unwrap_or(drawn);
        let Toml {
            name,
            title,
            source,
            story,
            waits_for,
            ..
        } = toml;
        Ok(File {
            name,
            title,
            source,
            story,
            waits_for,
            is_of_resolver,
            scenario,
        })
    }
}

type Complaint = (std::ops::Range<usize>, String, &'static str);

fn world(world: &World, scenario: &mut Scenario) -> Result<(), Complaint> {
    for (count, what) in [(&world.enactors, "enactors"), (&world.servers, "servers")] {
        if !(1..=9).contains(count.get_ref()) {
            let message = format!("a world has from 1 to 9 {what}");
            return Err((count.span(), message, "the standard world has 3 and 2"));
        }
    }
    for (count, what) in [(&world.followers, "followers"), (&world.caches, "caches")] {
        if *count.get_ref() > 9 {
            let message = format!("a world has at most 9 {what}");
            return Err((count.span(), message, "the standard world has up to 2"));
        }
    }
    for (count, what) in [(&world.endpoints, "endpoints"), (&world.probers, "probers")] {
        if *count.get_ref() > 9 {
            let message = format!("a world has at most 9 {what}");
            return Err((
                count.span(),
                message,
                "the exploration of targets has 3 and 2",
            ));
        }
    }
    if *world.endpoints.get_ref() > 0 {
        scenario.fleet.endpoints = *world.endpoints.get_ref();
        scenario.fleet.probers = *world.probers.get_ref();
    }
    scenario.fates.definitions = world.redefined;
    scenario.fates.dead_server = world.dead_server;
    scenario.staged = world.staged;
    scenario.enactors = *world.enactors.get_ref();
    scenario.followers = *world.followers.get_ref();
    scenario.caches = *world.caches.get_ref();
    scenario.keeps = world.keeps;
    scenario.servers = *world.servers.get_ref();
    if !world.server.is_empty() {
        scenario.servers = world.server.len() as u8;
    }
    if let Some(misfortunes) = &world.misfortunes {
        let Often::Times(fewest, most) = misfortunes.get_ref() else {
            let message = "misfortunes are counted".to_owned();
            return Err((misfortunes.span(), message, "write `0..3 times`"));
        };
        scenario.doses.misfortunes = (u64::from(*fewest), u64::from(*most));
    }
    Ok(())
}

/// Whether an action of the schedule is one that nothing else leads to, and concerns who is there.
fn fits(action: &Action, (enactors, servers): (u8, u8)) -> Result<(), String> {
    let (e, s) = match action {
        Action::Start(e)
        | Action::Crash(e)
        | Action::Skew(e, _)
        | Action::Operate(e, _)
        | Action::Attach(e, _) => (Some(*e), None),
        Action::Down(s)
        | Action::Up(s)
        | Action::Refuse(s)
        | Action::Permit(s)
        | Action::ServerSkew(s, _)
        | Action::Backup(s)
        | Action::Restore(s)
        | Action::Reload(s)
        | Action::Forge(s, _)
        | Action::Foreign(s, ..) => (None, Some(*s)),
        Action::Targets(Fate::Blind(e, ..) | Fate::Sees(e, ..)) => (Some(*e), None),
        Action::Targets(Fate::Dies(_) | Fate::Errs(_) | Fate::Lives(_)) => (None, None),
        Action::CopyStore(_) | Action::PutBack(_) | Action::Rival => (None, None),
        other => return Err(format!("{other:?} follows from others: no schedule has it")),
    };
    match (e, s) {
        (Some(e), _) if e >= enactors => Err(format!("there is no enactor {e}: they count from 0")),
        (_, Some(s)) if s >= servers => Err(format!("there is no server {s}: they count from 0")),
        _ => Ok(()),
    }
}

/// Takes a fault in, or says why the simulator can't do it.
fn take(fault: &OneFault, scenario: &mut Scenario) -> Result<(), (String, &'static str)> {
    let what = fault.what;
    if super::fates::take(what, &fault.whom, fault.often, &mut scenario.fates) {
        return Ok(());
    }
    if fault.from.is_some() || fault.until.is_some() {
        let message = format!("`{what}` is drawn at any moment of the rough phase");
        return Err((
            message,
            "put what has a moment of its own into [[schedule]]",
        ));
    }
    let kind = kind_of(what);
    let whom = |kind| (fault.whom == Whom::Any(kind)).then_some(());
    let message = || match kind {
        Some(kind) => format!(
            "`{what}` befalls `any {}` here, not `{}`",
            kind.word(),
            fault.whom
        ),
        None => format!("the simulator can't do `{what}` yet"),
    };
    let help = "name a single one in [[schedule]]";
    kind.and_then(whom).ok_or_else(|| (message(), help))?;
    switch(what, &mut scenario.faults);
    let counted = match what {
        What::Down => Some(&mut scenario.doses.down),
        What::Cut => Some(&mut scenario.doses.cut),
        What::Refuse => Some(&mut scenario.doses.refuse),
        _ => None,
    };
    if let Some(on) = counted {
        *on = true;
    }
    let lasts = fault.lasts.map(|l| (l.low.0, l.high.0));
    let Some(dose) = dose(what, &mut scenario.doses) else {
        return rest(fault, lasts, scenario);
    };
    let standard = standard(what);
    dose.often = match fault.often {
        None => standard.often,
        Some(Often::UpTo(share)) => Rate::UpTo(share.in_ppm()),
        Some(Often::Share(share)) => Rate::Is(share.in_ppm()),
        Some(Often::Always) => Rate::Is(1_000_000),
        Some(Often::Times(..)) => {
            return Err((format!("`{what}` has a share"), "write `6%` or `up to 6%`"));
        }
    };
    dose.lasts = lasts.unwrap_or(standard.lasts);
    Ok(())
}

/// Faults without a dose of their own.
fn rest(
    fault: &OneFault,
    lasts: Option<(u64, u64)>,
    scenario: &mut Scenario,
) -> Result<(), (String, &'static str)> {
    let what = fault.what;
    if fault.often.is_some() {
        let message = format!("how often `{what}` happens is not its own to say");
        return Err((message, "see world.misfortunes and world.verbs"));
    }
    match (what, lasts) {
        (What::Skew, Some((_, most))) => scenario.doses.skew = most,
        (What::Freeze | What::Edit | What::Reload | What::Jump, Some(_)) => {
            return Err((
                format!("`{what}` happens at one instant"),
                "leave `lasts` out",
            ));
        }
        (_, Some(lasts)) => scenario.doses.misfortune = lasts,
        (_, None) => {}
    }
    Ok(())
}

/// Whom a fault befalls in the simulator; `None`: it has no such fault.
fn kind_of(what: What) -> Option<Kind> {
    Some(match what {
        What::Stall | What::Crash => Kind::Enactor,
        What::Lose | What::Delay | What::Duplicate | What::GiveUp | What::Cut => Kind::Link,
        What::Down | What::Refuse | What::Lag | What::LoseSwap => Kind::Server,
        What::Restore | What::Reload | What::Edit => Kind::Server,
        What::StoreFail | What::StoreCopy => Kind::Store,
        What::Freeze => Kind::Operator,
        What::Skew | What::Jump => Kind::Enactor,
        _ => return None,
    })
}

fn switch(what: What, on: &mut Faults) {
    let switch = match what {
        What::Stall => &mut on.stalls,
        What::Crash => &mut on.crashes,
        What::Lag => &mut on.lag,
        What::Skew => &mut on.skew,
        What::Jump => &mut on.jumps,
        What::Refuse | What::LoseSwap => &mut on.habits,
        What::Edit => &mut on.foreign,
        What::Freeze => &mut on.freezes,
        What::Restore => &mut on.restores,
        What::Reload => &mut on.reloads,
        What::StoreCopy => &mut on.copies,
        What::StoreFail => &mut on.store_failures,
        _ => &mut on.network,
    };
    *switch = true;
}

fn dose(what: What, doses: &mut Doses) -> Option<&mut Dose> {
    Some(match what {
        What::Stall => &mut doses.stall,
        What::Crash => &mut doses.crash,
        What::Lose => &mut doses.lose,
        What::Delay => &mut doses.delay,
        What::Duplicate => &mut doses.duplicate,
        What::GiveUp => &mut doses.give_up,
        What::StoreFail => &mut doses.store_fail,
        What::Lag => &mut doses.lag,
        What::LoseSwap => &mut doses.lose_swap,
        _ => return None,
    })
}

fn standard(what: What) -> Dose {
    let mut doses = Doses::default();
    let found = dose(what, &mut doses).copied();
    found.unwrap_or(doses.stall)
}
