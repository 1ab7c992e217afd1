//! Replicas as the flow plane keeps them: their sums by station, mended at each command, and those that still warm.

use crate::model::Warmup;
use crate::model::service::WarmupOver;
use crate::units::{ReplicaId, SimTime};
use crate::world::data::flow::groups::Groups;
use crate::world::data::flow::station::Serving;

/// One replica.
#[derive(Clone, Debug)]
pub struct Replica {
    /// `service * clusters + cluster`.
    pub station: usize,
    /// Processing rate relative to nominal, besides warming.
    pub speed: f64,
    /// While it warms.
    pub warmup: Option<Warmup>,
    /// Since when it accepts requests.
    pub warm_since: SimTime,
    /// Requests finished while warming.
    pub served: f64,
    /// Takes requests.
    pub accepting: bool,
    /// Callers may choose it.
    pub listed: bool,
    /// Not gone.
    pub alive: bool,
    /// Chance that a request fails after its work, besides its endpoint's own errors.
    pub errors: f64,
    /// Rate factor of warming, as counted in the sums.
    factor: f64,
}

/// All replicas and who serves each station.
#[derive(Clone, Debug)]
pub struct Replicas {
    /// By id.
    pub all: Vec<Replica>,
    /// Ids of those that were not gone at the last `live`, in order, and of newer ones.
    recent: Vec<u32>,
    /// By station: listed, usable, and the sums of their rates and of their chances to fail.
    sums: Vec<(u32, u32, f64, f64)>,
    /// By station: usable replicas by speed, besides warming.
    speeds: Vec<Vec<(f64, u32)>>,
    /// Those whose rate still rises.
    warming: Vec<ReplicaId>,
}

impl Replicas {
    /// None yet.
    pub fn new(stations: usize) -> Self {
        Self {
            all: Vec::new(),
            recent: Vec::new(),
            sums: vec![(0, 0, 0.0, 0.0); stations],
            speeds: vec![Vec::new(); stations],
            warming: Vec::new(),
        }
    }

    /// Adds one that neither accepts nor is listed.
    pub fn add(&mut self, station: usize, speed: f64, warmup: Option<Warmup>, now: SimTime) {
        self.recent.push(self.all.len() as u32);
        self.all.push(Replica {
            station,
            speed,
            warmup,
            warm_since: now,
            served: 0.0,
            accepting: false,
            listed: false,
            alive: true,
            errors: 0.0,
            factor: warmup.map_or(1.0, |warmup| warmup.from),
        });
    }

    /// Changes one; returns its station.
    pub fn change(&mut self, replica: ReplicaId, change: impl FnOnce(&mut Replica)) -> usize {
        let found = &mut self.all[replica.index()];
        let (before, speed) = (share(found), found.speed);
        change(found);
        let after = share(found);
        if (before.1, speed) != (after.1, found.speed) {
            let speeds = &mut self.speeds[found.station];
            if before.1 > 0
                && let Some(at) = speeds.iter().position(|(known, _)| *known == speed)
            {
                speeds[at].1 -= 1;
                if speeds[at].1 == 0 {
                    speeds.swap_remove(at);
                }
            }
            if after.1 > 0 {
                match speeds.iter_mut().find(|(known, _)| *known == found.speed) {
                    Some((_, count)) => *count += 1,
                    None => speeds.push((found.speed, 1)),
                }
            }
        }
        let (listed, usable, rate, errors) = &mut self.sums[found.station];
        *listed = *listed + after.0 - before.0;
        *usable = *usable + after.1 - before.1;
        // Rounding does not survive an empty station.
        (*rate, *errors) = if *usable == 0 {
            (0.0, 0.0)
        } else {
            (*rate + after.2 - before.2, *errors + after.3 - before.3)
        };
        if found.warmup.is_some() && found.accepting && !self.warming.contains(&replica) {
            self.warming.push(replica);
        }
        found.station
    }

    /// Those that are not gone, in order of their id.
    pub fn live(&mut self) -> impl Iterator<Item = (usize, &Replica)> {
        let all = &self.all;
        self.recent.retain(|index| all[*index as usize].alive);
        self.recent
            .iter()
            .map(|index| (*index as usize, &all[*index as usize]))
    }

    /// Who serves the station.
    pub fn serving(&self, station: usize) -> Serving {
        let (listed, usable, rate, errors) = self.sums[station];
        let mean = |sum: f64| {
            if usable > 0 {
                sum / f64::from(usable)
            } else {
                0.0
            }
        };
        let speeds = &self.speeds[station];
        let groups = if speeds.len() < 2 {
            Groups::default()
        } else {
            let nominal: f64 = speeds
                .iter()
                .map(|(speed, count)| speed * f64::from(*count))
                .sum();
            Groups::new(speeds, rate / nominal.max(1e-9))
        };
        Serving {
            groups,
            listed: f64::from(listed),
            usable: f64::from(usable),
            rate: mean(rate),
            // What is left when the last faulty one went is rounding.
            errors: Some(mean(errors))
                .filter(|mean| *mean > 1e-9)
                .unwrap_or(0.0),
        }
    }

    /// Whether some listed replica's rate still rises.
    pub fn is_warming(&self) -> bool {
        !self.warming.is_empty()
    }

    /// Brings warming up to date: each warming replica of a station takes `requests(station)` a second for `seconds`.
    /// `moved` is told each station whose rate changed.
    pub fn warm(
        &mut self,
        at: SimTime,
        seconds: f64,
        requests: impl Fn(usize) -> f64,
        mut moved: impl FnMut(usize),
    ) {
        for replica in std::mem::take(&mut self.warming) {
            let found = &self.all[replica.index()];
            if !found.alive {
                continue;
            }
            if !found.listed {
                self.warming.push(replica);
                continue;
            }
            let served = found.served + requests(found.station) * seconds;
            let (factor, done) = warm_factor(found, served, at);
            let station = self.change(replica, |found| {
                (found.served, found.factor) = (served, factor);
                if done {
                    found.warmup = None;
                }
            });
            moved(station);
            if !done && !self.warming.contains(&replica) {
                self.warming.push(replica);
            }
        }
    }
}

/// What a replica adds to its station's sums.
fn share(replica: &Replica) -> (u32, u32, f64, f64) {
    if !(replica.alive && replica.listed) {
        (0, 0, 0.0, 0.0)
    } else if replica.accepting {
        (1, 1, replica.speed * replica.factor, replica.errors)
    } else {
        (1, 0, 0.0, 0.0)
    }
}

fn warm_factor(replica: &Replica, served: f64, at: SimTime) -> (f64, bool) {
    let Some(warmup) = replica.warmup else {
        return (1.0, true);
    };
    let done = match warmup.over {
        WarmupOver::Time(length) => {
            at.since(replica.warm_since).seconds() / length.seconds().max(1e-9)
        }
        WarmupOver::Requests(count) => served / count.max(1) as f64,
    };
    (
        warmup.from + (1.0 - warmup.from) * done.min(1.0),
        done >= 1.0,
    )
}
