use super::ArrivalClock;
use crate::engine::{Key, hash64};
use crate::model::load::Course;
use crate::model::sample::{add_journey, add_open_load, add_service, empty, work};
use crate::model::{
    Arrivals, Discipline, Distribution, Load, LoadKind, LocalClock, Scenario, Shape,
};
use crate::units::{SimDuration, SimTime};

const HOUR: u64 = 3_600;

fn seconds(seconds: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(seconds)
}

fn load(rate: f64, arrivals: Arrivals, shape: Vec<Shape>) -> (Scenario, Load) {
    let mut scenario = empty(SimDuration::from_secs(40 * 86_400));
    let demand = vec![work(Distribution::constant(1e-3))];
    let endpoint = add_service(&mut scenario, "s", 1, Discipline::Fifo, demand);
    let journey = add_journey(&mut scenario, "j", endpoint, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "clients", rate, journey);
    scenario.loads[0].kind = LoadKind::Open { rate, arrivals };
    scenario.loads[0].shape = shape;
    let load = scenario.loads[0].clone();
    (scenario, load)
}

/// Arrivals before `end`, in seconds.
fn times(scenario: &Scenario, load: &Load, seed: u64, end: SimTime) -> Vec<f64> {
    let key = Key::root(seed, 0, 0).part(hash64(&load.name));
    let mut clock = ArrivalClock::default();
    std::iter::from_fn(|| clock.next(load, &scenario.clock, key, end))
        .map(SimTime::seconds)
        .collect()
}

/// One of each shape, with levels that are easy to check by eye.
fn every_shape() -> Vec<Shape> {
    vec![
        Shape::Daily {
            peak_second: 14.0 * 3_600.0,
            low: 0.2,
        },
        Shape::Steps(vec![
            (seconds(600), 0.5),
            (seconds(5_400), 3.0),
            (seconds(9_000), 0.0),
            (seconds(9_700), 1.0),
        ]),
        Shape::Ramp {
            from: 0.3,
            to: 2.0,
            at: seconds(1_000),
            length: SimDuration::from_secs(4_000),
        },
        Shape::Spike {
            at: seconds(2_000),
            peak: 1.8,
            ramp: SimDuration::from_secs(300),
            length: SimDuration::from_secs(900),
        },
        Shape::Spike {
            at: seconds(3_333),
            peak: 4.0,
            ramp: SimDuration::ZERO,
            length: SimDuration::from_secs(77),
        },
        Shape::Weekly([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4]),
        Shape::Growth(1.25),
        Shape::Hourly {
            peak: 1.5,
            length: SimDuration::from_secs(300),
        },
        Shape::Series(
            vec![
                (seconds(0), 0.7),
                (seconds(1_234), 1.3),
                (seconds(7_777), 0.1),
            ]
            .into(),
        ),
    ]
}

#[test]
fn no_shape_exceeds_its_stated_peak_and_each_reaches_it() {
    let clock = &empty(SimDuration::from_secs(1)).clock;
    let end = seconds(8 * 86_400);
    for shape in every_shape() {
        let peak = shape.peak(end);
        let levels: Vec<f64> = (0..8 * 86_400)
            .map(|second| shape.level(seconds(second), clock))
            .collect();
        let highest = levels.iter().copied().fold(0.0, f64::max);
        assert!(
            levels
                .iter()
                .all(|level| *level >= 0.0 && *level <= peak * (1.0 + 1e-12)),
            "{shape:?}"
        );
        assert!(
            highest > peak * (1.0 - 1e-4),
            "{shape:?}: {highest} of {peak}"
        );
    }
}

#[test]
fn a_level_runs_between_breaks_as_it_says() {
    let clock = &empty(SimDuration::from_secs(1)).clock;
    for shape in every_shape() {
        let mut at = SimTime::ZERO;
        while at < seconds(2 * 86_400) {
            let (course, until) = shape.course(at, clock);
            assert!(until > at, "{shape:?} stands still at {at:?}");
            let until = until.min(seconds(2 * 86_400));
            let level = |part: f64| {
                // Local times are known to a quarter of a microsecond.
                let margin = 1_000.min((until.0 - at.0) / 2);
                let place = at.0 + ((until.0 - margin - at.0) as f64 * part) as u64;
                shape.level(SimTime(place), clock)
            };
            let (first, middle, last) = (level(0.0), level(0.5), level(1.0));
            let bent = (middle - 0.5 * (first + last)).abs();
            match course {
                Course::Constant => {
                    assert!(first == middle && middle == last, "{shape:?} at {at:?}")
                }
                Course::Linear => assert!(bent < 1e-9, "{shape:?} at {at:?}: {bent}"),
                Course::Curved => {}
            }
            at = until;
        }
    }
}

/// Slow twin: the integral of the rate at each of `ends` (in order), by the middle of every 4 milliseconds.
fn integrals(load: &Load, clock: &LocalClock, ends: &[f64]) -> Vec<f64> {
    let LoadKind::Open { rate, .. } = load.kind else {
        unreachable!("open load")
    };
    let level = |step: u64| load.level(SimTime(step * 4_000_000 + 2_000_000), clock);
    let (mut sum, mut step) = (0.0, 0);
    let mut found = Vec::new();
    for end in ends {
        let last = (end / 0.004) as u64;
        while step < last {
            sum += level(step) * 0.004;
            step += 1;
        }
        found.push(rate * (sum + (end - last as f64 * 0.004) * level(last)));
    }
    found
}

#[test]
fn even_arrivals_come_where_the_cumulative_rate_is_a_whole_number() {
    // Each shape alone, then all at once: the k-th arrival is at the k-th whole number of the integral. The slow
    // twin misses a jump by half of its 4 ms at most: at 0.05/s and jumps of up to 4 that is 0.0004 each.
    let mut cases: Vec<Vec<Shape>> = every_shape().into_iter().map(|shape| vec![shape]).collect();
    cases.push(every_shape());
    for shapes in cases {
        let (scenario, load) = load(0.05, Arrivals::Even, shapes);
        let mut ends = times(&scenario, &load, 1, seconds(3 * HOUR));
        let count = ends.len();
        ends.push((3 * HOUR) as f64);
        let passed = integrals(&load, &scenario.clock, &ends);
        let all = passed[count];
        assert!(count > 20 && (count as f64) <= all + 2e-3 && all < count as f64 + 1.002);
        for (index, passed) in passed[..count].iter().enumerate() {
            let wanted = (index + 1) as f64;
            assert!(
                (passed - wanted).abs() < 2e-3,
                "arrival {index} at {}: {passed}: {:?}",
                ends[index],
                load.shape
            );
        }
    }
}

/// Counts in windows of `width` seconds.
fn counts(times: &[f64], width: f64, windows: usize) -> Vec<f64> {
    let mut counts = vec![0.0; windows];
    for time in times {
        if let Some(count) = counts.get_mut((time / width) as usize) {
            *count += 1.0;
        }
    }
    counts
}

fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / (values.len() - 1) as f64;
    (mean, variance)
}

#[test]
fn poisson_counts_have_the_integral_as_mean_and_variance() {
    // 400 seeds; mean and variance of the count in hour 2 under a ramp from 0.3 to 2 over hours 0 to 3 at 0.05/s:
    // level at the middle 0.3 + 1.7 / 2 = 1.15, so 0.05 * 3600 * 1.15 = 207. The mean of 400 has deviation
    // sqrt(207 / 400) = 0.72, the variance's is 207 sqrt(2 / 399) = 14.7: 4.9 of each, false alarm 1e-6 each.
    let ramp = Shape::Ramp {
        from: 0.3,
        to: 2.0,
        at: SimTime::ZERO,
        length: SimDuration::from_secs(3 * HOUR),
    };
    let (scenario, load) = load(0.05, Arrivals::Poisson, vec![ramp]);
    let found: Vec<f64> = (0..400)
        .map(|seed| {
            let times = times(&scenario, &load, seed, seconds(3 * HOUR));
            counts(&times, HOUR as f64, 3)[1]
        })
        .collect();
    let (mean, variance) = moments(&found);
    assert!((mean - 207.0).abs() < 4.9 * 0.72, "{mean}");
    assert!((variance - 207.0).abs() < 4.9 * 14.7, "{variance}");
}

#[test]
fn renewal_gaps_have_their_coefficient_of_variation() {
    // 40 000 gaps of mean 1/2: the cv's own deviation for a gamma is about cv sqrt((1 + 2 cv^2) / (2 n)) (delta
    // method, normal limit), for a hyperexponential larger by its kurtosis: bounds of 2 % and 6 % are above 5 of them.
    for (cv, bound) in [(0.5, 0.02), (2.0, 0.06)] {
        let (scenario, load) = load(2.0, Arrivals::renewal(cv), Vec::new());
        let found = times(&scenario, &load, 3, seconds(20_000));
        let gaps: Vec<f64> = found.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let (mean, variance) = moments(&gaps);
        assert!(
            (mean - 0.5).abs() < 5.0 * cv * 0.5 / (gaps.len() as f64).sqrt(),
            "{mean}"
        );
        assert!(
            (variance.sqrt() / mean / cv - 1.0).abs() < bound,
            "{}",
            variance.sqrt() / mean
        );
    }
    assert_eq!(Arrivals::renewal(1.0), Arrivals::Poisson);
    assert_eq!(Arrivals::renewal(0.0), Arrivals::Even);
}

#[test]
fn bursts_have_the_mean_and_dispersion_of_a_two_state_mmpp() {
    // Rate 1/s, ten times as much in bursts of 5 s, 45 s apart: mean (45 + 50) / 50 = 1.9/s. Index of dispersion of
    // counts in the long run (Fischer and Meier-Hellstern 1993): 1 + 2 s1 s2 (l1 - l2)^2 / ((s1 + s2)^2 (l1 s2 +
    // l2 s1)) with s1 = 1/5, s2 = 1/45, l1 = 10, l2 = 1: 2 * 0.0044444 * 81 / (0.049383 * 0.422222) + 1 = 35.53; in
    // windows of t it falls short by the factor 1 - (1 - exp(-r t)) / (r t), r = s1 + s2 = 0.2222.
    let bursts = Arrivals::Bursts {
        factor: 10.0,
        length: Distribution::exponential(5.0),
        pause: Distribution::exponential(45.0),
    };
    assert!((bursts.mean_factor() - 1.9).abs() < 1e-12);
    let (scenario, load) = load(1.0, bursts, Vec::new());
    let (width, windows) = (500.0, 4_000);
    let end = seconds(500 * 4_000);
    let found = times(&scenario, &load, 5, end);
    let (mean, variance) = moments(&counts(&found, width, windows));
    let short = 1.0 - (1.0 - (-0.222_222 * width).exp()) / (0.222_222 * width);
    let dispersion = 1.0 + 34.53 * short;
    // 4 000 nearly independent windows: the mean's deviation is sqrt(950 * 35 / 4000) = 2.9, the index's about
    // sqrt(2 / 4000) = 2.2 % for a normal count, a little more for this skewed one: 15 % is above 5 of them.
    assert!((mean - 950.0).abs() < 4.9 * 2.9, "{mean}");
    assert!(
        (variance / mean / dispersion - 1.0).abs() < 0.15,
        "{} of {dispersion}",
        variance / mean
    );
}

#[test]
fn recorded_arrivals_come_when_they_were_recorded() {
    let recorded: Vec<SimTime> = [0, 5, 5, 9].map(seconds).to_vec();
    let (scenario, load) = load(1.0, Arrivals::Recorded(recorded.into()), Vec::new());
    assert_eq!(times(&scenario, &load, 1, seconds(9)), [0.0, 5.0, 5.0]);
}

#[test]
fn the_first_arrivals_of_each_process_never_change() {
    // Golden draws: a change here changes every scenario with such a load. Poisson by hand: -ln(u) of the uniforms
    // that the key gives, which `engine::keyed` pins to the published SplitMix64.
    let key = Key::root(7, 0, 0).part(hash64("clients"));
    let gap = |number: u64| -libm::log(key.nth(number).uniform(super::GAP, 0));
    let (scenario, poisson) = load(1.0, Arrivals::Poisson, Vec::new());
    let found = times(&scenario, &poisson, 7, seconds(60));
    assert!((found[0] - gap(0)).abs() < 1e-9 && (found[2] - gap(0) - gap(1) - gap(2)).abs() < 3e-9);
    // A shape that stays at two halves every gap.
    let (scenario, doubled) = load(
        1.0,
        Arrivals::Poisson,
        vec![Shape::Steps(vec![(SimTime::ZERO, 2.0)])],
    );
    let halved = times(&scenario, &doubled, 7, seconds(60));
    assert!((halved[1] - (gap(0) + gap(1)) / 2.0).abs() < 3e-9);
    // An exponential law by another way: renewal with a gamma of shape 4 is the quantile of Erlang-4 at that uniform.
    let (scenario, regular) = load(1.0, Arrivals::renewal(0.5), Vec::new());
    let first = times(&scenario, &regular, 7, seconds(60))[0];
    let x = 4.0 * first;
    let below = 1.0 - (-x).exp() * (1.0 + x + x * x / 2.0 + x * x * x / 6.0);
    assert!(
        (below - key.nth(0).uniform(super::GAP, 0)).abs() < 1e-7,
        "{below}"
    );
}
