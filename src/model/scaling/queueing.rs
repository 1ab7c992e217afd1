//! `queueing`: the fewest replicas that keep a target of processing time, by the formula that fits the balancer.
//!
//! `random`: each replica is an M/G/c station of its own with its share of the arrivals. `least-request`: the
//! mean field of the choice of the less loaded of two. A shared queue: one M/G/c station with the servers of all
//! replicas. The load and the work of a request are those measured in the last interval; time that a request
//! waits for its callees is not part of the target. Good when demand is steady within a pod's start-up. What is measured
//! has noise: pods are taken away with the patience of an autoscaler, and a target needs room for what comes between
//! two looks.

use super::patience::Patience;
use super::{HpaController, Observation, Rule, Spread, Wish};
use crate::queueing::{pooled_sojourn_quantile, two_choice_sojourn_quantile};

/// A target and its bounds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Queueing {
    /// Share of requests that have to be in time, 0 to 1 (0.95 for `p95`).
    pub ratio: f64,
    /// In which time they are done, seconds.
    pub seconds: f64,
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
}

impl Queueing {
    /// Time within which `ratio` of the requests are done with `replicas`, seconds.
    fn quantile(&self, replicas: u32, rate: f64, work: f64, seen: &Observation) -> f64 {
        let server = &seen.server;
        let n = f64::from(replicas);
        let service = work / server.speed;
        let scv = server.squared_variation;
        match server.spread {
            Spread::Random => {
                pooled_sojourn_quantile(server.servers, rate / n, service, scv, self.ratio)
            }
            Spread::TwoChoices => {
                two_choice_sojourn_quantile(server.servers, rate / n, service, scv, self.ratio)
            }
            Spread::Pooled => {
                let servers = server.servers.saturating_mul(replicas);
                pooled_sojourn_quantile(servers, rate, service, scv, self.ratio)
            }
        }
    }
}

impl Queueing {
    /// The fewest that keep the target by what is seen now, and in short why; `None` without metrics.
    fn fewest(&self, seen: &Observation) -> Option<(u32, &'static str)> {
        let (rate, cores) = (seen.rate?, seen.cores?);
        if rate <= 0.0 {
            return Some((self.min, "no load"));
        }
        // CPU time is that on the cluster's nodes; the formula takes it back to nominal speed itself.
        let work = cores / rate * seen.server.speed;
        let keeps = |replicas| self.quantile(replicas, rate, work, seen) <= self.seconds;
        if !keeps(self.max) {
            return Some((self.max, "target out of reach"));
        }
        // More replicas never take longer: bisection between one that fails and one that keeps.
        let (mut fails, mut holds) = (self.min.max(1) - 1, self.max);
        while holds - fails > 1 {
            let middle = fails + (holds - fails) / 2;
            if keeps(middle) {
                holds = middle;
            } else {
                fails = middle;
            }
        }
        Some((holds.max(self.min), "fewest that keep the target"))
    }
}

impl Rule for Queueing {
    type Memory = Patience;

    fn memory(&self) -> Patience {
        Patience::default()
    }

    fn bounds(&self) -> (u32, u32) {
        (self.min, self.max)
    }

    fn desired(
        &self,
        memory: &mut Patience,
        controller: &HpaController,
        seen: &Observation,
    ) -> Wish {
        let Some((fewest, why)) = self.fewest(seen) else {
            return Wish::new(seen.current.clamp(self.min, self.max), "no metrics");
        };
        let held = memory.follow(fewest, seen.current, controller, seen.at);
        let why = if held > fewest {
            "more were needed a moment ago"
        } else {
            why
        };
        Wish::new(held.clamp(self.min, self.max), why)
    }
}
