//! All that one replication saw, read as metrics.

use crate::experiment::account::{Account, Whose};
use crate::experiment::collector::Collector;
use crate::experiment::matching::Losses;
use crate::experiment::minutes::Minutes;
use crate::model::metric::{METRICS, SubjectKind};
use crate::model::{MetricTerm, Scenario, SpanScope, Subject};
use crate::units::{ClusterId, JourneyId, ServiceId, SimTime, WaveId, WorkId};
use crate::world::recorder::EventKind;

use super::result::Scalar;
use super::terms::subject_text;

/// Percentiles that the table of metrics shows.
const PERCENTILES: [&str; 5] = ["p50", "p90", "p95", "p99", "p99.9"];

/// See the module's text.
pub struct Findings<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The run.
    pub run: Collector<'a>,
    /// Its twin.
    pub twin: Option<Collector<'a>>,
    /// Losses by journey; `None` without a twin.
    pub losses: Option<Vec<Losses>>,
    /// Users with a loss; `None` without records.
    pub users_affected: Option<u64>,
    /// The minutes judged.
    pub minutes: Minutes,
}

impl Findings<'_> {
    fn account<'c>(
        collector: &'c Collector,
        whose: Whose,
        cluster: Option<ClusterId>,
    ) -> Option<&'c Account> {
        match (whose, cluster) {
            (Whose::Run, None) => Some(&collector.run),
            (Whose::Journey(id), None) => collector.journeys.get(id.index()),
            (Whose::Service(id), None) => collector.services.get(id.index()),
            (Whose::Service(id), Some(at)) => {
                let clusters = collector.clusters.len();
                collector.stations().get(id.index() * clusters + at.index())
            }
            (Whose::Cluster(id), None) => collector.clusters.get(id.index()),
            (Whose::Work(id), None) => collector.work.get(id.index()),
            _ => None,
        }
    }

    /// Actions that were meant: the twin's, else the run's own.
    #[must_use]
    pub fn intended(&self, whose: Whose) -> u64 {
        let count =
            |collector| Self::account(collector, whose, None).map_or(0, Account::total_ended);
        let twin = self.twin.as_ref().unwrap_or(&self.run);
        self.beyond_chance(count(twin), count(&self.run))
    }

    /// The twin's count as far as it is no chance: rates draw both counts by themselves, requests the same users.
    fn beyond_chance(&self, meant: u64, own: u64) -> u64 {
        if self.scenario.run.fidelity.has_rates() && is_chance(meant, own) {
            own
        } else {
            meant
        }
    }

    fn read(&self, name: &str, account: &Account, intended: u64) -> Option<f64> {
        match name {
            "availability" => {
                // Users of a faster run act more often than their twins: all of that is measured against.
                let whole = intended.max(account.total_ended());
                (whole > 0).then(|| account.good as f64 / whole as f64)
            }
            "burn_rate" => account.burn_rate(self.scenario, intended),
            "error_budget" => account
                .burn_rate(self.scenario, intended)
                .map(|burn| 1.0 - burn),
            _ => account.value(self.scenario, name),
        }
    }

    /// Value of a term; `None`: no evidence.
    pub fn term(&mut self, term: &MetricTerm, position: usize) -> Option<f64> {
        let span = match (&term.scope.during, term.subject) {
            (Some(SpanScope::Fixed(start, end)), _) => Some(Some((*start, *end))),
            (Some(SpanScope::Wave(wave)), _) => Some(self.run.spans[wave.index()]),
            (None, _) => None,
        };
        if term.scope.over.is_none() {
            match span {
                Some(None) => return None,
                Some(Some((start, end))) => {
                    if let Some(value) = self.in_span(&term.name, term.subject, start, end) {
                        return Some(value);
                    }
                }
                None if term.scope.cluster.is_none() => {
                    return self.value(&term.name, term.subject);
                }
                None => {}
            }
        }
        let is_windowed = term.scope.over.is_some();
        if is_windowed {
            let scenario = self.scenario;
            return self.run.probes[position].as_mut()?.worst(scenario);
        }
        let account = &self.run.probes[position].as_ref()?.account;
        let twin = self.twin.as_ref().unwrap_or(&self.run);
        let meant = twin.probes[position].as_ref()?.account.total_ended();
        let intended = self.beyond_chance(meant, account.total_ended());
        self.read(&term.name, account, intended)
    }

    /// Metrics that are no sums, within a span.
    fn in_span(
        &self,
        name: &str,
        subject: Option<Subject>,
        start: SimTime,
        end: SimTime,
    ) -> Option<f64> {
        let journey = match subject {
            None => None,
            Some(Subject::Journey(id)) => Some(id?.index()),
            Some(_) => return None,
        };
        match name {
            "excess_lost_actions" => {
                let losses = self.losses.as_ref()?;
                Some(match journey {
                    Some(index) => losses[index].within(start, end),
                    None => losses.iter().map(|losses| losses.within(start, end)).sum(),
                })
            }
            "breach_minutes" => Some(self.minutes.breaches_within(journey, start, end) as f64),
            _ => None,
        }
    }

    /// Value of a metric over the run.
    #[must_use]
    pub fn value(&self, name: &str, subject: Option<Subject>) -> Option<f64> {
        if let Some(Subject::Wave(wave)) = subject {
            return self.of_wave(name, wave?);
        }
        let whose = Whose::of(subject)?;
        if let Whose::Work(id) = whose {
            return self.run.work[id.index()].value(self.scenario, name);
        }
        match name {
            "excess_lost_actions" => self.lost(whose, Losses::total),
            "excess_lost_per_million" => {
                let intended = self.intended(whose);
                let lost = self.lost(whose, Losses::total)?;
                (intended > 0).then(|| lost * 1e6 / intended as f64)
            }
            "never_issued" => {
                self.users_affected?;
                self.lost(whose, |losses| losses.causes[super::matching::NEVER_ISSUED])
            }
            "users_affected" => match whose {
                Whose::Run => self.users_affected.map(|users| users as f64),
                _ => {
                    self.users_affected?;
                    self.lost(whose, |losses| losses.users as f64)
                }
            },
            "breach_minutes" => match whose {
                Whose::Run if self.minutes.evidence.iter().all(|count| *count == 0) => None,
                Whose::Run => Some(self.minutes.any.len() as f64),
                Whose::Journey(id) if self.minutes.evidence[id.index()] > 0 => {
                    Some(self.minutes.breaches[id.index()].len() as f64)
                }
                _ => None,
            },
            "cost" => self.cost(whose),
            "egress_cost" => (whose == Whose::Run).then(|| self.egress(&self.run)),
            "double_running_cost" => {
                let twin = self.twin.as_ref()?;
                let own = self.cost(Whose::Run)?;
                Some(own - twin.node_cost.iter().sum::<f64>() - self.egress(twin))
            }
            "complete" | "rollbacks" | "moves" | "makespan" | "lateness" => self.of_programme(name),
            _ => {
                let account = Self::account(&self.run, whose, None)?;
                self.read(name, account, self.intended(whose))
            }
        }
    }

    fn lost(&self, whose: Whose, read: impl Fn(&Losses) -> f64) -> Option<f64> {
        let losses = self.losses.as_ref()?;
        match whose {
            Whose::Run => Some(losses.iter().map(read).sum()),
            Whose::Journey(id) => losses.get(id.index()).map(read),
            _ => None,
        }
    }

    fn cost(&self, whose: Whose) -> Option<f64> {
        match whose {
            Whose::Run => Some(self.run.node_cost.iter().sum::<f64>() + self.egress(&self.run)),
            Whose::Cluster(id) => self.run.node_cost.get(id.index()).copied(),
            _ => None,
        }
    }

    fn egress(&self, collector: &Collector) -> f64 {
        collector
            .edges
            .iter()
            .map(|edge| egress_of(self.scenario, &edge.bytes))
            .sum()
    }

    fn of_wave(&self, name: &str, wave: WaveId) -> Option<f64> {
        let span = self.run.spans[wave.index()];
        let count = |kind| {
            let of_wave = |event: &&crate::world::recorder::ProgrammeEvent| {
                event.kind == kind && event.wave == Some(wave)
            };
            self.run.events.iter().filter(of_wave).count() as f64
        };
        match name {
            "rollbacks" => Some(count(EventKind::RolledBack)),
            "moves" => Some(count(EventKind::Decommissioned)),
            "makespan" => span
                .filter(|(_, end)| *end != SimTime::NEVER)
                .map(|(start, end)| end.since(start).seconds()),
            "excess_lost_actions" => {
                let (start, end) = span?;
                self.in_span(name, None, start, end)
            }
            _ => None,
        }
    }

    fn of_programme(&self, name: &str) -> Option<f64> {
        let migration = self.scenario.migration.as_ref()?;
        let is_mine = |id: ServiceId| {
            let service = self.scenario.service(id);
            !service.pinned && service.clusters.contains(&migration.from)
        };
        let ids = (0..self.scenario.services.len()).map(ServiceId::from_index);
        let moved = |id: ServiceId| {
            let of = |event: &&crate::world::recorder::ProgrammeEvent| {
                event.kind == EventKind::Decommissioned && event.service == Some(id)
            };
            self.run.events.iter().rev().find(of).map(|event| event.at)
        };
        let ends: Vec<_> = ids.filter(|id| is_mine(*id)).map(moved).collect();
        let last = ends.iter().flatten().max().copied();
        let is_over = ends.iter().all(Option::is_some);
        let deadline = migration.deadline.unwrap_or(self.scenario.end());
        match name {
            "complete" => {
                let in_time = is_over && last.is_none_or(|last| last <= deadline);
                Some(f64::from(u8::from(in_time)))
            }
            "rollbacks" => {
                let back = |kind| self.run.events.iter().filter(|e| e.kind == kind).count();
                Some(back(EventKind::RolledBack) as f64)
            }
            "moves" => Some(ends.iter().flatten().count() as f64),
            "makespan" if is_over => {
                let start = self
                    .run
                    .spans
                    .iter()
                    .flatten()
                    .map(|(start, _)| *start)
                    .min()?;
                Some(last?.since(start).seconds())
            }
            "lateness" if is_over => Some(last?.since(deadline).seconds()),
            _ => None,
        }
    }

    /// All metrics of all subjects that have them, in the table's order.
    #[must_use]
    pub fn scalars(&self) -> Vec<Scalar> {
        let mut found = Vec::new();
        for metric in METRICS.iter().filter(|metric| metric.is_supported()) {
            let names: &[&str] = if metric.name == "p" {
                &PERCENTILES
            } else {
                std::slice::from_ref(&metric.name)
            };
            for name in names {
                for subject in self.subjects(metric.subjects) {
                    found.push(Scalar {
                        name: (*name).to_owned(),
                        subject: subject_text(subject, self.scenario),
                        value: self.value(name, subject).filter(|value| value.is_finite()),
                    });
                }
            }
        }
        found
    }

    fn subjects(&self, kinds: &[SubjectKind]) -> Vec<Option<Subject>> {
        let mut all = Vec::new();
        for kind in kinds {
            let scenario = self.scenario;
            match kind {
                SubjectKind::Run => all.push(None),
                SubjectKind::Journey => all.extend(
                    (0..scenario.journeys.len())
                        .map(|at| Some(Subject::Journey(Some(JourneyId::from_index(at))))),
                ),
                SubjectKind::Service => all.extend(
                    (0..scenario.services.len())
                        .map(|at| Some(Subject::Service(Some(ServiceId::from_index(at))))),
                ),
                SubjectKind::Cluster => all.extend(
                    (0..scenario.clusters.len())
                        .map(|at| Some(Subject::Cluster(Some(ClusterId::from_index(at))))),
                ),
                SubjectKind::Wave => all.extend(
                    (0..scenario.plan.waves.len())
                        .map(|at| Some(Subject::Wave(Some(WaveId::from_index(at))))),
                ),
                SubjectKind::Load => all.extend(
                    (0..scenario.work.len())
                        .map(|at| Some(Subject::Work(Some(WorkId::from_index(at))))),
                ),
                SubjectKind::Team | SubjectKind::Gate => {}
            }
        }
        all
    }
}

/// Price of bytes that left a place, over a table of places by places.
#[must_use]
pub fn egress_of(scenario: &Scenario, bytes: &[u64]) -> f64 {
    bytes
        .iter()
        .zip(&scenario.links.table)
        .map(|(bytes, link)| *bytes as f64 * link.egress_per_byte)
        .sum()
}

/// Whether two counts of the same mean, each with the spread of a Poisson count, are so far apart in fewer than one case
/// of ten thousand at most.
fn is_chance(one: u64, other: u64) -> bool {
    let (one, other) = (one as f64, other as f64);
    (one - other).abs() <= 4.0 * libm::sqrt(one + other)
}

#[cfg(test)]
mod tests {
    use super::is_chance;

    #[test]
    fn counts_within_four_deviations_of_their_difference_are_chance() {
        // The difference of two counts of 100 has a deviation of 14.1.
        assert!(is_chance(100, 100) && is_chance(128, 72) && is_chance(0, 0));
        assert!(!is_chance(130, 70) && !is_chance(1_112_000, 855_000) && !is_chance(40, 0));
    }
}
