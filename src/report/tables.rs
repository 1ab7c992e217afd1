//! The CSV files of a run folder, as bytes. Their columns are documented in `columns`.

use crate::experiment::result::{
    Estimate, ExperimentResult, JourneyStats, ReplicationResult, ServiceStats,
};
use crate::model::{LocalClock, Scenario};
use crate::report::columns::{
    CAPACITY, EDGES, JOURNEYS, MIGRATIONS, REPLICATIONS, SERVICES, SUMMARY, TIMESERIES, WAVES,
};
use crate::report::probes;
use crate::report::rows::{Rows, known, number};
use crate::units::SimTime;

/// Every table of the run: file name and contents.
#[must_use]
pub fn all(scenario: &Scenario, result: &ExperimentResult) -> Vec<(&'static str, Vec<u8>)> {
    let mut tables = vec![
        (SUMMARY.file, summary(result)),
        (JOURNEYS.file, journeys(result)),
        (SERVICES.file, services(result)),
        (TIMESERIES.file, timeseries(result)),
        (WAVES.file, waves(result)),
        (MIGRATIONS.file, migrations(scenario, result)),
        (CAPACITY.file, capacity(result)),
        (EDGES.file, edges(result)),
        (REPLICATIONS.file, replications(result)),
    ];
    if result.replications.iter().any(|one| !one.probes.is_empty()) {
        tables.push((probes::PROBES.file, probes::rows(result).bytes()));
    }
    if result
        .replications
        .iter()
        .any(|one| !one.probes.gates.is_empty())
    {
        tables.push((probes::GATES.file, probes::gate_rows(result).bytes()));
    }
    tables
}

fn instant(at: Option<SimTime>) -> String {
    known(at.map(SimTime::seconds))
}

/// Counts by outcome, each in its column.
fn outcomes(counts: &[u64]) -> impl Iterator<Item = String> + '_ {
    (0..7).map(|index| counts.get(index).map_or_else(String::new, u64::to_string))
}

/// The outcomes that came later, whose columns stand last.
fn later_outcomes(counts: &[u64]) -> impl Iterator<Item = String> + '_ {
    (7..11).map(|index| counts.get(index).map_or_else(String::new, u64::to_string))
}

/// The name that serde gives a variant without fields.
fn word(variant: impl serde::Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn summary(result: &ExperimentResult) -> Vec<u8> {
    let mut rows = Rows::new(&SUMMARY);
    for row in &result.metrics {
        let Estimate {
            kind,
            mean,
            low,
            high,
            n,
            probability,
            mean_given_any,
            min,
            max,
        } = &row.estimate;
        rows.add(&[
            row.name.clone(),
            row.subject.clone(),
            row.unit.clone(),
            known(*mean),
            known(*low),
            known(*high),
            n.to_string(),
            word(kind),
            known(probability.map(|found| found.0)),
            known(probability.map(|found| found.1)),
            known(probability.map(|found| found.2)),
            known(*mean_given_any),
            known(*min),
            known(*max),
        ]);
    }
    rows.bytes()
}

fn journeys(result: &ExperimentResult) -> Vec<u8> {
    let mut rows = Rows::new(&JOURNEYS);
    for one in &result.replications {
        for journey in &one.journeys {
            rows.add(&journey_cells(one.replication, journey));
        }
    }
    rows.bytes()
}

fn journey_cells(replication: u32, journey: &JourneyStats) -> Vec<String> {
    let causes: Vec<String> = journey
        .lost_by_cause
        .iter()
        .map(|(cause, actions)| format!("{cause}={}", number(*actions)))
        .collect();
    let mut cells = vec![
        replication.to_string(),
        journey.journey.clone(),
        journey.intended.to_string(),
        journey.issued.to_string(),
        journey.good.to_string(),
    ];
    cells.extend(outcomes(&journey.outcomes));
    let times = [
        journey.mean,
        journey.p50,
        journey.p90,
        journey.p95,
        journey.p99,
        journey.p999,
        journey.max,
        journey.limit,
    ];
    cells.extend(times.map(known));
    cells.extend([
        known(journey.availability),
        known(journey.excess_lost),
        known(journey.never_issued),
        causes.join(";"),
        known(journey.users_affected),
        number(journey.breach_minutes),
        journey.evidence_minutes.to_string(),
        known(journey.burn_rate),
    ]);
    cells.extend(later_outcomes(&journey.outcomes));
    cells
}

fn services(result: &ExperimentResult) -> Vec<u8> {
    let mut rows = Rows::new(&SERVICES);
    for one in &result.replications {
        for service in &one.services {
            rows.add(&service_cells(one.replication, service));
        }
    }
    rows.bytes()
}

fn service_cells(replication: u32, service: &ServiceStats) -> Vec<String> {
    let mut cells = vec![
        replication.to_string(),
        service.service.clone(),
        service.cluster.clone(),
        service.attempts.to_string(),
    ];
    cells.extend(outcomes(&service.outcomes));
    cells.push(number(service.rate));
    cells.extend([service.mean, service.p50, service.p95, service.p99].map(known));
    cells.extend([
        number(service.cpu_seconds),
        number(service.wasted_cpu_seconds),
        known(service.utilisation),
        known(service.peak_utilisation),
        number(service.replicas_mean),
        service.replicas_max.to_string(),
        number(service.in_flight_mean),
    ]);
    cells.extend(later_outcomes(&service.outcomes));
    let [looks, hits] = service.cache_looks;
    cells.push(known((looks > 0).then(|| hits as f64 / looks as f64)));
    let counts = service.connections.iter().chain(&service.async_calls);
    cells.extend(counts.map(u64::to_string));
    cells
}

fn timeseries(result: &ExperimentResult) -> Vec<u8> {
    let mut rows = Rows::new(&TIMESERIES);
    let bin = result.bin.seconds();
    for series in &result.series {
        for (index, mean) in series.mean.iter().enumerate() {
            if mean.is_none() {
                continue;
            }
            let at = |values: &[Option<f64>]| known(values.get(index).copied().flatten());
            rows.add(&[
                number(index as f64 * bin),
                number(bin),
                series.scope.clone(),
                series.name.clone(),
                series.cluster.clone(),
                series.metric.clone(),
                known(*mean),
                at(&series.low),
                at(&series.high),
                series.n.get(index).map_or_else(String::new, u32::to_string),
            ]);
        }
    }
    rows.bytes()
}

fn waves(result: &ExperimentResult) -> Vec<u8> {
    let mut rows = Rows::new(&WAVES);
    for one in &result.replications {
        for wave in &one.waves {
            rows.add(&[
                one.replication.to_string(),
                wave.wave.clone(),
                wave.services.join(" "),
                instant(wave.planned_start),
                instant(wave.start),
                instant(wave.shifted),
                instant(wave.end),
                word(wave.outcome),
                wave.rollbacks.to_string(),
                known(wave.excess_lost),
            ]);
        }
    }
    rows.bytes()
}

fn migrations(scenario: &Scenario, result: &ExperimentResult) -> Vec<u8> {
    let mut rows = Rows::new(&MIGRATIONS);
    for one in &result.replications {
        for event in &one.programme {
            let wave = event.wave.map_or_else(String::new, |wave| {
                scenario.plan.waves[wave.index()].name.clone()
            });
            rows.add(&[
                one.replication.to_string(),
                number(event.at.seconds()),
                local_date_time(&scenario.clock, event.at),
                wave,
                event.service.map_or_else(String::new, |service| {
                    scenario.service(service).name.clone()
                }),
                word(event.kind),
                known(event.value),
                event.detail.clone(),
            ]);
        }
    }
    rows.bytes()
}

/// `2025-03-03T09:20:00` by the local clock.
fn local_date_time(clock: &LocalClock, at: SimTime) -> String {
    let local = clock.local_seconds(at) as i64;
    jiff::Timestamp::from_second(local).map_or_else(
        |_| String::new(),
        |instant| {
            instant
                .to_zoned(jiff::tz::TimeZone::UTC)
                .strftime("%Y-%m-%dT%H:%M:%S")
                .to_string()
        },
    )
}

fn capacity(result: &ExperimentResult) -> Vec<u8> {
    let mut rows = Rows::new(&CAPACITY);
    for one in &result.replications {
        for row in &one.capacity {
            rows.add(&[
                one.replication.to_string(),
                row.cluster.clone(),
                row.week.to_string(),
                number(row.nodes_mean),
                row.nodes_max.to_string(),
                known(row.requested),
                number(row.cost),
                known(row.cost_above_twin),
            ]);
        }
    }
    rows.bytes()
}

fn edges(result: &ExperimentResult) -> Vec<u8> {
    let mut rows = Rows::new(&EDGES);
    for one in &result.replications {
        for edge in &one.edges {
            rows.add(&[
                one.replication.to_string(),
                edge.caller.clone(),
                edge.callee.clone(),
                edge.calls.to_string(),
                edge.crossing_calls.to_string(),
                edge.crossing_bytes.to_string(),
                number(edge.egress_cost),
            ]);
        }
    }
    rows.bytes()
}

fn replications(result: &ExperimentResult) -> Vec<u8> {
    let mut rows = Rows::new(&REPLICATIONS);
    let unit = |one: &ReplicationResult, index: usize| {
        let scalar = &one.metrics[index];
        result
            .metric(&scalar.name, &scalar.subject)
            .map_or_else(String::new, |row| row.unit.clone())
    };
    for one in &result.replications {
        for (index, scalar) in one.metrics.iter().enumerate() {
            rows.add(&[
                one.replication.to_string(),
                scalar.name.clone(),
                scalar.subject.clone(),
                unit(one, index),
                known(scalar.value),
                one.stopped.clone().unwrap_or_default(),
            ]);
        }
    }
    rows.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_cell_is_empty_and_not_zero() {
        let cells = journey_cells(
            3,
            &JourneyStats {
                journey: "buy".to_owned(),
                ..JourneyStats::default()
            },
        );
        assert_eq!(cells.len(), JOURNEYS.columns.len());
        let at = |name: &str| {
            &cells[JOURNEYS
                .columns
                .iter()
                .position(|column| column.0 == name)
                .unwrap()]
        };
        assert_eq!(
            (at("replication").as_str(), at("p99_seconds").as_str()),
            ("3", "")
        );
        assert_eq!(
            (at("availability").as_str(), at("breach_minutes").as_str()),
            ("", "0")
        );
    }

    #[test]
    fn a_service_has_a_cell_for_each_column() {
        assert_eq!(
            service_cells(0, &ServiceStats::default()).len(),
            SERVICES.columns.len()
        );
    }
}
