//! Tails against formulas that are written out here, by value and by drawing; draws that must never change.

use super::{Distribution, Part};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng};

/// Families with the chance to lie above x, by formula.
type Tail = (&'static str, Part, fn(f64) -> f64);

fn tails() -> Vec<Tail> {
    vec![
        ("exponential", Part::exponential(2.0), |x| (-x / 2.0).exp()),
        ("uniform", Part::uniform(1.0, 10.0), |x| (10.0 - x) / 9.0),
        // Above the top of a triangle on 1..9 with its top at 2: (9 - x)^2 / (8 * 7).
        ("triangular", Part::triangular(1.0, 2.0, 9.0), |x| {
            (9.0 - x).powi(2) / 56.0
        }),
        // An Erlang of four stages of mean 1.25 exceeds x when fewer than four Poisson points fall in it.
        ("erlang", Part::erlang(5.0, 4), |x| {
            let y = x / 1.25;
            (-y).exp() * (1.0 + y + y * y / 2.0 + y * y * y / 6.0)
        }),
        // Balanced means: p / m1 = q / m2 of the mean, p = (1 + sqrt((c - 1) / (c + 1))) / 2 with c = 9.
        ("hyperexponential", Part::hyperexponential(5.0, 3.0), |x| {
            let p = 0.5 * (1.0 + (8.0f64 / 10.0).sqrt());
            let rate = |share: f64| 2.0 * share / 5.0;
            p * (-rate(p) * x).exp() + (1.0 - p) * (-rate(1.0 - p) * x).exp()
        }),
        // Mean 5 at shape 2: scale 10 / sqrt(pi).
        ("weibull", Part::weibull(5.0, 2.0), |x| {
            (-x * x * std::f64::consts::PI / 100.0).exp()
        }),
        // Mean 5 at index 2.5: least 3.
        ("pareto", Part::pareto(5.0, 2.5), |x| (3.0 / x).powf(2.5)),
        (
            "mix",
            Part::mix(vec![
                (0.9, Part::exponential(2.0)),
                (0.1, Part::exponential(50.0)),
            ]),
            |x| 0.9 * (-x / 2.0).exp() + 0.1 * (-x / 50.0).exp(),
        ),
    ]
}

#[test]
fn tails_are_those_of_the_formulas() {
    for (name, part, tail) in tails() {
        for chance in [0.1, 0.01, 1e-4, 1e-6] {
            let x = part.quantile(1.0 - chance);
            assert!(
                (tail(x) / chance - 1.0).abs() < 1e-6,
                "{name} at {chance}: {}",
                tail(x)
            );
            assert!(
                ((1.0 - part.cdf(x)) / chance - 1.0).abs() < 1e-6,
                "{name} at {chance}"
            );
        }
    }
}

/// Of 200 000 draws the number beyond the 99.9 % point is binomial: 200 with deviation 14.1; 4.9 of them for each
/// of 8 families is a false alarm in 1e-5 at a fixed seed.
#[test]
fn as_many_draws_lie_in_the_tail_as_should() {
    for (name, part, tail) in tails() {
        let far = part.quantile(0.999);
        assert!((tail(far) / 0.001 - 1.0).abs() < 1e-6);
        let mut generator = StdRng::seed_from_u64(11);
        let mut uniform = || ((generator.next_u64() >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0;
        let beyond = (0..200_000)
            .filter(|_| part.variate(uniform()) > far)
            .count();
        assert!(
            (beyond as f64 - 200.0).abs() < 4.9 * 14.1,
            "{name}: {beyond}"
        );
    }
}

/// Lognormal by mean 5 and cv 1.5: ln X is normal with variance ln(3.25); its 99.9 % point is 3.090232... deviations.
#[test]
fn far_points_of_normal_laws_are_those_of_the_tables() {
    let variance = 3.25f64.ln();
    let (middle, deviation) = (5f64.ln() - variance / 2.0, variance.sqrt());
    let far = (middle + 3.090_232_306_167_813_5 * deviation).exp();
    assert!((Part::lognormal(5.0, 1.5).quantile(0.999) / far - 1.0).abs() < 1e-12);
    // A normal of mean 50 and deviation 10: what is cut below 0 is 2.9e-7 of it.
    let far = 50.0 + 10.0 * 3.090_232_306_167_813_5;
    assert!((Part::normal(50.0, 10.0).quantile(0.999) - far).abs() < 1e-3);
}

/// Counts: Poisson(3) exceeds 8 with chance 0.003803 (tables); geometric of mean 1 exceeds k with 2^-(k+1).
#[test]
fn tails_of_counts_are_those_of_the_tables() {
    assert!((1.0 - Part::poisson(3.0).cdf(8.0) - 0.003_803).abs() < 1e-6);
    for count in 0..20 {
        let beyond = 1.0 - Part::geometric(1.0).cdf(f64::from(count));
        assert!((beyond - 0.5f64.powi(count + 1)).abs() < 1e-15);
    }
}

/// Golden draws: what one uniform gives, by formula; a change moves every scenario.
#[test]
fn one_uniform_gives_the_same_variate_for_ever() {
    let ln = |x: f64| libm::log(x);
    let half = std::f64::consts::LN_2;
    let golden = [
        (Part::exponential(2.0), 0.5, 2.0 * half),
        (Part::uniform(1.0, 10.0), 0.125, 2.125),
        (Part::triangular(0.0, 1.0, 2.0), 0.125, 0.5),
        (Part::weibull(5.0, 1.0), 0.5, 5.0 * half),
        (Part::pareto(5.0, 2.0), 0.75, 5.0),
        // The first branch has the smaller uniforms, stretched to the whole: 0.45 of 0.9 is a half.
        (
            Part::mix(vec![
                (0.9, Part::exponential(2.0)),
                (0.1, Part::constant(7.0)),
            ]),
            0.45,
            2.0 * half,
        ),
        (
            Part::mix(vec![
                (0.9, Part::exponential(2.0)),
                (0.1, Part::constant(7.0)),
            ]),
            0.95,
            7.0,
        ),
        (Part::erlang(3.0, 1), 0.5, 3.0 * half),
        (Part::gamma(3.0, 1.0), 0.25, 3.0 * ln(4.0 / 3.0)),
        (Part::lognormal(4.0, 3f64.sqrt()), 0.5, 2.0),
        // Symmetric, but for the 2.9e-7 that is cut.
        (Part::normal(50.0, 10.0), 0.5, 50.0),
        (
            Part::percentiles(&[(0.5, 4.0)], Some(1.0), Some(16.0)),
            0.25,
            2.0,
        ),
        (Part::poisson(3.0), 0.5, 3.0),
        (Part::geometric(1.0), 0.6, 1.0),
        (Part::constant(7.0), 0.3, 7.0),
    ];
    for (part, uniform, wanted) in golden {
        let found = Distribution::of(part.clone()).sample(|_| uniform);
        assert!(
            (found - wanted).abs() <= 1e-5 * wanted,
            "{part:?} at {uniform}: {found}, not {wanted}"
        );
    }
}
