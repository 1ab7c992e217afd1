//! Keyed draws: a draw is a pure function of what it is for, never of when it is made.
//!
//! `key(call) = mix(key(parent attempt), hash64(call site), repeat ordinal, attempt)`; the attempt path is in
//! the key, so a retried subtree is fresh. The mixer is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).

/// Odd constant of the golden ratio, the increment of SplitMix64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Finaliser of SplitMix64: a bijection of 64-bit words that passes avalanche tests.
#[inline]
#[must_use]
pub const fn mix64(word: u64) -> u64 {
    let mut z = word;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// 64-bit hash of a name (FNV-1a, then mixed): the same on every machine and in every version.
#[must_use]
pub const fn hash64(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    mix64(hash)
}

/// What a draw is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purpose(u64);

impl Purpose {
    /// A purpose by name.
    #[must_use]
    pub const fn new(name: &str) -> Self {
        Self(hash64(name))
    }

    /// Its word, to make the key of a part that stands for the purpose as a whole.
    #[must_use]
    pub const fn word(self) -> u64 {
        self.0
    }
}

/// The key of one thing that draws: a user action, an attempt of a call, a pod.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key(pub u64);

impl Key {
    /// Key of a stage and replication of an experiment.
    #[must_use]
    pub const fn root(seed: u64, stage: u32, replication: u32) -> Self {
        let run = mix64(seed.wrapping_add(GOLDEN));
        Self(mix64(
            run ^ mix64(((stage as u64) << 32 | replication as u64).wrapping_add(GOLDEN)),
        ))
    }

    /// Key of a named part (a load, a cluster) of this.
    #[must_use]
    pub const fn part(self, name: u64) -> Self {
        Self(mix64((self.0 ^ name).wrapping_add(GOLDEN)))
    }

    /// Key of the `ordinal`-th thing (a user, a pod, an action) of this.
    #[inline]
    #[must_use]
    pub const fn nth(self, ordinal: u64) -> Self {
        Self(mix64(self.0 ^ mix64(ordinal.wrapping_add(GOLDEN))))
    }

    /// Key of an attempt of a call: `site` is the hash of the call site's name, `repeat` the ordinal of the
    /// call among those of the same site by the same parent, `attempt` 0 for the first try.
    #[inline]
    #[must_use]
    pub const fn call(self, site: u64, repeat: u64, attempt: u8) -> Self {
        let path = (repeat << 8 | attempt as u64)
            .wrapping_add(1)
            .wrapping_mul(GOLDEN);
        Self(mix64((self.0 ^ site).wrapping_add(path)))
    }

    /// The `ordinal`-th word drawn for `purpose`.
    #[inline]
    #[must_use]
    pub const fn bits(self, purpose: Purpose, ordinal: u64) -> u64 {
        mix64((self.0 ^ purpose.0).wrapping_add(ordinal.wrapping_add(1).wrapping_mul(GOLDEN)))
    }

    /// The `ordinal`-th uniform drawn for `purpose`, strictly between 0 and 1 (53 bits).
    #[inline]
    #[must_use]
    pub fn uniform(self, purpose: Purpose, ordinal: u64) -> f64 {
        ((self.bits(purpose, ordinal) >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A number from 0 to `count - 1`, the `ordinal`-th drawn for `purpose`; 0 when `count` is 0.
    #[inline]
    #[must_use]
    pub const fn index(self, purpose: Purpose, ordinal: u64, count: usize) -> usize {
        ((self.bits(purpose, ordinal) as u128 * count as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Purpose = Purpose::new("work");

    /// Mean of n uniforms lies within 4.9 standard errors of 1/2: false alarm 1e-6.
    fn check_uniform(draws: &[f64]) {
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        assert!(
            (mean - 0.5).abs() < 4.9 * (1.0 / 12.0f64).sqrt() / n.sqrt(),
            "mean {mean}"
        );
    }

    fn correlation(pairs: &[(f64, f64)]) -> f64 {
        let n = pairs.len() as f64;
        let (mx, my) = (
            pairs.iter().map(|p| p.0).sum::<f64>() / n,
            pairs.iter().map(|p| p.1).sum::<f64>() / n,
        );
        let cov: f64 = pairs.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
        let (vx, vy): (f64, f64) = (
            pairs.iter().map(|p| (p.0 - mx).powi(2)).sum(),
            pairs.iter().map(|p| (p.1 - my).powi(2)).sum(),
        );
        cov / (vx * vy).sqrt()
    }

    #[test]
    fn nine_equal_calls_of_one_parent_are_independent() {
        let site = hash64("currency.convert");
        let n = 20_000u64;
        for (first, second) in [(0, 1), (0, 8), (3, 4), (7, 8)] {
            let pairs: Vec<_> = (0..n)
                .map(|parent| {
                    let parent = Key::root(1, 0, 0).nth(parent);
                    (
                        parent.call(site, first, 0).uniform(WORK, 0),
                        parent.call(site, second, 0).uniform(WORK, 0),
                    )
                })
                .collect();
            // A correlation of independent pairs is normal with deviation 1/sqrt(n): 4.9 of them, false alarm 1e-6.
            assert!(correlation(&pairs).abs() < 4.9 / (n as f64).sqrt());
            check_uniform(&pairs.iter().map(|p| p.0).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_retried_subtree_is_fresh() {
        let (site, child) = (hash64("cart.get"), hash64("redis-cart.get"));
        let n = 20_000u64;
        let pairs: Vec<_> = (0..n)
            .map(|action| {
                let action = Key::root(7, 0, 0).nth(action);
                let below = |attempt| {
                    action
                        .call(site, 0, attempt)
                        .call(child, 0, 0)
                        .uniform(WORK, 0)
                };
                (below(0), below(1))
            })
            .collect();
        assert!(correlation(&pairs).abs() < 4.9 / (n as f64).sqrt());
    }

    #[test]
    fn draws_are_the_same_whenever_they_are_made() {
        let key = Key::root(3, 0, 2).part(hash64("shoppers")).nth(17);
        let (first, second) = (key.uniform(WORK, 0), key.uniform(WORK, 1));
        assert_eq!(
            (key.uniform(WORK, 1), key.uniform(WORK, 0)),
            (second, first)
        );
        assert_ne!(first, second);
    }

    #[test]
    fn the_first_draws_never_change() {
        // Reference values of SplitMix64's finaliser for its published first outputs from seed 0.
        assert_eq!(mix64(GOLDEN), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix64(GOLDEN.wrapping_mul(2)), 0x6e78_9e6a_a1b9_65f4);
    }
    /// The scheme, computed once more by another program (Python integers) from its description.
    #[test]
    fn golden_draws() {
        let action = Key::root(1, 0, 0).part(hash64("shoppers")).nth(17).nth(3);
        assert_eq!(Key::root(1, 0, 0), Key(0x8e58_975f_6d0d_c556));
        assert_eq!(action, Key(0x1694_832e_0782_a378));
        let call = action.call(hash64("cart.get"), 2, 1);
        assert_eq!(call, Key(0x1986_9d6f_aa62_0e2d));
        assert_eq!(call.bits(WORK, 5), 0xed54_49b0_1b58_478c);
        assert_eq!(call.uniform(WORK, 5), 0.927_067_380_423_381_8);
    }

    /// Draws as a run makes them: one a call, calls of one action and of actions in a row.
    fn words(count: u64) -> impl Iterator<Item = u64> {
        let site = hash64("cart.get");
        (0..count).map(move |n| {
            let action = Key::root(9, 0, 0).nth(n / 8);
            action.call(site, n % 8, 0).bits(WORK, 0)
        })
    }

    /// Each bit of a draw is one half of the time, whatever the bit before it: 64 bits and 63 pairs, each within 6
    /// deviations of the binomial; false alarm 127 * 2e-9 = 3e-7.
    #[test]
    fn every_bit_is_fair_and_independent_of_its_neighbour() {
        let n = 200_000u64;
        let (mut ones, mut equal) = ([0u64; 64], [0u64; 63]);
        for word in words(n) {
            let same = !(word ^ (word >> 1));
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += word >> bit & 1;
            }
            for (bit, count) in equal.iter_mut().enumerate() {
                *count += same >> bit & 1;
            }
        }
        let limit = 6.0 * 0.5 * (n as f64).sqrt();
        for count in ones.iter().chain(&equal) {
            assert!(
                (*count as f64 - 0.5 * n as f64).abs() < limit,
                "{count} of {n}"
            );
        }
    }

    /// Pairs of successive draws in 64 by 64 cells: chi-square with 4095 degrees is normal to a good approximation
    /// with deviation sqrt(2 * 4095); 5.2 of them, false alarm 2e-7.
    #[test]
    fn successive_draws_fill_the_square_evenly() {
        let n = 400_000u64;
        let mut cells = vec![0u64; 4096];
        let mut before = 0;
        for word in words(n) {
            cells[(before << 6 | word >> 58) as usize] += 1;
            before = word >> 58;
        }
        let expected = n as f64 / 4096.0;
        let chi_square: f64 = cells
            .iter()
            .map(|count| (*count as f64 - expected).powi(2) / expected)
            .sum();
        assert!(
            (chi_square - 4095.0).abs() < 5.2 * (2.0f64 * 4095.0).sqrt(),
            "{chi_square}"
        );
    }

    /// Moments and tail of exponentials drawn by inversion: the first four moments are 1, 2, 6, 24 with variances
    /// (2k)! - k!^2 a draw, and e^-10 of the draws exceed 10. 5.2 deviations each; false alarm 1e-6.
    #[test]
    fn exponential_draws_have_the_moments_and_the_tail() {
        let n = 1_000_000u64;
        let (mut sums, mut beyond) = ([0.0f64; 4], 0u64);
        for word in words(n) {
            let uniform = ((word >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0);
            let draw = -libm::log1p(-uniform);
            let mut power = 1.0;
            for sum in &mut sums {
                power *= draw;
                *sum += power;
            }
            beyond += u64::from(draw > 10.0);
        }
        let factorial = |k: u64| (1..=k).product::<u64>() as f64;
        for (k, sum) in (1..).zip(sums) {
            let deviation = (factorial(2 * k) - factorial(k).powi(2)).sqrt();
            let off = (sum / n as f64 - factorial(k)).abs() * (n as f64).sqrt() / deviation;
            assert!(off < 5.2, "moment {k} is {off} deviations off");
        }
        let expected = n as f64 * libm::exp(-10.0);
        assert!(
            (beyond as f64 - expected).abs() < 5.2 * expected.sqrt(),
            "{beyond}"
        );
    }
}
