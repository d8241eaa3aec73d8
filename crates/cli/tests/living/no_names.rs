//! I10: nothing of Steadfast's own needs a name.

use crate::kit;
use crate::site::{Site, ZONE, a, start};
use peers::{Kind, Mode};

const FIRST: &str = "www 60 A 192.0.2.1\n";

#[test]
fn adopt_plan_and_apply_work_without_a_resolver() {
    let peer = start(Kind::Bind, Mode::Plain, FIRST);
    let site = Site::new(&peer, FIRST);
    let blind = |args: &[&str]| {
        let mut command = kit::blind(&site.dir);
        command.args(args).current_dir(&site.dir);
        site.start(&mut command).ended().was_blind()
    };
    blind(&["adopt", ZONE]).expect(0);
    site.wants("www 60 A 192.0.2.2\n");
    blind(&["plan", ZONE, "--exit-code"]).expect(3);
    blind(&["apply", ZONE, "--yes"]).expect(0);
    assert_eq!(a(&peer, "www"), ["192.0.2.2"]);
    blind(&["plan", ZONE, "--exit-code"]).expect(0);
}
