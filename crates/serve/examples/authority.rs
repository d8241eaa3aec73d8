//! Serves one zone file: `authority ADDRESS ZONE FILE [STATE KEY SECRET]`, for tests that kill it
//! and for measurements. It prints its address and serves until its standard input ends.

use dns::tsig::{Algorithm, Key};
use dns::{Name, zonefile};
use std::error::Error;
use std::io::Read;
use steadfast_serve::{Authority, Config, KeyRights, ZoneConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, zone, file, rest @ ..] = words.as_slice() else {
        return Err("authority ADDRESS ZONE FILE [STATE KEY SECRET]".into());
    };
    let apex = Name::absolute(zone)?;
    let text = std::fs::read(file)?;
    let options = zonefile::Options::default();
    let parsed = zonefile::parse(&text, file, &apex, &options, &mut zonefile::no_includes);
    let parsed = parsed.map_err(|problems| format!("{problems:?}"))?;
    drop(text);
    let mut config = Config {
        listen: vec![address.parse()?],
        zones: vec![ZoneConfig {
            zone: parsed.zone,
            followers: Vec::new(),
        }],
        ..Config::default()
    };
    if let [state, key, secret] = rest {
        let key = Key::from_base64(Name::absolute(key)?, Algorithm::Sha256, secret)?;
        config.state = Some(state.into());
        config.keys = vec![KeyRights::all(key)];
    }
    config.workers = std::env::var("WORKERS").ok().and_then(|n| n.parse().ok());
    let authority = Authority::start(config)?;
    for address in authority.addresses() {
        println!("{address}");
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    authority.stop();
    Ok(())
}
