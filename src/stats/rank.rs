//! Rank correlation.

/// Spearman's rank correlation, ties at their mean rank; `None` below three pairs or when one side has one rank only.
///
/// # Panics
/// When the two samples differ in size.
#[must_use]
pub fn spearman(first: &[f64], second: &[f64]) -> Option<f64> {
    assert_eq!(first.len(), second.len(), "pairs have two members");
    if first.len() < 3 {
        return None;
    }
    let (one, two) = (ranks(first), ranks(second));
    let mean = (first.len() as f64 + 1.0) / 2.0;
    let sum = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    let spread = (sum(&one, &one) * sum(&two, &two)).sqrt();
    (spread > 0.0).then(|| (sum(&one, &two) / spread).clamp(-1.0, 1.0))
}

/// Ranks from 1, ties at the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut at = 0;
    while at < order.len() {
        let mut end = at + 1;
        while end < order.len() && values[order[end]] == values[order[at]] {
            end += 1;
        }
        let rank = (at + 1 + end) as f64 / 2.0;
        for index in &order[at..end] {
            ranks[*index] = rank;
        }
        at = end;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::spearman;

    #[test]
    fn ranks_by_hand() {
        // Ranks 1 2 3 4 5 against 2 1 4 3 5: 1 - 6 (1 + 1 + 1 + 1) / (5 * 24) = 0.8.
        let found = spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &[20.0, 10.0, 40.0, 30.0, 50.0]);
        assert!((found.expect("five pairs") - 0.8).abs() < 1e-12);
        // Ties: ranks 1.5 1.5 3 against 1 2 3: covariance 1.5 over sqrt(1.5 * 2).
        let found = spearman(&[1.0, 1.0, 3.0], &[1.0, 2.0, 3.0]).expect("three pairs");
        assert!((found - 1.5 / 3.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
        assert_eq!(spearman(&[1.0, 2.0], &[1.0, 2.0]), None);
    }
}
