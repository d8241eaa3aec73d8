//! Prometheus' instant query (HTTP API v1, `/api/v1/query`).
//!
//! An error, an answer that is no vector or scalar, one without values and one with a value that is
//! no number are inconclusive: a series that is not there is not a series without faults.

use crate::http;
use crate::limit::Limit;
use serde_json::Value;
use std::fmt::Write as _;
use std::net::SocketAddr;
use steadfast_core::rollout::{Reading, Threshold, Word};

pub(super) fn look(address: SocketAddr, query: &str, pass: &Threshold, limit: Limit) -> Reading {
    let path = format!("/api/v1/query?query={}", escaped(query));
    let answer = match http::get(address, &path, &address.to_string(), limit) {
        Ok(answer) => answer,
        Err(why) => return Reading::inconclusive(format!("Prometheus: {why}")),
    };
    judge(answer.status, &answer.body, pass)
}

fn judge(status: u16, body: &[u8], pass: &Threshold) -> Reading {
    let answer: Value = match serde_json::from_slice(body) {
        Ok(answer) => answer,
        Err(_) => {
            return Reading::inconclusive(format!("Prometheus answers {status}, and no JSON"));
        }
    };
    if status != 200 || answer["status"] != "success" {
        let error = answer["error"].as_str().unwrap_or("no reason given");
        return Reading::inconclusive(format!("Prometheus answers {status}: {error}"));
    }
    let values = match values(&answer["data"]) {
        Some(values) if !values.is_empty() => values,
        Some(_) => return Reading::inconclusive("Prometheus has no value for the query"),
        None => return Reading::inconclusive("the query gives neither a vector nor a scalar"),
    };
    let mut worst: Option<(Word, String)> = None;
    for text in values {
        let word = text
            .parse::<f64>()
            .map_or(Word::Inconclusive, |v| pass.judge(v));
        let rank = |word: Word| match word {
            Word::Fail => 2,
            Word::Inconclusive => 1,
            Word::Pass => 0,
        };
        if worst
            .as_ref()
            .is_none_or(|(known, _)| rank(word) > rank(*known))
        {
            worst = Some((word, text));
        }
    }
    let (word, value) = worst.unwrap_or((Word::Inconclusive, "nothing".into()));
    let said = match word {
        Word::Pass => format!("{value} is {pass}"),
        Word::Fail => format!("{value} is not {pass}"),
        Word::Inconclusive => format!("{value:?} is no number"),
    };
    Reading { word, said }
}

/// The values of a vector or of a scalar, as text; `None`: it is something else.
fn values(data: &Value) -> Option<Vec<String>> {
    let value = |pair: &Value| pair.get(1).and_then(Value::as_str).map(str::to_owned);
    match data["resultType"].as_str()? {
        "scalar" => value(&data["result"]).map(|v| vec![v]),
        "vector" => {
            let series = data["result"].as_array()?.iter();
            series.map(|one| value(&one["value"])).collect()
        }
        _ => None,
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> (Word, String) {
        let reading = judge(status, body.as_bytes(), &"< 0.05".parse().unwrap());
        (reading.word, reading.said)
    }

    fn vector(values: &[&str]) -> String {
        let one = |v: &&str| format!(r#"{{"metric":{{}},"value":[1,"{v}"]}}"#);
        let all: Vec<String> = values.iter().map(one).collect();
        let all = all.join(",");
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{all}]}}}}"#)
    }

    #[test]
    fn every_value_must_pass_and_what_is_no_number_does_not() {
        assert_eq!(
            said(200, &vector(&["0.01"])),
            (Word::Pass, "0.01 is < 0.05".into())
        );
        assert_eq!(said(200, &vector(&["0.01", "0.4"])).0, Word::Fail);
        assert_eq!(said(200, &vector(&["NaN"])).0, Word::Inconclusive);
        assert_eq!(said(200, &vector(&["0.01", "NaN"])).0, Word::Inconclusive);
        assert_eq!(said(200, &vector(&["NaN", "0.4"])).0, Word::Fail);
        assert_eq!(said(200, &vector(&["+Inf"])).0, Word::Fail);
        assert_eq!(said(200, &vector(&[])).0, Word::Inconclusive);
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"0"]}}"#;
        assert_eq!(said(200, scalar).0, Word::Pass);
    }

    #[test]
    fn an_answer_that_is_none_says_nothing() {
        let error = r#"{"status":"error","error":"parse error"}"#;
        assert_eq!(
            said(400, error),
            (
                Word::Inconclusive,
                "Prometheus answers 400: parse error".into()
            )
        );
        assert_eq!(said(503, "Service Unavailable").0, Word::Inconclusive);
        assert_eq!(said(200, "<html>").0, Word::Inconclusive);
        let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
        assert_eq!(said(200, matrix).0, Word::Inconclusive);
        assert_eq!(said(503, &vector(&["0"])).0, Word::Inconclusive);
    }
}
