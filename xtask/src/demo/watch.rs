//! Asks BIND for the critical names all the time, and shows what it answered.

use peers::{Sampler, Samples};

use super::stage::Stage;
use crate::Failure;

/// Questions a second, and how many must have been asked for the count to mean anything.
const RATE: u32 = 500;
const LEAST_RATE: f64 = 400.0;

/// The questions.
const QUESTIONS: [(&str, &str); 2] = [("www.example.com", "A"), ("api.example.com", "A")];

/// Starts asking.
pub(super) fn start(stage: &Stage) -> Sampler {
    Sampler::start(stage.server(), &QUESTIONS, RATE)
}

/// Stops asking and shows every answer that there was.
pub(super) fn stop(stage: &Stage, sampler: Sampler) -> Result<Samples, Failure> {
    let samples = sampler.stop();
    stage.space();
    for (answer, times) in &samples.answers {
        let answer = answer.replace(".example.com", "").replace("->", "→");
        let answer = answer.replace("rcode 3", "NXDOMAIN");
        stage.print(&format!("  {times:>6} ×  {answer}"));
    }
    let sum = format!(
        "  {:>6} questions in {:.1} s, {} answered, {} unanswered, {} answered with nothing",
        samples.asked,
        samples.elapsed.as_secs_f64(),
        samples.answered,
        samples.timeouts,
        samples.empty,
    );
    stage.show(samples.empty == 0, &sum);
    if samples.rate() < LEAST_RATE || samples.answered * 2 < samples.asked {
        let why = format!("too few answers to say anything: {samples}");
        return Err(Failure::Failed(why));
    }
    Ok(samples)
}
