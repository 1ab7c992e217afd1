//! Autoscalers at work: what they are shown, when, and what becomes of their wishes.

use super::Control;
use super::agenda::Event;
use crate::model::Cluster;
use crate::model::scaling::hpa::pods::{Moment, PodPhase, PodSample};
use crate::model::scaling::hpa::{HpaSpec, MetricSource, MetricTarget, Resource};
use crate::model::scaling::{
    Memory, Observation, Quantity, Reading, Rule, ScalingPolicy, ScalingRule, Server, Wish,
};
use crate::units::{ClusterId, ServiceId, SimDuration, SimTime};
use crate::world::recorder::EventKind;

/// One autoscaler: its policy, its memory, and where its columns come from.
#[derive(Clone, Debug)]
pub(super) struct Scaler<'s> {
    service: ServiceId,
    policy: &'s ScalingPolicy,
    memory: Memory,
    /// Firings of the timetable beside the rule that are past.
    fired: usize,
    columns: Vec<Column>,
    server: Server,
}

/// What fills a column of an observation.
#[derive(Clone, Copy, Debug)]
enum Column {
    /// CPU of each pod.
    CpuOfPods,
    /// A share of a value for each pod.
    OfPods(Quantity),
    /// A value of a service here (`None`: in all clusters).
    Value(Reading, bool),
    /// Nothing is known.
    Unknown,
}

/// The interval of the metrics pipeline that can be read.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: SimTime,
    to: SimTime,
    /// Nothing can be read: the pipeline is down.
    blind: bool,
}

impl<'s> Control<'s> {
    /// The scaling policy of a service in a cluster; nothing scales on fixed hosts.
    pub(super) fn policy(
        &self,
        service: ServiceId,
        cluster: ClusterId,
    ) -> Option<&'s ScalingPolicy> {
        let place = self.scenario.cluster(cluster);
        if !place.orchestrator.scales() || self.is_guest(service) {
            return None;
        }
        let placed = self.scenario.service(service).placed.get(cluster.index())?;
        let policy = placed.scaling.or(place.scaling)?;
        Some(self.scenario.policy(policy))
    }

    /// The rule for the number of replicas of a service in a cluster.
    pub(super) fn rule(&self, service: ServiceId, cluster: ClusterId) -> Option<&'s ScalingRule> {
        Some(&self.policy(service, cluster)?.rule)
    }

    /// Whether something changes the number of replicas of a service in a cluster as it goes.
    pub(super) fn is_scaled(&self, service: ServiceId, cluster: ClusterId) -> bool {
        self.rule(service, cluster)
            .is_some_and(ScalingRule::is_active)
    }

    /// Makes the autoscalers, and their first sync in each cluster in which something scales.
    pub(super) fn start_autoscalers(&mut self) {
        for cluster in 0..self.scenario.clusters.len() {
            let cluster = ClusterId::from_index(cluster);
            let found: Vec<_> = self
                .services()
                .filter(|service| self.is_scaled(*service, cluster))
                .filter_map(|service| {
                    let policy = self.policy(service, cluster)?;
                    Some(Scaler {
                        service,
                        policy,
                        memory: policy.rule.memory(),
                        fired: past_firings(policy),
                        columns: columns(&policy.rule),
                        server: self.servers[service.index()],
                    })
                })
                .collect();
            let period = self.scenario.cluster(cluster).hpa_sync_period;
            if !found.is_empty() && period.0 > 0 {
                self.agenda
                    .add(SimTime::ZERO + period, Event::Autoscale(cluster));
            }
            for scaler in &found {
                self.note_readings(scaler, cluster);
            }
            self.scalers.push(found);
        }
    }

    /// Lets the history keep what a scaler reads.
    fn note_readings(&mut self, scaler: &Scaler, cluster: ClusterId) {
        let by_load = matches!(
            scaler.policy.rule,
            ScalingRule::Predictive(_) | ScalingRule::Queueing(_)
        );
        let own = self.at(scaler.service, cluster);
        self.history.read_for_scaling(own, by_load);
        for column in &scaler.columns {
            match *column {
                Column::OfPods(quantity) => {
                    self.history
                        .read_for_scaling(own, quantity != Quantity::Cpu);
                }
                Column::Value(reading, _) => {
                    let service = reading.service.unwrap_or(scaler.service);
                    for index in 0..self.scenario.clusters.len() {
                        let at = self.at(service, ClusterId::from_index(index));
                        self.history
                            .read_for_scaling(at, reading.quantity != Quantity::Cpu);
                    }
                }
                Column::CpuOfPods | Column::Unknown => {}
            }
        }
    }

    /// Every service's id.
    pub(super) fn services(&self) -> impl Iterator<Item = ServiceId> + use<> {
        (0..self.scenario.services.len()).map(ServiceId::from_index)
    }

    pub(super) fn on_autoscale(&mut self, cluster: ClusterId) {
        let place = self.scenario.cluster(cluster);
        let outage = self.outages[cluster.index()];
        if outage.control_plane > 0 {
            self.agenda
                .add(self.now + place.hpa_sync_period, Event::Autoscale(cluster));
            return;
        }
        // The last interval of the pipeline that is over and can be read by now.
        let resolution = place.metrics_resolution.0.max(1);
        let to =
            SimTime(self.now.0.saturating_sub(place.metrics_delay.0) / resolution * resolution);
        let window = Window {
            from: SimTime(to.0.saturating_sub(resolution)),
            to,
            blind: outage.metrics > 0,
        };
        let mut scalers = std::mem::take(&mut self.scalers[cluster.index()]);
        let mut seen = std::mem::take(&mut self.observation);
        for scaler in &mut scalers {
            if self.hpa_is_frozen(scaler.service) {
                continue;
            }
            self.look_for(scaler, cluster, window, &mut seen);
            if let Some(timetable) = &scaler.policy.beside {
                let wish = timetable.desired(&mut scaler.fired, &place.hpa, &seen);
                if wish.replicas != seen.current {
                    self.tell_scaled(scaler, place, &seen, wish);
                    self.set_desired(scaler.service, cluster, wish.replicas);
                    self.look_for(scaler, cluster, window, &mut seen);
                }
            }
            let rule = &scaler.policy.rule;
            let wish = rule.desired(&mut scaler.memory, &place.hpa, &seen);
            if wish.replicas != seen.current {
                self.tell_scaled(scaler, place, &seen, wish);
                self.set_desired(scaler.service, cluster, wish.replicas);
            }
        }
        self.observation = seen;
        self.scalers[cluster.index()] = scalers;
        self.agenda
            .add(self.now + place.hpa_sync_period, Event::Autoscale(cluster));
    }

    /// Fills an observation for a scaler.
    fn look_for(
        &self,
        scaler: &Scaler,
        cluster: ClusterId,
        window: Window,
        seen: &mut Observation,
    ) {
        let at = self.at(scaler.service, cluster);
        let deployment = &self.deployments[at];
        seen.at = self.now;
        seen.current = deployment.desired;
        seen.status = deployment.staying();
        seen.ready = deployment.ready;
        seen.server = scaler.server;
        let used = self.history.sum(at, window.from, window.to);
        let used = used.filter(|_| !window.blind);
        let seconds = window.to.since(window.from).seconds();
        let over = |amount: f64| used.is_some().then(|| amount / seconds);
        let sum = used.unwrap_or_default();
        seen.rate = over(sum.arrived);
        seen.cores = over(sum.cpu_seconds);
        seen.pods.clear();
        self.group_pods(scaler.service, at, cluster, &mut seen.pods);
        seen.samples.clear();
        seen.values.clear();
        let per_pod =
            |amount: f64| (sum.ready_seconds > 0.0).then(|| amount / sum.ready_seconds * 1000.0);
        for column in &scaler.columns {
            let (value, each) = match *column {
                Column::CpuOfPods => (None, per_pod(sum.cpu_seconds)),
                Column::OfPods(quantity) => {
                    let each = match quantity {
                        Quantity::QueueLength => per_pod(sum.in_flight_seconds),
                        Quantity::Requests => per_pod(sum.arrived),
                        Quantity::Latency => milli(sum.mean_latency()),
                        Quantity::Cpu => per_pod(sum.cpu_seconds),
                    };
                    (None, each)
                }
                Column::Value(reading, everywhere) => {
                    let service = reading.service.unwrap_or(scaler.service);
                    let read = self.read(service, cluster, everywhere, reading.quantity, window);
                    (milli(read).map(|value| value.round() as i64), None)
                }
                Column::Unknown => (None, None),
            };
            seen.values.push(value);
            self.add_samples(window, each, seen);
        }
    }

    /// A row of samples: `each` thousandths for every pod that was there during the whole interval.
    fn add_samples(&self, window: Window, each: Option<f64>, seen: &mut Observation) {
        let taken = Moment::from(window.to);
        let length = SimDuration(window.to.0 - window.from.0);
        for pod in &seen.pods {
            let whole = pod
                .started
                .is_some_and(|at| at <= Moment::from(window.from));
            let sample = each.filter(|_| whole && pod.phase == PodPhase::Running);
            seen.samples.push(sample.map(|each| PodSample {
                // Pods that are not ready serve nobody.
                total: if pod.ready == Some(true) {
                    (each * f64::from(pod.pods)).round() as i64
                } else {
                    0
                },
                taken,
                window: length,
            }));
        }
    }

    /// A quantity of a service in a cluster, or in all of them.
    fn read(
        &self,
        service: ServiceId,
        cluster: ClusterId,
        everywhere: bool,
        quantity: Quantity,
        window: Window,
    ) -> Option<f64> {
        let clusters = 0..self.scenario.clusters.len();
        let wanted = clusters.filter(|index| everywhere || *index == cluster.index());
        let seconds = window.to.since(window.from).seconds();
        let mut sum: Option<super::seen::Sum> = None;
        for index in wanted {
            let at = self.at(service, ClusterId::from_index(index));
            if let Some(here) = self.history.sum(at, window.from, window.to) {
                sum.get_or_insert_default().add(&here);
            }
        }
        let sum = sum.filter(|_| !window.blind)?;
        match quantity {
            Quantity::QueueLength => Some(sum.in_flight_seconds / seconds),
            Quantity::Requests => Some(sum.arrived / seconds),
            Quantity::Latency => sum.mean_latency(),
            Quantity::Cpu => Some(sum.cpu_seconds / seconds),
        }
    }

    fn tell_scaled(&mut self, scaler: &Scaler, place: &Cluster, seen: &Observation, wish: Wish) {
        let detail = format!(
            "{} in {}: {} to {} replicas, {}",
            self.scenario.service(scaler.service).name,
            place.name,
            seen.current,
            wish.replicas,
            reason(scaler, wish)
        );
        self.tell(
            EventKind::Scaled,
            None,
            Some(scaler.service),
            Some(f64::from(wish.replicas)),
            detail,
        );
    }
}

/// Firings before the start of the timetable beside a rule: the autoscaler has undone them long since.
fn past_firings(policy: &ScalingPolicy) -> usize {
    let zero = Moment::from(SimTime::ZERO);
    policy.beside.as_ref().map_or(0, |timetable| {
        timetable.firings.partition_point(|firing| firing.at < zero)
    })
}

fn milli(value: Option<f64>) -> Option<f64> {
    value.map(|value| value * 1000.0)
}

/// Where the columns of a rule come from.
fn columns(rule: &ScalingRule) -> Vec<Column> {
    let of = |spec: &HpaSpec| {
        let metrics = spec.metrics.iter();
        metrics
            .map(|metric| match metric.source {
                MetricSource::Resource(Resource::Cpu)
                | MetricSource::ContainerResource(Resource::Cpu) => Column::CpuOfPods,
                MetricSource::Pods(reading) => Column::OfPods(reading.quantity),
                MetricSource::Object(reading) => Column::Value(reading, false),
                MetricSource::External(reading) => Column::Value(reading, true),
                _ => Column::Unknown,
            })
            .collect()
    };
    match rule {
        ScalingRule::Hpa(spec) => of(spec),
        ScalingRule::Keda(keda) => of(&keda.hpa),
        _ => Vec::new(),
    }
}

/// Why the number changes, for people.
fn reason(scaler: &Scaler, wish: Wish) -> String {
    if wish.why == "schedule" && scaler.policy.beside.is_some() {
        return "scheduled".to_owned();
    }
    let (ScalingRule::Hpa(spec), Memory::Hpa(memory)) = (&scaler.policy.rule, &scaler.memory)
    else {
        return format!("{}: {}", scaler.policy.rule.kind(), wish.why);
    };
    let metrics = spec.metrics.iter().zip(&memory.proposals);
    let told: Vec<_> = metrics
        .map(|(metric, proposal)| {
            let name = match metric.source {
                MetricSource::Resource(resource) | MetricSource::ContainerResource(resource) => {
                    if resource == Resource::Cpu {
                        "CPU"
                    } else {
                        "memory"
                    }
                }
                MetricSource::Pods(reading)
                | MetricSource::Object(reading)
                | MetricSource::External(reading) => reading.quantity.name(),
                MetricSource::Unknown => "unknown",
            };
            match (proposal, metric.target) {
                (Err(_), _) => format!("{name} unknown"),
                (Ok(found), MetricTarget::Utilization(target)) => {
                    let used = found.utilisation_percent.unwrap_or_default();
                    format!("{name} {used} % of request, target {target} %")
                }
                (Ok(found), MetricTarget::AverageValue(target) | MetricTarget::Value(target)) => {
                    let plain = |milli: i64| milli as f64 / 1000.0;
                    format!("{name} {}, target {}", plain(found.usage), plain(target))
                }
            }
        })
        .collect();
    told.join("; ")
}
