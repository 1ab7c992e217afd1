//! Observations of processors, watched stations and replicas, drawn with their noise.

use crate::engine::{Key, Purpose};
use crate::model::distribution::special::{gamma_p_inverse, normal_quantile};
use crate::units::ReplicaId;
use crate::world::contract::{ReplicaSeen, Seen, StationSeen};
use crate::world::data::flow::law::poisson;
use crate::world::data::flow::plane::FlowPlane;
use crate::world::data::flow::point::Around;

const CPU: Purpose = Purpose::new("flow cpu");
const IN_FLIGHT: Purpose = Purpose::new("flow in flight");

/// Up to this relative deviation a sum of many demands is normal: less than one in a million draws is below zero.
const NORMAL: f64 = 0.2;

/// A variate of mean one and this relative deviation that is never below zero: cutting a normal one off there would add
/// CPU where few requests come.
fn luck(relative: f64, u: f64) -> f64 {
    if relative <= NORMAL {
        return 1.0 + relative * normal_quantile(u);
    }
    let shape = 1.0 / (relative * relative);
    gamma_p_inverse(shape, u) / shape
}

impl FlowPlane {
    /// Draws the CPU of some stations since it was last drawn.
    pub(super) fn draw_cpu(
        &mut self,
        key: Key,
        seen: &mut Seen,
        stations: impl Iterator<Item = u32>,
    ) {
        let clusters = self.scenario.clusters.len();
        seen.stations
            .resize(self.point.stations.len(), StationSeen::default());
        for station in stations {
            let station = station as usize;
            let seen = &mut seen.stations[station];
            let drawn = &mut self.point.gathered.cpu_drawn[station];
            let length = self.now.since(std::mem::replace(drawn, self.now)).0 as f64;
            self.point.gather_cpu(self.now, station);
            let (cpu, jobs) = std::mem::take(&mut self.point.gathered.cpu[station]);
            if cpu <= 0.0 {
                seen.cpu_ns = 0;
                continue;
            }
            // A sum of `jobs` random demands that come in bunches: its spread is that of a compound Poisson count.
            let bunch = self.network.bunches[station / clusters].dispersion(length * 1e-9);
            let scv = self.point.offered[station].scv;
            let relative = libm::sqrt((bunch + scv) / jobs.max(1e-9));
            let key = self.expected.station_key(key, station, station % clusters);
            let luck = luck(relative, key.uniform(CPU, 0));
            // Luck cannot make processors busier than always.
            let processor = &self.scenario.services[station / clusters].processor;
            let cores = f64::from(processor.cores);
            let cap = processor.quota.map_or(cores, |quota| {
                cores.min(quota.budget.seconds() / quota.period.seconds())
            });
            let most = (cap * self.point.serving[station].usable * length).max(cpu);
            seen.cpu_ns = (cpu * luck).min(most) as u64;
        }
    }

    /// Shows the watched stations in full, and keeps what was shown for the next full look.
    pub(super) fn draw_watched(&mut self, key: Key, seen: &mut Seen, watched: &[u32]) {
        for station in self.shown.drain(..) {
            seen.stations[station as usize] = StationSeen::default();
        }
        if watched.is_empty() {
            return;
        }
        let all = self.point.stations.len();
        seen.stations.resize(all, StationSeen::default());
        let clusters = self.scenario.clusters.len();
        for station in watched {
            let index = *station as usize;
            let shown = &mut seen.stations[index];
            self.expected.draw_one(index, index % clusters, key, shown);
            let kept = self.glanced.entry(*station).or_default();
            kept.add_all_but_cpu(shown);
            self.shown.push(*station);
        }
    }

    /// Shares each station's CPU among its replicas, with the spread that the balancer leaves.
    pub(super) fn draw_replicas(&mut self, key: Key, seen: &mut Seen) {
        seen.replicas.clear();
        let clusters = self.scenario.clusters.len();
        let length = self.now.since(self.full_since).seconds();
        let around = Around {
            scenario: &self.scenario,
            network: &self.network,
            routes: &self.routes,
            links: &self.links,
            caches: &self.caches,
            now: self.now,
            at: self.now,
        };
        for (index, replica) in self.replicas.live() {
            let station = replica.station;
            let (offered, serving) = (self.point.offered[station], self.point.serving[station]);
            let works = replica.listed && replica.accepting && serving.usable > 0.0;
            let key = key.nth(index as u64);
            let (mut cpu_ns, mut in_flight) = (0, 0);
            if works {
                let mean = seen.stations[station].cpu_ns as f64 / serving.usable;
                let jobs = offered.jobs / serving.usable * length;
                let relative = libm::sqrt((1.0 + offered.scv) / jobs.max(1e-9)).min(1.0);
                let luck = (1.0 + relative * normal_quantile(key.uniform(CPU, 1))).max(0.0);
                cpu_ns = (mean * luck) as u64;
                let processor = &self.scenario.services[station / clusters].processor;
                let most = f64::from(processor.cores) * length * 1e9;
                cpu_ns = cpu_ns.min(most.max(mean) as u64);
                let held =
                    offered.requests * self.point.response(&around, station).mean / serving.usable;
                in_flight = poisson(held, key, IN_FLIGHT, 0) as u32;
            }
            seen.replicas.push(ReplicaSeen {
                replica: ReplicaId::from_index(index),
                cpu_ns,
                in_flight,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luck_is_one_in_the_mean_however_few_requests_come() {
        for relative in [0.05, 0.2, 0.25, 1.0, 3.0] {
            let all = (0..40_000).map(|index| luck(relative, (f64::from(index) + 0.5) / 40_000.0));
            let values: Vec<f64> = all.collect();
            let mean = values.iter().sum::<f64>() / 40_000.0;
            let square = values
                .iter()
                .map(|value| (value - mean) * (value - mean))
                .sum::<f64>()
                / 40_000.0;
            assert!((mean - 1.0).abs() < 2e-3, "{relative}: {mean}");
            assert!(
                (libm::sqrt(square) / relative - 1.0).abs() < 0.03,
                "{relative}: {square}"
            );
            assert!(values.iter().all(|value| *value >= 0.0));
        }
    }
}
