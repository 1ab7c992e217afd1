//! What a policy is shown, and what it answers.

use super::hpa::pods::{PodGroup, PodSample};
use crate::units::SimTime;

/// State of one service in one cluster, as the controller can know it at a sync: pods now, metrics of the last
/// interval of the pipeline that can be read. The buffers are reused from sync to sync.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// Now.
    pub at: SimTime,
    /// Replicas wished for until now (`spec.replicas`).
    pub current: u32,
    /// Pods that exist and are not on their way out (`status.replicas`).
    pub status: u32,
    /// Ready pods.
    pub ready: u32,
    /// Pods, in groups of equals.
    pub pods: Vec<PodGroup>,
    /// Samples by `column * pods.len() + pod`; columns are the rule's readings. Rows of columns that are not
    /// read per pod are there and empty. May be shorter when trailing columns are not read per pod.
    pub samples: Vec<Option<PodSample>>,
    /// Samples of pods that are not in the list (gone since), each of one pod, in thousandths.
    pub strangers: Vec<i64>,
    /// Values by column, in thousandths; `None`: cannot be read.
    pub values: Vec<Option<i64>>,
    /// Requests a second that reached the service here; `None`: unknown.
    pub rate: Option<f64>,
    /// CPU that it used, cores; `None`: unknown.
    pub cores: Option<f64>,
    /// What one replica is, for formulas.
    pub server: Server,
}

impl Observation {
    /// The samples of a column; none where that column is not read per pod.
    #[must_use]
    pub fn samples_of(&self, column: usize) -> &[Option<PodSample>] {
        let pods = self.pods.len();
        self.samples
            .get(column * pods..(column + 1) * pods)
            .unwrap_or(&[])
    }
}

/// One replica as a queueing station.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Server {
    /// CPU request, cores.
    pub request_cores: f64,
    /// Requests that it works on at once at full speed.
    pub servers: u32,
    /// Speed relative to nominal on the nodes of the cluster.
    pub speed: f64,
    /// Squared coefficient of variation of the work of a request.
    pub squared_variation: f64,
    /// How requests are spread.
    pub spread: Spread,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            request_cores: 1.0,
            servers: 1,
            speed: 1.0,
            squared_variation: 1.0,
            spread: Spread::Random,
        }
    }
}

/// How requests are spread over replicas.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spread {
    /// Uniformly (round-robin is a little better, and held for the same).
    Random,
    /// To the less loaded of two.
    TwoChoices,
    /// All wait in one queue.
    Pooled,
}

/// What a policy answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Replicas.
    pub replicas: u32,
    /// Why, in a word or the reason of a condition.
    pub why: &'static str,
}

impl Wish {
    /// So many, for that reason.
    #[must_use]
    pub fn new(replicas: u32, why: &'static str) -> Self {
        Self { replicas, why }
    }
}
