//! What planners see of a scenario: services, traffic, teams and rules, without the calls that are hidden.

use std::collections::BTreeMap;

use crate::model::rates::{Leaf, load_rate, mix_shares, walk};
use crate::model::{Journey, Load, Migration, Scenario, Service, ServiceKind, Step};
use crate::plan::graph::GroupGraph;
use crate::plan::tables::Tables;
use crate::queueing::visits;
use crate::units::{JourneyId, ServiceId, SimDuration, SimTime};

/// Instants at which the load's level is read over the horizon.
const LOOKS: u64 = 2_016;

/// One service as planners see it.
#[derive(Clone, Debug)]
pub struct KnownService {
    /// Requests a second at level 1, from users and services.
    pub requests: f64,
    /// Requested cores of all replicas in the source.
    pub cores: f64,
    /// Requested memory of all replicas in the source, bytes.
    pub memory: f64,
    /// Replicas in the source.
    pub replicas: u32,
    /// Whether a plan moves it: it runs in the source, is not pinned, and may run in the target.
    pub moves: bool,
    /// Where it stays, if it does not move: on the target's side or not.
    pub stays_on_target: bool,
}

/// All calls of one service to another.
#[derive(Clone, Debug)]
pub struct KnownEdge {
    /// Position of the caller in `Scenario::services`.
    pub caller: usize,
    /// Position of the callee.
    pub callee: usize,
    /// Calls a second at level 1.
    pub calls: f64,
    /// Bytes a second from caller to callee at level 1.
    pub request_bytes: f64,
    /// Bytes a second back.
    pub reply_bytes: f64,
    /// Calls in one action, by journey that makes any.
    pub by_journey: Vec<(JourneyId, f64)>,
}

/// Services that move in one wave with one outcome.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its first member's name: groups are told apart and tied by it.
    pub name: String,
    /// Members in the order they shift.
    pub services: Vec<usize>,
    /// Sum of its members' requests a second.
    pub requests: f64,
    /// Sum of its members' cores.
    pub cores: f64,
    /// Sum of its members' replicas.
    pub replicas: u32,
    /// Sum of its members' effort, person-days.
    pub effort_days: f64,
    /// The most critical of its members.
    pub tier: u8,
    /// Whether a member keeps data.
    pub stateful: bool,
}

/// The scenario as planners see it.
#[derive(Clone, Debug)]
pub struct KnownWorld<'a> {
    /// The scenario; its hidden calls are not to be read from here.
    pub scenario: &'a Scenario,
    /// Its migration.
    pub migration: &'a Migration,
    /// By service.
    pub services: Vec<KnownService>,
    /// Known calls between different services, by caller and callee.
    pub edges: Vec<KnownEdge>,
    /// Actions a second at level 1, by journey.
    pub actions: Vec<f64>,
    /// Move groups of the services that move.
    pub groups: Vec<Group>,
    /// The group of each service that moves.
    pub group_of: Vec<Option<usize>>,
    /// Traffic between the groups.
    pub graph: GroupGraph,
    /// What holds for all plans.
    pub tables: Tables,
    /// Integral of the load's level over time, seconds at level 1, at equal steps over the horizon.
    level_sums: Vec<f64>,
    /// Largest level of the load over the horizon.
    pub peak_level: f64,
}

impl<'a> KnownWorld<'a> {
    /// What planners see; `None` when the scenario has no migration.
    #[must_use]
    pub fn new(scenario: &'a Scenario) -> Option<Self> {
        let migration = scenario.migration.as_ref()?;
        let calls = KnownCalls::new(scenario);
        let often: Vec<Vec<f64>> = scenario
            .journeys
            .iter()
            .map(|journey| calls.of_journey(scenario, journey))
            .collect();
        let (actions, by_load) = actions_at_level_one(scenario, &often);
        let (services, edges) = traffic(scenario, migration, &calls, &often, &actions);
        let (groups, group_of) = groups(scenario, migration, &services);
        let graph = GroupGraph::new(&groups, &group_of, &edges, &services);
        let (level_sums, peak_level) = levels(scenario, &by_load);
        let tables = Tables::new(scenario, migration, &services, &edges);
        Some(Self {
            scenario,
            migration,
            services,
            edges,
            actions,
            groups,
            group_of,
            graph,
            tables,
            level_sums,
            peak_level,
        })
    }

    /// Name of a service.
    #[must_use]
    pub fn name(&self, service: usize) -> &'a str {
        &self.scenario.services[service].name
    }

    /// Seconds at level 1 that the load from `from` to `to` amounts to.
    #[must_use]
    pub fn load_between(&self, from: SimTime, to: SimTime) -> f64 {
        self.load_until(to) - self.load_until(from)
    }

    fn load_until(&self, at: SimTime) -> f64 {
        let step = self.scenario.horizon.seconds() / (self.level_sums.len() - 1) as f64;
        let position = at.seconds() / step;
        let below = (position as usize).min(self.level_sums.len() - 2);
        let (low, high) = (self.level_sums[below], self.level_sums[below + 1]);
        low + (high - low) * (position - below as f64)
    }

    /// Group positions sorted by name: the tie order of all strategies.
    #[must_use]
    pub fn groups_by_name(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_by(|a, b| self.groups[*a].name.cmp(&self.groups[*b].name));
        order
    }
}

/// Calls that planners know: `(caller endpoint, callee endpoint, calls a request, bytes of a call)`.
struct KnownCalls {
    calls: Vec<(usize, usize, f64)>,
    sends: Vec<f64>,
}

impl KnownCalls {
    fn new(scenario: &Scenario) -> Self {
        let (mut calls, mut sends) = (Vec::new(), Vec::new());
        for (caller, endpoint) in scenario.endpoints.iter().enumerate() {
            walk(scenario, &endpoint.steps, 1.0, &mut |leaf, often| {
                if let Leaf::Call(call) = leaf
                    && !call.hidden
                {
                    calls.push((caller, call.endpoint.index(), often));
                    sends.push(call.sends.0 as f64);
                }
            });
        }
        Self { calls, sends }
    }

    /// Requests of each endpoint in one action of a journey.
    fn of_journey(&self, scenario: &Scenario, journey: &Journey) -> Vec<f64> {
        let mut entries = vec![0.0; scenario.endpoints.len()];
        walk(scenario, &journey.steps, 1.0, &mut |leaf, often| {
            if let Leaf::Call(call) = leaf
                && !call.hidden
            {
                entries[call.endpoint.index()] += often;
            }
        });
        visits(&entries, &self.calls, entries.len())
    }
}

/// Time of a program's own work and waits, in seconds, as if nothing queued.
fn own_time(scenario: &Scenario, steps: &[Step]) -> f64 {
    let mut seconds = 0.0;
    walk(scenario, steps, 1.0, &mut |leaf, often| {
        if let Leaf::Work(time) | Leaf::Wait(time) = leaf {
            seconds += often * time.mean();
        }
    });
    seconds
}

/// Actions a second at level 1 by journey, and by load; users of closed loads wait for work and waits, never in a queue.
fn actions_at_level_one(scenario: &Scenario, often: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let times: Vec<f64> = scenario
        .endpoints
        .iter()
        .map(|one| own_time(scenario, &one.steps))
        .collect();
    let response: Vec<f64> = scenario
        .journeys
        .iter()
        .zip(often)
        .map(|(journey, often)| {
            let inner: f64 = often
                .iter()
                .zip(&times)
                .map(|(often, time)| often * time)
                .sum();
            own_time(scenario, &journey.steps) + inner
        })
        .collect();
    let mut actions = vec![0.0; scenario.journeys.len()];
    let mut by_load = Vec::new();
    for load in &scenario.loads {
        let level_one = Load {
            shape: Vec::new(),
            ..load.clone()
        };
        let shares = mix_shares(load, actions.len());
        let mean: f64 = shares
            .iter()
            .zip(&response)
            .map(|(share, time)| share * time)
            .sum();
        let rate = load_rate(&level_one, &scenario.clock, SimTime::ZERO, mean);
        by_load.push(rate);
        for (sum, share) in actions.iter_mut().zip(&shares) {
            *sum += rate * share;
        }
    }
    (actions, by_load)
}

/// Services with their requests, and calls between different services.
fn traffic(
    scenario: &Scenario,
    migration: &Migration,
    calls: &KnownCalls,
    often: &[Vec<f64>],
    actions: &[f64],
) -> (Vec<KnownService>, Vec<KnownEdge>) {
    let mut services: Vec<KnownService> = scenario
        .services
        .iter()
        .enumerate()
        .map(|(index, service)| known_service(index, service, migration))
        .collect();
    let mut edges: BTreeMap<(usize, usize), KnownEdge> = BTreeMap::new();
    for (journey, (often, rate)) in often.iter().zip(actions).enumerate() {
        for (endpoint, often) in scenario.endpoints.iter().zip(often) {
            services[endpoint.service.index()].requests += rate * often;
        }
        for ((caller, callee, mean), sends) in calls.calls.iter().zip(&calls.sends) {
            let per_action = often[*caller] * mean;
            let (from, to) = (
                scenario.endpoints[*caller].service.index(),
                scenario.endpoints[*callee].service.index(),
            );
            if from == to || per_action <= 0.0 {
                continue;
            }
            let edge = edges.entry((from, to)).or_insert(KnownEdge {
                caller: from,
                callee: to,
                calls: 0.0,
                request_bytes: 0.0,
                reply_bytes: 0.0,
                by_journey: Vec::new(),
            });
            edge.calls += rate * per_action;
            edge.request_bytes += rate * per_action * sends;
            edge.reply_bytes += rate * per_action * scenario.endpoints[*callee].reply.0 as f64;
            let id = JourneyId::from_index(journey);
            match edge.by_journey.last_mut().filter(|(last, _)| *last == id) {
                Some((_, sum)) => *sum += per_action,
                None => edge.by_journey.push((id, per_action)),
            }
        }
    }
    // Calls that no user ever causes are dependencies all the same.
    for (caller, callee, _) in &calls.calls {
        let (from, to) = (
            scenario.endpoints[*caller].service.index(),
            scenario.endpoints[*callee].service.index(),
        );
        if from != to {
            edges.entry((from, to)).or_insert(KnownEdge {
                caller: from,
                callee: to,
                calls: 0.0,
                request_bytes: 0.0,
                reply_bytes: 0.0,
                by_journey: Vec::new(),
            });
        }
    }
    (services, edges.into_values().collect())
}

fn known_service(index: usize, service: &Service, migration: &Migration) -> KnownService {
    let replicas = service.placed[migration.from.index()].replicas;
    let id = ServiceId::from_index(index);
    let forbidden = migration.constraints.allowed.iter().any(|allowed| {
        allowed.value.services.contains(&id) && !allowed.value.clusters.contains(&migration.to)
    });
    let in_source = service.clusters.contains(&migration.from);
    KnownService {
        requests: 0.0,
        cores: service.resources.cpu_request.cores() * f64::from(replicas),
        memory: service.resources.memory_request.0 as f64 * f64::from(replicas),
        replicas,
        moves: in_source && !service.pinned && !forbidden,
        stays_on_target: !in_source && service.clusters.contains(&migration.to),
    }
}

/// Move groups: the sets of `together`, joined where they share a service; every other service is its own.
fn groups(
    scenario: &Scenario,
    migration: &Migration,
    services: &[KnownService],
) -> (Vec<Group>, Vec<Option<usize>>) {
    let mut root: Vec<usize> = (0..services.len()).collect();
    fn top(root: &[usize], mut at: usize) -> usize {
        while root[at] != at {
            at = root[at];
        }
        at
    }
    for set in &migration.together {
        for pair in set.windows(2) {
            let (a, b) = (top(&root, pair[0].index()), top(&root, pair[1].index()));
            root[a.max(b)] = a.min(b);
        }
    }
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut group_of = vec![None; services.len()];
    let mut place = vec![None; services.len()];
    for index in (0..services.len()).filter(|index| services[*index].moves) {
        let top = top(&root, index);
        let group = *place[top].get_or_insert_with(|| {
            members.push(Vec::new());
            members.len() - 1
        });
        members[group].push(index);
        group_of[index] = Some(group);
    }
    let group = |members: Vec<usize>| {
        let facts = || members.iter().map(|index| &scenario.services[*index]);
        let sum = |of: &dyn Fn(usize) -> f64| members.iter().map(|index| of(*index)).sum();
        Group {
            name: scenario.services[members[0]].name.clone(),
            requests: sum(&|index| services[index].requests),
            cores: sum(&|index| services[index].cores),
            replicas: members.iter().map(|index| services[*index].replicas).sum(),
            effort_days: sum(&|index| scenario.services[index].effort_days.unwrap_or(0.0)),
            tier: facts().map(|service| service.tier).min().unwrap_or(3),
            stateful: facts().any(|service| service.kind == ServiceKind::Stateful),
            services: members,
        }
    };
    (members.into_iter().map(group).collect(), group_of)
}

/// Cumulated level of all loads together (weighted by their actions at level 1), and its peak.
fn levels(scenario: &Scenario, rates: &[f64]) -> (Vec<f64>, f64) {
    let total: f64 = rates.iter().sum();
    let step = scenario.horizon.seconds() / LOOKS as f64;
    let (mut sums, mut peak) = (vec![0.0], 0.0_f64);
    for look in 0..LOOKS {
        let at = SimTime::ZERO + SimDuration::from_seconds((look as f64 + 0.5) * step);
        let level = if total > 0.0 {
            let loads = scenario.loads.iter().zip(rates);
            let sum: f64 = loads
                .map(|(load, rate)| rate * load.level(at, &scenario.clock))
                .sum();
            sum / total
        } else {
            1.0
        };
        peak = peak.max(level);
        sums.push(sums[look as usize] + level * step);
    }
    (sums, peak)
}
