#![allow(clippy::unwrap_used)]

use crate::guards::Verdict::{Note, Refuse, Standing};
use crate::guards::standing_faults;
use crate::guards::testkit::*;

const GUARD: &str = "dangling";

fn refused(from: &str, to: &str) -> Vec<String> {
    said(&judged(from, to, &policy(&[])), GUARD, Refuse)
}

fn stood(from: &str, to: &str) -> Vec<String> {
    let found = judged(from, to, &policy(&[]));
    assert_eq!(said(&found, GUARD, Refuse), Vec::<String>::new());
    said(&found, GUARD, Standing)
}

#[test]
fn a_target_that_goes_is_refused() {
    let before = "mail A 192.0.2.7\n@ MX 10 mail\na CNAME mail\nb A 192.0.2.9\n";
    assert_eq!(
        refused(before, "@ MX 10 mail\na CNAME mail\nb A 192.0.2.9\n"),
        [
            "at the end, example.com. MX points at mail.example.com., which leads nowhere: no address: it does not exist; the plan deletes mail.example.com. A",
            "at the end, a.example.com. CNAME points at mail.example.com., which leads nowhere: it does not exist; the plan deletes mail.example.com. A"
        ]
    );
    assert_eq!(refused(before, "b A 192.0.2.9\n"), Vec::<String>::new());
}

#[test]
fn each_type_asks_for_what_it_needs() {
    let txt = "t TXT hello\n";
    let with = |line: &str| refused("", &format!("{txt}{line}\n")).len();
    assert_eq!(with("a CNAME t"), 0);
    assert_eq!(with("a CNAME nothing"), 1);
    assert_eq!(with("a MX 10 t"), 1);
    assert_eq!(with("a MX 0 ."), 0);
    assert_eq!(with("a SRV 0 0 443 t"), 1);
    assert_eq!(with("a SRV 0 0 443 ns1"), 0);
    assert_eq!(with("a DNAME t"), 0);
    assert_eq!(with("a DNAME nothing"), 1);
    assert_eq!(with("a NS t"), 1);
    assert_eq!(with("a NS elsewhere.example.net."), 0);
    // Glue: below its own delegation an address has to stand here.
    assert_eq!(with("a NS ns.a"), 1);
    assert_eq!(with("a NS ns.a\nns.a A 192.0.2.7"), 0);
    assert_eq!(with("a CNAME b\nb CNAME a"), 2);
}

/// RFC 9460 §2.4 and §2.5: an alias needs data, a service an address; `.` is the owner of a service,
/// and says of an alias that there is none.
#[test]
fn services_lead_somewhere() {
    let own = "t TXT hello\nh A 192.0.2.7\n";
    let with = |lines: &str| refused(own, &format!("{own}{lines}\n"));
    let none: Vec<String> = Vec::new();
    assert_eq!(with("a HTTPS 0 h"), none);
    assert_eq!(with("a HTTPS 0 t"), none);
    assert_eq!(with("a HTTPS 0 ."), none);
    assert_eq!(with("a HTTPS 1 h alpn=h2"), none);
    assert_eq!(with("a HTTPS 1 .\na A 192.0.2.8"), none);
    assert_eq!(with("a HTTPS 1 elsewhere.example.net."), none);
    assert_eq!(with("_8443._https.a SVCB 1 h port=8443"), none);
    assert_eq!(
        with("a HTTPS 0 gone"),
        [
            "at the end, a.example.com. HTTPS points at gone.example.com., which leads nowhere: it does not exist"
        ]
    );
    assert_eq!(
        with("a HTTPS 1 t alpn=h2"),
        [
            "at the end, a.example.com. HTTPS points at t.example.com., which leads nowhere: no address: it has data, but no such address"
        ]
    );
    assert_eq!(with("a HTTPS 1 . alpn=h2").len(), 1);
    assert_eq!(with("_8443._https.a SVCB 1 . port=8443").len(), 1);
}

/// What a service rests on goes: the target, and the owner's own address.
#[test]
fn what_a_service_points_at_does_not_go() {
    let h = "h A 192.0.2.7\n";
    let before = "a A 192.0.2.8\na HTTPS 1 . alpn=h2\nb HTTPS 1 h ipv4hint=192.0.2.7\nc SVCB 0 H\n";
    let all = format!("{h}{before}");
    assert_eq!(refused(&all, before).len(), 2);
    let without = "a HTTPS 1 . alpn=h2\nb HTTPS 1 h ipv4hint=192.0.2.7\nc SVCB 0 H\n";
    assert_eq!(refused(&all, &format!("{h}{without}")).len(), 1);
    assert_eq!(refused(&all, ""), Vec::<String>::new());
    // Both at once, in whatever order: the target comes first.
    assert_eq!(refused("", &all), Vec::<String>::new());
    let faults = standing_faults(&zone("a HTTPS 1 gone\n"), &policy(&[]));
    assert_eq!(faults.len(), 1);
}

#[test]
fn wildcards_carry_targets() {
    let wild = "*.w A 192.0.2.7\na CNAME x.w\n";
    assert_eq!(refused("*.w A 192.0.2.7\n", wild), Vec::<String>::new());
    assert_eq!(refused(wild, "a CNAME x.w\n").len(), 1);
    // An alias of a wildcard-served name, and something comes to be below that name.
    let shadowed = format!("{wild}y.x.w TXT t\n");
    assert_eq!(refused(wild, &shadowed).len(), 1);
}

#[test]
fn a_cname_stands_alone() {
    assert_eq!(
        refused("a CNAME ns1\n", "a CNAME ns1\na TXT t\n"),
        [
            "a.example.com. has a CNAME beside TXT; servers drop one of them silently (RFC 1034 §3.6.2)"
        ]
    );
    assert_eq!(refused("", "a CNAME ns1\na CNAME ns2\n").len(), 1);
    assert_eq!(
        stood("a CNAME ns1\na TXT t\n", "a CNAME ns2\na TXT t\n").len(),
        1
    );
}

#[test]
fn nothing_is_hidden_by_a_cut() {
    assert_eq!(
        refused("x.a A 192.0.2.7\n", "x.a A 192.0.2.7\na DNAME ns1\n").len(),
        1
    );
    assert_eq!(
        refused(
            "ns1 AAAA 2001:db8::1\nx.ns1 A 192.0.2.7\na DNAME ns1\n",
            "ns1 AAAA 2001:db8::1\nx.ns1 A 192.0.2.7\na DNAME ns1\nx.a A 192.0.2.7\n"
        )
        .len(),
        1
    );
    let sub = "sub NS ns.sub\nns.sub A 192.0.2.7\n";
    assert_eq!(refused("", sub), Vec::<String>::new());
    assert_eq!(refused(sub, &format!("{sub}x.sub TXT t\n")).len(), 1);
    assert_eq!(
        refused("x.sub A 192.0.2.9\n", &format!("{sub}x.sub A 192.0.2.9\n")).len(),
        1
    );
    assert_eq!(
        stood(
            &format!("{sub}x.sub TXT t\n"),
            &format!("{sub}x.sub TXT u\n")
        )
        .len(),
        1
    );
}

#[test]
fn what_dangled_before_is_standing() {
    let lines = stood(
        "a CNAME gone\nb A 192.0.2.7\n",
        "a 600 CNAME gone\nb A 192.0.2.7\n",
    );
    assert_eq!(
        lines,
        [
            "a.example.com. CNAME points at gone.example.com., which leads nowhere: it does not exist; it was so before"
        ]
    );
    // Another hole instead of the old one is a new one.
    assert_eq!(refused("a CNAME gone\n", "a CNAME gone-too\n").len(), 1);
    let faults = standing_faults(
        &zone("a CNAME gone\nb CNAME ns1\nb TXT t\nd DNAME ns1\nx.d A 192.0.2.7\n"),
        &policy(&[]),
    );
    assert_eq!(said(&faults, GUARD, Standing).len(), 3, "{faults:#?}");
    assert_eq!(standing_faults(&zone(""), &policy(&[])), []);
}

#[test]
fn servers_named_by_an_alias_are_noted() {
    let found = judged("", "m CNAME ns1\n@ MX 10 m\n", &policy(&[]));
    assert_eq!(
        said(&found, GUARD, Note),
        ["example.com. MX names m.example.com., which is an alias"]
    );
    assert_eq!(refusing(&found), Vec::<&str>::new());
}
