//! Scenario files: the standard one is the exploration that everything is measured by; what is not
//! understood is refused where it stands.
// Tests read files; the world never does.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use steadfast_sim::explore;
use steadfast_sim::kit::Kit;
use steadfast_sim::mutants;
use steadfast_sim::scenario::file::File;
use steadfast_sim::{Scenario, run};

const STANDARD: &str = include_str!("../../../scenarios/standard.toml");
const TARGETS: &str = include_str!("../../../scenarios/targets.toml");

#[test]
fn the_standard_file_is_the_default_exploration() {
    let file = File::read(STANDARD).unwrap();
    let (read, made) = (&file.scenario, Scenario::default());
    assert_eq!(read.doses, made.doses);
    assert_eq!(read.faults, made.faults);
    for seed in [0, 1, 77] {
        let (one, two) = (run(Kit::FULL, seed, read), run(Kit::FULL, seed, &made));
        assert_eq!(one.hash, two.hash, "seed {seed}");
        assert_eq!(one.trace, two.trace, "seed {seed}");
    }
}

#[test]
fn the_file_of_targets_is_the_exploration_of_their_mutants() {
    let (file, made) = (File::read(TARGETS).unwrap(), Scenario::targets());
    let read = &file.scenario;
    assert_eq!((read.fleet, read.fates), (made.fleet, made.fates));
    assert_eq!((&read.doses, &read.faults), (&made.doses, &made.faults));
    for seed in [0, 1, 77] {
        let (one, two) = (run(Kit::FULL, seed, read), run(Kit::FULL, seed, &made));
        assert_eq!(one.hash, two.hash, "seed {seed}");
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

fn all() -> Vec<File> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "toml"));
    paths.sort();
    let read = |p: &std::path::PathBuf| {
        let text = std::fs::read_to_string(p).unwrap();
        let file = File::read(&text).unwrap_or_else(|e| panic!("{}:{e}", p.display()));
        assert_eq!(p.file_stem().unwrap().to_str(), Some(file.name.as_str()));
        file
    };
    paths.iter().map(read).collect()
}

#[test]
fn every_file_loads_and_names_what_there_is() {
    let files = all();
    assert_eq!(files.len(), 22);
    let waiting = files.iter().filter(|f| !f.waits_for.is_empty()).count();
    assert_eq!(waiting, 6);
    let of_resolver = files.iter().filter(|f| f.is_of_resolver);
    let told = steadfast_sim::resolving::stories::all();
    let told: Vec<&str> = told.iter().map(|story| story.name).collect();
    assert_eq!(
        of_resolver.map(|f| f.name.as_str()).collect::<Vec<_>>(),
        told
    );
    let known = |i: &String| (1..=14).any(|n| *i == format!("I{n}"));
    let stats = steadfast_sim::stats::Stats::default();
    for file in files {
        let expect = &file.scenario.expect;
        assert!(expect.holds.iter().all(known), "{}", file.name);
        for caught in &expect.caught {
            assert!(
                mutants::named(&caught.without).is_some(),
                "{}",
                caught.without
            );
            assert!(caught.by.iter().all(known), "{}", file.name);
        }
        for name in &expect.reach {
            assert!(stats.named(name).is_some(), "{}: {name}", file.name);
        }
        assert!((200..3_000).contains(&file.story.len()), "{}", file.name);
    }
}

/// What runs today holds with every safeguard, and is broken without those that it names.
#[test]
fn what_is_ready_shows_what_it_says() {
    for file in all()
        .into_iter()
        .filter(|f| f.waits_for.is_empty() && !f.is_of_resolver)
    {
        let clean = steadfast_sim::explore(Kit::FULL, &file.scenario, 0..40);
        assert!(
            clean.found.is_none(),
            "{}: {:?}",
            file.name,
            clean.found.map(|f| f.1.violation)
        );
        for caught in &file.scenario.expect.caught {
            let mutant = mutants::named(&caught.without).unwrap();
            let found = explore(mutant.kit, &file.scenario, 0..caught.within).found;
            let found = found
                .and_then(|(_, o)| o.violation)
                .map(|v| v.invariant.to_owned());
            assert!(
                found.as_ref().is_some_and(|f| caught.by.contains(f)),
                "{} without {}: {found:?}",
                file.name,
                caught.without
            );
        }
    }
}
