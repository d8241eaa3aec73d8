//! From adoption to release.

use super::{bind, edit, site};

#[test]
fn a_change_travels_and_comes_back() {
    let peer = bind();
    let mut talk = site("rollout", &peer);
    assert_eq!(talk.run("status"), 0);
    assert_eq!(talk.run("adopt example.com"), 0);
    assert_eq!(talk.run("check"), 0);
    assert_eq!(talk.run("plan example.com --exit-code"), 0);
    edit(
        &talk,
        "api 60 IN A 192.0.2.20",
        "api 60 IN A 192.0.2.21\nnew 300 IN CNAME www",
    );
    assert_eq!(talk.run("plan example.com --save --exit-code"), 3);
    assert_eq!(talk.run("status"), 0);
    assert_eq!(talk.run("apply 1"), 0);
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.21"]);
    assert_eq!(talk.run("explain api"), 0);
    assert_eq!(talk.run("explain nothing.example.com --live"), 0);
    assert_eq!(
        talk.run("freeze example.com --reason 'pager is on fire' --for 2h"),
        0
    );
    assert_eq!(talk.run("freeze example.com --reason again"), 0);
    edit(&talk, "192.0.2.21", "192.0.2.22");
    assert_eq!(talk.run("apply example.com --yes"), 5);
    assert_eq!(talk.run("rollback example.com --yes"), 5);
    assert_eq!(talk.run("status"), 0);
    assert_eq!(talk.run("thaw example.com"), 0);
    assert_eq!(talk.run("thaw example.com"), 0);
    assert_eq!(talk.run("rollback example.com --to 9"), 2);
    assert_eq!(talk.run("rollback example.com --dry-run"), 0);
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.21"]);
    assert_eq!(talk.run("rollback example.com --yes"), 0);
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.20"]);
    assert_eq!(
        peer.ask("new.example.com", "CNAME").data("CNAME"),
        Vec::<&str>::new()
    );
    assert_eq!(talk.run("status"), 0);
    assert_eq!(talk.run("log example.com"), 0);
    assert_eq!(talk.run("log verify"), 0);
    assert_eq!(talk.run("release example.com --yes"), 0);
    assert_eq!(talk.run("release example.com"), 0);
    assert_eq!(talk.run("status"), 0);
    let marker = peer.ask("_steadfast.example.com", "TXT");
    assert_eq!(marker.data("TXT"), Vec::<&str>::new());
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.20"]);
    insta::assert_snapshot!(talk.script());
}

#[test]
fn programs_get_one_document() {
    let peer = bind();
    let talk = site("json", &peer);
    assert_eq!(talk.json("status").1["zones"][0]["adopted"], false);
    assert_eq!(talk.json("adopt example.com").1["adopted"], true);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    assert_eq!(talk.json("plan example.com --save").1["plan"]["number"], 1);
    let (code, needs) = talk.json("apply example.com");
    assert_eq!(
        (code, needs["errors"][0]["code"].as_str()),
        (2, Some("needs-yes"))
    );
    assert_eq!(talk.json("apply 1").1["configuration"], 2);
    assert_eq!(talk.json("explain api").1["history"][0]["configuration"], 2);
    let (_, log) = talk.json("log");
    assert_eq!(log["entries"][0]["entry"]["event"], "adopted");
    assert_eq!(talk.json("log verify").1["zones"][0]["intact"], true);
    assert_eq!(
        talk.json("freeze --all --reason x").1["zones"][0]["frozen"],
        true
    );
    let (_, status) = talk.json("status");
    assert_eq!(status["zones"][0]["frozen"]["reason"], "x");
    assert_eq!(talk.json("thaw --all").1["zones"][0]["thawed"], true);
    assert_eq!(
        talk.json("rollback example.com --yes").1["configuration"],
        3
    );
    assert_eq!(talk.json("check").1["ok"], true);
    assert_eq!(
        talk.json("release example.com --yes").1["left"],
        serde_json::json!([])
    );
}
