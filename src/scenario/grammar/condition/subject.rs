//! Subjects and scopes of metrics, found by name.

use crate::model::metric::{Metric, SubjectKind};
use crate::model::{MetricScope, SpanScope, Subject};
use crate::scenario::grammar::civil::parse_span;
use crate::scenario::grammar::condition::tree::{MetricTree, Word};
use crate::scenario::grammar::condition::{ConditionPlace, Names};
use crate::scenario::grammar::quantity::parse_duration;
use crate::scenario::grammar::{GrammarError, Parsed, unsupported};
use crate::scenario::suggest::nearest;
use crate::units::{ClusterId, JourneyId, ServiceId, SimDuration, SimTime, TeamId, WaveId, WorkId};

const KINDS: [&str; 8] = [
    "journey", "service", "cluster", "team", "wave", "pool", "link", "load",
];
const EXPECTED: &str = "expected journey, service, cluster, team, wave, pool, link or load";

/// The subject of a metric, and whether the metric is measured for its kind.
pub(super) fn resolve_subject(
    tree: &MetricTree,
    metric: &Metric,
    names: &Names,
) -> Parsed<Option<Subject>> {
    let found = match &tree.subject {
        None => None,
        Some(word) => Some(find_subject(word, names).map_err(|error| error.shifted(word.offset))?),
    };
    let kind = found.as_ref().map_or(SubjectKind::Run, |(_, kind)| *kind);
    if !metric.has_subject(kind) {
        let word = tree.subject.as_ref().unwrap_or(&tree.name);
        let name = &tree.name.text;
        let (sentence, label) = match kind {
            SubjectKind::Run => (format!("`{name}` of what?"), "a subject is missing"),
            _ => (
                format!("`{name}` is not measured for `{}`", word.text),
                "not a subject of this metric",
            ),
        };
        let asked: Vec<&str> = metric.subjects.iter().map(|kind| example(*kind)).collect();
        return Err(GrammarError {
            code: "E207",
            offset: word.offset,
            length: word.text.len().max(1),
            sentence,
            label: label.to_owned(),
            help: format!("`{name}` is of: {}", asked.join(", ")),
        });
    }
    let is_side = kind == SubjectKind::Gate;
    match (names.place, is_side) {
        (ConditionPlace::Assertion, true) | (ConditionPlace::Gate, false) => {
            let word = tree.subject.as_ref().unwrap_or(&tree.name);
            let (label, help) = if is_side {
                (
                    "only a gate has sides",
                    "name a journey, service or cluster",
                )
            } else {
                ("a gate compares its two sides", "write `old` or `new`")
            };
            Err(GrammarError {
                code: "E207",
                offset: word.offset,
                length: word.text.len().max(1),
                sentence: format!("`{}` cannot be asked of here", word.text),
                label: label.to_owned(),
                help: help.to_owned(),
            })
        }
        _ => Ok(found.map(|(subject, _)| subject)),
    }
}

fn example(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Run => "the whole run",
        SubjectKind::Journey => "journey.NAME",
        SubjectKind::Service => "service.NAME",
        SubjectKind::Cluster => "cluster.NAME",
        SubjectKind::Wave => "wave.NAME",
        SubjectKind::Team => "team.NAME",
        SubjectKind::Load => "load.NAME",
        SubjectKind::Gate => "old and new of a gate",
    }
}

fn find_subject(word: &Word, names: &Names) -> Parsed<(Subject, SubjectKind)> {
    let text = word.text.as_str();
    match text {
        "old" => return Ok((Subject::Old, SubjectKind::Gate)),
        "new" => return Ok((Subject::New, SubjectKind::Gate)),
        _ => {}
    }
    let (kind, name) = text.split_once('.').unwrap_or((text, ""));
    if !KINDS.contains(&kind) {
        let help = nearest(kind, KINDS).map_or_else(
            || {
                format!(
                    "write for example `journey.{}`",
                    if name.is_empty() { kind } else { name }
                )
            },
            |near| {
                format!(
                    "did you mean `{near}.{}`?",
                    if name.is_empty() { "NAME" } else { name }
                )
            },
        );
        return Err(GrammarError::whole(
            "E207",
            kind,
            format!("unknown subject `{}`", kind.escape_debug()),
            EXPECTED,
            help,
        ));
    }
    let of = |list: &[String]| position(kind, name, list);
    Ok(match kind {
        "journey" => {
            let id = of(&names.journeys)?.map(JourneyId::from_index);
            (Subject::Journey(id), SubjectKind::Journey)
        }
        "service" => {
            let id = of(&names.services)?.map(ServiceId::from_index);
            (Subject::Service(id), SubjectKind::Service)
        }
        "cluster" => {
            let id = of(&names.clusters)?.map(ClusterId::from_index);
            (Subject::Cluster(id), SubjectKind::Cluster)
        }
        "team" => {
            let id = of(&names.teams)?.map(TeamId::from_index);
            (Subject::Team(id), SubjectKind::Team)
        }
        "wave" => {
            let id = of(&names.waves)?.map(WaveId::from_index);
            (Subject::Wave(id), SubjectKind::Wave)
        }
        "load" => {
            let known = names.loads.contains(&name.to_owned());
            if known {
                return Err(unsupported(text, "a load of users as a subject"));
            }
            let id = of(&names.work)?.map(WorkId::from_index);
            (Subject::Work(id), SubjectKind::Load)
        }
        _ => return Err(unsupported(text, &format!("the subject `{kind}`"))),
    })
}

/// Position of a name; `None` for `*`, each of them.
fn position(kind: &str, name: &str, list: &[String]) -> Parsed<Option<usize>> {
    if name == "*" {
        return Ok(None);
    }
    if name.contains('*') {
        return Err(unsupported(name, "a part of a name with `*`").shifted(kind.len() + 1));
    }
    if let Some(found) = list.iter().position(|known| known == name) {
        return Ok(Some(found));
    }
    let help = match nearest(name, list.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if list.is_empty() => format!("there is no {kind} in this scenario"),
        None => format!(
            "known: {}",
            list.iter().take(8).cloned().collect::<Vec<_>>().join(", ")
        ),
    };
    let (offset, shown) = if name.is_empty() {
        (0, kind)
    } else {
        (kind.len() + 1, name)
    };
    let sentence = if name.is_empty() {
        format!("which {kind}?")
    } else {
        format!("unknown {kind} `{}`", name.escape_debug())
    };
    Err(
        GrammarError::whole("E300", shown, sentence, format!("no such {kind}"), help)
            .shifted(offset),
    )
}

/// `in`, `during` and `over` of a metric.
pub(super) fn resolve_scope(
    tree: &MetricTree,
    metric: &Metric,
    names: &Names,
) -> Parsed<MetricScope> {
    let name = &tree.name.text;
    let refuse = |word: &Word, what: &str| {
        unsupported(&word.text, &format!("`{name}` {what}")).shifted(word.offset)
    };
    let mut scope = MetricScope::default();
    if let Some(word) = &tree.cluster {
        if !metric.by_cluster {
            return Err(refuse(word, "of one cluster"));
        }
        let found = position("cluster", &word.text, &names.clusters).map_err(|mut error| {
            error.offset = word.offset;
            error
        })?;
        scope.cluster = found.map(ClusterId::from_index);
    }
    if let Some(word) = &tree.during {
        if !metric.by_time {
            return Err(refuse(word, "during a span"));
        }
        scope.during =
            Some(resolve_span(&word.text, names).map_err(|error| error.shifted(word.offset))?);
    }
    if let Some(word) = &tree.over {
        if !metric.by_time {
            return Err(refuse(word, "over windows"));
        }
        let length =
            parse_duration(&word.text, "over").map_err(|error| error.shifted(word.offset))?;
        if length == SimDuration::ZERO {
            return Err(GrammarError::whole(
                "E203",
                &word.text,
                "`over` is zero",
                "a window has a length",
                "write for example `over 1h`",
            )
            .shifted(word.offset));
        }
        scope.over = Some(length);
    }
    Ok(scope)
}

fn resolve_span(text: &str, names: &Names) -> Parsed<SpanScope> {
    let horizon = names.clock.horizon;
    if let Some(wave) = text.strip_prefix("wave.") {
        let wave_alone = !wave.contains("..");
        if wave_alone {
            return match position("wave", wave, &names.waves)? {
                Some(index) => Ok(SpanScope::Wave(WaveId::from_index(index))),
                None => Err(unsupported(text, "`during` each wave")),
            };
        }
    }
    if let Some((end, length)) = text.split_once(char::is_whitespace) {
        let offset = text.len() - length.trim_start().len();
        let length =
            parse_duration(length.trim_start(), "during").map_err(|error| error.shifted(offset))?;
        let length = length.min(horizon);
        let end_of_run = SimTime(horizon.0);
        return Ok(match end {
            "first" => SpanScope::Fixed(SimTime::ZERO, SimTime(length.0)),
            _ => SpanScope::Fixed(end_of_run - length, end_of_run),
        });
    }
    let interval = parse_span(text, &names.clock)?;
    if interval.start == interval.end {
        return Err(crate::scenario::grammar::civil::outside(
            text,
            "nothing of it is simulated",
        ));
    }
    Ok(SpanScope::Fixed(interval.start, interval.end))
}
