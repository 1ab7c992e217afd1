//! How a unit ends: decommission of the source, or rollback to it.

use super::Control;
use super::unit::Phase;
use crate::model::{GateFailure, Migration};
use crate::units::ServiceId;
use crate::world::recorder::EventKind;

impl Control<'_> {
    pub(super) fn begin_decommission(&mut self, index: usize, migration: &Migration) -> bool {
        let services = self.members(index, usize::MAX);
        for service in &services {
            let freeze = self
                .scenario
                .calendar
                .freeze_at(self.now, *service)
                .filter(|freeze| !freeze.running_finish);
            let reason = freeze.map(|freeze| format!("freeze {}", freeze.name));
            if reason.is_some() {
                self.note_hold(index, *service, reason);
                return false;
            }
        }
        self.note_hold(index, services[0], None);
        for service in &services {
            let at = self.at(*service, migration.from);
            let replicas = self.deployments[at].desired;
            let detail = format!(
                "{}: its {replicas} replicas in {} are stopped",
                self.scenario.service(*service).name,
                self.scenario.cluster(migration.from).name
            );
            self.tell_unit(
                index,
                EventKind::DecommissionStarted,
                Some(*service),
                Some(f64::from(replicas)),
                detail,
            );
        }
        self.enter(index, Phase::Decommissioning, None);
        for service in services {
            self.set_desired(service, migration.from, 0);
        }
        true
    }

    pub(super) fn check_decommissioned(&mut self, index: usize, migration: &Migration) -> bool {
        let services = self.members(index, usize::MAX);
        for service in &services {
            let gone = self.deployments[self.at(*service, migration.from)].is_empty();
            if gone && self.programme.decommissioned[service.index()].is_none() {
                self.programme.decommissioned[service.index()] = Some(self.now);
                let detail = format!(
                    "{} runs in {} only",
                    self.scenario.service(*service).name,
                    self.scenario.cluster(migration.to).name
                );
                self.tell_unit(
                    index,
                    EventKind::Decommissioned,
                    Some(*service),
                    None,
                    detail,
                );
            }
        }
        self.give_back_nodes(migration.from);
        let done = services
            .iter()
            .all(|service| self.programme.decommissioned[service.index()].is_some());
        done && self.enter(index, Phase::Done, None)
    }

    /// Does what the gate says when its patience is at an end.
    pub(super) fn gate_did_not_pass(
        &mut self,
        index: usize,
        action: GateFailure,
        why: &str,
        migration: &Migration,
    ) {
        match action {
            // The members of a unit have one outcome: a service of a group takes its group with it.
            GateFailure::RollBackService | GateFailure::RollBackGroup => {
                self.roll_back(index, why, migration)
            }
            GateFailure::RollBackWave => self.roll_back_wave(index, why, migration),
            GateFailure::StopProgramme => {
                self.programme.stopped = true;
                self.tell_unit(
                    index,
                    EventKind::ProgrammeStopped,
                    None,
                    None,
                    format!("no other wave starts: {why}"),
                );
                self.roll_back_wave(index, why, migration);
            }
            GateFailure::Hold => {
                let service = self.programme.units[index].service();
                let name = &self.scenario.service(service).name;
                let detail = format!("{name} stays as it is until a human decides: {why}");
                self.tell_unit(index, EventKind::HoldStarted, Some(service), None, detail);
                self.enter(index, Phase::Held, None);
            }
        }
    }

    fn roll_back_wave(&mut self, index: usize, why: &str, migration: &Migration) {
        let wave = self.programme.units[index].wave;
        for other in 0..self.programme.units.len() {
            let unit = &self.programme.units[other];
            if unit.wave != wave {
                continue;
            }
            match unit.phase {
                Phase::Waiting => {
                    self.enter(other, Phase::Cancelled, None);
                }
                // Past the point of return, or going back already.
                Phase::Decommissioning
                | Phase::Done
                | Phase::Restoring
                | Phase::Returning
                | Phase::Removing
                | Phase::RolledBack
                | Phase::Cancelled => {}
                _ => self.roll_back(other, why, migration),
            }
        }
    }

    /// Weights of all members that have begun go back to zero; then their target replicas are removed.
    fn roll_back(&mut self, index: usize, why: &str, migration: &Migration) {
        self.programme.rollbacks += 1;
        let begun = self.members(index, self.programme.units[index].current);
        let names: Vec<_> = begun
            .iter()
            .map(|service| self.scenario.service(*service).name.as_str())
            .collect();
        let detail = format!(
            "{} go back to {}: {why}",
            names.join(", "),
            self.scenario.cluster(migration.from).name
        );
        let service = self.programme.units[index].service();
        self.tell_unit(
            index,
            EventKind::RollbackStarted,
            Some(service),
            Some(0.0),
            detail,
        );
        self.programme.units[index].holding = false;
        for (service, replicas) in self.programme.units[index].reduced.clone() {
            self.set_desired(service, migration.from, replicas);
        }
        self.enter(index, Phase::Restoring, None);
        self.check_restored(index, migration);
    }

    /// Sends the weights back once the source has all the replicas that it had.
    pub(super) fn check_restored(&mut self, index: usize, migration: &Migration) -> bool {
        let unit = &self.programme.units[index];
        let lacks = unit.reduced.iter().any(|(service, replicas)| {
            let deployment = &self.deployments[self.at(*service, migration.from)];
            deployment.listed < (*replicas).min(deployment.desired)
        });
        if lacks {
            return false;
        }
        let begun = self.members(index, unit.current);
        self.send_weights(index, &begun, 0.0, migration, Phase::Returning);
        true
    }

    pub(super) fn remove_target(&mut self, index: usize, migration: &Migration) -> bool {
        self.weights_arrive(index, migration);
        for service in self.members(index, self.programme.units[index].current) {
            self.set_desired(service, migration.to, 0);
        }
        self.enter(index, Phase::Removing, None)
    }

    pub(super) fn check_removed(&mut self, index: usize, migration: &Migration) -> bool {
        let begun = self.members(index, self.programme.units[index].current);
        for service in &begun {
            let gone = self.deployments[self.at(*service, migration.to)].is_empty();
            if gone && !self.programme.rolled_back[service.index()] {
                self.programme.rolled_back[service.index()] = true;
                self.history.forget(*service);
                let detail = format!(
                    "{} runs in {} only, as before",
                    self.scenario.service(*service).name,
                    self.scenario.cluster(migration.from).name
                );
                self.tell_unit(index, EventKind::RolledBack, Some(*service), None, detail);
            }
        }
        let back = begun
            .iter()
            .all(|service| self.programme.rolled_back[service.index()]);
        back && self.enter(index, Phase::RolledBack, None)
    }

    /// Services of a unit's members, those after the `last` left out.
    fn members(&self, index: usize, last: usize) -> Vec<ServiceId> {
        let members = self.programme.units[index].members.iter();
        members
            .take(last.saturating_add(1))
            .map(|member| member.service)
            .collect()
    }
}
