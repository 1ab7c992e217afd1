//! Windows of requests in words and rows: how far the flow plane is from them.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::experiment::result::{ExperimentResult, ProbeNumbers, ProbeStats, ProbedGate};
use crate::report::number;
use crate::report::rows::{REPLICATION, Rows, Table, known};

/// Windows of requests.
pub const PROBES: Table = Table {
    file: "probes.csv",
    row: "one service in one cluster, or one journey, in one window of requests (`fidelity: zoom`), beside what the \
          flow plane expected there",
    columns: &[
        REPLICATION,
        ("start_seconds", "s", "start of the window"),
        ("length_seconds", "s", "its length"),
        ("why", "", "what opened it"),
        (
            "flaw",
            "",
            "why it is not what it should be; empty: nothing is wrong",
        ),
        ("scope", "", "`service` or `journey`"),
        ("name", "", "whose"),
        ("cluster", "", "cluster of the service"),
        (
            "ended",
            "attempts or actions",
            "that ended, request by request",
        ),
        (
            "ended_flow",
            "attempts or actions",
            "as the flow plane expected",
        ),
        (
            "error_ratio",
            "ratio",
            "share that did not end ok, request by request",
        ),
        ("error_ratio_flow", "ratio", "as the flow plane expected"),
        ("mean_seconds", "s", "mean latency, request by request"),
        ("mean_seconds_flow", "s", "as the flow plane expected"),
        ("p50_seconds", "s", "median, request by request"),
        ("p50_seconds_flow", "s", "as the flow plane expected"),
        ("p95_seconds", "s", "95 % quantile, request by request"),
        ("p95_seconds_flow", "s", "as the flow plane expected"),
        ("p99_seconds", "s", "99 % quantile, request by request"),
        ("p99_seconds_flow", "s", "as the flow plane expected"),
    ],
};

/// Looks through gates in windows of requests.
pub const GATES: Table = Table {
    file: "gates.csv",
    row: "one look through a gate that lies in a window of requests (`fidelity: zoom`), judged by both planes",
    columns: &[
        REPLICATION,
        ("start_seconds", "s", "start of the window"),
        ("at_seconds", "s", "when the gate was judged"),
        ("service", "", "whose gate"),
        ("gate", "", "its name"),
        (
            "flaw",
            "",
            "why the window is not what it should be; empty: nothing is wrong",
        ),
        ("same", "yes or no", "whether both verdicts are the same"),
        (
            "verdict",
            "",
            "`pass`, `fail` or `inconclusive`, request by request",
        ),
        (
            "verdict_flow",
            "",
            "as the flow plane saw it: what the run went by",
        ),
        (
            "values",
            "",
            "every condition with its numbers, request by request",
        ),
        ("values_flow", "", "as the flow plane saw them"),
    ],
};

/// What a run of rates says of its percentiles where no window was played.
pub const NOT_MEASURED: &str = "percentiles are those of a gamma law with the right mean and variance: their errors are not \
     measured in this run (`--fidelity zoom` does; `docs/fidelity.md` has those of the shipped scenarios)";

/// Services and journeys shown on the screen.
const SHOWN: usize = 8;

/// The rows of `probes.csv`.
pub(super) fn rows(result: &ExperimentResult) -> Rows {
    let mut rows = Rows::new(&PROBES);
    for one in &result.replications {
        for probe in &one.probes.rows {
            let (request, flow) = (&probe.request, &probe.flow);
            rows.add(&[
                one.replication.to_string(),
                known(Some(probe.start.seconds())),
                known(Some(probe.length.seconds())),
                probe.why.clone(),
                probe.flaw.clone().unwrap_or_default(),
                probe.scope.clone(),
                probe.name.clone(),
                probe.cluster.clone(),
                known(Some(request.ended)),
                known(Some(flow.ended)),
                known(request.error_ratio),
                known(flow.error_ratio),
                known(request.mean),
                known(flow.mean),
                known(request.p50),
                known(flow.p50),
                known(request.p95),
                known(flow.p95),
                known(request.p99),
                known(flow.p99),
            ]);
        }
    }
    rows
}

/// The rows of `gates.csv`.
pub(super) fn gate_rows(result: &ExperimentResult) -> Rows {
    let mut rows = Rows::new(&GATES);
    for (replication, gate) in gates(result) {
        let same = gate.flow == gate.request;
        rows.add(&[
            replication.to_string(),
            known(Some(gate.start.seconds())),
            known(Some(gate.at.seconds())),
            gate.service.clone(),
            gate.gate.clone(),
            gate.flaw.clone().unwrap_or_default(),
            if same { "yes" } else { "no" }.to_owned(),
            gate.request.name().to_owned(),
            gate.flow.name().to_owned(),
            gate.request_values.clone(),
            gate.flow_values.clone(),
        ]);
    }
    rows
}

fn gates(result: &ExperimentResult) -> impl Iterator<Item = (u32, &ProbedGate)> {
    let replications = result.replications.iter();
    replications.flat_map(|one| one.probes.gates.iter().map(|gate| (one.replication, gate)))
}

/// Whether gates would have judged otherwise by requests: a sentence; `None`: none has looked.
fn gate_sentence(result: &ExperimentResult) -> Option<String> {
    let looked: u32 = result
        .replications
        .iter()
        .map(|one| one.probes.looked)
        .sum();
    if looked == 0 {
        return None;
    }
    let seen = gates(result).count();
    let mut text =
        format!("{seen} of {looked} looks through gates lie in windows that were played");
    let others: Vec<_> = gates(result)
        .filter(|(_, gate)| gate.flow != gate.request)
        .collect();
    match others.as_slice() {
        [] if seen == 0 => {}
        [] => text += ": each has the same verdict request by request",
        [(replication, gate), ..] => {
            write!(
                text,
                "; {} of them otherwise: {} of {} in replication {replication} is {} by flow ({}), {} by requests ({})",
                others.len(),
                gate.gate,
                gate.service,
                gate.flow.name(),
                gate.flow_values,
                gate.request.name(),
                gate.request_values
            )
            .expect("writing to a string succeeds");
            if others.len() > 1 {
                text += "; all are in `gates.csv`";
            }
        }
    }
    Some(text)
}

/// The flow plane's error for one subject over all windows, weighted by what ended in them.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// `journey.buy`, or `service.cart in target`.
    pub subject: String,
    /// Windows with enough answers.
    pub windows: usize,
    /// Attempts or actions in them, request by request.
    pub ended: f64,
    /// Shares that did not end ok: by the flow plane, request by request.
    pub error_ratio: (f64, f64),
    /// Mean: by the flow plane, request by request, seconds.
    pub mean: Option<(f64, f64)>,
    /// p95.
    pub p95: Option<(f64, f64)>,
    /// p99.
    pub p99: Option<(f64, f64)>,
}

/// Every subject that some window has, journeys first, in order of their names.
#[must_use]
pub fn compared(result: &ExperimentResult) -> Vec<Compared> {
    compared_in(result.replications.iter().flat_map(|one| &one.probes.rows))
}

/// Every subject that some of these have.
pub(super) fn compared_in<'r>(probes: impl Iterator<Item = &'r ProbeStats>) -> Vec<Compared> {
    let mut found: BTreeMap<(&str, String), Vec<&ProbeStats>> = BTreeMap::new();
    for probe in probes {
        let subject = if probe.cluster.is_empty() {
            format!("{}.{}", probe.scope, probe.name)
        } else {
            format!("{}.{} in {}", probe.scope, probe.name, probe.cluster)
        };
        found
            .entry((probe.scope.as_str(), subject))
            .or_default()
            .push(probe);
    }
    let one = |((_, subject), probes): ((&str, String), Vec<&ProbeStats>)| {
        let pair = |read: fn(&ProbeNumbers) -> Option<f64>| {
            let (mut weight, mut flow, mut request) = (0.0, 0.0, 0.0);
            for probe in &probes {
                if let (Some(by_flow), Some(by_request)) = (read(&probe.flow), read(&probe.request))
                {
                    weight += probe.request.ended;
                    flow += probe.request.ended * by_flow;
                    request += probe.request.ended * by_request;
                }
            }
            (weight > 0.0).then(|| (flow / weight, request / weight))
        };
        Compared {
            subject,
            windows: probes.len(),
            ended: probes.iter().map(|probe| probe.request.ended).sum(),
            error_ratio: pair(|numbers| numbers.error_ratio).unwrap_or_default(),
            mean: pair(|numbers| numbers.mean),
            p95: pair(|numbers| numbers.p95),
            p99: pair(|numbers| numbers.p99),
        }
    };
    found.into_iter().map(one).collect()
}

/// What is known of the errors of a run of rates: of each subject that a window has, or that nothing was measured.
#[must_use]
pub fn errors(result: &ExperimentResult) -> Value {
    let pair = |pair: Option<(f64, f64)>| {
        pair.map(|(flow, request)| {
            json!({ "flow": flow, "request": request, "error": off(Some((flow, request))) })
        })
    };
    let rows: Vec<Value> = compared(result)
        .iter()
        .map(|one| {
            json!({
                "subject": one.subject,
                "windows": one.windows,
                "ended": one.ended,
                "errorRatio": { "flow": one.error_ratio.0, "request": one.error_ratio.1 },
                "mean": pair(one.mean),
                "p95": pair(one.p95),
                "p99": pair(one.p99),
            })
        })
        .collect();
    if rows.is_empty() {
        return json!({ "none": NOT_MEASURED });
    }
    json!(rows)
}

/// Rows for the screen, with a sentence: largest error of p95 first, journeys before services.
#[must_use]
pub fn screen(result: &ExperimentResult) -> Option<(Vec<[String; 6]>, String)> {
    let opened: u32 = result
        .replications
        .iter()
        .map(|one| one.probes.opened)
        .sum();
    if opened == 0 {
        return None;
    }
    let mut starts: Vec<_> = result
        .replications
        .iter()
        .flat_map(|one| {
            one.probes
                .rows
                .iter()
                .map(|probe| (one.replication, probe.start))
        })
        .collect();
    starts.sort_unstable();
    starts.dedup();
    let flaws = result
        .replications
        .iter()
        .flat_map(|one| &one.probes.rows)
        .filter(|probe| probe.flaw.is_some())
        .count();
    let mut all = compared(result);
    let count = all.len();
    all.sort_by(|left, right| {
        let of = |one: &Compared| (!one.subject.starts_with("journey"), -off(one.p95).abs());
        let (left, right) = (of(left), of(right));
        left.0.cmp(&right.0).then(left.1.total_cmp(&right.1))
    });
    let rows = all
        .iter()
        .take(SHOWN)
        .map(|one| {
            [
                one.subject.clone(),
                number::plain(one.ended),
                both(one.mean),
                both(one.p95),
                both(one.p99),
                format!(
                    "{:.2} / {:.2} %",
                    one.error_ratio.0 * 100.0,
                    one.error_ratio.1 * 100.0
                ),
            ]
        })
        .collect();
    let mut text = format!(
        "{} of {opened} windows were played request by request",
        starts.len()
    );
    if count > SHOWN {
        write!(text, "; {} more rows in `probes.csv`", count - SHOWN)
            .expect("writing to a string succeeds");
    }
    if flaws > 0 {
        text += "; some are flawed: see its column `flaw`";
    }
    text += "\n";
    if let Some(sentence) = gate_sentence(result) {
        text += &sentence;
        text += "\n";
    }
    Some((rows, text))
}

fn off(pair: Option<(f64, f64)>) -> f64 {
    pair.map_or(0.0, |(flow, request)| flow / request.max(1e-12) - 1.0)
}

/// `12.3 / 14.0 ms (-12 %)`.
fn both(pair: Option<(f64, f64)>) -> String {
    pair.map_or_else(
        || "n/a".to_owned(),
        |(flow, request)| {
            format!(
                "{} / {} ms ({:+.0} %)",
                number::plain(flow * 1e3),
                number::plain(request * 1e3),
                off(pair) * 100.0
            )
        },
    )
}
