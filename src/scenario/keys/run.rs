//! Keys of `run`.

use super::{Table, key, later};

/// `run`.
pub static RUN: Table = Table {
    noun: "run",
    path: "run",
    keys: &[
        key("seed", "integer", "1", "the only source of randomness"),
        key(
            "replications",
            "count",
            "10",
            "fixed number of replications",
        ),
        key(
            "precision",
            "ratio",
            "",
            "until each asserted metric's interval is within this of its mean",
        ),
        key(
            "maxReplications",
            "count",
            "1000",
            "largest number under `precision`",
        ),
        key("confidence", "ratio", "95%", "level of intervals"),
        key(
            "margins",
            "map of metrics",
            "",
            "difference that matters, by metric",
        ),
        key("warmup", "duration", "0", "left out of statistics"),
        key(
            "fidelity",
            "one of: request, flow, zoom",
            "request",
            "data plane",
        ),
        key("limits", "map", "", "stop reasons with a name"),
        key(
            "zoom",
            "map",
            "",
            "request-level windows of `fidelity: zoom`",
        ),
    ],
};

/// `run.zoom`.
pub static RUN_ZOOM: Table = Table {
    noun: "run.zoom",
    path: "run.zoom",
    keys: &[
        key(
            "windows",
            "list of: shifts, daily-peak, faults, gates, sampled",
            "[shifts, daily-peak, faults, gates]",
            "what opens a window",
        ),
        key(
            "length",
            "duration",
            "10m",
            "length of a window, in whole minutes",
        ),
        key(
            "sample",
            "count or `auto`",
            "auto",
            "most windows of a replication that are played, drawn from all; `auto`: 12",
        ),
        later("precision", "ratio", "windows are played again until then"),
    ],
};

/// `run.limits`.
pub static RUN_LIMITS: Table = Table {
    noun: "run.limits",
    path: "run.limits",
    keys: &[
        key("events", "count", "", "most events of one replication"),
        key("inFlight", "count", "10M", "most requests in flight"),
        later("memory", "bytes", "most memory of one replication"),
    ],
};
