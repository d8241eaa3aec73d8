//! What is wrong with servers.

use super::{Kind, Trouble, View, short};
use crate::gate::CLOCK_TOLERANCE;
use crate::ledger::{ServerId, ServerState};
use dns::{Name, Rtype};
use std::collections::BTreeMap;

impl View<'_> {
    pub(super) fn servers(&self, all: &mut Vec<Trouble>) {
        for (id, server) in &self.state.servers {
            if !server.released {
                all.extend(self.server(id, server));
            }
        }
        self.drift(all);
        let taken = self.state.servers.values().filter_map(|s| s.taken_at);
        let behind = taken.min().unwrap_or_default().since(self.now);
        if behind > CLOCK_TOLERANCE {
            let text = format!(
                "this machine's clock is {} s behind a write that servers have taken: nothing is decided",
                behind.0 / 1000
            );
            let next = "timedatectl set-ntp true";
            all.push(self.trouble(Kind::ClockBehind, "", &text, next));
        }
    }

    /// The worst thing about a server: one cause is one trouble.
    fn server(&self, id: &ServerId, server: &ServerState) -> Option<Trouble> {
        let zone = self.zone;
        if let Some(halt) = &server.halted {
            let text = format!("nothing is written to {id}: {}", halt.reason);
            return Some(self.trouble(Kind::Halted, id, &text, &halt.fix));
        }
        let apply = self.bring();
        let held = server
            .holding()
            .map_or_else(|| "nothing of ours".to_owned(), ToString::to_string);
        if server.restored.is_some() {
            let text = format!("{id} came back with older data ({held}) and is to be repaired");
            return Some(self.trouble(Kind::Restored, id, &text, &apply));
        }
        if let Some(why) = self.known.blocked.get(id) {
            let text = format!("no way leads {id} from {held} to {}: {why}", self.goal(id));
            let next = format!("steadfast rollback {zone} --dry-run");
            return Some(self.trouble(Kind::Blocked, id, &text, &next));
        }
        // Nothing is written while frozen, and that is said by itself.
        let is_held = self.freezes.hold(self.state, self.now)
            || self.freezes.on_server(id).is_some()
            || self.state.is_stuck();
        let waiting = self.known.waiting.get(id);
        if !self.state.is_whole(id) && !is_held {
            let why = waiting.map_or_else(String::new, |why| format!(": {why}"));
            let text = format!("{id} holds {held}; {} is to come{why}", self.goal(id));
            // Whoever keeps the zone writes to it as soon as it can be: the way there is what to look at.
            let next = match waiting {
                Some(_) => format!("steadfast explain {zone} --live"),
                None => apply,
            };
            return Some(self.trouble(Kind::Behind, id, &text, &next));
        }
        let why = waiting.filter(|_| !is_held)?;
        let text = format!("{id} can't be asked what it answers: {why}");
        let next = format!("steadfast explain {zone} --live");
        Some(self.trouble(Kind::Unreachable, id, &text, &next))
    }

    fn goal(&self, id: &str) -> String {
        format!("{}/{}", self.state.goal(id), self.state.health)
    }

    /// The command that brings servers to where they are meant to be. After a rollback `apply` would
    /// plan what failed once more, because the source still says it.
    fn bring(&self) -> String {
        let rollout = self.state.stages.rollout.as_ref();
        match rollout.is_some_and(|r| r.failed.is_some()) {
            true => "steadfast up".into(),
            false => format!("steadfast apply {}", self.zone),
        }
    }

    /// An edit is one trouble, on however many servers it stands.
    fn drift(&self, all: &mut Vec<Trouble>) {
        let mut edits = BTreeMap::<&Name, (Vec<Rtype>, Vec<&ServerId>)>::new();
        for (id, server) in &self.state.servers {
            for drift in server.drift.iter().filter(|d| !d.overwrite) {
                let (types, servers) = edits.entry(&drift.name).or_default();
                if !types.contains(&drift.rtype) {
                    types.push(drift.rtype);
                }
                if servers.last() != Some(&id) {
                    servers.push(id);
                }
            }
        }
        let zone = self.zone;
        for (name, (types, servers)) in edits {
            let name = short(name);
            let types: Vec<String> = types.iter().map(ToString::to_string).collect();
            let servers: Vec<&str> = servers.iter().map(|s| s.as_str()).collect();
            let text = format!(
                "{name} {} was edited by somebody else on {}",
                types.join(", "),
                servers.join(", ")
            );
            let next = format!("steadfast adopt {zone} --drift {name}");
            let beside = format!(
                "(keep it), or steadfast apply {zone} --overwrite {name}   (put ours back)"
            );
            let trouble = self.trouble(Kind::Drift, &name, &text, &next);
            all.push(trouble.beside(&beside));
        }
    }
}
