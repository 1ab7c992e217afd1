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
            "one of: poisson, even",
            "poisson",
            "how open arrivals are spread",
        ),
        key(
            "shape",
            "list of shapes",
            "",
            "factors of the level, multiplied",
        ),
        later("population", "count", "monthly users"),
        later("online", "ratio", "share of the population at the peak"),
        later("replay", "map", "recorded arrivals"),
        later("jobs", "rate", "batch jobs"),
        later("environments", "rate", "created and torn down"),
        later("walk", "map", "Markov graph of actions"),
        later("spawn", "rate", "how fast users appear"),
        later("abandon", "map", "when users give up"),
        later("from", "map of places", "where users are"),
        later("via", "endpoint", "a shared ingress"),
        later("tenant", "name", "moves by tenant"),
        later("run", "service", "what jobs run"),
        later("work", "distribution", "of a job"),
        later("deadline", "duration", "of a job"),
        later("parallelism", "count", "of a job"),
        later("life", "distribution of durations", "of an environment"),
        later("services", "count", "of an environment"),
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
        later("growth", "ratio a year", "a steady growth"),
        later("hourly", "map", "peaks at the full hour"),
        later("series", "map", "levels from a file"),
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
