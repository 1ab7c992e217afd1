//! What a CFS quota costs where no table is measured.

use crate::model::Service;
use crate::world::data::flow::law::Moments;
use crate::world::data::flow::station::EQUILIBRIUM;

/// Mean extra time of a job from a CFS quota: who meets an exhausted budget waits half of the throttled rest of the
/// period, and work carried over from full periods delays all. Demand of a period is taken as gamma distributed.
pub fn quota_delay(service: &Service, arrivals: f64, time: f64, scv: f64) -> f64 {
    let Some(quota) = service.processor.quota else {
        return 0.0;
    };
    let (budget, period) = (quota.budget.seconds(), quota.period.seconds());
    if budget >= period * f64::from(service.processor.cores) {
        return 0.0;
    }
    let mean = arrivals * period * time;
    let law = Moments {
        mean,
        variance: arrivals * period * time * time * (1.0 + scv),
        shift: 0.0,
    };
    let over = 1.0 - law.at_most(budget);
    // Mean of what a period asks for beyond its budget: the integral of the tail.
    const SLICES: u32 = 64;
    let step = (law.quantile(0.999_99) - budget).max(0.0) / f64::from(SLICES);
    let excess: f64 = (0..SLICES)
        .map(|slice| (1.0 - law.at_most(budget + (f64::from(slice) + 0.5) * step)) * step)
        .sum();
    let hit = ((excess + time * over) / mean.max(1e-12)).min(1.0);
    let carried = excess / (1.0 - mean / budget).max(1.0 - EQUILIBRIUM);
    hit * 0.5 * (period - budget).max(0.0) + carried / budget * period * (mean / budget)
}
