//! Keys of services, their programs, call policies and scaling policies.

use super::{NOTES, TITLE, Table, ignored, key, later, required};

/// A service (also a class, `defaults.service` and a rule's `set`).
pub static SERVICE: Table = Table {
    noun: "service",
    path: "services.NAME",
    keys: &[
        TITLE,
        NOTES,
        key("like", "name", "", "starts as a copy of this service"),
        key("was", "name", "", "its former name, whose luck it keeps"),
        key(
            "class",
            "name or list",
            "",
            "classes it takes keys from, later wins",
        ),
        key("team", "team", "", "owner"),
        key("tier", "0 to 3", "2", "0 is the most critical"),
        key(
            "kind",
            "one of: stateless, stateful",
            "stateless",
            "what it keeps",
        ),
        key("labels", "map", "", "for selectors"),
        key(
            "cluster",
            "cluster or list",
            "migration.from, or the only cluster",
            "where it runs at the start",
        ),
        key("replicas", "count", "1", "replicas at the start"),
        key(
            "scaling",
            "policy, name or inline",
            "the cluster's",
            "how replicas are added",
        ),
        key("in", "map of clusters", "", "other values in one cluster"),
        key(
            "cpu",
            "CPU, or request..limit, or map",
            "1..1",
            "CPU request and limit of a replica",
        ),
        key(
            "processor",
            "processor",
            "",
            "runs on this shared processor; its CPU request is its share",
        ),
        key(
            "memory",
            "bytes, or request..limit",
            "256Mi",
            "memory request and limit of a replica",
        ),
        key("resources", "pasted", "", "requests and limits as in a pod"),
        key(
            "concurrency",
            "count or unlimited",
            "unlimited",
            "worker slots of a replica, held while calling",
        ),
        key("queue", "map", "", "waiting room before the slots"),
        key("steps", "list of steps", "", "program of the only endpoint"),
        key("endpoints", "map of endpoints", "", "programs"),
        key(
            "startup",
            "distribution of durations",
            "10s",
            "from process start to ready",
        ),
        key(
            "warmup",
            "map",
            "none",
            "processing rate ramps up from a cold factor",
        ),
        key(
            "terminationGracePeriodSeconds",
            "seconds",
            "30",
            "what is left after it fails",
        ),
        key(
            "lifecycle",
            "pasted",
            "",
            "preStop sleep: goes on serving this long",
        ),
        key(
            "callers",
            "call policy",
            "",
            "how everybody calls it unless a step says otherwise",
        ),
        key(
            "memoryPerRequest",
            "bytes",
            "0",
            "memory of a request in flight; above the memory limit the replica is killed",
        ),
        key("caches", "map of caches", "", "what it remembers"),
        key("pinned", "true or false", "false", "stays where it is"),
        key("method", "method", "the migration's", "how it moves"),
        key(
            "gate",
            "gate",
            "the migration's",
            "looked at after its last step",
        ),
        key(
            "image",
            "bytes",
            "200Mi",
            "pulled by a node before its first such pod",
        ),
        key(
            "readinessProbe",
            "pasted",
            "",
            "when a started process is found ready",
        ),
        key(
            "strategy",
            "pasted",
            "",
            "how a new version replaces the old one",
        ),
        key(
            "disruptionBudget",
            "pasted",
            "",
            "PodDisruptionBudget spec: how many may be evicted",
        ),
        key("placement", "map", "", "scheduling keys of its pods' spec"),
        later("state", "map", "what must be copied"),
        key(
            "connections",
            "map",
            "",
            "set-up, pools and limits of connections from other services",
        ),
        key(
            "effort",
            "effort",
            "",
            "work of moving it, which its team does before; unwritten effort holds nobody up",
        ),
        key(
            "portable",
            "instant",
            "",
            "when it has passed its portability test: it starts to move no earlier",
        ),
        later("licence", "money a time", "licence of a replica"),
        key(
            "deploys",
            "rate",
            "0",
            "ordinary deploys that go on during the migration",
        ),
    ],
};

/// `cpu` in long form.
pub static CPU: Table = Table {
    noun: "cpu",
    path: "services.NAME.cpu",
    keys: &[
        key("request", "CPU", "", "request of a replica"),
        key("limit", "CPU", "", "limit of a replica: a quota per period"),
        key(
            "cores",
            "count",
            "the limit rounded up",
            "servers of a replica",
        ),
        key(
            "discipline",
            "one of: processor-sharing, fifo, preemptive",
            "processor-sharing",
            "how jobs share them",
        ),
        key("period", "duration", "100ms", "period of the quota"),
    ],
};

/// `resources` as pasted from a pod.
pub static RESOURCES: Table = Table {
    noun: "resources",
    path: "services.NAME.resources",
    keys: &[
        key("requests", "map of cpu, memory", "", "requests"),
        key("limits", "map of cpu, memory", "", "limits"),
        ignored("claims", "list", "resource claims"),
    ],
};

/// `queue`.
pub static QUEUE: Table = Table {
    noun: "queue",
    path: "services.NAME.queue",
    keys: &[
        key(
            "max",
            "count or unlimited",
            "unlimited",
            "places; a request that finds it full is shed",
        ),
        key(
            "order",
            "one of: fifo, lifo, adaptive-lifo",
            "fifo",
            "who is next among equal priorities",
        ),
        key(
            "lifoAbove",
            "count",
            "",
            "an adaptive-lifo queue serves the newest first while more than this many wait; `concurrency` unless written",
        ),
        key(
            "timeout",
            "distribution of durations",
            "",
            "who has waited this long is shed: a limit, or each request's patience",
        ),
        key(
            "shared",
            "true or false",
            "false",
            "one broker queue before all replicas",
        ),
    ],
};

/// `connections`.
pub static CONNECTIONS: Table = Table {
    noun: "rule of connections",
    path: "services.NAME.connections",
    keys: &[
        key(
            "max",
            "count or unlimited",
            "unlimited",
            "that one replica accepts; more are refused",
        ),
        key(
            "setup",
            "distribution of durations",
            "0",
            "time of a set-up besides a round trip over the link",
        ),
        key(
            "work",
            "distribution of durations",
            "0",
            "CPU time of a set-up at the callee, such as a TLS handshake",
        ),
        key(
            "pool",
            "count",
            "100",
            "that each caller replica has at most; who finds none free waits",
        ),
        key(
            "streams",
            "count",
            "1",
            "requests on one connection at once: 1 is HTTP/1.1, more are HTTP/2",
        ),
        key(
            "maxAge",
            "duration",
            "",
            "older ones are closed once idle; unwritten: never",
        ),
        key(
            "resolve",
            "map",
            "",
            "how callers find the replicas; unwritten: they know them",
        ),
    ],
};

/// `connections.resolve`.
pub static RESOLVE: Table = Table {
    noun: "name resolution",
    path: "services.NAME.connections.resolve",
    keys: &[
        required("via", "endpoint", "who answers"),
        key(
            "ttl",
            "duration",
            "30s",
            "a caller replica goes by an answer for so long, though replicas in it may be gone",
        ),
        key("queries", "count", "1", "queries for one answer"),
    ],
};

/// A cache.
pub static CACHE: Table = Table {
    noun: "cache",
    path: "services.NAME.caches.NAME",
    keys: &[
        TITLE,
        NOTES,
        required(
            "hit",
            "ratio",
            "hit ratio when warm: it stands for the cache's size",
        ),
        key("keys", "count", "10k", "keys that are asked for"),
        key(
            "skew",
            "number",
            "1",
            "Zipf's exponent: how much more popular the first keys are",
        ),
        key(
            "scope",
            "one of: replica, cluster",
            "replica",
            "who shares what is remembered",
        ),
        key(
            "ttl",
            "duration",
            "",
            "a key is forgotten this long after it was filled",
        ),
        key("cold", "ratio", "0%", "hit ratio at the start"),
    ],
};

/// `warmup`.
pub static WARMUP: Table = Table {
    noun: "warmup",
    path: "services.NAME.warmup",
    keys: &[
        required("from", "ratio", "processing rate when cold"),
        required(
            "over",
            "duration or `N requests`",
            "what the ramp runs over",
        ),
    ],
};

/// `lifecycle` as pasted from a container.
pub static LIFECYCLE: Table = Table {
    noun: "lifecycle",
    path: "services.NAME.lifecycle",
    keys: &[
        key(
            "preStop",
            "pasted {sleep: {seconds: N}}",
            "",
            "serves on before it stops taking requests",
        ),
        ignored("postStart", "pasted", "handler after the start"),
    ],
};
