//! One independent term of a distribution, perhaps cut at either end.

use crate::model::distribution::bounded::{Triangular, Uniform};
use crate::model::distribution::counts::{Geometric, Poisson};
use crate::model::distribution::exponential::{Exponential, balanced_branches};
use crate::model::distribution::gamma::Gamma;
use crate::model::distribution::normal::{Lognormal, Normal};
use crate::model::distribution::percentiles::Percentiles;
use crate::model::distribution::special::integrate_unit;
use crate::model::distribution::tail::{Pareto, Weibull};

/// The largest number below 1: rounding must not turn a probability into a certainty, whose quantile is infinite.
const BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

/// A term of a distribution. Constructors take parameters that make sense (positive means and deviations,
/// `cv` above 1 for a hyperexponential, `alpha` above 1 for a Pareto): the scenario's grammar refuses others.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    family: Family,
    cut: Option<Cut>,
}

#[derive(Clone, Debug, PartialEq)]
enum Family {
    Exponential(Exponential),
    Lognormal(Lognormal),
    Constant(f64),
    Uniform(Uniform),
    Triangular(Triangular),
    Normal(Normal),
    Gamma(Gamma),
    Weibull(Weibull),
    Pareto(Pareto),
    Percentiles(Percentiles),
    Poisson(Poisson),
    Geometric(Geometric),
    /// Cumulative weight up to and including each, the last 1.
    Mix(Vec<(f64, Part)>),
}

/// Truncation: conditioned on lying between two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cut {
    min: f64,
    max: f64,
    /// Probability below `min`.
    from: f64,
    /// Probability between.
    span: f64,
    mean: f64,
    variance: f64,
}

impl Part {
    fn whole(family: Family) -> Self {
        Self { family, cut: None }
    }

    /// Always `value`.
    #[must_use]
    pub fn constant(value: f64) -> Self {
        Self::whole(Family::Constant(value))
    }

    /// Exponential by mean.
    #[must_use]
    pub fn exponential(mean: f64) -> Self {
        Self::whole(Family::Exponential(Exponential { mean }))
    }

    /// Uniform between two ends.
    #[must_use]
    pub fn uniform(low: f64, high: f64) -> Self {
        Self::whole(Family::Uniform(Uniform { low, high }))
    }

    /// Triangular by least, likeliest and most.
    #[must_use]
    pub fn triangular(low: f64, mode: f64, high: f64) -> Self {
        Self::whole(Family::Triangular(Triangular { low, mode, high }))
    }

    /// Normal by mean and standard deviation, cut at 0.
    #[must_use]
    pub fn normal(mean: f64, deviation: f64) -> Self {
        Self::whole(Family::Normal(Normal { mean, deviation }))
            .between(Some(0.0), None)
            .expect("a normal with a positive mean has mass above 0")
    }

    /// Lognormal by mean and coefficient of variation.
    #[must_use]
    pub fn lognormal(mean: f64, cv: f64) -> Self {
        Self::whole(Family::Lognormal(Lognormal::from_mean(mean, cv)))
    }

    /// Lognormal through two percentiles, each a probability with its value.
    #[must_use]
    pub fn lognormal_through(low: (f64, f64), high: (f64, f64)) -> Self {
        Self::whole(Family::Lognormal(Lognormal::through(low, high)))
    }

    /// Gamma by mean and coefficient of variation.
    #[must_use]
    pub fn gamma(mean: f64, cv: f64) -> Self {
        let shape = 1.0 / (cv * cv);
        let scale = mean / shape;
        Self::whole(Family::Gamma(Gamma { shape, scale }))
    }

    /// Erlang by mean and number of stages.
    #[must_use]
    pub fn erlang(mean: f64, stages: u32) -> Self {
        let shape = f64::from(stages);
        let scale = mean / shape;
        Self::whole(Family::Gamma(Gamma { shape, scale }))
    }

    /// Hyperexponential of two branches with balanced means, by mean and coefficient of variation above 1.
    #[must_use]
    pub fn hyperexponential(mean: f64, cv: f64) -> Self {
        let branches = balanced_branches(mean, cv);
        Self::mix(
            branches
                .map(|(weight, mean)| (weight, Self::exponential(mean)))
                .to_vec(),
        )
    }

    /// Weibull by mean and shape.
    #[must_use]
    pub fn weibull(mean: f64, shape: f64) -> Self {
        Self::whole(Family::Weibull(Weibull::from_mean(mean, shape)))
    }

    /// Pareto by mean and tail index above 1.
    #[must_use]
    pub fn pareto(mean: f64, alpha: f64) -> Self {
        Self::whole(Family::Pareto(Pareto::from_mean(mean, alpha)))
    }

    /// Through percentiles (probability, value), both rising, log-linear between them; an end that is not
    /// given prolongs the outermost line. At least two points, the ends counted.
    #[must_use]
    pub fn percentiles(inner: &[(f64, f64)], min: Option<f64>, max: Option<f64>) -> Self {
        Self::whole(Family::Percentiles(Percentiles::through(inner, min, max)))
    }

    /// One of them by weight; weights are positive and need not add to 1.
    #[must_use]
    pub fn mix(branches: Vec<(f64, Part)>) -> Self {
        let total: f64 = branches.iter().map(|(weight, _)| weight).sum();
        let last = branches.len().saturating_sub(1);
        let mut reached = 0.0;
        let cumulative = branches
            .into_iter()
            .enumerate()
            .map(|(index, (weight, part))| {
                reached += weight / total;
                (if index == last { 1.0 } else { reached }, part)
            })
            .collect();
        Self::whole(Family::Mix(cumulative))
    }

    /// Poisson by mean.
    #[must_use]
    pub fn poisson(mean: f64) -> Self {
        Self::whole(Family::Poisson(Poisson { mean }))
    }

    /// Geometric by mean, from 0 on: k with chance p (1-p)^k.
    #[must_use]
    pub fn geometric(mean: f64) -> Self {
        Self::whole(Family::Geometric(Geometric { mean }))
    }

    /// The same part conditioned on lying between two ends (both inside); `None` when it never does.
    #[must_use]
    pub fn between(self, min: Option<f64>, max: Option<f64>) -> Option<Self> {
        let (mut min, mut max) = (
            min.unwrap_or(f64::NEG_INFINITY),
            max.unwrap_or(f64::INFINITY),
        );
        if let Some(cut) = self.cut {
            (min, max) = (min.max(cut.min), max.min(cut.max));
        }
        let family = match self.family {
            // Each branch is cut alone and weighted by what it has between: one uniform still suffices.
            Family::Mix(branches) => return cut_mix(branches, min, max),
            Family::Constant(value) => {
                return (min <= value && value <= max).then(|| Self::constant(value));
            }
            // A Pareto above a larger least value is a Pareto again, with the same index.
            Family::Pareto(pareto) if min > pareto.least && max == f64::INFINITY => {
                return Some(Self::whole(Family::Pareto(Pareto {
                    least: min,
                    ..pareto
                })));
            }
            family => family,
        };
        let whole = Self::whole(family);
        let from = whole.probability_below(min);
        let span = whole.cdf(max) - from;
        if span <= 0.0 {
            return None;
        }
        let mut cut = Cut {
            min,
            max,
            from,
            span,
            mean: 0.0,
            variance: 0.0,
        };
        if from == 0.0 && span >= 1.0 {
            (cut.mean, cut.variance) = (whole.mean(), whole.variance());
        } else if matches!(whole.family, Family::Poisson(_) | Family::Geometric(_)) {
            (cut.mean, cut.variance) = whole.count_moments(&cut);
        } else {
            let value = |u: f64| {
                let inside = (from + u * span).min(BELOW_ONE);
                whole.whole_quantile(inside).clamp(min, max)
            };
            let mean = integrate_unit(value);
            cut.mean = mean;
            cut.variance = integrate_unit(|u| (value(u) - mean) * (value(u) - mean));
        }
        Some(Self {
            family: whole.family,
            cut: Some(cut),
        })
    }

    /// Mean and variance of a cut count, by summation until nothing is left.
    fn count_moments(&self, cut: &Cut) -> (f64, f64) {
        let mut count = cut.min.max(0.0).ceil();
        let mut below = cut.from;
        let (mut first, mut second) = (0.0, 0.0);
        while count <= cut.max && below < cut.from + cut.span * (1.0 - 1e-15) {
            let reached = self.whole_cdf(count);
            let chance = (reached - below) / cut.span;
            first += chance * count;
            second += chance * count * count;
            below = reached;
            count += 1.0;
        }
        (first, second - first * first)
    }

    /// The constant, when it is one.
    #[must_use]
    pub fn as_constant(&self) -> Option<f64> {
        match self.family {
            Family::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The mean of an exponential that is not cut.
    #[must_use]
    pub fn as_exponential(&self) -> Option<f64> {
        match (&self.family, &self.cut) {
            (Family::Exponential(exponential), None) => Some(exponential.mean),
            _ => None,
        }
    }

    /// A variate from one uniform in (0, 1). Not the quantile for a mix, whose uniform first picks a branch.
    #[inline]
    #[must_use]
    pub fn variate(&self, u: f64) -> f64 {
        match (&self.family, &self.cut) {
            (Family::Exponential(exponential), None) => exponential.quantile(u),
            (Family::Lognormal(lognormal), None) => lognormal.quantile(u),
            _ => self.other_variate(u),
        }
    }

    fn other_variate(&self, u: f64) -> f64 {
        match &self.family {
            Family::Mix(branches) => {
                let index = branches
                    .partition_point(|(reached, _)| *reached <= u)
                    .min(branches.len() - 1);
                let below = if index == 0 {
                    0.0
                } else {
                    branches[index - 1].0
                };
                let (reached, part) = &branches[index];
                // Rounding may give exactly 0 or 1, which a quantile must not see.
                let within = ((u - below) / (reached - below)).clamp(1e-300, BELOW_ONE);
                part.variate(within)
            }
            _ => self.quantile(u),
        }
    }

    /// The value below which a share `u` of the variates lies, for u in (0, 1).
    #[must_use]
    pub fn quantile(&self, u: f64) -> f64 {
        match &self.cut {
            None => self.whole_quantile(u),
            Some(cut) => self
                .whole_quantile((cut.from + u * cut.span).min(BELOW_ONE))
                .clamp(cut.min, cut.max),
        }
    }

    fn whole_quantile(&self, u: f64) -> f64 {
        match &self.family {
            Family::Exponential(family) => family.quantile(u),
            Family::Lognormal(family) => family.quantile(u),
            Family::Constant(value) => *value,
            Family::Uniform(family) => family.quantile(u),
            Family::Triangular(family) => family.quantile(u),
            Family::Normal(family) => family.quantile(u),
            Family::Gamma(family) => family.quantile(u),
            Family::Weibull(family) => family.quantile(u),
            Family::Pareto(family) => family.quantile(u),
            Family::Percentiles(family) => family.quantile(u),
            Family::Poisson(family) => family.quantile(u),
            Family::Geometric(family) => family.quantile(u),
            Family::Mix(branches) => {
                let mut low = f64::INFINITY;
                let mut high = f64::NEG_INFINITY;
                for (_, part) in branches {
                    let value = part.quantile(u);
                    (low, high) = (low.min(value), high.max(value));
                }
                while high - low > 1e-14 * high.abs() {
                    let middle = 0.5 * (low + high);
                    if middle <= low || middle >= high {
                        break;
                    }
                    if self.cdf(middle) < u {
                        low = middle;
                    } else {
                        high = middle;
                    }
                }
                high
            }
        }
    }

    /// Probability of at most `x`.
    #[must_use]
    pub fn cdf(&self, x: f64) -> f64 {
        match &self.cut {
            None => self.whole_cdf(x),
            Some(cut) if x < cut.min => 0.0,
            Some(cut) if x >= cut.max => 1.0,
            Some(cut) => ((self.whole_cdf(x) - cut.from) / cut.span).clamp(0.0, 1.0),
        }
    }

    fn whole_cdf(&self, x: f64) -> f64 {
        if x == f64::INFINITY {
            return 1.0;
        }
        if x == f64::NEG_INFINITY {
            return 0.0;
        }
        match &self.family {
            Family::Exponential(family) => family.cdf(x),
            Family::Lognormal(family) => family.cdf(x),
            Family::Constant(value) => f64::from(u8::from(*value <= x)),
            Family::Uniform(family) => family.cdf(x),
            Family::Triangular(family) => family.cdf(x),
            Family::Normal(family) => family.cdf(x),
            Family::Gamma(family) => family.cdf(x),
            Family::Weibull(family) => family.cdf(x),
            Family::Pareto(family) => family.cdf(x),
            Family::Percentiles(family) => family.cdf(x),
            Family::Poisson(family) => family.cdf(x),
            Family::Geometric(family) => family.cdf(x),
            Family::Mix(branches) => weighted(branches, |part| part.cdf(x)),
        }
    }

    /// Probability of less than `x`: for counts a least value belongs to the inside.
    fn probability_below(&self, x: f64) -> f64 {
        match self.family {
            Family::Poisson(_) | Family::Geometric(_) => self.whole_cdf(x.ceil() - 1.0),
            _ => self.whole_cdf(x),
        }
    }

    /// Mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if let Some(cut) = &self.cut {
            return cut.mean;
        }
        match &self.family {
            Family::Exponential(family) => family.mean,
            Family::Lognormal(family) => family.mean(),
            Family::Constant(value) => *value,
            Family::Uniform(family) => 0.5 * (family.low + family.high),
            Family::Triangular(family) => family.mean(),
            Family::Normal(family) => family.mean,
            Family::Gamma(family) => family.shape * family.scale,
            Family::Weibull(family) => family.mean(),
            Family::Pareto(family) => family.mean(),
            Family::Percentiles(family) => family.mean(),
            Family::Poisson(family) => family.mean,
            Family::Geometric(family) => family.mean,
            Family::Mix(branches) => weighted(branches, Self::mean),
        }
    }

    /// Variance; infinite when it does not exist.
    #[must_use]
    pub fn variance(&self) -> f64 {
        if let Some(cut) = &self.cut {
            return cut.variance;
        }
        match &self.family {
            Family::Exponential(family) => family.mean * family.mean,
            Family::Lognormal(family) => family.variance(),
            Family::Constant(_) => 0.0,
            Family::Uniform(family) => family.variance(),
            Family::Triangular(family) => family.variance(),
            Family::Normal(family) => family.deviation * family.deviation,
            Family::Gamma(family) => family.shape * family.scale * family.scale,
            Family::Weibull(family) => family.variance(),
            Family::Pareto(family) => family.variance(),
            Family::Percentiles(family) => family.variance(),
            Family::Poisson(family) => family.mean,
            Family::Geometric(family) => family.variance(),
            Family::Mix(branches) => {
                let mean = self.mean();
                weighted(branches, |part| {
                    let distance = part.mean() - mean;
                    part.variance() + distance * distance
                })
            }
        }
    }
}

fn weighted(branches: &[(f64, Part)], value: impl Fn(&Part) -> f64) -> f64 {
    let mut below = 0.0;
    let mut sum = 0.0;
    for (reached, part) in branches {
        sum += (reached - below) * value(part);
        below = *reached;
    }
    sum
}

fn cut_mix(branches: Vec<(f64, Part)>, min: f64, max: f64) -> Option<Part> {
    let mut below = 0.0;
    let mut inside = Vec::new();
    for (reached, part) in branches {
        let weight = reached - below;
        below = reached;
        let share = match part.as_constant() {
            Some(value) => f64::from(u8::from(min <= value && value <= max)),
            None => part.cdf(max) - part.probability_below(min),
        };
        if let Some(part) = part.between(Some(min), Some(max)).filter(|_| share > 0.0) {
            inside.push((weight * share, part));
        }
    }
    (!inside.is_empty()).then(|| Part::mix(inside))
}
