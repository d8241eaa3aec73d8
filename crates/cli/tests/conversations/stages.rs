//! A configuration that its canary did not bear.

use super::{Talk, bind, config, edit};

#[test]
fn a_rollout_is_rolled_back_while_its_author_sleeps() {
    let peers = [bind(), bind()];
    let mut talk = Talk::new("stages");
    let mut text = config(&peers[0].addr().to_string());
    text = text.replace("[\"ns1\"]", "[\"ns1\", \"ns2\"]");
    for (n, peer) in (1..).zip(&peers) {
        talk.hide(&peer.addr().to_string(), &format!("127.0.0.{n}:PORT"));
        let key = talk.folder().join(format!("ns{n}.key"));
        std::fs::copy(peer.key_file(), key).unwrap();
    }
    let stage = |name: &str, server: &str| {
        format!(
            "[[zone.\"example.com\".stage]]\nname = \"{name}\"\nservers = [\"{server}\"]\nbake = \"2s\"\n\
             checks = [{{ type = \"command\", name = \"errors\", every = \"1s\", timeout = \"1s\", \
             run = [\"/bin/cat\", \"{}\"] }}]\n\n",
            talk.folder().join("no-errors").display()
        )
    };
    let ns2 = format!(
        "\n[server.ns2]\ntype = \"rfc2136\"\naddress = \"{}\"\nkey-file = \"ns2.key\"\ndeadline = \"5s\"\n",
        peers[1].addr()
    );
    let stages = stage("canary", "ns1") + &stage("rest", "ns2");
    let limits = "[zone.\"example.com\".limits]";
    text = text.replace(limits, &(stages + limits)) + &ns2;
    talk.write("steadfast.toml", &text);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    edit(&talk, "api 60 IN A 192.0.2.20", "api 60 IN A 192.0.2.21");
    assert_eq!(talk.run("plan example.com"), 0);
    assert_eq!(talk.run("apply example.com --yes"), 6);
    assert_eq!(talk.run("status"), 0);
    assert_eq!(talk.run("log example.com --last 10"), 0);
    for peer in &peers {
        assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.20"]);
    }
    insta::assert_snapshot!(talk.script());
}
