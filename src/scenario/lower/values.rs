//! Scalars to values: the grammars' functions with a node's place, and their errors as problems.

use super::context::Context;
use crate::model::service::WarmupOver;
use crate::model::{Distribution, Objective};
use crate::scenario::grammar::{
    self, Clock, DistributionUnit, GrammarError, Money, Parsed, parse_distribution, scale_text,
};
use crate::scenario::node::{Entry, Node, Value};
use crate::units::{Bytes, Cpu, Interval, SimDuration, SimTime};

impl Context<'_> {
    /// Reads a scalar by `parse(text, key, clock)`.
    pub(super) fn scalar<T>(
        &mut self,
        node: &Node,
        key: &str,
        parse: impl FnOnce(&str, &str, &Clock) -> Parsed<T>,
    ) -> Option<T> {
        let Some(text) = node.text() else {
            self.wrong_shape(node, &format!("`{key}`"), "a single value");
            return None;
        };
        match parse(text, key, &self.clock) {
            Ok(value) => Some(value),
            Err(error) => {
                self.tell(error, node);
                None
            }
        }
    }

    /// A grammar's error at a node's place.
    pub(super) fn tell(&mut self, error: GrammarError, node: &Node) {
        // In quotes the text starts one byte later.
        let quoted = matches!(node.value, Value::Scalar { quoted: true, .. })
            && error.length < node.span.length;
        let problem = error.problem(if quoted {
            node.span.part(1, node.span.length - 1)
        } else {
            node.span
        });
        self.problems.list.push(problem);
    }

    /// A length of time.
    pub(super) fn duration(&mut self, node: &Node, key: &str) -> Option<SimDuration> {
        self.scalar(node, key, |text, key, _| grammar::parse_duration(text, key))
    }

    /// A length of time above zero.
    pub(super) fn positive_duration(&mut self, node: &Node, key: &str) -> Option<SimDuration> {
        let duration = self.duration(node, key)?;
        if duration == SimDuration::ZERO {
            self.problem(
                "E203",
                node.span,
                format!("`{key}` is 0"),
                "some time is needed",
                "",
            );
            return None;
        }
        Some(duration)
    }

    /// The duration under `key` of a map, or its default.
    pub(super) fn duration_in(
        &mut self,
        map: Option<&Node>,
        key: &str,
        default: SimDuration,
    ) -> SimDuration {
        map.and_then(|map| map.get(key))
            .and_then(|node| self.duration(node, key))
            .unwrap_or(default)
    }

    /// The duration above zero under `key` of a map, or its default.
    pub(super) fn positive_duration_in(
        &mut self,
        map: Option<&Node>,
        key: &str,
        default: SimDuration,
    ) -> SimDuration {
        map.and_then(|map| map.get(key))
            .and_then(|node| self.positive_duration(node, key))
            .unwrap_or(default)
    }

    /// A distribution of durations, in seconds.
    pub(super) fn distribution(&mut self, node: &Node, key: &str) -> Option<Distribution> {
        self.scalar(node, key, |text, key, _| {
            parse_distribution(text, DistributionUnit::Seconds, key)
        })
    }

    /// Half a distribution of durations: one way of both.
    pub(super) fn half_distribution(&mut self, node: &Node, key: &str) -> Option<Distribution> {
        self.distribution(node, key)?;
        self.scalar(node, key, |text, key, _| {
            parse_distribution(&scale_text(text, 0.5)?, DistributionUnit::Seconds, key)
        })
    }

    /// A count, or a distribution of counts.
    pub(super) fn distribution_of_counts(
        &mut self,
        node: &Node,
        key: &str,
    ) -> Option<Distribution> {
        self.scalar(node, key, |text, key, _| {
            parse_distribution(text, DistributionUnit::Count, key)
        })
    }

    /// A range of durations.
    pub(super) fn duration_range(
        &mut self,
        node: &Node,
        key: &str,
    ) -> Option<(Option<SimDuration>, Option<SimDuration>)> {
        self.scalar(node, key, |text, key, _| {
            grammar::parse_duration_range(text, key)
        })
    }

    /// A count.
    pub(super) fn count(&mut self, node: &Node, key: &str) -> Option<u64> {
        self.scalar(node, key, |text, key, _| grammar::parse_count(text, key))
    }

    /// A count that fits 32 bits.
    pub(super) fn small_count(&mut self, node: &Node, key: &str) -> Option<u32> {
        let count = self.count(node, key)?;
        let small = u32::try_from(count).ok();
        if small.is_none() {
            self.problem(
                "E203",
                node.span,
                format!("`{key}` is too large"),
                "at most 4294967295",
                "",
            );
        }
        small
    }

    /// The count under `key` of a map, or its default.
    pub(super) fn count_or(&mut self, map: &Node, key: &str, default: u32) -> u32 {
        map.get(key)
            .and_then(|node| self.small_count(node, key))
            .unwrap_or(default)
    }

    /// CPU.
    pub(super) fn cpu(&mut self, node: &Node, key: &str) -> Option<Cpu> {
        self.scalar(node, key, |text, key, _| grammar::parse_cpu(text, key))
    }

    /// CPU request..limit; one value is both.
    pub(super) fn cpu_range(
        &mut self,
        node: &Node,
        key: &str,
    ) -> Option<(Option<Cpu>, Option<Cpu>)> {
        self.scalar(node, key, |text, key, _| {
            grammar::parse_cpu_range(text, key)
        })
    }

    /// Bytes.
    pub(super) fn bytes(&mut self, node: &Node, key: &str) -> Option<Bytes> {
        self.scalar(node, key, |text, key, _| grammar::parse_bytes(text, key))
    }

    /// Bytes in a pasted block, where a plain number is bytes.
    pub(super) fn pasted_bytes(&mut self, node: &Node, key: &str) -> Option<Bytes> {
        match node.text().and_then(|text| text.parse().ok()) {
            Some(plain) => Some(Bytes(plain)),
            None => self.bytes(node, key),
        }
    }

    /// Memory request..limit; one value is both.
    pub(super) fn bytes_range(
        &mut self,
        node: &Node,
        key: &str,
    ) -> Option<(Option<Bytes>, Option<Bytes>)> {
        self.scalar(node, key, |text, key, _| {
            grammar::parse_bytes_range(text, key)
        })
    }

    /// Bytes a second.
    pub(super) fn bandwidth(&mut self, node: &Node, key: &str) -> Option<f64> {
        let found = self.scalar(node, key, |text, key, _| {
            grammar::parse_bandwidth(text, key)
        })?;
        if found <= 0.0 {
            self.problem(
                "E203",
                node.span,
                format!("`{key}` is 0"),
                "nothing would ever arrive",
                "leave it out for no limit",
            );
            return None;
        }
        Some(found)
    }

    /// Work of people, in person-days.
    pub(super) fn effort(&mut self, node: &Node, key: &str) -> Option<f64> {
        self.scalar(node, key, |text, key, _| grammar::parse_effort(text, key))
    }

    /// A ratio, 0 or more.
    pub(super) fn ratio(&mut self, node: &Node, key: &str) -> Option<f64> {
        self.scalar(node, key, |text, key, _| grammar::parse_ratio(text, key))
    }

    /// A ratio from 0 to 1.
    pub(super) fn probability(&mut self, node: &Node, key: &str) -> Option<f64> {
        self.scalar(node, key, |text, key, _| {
            grammar::parse_probability(text, key)
        })
    }

    /// A weight, above 0.
    pub(super) fn weight(&mut self, node: &Node, key: &str) -> Option<f64> {
        self.scalar(node, key, |text, key, _| grammar::parse_weight(text, key))
    }

    /// A rate, a second.
    pub(super) fn rate(&mut self, node: &Node, key: &str) -> Option<f64> {
        self.scalar(node, key, |text, key, _| grammar::parse_rate(text, key))
    }

    /// A factor such as `x1.5`.
    pub(super) fn factor(&mut self, node: &Node, key: &str) -> Option<f64> {
        let found = self.scalar(node, key, |text, key, _| grammar::parse_factor(text, key))?;
        if found <= 0.0 {
            self.problem(
                "E203",
                node.span,
                format!("`{key}` is 0"),
                "nothing would ever be done",
                "",
            );
            return None;
        }
        Some(found)
    }

    /// A level of load: a ratio or a factor.
    pub(super) fn level(&mut self, node: &Node, key: &str) -> Option<f64> {
        if node.text().is_some_and(|text| text.starts_with('x')) {
            return self.scalar(node, key, |text, key, _| grammar::parse_factor(text, key));
        }
        self.ratio(node, key)
    }

    /// A number of a pasted block, whose unit is part of its key; 0 or more.
    pub(super) fn plain_number(&mut self, node: &Node, key: &str) -> Option<f64> {
        let number = node
            .text()
            .and_then(|text| text.parse::<f64>().ok())
            .filter(|number| number.is_finite() && *number >= 0.0);
        if number.is_none() {
            let shown = node.text().unwrap_or("this").escape_default().to_string();
            self.problem(
                "E206",
                node.span,
                format!("`{key}` must be a plain number"),
                format!("`{shown}` is none, or below 0"),
                "its unit is part of the key",
            );
        }
        number
    }

    /// A duration as in Argo Rollouts: a plain number is seconds.
    pub(super) fn argo_duration(&mut self, node: &Node, key: &str) -> Option<SimDuration> {
        match node.text().and_then(|text| text.parse::<u64>().ok()) {
            Some(seconds) => Some(SimDuration::from_secs(seconds)),
            None => self.duration(node, key),
        }
    }

    /// `true` or `false`.
    pub(super) fn truth(&mut self, node: &Node, key: &str) -> Option<bool> {
        self.word(node, key, &[(true, "true"), (false, "false")], &[])
    }

    fn money(&mut self, node: &Node, key: &str) -> Option<Money> {
        let money = self.scalar(node, key, |text, key, _| grammar::parse_money(text, key))?;
        let mut currency = self.currency.take();
        let held =
            grammar::require_currency(node.text().unwrap_or_default(), &money, &mut currency);
        self.currency = currency;
        match held {
            Ok(()) => Some(money),
            Err(error) => {
                self.tell(error, node);
                None
            }
        }
    }

    /// Money an hour.
    pub(super) fn money_per_hour(&mut self, node: &Node, key: &str) -> Option<f64> {
        let money = self.money(node, key)?;
        self.price(
            node,
            key,
            money.amount,
            money.per_hour(),
            "time, such as `0.096 USD/h`",
        )
    }

    /// A sum of money, not a price per something.
    pub(super) fn money_once(&mut self, node: &Node, key: &str) -> Option<f64> {
        let money = self.money(node, key)?;
        let once = (money.per == grammar::MoneyPer::Once).then_some(money.amount);
        self.price(node, key, money.amount, once, "unit, such as `5 USD`")
    }

    /// Money a person-day.
    pub(super) fn money_per_person_day(&mut self, node: &Node, key: &str) -> Option<f64> {
        let money = self.money(node, key)?;
        let price = (money.per == grammar::MoneyPer::PersonDay).then_some(money.amount);
        self.price(
            node,
            key,
            money.amount,
            price,
            "person-day, such as `800 EUR/pd`",
        )
    }

    /// Money a byte.
    pub(super) fn money_per_byte(&mut self, node: &Node, key: &str) -> Option<f64> {
        let money = self.money(node, key)?;
        self.price(
            node,
            key,
            money.amount,
            money.per_byte(),
            "bytes, such as `0.09 USD/GB`",
        )
    }

    fn price(
        &mut self,
        node: &Node,
        key: &str,
        amount: f64,
        price: Option<f64>,
        wanted: &str,
    ) -> Option<f64> {
        if price.is_none() && amount != 0.0 {
            self.problem(
                "E202",
                node.span,
                format!(
                    "`{key}` is not a price per {}",
                    wanted.split(',').next().unwrap_or(wanted)
                ),
                "money per what?",
                format!("write money per {wanted}"),
            );
        }
        price.or((amount == 0.0).then_some(0.0))
    }

    /// An instant of the run. Not judged while the clock itself is wrong.
    pub(super) fn instant(&mut self, node: &Node, key: &str) -> Option<SimTime> {
        self.timed(node, key, grammar::parse_instant)
    }

    /// A span, cut to the run.
    pub(super) fn span(&mut self, node: &Node) -> Option<Interval> {
        self.timed(node, "span", grammar::parse_span)
    }

    /// A weekly window or span, as intervals of the run.
    pub(super) fn window(&mut self, node: &Node) -> Option<Vec<Interval>> {
        self.timed(node, "windows", grammar::parse_windows)
    }

    fn timed<T>(
        &mut self,
        node: &Node,
        key: &str,
        parse: impl FnOnce(&str, &Clock) -> Parsed<T>,
    ) -> Option<T> {
        let known = self.clock_known;
        let before = self.problems.list.len();
        let found = self.scalar(node, key, |text, _, clock| parse(text, clock));
        if !known {
            // Outside the run, or not, cannot be told: only the form counts.
            let mut index = 0;
            self.problems.list.retain(|problem| {
                index += 1;
                index <= before || problem.code != "E209"
            });
        }
        found
    }

    /// Seconds after midnight.
    pub(super) fn time_of_day(&mut self, node: &Node, key: &str) -> Option<f64> {
        self.scalar(node, key, |text, _, _| grammar::parse_time_of_day(text))
            .map(f64::from)
    }

    /// An objective.
    pub(super) fn objective(&mut self, node: &Node) -> Option<Objective> {
        self.scalar(node, "slo", |text, _, _| grammar::parse_objective(text))
    }

    /// What a warm-up runs over.
    pub(super) fn warmup_over(&mut self, node: &Node) -> Option<WarmupOver> {
        self.scalar(node, "over", |text, _, _| grammar::parse_warmup_over(text))
    }

    /// Local date-time of an instant, as written in scenarios.
    pub(super) fn civil(&self, at: SimTime) -> String {
        self.clock.local(at).strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// Whether something is known to be wrong with the keys of a thing.
    pub(super) fn has_problem_within(&self, entry: &Entry) -> bool {
        let keys = entry.value.entries();
        self.problems
            .list
            .iter()
            .filter_map(|problem| problem.span)
            .any(|span| keys.iter().any(|key| key.key_span == span))
    }
}
