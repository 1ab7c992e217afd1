//! Large and long runs at flow fidelity, through the experiment's own path: `cargo bench --bench control_plane --
//! [large | long] [HOURS]`, both when nothing is named.
//!
//! `large`: 5,000 nodes, 150,000 pods, 2,000 services with HPAs under a daily wave of factor 2 on which each of ten
//! loads has a wobble of its own (a new level every twelve minutes), 1 % of services deploying each hour; a simulated day.
//! `long`: 200 services for eight weeks, the synthetic programme of `cutover generate --services 200`.
//! Prints what happened, CPU time and peak memory: measure one build against another in alternating pairs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use cutover::experiment::collector::Collector;
use cutover::experiment::driver::{MemoryJournal, Options, Quiet, run_on};
use cutover::experiment::replication::{Play, Stage, full_looks};
use cutover::generate::{Wish, make, text};
use cutover::model::sample::{add_journey, add_open_load, add_service, call, cluster, empty};
use cutover::model::sample::{plain_policy, work};
use cutover::model::scaling::hpa::{MetricSource, MetricSpec, MetricTarget, Resource};
use cutover::model::scaling::{HpaSpec, ScalingPolicy, ScalingRule};
use cutover::model::scenario::Fidelity;
use cutover::model::{Discipline, Distribution, Machine, Pool, Replications, Scenario, Shape};
use cutover::units::{Bytes, Cpu, MachineId, PolicyId, SimDuration, SimTime};
use cutover::world::contract::{Advanced, Asked, Command, DataPlane, Luck, Seen, Stop};
use cutover::world::data::flow::FlowPlane;
use cutover::world::play::World;
use cutover::world::recorder::{ControlSeen, EventKind, ProgrammeEvent, Recorder};

const NODES: u32 = 5_000;
const TREES: usize = 200;
/// Loads, each of as many journeys.
const LOADS: usize = 10;
/// Mean replicas of a service over the day; 2,000 services.
const REPLICAS: u32 = 75;
const TARGET: u32 = 60;
/// Actions a second of a journey at the peak.
const PEAK: f64 = 1_000.0;

/// What happened.
#[derive(Default)]
struct Told {
    starts: AtomicU64,
    deploys: AtomicU64,
    pods: AtomicU64,
    /// Services that scaled, by five minutes.
    scaling: Mutex<BTreeSet<(u64, u32)>>,
}

/// Counts pods on their way to the plane.
struct Counting {
    plane: FlowPlane,
    told: Arc<Told>,
}

impl DataPlane for Counting {
    fn advance(&mut self, until: SimTime) -> Result<Advanced, Stop> {
        self.plane.advance(until)
    }

    fn command(&mut self, command: Command) {
        if matches!(command, Command::AddReplica { .. }) {
            self.told.starts.fetch_add(1, Ordering::Relaxed);
        }
        self.plane.command(command);
    }

    fn observe(&mut self, seen: &mut Seen) {
        self.plane.observe(seen);
    }

    fn pulse(&mut self, seen: &mut Seen, asked: Asked<'_>) {
        self.plane.pulse(seen, asked);
    }

    fn events(&self) -> u64 {
        self.plane.events()
    }
}

/// Tells the collector and counts.
struct Both<'c, 's, 't> {
    collector: &'c mut Collector<'s>,
    told: &'t Told,
}

impl Recorder for Both<'_, '_, '_> {
    fn interval(&mut self, seen: &Seen, control: &ControlSeen) {
        let ready: u64 = control
            .replicas
            .iter()
            .map(|counts| u64::from(counts.ready))
            .sum();
        self.told.pods.fetch_max(ready, Ordering::Relaxed);
        self.collector.interval(seen, control);
    }

    fn event(&mut self, event: &ProgrammeEvent) {
        match event.kind {
            EventKind::DeployStarted => {
                self.told.deploys.fetch_add(1, Ordering::Relaxed);
            }
            EventKind::Scaled => {
                let service = event.service.map_or(u32::MAX, |service| service.0);
                let mut scaling = self.told.scaling.lock().expect("one thread");
                scaling.insert((event.at.0 / 300_000_000_000, service));
            }
            _ => {}
        }
        self.collector.event(event);
    }
}

struct Counted<'s> {
    world: World<'s, Counting>,
    told: Arc<Told>,
}

impl Play for Counted<'_> {
    fn advance_to(&mut self, until: SimTime, collector: &mut Collector<'_>) -> Result<(), Stop> {
        let told = &*self.told;
        self.world.advance_to(until, &mut Both { collector, told })
    }

    fn events(&self) -> u64 {
        self.world.events()
    }
}

struct CountingStage(Arc<Told>);

impl Stage for CountingStage {
    fn open<'s>(
        &self,
        scenario: &'s Scenario,
        luck: Luck,
        migrate: bool,
        _records: bool,
    ) -> Box<dyn Play + 's> {
        let told = Arc::clone(&self.0);
        let plane = Counting {
            plane: FlowPlane::new(scenario, luck),
            told: Arc::clone(&told),
        };
        let world = World::new(scenario, plane, luck, migrate);
        let world = world.with_full_looks(full_looks(scenario), false);
        Box::new(Counted { world, told })
    }
}

fn large() -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(86_400));
    scenario.clusters = vec![cluster("large")];
    scenario.machines = vec![Machine {
        name: "m".into(),
        cpu: Cpu(64_000),
        memory: Bytes(256 << 30),
        pods: 110,
        price_per_hour: 1.0,
        speed: 1.0,
    }];
    let place = &mut scenario.clusters[0];
    place.zones = ["a", "b", "c"].map(str::to_owned).to_vec();
    place.pools = vec![Pool::fixed("general", MachineId(0), NODES)];
    place.pools[0].zones = vec![0, 1, 2];
    place.limits.registry_bandwidth = 100e9;
    // The mean is the documented limit of 150,000; the peak of the day is above it.
    place.limits.pods = 400_000;
    place.limits.containers = 400_000;
    scenario.scaling = vec![ScalingPolicy {
        name: "cpu".into(),
        rule: ScalingRule::Hpa(HpaSpec {
            min_replicas: 10,
            max_replicas: 300,
            metrics: vec![MetricSpec {
                source: MetricSource::Resource(Resource::Cpu),
                target: MetricTarget::Utilization(TARGET),
            }],
            behavior: None,
        }),
        beside: None,
    }];
    for tree in 0..TREES {
        // Three middle services of two leaves each; every one is called once in an action.
        let mut middles = Vec::new();
        for middle in 0..3 {
            let leaves: Vec<_> = (0..2)
                .map(|leaf| tree_service(&mut scenario, &format!("t{tree}-m{middle}-l{leaf}"), &[]))
                .collect();
            middles.push(tree_service(
                &mut scenario,
                &format!("t{tree}-m{middle}"),
                &leaves,
            ));
        }
        let entry = tree_service(&mut scenario, &format!("t{tree}"), &middles);
        let limit = SimDuration::from_secs(2);
        let journey = add_journey(&mut scenario, &format!("j{tree}"), entry, limit);
        if tree < LOADS {
            let rate = PEAK * (TREES / LOADS) as f64;
            add_open_load(&mut scenario, &format!("l{tree}"), rate, journey);
            let daily = Shape::Daily {
                peak_second: 43_200.0 + 60.0 * tree as f64,
                low: 0.5,
            };
            scenario.loads[tree].shape = vec![daily, Shape::Steps(wobble(tree as u64))];
        } else {
            scenario.loads[tree % LOADS].mix.push((journey, 1.0));
        }
    }
    scenario.run.replications = Replications::Fixed(1);
    scenario.run.fidelity = Fidelity::Flow;
    scenario.run.resolution = SimDuration::from_secs(300);
    scenario
}

/// A service called once an action: 0.75 of `PEAK` a second keep `REPLICAS` at the target.
fn tree_service(
    scenario: &mut Scenario,
    name: &str,
    callees: &[cutover::units::EndpointId],
) -> cutover::units::EndpointId {
    let index = scenario.services.len();
    let millicores = 500 + 100 * (index as u64 % 10);
    let used = f64::from(REPLICAS) * millicores as f64 / 1000.0 * f64::from(TARGET) / 100.0;
    let mut steps = vec![work(Distribution::exponential(used / (0.75 * PEAK)))];
    for callee in callees {
        steps.push(call(scenario, Some(index), *callee, plain_policy()));
    }
    let cores = if millicores > 1000 { 2 } else { 1 };
    let endpoint = add_service(scenario, name, cores, Discipline::ProcessorSharing, steps);
    let service = &mut scenario.services[index];
    service.placed[0].replicas = REPLICAS * 2 / 3;
    service.placed[0].scaling = Some(PolicyId(0));
    service.resources.cpu_request = Cpu(millicores);
    service.resources.memory_request = Bytes((1 << 30) + ((index as u64 % 7) << 28));
    service.pods.image = Bytes(200 << 20);
    // One in a hundred services an hour.
    service.pods.deploys = 0.01 / 3600.0;
    endpoint
}

/// Levels between 0.87 and 1.13, a new one every twelve minutes at a minute of its own, from a multiplicative hash.
fn wobble(tree: u64) -> Vec<(SimTime, f64)> {
    (0..120_u64)
        .map(|step| {
            let hash = (tree * 120 + step + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let level = 0.87 + 0.26 * hash as f64 / f64::from(1 << 24);
            let at = SimDuration::from_secs(720 * step + 72 * tree);
            (SimTime::ZERO + at, level)
        })
        .collect()
}

fn long() -> Scenario {
    let made = make(&Wish {
        name: "long".into(),
        services: 200,
        teams: 20,
        seed: 1,
        hidden: 0.0,
        pods: 800,
    });
    let folder = std::env::temp_dir().join(format!("cutover-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let file = folder.join("long.yaml");
    std::fs::write(&file, text(&made)).expect("a temporary file");
    let sets = ["run.replications=1", "run.fidelity=flow"].map(String::from);
    let checked = cutover::scenario::check(&file, None, &sets, None);
    std::fs::remove_dir_all(&folder).expect("the temporary folder");
    let mut scenario = checked.scenario.unwrap_or_else(|| {
        panic!(
            "{}",
            cutover::scenario::render::render(&checked.problems, &checked.sources, 100, true)
        )
    });
    // The programme itself takes longer; these are its first eight weeks, with its twin.
    scenario.horizon = SimDuration::from_secs(8 * 7 * 86_400);
    scenario
}

/// User and system time of this process so far, seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<f64>().ok());
    (ticks(11).unwrap_or(f64::NAN) + ticks(12).unwrap_or(f64::NAN)) / 100.0
}

/// Peak memory of this process in MB (Linux).
fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    peak.unwrap_or(f64::NAN) / 1024.0
}

fn measure(name: &str, mut scenario: Scenario, hours: Option<u64>) {
    if let Some(hours) = hours {
        scenario.horizon = SimDuration::from_secs(3600 * hours);
    }
    let told = Arc::new(Told::default());
    let before = cpu_seconds();
    let result = run_on(
        &CountingStage(Arc::clone(&told)),
        &scenario,
        Options { threads: 1 },
        &mut MemoryJournal::default(),
        &Quiet,
        &AtomicBool::new(false),
    );
    let spent = cpu_seconds() - before;
    assert_eq!(result.replications.len(), 1, "{:?}", result.stop);
    let scaling = told.scaling.lock().expect("one thread").len() as f64;
    let slots = scenario.horizon.seconds() / 300.0 * scenario.services.len() as f64;
    println!(
        "{name}: {} services, {:.1} days: {} pod starts, at most {} pods, {} deploys, {:.1} % of services scale \
         in five minutes: {spent:.2} CPU-seconds, peak {:.0} MB",
        scenario.services.len(),
        scenario.horizon.seconds() / 86_400.0,
        told.starts.load(Ordering::Relaxed),
        told.pods.load(Ordering::Relaxed),
        told.deploys.load(Ordering::Relaxed),
        scaling / slots * 100.0,
        peak_megabytes(),
    );
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let hours = words.iter().find_map(|word| word.parse::<u64>().ok());
    let named = |name: &str| words.iter().any(|word| word == name);
    let both = !named("large") && !named("long");
    if both || named("long") {
        measure("long", long(), hours);
    }
    if both || named("large") {
        measure("large", large(), hours);
    }
}
