//! Waiting and response times of single stations in equilibrium. Overloaded stations wait for ever: infinity.
//!
//! `arrivals` is the rate per second, `service` the mean service time in seconds, `servers` their number.

/// Share of arrivals lost in M/M/c/c (Erlang's first formula), by the stable recursion over servers
/// (Gross and others, Fundamentals of Queueing Theory, section 3.5). `offered` is arrivals times service.
#[must_use]
pub fn erlang_b(servers: u32, offered: f64) -> f64 {
    let mut blocked = 1.0;
    for server in 1..=servers {
        blocked = offered * blocked / (f64::from(server) + offered * blocked);
    }
    blocked
}

/// Share of arrivals that wait in M/M/c (Erlang's second formula); 1 when overloaded.
#[must_use]
pub fn erlang_c(servers: u32, offered: f64) -> f64 {
    let utilisation = offered / f64::from(servers);
    if utilisation >= 1.0 {
        return 1.0;
    }
    let blocked = erlang_b(servers, offered);
    blocked / (1.0 - utilisation * (1.0 - blocked))
}

/// Mean wait before service in M/M/c, FIFO.
#[must_use]
pub fn mmc_wait(servers: u32, arrivals: f64, service: f64) -> f64 {
    let offered = arrivals * service;
    let spare = f64::from(servers) - offered;
    if spare <= 0.0 {
        f64::INFINITY
    } else {
        erlang_c(servers, offered) * service / spare
    }
}

/// Mean response in M/M/c: wait and service.
#[must_use]
pub fn mmc_response(servers: u32, arrivals: f64, service: f64) -> f64 {
    mmc_wait(servers, arrivals, service) + service
}

/// Mean response in M/M/1, FIFO.
#[must_use]
pub fn mm1_response(arrivals: f64, service: f64) -> f64 {
    mmc_response(1, arrivals, service)
}

/// Probability that a response in M/M/c, FIFO, is longer than `time` (Gross and others, section 3.3).
#[must_use]
pub fn mmc_sojourn_tail(servers: u32, arrivals: f64, service: f64, time: f64) -> f64 {
    let offered = arrivals * service;
    let spare = f64::from(servers) - offered;
    if spare <= 0.0 {
        return 1.0;
    }
    let waiting = erlang_c(servers, offered);
    let rate = 1.0 / service;
    let alone = libm::exp(-rate * time);
    // The wait, when there is one, is exponential with rate `spare * rate`; near `spare = 1` the two
    // exponentials coincide and the difference quotient becomes a derivative.
    let together = if (spare - 1.0).abs() < 1e-9 {
        alone * (1.0 + rate * time)
    } else {
        (spare * alone - libm::exp(-spare * rate * time)) / (spare - 1.0)
    };
    (1.0 - waiting) * alone + waiting * together
}

/// The `ratio` quantile of the response in M/M/c, FIFO, by bisection on its tail.
#[must_use]
pub fn mmc_sojourn_quantile(servers: u32, arrivals: f64, service: f64, ratio: f64) -> f64 {
    if arrivals * service >= f64::from(servers) {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (0.0, service);
    while mmc_sojourn_tail(servers, arrivals, service, high) > 1.0 - ratio {
        high *= 2.0;
    }
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if mmc_sojourn_tail(servers, arrivals, service, middle) > 1.0 - ratio {
            low = middle
        } else {
            high = middle
        }
    }
    0.5 * (low + high)
}

/// Mean wait in M/G/1, FIFO (Pollaczek and Khinchine); `scv` is the squared coefficient of variation of service.
#[must_use]
pub fn mg1_wait(arrivals: f64, service: f64, scv: f64) -> f64 {
    mgc_wait(1, arrivals, service, scv)
}

/// Mean wait in M/G/c, FIFO: exact for one server and for exponential service, else the approximation of Lee and
/// Longton (1959), which Allen (1978) and Cunneen widened: the M/M/c wait times `(1 + scv) / 2`.
#[must_use]
pub fn mgc_wait(servers: u32, arrivals: f64, service: f64, scv: f64) -> f64 {
    mmc_wait(servers, arrivals, service) * 0.5 * (1.0 + scv)
}

/// Share of arrivals lost in M/M/1/K; `places` counts the one in service too.
#[must_use]
pub fn mm1k_blocking(places: u32, arrivals: f64, service: f64) -> f64 {
    let load = arrivals * service;
    // The geometric weights summed as they stand: exact at load 1 and without cancellation near it.
    let (mut weight, mut sum) = (1.0, 1.0);
    for _ in 0..places {
        weight *= load;
        sum += weight;
        if sum > 1e200 {
            weight /= sum;
            sum = 1.0;
        }
    }
    weight / sum
}

/// Mean response of the accepted in M/M/1/K, by Little's law.
#[must_use]
pub fn mm1k_response(places: u32, arrivals: f64, service: f64) -> f64 {
    if arrivals <= 0.0 {
        return service;
    }
    let load = arrivals * service;
    let (mut weight, mut sum, mut number) = (1.0, 1.0, 0.0);
    for place in 1..=places {
        weight *= load;
        sum += weight;
        number += f64::from(place) * weight;
        if sum > 1e200 {
            weight /= sum;
            number /= sum;
            sum = 1.0;
        }
    }
    number / sum / (arrivals * (1.0 - weight / sum))
}

/// Mean response of M/G/1 processor sharing: depends on the service time's mean only (Kleinrock 1976, 4.4).
#[must_use]
pub fn processor_sharing_response(arrivals: f64, service: f64) -> f64 {
    processor_sharing_servers_response(1, arrivals, service)
}

/// Mean response when jobs share `servers` at rate `min(1, servers / jobs)` each: the number in the station is that
/// of M/M/c whatever the law of service (Cohen 1979, generalised processor sharing), so the mean response is too.
#[must_use]
pub fn processor_sharing_servers_response(servers: u32, arrivals: f64, service: f64) -> f64 {
    mmc_response(servers, arrivals, service)
}

/// Mean time of a job that takes `alone` seconds on an idle processor, in M/G/1 with processor sharing at use `load`
/// (Kleinrock, Queueing Systems II, section 4.4): whatever the law of the jobs.
#[must_use]
pub fn sharing_response(alone: f64, load: f64) -> f64 {
    if load >= 1.0 {
        return f64::INFINITY;
    }
    alone / (1.0 - load)
}

/// Variance of that time. `residual` is the mean residual of a job, their mean square over twice their mean: for
/// exponential jobs it is their mean, and this is the formula of Coffman, Muntz and Trotter (1970). For other laws both
/// its ends are right, short jobs (a geometric number of others is met) and long ones (2 load residual alone /
/// (1 - load)^3).
#[must_use]
pub fn sharing_variance(alone: f64, load: f64, residual: f64) -> f64 {
    let idle = 1.0 - load;
    if load <= 0.0 || alone <= 0.0 || idle <= 0.0 {
        return 0.0;
    }
    let ends = load * alone * alone / (idle * idle);
    if residual <= 0.0 {
        return ends;
    }
    // 2 (y - 1 + exp(-y)) / y^2 of y = idle * alone / residual, which is 1 for short jobs.
    let short = idle * alone / residual;
    let factor = if short < 1e-4 {
        1.0 - short / 3.0
    } else {
        2.0 * (short + libm::expm1(-short)) / (short * short)
    };
    ends * factor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, wanted: f64, within: f64) {
        assert!((found - wanted).abs() <= within, "{found} is not {wanted}");
    }

    #[test]
    fn erlang_formulas_match_printed_tables() {
        // Tables of Erlang B: 5 servers at 3 erlang lose 0.1101; 10 at 5 lose 0.0184. M/M/2 at 1 erlang: C = 1/3.
        close(erlang_b(5, 3.0), 0.110_054, 1e-6);
        close(erlang_b(10, 5.0), 0.018_385, 1e-6);
        close(erlang_c(2, 1.0), 1.0 / 3.0, 1e-12);
        close(erlang_c(1, 0.7), 0.7, 1e-12);
    }

    #[test]
    fn chain_of_two_server_stations_has_the_hand_computed_means() {
        // M/M/2: service / (1 - rho^2) with rho = 0.1, 0.15, 0.25.
        close(mmc_response(2, 100.0, 0.002), 0.002 / 0.99, 1e-15);
        close(mmc_response(2, 100.0, 0.003), 0.003 / 0.9775, 1e-15);
        close(mmc_response(2, 100.0, 0.005), 0.005 / 0.9375, 1e-15);
    }

    #[test]
    fn one_server_sojourn_is_exponential() {
        // Rate mu - lambda = 20/s: p99 is ln(100) / 20.
        close(
            mmc_sojourn_quantile(1, 80.0, 0.01, 0.99),
            libm::log(100.0) / 20.0,
            1e-9,
        );
        close(
            mmc_sojourn_tail(1, 80.0, 0.01, 0.05),
            libm::exp(-1.0),
            1e-12,
        );
        close(mm1_response(80.0, 0.01), 0.05, 1e-12);
    }

    #[test]
    fn two_server_sojourn_tail_integrates_to_its_mean() {
        for arrivals in [50.0, 100.0, 150.0] {
            let step = 1e-4;
            let mean: f64 = (0..60_000)
                .map(|slice| {
                    mmc_sojourn_tail(2, arrivals, 0.01, (f64::from(slice) + 0.5) * step) * step
                })
                .sum();
            close(mean, mmc_response(2, arrivals, 0.01), 1e-5);
        }
    }

    #[test]
    fn pollaczek_khinchine_halves_the_wait_of_constant_service() {
        // lambda E[S^2] / (2 (1 - rho)) = 50 * 0.0001 / (2 * 0.5).
        close(mg1_wait(50.0, 0.01, 0.0), 0.005, 1e-12);
        close(mg1_wait(50.0, 0.01, 1.0), 0.01, 1e-12);
    }

    #[test]
    fn a_full_room_loses_the_share_of_its_last_state() {
        // rho = 0.5, K = 2: states 1, 1/2, 1/4 of 7/4: loss 1/7; L = 4/7, accepted 6/7 of 50/s.
        close(mm1k_blocking(2, 50.0, 0.01), 1.0 / 7.0, 1e-12);
        close(
            mm1k_response(2, 50.0, 0.01),
            (4.0 / 7.0) / (50.0 * 6.0 / 7.0),
            1e-12,
        );
        close(mm1k_blocking(4, 100.0, 0.01), 0.2, 1e-12);
        close(mm1k_blocking(2_000, 200.0, 0.01), 0.5, 1e-9);
    }

    #[test]
    fn processor_sharing_answers_as_the_exponential_queue_does() {
        close(processor_sharing_response(80.0, 0.01), 0.05, 1e-12);
        close(
            processor_sharing_servers_response(2, 100.0, 0.01),
            0.01 / 0.75,
            1e-12,
        );
    }

    #[test]
    fn overload_waits_for_ever() {
        assert!(mmc_wait(2, 201.0, 0.01).is_infinite());
        assert!(mmc_sojourn_quantile(2, 201.0, 0.01, 0.5).is_infinite());
        assert_eq!(erlang_c(2, 5.0), 1.0);
    }

    #[test]
    fn shared_exponential_jobs_have_the_known_variance() {
        // Over exponential jobs of mean one: the mean of the variance by length and the variance of the mean by length
        // add to (2 + load) / (2 - load) / (1 - load)^2 (Coffman, Muntz, Trotter 1970).
        for load in [0.2, 0.5, 0.8] {
            let mut mean_variance = 0.0;
            let (slices, width) = (40_000, 1e-3);
            for slice in 0..slices {
                let length = (f64::from(slice) + 0.5) * width;
                mean_variance += libm::exp(-length) * sharing_variance(length, load, 1.0) * width;
            }
            let idle: f64 = 1.0 - load;
            let found = mean_variance + 1.0 / (idle * idle);
            let wanted = (2.0 + load) / (2.0 - load) / (idle * idle);
            assert!(
                (found / wanted - 1.0).abs() < 1e-4,
                "{load}: {found} {wanted}"
            );
        }
        // Very short jobs meet a geometric number of others, whatever their law.
        let short = sharing_variance(1e-6, 0.5, 3.0);
        assert!((short / 2e-12 - 1.0).abs() < 1e-3);
        assert!(sharing_response(1.0, 1.0).is_infinite());
    }
}
