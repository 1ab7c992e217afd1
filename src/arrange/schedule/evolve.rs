//! Search over activity lists: a population with two-point crossover (Hartmann 1998) and forward-backward
//! improvement of every child (Valls, Ballestin, Quintanilla 2008), restarted when it has become one family.

use crate::arrange::control::Control;
use crate::arrange::draws::Draws;

use super::serial::{Schedule, Scheduler};

/// Members of the population: as many as activities, within these.
const POPULATION: (usize, usize) = (40, 120);
/// Generations without a better child before a restart.
const PATIENCE: u32 = 60;

/// The best schedule met.
#[derive(Clone, PartialEq, Debug)]
pub struct Evolved {
    /// Its starts and makespan.
    pub schedule: Schedule,
    /// The list that gives it.
    pub list: Vec<u32>,
    /// Its cost.
    pub cost: f64,
}

#[derive(Clone)]
struct Member {
    list: Vec<u32>,
    starts: Vec<u32>,
    makespan: u32,
    cost: f64,
}

/// Minimises `cost` of a schedule (its makespan, or anything that starts decide) until the budget ends or a
/// cost of `floor` is met. An evaluation is one schedule generated. `begin` are lists to start from (may be empty).
///
/// Forward-backward improvement shortens schedules, so it is only used when `shorter_is_better`.
#[must_use]
pub fn evolve(
    scheduler: &mut Scheduler,
    begin: &[Vec<u32>],
    cost: &dyn Fn(&[u32], u32) -> f64,
    shorter_is_better: bool,
    floor: f64,
    draws: &mut Draws,
    control: &Control<'_>,
) -> Evolved {
    let size = scheduler.activities().clamp(POPULATION.0, POPULATION.1);
    let mut best: Option<Member> = None;
    let mut population: Vec<Member> = Vec::new();
    for list in begin {
        population.push(evaluate(
            scheduler,
            list.clone(),
            cost,
            shorter_is_better,
            control,
        ));
    }
    loop {
        while population.len() < size {
            let list = sample(scheduler, draws);
            population.push(evaluate(scheduler, list, cost, shorter_is_better, control));
            note(&mut best, &population[population.len() - 1], control);
            if control.over() || done(&best, floor) {
                break;
            }
        }
        let mut idle = 0;
        while idle < PATIENCE && !control.over() && !done(&best, floor) {
            let lowest = population
                .iter()
                .map(|one| one.cost)
                .fold(f64::INFINITY, f64::min);
            let mut children = Vec::with_capacity(size);
            for _ in 0..size / 2 {
                let (one, two) = (draws.below(population.len()), draws.below(population.len()));
                if one == two {
                    continue;
                }
                let (mother, father) = (&population[one], &population[two]);
                for (first, second) in [(mother, father), (father, mother)] {
                    let mut list = crossover(&first.list, &second.list, draws);
                    mutate(scheduler, &mut list, draws);
                    children.push(evaluate(scheduler, list, cost, shorter_is_better, control));
                }
                if control.over() {
                    break;
                }
            }
            for child in &children {
                note(&mut best, child, control);
            }
            population.append(&mut children);
            population.sort_by(|a, b| {
                a.cost
                    .total_cmp(&b.cost)
                    .then_with(|| a.starts.cmp(&b.starts))
            });
            // Twins add nothing: one of each schedule stays.
            population.dedup_by(|a, b| a.starts == b.starts);
            population.truncate(size);
            let now = population[0].cost;
            idle = if now < lowest { 0 } else { idle + 1 };
            if population.len() < 4 {
                break;
            }
        }
        if control.over() || done(&best, floor) {
            break;
        }
        population.clear();
    }
    let best = best
        .or_else(|| population.into_iter().next())
        .expect("a list was evaluated");
    Evolved {
        schedule: Schedule {
            starts: best.starts,
            makespan: best.makespan,
        },
        list: best.list,
        cost: best.cost,
    }
}

fn done(best: &Option<Member>, floor: f64) -> bool {
    best.as_ref().is_some_and(|best| best.cost <= floor)
}

fn note(best: &mut Option<Member>, member: &Member, control: &Control<'_>) {
    if best.as_ref().is_none_or(|best| member.cost < best.cost) {
        control.better(&member.list, member.cost);
        *best = Some(member.clone());
    }
}

fn evaluate(
    scheduler: &mut Scheduler,
    mut list: Vec<u32>,
    cost: &dyn Fn(&[u32], u32) -> f64,
    shorter_is_better: bool,
    control: &Control<'_>,
) -> Member {
    let mut starts = vec![0; list.len()];
    let mut makespan = scheduler.forward(&list, &mut starts);
    let mut spent = 1;
    if shorter_is_better {
        makespan = scheduler.justify(&mut list, &mut starts, makespan);
        spent += 2;
    }
    control.spend(spent);
    let cost = cost(&starts, makespan);
    Member {
        list,
        starts,
        makespan,
        cost,
    }
}

/// A random list that keeps precedence: each time any free activity, those with the longest rest of a chain behind
/// them more often (regret-based sampling needs priorities; a tournament of two is enough of one).
fn sample(scheduler: &Scheduler, draws: &mut Draws) -> Vec<u32> {
    let n = scheduler.activities();
    let rest = scheduler.tails();
    let mut waits: Vec<usize> = scheduler.predecessors().iter().map(Vec::len).collect();
    let mut free: Vec<u32> = (0..n as u32)
        .filter(|&one| waits[one as usize] == 0)
        .collect();
    let mut list = Vec::with_capacity(n);
    while !free.is_empty() {
        let (a, b) = (draws.below(free.len()), draws.below(free.len()));
        let pick = if rest[free[a] as usize] >= rest[free[b] as usize] {
            a
        } else {
            b
        };
        let one = free.swap_remove(pick);
        list.push(one);
        for &later in &scheduler.successors()[one as usize] {
            waits[later as usize] -= 1;
            if waits[later as usize] == 0 {
                free.push(later);
            }
        }
    }
    list
}

/// Head and tail from the first, the middle in the order of the second: keeps precedence.
fn crossover(first: &[u32], second: &[u32], draws: &mut Draws) -> Vec<u32> {
    let n = first.len();
    let (a, b) = (draws.below(n + 1), draws.below(n + 1));
    let (low, high) = (a.min(b), a.max(b));
    let mut taken = vec![true; n];
    for &one in &first[low..high] {
        taken[one as usize] = false;
    }
    let mut list = Vec::with_capacity(n);
    list.extend_from_slice(&first[..low]);
    list.extend(second.iter().filter(|&&one| !taken[one as usize]));
    list.extend_from_slice(&first[high..]);
    list
}

/// Moves a few activities to random places between what they wait for and what waits for them.
fn mutate(scheduler: &Scheduler, list: &mut Vec<u32>, draws: &mut Draws) {
    let n = list.len();
    let moves = 1 + draws.below(3);
    for _ in 0..moves {
        let from = draws.below(n);
        let one = list[from] as usize;
        let mut low = from;
        while low > 0 && !scheduler.predecessors()[one].contains(&list[low - 1]) {
            low -= 1;
        }
        let mut high = from;
        while high + 1 < n && !scheduler.successors()[one].contains(&list[high + 1]) {
            high += 1;
        }
        let to = low + draws.below(high - low + 1);
        let moved = list.remove(from);
        list.insert(to, moved);
    }
}
