//! The metrics that assertions, gates and reports speak of: one table, read by the checker of conditions, by
//! `list metrics`, by the experiment and by the reports. Nothing is measured here.

mod of_work;
mod table;

pub use table::METRICS;

/// What a metric's number is, for the check of dimensions in conditions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dimension {
    /// A number of things (actions, requests, minutes, users, nodes).
    Count,
    /// A share, 0 to 1 (utilisation and burn rates may exceed 1).
    Ratio,
    /// Seconds.
    Time,
    /// The scenario's currency.
    Money,
    /// Bytes.
    Bytes,
}

/// Which direction is better.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither: it describes.
    Neither,
}

/// How the values of replications become one estimate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MergeRule {
    /// Mean over replications with a t-interval.
    Mean,
    /// Often zero: P(any) with a Wilson interval, and the mean given any.
    ZeroHeavy,
    /// 0 or 1 in each replication: a probability with a Wilson interval.
    Probability,
}

/// Kinds of subjects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubjectKind {
    /// The whole run (no subject written).
    Run,
    /// `journey.NAME`.
    Journey,
    /// `service.NAME`.
    Service,
    /// `cluster.NAME`.
    Cluster,
    /// `wave.NAME`.
    Wave,
    /// `team.NAME`.
    Team,
    /// `load.NAME`.
    Load,
    /// `old` and `new` of a gate.
    Gate,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name in conditions; `p` stands for every percentile (`p50`, `p99.9`).
    pub name: &'static str,
    /// Unit in tables.
    pub unit: &'static str,
    /// Its kind of number.
    pub dimension: Dimension,
    /// What it is, in one sentence.
    pub meaning: &'static str,
    /// Which direction is better.
    pub better: Direction,
    /// What it can be asked of; none: not built yet.
    pub subjects: &'static [SubjectKind],
    /// How replications merge.
    pub merge: MergeRule,
    /// Where `in CLUSTER` is understood.
    pub by_cluster: bool,
    /// Where `during` and `over` are understood.
    pub by_time: bool,
}

impl Metric {
    /// Whether it can be measured now; a condition on any other is refused as "not supported yet".
    #[must_use]
    pub fn is_supported(&self) -> bool {
        !self.subjects.is_empty()
    }

    /// Whether it can be asked of such a subject.
    #[must_use]
    pub fn has_subject(&self, kind: SubjectKind) -> bool {
        self.subjects.contains(&kind)
    }
}

/// The metric of that name (any percentile finds `p`).
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    let name = if percentile(name).is_some() {
        "p"
    } else {
        name
    };
    METRICS.iter().find(|metric| metric.name == name)
}

/// The ratio of a percentile's name: 0.999 of `p99.9`; `None` for other names.
#[must_use]
pub fn percentile(name: &str) -> Option<f64> {
    let digits = name.strip_prefix('p')?;
    let starts_and_ends_with_digits = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    if !starts_and_ends_with_digits {
        return None;
    }
    let percent: f64 = digits.parse().ok()?;
    (percent > 0.0 && percent < 100.0).then_some(percent / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_read_from_their_names() {
        assert_eq!(percentile("p99.9"), Some(99.9 / 100.0));
        assert_eq!(percentile("p50"), Some(0.5));
        for other in ["p", "p.", "p100", "p0", "pending_pods", "p99.", "p-5"] {
            assert_eq!(percentile(other), None, "{other}");
        }
        assert_eq!(find("p99.9").map(|metric| metric.name), Some("p"));
    }

    #[test]
    fn every_metric_is_named_once() {
        for (index, metric) in METRICS.iter().enumerate() {
            assert!(
                METRICS[index + 1..]
                    .iter()
                    .all(|other| other.name != metric.name),
                "{}",
                metric.name
            );
            assert!(metric.meaning.ends_with('.'), "{}", metric.name);
        }
    }

    #[test]
    fn every_name_of_the_language_is_in_the_table() {
        let names = "excess_lost_actions complete availability error_ratio mean p50 p99.9 requests \
            failed_requests users_affected breach_minutes error_budget burn_rate wasted_work cross_calls \
            cross_bytes hit_ratio queue_length cpu_utilisation replicas pending_pods nodes cost \
            double_running_cost egress_cost engineer_days work_share blocked_days rollbacks rollback_time \
            moves makespan lateness rpo rto";
        for name in names.split_whitespace() {
            assert!(find(name).is_some(), "{name}");
        }
    }
}
