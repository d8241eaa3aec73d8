//! Servers that take connections and say nothing, because their process is stopped.

use crate::fixture::{Fixture, ZONE, key, name, start};
use dns::Rtype;
use peers::Kind;
use std::time::Duration;
use steadfast_cell::servers::rfc2136::TransferError;
use steadfast_cell::servers::{Failure, Rfc2136, Timeouts};

/// What an operator may have configured, beside a transfer's own limits, which are far longer.
const EXCHANGE: Duration = Duration::from_millis(400);

fn connect(fixture: &Fixture) -> Rfc2136 {
    let timeouts = Timeouts {
        exchange: EXCHANGE,
        idle: Duration::from_secs(300),
        transfer: Duration::from_secs(600),
        ..Timeouts::default()
    };
    let key = key(fixture.peer.key_file());
    Rfc2136::new(name("@"), fixture.peer.addr(), key, timeouts)
}

/// The system takes the connection and the question for it; so only its silence tells.
#[test]
fn a_hung_server_costs_one_exchange_and_no_transfer() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let server = connect(&fixture);
        // With a connection that is kept, and without one.
        for kept in [false, true] {
            if kept {
                server.read(&name("_steadfast"), &[]).unwrap();
            }
            fixture.peer.stop();
            let failed = server.transfer().unwrap_err();
            let after = match &failed {
                TransferError::Exchange(Failure::Timeout { after, .. }) => *after,
                other => panic!("{kind}: {other}"),
            };
            assert_eq!(after, EXCHANGE, "{kind}: {failed}");
            fixture.peer.cont();
            let whole = server.transfer().unwrap().zone;
            assert!(whole.get(&name("www"), Rtype::A).is_some(), "{kind} {ZONE}");
        }
    }
}
