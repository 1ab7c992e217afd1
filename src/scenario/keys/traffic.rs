//! Keys of journeys, loads and shapes.

use super::{NOTES, TITLE, Table, key, later, required};

/// A journey.
pub static JOURNEY: Table = Table {
    noun: "journey",
    path: "journeys.NAME",
    keys: &[
        TITLE,
        NOTES,
        key("call", "endpoint", "", "the only call"),
        key(
            "steps",
            "list of steps",
            "",
            "calls and waits in order; all must succeed",
        ),
        key(
            "slo",
            "list of objectives",
            "",
            "`99.9% ok`, `99% under 500ms`",
        ),
        key("breach", "map", "", "when a minute is a breach minute"),
        later("window", "duration", "window of the error budget"),
    ],
};

/// `breach`.
pub static BREACH: Table = Table {
    noun: "breach",
    path: "journeys.NAME.breach",
    keys: &[
        key(
            "burn",
            "number",
            "14.4",
            "burn rate above which a minute is a breach minute",
        ),
        key(
            "minCount",
            "count",
            "100",
            "actions that a minute needs to count",
        ),
    ],
};

/// A load.
pub static LOAD: Table = Table {
    noun: "load",
    path: "load.NAME",
    keys: &[
        TITLE,
        NOTES,
        key(
            "rate",
            "rate",
            "",
            "open: actions a time, whatever the system does",
        ),
        key("users", "count", "", "closed: users who wait and think"),
        key("sessions", "rate", "", "sessions that arrive a time"),
        key("call", "endpoint", "", "what each action calls"),
        key("journey", "journey", "", "what each action is"),
        key(
            "mix",
            "map of journeys",
            "",
            "what actions are, with weights",
        ),
        key(
            "think",
            "distribution of durations",
            "0",
            "between the end of an action and the next",
        ),
        key(
            "length",
            "distribution of counts",
            "1",
            "actions of a session",
        ),
        key(
            "arrivals",
            "poisson, even, or map",
            "poisson",
            "how open arrivals are spread",
        ),
        key(
            "shape",
            "list of shapes",
            "",
            "factors of the level, multiplied",
        ),
        key(
            "population",
            "count",
            "",
            "closed: monthly users, of whom a share is `online` at the peak",
        ),
        key("online", "ratio", "", "share of the population at the peak"),
        key(
            "replay",
            "map",
            "",
            "recorded: arrivals one by one, or rates with a `column`",
        ),
        key(
            "walk",
            "map of journeys",
            "",
            "what comes after what: `{start: J, J: {K: 60%, leave: 40%}}`",
        ),
        key(
            "spawn",
            "rate",
            "",
            "how fast users appear; without it all at once",
        ),
        key("abandon", "map", "", "when users give up and leave"),
        key(
            "from",
            "map of places",
            "",
            "where users are, with shares: `{eu: 60%, us: 40%}`; links say `users.eu`",
        ),
        later("via", "endpoint", "a shared ingress"),
        later("tenant", "name", "moves by tenant"),
        key(
            "jobs",
            "rate or cron",
            "",
            "jobs that come: batch pipelines, training of models",
        ),
        key(
            "timezone",
            "IANA zone",
            "of the scenario",
            "of a cron expression of `jobs`",
        ),
        key(
            "run",
            "service or selector",
            "",
            "batch service of a job of one task; of several each job draws one",
        ),
        key(
            "work",
            "distribution of durations",
            "10m",
            "CPU time of each pod of the task",
        ),
        key("parallelism", "count", "1", "pods of the task"),
        key(
            "gang",
            "true or false",
            "false",
            "all pods get room together or none does",
        ),
        key(
            "tasks",
            "map of tasks",
            "",
            "jobs of several tasks, instead of `run`",
        ),
        key(
            "deadline",
            "duration",
            "",
            "from a job's arrival until it is due",
        ),
        key(
            "environments",
            "rate",
            "",
            "environments that are created: a pod of each of their services",
        ),
        key(
            "life",
            "distribution of durations",
            "",
            "of an environment, from creation until it is torn down",
        ),
        key(
            "services",
            "count, service or selector",
            "",
            "of an environment; a number takes the first so many ephemeral services (if there are none, of all)",
        ),
        key(
            "cluster",
            "cluster",
            "where services run",
            "where environments are made",
        ),
        key(
            "priority",
            "integer",
            "0",
            "of environments' pods that are made of ordinary services",
        ),
    ],
};

/// A task of a job.
pub static TASK: Table = Table {
    noun: "task",
    path: "load.NAME.tasks.NAME",
    keys: &[
        TITLE,
        NOTES,
        required(
            "run",
            "service or selector",
            "batch service; of several each job draws one",
        ),
        key(
            "work",
            "distribution of durations",
            "10m",
            "CPU time of each pod",
        ),
        key("parallelism", "count", "1", "pods"),
        key(
            "gang",
            "true or false",
            "false",
            "all pods get room together or none does",
        ),
        key(
            "after",
            "task or list of tasks",
            "",
            "tasks that must have ended",
        ),
    ],
};

/// A shape: exactly one of its keys.
pub static SHAPE: Table = Table {
    noun: "shape",
    path: "load.NAME.shape[]",
    keys: &[
        key(
            "daily",
            "map",
            "",
            "a cosine: 1 at `peak`, `low` twelve hours away",
        ),
        key(
            "weekly",
            "map of days",
            "",
            "a factor for each local weekday",
        ),
        key("ramp", "map", "", "linear from one level to another"),
        key(
            "steps",
            "list of {at, level}",
            "",
            "levels from instants on",
        ),
        key("spike", "map", "", "up, stay, down"),
        key(
            "growth",
            "ratio a year",
            "",
            "grows by this share in 365 days, compounding",
        ),
        key("hourly", "map", "", "a peak at each full local hour"),
        key("series", "map", "", "levels from a file"),
    ],
};

/// `arrivals`, in its long forms.
pub static ARRIVALS: Table = Table {
    noun: "arrivals",
    path: "load.NAME.arrivals",
    keys: &[
        key(
            "renewal",
            "map",
            "",
            "independent gaps with a coefficient of variation",
        ),
        key("bursts", "map", "", "a Poisson process whose rate jumps"),
    ],
};

/// `renewal`.
pub static RENEWAL: Table = Table {
    noun: "renewal",
    path: "load.NAME.arrivals.renewal",
    keys: &[required(
        "cv",
        "number",
        "coefficient of variation of the gaps: gamma below 1, hyperexponential above",
    )],
};

/// `bursts`.
pub static BURSTS: Table = Table {
    noun: "bursts",
    path: "load.NAME.arrivals.bursts",
    keys: &[
        required("factor", "factor", "rate in a burst over the rate between"),
        required("for", "distribution of durations", "length of a burst"),
        required(
            "every",
            "distribution of durations",
            "from the end of a burst to the next",
        ),
    ],
};

/// `abandon`.
pub static ABANDON: Table = Table {
    noun: "abandon",
    path: "load.NAME.abandon",
    keys: &[
        key(
            "slowerThan",
            "duration",
            "",
            "an action that takes longer makes users leave",
        ),
        key(
            "chance",
            "ratio",
            "100%",
            "chance to leave after a slow action",
        ),
        key(
            "afterFailures",
            "count",
            "",
            "failed actions in a row after which users leave",
        ),
    ],
};

/// `replay`.
pub static REPLAY: Table = Table {
    noun: "replay",
    path: "load.NAME.replay",
    keys: &[
        required(
            "file",
            "file",
            "CSV whose first column is a time, or a Prometheus range answer (`.json`)",
        ),
        key(
            "column",
            "name",
            "",
            "column of actions a second; without it each row of a CSV is one arrival",
        ),
    ],
};

/// `hourly`.
pub static HOURLY: Table = Table {
    noun: "hourly",
    path: "load.NAME.shape[].hourly",
    keys: &[
        required("peak", "factor", "level at the full hour"),
        key("for", "duration", "5m", "time until it is back at 1"),
    ],
};

/// `series`.
pub static SERIES: Table = Table {
    noun: "series",
    path: "load.NAME.shape[].series",
    keys: &[
        required(
            "file",
            "file",
            "CSV whose first column is a time, or a Prometheus range answer (`.json`)",
        ),
        key(
            "column",
            "name",
            "",
            "column of the levels (needed for a CSV)",
        ),
    ],
};

/// `daily`.
pub static DAILY: Table = Table {
    noun: "daily",
    path: "load.NAME.shape[].daily",
    keys: &[
        required("peak", "time of day", "when the level is 1"),
        required("low", "ratio", "level at the trough"),
    ],
};

/// `ramp`.
pub static RAMP: Table = Table {
    noun: "ramp",
    path: "load.NAME.shape[].ramp",
    keys: &[
        required("from", "ratio or factor", "level before"),
        required("to", "ratio or factor", "level after"),
        key("at", "instant", "+0", "when it starts"),
        required("for", "duration", "how long it takes"),
    ],
};

/// One of `steps`.
pub static LEVEL: Table = Table {
    noun: "level",
    path: "load.NAME.shape[].steps[]",
    keys: &[
        required("at", "instant", "from when on"),
        required("level", "ratio or factor", "the level"),
    ],
};

/// `spike`.
pub static SPIKE: Table = Table {
    noun: "spike",
    path: "load.NAME.shape[].spike",
    keys: &[
        required("at", "instant", "when it starts"),
        required("peak", "factor", "level at the top"),
        key("ramp", "duration", "0", "time to rise, and to fall"),
        required("for", "duration", "time at the top"),
    ],
};
