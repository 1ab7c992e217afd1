//! Kubernetes' `IntOrString`: a number, or an integer percentage of some total.

/// A number or a percentage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Amount {
    /// That many.
    Count(u32),
    /// Per cent of a total.
    Percent(u32),
}

/// Which way a percentage is rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Round {
    /// To the next larger integer.
    Up,
    /// To the next smaller integer.
    Down,
}

impl Amount {
    /// Reads `3` or `25%`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().map(Self::Percent),
            None => text.parse().ok().map(Self::Count),
        }
    }

    /// How many of `total` it is.
    #[must_use]
    pub fn of(self, total: u32, round: Round) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let product = u64::from(percent) * u64::from(total);
                let scaled = match round {
                    Round::Up => product.div_ceil(100),
                    Round::Down => product / 100,
                };
                u32::try_from(scaled).unwrap_or(u32::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_as_asked() {
        assert_eq!(Amount::Percent(30).of(7, Round::Up), 3);
        assert_eq!(Amount::Percent(30).of(7, Round::Down), 2);
        assert_eq!(Amount::Count(9).of(7, Round::Down), 9);
    }

    #[test]
    fn text_is_a_number_or_a_whole_percentage() {
        assert_eq!(Amount::parse("2"), Some(Amount::Count(2)));
        assert_eq!(Amount::parse("25%"), Some(Amount::Percent(25)));
        assert_eq!(
            [
                Amount::parse("oops"),
                Amount::parse("2.5%"),
                Amount::parse("-1")
            ],
            [None; 3]
        );
    }
}
