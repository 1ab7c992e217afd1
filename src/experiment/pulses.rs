//! What looks brought since the last full one, summed so that accounts need to be told at full looks only.

use crate::experiment::account::Most;
use crate::experiment::works::WorkSum;
use crate::model::Scenario;
use crate::world::contract::{OUTCOMES, Seen};
use crate::world::recorder::{ControlSeen, ReplicaCounts, WorkTotals};

/// One service in one cluster.
#[derive(Clone, Copy, Debug, Default)]
pub struct StationSum {
    /// CPU time used, nanoseconds.
    pub cpu_ns: u64,
    /// Ready replicas, replica-seconds.
    pub ready_seconds: f64,
    /// Replicas wished for, replica-seconds.
    pub desired_seconds: f64,
    /// Most at any look.
    pub most: Most,
}

/// Actions of one load on one journey.
#[derive(Clone, Debug, Default)]
pub struct ActionSum {
    /// Issued.
    pub issued: u64,
    /// By outcome.
    pub ended: [u64; OUTCOMES],
    /// That met every objective.
    pub good: u64,
    /// That met each objective.
    pub objectives_met: Vec<u64>,
}

/// Sums since the last full look.
#[derive(Clone, Debug, Default)]
pub struct Pulses {
    /// Simulated seconds looked at.
    pub seconds: f64,
    /// By `service * clusters + cluster`.
    pub stations: Vec<StationSum>,
    /// By `load * journeys + journey`.
    pub actions: Vec<ActionSum>,
    /// Most at any look over all clusters, by service.
    pub services: Vec<Most>,
    /// By cluster: most at any look, allocatable core-seconds.
    pub clusters: Vec<(Most, f64)>,
    /// Most at any look over everything.
    pub run: Most,
    /// By source of jobs or environments.
    pub work: Vec<WorkSum>,
    /// What they had held at the last look.
    held: Vec<WorkTotals>,
    /// Counts of replicas at the last look, and the time that they have lasted and that no sum has yet, seconds.
    counts: Vec<ReplicaCounts>,
    lasted: f64,
    /// The largest numbers know of these counts, and are these.
    is_counted: bool,
    here: (Vec<Most>, Most),
}

impl Pulses {
    /// Nothing yet.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let (services, clusters) = (scenario.services.len(), scenario.clusters.len());
        Self {
            seconds: 0.0,
            stations: vec![StationSum::default(); services * clusters],
            actions: vec![ActionSum::default(); scenario.loads.len() * scenario.journeys.len()],
            services: vec![Most::default(); services],
            clusters: vec![(Most::default(), 0.0); clusters],
            run: Most::default(),
            work: vec![WorkSum::default(); scenario.work.len()],
            held: vec![WorkTotals::default(); scenario.work.len()],
            counts: vec![ReplicaCounts::default(); services * clusters],
            lasted: 0.0,
            is_counted: false,
            here: (vec![Most::default(); clusters], Most::default()),
        }
    }

    /// Takes in one look, full or not.
    pub fn add(&mut self, seen: &Seen, control: &ControlSeen) {
        let seconds = seen.end.since(seen.start).seconds();
        self.seconds += seconds;
        if control.changed {
            self.settle();
            self.counts.clone_from(&control.replicas);
            self.is_counted = false;
        }
        self.lasted += seconds;
        if !self.is_counted {
            self.count();
        }
        if seen.full {
            for (sum, station) in self.stations.iter_mut().zip(&seen.stations) {
                sum.cpu_ns += station.cpu_ns;
            }
            self.settle();
        } else {
            for at in &seen.shown {
                self.stations[*at as usize].cpu_ns += seen.stations[*at as usize].cpu_ns;
            }
        }
        let mut run = self.here.1;
        for (cluster, most) in self.here.0.iter().enumerate() {
            let nodes = control.nodes.get(cluster).copied().unwrap_or(0);
            run.nodes += nodes;
            self.clusters[cluster].0.raise(Most { nodes, ..*most });
            if let Some(Some(millicores)) = control.allocatable.get(cluster) {
                self.clusters[cluster].1 += *millicores as f64 / 1000.0 * seconds;
            }
        }
        self.run.raise(run);
        let held = self.held.iter_mut().zip(&control.work);
        for (sum, (before, now)) in self.work.iter_mut().zip(held) {
            sum.hold(before, now);
            *before = *now;
        }
        for (sum, actions) in self.actions.iter_mut().zip(&seen.actions) {
            sum.add(actions);
        }
    }

    /// Adds up the time for which the counts have lasted.
    fn settle(&mut self) {
        let lasted = std::mem::take(&mut self.lasted);
        if lasted <= 0.0 {
            return;
        }
        for (sum, counts) in self.stations.iter_mut().zip(&self.counts) {
            sum.ready_seconds += f64::from(counts.ready) * lasted;
            sum.desired_seconds += f64::from(counts.desired) * lasted;
        }
    }

    /// Raises the largest numbers to the counts as they are now.
    fn count(&mut self) {
        self.is_counted = true;
        let clusters = self.clusters.len();
        let mut run = Most::default();
        let in_clusters = &mut self.here.0;
        in_clusters.fill(Most::default());
        for (service, most) in self.services.iter_mut().enumerate() {
            let mut now = Most::default();
            for (cluster, in_cluster) in in_clusters.iter_mut().enumerate() {
                let index = service * clusters + cluster;
                let here = Most {
                    ready: self.counts[index].ready,
                    pending: self.counts[index].pending,
                    nodes: 0,
                };
                self.stations[index].most.raise(here);
                now.add(here);
                in_cluster.add(here);
            }
            most.raise(now);
            run.add(now);
        }
        self.here.1 = run;
    }

    /// Forgets everything; a full look was taken.
    pub fn clear(&mut self) {
        self.seconds = 0.0;
        self.is_counted = false;
        self.stations.fill(StationSum::default());
        self.services.fill(Most::default());
        self.clusters.fill((Most::default(), 0.0));
        self.run = Most::default();
        self.work.iter_mut().for_each(WorkSum::clear);
        for sum in &mut self.actions {
            (sum.issued, sum.ended, sum.good) = (0, [0; OUTCOMES], 0);
            sum.objectives_met.fill(0);
        }
    }
}

impl ActionSum {
    fn add(&mut self, seen: &crate::world::contract::ActionsSeen) {
        self.issued += seen.issued;
        self.good += seen.good;
        for (sum, count) in self.ended.iter_mut().zip(seen.ended) {
            *sum += count;
        }
        let objectives = seen.objectives_met.len().max(self.objectives_met.len());
        self.objectives_met.resize(objectives, 0);
        for (sum, count) in self.objectives_met.iter_mut().zip(&seen.objectives_met) {
            *sum += count;
        }
    }
}
