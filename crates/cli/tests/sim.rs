//! `steadfast sim`, as a contributor uses it.
#![allow(clippy::unwrap_used, missing_docs)]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = format!("steadfast-sim-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn sim(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steadfast"));
    command.current_dir(folder).arg("sim").args(words);
    command.output().unwrap()
}

fn json(folder: &Path, words: &[&str]) -> (i32, Value) {
    let output = sim(folder, &[words, &["--output", "json"]].concat());
    let value = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), value)
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_clean_run_says_what_was_run_twice() {
    let folder = Folder::new("clean");
    let (code, value) = json(&folder.0, &["run", "--seeds", "60", "--from", "50"]);
    let one = &value["scenarios"][0];
    assert_eq!((code, &one["violation"]), (0, &Value::Null));
    assert_eq!(one["seeds"], 60);
    assert_eq!(
        (&one["run-twice"], &one["unequal"]),
        (&Value::from(1), &Value::Null)
    );
}

#[test]
fn what_is_found_shrinks_replays_elsewhere_and_is_told() {
    let (one, two) = (Folder::new("one"), Folder::new("two"));
    let find = |folder: &Path, jobs| {
        let words = [
            "run",
            "--without",
            "no-fence",
            "--seeds",
            "200",
            "--jobs",
            jobs,
        ];
        let (code, value) = json(folder, &words);
        assert_eq!(code, 1);
        let found = value["scenarios"][0]["violation"].clone();
        let path = folder.join(found["trace"].as_str().unwrap());
        (found["seed"].clone(), std::fs::read(path).unwrap(), found)
    };
    // The outcome does not depend on the number of threads: seed and trace, byte for byte.
    let (seed, bytes, found) = find(&one.0, "1");
    assert_eq!(
        (&seed, &bytes),
        (&find(&two.0, "3").0, &find(&two.0, "4").1)
    );
    let trace = found["trace"].as_str().unwrap();
    let (code, small) = json(&one.0, &["shrink", trace]);
    assert_eq!(code, 0);
    assert!(small["to"].as_u64().unwrap() <= 12, "{small}");
    // In another folder, under another name.
    std::fs::copy(
        one.0.join(small["trace"].as_str().unwrap()),
        two.0.join("x"),
    )
    .unwrap();
    let (code, again) = json(&two.0, &["replay", "x"]);
    assert_eq!((code, &again["hash"]), (1, &small["hash"]));
    assert_eq!(again["violation"]["invariant"], found["invariant"]);
    // With every safeguard it does no harm.
    let (code, clean) = json(&two.0, &["replay", "x", "--without", "none"]);
    assert_eq!((code, &clean["violation"]), (0, &Value::Null));
    let told = said(&sim(&two.0, &["explain", "x"]));
    assert!(
        told.contains("is broken") && told.contains("ask e"),
        "{told}"
    );
    // Into the corpus, and out.
    assert!(
        sim(
            &two.0,
            &["corpus", "add", "x", "--name", "it", "--dir", "c"]
        )
        .status
        .success()
    );
    let (code, corpus) = json(&two.0, &["corpus", "run", "c"]);
    assert_eq!(
        (code, &corpus["corpus"][0]["holds"]),
        (0, &Value::Bool(true))
    );
}

#[test]
fn a_small_world_is_searched_whole_or_says_what_bound_it_hit() {
    let folder = Folder::new("exhaust");
    let (code, all) = json(&folder.0, &["exhaust", "--plans", "1"]);
    assert_eq!(
        (code, &all["every-interleaving"], &all["violation"]),
        (0, &Value::Bool(true), &Value::Null)
    );
    assert!(all["unique"].as_u64().unwrap() > 100, "{all}");
    let deep = "exhaust --enactors 3 --plans 4 --crashes 1 --depth 5";
    let deep: Vec<&str> = deep.split(' ').collect();
    let (code, part) = json(&folder.0, &deep);
    assert_eq!(
        (code, &part["every-interleaving"], &part["bounds"]),
        (0, &Value::Bool(false), &serde_json::json!(["depth"]))
    );
    let text = said(&sim(&folder.0, &deep));
    assert!(text.contains("the depth of 5 moves (--depth)"), "{text}");
    let few = said(&sim(&folder.0, &["exhaust", "--states", "50"]));
    assert!(few.contains("50 different states (--states)"), "{few}");
    let text = said(&sim(&folder.0, &["exhaust", "--invariant", "I20"]));
    assert!(text.contains("no invariant is called"), "{text}");
}

#[test]
fn searching_everything_finds_october_and_what_cleanup_forgets() {
    let folder = Folder::new("october");
    for (words, invariant) in [
        ("exhaust --without no-fence --invariant I3", "I3"),
        ("exhaust --without no-fence", "I1"),
        (
            "exhaust --without cleanup-by-age --plans 4 --history 4",
            "I6",
        ),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let (code, value) = json(&folder.0, &words);
        let found = &value["violation"];
        assert_eq!((code, &found["invariant"]), (1, &invariant.into()));
        assert_eq!(value["every-interleaving"], false);
        // The stored trace is the violation again, and tells itself.
        let trace = found["trace"].as_str().unwrap();
        let (code, again) = json(&folder.0, &["replay", trace]);
        assert_eq!((code, &again["violation"]["text"]), (1, &found["text"]));
        let told = said(&sim(&folder.0, &["explain", trace]));
        assert!(told.contains(&format!("{invariant} is broken")), "{told}");
    }
}

#[test]
fn the_corpus_of_the_repository_holds() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = sim(Path::new(root), &["corpus", "run"]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn the_folder_of_scenarios_says_what_waits() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");
    let folder = Folder::new("folder");
    let (code, value) = json(&folder.0, &["run", "--scenario", root, "--seeds", "3"]);
    assert_eq!(code, 0);
    assert_eq!(value["scenarios"].as_array().unwrap().len(), 16);
    assert_eq!(value["waiting"].as_array().unwrap().len(), 6);
}

#[test]
fn the_resolver_is_clean_and_broken_without_a_safeguard() {
    let folder = Folder::new("resolver");
    let (code, value) = json(&folder.0, &["resolver", "--seeds", "20", "--depth", "2"]);
    assert_eq!((code, &value["violation"]), (0, &Value::Null));
    assert_eq!(value["small-worlds"], 110);
    let broken = sim(&folder.0, &["resolver", "--without", "evidence-of-one"]);
    assert_eq!(broken.status.code(), Some(1));
    let told = said(&broken);
    assert!(
        told.contains("R1 at ") && told.contains("released: "),
        "{told}"
    );
    let (code, value) = json(&folder.0, &["mutants", "release-never"]);
    assert_eq!((code, &value["mutants"][0]["invariant"]), (0, &"R2".into()));
    let nobody = sim(&folder.0, &["resolver", "--without", "luck"]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(
        said(&nobody).contains("evidence-of-one"),
        "{}",
        said(&nobody)
    );
}

#[test]
fn mutants_are_caught_and_the_control_is_clean() {
    let folder = Folder::new("mutants");
    let (code, value) = json(
        &folder.0,
        &["mutants", "none", "no-fence", "--seeds", "100"],
    );
    assert_eq!(code, 0);
    let [control, mutant] = value["mutants"].as_array().unwrap().as_slice() else {
        panic!("{value}");
    };
    assert_eq!(
        (&control["caught"], &control["invariant"]),
        (&Value::Bool(false), &Value::Null)
    );
    assert_eq!(mutant["caught"], true);
    assert!(mutant["invariant"].is_string() && mutant["seeds"].is_u64());
    // A survivor is a failure.
    assert_eq!(
        json(&folder.0, &["mutants", "no-rests", "--seeds", "1"]).0,
        1
    );
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    let folder = Folder::new("wrong");
    let write = |name: &str, text: &str| std::fs::write(folder.0.join(name), text).unwrap();
    write("bad.toml", "name = \"bad\"\ntitel = \"x\"\n");
    write("empty.trace", "");
    write("old.trace", "{\"format\":7}\n");
    let standard = r#"{"format":1,"scenario":"x","commit":"","without":"none","follows":"at-once","setting":{"enactors":1,"servers":[{}]},"hash":"00"}"#;
    write(
        "line.trace",
        &format!("{standard}\n{{\"at\":1,\"strat\":0}}\n"),
    );
    write(
        "other.trace",
        &format!("{standard}\n{{\"at\":1,\"start\":0}}\n"),
    );
    for (words, code, wanted) in [
        (
            &["run", "--scenario", "bad.toml"][..],
            2,
            &["bad.toml:2:1", "did you mean `title`?"][..],
        ),
        (
            &["run", "--without", "no-fense"],
            2,
            &["did you mean `no-fence`?"],
        ),
        (&["replay", "nothing.trace"], 2, &["cannot read"]),
        (&["replay", "empty.trace"], 2, &["the file is empty"]),
        (
            &["replay", "old.trace"],
            2,
            &["format 7", "this version reads format 1"],
        ),
        (
            &["replay", "line.trace"],
            2,
            &["line.trace:2", "did you mean `start`?"],
        ),
        (
            &["replay", "other.trace"],
            1,
            &["comes to nothing broken and number"],
        ),
        (&["shrink", "other.trace"], 1, &["breaks nothing"]),
    ] {
        let output = sim(&folder.0, words);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {text}");
        for part in wanted {
            assert!(text.contains(part), "{words:?}: {text}");
        }
    }
}
