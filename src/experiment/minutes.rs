//! Judges minutes once both worlds have passed them: breach minutes, and losses by counts where no records are.

use std::collections::BTreeSet;

use crate::experiment::account::burn_rate;
use crate::experiment::collector::{Collector, MINUTE, MinuteCount};
use crate::experiment::matching::{LATE, Losses};
use crate::model::Scenario;
use crate::units::{JourneyId, SimTime};

/// What the minutes so far gave.
#[derive(Clone, Debug)]
pub struct Minutes {
    /// Breach minutes by journey, in order.
    pub breaches: Vec<Vec<u64>>,
    /// Minutes in which some journey breached.
    pub any: BTreeSet<u64>,
    /// Minutes with enough intended actions, by journey.
    pub evidence: Vec<u64>,
    /// Losses by counts; used where actions are not recorded one by one.
    pub losses: Vec<Losses>,
}

impl Minutes {
    /// None judged yet.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let journeys = scenario.journeys.len();
        Self {
            breaches: vec![Vec::new(); journeys],
            any: BTreeSet::new(),
            evidence: vec![0; journeys],
            losses: vec![Losses::default(); journeys],
        }
    }

    /// Judges the minutes that end by `until` and takes them out of the collectors.
    pub fn judge(
        &mut self,
        scenario: &Scenario,
        run: &mut Collector,
        mut twin: Option<&mut Collector>,
        until: SimTime,
    ) {
        let first_open = until.0 / MINUTE.0;
        while let Some((minute, counts)) = first_before(run, first_open) {
            let meant = twin
                .as_deref_mut()
                .and_then(|twin| twin.minutes.remove(&minute));
            for (index, count) in counts.iter().enumerate() {
                let meant = meant.as_ref().map(|meant| &meant[index]);
                self.judge_one(scenario, minute, index, count, meant);
            }
        }
        if let Some(twin) = twin {
            // Minutes in which the run ended nothing at all stand in the twin only: all that was meant is lost.
            while let Some((minute, meant)) = first_before(twin, first_open) {
                for (index, meant) in meant.iter().enumerate() {
                    let met = vec![0; scenario.journeys[index].slo.len()];
                    let nothing = MinuteCount {
                        met,
                        ..MinuteCount::default()
                    };
                    self.judge_one(scenario, minute, index, &nothing, Some(meant));
                }
            }
        }
    }

    fn judge_one(
        &mut self,
        scenario: &Scenario,
        minute: u64,
        index: usize,
        count: &MinuteCount,
        twin: Option<&MinuteCount>,
    ) {
        let journey = &scenario.journeys[index];
        let intended = twin.map_or(count.ended, |twin| twin.ended);
        let id = JourneyId::from_index(index);
        if intended >= journey.breach_min_count {
            self.evidence[index] += 1;
            let burn = burn_rate(scenario, id, count.ended, intended, &count.met);
            if burn.is_some_and(|burn| burn > journey.breach_burn) {
                self.breaches[index].push(minute);
                self.any.insert(minute);
            }
        }
        if let Some(twin) = twin {
            add_by_counts(&mut self.losses[index], minute, count, twin);
        }
    }

    /// Breach minutes that start in the span, of one journey or of any.
    #[must_use]
    pub fn breaches_within(&self, journey: Option<usize>, start: SimTime, end: SimTime) -> u64 {
        let inside = |minute: &&u64| start.0 <= **minute * MINUTE.0 && **minute * MINUTE.0 < end.0;
        match journey {
            Some(index) => self.breaches[index].iter().filter(inside).count() as u64,
            None => self.any.iter().filter(inside).count() as u64,
        }
    }
}

fn first_before(collector: &mut Collector, open: u64) -> Option<(u64, Vec<MinuteCount>)> {
    let minute = *collector.minutes.keys().next()?;
    if minute >= open {
        return None;
    }
    collector.minutes.pop_first()
}

/// Bad actions beyond the twin's of the same minute, by cause. Noise of the counts does not cancel, so this is
/// for worlds without records only.
fn add_by_counts(losses: &mut Losses, minute: u64, run: &MinuteCount, twin: &MinuteCount) {
    let at = SimTime(minute * MINUTE.0);
    let mut found = Vec::new();
    for cause in 1..run.outcomes.len() {
        found.push((
            cause,
            run.outcomes[cause].saturating_sub(twin.outcomes[cause]),
        ));
    }
    let late = |count: &MinuteCount| count.outcomes[0].saturating_sub(count.good);
    found.push((LATE, late(run).saturating_sub(late(twin))));
    for (cause, lost) in found {
        if lost > 0 {
            losses.add(cause, at, lost as f64);
        }
    }
}
