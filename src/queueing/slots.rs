//! A station whose requests hold one of a few worker slots while they use its processor and while they are elsewhere.
//!
//! With k slots in use the station is a closed network of k customers: a processor of some cores and a delay. Its
//! throughput by k is that of the product form (Buzen 1973), and the whole is a birth and death chain with these as
//! death rates: the flow-equivalent server of Chandy, Herzog and Woo (1975). Exact for exponential demands of the
//! processor, or any demands that share it, when what comes is Poisson and the delay does not depend on the rate.

/// What a station is made of. Times in seconds.
#[derive(Clone, Copy, Debug)]
pub struct SlotStation {
    /// Requests in service at once, at least 1.
    pub slots: u32,
    /// Cores, or the part of them that may be used; above 0.
    pub cores: f64,
    /// Waiting room; `None` is unlimited.
    pub places: Option<u32>,
    /// Processor time of a request.
    pub demand: f64,
    /// Time of a request elsewhere, holding its slot.
    pub elsewhere: f64,
}

/// Its equilibrium.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlotPoint {
    /// Mean time beyond demand and time elsewhere, of those that were let in.
    pub wait: f64,
    /// Variance of that time.
    pub variance: f64,
    /// Share of arrivals that find the waiting room full.
    pub refused: f64,
}

/// Death rates by requests in service, from 1.
#[must_use]
pub fn slot_rates(station: &SlotStation) -> Vec<f64> {
    let slots = station.slots.max(1) as usize;
    // Weights of k at the processor and of k elsewhere, relative to the demand's.
    let unit = (station.demand + station.elsewhere).max(1e-12);
    let mut there = vec![1.0; slots + 1];
    let mut away = vec![1.0; slots + 1];
    for k in 1..=slots {
        there[k] = there[k - 1] * station.demand / unit / (k as f64).min(station.cores);
        away[k] = away[k - 1] * station.elsewhere / unit / k as f64;
    }
    let constant = |m: usize| -> f64 { (0..=m).map(|k| there[k] * away[m - k]).sum() };
    let mut before = 1.0;
    (1..=slots)
        .map(|m| {
            let now = constant(m);
            let rate = if now > 0.0 {
                before / now / unit
            } else {
                f64::INFINITY
            };
            before = now;
            rate
        })
        .collect()
}

/// Sums over the levels of the chain, by their weights.
#[derive(Clone, Copy, Default)]
struct Sums {
    all: f64,
    number: f64,
    /// Of the wait and its square of who arrives at a level and is let in.
    first: f64,
    second: f64,
}

impl Sums {
    fn add(&mut self, weight: f64, number: f64, ahead: f64, rate: f64) {
        self.all += weight;
        self.number += weight * number;
        // Departures until its turn, each exponential.
        let time = ahead / rate;
        self.first += weight * time;
        self.second += weight * time * (time + 1.0 / rate);
    }

    /// Only ratios count: rates far above the capacity must not overflow.
    fn keep_finite(&mut self, weight: &mut f64) {
        if self.all > 1e200 {
            for sum in [
                weight,
                &mut self.all,
                &mut self.number,
                &mut self.first,
                &mut self.second,
            ] {
                *sum *= 1e-200;
            }
        }
    }
}

/// The equilibrium under Poisson arrivals of `rate` a second; of a station without end to its waiting room below its
/// capacity only (the last of `rates`, which are its `slot_rates`): `None` at or above it.
#[must_use]
pub fn slot_point(station: &SlotStation, rates: &[f64], rate: f64) -> Option<SlotPoint> {
    let last = *rates.last()?;
    let own = station.demand + station.elsewhere;
    // Requests that are served at once: as many as there are slots, or as keep the cores busy.
    let busy = station.cores * own / station.demand.max(1e-12);
    let free = busy.clamp(1.0, rates.len() as f64);
    let ahead = |number: f64| (number - free + 1.0).max(0.0);
    let (mut weight, mut sums) = (1.0, Sums::default());
    let (count, ratio) = (rates.len() as f64, rate / last);
    sums.add(1.0, 0.0, ahead(0.0), rates[0]);
    for (index, death) in rates.iter().enumerate() {
        weight *= rate / death;
        let number = (index + 1) as f64;
        if index + 1 == rates.len() && station.places == Some(0) {
            // Who finds all slots in use is refused.
            sums.all += weight;
            sums.number += weight * number;
        } else {
            sums.add(weight, number, ahead(number), *death);
        }
        sums.keep_finite(&mut weight);
    }
    let refused = match station.places {
        None if ratio >= 1.0 => return None,
        None => {
            // Levels count + j, j from 1, weigh weight * ratio^j: sums of ratio^j, j ratio^j and j^2 ratio^j.
            let spare = 1.0 - ratio;
            let zeroth = ratio / spare;
            let first = ratio / (spare * spare);
            let second = ratio * (1.0 + ratio) / (spare * spare * spare);
            let base = ahead(count);
            sums.all += weight * zeroth;
            sums.number += weight * (count * zeroth + first);
            sums.first += weight * (base * zeroth + first) / last;
            let squares = base * base * zeroth + 2.0 * base * first + second;
            sums.second += weight * (squares + base * zeroth + first) / (last * last);
            0.0
        }
        Some(places) => {
            for place in 1..=places {
                weight *= ratio;
                let number = count + f64::from(place);
                if place == places {
                    sums.all += weight;
                    sums.number += weight * number;
                } else {
                    sums.add(weight, number, ahead(number), last);
                }
                sums.keep_finite(&mut weight);
            }
            weight / sums.all
        }
    };
    let let_in = rate * (1.0 - refused);
    let wait = if let_in > 0.0 {
        (sums.number / sums.all / let_in - own).max(0.0)
    } else {
        0.0
    };
    // The variance of what departures ahead take, as large against its mean as the exact mean wait.
    let of_let_in = sums.all * (1.0 - refused);
    let (first, second) = (sums.first / of_let_in, sums.second / of_let_in);
    let variance = if first > 0.0 {
        (second / (first * first) - 1.0).max(0.0) * wait * wait
    } else {
        0.0
    };
    Some(SlotPoint {
        wait,
        variance,
        refused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queueing::{erlang_c, mm1k_blocking, mm1k_response, mmc_wait};

    const PLAIN: SlotStation = SlotStation {
        slots: 1,
        cores: 1.0,
        places: None,
        demand: 0.01,
        elsewhere: 0.0,
    };

    fn at(station: SlotStation, rate: f64) -> SlotPoint {
        slot_point(&station, &slot_rates(&station), rate).expect("below its capacity")
    }

    #[test]
    fn slots_at_the_processor_only_are_the_queue_of_the_processor() {
        // However many slots: M/M/2 of 10 ms at 150/s.
        let wanted = mmc_wait(2, 150.0, 0.01);
        for slots in [2, 3, 8, 64] {
            let station = SlotStation {
                slots,
                cores: 2.0,
                ..PLAIN
            };
            let found = at(station, 150.0);
            assert!(
                (found.wait / wanted - 1.0).abs() < 1e-9,
                "{slots}: {found:?}"
            );
            // Who waits (Erlang's C), waits exponentially at 50/s: E[W^2] = 2 C / 50^2.
            let chance = erlang_c(2, 1.5);
            let variance = 2.0 * chance / 2_500.0 - wanted * wanted;
            assert!((found.variance / variance - 1.0).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn slots_elsewhere_are_as_many_servers() {
        let station = SlotStation {
            slots: 5,
            demand: 0.0,
            elsewhere: 0.1,
            ..PLAIN
        };
        // M/M/5 of 100 ms at 40/s.
        assert!((at(station, 40.0).wait / mmc_wait(5, 40.0, 0.1) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_full_waiting_room_is_that_of_mm1k() {
        // A slot and 50 places: M/M/1/51, below and above its capacity of 100/s.
        let station = SlotStation {
            places: Some(50),
            ..PLAIN
        };
        for rate in [45.0, 95.0, 180.0, 1e6] {
            let found = at(station, rate);
            assert!(
                (found.refused - mm1k_blocking(51, rate, 0.01)).abs() < 1e-9,
                "{rate}"
            );
            let response = mm1k_response(51, rate, 0.01);
            assert!(
                (found.wait + 0.01 - response).abs() < 1e-9 * response.max(1.0),
                "{rate}"
            );
        }
        // Far above it who is let in finds 50 before him: an Erlang of 50 stages.
        let full = at(station, 1e6);
        let relative = full.variance / (full.wait * full.wait);
        assert!((relative * 50.0 - 1.0).abs() < 0.01, "{relative}");
    }

    #[test]
    fn throughput_grows_to_the_least_of_its_limits() {
        // Four slots, 10 ms of one core and 30 ms elsewhere: 4 / 40 ms without waiting, less with it.
        let station = SlotStation {
            slots: 4,
            elsewhere: 0.03,
            ..PLAIN
        };
        let rates = slot_rates(&station);
        assert!((rates[0] - 25.0).abs() < 1e-9);
        // By hand for two: G(1) = 1, G(2) = 1/16 + 3/16 + 9/32 of unit^2; 40 ms the unit: 25 / 0.53125.
        assert!((rates[1] - 25.0 / 0.531_25).abs() < 1e-9, "{rates:?}");
        assert!(rates[3] < 100.0 && rates[3] > rates[2]);
    }
}
