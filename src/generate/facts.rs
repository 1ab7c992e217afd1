//! Statistics of a synthetic system beside those of the sources it follows.

use crate::generate::recipe::{Layer, Made};

/// One statistic.
#[derive(Clone, PartialEq, Debug)]
pub struct Fact {
    /// What.
    pub name: &'static str,
    /// Here.
    pub here: String,
    /// In the source.
    pub source: &'static str,
}

/// The statistics that the recipe aims at.
#[must_use]
pub fn facts(made: &Made) -> Vec<Fact> {
    let n = made.services.len() as f64;
    let share = |layer: Layer| {
        let count = made
            .services
            .iter()
            .filter(|one| one.layer == layer)
            .count();
        format!("{:.0} %", 100.0 * count as f64 / n)
    };
    let calls: Vec<(usize, usize)> = made
        .services
        .iter()
        .enumerate()
        .flat_map(|(from, service)| service.calls.iter().map(move |call| (from, call.to)))
        .collect();
    let mut fan_in = vec![0; made.services.len()];
    for (_, to) in &calls {
        fan_in[*to] += 1;
    }
    let inside = calls
        .iter()
        .filter(|(from, to)| made.services[*from].team == made.services[*to].team)
        .count();
    let mut sorted = fan_in.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let hot: usize = sorted.iter().take((made.services.len() / 20).max(1)).sum();
    let fan_out = made
        .services
        .iter()
        .map(|one| one.calls.len())
        .max()
        .unwrap_or(0);
    let hidden = made
        .services
        .iter()
        .flat_map(|one| &one.calls)
        .filter(|call| call.hidden)
        .count();
    let pods: usize = made.services.iter().map(|one| one.replicas).sum();
    let percent =
        |part: usize, whole: usize| format!("{:.0} %", 100.0 * part as f64 / whole.max(1) as f64);
    let fact = |name, here: String, source| Fact { name, here, source };
    vec![
        fact("entry services", share(Layer::Entry), "13 % (Alibaba 2025)"),
        fact(
            "middle services",
            share(Layer::Middle),
            "48 % (Alibaba 2025)",
        ),
        fact("leaf services", share(Layer::Leaf), "39 % (Alibaba 2025)"),
        fact(
            "calls a service",
            format!("{:.2}", calls.len() as f64 / n),
            "2.5 (Train Ticket), 1.5 (Social Network), 1.4 (Online Boutique)",
        ),
        fact(
            "largest fan-out",
            fan_out.to_string(),
            "12 of 37 services (Train Ticket)",
        ),
        fact(
            "largest fan-in",
            sorted.first().copied().unwrap_or(0).to_string(),
            "10 of 37 services (Train Ticket)",
        ),
        fact(
            "calls to the 5 % most called",
            percent(hot, calls.len()),
            "shared hot spots (5 % of services, assumed)",
        ),
        fact(
            "calls inside a team",
            percent(inside, calls.len()),
            "60 to 80 % (assumed)",
        ),
        fact(
            "services of a team",
            format!("{:.1}", n / made.wish.teams as f64),
            "7 to 20 (Skyscanner, New Relic, Spotify)",
        ),
        fact(
            "instances of a service",
            format!("{:.1}", pods as f64 / n),
            "28 (Alibaba), 75 (Tinder), 50 (Lyft)",
        ),
        fact(
            "cycles",
            made.services
                .iter()
                .flat_map(|one| &one.calls)
                .filter(|call| call.shallow)
                .count()
                .to_string(),
            "1 of 3 services among 37 (Train Ticket)",
        ),
        fact(
            "calls hidden from planners",
            percent(hidden, calls.len()),
            "5 to 30 % (dependencies found during the move)",
        ),
    ]
}
