//! The endpoints of the config, as part of a zone's content.

use crate::config::model;
use crate::exit::{Exit, Fail};
use dns::{Name, Rtype, Zone};
use std::time::Duration;
use steadfast_core::health::{Answer, Cadence, Endpoint, Floor, Target, Velocity, to_rrset};
use steadfast_core::time::Millis;

/// The content with the definitions of a zone's endpoints.
///
/// # Errors
/// Content that has addresses or an alias where an endpoint stands, or an endpoint with more targets
/// than a definition holds.
pub fn add<'e>(
    content: Zone,
    file: &str,
    endpoints: impl Iterator<Item = &'e model::Endpoint>,
) -> Result<Zone, Fail> {
    let mut all: Vec<_> = content.iter().cloned().collect();
    for endpoint in endpoints {
        let endpoint = definition(endpoint)?;
        let beside = [Rtype::A, Rtype::AAAA, Rtype::CNAME].into_iter();
        if let Some(beside) = beside.filter_map(|t| content.get(&endpoint.name, t)).next() {
            let name = crate::commands::words::name(&endpoint.name);
            let message = format!(
                "{name} is an endpoint of the config, and {file} has {} records for it",
                beside.rtype()
            );
            let help = format!(
                "its addresses come from its targets: take its {} records out of {file}, or [endpoint.\"{name}\"] out of the config",
                beside.rtype()
            );
            return Err(Fail::new(Exit::Usage, "endpoint-twice", message, help));
        }
        let large = |e: steadfast_core::health::DefinitionError| {
            let help = "split the endpoint over several names";
            Fail::new(Exit::Usage, "endpoint-too-large", e.to_string(), help)
        };
        all.push(to_rrset(&endpoint).map_err(large)?);
    }
    let bad = |e: dns::ZoneError| {
        let help = "look at the zone's endpoints in the config";
        Fail::new(Exit::Usage, "endpoint-outside", e.to_string(), help)
    };
    Zone::new(content.apex().clone(), all).map_err(bad)
}

/// An endpoint of the config in the core's terms.
fn definition(endpoint: &model::Endpoint) -> Result<Endpoint, Fail> {
    let bad = |e: dns::NameError| {
        let message = format!("the endpoint {:?}: {e}", endpoint.name);
        Fail::new(
            Exit::Usage,
            "bad-name",
            message,
            "write a name like www.example.com",
        )
    };
    let target = |t: &model::Target| Target {
        address: t.address,
        region: t.region.clone(),
        priority: t.priority,
    };
    Ok(Endpoint {
        name: Name::absolute(&endpoint.name).map_err(bad)?,
        answer: match endpoint.policy {
            model::Policy::AllHealthy => Answer::AllHealthy,
            model::Policy::Failover => Answer::Failover,
        },
        ttl: endpoint.ttl,
        floor: Floor {
            targets: endpoint.min_targets as usize,
            regions: endpoint.min_regions as usize,
        },
        velocity: Velocity {
            targets: endpoint.max_withdraw.targets as usize,
            per: millis(endpoint.max_withdraw.per),
        },
        check: endpoint.check.probe.clone(),
        cadence: Cadence {
            interval: millis(endpoint.check.interval),
            timeout: millis(endpoint.check.timeout),
            fall: endpoint.check.fall,
            rise: endpoint.check.rise,
        },
        targets: endpoint.targets.iter().map(target).collect(),
    })
}

fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}
