//! What opens a window, and when.

use crate::engine::{Key, Purpose, hash64};
use crate::experiment::collector::MINUTE;
use crate::experiment::result::{EventKind, ProgrammeEvent};
use crate::model::Scenario;
use crate::model::rates::load_rate;
use crate::model::scenario::WindowKind;
use crate::units::{ServiceId, SimDuration, SimTime};
use crate::world::contract::Luck;

const AT: Purpose = Purpose::new("window");
const DAY: SimDuration = SimDuration::from_secs(86_400);
/// Instants of a day at which the loads' levels are compared.
const LOOKS: u64 = 288;

/// Windows that are known beforehand, in order of their start.
pub struct Agenda {
    known: Vec<(SimTime, &'static str)>,
    next: usize,
}

impl Agenda {
    /// Reads them off the scenario.
    pub fn new(scenario: &Scenario, luck: Luck) -> Self {
        let zoom = &scenario.run.zoom;
        let mut known = Vec::new();
        let last = scenario.end().0.saturating_sub(zoom.length.0);
        if zoom.windows.contains(&WindowKind::DailyPeak) {
            let days = scenario.horizon.0.div_ceil(DAY.0);
            known.extend((0..days).filter_map(|day| Some((peak_of(scenario, day)?, "daily peak"))));
        }
        if zoom.windows.contains(&WindowKind::Sampled) {
            let key = Key::root(luck.seed, luck.stage, luck.replication).part(hash64("sampled"));
            let each = last as f64 / f64::from(zoom.most.max(1));
            known.extend((0..u64::from(zoom.most)).map(|ordinal| {
                let at = (ordinal as f64 + key.uniform(AT, ordinal)) * each;
                (SimTime(at as u64), "sampled")
            }));
        }
        for (at, _) in &mut known {
            // A window begins with a minute, and ends before the run.
            at.0 = at.0.min(last) / MINUTE.0 * MINUTE.0;
        }
        known.sort_unstable();
        Self { known, next: 0 }
    }

    /// Why a window begins with the minute `from` to `now`, if it does.
    pub fn opens(
        &mut self,
        scenario: &Scenario,
        from: SimTime,
        now: SimTime,
        events: &[ProgrammeEvent],
    ) -> Option<String> {
        let mut found = None;
        while let Some((_, why)) = self.known.get(self.next).filter(|(at, _)| *at < now) {
            let (at, _) = self.known[self.next];
            self.next += 1;
            if at >= from {
                found.get_or_insert_with(|| (*why).to_owned());
            }
        }
        let wanted = |kind| scenario.run.zoom.windows.contains(&kind);
        let of = |event: &ProgrammeEvent| {
            event
                .service
                .map_or("", |service| scenario.service(service).name.as_str())
        };
        for event in events {
            let why = match event.kind {
                EventKind::WeightSet if wanted(WindowKind::Shifts) => {
                    let weight = event.value.unwrap_or(0.0) * 100.0;
                    format!("{} at {weight:.0} %", of(event))
                }
                EventKind::GateStarted if wanted(WindowKind::Gates) => {
                    format!("gate of {}", of(event))
                }
                EventKind::FaultStarted if wanted(WindowKind::Faults) => {
                    format!("fault begins: {}", event.detail)
                }
                EventKind::FaultEnded if wanted(WindowKind::Faults) => {
                    format!("fault ends: {}", event.detail)
                }
                _ => continue,
            };
            found.get_or_insert(why);
        }
        found
    }
}

/// Gates that have opened in a window and not looked yet: the window waits for them.
#[derive(Debug, Default)]
pub struct OpenGates {
    /// Whose, and how long the window waits: a gate that was called off never looks.
    waiting: Vec<(ServiceId, SimTime)>,
}

impl OpenGates {
    /// Follows the log of a minute, if windows are opened for gates.
    pub fn hear(&mut self, scenario: &Scenario, events: &[ProgrammeEvent]) {
        let Some(migration) = &scenario.migration else {
            return;
        };
        if !scenario.run.zoom.windows.contains(&WindowKind::Gates) {
            return;
        }
        let windows = migration.gates.iter().map(|gate| gate.window);
        let longest =
            windows.max().unwrap_or_default() + scenario.cluster(migration.to).metrics_delay;
        for event in events {
            let Some(service) = event.service else {
                continue;
            };
            match event.kind {
                EventKind::GateStarted => self.waiting.push((service, event.at + longest)),
                EventKind::GatePassed | EventKind::GateFailed | EventKind::GateInconclusive => {
                    self.waiting.retain(|(other, _)| *other != service);
                }
                _ => {}
            }
        }
    }

    /// The window lasts that long at least.
    pub fn until(&self) -> SimTime {
        let latest = self.waiting.iter().map(|(_, until)| *until);
        latest.max().unwrap_or(SimTime::ZERO)
    }
}

/// The instant of a day at which most actions come; `None` where the rate is the same all day.
fn peak_of(scenario: &Scenario, day: u64) -> Option<SimTime> {
    let length = DAY.0.min(scenario.horizon.0 - day * DAY.0);
    let rate = |look: u64| {
        let at = SimTime(day * DAY.0 + length / LOOKS * look);
        let loads = scenario.loads.iter();
        let sum: f64 = loads
            .map(|load| load_rate(load, &scenario.clock, at, 0.0))
            .sum();
        (sum, at)
    };
    let rates: Vec<_> = (0..LOOKS).map(rate).collect();
    let (most, at) = rates
        .iter()
        .copied()
        .max_by(|left, right| left.0.total_cmp(&right.0).then(right.1.cmp(&left.1)))?;
    let least = rates
        .iter()
        .map(|(rate, _)| *rate)
        .fold(f64::INFINITY, f64::min);
    (most > least).then_some(at)
}
