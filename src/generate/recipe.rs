//! The recipe: layers, owners, calls, tiers and sizes of a synthetic system.

use crate::engine::keyed::{Key, Purpose};
use crate::generate::Wish;

/// Shares of entry, middle and leaf services: 8,591, 30,959 and 25,201 of 64,751 (Alibaba, arXiv 2504.13141).
const LAYERS: (f64, f64) = (0.13, 0.48);
/// Share of leaves that keep data (assumed).
const STORES: f64 = 0.30;
/// Mean number of services that a service calls: Train Ticket 92/37.
const CALLS: f64 = 2.5;
/// Share of calls to services of the own team's domain (assumed: 60 to 80 %).
const INSIDE: f64 = 0.7;
/// Share of middle services that also read from one above them, which makes small cycles (assumed 1 to 3 %).
const BACK: f64 = 0.02;
/// Means of instances by layer, relative to one another: 16, 41, 17 (Alibaba).
const INSTANCES: [f64; 3] = [16.0, 41.0, 17.0];
/// Calls that one request makes on average (assumed): keeps traffic from growing with depth.
const BRANCHING: f64 = 1.1;

const SHAPE: Purpose = Purpose::new("generate shape");

/// Layer of a service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Layer {
    /// Called by users.
    Entry,
    /// Called and calls.
    Middle,
    /// Calls nobody.
    Leaf,
}

/// One service.
#[derive(Clone, PartialEq, Debug)]
pub struct Service {
    /// Name.
    pub name: String,
    /// Layer.
    pub layer: Layer,
    /// 0 at the entry, larger further down.
    pub depth: usize,
    /// Team.
    pub team: usize,
    /// Tier.
    pub tier: u8,
    /// Keeps data.
    pub store: bool,
    /// Replicas.
    pub replicas: usize,
    /// Mean processing time, microseconds.
    pub work_us: u64,
    /// Effort of moving it, tenths of a person-day.
    pub effort_tenths: u64,
    /// Calls.
    pub calls: Vec<Call>,
}

/// One call of a service.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// Callee.
    pub to: usize,
    /// Chance, per cent.
    pub chance: u32,
    /// Only the callee's own work is asked for: no further calls.
    pub shallow: bool,
    /// Planners do not know of it.
    pub hidden: bool,
    /// Bytes sent.
    pub sends: u64,
}

/// A synthetic system.
#[derive(Clone, PartialEq, Debug)]
pub struct Made {
    /// What was asked for.
    pub wish: Wish,
    /// Services.
    pub services: Vec<Service>,
    /// Engineers by team.
    pub engineers: Vec<u32>,
    /// Entry services by falling load, with their weights.
    pub journeys: Vec<(usize, f64)>,
    /// Owner of each store.
    pub owners: Vec<(usize, usize)>,
}

/// Draws of one kind, in order.
struct Draws {
    key: Key,
    next: u64,
}

impl Draws {
    fn uniform(&mut self) -> f64 {
        self.next += 1;
        self.key.uniform(SHAPE, self.next)
    }

    fn below(&mut self, count: usize) -> usize {
        self.next += 1;
        self.key.index(SHAPE, self.next, count)
    }

    /// A standard normal by the mean of twelve uniforms: light tails do no harm here.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn lognormal(&mut self, mean: f64, sigma: f64) -> f64 {
        mean * libm::exp(sigma * self.normal() - sigma * sigma / 2.0)
    }
}

/// Makes a system.
///
/// # Panics
/// With fewer than eight services or no team.
#[must_use]
pub fn make(wish: &Wish) -> Made {
    assert!(
        wish.services >= 8 && wish.teams >= 1,
        "a system has some services and a team"
    );
    let draws = |part: u64| Draws {
        key: Key::root(wish.seed, 0, 0).nth(part),
        next: 0,
    };
    let mut services = layers(wish, &mut draws(1));
    teams(wish, &mut services, &mut draws(2));
    let owners = calls(&mut services, &mut draws(3));
    sizes(wish, &mut services, &mut draws(4));
    hide(wish, &mut services, &mut draws(5));
    let mut sizes = draws(6);
    let engineers = (0..wish.teams).map(|_| 3 + sizes.below(6) as u32).collect();
    // Zipf over the entries, exponent 1.
    let journeys = services
        .iter()
        .enumerate()
        .filter(|(_, service)| service.layer == Layer::Entry)
        .map(|(at, _)| at)
        .enumerate()
        .map(|(rank, at)| (at, 1_000.0 / (rank as f64 + 1.0)))
        .collect();
    Made {
        wish: wish.clone(),
        services,
        engineers,
        journeys,
        owners,
    }
}

/// Entry, middle and leaf services with depths; the height is 4 to 8, larger for larger systems.
fn layers(wish: &Wish, draws: &mut Draws) -> Vec<Service> {
    let n = wish.services;
    let entries = ((n as f64 * LAYERS.0).round() as usize).max(1);
    let middles = ((n as f64 * LAYERS.1).round() as usize).max(1);
    let height = 4 + (n >= 100) as usize + (n >= 400) as usize + draws.below(3);
    (0..n)
        .map(|at| {
            let (layer, depth) = if at < entries {
                (Layer::Entry, 0)
            } else if at < entries + middles {
                (Layer::Middle, 1 + (at - entries) * (height - 1) / middles)
            } else {
                (Layer::Leaf, height)
            };
            let kind = ["entry", "svc", "leaf"][layer as usize];
            Service {
                name: format!("{kind}-{at:04}"),
                layer,
                depth,
                team: 0,
                tier: 2,
                store: false,
                replicas: 1,
                work_us: 1_000,
                effort_tenths: 10,
                calls: Vec::new(),
            }
        })
        .collect()
}

/// Zipf-like team sizes (exponent 1/2, so that the largest is a few times the mean); tiers 5/15/40/40 %.
fn teams(wish: &Wish, services: &mut [Service], draws: &mut Draws) {
    let weights: Vec<f64> = (0..wish.teams)
        .map(|team| 1.0 / libm::sqrt(team as f64 + 1.0))
        .collect();
    let total: f64 = weights.iter().sum();
    for (at, service) in services.iter_mut().enumerate() {
        // Each team owns something first.
        service.team = if at < wish.teams {
            at
        } else {
            let mut left = draws.uniform() * total;
            weights
                .iter()
                .position(|weight| {
                    left -= weight;
                    left <= 0.0
                })
                .unwrap_or(wish.teams - 1)
        };
        service.tier = match draws.uniform() {
            share if share < 0.05 => 0,
            share if share < 0.20 => 1,
            share if share < 0.60 => 2,
            _ => 3,
        };
    }
}

/// Calls to deeper services, mostly of the own domain, by preferential attachment; stores get an owner.
fn calls(services: &mut [Service], draws: &mut Draws) -> Vec<(usize, usize)> {
    let n = services.len();
    let callers = services
        .iter()
        .filter(|one| one.layer != Layer::Leaf)
        .count();
    let mean = CALLS * n as f64 / callers as f64;
    let most = if n < 100 { 12 } else { (n / 100).max(12) };
    // How often each was chosen: popular services become more popular.
    let mut popular = vec![1.0_f64; n];
    let mut owners = Vec::new();
    for store in (0..n)
        .filter(|at| services[*at].layer == Layer::Leaf)
        .collect::<Vec<_>>()
    {
        if draws.uniform() >= STORES {
            continue;
        }
        services[store].store = true;
        let own = |at: &usize| {
            services[*at].layer == Layer::Middle && services[*at].team == services[store].team
        };
        let near: Vec<usize> = (0..n).filter(own).collect();
        let any: Vec<usize> = (0..n)
            .filter(|at| services[*at].layer == Layer::Middle)
            .collect();
        let pool = if near.is_empty() { &any } else { &near };
        let owner = pool[draws.below(pool.len())];
        services[store].team = services[owner].team;
        services[store].name = format!("{}-db-{store:04}", services[owner].name);
        owners.push((store, owner));
    }
    for caller in 0..n {
        if services[caller].layer == Layer::Leaf {
            continue;
        }
        // Geometric with the wanted mean, at least one.
        let extra = libm::floor(libm::log(draws.uniform()) / libm::log(1.0 - 1.0 / mean)) as usize;
        let wanted = (1 + extra).min(most);
        let mut chosen: Vec<usize> = Vec::new();
        for _ in 0..wanted {
            let inside = draws.uniform() < INSIDE;
            let fits = |at: &usize| {
                let other = &services[*at];
                other.depth > services[caller].depth
                    && !other.store
                    && !chosen.contains(at)
                    && (!inside || other.team == services[caller].team)
            };
            let pool: Vec<usize> = (0..n).filter(fits).collect();
            let total: f64 = pool.iter().map(|at| popular[*at]).sum();
            let mut left = draws.uniform() * total;
            let found = pool.iter().copied().find(|at| {
                left -= popular[*at];
                left <= 0.0
            });
            if let Some(at) = found {
                popular[at] += 1.0;
                chosen.push(at);
            }
        }
        let chance = (100.0 * BRANCHING / chosen.len().max(1) as f64).clamp(5.0, 100.0) as u32;
        for to in chosen {
            let sends = draws.lognormal(4_000.0, 1.0).clamp(200.0, 100_000.0) as u64;
            services[caller].calls.push(Call {
                to,
                chance,
                shallow: false,
                hidden: false,
                sends,
            });
        }
    }
    for (store, owner) in &owners {
        services[*owner].calls.push(Call {
            to: *store,
            chance: 80,
            shallow: false,
            hidden: false,
            sends: 1_000,
        });
    }
    back_calls(services, draws);
    owners
}

/// Some middle services ask one that calls them, for its own work only: cycles of services, no endless calls.
fn back_calls(services: &mut [Service], draws: &mut Draws) {
    for at in 0..services.len() {
        if services[at].layer != Layer::Middle || draws.uniform() >= BACK {
            continue;
        }
        let callers: Vec<usize> = (0..services.len())
            .filter(|other| {
                services[*other].layer == Layer::Middle
                    && services[*other].calls.iter().any(|call| call.to == at)
            })
            .collect();
        if let Some(to) = callers.get(draws.below(callers.len().max(1))) {
            services[at].calls.push(Call {
                to: *to,
                chance: 10,
                shallow: true,
                hidden: false,
                sends: 1_000,
            });
        }
    }
}

/// Replicas, processing times and effort.
fn sizes(wish: &Wish, services: &mut [Service], draws: &mut Draws) {
    let raw: Vec<f64> = services
        .iter()
        .map(|service| draws.lognormal(INSTANCES[service.layer as usize], 0.8))
        .collect();
    let scale = wish.pods as f64 / raw.iter().sum::<f64>();
    for (service, raw) in services.iter_mut().zip(raw) {
        service.replicas = ((raw * scale).round() as usize).max(1);
        service.work_us = draws.lognormal(1_500.0, 0.6).clamp(200.0, 10_000.0) as u64;
        let mean = if service.store { 40.0 } else { 15.0 };
        service.effort_tenths = draws.lognormal(mean, 0.6).clamp(2.0, 300.0) as u64;
    }
}

/// Hides calls from planners; never the one that makes a store its owner's.
fn hide(wish: &Wish, services: &mut [Service], draws: &mut Draws) {
    let stores: Vec<bool> = services.iter().map(|service| service.store).collect();
    for service in services.iter_mut() {
        for call in &mut service.calls {
            call.hidden = draws.uniform() < wish.hidden && !stores[call.to];
        }
    }
}
