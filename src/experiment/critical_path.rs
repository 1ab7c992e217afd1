//! Where the time of traced actions went: the critical path, from an action's end back to its start.
//!
//! Whoever ended last before an instant is what was waited for until then. Every nanosecond of an action is given
//! to exactly one place, so the parts add up to its latency.

use std::collections::BTreeMap;

use crate::model::Scenario;
use crate::units::{EdgeId, JourneyId, ServiceId, SimDuration, SimTime};
use crate::world::spans::{Span, SpanKind};

/// What the time of an action was spent on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// Steps of the journey itself, between its calls.
    Journey(JourneyId),
    /// Waiting for a worker slot of a service.
    Queue(ServiceId),
    /// On a processor of a service, or waiting for it.
    Processor(ServiceId),
    /// Steps of a service that use no processor.
    Waiting(ServiceId),
    /// Between a caller and its callee: links, tries that were given up, pauses before retries.
    Edge(EdgeId),
}

/// Time by place over some actions.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CriticalPath {
    /// Actions that ended.
    pub actions: u64,
    /// Their latencies added.
    pub latency: SimDuration,
    /// Parts of it.
    pub places: BTreeMap<Place, SimDuration>,
}

/// The critical path of every action among the spans that has ended.
#[must_use]
pub fn critical_path(scenario: &Scenario, spans: &[Span]) -> CriticalPath {
    let mut children: BTreeMap<(u64, u64), Vec<&Span>> = BTreeMap::new();
    for span in spans {
        children
            .entry((span.trace, span.parent))
            .or_default()
            .push(span);
    }
    for list in children.values_mut() {
        // Last first; of those that end at once, the one that began last was waited for last.
        list.sort_by_key(|span| std::cmp::Reverse((span.end, span.start, span.id)));
    }
    let mut walk = Walk {
        scenario,
        children: &children,
        found: CriticalPath::default(),
    };
    for root in spans
        .iter()
        .filter(|span| matches!(span.kind, SpanKind::Action { .. }))
    {
        walk.found.actions += 1;
        walk.found.latency += root.end.since(root.start);
        walk.back(root, None, root.start, root.end);
    }
    walk.found
}

struct Walk<'a> {
    scenario: &'a Scenario,
    children: &'a BTreeMap<(u64, u64), Vec<&'a Span>>,
    found: CriticalPath,
}

impl Walk<'_> {
    /// Gives the time between two instants of a span to it and what is below. `within` is the service's or
    /// journey's span around a branch.
    fn back(&mut self, span: &Span, within: Option<&Span>, from: SimTime, until: SimTime) {
        let own = if span.kind == SpanKind::Branch {
            within
        } else {
            Some(span)
        };
        let mut at = until;
        let key = (span.trace, span.id);
        for child in self.children.get(&key).map_or(&[][..], |list| list) {
            // Who ends later is not waited for: the caller had given it up, or a quorum had answered.
            if child.end > at || child.end <= from {
                continue;
            }
            let start = child.start.max(from);
            self.give(own, child.end, at);
            self.back(child, own, start, child.end);
            at = start;
        }
        self.give(own, from, at);
    }

    fn give(&mut self, span: Option<&Span>, from: SimTime, until: SimTime) {
        let length = until.since(from);
        let Some(span) = span.filter(|_| length > SimDuration::ZERO) else {
            return;
        };
        match span.kind {
            SpanKind::Action { journey, .. } => self.add(Place::Journey(journey), length),
            SpanKind::Call { edge, .. } => self.add(Place::Edge(edge), length),
            SpanKind::Branch => {}
            SpanKind::Served { endpoint, .. } => {
                let service = self.scenario.endpoint(endpoint).service;
                // The wait for a slot comes first; the rest is work and waits in their proportion.
                let queued_until = (span.start + span.queued).min(until);
                let queued = queued_until.since(from);
                let rest = length.0 - queued.0;
                let (work, wait) = (span.working.0, span.waiting.0);
                let waited = if wait == 0 {
                    0
                } else {
                    (u128::from(rest) * u128::from(wait) / u128::from(work + wait)) as u64
                };
                self.add(Place::Queue(service), queued);
                self.add(Place::Waiting(service), SimDuration(waited));
                self.add(Place::Processor(service), SimDuration(rest - waited));
            }
        }
    }

    fn add(&mut self, place: Place, time: SimDuration) {
        if time > SimDuration::ZERO {
            *self.found.places.entry(place).or_default() += time;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::experiment::traces::traces;
    use crate::model::sample::{
        add_journey, add_open_load, add_service, call, empty, plain_policy, set_links, step, work,
    };
    use crate::model::scenario::Traces;
    use crate::model::step::Parallel;
    use crate::model::{Discipline, Distribution, StepKind};
    use crate::world::contract::Outcome;

    const ALL: Traces = Traces {
        share: 1.0,
        most: u64::MAX,
    };

    fn spans(scenario: &Scenario, which: Traces) -> Vec<Span> {
        traces(scenario, which, &AtomicBool::new(false)).expect("no limit is reached")
    }

    fn milliseconds(found: &CriticalPath, place: Place) -> f64 {
        let time = found.places.get(&place).copied().unwrap_or_default();
        time.seconds() * 1e3 / found.actions as f64
    }

    /// One action a minute: `front` works 2 ms, then calls `quick` (1 ms) and `slow` (2 ms, then 3 ms of waiting) at
    /// once; every hop takes 1 ms.
    fn forked() -> Scenario {
        let mut scenario = empty(SimDuration::from_secs(6_000));
        let constant = |milliseconds: f64| Distribution::constant(milliseconds * 1e-3);
        let quick = add_service(
            &mut scenario,
            "quick",
            1,
            Discipline::Fifo,
            vec![work(constant(1.0))],
        );
        let steps = vec![work(constant(2.0)), step(StepKind::Wait(constant(3.0)))];
        let slow = add_service(&mut scenario, "slow", 1, Discipline::Fifo, steps);
        let branches =
            [quick, slow].map(|callee| call(&mut scenario, Some(2), callee, plain_policy()));
        let fork = step(StepKind::Parallel(Parallel {
            branches: branches.to_vec(),
            join: None,
            fanout: None,
        }));
        let front = add_service(
            &mut scenario,
            "front",
            1,
            Discipline::Fifo,
            vec![work(constant(2.0)), fork],
        );
        let journey = add_journey(&mut scenario, "request", front, SimDuration::from_secs(1));
        add_open_load(&mut scenario, "clients", 1.0 / 60.0, journey);
        set_links(&mut scenario, 1e-3);
        scenario
    }

    #[test]
    fn the_path_goes_through_the_slower_branch() {
        // 1 + 2 + (1 + 2 + 3 + 1) + 1 = 11 ms; the quick branch is waited for by nobody.
        let scenario = forked();
        let found = critical_path(&scenario, &spans(&scenario, ALL));
        assert!(found.actions > 50, "{}", found.actions);
        assert_eq!(found.latency, SimDuration::from_millis(11 * found.actions));
        let edge = |caller: Option<usize>, callee: usize| {
            let caller = caller.map(ServiceId::from_index);
            let found = scenario.edges.iter().position(|edge| {
                edge.caller == caller && edge.callee == ServiceId::from_index(callee)
            });
            Place::Edge(EdgeId::from_index(found.expect("it is called")))
        };
        let service = ServiceId::from_index;
        let wanted = [
            (edge(None, 2), 2.0),
            (Place::Processor(service(2)), 2.0),
            (edge(Some(2), 1), 2.0),
            (Place::Processor(service(1)), 2.0),
            (Place::Waiting(service(1)), 3.0),
            (Place::Processor(service(0)), 0.0),
            (Place::Queue(service(2)), 0.0),
        ];
        for (place, time) in wanted {
            assert!(
                (milliseconds(&found, place) - time).abs() < 1e-6,
                "{place:?}"
            );
        }
    }

    #[test]
    fn parts_add_up_to_the_latency_with_queues_retries_and_timeouts() {
        let mut scenario = empty(SimDuration::from_secs(600));
        let demand = vec![work(Distribution::exponential(8e-3))];
        let back = add_service(&mut scenario, "back", 1, Discipline::Fifo, demand);
        scenario.services[0].concurrency = Some(1);
        scenario.endpoints[0].error_ratio = 0.2;
        let mut policy = plain_policy();
        policy.per_try_timeout = Some(SimDuration::from_millis(30));
        policy.retries.max = 2;
        let to_back = call(&mut scenario, Some(1), back, policy);
        let steps = vec![work(Distribution::exponential(1e-3)), to_back];
        let front = add_service(
            &mut scenario,
            "front",
            2,
            Discipline::ProcessorSharing,
            steps,
        );
        let journey = add_journey(&mut scenario, "request", front, SimDuration::from_secs(1));
        add_open_load(&mut scenario, "clients", 30.0, journey);
        set_links(&mut scenario, 5e-4);
        let all = spans(&scenario, ALL);
        let found = critical_path(&scenario, &all);
        let sum: u64 = found.places.values().map(|time| time.0).sum();
        assert_eq!(sum, found.latency.0);
        for seen in [Outcome::Error, Outcome::Timeout] {
            assert!(
                all.iter().any(|span| span.outcome == seen),
                "{seen:?} is part of it"
            );
        }
        assert!(milliseconds(&found, Place::Queue(ServiceId::from_index(0))) > 1.0);
    }

    #[test]
    fn the_same_actions_are_traced_whatever_else_the_scenario_does() {
        let roots = |spans: &[Span]| -> Vec<u64> {
            let action = |span: &&Span| matches!(span.kind, SpanKind::Action { .. });
            spans.iter().filter(action).map(|span| span.trace).collect()
        };
        let some = Traces {
            share: 0.2,
            most: u64::MAX,
        };
        let before = forked();
        let mut after = before.clone();
        after.endpoints[1].steps.pop();
        let (before, after) = (roots(&spans(&before, some)), roots(&spans(&after, some)));
        assert_eq!(before, after);
        // 100 actions on average, a fifth of them: 20 with deviation 4.5; five of them, false alarm below 1e-5.
        assert!((3..45).contains(&before.len()), "{}", before.len());
        assert_eq!(
            roots(&spans(
                &forked(),
                Traces {
                    share: 1.0,
                    most: 7
                }
            ))
            .len(),
            7
        );
    }
}
