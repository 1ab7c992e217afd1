//! Units of a wave: services that move with one outcome, and the steps of their shift.

use super::gate::GateRun;
use crate::model::migration::Member;
use crate::model::{CanaryStep, Migration, Wave};
use crate::units::{ServiceId, SimTime, WaveId};

/// Where a unit is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Phase {
    /// Not begun.
    Waiting,
    /// Target replicas of the current member are being made.
    Preparing,
    /// They are listed; time passes before the first weight.
    Warming,
    /// The next step can be taken.
    Stepping,
    /// A weight is on its way to the callers.
    Propagating,
    /// A pause of the method.
    Pausing,
    /// A gate is open.
    Analysing,
    /// Everything stays as it is until a human comes.
    Held,
    /// All members have their full weight.
    Soaking,
    /// The source pods are being stopped.
    Decommissioning,
    /// All members run on the target only.
    Done,
    /// It goes back: source replicas that the reserve has left out are being made.
    Restoring,
    /// Weights are on their way back to zero.
    Returning,
    /// The target pods are being stopped.
    Removing,
    /// All members run on the source only.
    RolledBack,
    /// The wave went back before this unit began.
    Cancelled,
}

/// Services that move with one outcome.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub wave: WaveId,
    pub members: Vec<Member>,
    pub phase: Phase,
    /// Member that prepares or shifts.
    pub current: usize,
    /// Steps of the current member's shift.
    pub steps: Vec<CanaryStep>,
    /// Next of them.
    pub position: usize,
    /// End of the phase, if it ends by time.
    pub until: SimTime,
    /// Whether the log says that it waits for the calendar.
    pub holding: bool,
    /// Target replicas that the current member prepares.
    pub prepared: u32,
    pub gate: Option<GateRun>,
    /// Weights on their way: service, weight.
    pub sent: Vec<(ServiceId, f64)>,
    /// Services of whose source replicas only the reserve is left, with how many there were.
    pub reduced: Vec<(ServiceId, u32)>,
}

impl Unit {
    pub fn service(&self) -> ServiceId {
        self.members[self.current.min(self.members.len() - 1)].service
    }

    /// Whether it has begun and not ended.
    pub fn is_running(&self) -> bool {
        self.phase != Phase::Waiting && !self.is_over()
    }

    pub fn is_over(&self) -> bool {
        matches!(
            self.phase,
            Phase::Done | Phase::RolledBack | Phase::Cancelled
        )
    }

    /// Whether the next unit of an ordered wave may begin.
    pub fn lets_next_begin(&self) -> bool {
        self.is_over() || matches!(self.phase, Phase::Soaking | Phase::Decommissioning)
    }

    /// Whether its autoscalers are held still under `prepare.freezeHpa`.
    pub fn is_shifting(&self, service: ServiceId) -> bool {
        self.is_running()
            && !matches!(self.phase, Phase::Soaking | Phase::Decommissioning)
            && self
                .members
                .iter()
                .take(self.current + 1)
                .any(|member| member.service == service)
    }
}

/// The units of a wave, in the order of their first members.
pub(super) fn units_of(wave_id: WaveId, wave: &Wave, migration: &Migration) -> Vec<Unit> {
    let mut groups: Vec<Vec<Member>> = Vec::new();
    for member in &wave.members {
        let together = migration
            .together
            .iter()
            .find(|set| set.contains(&member.service));
        let group = together.and_then(|set| {
            groups
                .iter_mut()
                .find(|group| group.iter().any(|other| set.contains(&other.service)))
        });
        match group {
            Some(group) => group.push(*member),
            None => groups.push(vec![*member]),
        }
    }
    let unit = |members| Unit {
        wave: wave_id,
        members,
        phase: Phase::Waiting,
        current: 0,
        steps: Vec::new(),
        position: 0,
        until: SimTime::NEVER,
        holding: false,
        prepared: 0,
        gate: None,
        sent: Vec::new(),
        reduced: Vec::new(),
    };
    groups.into_iter().map(unit).collect()
}
