//! Rules of the migration, the plan, the calendar and the teams.

use crate::model::{Condition, Constraints, RoutingMode};
use crate::units::{ClusterId, Interval, ServiceId, SimDuration, SimTime, TeamId};

/// `migration`: the rules.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Source cluster.
    pub from: ClusterId,
    /// Target cluster.
    pub to: ClusterId,
    /// Named methods; a service's is `Wave::method`.
    pub methods: Vec<Method>,
    /// Named gates.
    pub gates: Vec<Gate>,
    /// Routing while split.
    pub routing: RoutingMode,
    /// Replicas on the target before the shift, as a share of the source's.
    pub prepare_scale: f64,
    /// The autoscaler of a service does not act while it shifts.
    pub freeze_hpa: bool,
    /// Time between ready and the first weight.
    pub prepare_warm: SimDuration,
    /// Watch after the last weight.
    pub soak: SimDuration,
    /// From the last weight to decommission (at least the soak).
    pub keep: SimDuration,
    /// Share of a service's old replicas that stays for rollback while it is kept, 0 to 1. What an autoscaler sizes it
    /// sizes further.
    pub reserve: f64,
    /// Services that go together.
    pub together: Vec<Vec<ServiceId>>,
    /// Waves in progress at once.
    pub overlap: u32,
    /// Moves in progress at once over all teams, if limited.
    pub parallel_moves: Option<u32>,
    /// All services must be decommissioned by then; `None`: the horizon.
    pub deadline: Option<SimTime>,
    /// What else must hold for any plan.
    pub constraints: Constraints,
    /// How each service moves unless its wave says otherwise, by service.
    pub moves: Vec<Member>,
}

/// A named method.
#[derive(Clone, Debug)]
pub struct Method {
    /// Name.
    pub name: String,
    /// How it shifts.
    pub kind: MethodKind,
}

/// Ways to shift a service's traffic.
#[derive(Clone, Debug)]
pub enum MethodKind {
    /// All at once.
    BigBang,
    /// In steps.
    Canary(Vec<CanaryStep>),
}

/// Steps as in Argo Rollouts.
#[derive(Clone, Debug, PartialEq)]
pub enum CanaryStep {
    /// Weight on the target, 0 to 1.
    SetWeight(f64),
    /// Hold.
    Pause(SimDuration),
    /// Run the gate with that position in `Migration::gates`.
    Analysis(usize),
}

/// Compares the new side with the old side over a window.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Name.
    pub name: String,
    /// Length of the window.
    pub window: SimDuration,
    /// Between two looks when the first was inconclusive or failed within the limits.
    pub interval: SimDuration,
    /// Ended requests that each side needs.
    pub min_requests: u64,
    /// Conditions on `old` and `new`; all must hold.
    pub pass: Vec<Condition>,
    /// Failed looks that are tolerated.
    pub failure_limit: u32,
    /// Inconclusive looks that are tolerated.
    pub inconclusive_limit: u32,
    /// What a failure does.
    pub fail: GateFailure,
    /// What too many inconclusive looks do.
    pub inconclusive: GateFailure,
}

/// What happens when a gate does not pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GateFailure {
    /// This service goes back.
    RollBackService,
    /// Its move group goes back.
    RollBackGroup,
    /// The whole wave goes back.
    RollBackWave,
    /// The wave goes back and no other starts.
    StopProgramme,
    /// Everything stays as it is.
    Hold,
}

/// The order: explicit waves, or those that a strategy made.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Waves in order.
    pub waves: Vec<Wave>,
    /// `strategy` and its settings, when the waves are to be computed.
    pub request: Option<PlanRequest>,
    /// Why each computed wave ends where it does; none for waves that were written.
    pub remarks: Vec<String>,
}

/// `plan.strategy` and what belongs to it.
#[derive(Clone, PartialEq, Debug)]
pub struct PlanRequest {
    /// Name of a strategy.
    pub strategy: String,
    /// Least time between the starts of two waves.
    pub every: Option<SimDuration>,
    /// Seed of strategies that draw.
    pub seed: u64,
    /// The first wave starts no earlier.
    pub start: SimTime,
}

/// One wave.
#[derive(Clone, Debug)]
pub struct Wave {
    /// Name (its number when not written).
    pub name: String,
    /// Members in the order listed.
    pub members: Vec<Member>,
    /// Not before.
    pub earliest: Option<SimTime>,
    /// Order of its members.
    pub order: WaveOrder,
}

/// One service of a wave.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Which.
    pub service: ServiceId,
    /// Position in `Migration::methods`.
    pub method: usize,
    /// Gate after the last step (besides `analysis` steps): position in `Migration::gates`.
    pub gate: Option<usize>,
}

/// Order of a wave's members.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaveOrder {
    /// One after another, as listed: the next prepares when the last has its full weight.
    Given,
    /// All at once.
    Parallel,
}

/// When work may be done, as instants within the horizon.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    /// A wave may start and shift only inside one of these; `None` is always. Sorted, disjoint.
    pub windows: Option<Vec<Interval>>,
    /// Nothing starts, running steps hold.
    pub freezes: Vec<Freeze>,
}

/// A change freeze.
#[derive(Clone, Debug)]
pub struct Freeze {
    /// Name.
    pub name: String,
    /// When.
    pub interval: Interval,
    /// Whom it holds; `None`: all.
    pub services: Option<Vec<ServiceId>>,
    /// Running steps finish (`running: finish`) instead of holding.
    pub running_finish: bool,
}

/// Name, after the team's, of a freeze that stands for the time outside a team's own windows.
pub const CLOSED: &str = "windows";

impl Freeze {
    /// Whether it is the time outside a team's windows, which no one wrote as a freeze.
    #[must_use]
    pub fn is_closed_hours(&self) -> bool {
        self.name
            .split_once('/')
            .is_some_and(|(_, own)| own == CLOSED)
    }
}

/// Who moves services.
#[derive(Clone, Debug)]
pub struct Team {
    /// Name.
    pub name: String,
    /// People.
    pub engineers: u32,
    /// The team's id, for lookups from services.
    pub id: TeamId,
    /// Moves that it has in progress at once, at most (from preparation to the last weight).
    pub moves: u32,
    /// Share of the people's working time that is for the migration, 0 to 1.
    pub capacity: f64,
    /// Price of a person-day, in the scenario's currency.
    pub price_per_day: f64,
    /// When its people work, as instants within the horizon. Sorted, disjoint.
    pub working: Vec<Interval>,
    /// People away.
    pub leave: Vec<Leave>,
}

/// People of a team who are away.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Leave {
    /// When.
    pub interval: Interval,
    /// How many.
    pub people: u32,
}

impl Migration {
    /// The steps of a member's shift, to the full weight. A gate besides the method's own stands before the last
    /// weight of a canary (both sides have traffic there), and after the only weight of a big bang.
    #[must_use]
    pub fn shift_steps(&self, member: Member) -> Vec<CanaryStep> {
        let gate = member.gate.map(CanaryStep::Analysis);
        match &self.methods[member.method].kind {
            MethodKind::BigBang => [CanaryStep::SetWeight(1.0)]
                .into_iter()
                .chain(gate)
                .collect(),
            MethodKind::Canary(written) => {
                let last = written.iter().rev().find_map(|step| match step {
                    CanaryStep::SetWeight(weight) => Some(*weight),
                    CanaryStep::Pause(_) | CanaryStep::Analysis(_) => None,
                });
                let full = last.is_some_and(|weight| weight >= 1.0);
                let rest = (!full).then_some(CanaryStep::SetWeight(1.0));
                written.iter().cloned().chain(gate).chain(rest).collect()
            }
        }
    }
}

impl Calendar {
    /// Whether changes may be made to `service` at `at`.
    #[must_use]
    pub fn is_open(&self, at: SimTime, service: ServiceId) -> bool {
        self.in_window(at) && self.freeze_at(at, service).is_none()
    }

    /// Whether `at` lies in a change window.
    #[must_use]
    pub fn in_window(&self, at: SimTime) -> bool {
        self.windows
            .as_ref()
            .is_none_or(|windows| windows.iter().any(|window| window.contains(at)))
    }

    /// The freeze that holds `service` at `at`, if any.
    #[must_use]
    pub fn freeze_at(&self, at: SimTime, service: ServiceId) -> Option<&Freeze> {
        self.freezes.iter().find(|freeze| {
            freeze.interval.contains(at)
                && freeze
                    .services
                    .as_ref()
                    .is_none_or(|services| services.contains(&service))
        })
    }

    /// The next instant after `at` when a window or freeze begins or ends.
    #[must_use]
    pub fn next_change(&self, at: SimTime) -> Option<SimTime> {
        let windows = self
            .windows
            .iter()
            .flatten()
            .flat_map(|window| [window.start, window.end]);
        let freezes = self
            .freezes
            .iter()
            .flat_map(|freeze| [freeze.interval.start, freeze.interval.end]);
        windows.chain(freezes).filter(|change| *change > at).min()
    }
}
