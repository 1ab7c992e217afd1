//! In what runs the calls of a service come: how many one entry of a user makes, and how far apart.
//!
//! An entry is one call of a journey with all that it leads to. Its calls to one service follow one another within
//! milliseconds, so that under a quota each finds the budget that its own run has spent. Entries of one journey are
//! taken as separate: between them lie a user's links and whole requests.

use crate::model::rates::{endpoint_calls, program_calls};
use crate::model::{Distribution, LinkEnd, Scenario, Step, StepKind};
use crate::queueing::visits;

/// Lengths of runs that are told apart; longer ones are as the last.
pub const LENGTHS: [u32; 13] = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32];
/// Parts into which the calls of a service are shared out among lengths.
pub const PARTS: u8 = 8;
/// No time to speak of between the calls of a run.
const AT_ONCE: i8 = i8::MIN;
/// Octaves of a gap below which there is none.
const SHORT: i32 = -9;

/// How the calls of one service come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Runs {
    /// Parts of all calls (of `PARTS`) that are in a run of each of `LENGTHS`.
    pub calls: [u8; LENGTHS.len()],
    /// By length: octaves of the time between two calls of a run over the quota's period; `AT_ONCE`: none.
    pub gaps: [i8; LENGTHS.len()],
}

impl Runs {
    /// Each call for itself.
    pub const SINGLE: Self = {
        let mut calls = [0; LENGTHS.len()];
        calls[0] = PARTS;
        Self {
            calls,
            gaps: [AT_ONCE; LENGTHS.len()],
        }
    };

    /// Lengths, with their parts of all calls (0 to 1) and the time between two calls in periods of the quota.
    pub fn shares(&self) -> impl Iterator<Item = (u32, f64, f64)> {
        let parts = LENGTHS
            .into_iter()
            .zip(self.calls.into_iter().zip(self.gaps));
        let gap = |octaves: i8| match octaves {
            AT_ONCE => 0.0,
            octaves => libm::exp2(f64::from(octaves)),
        };
        parts
            .filter(|(_, (parts, _))| *parts > 0)
            .map(move |(length, (parts, octaves))| {
                (length, f64::from(parts) / f64::from(PARTS), gap(octaves))
            })
    }
}

/// What was found of one service.
#[derive(Clone, Default)]
struct Found {
    /// Calls a second by length.
    calls: [f64; LENGTHS.len()],
    /// The same calls times the seconds to the next of their run.
    gaps: [f64; LENGTHS.len()],
}

/// By service: how its calls come at these rates of the journeys, for a quota of so many seconds (`None`: no quota).
pub fn runs(scenario: &Scenario, journeys: &[f64], periods: &[Option<f64>]) -> Vec<Runs> {
    if periods.iter().all(Option::is_none) {
        return vec![Runs::SINGLE; periods.len()];
    }
    let n = scenario.endpoints.len();
    let calls = endpoint_calls(scenario);
    let mut entries = vec![0.0; n];
    for (journey, rate) in scenario.journeys.iter().zip(journeys) {
        for (endpoint, mean) in program_calls(scenario, &journey.steps) {
            entries[endpoint] += rate * mean;
        }
    }
    let mut elapsed = vec![None; n];
    let mut found = vec![Found::default(); periods.len()];
    for (entry, rate) in entries.iter().enumerate().filter(|(_, rate)| **rate > 0.0) {
        let mut one = vec![0.0; n];
        one[entry] = 1.0;
        let mut of_service = vec![(0.0, 0.0); periods.len()];
        for (endpoint, count) in visits(&one, &calls, n).into_iter().enumerate() {
            if count.is_finite() && count > 0.0 {
                let (sum, own) = &mut of_service[scenario.endpoints[endpoint].service.index()];
                *sum += count;
                *own += count * time(scenario, endpoint, &mut elapsed);
            }
        }
        let whole = time(scenario, entry, &mut elapsed);
        for (found, (count, own)) in found.iter_mut().zip(of_service) {
            found.add(*rate, count, (whole - own).max(0.0));
        }
    }
    let parts = found.iter().zip(periods);
    parts.map(|(found, period)| found.runs(*period)).collect()
}

impl Found {
    /// Entries at this rate make `count` calls each; `apart` seconds of an entry are not theirs.
    fn add(&mut self, rate: f64, count: f64, apart: f64) {
        if count <= 0.0 {
            return;
        }
        // A mean between two lengths is shared out so that the mean over the calls is kept.
        let length = count.clamp(1.0, f64::from(LENGTHS[LENGTHS.len() - 1]));
        let above = LENGTHS.iter().position(|known| f64::from(*known) >= length);
        let above = above.unwrap_or(LENGTHS.len() - 1);
        let (low, high) = (LENGTHS[above.saturating_sub(1)], LENGTHS[above]);
        let part = if high > low {
            (length - f64::from(low)) / f64::from(high - low)
        } else {
            1.0
        };
        for (at, part) in [(above, part), (above.saturating_sub(1), 1.0 - part)] {
            self.calls[at] += rate * count * part;
            self.gaps[at] += rate * count * part * apart / count;
        }
    }

    fn runs(&self, period: Option<f64>) -> Runs {
        let all: f64 = self.calls.iter().sum();
        let Some(period) = period.filter(|_| all > 0.0) else {
            return Runs::SINGLE;
        };
        // Calls that are a period apart meet different budgets.
        let gap = |at: usize| self.gaps[at] / self.calls[at].max(1e-12) / period;
        let mut exact = self.calls.map(|calls| calls / all * f64::from(PARTS));
        for at in 1..exact.len() {
            if gap(at) >= 1.0 {
                exact[0] += std::mem::take(&mut exact[at]);
            }
        }
        // Largest remainders, the shorter length first where they are equal.
        let mut calls = exact.map(|parts| parts as u8);
        let mut left = PARTS - calls.iter().sum::<u8>();
        while left > 0 {
            let rest = |at: usize| exact[at] - f64::from(calls[at]);
            let most =
                (1..exact.len()).fold(0, |best, at| if rest(at) > rest(best) { at } else { best });
            calls[most] += 1;
            left -= 1;
        }
        let mut gaps = [AT_ONCE; LENGTHS.len()];
        for at in (1..gaps.len()).filter(|at| calls[*at] > 0) {
            let octaves = libm::round(libm::log2(gap(at).max(1e-9))) as i32;
            if octaves >= SHORT {
                gaps[at] = octaves.min(0) as i8;
            }
        }
        Runs { calls, gaps }
    }
}

/// Mean time of one request while nobody waits, seconds; a cycle of calls ends at its second pass.
fn time(scenario: &Scenario, endpoint: usize, known: &mut Vec<Option<f64>>) -> f64 {
    if let Some(time) = known[endpoint] {
        return time;
    }
    known[endpoint] = Some(0.0);
    let found = of_steps(scenario, &scenario.endpoints[endpoint].steps, known);
    known[endpoint] = Some(found);
    found
}

fn of_steps(scenario: &Scenario, steps: &[Step], known: &mut Vec<Option<f64>>) -> f64 {
    let mut sum = 0.0;
    for step in steps {
        let often = crate::model::rates::mean_repeats(step);
        sum += often
            * match &step.kind {
                StepKind::Work(length) | StepKind::Wait(length) => length.mean(),
                StepKind::Call(call) | StepKind::Forward(call) => {
                    let callee = scenario.endpoint(call.endpoint).service;
                    let place = LinkEnd::Cluster(scenario.service(callee).clusters[0]);
                    let hop: &Distribution = &scenario.links.between(place, place).one_way;
                    2.0 * hop.mean() + time(scenario, call.endpoint.index(), known)
                }
                StepKind::Parallel(parallel) => {
                    let branches = parallel.branches.iter();
                    branches
                        .map(|branch| of_steps(scenario, std::slice::from_ref(branch), known))
                        .fold(0.0, f64::max)
                }
                StepKind::Async(_) | StepKind::Reply(_) => 0.0,
                kind => kind
                    .parts(&|cache| scenario.caches[cache.index()].hit)
                    .into_iter()
                    .map(|(share, steps)| share * of_steps(scenario, steps, known))
                    .sum(),
            };
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Discipline;
    use crate::model::sample::{add_journey, add_service, call, empty, plain_policy, step, work};
    use crate::units::SimDuration;

    /// Nine calls in a row of a service of 10 ms, `pause` seconds after each; and a journey that calls it once.
    fn world(pause: f64) -> Scenario {
        let mut world = empty(SimDuration::from_secs(60));
        let sharing = Discipline::ProcessorSharing;
        let law = Distribution::exponential(0.01);
        let station = add_service(&mut world, "station", 1, sharing, vec![work(law)]);
        let row = vec![
            call(&mut world, Some(1), station, plain_policy()),
            step(StepKind::Wait(Distribution::constant(pause))),
        ];
        let mut row = step(StepKind::Do(row));
        row.times = Some(Distribution::constant(9.0));
        let caller = add_service(&mut world, "caller", 1, sharing, vec![row]);
        let second = SimDuration::from_secs(1);
        add_journey(&mut world, "nine", caller, second);
        add_journey(&mut world, "one", station, second);
        world
    }

    fn found(pause: f64, journeys: [f64; 2]) -> Runs {
        runs(&world(pause), &journeys, &[Some(0.1), None])[0]
    }

    #[test]
    fn calls_are_shared_out_among_lengths_by_their_number() {
        // Nine lies halfway between eight and ten; 3 a second in rows of nine are 27, 9 a second alone: three to one.
        let runs = found(0.0, [3.0, 9.0]);
        let mut wanted = [0; LENGTHS.len()];
        (wanted[0], wanted[6], wanted[7]) = (2, 3, 3);
        assert_eq!((LENGTHS[6], LENGTHS[7]), (8, 10));
        assert_eq!((runs.calls, runs.gaps), (wanted, [AT_ONCE; LENGTHS.len()]));
        assert_eq!(found(0.0, [0.0, 9.0]), Runs::SINGLE);
    }

    #[test]
    fn a_pause_is_a_gap_and_a_period_apart_is_no_run() {
        // 25 ms of a period of 100 ms: two octaves below; 110 ms are a budget later.
        assert_eq!(found(0.025, [1.0, 0.0]).gaps[7], -2);
        assert_eq!(found(0.11, [1.0, 0.0]), Runs::SINGLE);
    }
}
