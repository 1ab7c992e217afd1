//! What kind of station a service is, and which services need a table.

use crate::model::rates::{Leaf, endpoint_rates, mix_shares, walk};
use crate::model::service::Quota;
use crate::model::{Balancer, Discipline, Distribution, LoadKind, Scenario, Service, Step};
use crate::stations::runs::{Runs, runs};

/// A station without its scale.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Kind {
    /// Cores of a replica.
    pub cores: u32,
    /// Jobs share them.
    pub sharing: bool,
    /// Millicores that a quota allows in the long run; 0: it never binds.
    pub quota: u32,
    /// With a quota: quarter octaves of the mean demand over the period.
    pub demand: i32,
    /// Squared coefficient of variation of a demand, in quarters: 0, 1, 2, 4, 8, 16 or 32.
    pub scv: u32,
    /// Position in `Balancer::ALL`.
    pub balancer: u8,
    /// With a quota: in what runs calls come.
    pub runs: Runs,
}

impl Kind {
    /// Mean demand over the quota's period.
    #[must_use]
    pub fn demand_over_period(&self) -> f64 {
        libm::exp2(f64::from(self.demand) / 4.0)
    }

    /// How it is balanced.
    #[must_use]
    pub fn rule(&self) -> Balancer {
        Balancer::ALL[usize::from(self.balancer)].0
    }
}

/// What comes to a service at the base rate of every load.
#[derive(Clone, Copy, Debug, Default)]
struct Traffic {
    jobs: f64,
    demand: f64,
    second: f64,
    balancer: Option<Balancer>,
}

/// By service: its kind and the most replicas that it may have, where no formula fits.
pub fn kinds(scenario: &Scenario) -> Vec<Option<(Kind, u32)>> {
    let journeys = journeys(scenario);
    let binding = |service| binding(service).map(|quota| quota.period.seconds());
    let periods: Vec<_> = scenario.services.iter().map(binding).collect();
    traffic(scenario, &journeys)
        .iter()
        .zip(runs(scenario, &journeys, &periods))
        .enumerate()
        .map(|(service, (traffic, runs))| kind(scenario, service, traffic, runs))
        .collect()
}

/// The quota of a service, where it is less than its cores.
fn binding(service: &Service) -> Option<Quota> {
    let processor = &service.processor;
    processor.quota.filter(|quota| {
        let cores = u64::from(processor.cores.max(1));
        quota.period.0 > 0 && quota.budget.0 < quota.period.0 * cores
    })
}

fn kind(scenario: &Scenario, index: usize, traffic: &Traffic, runs: Runs) -> Option<(Kind, u32)> {
    let service = &scenario.services[index];
    let processor = &service.processor;
    let sharing = match processor.discipline {
        Discipline::ProcessorSharing => true,
        Discipline::Fifo => false,
        Discipline::Infinite | Discipline::FairShare | Discipline::Preemptive => return None,
    };
    if traffic.jobs <= 0.0 || traffic.demand <= 0.0 {
        return None;
    }
    let mean = traffic.demand / traffic.jobs;
    let cores = processor.cores.max(1);
    let quota = binding(service);
    let balancer = traffic.balancer.unwrap_or(Balancer::LeastRequest);
    let most = most_replicas(scenario, index);
    let looks = balancer != Balancer::Random && most > 1;
    if quota.is_none() && !looks {
        return None;
    }
    // How jobs share a processor whose speed does not change leaves the mean alone, whatever their law.
    let scv = if sharing && quota.is_none() {
        1.0
    } else {
        (traffic.second / traffic.jobs / (mean * mean) - 1.0).max(0.0)
    };
    let position = Balancer::ALL.iter().position(|(rule, _)| *rule == balancer);
    let kind = Kind {
        cores,
        sharing,
        quota: quota.map_or(0, |quota| {
            (quota.budget.seconds() / quota.period.seconds() * 1000.0 + 0.5) as u32
        }),
        demand: quota.map_or(0, |quota| {
            let octaves = libm::log2(mean / quota.period.seconds());
            libm::round(4.0 * octaves).clamp(-60.0, 60.0) as i32
        }),
        scv: nearest(scv * 4.0, &[0, 1, 2, 4, 8, 16, 32]),
        balancer: position.unwrap_or(0) as u8,
        runs,
    };
    Some((kind, if looks { most } else { 1 }))
}

/// The nearest of some numbers by ratio (of one more, so that zero has a place).
fn nearest(value: f64, among: &[u32]) -> u32 {
    let apart = |one: &u32| libm::fabs(libm::log((value + 1.0) / (f64::from(*one) + 1.0)));
    let nearer = among
        .iter()
        .min_by(|one, other| apart(one).total_cmp(&apart(other)));
    nearer.copied().unwrap_or(1)
}

/// Replicas that a service may have in one cluster.
fn most_replicas(scenario: &Scenario, index: usize) -> u32 {
    let placed = scenario.services[index].placed.iter();
    placed
        .zip(&scenario.clusters)
        .map(|(placed, cluster)| {
            let policy = placed.scaling.or(cluster.scaling);
            let scaled = policy
                .filter(|_| cluster.orchestrator.scales())
                .map_or(0, |policy| scenario.policy(policy).rule.bounds().1);
            placed.replicas.max(scaled)
        })
        .max()
        .unwrap_or(1)
}

/// Actions a second by journey at the base rate of every load.
fn journeys(scenario: &Scenario) -> Vec<f64> {
    let mut journeys = vec![0.0; scenario.journeys.len()];
    for load in &scenario.loads {
        let rate = match &load.kind {
            LoadKind::Open { rate, .. } | LoadKind::Sessions { rate, .. } => *rate,
            LoadKind::Closed { users, think, .. } => *users as f64 / think.mean().max(1e-3),
        };
        let shares = mix_shares(load, journeys.len());
        for (sum, share) in journeys.iter_mut().zip(shares) {
            *sum += rate * share;
        }
    }
    journeys
}

fn traffic(scenario: &Scenario, journeys: &[f64]) -> Vec<Traffic> {
    let rates = endpoint_rates(scenario, journeys);
    let mut found = vec![Traffic::default(); scenario.services.len()];
    for (endpoint, rate) in scenario.endpoints.iter().zip(&rates) {
        if !rate.is_finite() {
            continue;
        }
        add_jobs(
            scenario,
            &endpoint.steps,
            *rate,
            &mut found[endpoint.service.index()],
        );
        note_balancers(scenario, &endpoint.steps, &mut found);
    }
    for journey in &scenario.journeys {
        note_balancers(scenario, &journey.steps, &mut found);
    }
    found
}

fn add_jobs(scenario: &Scenario, steps: &[Step], rate: f64, own: &mut Traffic) {
    walk(scenario, steps, 1.0, &mut |leaf, factor| {
        if let Leaf::Work(demand) = leaf {
            let (count, mean) = (rate * factor, demand.mean());
            own.jobs += count;
            own.demand += count * mean;
            own.second += count * mean * mean * (1.0 + scv(demand));
        }
    });
}

fn note_balancers(scenario: &Scenario, steps: &[Step], found: &mut [Traffic]) {
    walk(scenario, steps, 1.0, &mut |leaf, _| {
        if let Leaf::Call(call) = leaf {
            let service = scenario.endpoint(call.endpoint).service.index();
            let rule = call.policy.balance.rule;
            found[service].balancer.get_or_insert(rule);
        }
    });
}

fn scv(law: &Distribution) -> f64 {
    if law.as_constant().is_some() {
        0.0
    } else {
        law.scv()
    }
}
