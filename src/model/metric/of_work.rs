//! Metrics of jobs and environments alone.

use super::{Dimension, Direction, MergeRule, Metric, SubjectKind};

/// `ended`.
pub(super) const ENDED: Metric = Metric {
    name: "ended",
    unit: "jobs",
    dimension: Dimension::Count,
    meaning: "Jobs that ended, or environments that were torn down.",
    better: Direction::Neither,
    subjects: &[SubjectKind::Load],
    merge: MergeRule::Mean,
    by_cluster: false,
    by_time: true,
};
/// `alive`.
pub(super) const ALIVE: Metric = Metric {
    name: "alive",
    unit: "jobs",
    dimension: Dimension::Count,
    meaning: "Jobs or environments that have come and not gone, on average over time.",
    better: Direction::Neither,
    subjects: &[SubjectKind::Load],
    merge: MergeRule::Mean,
    by_cluster: false,
    by_time: true,
};
/// `deadline_misses`.
pub(super) const DEADLINE_MISSES: Metric = Metric {
    name: "deadline_misses",
    unit: "ratio",
    dimension: Dimension::Ratio,
    meaning: "Of jobs whose deadline came, the share that had not ended by then.",
    better: Direction::Lower,
    subjects: &[SubjectKind::Load],
    merge: MergeRule::Mean,
    by_cluster: false,
    by_time: true,
};
/// `room_wait`.
pub(super) const ROOM_WAIT: Metric = Metric {
    name: "room_wait",
    unit: "s",
    dimension: Dimension::Time,
    meaning: "Mean time until all pods of a task, or of an environment, have a node.",
    better: Direction::Lower,
    subjects: &[SubjectKind::Load],
    merge: MergeRule::Mean,
    by_cluster: false,
    by_time: true,
};
/// `gang_wait`.
pub(super) const GANG_WAIT: Metric = Metric {
    name: "gang_wait",
    unit: "s",
    dimension: Dimension::Time,
    meaning: "The same of gangs only.",
    better: Direction::Lower,
    subjects: &[SubjectKind::Load],
    merge: MergeRule::Mean,
    by_cluster: false,
    by_time: true,
};
/// `no_room`.
pub(super) const NO_ROOM: Metric = Metric {
    name: "no_room",
    unit: "ratio",
    dimension: Dimension::Ratio,
    meaning: "Of environments that were torn down, the share that was never ready.",
    better: Direction::Lower,
    subjects: &[SubjectKind::Load],
    merge: MergeRule::ZeroHeavy,
    by_cluster: false,
    by_time: true,
};
/// `cores`.
pub(super) const CORES: Metric = Metric {
    name: "cores",
    unit: "cores",
    dimension: Dimension::Count,
    meaning: "Cores that the pods of jobs or environments asked for while they had a node, on average over time.",
    better: Direction::Neither,
    subjects: &[SubjectKind::Load],
    merge: MergeRule::Mean,
    by_cluster: false,
    by_time: true,
};
/// `cpu_hours`.
pub(super) const CPU_HOURS: Metric = Metric {
    name: "cpu_hours",
    unit: "core-hours",
    dimension: Dimension::Count,
    meaning: "The same, integrated.",
    better: Direction::Lower,
    subjects: &[SubjectKind::Load],
    merge: MergeRule::Mean,
    by_cluster: false,
    by_time: true,
};
/// `lost_work`.
pub(super) const LOST_WORK: Metric = Metric {
    name: "lost_work",
    unit: "CPU-s",
    dimension: Dimension::Time,
    meaning: "CPU time of work that was lost with its pod: evicted, or its node broke.",
    better: Direction::Lower,
    subjects: &[SubjectKind::Load],
    merge: MergeRule::ZeroHeavy,
    by_cluster: false,
    by_time: true,
};
