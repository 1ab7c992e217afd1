//! How long a run will take, said before it starts.

use crate::experiment::forecast::forecast;
use crate::model::scenario::Fidelity;
use crate::model::{Replications, Scenario};
use crate::report::number;

/// Memory of the program, and of one world that is being played, MB.
const PROGRAM_MEGABYTES: f64 = 30.0;
const WORLD_MEGABYTES: f64 = 10.0;

/// One line for people; `kept` is the number of replications that are played already.
#[must_use]
pub fn line(scenario: &Scenario, threads: usize, kept: u32) -> String {
    let found = forecast(scenario);
    let or_fewer = match scenario.run.replications {
        Replications::Fixed(_) => "",
        Replications::Precision { .. } => " at most",
    };
    let left = found.replications.saturating_sub(kept);
    let (worlds, with_twins) = match (scenario.has_twin(), left) {
        (false, _) => (1.0, ""),
        (true, 1) => (2.0, " with its twin"),
        (true, _) => (2.0, " with their twins"),
    };
    let replications = if left == 1 {
        "1 replication".to_owned()
    } else {
        format!("{left} replications")
    };
    let on = if threads == 1 {
        "1 thread".to_owned()
    } else {
        format!("{threads} threads")
    };
    let together = f64::from(left.min(threads as u32).max(1));
    // Threads take whole replications: the last ones may leave some idle.
    let rounds = libm::ceil(f64::from(left) / together);
    let time = number::duration((found.cpu_seconds * rounds).max(1.0));
    match scenario.run.fidelity {
        Fidelity::Request => format!(
            "{replications}{with_twins}{or_fewer}: about {} events, {time} on {on}, {} MB",
            number::plain(two_digits(found.events * f64::from(left))),
            number::plain(PROGRAM_MEGABYTES + WORLD_MEGABYTES * together * worlds),
        ),
        Fidelity::Flow | Fidelity::Zoom => {
            format!("{replications}{with_twins}{or_fewer} of rates: about {time} on {on}")
        }
    }
}

/// An estimate has no more than two digits worth telling.
fn two_digits(value: f64) -> f64 {
    if value < 10.0 {
        return value;
    }
    let mut unit = 1.0;
    while value / unit >= 100.0 {
        unit *= 10.0;
    }
    libm::round(value / unit) * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_told_in_two_digits() {
        let text = |value| number::plain(two_digits(value));
        assert_eq!(text(629_294_177.0), "630,000,000");
        assert_eq!(text(7.0), "7");
    }
}
