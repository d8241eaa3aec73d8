//! A server that is behind its ledger was not edited by anybody.

use super::Report;
use dns::{Change, Zone};

impl Report {
    /// Takes out of a server's edits what is none: what stands there is what its marker says, and
    /// the ledger went on since.
    pub fn excuse_behind(&mut self, server: &str, holds: &Zone) {
        let edited = |edit: &Change| holds.get(edit.name(), edit.rtype()) != edit.after();
        for list in [&mut self.drift, &mut self.already_there] {
            if let Some(edits) = list.get_mut(server) {
                edits.retain(edited);
            }
            list.retain(|_, edits| !edits.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::guards::testkit::{policy, zone};
    use crate::plan::{Desired, Form, Held, plan};

    #[test]
    fn a_server_that_is_behind_has_no_drift_but_one_that_was_edited_has() {
        // The deletion of `a` was cleared; ns1 does not have it yet, and somebody edited `b` there.
        let head = zone("b A 192.0.2.20\nc A 192.0.2.30\n");
        let holds = zone("a A 192.0.2.10\nb A 192.0.2.20\nc A 192.0.2.30\n");
        let stands = zone("a A 192.0.2.10\nb A 192.0.2.99\nc A 192.0.2.30\n");
        let desired = Desired {
            content: zone("a A 192.0.2.10\nb A 192.0.2.20\nc A 192.0.2.31\n"),
            source: "test".into(),
            form: Form::WithSoa,
        };
        let held = Held {
            configuration: 4,
            content: &head,
            outs: &Default::default(),
        };
        let observed = [("ns1".to_owned(), stands)].into();
        let mut report = plan(&desired, held, &observed, &policy(&[])).report;
        assert_eq!(report.already_there["ns1"].len(), 1);
        report.excuse_behind("ns1", &holds);
        assert!(report.already_there.is_empty());
        let names: Vec<String> = report.drift["ns1"]
            .iter()
            .map(|edit| edit.name().to_string())
            .collect();
        assert_eq!(names, ["b.example.com."]);
    }
}
