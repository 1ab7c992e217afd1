//! A distribution through percentiles: the logarithm of its quantile is linear between them.

/// Points (probability, value) from probability 0 to 1, both rising; values are positive.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Percentiles {
    points: Vec<(f64, f64)>,
}

impl Percentiles {
    /// Through at least one inner point with an end, or two; an end that is not given prolongs the outermost line.
    pub fn through(inner: &[(f64, f64)], min: Option<f64>, max: Option<f64>) -> Self {
        let mut points = inner.to_vec();
        if let Some(min) = min {
            points.insert(0, (0.0, min));
        }
        if let Some(max) = max {
            points.push((1.0, max));
        }
        if points[0].0 > 0.0 {
            let value = prolonged(points[0], points[1], 0.0);
            points.insert(0, (0.0, value));
        }
        let last = points.len() - 1;
        if points[last].0 < 1.0 {
            let value = prolonged(points[last - 1], points[last], 1.0);
            points.push((1.0, value));
        }
        Self { points }
    }

    pub fn quantile(&self, u: f64) -> f64 {
        let after = self
            .points
            .partition_point(|(probability, _)| *probability < u)
            .clamp(1, self.points.len() - 1);
        prolonged(self.points[after - 1], self.points[after], u)
    }

    pub fn cdf(&self, x: f64) -> f64 {
        let after = self.points.partition_point(|(_, value)| *value < x);
        if after == 0 {
            return 0.0;
        }
        if after == self.points.len() {
            return 1.0;
        }
        let ((u0, x0), (u1, x1)) = (self.points[after - 1], self.points[after]);
        u0 + (u1 - u0) * libm::log(x / x0) / libm::log(x1 / x0)
    }

    pub fn mean(&self) -> f64 {
        self.moment(1)
    }

    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        self.moment(2) - mean * mean
    }

    /// On a segment x = x0 (x1/x0)^v for v from 0 to 1: the integral of x^k is (x1^k - x0^k) / (k ln(x1/x0)).
    fn moment(&self, k: i32) -> f64 {
        let segment = |pair: &[(f64, f64)]| {
            let ((u0, x0), (u1, x1)) = (pair[0], pair[1]);
            let power = |x: f64| if k == 1 { x } else { x * x };
            let log = f64::from(k) * libm::log(x1 / x0);
            let average = if log.abs() < 1e-9 {
                power(x0)
            } else {
                (power(x1) - power(x0)) / log
            };
            (u1 - u0) * average
        };
        self.points.windows(2).map(segment).sum()
    }
}

/// The log-linear curve through two points, at `u`.
fn prolonged(from: (f64, f64), to: (f64, f64), u: f64) -> f64 {
    let share = (u - from.0) / (to.0 - from.0);
    from.1 * libm::exp(share * libm::log(to.1 / from.1))
}
