//! One measurement: a station alone in a small world of requests.

use crate::model::distribution::Part;
use crate::model::sample::{add_endpoint, set_quota, step, work};
use crate::model::sample::{add_journey, add_open_load, add_service, call, empty, plain_policy};
use crate::model::{Balance, CallPolicy, Discipline, Distribution, Scenario, StepKind};
use crate::queueing::Cell;
use crate::stations::{Kind, Runs};
use crate::units::{ClusterId, ReplicaId, ServiceId, SimDuration, SimTime};
use crate::world::contract::{Command, DataPlane, Luck, Seen};
use crate::world::data::request::RequestPlane;

/// Calls measured at a utilisation of zero; as many more as queues forget more slowly.
const CALLS: f64 = 12_000.0;
/// Calls before the measurement begins, as a share of those measured.
const WARM_UP: f64 = 0.15;
/// Period of a quota in the small world.
const PERIOD: f64 = 0.1;
/// Mean demand without a quota, seconds: any will do.
const DEMAND: f64 = 0.01;

/// The time of a call at a station of this kind, in mean services.
///
/// # Panics
/// The small world stops: its limits are a mistake of ours.
#[must_use]
pub fn measure(kind: Kind, replicas: u32, load: f64) -> Cell {
    let demand = if kind.quota > 0 {
        kind.demand_over_period() * PERIOD
    } else {
        DEMAND
    };
    let cores = if kind.quota > 0 {
        f64::from(kind.quota) / 1000.0
    } else {
        f64::from(kind.cores)
    };
    let calls = load * f64::from(replicas) * cores / demand;
    let world = world(kind, demand, calls);
    let mut plane = RequestPlane::new(&world, LUCK, false);
    let mut next = 0;
    for service in 0..world.services.len() {
        // The caller before a station that is called in rows is one replica.
        for _ in 0..if service == 0 { replicas } else { 1 } {
            let replica = ReplicaId(next);
            next += 1;
            plane.command(Command::AddReplica {
                replica,
                service: ServiceId::from_index(service),
                cluster: ClusterId(0),
                speed: 1.0,
                warmup: None,
            });
            plane.command(Command::Ready { replica });
            plane.command(Command::List { replica });
        }
    }
    // Queues forget like 1 / (1 - load)^2; several replicas average.
    let wanted = CALLS / (1.0 - load) / (1.0 - load) * 0.5 + CALLS;
    let length = wanted / calls;
    let mut seen = Seen::default();
    let mut play = |until: f64| {
        let until = SimTime::ZERO + SimDuration::from_seconds(until);
        while plane.advance(until).expect("no limit is near").now < until {}
        plane.observe(&mut seen);
    };
    play(WARM_UP * length);
    play((1.0 + WARM_UP) * length);
    let station = &seen.stations[0];
    let (mean, variance) = moments(station);
    Cell {
        wait: (mean / demand - 1.0).max(0.0),
        variance: variance / (demand * demand),
    }
}

const LUCK: Luck = Luck {
    seed: 0x57a7_1045,
    replication: 0,
    stage: 2,
};

/// Mean by Little's law, variance from the sketch (its buckets are narrow against it).
fn moments(station: &crate::world::contract::StationSeen) -> (f64, f64) {
    const SLICES: u32 = 2_000;
    let mean = station.in_flight_seconds / (station.arrived.max(1)) as f64;
    let (mut first, mut second) = (0.0, 0.0);
    for slice in 0..SLICES {
        let ratio = (f64::from(slice) + 0.5) / f64::from(SLICES);
        let time = station.latency.quantile(ratio).unwrap_or(0) as f64 * 1e-9;
        first += time / f64::from(SLICES);
        second += time * time / f64::from(SLICES);
    }
    (mean, (second - first * first).max(0.0))
}

fn world(kind: Kind, demand: f64, rate: f64) -> Scenario {
    let mut world = empty(SimDuration::from_secs(1 << 30));
    world.run.max_in_flight = u64::MAX;
    let discipline = if kind.sharing {
        Discipline::ProcessorSharing
    } else {
        Discipline::Fifo
    };
    let law = law(demand, f64::from(kind.scv) / 4.0);
    let station = add_service(
        &mut world,
        "station",
        kind.cores,
        discipline,
        vec![work(law)],
    );
    if kind.quota > 0 {
        set_quota(&mut world, 0, u64::from(kind.quota));
    }
    let policy = CallPolicy {
        balance: Balance::of(kind.rule()),
        ..plain_policy()
    };
    if kind.runs == Runs::SINGLE {
        let journey = add_journey(&mut world, "calls", station, SimDuration::from_secs(1));
        if let StepKind::Call(call) = &mut world.journeys[0].steps[0].kind {
            call.policy.balance = Balance::of(kind.rule());
        }
        add_open_load(&mut world, "callers", rate, journey);
        return world;
    }
    // A caller whose own time passes beside its processor; an endpoint of it for each length.
    let mut caller = None;
    for (length, share, gap) in kind.runs.shares() {
        let mut row = vec![call(&mut world, Some(1), station, policy.clone())];
        if gap > 0.0 {
            row.push(step(StepKind::Wait(Distribution::constant(gap * PERIOD))));
        }
        let mut row = step(StepKind::Do(row));
        row.times = Some(Distribution::constant(f64::from(length)));
        let entry = match caller {
            None => add_service(&mut world, "caller", 1, Discipline::Infinite, vec![row]),
            Some(caller) => add_endpoint(&mut world, caller, vec![row]),
        };
        caller = Some(world.endpoint(entry).service);
        let name = format!("runs of {length}");
        let journey = add_journey(&mut world, &name, entry, SimDuration::from_secs(1));
        add_open_load(&mut world, &name, rate * share / f64::from(length), journey);
    }
    world
}

/// A demand with this mean and squared coefficient of variation.
fn law(mean: f64, scv: f64) -> Distribution {
    if scv <= 0.0 {
        Distribution::constant(mean)
    } else if scv < 1.0 {
        Distribution::of(Part::gamma(mean, libm::sqrt(scv)))
    } else if scv > 1.0 {
        Distribution::of(Part::hyperexponential(mean, libm::sqrt(scv)))
    } else {
        Distribution::exponential(mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Balancer;
    use crate::queueing::{mgc_wait, mmc_wait};

    const PLAIN: Kind = Kind {
        cores: 1,
        sharing: false,
        quota: 0,
        demand: 0,
        scv: 4,
        balancer: 2,
        runs: Runs::SINGLE,
    };

    /// A measured mean wait against a formula. `share` is beyond four deviations of a measurement of that length
    /// (Whitt 1989: relative deviation of a mean wait is about sqrt(2 (1 + scv) / ((1 - load)^2 calls))); the draws are
    /// fixed.
    fn agrees(kind: Kind, replicas: u32, load: f64, wanted: f64, share: f64) {
        let found = measure(kind, replicas, load).wait;
        assert!(
            (found / wanted - 1.0).abs() < share,
            "{kind:?} {replicas} {load}: {found} instead of {wanted}"
        );
    }

    #[test]
    fn formulas_are_met_where_they_exist() {
        assert_eq!(PLAIN.rule(), Balancer::Random);
        for load in [0.4, 0.75] {
            let wanted = |scv: f64| mgc_wait(1, load, 1.0, scv);
            agrees(PLAIN, 1, load, wanted(1.0), 0.1);
            agrees(PLAIN, 4, load, wanted(1.0), 0.1);
            // Constant demands, M/D/1; demands of twice the variation.
            agrees(Kind { scv: 0, ..PLAIN }, 1, load, wanted(0.0), 0.1);
            agrees(Kind { scv: 16, ..PLAIN }, 1, load, wanted(4.0), 0.2);
            // M/G/1 with shared processors: that of exponential demands, whatever the law.
            let sharing = Kind {
                sharing: true,
                scv: 0,
                ..PLAIN
            };
            agrees(sharing, 1, load, wanted(1.0), 0.1);
            // M/M/4.
            let four = Kind { cores: 4, ..PLAIN };
            agrees(four, 1, load, mmc_wait(4, 4.0 * load, 1.0), 0.15);
        }
    }

    #[test]
    fn the_variance_is_that_of_the_exponential_time_in_mm1() {
        let cell = measure(PLAIN, 1, 0.6);
        // 1 / (1 - load)^2.
        assert!((cell.variance / 6.25 - 1.0).abs() < 0.15, "{cell:?}");
    }

    #[test]
    fn two_choices_shorten_the_wait_and_a_quota_lengthens_it() {
        let two = Kind {
            balancer: 0,
            ..PLAIN
        };
        assert_eq!(two.rule(), Balancer::LeastRequest);
        let (alone, chosen) = (measure(PLAIN, 8, 0.75).wait, measure(two, 8, 0.75).wait);
        // The limit of many replicas is (0.75^2 + 0.75^6 + 0.75^14 + ...) / 3 = 0.253 of it, one replica all of it.
        assert!(
            chosen < 0.45 * alone && chosen > 0.253 * alone,
            "{chosen} {alone}"
        );
        // The design's figure: an exponential demand of 5 ms under 200m at 10 %: 7.6 ms, not 5.56.
        let quota = Kind {
            quota: 200,
            demand: libm::round(4.0 * libm::log2(0.05)) as i32,
            ..PLAIN
        };
        let wait = measure(quota, 1, 0.1).wait;
        assert!((wait - 0.52).abs() < 0.12, "{wait}");
    }
}
