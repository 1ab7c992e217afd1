//! Requests that split into parallel branches and wait for the last.

/// Mean response of two branches, each an M/M/1 fed by the same Poisson arrivals: exact, `(12 - rho) / 8` times one
/// branch's mean (Flatto and Hahn 1984; Nelson and Tantawi 1988). Seconds; infinity when overloaded.
#[must_use]
pub fn fork_join_pair(arrivals: f64, service: f64) -> f64 {
    let load = arrivals * service;
    if load >= 1.0 {
        f64::INFINITY
    } else {
        (12.0 - load) / 8.0 * service / (1.0 - load)
    }
}

/// Approximation for `branches` equal M/M/1 branches (Nelson and Tantawi 1988): exact for one and two, within a few
/// per cent up to 32.
#[must_use]
pub fn fork_join_bound(branches: u32, arrivals: f64, service: f64) -> f64 {
    let load = arrivals * service;
    if load >= 1.0 {
        return f64::INFINITY;
    }
    if branches < 2 {
        return service / (1.0 - load);
    }
    let harmonic = |n: u32| (1..=n).map(|i| 1.0 / f64::from(i)).sum::<f64>();
    let ratio = harmonic(branches) / harmonic(2);
    let scale = ratio + 4.0 / 11.0 * (1.0 - ratio) * load;
    scale * fork_join_pair(arrivals, service)
}

/// Mean of the largest of independent exponentials with these means, by inclusion and exclusion.
/// Meant for a handful of branches: takes `2^n` terms. At most 16 are read.
#[must_use]
pub fn largest_of_exponentials(means: &[f64]) -> f64 {
    let rates: Vec<f64> = means
        .iter()
        .take(16)
        .filter(|mean| **mean > 0.0)
        .map(|mean| 1.0 / mean)
        .collect();
    let mut total = 0.0;
    for subset in 1u32..(1 << rates.len()) {
        let sum: f64 = rates
            .iter()
            .enumerate()
            .filter(|(index, _)| subset >> index & 1 == 1)
            .map(|(_, rate)| rate)
            .sum();
        let sign = if subset.count_ones() % 2 == 1 {
            1.0
        } else {
            -1.0
        };
        total += sign / sum;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_idle_branches_take_one_and_a_half_services() {
        // The larger of two exponentials has mean 1 + 1/2.
        assert!((fork_join_pair(0.0, 0.01) - 0.015).abs() < 1e-15);
        assert!((largest_of_exponentials(&[0.01, 0.01]) - 0.015).abs() < 1e-15);
        assert!((largest_of_exponentials(&[1.0, 1.0, 1.0]) - 11.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn two_branches_at_half_load_follow_the_exact_formula() {
        // (12 - 0.5) / 8 * 20 ms = 28.75 ms.
        assert!((fork_join_pair(50.0, 0.01) - 0.028_75).abs() < 1e-15);
        assert!((fork_join_bound(2, 50.0, 0.01) - 0.028_75).abs() < 1e-15);
    }

    #[test]
    fn more_branches_take_longer_and_overload_takes_for_ever() {
        assert!(fork_join_bound(4, 50.0, 0.01) > fork_join_bound(3, 50.0, 0.01));
        assert!(fork_join_pair(100.0, 0.01).is_infinite());
        assert!((largest_of_exponentials(&[0.02]) - 0.02).abs() < 1e-15);
    }
}
