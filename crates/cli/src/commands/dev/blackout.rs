//! 20 October 2025 as clients saw it, before a resolver with a pin and before one without.
//!
//! Both ask the server of this `dev` through a drill's proxy, which begins to say that `api` has
//! nothing, and ends by itself. The plain one is the same resolver without the pin: it is there on
//! every machine, and does what RFC 2308 and RFC 8767 say, as others do.

use super::ZONE;
use super::sampler::{Count, Sampler, addresses};
use super::scene::Scene;
use dns::Name;
use drill::{Drill, Proxy};
use fault::{OnWire, Span};
use resolver::{Config, PinRule, TtlPolicy};
use serve::{ResolverConfig, ResolverServer};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// What is asked for: the endpoint, which every region serves.
const ASKED: &str = "api";
/// How long answers are looked at before the fault and after it, and how long it lasts.
const LOOK: Duration = Duration::from_secs(2);
const LASTS: Duration = Duration::from_secs(6);
/// How long either resolver may take to answer at first, or again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether it does.
const PAUSE: Duration = Duration::from_millis(5);
/// Seconds that both keep an answer at most, so that nobody has to wait for TTLs to go by.
const TTL: u32 = 1;

type Told = Result<(), String>;

/// The two resolvers.
struct Both {
    pinned: ResolverServer,
    plain: ResolverServer,
    asked: Name,
}

/// Tells it.
pub(super) fn blackout(scene: &Scene) -> Told {
    let asked = Name::parse(ASKED, &scene.apex).map_err(|e| e.to_string())?;
    let fault = format!(
        "nodata name={ASKED}.{ZONE} from={}s for={}s",
        LOOK.as_secs(),
        LASTS.as_secs()
    );
    let fault: OnWire = fault.parse().map_err(|e: fault::Misread| e.to_string())?;
    let drill = Drill::new(std::slice::from_ref(&fault), &[]).map_err(|e| e.to_string())?;
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let proxy = Proxy::start(local, scene.address, drill).map_err(|e| e.to_string())?;
    let both = Both {
        pinned: resolver(proxy.addr(), &[&format!("{ASKED}.{ZONE}")])?,
        plain: resolver(proxy.addr(), &[])?,
        asked,
    };
    let story = &scene.story;
    story.line(&format!(
        "two resolvers ask {} through a drill's proxy, and keep answers for {TTL} s",
        scene.address
    ));
    story.tell(
        "pinned",
        &format!("steadfast resolver --pin {ASKED}.{ZONE}"),
    );
    story.tell(
        "plain",
        "the same without the pin; what others do: cargo xtask bench blackout",
    );
    story.clock(Some(Instant::now()));
    let told = acts(scene, &proxy, &fault, &both);
    story.clock(None);
    told
}

fn acts(scene: &Scene, proxy: &Proxy, fault: &OnWire, both: &Both) -> Told {
    let story = &scene.story;
    for resolver in [&both.pinned, &both.plain] {
        both.answers(resolver)?;
    }
    let before = both.count(|| wait(proxy, fault.from))?;
    story.stamped(&format!("before     {}", shown(before)));
    story.stamped(&format!(
        "{ASKED}.{ZONE}: nothing, says the upstream      ← 20 October 2025"
    ));
    let during = both.count(|| wait(proxy, fault.end()))?;
    story.stamped(&format!("blackout   {}", shown(during)));
    story.stamped("the fault is over");
    let healed = Instant::now();
    for (who, resolver) in [("pinned", &both.pinned), ("plain", &both.plain)] {
        both.answers(resolver)?;
        story.stamped(&format!(
            "{who} answers, {:.1} s after it",
            healed.elapsed().as_secs_f64()
        ));
    }
    let after = both.count(|| std::thread::sleep(LOOK))?;
    story.stamped(&format!("after      {}", shown(after)));
    let all = [before.0, during.0, after.0];
    match all.iter().any(|count| count.empty + count.lost > 0) {
        true => Err("the pinned name was not answered throughout: this must never be".into()),
        false if during.1.empty == 0 => {
            Err("the fault emptied nothing at the plain one: what was shown proves nothing".into())
        }
        false => Ok(()),
    }
}

impl Both {
    /// Waits until a resolver has an address to give.
    fn answers(&self, resolver: &ResolverServer) -> Told {
        let end = Instant::now() + PATIENCE;
        while address(resolver)
            .and_then(|to| addresses(to, &self.asked))
            .is_none_or(|found| found.is_empty())
        {
            if end < Instant::now() {
                return Err(format!("a resolver has no answer within {PATIENCE:?}"));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Asks both all the time, until something has happened.
    fn count(&self, until: impl FnOnce()) -> Result<(Count, Count), String> {
        let start = |resolver| {
            let to = address(resolver).ok_or("a resolver without address")?;
            Sampler::start(to, self.asked.clone()).map_err(|e| e.to_string())
        };
        let (pinned, plain) = (start(&self.pinned)?, start(&self.plain)?);
        until();
        Ok((pinned.stop(), plain.stop()))
    }
}

fn address(resolver: &ResolverServer) -> Option<SocketAddr> {
    resolver.addresses().first().copied()
}

/// Until the clock that begins and ends the fault is there.
fn wait(proxy: &Proxy, until: Span) {
    let left = until.0.saturating_sub(proxy.elapsed().0);
    std::thread::sleep(Duration::from_millis(left));
}

fn shown((pinned, plain): (Count, Count)) -> String {
    let one = |count: Count| {
        let without = match count.without {
            Duration::ZERO => String::new(),
            span => format!(" (nothing for {:.1} s)", span.as_secs_f64()),
        };
        format!(
            "{} of {} right{without}",
            count.answers - count.empty,
            count.answers + count.lost
        )
    };
    format!("pinned {}, plain {}", one(pinned), one(plain))
}

/// A resolver of its own, on a port of its own; what it keeps goes with it.
fn resolver(upstream: SocketAddr, pins: &[&str]) -> Result<ResolverServer, String> {
    let pin = |text: &&str| {
        let rule = PinRule::new(text).map_err(|e| e.to_string())?;
        Ok(PinRule { recheck: 1, ..rule })
    };
    let ttl = TtlPolicy {
        max: TTL,
        negative: TTL,
        ..TtlPolicy::default()
    };
    let config = ResolverConfig {
        engine: Config {
            upstreams: vec![upstream],
            pins: pins.iter().map(pin).collect::<Result<_, String>>()?,
            ttl,
            ..Config::default()
        },
        listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        workers: Some(1),
        log: |_| {},
        ..ResolverConfig::default()
    };
    ResolverServer::start(config).map_err(|e| e.to_string())
}
