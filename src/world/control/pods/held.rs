//! Starts that a limit of the cluster holds up, and how people learn of it.
//!
//! An entry of the log names the limit, how many wait and for how long. It is written when the last in the queue will
//! wait ten seconds or more, and again when that time has doubled while the queue has not drained: a thousand starts at
//! once are one entry.

use crate::units::{ClusterId, ServiceId, SimDuration, SimTime};
use crate::world::control::Control;
use crate::world::control::agenda::Event;
use crate::world::recorder::EventKind;

/// Shorter waits are lost among those of a usual start, and not told.
const TOLD_FROM: SimDuration = SimDuration::from_secs(10);

/// What a start may have to wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::world::control) enum Gate {
    /// Calls to the control plane.
    Calls,
    /// Launches.
    Launches,
    /// The registry's bandwidth.
    Registry,
}

/// The queue at one gate, for the log.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    /// When the last of the queue goes on.
    until: SimTime,
    /// How many came since it was empty.
    count: u32,
    /// The wait that was told last; zero: none since the queue was empty.
    told: SimDuration,
    /// Whether an entry is on its way.
    armed: bool,
}

impl Held {
    /// One more waits until then; whether an entry is due that is not on its way.
    fn add(&mut self, now: SimTime, until: SimTime) -> bool {
        if now >= self.until {
            (self.count, self.told) = (0, SimDuration::ZERO);
        }
        self.count += 1;
        self.until = self.until.max(until);
        let wait = self.until.since(now);
        let due = wait >= TOLD_FROM && wait >= self.told + self.told;
        due && !std::mem::replace(&mut self.armed, true)
    }
}

impl Control<'_> {
    /// A start of the service waits at a gate until then.
    pub(super) fn hold(
        &mut self,
        gate: Gate,
        cluster: ClusterId,
        service: ServiceId,
        until: SimTime,
    ) {
        let now = self.now;
        let held = &mut self.launching[cluster.index()].held[gate as usize];
        if until > now && held.add(now, until) {
            // After all that happens at this instant.
            self.agenda
                .add(now, Event::StartsHeld(cluster, gate, service));
        }
    }

    pub(in crate::world::control) fn on_starts_held(
        &mut self,
        cluster: ClusterId,
        gate: Gate,
        service: ServiceId,
    ) {
        let now = self.now;
        let launching = &mut self.launching[cluster.index()];
        let held = &mut launching.held[gate as usize];
        held.armed = false;
        held.told = held.until.since(now);
        let (count, wait) = (held.count, held.told.seconds());
        let limits = &launching.limits;
        let place = &self.scenario.cluster(cluster).name;
        let name = &self.scenario.service(service).name;
        let noun = if count == 1 { "start" } else { "starts" };
        let detail = match gate {
            Gate::Calls => {
                let (rate, burst) = launching.calls_allowed().unwrap_or_default();
                format!(
                    "{count} pod {noun} in {place}, {name}'s first, wait for calls to the control plane (apiRate \
                     {rate}/s, apiBurst {burst}): the last for {wait:.1} s"
                )
            }
            Gate::Launches => {
                let rate = limits.pod_launch_rate.unwrap_or_default();
                format!(
                    "{count} pod {noun} in {place}, {name}'s first, wait for their launch (podLaunchRate {rate}/s): \
                     the last for {wait:.1} s"
                )
            }
            Gate::Registry => {
                let rate = limits.registry_bandwidth / 1e6;
                let pulls = launching.running.len();
                format!(
                    "{pulls} image pulls in {place} share the registry (registryBandwidth {rate} MB/s), the last of \
                     them {name}'s: it takes {wait:.1} s"
                )
            }
        };
        self.tell(EventKind::StartsHeld, None, Some(service), None, detail);
    }
}
