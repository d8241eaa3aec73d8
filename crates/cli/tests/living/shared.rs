//! Two processes of PowerDNS that share a PostgreSQL, behind one address.

use crate::site::{Server, Site, ZONE, axfr, server};
use peers::{Kind, PeerBuilder, Proxy, zone_text};

const RECORDS: &str = "www 60 A 192.0.2.1\n";

/// I1 rests on a server that compares and writes atomically. This one does not, so adoption refuses
/// it, and says what was seen and what to do; one of the two processes alone is adopted.
#[test]
fn what_does_not_fence_is_not_adopted() {
    let builder = PeerBuilder::new(Kind::PowerDns).zone(ZONE, &zone_text(ZONE, RECORDS));
    let peer = builder.on_postgres().start();
    let twin = peer.twin(0);
    let proxy = Proxy::among(&[peer.addr(), twin.addr()]);
    let shared = Server {
        address: proxy.addr(),
        ..server(&peer)
    };
    let mut site = Site::of(&peer, vec![shared], RECORDS);
    let before = axfr(&peer);
    let unnumbered = |records: std::collections::BTreeSet<String>| -> Vec<String> {
        records
            .into_iter()
            .filter(|r| !r.contains(" SOA "))
            .collect()
    };
    for min_fence in ["", "min-fence = \"server\"\n"] {
        site.zone = min_fence.into();
        site.wants(RECORDS);
        site.run(&["adopt", ZONE]).expect(4).says(&[
            "weak-fence",
            "ns1 fails race: of UPDATEs sent at once that expect the same marker",
            "let one alone take updates",
        ]);
        assert_eq!(unnumbered(axfr(&peer)), unnumbered(before.clone()));
    }
    // It is the pair that does not fence.
    site.servers = vec![server(&peer)];
    site.wants(RECORDS);
    site.run(&["adopt", ZONE]).expect(0);
}
