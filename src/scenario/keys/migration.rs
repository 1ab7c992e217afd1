//! Keys of the migration's rules and of the plan.

use super::{NOTES, TITLE, Table, key, later, required};

/// `migration`.
pub static MIGRATION: Table = Table {
    noun: "migration",
    path: "migration",
    keys: &[
        required("from", "cluster", "where services are"),
        required("to", "cluster", "where they go"),
        key(
            "method",
            "method",
            "big-bang",
            "how services move unless they say otherwise",
        ),
        key("methods", "map of methods", "", "methods by name"),
        key("gate", "gate", "", "looked at after the last step"),
        key("gates", "map of gates", "", "gates by name"),
        key(
            "routing",
            "one of: weighted, local-first, caller-follows",
            "weighted",
            "while a service is split",
        ),
        key("prepare", "map", "", "before the shift"),
        key("soak", "duration", "1h", "watch after the last weight"),
        key(
            "keep",
            "duration",
            "the soak",
            "how long the old side stays for rollback",
        ),
        key(
            "reserve",
            "ratio",
            "100%",
            "share of its replicas that stays meanwhile; going back makes the rest first",
        ),
        key("constraints", "map", "", "hold for any plan"),
        later("unit", "one of: service, tenant", "what moves"),
        later("retry", "map", "after a rollback"),
        later("automation", "map", "moved without the team"),
        later("delay", "map", "cost of delay"),
    ],
};

/// A method: exactly one of its keys.
pub static METHOD: Table = Table {
    noun: "method",
    path: "migration.methods.NAME",
    keys: &[
        TITLE,
        NOTES,
        key("like", "name", "", "starts as a copy of this method"),
        key("big-bang", "map", "", "all at once"),
        key("canary", "map", "", "in steps, as in Argo Rollouts"),
        later("rolling", "map", "in batches"),
        later("flagger", "pasted", "as in Flagger"),
        later("blue-green", "map", "beside each other"),
        later("mirror", "map", "copies of requests first"),
        later("dns", "map", "by name resolution"),
        later("drain", "map", "share by share"),
    ],
};

/// `canary`.
pub static CANARY: Table = Table {
    noun: "canary",
    path: "migration.methods.NAME.canary",
    keys: &[
        required("steps", "list of canary steps", "weights, holds and gates"),
        later("analysis", "map", "a gate beside the steps"),
        later(
            "stable",
            "one of: keep, dynamic",
            "whether the old side shrinks",
        ),
    ],
};

/// A step of a canary: exactly one of its keys.
pub static CANARY_STEP: Table = Table {
    noun: "canary step",
    path: "migration.methods.NAME.canary.steps[]",
    keys: &[
        key("setWeight", "per cent", "", "weight on the target"),
        key("pause", "{duration: ...}", "", "hold"),
        key("analysis", "gate", "", "run a gate"),
        later("setCanaryScale", "pasted", "replicas apart from the weight"),
        later("setHeaderRoute", "pasted", "by header"),
        later("setMirrorRoute", "pasted", "by mirror"),
        later("experiment", "pasted", "side by side"),
    ],
};

/// A gate.
pub static GATE: Table = Table {
    noun: "gate",
    path: "migration.gates.NAME",
    keys: &[
        TITLE,
        NOTES,
        key("like", "name", "", "starts as a copy of this gate"),
        key("window", "duration", "5m", "what it looks at"),
        key("interval", "duration", "1m", "between two looks"),
        key(
            "minRequests",
            "count",
            "100",
            "ended requests that each side needs",
        ),
        required(
            "pass",
            "list of conditions",
            "on `old` and `new`; all must hold",
        ),
        key(
            "failureLimit",
            "count",
            "0",
            "failed looks that are tolerated",
        ),
        key(
            "inconclusiveLimit",
            "count",
            "3",
            "inconclusive looks that are tolerated",
        ),
        key(
            "fail",
            "one of: roll-back-service, roll-back-group, roll-back-wave, stop-programme, hold",
            "roll-back-service",
            "what a failure does",
        ),
        key(
            "inconclusive",
            "one of: roll-back-service, roll-back-group, roll-back-wave, stop-programme, hold",
            "hold",
            "what too many inconclusive looks do",
        ),
        later("blind", "word", "when there are no metrics"),
    ],
};

/// `prepare`.
pub static PREPARE: Table = Table {
    noun: "prepare",
    path: "migration.prepare",
    keys: &[
        key(
            "scale",
            "ratio",
            "100%",
            "replicas on the target as a share of the source's",
        ),
        key(
            "freezeHpa",
            "true or false",
            "false",
            "the autoscaler of a shifting service does not act",
        ),
        key(
            "warm",
            "duration",
            "0",
            "between ready and the first weight",
        ),
    ],
};

/// `constraints`.
pub static CONSTRAINTS: Table = Table {
    noun: "constraints",
    path: "migration.constraints",
    keys: &[
        key(
            "together",
            "list of lists of services",
            "",
            "go in one wave, with one outcome",
        ),
        key("overlap", "count", "1", "waves in progress at once"),
        key("parallelMoves", "count", "", "moves in progress at once"),
        key(
            "deadline",
            "date-time, {by, where, price}, or list of these",
            "",
            "what must be done by then",
        ),
        key(
            "apart",
            "list of lists or selectors",
            "",
            "no two of a set in one wave",
        ),
        key(
            "order",
            "list such as `[a before b]`",
            "",
            "what moves before what; services or selectors",
        ),
        key(
            "waveSize",
            "count or range of counts",
            "",
            "services in a wave; the last may have fewer",
        ),
        key(
            "criticalAtOnce",
            "count",
            "",
            "services of tier 0 between preparation and full weight at once",
        ),
        key(
            "headroom",
            "ratio",
            "10%",
            "share of the target's room that a plan leaves free",
        ),
        key(
            "linkUse",
            "ratio",
            "80%",
            "share of a link's bandwidth that split calls may take",
        ),
        key(
            "latencyBudget",
            "map {journey: duration}",
            "",
            "time that being split may add to a journey",
        ),
        key(
            "allowed",
            "list of {where, clusters}",
            "",
            "clusters that services may run in",
        ),
        later("errorBudgetFloor", "map", "budget to leave"),
    ],
};

/// An item of `allowed`.
pub static ALLOWED: Table = Table {
    noun: "item of allowed",
    path: "migration.constraints.allowed[]",
    keys: &[
        required("where", "service or selector", "which services"),
        required("clusters", "list of clusters", "where they may run"),
    ],
};

/// `deadline` in long form.
pub static DEADLINE: Table = Table {
    noun: "deadline",
    path: "migration.constraints.deadline",
    keys: &[
        required("by", "instant", "all must be done by then"),
        key("where", "service or selector", "all", "which services"),
        key(
            "price",
            "money a time",
            "",
            "of being late; a deadline with a price may be missed",
        ),
    ],
};

/// `plan`.
pub static PLAN: Table = Table {
    noun: "plan",
    path: "plan",
    keys: &[
        key("waves", "list of waves", "", "the order"),
        TITLE,
        NOTES,
        key(
            "strategy",
            "strategy",
            "",
            "the waves are computed by it, under the constraints",
        ),
        key(
            "every",
            "duration",
            "",
            "least time between the starts of two computed waves",
        ),
        key("seed", "integer", "1", "of strategies that draw"),
        key(
            "start",
            "instant",
            "start of the run",
            "the first computed wave starts no earlier",
        ),
    ],
};

/// A wave.
pub static WAVE: Table = Table {
    noun: "wave",
    path: "plan.waves[]",
    keys: &[
        TITLE,
        NOTES,
        key("name", "name", "its number", "name of the wave"),
        required("move", "list of services or selector", "its members"),
        key("earliest", "instant", "", "not before"),
        key(
            "method",
            "method, or {service: method}",
            "the service's",
            "how its members move",
        ),
        key(
            "gate",
            "gate, or {service: gate}",
            "the service's",
            "looked at after the last step",
        ),
        key(
            "order",
            "one of: given, parallel",
            "given",
            "order of its members",
        ),
        later("overlap", "count", "waves in progress at once"),
    ],
};
