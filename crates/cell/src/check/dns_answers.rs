//! What clients are answered by every server of a stage and by its followers, over UDP and TCP.

use crate::limit::Limit;
use crate::servers::Rfc2136;
use dns::message::CLASS_IN;
use dns::{Message, Name, RRset, Rcode, Rtype};
use std::net::SocketAddr;
use steadfast_core::marker::Marker;
use steadfast_core::rollout::{Reading, Word};

/// What every answer must have.
pub(super) struct Wanted<'w> {
    pub(super) name: &'w Name,
    pub(super) rtype: Rtype,
    pub(super) values: &'w [String],
    pub(super) count: usize,
    pub(super) configuration: u64,
    pub(super) marker: &'w Name,
}

impl Wanted<'_> {
    /// One that fails makes the reading fail, else one that says nothing makes it inconclusive.
    pub(super) fn look(&self, servers: &[(String, Vec<SocketAddr>)], limit: Limit) -> Reading {
        let mut worst = Reading::inconclusive("no server of the stage holds the configuration");
        let mut asked = 0;
        for (id, addresses) in servers {
            for address in addresses {
                for tcp in [false, true] {
                    let one = self.ask(*address, tcp, limit);
                    let how = if tcp { "TCP" } else { "UDP" };
                    let one = Reading {
                        said: format!("{id} ({address}, {how}): {}", one.said),
                        ..one
                    };
                    match one.word {
                        Word::Fail => return one,
                        Word::Inconclusive => worst = one,
                        Word::Pass if asked == 0 => worst = one,
                        Word::Pass => {}
                    }
                    asked += 1;
                }
            }
        }
        match worst.word {
            Word::Pass => Reading::pass(format!(
                "{} {} as it shall be in {asked} answers",
                self.name, self.rtype
            )),
            _ => worst,
        }
    }

    fn ask(&self, address: SocketAddr, tcp: bool, limit: Limit) -> Reading {
        // The marker last: what came before it is of this generation or of an earlier one.
        let question = (self.name, self.rtype);
        let answer = match whole(address, question, tcp, limit) {
            Ok(answer) => answer,
            Err(why) => return Reading::inconclusive(why),
        };
        let held = match whole(address, (self.marker, Rtype::TXT), tcp, limit) {
            Ok(answer) => answer,
            Err(why) => return Reading::inconclusive(why),
        };
        match self.generation(&held) {
            Ok(held) if held == self.configuration => self.judge(&answer),
            Ok(held) => Reading::inconclusive(format!(
                "it answers from configuration {held}, not yet from {}",
                self.configuration
            )),
            Err(why) => Reading::inconclusive(why),
        }
    }

    fn generation(&self, answer: &Message) -> Result<u64, String> {
        let found = Message::rrset(&answer.answer, self.marker, Rtype::TXT);
        let found = found.map_err(|e| e.to_string())?;
        let found = found.ok_or("it has no marker")?;
        let marker = Marker::read(&found).map_err(|e| e.to_string())?;
        Ok(marker.configuration)
    }

    fn judge(&self, answer: &Message) -> Reading {
        // At the end of a chain of aliases, too.
        let of_type = |r: &&dns::message::Record| r.rtype == self.rtype && r.class == CLASS_IN;
        let data: Vec<&Vec<u8>> = answer
            .answer
            .iter()
            .filter(of_type)
            .map(|r| &r.data)
            .collect();
        let found = match RRset::new(self.name.clone(), self.rtype, 0, &data) {
            Ok(set) if !data.is_empty() => set.texts(),
            _ => return Reading::fail(format!("{} and no {}", answer.rcode, self.rtype)),
        };
        if found.len() < self.count {
            let (has, count) = (found.len(), self.count);
            return Reading::fail(format!("{has} records of {count}: {}", found.join(", ")));
        }
        match self.values.iter().find(|value| !found.contains(value)) {
            Some(missing) => Reading::fail(format!("{missing} is not in {}", found.join(", "))),
            None => Reading::pass(found.join(", ")),
        }
    }
}

/// An answer that says something: SERVFAIL, REFUSED and silence do not (I7).
fn whole(
    address: SocketAddr,
    question: (&Name, Rtype),
    tcp: bool,
    limit: Limit,
) -> Result<Message, String> {
    let left = limit.left().ok_or_else(|| limit.passed())?;
    let answer = Rfc2136::look(address, question, tcp, left).map_err(|e| e.to_string())?;
    match answer.rcode {
        Rcode::NOERROR | Rcode::NXDOMAIN => Ok(answer),
        other => Err(format!("it answers {other}")),
    }
}
