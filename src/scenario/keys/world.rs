//! Keys of the header, `run`, clusters, machines, links, calendar and teams.

use super::{Key, NOTES, TITLE, Table, key, later, required};

/// The whole file.
pub static ROOT: Table = Table {
    noun: "scenario",
    path: "",
    keys: &[
        required("cutover", "integer", "version of this language: 1"),
        key("name", "name", "the file's stem", "name of the run folder"),
        TITLE,
        NOTES,
        key("extends", "file", "", "the file that this one patches"),
        key("include", "list of files", "", "parts joined to this file"),
        key(
            "timezone",
            "IANA zone",
            "UTC",
            "of every civil time without an offset",
        ),
        key("start", "date-time", "2024-01-01T00:00", "time zero"),
        required("horizon", "duration or date-time", "end of the run"),
        key("run", "map", "", "settings of the experiment"),
        key("provenance", "map", "", "where numbers come from"),
        key(
            "clusters",
            "map of clusters",
            "",
            "where services run; one `default` without it",
        ),
        key("machines", "map of machines", "", "node types"),
        key(
            "processors",
            "map of processors",
            "",
            "hosts whose cores several services share",
        ),
        key(
            "links",
            "map of links",
            "",
            "delays and prices between places",
        ),
        key("calendar", "map", "", "when changes may be made"),
        key("teams", "map of teams", "", "who moves services"),
        key(
            "classes",
            "map of classes",
            "",
            "keys of services, for use by `class`",
        ),
        key("defaults", "map", "", "keys for all things of a kind"),
        key(
            "rules",
            "list of rules",
            "",
            "patches of the services that a selector picks",
        ),
        key("services", "map of services", "", "what runs"),
        key("journeys", "map of journeys", "", "what users do"),
        key("load", "map of loads", "", "who comes"),
        key("scaling", "map of policies", "", "scaling policies by name"),
        key("migration", "map", "", "rules of the migration"),
        key("plan", "map", "", "the order of the migration"),
        key("faults", "map of faults", "", "what breaks"),
        key("assert", "list of assertions", "", "what must hold"),
        key(
            "variants",
            "map of patches",
            "",
            "named alternatives of the whole scenario",
        ),
        key("output", "map", "", "what is written"),
        later("import", "list", "others' files read at load"),
        later("generate", "map", "synthetic services"),
        later("factors", "map", "what-if multipliers"),
        later("uncertainty", "map", "ranges of inputs"),
        key("objective", "map", "", "what a better plan has less of"),
        later("experiments", "map", "questions with settings"),
    ],
};

/// `provenance`.
pub static PROVENANCE: Table = Table {
    noun: "provenance",
    path: "provenance",
    keys: &[
        key(
            "measured",
            "map of paths",
            "",
            "numbers measured on the real system, and where",
        ),
        key(
            "documented",
            "map of paths",
            "",
            "numbers that some document states, and which",
        ),
    ],
};

/// A cluster.
pub static CLUSTER: Table = Table {
    noun: "cluster",
    path: "clusters.NAME",
    keys: &[
        TITLE,
        NOTES,
        LIKE,
        key(
            "orchestrator",
            "one of: kubernetes, fixed-hosts, marathon",
            "kubernetes",
            "set of default policies",
        ),
        key(
            "pools",
            "map of pools",
            "",
            "node pools; unlimited room without them",
        ),
        key("hpa", "map", "", "settings of the autoscaling controller"),
        key("metrics", "map", "", "the metrics pipeline"),
        key(
            "scaling",
            "policy",
            "",
            "how services scale here unless they say otherwise",
        ),
        key(
            "propagation",
            "distribution of durations",
            "1s",
            "until an endpoint's change reaches its callers",
        ),
        key("limits", "map", "", "limits of the cluster"),
        key("zones", "list of names", "[a]", "failure domains"),
        key("scheduler", "map", "", "how the pod scheduler chooses"),
        key("clusterAutoscaler", "map", "", "adds and removes nodes"),
        key("deploy", "map", "", "host-by-host deploy time"),
        later("network", "link", "hops inside the cluster"),
    ],
};

/// A copy of a sibling.
const LIKE: Key = key("like", "name", "", "starts as a copy of this sibling");

/// A node pool.
pub static POOL: Table = Table {
    noun: "pool",
    path: "clusters.NAME.pools.NAME",
    keys: &[
        TITLE,
        NOTES,
        LIKE,
        key(
            "machine",
            "machine",
            "",
            "node type (or `cpu` and `memory` inline)",
        ),
        key("cpu", "CPU", "", "allocatable CPU of an inline machine"),
        key(
            "memory",
            "bytes",
            "",
            "allocatable memory of an inline machine",
        ),
        key("pods", "count", "110", "most pods of an inline machine"),
        key(
            "price",
            "money a time",
            "0",
            "price of a node of an inline machine",
        ),
        key(
            "speed",
            "factor",
            "x1",
            "processing speed of an inline machine",
        ),
        key(
            "nodes",
            "count or range",
            "3",
            "how many; a range is for an autoscaler of nodes",
        ),
        key(
            "boot",
            "distribution of durations",
            "3m30s",
            "until a node that was asked for is ready",
        ),
        key(
            "zones",
            "list of names",
            "the cluster's",
            "failure domains it covers",
        ),
        key("labels", "map", "", "labels of its nodes"),
        key("taints", "pasted list", "", "taints of its nodes"),
        key("contention", "map", "", "slow-down on crowded nodes"),
        key(
            "priority",
            "count",
            "0",
            "rank for `clusterAutoscaler.expander: priority`: larger ones grow first",
        ),
        later("licence", "money a time", "licence of a node"),
    ],
};

/// A shared processor.
pub static PROCESSOR: Table = Table {
    noun: "processor",
    path: "processors.NAME",
    keys: &[
        TITLE,
        NOTES,
        key("cores", "count", "", "its cores; each cluster has its own"),
        key(
            "discipline",
            "one of: fair-share, processor-sharing, fifo, infinite",
            "fair-share",
            "how they are shared: by CPU requests, equally by all jobs, in order of arrival, or not at all",
        ),
        key("speed", "factor", "x1", "speed relative to nominal"),
    ],
};

/// A machine type.
pub static MACHINE: Table = Table {
    noun: "machine",
    path: "machines.NAME",
    keys: &[
        TITLE,
        NOTES,
        LIKE,
        required("cpu", "CPU", "allocatable CPU of a node"),
        required("memory", "bytes", "allocatable memory of a node"),
        key("pods", "count", "110", "most pods of a node"),
        key("price", "money a time", "0", "price of a node"),
        key("speed", "factor", "x1", "processing speed"),
    ],
};

/// Controller settings of a cluster.
pub static CLUSTER_HPA: Table = Table {
    noun: "hpa",
    path: "clusters.NAME.hpa",
    keys: &[
        key(
            "syncPeriod",
            "duration",
            "15s",
            "how often the autoscaler looks",
        ),
        key(
            "tolerance",
            "ratio",
            "10%",
            "ratio around 1 within which it does nothing",
        ),
        key(
            "downscaleStabilization",
            "duration",
            "5m",
            "window of the largest recommendation",
        ),
        key(
            "initialReadinessDelay",
            "duration",
            "30s",
            "pods that were never ready after this are set aside",
        ),
        key(
            "cpuInitializationPeriod",
            "duration",
            "5m",
            "CPU of pods younger than this is set aside until they are ready for a whole interval",
        ),
    ],
};

/// The metrics pipeline of a cluster.
pub static METRICS: Table = Table {
    noun: "metrics",
    path: "clusters.NAME.metrics",
    keys: &[
        key("resolution", "duration", "15s", "interval of the pipeline"),
        key("delay", "duration", "0s", "until an interval can be read"),
        later("inside", "cluster", "the cluster that it dies with"),
    ],
};

/// `calendar`.
pub static CALENDAR: Table = Table {
    noun: "calendar",
    path: "calendar",
    keys: &[
        key(
            "windows",
            "list of windows",
            "always",
            "a wave may start and shift only inside",
        ),
        key("freezes", "map of freezes", "", "nothing starts"),
        key(
            "workingHours",
            "list of weekly times",
            "Mon-Fri 09:00-17:00",
            "when people work",
        ),
    ],
};

/// A freeze.
pub static FREEZE: Table = Table {
    noun: "freeze",
    path: "calendar.freezes.NAME",
    keys: &[
        TITLE,
        NOTES,
        required("span", "span", "from when to when"),
        key("where", "selector", "all", "which services it holds"),
        key(
            "running",
            "one of: hold, finish",
            "hold",
            "what running steps do",
        ),
    ],
};

/// A team.
pub static TEAM: Table = Table {
    noun: "team",
    path: "teams.NAME",
    keys: &[
        TITLE,
        NOTES,
        LIKE,
        key("engineers", "count", "5", "people"),
        key("price", "money a person-day", "0", "price of their time"),
        key(
            "moves",
            "count",
            "1",
            "moves in progress at once, from preparation to the last weight",
        ),
        key(
            "timezone",
            "IANA zone",
            "the scenario's",
            "where they are: of their working hours",
        ),
        key(
            "workingHours",
            "list of weekly times",
            "the calendar's",
            "when they work",
        ),
        key(
            "freezes",
            "map of freezes",
            "",
            "when none of their services may start or shift",
        ),
        key("leave", "map of spans to people", "", "people away"),
        key(
            "capacity",
            "ratio",
            "20%",
            "share of their working time that is for the migration",
        ),
        key(
            "windows",
            "list",
            "always",
            "when their services may start or shift, inside the calendar's windows",
        ),
        later("responds", "distribution of durations", "a human step"),
        later("mistakes", "ratio", "of human steps"),
        later("learning", "ratio", "effort after each doubling of moves"),
        later("supports", "selector", "whom a platform team helps"),
        later("support", "effort", "help asked for by each move"),
    ],
};

/// `defaults`.
pub static DEFAULTS: Table = Table {
    noun: "defaults",
    path: "defaults",
    keys: &[
        key("service", "keys of a service", "", "for all services"),
        key("pool", "keys of a pool", "", "for all pools"),
        key("journey", "keys of a journey", "", "for all journeys"),
        key("team", "keys of a team", "", "for all teams"),
    ],
};

/// A rule.
pub static RULE: Table = Table {
    noun: "rule",
    path: "rules[]",
    keys: &[
        required("where", "selector", "which services"),
        required("set", "keys of a service", "what they get"),
    ],
};

/// `objective`.
pub static OBJECTIVE: Table = Table {
    noun: "objective",
    path: "objective",
    keys: &[required(
        "minimise",
        "list of metrics, or map {metric: price}",
        "a list counts in its order; a map adds up to one sum of money",
    )],
};

/// `output`.
pub static OUTPUT: Table = Table {
    noun: "output",
    path: "output",
    keys: &[
        key(
            "resolution",
            "duration",
            "1m",
            "width of the bins of time series",
        ),
        later("charts", "list", "formats of charts"),
        later("top", "count", "rows of tables"),
        key(
            "traces",
            "map",
            "",
            "sampled user actions as `traces.json` (OTLP) and their critical path",
        ),
        later("columns", "word", "format of tables"),
    ],
};

/// `output.traces`.
pub static TRACES: Table = Table {
    noun: "traces",
    path: "output.traces",
    keys: &[
        key("sample", "ratio", "1%", "share of user actions"),
        key("max", "count", "1000", "at most this many, the first ones"),
    ],
};
