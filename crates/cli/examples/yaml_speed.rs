//! How long octoDNS YAML takes to read: `cargo run --release --example yaml_speed [NAMES]`.
//!
//! The zone is the shape of an octoDNS dump: one A record of two values to a name, and a TXT with
//! each tenth.

use dns::Name;
use std::fmt::Write as _;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names: usize = std::env::args().nth(1).map_or(Ok(100_000), |n| n.parse())?;
    let mut text = String::from(
        "---\n'':\n  type: NS\n  values:\n  - ns1.example.net.\n  - ns2.example.net.\n",
    );
    for i in 0..names {
        let (high, low) = (i >> 8 & 255, i & 255);
        if i % 10 == 0 {
            let _ = write!(
                text,
                "host{i}:\n- ttl: 300\n  type: A\n  values:\n  - 10.0.{high}.{low}\n  - 10.1.{high}.{low}\n- type: TXT\n  value: v=spf1 ip4:10.0.{high}.{low} -all\n"
            );
        } else {
            let _ = write!(
                text,
                "host{i}:\n  ttl: 300\n  type: A\n  values:\n  - 10.0.{high}.{low}\n  - 10.1.{high}.{low}\n"
            );
        }
    }
    let folder = std::env::temp_dir();
    let file = folder.join(format!("steadfast-speed-{}.yaml", std::process::id()));
    std::fs::write(&file, &text)?;
    let started = Instant::now();
    let read = steadfast::source::load(&file, &folder, &Name::absolute("example.com")?);
    let took = started.elapsed();
    std::fs::remove_file(&file)?;
    let source = read.map_err(|fail| fail.render(false))?;
    println!(
        "{} RRsets, {} records, {:.1} MB: {took:.2?}",
        source.zone.len(),
        source.zone.record_count(),
        text.len() as f64 / 1e6
    );
    Ok(())
}
