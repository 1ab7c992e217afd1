//! One packer for all strategies: cuts an order of move groups into waves under the scenario's constraints.
//!
//! A wave takes groups in the strategy's order as long as nothing stands against them. A group that must wait for
//! others, or for its team, lets later ones pass, at most as far as `LOOK_AHEAD` waves; anything else closes the
//! wave. Services of a wave go one after another or at once: what fits `plan.every` and the end and has the better
//! outlook of the scenario's objective; without an objective, one after another if that fits.

use std::collections::BTreeMap;

use crate::model::migration::Member;
use crate::model::{PlanRequest, Wave, WaveOrder};
use crate::plan::KnownWorld;
use crate::plan::clockwork::{Clockwork, Timetable};
use crate::plan::constraint::{Before, Help, Obstacle, Trial, obstacles};
use crate::plan::goal::{is_better, outlook};
use crate::units::SimTime;

/// Waves that an order is cut into when `waveSize` has no upper end.
const WAVES: usize = 8;
/// How many waves' worth of services later in the order may pass one that must wait.
const LOOK_AHEAD: usize = 3;

/// Waves made from an order.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The waves.
    pub waves: Vec<Wave>,
    /// When everything happens, if nothing goes wrong.
    pub timetable: Timetable,
    /// Why each wave ends where it does, or starts when it does; empty when it is only full.
    pub remarks: Vec<String>,
}

/// Why an order could not be packed: what stood against the next group, by path of the constraint.
#[derive(Clone, PartialEq, Debug)]
pub struct Stuck {
    /// Waves that were made before.
    pub waves: usize,
    /// What stood against everything that was left.
    pub obstacles: Vec<Obstacle>,
}

/// How an order is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// Into waves.
    Waves,
    /// Everything in one wave, at once.
    OneWave,
}

/// Cuts `order` (a permutation of the groups) into waves.
///
/// # Errors
/// Nothing that is left can move.
pub fn pack(
    known: &KnownWorld,
    order: &[usize],
    packing: Packing,
    request: &PlanRequest,
) -> Result<Packed, Stuck> {
    if packing == Packing::OneWave {
        return pack_as(known, order, packing, WaveOrder::Parallel, request);
    }
    let given = pack_as(known, order, packing, WaveOrder::Given, request);
    let has_goal = known.scenario.goal.is_some();
    match given {
        Ok(packed) if !has_goal && fits(&packed, request) => Ok(packed),
        other => {
            let parallel = pack_as(known, order, packing, WaveOrder::Parallel, request);
            match (parallel, other) {
                (Ok(parallel), Ok(given)) if has_goal => {
                    Ok(better(known, request, given, parallel))
                }
                (Ok(packed), _) | (Err(_), Ok(packed)) => Ok(packed),
                (Err(_), Err(stuck)) => Err(stuck),
            }
        }
    }
}

/// Of two ways to cut the same order the one that keeps `plan.every`, then the one with the better outlook.
fn better(known: &KnownWorld, request: &PlanRequest, given: Packed, parallel: Packed) -> Packed {
    let rank = |packed: &Packed| {
        (
            fits(packed, request),
            outlook(known, &packed.timetable).parts,
        )
    };
    let (one, other) = (rank(&given), rank(&parallel));
    let takes_parallel = if one.0 == other.0 {
        is_better(&other.1, &one.1)
    } else {
        other.0
    };
    if takes_parallel { parallel } else { given }
}

/// Whether each wave has shifted within `plan.every`.
fn fits(packed: &Packed, request: &PlanRequest) -> bool {
    let lengths = packed
        .timetable
        .waves
        .iter()
        .enumerate()
        .map(|(wave, times)| {
            let last = packed
                .timetable
                .moves
                .iter()
                .filter(|one| one.wave == wave)
                .map(|one| one.shifted)
                .max();
            last.unwrap_or(times.start).since(times.start)
        });
    request
        .every
        .is_none_or(|every| lengths.max().is_none_or(|longest| longest <= every))
}

/// As [`pack`], with services of a wave going as `wave_order` says, whatever else would fit better.
///
/// # Errors
/// Nothing that is left can move.
pub fn pack_as(
    known: &KnownWorld,
    order: &[usize],
    packing: Packing,
    wave_order: WaveOrder,
    request: &PlanRequest,
) -> Result<Packed, Stuck> {
    Packer::new(known, packing, wave_order, request).pack(order)
}

/// Services that a wave is filled up to: equal waves rather than full ones and a rest.
#[must_use]
pub fn wave_services(known: &KnownWorld) -> usize {
    let moving: usize = known.groups.iter().map(|group| group.services.len()).sum();
    let written = known.migration.constraints.wave_size.as_ref();
    let least = written.map_or(1, |size| size.value.least as usize);
    let most = written
        .and_then(|size| size.value.most)
        .map_or_else(|| moving.div_ceil(WAVES).max(least), |most| most as usize)
        .max(1);
    let waves = moving.div_ceil(most).max(1);
    moving.div_ceil(waves).max(least).min(most).max(1)
}

/// The next whole minute: what a person writes.
fn whole_minute(at: SimTime) -> SimTime {
    const MINUTE: u64 = 60_000_000_000;
    SimTime(at.0.div_ceil(MINUTE).saturating_mul(MINUTE))
}

struct Packer<'k, 'a> {
    known: &'k KnownWorld<'a>,
    request: &'k PlanRequest,
    packing: Packing,
    order: WaveOrder,
    clockwork: Clockwork<'k, 'a>,
    before: Before,
    /// Whether a service is in the wave that is being filled.
    inside: Vec<bool>,
    waves: Vec<Wave>,
    remarks: Vec<String>,
    /// Of the group offered last: before this instant its teams are not ready.
    ready: SimTime,
}

/// The wave that is being filled.
#[derive(Default)]
struct Filling {
    /// Groups with their services, in order.
    groups: Vec<usize>,
    services: Vec<usize>,
    /// As many of the groups as can close the wave.
    sound: usize,
    /// What stood against groups that were not taken.
    against: BTreeMap<String, Obstacle>,
}

/// What became of a group that was offered to a wave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Offer {
    /// It is in the wave.
    Taken,
    /// Others must move first, or its team is not ready.
    Waits,
    /// Something else stands against it.
    Refused,
}

impl<'k, 'a> Packer<'k, 'a> {
    fn new(
        known: &'k KnownWorld<'a>,
        packing: Packing,
        order: WaveOrder,
        request: &'k PlanRequest,
    ) -> Self {
        Self {
            known,
            request,
            packing,
            order,
            clockwork: Clockwork::new(known),
            before: Before::new(known, vec![false; known.services.len()]),
            inside: vec![false; known.services.len()],
            waves: Vec::new(),
            remarks: Vec::new(),
            ready: SimTime::ZERO,
        }
    }

    fn pack(mut self, order: &[usize]) -> Result<Packed, Stuck> {
        let mut left = order.to_vec();
        let size = match self.packing {
            Packing::OneWave => usize::MAX,
            Packing::Waves => wave_services(self.known),
        };
        let mut floor = self.request.start;
        while !left.is_empty() {
            let (filling, earliest) = self.fill(&left, size, floor)?;
            left.retain(|group| !self.inside[self.known.groups[*group].services[0]]);
            floor = match self.request.every {
                // From the start of the plan on, so that waves stay on the same day of the week.
                Some(every) => {
                    self.request.start
                        + crate::units::SimDuration(
                            every.0.saturating_mul(self.waves.len() as u64 + 1),
                        )
                }
                None => self.request.start,
            };
            self.close(filling, earliest);
        }
        Ok(Packed {
            waves: self.waves,
            timetable: self.clockwork.into_timetable(),
            remarks: self.remarks,
        })
    }

    /// Fills the next wave; when it could only start later, it is filled again from then on.
    fn fill(
        &mut self,
        left: &[usize],
        size: usize,
        floor: SimTime,
    ) -> Result<(Filling, Option<SimTime>), Stuck> {
        let mut earliest = floor;
        loop {
            self.clockwork.open_wave(earliest, self.order);
            let filling = self.try_groups(left, size);
            if filling.sound > 0 {
                let written = earliest > self.request.start.max(SimTime::ZERO)
                    || self.request.start > SimTime::ZERO;
                return Ok((filling, written.then_some(earliest)));
            }
            let later = filling
                .against
                .values()
                .filter_map(|obstacle| match obstacle.help {
                    Help::NotBefore(at) if at > earliest => Some(at),
                    _ => None,
                })
                .min();
            let Some(later) = later else {
                return Err(Stuck {
                    waves: self.waves.len(),
                    obstacles: filling.against.into_values().collect(),
                });
            };
            earliest = whole_minute(later);
        }
    }

    fn try_groups(&mut self, left: &[usize], size: usize) -> Filling {
        let mut filling = Filling::default();
        let total = self.left(left);
        // Groups that wait, with the instant before which they cannot start whatever else is taken.
        let mut waiting: Vec<(usize, SimTime)> = Vec::new();
        let mut passed = 0;
        for group in left {
            if !self.has_room(*group, &filling, size) || passed > size.saturating_mul(LOOK_AHEAD) {
                break;
            }
            match self.offer(*group, &mut filling, total) {
                Offer::Taken => {
                    // What waited for this one can go now.
                    waiting.retain(|(group, ready)| {
                        !(self.has_room(*group, &filling, size)
                            && self.could_start(*group) >= *ready
                            && self.offer(*group, &mut filling, total) == Offer::Taken)
                    });
                }
                Offer::Waits => {
                    waiting.push((*group, self.ready));
                    passed += self.known.groups[*group].services.len();
                }
                Offer::Refused if filling.sound > 0 => break,
                Offer::Refused => passed += self.known.groups[*group].services.len(),
            }
        }
        while filling.groups.len() > filling.sound {
            self.take_back(&mut filling);
        }
        filling
    }

    fn has_room(&self, group: usize, filling: &Filling, size: usize) -> bool {
        let members = self.known.groups[group].services.len();
        filling.services.is_empty() || filling.services.len() + members <= size
    }

    /// Offers a group to the wave; it stays in it when nothing stands against it.
    fn offer(&mut self, group: usize, filling: &mut Filling, total: usize) -> Offer {
        let found = self.try_group(group, filling);
        let is_last = filling.services.len() == total;
        let members = self.known.groups[group].services.iter();
        let mut teams: Vec<_> = members
            .filter_map(|service| self.known.scenario.services[*service].team)
            .collect();
        teams.dedup();
        self.ready = found
            .iter()
            .filter(|_| teams.len() == 1)
            .filter_map(|obstacle| match obstacle.help {
                Help::NotBefore(at) => Some(at),
                _ => None,
            })
            .max()
            .unwrap_or(SimTime::ZERO);
        let blocking: Vec<&Obstacle> = found
            .iter()
            .filter(|one| one.help != Help::More || is_last)
            .collect();
        let offer = if !blocking.is_empty() {
            let waits = |one: &&Obstacle| matches!(one.help, Help::Wait | Help::NotBefore(_));
            if blocking.iter().all(waits) {
                Offer::Waits
            } else {
                Offer::Refused
            }
        } else if found.is_empty() {
            filling.sound = filling.groups.len();
            Offer::Taken
        } else if self.order == WaveOrder::Given && self.packing == Packing::Waves {
            // Services go one after another: the state between two of them counts.
            Offer::Waits
        } else {
            // All at once: only the state after the wave counts, which more services may mend.
            Offer::Taken
        };
        if offer != Offer::Taken {
            self.take_back(filling);
        }
        for obstacle in found {
            filling
                .against
                .entry(obstacle.path.clone())
                .or_insert(obstacle);
        }
        offer
    }

    fn left(&self, left: &[usize]) -> usize {
        left.iter()
            .map(|group| self.known.groups[*group].services.len())
            .sum()
    }

    /// Adds a group; what stands against the wave with it.
    fn try_group(&mut self, group: usize, filling: &mut Filling) -> Vec<Obstacle> {
        let members = self.members(group);
        let end = self.clockwork.add(&members);
        filling.groups.push(group);
        filling.services.extend(&self.known.groups[group].services);
        self.mark(group, true);
        let trial = Trial {
            known: self.known,
            before: &self.before,
            wave: &filling.services,
            fresh: &self.known.groups[group].services,
            inside: &self.inside,
            order: self.order,
            times: crate::plan::clockwork::WaveTimes {
                start: self.clockwork.wave_floor(),
                end,
            },
            moves: &self.clockwork.timetable().moves,
            complete: false,
            last: false,
        };
        obstacles(&trial)
    }

    /// When the group's first service would prepare if it were added now. A team's work for the wave only grows with
    /// what is taken, so a group whose team was not ready by then need not be offered again.
    fn could_start(&mut self, group: usize) -> SimTime {
        let members = self.members(group);
        self.clockwork.start_of(&members)
    }

    fn take_back(&mut self, filling: &mut Filling) {
        if let Some(group) = filling.groups.pop() {
            self.clockwork.undo();
            let size = self.known.groups[group].services.len();
            filling.services.truncate(filling.services.len() - size);
            self.mark(group, false);
        }
    }

    fn mark(&mut self, group: usize, inside: bool) {
        for service in &self.known.groups[group].services {
            self.inside[*service] = inside;
        }
    }

    fn members(&self, group: usize) -> Vec<Member> {
        let services = self.known.groups[group].services.iter();
        services
            .map(|service| self.known.migration.moves[*service])
            .collect()
    }

    fn close(&mut self, filling: Filling, earliest: Option<SimTime>) {
        self.clockwork.close_wave();
        let members = filling
            .groups
            .iter()
            .flat_map(|group| self.members(*group))
            .collect();
        let mut moved = std::mem::take(&mut self.before.moved);
        for service in &filling.services {
            moved[*service] = true;
            self.inside[*service] = false;
        }
        self.before = Before::new(self.known, moved);
        self.waves.push(Wave {
            name: format!("wave-{}", self.waves.len() + 1),
            members,
            earliest: earliest.map(|at| self.clockwork.open_for_all(at, &filling.services)),
            order: self.order,
        });
        let reasons: Vec<String> = filling
            .against
            .into_values()
            .filter(|obstacle| obstacle.help != Help::More)
            .map(|obstacle| format!("{}: {}", obstacle.path, obstacle.reason))
            .collect();
        self.remarks.push(reasons.join("; "));
    }
}
