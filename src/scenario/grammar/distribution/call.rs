//! A distribution's name with its arguments, before their meaning.

use crate::scenario::grammar::distribution::{DistributionUnit, quantity, split_outside};
use crate::scenario::grammar::name::listed;
use crate::scenario::grammar::number::leading_number;
use crate::scenario::grammar::{GrammarError, Parsed};
use crate::scenario::suggest::nearest;

/// `NAME(arg arg key=value)`.
pub(super) struct Call<'a> {
    pub text: &'a str,
    pub name: &'a str,
    /// What stands between the parentheses, and where.
    pub inside: (usize, &'a str),
    pub arguments: Vec<Argument<'a>>,
    pub unit: DistributionUnit,
}

/// One argument.
#[derive(Clone, Copy)]
pub(super) struct Argument<'a> {
    pub key: Option<&'a str>,
    pub value: &'a str,
    /// Of the whole argument in the call's text.
    pub offset: usize,
    /// Of the whole argument.
    pub length: usize,
}

impl<'a> Call<'a> {
    /// `open` is the place of the parenthesis; the text ends with the closing one.
    pub fn read(text: &'a str, open: usize, unit: DistributionUnit) -> Self {
        let inside = &text[open + 1..text.len() - 1];
        let arguments = split_outside(inside, " ")
            .into_iter()
            .filter(|(_, argument)| !argument.is_empty())
            .map(|(offset, argument)| {
                let (key, value) = match argument.split_once('=') {
                    Some((key, value)) => (Some(key), value),
                    None => (None, argument),
                };
                Argument {
                    key,
                    value,
                    offset: open + 1 + offset,
                    length: argument.len(),
                }
            })
            .collect();
        Self {
            text,
            name: &text[..open],
            inside: (open + 1, inside),
            arguments,
            unit,
        }
    }

    /// The argument with that key.
    pub fn get(&self, key: &str) -> Option<Argument<'a>> {
        self.arguments
            .iter()
            .copied()
            .find(|argument| argument.key == Some(key))
    }

    /// The bare argument; there is at most one.
    pub fn bare(&self) -> Parsed<Option<Argument<'a>>> {
        let mut bare = self
            .arguments
            .iter()
            .filter(|argument| argument.key.is_none());
        let first = bare.next().copied();
        match bare.next() {
            Some(second) => Err(self.error_at(
                second,
                "E206",
                format!("`{}` has two arguments without a key", self.name),
                "only the first stands alone",
                super::families::example(self.name),
            )),
            None => Ok(first),
        }
    }

    /// Refuses keys that are none of these (`min`, `max` always are) or stand twice.
    pub fn require_keys(&self, allowed: &[&str]) -> Parsed<()> {
        for (index, argument) in self.arguments.iter().enumerate() {
            let Some(key) = argument.key else { continue };
            let is_percentile = allowed.contains(&"p50") && percentile_of(key).is_some();
            if !is_percentile && !allowed.contains(&key) && !matches!(key, "min" | "max") {
                let words: Vec<&str> = allowed.iter().copied().chain(["min", "max"]).collect();
                return Err(self.error_at(
                    argument,
                    "E301",
                    format!("unknown argument `{key}` of `{}`", self.name),
                    &format!("expected {}", listed(&words)),
                    nearest(key, words.iter().copied())
                        .map_or_else(String::new, |near| format!("did you mean `{near}`?")),
                ));
            }
            if self.arguments[..index]
                .iter()
                .any(|other| other.key == Some(key))
            {
                return Err(self.error_at(
                    argument,
                    "E206",
                    format!("`{key}` of `{}` stands twice", self.name),
                    "already given",
                    "remove one of the two".to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// The mean: the bare argument, positive.
    pub fn mean(&self) -> Parsed<f64> {
        match self.bare()? {
            Some(argument) => self.positive(&argument, "the mean"),
            None => Err(GrammarError::whole(
                "E203",
                self.text,
                format!("`{}` has no mean", self.name),
                "how much on average?",
                super::families::example(self.name),
            )),
        }
    }

    /// An argument's quantity in the distribution's unit; `what` names it: "the mean", "`sd`".
    pub fn quantity(&self, argument: &Argument<'_>, what: &str) -> Parsed<f64> {
        let value_offset = argument.offset + argument.length - argument.value.len();
        quantity(argument.value, what, self.unit).map_err(|error| {
            if error.code == "E200" {
                return self.without_unit(argument, what);
            }
            let mut error = error.shifted(value_offset);
            error.sentence = error
                .sentence
                .replace(&format!("`{what}`"), &self.whose(what));
            error
        })
    }

    /// As [`Self::quantity`], refusing zero.
    pub fn positive(&self, argument: &Argument<'_>, what: &str) -> Parsed<f64> {
        let value = self.quantity(argument, what)?;
        if value > 0.0 {
            return Ok(value);
        }
        Err(self.error_at(
            argument,
            "E203",
            format!("{} is zero", self.whose(what)),
            "must be above zero",
            super::families::example(self.name),
        ))
    }

    /// A plain number of a key, refusing what is not above `above`.
    pub fn number_above(&self, key: &str, above: f64) -> Parsed<f64> {
        let Some(argument) = self.get(key) else {
            return Err(GrammarError::whole(
                "E203",
                self.text,
                format!("`{}` has no `{key}`", self.name),
                format!("`{key}` is missing"),
                super::families::example(self.name),
            ));
        };
        let unsigned = argument.value.trim_start_matches('-');
        let number = leading_number(unsigned).filter(|(_, length)| *length == unsigned.len());
        match number {
            Some((number, _)) if number > above && unsigned == argument.value => Ok(number),
            Some(_) => Err(self.error_at(
                &argument,
                "E203",
                format!("`{key}` of `{}` is {}", self.name, argument.value),
                &format!("must be above {above}"),
                super::families::example(self.name),
            )),
            None => Err(self.error_at(
                &argument,
                "E202",
                format!("`{key}` of `{}` is a plain number", self.name),
                "without a unit",
                super::families::example(self.name),
            )),
        }
    }

    fn whose(&self, what: &str) -> String {
        if what.starts_with("the ") {
            format!("{what} of `{}`", self.name)
        } else {
            format!("`{what}` of `{}`", self.name)
        }
    }

    fn without_unit(&self, argument: &Argument<'_>, what: &str) -> GrammarError {
        let key = argument
            .key
            .map_or_else(String::new, |key| format!("{key}="));
        let with_unit = format!("{key}{}ms", argument.value);
        let mean = self
            .arguments
            .iter()
            .find(|argument| argument.key.is_none());
        let relative = mean
            .filter(|_| argument.key == Some("sd"))
            .and_then(|mean| leading_number(mean.value))
            .zip(leading_number(argument.value))
            .filter(|((mean, _), _)| *mean > 0.0)
            .map(|((mean, _), (spread, _))| spread / mean);
        let help = match relative {
            Some(cv) => {
                format!("write `{with_unit}`, or `cv={cv}` for a spread relative to the mean")
            }
            None => format!("write `{with_unit}`"),
        };
        let label = if argument.key.is_some() && mean.is_some() {
            "a time is needed, as the mean is a time"
        } else {
            "a time is needed"
        };
        self.error_at(
            argument,
            "E200",
            format!("{} has no unit", self.whose(what)),
            label,
            help,
        )
    }

    /// An error over one argument.
    pub fn error_at(
        &self,
        argument: &Argument<'_>,
        code: &'static str,
        sentence: String,
        label: &str,
        help: String,
    ) -> GrammarError {
        GrammarError::whole(code, self.text, sentence, label, help)
            .at(argument.offset, argument.length)
    }
}

/// `p99.9` as a probability strictly between 0 and 1.
pub(super) fn percentile_of(key: &str) -> Option<f64> {
    let number = key.strip_prefix('p')?;
    let (value, length) = leading_number(number)?;
    (length == number.len() && value > 0.0 && value < 100.0).then_some(value / 100.0)
}
