//! One replication: the run and its twin, advanced together a simulated minute at a time.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::experiment::bins::bin_width;
use crate::experiment::collector::{Collector, MINUTE};
use crate::experiment::findings::Findings;
use crate::experiment::matching::Matcher;
use crate::experiment::minutes::Minutes;
use crate::experiment::probe::{Probed, Recording};
use crate::experiment::result::{Probes, ReplicationResult};
use crate::experiment::terms::terms;
use crate::model::scenario::Fidelity;
use crate::model::{MetricTerm, Scenario, SpanScope, Subject};
use crate::stations::tables;
use crate::units::{SimDuration, SimTime};
use crate::world::contract::{DataPlane, LOOK, Luck, Stop};
use crate::world::data::flow::FlowPlane;
use crate::world::data::request::RequestPlane;
use crate::world::play::World;

/// A world that is played forward.
pub trait Play {
    /// Plays everything before `until` and ends the last look there.
    ///
    /// # Errors
    /// A limit was reached, or time stands still.
    fn advance_to(&mut self, until: SimTime, collector: &mut Collector<'_>) -> Result<(), Stop>;

    /// Events that its data plane handled.
    fn events(&self) -> u64;

    /// Windows of requests that were opened in it, played now.
    fn probes(&mut self) -> Probes {
        Probes::default()
    }
}

/// Makes worlds.
pub trait Stage: Sync {
    /// A world at time zero; without `migrate` it is the twin. `records`: keep each user action's record.
    fn open<'s>(
        &self,
        scenario: &'s Scenario,
        luck: Luck,
        migrate: bool,
        records: bool,
    ) -> Box<dyn Play + 's>;
}

/// Makes the worlds that the scenario asks for.
pub struct Real;

impl<P: DataPlane> Play for World<'_, P> {
    fn advance_to(&mut self, until: SimTime, collector: &mut Collector<'_>) -> Result<(), Stop> {
        World::advance_to(self, until, collector)
    }

    fn events(&self) -> u64 {
        World::events(self)
    }
}

impl Stage for Real {
    fn open<'s>(
        &self,
        scenario: &'s Scenario,
        luck: Luck,
        migrate: bool,
        records: bool,
    ) -> Box<dyn Play + 's> {
        match scenario.run.fidelity {
            Fidelity::Request => {
                let plane = RequestPlane::new(scenario, luck, records);
                Box::new(World::new(scenario, plane, luck, migrate))
            }
            Fidelity::Zoom if migrate => {
                let plane = Recording::new(
                    FlowPlane::new(scenario, luck)
                        .with_tables(tables(scenario))
                        .with_totals(),
                );
                let world = World::new(scenario, plane, luck, migrate);
                let world = world.with_full_looks(full_looks(scenario), follows_waves(scenario));
                Box::new(Probed::new(scenario, luck, world))
            }
            Fidelity::Flow | Fidelity::Zoom => {
                let plane = FlowPlane::new(scenario, luck).with_tables(tables(scenario));
                let world = World::new(scenario, plane, luck, migrate);
                Box::new(world.with_full_looks(full_looks(scenario), follows_waves(scenario)))
            }
        }
    }
}

/// Period of full looks that ends one at every end of a bin, of the warm-up and of each window of an assertion.
#[must_use]
pub fn full_looks(scenario: &Scenario) -> SimDuration {
    let mut period = bin_width(scenario).0;
    let mut meet = |length: u64| {
        if length > 0 {
            period = greatest_common_divisor(period, length).max(LOOK.0);
        }
    };
    meet(scenario.run.warmup.0);
    for term in terms(scenario) {
        meet(term.scope.over.map_or(0, |width| width.0));
        match term.scope.during {
            Some(SpanScope::Fixed(start, end)) => {
                meet(start.0);
                meet(end.0);
            }
            // Every change of a wave ends a full look anyway.
            Some(SpanScope::Wave(_)) | None => {}
        }
    }
    SimDuration(period)
}

/// Whether some sum of an assertion begins or ends with a wave.
#[must_use]
pub fn follows_waves(scenario: &Scenario) -> bool {
    terms(scenario).iter().any(|term| {
        matches!(term.subject, Some(Subject::Wave(_)))
            || matches!(term.scope.during, Some(SpanScope::Wave(_)))
    })
}

fn greatest_common_divisor(left: u64, right: u64) -> u64 {
    if right == 0 {
        left
    } else {
        greatest_common_divisor(right, left % right)
    }
}

/// Plays one replication; `None` when cancelled. `advanced` is told the share of the horizon that is done.
pub fn play(
    stage: &dyn Stage,
    scenario: &Scenario,
    terms: &[MetricTerm],
    luck: Luck,
    cancel: &AtomicBool,
    advanced: &dyn Fn(f64),
) -> Option<ReplicationResult> {
    let has_twin = scenario.has_twin();
    let has_records = has_twin && scenario.run.fidelity == Fidelity::Request;
    let mut run_world = stage.open(scenario, luck, true, has_records);
    let mut twin_world = has_twin.then(|| stage.open(scenario, luck, false, has_records));
    let mut run = Collector::new(scenario, terms, true);
    let mut twin = has_twin.then(|| Collector::new(scenario, terms, false));
    let mut matcher = has_records.then(|| Matcher::new(scenario));
    let mut minutes = Minutes::new(scenario);
    let (mut now, end) = (SimTime::ZERO, scenario.end());
    let mut stopped = None;
    while now < end {
        if cancel.load(Ordering::Relaxed) {
            return None;
        }
        now = (now + MINUTE).min(end);
        let mut result = run_world.advance_to(now, &mut run);
        if let (Ok(()), Some(world), Some(twin)) = (&result, &mut twin_world, &mut twin) {
            twin.spans.clone_from(&run.spans);
            result = world.advance_to(now, twin);
        }
        if let Err(stop) = result {
            stopped = Some(stop.to_string());
            break;
        }
        if let Some(matcher) = &mut matcher {
            matcher.add_run(&run.records);
            if let Some(twin) = &mut twin {
                matcher.add_twin(&twin.records);
                twin.records.clear();
            }
        }
        run.records.clear();
        minutes.judge(scenario, &mut run, twin.as_mut(), now);
        advanced(now.seconds() / end.seconds());
    }
    // The last minute may be cut short by the horizon; it is judged as it is.
    minutes.judge(scenario, &mut run, twin.as_mut(), now + MINUTE);
    let (losses, users_affected) = match matcher {
        Some(matcher) => {
            let (losses, users) = matcher.finish(end);
            (Some(losses), Some(users))
        }
        None => (has_twin.then(|| minutes.losses.clone()), None),
    };
    let findings = Findings {
        scenario,
        run,
        twin,
        losses,
        users_affected,
        minutes,
    };
    let mut result = findings.result(terms);
    result.replication = luck.replication;
    result.stopped = stopped;
    result.probes = run_world.probes();
    result.events = run_world.events();
    Some(result)
}
