//! The recorder of one world: turns looks and events into sums.
//!
//! `run.warmup` is left out of every sum but cost, nodes and the time series. A look belongs to the minute, bin
//! and span in which it starts; worlds end a look at every minute and at every change of a wave.

use std::collections::BTreeMap;

use crate::experiment::account::{Account, Whose, within};
use crate::experiment::bins::Bins;
use crate::experiment::pulses::Pulses;
use crate::experiment::result::CapacityRow;
use crate::model::{MetricScope, MetricTerm, Scenario, SpanScope, Subject};
use crate::units::{ClusterId, JourneyId, ServiceId, SimDuration, SimTime, WorkId};
use crate::world::contract::{ActionRecord, EdgeSeen, Seen};
use crate::world::recorder::{
    ControlSeen, EventKind, GateLook, ProgrammeEvent, Recorder, WorkRecord,
};

const WEEK: SimDuration = SimDuration::from_secs(7 * 86_400);
/// Burn rates are judged minute by minute.
pub const MINUTE: SimDuration = SimDuration::from_secs(60);

/// Span of each wave: start, and end (`NEVER` while it is open).
pub type WaveSpans = Vec<Option<(SimTime, SimTime)>>;

/// Actions of a journey in one minute.
#[derive(Clone, Debug, Default)]
pub struct MinuteCount {
    /// Ended.
    pub ended: u64,
    /// Good.
    pub good: u64,
    /// By cause: ended by `Outcome`, the first being ok.
    pub outcomes: [u64; crate::world::contract::OUTCOMES],
    /// Met each objective.
    pub met: Vec<u64>,
}

/// A sum for a term of an assertion that has a scope.
pub struct Probe {
    whose: Whose,
    scope: MetricScope,
    wave: Option<usize>,
    name: String,
    window: u64,
    worst: Option<f64>,
    /// The sums.
    pub account: Account,
}

impl Probe {
    fn new(scenario: &Scenario, term: &MetricTerm) -> Option<Self> {
        let whose = Whose::of(term.subject)?;
        let wave = match term.subject {
            Some(Subject::Wave(id)) => Some(id?.index()),
            _ => None,
        };
        Some(Self {
            whose,
            scope: term.scope.clone(),
            wave,
            name: term.name.clone(),
            window: 0,
            worst: None,
            account: Account::new(scenario, whose, term.scope.cluster),
        })
    }

    fn is_open(&self, spans: &WaveSpans, at: SimTime) -> bool {
        let of_wave = self.wave.is_none_or(|wave| within(spans[wave], at));
        of_wave
            && match &self.scope.during {
                None => true,
                Some(SpanScope::Wave(wave)) => within(spans[wave.index()], at),
                Some(SpanScope::Fixed(start, end)) => *start <= at && at < *end,
            }
    }

    fn add(&mut self, scenario: &Scenario, seen: &Seen, pulses: &Pulses) {
        if let Some(width) = self.scope.over {
            let window = seen.start.0 / width.0.max(1);
            if window != self.window {
                self.close_window(scenario);
                self.window = window;
            }
        }
        self.account.add(scenario, seen, pulses);
    }

    fn close_window(&mut self, scenario: &Scenario) {
        if let Some(value) = self.account.value(scenario, &self.name) {
            use crate::model::metric::{Direction, find};
            let higher = find(&self.name).is_some_and(|m| m.better == Direction::Higher);
            self.worst = Some(match self.worst {
                None => value,
                Some(worst) if higher => worst.min(value),
                Some(worst) => worst.max(value),
            });
        }
        self.account.clear();
    }

    /// The worst window, when the term asks for windows.
    pub fn worst(&mut self, scenario: &Scenario) -> Option<f64> {
        self.close_window(scenario);
        self.worst
    }

    /// Whose it is.
    #[must_use]
    pub fn whose(&self) -> Whose {
        self.whose
    }
}

/// See the module's text.
pub struct Collector<'a> {
    scenario: &'a Scenario,
    warmup: SimTime,
    /// The whole run.
    pub run: Account,
    /// By journey.
    pub journeys: Vec<Account>,
    /// By service.
    pub services: Vec<Account>,
    /// By `service * clusters + cluster`; with one cluster the services' are these.
    stations: Vec<Account>,
    /// By cluster.
    pub clusters: Vec<Account>,
    /// By source of jobs or environments.
    pub work: Vec<Account>,
    /// By term; `None` for terms that are no sums.
    pub probes: Vec<Option<Probe>>,
    /// Time series; none for the twin.
    pub bins: Option<Bins>,
    /// By minute, then journey; taken out by the one who judges minutes.
    pub minutes: BTreeMap<u64, Vec<MinuteCount>>,
    pulses: Pulses,
    /// Actions that ended; taken out by the one who matches.
    pub records: Vec<ActionRecord>,
    /// Span of each wave.
    pub spans: WaveSpans,
    /// The log.
    pub events: Vec<ProgrammeEvent>,
    /// Looks through gates.
    pub gate_looks: Vec<GateLook>,
    /// Traffic by edge.
    pub edges: Vec<EdgeSeen>,
    /// Nodes and cost by cluster and week.
    pub capacity: BTreeMap<(usize, u64), CapacityRow>,
    /// Cost of nodes so far by cluster.
    pub node_cost: Vec<f64>,
    /// By cluster: CPU requested by ready replicas at the last look, millicores.
    requested: Vec<f64>,
}

impl<'a> Collector<'a> {
    /// Nothing seen yet; `series`: keep time series.
    #[must_use]
    pub fn new(scenario: &'a Scenario, terms: &[MetricTerm], series: bool) -> Self {
        let clusters = scenario.clusters.len();
        let cluster_ids = || (0..clusters).map(ClusterId::from_index);
        let service_ids = || (0..scenario.services.len()).map(ServiceId::from_index);
        Self {
            scenario,
            warmup: SimTime::ZERO + scenario.run.warmup,
            run: Account::new(scenario, Whose::Run, None),
            journeys: (0..scenario.journeys.len())
                .map(|index| {
                    Account::new(scenario, Whose::Journey(JourneyId::from_index(index)), None)
                })
                .collect(),
            services: service_ids()
                .map(|id| Account::new(scenario, Whose::Service(id), None))
                .collect(),
            stations: service_ids()
                .filter(|_| clusters > 1)
                .flat_map(|id| cluster_ids().map(move |at| (id, at)))
                .map(|(id, at)| Account::new(scenario, Whose::Service(id), Some(at)))
                .collect(),
            clusters: cluster_ids()
                .map(|id| Account::new(scenario, Whose::Cluster(id), None))
                .collect(),
            work: (0..scenario.work.len())
                .map(|index| Account::new(scenario, Whose::Work(WorkId::from_index(index)), None))
                .collect(),
            probes: terms
                .iter()
                .map(|term| Probe::new(scenario, term))
                .collect(),
            bins: series.then(|| Bins::new(scenario)),
            minutes: BTreeMap::new(),
            pulses: Pulses::new(scenario),
            records: Vec::new(),
            spans: vec![None; scenario.plan.waves.len()],
            events: Vec::new(),
            gate_looks: Vec::new(),
            edges: vec![EdgeSeen::default(); scenario.edges.len()],
            capacity: BTreeMap::new(),
            node_cost: vec![0.0; clusters],
            requested: vec![0.0; clusters],
        }
    }

    /// Accounts by `service * clusters + cluster`.
    #[must_use]
    pub fn stations(&self) -> &[Account] {
        if self.clusters.len() == 1 {
            &self.services
        } else {
            &self.stations
        }
    }

    fn add_minute(&mut self, seen: &Seen) {
        let journeys = self.scenario.journeys.len();
        let minute = self
            .minutes
            .entry(seen.start.0 / MINUTE.0)
            .or_insert_with(|| vec![MinuteCount::default(); journeys]);
        for (index, actions) in seen.actions.iter().enumerate() {
            let count = &mut minute[index % journeys];
            for (sum, ended) in count.outcomes.iter_mut().zip(actions.ended) {
                *sum += ended;
            }
            count.ended += actions.ended.iter().sum::<u64>();
            count.good += actions.good;
            let objectives = actions.objectives_met.len();
            count.met.resize(count.met.len().max(objectives), 0);
            for (sum, met) in count.met.iter_mut().zip(&actions.objectives_met) {
                *sum += met;
            }
        }
    }

    fn add_edges(&mut self, seen: &Seen) {
        for (sums, edge) in self.edges.iter_mut().zip(&seen.edges) {
            add_table(&mut sums.calls, &edge.calls);
            add_table(&mut sums.bytes, &edge.bytes);
        }
    }

    fn add_capacity(&mut self, seen: &Seen, control: &ControlSeen) {
        let clusters = self.scenario.clusters.len();
        let seconds = seen.end.since(seen.start).seconds();
        for (cluster, nodes) in control.nodes.iter().enumerate() {
            let week = seen.start.0 / WEEK.0;
            let row = self.capacity.entry((cluster, week)).or_default();
            // Sums for now; `replication` divides by the simulated part of the week.
            row.nodes_mean += f64::from(*nodes) * seconds;
            row.nodes_max = row.nodes_max.max(*nodes);
            let cost = control.node_cost.get(cluster).copied().unwrap_or(0.0);
            row.cost += cost - self.node_cost[cluster];
            self.node_cost[cluster] = cost;
            if let Some(Some(millicores)) = control.allocatable.get(cluster)
                && *millicores > 0
            {
                if control.changed {
                    let ready = control.replicas.iter().skip(cluster).step_by(clusters);
                    let services = self.scenario.services.iter().zip(ready);
                    self.requested[cluster] = services
                        .map(|(service, counts)| {
                            f64::from(counts.ready) * service.resources.cpu_request.0 as f64
                        })
                        .sum();
                }
                let requested = self.requested[cluster];
                *row.requested.get_or_insert(0.0) += requested / *millicores as f64 * seconds;
            }
        }
    }

    /// Every bin, span and warm-up ends at a full look, so all that the pulses brought belongs where this look does.
    fn add_full(&mut self, seen: &Seen, control: &ControlSeen) {
        if let Some(bins) = &mut self.bins {
            bins.add(self.scenario, seen, &self.pulses, control);
        }
        self.add_edges(seen);
        if seen.start < self.warmup {
            return;
        }
        self.add_probes(seen);
        let accounts = std::iter::once(&mut self.run)
            .chain(&mut self.journeys)
            .chain(&mut self.services)
            .chain(&mut self.stations)
            .chain(&mut self.clusters)
            .chain(&mut self.work);
        for account in accounts {
            account.add(self.scenario, seen, &self.pulses);
        }
    }

    fn add_probes(&mut self, seen: &Seen) {
        for probe in self.probes.iter_mut().flatten() {
            if probe.is_open(&self.spans, seen.start) {
                probe.add(self.scenario, seen, &self.pulses);
            }
        }
    }
}

fn add_table(sums: &mut Vec<u64>, table: &[u64]) {
    sums.resize(sums.len().max(table.len()), 0);
    for (sum, count) in sums.iter_mut().zip(table) {
        *sum += count;
    }
}

impl Recorder for Collector<'_> {
    fn interval(&mut self, seen: &Seen, control: &ControlSeen) {
        self.records.extend_from_slice(&seen.records);
        self.add_capacity(seen, control);
        if seen.start >= self.warmup {
            self.add_minute(seen);
        }
        self.pulses.add(seen, control);
        if seen.full {
            self.add_full(seen, control);
            self.pulses.clear();
        }
    }

    fn event(&mut self, event: &ProgrammeEvent) {
        if let Some(wave) = event.wave {
            let span = &mut self.spans[wave.index()];
            match event.kind {
                EventKind::WaveStarted => *span = Some((event.at, SimTime::NEVER)),
                EventKind::WaveFinished => {
                    let start = span.map_or(event.at, |(start, _)| start);
                    *span = Some((start, event.at));
                }
                _ => {}
            }
        }
        self.events.push(event.clone());
    }

    fn gate_look(&mut self, look: &GateLook) {
        self.gate_looks.push(look.clone());
    }

    fn work(&mut self, record: &WorkRecord) {
        self.pulses.work[record.source.index()].note(&record.note);
    }
}
