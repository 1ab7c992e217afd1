//! Keys of faults.

use super::{NOTES, TITLE, Table, key, required};

/// A fault.
pub static FAULT: Table = Table {
    noun: "fault",
    path: "faults.NAME",
    keys: &[
        TITLE,
        NOTES,
        key("at", "instant", "", "when it begins"),
        key(
            "every",
            "distribution of durations",
            "",
            "at random: time from the end of one to the next",
        ),
        key(
            "for",
            "distribution of durations",
            "to the end",
            "how long it lasts",
        ),
        key("node", "map", "", "nodes of a pool break"),
        key("zone", "map", "", "a failure domain breaks"),
        key("cluster", "map", "", "a cluster breaks"),
        key("link", "map", "", "hops are slow, lossy or cut"),
        key(
            "control-plane",
            "map",
            "",
            "nothing is scheduled, scaled or rolled out",
        ),
        key("metrics", "map", "", "autoscalers and gates see nothing"),
        key("registry", "map", "", "image pulls are slow"),
        key("neighbour", "map", "", "somebody's work slows nodes"),
        key("slow", "map", "", "a service's work takes longer"),
        key("failing", "map", "", "a service's requests fail"),
        key("release", "map", "", "a bad version is rolled out"),
        key("limit", "map", "", "limits of a cluster are tighter"),
    ],
};

/// Names of the kinds, among the keys of a fault.
pub const KINDS: [&str; 12] = [
    "node",
    "zone",
    "cluster",
    "link",
    "control-plane",
    "metrics",
    "registry",
    "neighbour",
    "slow",
    "failing",
    "release",
    "limit",
];

/// `node`.
pub static NODE: Table = Table {
    noun: "node fault",
    path: "faults.NAME.node",
    keys: &[
        key(
            "cluster",
            "cluster",
            "the only one with such a pool",
            "where",
        ),
        required("pool", "pool", "of which pool"),
        key("count", "count", "1", "how many"),
    ],
};

/// `zone`.
pub static ZONE: Table = Table {
    noun: "zone fault",
    path: "faults.NAME.zone",
    keys: &[
        key("cluster", "cluster", "the only one", "where"),
        required("name", "zone", "which"),
    ],
};

/// `cluster`.
pub static CLUSTER_FAULT: Table = Table {
    noun: "cluster fault",
    path: "faults.NAME.cluster",
    keys: &[required("name", "cluster", "which")],
};

/// `link`.
pub static LINK_FAULT: Table = Table {
    noun: "link fault",
    path: "faults.NAME.link",
    keys: &[
        required("between", "list of two places", "clusters, or `users`"),
        key("oneWay", "factor", "x1", "on the delay"),
        key("loss", "ratio", "0%", "messages lost and sent again"),
        key("cut", "true or false", "false", "nothing arrives"),
    ],
};

/// `control-plane` and `metrics`.
pub static PART_FAULT: Table = Table {
    noun: "fault of a cluster's part",
    path: "faults.NAME.control-plane",
    keys: &[key("cluster", "cluster", "the only one", "where")],
};

/// `registry`.
pub static REGISTRY_FAULT: Table = Table {
    noun: "registry fault",
    path: "faults.NAME.registry",
    keys: &[
        key("cluster", "cluster", "the only one", "where"),
        required("bandwidth", "bandwidth", "of all image pulls together"),
    ],
};

/// `neighbour`.
pub static NEIGHBOUR: Table = Table {
    noun: "neighbour",
    path: "faults.NAME.neighbour",
    keys: &[
        key(
            "cluster",
            "cluster",
            "the only one with such a pool",
            "where",
        ),
        required("pool", "pool", "on whose nodes"),
        required("slowdown", "ratio", "share of their rate that pods lose"),
    ],
};

/// `slow`.
pub static SLOW: Table = Table {
    noun: "slow service",
    path: "faults.NAME.slow",
    keys: &[
        required("service", "service", "which"),
        required("factor", "factor", "how many times as long its work takes"),
    ],
};

/// `failing`.
pub static FAILING: Table = Table {
    noun: "failing service",
    path: "faults.NAME.failing",
    keys: &[
        required("service", "service", "which"),
        key("errors", "ratio", "20%", "requests that fail"),
    ],
};

/// `release`.
pub static RELEASE: Table = Table {
    noun: "bad release",
    path: "faults.NAME.release",
    keys: &[
        required("service", "service", "of which service"),
        key("errors", "ratio", "0%", "requests that fail"),
        key(
            "work",
            "factor",
            "x1",
            "how many times as long its work takes",
        ),
        key(
            "rollback",
            "duration",
            "",
            "from its deploy to that of the version before",
        ),
    ],
};

/// `limit`.
pub static LIMIT_FAULT: Table = Table {
    noun: "limit fault",
    path: "faults.NAME.limit",
    keys: &[
        key("cluster", "cluster", "the only one", "where"),
        key("podLaunchRate", "rate", "", "pods started a time"),
        key("apiRate", "rate", "", "calls to the control plane a time"),
    ],
};
