//! How fast a pod works and how often it fails: node, crowd, neighbours, slow dependencies, bad versions.

use super::Control;
use super::nodes::Placement;
use super::pods::Phase;
use crate::model::fault::FaultKind;
use crate::units::{ClusterId, ServiceId};
use crate::world::contract::Command;

impl Control<'_> {
    /// Processing rate of a pod relative to nominal, besides warming: its node's speed and crowd, neighbours,
    /// slow dependencies, a bad version.
    pub(super) fn rate_of(&self, pod: usize) -> f64 {
        let facts = &self.pods[pod];
        let placement = facts.placement.unwrap_or(Placement::Anywhere);
        let mut rate = self.nodes.speed(facts.cluster, placement);
        let pool = match placement {
            Placement::Anywhere => None,
            Placement::Node(node) => {
                rate *= self.crowds.factor(pod);
                Some(self.nodes.address(facts.cluster, node).0)
            }
        };
        for kind in self.running() {
            match kind {
                FaultKind::Neighbour {
                    cluster,
                    pool: hit,
                    slowdown,
                } if *cluster == facts.cluster && Some(*hit) == pool => rate *= 1.0 - slowdown,
                FaultKind::Slow { service, factor } if *service == facts.service => rate /= factor,
                _ => {}
            }
        }
        match self.faults.flaws.get(&(facts.service, facts.revision)) {
            Some(flaw) => rate / flaw.work,
            None => rate,
        }
    }

    /// Chance that a request at a pod fails, besides its endpoint's own errors.
    pub(super) fn errors_of(&self, pod: usize) -> f64 {
        let facts = &self.pods[pod];
        let flaw = self.faults.flaws.get(&(facts.service, facts.revision));
        let mut fine = 1.0 - flaw.map_or(0.0, |flaw| flaw.errors);
        for kind in self.running() {
            if let FaultKind::Failing { service, errors } = kind
                && *service == facts.service
            {
                fine *= 1.0 - errors;
            }
        }
        1.0 - fine
    }

    pub(super) fn refresh_service(&mut self, service: ServiceId) {
        for cluster in 0..self.scenario.clusters.len() {
            let at = self.at(service, ClusterId::from_index(cluster));
            for pod in self.deployments[at].pods.clone() {
                self.refresh_pod(pod);
            }
        }
    }

    pub(super) fn refresh_node(&mut self, cluster: ClusterId, node: usize) {
        for pod in self.pods_on(cluster, node) {
            self.refresh_pod(pod);
        }
    }

    /// Tells the data plane of a pod's rate and errors where they changed.
    pub(super) fn refresh_pod(&mut self, pod: usize) {
        let Some(replica) = self.pods[pod].replica else {
            self.refresh_run(pod);
            return;
        };
        if matches!(self.pods[pod].phase, Phase::Lost | Phase::Gone) {
            return;
        }
        let (rate, errors) = (self.rate_of(pod), self.errors_of(pod));
        let facts = &mut self.pods[pod];
        if (facts.rate - rate).abs() > 1e-9 {
            facts.rate = rate;
            self.commands.push(Command::SetRate {
                replica,
                speed: rate,
            });
        }
        if (facts.errors - errors).abs() > 1e-12 {
            facts.errors = errors;
            self.commands.push(Command::SetErrors {
                replica,
                ratio: errors,
            });
        }
    }
}
