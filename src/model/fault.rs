//! What breaks, when, and for how long.

use crate::model::Distribution;
use crate::units::{ClusterId, ServiceId, SimDuration, SimTime};

/// A fault that happens on a timeline or at random.
#[derive(Clone, Debug)]
pub struct Fault {
    /// DNS-1123 label.
    pub name: String,
    /// When it begins.
    pub when: FaultTime,
    /// How long it lasts; `None`: to the end of the run.
    pub length: Option<Distribution>,
    /// What it is.
    pub kind: FaultKind,
}

/// When a fault begins.
#[derive(Clone, Debug)]
pub enum FaultTime {
    /// Once, then.
    At(SimTime),
    /// Again and again: from the start of the run, and from the end of the last one, after such a time.
    Every(Distribution),
}

/// Kinds of faults.
#[derive(Clone, Debug)]
pub enum FaultKind {
    /// Nodes of a pool break; which, is drawn.
    Node {
        /// Where.
        cluster: ClusterId,
        /// Pool, in `Cluster::pools`.
        pool: usize,
        /// How many.
        count: u32,
    },
    /// All nodes of a failure domain break.
    Zone {
        /// Where.
        cluster: ClusterId,
        /// Zone, in `Cluster::zones`.
        zone: usize,
    },
    /// All that runs in a cluster breaks, its control plane too.
    Cluster {
        /// Which.
        cluster: ClusterId,
    },
    /// Hops between places are slow, lossy or cut.
    Link {
        /// Positions of the hops, in `Links::table`.
        hops: Vec<usize>,
        /// What is wrong with them.
        state: LinkFault,
    },
    /// Nothing is scheduled, scaled or rolled out; endpoints stay as they are.
    ControlPlane {
        /// Where.
        cluster: ClusterId,
    },
    /// Autoscalers and gates see nothing.
    Metrics {
        /// Where.
        cluster: ClusterId,
    },
    /// Image pulls share another bandwidth.
    Registry {
        /// Where.
        cluster: ClusterId,
        /// Bytes a second.
        bandwidth: f64,
    },
    /// Somebody else's work slows the nodes of a pool.
    Neighbour {
        /// Where.
        cluster: ClusterId,
        /// Pool, in `Cluster::pools`.
        pool: usize,
        /// Share of their rate that pods lose.
        slowdown: f64,
    },
    /// A service's work takes longer.
    Slow {
        /// Which.
        service: ServiceId,
        /// How many times as long.
        factor: f64,
    },
    /// A service's requests fail.
    Failing {
        /// Which.
        service: ServiceId,
        /// Chance, besides its own errors.
        errors: f64,
    },
    /// A bad version is rolled out, and rolled back.
    Release {
        /// Of which service.
        service: ServiceId,
        /// Chance that a request fails, besides its own errors.
        errors: f64,
        /// How many times as long its work takes.
        work: f64,
        /// From its deploy to the deploy of the version before; `None`: nobody rolls back.
        rollback: Option<SimDuration>,
    },
    /// Limits of a cluster are tighter.
    Limit {
        /// Where.
        cluster: ClusterId,
        /// Pods started a second.
        pod_launch_rate: Option<f64>,
        /// Calls to the control plane a second.
        api_rate: Option<f64>,
    },
}

/// What is wrong with a hop.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LinkFault {
    /// Factor on its delay.
    pub factor: f64,
    /// Chance that a message is lost and sent again.
    pub loss: f64,
    /// Nothing arrives.
    pub cut: bool,
}

/// First time-out of a retransmission; each further one is twice as long (Linux' least, 200 ms).
pub const RETRANSMISSION: SimDuration = SimDuration::from_millis(200);
/// Retransmissions after which a sender gives up waiting longer each time (Linux' `tcp_retries2`).
pub const MOST_RETRANSMISSIONS: u32 = 15;
/// Time after which a caller that gets no connection fails (Envoy's default `connect_timeout`).
pub const CONNECT_TIMEOUT: SimDuration = SimDuration::from_secs(5);

impl LinkFault {
    /// Nothing is wrong.
    pub const NONE: Self = Self {
        factor: 1.0,
        loss: 0.0,
        cut: false,
    };

    /// Delay by retransmissions of a message, in seconds, from one uniform number: each try is lost with the
    /// same chance, and waits twice as long as the one before.
    #[must_use]
    pub fn retransmission(self, uniform: f64) -> f64 {
        if self.loss <= 0.0 {
            return 0.0;
        }
        if self.loss >= 1.0 {
            return lost_for(MOST_RETRANSMISSIONS);
        }
        // P(at least k losses) = loss^k.
        let losses = libm::floor(libm::log(1.0 - uniform) / libm::log(self.loss));
        lost_for(losses.clamp(0.0, f64::from(MOST_RETRANSMISSIONS)) as u32)
    }

    /// Mean of that delay, seconds.
    #[must_use]
    pub fn mean_retransmission(self) -> f64 {
        self.retransmission_moments().0
    }

    /// Mean of that delay and of its square, in seconds and seconds squared.
    #[must_use]
    pub fn retransmission_moments(self) -> (f64, f64) {
        let (mut first, mut second) = (0.0, 0.0);
        let mut reached = 1.0;
        for losses in 1..=MOST_RETRANSMISSIONS {
            reached *= self.loss.clamp(0.0, 1.0);
            let (before, now) = (lost_for(losses - 1), lost_for(losses));
            first += reached * (now - before);
            second += reached * (now * now - before * before);
        }
        (first, second)
    }
}

/// Delay of a message that was lost so many times, seconds.
fn lost_for(losses: u32) -> f64 {
    RETRANSMISSION.seconds() * ((1_u64 << losses) - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loss_doubles_the_wait() {
        let fault = LinkFault {
            loss: 0.1,
            ..LinkFault::NONE
        };
        // Below 1 - 0.1: none lost. Up to 1 - 0.01: one, 200 ms. Up to 1 - 0.001: two, 600 ms.
        let delays = [0.5, 0.95, 0.995].map(|uniform| fault.retransmission(uniform));
        assert_eq!(delays, [0.0, 0.2, 0.2 + 0.4]);
        assert_eq!(LinkFault::NONE.retransmission(0.999), 0.0);
    }

    #[test]
    fn the_mean_is_the_integral_over_the_uniform() {
        let fault = LinkFault {
            loss: 0.3,
            ..LinkFault::NONE
        };
        let steps = 200_000;
        let sum: f64 = (0..steps)
            .map(|step| fault.retransmission((f64::from(step) + 0.5) / f64::from(steps)))
            .sum();
        // The tail beyond the finest step holds less than 0.3^10 * 200 s.
        assert!((sum / f64::from(steps) - fault.mean_retransmission()).abs() < 2e-3);
        // One loss (200 ms) with chance 0.1 * 0.9, two (600 ms) with 0.01 * 0.9, three (1.4 s) with 0.001 * 0.9 ...
        let rare = LinkFault {
            loss: 0.1,
            ..LinkFault::NONE
        };
        let by_hand: f64 = (1..=10)
            .map(|losses| {
                let wait = 0.2 * (libm::exp2(f64::from(losses)) - 1.0);
                0.9 * libm::pow(0.1, f64::from(losses)) * wait * wait
            })
            .sum();
        let (_, second) = rare.retransmission_moments();
        assert!((second / by_hand - 1.0).abs() < 1e-3, "{second} {by_hand}");
    }
}
