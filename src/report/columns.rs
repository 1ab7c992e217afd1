//! The contract of the CSV files: names, units and meanings of their columns, and the reference made from them.
//!
//! Within one format version columns are only added, at the end. A cell that is unknown is empty, never 0.

use std::fmt::Write;

use crate::experiment::bins::SERIES;
use crate::report::probes::{GATES, PROBES};
use crate::report::rows::{REPLICATION, Table};

/// Version of the run folder's format: manifest, summary and tables.
pub const FORMAT: u32 = 1;

/// Estimates over replications.
pub const SUMMARY: Table = Table {
    file: "summary.csv",
    row: "one metric of one subject, estimated over the replications",
    columns: &[
        ("name", "", "metric, as in `cutover list metrics`"),
        (
            "subject",
            "",
            "empty for the whole run, else `journey.NAME`, `service.NAME`, `cluster.NAME`, `wave.NAME`",
        ),
        ("unit", "", "unit of every number in the row"),
        ("mean", "unit", "mean over replications"),
        (
            "low",
            "unit",
            "lower end of the interval of the mean, at the level in `summary.json`",
        ),
        ("high", "unit", "upper end"),
        ("n", "replications", "replications with a value"),
        (
            "kind",
            "",
            "`mean`: t-interval; `zero-heavy`: see the next columns; `constant`; `absent`: no evidence",
        ),
        (
            "probability_any",
            "probability",
            "share of replications with a value above 0",
        ),
        (
            "probability_any_low",
            "probability",
            "lower end of its Wilson interval",
        ),
        ("probability_any_high", "probability", "upper end"),
        (
            "mean_given_any",
            "unit",
            "mean over replications with a value above 0",
        ),
        ("min", "unit", "smallest value of a replication"),
        ("max", "unit", "largest value of a replication"),
    ],
};

/// Journeys.
pub const JOURNEYS: Table = Table {
    file: "journeys.csv",
    row: "one journey in one replication, after `run.warmup`",
    columns: &[
        REPLICATION,
        ("journey", "", "journey"),
        (
            "intended",
            "actions",
            "user actions that the twin without migration issued",
        ),
        ("issued", "actions", "user actions issued"),
        ("good", "actions", "that met every objective"),
        ("ok", "actions", "that were answered"),
        ("error", "actions", "that were answered with an error"),
        ("timeout", "actions", "that their caller gave up"),
        ("shed", "actions", "refused at a full waiting room"),
        (
            "no_ready_replica",
            "actions",
            "that found no replica listed",
        ),
        ("unreachable", "actions", "whose replica was gone"),
        (
            "killed",
            "actions",
            "whose replica was stopped while it worked",
        ),
        (
            "mean_seconds",
            "s",
            "mean time from issue to end, any outcome",
        ),
        ("p50_seconds", "s", "median of it"),
        ("p90_seconds", "s", "90 % quantile"),
        ("p95_seconds", "s", "95 % quantile"),
        ("p99_seconds", "s", "99 % quantile"),
        ("p999_seconds", "s", "99.9 % quantile"),
        ("max_seconds", "s", "longest"),
        (
            "limit_seconds",
            "s",
            "tightest time limit of its objectives",
        ),
        ("availability", "ratio", "good over intended actions"),
        (
            "excess_lost",
            "actions",
            "that the twin served within the objectives and the run did not",
        ),
        ("never_issued", "actions", "of these, never issued"),
        (
            "lost_by_cause",
            "actions",
            "`cause=actions` separated by `;`",
        ),
        (
            "users_affected",
            "users",
            "users with at least one excess lost action",
        ),
        (
            "breach_minutes",
            "min",
            "aligned minutes in which an objective burns faster than its limit",
        ),
        (
            "evidence_minutes",
            "min",
            "aligned minutes with enough intended actions",
        ),
        (
            "burn_rate",
            "ratio",
            "bad share over allowed share, the worst objective",
        ),
        ("degraded", "actions", "that a fallback answered"),
        (
            "circuit_open",
            "actions",
            "that the caller's breaker refused",
        ),
        (
            "cancelled",
            "actions",
            "whose work was stopped because its caller had given up",
        ),
        (
            "write_frozen",
            "actions",
            "refused while writes were frozen for a switch-over",
        ),
    ],
};

/// Services.
pub const SERVICES: Table = Table {
    file: "services.csv",
    row: "one service in one cluster in one replication",
    columns: &[
        REPLICATION,
        ("service", "", "service"),
        ("cluster", "", "cluster that served"),
        (
            "attempts",
            "requests",
            "attempts that ended, as their callers saw them",
        ),
        ("ok", "requests", "answered"),
        ("error", "requests", "answered with an error"),
        ("timeout", "requests", "given up by the caller"),
        ("shed", "requests", "refused at a full waiting room"),
        ("no_ready_replica", "requests", "found no replica listed"),
        ("unreachable", "requests", "the replica was gone"),
        (
            "killed",
            "requests",
            "the replica was stopped while it worked",
        ),
        ("rate_per_second", "1/s", "attempts per second"),
        (
            "mean_seconds",
            "s",
            "mean time from arrival at the replica to the reply",
        ),
        ("p50_seconds", "s", "median of it"),
        ("p95_seconds", "s", "95 % quantile"),
        ("p99_seconds", "s", "99 % quantile"),
        ("cpu_seconds", "CPU-s", "CPU time used"),
        (
            "wasted_cpu_seconds",
            "CPU-s",
            "CPU time for callers that had given up",
        ),
        (
            "utilisation",
            "ratio",
            "CPU used over CPU requested by ready replicas, mean",
        ),
        ("peak_utilisation", "ratio", "the same in the busiest bin"),
        ("replicas_mean", "replicas", "ready replicas, mean"),
        ("replicas_max", "replicas", "most ready replicas"),
        (
            "in_flight_mean",
            "requests",
            "mean number of requests at the replicas",
        ),
        ("degraded", "requests", "answered by a fallback"),
        (
            "circuit_open",
            "requests",
            "refused by the caller's breaker",
        ),
        (
            "cancelled",
            "requests",
            "stopped because the caller had given up or another try had answered",
        ),
        (
            "write_frozen",
            "requests",
            "refused while writes were frozen for a switch-over",
        ),
        (
            "cache_hit_ratio",
            "ratio",
            "hits over looks into the service's caches",
        ),
        (
            "connections_opened",
            "connections",
            "connections that its replicas accepted",
        ),
        (
            "connections_refused",
            "connections",
            "connections that they refused",
        ),
        (
            "async_sent",
            "requests",
            "calls to it that nobody waited for",
        ),
        ("async_ok", "requests", "of these, ended well"),
    ],
};

/// Time series.
pub const TIMESERIES: Table = Table {
    file: "timeseries.csv",
    row: "one bin of one quantity, estimated over the replications; bins without a value have no row",
    columns: &[
        (
            "bin_start",
            "s",
            "start of the bin, since the scenario's start",
        ),
        ("bin_seconds", "s", "width of the bin"),
        ("scope", "", "`run`, `journey`, `service` or `cluster`"),
        ("name", "", "which one; empty for `run`"),
        ("cluster", "", "cluster, where the quantity is split by it"),
        (
            "metric",
            "",
            "which quantity, as in the list of series below",
        ),
        ("mean", "the quantity's", "mean over replications"),
        ("low", "the quantity's", "lower end of its interval"),
        ("high", "the quantity's", "upper end"),
        ("n", "replications", "replications with a value"),
    ],
};

/// Waves.
pub const WAVES: Table = Table {
    file: "waves.csv",
    row: "one wave in one replication",
    columns: &[
        REPLICATION,
        ("wave", "", "wave"),
        ("services", "", "its services, separated by spaces"),
        (
            "planned_start_seconds",
            "s",
            "`earliest` of the plan, since the scenario's start",
        ),
        ("start_seconds", "s", "when it began"),
        (
            "shifted_seconds",
            "s",
            "when its last service had its full weight",
        ),
        ("end_seconds", "s", "when it was over"),
        (
            "outcome",
            "",
            "`not-started`, `unfinished`, `done` or `rolled-back`",
        ),
        ("rollbacks", "rollbacks", "rollbacks of its services"),
        (
            "excess_lost",
            "actions",
            "excess lost actions that ended while it was in progress",
        ),
    ],
};

/// The programme's log.
pub const MIGRATIONS: Table = Table {
    file: "migrations.csv",
    row: "one change of phase, weight, gate, hold or scale in one replication",
    columns: &[
        REPLICATION,
        ("at_seconds", "s", "when, since the scenario's start"),
        ("local_time", "", "when, by the local clock"),
        ("wave", "", "wave it belongs to"),
        ("service", "", "service it is about"),
        ("event", "", "what happened"),
        (
            "value",
            "ratio or replicas",
            "weight on the target, or number of replicas",
        ),
        ("detail", "", "in words"),
    ],
};

/// Capacity.
pub const CAPACITY: Table = Table {
    file: "capacity.csv",
    row: "one cluster in one week of one replication",
    columns: &[
        REPLICATION,
        ("cluster", "", "cluster"),
        ("week", "number", "week since the start, from 0"),
        ("nodes_mean", "nodes", "nodes held, mean"),
        ("nodes_max", "nodes", "most nodes held"),
        (
            "requested",
            "ratio",
            "CPU requested over allocatable; empty where room is unlimited",
        ),
        ("cost", "currency", "cost of the nodes"),
        (
            "cost_above_twin",
            "currency",
            "cost above the twin without migration",
        ),
    ],
};

/// Edges.
pub const EDGES: Table = Table {
    file: "edges.csv",
    row: "one caller-callee pair in one replication",
    columns: &[
        REPLICATION,
        ("caller", "", "caller; `users` for entry calls"),
        ("callee", "", "callee"),
        ("calls", "requests", "attempts"),
        (
            "crossing_calls",
            "requests",
            "of these between two clusters",
        ),
        (
            "crossing_bytes",
            "bytes",
            "bytes between two clusters, both ways",
        ),
        (
            "egress_cost",
            "currency",
            "price of the bytes that left a place",
        ),
    ],
};

/// Replications.
pub const REPLICATIONS: Table = Table {
    file: "replications.csv",
    row: "one metric of one subject in one replication",
    columns: &[
        REPLICATION,
        ("name", "", "metric"),
        ("subject", "", "as in summary.csv"),
        ("unit", "", "unit of the value"),
        ("value", "unit", "the value; empty: no evidence"),
        (
            "stopped",
            "",
            "why the replication ended before the horizon, if it did",
        ),
    ],
};

/// The critical path of traced actions.
pub const CRITICAL_PATH: Table = Table {
    file: "critical_path.csv",
    row: "one place on the critical path of the traced actions (with `--trace` or `output.traces` only)",
    columns: &[
        ("scope", "", "`service`, `edge` or `journey`"),
        ("name", "", "service, `caller -> callee`, or journey"),
        (
            "part",
            "",
            "`queue`: waiting for a slot; `processor`: on it or waiting for it; `wait`: steps off it; `between`: \
             links, tries given up, pauses before retries; `own steps`: the journey's",
        ),
        ("time", "seconds an action", "mean over the traced actions"),
        ("share", "ratio", "of the latency of all traced actions"),
        ("actions", "actions", "traced actions that ended"),
    ],
};

/// Tables that a run folder may have besides.
pub const OPTIONAL: [&Table; 3] = [&CRITICAL_PATH, &PROBES, &GATES];

/// Every table that a run folder always has.
pub const TABLES: [&Table; 9] = [
    &SUMMARY,
    &JOURNEYS,
    &SERVICES,
    &TIMESERIES,
    &WAVES,
    &MIGRATIONS,
    &CAPACITY,
    &EDGES,
    &REPLICATIONS,
];

/// The reference of all columns as Markdown: the text of `docs/columns.md`.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(
        "# Columns of the tables in a run folder\n\n\
         Made from `src/report/columns.rs`; a test keeps it current. Within a format version columns are only\n\
         added, at the end. A cell that is unknown is empty, never 0. Times count from the scenario's start.\n",
    );
    writeln!(text, "This is format version {FORMAT}.").expect("writing to a string succeeds");
    for table in TABLES.into_iter().chain(OPTIONAL) {
        write!(
            text,
            "\n## {}\n\nA row is {}.\n\n| column | unit | meaning |\n|---|---|---|\n",
            table.file, table.row
        )
        .expect("writing to a string succeeds");
        for (name, unit, meaning) in table.columns {
            let unit = if unit.is_empty() { "text" } else { unit };
            writeln!(text, "| `{name}` | {unit} | {meaning} |")
                .expect("writing to a string succeeds");
        }
        if table.file == TIMESERIES.file {
            text += &series();
        }
    }
    text
}

/// The list of series: what `metric` names in `timeseries.csv`.
fn series() -> String {
    let mut text = String::from("\n| scope | metric | unit | meaning |\n|---|---|---|---|\n");
    for (scope, metric, unit, sentence) in SERIES {
        let meaning = sentence.trim_end_matches('.');
        writeln!(text, "| {scope} | `{metric}` | {unit} | {meaning} |")
            .expect("writing to a string succeeds");
    }
    text
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;
