//! A plan for people: a file to edit and run, a calendar, charts, and why each service is where it is.

pub mod answer;
pub mod calendar;
pub mod file;
pub mod gantt;
pub mod graph;

use crate::model::Wave;
use crate::plan::KnownWorld;
use crate::plan::clockwork::{Clockwork, Timetable};
use crate::plan::exposure::{Exposure, exposure};
use crate::plan::why::{Reason, reasons};

/// A plan with what is known of it before it runs.
pub struct Planned<'a> {
    /// The world as planners see it.
    pub known: &'a KnownWorld<'a>,
    /// Strategy, or where the waves come from.
    pub by: String,
    /// The waves.
    pub waves: &'a [Wave],
    /// Why waves end or start where they do; empty for written plans.
    pub remarks: Vec<String>,
    /// When everything happens.
    pub timetable: Timetable,
    /// What crosses the link.
    pub exposure: Exposure,
    /// Why each group is where it is.
    pub reasons: Vec<Reason>,
}

impl<'a> Planned<'a> {
    /// Works out timetable, exposure and reasons of a plan.
    #[must_use]
    pub fn new(
        known: &'a KnownWorld<'a>,
        by: String,
        waves: &'a [Wave],
        remarks: Vec<String>,
    ) -> Self {
        let timetable = Clockwork::of_plan(known, waves);
        Self {
            known,
            by,
            waves,
            remarks,
            exposure: exposure(known, &timetable),
            reasons: reasons(known, waves, &timetable),
            timetable,
        }
    }

    /// `cart and redis-cart`: the members of a group.
    #[must_use]
    pub fn group_name(&self, group: usize) -> String {
        let names: Vec<&str> = self.known.groups[group]
            .services
            .iter()
            .map(|service| self.known.name(*service))
            .collect();
        match names.as_slice() {
            [] => String::new(),
            [one] => format!("`{one}`"),
            [head @ .., last] => {
                let head: Vec<String> = head.iter().map(|name| format!("`{name}`")).collect();
                format!("{} and `{last}`", head.join(", "))
            }
        }
    }

    /// Why a group is where it is, in one sentence without a full stop.
    #[must_use]
    pub fn why(&self, reason: &Reason) -> String {
        let calls = |rate: f64| {
            let unit = if self.known.graph.unweighted {
                "edges"
            } else {
                "calls/s"
            };
            format!("{} {unit}", crate::report::number::plain(rate))
        };
        let mut text = match reason.strongest {
            None => "calls nothing that moves and is called by nothing that moves".to_owned(),
            Some((other, rate, wave)) => {
                let place = match wave.cmp(&reason.wave) {
                    std::cmp::Ordering::Less => format!("moved in {}", self.waves[wave].name),
                    std::cmp::Ordering::Equal => "moves in the same wave".to_owned(),
                    std::cmp::Ordering::Greater => format!("follows in {}", self.waves[wave].name),
                };
                format!(
                    "{} with {}, which {place}",
                    calls(rate),
                    self.group_name(other)
                )
            }
        };
        if reason.with_earlier + reason.with_later > 0.0 {
            text += &format!(
                "; {} with what moved before, {} with what follows",
                calls(reason.with_earlier),
                calls(reason.with_later)
            );
        }
        if self.known.groups[reason.group].services.len() > 1 && reason.inside > 0.0 {
            text += &format!(
                "; splitting the group would cost {} crossings",
                calls(reason.inside)
            );
        }
        if let Some((wave, more)) = reason.next_best() {
            let (amount, word) = (
                crate::report::number::plain(more.abs()),
                if more >= 0.0 { "more" } else { "fewer" },
            );
            text += &format!(
                "; in {} instead: {amount} crossing calls {word}",
                self.waves[wave].name
            );
        }
        text
    }
}
