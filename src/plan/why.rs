//! Why a service is where it is in a plan, and what it would cost to move it to another wave.
//!
//! Costs are by the theorem of crossing time: calls a second times the distance in time of the two ends, waves
//! taken as points at the middle of their shifts. Exact for waves that switch at once.

use crate::model::Wave;
use crate::plan::KnownWorld;
use crate::plan::clockwork::Timetable;

/// What holds one group in its wave.
#[derive(Clone, PartialEq, Debug)]
pub struct Reason {
    /// Position of the group.
    pub group: usize,
    /// Its wave.
    pub wave: usize,
    /// The group it calls, or is called by, most: position, calls a second, and that one's wave.
    pub strongest: Option<(usize, f64, usize)>,
    /// Calls a second with groups of earlier waves (and what is on the target already).
    pub with_earlier: f64,
    /// Calls a second with groups of its own wave.
    pub with_own: f64,
    /// Calls a second with groups of later waves (and what stays in the source).
    pub with_later: f64,
    /// Calls a second between its own members, which never cross.
    pub inside: f64,
    /// Crossing calls more (or, below 0, fewer) if it moved with another wave instead, by wave.
    pub elsewhere: Vec<f64>,
}

impl Reason {
    /// The other wave in which it would cost least, and how many crossing calls more that is.
    #[must_use]
    pub fn next_best(&self) -> Option<(usize, f64)> {
        let others = self.elsewhere.iter().copied().enumerate();
        others
            .filter(|(wave, _)| *wave != self.wave)
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Reasons of all groups that move, in the order of the plan.
#[must_use]
pub fn reasons(known: &KnownWorld, waves: &[Wave], timetable: &Timetable) -> Vec<Reason> {
    let n = known.groups.len();
    let mut wave_of = vec![None; n];
    let mut order = Vec::new();
    for (index, wave) in waves.iter().enumerate() {
        for member in &wave.members {
            if let Some(group) = known.group_of[member.service.index()]
                && wave_of[group].is_none()
            {
                wave_of[group] = Some(index);
                order.push(group);
            }
        }
    }
    let middles: Vec<f64> = (0..waves.len())
        .map(|wave| middle(timetable, wave))
        .collect();
    let inside = inside(known);
    order
        .into_iter()
        .filter_map(|group| {
            Some(reason(
                known,
                group,
                wave_of[group]?,
                &wave_of,
                &middles,
                inside[group],
            ))
        })
        .collect()
}

/// Middle of a wave's shifts, in seconds.
fn middle(timetable: &Timetable, wave: usize) -> f64 {
    let times: Vec<f64> = timetable
        .moves
        .iter()
        .filter(|one| one.wave == wave)
        .map(|one| 0.5 * (one.shift_start().seconds() + one.shifted.seconds()))
        .collect();
    if times.is_empty() {
        return timetable
            .waves
            .get(wave)
            .map_or(0.0, |wave| wave.start.seconds());
    }
    times.iter().sum::<f64>() / times.len() as f64
}

/// Calls a second between the members of each group.
fn inside(known: &KnownWorld) -> Vec<f64> {
    let mut calls = vec![0.0; known.groups.len()];
    for edge in &known.edges {
        if let (Some(a), Some(b)) = (known.group_of[edge.caller], known.group_of[edge.callee])
            && a == b
        {
            calls[a] += edge.calls;
        }
    }
    calls
}

fn reason(
    known: &KnownWorld,
    group: usize,
    wave: usize,
    wave_of: &[Option<usize>],
    middles: &[f64],
    inside: f64,
) -> Reason {
    let graph = &known.graph;
    let last = middles.last().copied().unwrap_or(0.0);
    let first = middles.first().copied().unwrap_or(0.0);
    let mut found = Reason {
        group,
        wave,
        strongest: None,
        with_earlier: graph.with_target[group],
        with_own: 0.0,
        with_later: graph.with_source[group],
        inside,
        elsewhere: vec![0.0; middles.len()],
    };
    for (other, calls) in &graph.neighbours[group] {
        let Some(theirs) = wave_of[*other] else {
            found.with_later += calls;
            continue;
        };
        match theirs.cmp(&wave) {
            std::cmp::Ordering::Less => found.with_earlier += calls,
            std::cmp::Ordering::Equal => found.with_own += calls,
            std::cmp::Ordering::Greater => found.with_later += calls,
        }
        if found.strongest.is_none_or(|(_, most, _)| *calls > most) {
            found.strongest = Some((*other, *calls, theirs));
        }
        for (at, cost) in found.elsewhere.iter_mut().enumerate() {
            *cost += calls * (middles[at] - middles[theirs]).abs();
        }
    }
    for (at, cost) in found.elsewhere.iter_mut().enumerate() {
        *cost += graph.with_source[group] * (last - middles[at])
            + graph.with_target[group] * (middles[at] - first);
    }
    let own = found.elsewhere.get(wave).copied().unwrap_or(0.0);
    for cost in &mut found.elsewhere {
        *cost -= own;
    }
    found
}
