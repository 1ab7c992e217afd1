//! The keys of the scenario language, one table per kind of map: name, type, default, meaning, and whether
//! the capability behind it is built. Unknown and not-yet keys are found from these tables; the reference
//! and the schema are written from them. How a value is read is not said here (that is `lower`).

mod fault;
mod migration;
mod place;
mod pod;
mod policy;
mod program;
mod run;
mod scaling;
mod service;
mod traffic;
mod world;

pub use fault::{
    CLUSTER_FAULT, FAILING, FAULT, KINDS as FAULT_KINDS, LIMIT_FAULT, LINK_FAULT, NEIGHBOUR,
    NODE as FAULT_NODE, PART_FAULT, REGISTRY_FAULT, RELEASE, SLOW, ZONE as FAULT_ZONE,
};
pub use migration::{
    ALLOWED, CANARY, CANARY_STEP, CONSTRAINTS, DEADLINE, GATE, METHOD, MIGRATION, PLAN, PREPARE,
    WAVE,
};
pub use place::{LIMITS, LINK};
pub use pod::{
    AFFINITY, AFFINITY_RULES, CLUSTER_AUTOSCALER, CONTENTION, DEPLOY, DISRUPTION_BUDGET,
    EXPRESSION, LABEL_SELECTOR, PLACEMENT, POD_TERM, PROBE, QUOTA, ROLLING_UPDATE, SCHEDULER,
    SPREAD_CONSTRAINT, STRATEGY, TAINT, TOLERATION, UPGRADE_STRATEGY,
};
pub use policy::{
    BALANCE, BREAKER, BUDGET, CALL_POLICY, EJECTION, FAILURE_PERCENTAGE, HEDGE, RETRIES,
    SUCCESS_RATE, THROTTLE,
};
pub use program::{BRANCH, ENDPOINT, STEP};
pub use run::{RUN, RUN_LIMITS, RUN_ZOOM};
pub use scaling::{
    HPA, HPA_BEHAVIOR, HPA_METRIC, HPA_METRIC_NAME, HPA_RATE, HPA_RULES, HPA_SOURCE, HPA_TARGET,
    KEDA, KEDA_ADVANCED, KEDA_FALLBACK, KEDA_HPA, KEDA_TRIGGER, PREDICTIVE, QUEUEING, SCALING,
    SCHEDULED,
};
pub use service::{CACHE, CONNECTIONS, CPU, LIFECYCLE, QUEUE, RESOLVE, RESOURCES, SERVICE, WARMUP};
pub use traffic::{
    ABANDON, ARRIVALS, BREACH, BURSTS, DAILY, HOURLY, JOURNEY, LEVEL, LOAD, RAMP, RENEWAL, REPLAY,
    SERIES, SHAPE, SPIKE, TASK,
};
pub use world::{
    CALENDAR, CLUSTER, CLUSTER_HPA, DEFAULTS, FREEZE, MACHINE, METRICS, OBJECTIVE, OUTPUT, POOL,
    PROCESSOR, PROVENANCE, ROOT, RULE, TEAM, TRACES,
};

/// One key of a map.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As written.
    pub name: &'static str,
    /// Type in words: `duration`, `one of: ...`, `map of clusters`.
    pub kind: &'static str,
    /// Default as it would be written; empty: none.
    pub default: &'static str,
    /// Meaning, one sentence.
    pub doc: &'static str,
    /// Whether the capability is built; others are refused by name.
    pub built: bool,
    /// Must be written.
    pub required: bool,
    /// Known in a pasted block, but not simulated: a warning.
    pub ignored: bool,
}

/// The keys of one kind of map.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// What the map describes: `service`, `run`.
    pub noun: &'static str,
    /// Where such maps stand: `services.NAME`.
    pub path: &'static str,
    /// Its keys in the order of the reference.
    pub keys: &'static [Key],
}

impl Table {
    /// The key with that name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// Every table, in the order of the reference.
pub static TABLES: &[&Table] = &[
    &ROOT,
    &RUN,
    &RUN_LIMITS,
    &RUN_ZOOM,
    &PROVENANCE,
    &CLUSTER,
    &POOL,
    &CONTENTION,
    &TAINT,
    &MACHINE,
    &SCHEDULER,
    &CLUSTER_AUTOSCALER,
    &QUOTA,
    &DEPLOY,
    &PROCESSOR,
    &CLUSTER_HPA,
    &METRICS,
    &LIMITS,
    &LINK,
    &CALENDAR,
    &FREEZE,
    &TEAM,
    &DEFAULTS,
    &RULE,
    &SERVICE,
    &CPU,
    &RESOURCES,
    &QUEUE,
    &CONNECTIONS,
    &RESOLVE,
    &CACHE,
    &WARMUP,
    &LIFECYCLE,
    &PROBE,
    &STRATEGY,
    &ROLLING_UPDATE,
    &DISRUPTION_BUDGET,
    &PLACEMENT,
    &TOLERATION,
    &AFFINITY,
    &AFFINITY_RULES,
    &POD_TERM,
    &SPREAD_CONSTRAINT,
    &LABEL_SELECTOR,
    &EXPRESSION,
    &ENDPOINT,
    &STEP,
    &BRANCH,
    &CALL_POLICY,
    &RETRIES,
    &BUDGET,
    &THROTTLE,
    &HEDGE,
    &BREAKER,
    &EJECTION,
    &SUCCESS_RATE,
    &FAILURE_PERCENTAGE,
    &BALANCE,
    &JOURNEY,
    &BREACH,
    &LOAD,
    &SHAPE,
    &DAILY,
    &RAMP,
    &LEVEL,
    &SPIKE,
    &HOURLY,
    &SERIES,
    &ARRIVALS,
    &RENEWAL,
    &BURSTS,
    &ABANDON,
    &REPLAY,
    &TASK,
    &SCALING,
    &HPA,
    &HPA_METRIC,
    &HPA_BEHAVIOR,
    &HPA_RULES,
    &HPA_RATE,
    &KEDA,
    &KEDA_TRIGGER,
    &SCHEDULED,
    &PREDICTIVE,
    &QUEUEING,
    &MIGRATION,
    &METHOD,
    &CANARY,
    &CANARY_STEP,
    &GATE,
    &PREPARE,
    &CONSTRAINTS,
    &DEADLINE,
    &ALLOWED,
    &PLAN,
    &WAVE,
    &OBJECTIVE,
    &FAULT,
    &FAULT_NODE,
    &FAULT_ZONE,
    &CLUSTER_FAULT,
    &LINK_FAULT,
    &PART_FAULT,
    &REGISTRY_FAULT,
    &NEIGHBOUR,
    &SLOW,
    &FAILING,
    &RELEASE,
    &LIMIT_FAULT,
    &OUTPUT,
    &TRACES,
];

/// A key that is built.
const fn key(
    name: &'static str,
    kind: &'static str,
    default: &'static str,
    doc: &'static str,
) -> Key {
    Key {
        name,
        kind,
        default,
        doc,
        built: true,
        required: false,
        ignored: false,
    }
}

/// A key that is built and must be written.
const fn required(name: &'static str, kind: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        default: "",
        doc,
        built: true,
        required: true,
        ignored: false,
    }
}

/// A key of the language whose capability is not built yet.
const fn later(name: &'static str, kind: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        default: "",
        doc,
        built: false,
        required: false,
        ignored: false,
    }
}

/// A key of a pasted block that is read over with a warning.
const fn ignored(name: &'static str, kind: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        default: "",
        doc,
        built: true,
        required: false,
        ignored: true,
    }
}

/// Free text that any named thing may carry.
const TITLE: Key = key("title", "text", "", "free text for headings");
/// Free text that any named thing may carry.
const NOTES: Key = key("notes", "text", "", "free text");

#[cfg(test)]
mod tests {
    use super::TABLES;

    #[test]
    fn no_table_names_a_key_twice_and_every_key_has_a_meaning() {
        for table in TABLES {
            for (position, key) in table.keys.iter().enumerate() {
                assert!(
                    table.keys[..position]
                        .iter()
                        .all(|other| other.name != key.name),
                    "{} {}",
                    table.noun,
                    key.name
                );
                assert!(
                    !key.doc.is_empty() && !key.kind.is_empty(),
                    "{} {}",
                    table.noun,
                    key.name
                );
            }
        }
    }

    #[test]
    fn no_key_is_a_boolean_word_of_yaml() {
        for key in TABLES.iter().flat_map(|table| table.keys) {
            assert!(!["on", "off", "yes", "no", "y", "n", "true", "false"].contains(&key.name));
        }
    }
}
