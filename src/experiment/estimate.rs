//! From replications to estimates: metrics, terms and time series.

use crate::experiment::result::{Estimate, EstimateKind, MetricRow, ReplicationResult, SeriesRow};
use crate::model::metric::{MergeRule, find};
use crate::stats::{mean_interval, student_quantile, wilson};

/// Share of replications with a zero from which on a zero-heavy metric shows P(any) instead of a t-interval.
const HEAVY: f64 = 0.1;

/// An estimate from the values of replications (absent ones are left out).
#[must_use]
pub fn estimate(values: &[Option<f64>], rule: MergeRule, confidence: f64) -> Estimate {
    let found: Vec<f64> = values.iter().flatten().copied().collect();
    let n = u32::try_from(found.len()).expect("fewer than 2^32 replications");
    let mut result = Estimate {
        kind: EstimateKind::Absent,
        mean: None,
        low: None,
        high: None,
        n,
        probability: None,
        mean_given_any: None,
        min: found.iter().copied().reduce(f64::min),
        max: found.iter().copied().reduce(f64::max),
    };
    if n == 0 {
        return result;
    }
    result.mean = Some(found.iter().sum::<f64>() / f64::from(n));
    let positive: Vec<f64> = found.iter().copied().filter(|value| *value > 0.0).collect();
    let hits = u32::try_from(positive.len()).expect("no more than n");
    if rule != MergeRule::Mean {
        result.probability = wilson(hits, n, confidence).map(|i| (i.estimate, i.low, i.high));
        if hits > 0 {
            result.mean_given_any = Some(positive.iter().sum::<f64>() / f64::from(hits));
        }
    }
    if rule == MergeRule::Probability {
        let (_, low, high) = result.probability.expect("n is positive");
        (result.low, result.high) = (Some(low), Some(high));
        result.kind = EstimateKind::Mean;
        return result;
    }
    if rule == MergeRule::ZeroHeavy && f64::from(n - hits) > HEAVY * f64::from(n) {
        result.kind = EstimateKind::ZeroHeavy;
        return result;
    }
    if n > 1 && result.min == result.max {
        result.kind = EstimateKind::Constant;
        return result;
    }
    result.kind = EstimateKind::Mean;
    if let Some(interval) = mean_interval(&found, confidence) {
        (result.low, result.high) = (Some(interval.low), Some(interval.high));
    }
    result
}

/// One row for each metric and subject, in the order of the first replication.
#[must_use]
pub fn metric_rows(replications: &[ReplicationResult], confidence: f64) -> Vec<MetricRow> {
    let Some(first) = replications.first() else {
        return Vec::new();
    };
    first
        .metrics
        .iter()
        .enumerate()
        .map(|(position, scalar)| {
            let values: Vec<_> = replications
                .iter()
                .map(|replication| replication.metrics[position].value)
                .collect();
            let metric = find(&scalar.name);
            MetricRow {
                name: scalar.name.clone(),
                subject: scalar.subject.clone(),
                unit: metric.map_or("", |metric| metric.unit).to_owned(),
                estimate: estimate(
                    &values,
                    metric.map_or(MergeRule::Mean, |metric| metric.merge),
                    confidence,
                ),
            }
        })
        .collect()
}

/// Time series over the replications; a series that only some have is averaged over those.
#[must_use]
pub fn series_rows(replications: &[ReplicationResult], confidence: f64) -> Vec<SeriesRow> {
    let quantiles: Vec<f64> = (1..replications.len().max(2))
        .map(|freedom| student_quantile(0.5 + confidence / 2.0, freedom as u32))
        .collect();
    let mut keys: std::collections::BTreeMap<(&str, &str, &str, &str), usize> =
        std::collections::BTreeMap::new();
    let mut members: Vec<Vec<&crate::experiment::result::Series>> = Vec::new();
    for series in replications
        .iter()
        .flat_map(|replication| &replication.series)
    {
        let key = (
            series.scope.as_str(),
            series.name.as_str(),
            series.cluster.as_str(),
            series.metric.as_str(),
        );
        let at = *keys.entry(key).or_insert_with(|| {
            members.push(Vec::new());
            members.len() - 1
        });
        members[at].push(series);
    }
    members
        .iter()
        .map(|members| series_row(members, &quantiles))
        .collect()
}

fn series_row(members: &[&crate::experiment::result::Series], quantiles: &[f64]) -> SeriesRow {
    let first = members[0];
    let bins = first.values.len();
    let mut row = SeriesRow {
        scope: first.scope.clone(),
        name: first.name.clone(),
        cluster: first.cluster.clone(),
        metric: first.metric.clone(),
        mean: Vec::with_capacity(bins),
        low: Vec::with_capacity(bins),
        high: Vec::with_capacity(bins),
        n: Vec::with_capacity(bins),
    };
    let mut values = Vec::with_capacity(members.len());
    for bin in 0..bins {
        values.clear();
        values.extend(
            members
                .iter()
                .filter_map(|member| member.values.get(bin).copied().flatten()),
        );
        let moments = crate::stats::Moments::of(&values);
        let half =
            (moments.n > 1).then(|| quantiles[moments.n as usize - 2] * moments.standard_error());
        row.mean.push((moments.n > 0).then_some(moments.mean));
        row.low.push(half.map(|half| moments.mean - half));
        row.high.push(half.map(|half| moments.mean + half));
        row.n.push(moments.n);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mostly_zero_metrics_show_the_probability_of_any() {
        let values = [Some(0.0), Some(0.0), Some(6.0), Some(2.0), None];
        let found = estimate(&values, MergeRule::ZeroHeavy, 0.95);
        assert_eq!(found.kind, EstimateKind::ZeroHeavy);
        assert_eq!((found.n, found.mean, found.low), (4, Some(2.0), None));
        assert_eq!(found.mean_given_any, Some(4.0));
        assert_eq!(found.probability.map(|(share, _, _)| share), Some(0.5));
    }

    #[test]
    fn an_absent_metric_is_no_zero() {
        let found = estimate(&[None, None], MergeRule::Mean, 0.95);
        assert_eq!((found.kind, found.mean), (EstimateKind::Absent, None));
    }
}
