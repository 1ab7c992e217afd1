//! Deltas against sums from scratch, rules against the packed plan, and what a climb finds against enumeration.

use super::assign::{Assignment, Change, Rules, anneal};
use super::climb::{Budget, climb};
use super::evaluator::Evaluator;
use super::moves::Draws;
use super::prices::Prices;
use super::stages::{screening, tournament};
use super::{Candidate, decode, named};
use crate::experiment::goal::Entrant;
use crate::model::{
    Goal, MetricScope, MetricTerm, Precedence, Scenario, WaveOrder, WaveSize, Written,
};
use crate::plan::KnownWorld;
use crate::plan::exposure::exposure;
use crate::plan::sample::{request, world};
use crate::units::ServiceId;

fn written<T>(value: T) -> Written<T> {
    Written {
        value,
        path: String::new(),
        text: String::new(),
    }
}

fn term(name: &str) -> MetricTerm {
    MetricTerm {
        name: name.to_owned(),
        subject: None,
        scope: MetricScope::default(),
    }
}

/// Twelve services that call one another here and there, in waves of three, all of a wave at once.
fn twelve(goal: Goal) -> Scenario {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let calls: Vec<_> = (0..11_usize)
        .flat_map(|at| [(at, at + 1, 1.0), (at, (at * 5 + 3) % 12, 0.4)])
        .filter(|(caller, callee, _)| caller < callee)
        .collect();
    let mut scenario = world(&names, &calls);
    scenario.goal = Some(goal);
    for endpoint in &mut scenario.endpoints {
        endpoint.reply.0 = 500;
    }
    let migration = scenario.migration.as_mut().expect("a migration");
    migration.constraints.wave_size = Some(written(WaveSize {
        least: 1,
        most: Some(3),
    }));
    scenario
}

#[test]
fn a_delta_is_the_difference_of_the_sums() {
    let mut scenario = twelve(Goal::Priced(vec![
        (term("cross_calls"), 2.0),
        (term("egress_cost"), 5.0),
    ]));
    // Prices a byte that differ by direction, and calls with a service that stays.
    for (at, link) in scenario.links.table.iter_mut().enumerate() {
        link.egress_per_byte = 0.001 * (at + 1) as f64;
    }
    scenario.services[11].pinned = true;
    let known = KnownWorld::new(&scenario).expect("a migration");
    let (prices, rules) = (
        Prices::new(&known).expect("traffic is paid for"),
        Rules::new(&known),
    );
    let plan = decode(&known, &request(), (0..11).collect(), WaveOrder::Parallel).expect("a plan");
    let mut found = Assignment::new(
        &known,
        &prices,
        &rules,
        &plan.timetable,
        WaveOrder::Parallel,
    )
    .expect("all groups move");
    let mut draws = Draws::new(5, 0);
    let (mut moves, mut swaps) = (0, 0);
    for _ in 0..4_000 {
        let Some(change) = found.draw(&mut draws) else {
            continue;
        };
        match change {
            Change::Move(..) => moves += 1,
            Change::Swap(..) => swaps += 1,
        }
        let (before, delta) = (found.total(), found.cost(change));
        found.apply(change);
        let after = found.total();
        assert!(
            (after - before - delta).abs() < 1e-9 * before.abs(),
            "{change:?}"
        );
    }
    assert!(moves > 100 && swaps > 100, "{moves} {swaps}");
}

#[test]
fn the_total_of_waves_that_switch_at_once_is_the_exposure_of_the_timetable() {
    let scenario = twelve(Goal::InOrder(vec![term("cross_calls")]));
    let known = KnownWorld::new(&scenario).expect("a migration");
    let (prices, rules) = (
        Prices::new(&known).expect("traffic is paid for"),
        Rules::new(&known),
    );
    for order in [
        vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        vec![7, 2, 9, 0, 4, 11, 1, 5, 10, 3, 8, 6],
    ] {
        let plan = decode(&known, &request(), order, WaveOrder::Parallel).expect("a plan");
        let found = Assignment::new(
            &known,
            &prices,
            &rules,
            &plan.timetable,
            WaveOrder::Parallel,
        )
        .expect("all groups move");
        let calls = exposure(&known, &plan.timetable).calls;
        assert!((found.total() - calls).abs() < 1e-6 * calls, "{calls}");
    }
}

#[test]
fn annealing_by_deltas_keeps_order_and_sizes_and_finds_what_enumeration_finds() {
    let mut scenario = twelve(Goal::InOrder(vec![term("cross_calls")]));
    let migration = scenario.migration.as_mut().expect("a migration");
    migration.constraints.order = vec![written(Precedence {
        before: vec![ServiceId(10)],
        after: vec![ServiceId(1)],
    })];
    let known = KnownWorld::new(&scenario).expect("a migration");
    let (prices, rules) = (
        Prices::new(&known).expect("traffic is paid for"),
        Rules::new(&known),
    );
    let start: Vec<usize> = (0..12).rev().collect();
    let plan = decode(&known, &request(), start, WaveOrder::Parallel).expect("a plan");
    let mut found = Assignment::new(
        &known,
        &prices,
        &rules,
        &plan.timetable,
        WaveOrder::Parallel,
    )
    .expect("all groups move");
    let costed = anneal(&mut found, &mut Draws::new(2, 0), 60_000, 1.0, &|_| false);
    assert!((50_000..=60_000).contains(&costed), "{costed}");
    assert!(found.wave_of[10] < found.wave_of[1]);
    let sizes = (0..4).map(|wave| found.wave_of.iter().filter(|one| **one == wave).count());
    assert!(sizes.clone().all(|size| size == 3), "{:?}", found.wave_of);
    // All ways to cut twelve into four waves of three, at the same times.
    let least = all_ways(&found, [3; 4], 10, 1);
    assert!(
        found.total() <= least * (1.0 + 1e-9),
        "{} {least}",
        found.total()
    );
}

/// The least total of all assignments with these sizes in which `first` moves in an earlier wave than `second`.
fn all_ways(found: &Assignment, sizes: [usize; 4], first: usize, second: usize) -> f64 {
    fn fill(
        at: usize,
        left: &mut [usize; 4],
        waves: &mut Vec<usize>,
        judge: &mut dyn FnMut(&[usize]),
    ) {
        if at == waves.len() {
            judge(waves);
            return;
        }
        for wave in 0..4 {
            if left[wave] > 0 {
                left[wave] -= 1;
                waves[at] = wave;
                fill(at + 1, left, waves, judge);
                left[wave] += 1;
            }
        }
    }
    let mut least = f64::INFINITY;
    fill(0, &mut sizes.clone(), &mut vec![0; 12], &mut |waves| {
        if waves[first] < waves[second] {
            least = least.min(found.total_of(waves));
        }
    });
    least
}

#[test]
fn a_climb_counts_what_it_does_and_beats_its_starts() {
    let scenario = twelve(Goal::InOrder(vec![term("cross_calls")]));
    let known = KnownWorld::new(&scenario).expect("a migration");
    let made = std::cell::Cell::new(0);
    let strategies = named(&known, &request(), &|| made.set(made.get() + 1));
    assert_eq!(made.get(), strategies.len());
    let starts: Vec<_> = strategies.into_iter().map(|(one, _)| one).collect();
    let most = 200_000;
    let budget = Budget {
        evaluations: most,
        stop: &|_| false,
        spent: &|spent| spent as f64 / most as f64,
        told: &|_| (),
    };
    let climbed = climb(&known, &request(), &starts, 5, &budget);
    let spent = climbed.evaluations(known.groups.len());
    assert!((most..most + 5_000).contains(&spent), "{spent}");
    assert!(
        climbed.moves > 50_000 && climbed.packed > 700,
        "{} {}",
        climbed.moves,
        climbed.packed
    );
    let value = |one: &super::Candidate| one.outlook.parts[0];
    let least = starts.iter().map(value).fold(f64::INFINITY, f64::min);
    assert!(value(&climbed.best[0]) <= least);
    let again = climb(&known, &request(), &starts, 5, &budget);
    assert_eq!(again.best[0].order, climbed.best[0].order);
}

/// Values by plan, drawn by stage: a mean each, luck that all share and luck of its own.
struct Drawn {
    means: Vec<f64>,
    own: f64,
    seed: u64,
    names: Vec<String>,
}

impl Evaluator for Drawn {
    fn name(&self) -> &'static str {
        "drawn"
    }

    fn holds(&self) -> &'static str {
        "nothing but the draws"
    }

    fn judge(&self, plans: &[&Candidate], stage: u32, replications: u32) -> Option<Vec<Entrant>> {
        let luck = |plan: usize, replication: u32| {
            let mut draws = Draws::new(self.seed, stage * 1_000_000 + replication);
            let shared = draws.uniform();
            let own = (0..=plan).map(|_| draws.uniform()).last().expect("one");
            // Near normal: the sum of three.
            shared + self.own * (own + draws.uniform() + draws.uniform())
        };
        let entrant = |plan: &&Candidate| {
            let at = self.names.iter().position(|name| *name == plan.by);
            let at = at.expect("it takes part");
            let values = (0..replications).map(|one| Some(self.means[at] + luck(at, one)));
            Entrant {
                name: plan.by.clone(),
                values: vec![values.collect()],
            }
        };
        Some(plans.iter().map(entrant).collect())
    }
}

fn drawn(means: &[f64], own: f64, seed: u64) -> (Drawn, Vec<Candidate>) {
    let scenario = twelve(Goal::InOrder(vec![term("cross_calls")]));
    let known = KnownWorld::new(&scenario).expect("a migration");
    let plan = decode(&known, &request(), (0..12).collect(), WaveOrder::Parallel).expect("a plan");
    let names: Vec<String> = (0..means.len()).map(|at| format!("plan-{at}")).collect();
    let plans = names.iter().map(|name| Candidate {
        by: name.clone(),
        ..plan.clone()
    });
    let plans = plans.collect();
    let means = means.to_vec();
    (
        Drawn {
            means,
            own,
            seed,
            names,
        },
        plans,
    )
}

#[test]
fn a_tournament_drops_what_is_told_apart_and_compares_the_rest_on_fresh_luck() {
    let (evaluator, plans) = drawn(&[20.0, 10.0, 10.001, 30.0, 20.5], 0.01, 1);
    let listed: Vec<&Candidate> = plans.iter().collect();
    let found = tournament(&evaluator, &listed, Some(8), 20, 0.95).expect("nobody cancels");
    let of = |at: usize| {
        let standing = found.standings.iter().find(|one| one.place.entrant == at);
        standing.expect("all have a place")
    };
    // 10 and 10.001 differ by a tenth of the spread of a difference: no 8 replications tell them apart.
    let finals: Vec<usize> = (0..5).filter(|at| of(*at).is_final).collect();
    assert_eq!(finals, [1, 2]);
    assert_eq!((of(1).replications, of(3).replications), (20, 8));
    assert_eq!(found.entrants[1].values[0].len(), 20);
    let order: Vec<usize> = found
        .standings
        .iter()
        .map(|one| one.place.entrant)
        .collect();
    assert_eq!(order[2..], [0, 4, 3]);
    // Differences are those of the means, within four errors of 0.01 / sqrt(8) each.
    let behind = of(3).place.behind[0].expect("it has values").difference;
    assert!((behind.estimate - 20.0).abs() < 0.02, "{behind:?}");
    assert!(behind.low > 19.0 && behind.high < 21.0, "{behind:?}");
    assert_eq!(screening(5, 20), Some(8));
    assert_eq!(screening(3, 20), None);
    assert_eq!(screening(9, 5), None);
}

#[test]
fn equal_plans_are_seldom_dropped() {
    // Six equal plans: with probability of at most 2.5 % the first stage drops any. Of 400 tournaments 10 on
    // average at most, a Poisson number: more than 22 has a probability below 0.0004.
    let mut dropped = 0;
    for seed in 0..400 {
        let (evaluator, plans) = drawn(&[5.0; 6], 1.0, 100 + seed);
        let listed: Vec<&Candidate> = plans.iter().collect();
        let found = tournament(&evaluator, &listed, Some(8), 9, 0.95).expect("nobody cancels");
        dropped += usize::from(found.standings.iter().any(|one| !one.is_final));
    }
    assert!(dropped <= 22, "{dropped} of 400");
}
