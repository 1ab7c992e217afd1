//! Measures by the names that cases use.

use crate::units::EndpointId;
use crate::verify::queueing_exact::measure::{Found, Look, Measure, PRECISION};
use crate::world::contract::Outcome;
use crate::world::spans::{Span, SpanKind};

/// A station that is one service with one replica; its number is that of the service and of its only endpoint.
#[derive(Clone, Copy)]
pub struct Station {
    /// Number of the service.
    pub number: usize,
    /// Servers.
    pub servers: u32,
}

/// Requests that a station answered.
fn answered(station: usize) -> impl Fn(&Span) -> bool {
    move |span| {
        let SpanKind::Served { endpoint, .. } = span.kind else {
            return false;
        };
        endpoint == EndpointId::from_index(station) && span.outcome == Outcome::Ok
    }
}

/// Time in the waiting room.
pub fn wait(span: &Span) -> f64 {
    span.queued.seconds()
}

/// Time from arrival to reply.
pub fn response(span: &Span) -> f64 {
    span.end.since(span.start).seconds()
}

/// A ratio over the answered requests of a station: `part` gives numerator and denominator of each.
pub fn over(station: usize, part: impl Fn(&Span) -> (f64, f64) + Sync + 'static) -> Measure {
    let wanted = answered(station);
    Box::new(move |look: &Look<'_>| {
        let spans = look.spans.iter().filter(|span| wanted(span));
        spans
            .map(&part)
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    })
}

/// The same over all requests that a station took in, answered or not.
pub fn served_any(station: usize, part: impl Fn(&Span) -> (f64, f64) + Sync + 'static) -> Measure {
    Box::new(move |look: &Look<'_>| {
        let of_station = |span: &&Span| {
            matches!(span.kind, SpanKind::Served { endpoint, .. }
                if endpoint == EndpointId::from_index(station))
        };
        let spans = look.spans.iter().filter(of_station);
        spans
            .map(&part)
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    })
}

/// Mean over the answered requests of a station.
pub fn mean(station: usize, value: fn(&Span) -> f64) -> Measure {
    over(station, move |span| (value(span), 1.0))
}

/// Share of the answered requests of a station.
pub fn share(station: usize, holds: impl Fn(&Span) -> bool + Sync + 'static) -> Measure {
    over(station, move |span| (f64::from(u8::from(holds(span))), 1.0))
}

/// Something that the plane counted in the chunk, over its length.
pub fn rate(count: impl Fn(&Look<'_>) -> f64 + Sync + 'static) -> Measure {
    Box::new(move |look| (count(look), look.seconds))
}

/// A ratio of things that the plane counted.
pub fn ratio(part: impl Fn(&Look<'_>) -> (f64, f64) + Sync + 'static) -> Measure {
    Box::new(part)
}

/// A quantile through the shares on both sides of the expected value.
fn quantile(station: usize, value: fn(&Span) -> f64, probability: f64, at: f64) -> Found {
    let band = PRECISION * at;
    Found::Quantile(
        probability,
        [
            share(station, move |span| value(span) < at),
            share(station, move |span| value(span) <= at),
            share(station, move |span| (value(span) - at).abs() <= band),
        ],
    )
}

/// Share of time in which nobody was at the station, over the chunk before: by then whoever was there has left.
fn empty(station: usize) -> Measure {
    let wanted = answered(station);
    Box::new(move |look| {
        if look.before.is_empty() {
            return (0.0, 0.0);
        }
        let until = look.end.seconds() - look.seconds;
        let from = until - look.seconds;
        let mut stays: Vec<(f64, f64)> = look
            .before
            .iter()
            .chain(look.spans)
            .filter(|span| wanted(span))
            .map(|span| {
                (
                    span.start.seconds().max(from),
                    span.end.seconds().min(until),
                )
            })
            .filter(|(start, end)| start < end)
            .collect();
        stays.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut busy, mut reached) = (0.0, from);
        for (start, end) in stays {
            if end > reached {
                busy += end - start.max(reached);
                reached = end;
            }
        }
        (look.seconds - busy, look.seconds)
    })
}

/// Actions that ended, by outcome.
pub fn ended(look: &Look<'_>, outcome: Outcome) -> f64 {
    look.seen
        .actions
        .iter()
        .map(|seen| seen.ended[outcome as usize])
        .sum::<u64>() as f64
}

/// Actions that ended.
pub fn all_ended(look: &Look<'_>) -> f64 {
    Outcome::ALL
        .iter()
        .map(|outcome| ended(look, *outcome))
        .sum()
}

/// Mean time of all actions.
pub fn action_mean() -> Measure {
    actions(|seconds| (seconds, 1.0))
}

/// A ratio over ended actions by their time in seconds.
pub fn actions(part: impl Fn(f64) -> (f64, f64) + Sync + 'static) -> Measure {
    Box::new(move |look| {
        let times = look
            .seen
            .records
            .iter()
            .map(|one| one.ended.since(one.issued).seconds());
        times
            .map(&part)
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    })
}

/// A quantile of the actions' times.
pub fn action_quantile(probability: f64, at: f64) -> Found {
    let hit = |holds: bool| (f64::from(u8::from(holds)), 1.0);
    let band = PRECISION * at;
    Found::Quantile(
        probability,
        [
            actions(move |time| hit(time < at)),
            actions(move |time| hit(time <= at)),
            actions(move |time| hit((time - at).abs() <= band)),
        ],
    )
}

/// How a value of a single station with this name is found; `None`: no such name. `expected` is needed where a
/// value is judged by shares on both sides of it; `mean_wait` where a variance is taken around the true mean.
pub fn of_station(
    station: Station,
    name: &str,
    expected: f64,
    mean_wait: Option<f64>,
) -> Option<Found> {
    let Station { number, servers } = station;
    if let Some((what, probability)) = name.rsplit_once("_p") {
        let probability = probability.parse::<f64>().ok()? / 100.0;
        let value = match what {
            "wait" => wait,
            "response" => response,
            _ => return None,
        };
        return Some(quantile(number, value, probability, expected));
    }
    if let Some(at) = name.strip_prefix("wait_cdf_at_") {
        let at: f64 = at.parse().ok()?;
        return Some(Found::Share(share(number, move |span| wait(span) <= at)));
    }
    let plain = |measure| Some(Found::Mean(measure, 0.0));
    match name {
        "p_wait" => Some(Found::Share(share(number, |span| span.queued.0 > 0))),
        "mean_wait" | "mean_wait_accepted" => plain(mean(number, wait)),
        "mean_response" | "mean_response_accepted" => plain(mean(number, response)),
        "wait_variance" => {
            let middle = mean_wait?;
            plain(over(number, move |span| {
                ((wait(span) - middle).powi(2), 1.0)
            }))
        }
        "mean_queue_length" => plain(rate(move |look| {
            let waits = look
                .spans
                .iter()
                .filter(|span| answered(number)(span))
                .map(wait);
            waits.sum()
        })),
        "mean_in_system" => plain(rate(move |look| {
            look.seen.stations[number].in_flight_seconds
        })),
        "mean_busy" => plain(rate(move |look| {
            look.seen.stations[number].cpu_ns as f64 * 1e-9
        })),
        "utilization" => plain(rate(move |look| {
            look.seen.stations[number].cpu_ns as f64 * 1e-9 / f64::from(servers)
        })),
        "throughput" => plain(rate(|look| ended(look, Outcome::Ok))),
        "blocking" => Some(Found::Share(ratio(|look| {
            (ended(look, Outcome::Shed), all_ended(look))
        }))),
        "p_empty" => Some(Found::Share(empty(number))),
        _ => None,
    }
}
