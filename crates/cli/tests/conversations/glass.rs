//! Half the world is down, the repair is on the canary, and its bake is long.

use super::approval::{key, roll, sign_elsewhere};
use super::{Talk, bind, config, edit};
use peers::Peer;
use std::process::Command;
use std::time::{Duration, Instant};

/// Long enough that nothing reaches the second server before its end by chance.
const BAKE: Duration = Duration::from_secs(30);

/// What each of them says.
const WHY: &str = "--reason 'half the world is down'";

/// Two servers, each in a stage of its own, and a roll of two people.
fn site(peers: &[Peer; 2]) -> Talk {
    let mut talk = Talk::new("glass");
    let mut text = config(&peers[0].addr().to_string());
    text = text.replace("[\"ns1\"]", "[\"ns1\", \"ns2\"]");
    for (n, peer) in (1..).zip(peers) {
        talk.hide(&peer.addr().to_string(), &format!("127.0.0.{n}:PORT"));
        std::fs::copy(peer.key_file(), talk.folder().join(format!("ns{n}.key"))).unwrap();
    }
    for who in ["bob", "carol", "dave"] {
        let file = key(&talk, who);
        let shown = Command::new("ssh-keygen").arg("-lf").arg(file).output();
        let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
        talk.hide(shown.split(' ').nth(1).unwrap(), &format!("SHA256:{who}s"));
    }
    roll(&talk, &["bob", "carol"]);
    let stage = |name: &str, server: &str, bake: u64| {
        format!(
            "[[zone.\"example.com\".stage]]\nname = \"{name}\"\nservers = [\"{server}\"]\nbake = \"{bake}s\"\n\
             checks = [{{ type = \"command\", name = \"errors\", every = \"1s\", timeout = \"1s\", \
             run = [\"/bin/cat\", \"{}\"] }}]\n\n",
            talk.folder().join("no-errors").display()
        )
    };
    let stages = stage("canary", "ns1", BAKE.as_secs()) + &stage("rest", "ns2", 1);
    let approvals =
        "[zone.\"example.com\".approvals]\nsigners = \"allowed_signers\"\ndefault = 0\n\n";
    let limits = "[zone.\"example.com\".limits]";
    text = text.replace(limits, &(stages + approvals + limits));
    text += &format!(
        "\n[server.ns2]\ntype = \"rfc2136\"\naddress = \"{}\"\nkey-file = \"ns2.key\"\ndeadline = \"5s\"\n",
        peers[1].addr()
    );
    talk.write("steadfast.toml", &text);
    talk
}

/// Whose signature does not count.
fn refused(talk: &mut Talk) {
    let why = WHY;
    talk.note("not twice the same person, not a stranger, not another plan, not for two hours");
    assert_eq!(
        talk.run(&format!("break-glass 1 {why} --key bob-key --yes")),
        4
    );
    assert_eq!(
        talk.run(&format!("break-glass 1 {why} --key dave-key --yes")),
        4
    );
    assert_eq!(
        talk.run(&format!("break-glass 7 {why} --key carol-key --yes")),
        4
    );
    let hours = format!("break-glass 1 {why} --key carol-key --for 2h --yes");
    assert_eq!(talk.run(&hours), 4);
}

#[test]
fn two_people_break_the_glass() {
    let peers = [bind(), bind()];
    let mut talk = site(&peers);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    let why = WHY;
    assert_eq!(
        talk.run(&format!("break-glass 1 {why} --key bob-key --yes")),
        4
    );
    edit(&talk, "api 60 IN A 192.0.2.20", "api 60 IN A 192.0.2.21");
    let began = Instant::now();
    assert_eq!(talk.quietly("apply example.com --yes --detach").0, 5);
    assert_eq!(talk.run("break-glass 1 --key bob-key --yes"), 2);
    assert_eq!(
        talk.run(&format!("break-glass 1 {why} --key bob-key --yes")),
        0
    );
    assert_eq!(talk.run("status"), 0);
    refused(&mut talk);
    assert_eq!(
        talk.run(&format!("break-glass 1 {why} --for 30m --print glass-1")),
        0
    );
    sign_elsewhere(&talk, "carol", "glass-1");
    talk.note("carol signs on her machine");
    assert_eq!(talk.run("break-glass 1 --signature glass-1.sig"), 0);
    assert_eq!(talk.run("status"), 0);
    let (_, status) = talk.json("status");
    let glass = &status["zones"][0]["rollout"]["break-glass"];
    assert_eq!(
        (
            &glass["in-force"],
            &status["zones"][0]["troubles"][0]["kind"]
        ),
        (&true.into(), &"break-glass".into())
    );
    let answers = |n: usize| peers[n].ask("api.example.com", "A").data("A").join(" ");
    assert_eq!([answers(0), answers(1)], ["192.0.2.21", "192.0.2.20"]);
    talk.write("no-errors", "");
    std::thread::scope(|scope| {
        let apply = scope.spawn(|| talk.quietly("apply example.com --yes --patience 60s"));
        while answers(1) != "192.0.2.21" {
            assert!(began.elapsed() < BAKE, "it waits for the bake");
            std::thread::sleep(Duration::from_millis(50));
        }
        let (code, out, err) = apply.join().unwrap();
        assert_eq!(code, 0, "{out}{err}");
    });
    // What was cut short is made up for before it is known as good.
    assert!(began.elapsed() >= BAKE, "{:?}", began.elapsed());
    assert_eq!(talk.run("log example.com --last 9"), 0);
    assert_eq!(talk.run("explain api.example.com"), 0);
    assert_eq!(
        talk.run(&format!("break-glass 1 {why} --key bob-key --yes")),
        4
    );
    assert_eq!(talk.run("log verify"), 0);
    insta::assert_snapshot!(talk.script());
}
