//! Two choices among replicas that work at different rates.
//!
//! The mean field of Mitzenmacher (2001) with as many kinds of stations as there are rates, and the chance of one in n
//! that both draws are the same replica: of n replicas one with k requests is chosen at the rate
//! `arrivals * ((1 - 1/n) (s(k) + s(k + 1)) + 1/n)`, where s(k) is the share of the other replicas with at least k.

/// Levels that are followed beyond the servers.
const DEEP: usize = 40;
/// Rounds at most, and the step that ends them.
const ROUNDS: usize = 300;
const SETTLED: f64 = 1e-7;

/// Replicas of one rate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Alike {
    /// How many.
    pub count: f64,
    /// Requests a second that one of its servers finishes.
    pub rate: f64,
}

/// What each of them has.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Held {
    /// Requests a second at all replicas of the group.
    pub arrivals: f64,
    /// Mean wait of one, seconds.
    pub wait: f64,
}

/// What comes to each group, and how long it waits there: `arrivals` a second come to all replicas together, each with
/// so many servers; nothing when they are more than all can finish.
pub fn two_choices(groups: &[Alike], servers: u32, arrivals: f64) -> Option<Vec<Held>> {
    let all: f64 = groups.iter().map(|group| group.count).sum();
    let room: f64 = groups
        .iter()
        .map(|group| group.count * group.rate)
        .sum::<f64>()
        * f64::from(servers);
    if all <= 0.0 || arrivals <= 0.0 || arrivals >= room {
        return None;
    }
    let (each, same) = (arrivals / all, (1.0 / all).min(1.0));
    let size = servers as usize + DEEP;
    let load = arrivals / room;
    // By group: share of its replicas with at least k.
    let mut levels: Vec<Vec<f64>> = groups
        .iter()
        .map(|_| (0..=size).map(|k| libm::pow(load, k as f64)).collect())
        .collect();
    for known in &mut levels {
        known[size] = 0.0;
    }
    let mut chain = vec![0.0; size];
    for _ in 0..ROUNDS {
        // By level: replicas with at least so many.
        let whole: Vec<f64> = (0..=size)
            .map(|k| {
                let parts = groups.iter().zip(&levels);
                parts.map(|(group, own)| group.count * own[k]).sum()
            })
            .collect();
        let mut moved = 0.0_f64;
        for (group, own) in groups.iter().zip(&mut levels) {
            let (mut weight, mut total) = (1.0, 0.0);
            let others = |k: usize| (whole[k] - own[k]) / (all - 1.0).max(1e-9);
            for (k, share) in chain.iter_mut().enumerate() {
                *share = weight;
                total += weight;
                let other = if all > 1.0 {
                    others(k) + others(k + 1)
                } else {
                    0.0
                };
                let births = each * ((1.0 - same) * other + same);
                weight *= births / (group.rate * (k + 1).min(servers as usize) as f64);
            }
            let mut above = 0.0;
            for k in (1..size).rev() {
                above += chain[k] / total;
                let new = 0.5 * (own[k] + above);
                moved = moved.max((new - own[k]).abs());
                own[k] = new;
            }
        }
        if moved < SETTLED {
            break;
        }
    }
    let held = |(group, own): (&Alike, &Vec<f64>)| {
        let busy: f64 = own[1..=servers as usize].iter().sum();
        let waiting: f64 = own[servers as usize + 1..].iter().sum();
        let done = group.rate * busy;
        Held {
            arrivals: group.count * done,
            wait: if done > 0.0 { waiting / done } else { 0.0 },
        }
    };
    Some(groups.iter().zip(&levels).map(held).collect())
}

/// Wait with two choices over the wait with one, exponential service, one server a replica.
pub fn of_two_choices(load: f64) -> f64 {
    if load <= 0.0 || load >= 1.0 {
        return 1.0;
    }
    let (mut sum, mut exponent) = (0.0, 2.0);
    while exponent < 1e6 {
        let term = libm::pow(load, exponent);
        sum += term;
        if term < 1e-9 {
            break;
        }
        exponent = 2.0 * exponent + 2.0;
    }
    (sum / (load / (1.0 - load))).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_done_and_one_replica_is_an_mmc_queue() {
        let groups = [
            Alike {
                count: 2.0,
                rate: 50.0,
            },
            Alike {
                count: 2.0,
                rate: 25.0,
            },
        ];
        let held = two_choices(&groups, 2, 180.0).unwrap();
        let sum: f64 = held.iter().map(|held| held.arrivals).sum();
        assert!((sum - 180.0).abs() < 0.1, "{held:?}");
        // The slow do less, and who is sent there waits longer.
        assert!(held[1].arrivals < 90.0 && held[1].wait > held[0].wait);
        let one = two_choices(
            &[Alike {
                count: 1.0,
                rate: 10.0,
            }],
            2,
            15.0,
        )
        .unwrap();
        let exact = crate::queueing::mmc_wait(2, 15.0, 0.1);
        assert!((one[0].wait / exact - 1.0).abs() < 1e-3, "{one:?} {exact}");
    }

    #[test]
    fn many_alike_are_mitzenmachers() {
        // One server at 0.7: the share with at least k is 0.7^(2^k - 1), so 0.7^3 + 0.7^7 + ... wait.
        let held = two_choices(
            &[Alike {
                count: 1e9,
                rate: 1.0,
            }],
            1,
            0.7e9,
        )
        .unwrap();
        let waiting: f64 = (2..6)
            .map(|k| 0.7_f64.powf(f64::exp2(f64::from(k)) - 1.0))
            .sum();
        assert!(
            (held[0].wait / (waiting / 0.7) - 1.0).abs() < 1e-3,
            "{held:?}"
        );
    }

    #[test]
    fn more_than_all_can_do_has_no_answer() {
        assert_eq!(
            two_choices(
                &[Alike {
                    count: 1.0,
                    rate: 1.0
                }],
                1,
                1.0
            ),
            None
        );
    }
}
