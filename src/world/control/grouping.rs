//! Pods of a deployment as an autoscaler sees them: the old ready ones as one group, the others one by one.

use super::Control;
use super::pods::Phase;
use crate::model::scaling::hpa::pods::{Moment, PodGroup, PodPhase};
use crate::units::{ClusterId, ServiceId, SimTime};

impl Control<'_> {
    /// Adds the pods of the deployment at `at`. Cost: one step, or the number of its pods while some of them are
    /// young or not ready.
    pub(super) fn group_pods(
        &self,
        service: ServiceId,
        at: usize,
        cluster: ClusterId,
        groups: &mut Vec<PodGroup>,
    ) {
        let resources = &self.scenario.service(service).resources;
        let deployment = &self.deployments[at];
        let old = PodGroup {
            pods: deployment.ready,
            phase: PodPhase::Running,
            deleting: false,
            ready: Some(true),
            ready_changed: Moment::LONG_AGO,
            started: Some(Moment::LONG_AGO),
            cpu_request: i64::try_from(resources.cpu_request.0).ok(),
            memory_request: i64::try_from(resources.memory_request.0 * 1000).ok(),
        };
        let settled = self.scenario.cluster(cluster).hpa.cpu_initialization_period
            + self.scenario.cluster(cluster).metrics_resolution
            + self.scenario.cluster(cluster).metrics_resolution
            + self.scenario.cluster(cluster).metrics_delay;
        let is_old = |since: SimTime| self.now.since(since) > settled;
        if deployment.ready == deployment.staying() && deployment.youngest.is_none_or(is_old) {
            if old.pods > 0 {
                groups.push(old);
            }
            return;
        }
        let mut count = 0;
        for pod in deployment.pods.iter().map(|pod| &self.pods[*pod]) {
            let phase = match pod.phase {
                Phase::Ready if pod.ready_at.is_none_or(is_old) => {
                    count += 1;
                    continue;
                }
                Phase::Pending => PodPhase::Pending,
                Phase::Starting | Phase::Ready | Phase::Lost => PodPhase::Running,
                Phase::Terminating | Phase::Gone => continue,
            };
            let ready = pod.phase == Phase::Ready;
            let started = pod.scheduled_at.map(Moment::from);
            groups.push(PodGroup {
                pods: 1,
                phase,
                ready: Some(ready),
                ready_changed: pod
                    .ready_at
                    .map(Moment::from)
                    .or(started)
                    .unwrap_or(Moment::LONG_AGO),
                started,
                ..old
            });
        }
        if count > 0 {
            groups.push(PodGroup { pods: count, ..old });
        }
    }
}
