//! One run of a program in the mean: how long it takes, how it ends, whom it calls.
//!
//! A failed step ends its program, so later steps count only as often as they are reached.

use crate::model::routing::{CallerSide, target_share};
use crate::model::{
    Call, Distribution, Fallback, LinkEnd, Parallel, RoutingMode, Scenario, Step, StepKind,
};
use crate::units::{Bytes, ClusterId, ServiceId};
use crate::world::contract::{OUTCOMES, Outcome};
use crate::world::data::flow::law::{Moments, at_least};
use crate::world::data::flow::station::{Serving, StationPoint};

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
    fn plain(time: Moments, outcomes: [f64; OUTCOMES]) -> Self {
        Self {
            time,
            outcomes,
            answered: 0.0,
            after: 0.0,
        }
    }
}

/// Calls of one call site in one run of a program, to one cluster.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// Caller-callee pair.
    pub edge: usize,
    /// Place of the caller and of the callee (0 users, then clusters).
    pub places: (usize, usize),
    /// Callee.
    pub endpoint: usize,
    /// Attempts made.
    pub attempts: f64,
    /// Attempts that a replica accepted.
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
        let (mut ok, mut answered, mut after) = (1.0, 0.0, 0.0);
        for step in steps {
            let answer = self.step(step, place, station, reach * ok, tallies);
            let open = 1.0 - answered;
            time = time.then(answer.time.sometimes(ok * open));
            after += ok * (answered * answer.time.mean + answer.after);
            for (sum, share) in outcomes.iter_mut().zip(&answer.outcomes).skip(1) {
                *sum += ok * open * share;
            }
            ok *= if answered > 0.0 {
                1.0 - open * (1.0 - answer.outcomes[0])
            } else {
                answer.outcomes[0]
            };
            answered += open * answer.answered;
        }
        outcomes[0] = ok;
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
        let ok = answer.outcomes[0];
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
            for share in answer.outcomes.iter_mut().skip(1) {
                *share *= done;
            }
            answer.outcomes[0] = all_ok;
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
                let choices = kind.parts(&|cache| self.scenario.caches[cache.index()].hit);
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
        let chances: Vec<_> = answers.iter().map(|answer| answer.outcomes[0]).collect();
        let ok = at_least(needed, &chances);
        let failing: f64 = answers.iter().map(|answer| 1.0 - answer.outcomes[0]).sum();
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
        outcomes[0] = ok;
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

    fn call(&self, call: &Call, place: usize, reach: f64, tallies: &mut Vec<Tally>) -> Answer {
        let scenario = self.scenario;
        let service = scenario.endpoint(call.endpoint).service;
        let first = tallies.len();
        let mut parts = Vec::with_capacity(2);
        let mut outcomes = [0.0; OUTCOMES];
        for (cluster, share) in self
            .shares(service, place)
            .into_iter()
            .filter(|(_, share)| *share > 0.0)
        {
            let (answer, tally) = self.attempt(call, service, place, cluster);
            parts.push((share, answer.time));
            outcomes
                .iter_mut()
                .zip(&answer.outcomes)
                .for_each(|(sum, part)| *sum += share * part);
            tallies.push(tally);
            if let Some(tally) = tallies.last_mut() {
                scale(tally, share);
            }
        }
        let mut time = Moments::mixture(&parts);
        let policy = &call.policy;
        let again: f64 = Outcome::ALL
            .iter()
            .filter(|outcome| retried(**outcome, call))
            .map(|outcome| outcomes[*outcome as usize])
            .sum();
        let mut attempts = 1.0;
        if policy.retries.max > 0 && again > 0.0 {
            let last = libm::pow(again, f64::from(policy.retries.max));
            attempts = if again < 1.0 {
                (1.0 - last * again) / (1.0 - again)
            } else {
                f64::from(policy.retries.max + 1)
            };
            for outcome in Outcome::ALL {
                outcomes[outcome as usize] *= if retried(outcome, call) {
                    last
                } else {
                    attempts
                };
            }
            time = time.repeated(attempts, 0.0);
            time.mean += (attempts - 1.0) * policy.retries.backoff.mean_pause(1).seconds();
            time.shift = time.shift.min(
                parts
                    .iter()
                    .map(|(_, part)| part.shift)
                    .fold(f64::INFINITY, f64::min),
            );
        }
        if let Some(limit) = policy.timeout.filter(|_| policy.retries.max > 0) {
            let (late, cut) = time.cut(limit.seconds());
            time = cut;
            outcomes.iter_mut().for_each(|share| *share *= 1.0 - late);
            outcomes[Outcome::Timeout as usize] += late;
        }
        for tally in &mut tallies[first..] {
            scale(tally, reach * attempts);
        }
        if policy.fallback == Fallback::Degraded || !call.fallback.is_empty() {
            // Its caller goes on as after an answer; rates do not tell the two apart.
            let all = outcomes.iter().sum();
            outcomes = [0.0; OUTCOMES];
            outcomes[Outcome::Ok as usize] = all;
        }
        Answer::plain(time, outcomes)
    }

    /// One attempt in one cluster.
    fn attempt(
        &self,
        call: &Call,
        service: ServiceId,
        place: usize,
        cluster: usize,
    ) -> (Answer, Tally) {
        let scenario = self.scenario;
        let clusters = scenario.clusters.len();
        let station = service.index() * clusters + cluster;
        let serving = &self.serving[station];
        let endpoint = scenario.endpoint(call.endpoint);
        let mut tally = Tally {
            edge: call.edge.index(),
            places: (place, cluster + 1),
            endpoint: call.endpoint.index(),
            attempts: 1.0,
            arrived: 0.0,
            bytes: (0.0, 0.0),
            ended: [0.0; OUTCOMES],
        };
        if serving.listed <= 0.0 {
            tally.ended[Outcome::NoReadyReplica as usize] = 1.0;
            return (Answer::plain(Moments::default(), tally.ended), tally);
        }
        let reached = serving.usable / serving.listed;
        let shed = self.stations[station].shed;
        let node = &self.answers[call.endpoint.index() * clusters + cluster];
        let travel = self
            .travel(place, cluster + 1, call.sends)
            .then(self.travel(cluster + 1, place, endpoint.reply));
        let served = reached * (1.0 - shed);
        let mut outcomes = node.outcomes.map(|share| share * served);
        outcomes[Outcome::Unreachable as usize] += 1.0 - reached;
        outcomes[Outcome::Shed as usize] += reached * shed;
        let mut time =
            Moments::mixture(&[(served, travel.then(node.time)), (1.0 - served, travel)]);
        let policy = &call.policy;
        let limit = if policy.retries.max == 0 {
            policy
                .per_try_timeout
                .into_iter()
                .chain(policy.timeout)
                .min()
        } else {
            policy.per_try_timeout
        };
        if let Some(limit) = limit {
            let (late, cut) = time.cut(limit.seconds());
            time = cut;
            outcomes.iter_mut().for_each(|share| *share *= 1.0 - late);
            outcomes[Outcome::Timeout as usize] += late;
        }
        tally.arrived = served;
        tally.bytes = (call.sends.0 as f64, endpoint.reply.0 as f64);
        tally.ended = outcomes;
        (Answer::plain(time, outcomes), tally)
    }

    fn travel(&self, from: usize, to: usize, size: Bytes) -> Moments {
        let end = |place: usize| {
            if place == 0 {
                LinkEnd::Users
            } else {
                LinkEnd::Cluster(ClusterId::from_index(place - 1))
            }
        };
        let link = self.scenario.links.between(end(from), end(to));
        let delay = moments(&link.one_way);
        match link.bandwidth {
            Some(bandwidth) => delay.then(Moments::new(size.0 as f64 / bandwidth, 0.0)),
            None => delay,
        }
    }

    /// Clusters that serve calls to `service` from `place`, with shares: the same rule as a single request's.
    fn shares(&self, service: ServiceId, place: usize) -> [(usize, f64); 2] {
        let clusters = self.scenario.clusters.len();
        let described = self.scenario.service(service);
        let listed =
            |cluster: usize| self.serving[service.index() * clusters + cluster].listed > 0.0;
        let (Some(route), Some(migration)) =
            (&self.routes[service.index()], &self.scenario.migration)
        else {
            let own = place
                .checked_sub(1)
                .filter(|own| described.clusters.iter().any(|c| c.index() == *own) && listed(*own));
            let chosen = own
                .or_else(|| {
                    described
                        .clusters
                        .iter()
                        .map(|cluster| cluster.index())
                        .find(|cluster| listed(*cluster))
                })
                .unwrap_or(described.clusters[0].index());
            return [(chosen, 1.0), (chosen, 0.0)];
        };
        let (from, to) = (migration.from.index(), migration.to.index());
        let side = match place {
            0 => CallerSide::Users,
            place if place - 1 == to => CallerSide::Target,
            _ => CallerSide::Source,
        };
        let mut share = target_share(route.mode, side, route.callers_share, route.weight);
        if route.mode != RoutingMode::Weighted {
            share = match (listed(from), listed(to)) {
                (true, false) => 0.0,
                (false, true) => 1.0,
                _ => share,
            };
        }
        [(to, share), (from, 1.0 - share)]
    }
}

fn retried(outcome: Outcome, call: &Call) -> bool {
    outcome.is_retried(call.policy.retries.when)
}

fn success(time: Moments) -> Answer {
    let mut outcomes = [0.0; OUTCOMES];
    outcomes[0] = 1.0;
    Answer::plain(time, outcomes)
}

fn scale(tally: &mut Tally, factor: f64) {
    tally.attempts *= factor;
    tally.arrived *= factor;
    tally.bytes.0 *= factor;
    tally.bytes.1 *= factor;
    tally.ended.iter_mut().for_each(|share| *share *= factor);
}

fn moments(law: &Distribution) -> Moments {
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
