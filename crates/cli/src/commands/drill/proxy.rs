//! `steadfast drill proxy`: starts the proxy, tells what it does, and ends with a signal.

use super::ProxyArgs;
use crate::commands::out;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use drill::{Counts, Drill, Proxy, StartError};
use fault::{OnWire, Span};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often counts are shown: on a terminal, where a line is written over, and elsewhere.
const ON_TERMINAL: Duration = Duration::from_secs(1);
const ELSEWHERE: Duration = Duration::from_secs(10);
/// How often it is looked whether a fault has ended. It ends without.
const LOOK: Duration = Duration::from_millis(100);

/// Runs until SIGTERM or SIGINT.
pub(super) fn run(args: &ProxyArgs, style: Style) -> Outcome {
    // First: a signal that comes early must not go by.
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Fail::new(Exit::Error, "signals", error.to_string(), ""))?;
    let faults = args.fault.iter().map(|text| read(text));
    let faults = faults.collect::<Result<Vec<OnWire>, Fail>>()?;
    let drill = Drill::new(&faults, &args.spare)
        .map_err(|odd| Fail::new(Exit::Usage, "drill", odd.message, odd.help))?;
    let proxy = Proxy::start(args.listen, args.upstream, drill).map_err(|error| {
        let (exit, help) = match &error {
            StartError::Listen(..) => (Exit::Error, "choose another with --listen"),
            StartError::System(_) => (Exit::Error, ""),
            _ => (Exit::Usage, ""),
        };
        Fail::new(exit, "drill", error.to_string(), help)
    })?;
    let told = Told {
        proxy: &proxy,
        faults: &faults,
        style,
        shown: std::io::stdout().is_terminal() && !style.json,
    };
    told.begin(args);
    let stop = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| told.watch(&stop));
        let _ = signals.forever().next();
        stop.store(true, Ordering::Relaxed);
    });
    told.end();
    Ok(Exit::Done)
}

fn read(text: &str) -> Result<OnWire, Fail> {
    text.parse().map_err(|odd: fault::Misread| {
        let message = format!("--fault '{text}': {}", odd.message);
        Fail::new(Exit::Usage, "fault", message, odd.help)
    })
}

/// What is told of a running proxy.
struct Told<'a> {
    proxy: &'a Proxy,
    faults: &'a [OnWire],
    style: Style,
    /// Whether the last line may be written over.
    shown: bool,
}

impl Told<'_> {
    fn begin(&self, args: &ProxyArgs) {
        let (addr, upstream) = (self.proxy.addr(), args.upstream);
        if self.style.json {
            let faults: Vec<String> = self.faults.iter().map(OnWire::to_string).collect();
            return out::json(&json!({
                "event": "started", "listen": addr, "upstream": upstream, "faults": faults, "spared": args.spare,
            }));
        }
        out::text(&format!(
            "{addr} falsifies answers of {upstream}, over UDP and TCP\n"
        ));
        for (number, fault) in self.faults.iter().enumerate() {
            out::text(&format!("fault {}: {fault}\n", number + 1));
        }
        out::text("each ends by itself; Ctrl-C ends all of them, and the proxy\n");
    }

    /// Tells counts now and then, and each end.
    fn watch(&self, stop: &AtomicBool) {
        let every = if self.shown { ON_TERMINAL } else { ELSEWHERE };
        let every = Span(every.as_millis() as u64);
        let mut next = every;
        let mut over = vec![false; self.faults.len()];
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
            let elapsed = self.proxy.elapsed();
            for (number, (fault, over)) in self.faults.iter().zip(&mut over).enumerate() {
                if fault.left(elapsed) == Span(0) && !*over {
                    *over = true;
                    self.over(number, fault);
                }
            }
            if elapsed >= next && !over.iter().all(|over| *over) {
                next = Span(elapsed.0 + every.0);
                self.counted(elapsed);
            }
        }
    }

    fn over(&self, number: usize, fault: &OnWire) {
        let hits = self
            .proxy
            .counts()
            .faults
            .get(number)
            .copied()
            .unwrap_or_default();
        if self.style.json {
            return out::json(
                &json!({ "event": "over", "fault": number + 1, "about": hits.about, "hit": hits.hit }),
            );
        }
        self.clear();
        out::text(&format!(
            "fault {} is over ({fault}): hit {} of {} questions\n",
            number + 1,
            hits.hit,
            hits.about
        ));
        if self
            .faults
            .iter()
            .all(|one| one.left(self.proxy.elapsed()) == Span(0))
        {
            out::text(
                "all faults are over: every answer is the upstream's; Ctrl-C ends the proxy\n",
            );
        }
    }

    fn counted(&self, elapsed: Span) {
        let counts = self.proxy.counts();
        if self.style.json {
            return out::json(
                &json!({ "event": "counts", "elapsed": elapsed, "counts": shown(&counts) }),
            );
        }
        self.clear();
        let end = if self.shown { "" } else { "\n" };
        out::text(&format!("{}{end}", self.line(&counts, elapsed)));
        let _ = std::io::stdout().flush();
    }

    /// Counts of everything, and of each fault with what is left of it.
    fn line(&self, counts: &Counts, elapsed: Span) -> String {
        let mut line = format!("{} asked, {} passed", counts.asked, counts.passed);
        for (number, (fault, hits)) in self.faults.iter().zip(&counts.faults).enumerate() {
            let left = match fault.left(elapsed) {
                Span(0) => "over".to_owned(),
                Span(_) if elapsed < fault.from => "not yet".to_owned(),
                Span(ms) => format!("{} left", Span::seconds(ms.div_ceil(1000))),
            };
            line += &format!(
                "; fault {}: hit {} of {}, {left}",
                number + 1,
                hits.hit,
                hits.about
            );
        }
        line
    }

    fn clear(&self) {
        if self.shown {
            out::text("\r\x1b[K");
        }
    }

    fn end(&self) {
        let (counts, elapsed) = (self.proxy.counts(), self.proxy.elapsed());
        if self.style.json {
            return out::json(
                &json!({ "event": "ended", "elapsed": elapsed, "counts": shown(&counts) }),
            );
        }
        self.clear();
        out::text(&format!("ended: {}\n", self.line(&counts, elapsed)));
    }
}

fn shown(counts: &Counts) -> serde_json::Value {
    let faults = counts
        .faults
        .iter()
        .map(|hits| json!({ "about": hits.about, "hit": hits.hit }));
    json!({ "asked": counts.asked, "passed": counts.passed, "faults": faults.collect::<Vec<_>>() })
}
