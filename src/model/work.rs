//! Jobs and ephemeral environments: what comes, needs room for a while, and goes.
//!
//! They meet the control plane only: their pods take room, images and launches like any other, and serve no
//! requests. A job is a directed acyclic graph of tasks; an environment is a set of services that lives for a time.

use crate::model::{Distribution, Load, Service};
use crate::units::{ClusterId, ServiceId, SimDuration};

/// A source of jobs or environments.
#[derive(Clone, Debug)]
pub struct Work {
    /// DNS-1123 label.
    pub name: String,
    /// When they come: base number, arrivals and shape of an open load. Its actions are not read.
    pub load: Load,
    /// What comes.
    pub kind: WorkKind,
}

/// What a source brings.
#[derive(Clone, Debug)]
pub enum WorkKind {
    /// Jobs, each of the same tasks.
    Jobs {
        /// In an order in which each stands after those it waits for.
        tasks: Vec<Task>,
        /// From a job's arrival until it is due.
        deadline: Option<SimDuration>,
    },
    /// Environments.
    Environments {
        /// Where they are made.
        cluster: ClusterId,
        /// Services that they are copies of: when all of them are served by the migration's target, environments are
        /// made there too. None: they stay.
        follows: Vec<ServiceId>,
        /// From creation until they are torn down, ready or not.
        life: Distribution,
        /// One pod of each.
        services: Vec<ServiceId>,
    },
}

/// A step of a job: pods that each do some work and end.
#[derive(Clone, Debug)]
pub struct Task {
    /// Unique in its job.
    pub name: String,
    /// What its pods are; of several services each job draws one.
    pub services: Vec<ServiceId>,
    /// CPU time of each pod, seconds. The pods of a gang do the same work in lock step.
    pub work: Distribution,
    /// Number of pods, at least 1.
    pub parallelism: u32,
    /// All pods are placed together or none is, and when one is lost all start again.
    pub gang: bool,
    /// Positions of the tasks that must have ended.
    pub after: Vec<usize>,
}

impl Work {
    /// Tasks of a job; none for environments.
    #[must_use]
    pub fn tasks(&self) -> &[Task] {
        match &self.kind {
            WorkKind::Jobs { tasks, .. } => tasks,
            WorkKind::Environments { .. } => &[],
        }
    }
}

impl Service {
    /// Cores that one pod of a job's task keeps busy: as many as its limit and its processor let it.
    #[must_use]
    pub fn batch_cores(&self) -> f64 {
        let cores = f64::from(self.processor.cores);
        self.resources
            .cpu_limit
            .map_or(cores, |limit| limit.cores().min(cores))
    }
}
