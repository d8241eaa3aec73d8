//! The race of 20 October 2025, with the fence and without it.
//!
//! The schedule is the same both times: `www` goes to pool-b; a writer decides that pool-a is of
//! no use any more and is held up; a newer change brings `www` back to pool-a; the writer goes on.

use super::late::Late;
use super::stage::Stage;
use super::story::dig;
use super::watch;
use crate::Failure;

/// Through Steadfast.
pub(super) fn fenced(stage: &mut Stage) -> Result<(), Failure> {
    stage.chapter("October: a delayed writer meets a newer world");
    stage.say(
        "www moves to pool-b. From here on, BIND is asked for www and api 500 times a second.",
    );
    let sampler = watch::start(stage);
    stage.expect(
        0,
        "sed -i 's/^www .*/www     CNAME  pool-b/' example.com.zone",
    )?;
    stage.expect(0, "steadfast apply example.com --yes")?;

    stage.say("A writer cleans up: pool-a is of no use now. It is stopped after it decided, before it writes.");
    stage.expect(0, "sed -i '/^pool-a /d' example.com.zone")?;
    let line = "STEADFAST_FAILPOINT=enactor.before-write=stop steadfast apply example.com --yes";
    let late = Late::start(stage, line)?;

    stage.say("Meanwhile others go on, from the same store: www returns to pool-a, and api changes twice.");
    stage.expect(0, "sed -i -e 's/^www .*/www     CNAME  pool-a/' -e '/^www /a pool-a  A      192.0.2.11' example.com.zone")?;
    stage.expect(0, "steadfast apply example.com --yes")?;
    for address in ["203.0.113.7", "203.0.113.8"] {
        stage.expect(
            0,
            &format!(
                "sed -i 's/^api .*203.0.113.[678]/api     A      {address}/' example.com.zone"
            ),
        )?;
        stage.expect(0, "steadfast apply example.com --yes")?;
    }

    stage.say("Now the delayed writer wakes up, and deletes pool-a:");
    let late = late.go_on(stage)?;
    late.says("refused by the server")?.ended_with(7)?;
    stage.say(
        "BIND itself refused it: the marker had moved. Exit code 7 says that somebody newer won.",
    );
    let answer = stage.expect(0, &dig(stage, "www.example.com A"))?;
    answer.says("192.0.2.11")?;
    let samples = watch::stop(stage, sampler)?;
    if samples.empty > 0 {
        return Err(Failure::Failed(format!(
            "an empty answer was served: {samples}"
        )));
    }
    Ok(())
}

/// The same by `nsupdate`.
pub(super) fn unfenced(stage: &mut Stage) -> Result<(), Failure> {
    stage.chapter("The same without the fence");
    stage.say("The same schedule by plain nsupdate, with the same key. www moves to pool-b:");
    let sampler = watch::start(stage);
    stage.expect(0, &point_www(stage, "pool-b"))?;
    stage.say("A writer decides to delete pool-a, and is stopped before it writes:");
    let script = "delete-pool-a.nsupdate";
    let (ip, port) = (stage.server().ip(), stage.server().port());
    stage.expect(0, &format!(
        "cat > {script} <<END\nserver {ip} {port}\nzone example.com\nupdate delete pool-a.example.com A\nsend\nEND"
    ))?;
    let line = format!("sh -c 'kill -STOP $$; exec nsupdate -k ns1.key {script}'");
    let late = Late::start(stage, &line)?;
    stage.say("Meanwhile www returns to pool-a:");
    stage.expect(0, &point_www(stage, "pool-a"))?;
    stage
        .expect(0, &dig(stage, "www.example.com A"))?
        .says("192.0.2.11")?;
    stage.say("The delayed writer wakes up:");
    late.go_on(stage)?.ended_with(0)?;
    stage
        .expect(0, &dig(stage, "www.example.com A"))?
        .does_not_say("192.0.2.")?;
    let samples = watch::stop(stage, sampler)?;
    if samples.empty == 0 {
        return Err(Failure::Failed(
            "the unfenced writer produced no empty answer, so the race before proves nothing"
                .into(),
        ));
    }
    stage.say("Exit code 0, and www points to a name that is gone: that was October.");
    stage.say("Steadfast sees what somebody did, and puts it right when told to:");
    stage.run("steadfast plan example.com")?;
    stage.expect(0, "steadfast apply example.com --overwrite pool-a --yes")?;
    stage
        .expect(0, &dig(stage, "www.example.com A"))?
        .says("192.0.2.11")?;
    Ok(())
}

fn point_www(stage: &Stage, pool: &str) -> String {
    let (ip, port) = (stage.server().ip(), stage.server().port());
    format!(
        "nsupdate -k ns1.key <<END\nserver {ip} {port}\nzone example.com\nupdate delete www.example.com CNAME\nupdate add www.example.com 60 CNAME {pool}.example.com.\nsend\nEND"
    )
}
