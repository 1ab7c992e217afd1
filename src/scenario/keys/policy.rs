//! Keys of call policies: how callers call, and how they connect.

use super::{Table, key, required};

/// How a call is made (in `callers`, or on the call).
pub static CALL_POLICY: Table = Table {
    noun: "call policy",
    path: "services.NAME.callers",
    keys: &[
        key(
            "timeout",
            "duration or never",
            "15s",
            "for all tries together",
        ),
        key("perTryTimeout", "duration", "", "for each try"),
        key(
            "onTimeout",
            "one of: cancel, let-run",
            "let-run",
            "what becomes of the work of a caller that gave up",
        ),
        key("retries", "count or map", "0", "tries besides the first"),
        key(
            "balance",
            "one of: least-request, round-robin, random",
            "least-request",
            "how a replica is chosen",
        ),
        key(
            "deadline",
            "one of: propagate, ignore",
            "ignore",
            "whether callees know the time left, and stop when it is over",
        ),
        key("hedge", "map", "", "further tries before the first fails"),
        key(
            "breaker",
            "map",
            "",
            "limits on what a client has under way",
        ),
        key(
            "ejection",
            "map",
            "",
            "replicas that fail are left out for a while",
        ),
        key(
            "locality",
            "one of: none, cluster",
            "none",
            "preference for near replicas",
        ),
        key(
            "fallback",
            "degraded, none or list of steps",
            "",
            "what takes the place of a call that failed; the answer counts as degraded",
        ),
    ],
};

/// `retries` in long form.
pub static RETRIES: Table = Table {
    noun: "retries",
    path: "services.NAME.callers.retries",
    keys: &[
        required("max", "count", "tries besides the first"),
        key(
            "backoff",
            "range of durations",
            "25ms..250ms",
            "first and longest back-off",
        ),
        key(
            "jitter",
            "one of: full, grpc, none, equal, aws-full, decorrelated",
            "full",
            "what part of a back-off is drawn",
        ),
        key(
            "multiplier",
            "number",
            "2",
            "growth of the back-off; only `jitter: grpc` has another than 2",
        ),
        key(
            "when",
            "list of: error, timeout, shed",
            "[error, timeout, shed]",
            "outcomes that are retried",
        ),
        key(
            "budget",
            "ratio or map",
            "",
            "most retries under way, as a share of the requests under way",
        ),
        key("throttle", "map", "", "token bucket of a client's retries"),
        key(
            "pushback",
            "duration or stop",
            "",
            "what a callee that sheds asks its callers to wait",
        ),
    ],
};

/// `retries.budget` in long form.
pub static BUDGET: Table = Table {
    noun: "retry budget",
    path: "services.NAME.callers.retries.budget",
    keys: &[
        key(
            "ratio",
            "ratio",
            "20%",
            "share of the requests under way, and of those that wait for a connection",
        ),
        key(
            "minConcurrency",
            "count",
            "3",
            "so many retries are always allowed at once",
        ),
    ],
};

/// `retries.throttle`.
pub static THROTTLE: Table = Table {
    noun: "throttle",
    path: "services.NAME.callers.retries.throttle",
    keys: &[
        required(
            "tokens",
            "count",
            "tokens of a full bucket; retries stop at half",
        ),
        required("ratio", "number", "tokens that a success gives back"),
    ],
};

/// `hedge`.
pub static HEDGE: Table = Table {
    noun: "hedge",
    path: "services.NAME.callers.hedge",
    keys: &[
        required(
            "after",
            "duration",
            "time without an answer after which one more try is sent",
        ),
        key("max", "count", "1", "tries besides the first"),
    ],
};

/// `breaker`.
pub static BREAKER: Table = Table {
    noun: "breaker",
    path: "services.NAME.callers.breaker",
    keys: &[
        key("maxConnections", "count", "1024", "connections at once"),
        key("maxInFlight", "count", "1024", "requests under way at once"),
        key(
            "maxPending",
            "count",
            "1024",
            "requests that wait for a connection at once",
        ),
        key(
            "maxRetries",
            "count",
            "3",
            "retries under way at once, unless there is a budget",
        ),
    ],
};

/// `ejection`.
pub static EJECTION: Table = Table {
    noun: "ejection",
    path: "services.NAME.callers.ejection",
    keys: &[
        key(
            "consecutiveErrors",
            "count",
            "5",
            "failures in a row that eject; 0: never",
        ),
        key(
            "consecutiveGatewayErrors",
            "count",
            "0",
            "failures in a row that are no answer of the service; 0: never",
        ),
        key("interval", "duration", "10s", "time between sweeps"),
        key(
            "baseTime",
            "duration",
            "30s",
            "time of an ejection, times how often in a row",
        ),
        key(
            "maxTime",
            "duration",
            "300s",
            "longest ejection (the base time, if that is longer)",
        ),
        key(
            "maxEjected",
            "ratio",
            "10%",
            "share of the replicas that may be out",
        ),
        key(
            "alwaysOne",
            "true or false",
            "false",
            "whether one may be out whatever the share",
        ),
        key(
            "panic",
            "ratio",
            "50%",
            "share of usable replicas below which all get traffic",
        ),
        key("successRate", "map", "", "ejects by success rate"),
        key(
            "failurePercentage",
            "map",
            "",
            "ejects by share of failures",
        ),
    ],
};

/// `ejection.successRate`.
pub static SUCCESS_RATE: Table = Table {
    noun: "success rate",
    path: "services.NAME.callers.ejection.successRate",
    keys: &[
        key(
            "stdevFactor",
            "count",
            "1900",
            "thousandths of a deviation below the mean",
        ),
        key("minHosts", "count", "5", "replicas with enough requests"),
        key("minRequests", "count", "100", "enough in an interval"),
    ],
};

/// `ejection.failurePercentage`.
pub static FAILURE_PERCENTAGE: Table = Table {
    noun: "failure percentage",
    path: "services.NAME.callers.ejection.failurePercentage",
    keys: &[
        key("threshold", "ratio", "85%", "share of failures that ejects"),
        key("minHosts", "count", "5", "replicas with enough requests"),
        key("minRequests", "count", "50", "enough in an interval"),
    ],
};

/// `balance` in long form.
pub static BALANCE: Table = Table {
    noun: "balance",
    path: "services.NAME.callers.balance",
    keys: &[
        key(
            "rule",
            "one of: least-request, round-robin, random",
            "least-request",
            "how a replica is chosen",
        ),
        key(
            "choices",
            "count or all",
            "2",
            "replicas that `least-request` compares",
        ),
        key(
            "knows",
            "one of: shared, own",
            "shared",
            "whose turn and counts it goes by, and whose breaker, budget, throttle and ejection hold",
        ),
        key(
            "unit",
            "one of: requests, connections",
            "requests",
            "what it spreads: kube-proxy places connections, a gateway or sidecar requests; needs `connections` of the callee",
        ),
    ],
};
