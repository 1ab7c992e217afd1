//! Keys of a cluster's limits and of links.

use super::{NOTES, TITLE, Table, key, later};

/// Limits of a cluster.
pub static LIMITS: Table = Table {
    noun: "limits",
    path: "clusters.NAME.limits",
    keys: &[
        key("podsPerNode", "count", "110", "most pods of any node"),
        key("nodes", "count", "5000", "most nodes"),
        key("pods", "count", "150000", "most pods with a node"),
        key(
            "containers",
            "count",
            "300000",
            "most containers, one a pod",
        ),
        key("ips", "count", "", "most addresses, one a pod"),
        key("podLaunchRate", "rate", "", "pods started a time"),
        key("apiRate", "rate", "", "calls to the control plane a time"),
        key(
            "apiBurst",
            "count",
            "2 s of `apiRate`",
            "calls that it takes at once after a quiet time",
        ),
        key(
            "registryBandwidth",
            "bandwidth",
            "1Gbit/s",
            "of all image pulls together",
        ),
    ],
};

/// A link.
pub static LINK: Table = Table {
    noun: "link",
    path: "links.\"A <-> B\"",
    keys: &[
        TITLE,
        NOTES,
        key("oneWay", "distribution of durations", "", "delay one way"),
        key(
            "rtt",
            "distribution of durations",
            "",
            "delay both ways together",
        ),
        key(
            "bandwidth",
            "bandwidth",
            "",
            "each message takes its size over this in addition",
        ),
        key("egress", "money a byte", "0", "price of a byte"),
        later("loss", "ratio", "lost packets"),
    ],
};
