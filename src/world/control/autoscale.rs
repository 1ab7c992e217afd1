//! Autoscalers at work: what they are shown, when, and what becomes of their wishes.

use super::Control;
use super::agenda::Event;
use crate::model::scaling::{HpaController, HpaObservation, ScalingRule};
use crate::model::{HpaSpec, Orchestrator};
use crate::units::{ClusterId, ServiceId, SimTime};
use crate::world::recorder::EventKind;

impl<'s> Control<'s> {
    /// The scaling rule of a service in a cluster; nothing scales on fixed hosts.
    pub(super) fn rule(&self, service: ServiceId, cluster: ClusterId) -> Option<&'s ScalingRule> {
        let place = self.scenario.cluster(cluster);
        if place.orchestrator == Orchestrator::FixedHosts {
            return None;
        }
        let placed = self.scenario.service(service).placed.get(cluster.index())?;
        let policy = placed.scaling.or(place.scaling)?;
        Some(&self.scenario.policy(policy).rule)
    }

    /// The autoscaler's spec of a service in a cluster, if it has one.
    pub(super) fn hpa(&self, service: ServiceId, cluster: ClusterId) -> Option<&'s HpaSpec> {
        match self.rule(service, cluster)? {
            ScalingRule::Hpa(spec) => Some(spec),
            ScalingRule::Static(_) | ScalingRule::Same => None,
        }
    }

    /// First sync of each cluster in which something scales.
    pub(super) fn start_autoscalers(&mut self) {
        for cluster in 0..self.scenario.clusters.len() {
            let cluster = ClusterId::from_index(cluster);
            let period = self.scenario.cluster(cluster).hpa_sync_period;
            let any = self
                .services()
                .any(|service| self.hpa(service, cluster).is_some());
            if any && period.0 > 0 {
                self.agenda
                    .add(SimTime::ZERO + period, Event::Autoscale(cluster));
            }
        }
    }

    /// Every service's id.
    pub(super) fn services(&self) -> impl Iterator<Item = ServiceId> + use<> {
        (0..self.scenario.services.len()).map(ServiceId::from_index)
    }

    pub(super) fn on_autoscale(&mut self, cluster: ClusterId) {
        let place = self.scenario.cluster(cluster);
        let controller = HpaController {
            tolerance: place.hpa_tolerance,
            downscale_stabilization: place.hpa_downscale_stabilization,
        };
        // The last interval of the pipeline that is over and can be read by now.
        let resolution = place.metrics_resolution.0.max(1);
        let readable =
            SimTime(self.now.0.saturating_sub(place.metrics_delay.0) / resolution * resolution);
        let from = SimTime(readable.0.saturating_sub(resolution));
        for service in self.services() {
            let Some(spec) = self.hpa(service, cluster) else {
                continue;
            };
            if self.hpa_is_frozen(service) {
                continue;
            }
            let at = self.at(service, cluster);
            let deployment = &self.deployments[at];
            let request = self.scenario.service(service).resources.cpu_request.cores();
            let used = self.history.cpu_cores_per_ready_pod(at, from, readable);
            let seen = HpaObservation {
                at: self.now,
                current: deployment.desired,
                ready: deployment.ready,
                unready: deployment.pending + deployment.starting,
                utilisation: used.filter(|_| request > 0.0).map(|cores| cores / request),
            };
            let wish = self.autoscalers[at].desired(spec, &controller, &seen);
            if wish != seen.current {
                let used = seen.utilisation.map_or("unknown".to_owned(), |used| {
                    format!("{:.0} %", used * 100.0)
                });
                let detail = format!(
                    "{} in {}: {} to {wish} replicas, CPU {used} of request, target {:.0} %",
                    self.scenario.service(service).name,
                    place.name,
                    seen.current,
                    spec.target_utilisation * 100.0
                );
                self.tell(
                    EventKind::Scaled,
                    None,
                    Some(service),
                    Some(f64::from(wish)),
                    detail,
                );
                self.set_desired(service, cluster, wish);
            }
        }
        self.agenda
            .add(self.now + place.hpa_sync_period, Event::Autoscale(cluster));
    }
}
