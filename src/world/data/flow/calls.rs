//! One call in the mean: tries in the clusters that serve it, what limits and repeats them, what the caller gets.

use crate::model::fault::CONNECT_TIMEOUT;
use crate::model::routing::{CallerSide, target_share};
use crate::model::{Call, Fallback, Knows, LinkEnd, LinkFault, RoutingMode};
use crate::units::{Bytes, ClusterId, ServiceId};
use crate::world::contract::{OUTCOMES, Outcome};
use crate::world::data::flow::law::Moments;
use crate::world::data::flow::limits::{Client, chain, refused, retry_share};
use crate::world::data::flow::program::{Answer, Surroundings, Tally, moments, scale};

const OK: usize = Outcome::Ok as usize;
const DEGRADED: usize = Outcome::Degraded as usize;

impl Surroundings<'_> {
    /// One call from `place`, made with probability `reach` in a run; its tries are appended to `tallies`.
    pub fn call(&self, call: &Call, place: usize, reach: f64, tallies: &mut Vec<Tally>) -> Answer {
        let first = tallies.len();
        let (time, outcomes) = self.one_try(call, place, tallies);
        let mut answer = Answer::plain(time, outcomes);
        let policy = &call.policy;
        let mut tries = 1.0;
        if let Some(hedge) = policy.hedge {
            (answer, tries) = hedged(answer, hedge.after.seconds(), hedge.max);
        }
        let client = self.client(call, reach, answer.time.mean);
        if let Some(breaker) = &policy.breaker {
            self.break_circuit(call, client, breaker.max_in_flight, &mut answer, &mut tries);
        }
        if policy.retries.max > 0 {
            tries *= again(call, client, &mut answer);
        }
        if let Some(limit) = policy
            .timeout
            .filter(|_| policy.retries.max > 0 || policy.hedge.is_some())
        {
            give_up(limit.seconds(), &mut answer.time, &mut answer.outcomes);
        }
        for tally in &mut tallies[first..] {
            scale(tally, reach * tries);
        }
        if policy.fallback == Fallback::Degraded || !call.fallback.is_empty() {
            // Its caller goes on as after an answer.
            let all: f64 = answer.outcomes.iter().sum();
            let ok = answer.outcomes[OK];
            answer.outcomes = [0.0; OUTCOMES];
            (answer.outcomes[OK], answer.outcomes[DEGRADED]) = (ok, all - ok);
        }
        answer
    }

    /// One try, over the clusters that it may go to.
    fn one_try(
        &self,
        call: &Call,
        place: usize,
        tallies: &mut Vec<Tally>,
    ) -> (Moments, [f64; OUTCOMES]) {
        let service = self.scenario.endpoint(call.endpoint).service;
        let mut parts = Vec::with_capacity(2);
        let mut outcomes = [0.0; OUTCOMES];
        for (cluster, share) in self
            .shares(service, place)
            .into_iter()
            .filter(|(_, share)| *share > 0.0)
        {
            let (answer, mut tally) = self.attempt(call, service, place, cluster);
            parts.push((share, answer.time));
            outcomes
                .iter_mut()
                .zip(&answer.outcomes)
                .for_each(|(sum, part)| *sum += share * part);
            scale(&mut tally, share);
            tallies.push(tally);
        }
        (Moments::mixture(&parts), outcomes)
    }

    /// What one client of the call site makes: a replica of the caller its part, or all callers of the service.
    fn client(&self, call: &Call, reach: f64, time: f64) -> Client {
        let service = self.scenario.endpoint(call.endpoint).service.0;
        let own = self.caller.rate * reach;
        let calls = match call.policy.balance.knows {
            Knows::Own => own / self.caller.replicas.max(1.0),
            Knows::Shared => {
                let found = self
                    .caller
                    .shares
                    .iter()
                    .find(|(known, _)| *known == service);
                own / found.map_or(1.0, |(_, share)| share.max(1e-6))
            }
        };
        Client {
            calls,
            time,
            pause: call.policy.retries.backoff.mean_pause(1).seconds(),
        }
    }

    /// Beyond so many tries under way the caller's own side refuses.
    fn break_circuit(
        &self,
        call: &Call,
        client: Client,
        most: u32,
        answer: &mut Answer,
        tries: &mut f64,
    ) {
        let retried: f64 = retried_share(call, &answer.outcomes);
        let made = chain(retried, call.policy.retries.max) * *tries;
        let open = refused(most, client.calls * made * client.time);
        if open > 0.0 {
            answer
                .outcomes
                .iter_mut()
                .for_each(|share| *share *= 1.0 - open);
            answer.outcomes[Outcome::CircuitOpen as usize] += open;
            answer.time = answer.time.sometimes(1.0 - open);
            *tries *= 1.0 - open;
        }
    }

    /// One try in one cluster.
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
            reached: 0.0,
            arrived: 0.0,
            bytes: (0.0, 0.0),
            ended: [0.0; OUTCOMES],
        };
        if serving.listed <= 0.0 {
            tally.ended[Outcome::NoReadyReplica as usize] = 1.0;
            return (Answer::plain(Moments::default(), tally.ended), tally);
        }
        let reached = serving.usable / serving.listed;
        let point = &self.stations[station];
        let node = &self.answers[call.endpoint.index() * clusters + cluster];
        let mut travel = self
            .travel(place, cluster + 1, call.sends)
            .then(self.travel(cluster + 1, place, endpoint.reply));
        let (there, back) = (
            self.fault(place, cluster + 1),
            self.fault(cluster + 1, place),
        );
        let mut served = reached * (1.0 - point.shed);
        let (mut node_time, mut node_outcomes) = (node.time, node.outcomes);
        if there.cut || back.cut {
            // Its caller finds nobody after the connect time-out; over a cut way back the work was done before.
            node_outcomes = [0.0; OUTCOMES];
            node_outcomes[Outcome::Unreachable as usize] = 1.0;
            let wait = Moments::new(CONNECT_TIMEOUT.seconds(), 0.0);
            served = 1.0;
            if there.cut {
                (travel, node_time) = (wait, Moments::default());
            } else {
                travel = travel.then(wait);
            }
        }
        // Who is let in, until the caller gives up; who is not, learns so at once.
        let mut time = travel.then(node_time);
        let policy = &call.policy;
        let limit = if policy.retries.max == 0 && policy.hedge.is_none() {
            policy
                .per_try_timeout
                .into_iter()
                .chain(policy.timeout)
                .min()
        } else {
            policy.per_try_timeout
        };
        if let Some(limit) = limit {
            give_up(limit.seconds(), &mut time, &mut node_outcomes);
            if point.abandoned > 0.0 && policy.cancels() {
                // Those whose turn does not come in time leave the queue: their callers waited to the limit.
                let stays = 1.0 - point.abandoned;
                node_outcomes.iter_mut().for_each(|share| *share *= stays);
                node_outcomes[Outcome::Timeout as usize] += point.abandoned;
                let late = Moments::new(limit.seconds(), 0.0);
                time = Moments::mixture(&[(stays, time), (point.abandoned, late)]);
            }
        }
        let mut outcomes = node_outcomes.map(|share| share * served);
        if served < 1.0 {
            outcomes[Outcome::Unreachable as usize] += 1.0 - reached;
            outcomes[Outcome::Shed as usize] += reached * point.shed;
            time = Moments::mixture(&[(served, time), (1.0 - served, travel)]);
        }
        if there.cut {
            served = 0.0;
        }
        tally.reached = if there.cut { 0.0 } else { reached };
        tally.arrived = served;
        tally.bytes = (call.sends.0 as f64, endpoint.reply.0 as f64);
        tally.ended = outcomes;
        (Answer::plain(time, outcomes), tally)
    }

    fn fault(&self, from: usize, to: usize) -> LinkFault {
        let places = self.scenario.clusters.len() + 1;
        let found = self.links.get(from * places + to);
        found.copied().unwrap_or(LinkFault::NONE)
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
        let fault = self.fault(from, to);
        let mut delay = moments(&link.one_way);
        if fault != LinkFault::NONE {
            let (mean, second) = fault.retransmission_moments();
            delay = delay.scaled(fault.factor).then(Moments {
                mean,
                variance: second - mean * mean,
                shift: 0.0,
            });
        }
        match self
            .wires
            .of(from * (self.scenario.clusters.len() + 1) + to)
        {
            Some(wire) if size.0 > 0 => wire.time(size.0 as f64).then(delay),
            _ => delay,
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

fn retried_share(call: &Call, outcomes: &[f64; OUTCOMES]) -> f64 {
    Outcome::ALL
        .iter()
        .filter(|outcome| outcome.is_retried(call.policy.retries.when))
        .map(|outcome| outcomes[*outcome as usize])
        .sum()
}

/// Retries after a try that ends as `answer`, which becomes the call's; tries of a call.
fn again(call: &Call, client: Client, answer: &mut Answer) -> f64 {
    let rules = &call.policy.retries;
    let again = retried_share(call, &answer.outcomes);
    if again <= 0.0 {
        return 1.0;
    }
    let failed: f64 = 1.0 - answer.outcomes[OK] - answer.outcomes[DEGRADED];
    let share = retry_share(rules, call.policy.breaker.as_ref(), client, again, failed);
    let next = again * share;
    let tries = chain(next, rules.max);
    // A try that failed is the call's end when it was the last, or when the next was not let through.
    let last = libm::pow(next, f64::from(rules.max));
    let ends = (1.0 - share) * chain(next, rules.max - 1) + last;
    for outcome in Outcome::ALL {
        let retried = outcome.is_retried(rules.when);
        answer.outcomes[outcome as usize] *= if retried { ends } else { tries };
    }
    let shift = answer.time.shift;
    answer.time = answer.time.repeated(tries, 0.0);
    let mut reached = 1.0;
    for retry in 1..=rules.max {
        reached *= next;
        answer.time.mean += reached * rules.backoff.mean_pause(retry).seconds();
    }
    answer.time.shift = answer.time.shift.min(shift);
    tries
}

/// Cuts a time at a limit: what is longer ends as a time-out.
fn give_up(limit: f64, time: &mut Moments, outcomes: &mut [f64; OUTCOMES]) {
    let (late, cut) = time.cut(limit);
    *time = cut;
    outcomes.iter_mut().for_each(|share| *share *= 1.0 - late);
    outcomes[Outcome::Timeout as usize] += late;
}

/// A call that sends one more try each `after` seconds without an answer, at most `max`: the first answer counts, and
/// a failure sends the next at once. Tries are taken as independent; returns the call and its mean tries.
fn hedged(one: Answer, after: f64, max: u32) -> (Answer, f64) {
    let (mut tries, mut open) = (1.0, 1.0);
    let mut parts = vec![one.time];
    let ok = one.outcomes[OK] + one.outcomes[DEGRADED];
    for number in 1..=max {
        let waited = after * f64::from(number);
        // Sent unless some try before it has answered by then.
        open *= 1.0 - ok * one.time.at_most(after);
        tries += open;
        parts.push(Moments {
            mean: one.time.mean + waited,
            shift: one.time.shift + waited,
            ..one.time
        });
    }
    let failed = libm::pow(1.0 - ok, f64::from(max) + 1.0);
    let mut outcomes = one.outcomes.map(|share| {
        if ok < 1.0 {
            share / (1.0 - ok) * failed
        } else {
            0.0
        }
    });
    for kind in [OK, DEGRADED] {
        outcomes[kind] = if ok > 0.0 {
            one.outcomes[kind] / ok * (1.0 - failed)
        } else {
            0.0
        };
    }
    (Answer::plain(Moments::ordered(&parts, 1), outcomes), tries)
}
