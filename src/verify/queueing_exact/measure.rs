//! Running a system until its values are known well enough, and judging them.
//!
//! Independent replications are played chunk by chunk. A value is a ratio of two sums (waits over requests, busy
//! time over time), taken over all replications together; its interval is Student's over the replications' own
//! ratios (sectioning). The first quarter of the chunks is left out, so that what is thrown away grows with the run.

use crate::model::Scenario;
use crate::model::scenario::Traces;
use crate::stats::sectioned;
use crate::units::{ClusterId, ReplicaId, ServiceId, SimDuration, SimTime};
use crate::verify::context::Allowance;
use crate::verify::judge::Judge;
use crate::world::contract::{Command, DataPlane, Luck, Seen};
use crate::world::data::request::RequestPlane;
use crate::world::spans::Span;

/// Independent replications of a case.
pub const REPLICATIONS: u32 = 32;
/// Actions in one chunk of one replication, on average.
const CHUNK_ACTIONS: f64 = 400.0;
/// Chunks of the first round; each further round plays half as many again.
const FIRST_ROUND: usize = 8;
/// Wanted half-width over the value.
pub const PRECISION: f64 = 0.02;
/// Actions of a case at most, when no time budget says so.
pub const MOST_ACTIONS: f64 = 4e6;
/// Relative error that whole nanoseconds may make.
const RESOLUTION: f64 = 1e-7;

/// What was seen of one replication in one chunk.
pub struct Look<'a> {
    /// Counts of the plane.
    pub seen: &'a Seen,
    /// Spans that ended, all actions traced.
    pub spans: &'a [Span],
    /// Those of the chunk before; empty in the first.
    pub before: &'a [Span],
    /// End of the chunk.
    pub end: SimTime,
    /// Length of the chunk.
    pub seconds: f64,
}

/// Numerator and denominator of a value in one chunk.
pub type Measure = Box<dyn Fn(&Look<'_>) -> (f64, f64) + Sync>;

/// A value to check.
pub struct Value {
    /// As in the case.
    pub name: String,
    /// What it must be.
    pub expected: f64,
    /// How it is found.
    pub found: Found,
}

/// How a value is found.
pub enum Found {
    /// A mean: the reference itself may be wrong by this share of the value.
    Mean(Measure, f64),
    /// A share of events: judged even when none was seen.
    Share(Measure),
    /// The quantile at this probability: the shares below, and not above the expected value enclose it. The last
    /// measure is the share within the wanted precision of it, for knowing when to stop.
    Quantile(f64, [Measure; 3]),
    /// At least the expected value.
    AtLeast(Measure),
}

/// A system built for a case.
pub struct System {
    /// The model; its horizon is far away.
    pub scenario: Scenario,
    /// User actions a second, about.
    pub rate: f64,
    /// What to check.
    pub values: Vec<Value>,
}

struct Estimate {
    pooled: f64,
    half: f64,
    /// Sum of denominators.
    weight: f64,
}

/// One replication that is played on.
struct Replication {
    plane: RequestPlane,
    now: SimTime,
    /// By chunk, then measure.
    chunks: Vec<Vec<(f64, f64)>>,
    seen: Seen,
    before: Vec<Span>,
}

impl Replication {
    fn new(scenario: &Scenario, replication: u32) -> Self {
        let luck = Luck {
            seed: 1,
            replication,
            stage: 0,
        };
        let traces = Traces {
            share: 1.0,
            most: u64::MAX,
        };
        let mut plane = RequestPlane::new(scenario, luck, true).traced(traces);
        for index in 0..scenario.services.len() {
            let replica = ReplicaId::from_index(index);
            let (service, cluster) = (ServiceId::from_index(index), ClusterId(0));
            plane.command(Command::AddReplica {
                replica,
                service,
                cluster,
                speed: 1.0,
                warmup: None,
            });
            plane.command(Command::Ready { replica });
            plane.command(Command::List { replica });
        }
        Self {
            plane,
            now: SimTime::ZERO,
            chunks: Vec::new(),
            seen: Seen::default(),
            before: Vec::new(),
        }
    }

    /// Plays one chunk; a sentence when the plane cannot go on.
    fn play(&mut self, chunk: SimDuration, measures: &[&Measure]) -> Result<(), String> {
        self.now += chunk;
        self.plane
            .advance(self.now)
            .map_err(|stop| stop.to_string())?;
        self.plane.observe(&mut self.seen);
        let spans = self.plane.take_spans();
        let look = Look {
            seen: &self.seen,
            spans: &spans,
            before: &self.before,
            end: self.now,
            seconds: chunk.seconds(),
        };
        self.chunks
            .push(measures.iter().map(|measure| measure(&look)).collect());
        self.before = spans;
        Ok(())
    }

    /// Sums of one measure after the first quarter of the chunks.
    fn sums(&self, measure: usize) -> (f64, f64) {
        let kept = &self.chunks[self.chunks.len() / 4..];
        kept.iter().fold((0.0, 0.0), |sum, chunk| {
            (sum.0 + chunk[measure].0, sum.1 + chunk[measure].1)
        })
    }
}

/// Plays the system and judges its values, each at `confidence`.
pub fn judge(
    system: &System,
    confidence: f64,
    most_actions: f64,
    judge: &mut Judge,
    allowance: &Allowance,
) {
    let measures: Vec<&Measure> = system
        .values
        .iter()
        .flat_map(|value| value.found.measures())
        .collect();
    let chunk = SimDuration::from_seconds(CHUNK_ACTIONS / system.rate);
    let mut replications: Vec<Replication> = (0..REPLICATIONS)
        .map(|number| Replication::new(&system.scenario, number))
        .collect();
    let most = if allowance.is_limited() {
        f64::INFINITY
    } else {
        most_actions
    };
    let mut wanted = FIRST_ROUND;
    loop {
        for replication in &mut replications {
            while replication.chunks.len() < wanted {
                if let Err(stop) = replication.play(chunk, &measures) {
                    judge.fail(format!("the simulation stopped: {stop}"));
                    return;
                }
            }
        }
        let played = wanted as f64 * CHUNK_ACTIONS * f64::from(REPLICATIONS);
        let mut at = 0;
        let precise = system.values.iter().all(|value| {
            let of_value = at..at + value.found.measures().len();
            at = of_value.end;
            let estimates: Vec<Estimate> = of_value
                .map(|measure| estimate(&replications, measure, confidence))
                .collect();
            value.is_precise(&estimates)
        });
        if precise || played >= most || allowance.is_over() {
            if !precise && allowance.is_over() {
                judge.note(format!(
                    "the time budget ended after {played:.0} actions, before 2 % were reached"
                ));
            }
            break;
        }
        wanted += wanted.div_ceil(2);
    }
    let mut at = 0;
    for value in &system.values {
        let count = value.found.measures().len();
        let estimates: Vec<Estimate> = (at..at + count)
            .map(|measure| estimate(&replications, measure, confidence))
            .collect();
        at += count;
        // A system that began empty takes its time to fill: a play that was cut short says nothing against a value.
        let cut = allowance.is_over() && !value.is_precise(&estimates);
        let mut judged = judge.clone();
        value.judge(&estimates, confidence, &mut judged);
        if cut && judged.failures() > judge.failures() {
            judge.holds(true, String::new);
            judge.note("the time budget ended too early to judge all of it");
        } else {
            *judge = judged;
        }
    }
}

fn estimate(replications: &[Replication], measure: usize, confidence: f64) -> Estimate {
    let sums: Vec<(f64, f64)> = replications.iter().map(|one| one.sums(measure)).collect();
    let (above, weight) = sums
        .iter()
        .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let sections: Vec<f64> = sums
        .iter()
        .filter(|one| one.1 > 0.0)
        .map(|one| one.0 / one.1)
        .collect();
    let pooled = above / weight;
    let interval = sectioned(pooled, &sections, confidence);
    let half = interval.map_or(f64::NAN, |interval| interval.high - interval.estimate);
    Estimate {
        pooled,
        half,
        weight,
    }
}

impl Found {
    fn measures(&self) -> Vec<&Measure> {
        match self {
            Self::Mean(measure, _) | Self::Share(measure) | Self::AtLeast(measure) => vec![measure],
            Self::Quantile(_, measures) => measures.iter().collect(),
        }
    }
}

impl Value {
    fn is_precise(&self, found: &[Estimate]) -> bool {
        let first = &found[0];
        match &self.found {
            Found::Mean(..) | Found::Share(_) => first.half <= PRECISION * self.expected.abs(),
            Found::Quantile(..) if self.expected == 0.0 => {
                first.half.max(found[1].half) <= PRECISION
            }
            // Half the probability that lies within 2 % of the quantile on both sides: the interval's width as seen
            // along the values. While all that was seen lies on one side of it the width is nought and says nothing.
            Found::Quantile(..) => {
                let both_sides = first.pooled < 1.0 && found[1].pooled > 0.0;
                both_sides && first.half.max(found[1].half) <= 0.5 * found[2].pooled
            }
            Found::AtLeast(_) => true,
        }
    }

    fn judge(&self, found: &[Estimate], confidence: f64, judge: &mut Judge) {
        let first = &found[0];
        let resolution = RESOLUTION * self.expected.abs();
        match &self.found {
            Found::Mean(_, slack) => {
                let tolerance = (first.half + slack * self.expected.abs()).max(resolution);
                judge.within(&self.name, first.pooled, self.expected, tolerance);
            }
            Found::Share(_) => {
                // With n trials a share below -ln(alpha)/n may go unseen.
                let unseen = -libm::log(1.0 - confidence) / first.weight;
                judge.within(
                    &self.name,
                    first.pooled,
                    self.expected,
                    first.half.max(unseen).max(resolution),
                );
            }
            Found::Quantile(probability, _) => {
                let (below, up_to) = (first, &found[1]);
                let (reached, half) = if *probability < below.pooled {
                    (below.pooled, below.half)
                } else {
                    (up_to.pooled.min(*probability), up_to.half)
                };
                let what = format!("{}: share up to {}", self.name, self.expected);
                let unseen = -libm::log(1.0 - confidence) / first.weight;
                judge.within(&what, reached, *probability, half.max(unseen));
            }
            Found::AtLeast(_) => judge.holds(first.pooled + first.half >= self.expected, || {
                format!(
                    "{}: found {}, expected at least {}",
                    self.name, first.pooled, self.expected
                )
            }),
        }
    }
}
