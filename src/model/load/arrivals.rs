//! How the arrivals of an open load are spread around its rate.

use std::sync::Arc;

use crate::model::Distribution;
use crate::model::distribution::Part;
use crate::units::SimTime;

/// A point process; each runs on the cumulative rate, so that shapes stretch and squeeze it.
#[derive(Clone, PartialEq, Debug)]
pub enum Arrivals {
    /// A Poisson process.
    Poisson,
    /// Evenly.
    Even,
    /// Independent gaps with this law, whose mean is 1.
    Renewal(Distribution),
    /// A Poisson process whose rate is `factor` times the base number during bursts (with exponential lengths a
    /// Markov-modulated Poisson process of two states).
    Bursts {
        /// Rate in a burst over the rate between bursts.
        factor: f64,
        /// Length of a burst, in seconds.
        length: Distribution,
        /// From the end of a burst to the start of the next, in seconds.
        pause: Distribution,
    },
    /// At recorded instants, in order; shapes do not change them, and nothing comes after the last.
    Recorded(Arc<[SimTime]>),
}

impl Arrivals {
    /// Gaps with coefficient of variation `cv`: gamma below 1, exponential at 1, hyperexponential with balanced
    /// means above; evenly at 0.
    #[must_use]
    pub fn renewal(cv: f64) -> Self {
        if cv == 0.0 {
            Self::Even
        } else if cv < 1.0 {
            Self::Renewal(Distribution::of(Part::gamma(1.0, cv)))
        } else if cv == 1.0 {
            Self::Poisson
        } else {
            Self::Renewal(Distribution::of(Part::hyperexponential(1.0, cv)))
        }
    }

    /// Long-run mean rate over the base number.
    #[must_use]
    pub fn mean_factor(&self) -> f64 {
        match self {
            Self::Bursts {
                factor,
                length,
                pause,
            } => {
                let (burst, quiet) = (length.mean(), pause.mean());
                (quiet + factor * burst) / (quiet + burst)
            }
            _ => 1.0,
        }
    }
}
