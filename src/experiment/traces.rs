//! Traces of a run: the first replication once more, its sampled actions watched.
//!
//! Draws are keyed by what they are for, so that watching changes nothing: the actions are those that the results
//! count. A run without traces pays nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::experiment::collector::MINUTE;
use crate::model::Scenario;
use crate::model::scenario::Traces;
use crate::units::SimTime;
use crate::world::contract::{Luck, Seen, Stop};
use crate::world::data::request::RequestPlane;
use crate::world::play::World;
use crate::world::recorder::{ControlSeen, ProgrammeEvent, Recorder};
use crate::world::spans::{Span, SpanKind};

/// Looks at nothing.
struct Blind;

impl Recorder for Blind {
    fn interval(&mut self, _seen: &Seen, _control: &ControlSeen) {}
    fn event(&mut self, _event: &ProgrammeEvent) {}
}

/// Spans of the sampled actions of replication 0 that ended, by trace and start; empty when cancelled.
///
/// # Errors
/// A limit was reached, or time stands still.
pub fn traces(scenario: &Scenario, traces: Traces, cancel: &AtomicBool) -> Result<Vec<Span>, Stop> {
    let luck = Luck {
        seed: scenario.run.seed,
        replication: 0,
        stage: 0,
    };
    let plane = RequestPlane::new(scenario, luck, false).traced(traces);
    let mut world = World::new(scenario, plane, luck, true);
    let (mut now, end) = (SimTime::ZERO, scenario.end());
    while now < end {
        if cancel.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        now = (now + MINUTE).min(end);
        world.advance_to(now, &mut Blind)?;
    }
    let mut spans = world.plane_mut().take_spans();
    let mut whole: Vec<u64> = spans
        .iter()
        .filter(|span| matches!(span.kind, SpanKind::Action { .. }))
        .map(|span| span.trace)
        .collect();
    whole.sort_unstable();
    spans.retain(|span| whole.binary_search(&span.trace).is_ok());
    spans.sort_by_key(|span| (span.trace, span.start, span.end, span.id));
    Ok(spans)
}
