//! Scenario files: the standard one is the exploration that everything is measured by; what is not
//! understood is refused where it stands.
#![allow(clippy::unwrap_used, missing_docs)]

use steadfast_core::safeguards::Full;
use steadfast_sim::scenario::file::File;
use steadfast_sim::{Scenario, run};

const STANDARD: &str = include_str!("../../../scenarios/standard.toml");

#[test]
fn the_standard_file_is_the_default_exploration() {
    let file = File::read(STANDARD).unwrap();
    let (read, made) = (&file.scenario, Scenario::default());
    assert_eq!(read.doses, made.doses);
    assert_eq!(read.faults, made.faults);
    for seed in [0, 1, 77] {
        let (one, two) = (run::<Full>(seed, read), run::<Full>(seed, &made));
        assert_eq!(one.hash, two.hash, "seed {seed}");
        assert_eq!(one.trace, two.trace, "seed {seed}");
    }
}

fn refused(from: &str, to: &str) -> String {
    let text = STANDARD.replacen(from, to, 1);
    assert_ne!(text, STANDARD, "{from}");
    File::read(&text).unwrap_err().to_string()
}

#[test]
fn what_is_not_understood_is_refused_where_it_stands() {
    let cases = [
        ("enactors    = 3", "enactor = 3", "did you mean `enactors`?"),
        (
            "what  = \"stall\"",
            "what = \"stal\"",
            "did you mean `stall`?",
        ),
        (
            "whom  = \"any enactor\"",
            "whom = \"any server\"",
            "befalls `any enactor` here",
        ),
        (
            "whom  = \"any enactor\"",
            "whom = \"enactor e1\"",
            "[[schedule]]",
        ),
        ("lasts = \"50ms..15s\"", "lasts = \"50\"", "no span of time"),
        ("often = \"up to 6%\"", "often = \"3 times\"", "has a share"),
        ("enactors    = 3", "enactors = 0", "from 1 to 9"),
        ("often = \"50%\"", "until = \"5s\"", "[[schedule]]"),
        (
            "[expect]",
            "[[schedule]]\nat = \"1s\"\nstart = 7\n[expect]",
            "there is no enactor 7",
        ),
        (
            "[expect]",
            "[[schedule]]\nat = \"1s\"\nwake = 1\n[expect]",
            "follows from others",
        ),
        (
            "[expect]",
            "[[schedule]]\nat = \"1s\"\nstrat = 1\n[expect]",
            "did you mean `start`?",
        ),
        ("title  =", "titel  =", "did you mean `title`?"),
    ];
    let mut said = String::new();
    for (from, to, wanted) in cases {
        let why = refused(from, to);
        assert!(why.contains(wanted), "{to}: {why}");
        said += &format!("{to:?}\n  {why}\n");
    }
    insta::assert_snapshot!(said);
}
