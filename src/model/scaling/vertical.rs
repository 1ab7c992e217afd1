//! `vertical`: how much CPU a pod should request, after the Vertical Pod Autoscaler's recommender.
//!
//! A histogram of the CPU of a pod, in buckets that grow by 5 %, whose weights halve each day; the target is a
//! percentile with a margin. The range in which a request is left alone is that from the median to the 95th
//! percentile, widened while history is short, as upstream: x (1 + 0.001 / days)^-2 and x (1 + 1 / days).
//! Reference: kubernetes/autoscaler, vertical-pod-autoscaler/pkg/recommender/logic.
//! Not modelled: memory, checkpoints, the eviction rate limiter.

use crate::units::{Cpu, SimTime};

/// First bucket, cores.
const FIRST: f64 = 0.01;
const GROWTH: f64 = 1.05;
/// Buckets up to about 1,000 cores.
const BUCKETS: usize = 176;
/// Weights halve in this time, seconds.
const HALF_LIFE: f64 = 86_400.0;
/// Least recommendation, millicores.
const LEAST: u64 = 25;

/// What it may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VerticalMode {
    /// New pods get the recommended request.
    Initial,
    /// Pods out of range are replaced too.
    Recreate,
    /// It only recommends.
    Off,
}

/// A recommender.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Vertical {
    /// Of the CPU of a pod, 0 to 1.
    pub percentile: f64,
    /// Added to it.
    pub margin: f64,
    /// What it may do.
    pub mode: VerticalMode,
}

/// What it remembers.
#[derive(Clone, Debug)]
pub struct VerticalMemory {
    weights: Vec<f64>,
    total: f64,
    first: Option<SimTime>,
    last: SimTime,
}

impl Default for VerticalMemory {
    fn default() -> Self {
        Self {
            weights: vec![0.0; BUCKETS],
            total: 0.0,
            first: None,
            last: SimTime::ZERO,
        }
    }
}

/// A recommendation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recommendation {
    /// What to request.
    pub target: Cpu,
    /// Below this a pod is replaced.
    pub lower: Cpu,
    /// Above this a pod is replaced.
    pub upper: Cpu,
}

impl Vertical {
    /// Takes in the CPU of one of `pods` alike, and says what to request; `None` before the first sample.
    pub fn recommend(
        &self,
        memory: &mut VerticalMemory,
        at: SimTime,
        cores_per_pod: Option<f64>,
        pods: u32,
    ) -> Option<Recommendation> {
        if let Some(cores) = cores_per_pod.filter(|_| pods > 0) {
            memory.add(at, cores, f64::from(pods));
        }
        let first = memory.first?;
        let days = (at.since(first).seconds() / 86_400.0).max(1.0 / 1440.0);
        let with_margin = |ratio: f64| memory.percentile(ratio) * (1.0 + self.margin);
        let shrink = 1.0 + 0.001 / days;
        let cpu = |cores: f64| Cpu(((cores * 1000.0).ceil() as u64).max(LEAST));
        Some(Recommendation {
            target: cpu(with_margin(self.percentile)),
            lower: cpu(with_margin(0.5) / (shrink * shrink)),
            upper: cpu(with_margin(0.95) * (1.0 + 1.0 / days)),
        })
    }
}

impl VerticalMemory {
    fn add(&mut self, at: SimTime, cores: f64, pods: f64) {
        self.first.get_or_insert(at);
        let fade = libm::exp2(-at.since(self.last).seconds() / HALF_LIFE);
        self.last = at;
        for weight in &mut self.weights {
            *weight *= fade;
        }
        self.weights[bucket(cores)] += pods;
        self.total = self.total * fade + pods;
    }

    /// Upper end of the bucket that holds that share of the weight, cores.
    fn percentile(&self, ratio: f64) -> f64 {
        let mut below = 0.0;
        for (index, weight) in self.weights.iter().enumerate() {
            below += weight;
            if below >= ratio * self.total {
                return start(index + 1);
            }
        }
        start(BUCKETS)
    }
}

/// Start of a bucket, cores: FIRST x (GROWTH^n - 1) / (GROWTH - 1).
fn start(index: usize) -> f64 {
    FIRST * (libm::pow(GROWTH, index as f64) - 1.0) / (GROWTH - 1.0)
}

fn bucket(cores: f64) -> usize {
    let index = libm::log(cores.max(0.0) * (GROWTH - 1.0) / FIRST + 1.0) / libm::log(GROWTH);
    (index as usize).min(BUCKETS - 1)
}
