//! The story, from adoption to what the ledger remembers.

use super::october;
use super::stage::Stage;
use crate::Failure;

/// Tells all of it.
pub(super) fn tell(stage: &mut Stage) -> Result<(), Failure> {
    adopt(stage)?;
    change(stage)?;
    slip(stage)?;
    october::fenced(stage)?;
    october::unfenced(stage)?;
    back(stage)?;
    freeze(stage)?;
    look(stage)
}

fn adopt(stage: &mut Stage) -> Result<(), Failure> {
    stage.chapter("Take over a live zone without changing an answer");
    stage.say(&format!(
        "A BIND of its own serves example.com at {}. Here are a config, the key and the zone file:",
        stage.server()
    ));
    stage.expect(0, "cat steadfast.toml")?;
    stage.expect(0, "steadfast adopt example.com")?;
    stage.say(
        "All that Steadfast added is a marker. It is what every later write must find unchanged:",
    );
    let marker = stage.expect(0, &dig(stage, "_steadfast.example.com TXT"))?;
    marker.says("steadfast1 ")?;
    Ok(())
}

fn change(stage: &mut Stage) -> Result<(), Failure> {
    stage.chapter("Change something");
    stage.expect(
        0,
        "sed -i '/^api /a api     A      203.0.113.6' example.com.zone",
    )?;
    let plan = stage.expect(0, "steadfast plan example.com")?;
    plan.says("203.0.113.6")?;
    stage.expect(0, "steadfast apply example.com --yes")?;
    let answer = stage.expect(0, &dig(stage, "api.example.com A"))?;
    answer.says("203.0.113.6")?;
    Ok(())
}

fn slip(stage: &mut Stage) -> Result<(), Failure> {
    stage.chapter("Slip: remove every address of a name that may never be empty");
    stage.expect(
        0,
        "cp example.com.zone good.zone && sed -i '/^api /d' example.com.zone",
    )?;
    stage
        .expect(4, "steadfast apply example.com --yes")?
        .says("refused")?;
    let answer = stage.expect(0, &dig(stage, "api.example.com A"))?;
    answer.says("203.0.113.5")?;
    stage.expect(0, "mv good.zone example.com.zone")?;
    Ok(())
}

fn back(stage: &mut Stage) -> Result<(), Failure> {
    stage.chapter("Go back");
    stage.say("Returning to older content is a new generation: numbers only grow.");
    stage.expect(0, "steadfast rollback example.com --yes")?;
    let answer = stage.expect(0, &dig(stage, "api.example.com A"))?;
    answer.says("203.0.113.7")?.does_not_say("203.0.113.8")?;
    Ok(())
}

fn freeze(stage: &mut Stage) -> Result<(), Failure> {
    stage.chapter("Stop everything");
    let line = "steadfast freeze example.com --reason 'something is odd'";
    stage.expect(0, line)?;
    stage.expect(5, "steadfast apply example.com --yes")?;
    stage.expect(0, "steadfast thaw example.com")?;
    stage.expect(0, "sed -i 's/203.0.113.8/203.0.113.7/' example.com.zone")?;
    let plan = stage.expect(0, "steadfast plan example.com --exit-code")?;
    plan.says("nothing to do")?;
    Ok(())
}

fn look(stage: &mut Stage) -> Result<(), Failure> {
    stage.chapter("What the ledger remembers");
    stage.expect(0, "steadfast status")?.says("example.com")?;
    stage.expect(0, "steadfast log example.com -n 12")?;
    stage.expect(0, "steadfast log verify")?.says("intact")?;
    Ok(())
}

/// A question to the story's server.
pub(super) fn dig(stage: &Stage, question: &str) -> String {
    let (ip, port) = (stage.server().ip(), stage.server().port());
    format!("dig @{ip} -p {port} +short {question}")
}
