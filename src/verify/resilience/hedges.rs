//! Hedged calls, event by event.

use crate::model::hedging::{Hedge, HedgeStep, Hedging};
use crate::model::retry::{PushBack, grpc_attempts};
use crate::units::{SimDuration, SimTime};
use crate::verify::case_file::{Field, Malformed};
use crate::verify::judge::Judge;

use super::{milliseconds, near};

/// What happened to one try of a hedged call, and when.
struct Happening {
    at: SimTime,
    what: What,
}

enum What {
    NonFatal(Option<PushBack>),
    Ends,
}

/// A hedged call: what happens to its tries is in the input, when each is sent in the expectation.
pub fn check(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let Some(attempts) = grpc_attempts(input.at("max_attempts")?.count()?) else {
        judge.equal(
            "valid",
            &false,
            &expected.maybe("valid").map_or(Ok(true), |f| f.truth())?,
        );
        return Ok(());
    };
    let rule = Hedge {
        after: milliseconds(&input.at("hedging_delay_ms")?)?,
        max: attempts - 1,
    };
    let mut happenings = Vec::new();
    let push_back = match input.maybe("pushback_ms") {
        Some(field) => Some(PushBack::from_milliseconds(field.value.as_i64())),
        None => None,
    };
    for (key, value) in input.value.as_object().into_iter().flatten() {
        let Some(time) = value.as_f64() else { continue };
        let at = SimTime::ZERO + SimDuration::from_seconds(time * 1e-3);
        if key.ends_with("nonfatal_failure_at_ms") {
            let what = What::NonFatal(push_back);
            happenings.push(Happening { at, what });
        } else if key.ends_with("pushback_at_ms") {
            let what = What::NonFatal(push_back.or(Some(PushBack::Stop)));
            happenings.push(Happening { at, what });
        } else if key.ends_with("_at_ms") {
            // Success, or a fatal failure: nothing is sent any more.
            let what = What::Ends;
            happenings.push(Happening { at, what });
        }
    }
    happenings.sort_by_key(|happening| happening.at);
    let sent = sent_times(rule, &happenings);
    hedging_expected(&sent, expected, judge)
}

/// When each try is sent, milliseconds.
fn sent_times(rule: Hedge, happenings: &[Happening]) -> Vec<f64> {
    let mut state = Hedging::start(rule, SimTime::ZERO);
    let mut sent = vec![SimTime::ZERO];
    let mut happenings = happenings.iter().peekable();
    loop {
        let happens = happenings.peek().map(|happening| happening.at);
        let due = state.next_at;
        let step = match (happens, due) {
            (None, None) => break,
            (Some(at), due) if due.is_none_or(|due| at < due) => {
                let what = &happenings.next().expect("was peeked").what;
                let What::NonFatal(push_back) = what else {
                    break;
                };
                (state.failed(rule, *push_back, true, at), at)
            }
            (_, due) => {
                let at = due.expect("one of the two");
                (state.due(rule, true, at), at)
            }
        };
        if step.0 == HedgeStep::Send {
            sent.push(step.1);
        }
    }
    sent.iter().map(|at| at.seconds() * 1e3).collect()
}

fn hedging_expected(sent: &[f64], expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    const ORDINALS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
    for (key, value) in expected.value.as_object().into_iter().flatten() {
        let field = expected.at(key)?;
        let ordinal = ORDINALS.iter().position(|word| key.starts_with(word));
        match (ordinal, value) {
            (Some(index), value) => {
                let wanted = value.as_f64();
                match (sent.get(index), wanted) {
                    (Some(found), Some(wanted)) => near(judge, key, *found, wanted),
                    (found, wanted) => judge.equal(key, &found.copied(), &wanted),
                }
            }
            (None, serde_json::Value::Array(_)) => {
                let times = field.items()?;
                judge.equal("tries sent", &sent.len(), &times.len());
                for (found, wanted) in sent.iter().zip(&times) {
                    near(judge, key, *found, wanted.number()?);
                }
            }
            (None, serde_json::Value::Number(_)) => {
                judge.equal(key, &(sent.len() as u64), &field.whole()?);
            }
            _ => judge.fail(format!("`{key}` is nothing that a hedged call is known by")),
        }
    }
    Ok(())
}
