//! Closed users at a station: who waits there sends nothing.

/// What remains of a wait when each request that is at the replica keeps one of N users from sending the next: where
/// `number` are there on average with open arrivals, their number falls off like exp(-a k) with a = 1 / number, and
/// with users like exp(-a k - b k^2), b = a load / (2 N (1 - load)), because k of them lower the load by k / N. The
/// ratio of both means is nearly sqrt(pi) x exp(x^2) erfc(x) with x^2 = a^2 / (4 b). `thinning` is 1 / N.
pub fn of_crowd(thinning: f64, load: f64, number: f64) -> f64 {
    if thinning <= 0.0 || load <= 0.0 || number <= 0.0 || load >= 1.0 {
        return 1.0;
    }
    let square = (1.0 - load) / (2.0 * load * number * thinning);
    if square > 25.0 {
        return 1.0 - 0.5 / square;
    }
    let x = libm::sqrt(square);
    x * libm::sqrt(std::f64::consts::PI) * libm::exp(square) * libm::erfc(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Utilisation and mean number at one exponential server with `users` who think, by mean value analysis (Reiser and
    /// Lavenberg 1980); the service is one.
    fn repairman(users: u32, think: f64) -> (f64, f64) {
        (1..=users).fold((0.0, 0.0), |(_, number), users| {
            let response = 1.0 + number;
            let rate = f64::from(users) / (think + response);
            (rate, rate * response)
        })
    }

    #[test]
    fn one_exponential_server_is_nearly_the_machine_repairmans() {
        for (users, think) in [
            (20, 30.0),
            (90, 130.0),
            (90, 105.0),
            (400, 450.0),
            (1000, 2000.0),
        ] {
            let (load, number) = repairman(users, think);
            let open = load / (1.0 - load);
            let found = of_crowd(1.0 / f64::from(users), load, open);
            let exact = number / open;
            assert!(
                (found / exact - 1.0).abs() < 0.06,
                "{users} {load}: {found} {exact}"
            );
        }
    }

    #[test]
    fn many_users_are_an_open_load_and_both_forms_meet() {
        assert_eq!(of_crowd(0.0, 0.9, 9.0), 1.0);
        let at = |square: f64| of_crowd(0.5 / square, 0.5, 1.0);
        assert!((at(24.999) - at(25.001)).abs() < 2e-3);
        assert!(at(1e6) > 0.999_999);
    }
}
