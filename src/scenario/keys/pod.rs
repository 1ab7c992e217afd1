//! Keys of a pod's placement, probes, rollout and budget, pasted from manifests; of a cluster's scheduler and
//! autoscaler of nodes.

use super::{Table, ignored, key, later, required};

/// `clusters.NAME.scheduler`.
pub static SCHEDULER: Table = Table {
    noun: "scheduler",
    path: "clusters.NAME.scheduler",
    keys: &[
        key(
            "score",
            "list of: least-allocated, most-allocated, balanced-allocation, spread",
            "[least-allocated balanced-allocation spread]",
            "scores that are summed, with kube-scheduler's weights",
        ),
        key(
            "preemption",
            "true or false",
            "true",
            "pods of lower priority make room for those of higher",
        ),
    ],
};

/// `clusters.NAME.clusterAutoscaler`.
pub static CLUSTER_AUTOSCALER: Table = Table {
    noun: "clusterAutoscaler",
    path: "clusters.NAME.clusterAutoscaler",
    keys: &[
        key(
            "mode",
            "one of: cluster-autoscaler",
            "cluster-autoscaler",
            "whose rules it follows",
        ),
        key("scanInterval", "duration", "10s", "between two looks"),
        key(
            "expander",
            "one of: random, least-waste, most-pods, least-nodes, priority",
            "random",
            "which pool grows when several would do",
        ),
        key(
            "scaleDownUnneededTime",
            "duration",
            "10m",
            "a node goes after it was not needed for so long",
        ),
        key(
            "scaleDownDelayAfterAdd",
            "duration",
            "10m",
            "no node goes so soon after one was added",
        ),
        key(
            "scaleDownDelayAfterFailure",
            "duration",
            "3m",
            "no node goes so soon after a scale-down failed",
        ),
        key(
            "scaleDownUtilizationThreshold",
            "ratio",
            "50%",
            "requested share below which a node may be unneeded",
        ),
        key(
            "maxNodeProvisionTime",
            "duration",
            "15m",
            "a node that is not ready by then is given up",
        ),
        key(
            "maxEmptyBulkDelete",
            "count",
            "10",
            "most empty nodes removed at once",
        ),
        key("quota", "map of cpu, nodes", "", "what the provider grants"),
    ],
};

/// `clusters.NAME.clusterAutoscaler.quota`.
pub static QUOTA: Table = Table {
    noun: "quota",
    path: "clusters.NAME.clusterAutoscaler.quota",
    keys: &[
        key("cpu", "CPU", "", "cores of all nodes together"),
        key("nodes", "count", "", "nodes of all pools together"),
    ],
};

/// `contention` of a pool.
pub static CONTENTION: Table = Table {
    noun: "contention",
    path: "clusters.NAME.pools.NAME.contention",
    keys: &[
        key(
            "above",
            "ratio",
            "80%",
            "utilisation of the node above which it begins",
        ),
        key(
            "slowdown",
            "ratio",
            "0%",
            "share of its rate that a pod has lost when the node is full",
        ),
    ],
};

/// `deploy` of a cluster.
pub static DEPLOY: Table = Table {
    noun: "deploy",
    path: "clusters.NAME.deploy",
    keys: &[required(
        "time",
        "distribution of durations",
        "work on each host before the new process starts",
    )],
};

/// A taint of a node, as pasted.
pub static TAINT: Table = Table {
    noun: "taint",
    path: "clusters.NAME.pools.NAME.taints[]",
    keys: &[
        required("key", "label", "its key"),
        key("value", "text", "", "its value"),
        required(
            "effect",
            "one of: NoSchedule, PreferNoSchedule, NoExecute",
            "what it does to pods that do not tolerate it",
        ),
        ignored("timeAdded", "date-time", "when it was added"),
    ],
};

/// `readinessProbe` as pasted.
pub static PROBE: Table = Table {
    noun: "readinessProbe",
    path: "services.NAME.readinessProbe",
    keys: &[
        key(
            "initialDelaySeconds",
            "seconds",
            "0",
            "before the first probe",
        ),
        key("periodSeconds", "seconds", "10", "between two probes"),
        key(
            "successThreshold",
            "count",
            "1",
            "successes in a row that are needed",
        ),
        ignored("failureThreshold", "count", "failures in a row"),
        ignored("timeoutSeconds", "seconds", "longest answer"),
        ignored("httpGet", "pasted", "how it asks"),
        ignored("tcpSocket", "pasted", "how it asks"),
        ignored("exec", "pasted", "how it asks"),
        ignored("grpc", "pasted", "how it asks"),
    ],
};

/// A Deployment's `strategy` as pasted.
pub static STRATEGY: Table = Table {
    noun: "strategy",
    path: "services.NAME.strategy",
    keys: &[
        key(
            "type",
            "one of: RollingUpdate, Recreate",
            "RollingUpdate",
            "how a new version replaces the old one",
        ),
        key("rollingUpdate", "map", "", "its bounds"),
        key(
            "upgradeStrategy",
            "map",
            "",
            "Marathon's, where it runs the cluster and no other bound is written",
        ),
    ],
};

/// `strategy.upgradeStrategy`.
pub static UPGRADE_STRATEGY: Table = Table {
    noun: "upgradeStrategy",
    path: "services.NAME.strategy.upgradeStrategy",
    keys: &[
        key(
            "minimumHealthCapacity",
            "ratio",
            "1",
            "share of the instances that stay healthy, rounded up",
        ),
        key(
            "maximumOverCapacity",
            "ratio",
            "1",
            "share of the instances that are added at once, rounded down",
        ),
    ],
};

/// `rollingUpdate` as pasted.
pub static ROLLING_UPDATE: Table = Table {
    noun: "rollingUpdate",
    path: "services.NAME.strategy.rollingUpdate",
    keys: &[
        key(
            "maxSurge",
            "count or percentage",
            "25%",
            "pods above the number wished for",
        ),
        key(
            "maxUnavailable",
            "count or percentage",
            "25%",
            "pods that may be unavailable",
        ),
    ],
};

/// A PodDisruptionBudget's spec as pasted.
pub static DISRUPTION_BUDGET: Table = Table {
    noun: "disruptionBudget",
    path: "services.NAME.disruptionBudget",
    keys: &[
        key(
            "minAvailable",
            "count or percentage",
            "",
            "so many stay healthy",
        ),
        key(
            "maxUnavailable",
            "count or percentage",
            "",
            "so many may be unhealthy",
        ),
        ignored("selector", "pasted", "pods it is for: the service's own"),
        later(
            "unhealthyPodEvictionPolicy",
            "word",
            "whether unhealthy pods may always go",
        ),
    ],
};

/// `placement`: scheduling keys of a pod's spec.
pub static PLACEMENT: Table = Table {
    noun: "placement",
    path: "services.NAME.placement",
    keys: &[
        key(
            "nodeSelector",
            "map of labels",
            "",
            "labels that its nodes must have",
        ),
        key("tolerations", "pasted list", "", "taints it tolerates"),
        key("affinity", "pasted", "", "nodes and pods it wants"),
        key(
            "topologySpreadConstraints",
            "pasted list",
            "",
            "how its pods spread",
        ),
        key(
            "priority",
            "integer",
            "0",
            "higher ones are scheduled first and may evict lower ones",
        ),
    ],
};

/// A toleration as pasted.
pub static TOLERATION: Table = Table {
    noun: "toleration",
    path: "services.NAME.placement.tolerations[]",
    keys: &[
        key("key", "label", "", "key of the taint; none: any"),
        key(
            "operator",
            "one of: Equal, Exists",
            "Equal",
            "whether the value matters",
        ),
        key("value", "text", "", "value of the taint"),
        key(
            "effect",
            "one of: NoSchedule, PreferNoSchedule, NoExecute",
            "",
            "effect of the taint; none: any",
        ),
        ignored("tolerationSeconds", "seconds", "how long it stays"),
    ],
};

/// `affinity` as pasted.
pub static AFFINITY: Table = Table {
    noun: "affinity",
    path: "services.NAME.placement.affinity",
    keys: &[
        key("nodeAffinity", "pasted", "", "nodes it wants"),
        key("podAffinity", "pasted", "", "pods it wants near"),
        key("podAntiAffinity", "pasted", "", "pods it wants far"),
    ],
};

/// The two lists of an affinity as pasted.
pub static AFFINITY_RULES: Table = Table {
    noun: "affinity",
    path: "services.NAME.placement.affinity.podAffinity",
    keys: &[
        key(
            "requiredDuringSchedulingIgnoredDuringExecution",
            "pasted",
            "",
            "must hold",
        ),
        key(
            "preferredDuringSchedulingIgnoredDuringExecution",
            "pasted list",
            "",
            "should hold",
        ),
    ],
};

/// A term of pod affinity as pasted.
pub static POD_TERM: Table = Table {
    noun: "pod affinity term",
    path: "services.NAME.placement.affinity.podAffinity[]",
    keys: &[
        key("labelSelector", "pasted", "", "which pods"),
        required("topologyKey", "label", "what is near"),
        later("namespaces", "list", "namespaces"),
        later("namespaceSelector", "pasted", "namespaces"),
        later("matchLabelKeys", "list", "labels of the pod itself"),
        later("mismatchLabelKeys", "list", "labels of the pod itself"),
    ],
};

/// A topology spread constraint as pasted.
pub static SPREAD_CONSTRAINT: Table = Table {
    noun: "topology spread constraint",
    path: "services.NAME.placement.topologySpreadConstraints[]",
    keys: &[
        required("maxSkew", "count", "largest difference between domains"),
        required("topologyKey", "label", "what a domain is"),
        required(
            "whenUnsatisfiable",
            "one of: DoNotSchedule, ScheduleAnyway",
            "whether it is binding",
        ),
        key("labelSelector", "pasted", "", "which pods are counted"),
        key(
            "minDomains",
            "count",
            "",
            "with fewer domains the emptiest has none",
        ),
        key(
            "nodeAffinityPolicy",
            "one of: Honor, Ignore",
            "Honor",
            "whether nodes that the pod's affinity excludes have no domain",
        ),
        key(
            "nodeTaintsPolicy",
            "one of: Honor, Ignore",
            "Ignore",
            "whether nodes that the pod does not tolerate, or cordoned ones, have no domain",
        ),
        later("matchLabelKeys", "list", "labels of the pod itself"),
    ],
};

/// A label selector as pasted.
pub static LABEL_SELECTOR: Table = Table {
    noun: "labelSelector",
    path: "services.NAME.placement.topologySpreadConstraints[].labelSelector",
    keys: &[
        key("matchLabels", "map of labels", "", "labels that all match"),
        key(
            "matchExpressions",
            "pasted list",
            "",
            "expressions that all match",
        ),
    ],
};

/// An expression of a selector as pasted.
pub static EXPRESSION: Table = Table {
    noun: "expression",
    path: "services.NAME.placement.affinity.nodeAffinity[]",
    keys: &[
        required("key", "label", "which label"),
        required(
            "operator",
            "one of: In, NotIn, Exists, DoesNotExist, Gt, Lt",
            "how it is compared",
        ),
        key("values", "list", "", "with what"),
    ],
};
