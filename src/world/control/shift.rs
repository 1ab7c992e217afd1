//! How a unit shifts: preparation, weights on their way, pauses, gates, soak.

use super::agenda::Event;
use super::gate::{GateRun, Verdict};
use super::unit::Phase;
use super::{Control, draws};
use crate::model::{CanaryStep, Migration};
use crate::units::{ServiceId, SimDuration, SimTime};
use crate::world::recorder::EventKind;

impl Control<'_> {
    pub(super) fn check_prepared(&mut self, index: usize, migration: &Migration) -> bool {
        let unit = &self.programme.units[index];
        let deployment = &self.deployments[self.at(unit.service(), migration.to)];
        if deployment.listed < unit.prepared.min(deployment.desired) {
            return false;
        }
        if migration.prepare_warm == SimDuration::ZERO {
            self.enter(index, Phase::Stepping, None)
        } else {
            self.enter(index, Phase::Warming, Some(migration.prepare_warm))
        }
    }

    pub(super) fn take_step(&mut self, index: usize, migration: &Migration) -> bool {
        let unit = &self.programme.units[index];
        let service = unit.service();
        let Some(step) = unit.steps.get(unit.position).cloned() else {
            return self.end_shift(index, migration);
        };
        match step {
            CanaryStep::SetWeight(weight) => {
                if self.is_held(index, service, false) {
                    return false;
                }
                let unit = &self.programme.units[index];
                let first = unit
                    .steps
                    .iter()
                    .position(|step| matches!(step, CanaryStep::SetWeight(_)));
                if first == Some(unit.position) {
                    let detail = format!(
                        "{}: traffic starts to shift",
                        self.scenario.service(service).name
                    );
                    self.tell_unit(index, EventKind::ShiftStarted, Some(service), None, detail);
                }
                self.send_weights(index, &[service], weight, migration, Phase::Propagating);
            }
            CanaryStep::Pause(length) => {
                self.enter(index, Phase::Pausing, Some(length));
            }
            CanaryStep::Analysis(gate) => self.open_gate(index, gate, migration),
        }
        self.programme.units[index].position += 1;
        true
    }

    /// The current member has its full weight: the next one, or the soak.
    fn end_shift(&mut self, index: usize, migration: &Migration) -> bool {
        let unit = &self.programme.units[index];
        if unit.current + 1 < unit.members.len() {
            let held_at = unit.current;
            let begun = self.prepare(index, held_at + 1, migration);
            if !begun {
                self.programme.units[index].current = held_at;
            }
            return begun;
        }
        let members = unit.members.clone();
        for member in members {
            let name = &self.scenario.service(member.service).name;
            let detail = format!(
                "{name}: all traffic is on {}, soak for {:.1} min",
                self.scenario.cluster(migration.to).name,
                migration.soak.seconds() / 60.0
            );
            self.tell_unit(
                index,
                EventKind::SoakStarted,
                Some(member.service),
                Some(1.0),
                detail,
            );
            self.history.forget(member.service);
            self.keep_reserve(index, member.service, migration);
        }
        self.enter(
            index,
            Phase::Soaking,
            Some(migration.soak.max(migration.keep)),
        )
    }

    /// Stops the source replicas that are not kept for rollback. Where an autoscaler sizes the source, it does that.
    fn keep_reserve(&mut self, index: usize, service: ServiceId, migration: &Migration) {
        if migration.reserve >= 1.0 || self.rule(service, migration.from).is_some() {
            return;
        }
        let there = self.deployments[self.at(service, migration.from)].desired;
        // The subtraction keeps 0.7 * 10 from becoming 8 by the last bit.
        let kept = (f64::from(there) * migration.reserve - 1e-9)
            .ceil()
            .max(0.0) as u32;
        if kept < there {
            self.programme.units[index].reduced.push((service, there));
            self.set_desired(service, migration.from, kept);
        }
    }

    /// Sends a weight; it reaches the callers after the target's propagation delay.
    pub(super) fn send_weights(
        &mut self,
        index: usize,
        services: &[ServiceId],
        weight: f64,
        migration: &Migration,
        phase: Phase,
    ) {
        let propagation = &self.scenario.cluster(migration.to).propagation;
        let mut longest = SimDuration::ZERO;
        for service in services {
            let ordinal = &mut self.programme.weights_sent[service.index()];
            let delay =
                self.draws
                    .duration(propagation, migration.to, *service, *ordinal, draws::WEIGHT);
            *ordinal += 1;
            longest = longest.max(delay);
        }
        self.programme.units[index].sent =
            services.iter().map(|service| (*service, weight)).collect();
        self.enter(index, phase, Some(longest));
    }

    pub(super) fn weights_arrive(&mut self, index: usize, migration: &Migration) {
        for (service, weight) in std::mem::take(&mut self.programme.units[index].sent) {
            self.set_weight(service, weight, migration);
            let detail = format!(
                "{}: {:.1} % of its calls go to {}",
                self.scenario.service(service).name,
                weight * 100.0,
                self.scenario.cluster(migration.to).name
            );
            self.tell_unit(
                index,
                EventKind::WeightSet,
                Some(service),
                Some(weight),
                detail,
            );
        }
    }

    fn open_gate(&mut self, index: usize, gate: usize, migration: &Migration) {
        let service = self.programme.units[index].service();
        let facts = &migration.gates[gate];
        let window = (self.now, self.now + facts.window);
        let full = self.weights[service.index()] >= 1.0;
        let since = self.programme.weight_since[service.index()];
        let old_window = full.then(|| (SimTime(since.0.saturating_sub(facts.window.0)), since));
        self.programme.units[index].gate = Some(GateRun {
            gate,
            window,
            old_window,
            failures: 0,
            inconclusive: 0,
        });
        let detail = format!(
            "{}: gate {} watches for {:.1} min",
            self.scenario.service(service).name,
            facts.name,
            facts.window.seconds() / 60.0
        );
        self.tell_unit(index, EventKind::GateStarted, Some(service), None, detail);
        self.wait_for_gate(index, migration);
    }

    fn wait_for_gate(&mut self, index: usize, migration: &Migration) {
        let run = self.programme.units[index].gate.expect("a gate is open");
        let delay = self.scenario.cluster(migration.to).metrics_delay;
        // A look at the window's end cuts the intervals there, also when metrics come later.
        self.agenda.add(run.window.1, Event::Programme);
        self.enter(
            index,
            Phase::Analysing,
            Some((run.window.1 + delay).since(self.now)),
        );
    }

    pub(super) fn judge_gate(&mut self, index: usize, migration: &Migration) -> bool {
        let unit = &self.programme.units[index];
        let (service, mut run) = (unit.service(), unit.gate.expect("a gate is open"));
        let gate = &migration.gates[run.gate];
        let name = &self.scenario.service(service).name;
        let (kind, detail, exhausted) = match self.look_through_gate(service, &run, gate) {
            Verdict::Pass(detail) => {
                self.tell_unit(
                    index,
                    EventKind::GatePassed,
                    Some(service),
                    None,
                    format!("{name}: gate {} passed: {detail}", gate.name),
                );
                return self.enter(index, Phase::Stepping, None);
            }
            Verdict::Fail(detail) => {
                run.failures += 1;
                let last = run.failures > gate.failure_limit;
                (
                    EventKind::GateFailed,
                    format!("{name}: gate {} failed: {detail}", gate.name),
                    last.then_some(gate.fail),
                )
            }
            Verdict::Inconclusive(detail) => {
                run.inconclusive += 1;
                let last = run.inconclusive > gate.inconclusive_limit;
                let detail = format!("{name}: gate {} is inconclusive: {detail}", gate.name);
                (
                    EventKind::GateInconclusive,
                    detail,
                    last.then_some(gate.inconclusive),
                )
            }
        };
        self.tell_unit(index, kind, Some(service), None, detail.clone());
        if let Some(action) = exhausted {
            self.gate_did_not_pass(index, action, &detail, migration);
        } else {
            let end = run.window.1 + gate.interval.max(SimDuration::from_secs(1));
            run.window = (SimTime(end.0.saturating_sub(gate.window.0)), end);
            self.programme.units[index].gate = Some(run);
            self.wait_for_gate(index, migration);
        }
        true
    }
}
