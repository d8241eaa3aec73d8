//! What a config for a zone that is found live should say: what to leave to others, what may never
//! be empty.

use crate::config::model::Limits;
use crate::config::names;
use crate::config::sample::{Sample, SampleServer, SampleZone};
use dns::{Name, RRset, Rtype, Zone};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// What external-dns writes into its TXT registry.
const HERITAGE: &str = "heritage=external-dns";

/// A proposal for one zone.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Patterns to leave to others, each with the reason.
    pub ignore: Vec<(String, String)>,
    /// Names that may never be empty, as the config has them.
    pub critical: Vec<String>,
    /// Registry entries of external-dns for which no name was found.
    pub unclear: Vec<String>,
    /// Names to leave to others that no pattern of the config can say.
    pub unfit: Vec<String>,
}

/// Looks at a zone as it was transferred.
pub fn propose(zone: &Zone) -> Proposal {
    let mut proposal = Proposal::default();
    let acme = "ACME clients write and delete there".to_owned();
    proposal.ignore.push(("_acme-challenge.**".into(), acme));
    let (taken, unclear) = external(zone);
    let zone_name = plain(zone.apex());
    for (name, owner) in &taken {
        let text = relative(name, zone.apex());
        if names::pattern(&text, &zone_name).is_ok() {
            let why = format!("external-dns, owner {owner}");
            proposal.ignore.push((text, why));
        } else {
            proposal.unfit.push(name.to_string());
        }
    }
    proposal.unclear = unclear.iter().map(Name::to_string).collect();
    for text in ["@", "www", "api"] {
        let Ok(name) = Name::parse(text, zone.apex()) else {
            continue;
        };
        if has_address(zone, &name) && !taken.contains_key(&name) {
            proposal.critical.push(text.to_owned());
        }
    }
    proposal
}

/// The text of a new config for the zone.
pub fn sample(zone: &Name, proposal: &Proposal, servers: &[SocketAddr], key_file: &str) -> Sample {
    let name = plain(zone);
    let ids: Vec<String> = (1..=servers.len()).map(|n| format!("ns{n}")).collect();
    let server = |(id, address): (&String, &SocketAddr)| SampleServer {
        name: id.clone(),
        address: *address,
        key_file: Some(key_file.to_owned()),
        followers: Vec::new(),
    };
    Sample {
        cell: "cell-1".into(),
        state: "state".into(),
        servers: ids.iter().zip(servers).map(server).collect(),
        zones: vec![SampleZone {
            content: format!("{}.zone", name.replace('/', "_")),
            name,
            servers: ids,
            own: vec!["**".into()],
            ignore: proposal.ignore.clone(),
            critical: proposal.critical.clone(),
            limits: Limits::suggested(),
        }],
    }
}

/// Names that external-dns owns or keeps its registry at, each with its owner; and registry
/// entries that could stand for no name found.
fn external(zone: &Zone) -> (BTreeMap<Name, String>, Vec<Name>) {
    let mut taken = BTreeMap::new();
    let mut unclear = Vec::new();
    for rrset in zone.iter().filter(|r| r.rtype() == Rtype::TXT) {
        let Some(owner) = heritage(rrset) else {
            continue;
        };
        let covered = covered(zone, rrset.name());
        if covered.is_empty() {
            unclear.push(rrset.name().clone());
        }
        taken.insert(rrset.name().clone(), owner.clone());
        for name in covered {
            taken.insert(name, owner.clone());
        }
    }
    (taken, unclear)
}

/// The owner id of a registry entry.
fn heritage(rrset: &RRset) -> Option<String> {
    let text = rrset.texts().into_iter().find(|t| t.contains(HERITAGE))?;
    let owner = text.split(',').find_map(|part| {
        let value = part.trim_matches('"').strip_prefix("external-dns/owner=")?;
        Some(value.trim_matches('"').to_owned())
    });
    Some(owner.unwrap_or_else(|| "unknown".into()))
}

/// The names that a registry entry may stand for: its own, or one that its first label has a
/// prefix or suffix before or after (`a-www`, `cname-www`, `www-registry`).
fn covered(zone: &Zone, registry: &Name) -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    if has_data(zone, registry) {
        found.insert(registry.clone());
    }
    let labels = registry.labels();
    let (Some(first), Some(parent)) = (labels.first(), registry.parent()) else {
        return found;
    };
    let cuts = first.iter().enumerate().filter(|(_, c)| b"-_".contains(c));
    for (at, _) in cuts {
        for part in [&first[at + 1..], &first[..at]] {
            if let Ok(name) = parent.child(part)
                && has_data(zone, &name)
            {
                found.insert(name);
            }
        }
    }
    // A registry prefix that ends in a dot: `a.www`, `registry.www`.
    if parent.is_under(zone.apex()) && &parent != zone.apex() && has_data(zone, &parent) {
        found.insert(parent);
    }
    found
}

/// Whether a name has what external-dns writes.
fn has_data(zone: &Zone, name: &Name) -> bool {
    let kinds = [Rtype::A, Rtype::AAAA, Rtype::CNAME];
    name.is_under(zone.apex()) && kinds.iter().any(|t| zone.get(name, *t).is_some())
}

fn has_address(zone: &Zone, name: &Name) -> bool {
    let kinds = [Rtype::A, Rtype::AAAA];
    kinds.iter().any(|t| zone.get(name, *t).is_some())
}

/// A name as a pattern of the config has it.
fn relative(name: &Name, apex: &Name) -> String {
    let mut text = String::new();
    let _ = name.write_relative(apex, &mut text);
    text
}

fn plain(name: &Name) -> String {
    super::words::name(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn zone(records: &str) -> Zone {
        let apex = Name::absolute("example.com").unwrap();
        let text = format!(
            "$ORIGIN example.com.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n{records}"
        );
        let options = dns::zonefile::Options::default();
        let none = &mut dns::zonefile::no_includes;
        dns::zonefile::parse(text.as_bytes(), "z", &apex, &options, none)
            .unwrap()
            .zone
    }

    #[test]
    fn what_external_dns_owns_is_left_to_it() {
        let heritage = "TXT \"heritage=external-dns,external-dns/owner=k8s,external-dns/resource=ingress/a/b\"";
        let found = propose(&zone(&format!(
            "app A 192.0.2.2\na-app {heritage}\nold A 192.0.2.3\nold {heritage}\nlost {heritage}\nwww A 192.0.2.4\nmy-www TXT \"hello\"\n@ A 192.0.2.5\n"
        )));
        let ignored: Vec<&str> = found.ignore.iter().map(|(p, _)| p.as_str()).collect();
        assert_eq!(
            ignored,
            ["_acme-challenge.**", "a-app", "app", "lost", "old"]
        );
        assert_eq!(found.ignore[1].1, "external-dns, owner k8s");
        assert_eq!(found.critical, ["@", "www"]);
        assert_eq!(found.unclear, ["lost.example.com."]);
    }

    #[test]
    fn what_external_dns_owns_is_not_critical() {
        let found = propose(&zone(
            "www A 192.0.2.4\nwww TXT \"heritage=external-dns\"\n",
        ));
        assert!(found.critical.is_empty());
    }

    #[test]
    fn the_proposed_config_loads() {
        let zone = zone("www A 192.0.2.4\n");
        let proposal = propose(&zone);
        let servers = ["192.0.2.1:53".parse().unwrap()];
        let text =
            crate::config::sample::write_sample(&sample(zone.apex(), &proposal, &servers, "k"));
        let source = crate::diag::Source::new("steadfast.toml", text);
        let loaded = crate::config::parse(source, std::path::Path::new(".")).unwrap();
        assert_eq!(
            loaded.config.zones["example.com"].critical,
            ["www.example.com"]
        );
    }
}
