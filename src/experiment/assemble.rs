//! From findings to the plain result of a replication.

use crate::experiment::account::{Account, Whose, crossing};
use crate::experiment::bins::bin_width;
use crate::experiment::findings::{Findings, egress_of};
use crate::experiment::matching::{Losses, NEVER_ISSUED, SLOT, cause_name};
use crate::experiment::result::{
    CapacityRow, EdgeStats, JourneyStats, ReplicationResult, Series, ServiceStats, WaveOutcome,
    WaveStats,
};
use crate::model::{MetricTerm, Subject};
use crate::units::{JourneyId, ServiceId, SimTime, WaveId};
use crate::world::recorder::EventKind;

const WEEK_SECONDS: f64 = 7.0 * 86_400.0;

impl Findings<'_> {
    /// The plain result; the caller fills in number, events and why it stopped.
    #[must_use]
    pub fn result(mut self, terms: &[MetricTerm]) -> ReplicationResult {
        let values = terms
            .iter()
            .enumerate()
            .map(|(position, term)| self.term(term, position).filter(|value| value.is_finite()))
            .collect();
        let mut series = self.loss_series();
        let bins = self.run.bins.take();
        let mut rows = bins.map_or_else(Vec::new, |bins| bins.finish(self.scenario));
        let peaks = rows.clone();
        rows.append(&mut series);
        ReplicationResult {
            twin: self.twin.is_some(),
            metrics: self.scalars(),
            terms: values,
            journeys: (0..self.scenario.journeys.len())
                .map(|at| self.journey(at))
                .collect(),
            services: self.services(&peaks),
            series: rows,
            bin: bin_width(self.scenario),
            waves: (0..self.scenario.plan.waves.len())
                .map(|at| self.wave(at))
                .collect(),
            capacity: self.capacity(),
            edges: self.edges(),
            programme: self.run.events,
            ..ReplicationResult::default()
        }
    }

    fn loss_series(&self) -> Vec<Series> {
        let width = bin_width(self.scenario).0;
        let bins = self.scenario.horizon.0.div_ceil(width).max(1) as usize;
        let Some(losses) = &self.losses else {
            return Vec::new();
        };
        let of = |(journey, losses): (&crate::model::Journey, &Losses)| {
            let mut values = vec![0.0; bins];
            for (slot, lost) in &losses.slots {
                let bin = (slot * SLOT.0 / width) as usize;
                values[bin.min(bins - 1)] += lost;
            }
            Series {
                scope: "journey".to_owned(),
                name: journey.name.clone(),
                cluster: String::new(),
                metric: "excess_lost_actions".to_owned(),
                values: values.into_iter().map(Some).collect(),
            }
        };
        self.scenario.journeys.iter().zip(losses).map(of).collect()
    }

    fn journey(&self, index: usize) -> JourneyStats {
        let journey = &self.scenario.journeys[index];
        let id = JourneyId::from_index(index);
        let account = &self.run.journeys[index];
        let value = |name: &str| self.value(name, Some(Subject::Journey(Some(id))));
        let losses = self.losses.as_ref().map(|losses| &losses[index]);
        let lost_by_cause = losses.map_or_else(Vec::new, |losses| {
            let causes = losses.causes.iter().enumerate();
            causes
                .filter(|(_, lost)| **lost > 0.0)
                .map(|(cause, lost)| (cause_name(cause).to_owned(), *lost))
                .collect()
        });
        JourneyStats {
            journey: journey.name.clone(),
            intended: self.intended(Whose::Journey(id)),
            issued: account.issued,
            good: account.good,
            outcomes: account.ended.to_vec(),
            mean: value("mean"),
            p50: value("p50"),
            p90: value("p90"),
            p95: value("p95"),
            p99: value("p99"),
            p999: value("p99.9"),
            max: (account.actions.count() > 0).then(|| account.actions.max() as f64 * 1e-9),
            limit: journey.limit().map(|limit| limit.seconds()),
            availability: value("availability"),
            excess_lost: losses.map(Losses::total),
            lost_by_cause,
            never_issued: self
                .users_affected
                .and(losses.map(|losses| losses.causes[NEVER_ISSUED])),
            users_affected: value("users_affected"),
            breach_minutes: self.minutes.breaches[index].len() as f64,
            evidence_minutes: self.minutes.evidence[index],
            burn_rate: value("burn_rate"),
        }
    }

    fn services(&self, series: &[Series]) -> Vec<ServiceStats> {
        let clusters = self.scenario.clusters.len();
        let mut rows = Vec::new();
        for (index, account) in self.run.stations().iter().enumerate() {
            if account.total_ended() == 0 && account.most.ready == 0 {
                continue;
            }
            let service = &self.scenario.services[index / clusters].name;
            let cluster = &self.scenario.clusters[index % clusters].name;
            let peak = series
                .iter()
                .find(|row| {
                    row.metric == "cpu_utilisation"
                        && &row.name == service
                        && &row.cluster == cluster
                })
                .and_then(|row| row.values.iter().flatten().copied().reduce(f64::max));
            rows.push(self.station(account, service, cluster, peak));
        }
        rows
    }

    fn station(
        &self,
        account: &Account,
        service: &str,
        cluster: &str,
        peak: Option<f64>,
    ) -> ServiceStats {
        let value = |name: &str| account.value(self.scenario, name);
        let per_second = |sum: f64| {
            if account.seconds > 0.0 {
                sum / account.seconds
            } else {
                0.0
            }
        };
        ServiceStats {
            service: service.to_owned(),
            cluster: cluster.to_owned(),
            attempts: account.total_ended(),
            outcomes: account.ended.to_vec(),
            rate: per_second(account.total_ended() as f64),
            mean: value("mean"),
            p50: value("p50"),
            p95: value("p95"),
            p99: value("p99"),
            cpu_seconds: account.cpu_seconds,
            wasted_cpu_seconds: account.wasted_seconds,
            utilisation: value("cpu_utilisation"),
            peak_utilisation: peak,
            replicas_mean: per_second(account.ready_seconds),
            replicas_max: account.most.ready,
            in_flight_mean: per_second(account.in_flight_seconds),
            cache_looks: account.cache_looks,
            connections: account.connections,
            async_calls: account.async_calls,
        }
    }

    fn wave(&self, index: usize) -> WaveStats {
        let wave = &self.scenario.plan.waves[index];
        let id = WaveId::from_index(index);
        let span = self.run.spans[index];
        let events = || {
            self.run
                .events
                .iter()
                .filter(|event| event.wave == Some(id))
        };
        let count = |kind| events().filter(|event| event.kind == kind).count();
        let soaks = || events().filter(|event| event.kind == EventKind::SoakStarted);
        let name_of = |id: ServiceId| self.scenario.service(id).name.clone();
        let end = span
            .map(|(_, end)| end)
            .filter(|end| *end != SimTime::NEVER);
        let outcome = match (span, end) {
            (None, _) => WaveOutcome::NotStarted,
            (Some(_), None) => WaveOutcome::Unfinished,
            _ if count(EventKind::RolledBack) > 0 => WaveOutcome::RolledBack,
            _ => WaveOutcome::Done,
        };
        WaveStats {
            wave: wave.name.clone(),
            services: wave
                .members
                .iter()
                .map(|member| name_of(member.service))
                .collect(),
            planned_start: wave.earliest,
            start: span.map(|(start, _)| start),
            shifted: soaks().map(|event| event.at).max(),
            end,
            outcome,
            rollbacks: count(EventKind::RolledBack) as u32,
            excess_lost: self.value("excess_lost_actions", Some(Subject::Wave(Some(id)))),
        }
    }

    fn capacity(&self) -> Vec<CapacityRow> {
        let horizon = self.scenario.horizon.seconds();
        let mut rows = Vec::new();
        for ((cluster, week), sums) in &self.run.capacity {
            let start = *week as f64 * WEEK_SECONDS;
            let seconds = (horizon - start).clamp(1e-9, WEEK_SECONDS);
            let twin = self.twin.as_ref().map(|twin| {
                twin.capacity
                    .get(&(*cluster, *week))
                    .map_or(0.0, |row| row.cost)
            });
            rows.push(CapacityRow {
                cluster: self.scenario.clusters[*cluster].name.clone(),
                week: *week as u32,
                nodes_mean: sums.nodes_mean / seconds,
                nodes_max: sums.nodes_max,
                requested: sums.requested.map(|requested| requested / seconds),
                cost: sums.cost,
                cost_above_twin: twin.map(|twin| sums.cost - twin),
            });
        }
        rows
    }

    fn edges(&self) -> Vec<EdgeStats> {
        let clusters = self.scenario.clusters.len();
        let edges = self.scenario.edges.iter().zip(&self.run.edges);
        edges
            .map(|(edge, seen)| {
                let (crossing_calls, crossing_bytes) = crossing(clusters, &seen.calls, &seen.bytes);
                let caller = edge.caller.map(|id| self.scenario.service(id).name.clone());
                EdgeStats {
                    caller: caller.unwrap_or_else(|| "users".to_owned()),
                    callee: self.scenario.service(edge.callee).name.clone(),
                    calls: seen.calls.iter().sum(),
                    crossing_calls,
                    crossing_bytes,
                    egress_cost: egress_of(self.scenario, &seen.bytes),
                }
            })
            .collect()
    }
}
