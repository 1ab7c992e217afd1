//! `predictive`: enough replicas for what the load is forecast to be until a lead from now.
//!
//! Good where load repeats (day, week) and pods start slowly: they are ready before the peak. Bad for what has
//! never happened; there it is only as quick as its reaction to the present, which it never falls below.
//!
//! The load (requests a second) is averaged over bins of a 288th of the season (5 minutes of a day).
//! - `seasonal-naive`: the same bin one season ago.
//! - `holt-winters`: additive triple exponential smoothing (Winters 1960; Hyndman and Athanasopoulos,
//!   Forecasting, section 8.3) with alpha 0.2, beta 0.01, gamma 0.3: level, trend and season are started from
//!   the first season.
//!
//! Until one season is over both know the present only. Replicas: the highest forecast until the lead is over,
//! times the CPU that a request was measured to take, over target x request. Pods are taken away with the patience of an
//! autoscaler.

use super::patience::Patience;
use super::{HpaController, Observation, Rule, Wish};
use crate::units::{SimDuration, SimTime};

/// Bins of a season.
const BINS: usize = 288;
const ALPHA: f64 = 0.2;
const BETA: f64 = 0.01;
const GAMMA: f64 = 0.3;
/// Weight of the newest sync in the CPU that a request takes.
const WORK_WEIGHT: f64 = 0.1;

/// How to forecast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forecast {
    /// Additive triple exponential smoothing.
    HoltWinters,
    /// As one season ago.
    SeasonalNaive,
}

/// A forecaster.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Predictive {
    /// How.
    pub method: Forecast,
    /// Length after which load repeats.
    pub season: SimDuration,
    /// How far ahead it looks: at least a pod's way to ready.
    pub lead: SimDuration,
    /// CPU use over request that it plans for, 1 = 100 %.
    pub target: f64,
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
}

/// What it remembers: a season and a little.
#[derive(Clone, Debug)]
pub struct PredictiveMemory {
    /// Of the season: load of each bin (naive), or seasonal component.
    bins: Vec<f64>,
    /// Number of the bin that is filled now, from time zero.
    bin: u64,
    sum: f64,
    count: u32,
    level: f64,
    trend: f64,
    /// Core-seconds that a request takes.
    work: Option<f64>,
    seasons_full: bool,
    patience: Patience,
}

impl Predictive {
    fn bin_of(&self, at: SimTime) -> u64 {
        let width = (self.season.0 / BINS as u64).max(1);
        at.0 / width
    }

    /// Ends the bins before the one of `at`.
    fn fill(&self, memory: &mut PredictiveMemory, at: SimTime) {
        let now = self.bin_of(at);
        while memory.bin < now {
            let index = (memory.bin % BINS as u64) as usize;
            let load = (memory.count > 0).then(|| memory.sum / f64::from(memory.count));
            if memory.seasons_full && self.method == Forecast::HoltWinters {
                self.smooth(memory, index, load);
            } else if let Some(load) = load {
                memory.bins[index] = load;
            }
            (memory.sum, memory.count) = (0.0, 0);
            memory.bin += 1;
            if memory.bin == BINS as u64 {
                memory.seasons_full = true;
                if self.method == Forecast::HoltWinters {
                    memory.level = memory.bins.iter().sum::<f64>() / BINS as f64;
                    let level = memory.level;
                    memory.bins.iter_mut().for_each(|bin| *bin -= level);
                }
            }
        }
    }

    fn smooth(&self, memory: &mut PredictiveMemory, index: usize, load: Option<f64>) {
        let (level, trend, season) = (memory.level, memory.trend, memory.bins[index]);
        // A bin without a look is taken as it was forecast.
        let load = load.unwrap_or(level + trend + season);
        memory.level = ALPHA * (load - season) + (1.0 - ALPHA) * (level + trend);
        memory.trend = BETA * (memory.level - level) + (1.0 - BETA) * trend;
        memory.bins[index] = GAMMA * (load - level - trend) + (1.0 - GAMMA) * season;
    }

    /// Highest load forecast from the present bin to the one of `at + lead`; `None` in the first season.
    fn forecast(&self, memory: &PredictiveMemory, at: SimTime) -> Option<f64> {
        if !memory.seasons_full {
            return None;
        }
        let last = self.bin_of(at + self.lead);
        let value = |bin: u64| {
            let season = memory.bins[(bin % BINS as u64) as usize];
            match self.method {
                Forecast::SeasonalNaive => season,
                Forecast::HoltWinters => {
                    let steps = (bin - memory.bin + 1) as f64;
                    memory.level + steps * memory.trend + season
                }
            }
        };
        (memory.bin..=last.min(memory.bin + BINS as u64 - 1))
            .map(value)
            .max_by(f64::total_cmp)
    }
}

impl Rule for Predictive {
    type Memory = PredictiveMemory;

    fn memory(&self) -> PredictiveMemory {
        PredictiveMemory {
            bins: vec![0.0; BINS],
            bin: 0,
            sum: 0.0,
            count: 0,
            level: 0.0,
            trend: 0.0,
            work: None,
            seasons_full: false,
            patience: Patience::default(),
        }
    }

    fn bounds(&self) -> (u32, u32) {
        (self.min, self.max)
    }

    fn desired(
        &self,
        memory: &mut PredictiveMemory,
        controller: &HpaController,
        seen: &Observation,
    ) -> Wish {
        self.fill(memory, seen.at);
        let Some(rate) = seen.rate else {
            return Wish::new(seen.current.clamp(self.min, self.max), "no metrics");
        };
        memory.sum += rate;
        memory.count += 1;
        if let Some(cores) = seen.cores.filter(|_| rate > 0.0) {
            let now = cores / rate;
            let before = memory.work.unwrap_or(now);
            memory.work = Some(before + WORK_WEIGHT * (now - before));
        }
        let Some(work) = memory.work else {
            return Wish::new(seen.current.clamp(self.min, self.max), "no requests yet");
        };
        let ahead = self.forecast(memory, seen.at);
        let load = ahead.unwrap_or(rate).max(rate);
        let one = seen.server.request_cores * self.target;
        // The subtraction keeps 1.5 * 2 from becoming 4 by the last bit. Casts saturate.
        let wish = (load * work / one - 1e-9).ceil().max(0.0) as u32;
        let replicas = memory
            .patience
            .follow(wish, seen.current, controller, seen.at);
        let why = match ahead {
            _ if replicas > wish => "more were needed a moment ago",
            Some(ahead) if ahead > rate => "forecast",
            Some(_) => "load above the forecast",
            None => "no season seen yet",
        };
        Wish::new(replicas.clamp(self.min, self.max), why)
    }
}
