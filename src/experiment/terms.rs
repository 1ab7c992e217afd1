//! Terms of assertions: `*` written out, texts, and the list of what a replication has to measure.

use crate::model::{Condition, Goal, MetricTerm, Scenario, SpanScope, Subject, Sum, Value};
use crate::units::{ClusterId, JourneyId, LoadId, PoolId, ServiceId, TeamId, WaveId, WorkId};

/// The condition once for each subject that a `*` stands for; itself when it has none.
#[must_use]
pub fn expand(condition: &Condition, scenario: &Scenario) -> Vec<Condition> {
    let mut terms = Vec::new();
    condition.metrics(&mut terms);
    let Some(star) = terms
        .iter()
        .filter_map(|term| term.subject)
        .find(|subject| !each(*subject, scenario).is_empty())
    else {
        return vec![condition.clone()];
    };
    each(star, scenario)
        .into_iter()
        .flat_map(|subject| expand(&put(condition, star, subject), scenario))
        .collect()
}

/// All subjects of a `*`'s kind; empty for a subject that is no `*`.
fn each(subject: Subject, scenario: &Scenario) -> Vec<Subject> {
    fn all<T, U>(things: &[T], make: impl Fn(usize) -> U) -> Vec<U> {
        (0..things.len()).map(make).collect()
    }
    match subject {
        Subject::Journey(None) => all(&scenario.journeys, |at| {
            Subject::Journey(Some(JourneyId::from_index(at)))
        }),
        Subject::Service(None) => all(&scenario.services, |at| {
            Subject::Service(Some(ServiceId::from_index(at)))
        }),
        Subject::Cluster(None) => all(&scenario.clusters, |at| {
            Subject::Cluster(Some(ClusterId::from_index(at)))
        }),
        Subject::Team(None) => all(&scenario.teams, |at| {
            Subject::Team(Some(TeamId::from_index(at)))
        }),
        Subject::Wave(None) => all(&scenario.plan.waves, |at| {
            Subject::Wave(Some(WaveId::from_index(at)))
        }),
        Subject::Load(None) => all(&scenario.loads, |at| {
            Subject::Load(Some(LoadId::from_index(at)))
        }),
        Subject::Work(None) => all(&scenario.work, |at| {
            Subject::Work(Some(WorkId::from_index(at)))
        }),
        Subject::Pool(None) => scenario
            .clusters
            .iter()
            .enumerate()
            .flat_map(|(at, cluster)| {
                all(&cluster.pools, move |pool| {
                    let pool = PoolId::from_index(pool);
                    Subject::Pool(Some((ClusterId::from_index(at), pool)))
                })
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn put(condition: &Condition, star: Subject, subject: Subject) -> Condition {
    let sum = |part: &Sum| put_sum(part, star, subject);
    let many = |parts: &[Condition]| {
        parts
            .iter()
            .map(|part| put(part, star, subject))
            .collect::<Vec<_>>()
    };
    match condition {
        Condition::Or(parts) => Condition::Or(many(parts)),
        Condition::And(parts) => Condition::And(many(parts)),
        Condition::Not(part) => Condition::Not(Box::new(put(part, star, subject))),
        Condition::Compare(left, comparator, right) => {
            Condition::Compare(sum(left), *comparator, sum(right))
        }
        Condition::In(part, low, high) => Condition::In(sum(part), *low, *high),
    }
}

fn put_sum(part: &Sum, star: Subject, subject: Subject) -> Sum {
    let both = |left: &Sum, right: &Sum| {
        (
            Box::new(put_sum(left, star, subject)),
            Box::new(put_sum(right, star, subject)),
        )
    };
    match part {
        Sum::Value(Value::Metric(term)) if term.subject == Some(star) => {
            Sum::Value(Value::Metric(MetricTerm {
                subject: Some(subject),
                ..term.clone()
            }))
        }
        Sum::Value(value) => Sum::Value(value.clone()),
        Sum::Add(left, right) => {
            let (left, right) = both(left, right);
            Sum::Add(left, right)
        }
        Sum::Subtract(left, right) => {
            let (left, right) = both(left, right);
            Sum::Subtract(left, right)
        }
        Sum::Multiply(left, right) => {
            let (left, right) = both(left, right);
            Sum::Multiply(left, right)
        }
        Sum::Divide(left, right) => {
            let (left, right) = both(left, right);
            Sum::Divide(left, right)
        }
    }
}

/// Every term of every assertion, then of the objective, once, `*` written out, in order of appearance.
#[must_use]
pub fn terms(scenario: &Scenario) -> Vec<MetricTerm> {
    let mut found: Vec<MetricTerm> = Vec::new();
    for assertion in &scenario.assertions {
        for condition in expand(&assertion.condition, scenario) {
            let mut terms = Vec::new();
            condition.metrics(&mut terms);
            for term in terms {
                if !found.contains(term) {
                    found.push(term.clone());
                }
            }
        }
    }
    let wanted: Vec<&MetricTerm> = match &scenario.goal {
        None => Vec::new(),
        Some(Goal::InOrder(terms)) => terms.iter().collect(),
        Some(Goal::Priced(terms)) => terms.iter().map(|(term, _)| term).collect(),
    };
    for term in wanted
        .into_iter()
        .flat_map(|term| each_term(term, scenario))
    {
        if !found.contains(&term) {
            found.push(term);
        }
    }
    found
}

/// The term once for each subject that its `*` stands for; itself when it has none.
#[must_use]
pub fn each_term(term: &MetricTerm, scenario: &Scenario) -> Vec<MetricTerm> {
    let subjects = term
        .subject
        .map_or_else(Vec::new, |subject| each(subject, scenario));
    if subjects.is_empty() {
        return vec![term.clone()];
    }
    let with = |subject| MetricTerm {
        subject: Some(subject),
        ..term.clone()
    };
    subjects.into_iter().map(with).collect()
}

/// A subject as it is written: `journey.checkout`; `""` for the whole run.
#[must_use]
pub fn subject_text(subject: Option<Subject>, scenario: &Scenario) -> String {
    let named = |kind: &str, name: Option<&str>| format!("{kind}.{}", name.unwrap_or("*"));
    match subject {
        None => String::new(),
        Some(Subject::Old) => "old".to_owned(),
        Some(Subject::New) => "new".to_owned(),
        Some(Subject::Journey(id)) => {
            named("journey", id.map(|id| scenario.journey(id).name.as_str()))
        }
        Some(Subject::Service(id)) => {
            named("service", id.map(|id| scenario.service(id).name.as_str()))
        }
        Some(Subject::Cluster(id)) => {
            named("cluster", id.map(|id| scenario.cluster(id).name.as_str()))
        }
        Some(Subject::Team(id)) => named("team", id.map(|id| scenario.team(id).name.as_str())),
        Some(Subject::Wave(id)) => named(
            "wave",
            id.map(|id| scenario.plan.waves[id.index()].name.as_str()),
        ),
        Some(Subject::Load(id)) => named("load", id.map(|id| scenario.load(id).name.as_str())),
        Some(Subject::Work(id)) => {
            named("load", id.map(|id| scenario.work[id.index()].name.as_str()))
        }
        Some(Subject::Pool(None)) => "pool.*".to_owned(),
        Some(Subject::Pool(Some((cluster, pool)))) => {
            let cluster = scenario.cluster(cluster);
            format!("pool.{}.{}", cluster.name, cluster.pools[pool.index()].name)
        }
    }
}

/// A term as it is written.
#[must_use]
pub fn term_text(term: &MetricTerm, scenario: &Scenario) -> String {
    let mut text = term.name.clone();
    if term.subject.is_some() {
        text += &format!("({})", subject_text(term.subject, scenario));
    }
    if let Some(cluster) = term.scope.cluster {
        text += &format!(" in {}", scenario.cluster(cluster).name);
    }
    match &term.scope.during {
        None => {}
        Some(SpanScope::Wave(wave)) => {
            text += &format!(" during wave.{}", scenario.plan.waves[wave.index()].name);
        }
        Some(SpanScope::Fixed(start, end)) => {
            text += &format!(" during +{}..+{}", written(start.0), written(end.0));
        }
    }
    if let Some(over) = term.scope.over {
        text += &format!(" over {}", written(over.0));
    }
    text
}

/// Nanoseconds as a scenario writes a duration, in the largest unit that leaves a whole number, else to a millisecond.
fn written(nanoseconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
    ];
    // Ends may lie a nanosecond behind, so that the last instant is inside.
    let nanoseconds = (nanoseconds + 500) / 1_000 * 1_000;
    let whole = UNITS
        .iter()
        .find(|(unit, _)| nanoseconds.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) if nanoseconds > 0 => format!("{}{name}", nanoseconds / unit),
        _ if nanoseconds == 0 => "0s".to_owned(),
        _ => format!("{}ms", nanoseconds as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn spans_read_as_a_scenario_writes_them() {
        let second = 1_000_000_000;
        for (nanoseconds, text) in [
            (0, "0s"),
            (120 * second, "2m"),
            (120 * second + 1, "2m"),
            (90 * second, "90s"),
            (second / 4, "250ms"),
            (172_800 * second, "2d"),
        ] {
            assert_eq!(written(nanoseconds), text);
        }
    }
}
