//! What is made from the list of keys, and what is written for people to start with.
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::config::keys::{Kind, Need, sections};
use crate::config::sample::{Sample, SampleServer, SampleZone, write_sample};
use crate::config::{manual::manual, model::Limits, schema::schema};

const EVERY_KEY: &str = include_str!("../../../tests/fixtures/every-key.toml");

fn json(text: &str) -> Json {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

/// The part of JSON Schema that ours uses, patterns aside. Counts the properties that it met.
fn valid(schema: &Json, value: &Json, path: &str, met: &mut Vec<String>) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("{path}: {why}"));
    if let Some(words) = schema.get("enum") {
        return if words.as_array().unwrap().contains(value) {
            Ok(())
        } else {
            wrong("not in the enum")
        };
    }
    match (schema["type"].as_str().unwrap(), value) {
        ("boolean", Json::Bool(_)) => Ok(()),
        ("string", Json::String(text)) => {
            let length = text.len() as u64;
            let fits = length >= schema["minLength"].as_u64().unwrap_or(0)
                && length <= schema["maxLength"].as_u64().unwrap_or(u64::MAX);
            if fits { Ok(()) } else { wrong("length") }
        }
        ("integer", Json::Number(number)) => {
            let inside = number.as_u64() >= schema["minimum"].as_u64()
                && number.as_u64() <= schema["maximum"].as_u64();
            if inside { Ok(()) } else { wrong("bounds") }
        }
        ("array", Json::Array(items)) => {
            if (items.len() as u64) < schema["minItems"].as_u64().unwrap_or(0) {
                return wrong("too few");
            }
            items
                .iter()
                .try_for_each(|item| valid(&schema["items"], item, &format!("{path}[]"), met))
        }
        ("object", Json::Object(table)) => {
            for key in schema["required"].as_array().into_iter().flatten() {
                if !table.contains_key(key.as_str().unwrap()) {
                    return wrong(&format!("lacks {key}"));
                }
            }
            table.iter().try_for_each(|(key, value)| {
                let known = &schema["properties"][key];
                let (inner, path) = if known.is_null() {
                    (&schema["additionalProperties"], format!("{path}.*"))
                } else {
                    (known, format!("{path}.{key}"))
                };
                if inner == &Json::Bool(true) {
                    return Ok(());
                }
                if !inner.is_object() {
                    return Err(format!("{path}: unknown {key}"));
                }
                met.push(path.clone());
                valid(inner, value, &path, met)
            })
        }
        (wanted, _) => wrong(&format!("not a {wanted}")),
    }
}

fn properties(schema: &Json, path: &str, out: &mut Vec<String>) {
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        out.push(format!("{path}.{key}"));
        properties(inner, &format!("{path}.{key}"), out);
    }
    if schema["additionalProperties"].is_object() {
        out.push(format!("{path}.*"));
        properties(&schema["additionalProperties"], &format!("{path}.*"), out);
    }
    if schema["items"].is_object() {
        properties(&schema["items"], &format!("{path}[]"), out);
    }
}

#[test]
fn loader_and_schema_know_the_same_keys() {
    let (schema, mut met, mut known) = (schema(), Vec::new(), Vec::new());
    valid(&schema, &json(DESIGN), "", &mut Vec::new()).unwrap();
    valid(&schema, &json(EVERY_KEY), "", &mut met).unwrap();
    properties(&schema, "", &mut known);
    // A limit is the same table six times; one of them shows both of its keys.
    let limit = |path: &String| {
        path.contains(".limits.") && (path.ends_with(".count") || path.ends_with(".share"))
    };
    let unmet: Vec<_> = known
        .iter()
        .filter(|path| !limit(path) && !met.contains(path))
        .collect();
    assert!(unmet.is_empty(), "not in the fixture: {unmet:?}");
    let loaded = parse_text(EVERY_KEY)
        .map_err(|diags| render_all(&diags, false))
        .unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    insta::assert_debug_snapshot!(loaded.config);
}

#[test]
fn what_the_schema_refuses_the_loader_refuses() {
    for (from, to) in [
        ("min-fence", "min-fense"),
        ("\"server\"", "\"sever\""),
        ("count = 5", "count = -5"),
        ("count = 5", "count = 1.5"),
        ("[\"ns1\", \"ns2\"]", "[]"),
        ("[cell]", "[sell]"),
        ("fall = 3", "fall = 0"),
        ("name  = \"eu-1\"", ""),
    ] {
        let text = DESIGN.replacen(from, to, 1);
        assert_ne!(text, DESIGN, "{from}");
        assert!(
            valid(&schema(), &json(&text), "", &mut Vec::new()).is_err(),
            "{to}"
        );
        assert!(parse_text(&text).is_err(), "{to}");
    }
}

#[test]
fn examples_and_defaults_in_the_list_of_keys_are_good() {
    for key in sections().into_iter().flat_map(|section| section.keys) {
        let headed = matches!(key.kind, Kind::Table(_) | Kind::ById(_) | Kind::ByName(_));
        let default = match key.need {
            Need::Default(text) => Some(text),
            _ => None,
        };
        for text in default.into_iter().chain((!headed).then_some(key.example)) {
            let value = toml::de::DeValue::parse(text).unwrap();
            let mut cx = Reader::new(Source::new("keys", text), Path::new("."));
            let span = value.span();
            let read = fields::read_value(&mut cx, &key.kind, key, &value, &span, key.name);
            assert!(
                read.is_some() && cx.diags.is_empty(),
                "{}: {:?}",
                key.name,
                cx.diags
            );
        }
        assert!(
            key.doc.ends_with(['.', ':']) && key.doc.len() > 10,
            "{}: {}",
            key.name,
            key.doc
        );
    }
}

#[test]
fn manual_is_up_to_date() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/manual/config.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, manual()).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        written == manual(),
        "run: BLESS=1 cargo test -p steadfast manual"
    );
}

fn sample() -> Sample {
    Sample {
        cell: "eu-1".into(),
        state: "state".into(),
        zones: vec![SampleZone {
            name: "example.com".into(),
            content: "example.com.zone".into(),
            servers: vec!["ns1".into()],
            own: vec!["**".into()],
            ignore: vec![
                (
                    "_acme-challenge.**".into(),
                    "written by ACME clients".into(),
                ),
                ("a-www".into(), "external-dns\nowns it".into()),
            ],
            critical: vec!["@".into(), "www".into()],
            limits: Limits {
                delete_per_name: Some(model::Limit {
                    count: Some(2),
                    share: None,
                }),
                ..Limits::suggested()
            },
        }],
        servers: vec![SampleServer {
            name: "ns1".into(),
            address: "[::1]:5300".parse().unwrap(),
            key_file: Some("ns1.key".into()),
            followers: vec!["192.0.2.54:53".parse().unwrap()],
        }],
    }
}

#[test]
fn a_written_sample_loads_as_what_went_in() {
    let text = write_sample(&sample());
    insta::assert_snapshot!(text);
    let config = parse_text(&text)
        .map_err(|diags| render_all(&diags, false))
        .unwrap()
        .config;
    let zone = &config.zones["example.com"];
    assert_eq!(zone.limits, sample().zones[0].limits);
    assert_eq!(zone.ignore, ["_acme-challenge.**", "a-www"]);
    assert_eq!(zone.critical, ["example.com", "www.example.com"]);
    assert_eq!(config.servers["ns1"].address, sample().servers[0].address);
    assert_eq!(
        config.servers["ns1"].followers,
        sample().servers[0].followers
    );
}

proptest! {
    #[test]
    fn a_sample_loads_whatever_its_paths_and_reasons(path in "[^\\p{Cc}]{0,20}", why in ".{0,20}", count: u32, ppm in 1u32..=1_000_000) {
        let mut sample = sample();
        sample.zones[0].content = format!("x{path}");
        sample.servers[0].key_file = Some(format!("x{path}"));
        sample.zones[0].ignore[0].1 = why;
        let limit = model::Limit { count: Some(count.max(1)), share: Some(model::Share(ppm)) };
        sample.zones[0].limits.delete = limit;
        let config = parse_text(&write_sample(&sample)).map_err(|diags| render_all(&diags, false)).unwrap().config;
        prop_assert_eq!(&config.zones["example.com"].content, &Path::new("/etc/steadfast").join(format!("x{path}")));
        prop_assert_eq!(config.zones["example.com"].limits.delete, limit);
    }
}
