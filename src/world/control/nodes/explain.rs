//! Why a pod is Pending, in kube-scheduler's words.

use super::scheduling::Binding;
use super::{Fleet, NodeState, Nodes};
use crate::model::Limits;
use crate::units::{ClusterId, ServiceId};

impl Nodes {
    /// As `kubectl describe pod` shows it: each node's first failing filter, counted, sorted as text.
    pub fn explain(&self, cluster: ClusterId, service: ServiceId) -> String {
        self.fleet(cluster).explain(service)
    }
}

impl Fleet {
    fn explain(&self, service: ServiceId) -> String {
        if self.placed >= self.most_pods {
            return self.full.clone();
        }
        if self.held == 0 {
            return "no nodes available to schedule pods".to_owned();
        }
        let asked = &self.prepared[service.index()];
        let mut tallies = Vec::new();
        let bindings = self.bindings(service, &mut tallies, None);
        let mut counted: Vec<(String, u32)> = Vec::new();
        let mut count = |what: &str| match counted.iter_mut().find(|(known, _)| known == what) {
            Some((_, nodes)) => *nodes += 1,
            None => counted.push((what.to_owned(), 1)),
        };
        let mut nodes = 0;
        for node in 0..self.state.len() {
            match self.state[node] {
                NodeState::Absent | NodeState::Booting => continue,
                NodeState::Cordoned => count("node(s) were unschedulable"),
                NodeState::Down => {
                    count("node(s) had untolerated taint {node.kubernetes.io/unreachable: }");
                }
                NodeState::Ready => {
                    let full = self.free_pods[node] == 0;
                    let no_cpu = asked.cpu > self.free_cpu[node];
                    let no_memory = asked.memory > self.free_memory[node];
                    if let Some(reason) = &asked.refused[self.class_of[node] as usize] {
                        count(reason);
                    } else if full || no_cpu || no_memory {
                        if full {
                            count("Too many pods");
                        }
                        if no_cpu {
                            count("Insufficient cpu");
                        }
                        if no_memory {
                            count("Insufficient memory");
                        }
                    } else {
                        let failing = bindings
                            .iter()
                            .find(|one| !self.satisfies(one, node, &tallies));
                        count(match failing {
                            Some(Binding::Skew { .. }) => {
                                "node(s) didn't match pod topology spread constraints"
                            }
                            Some(Binding::With { .. }) => "node(s) didn't match pod affinity rules",
                            Some(Binding::Without { own: true, .. }) => {
                                "node(s) didn't match pod anti-affinity rules"
                            }
                            Some(Binding::Without { own: false, .. }) => {
                                "node(s) didn't satisfy existing pods anti-affinity rules"
                            }
                            // Room came free since.
                            None => continue,
                        });
                    }
                }
            }
            nodes += 1;
        }
        let mut reasons: Vec<String> = counted
            .iter()
            .map(|(what, nodes)| format!("{nodes} {what}"))
            .collect();
        reasons.sort();
        format!("0/{nodes} nodes are available: {}.", reasons.join(", "))
    }
}

/// Most pods with a node, and why a pod more finds none.
pub(super) fn most_pods(limits: &Limits) -> (u32, String) {
    let (pods, containers) = (limits.pods, limits.containers);
    match limits.ips {
        Some(ips) if ips <= pods.min(containers) => (
            ips,
            format!(
                "failed to assign an IP address: all {ips} of the cluster are in use (ips: {ips})"
            ),
        ),
        _ if pods <= containers => (
            pods,
            format!("the cluster has its {pods} pods (pods: {pods})"),
        ),
        _ => (
            containers,
            format!("the cluster has its {containers} containers (containers: {containers})"),
        ),
    }
}
