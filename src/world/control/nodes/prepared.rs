//! What the scheduler needs of services and nodes, worked out once: which classes of nodes a service's pods may
//! use, domains of every label that some pod names, constraints with their services.

use crate::model::placement::{
    ABSENT, Domains, HOSTNAME, Placing, PodTerm, SCORED_CPU, SCORED_MEMORY, Score,
    SpreadConstraint, Taint, TaintEffect, ZONE, skips_balance, untolerated,
};
use crate::model::{Cluster, Contention, Orchestrator, Scenario};
use crate::units::ServiceId;

/// Nodes that differ in nothing but their name: one pool in one zone.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub pool: usize,
    pub zone: usize,
    pub cpu: u64,
    pub memory: u64,
    pub pods: u32,
    pub speed: f64,
    pub price_per_second: f64,
    pub contention: Contention,
    pub labels: Vec<(String, String)>,
    pub taints: Vec<Taint>,
    /// Slots of its pool that are held from the start.
    pub starts: std::ops::Range<usize>,
}

/// Classes, and the class of each node. A pool's nodes take turns over its zones.
pub(super) fn classes(scenario: &Scenario, cluster: &Cluster) -> (Vec<Class>, Vec<u32>) {
    let (mut classes, mut class_of): (Vec<Class>, Vec<u32>) = (Vec::new(), Vec::new());
    let mut left = cluster.limits.nodes;
    for (index, pool) in cluster.pools.iter().enumerate() {
        let machine = &scenario.machines[pool.machine.index()];
        let (first_node, first_class) = (class_of.len(), classes.len());
        let least = pool.nodes.min(left);
        left -= least;
        for zone in &pool.zones {
            let mut labels = pool.labels.clone();
            labels.push((ZONE.to_owned(), cluster.zones[*zone].clone()));
            classes.push(Class {
                pool: index,
                zone: *zone,
                cpu: machine.cpu.0,
                memory: machine.memory.0,
                pods: machine.pods.min(cluster.limits.pods_per_node),
                speed: machine.speed,
                price_per_second: machine.price_per_hour / 3600.0,
                contention: pool.contention,
                labels,
                taints: pool.taints.clone(),
                starts: first_node..first_node + least as usize,
            });
        }
        // Without an autoscaler nobody ever asks for the others.
        let slots = if cluster.node_autoscaler.is_some() {
            pool.max_nodes.max(least)
        } else {
            least
        };
        for node in 0..slots as usize {
            let class = first_class + node % pool.zones.len().max(1);
            class_of.push(u32::try_from(class).expect("few pools"));
        }
    }
    (classes, class_of)
}

/// A set of pods in a domain: position of the label among the fleet's, services.
#[derive(Clone, Debug)]
pub(super) struct Near {
    pub domains: usize,
    pub services: Vec<ServiceId>,
}

/// A spread constraint.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    pub near: Near,
    pub max_skew: u32,
    pub min_domains: Option<u32>,
    /// Whether the service's own pods are counted.
    pub counts_itself: bool,
    /// By class: whether its nodes have domains.
    pub counted: Vec<bool>,
    /// Whether nodes that take no new pods have none.
    pub only_ready: bool,
}

/// What a service's pods ask for.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub cpu: u64,
    pub memory: u64,
    pub scored_cpu: u64,
    pub scored_memory: u64,
    /// By class: `None` when its nodes may be used, else why not.
    pub refused: Vec<Option<String>>,
    /// By class: sum of weights of preferred node terms that match.
    pub preferred: Vec<u64>,
    /// By class: taints that had better be avoided.
    pub avoided: Vec<u64>,
    pub required_spread: Vec<Spread>,
    pub scored_spread: Vec<Spread>,
    pub pods_required: Vec<(Near, bool)>,
    pub pods_excluded: Vec<Near>,
    /// Pods whose own anti-affinity keeps this service's pods out of their domain.
    pub excluded_by: Vec<Near>,
    pub pods_preferred: Vec<(i64, Near)>,
    pub scores: Scores,
    pub sampled: bool,
    /// Number among the distinct requests: pods that ask for the same have the same scores of room.
    pub shape: usize,
}

/// Which scores are summed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scores {
    pub least: bool,
    pub most: bool,
    pub balanced: bool,
    pub spread: bool,
}

/// Domains of labels, built as they are named.
struct Labels<'a> {
    classes: &'a [Class],
    class_of: &'a [u32],
    known: Vec<(String, Domains)>,
}

impl Labels<'_> {
    fn position(&mut self, key: &str) -> usize {
        if let Some(place) = self.known.iter().position(|(known, _)| known == key) {
            return place;
        }
        let domains = if key == HOSTNAME {
            Domains {
                of_node: (0..self.class_of.len() as u32).collect(),
                count: self.class_of.len(),
            }
        } else {
            let mut values: Vec<&str> = Vec::new();
            let of_class: Vec<u32> = self
                .classes
                .iter()
                .map(|class| {
                    let found = class.labels.iter().find(|(label, _)| label == key);
                    found.map_or(ABSENT, |(_, value)| {
                        let place = values.iter().position(|known| known == value);
                        place.unwrap_or_else(|| {
                            values.push(value);
                            values.len() - 1
                        }) as u32
                    })
                })
                .collect();
            Domains {
                of_node: self
                    .class_of
                    .iter()
                    .map(|class| of_class[*class as usize])
                    .collect(),
                count: values.len(),
            }
        };
        self.known.push((key.to_owned(), domains));
        self.known.len() - 1
    }

    fn near(&mut self, services: &[ServiceId], key: &str) -> Near {
        Near {
            domains: self.position(key),
            services: services.to_vec(),
        }
    }

    fn term(&mut self, term: &PodTerm) -> Near {
        self.near(&term.services, &term.topology_key)
    }

    fn spread(
        &mut self,
        service: ServiceId,
        placing: &Placing,
        constraint: &SpreadConstraint,
    ) -> Spread {
        let counts = |class: &Class| {
            let affinity = placing.allows(&class.labels, &[]).is_ok();
            let taints = untolerated(&class.taints, &placing.tolerations).is_none();
            (affinity || !constraint.honours_affinity) && (taints || !constraint.honours_taints)
        };
        Spread {
            counted: self.classes.iter().map(counts).collect(),
            only_ready: constraint.honours_taints,
            near: self.near(&constraint.services, &constraint.topology_key),
            max_skew: constraint.max_skew,
            min_domains: constraint.min_domains,
            counts_itself: constraint.services.contains(&service),
        }
    }
}

/// Domains of every label named, and what each service asks for.
pub(super) fn prepare(
    scenario: &Scenario,
    cluster: &Cluster,
    classes: &[Class],
    class_of: &[u32],
) -> (Vec<Domains>, Vec<Prepared>) {
    let mut labels = Labels {
        classes,
        class_of,
        known: Vec::new(),
    };
    let mut prepared: Vec<Prepared> = Vec::with_capacity(scenario.services.len());
    let mut shapes: Vec<[u64; 2]> = Vec::new();
    for (index, service) in scenario.services.iter().enumerate() {
        let id = ServiceId::from_index(index);
        let asked = &service.resources;
        let placing = &service.pods.placing;
        let or = |asked: u64, otherwise: u64| if asked == 0 { otherwise } else { asked };
        // Upstream's own constraints are for pods that state none at all.
        let built_in = SpreadConstraint::built_in(id);
        let stated = &placing.spread;
        let scored = if stated.is_empty() { &built_in } else { stated };
        prepared.push(Prepared {
            cpu: asked.cpu_request.0,
            memory: asked.memory_request.0,
            scored_cpu: or(asked.cpu_request.0, SCORED_CPU),
            scored_memory: or(asked.memory_request.0, SCORED_MEMORY),
            refused: classes
                .iter()
                .map(|class| refusal(placing, class))
                .collect(),
            preferred: classes
                .iter()
                .map(|class| preference(placing, class))
                .collect(),
            avoided: classes
                .iter()
                .map(|class| avoided(placing, class))
                .collect(),
            required_spread: stated
                .iter()
                .filter(|constraint| constraint.required)
                .map(|constraint| labels.spread(id, placing, constraint))
                .collect(),
            scored_spread: scored
                .iter()
                .filter(|constraint| !constraint.required)
                .map(|constraint| labels.spread(id, placing, constraint))
                .collect(),
            pods_required: placing
                .pods_required
                .iter()
                .map(|term| (labels.term(term), term.services.contains(&id)))
                .collect(),
            pods_excluded: placing
                .pods_excluded
                .iter()
                .map(|term| labels.term(term))
                .collect(),
            excluded_by: Vec::new(),
            pods_preferred: placing
                .pods_preferred
                .iter()
                .map(|(weight, term)| (*weight, labels.term(term)))
                .collect(),
            scores: Scores {
                balanced: scores(cluster).balanced
                    && !skips_balance([asked.cpu_request.0, asked.memory_request.0]),
                ..scores(cluster)
            },
            sampled: cluster.orchestrator == Orchestrator::Kubernetes,
            shape: {
                let shape = [asked.cpu_request.0, asked.memory_request.0];
                let known = shapes.iter().position(|known| *known == shape);
                known.unwrap_or_else(|| {
                    shapes.push(shape);
                    shapes.len() - 1
                })
            },
        });
    }
    // Anti-affinity binds both ways.
    for (index, service) in scenario.services.iter().enumerate() {
        for term in &service.pods.placing.pods_excluded {
            let near = labels.near(&[ServiceId::from_index(index)], &term.topology_key);
            for other in &term.services {
                prepared[other.index()].excluded_by.push(near.clone());
            }
        }
    }
    let domains = labels
        .known
        .into_iter()
        .map(|(_, domains)| domains)
        .collect();
    (domains, prepared)
}

/// Marathon takes the first offer that fits: no score at all.
fn scores(cluster: &Cluster) -> Scores {
    let wanted = |score| {
        cluster.orchestrator != Orchestrator::Marathon && cluster.scheduler.scores.contains(&score)
    };
    Scores {
        least: wanted(Score::LeastAllocated),
        most: wanted(Score::MostAllocated),
        balanced: wanted(Score::BalancedAllocation),
        spread: wanted(Score::Spread),
    }
}

fn refusal(placing: &Placing, class: &Class) -> Option<String> {
    placing.allows(&class.labels, &class.taints).err()
}

fn preference(placing: &Placing, class: &Class) -> u64 {
    let matching = placing
        .node_preferred
        .iter()
        .filter(|(_, term)| term.matches(&class.labels));
    matching.map(|(weight, _)| weight).sum()
}

fn avoided(placing: &Placing, class: &Class) -> u64 {
    let untolerated = class.taints.iter().filter(|taint| {
        taint.effect == TaintEffect::PreferNoSchedule
            && !placing
                .tolerations
                .iter()
                .any(|toleration| toleration.tolerates(taint))
    });
    untolerated.count() as u64
}
