//! `steadfast resolver why` and `let-go`: ask a running resolver.

use super::args::PlaceArgs;
use super::{config, control};
use crate::args::Cli;
use crate::commands::out;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use dns::Name;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long a resolver may take: it looks things up in memory.
const PATIENCE: Duration = Duration::from_secs(5);

/// Explains an answer.
pub(super) fn why(cli: &Cli, name: &str, place: &PlaceArgs, style: Style) -> Outcome {
    let report = request(cli, "why", name, place)?;
    show(&report, style);
    Ok(Exit::Done)
}

/// Gives up what is remembered.
pub(super) fn let_go(cli: &Cli, name: &str, place: &PlaceArgs, style: Style) -> Outcome {
    let report = request(cli, "let-go", name, place)?;
    show(&report, style);
    Ok(Exit::Done)
}

fn request(cli: &Cli, verb: &str, name: &str, place: &PlaceArgs) -> Result<Value, Fail> {
    let name = Name::absolute(name).map_err(|error| {
        let message = format!("{name:?} is no name: {error}");
        Fail::new(Exit::Usage, "name", message, "write it as www.example.com")
    })?;
    let dir = match (&place.state, &cli.config) {
        (Some(dir), _) => Some(dir.clone()),
        (None, Some(file)) => config::state_of(file)?,
        (None, None) => std::env::var_os("STATE_DIRECTORY").map(Into::into),
    };
    let dir = dir.ok_or_else(|| {
        let help = "name the folder that it was started with: --state DIR";
        Fail::new(Exit::Usage, "resolver", "which resolver?", help)
    })?;
    let path = control::path(&dir);
    let talk = || -> std::io::Result<String> {
        let mut stream = UnixStream::connect(&path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        writeln!(stream, "{verb} {name}")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    let nobody = |error: &dyn std::fmt::Display| {
        let message = format!("no resolver answers at {}: {error}", path.display());
        let help = "start one with --state, or ask as the user that it runs as";
        Fail::new(Exit::Error, "resolver", message, help)
    };
    let text = talk().map_err(|e| nobody(&e))?;
    let report: Value = serde_json::from_str(&text).map_err(|e| nobody(&e))?;
    match report.get("error").and_then(Value::as_str) {
        Some(error) => Err(Fail::new(Exit::Error, "resolver", error, "")),
        None => Ok(report),
    }
}

fn show(report: &Value, style: Style) {
    if style.json {
        return out::json(report);
    }
    out::text(&render(report));
}

/// The report for people.
fn render(report: &Value) -> String {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let list = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let mut page = String::new();
    // Writing to a String does not fail.
    let _ = writeln!(page, "{}", text(report, "name").unwrap_or_default());
    let pin = text(report, "pin").unwrap_or_else(|| "none takes it".into());
    let _ = writeln!(page, "  pin      {pin}");
    if let Some(pattern) = text(report, "blocked") {
        let _ = writeln!(page, "  blocked  by {pattern}");
    }
    let types = list(report, "types");
    if types.is_empty() {
        let _ = writeln!(page, "  nobody asked for it yet");
    }
    for one in types {
        let _ = writeln!(page, "\n{}", text(&one, "question").unwrap_or_default());
        let lines = [("answer", "from"), ("good", "good"), ("finding", "finding")];
        for (label, key) in lines {
            if let Some(said) = text(&one, key) {
                let from = if key == "from" { "from " } else { "" };
                let _ = writeln!(page, "  {label:<8} {from}{said}");
            }
        }
        for before in list(&one, "before") {
            let _ = writeln!(page, "  before   {}", before.as_str().unwrap_or_default());
        }
        for source in list(&one, "sources") {
            let ago = source
                .get("seconds-ago")
                .and_then(Value::as_u64)
                .unwrap_or_default();
            let who = text(&source, "source").unwrap_or_default();
            let said = text(&source, "said").unwrap_or_default();
            let _ = writeln!(page, "  source   {who} said {said}, {ago} s ago");
        }
        let _ = writeln!(
            page,
            "  changes  {}",
            text(&one, "change").unwrap_or_default()
        );
        for event in list(&one, "history") {
            let at = event.get("at").and_then(Value::as_i64).unwrap_or_default();
            let at =
                jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |t| t.to_string());
            let _ = writeln!(page, "  {at}  {}", text(&event, "text").unwrap_or_default());
        }
    }
    page
}
