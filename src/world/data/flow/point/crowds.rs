//! Who waits somewhere sends nothing: closed users, and callers all of whose slots are in use.

use std::collections::BTreeMap;

use crate::model::LoadKind;
use crate::queueing::erlang_c;
use crate::world::data::flow::point::{Around, Point};

impl Point {
    /// Share by which one request more at a replica of the service in the cluster lowers what comes there, `requests` a
    /// second now.
    pub(super) fn thinning(
        &self,
        around: &Around<'_>,
        service: usize,
        cluster: usize,
        requests: f64,
    ) -> f64 {
        let of_load = |(load, square): &(u32, f64)| {
            let load = &around.scenario.loads[*load as usize];
            let LoadKind::Closed { users, .. } = load.kind else {
                return 0.0;
            };
            let users = users as f64 * load.level(around.at, &around.scenario.clock);
            if users > 0.0 { square / users } else { 0.0 }
        };
        let of_users: f64 = around.network.crowds[service].iter().map(of_load).sum();
        if around.network.slotted[service] && requests > 0.0 {
            of_users + self.of_slots(around, service, cluster, requests)
        } else {
            of_users
        }
    }

    /// Of callers with all slots in use each call that takes longer is a next one that comes later: what they send falls
    /// by one of the slots that are elsewhere.
    fn of_slots(&self, around: &Around<'_>, service: usize, cluster: usize, requests: f64) -> f64 {
        let clusters = around.scenario.clusters.len();
        // By station of the caller: calls a second.
        let mut senders: BTreeMap<usize, f64> = BTreeMap::new();
        for endpoint in &around.scenario.services[service].endpoints {
            let callee = endpoint.index() * clusters + cluster;
            for caller in &around.network.callers[endpoint.index()] {
                let from = around.scenario.endpoints[*caller as usize].service.index();
                for place in 0..clusters {
                    let node = *caller as usize * clusters + place;
                    let sent = self.sources[node].sent_to(callee as u32);
                    if sent > 0.0 {
                        *senders.entry(from * clusters + place).or_default() += sent;
                    }
                }
            }
        }
        let response = self.response(around, service * clusters + cluster).mean;
        let mut thinning = 0.0;
        for (station, sent) in senders {
            let Some(slots) = around.scenario.services[station / clusters].concurrency else {
                continue;
            };
            let load = self.offered[station].requests / self.stations[station].capacity;
            let full = if load >= 1.0 || self.backlog[station] > 0.0 {
                1.0
            } else {
                erlang_c(slots, load * f64::from(slots))
            };
            let all = f64::from(slots) * self.serving[station].usable;
            let elsewhere = (all - sent * response).max(0.0) + 1.0;
            let share = (sent / requests).min(1.0);
            thinning += share * share * full / elsewhere;
        }
        thinning
    }
}
