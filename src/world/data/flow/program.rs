//! One run of a program in the mean: how long it takes, how it ends, whom it calls.
//!
//! A failed step ends its program, so later steps count only as often as they are reached.

use crate::model::{Distribution, LinkFault, Parallel, RoutingMode, Scenario, Step, StepKind};
use crate::units::CacheId;
use crate::world::contract::{OUTCOMES, Outcome};
use crate::world::data::flow::law::{Moments, at_least};
use crate::world::data::flow::station::{Serving, StationPoint};
use crate::world::data::flow::wires::Wires;

/// How a run ends and when.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer {
    /// Time to the end.
    pub time: Moments,
    /// Probability of each outcome.
    pub outcomes: [f64; OUTCOMES],
    /// Probability that the caller has its answer before the run ends.
    pub answered: f64,
    /// Mean time that the run goes on after its answer, seconds.
    pub after: f64,
}

impl Answer {
    /// A run that ends like this, its answer being its end.
    pub fn plain(time: Moments, outcomes: [f64; OUTCOMES]) -> Self {
        Self {
            time,
            outcomes,
            answered: 0.0,
            after: 0.0,
        }
    }

    /// Probability that a program goes on after it: answered, if only by a fallback.
    pub fn goes_on(&self) -> f64 {
        self.outcomes[Outcome::Ok as usize] + self.outcomes[DEGRADED]
    }
}

const DEGRADED: usize = Outcome::Degraded as usize;

/// Calls of one call site in one run of a program, to one cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tally {
    /// Caller-callee pair.
    pub edge: usize,
    /// Place of the caller and of the callee (0 users, then clusters).
    pub places: (usize, usize),
    /// Callee.
    pub endpoint: usize,
    /// Attempts made.
    pub attempts: f64,
    /// Attempts that reached a replica, let in or not.
    pub reached: f64,
    /// Attempts that a replica let in.
    pub arrived: f64,
    /// Bytes there and back.
    pub bytes: (f64, f64),
    /// Attempts by outcome.
    pub ended: [f64; OUTCOMES],
}

/// How a service's calls are routed while it is split.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Rule.
    pub mode: RoutingMode,
    /// Share on the target.
    pub weight: f64,
    /// Share of the callers' requests made from the target.
    pub callers_share: f64,
}

/// What a run of a program meets.
pub struct Surroundings<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// By service.
    pub routes: &'a [Option<Route>],
    /// By station.
    pub serving: &'a [Serving],
    /// By station.
    pub stations: &'a [StationPoint],
    /// By endpoint times clusters.
    pub answers: &'a [Answer],
    /// By hop: what is wrong with it; empty while nothing is.
    pub links: &'a [LinkFault],
    /// By cache times clusters: hit ratio.
    pub hits: &'a [f64],
    /// Links with a bandwidth.
    pub wires: &'a Wires,
    /// Whose program runs.
    pub caller: Caller<'a>,
}

/// Whose program runs, as far as limits on its calls depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Runs a second.
    pub rate: f64,
    /// Replicas that share the runs.
    pub replicas: f64,
    /// Services that it calls, with its part of all calls to each.
    pub shares: &'a [(u32, f64)],
}

impl Surroundings<'_> {
    /// One run of `steps` from `place`; its calls are appended to `tallies`.
    pub fn run(
        &self,
        steps: &[Step],
        place: usize,
        station: usize,
        reach: f64,
        tallies: &mut Vec<Tally>,
    ) -> Answer {
        let mut time = Moments::default();
        let mut outcomes = [0.0; OUTCOMES];
        // `ok`: so far nothing has failed; `full`: nor been answered by a fallback.
        let (mut ok, mut full, mut answered, mut after) = (1.0, 1.0, 0.0, 0.0);
        for step in steps {
            let answer = self.step(step, place, station, reach * ok, tallies);
            let open = 1.0 - answered;
            time = time.then(answer.time.sometimes(ok * open));
            after += ok * (answered * answer.time.mean + answer.after);
            for (sum, share) in outcomes.iter_mut().zip(&answer.outcomes).skip(1) {
                *sum += ok * open * share;
            }
            ok *= 1.0 - open * (1.0 - answer.goes_on());
            full *= 1.0 - open * (1.0 - answer.outcomes[0]);
            answered += open * answer.answered;
        }
        (outcomes[0], outcomes[DEGRADED]) = (full, ok - full);
        Answer {
            time,
            outcomes,
            answered,
            after,
        }
    }

    fn step(
        &self,
        step: &Step,
        place: usize,
        station: usize,
        reach: f64,
        tallies: &mut Vec<Tally>,
    ) -> Answer {
        let first = tallies.len();
        let chance = step.chance;
        let mut answer = self.kind(&step.kind, place, station, reach * chance, tallies);
        let ok = answer.goes_on();
        if let Some(times) = &step.times {
            let mean = times.mean().max(0.0);
            // Repetitions stop at the first failure: a truncated geometric series.
            let (done, all_ok) = if ok >= 1.0 - 1e-12 {
                (mean, 1.0)
            } else {
                let all = libm::pow(ok, mean);
                ((1.0 - all) / (1.0 - ok), all)
            };
            answer.time = answer.time.repeated(done, variance(times));
            let full = libm::pow(answer.outcomes[0], mean);
            for share in answer.outcomes.iter_mut().skip(1) {
                *share *= done;
            }
            (answer.outcomes[0], answer.outcomes[DEGRADED]) = (full, (all_ok - full).max(0.0));
            for tally in &mut tallies[first..] {
                scale(tally, done);
            }
        }
        if chance < 1.0 {
            answer.time = answer.time.sometimes(chance);
            for share in &mut answer.outcomes {
                *share *= chance;
            }
            answer.outcomes[0] += 1.0 - chance;
            answer.answered *= chance;
            answer.after *= chance;
        }
        answer
    }

    fn kind(
        &self,
        kind: &StepKind,
        place: usize,
        station: usize,
        reach: f64,
        tallies: &mut Vec<Tally>,
    ) -> Answer {
        match kind {
            StepKind::Work(demand) => {
                let point = &self.stations[station];
                let own = moments(demand);
                let rate = self.serving[station].rate.max(1e-6);
                let factor = point.stretch / rate;
                let mean = own.mean * factor;
                let time = Moments {
                    mean,
                    variance: own.variance * factor * factor + point.spread * mean * mean,
                    shift: if point.spread > 0.0 {
                        own.shift / rate
                    } else {
                        own.shift * factor
                    },
                };
                success(point.wait.then(time))
            }
            StepKind::Wait(length) => success(moments(length)),
            StepKind::Call(call) => self.call(call, place, reach, tallies),
            StepKind::Async(call) => {
                self.call(call, place, reach, tallies);
                success(Moments::default())
            }
            StepKind::Forward(call) => Answer {
                answered: 1.0,
                ..self.call(call, place, reach, tallies)
            },
            StepKind::Reply(_) => Answer {
                answered: 1.0,
                ..success(Moments::default())
            },
            StepKind::Do(steps) | StepKind::Section(_, steps) => {
                self.run(steps, place, station, reach, tallies)
            }
            StepKind::Parallel(parallel) => self.parallel(parallel, place, station, reach, tallies),
            StepKind::Choose(_) | StepKind::Cache(_) => {
                let clusters = self.scenario.clusters.len();
                let hit = |cache: CacheId| self.hits[cache.index() * clusters + place - 1];
                let choices = kind.parts(&hit);
                let mut times = Vec::with_capacity(choices.len());
                let mut whole = Answer::default();
                let outcomes = &mut whole.outcomes;
                for (share, steps) in choices {
                    let answer = self.run(steps, place, station, reach * share, tallies);
                    times.push((share, answer.time));
                    outcomes
                        .iter_mut()
                        .zip(&answer.outcomes)
                        .for_each(|(sum, part)| *sum += share * part);
                    whole.answered += share * answer.answered;
                    whole.after += share * answer.after;
                }
                whole.time = Moments::mixture(&times);
                whole
            }
        }
    }

    fn parallel(
        &self,
        parallel: &Parallel,
        place: usize,
        station: usize,
        reach: f64,
        tallies: &mut Vec<Tally>,
    ) -> Answer {
        let copies = parallel.copies();
        let mut answers = Vec::new();
        for branch in &parallel.branches {
            let answer = self.step(branch, place, station, reach * copies, tallies);
            answers.extend(std::iter::repeat_n(answer, (copies + 0.5) as usize));
        }
        let times: Vec<_> = answers.iter().map(|answer| answer.time).collect();
        let needed = parallel
            .join
            .map_or(answers.len(), |join| (join as usize).min(answers.len()));
        let chances: Vec<_> = answers.iter().map(Answer::goes_on).collect();
        let ok = at_least(needed, &chances);
        let chances: Vec<_> = answers.iter().map(|answer| answer.outcomes[0]).collect();
        let full = at_least(needed, &chances);
        let failing: f64 = answers.iter().map(|answer| 1.0 - answer.goes_on()).sum();
        let mut outcomes = [0.0; OUTCOMES];
        if failing > 0.0 {
            for (index, sum) in outcomes.iter_mut().enumerate().skip(1) {
                *sum = answers
                    .iter()
                    .map(|answer| answer.outcomes[index])
                    .sum::<f64>()
                    / failing
                    * (1.0 - ok);
            }
        }
        (outcomes[0], outcomes[DEGRADED]) = (full, ok - full);
        let time = Moments::ordered(&times, needed);
        Answer {
            answered: answers
                .iter()
                .map(|answer| answer.answered)
                .sum::<f64>()
                .min(1.0),
            ..Answer::plain(time, outcomes)
        }
    }
}

fn success(time: Moments) -> Answer {
    let mut outcomes = [0.0; OUTCOMES];
    outcomes[0] = 1.0;
    Answer::plain(time, outcomes)
}

/// So many times as many.
pub fn scale(tally: &mut Tally, factor: f64) {
    tally.attempts *= factor;
    tally.reached *= factor;
    tally.arrived *= factor;
    tally.bytes.0 *= factor;
    tally.bytes.1 *= factor;
    tally.ended.iter_mut().for_each(|share| *share *= factor);
}

/// Mean and variance of a time.
pub fn moments(law: &Distribution) -> Moments {
    Moments::new(law.mean(), variance_ratio(law))
}

fn variance_ratio(law: &Distribution) -> f64 {
    if law.as_constant().is_some() {
        0.0
    } else {
        law.scv()
    }
}

fn variance(law: &Distribution) -> f64 {
    variance_ratio(law) * law.mean() * law.mean()
}
