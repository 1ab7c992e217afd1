//! Expected visits over a call graph. Not for latency: a visit has no length here.

/// Passes after which calls that still breed calls are taken to do so for ever.
const PASSES: usize = 20_000;

/// Rate (or expected number) of visits to each of `n` nodes: the least solution of `v = entries + v C`.
///
/// `entries[i]` comes from outside; `calls` are `(caller, callee, mean calls a visit)`, in any order and with
/// repetitions. Cycles are allowed; where each call breeds at least one more, the nodes concerned get infinity.
/// The sum is taken wave by wave, so a graph without cycles is exact after as many passes as it is deep.
///
/// # Panics
/// When `entries` is not `n` long or a node is out of range.
#[must_use]
pub fn visits(entries: &[f64], calls: &[(usize, usize, f64)], n: usize) -> Vec<f64> {
    assert_eq!(entries.len(), n, "one entry rate a node");
    let mut total = entries.to_vec();
    let mut wave = entries.to_vec();
    let mut next = vec![0.0; n];
    // What still grows after the passes is marked during as many more as the longest cycle has nodes.
    for pass in 0..PASSES + n {
        next.fill(0.0);
        for (caller, callee, mean) in calls {
            if wave[*caller] > 0.0 {
                next[*callee] += wave[*caller] * mean;
            }
        }
        let mut settled = true;
        for (sum, more) in total.iter_mut().zip(&next) {
            let small = more.is_finite() && *more <= 1e-15 * *sum;
            *sum += more;
            settled &= small;
            if !small && pass >= PASSES {
                *sum = f64::INFINITY;
            }
        }
        std::mem::swap(&mut wave, &mut next);
        if settled {
            break;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::visits;

    #[test]
    fn a_tree_multiplies_calls_along_its_paths() {
        // 10/s enter node 0, which calls 1 twice and 2 once; 1 calls 2 three times: 10 + 20 * 3 = 70.
        let found = visits(
            &[10.0, 0.0, 0.0],
            &[(1, 2, 3.0), (0, 1, 2.0), (0, 2, 1.0)],
            3,
        );
        assert_eq!(found, vec![10.0, 20.0, 70.0]);
    }

    #[test]
    fn a_retry_loop_is_a_geometric_series() {
        // A node that calls itself with mean 0.25 is visited 1 / (1 - 0.25) times.
        let found = visits(&[3.0], &[(0, 0, 0.25)], 1);
        assert!((found[0] - 4.0).abs() < 1e-12);
    }

    #[test]
    fn a_cycle_solves_its_linear_equations() {
        // v0 = 1 + 0.5 v1, v1 = 0.8 v0: v0 = 1 / 0.6.
        let found = visits(&[1.0, 0.0], &[(0, 1, 0.8), (1, 0, 0.5)], 2);
        assert!((found[0] - 1.0 / 0.6).abs() < 1e-12 && (found[1] - 0.8 / 0.6).abs() < 1e-12);
    }

    #[test]
    fn calls_that_breed_calls_without_end_are_infinite_and_others_are_not() {
        let found = visits(&[1.0, 0.0, 2.0], &[(0, 1, 1.0), (1, 0, 1.5)], 3);
        assert!(found[0].is_infinite() && found[1].is_infinite());
        assert_eq!(found[2], 2.0);
    }
}
