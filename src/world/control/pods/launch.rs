//! From a node to a process: the cluster's limits on launches and calls, the image, the start, the probe.
//!
//! A registry's bandwidth is shared equally by the pulls that run: each gets `bandwidth / pulls`, so a pull
//! ends when the bytes that each pull has had since its start are its image's. A node pulls an image once;
//! pods that need it meanwhile wait for that pull. (kubelet's own pull queue and layers shared between images
//! are left out.) Calls to the control plane are a token bucket, as client-go's: `apiRate` tokens a second, at most
//! `apiBurst` of them saved. A launch has no burst: each keeps its distance to the one before.

use std::collections::BTreeMap;

use super::held::{Gate, Held};
use super::{Phase, Pod};
use crate::model::{Limits, Scenario};
use crate::units::{ClusterId, ServiceId, SimDuration, SimTime};
use crate::world::control::Control;
use crate::world::control::agenda::Event;
use crate::world::control::draws::{DEPLOY, STARTUP};
use crate::world::control::nodes::Placement;

/// Calls to the control plane for one start: create, bind, and report ready (assumed).
const CALLS_A_START: f64 = 3.0;

/// Without `apiBurst`, seconds of `apiRate` that may be saved.
const BURST_SECONDS: f64 = 2.0;

/// Image of a service's version on a node.
type Image = (u32, ServiceId, u32);

/// Launches of one cluster.
#[derive(Clone, Debug)]
pub(in crate::world::control) struct Launching {
    /// The limits as they are now: faults change them.
    pub limits: Limits,
    /// When the next launch may be made.
    launches_free: SimTime,
    /// Tokens for calls when they were counted last; below zero when calls wait.
    calls: f64,
    calls_counted: SimTime,
    /// By gate.
    pub(super) held: [Held; 3],
    /// By node: images, one version a service.
    cached: BTreeMap<(u32, ServiceId), u32>,
    /// Pulls that run, in order of their end: bytes each pull has had by then, and a number.
    pub(super) running: BTreeMap<(u64, u64), Image>,
    waiting: BTreeMap<Image, Vec<usize>>,
    pulls: u64,
    /// Bytes that every running pull has had, if it ran since the registry was idle last.
    served: f64,
    counted: SimTime,
    generation: u32,
}

impl Launching {
    /// Nothing is cached or running.
    pub fn new(scenario: &Scenario, cluster: ClusterId) -> Self {
        Self {
            limits: scenario.cluster(cluster).limits.clone(),
            launches_free: SimTime::ZERO,
            calls: f64::INFINITY,
            calls_counted: SimTime::ZERO,
            held: [Held::default(); 3],
            cached: BTreeMap::new(),
            running: BTreeMap::new(),
            waiting: BTreeMap::new(),
            pulls: 0,
            served: 0.0,
            counted: SimTime::ZERO,
            generation: 0,
        }
    }

    /// Notes that a node has an image.
    pub fn cache(&mut self, node: usize, service: ServiceId, revision: u32) {
        self.cached.insert((node as u32, service), revision);
    }

    /// Forgets the images of a node that went back.
    pub fn forget_node(&mut self, node: usize) {
        let node = node as u32;
        let gone: Vec<_> = self
            .cached
            .range((node, ServiceId(0))..=(node, ServiceId(u32::MAX)))
            .map(|(image, _)| *image)
            .collect();
        for image in gone {
            self.cached.remove(&image);
        }
    }

    /// Calls a second, and at once; `None`: as many as you like.
    pub(super) fn calls_allowed(&self) -> Option<(f64, f64)> {
        let rate = self.limits.api_rate?;
        let burst = self
            .limits
            .api_burst
            .map_or(rate * BURST_SECONDS, f64::from);
        Some((rate, burst.max(1.0)))
    }

    /// Brings the tokens for calls up to date; before a change of the limits too.
    pub fn count_calls(&mut self, now: SimTime) {
        // Without a limit nobody waits, and when one comes the bucket is full.
        let (rate, burst) = self.calls_allowed().unwrap_or((0.0, f64::INFINITY));
        let saved = rate * now.since(self.calls_counted).seconds();
        self.calls = (self.calls + saved).min(burst);
        self.calls_counted = now;
    }

    /// When the calls of a start that is asked for now are made.
    fn admit_calls(&mut self, now: SimTime) -> SimTime {
        let Some((rate, _)) = self.calls_allowed() else {
            return now;
        };
        self.count_calls(now);
        self.calls -= CALLS_A_START;
        now + SimDuration::from_seconds((-self.calls / rate).max(0.0))
    }

    /// When a launch that is asked for at `at` may happen.
    fn admit_launch(&mut self, at: SimTime) -> SimTime {
        let Some(rate) = self.limits.pod_launch_rate else {
            return at;
        };
        let start = at.max(self.launches_free);
        self.launches_free = start + SimDuration::from_seconds(1.0 / rate);
        start
    }

    /// Brings the bytes served up to date.
    fn count(&mut self, now: SimTime) {
        if self.running.is_empty() {
            self.served = 0.0;
        } else {
            let each = self.limits.registry_bandwidth / self.running.len() as f64;
            self.served += each * now.since(self.counted).seconds();
        }
        self.counted = now;
    }

    /// A pod waits for an image; whether its pull begins with it.
    fn begin(&mut self, image: Image, bytes: f64, pod: usize, now: SimTime) -> bool {
        let waiting = self.waiting.entry(image).or_default();
        waiting.push(pod);
        let first = waiting.len() == 1;
        if first {
            self.count(now);
            // Bits of positive floats are in the floats' order.
            let end = (self.served + bytes).to_bits();
            self.running.insert((end, self.pulls), image);
            self.pulls += 1;
        }
        first
    }

    /// When the last of the running pulls ends if none begins: whatever their order, all their bytes are to be sent.
    fn last_end(&self) -> SimTime {
        let left: f64 = self
            .running
            .keys()
            .map(|(end, _)| (f64::from_bits(*end) - self.served).max(0.0))
            .sum();
        self.counted + SimDuration::from_seconds(left / self.limits.registry_bandwidth)
    }

    /// When the first of the running pulls ends if nothing changes.
    fn next_end(&self) -> Option<SimTime> {
        let ((end, _), _) = self.running.first_key_value()?;
        let each = self.limits.registry_bandwidth / self.running.len() as f64;
        let left = (f64::from_bits(*end) - self.served).max(0.0) / each;
        Some(self.counted + SimDuration::from_seconds(left))
    }

    /// Pods whose image is there, after the first running pull has ended.
    fn end_first(&mut self, now: SimTime) -> Vec<usize> {
        self.count(now);
        let Some((_, image)) = self.running.pop_first() else {
            return Vec::new();
        };
        let (node, service, revision) = image;
        self.cache(node as usize, service, revision);
        self.waiting.remove(&image).unwrap_or_default()
    }
}

impl Control<'_> {
    /// Starts what a scheduled pod needs before it is ready.
    pub(in crate::world::control) fn launch(&mut self, pod: usize) {
        let Pod {
            service, cluster, ..
        } = self.pods[pod];
        let launching = &mut self.launching[cluster.index()];
        let called = launching.admit_calls(self.now);
        let at = launching.admit_launch(called);
        self.hold(Gate::Calls, cluster, service, called);
        if at > called {
            self.hold(Gate::Launches, cluster, service, at);
        }
        if at > self.now {
            let restarts = self.pods[pod].restarts;
            self.agenda.add(at, Event::Launched(pod, restarts));
        } else {
            self.pull(pod);
        }
    }

    pub(in crate::world::control) fn on_launched(&mut self, pod: usize, restarts: u32) {
        if self.pods[pod].phase == Phase::Starting && restarts == self.pods[pod].restarts {
            self.pull(pod);
        }
    }

    fn pull(&mut self, pod: usize) {
        let Pod {
            service,
            cluster,
            revision,
            placement,
            ..
        } = self.pods[pod];
        let bytes = self.scenario.service(service).pods.image.0;
        let launching = &mut self.launching[cluster.index()];
        match placement {
            Some(Placement::Node(node)) if bytes > 0 => {
                let image = (node as u32, service, revision);
                if launching.cached.get(&(node as u32, service)) == Some(&revision) {
                    self.start_process(pod);
                } else if launching.begin(image, bytes as f64, pod, self.now) {
                    // A pull that has the registry to itself waits for nobody.
                    let shared = launching.running.len() > 1;
                    let last = launching.last_end();
                    self.arm_registry(cluster);
                    if shared {
                        self.hold(Gate::Registry, cluster, service, last);
                    }
                }
            }
            _ => self.start_process(pod),
        }
    }

    /// Plans the end of the first running pull anew.
    fn arm_registry(&mut self, cluster: ClusterId) {
        let launching = &mut self.launching[cluster.index()];
        launching.generation = launching.generation.wrapping_add(1);
        if let Some(end) = launching.next_end() {
            let event = Event::Pulled(cluster, launching.generation);
            self.agenda.add(end.max(self.now), event);
        }
    }

    /// The registry's bandwidth is another from now on.
    pub(in crate::world::control) fn set_registry_bandwidth(
        &mut self,
        cluster: ClusterId,
        bandwidth: f64,
    ) {
        let launching = &mut self.launching[cluster.index()];
        launching.count(self.now);
        launching.limits.registry_bandwidth = bandwidth;
        self.arm_registry(cluster);
    }

    pub(in crate::world::control) fn on_pulled(&mut self, cluster: ClusterId, generation: u32) {
        let launching = &mut self.launching[cluster.index()];
        if launching.generation != generation {
            return;
        }
        let ready = launching.end_first(self.now);
        self.arm_registry(cluster);
        for pod in ready {
            if self.pods[pod].phase == Phase::Starting {
                self.start_process(pod);
            }
        }
    }

    /// The process starts; the pod is ready when the probe says so.
    pub(super) fn start_process(&mut self, pod: usize) {
        let Pod {
            service,
            cluster,
            ordinal,
            revision,
            restarts,
            ..
        } = self.pods[pod];
        let facts = self.scenario.service(service);
        let draw = |law, purpose| self.draws.duration(law, cluster, service, ordinal, purpose);
        let startup = draw(&facts.startup, STARTUP);
        let ready = facts
            .pods
            .probe
            .map_or(startup, |probe| probe.ready_after(startup));
        let by_hand = match &self.scenario.cluster(cluster).deploy_time {
            Some(law) if revision > 0 && restarts == 0 => draw(law, DEPLOY),
            _ => SimDuration::ZERO,
        };
        self.agenda
            .add(self.now + by_hand + ready, Event::Started(pod, restarts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::empty;

    #[test]
    fn pulls_share_the_registry_equally() {
        let scenario = empty(SimDuration::from_secs(1));
        let mut launching = Launching::new(&scenario, ClusterId(0));
        launching.limits.registry_bandwidth = 100.0;
        let second = |time: f64| SimTime::ZERO + SimDuration::from_seconds(time);
        let image = |node| (node, ServiceId(0), 0);
        launching.begin(image(0), 100.0, 7, second(0.0));
        assert_eq!(launching.next_end(), Some(second(1.0)));
        // From 0.5 s on two share: 50 bytes each take 1 s more, then the second has 150 of 200 left alone.
        launching.begin(image(1), 200.0, 8, second(0.5));
        launching.begin(image(1), 200.0, 9, second(0.6));
        launching.count(second(0.5));
        assert_eq!(launching.next_end(), Some(second(1.5)));
        assert_eq!(launching.end_first(second(1.5)), [7]);
        assert_eq!(launching.next_end(), Some(second(3.0)));
        assert_eq!(launching.end_first(second(3.0)), [8, 9]);
        assert_eq!(launching.next_end(), None);
    }

    #[test]
    fn launches_keep_their_distance() {
        let scenario = empty(SimDuration::from_secs(1));
        let mut launching = Launching::new(&scenario, ClusterId(0));
        launching.limits.pod_launch_rate = Some(2.0);
        let at: Vec<f64> = (0..3)
            .map(|_| launching.admit_launch(SimTime::ZERO).seconds())
            .collect();
        assert_eq!(at, [0.0, 0.5, 1.0]);
    }

    #[test]
    fn calls_are_a_bucket_of_tokens() {
        let scenario = empty(SimDuration::from_secs(1));
        let mut launching = Launching::new(&scenario, ClusterId(0));
        (launching.limits.api_rate, launching.limits.api_burst) = (Some(2.0), Some(7));
        let mut at = |now: u64| {
            let now = SimTime::ZERO + SimDuration::from_secs(now);
            launching.admit_calls(now).since(now).seconds()
        };
        // 7 tokens: two starts of three calls at once; the third lacks two tokens, 1 s; the fourth 3 more, 1.5 s.
        assert_eq!([at(0), at(0), at(0), at(0)], [0.0, 0.0, 1.0, 2.5]);
        // -5 and 8 in 4 s: just enough for one. An hour later no more than 7 are saved.
        assert_eq!(
            [at(4), at(4), at(3604), at(3604), at(3604)],
            [0.0, 1.5, 0.0, 0.0, 1.0]
        );
    }
}
