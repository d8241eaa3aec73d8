//! The resolver alone, for measurements: `resolver LISTEN UPSTREAM [PIN]…`, until its input ends or
//! it is killed. From the environment: `WORKERS`, `STATE` (a folder), `RECHECK` (seconds, of every
//! pin).

use resolver::{Config, PinRule};
use std::io::Read;
use steadfast_serve::{ResolverConfig, ResolverServer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [listen, upstream, pins @ ..] = words.as_slice() else {
        return Err("usage: resolver LISTEN UPSTREAM [PIN]…".into());
    };
    let setting = |name: &str| std::env::var(name).ok();
    let recheck: Option<u64> = setting("RECHECK").and_then(|text| text.parse().ok());
    let pin = |text: &String| {
        PinRule::new(text).map(|rule| PinRule {
            recheck: recheck.unwrap_or(rule.recheck),
            ..rule
        })
    };
    let server = ResolverServer::start(ResolverConfig {
        engine: Config {
            upstreams: vec![upstream.parse()?],
            pins: pins.iter().map(pin).collect::<Result<_, _>>()?,
            ..Config::default()
        },
        listen: vec![listen.parse()?],
        workers: setting("WORKERS").and_then(|text| text.parse().ok()),
        state: setting("STATE").map(Into::into),
        ..ResolverConfig::default()
    })?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    server.stop();
    Ok(())
}
