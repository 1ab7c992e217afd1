//! Outlier ejection: a client stops sending to replicas that fail more than others.
//!
//! Envoy's rules (`outlier_detection.proto`, commit 1282f87; `outlier.rst`, commit 0336fd6; times and sweeps as in
//! `outlier_detection_impl.cc`). Consecutive failures eject at once; success rate and failure percentage are judged
//! at each sweep over what ended since the one before; a sweep also brings back whose time is over, and forgives one
//! ejection of a replica that was not ejected since.

use crate::units::{SimDuration, SimTime};

/// Rules of ejection.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ejection {
    /// So many failures in a row eject (5xx: errors, timeouts, refusals); 0: never.
    pub consecutive_errors: u32,
    /// So many gateway failures in a row eject (no answer of the service itself); 0: never.
    pub consecutive_gateway_errors: u32,
    /// Time between sweeps.
    pub interval: SimDuration,
    /// Time of a first ejection.
    pub base_time: SimDuration,
    /// Longest ejection; `None` is Envoy's 300 s, or the base when that is longer.
    pub max_time: Option<SimDuration>,
    /// Share of the replicas that may be ejected.
    pub max_ejected: f64,
    /// Whether one may be ejected whatever the share.
    pub always_one: bool,
    /// Share of usable replicas below which ejection is ignored.
    pub panic: f64,
    /// Judges success rates.
    pub success_rate: Option<SuccessRate>,
    /// Judges failure percentages.
    pub failure_percentage: Option<FailurePercentage>,
}

/// A replica is an outlier when its success rate is so many deviations below the mean.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SuccessRate {
    /// Deviations, thousandths.
    pub stdev_factor: u32,
    /// So many replicas must have enough requests.
    pub min_hosts: u32,
    /// Enough requests in an interval.
    pub min_requests: u64,
}

/// A replica is an outlier when so many of its requests fail.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FailurePercentage {
    /// Share of failures that ejects.
    pub threshold: f64,
    /// So many replicas must have enough requests.
    pub min_hosts: u32,
    /// Enough requests in an interval.
    pub min_requests: u64,
}

/// Longest ejection unless stated.
const MAX_TIME: SimDuration = SimDuration::from_secs(300);

impl Ejection {
    /// What Envoy takes when nothing is configured (success rate is on, failure percentage and gateway failures are
    /// not enforced), with the panic threshold of its load balancer.
    pub const ENVOY: Self = Self {
        consecutive_errors: 5,
        consecutive_gateway_errors: 0,
        interval: SimDuration::from_secs(10),
        base_time: SimDuration::from_secs(30),
        max_time: None,
        max_ejected: 0.1,
        always_one: false,
        panic: 0.5,
        success_rate: Some(SuccessRate::ENVOY),
        failure_percentage: None,
    };

    /// How long a replica stays out that was ejected so many times in a row.
    #[must_use]
    pub fn time(&self, times: u32) -> SimDuration {
        let longest = self.max_time.unwrap_or(MAX_TIME.max(self.base_time));
        SimDuration(self.base_time.0.saturating_mul(u64::from(times))).min(longest)
    }

    /// Whether so few are usable that ejection is ignored and all get traffic. At the threshold itself it is not.
    #[must_use]
    pub fn is_panic(&self, hosts: usize, usable: usize) -> bool {
        (usable as f64) < self.panic * hosts as f64 - 1e-9
    }
}

impl SuccessRate {
    /// Envoy's numbers.
    pub const ENVOY: Self = Self {
        stdev_factor: 1900,
        min_hosts: 5,
        min_requests: 100,
    };

    /// The threshold for these success rates (per cent) of the replicas with enough requests, with their mean and
    /// deviation over all of them; `None` when they are too few. Strictly below it is an outlier.
    #[must_use]
    pub fn threshold(&self, rates: &[f64]) -> Option<Threshold> {
        if rates.is_empty() || (rates.len() as u64) < u64::from(self.min_hosts) {
            return None;
        }
        let count = rates.len() as f64;
        let mean = rates.iter().sum::<f64>() / count;
        let squares = rates.iter().map(|rate| (rate - mean) * (rate - mean));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        Some(Threshold {
            mean,
            deviation,
            least: mean - deviation * f64::from(self.stdev_factor) / 1000.0,
        })
    }
}

impl FailurePercentage {
    /// Envoy's numbers.
    pub const ENVOY: Self = Self {
        threshold: 0.85,
        min_hosts: 5,
        min_requests: 50,
    };
}

/// What success rates are held against, per cent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Threshold {
    /// Mean rate.
    pub mean: f64,
    /// Deviation of all rates.
    pub deviation: f64,
    /// Below this is an outlier.
    pub least: f64,
}

/// How a try ended, as far as ejection cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Answered.
    Success,
    /// The service answered with an error (HTTP 500).
    Error,
    /// No answer of its own: timeout, refused, gone (HTTP 502, 503, 504).
    GatewayError,
}

/// What a client knows of one replica.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Host {
    in_a_row: u32,
    gateway_in_a_row: u32,
    succeeded: u64,
    ended: u64,
    times: u32,
    ejected_at: Option<SimTime>,
}

impl Host {
    /// Whether it is out.
    #[must_use]
    pub fn is_ejected(&self) -> bool {
        self.ejected_at.is_some()
    }
}

/// What a client knows of the replicas of one callee, indexed as the caller of these functions likes.
#[derive(Clone, Debug, Default)]
pub struct Detector {
    hosts: Vec<Host>,
    ejected: u32,
    /// The next sweep.
    next: Option<SimTime>,
    rates: Vec<(usize, f64)>,
}

impl Detector {
    /// Whether a replica may be chosen (out of panic).
    #[must_use]
    pub fn is_ejected(&self, host: usize) -> bool {
        self.hosts.get(host).is_some_and(Host::is_ejected)
    }

    /// Replicas that are out.
    #[must_use]
    pub fn ejected(&self) -> u32 {
        self.ejected
    }

    /// Forgets a replica that is gone.
    pub fn forget(&mut self, host: usize) {
        if let Some(known) = self.hosts.get_mut(host) {
            self.ejected -= u32::from(known.is_ejected());
            *known = Host::default();
        }
    }

    /// Makes up for the sweeps that were due by `now`; call before anything else at an instant. `total`: replicas
    /// there are.
    pub fn catch_up(&mut self, rule: &Ejection, total: usize, now: SimTime) {
        let interval = SimDuration(rule.interval.0.max(1));
        let mut next = match self.next {
            Some(next) => next,
            // The first sweep is an interval after the client's first request.
            None => now + interval,
        };
        while next <= now {
            self.sweep(rule, total, next);
            next += interval;
            // Nothing is left to do at any later sweep: skip to the one after now.
            if self.is_quiet() && next <= now {
                next += SimDuration((now.since(next).0 / interval.0 + 1) * interval.0);
            }
        }
        self.next = Some(next);
    }

    fn is_quiet(&self) -> bool {
        let mut hosts = self.hosts.iter();
        hosts.all(|host| host.times == 0 && host.ejected_at.is_none() && host.ended == 0)
    }

    /// A try ended; returns whether this ejected its replica.
    pub fn ended(
        &mut self,
        rule: &Ejection,
        host: usize,
        verdict: Verdict,
        total: usize,
        now: SimTime,
    ) -> bool {
        if self.hosts.len() <= host {
            self.hosts.resize(host + 1, Host::default());
        }
        let known = &mut self.hosts[host];
        known.ended += 1;
        match verdict {
            Verdict::Success => {
                known.succeeded += 1;
                (known.in_a_row, known.gateway_in_a_row) = (0, 0);
                return false;
            }
            Verdict::Error => {
                known.in_a_row += 1;
                known.gateway_in_a_row = 0;
            }
            Verdict::GatewayError => {
                known.in_a_row += 1;
                known.gateway_in_a_row += 1;
            }
        }
        // Reaching a limit starts its count anew, whether or not the replica could be ejected.
        let errors = rule.consecutive_errors > 0 && known.in_a_row >= rule.consecutive_errors;
        let gateway = rule.consecutive_gateway_errors > 0
            && known.gateway_in_a_row >= rule.consecutive_gateway_errors;
        if errors {
            known.in_a_row = 0;
        }
        if gateway {
            known.gateway_in_a_row = 0;
        }
        (errors || gateway) && self.eject(rule, host, total, now)
    }

    fn eject(&mut self, rule: &Ejection, host: usize, total: usize, now: SimTime) -> bool {
        let fits = f64::from(self.ejected + 1) <= rule.max_ejected * total as f64 + 1e-9;
        let first = rule.always_one && self.ejected == 0;
        let known = &mut self.hosts[host];
        if known.is_ejected() || !(fits || first) {
            return false;
        }
        known.ejected_at = Some(now);
        // Counts only while more of them lengthen the time (Envoy's back-off of ejections).
        if rule.time(known.times) < rule.time(known.times + 1) {
            known.times += 1;
        }
        self.ejected += 1;
        true
    }

    fn sweep(&mut self, rule: &Ejection, total: usize, now: SimTime) {
        for host in &mut self.hosts {
            match host.ejected_at {
                None => host.times = host.times.saturating_sub(1),
                Some(since) if now.since(since) >= rule.time(host.times.max(1)) => {
                    host.ejected_at = None;
                    (host.in_a_row, host.gateway_in_a_row) = (0, 0);
                    self.ejected -= 1;
                }
                Some(_) => {}
            }
        }
        if let Some(rates) = rule.success_rate {
            self.collect(rates.min_requests);
            let only: Vec<f64> = self.rates.iter().map(|(_, rate)| *rate).collect();
            if let Some(threshold) = rates.threshold(&only) {
                self.eject_below(rule, threshold.least, total, now);
            }
        }
        if let Some(failures) = rule.failure_percentage {
            self.collect(failures.min_requests);
            if self.rates.len() as u64 >= u64::from(failures.min_hosts) {
                // At least the threshold fails: at most the rest succeeds.
                let most = (1.0 - failures.threshold) * 100.0 + 1e-9;
                self.eject_below(rule, most, total, now);
            }
        }
        for host in &mut self.hosts {
            (host.succeeded, host.ended) = (0, 0);
        }
    }

    /// Success rates (per cent) of the replicas that are in and had enough requests.
    fn collect(&mut self, min_requests: u64) {
        self.rates.clear();
        for (index, host) in self.hosts.iter().enumerate() {
            if !host.is_ejected() && host.ended > 0 && host.ended >= min_requests {
                let rate = 100.0 * host.succeeded as f64 / host.ended as f64;
                self.rates.push((index, rate));
            }
        }
    }

    fn eject_below(&mut self, rule: &Ejection, least: f64, total: usize, now: SimTime) {
        let rates = std::mem::take(&mut self.rates);
        for (host, rate) in &rates {
            if *rate < least {
                self.eject(rule, *host, total, now);
            }
        }
        self.rates = rates;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Ejection = Ejection {
        consecutive_errors: 3,
        max_ejected: 0.5,
        success_rate: None,
        ..Ejection::ENVOY
    };

    fn at(seconds: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(seconds)
    }

    fn fail(detector: &mut Detector, rule: &Ejection, host: usize, times: u32, now: SimTime) {
        detector.catch_up(rule, 4, now);
        for _ in 0..times {
            detector.ended(rule, host, Verdict::Error, 4, now);
        }
    }

    #[test]
    fn a_replica_comes_back_at_the_first_sweep_after_its_time() {
        let mut detector = Detector::default();
        detector.catch_up(&QUICK, 4, at(0));
        fail(&mut detector, &QUICK, 1, 2, at(3));
        assert!(!detector.is_ejected(1));
        fail(&mut detector, &QUICK, 1, 1, at(3));
        assert!(detector.is_ejected(1));
        // Out for 30 s: the sweep at 30 s is too early (27 s), the one at 40 s is not.
        detector.catch_up(&QUICK, 4, at(39));
        assert!(detector.is_ejected(1));
        detector.catch_up(&QUICK, 4, at(40));
        assert!(!detector.is_ejected(1));
        // The second time in a row it is out for 60 s: until the sweep at 110 s.
        fail(&mut detector, &QUICK, 1, 3, at(41));
        detector.catch_up(&QUICK, 4, at(100));
        assert!(detector.is_ejected(1));
        detector.catch_up(&QUICK, 4, at(110));
        assert!(!detector.is_ejected(1));
    }

    #[test]
    fn good_sweeps_forgive_ejections_one_by_one() {
        let mut detector = Detector::default();
        detector.catch_up(&QUICK, 4, at(0));
        fail(&mut detector, &QUICK, 0, 3, at(0));
        // Back at 30 s; the sweep at 40 s forgives: the next ejection lasts 30 s again.
        fail(&mut detector, &QUICK, 0, 3, at(45));
        detector.catch_up(&QUICK, 4, at(70));
        assert!(detector.is_ejected(0), "25 s are too short");
        detector.catch_up(&QUICK, 4, at(80));
        assert!(!detector.is_ejected(0));
    }

    #[test]
    fn a_success_ends_the_row_and_no_more_than_the_share_is_ejected() {
        let mut detector = Detector::default();
        for host in 0..4 {
            fail(&mut detector, &QUICK, host, 2, at(0));
            detector.ended(&QUICK, host, Verdict::Success, 4, at(0));
            fail(&mut detector, &QUICK, host, 2, at(0));
            assert!(!detector.is_ejected(host));
            fail(&mut detector, &QUICK, host, 1, at(0));
        }
        assert_eq!(detector.ejected(), 2, "half of four");
        let tenth = Ejection {
            max_ejected: 0.1,
            ..QUICK
        };
        let mut detector = Detector::default();
        fail(&mut detector, &tenth, 0, 3, at(0));
        assert_eq!(detector.ejected(), 0, "a tenth of four is none");
        let one = Ejection {
            always_one: true,
            ..tenth
        };
        (0..2).for_each(|host| fail(&mut detector, &one, host, 3, at(0)));
        assert_eq!(detector.ejected(), 1);
    }

    #[test]
    fn an_outlier_in_success_rate_is_ejected_at_the_sweep() {
        let rule = Ejection {
            max_ejected: 1.0,
            ..Ejection::ENVOY
        };
        let mut detector = Detector::default();
        detector.catch_up(&rule, 5, at(0));
        for host in 0..5 {
            for request in 0..100 {
                // Alternating failures never come five in a row.
                let fails = host == 4 && request % 2 == 0;
                let verdict = if fails {
                    Verdict::Error
                } else {
                    Verdict::Success
                };
                detector.ended(&rule, host, verdict, 5, at(1));
            }
        }
        // Mean 90 %, deviation 20: 50 % lies below 90 - 1.9 * 20 = 52 %.
        detector.catch_up(&rule, 5, at(9));
        assert_eq!(detector.ejected(), 0);
        detector.catch_up(&rule, 5, at(10));
        assert!(detector.is_ejected(4) && detector.ejected() == 1);
    }

    #[test]
    fn a_failure_percentage_ejects_from_its_threshold_on() {
        let rule = Ejection {
            max_ejected: 1.0,
            consecutive_errors: 0,
            success_rate: None,
            failure_percentage: Some(FailurePercentage {
                threshold: 0.5,
                min_hosts: 2,
                min_requests: 4,
            }),
            ..Ejection::ENVOY
        };
        let mut detector = Detector::default();
        detector.catch_up(&rule, 2, at(0));
        for (host, failures) in [(0, 2), (1, 1)] {
            for request in 0..4 {
                let verdict = if request < failures {
                    Verdict::Error
                } else {
                    Verdict::Success
                };
                detector.ended(&rule, host, verdict, 2, at(1));
            }
        }
        detector.catch_up(&rule, 2, at(10));
        assert!(detector.is_ejected(0) && !detector.is_ejected(1));
    }

    #[test]
    fn catching_up_at_once_is_as_sweeping_one_by_one() {
        let play = |steps: &[u64]| {
            let mut detector = Detector::default();
            detector.catch_up(&QUICK, 4, at(0));
            fail(&mut detector, &QUICK, 2, 3, at(5));
            steps
                .iter()
                .for_each(|step| detector.catch_up(&QUICK, 4, at(*step)));
            (detector.hosts.clone(), detector.next)
        };
        let each: Vec<u64> = (6..=1000).collect();
        assert_eq!(play(&each), play(&[1000]));
    }

    #[test]
    fn panic_begins_below_the_threshold() {
        assert!(!Ejection::ENVOY.is_panic(10, 5));
        assert!(Ejection::ENVOY.is_panic(10, 4));
        assert!(Ejection::ENVOY.is_panic(5, 2));
        assert_eq!(Ejection::ENVOY.time(15), SimDuration::from_secs(300));
    }
}
