//! The resolver alone, for measurements: `resolver LISTEN UPSTREAM [PIN]…`, until its input ends.

use resolver::{Config, PinRule};
use std::io::Read;
use steadfast_serve::{ResolverConfig, ResolverServer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [listen, upstream, pins @ ..] = words.as_slice() else {
        return Err("usage: resolver LISTEN UPSTREAM [PIN]…".into());
    };
    let pins = pins.iter().map(|text| PinRule::new(text));
    let workers = std::env::var("WORKERS")
        .ok()
        .and_then(|text| text.parse().ok());
    let server = ResolverServer::start(ResolverConfig {
        engine: Config {
            upstreams: vec![upstream.parse()?],
            pins: pins.collect::<Result<_, _>>()?,
            ..Config::default()
        },
        listen: vec![listen.parse()?],
        workers,
        ..ResolverConfig::default()
    })?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    server.stop();
    Ok(())
}
