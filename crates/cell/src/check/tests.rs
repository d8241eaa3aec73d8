#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use std::time::Instant;
use steadfast_core::rollout::{Check, Kind, Word};
use steadfast_core::time::Millis;

fn shell(script: &str, millis: u64) -> Reading {
    let argv: Vec<String> = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let ask = Ask {
        id: 1,
        stage: "canary".into(),
        servers: vec!["ns1".into()],
        configuration: 7,
        check: Check {
            name: "c".into(),
            every: Millis::seconds(1),
            timeout: Millis(millis),
            fall: 1,
            kind: Kind::Command { argv: argv.clone() },
        },
    };
    command(&argv, &ask, Limit::after(Duration::from_millis(millis)))
}

#[test]
fn the_exit_code_is_what_it_says() {
    let reading = shell(
        "echo $STEADFAST_STAGE $STEADFAST_SERVERS $STEADFAST_CONFIGURATION",
        5_000,
    );
    assert_eq!(
        (reading.word, reading.said.as_str()),
        (Word::Pass, "exit 0: canary ns1 7")
    );
    assert_eq!(
        shell("echo 12 errors; exit 1", 5_000).said,
        "exit 1: 12 errors"
    );
    assert_eq!(shell("exit 1", 5_000).word, Word::Fail);
    assert_eq!(shell("exit 75", 5_000).word, Word::Inconclusive);
    assert_eq!(shell("kill -9 $$", 5_000).word, Word::Inconclusive);
}

#[test]
fn one_that_hangs_floods_or_leaves_children_is_bounded() {
    let began = Instant::now();
    assert_eq!(shell("sleep 60", 300).word, Word::Inconclusive);
    assert_eq!(shell("yes", 300).word, Word::Inconclusive);
    let flood = shell("head -c 50000000 /dev/zero | tr '\\0' x; exit 3", 20_000);
    assert_eq!(flood.word, Word::Fail);
    assert!(flood.said.len() < 2 * 400, "{}", flood.said.len());
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn what_it_started_ends_with_it() {
    let reading = shell("sleep 61 >/dev/null & echo $!", 5_000);
    assert_eq!(reading.word, Word::Pass);
    let pid = reading.said.rsplit(' ').next().unwrap().to_owned();
    let gone = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.map_or(true, |text| text.contains(") Z "))
    };
    let until = Instant::now() + Duration::from_secs(5);
    while !gone() {
        assert!(Instant::now() < until, "process {pid} lives");
        std::thread::sleep(Duration::from_millis(20));
    }
}
