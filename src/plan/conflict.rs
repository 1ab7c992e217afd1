//! Why no plan was found: an irreducible set of constraints that conflict.
//!
//! Found by QuickXplain (Junker 2004) with the packer as the judge: with all of the set no plan is found, without
//! any one of it there is one. The packer is a heuristic, tried on several orders; a conflict is therefore "no plan
//! was found", not a proof that there is none.

use crate::model::{PlanRequest, Scenario};
use crate::plan::constraint::Obstacle;
use crate::plan::{KnownWorld, NoPlan, Strategy, find, make};

/// Orders that are tried besides the strategy's own.
const OTHERS: [&str; 3] = ["deadline-first", "leaf-first-layered", "greedy-min-cut"];

/// Takes one constraint out of a scenario.
type Lift = Box<dyn Fn(&mut Scenario)>;

/// One constraint that can be lifted.
pub struct Item {
    /// Path of its key.
    pub path: String,
    /// As written, or in words.
    pub text: String,
    lift: Lift,
}

/// An irreducible conflict.
#[derive(Clone, PartialEq, Debug)]
pub struct Conflict {
    /// Path and text of each constraint of the set; empty when nothing that can be lifted is in the way.
    pub items: Vec<(String, String)>,
    /// What stood against the first attempt, with all constraints.
    pub obstacles: Vec<Obstacle>,
}

/// Finds an irreducible set of constraints under which no plan is found; `None` when another order than the
/// strategy's has a plan that keeps all of them.
#[must_use]
pub fn explain(
    scenario: &Scenario,
    strategy: &Strategy,
    request: &PlanRequest,
    obstacles: &[Obstacle],
) -> Option<Conflict> {
    let judge = Judge {
        scenario,
        strategy,
        request,
        items: items(scenario),
    };
    let all: Vec<usize> = (0..judge.items.len()).collect();
    if judge.is_feasible(&all) {
        return None;
    }
    // Which irreducible set is found hangs on what is asked first: of two the smaller is easier to read, and of equal
    // ones that which begins with what is asked of this migration.
    let found = if judge.is_feasible(&[]) {
        let backwards: Vec<usize> = all.iter().rev().copied().collect();
        let sets = [&all, &backwards].map(|items| judge.explain(&[], false, items));
        let [first, second] = sets;
        if second.len() <= first.len() {
            second
        } else {
            first
        }
    } else {
        Vec::new()
    };
    let text = |index: &usize| {
        let item = &judge.items[*index];
        (item.path.clone(), item.text.clone())
    };
    Some(Conflict {
        items: found.iter().map(text).collect(),
        obstacles: obstacles.to_vec(),
    })
}

struct Judge<'a> {
    scenario: &'a Scenario,
    strategy: &'a Strategy,
    request: &'a PlanRequest,
    items: Vec<Item>,
}

impl Judge<'_> {
    /// Whether a plan is found under these constraints alone.
    fn is_feasible(&self, kept: &[usize]) -> bool {
        let mut scenario = self.scenario.clone();
        // Whether there is a plan, not which is better.
        scenario.goal = None;
        // From the last on, so that positions of earlier ones hold.
        for (index, item) in self.items.iter().enumerate().rev() {
            if !kept.contains(&index) {
                (item.lift)(&mut scenario);
            }
        }
        let Some(known) = KnownWorld::new(&scenario) else {
            return false;
        };
        let others = OTHERS.iter().filter_map(|name| find(name));
        std::iter::once(self.strategy)
            .chain(others)
            .any(|strategy| match make(&known, strategy, self.request) {
                Ok(_) => true,
                Err(NoPlan::Strategy(_) | NoPlan::Stuck(_)) => false,
            })
    }

    fn explain(&self, background: &[usize], grown: bool, candidates: &[usize]) -> Vec<usize> {
        if grown && !self.is_feasible(background) {
            return Vec::new();
        }
        if let [only] = candidates {
            return vec![*only];
        }
        let (first, second) = candidates.split_at(candidates.len() / 2);
        let join = |a: &[usize], b: &[usize]| {
            let mut both = [a, b].concat();
            both.sort_unstable();
            both
        };
        let of_second = self.explain(&join(background, first), !first.is_empty(), second);
        let of_first = self.explain(&join(background, &of_second), !of_second.is_empty(), first);
        join(&of_first, &of_second)
    }
}

/// Everything that can be lifted, in the order of the scenario language.
fn items(scenario: &Scenario) -> Vec<Item> {
    let mut found: Vec<Item> = Vec::new();
    let mut add = |path: &str, text: &str, lift: Lift| {
        found.push(Item {
            path: path.to_owned(),
            text: text.to_owned(),
            lift,
        });
    };
    if scenario.calendar.windows.is_some() {
        let lift = |scenario: &mut Scenario| scenario.calendar.windows = None;
        add("calendar.windows", "calendar.windows", Box::new(lift));
    }
    for (index, freeze) in scenario.calendar.freezes.iter().enumerate() {
        if freeze.is_closed_hours() {
            continue;
        }
        let path = match freeze.name.split_once('/') {
            Some((team, own)) => format!("teams.{team}.freezes.{own}"),
            None => format!("calendar.freezes.{}", freeze.name),
        };
        let lift = move |scenario: &mut Scenario| {
            scenario.calendar.freezes.remove(index);
        };
        add(&path, &format!("freeze `{}`", freeze.name), Box::new(lift));
    }
    for (index, team) in scenario.teams.iter().enumerate() {
        let closed = format!("{}/{}", team.name, crate::model::migration::CLOSED);
        if scenario
            .calendar
            .freezes
            .iter()
            .any(|one| one.name == closed)
        {
            // Emptied in place: positions of other freezes hold.
            let lift = move |scenario: &mut Scenario| {
                let freezes = scenario.calendar.freezes.iter_mut();
                for freeze in freezes.filter(|one| one.name == closed) {
                    freeze.services = Some(Vec::new());
                }
            };
            let text = format!("the windows of team `{}`", team.name);
            add(
                &format!("teams.{}.windows", team.name),
                &text,
                Box::new(lift),
            );
        }
        let lift = move |scenario: &mut Scenario| {
            let team = &mut scenario.teams[index];
            (team.moves, team.capacity, team.engineers) = (u32::MAX, 1.0, u32::MAX / 2);
            team.leave.clear();
            team.working = vec![crate::units::Interval {
                start: crate::units::SimTime::ZERO,
                end: crate::units::SimTime::ZERO + scenario.horizon,
            }];
        };
        let text = format!("the time and moves of team `{}`", team.name);
        add(&format!("teams.{}", team.name), &text, Box::new(lift));
    }
    for (index, service) in scenario.services.iter().enumerate() {
        if service.portable_from.is_some() {
            let lift = move |scenario: &mut Scenario| {
                scenario.services[index].portable_from = None;
            };
            let path = format!("services.{}.portable", service.name);
            let text = format!("`portable` of `{}`", service.name);
            add(&path, &text, Box::new(lift));
        }
        if service.pinned {
            let lift = move |scenario: &mut Scenario| scenario.services[index].pinned = false;
            let text = format!("`pinned: true` of `{}`", service.name);
            add(
                &format!("services.{}.pinned", service.name),
                &text,
                Box::new(lift),
            );
        }
    }
    if let Some(migration) = &scenario.migration {
        of_migration(migration, &mut add);
    }
    found
}

fn of_migration(migration: &crate::model::Migration, add: &mut dyn FnMut(&str, &str, Lift)) {
    let constraints = &migration.constraints;
    macro_rules! lists {
        ($($field:ident),+) => {$(
            for (index, one) in constraints.$field.iter().enumerate() {
                let lift = move |scenario: &mut Scenario| {
                    if let Some(migration) = &mut scenario.migration {
                        migration.constraints.$field.remove(index);
                    }
                };
                add(&one.path, &one.text, Box::new(lift));
            }
        )+};
    }
    macro_rules! options {
        ($($field:ident),+) => {$(
            if let Some(one) = &constraints.$field {
                let lift = |scenario: &mut Scenario| {
                    if let Some(migration) = &mut scenario.migration {
                        migration.constraints.$field = None;
                    }
                };
                add(&one.path, &one.text, Box::new(lift));
            }
        )+};
    }
    for (index, one) in constraints.together.iter().enumerate() {
        let lift = move |scenario: &mut Scenario| {
            if let Some(migration) = &mut scenario.migration {
                migration.constraints.together.remove(index);
                migration.together.remove(index);
            }
        };
        add(&one.path, &one.text, Box::new(lift));
    }
    lists!(apart, order, latency_budgets, allowed, deadlines);
    options!(wave_size, critical_at_once, headroom, link_use);
    let overlap = format!("overlap: {}", migration.overlap);
    let lift = |scenario: &mut Scenario| {
        if let Some(migration) = &mut scenario.migration {
            migration.overlap = u32::MAX;
        }
    };
    add("migration.constraints.overlap", &overlap, Box::new(lift));
    if let Some(most) = migration.parallel_moves {
        let lift = |scenario: &mut Scenario| {
            if let Some(migration) = &mut scenario.migration {
                migration.parallel_moves = None;
            }
        };
        let text = format!("parallelMoves: {most}");
        add("migration.constraints.parallelMoves", &text, Box::new(lift));
    }
}
