//! Keys of scaling policies: our own, and those of the manifests that can be pasted.

use super::{NOTES, TITLE, Table, ignored, key, later, required};

/// A scaling policy: exactly one of its keys; `scheduled` may stand beside an autoscaler.
pub static SCALING: Table = Table {
    noun: "scaling policy",
    path: "scaling.NAME",
    keys: &[
        TITLE,
        NOTES,
        key("like", "name", "", "starts as a copy of this policy"),
        key(
            "static",
            "count or same",
            "",
            "always this many, or as many as in the source",
        ),
        key("hpa", "map", "", "spec of a HorizontalPodAutoscaler"),
        key("keda", "map", "", "spec of a ScaledObject"),
        key(
            "scheduled",
            "list of entries",
            "",
            "replicas by the clock, set once when an entry fires; also beside `hpa` or `keda`",
        ),
        key(
            "predictive",
            "map",
            "",
            "for the load that a seasonal forecast expects",
        ),
        key(
            "queueing",
            "map",
            "",
            "fewest replicas that keep a target, by queueing formula",
        ),
        later("vertical", "map", "changes the CPU request of pods"),
    ],
};

/// `hpa` as pasted: autoscaling/v2, or v1's target.
pub static HPA: Table = Table {
    noun: "hpa",
    path: "scaling.NAME.hpa",
    keys: &[
        key(
            "minReplicas",
            "count",
            "1",
            "fewest replicas; 0 with an object or external metric",
        ),
        required("maxReplicas", "count", "most replicas"),
        key(
            "metrics",
            "list of metrics",
            "",
            "what it scales by: the metric that asks for most decides",
        ),
        key(
            "targetCPUUtilizationPercentage",
            "per cent",
            "",
            "v1: target utilisation of the CPU request; 80 when nothing else is written",
        ),
        key("behavior", "map", "", "windows and limits of speed"),
        ignored("scaleTargetRef", "map", "what it scales in a real cluster"),
    ],
};

/// An entry of `hpa.metrics`.
pub static HPA_METRIC: Table = Table {
    noun: "metric",
    path: "scaling.NAME.hpa.metrics[]",
    keys: &[
        required(
            "type",
            "one of: Resource, ContainerResource, Pods, Object, External",
            "where it comes from",
        ),
        key("resource", "map", "", "`name` cpu or memory, and `target`"),
        key(
            "containerResource",
            "map",
            "",
            "as `resource`, with a `container`",
        ),
        key("pods", "map", "", "`metric.name` read of each pod"),
        key("object", "map", "", "`metric.name` read in this cluster"),
        key(
            "external",
            "map",
            "",
            "`metric.name` read in all clusters together",
        ),
    ],
};

/// The map of one source.
pub static HPA_SOURCE: Table = Table {
    noun: "metric source",
    path: "",
    keys: &[
        key("name", "word", "", "cpu or memory"),
        key("container", "name", "", "a pod has one container here"),
        key("metric", "map", "", "what is read"),
        required("target", "map", "what it should be"),
        ignored("describedObject", "map", "the object in a real cluster"),
    ],
};

/// `metric` of a source.
pub static HPA_METRIC_NAME: Table = Table {
    noun: "metric",
    path: "",
    keys: &[
        required(
            "name",
            "reading",
            "what to read, such as `queue_length(service.worker)`",
        ),
        ignored("selector", "map", "labels in a real metrics pipeline"),
    ],
};

/// `target` of a source.
pub static HPA_TARGET: Table = Table {
    noun: "target",
    path: "",
    keys: &[
        required(
            "type",
            "one of: Utilization, AverageValue, Value",
            "what the number is compared with",
        ),
        key("averageUtilization", "per cent", "", "of the request"),
        key("averageValue", "Kubernetes quantity", "", "average of pods"),
        key("value", "Kubernetes quantity", "", "the value itself"),
    ],
};

/// `hpa.behavior`.
pub static HPA_BEHAVIOR: Table = Table {
    noun: "behavior",
    path: "scaling.NAME.hpa.behavior",
    keys: &[
        key("scaleUp", "map", "", "rules of scaling up"),
        key("scaleDown", "map", "", "rules of scaling down"),
    ],
};

/// Rules of one direction.
pub static HPA_RULES: Table = Table {
    noun: "rules",
    path: "scaling.NAME.hpa.behavior.scaleDown",
    keys: &[
        key(
            "stabilizationWindowSeconds",
            "seconds",
            "",
            "window of recommendations; 0 up, the controller's down",
        ),
        key(
            "policies",
            "list of policies",
            "",
            "largest changes within a period",
        ),
        key(
            "selectPolicy",
            "one of: Max, Min, Disabled",
            "Max",
            "which of them counts",
        ),
        key(
            "tolerance",
            "Kubernetes quantity",
            "",
            "ratio around 1 within which nothing changes in this direction",
        ),
    ],
};

/// A limit of speed.
pub static HPA_RATE: Table = Table {
    noun: "rate policy",
    path: "scaling.NAME.hpa.behavior.scaleDown.policies[]",
    keys: &[
        required("type", "one of: Pods, Percent", "what `value` is"),
        required("value", "count", "largest change"),
        required("periodSeconds", "seconds", "within this time, at most 1800"),
    ],
};

/// `keda` as pasted.
pub static KEDA: Table = Table {
    noun: "keda",
    path: "scaling.NAME.keda",
    keys: &[
        key("pollingInterval", "seconds", "30", "how often KEDA looks"),
        key(
            "cooldownPeriod",
            "seconds",
            "300",
            "without activity before it scales to zero",
        ),
        key(
            "idleReplicaCount",
            "count",
            "",
            "kept while no trigger is active, instead of the minimum",
        ),
        key("minReplicaCount", "count", "0", "fewest replicas"),
        key("maxReplicaCount", "count", "100", "most replicas"),
        required("triggers", "list of triggers", "what it scales by"),
        key("advanced", "map", "", "behavior of the autoscaler it makes"),
        ignored("scaleTargetRef", "map", "what it scales in a real cluster"),
        key(
            "fallback",
            "map",
            "",
            "replicas while a trigger cannot be read",
        ),
        key(
            "initialCooldownPeriod",
            "seconds",
            "0",
            "before the first scaling to zero",
        ),
    ],
};

/// `keda.fallback`.
pub static KEDA_FALLBACK: Table = Table {
    noun: "fallback",
    path: "scaling.NAME.keda.fallback",
    keys: &[
        required(
            "failureThreshold",
            "count",
            "more failures in a row than this",
        ),
        required("replicas", "count", "as if the trigger asked for so many"),
        key(
            "behavior",
            "one of: static, currentReplicas, currentReplicasIfHigher, currentReplicasIfLower",
            "static",
            "how it goes with the current number",
        ),
    ],
};

/// `keda.advanced`.
pub static KEDA_ADVANCED: Table = Table {
    noun: "advanced",
    path: "scaling.NAME.keda.advanced",
    keys: &[
        key(
            "horizontalPodAutoscalerConfig",
            "map",
            "",
            "its `behavior` is used",
        ),
        ignored(
            "restoreToOriginalReplicaCount",
            "true or false",
            "when the object is deleted",
        ),
    ],
};

/// `keda.advanced.horizontalPodAutoscalerConfig`.
pub static KEDA_HPA: Table = Table {
    noun: "horizontalPodAutoscalerConfig",
    path: "",
    keys: &[
        key("behavior", "map", "", "windows and limits of speed"),
        ignored("name", "name", "name of the autoscaler"),
    ],
};

/// A trigger.
pub static KEDA_TRIGGER: Table = Table {
    noun: "trigger",
    path: "scaling.NAME.keda.triggers[]",
    keys: &[
        required(
            "type",
            "one of: queue, prometheus, cron, cpu",
            "what it looks at",
        ),
        required("metadata", "map", "of the trigger's type"),
        key(
            "metricType",
            "one of: AverageValue, Value, Utilization",
            "",
            "how the value is compared",
        ),
        ignored("name", "name", "name of the trigger"),
        ignored("authenticationRef", "map", "credentials"),
        ignored(
            "useCachedMetrics",
            "true or false",
            "caching by the operator",
        ),
    ],
};

/// An entry of `scheduled`.
pub static SCHEDULED: Table = Table {
    noun: "entry",
    path: "scaling.NAME.scheduled[]",
    keys: &[
        required("cron", "cron", "five fields: minute hour day month weekday"),
        key(
            "timezone",
            "IANA zone",
            "",
            "the scenario's when not written",
        ),
        required("replicas", "count", "from then on"),
    ],
};

/// `predictive`.
pub static PREDICTIVE: Table = Table {
    noun: "predictive",
    path: "scaling.NAME.predictive",
    keys: &[
        key(
            "method",
            "one of: holt-winters, seasonal-naive",
            "holt-winters",
            "how it forecasts",
        ),
        key("season", "duration", "1d", "after which load repeats"),
        key("lead", "duration", "10m", "how far ahead it looks"),
        key(
            "target",
            "ratio",
            "65%",
            "CPU use over request that it plans for",
        ),
        key("min", "count", "1", "fewest replicas"),
        required("max", "count", "most replicas"),
    ],
};

/// `queueing`.
pub static QUEUEING: Table = Table {
    noun: "queueing",
    path: "scaling.NAME.queueing",
    keys: &[
        required(
            "target",
            "percentile and time",
            "such as `p95 under 50ms`, of the service's own processing",
        ),
        key("min", "count", "1", "fewest replicas"),
        required("max", "count", "most replicas"),
    ],
};
