//! The control plane alone on a large cluster: `cargo bench --bench control_plane`.
//!
//! 5,000 nodes, 2,000 services, 150,000 pods, and so many ordinary deploys that about 500,000 pods start in a
//! simulated day, above a data plane that carries nothing. Plays once and prints what it did and the CPU time it
//! took: measure one build against another in alternating pairs.

use std::collections::VecDeque;

use cutover::model::sample::{add_service, cluster, empty, work};
use cutover::model::{Discipline, Distribution, Machine, Pool, Scenario};
use cutover::units::{Bytes, Cpu, MachineId, SimDuration, SimTime};
use cutover::world::contract::{
    Advanced, Command, DataPlane, Luck, Notice, Seen, StationSeen, Stop,
};
use cutover::world::play::World;
use cutover::world::recorder::{ControlSeen, ProgrammeEvent, Recorder};

const NODES: u32 = 5_000;
const SERVICES: usize = 2_000;
const REPLICAS: u32 = 75;
const STARTS: f64 = 500_000.0;

/// Carries nothing; drains at once.
#[derive(Default)]
struct Nothing {
    now: SimTime,
    notices: VecDeque<Notice>,
    started: u64,
}

impl DataPlane for Nothing {
    fn advance(&mut self, until: SimTime) -> Result<Advanced, Stop> {
        let notice = self.notices.pop_front();
        if notice.is_none() {
            self.now = until;
        }
        Ok(Advanced {
            now: self.now,
            notice,
        })
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Drain { replica } => self.notices.push_back(Notice::Drained { replica }),
            Command::AddReplica { .. } => self.started += 1,
            _ => {}
        }
    }

    fn observe(&mut self, seen: &mut Seen) {
        seen.stations.resize_with(SERVICES, StationSeen::default);
    }

    fn events(&self) -> u64 {
        self.started
    }
}

/// Counts deploys and waits.
#[derive(Default)]
struct Counter {
    events: u64,
    pending: u32,
}

impl Recorder for Counter {
    fn interval(&mut self, _: &Seen, control: &ControlSeen) {
        let pending = control.replicas.iter().map(|counts| counts.pending).sum();
        self.pending = self.pending.max(pending);
    }

    fn event(&mut self, _: &ProgrammeEvent) {
        self.events += 1;
    }
}

fn scenario() -> Scenario {
    let day = 86_400.0;
    let mut scenario = empty(SimDuration::from_seconds(day));
    scenario.clusters = vec![cluster("large")];
    scenario.machines = vec![Machine {
        name: "m".into(),
        cpu: Cpu(32_000),
        memory: Bytes(128 << 30),
        pods: 110,
        price_per_hour: 1.0,
        speed: 1.0,
    }];
    let place = &mut scenario.clusters[0];
    place.zones = ["a", "b", "c"].map(str::to_owned).to_vec();
    place.pools = vec![Pool::fixed("general", MachineId(0), NODES)];
    place.pools[0].zones = vec![0, 1, 2];
    place.limits.registry_bandwidth = 100e9;
    let deploys = STARTS / (SERVICES as f64 * f64::from(REPLICAS)) / day;
    for index in 0..SERVICES {
        let steps = vec![work(Distribution::constant(0.001))];
        add_service(
            &mut scenario,
            &format!("s{index}"),
            1,
            Discipline::Fifo,
            steps,
        );
        let service = &mut scenario.services[index];
        service.placed[0].replicas = REPLICAS;
        service.resources.cpu_request = Cpu(500 + 100 * (index as u64 % 10));
        service.resources.memory_request = Bytes((1 << 30) + ((index as u64 % 7) << 28));
        service.pods.image = Bytes(200 << 20);
        service.pods.deploys = deploys;
    }
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

fn main() {
    let scenario = scenario();
    let luck = Luck {
        seed: 1,
        replication: 0,
        stage: 0,
    };
    let mut world = World::new(&scenario, Nothing::default(), luck, true);
    let placed = cpu_seconds();
    println!("{} pods placed in {placed:.2} CPU-seconds", world.events());
    let mut counter = Counter::default();
    let hours = std::env::args()
        .find_map(|argument| argument.parse::<u64>().ok())
        .unwrap_or(24);
    let end = SimTime::ZERO + SimDuration::from_secs(3600 * hours);
    world.advance_to(end, &mut counter).expect("nothing stops");
    println!(
        "{hours} h: {} pod starts, {} events, at most {} pods waited: {:.2} CPU-seconds",
        world.events() - u64::from(REPLICAS) * SERVICES as u64,
        counter.events,
        counter.pending,
        cpu_seconds() - placed
    );
}
