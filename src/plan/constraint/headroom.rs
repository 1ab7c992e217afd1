//! `headroom`: requests of what runs in the target leave a share of its room free.

use super::{Constraint, Help, Obstacle, Trial};
use crate::model::scaling::ScalingRule;
use crate::model::{Migration, Scenario};
use crate::plan::KnownWorld;

/// Share that stays free when nothing is written. Only plans that are made are held to it.
const SHARE: f64 = 0.1;

/// See the module.
pub(super) static HEADROOM: Constraint = Constraint {
    name: "headroom",
    meaning: "what runs in the target leaves a share of its CPU and memory free",
    judge,
};

fn judge(trial: &Trial) -> Vec<Obstacle> {
    let known = trial.known;
    let written = known.migration.constraints.headroom.as_ref();
    if written.is_none() && trial.complete {
        return Vec::new();
    }
    let Some((cores, memory)) = room(known) else {
        return Vec::new();
    };
    let free = written.map_or(SHARE, |share| share.value);
    let (mut used, mut used_memory) = trial.before.taken;
    for service in trial.wave {
        used += known.tables.taken[*service].0;
        used_memory += known.tables.taken[*service].1;
    }
    let name = &known.scenario.cluster(known.migration.to).name;
    let (limit, limit_memory) = (cores * (1.0 - free), memory * (1.0 - free));
    let reason = if used > limit + 1e-9 {
        format!(
            "`{name}` would hold {used:.1} cores of requests, {limit:.1} are to be used at most"
        )
    } else if used_memory > limit_memory + 0.5 {
        let gibibytes = |bytes: f64| bytes / f64::from(1 << 30);
        format!(
            "`{name}` would hold {:.1} GiB of requests, {:.1} are to be used at most",
            gibibytes(used_memory),
            gibibytes(limit_memory)
        )
    } else {
        return Vec::new();
    };
    vec![Obstacle {
        path: written.map_or_else(
            || format!("clusters.{name}.pools"),
            |share| share.path.clone(),
        ),
        reason,
        help: Help::Nothing,
    }]
}

/// Cores and bytes of the target's nodes; `None` when its room is unlimited.
fn room(known: &KnownWorld) -> Option<(f64, f64)> {
    let target = known.scenario.cluster(known.migration.to);
    if target.pools.is_empty() {
        return None;
    }
    let (mut cores, mut memory) = (0.0, 0.0);
    for pool in &target.pools {
        let machine = &known.scenario.machines[pool.machine.index()];
        cores += f64::from(pool.nodes) * machine.cpu.cores();
        memory += f64::from(pool.nodes) * machine.memory.0 as f64;
    }
    Some((cores, memory))
}

/// Requests of a service in the target when it is prepared there: cores and bytes of all its replicas.
pub fn taken(scenario: &Scenario, migration: &Migration, service: usize) -> (f64, f64) {
    let resources = &scenario.services[service].resources;
    let replicas = f64::from(prepared(scenario, migration, service));
    (
        replicas * resources.cpu_request.cores(),
        replicas * resources.memory_request.0 as f64,
    )
}

/// Replicas that a service is prepared with on the target: what the programme asks for.
fn prepared(scenario: &Scenario, migration: &Migration, service: usize) -> u32 {
    let placed = &scenario.services[service].placed;
    let (source, there) = (
        placed[migration.from.index()].replicas,
        placed[migration.to.index()],
    );
    let base = if there.replicas == 0 || there.replicas == source {
        source
    } else {
        there.replicas
    };
    let scaled = ((f64::from(base) * migration.prepare_scale - 1e-9).ceil() as u32).max(1);
    match there.scaling.map(|policy| &scenario.policy(policy).rule) {
        Some(ScalingRule::Same(_)) => source.max(1),
        Some(rule) => rule.initial(scaled).max(1),
        None => scaled,
    }
}
