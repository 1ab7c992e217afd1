//! Quantiles of the time at a station, for planning: one queue before c servers, or the less loaded of two.
//!
//! A sojourn is a wait (nothing, or exponential) and a service of its own. For exponential service and one queue
//! that is exact; otherwise the wait is scaled as in [`mgc_wait`] and the service is lognormal with its mean and
//! variation, cut into equal parts of probability. FIFO is assumed; processor sharing has the same mean for
//! exponential service and a longer tail.

use std::sync::OnceLock;

use crate::queueing::{erlang_c, mgc_wait, mmc_sojourn_quantile};

/// Parts into which a service is cut.
const PARTS: usize = 64;

/// The `ratio` quantile of the time in M/G/c, one queue. `scv` is the squared coefficient of variation of
/// service. Infinite when overloaded.
#[must_use]
pub fn pooled_sojourn_quantile(
    servers: u32,
    arrivals: f64,
    service: f64,
    scv: f64,
    ratio: f64,
) -> f64 {
    let offered = arrivals * service;
    if offered >= f64::from(servers) {
        return f64::INFINITY;
    }
    if (scv - 1.0).abs() < 1e-9 {
        return mmc_sojourn_quantile(servers, arrivals, service, ratio);
    }
    let waits = erlang_c(servers, offered);
    let wait = mgc_wait(servers, arrivals, service, scv);
    quantile(waits, wait, service, scv, ratio)
}

/// The `ratio` quantile of the time at one of many stations of c servers, each arrival going to the less loaded of
/// two drawn uniformly; `arrivals` is the rate of one station. Infinite when overloaded.
///
/// The mean field of Vvedenskaya, Dobrushin and Karpelevich (1996) and Mitzenmacher (2001), for c servers by a
/// birth and death chain whose arrival rate at level k is that of the stations themselves.
#[must_use]
pub fn two_choice_sojourn_quantile(
    servers: u32,
    arrivals: f64,
    service: f64,
    scv: f64,
    ratio: f64,
) -> f64 {
    if arrivals * service >= f64::from(servers) {
        return f64::INFINITY;
    }
    if arrivals <= 0.0 {
        return quantile(0.0, 0.0, service, scv, ratio);
    }
    let levels = two_choice_levels(servers, arrivals * service);
    let c = servers as usize;
    let (mut waits, mut behind) = (0.0, 0.0);
    for k in c..levels.len() - 1 {
        let finds = levels[k] * levels[k] - levels[k + 1] * levels[k + 1];
        waits += finds;
        behind += finds * (k - c + 1) as f64;
    }
    let wait = behind * service / f64::from(servers) * 0.5 * (1.0 + scv);
    quantile(waits, wait, service, scv, ratio)
}

/// Share of stations with at least k requests, by k, for two choices and exponential service; `offered` is the
/// load of one station in erlangs, below `servers`.
#[must_use]
pub fn two_choice_levels(servers: u32, offered: f64) -> Vec<f64> {
    let utilisation = offered / f64::from(servers);
    // Beyond this many in a queue the share is below 1e-12 even for c = 1: utilisation^(2^k).
    let deep = (30.0 / -libm::log(utilisation)).max(4.0);
    let size = servers as usize + (libm::log2(deep).ceil() as usize + 4).max(8) + 8;
    let mut levels: Vec<f64> = (0..=size)
        .map(|k| {
            if k == 0 {
                1.0
            } else {
                utilisation / (1.0 + k as f64)
            }
        })
        .collect();
    levels[size] = 0.0;
    let mut chain = vec![0.0; size];
    for _ in 0..400 {
        let mut weight = 1.0;
        let mut total = 0.0;
        for k in 0..size {
            chain[k] = weight;
            total += weight;
            let births = offered * (levels[k] + levels[k + 1]);
            weight *= births / (k + 1).min(servers as usize) as f64;
        }
        let (mut above, mut moved) = (0.0, 0.0_f64);
        for k in (1..size).rev() {
            above += chain[k] / total;
            let new = 0.5 * (levels[k] + above);
            moved = moved.max((new - levels[k]).abs());
            levels[k] = new;
        }
        if moved < 1e-10 {
            break;
        }
    }
    levels
}

/// The quantile of wait plus service: a share `waits` waits, all together `wait` seconds on average.
fn quantile(waits: f64, wait: f64, service: f64, scv: f64, ratio: f64) -> f64 {
    let deviation = libm::sqrt(libm::log1p(scv));
    let location = libm::log(service) - 0.5 * deviation * deviation;
    let normal = normal_parts();
    let mean_of_waiting = if waits > 0.0 { wait / waits } else { 0.0 };
    let tail = |time: f64| {
        let late = |z: &f64| {
            let left = time - libm::exp(location + deviation * z);
            if left < 0.0 {
                1.0
            } else if mean_of_waiting > 0.0 {
                waits * libm::exp(-left / mean_of_waiting)
            } else {
                0.0
            }
        };
        normal.iter().map(late).sum::<f64>() / PARTS as f64
    };
    let (mut low, mut high) = (0.0, service);
    while tail(high) > 1.0 - ratio {
        high *= 2.0;
    }
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if tail(middle) > 1.0 - ratio {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// Middles of `PARTS` equal parts of the standard normal law, by bisection of its distribution function.
fn normal_parts() -> &'static [f64; PARTS] {
    static NORMAL: OnceLock<[f64; PARTS]> = OnceLock::new();
    NORMAL.get_or_init(|| {
        std::array::from_fn(|part| {
            let wanted = (part as f64 + 0.5) / PARTS as f64;
            let (mut low, mut high) = (-9.0, 9.0);
            for _ in 0..60 {
                let middle: f64 = 0.5 * (low + high);
                if 0.5 * libm::erfc(-middle / std::f64::consts::SQRT_2) < wanted {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            0.5 * (low + high)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_choices_before_single_servers_have_doubly_exponential_tails() {
        // Mitzenmacher: the share with at least k is u^(2^k - 1).
        for load in [0.3, 0.7, 0.9, 0.95] {
            let levels = two_choice_levels(1, load);
            for (k, level) in levels.iter().enumerate().take(5) {
                let exact = libm::pow(load, libm::exp2(k as f64) - 1.0);
                assert!((level - exact).abs() < 1e-6, "{load} {k}: {level} {exact}");
            }
        }
    }

    #[test]
    fn work_is_conserved_before_several_servers() {
        // Busy servers on average are the offered load: the sum of the first c shares.
        for (servers, offered) in [(2, 1.0), (4, 3.4), (8, 7.5), (16, 4.0)] {
            let levels = two_choice_levels(servers, offered);
            let busy: f64 = levels[1..=servers as usize].iter().sum();
            assert!((busy - offered).abs() < 1e-5, "{servers} {offered}: {busy}");
        }
    }

    #[test]
    fn light_load_is_the_service_alone() {
        // Lognormal of mean 1 and variation 0.5: its 95th percentile is e^(-s^2/2 + 1.645 s), s^2 = ln 1.25.
        let deviation = libm::sqrt(libm::log(1.25));
        let exact = libm::exp(-0.5 * deviation * deviation + 1.644_85 * deviation);
        let found = pooled_sojourn_quantile(4, 1e-9, 1.0, 0.25, 0.95);
        assert!((found / exact - 1.0).abs() < 0.03, "{found} {exact}");
    }

    #[test]
    fn one_queue_beats_two_choices_and_these_beat_chance() {
        // The same ten single servers at 80 %.
        let pooled = pooled_sojourn_quantile(10, 8.0, 1.0, 1.0, 0.95);
        let two = two_choice_sojourn_quantile(1, 0.8, 1.0, 1.0, 0.95);
        let random = pooled_sojourn_quantile(1, 0.8, 1.0, 1.0, 0.95);
        assert!(pooled < two && two < random, "{pooled} {two} {random}");
        // M/M/1: the sojourn is exponential with mean 1 / (1 - 0.8).
        assert!((random - 5.0 * libm::log(20.0)).abs() < 1e-6);
    }

    #[test]
    fn overload_never_ends() {
        assert!(pooled_sojourn_quantile(2, 2.0, 1.0, 0.5, 0.9).is_infinite());
        assert!(two_choice_sojourn_quantile(2, 2.0, 1.0, 0.5, 0.9).is_infinite());
    }
}
