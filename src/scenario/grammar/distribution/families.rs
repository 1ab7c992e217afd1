//! What each distribution's arguments mean.

use crate::model::distribution::Part;
use crate::scenario::grammar::distribution::call::{Argument, Call, percentile_of};
use crate::scenario::grammar::distribution::{DistributionUnit, parse_part, split_outside};
use crate::scenario::grammar::quantity::parse_ratio;
use crate::scenario::grammar::{GrammarError, Parsed, unsupported};
use crate::scenario::suggest::nearest;

pub(super) const NAMES: [&str; 15] = [
    "exp",
    "uniform",
    "triangular",
    "normal",
    "lognormal",
    "gamma",
    "erlang",
    "hyperexp",
    "weibull",
    "pareto",
    "percentiles",
    "empirical",
    "mix",
    "poisson",
    "geometric",
];

/// How a distribution is written, as a help.
pub(super) fn example(name: &str) -> String {
    let example = match name {
        "uniform" => "uniform(1s..10s)",
        "triangular" => "triangular(1ms..2ms..9ms)",
        "normal" => "normal(5ms sd=1ms)",
        "lognormal" => "lognormal(5ms cv=1.5)",
        "gamma" => "gamma(5ms cv=0.5)",
        "erlang" => "erlang(5ms k=4)",
        "hyperexp" => "hyperexp(5ms cv=3)",
        "weibull" => "weibull(5ms shape=0.7)",
        "pareto" => "pareto(5ms alpha=2.2)",
        "percentiles" => "percentiles(p50=4ms p95=20ms p99=60ms max=1s)",
        "mix" => "mix(90% exp(2ms) | 10% exp(50ms))",
        "poisson" => "poisson(3)",
        "geometric" => "geometric(2.5)",
        _ => "exp(2ms)",
    };
    format!("write for example `{example}`")
}

/// The part that a call means.
pub(super) fn build(call: &Call<'_>, key: &str) -> Parsed<Part> {
    let part = match call.name {
        "exp" => {
            call.require_keys(&[])?;
            Part::exponential(call.mean()?)
        }
        "uniform" => uniform(call)?,
        "triangular" => triangular(call)?,
        "normal" => {
            call.require_keys(&["sd", "cv"])?;
            let mean = call.mean()?;
            Part::normal(mean, spread(call, mean)? * mean)
        }
        "lognormal" => lognormal(call)?,
        "gamma" => {
            call.require_keys(&["cv", "sd"])?;
            let mean = call.mean()?;
            Part::gamma(mean, spread(call, mean)?)
        }
        "erlang" => erlang(call)?,
        "hyperexp" => hyperexponential(call)?,
        "weibull" => {
            call.require_keys(&["shape"])?;
            Part::weibull(call.mean()?, call.number_above("shape", 0.0)?)
        }
        "pareto" => {
            call.require_keys(&["alpha"])?;
            Part::pareto(call.mean()?, call.number_above("alpha", 1.0)?)
        }
        "percentiles" => return percentiles(call),
        "mix" => return mix(call, key),
        "poisson" | "geometric" => counts(call, key)?,
        "empirical" => return Err(unsupported(call.text, "`empirical`")),
        name => {
            let help = nearest(name, NAMES).map_or_else(
                || "see `cutover list distributions`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(GrammarError::whole(
                "E301",
                name,
                format!("unknown distribution `{}`", name.escape_debug()),
                "no such distribution",
                help,
            ));
        }
    };
    cut(call, part)
}

/// `min=` and `max=`: the part inside.
fn cut(call: &Call<'_>, part: Part) -> Parsed<Part> {
    let (min, max) = ends(call)?;
    if min.is_none() && max.is_none() {
        return Ok(part);
    }
    part.between(min, max).ok_or_else(|| {
        GrammarError::whole(
            "E203",
            call.text,
            format!("nothing of `{}` lies between `min` and `max`", call.name),
            "no value is possible",
            "widen `min` and `max`",
        )
    })
}

fn ends(call: &Call<'_>) -> Parsed<(Option<f64>, Option<f64>)> {
    let end = |key: &str| {
        call.get(key)
            .map(|argument| call.quantity(&argument, key))
            .transpose()
    };
    let (min, max) = (end("min")?, end("max")?);
    if let (Some(low), Some(high), Some(argument)) = (min, max, call.get("max"))
        && high <= low
    {
        return Err(call.error_at(
            &argument,
            "E203",
            format!("`max` of `{}` is not above `min`", call.name),
            "no value is possible",
            "exchange the two".to_owned(),
        ));
    }
    Ok((min, max))
}

/// Coefficient of variation, from `cv` or `sd`.
fn spread(call: &Call<'_>, mean: f64) -> Parsed<f64> {
    match (call.get("sd"), call.get("cv")) {
        (Some(argument), None) => Ok(call.positive(&argument, "sd")? / mean),
        (Some(argument), Some(_)) => Err(call.error_at(
            &argument,
            "E206",
            format!("`{}` has both `sd` and `cv`", call.name),
            "one of them is enough",
            "keep `cv` for a spread relative to the mean".to_owned(),
        )),
        _ => call.number_above("cv", 0.0),
    }
}

/// Values of the bare argument `a..b` or `a..b..c`.
fn range(call: &Call<'_>, ends: usize) -> Parsed<Vec<f64>> {
    let refuse = |code: &'static str, sentence: String, label: &str| {
        GrammarError::whole(code, call.text, sentence, label, example(call.name))
    };
    let Some(argument) = call.bare()? else {
        return Err(refuse(
            "E203",
            format!("`{}` has no range", call.name),
            "between what?",
        ));
    };
    let pieces: Vec<&str> = argument.value.split("..").collect();
    if pieces.len() != ends || pieces.iter().any(|piece| piece.is_empty()) {
        return Err(refuse(
            "E206",
            format!("`{}` of `{}` is not its range", argument.value, call.name),
            if ends == 2 {
                "least..most"
            } else {
                "least..likeliest..most"
            },
        )
        .at(argument.offset, argument.length));
    }
    let mut offset = argument.offset;
    let mut values = Vec::new();
    for piece in pieces {
        let end = Argument {
            key: None,
            value: piece,
            offset,
            length: piece.len(),
        };
        values.push(call.quantity(&end, "an end")?);
        offset += piece.len() + 2;
    }
    let rises = values.windows(2).all(|pair| pair[0] <= pair[1]) && values[0] < values[ends - 1];
    if !rises {
        return Err(refuse(
            "E203",
            format!("the range of `{}` does not rise", call.name),
            "from the least to the most",
        )
        .at(argument.offset, argument.length));
    }
    Ok(values)
}

fn uniform(call: &Call<'_>) -> Parsed<Part> {
    call.require_keys(&[])?;
    let ends = range(call, 2)?;
    Ok(Part::uniform(ends[0], ends[1]))
}

fn triangular(call: &Call<'_>) -> Parsed<Part> {
    call.require_keys(&[])?;
    let ends = range(call, 3)?;
    Ok(Part::triangular(ends[0], ends[1], ends[2]))
}

fn lognormal(call: &Call<'_>) -> Parsed<Part> {
    call.require_keys(&["cv", "sd", "p50"])?;
    let points = percentile_points(call)?;
    if points.is_empty() {
        let mean = call.mean()?;
        return Ok(Part::lognormal(mean, spread(call, mean)?));
    }
    if points.len() != 2 || call.bare()?.is_some() {
        return Err(GrammarError::whole(
            "E206",
            call.text,
            "`lognormal` is given by its mean, or by two percentiles",
            "neither of these",
            "write `lognormal(5ms cv=1.5)` or `lognormal(p50=3ms p99=40ms)`",
        ));
    }
    Ok(Part::lognormal_through(points[0], points[1]))
}

fn erlang(call: &Call<'_>) -> Parsed<Part> {
    call.require_keys(&["k"])?;
    let mean = call.mean()?;
    let stages = call.number_above("k", 0.0)?;
    if stages.fract() != 0.0 || stages > 1_000_000.0 {
        return Err(GrammarError::whole(
            "E203",
            call.text,
            "`k` of `erlang` is a whole number of stages",
            "not a whole number up to a million",
            "write for example `erlang(5ms k=4)`, or use `gamma`",
        ));
    }
    // In range by the check above.
    Ok(Part::erlang(mean, stages as u32))
}

fn hyperexponential(call: &Call<'_>) -> Parsed<Part> {
    call.require_keys(&["cv", "sd"])?;
    let mean = call.mean()?;
    let cv = spread(call, mean)?;
    if cv <= 1.0 {
        return Err(GrammarError::whole(
            "E203",
            call.text,
            "`hyperexp` is more variable than `exp`",
            "`cv` must be above 1",
            "use `exp`, or `gamma` for a `cv` below 1",
        ));
    }
    Ok(Part::hyperexponential(mean, cv))
}

/// `pNN=` arguments as points, in the order of probability.
fn percentile_points(call: &Call<'_>) -> Parsed<Vec<(f64, f64)>> {
    let mut points = Vec::new();
    for argument in &call.arguments {
        let Some((key, probability)) = argument
            .key
            .and_then(|key| percentile_of(key).map(|probability| (key, probability)))
        else {
            continue;
        };
        points.push((probability, call.positive(argument, key)?, *argument));
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    for pair in points.windows(2) {
        if pair[1].1 <= pair[0].1 {
            return Err(call.error_at(
                &pair[1].2,
                "E203",
                format!("the percentiles of `{}` fall", call.name),
                "not above the percentile before",
                "each percentile is above the one before".to_owned(),
            ));
        }
    }
    Ok(points
        .into_iter()
        .map(|(probability, value, _)| (probability, value))
        .collect())
}

fn percentiles(call: &Call<'_>) -> Parsed<Part> {
    call.require_keys(&["p50"])?;
    let points = percentile_points(call)?;
    let (min, max) = ends(call)?;
    let known = points.len() + usize::from(min.is_some()) + usize::from(max.is_some());
    if points.is_empty() || known < 2 || call.bare()?.is_some() {
        return Err(GrammarError::whole(
            "E203",
            call.text,
            "`percentiles` needs two percentiles at least",
            "one line through one point?",
            example(call.name),
        ));
    }
    let falls = |message: &str, key: &str| match call.get(key) {
        Some(argument) => call.error_at(
            &argument,
            "E203",
            "the percentiles of `percentiles` fall".to_owned(),
            message,
            "each percentile is above the one before".to_owned(),
        ),
        None => GrammarError::whole("E203", call.text, "the percentiles fall", message, ""),
    };
    if min.is_some_and(|min| min <= 0.0 || min >= points[0].1) {
        return Err(falls("not above 0 and below the first percentile", "min"));
    }
    if max.is_some_and(|max| max <= points[points.len() - 1].1) {
        return Err(falls("not above the last percentile", "max"));
    }
    Ok(Part::percentiles(&points, min, max))
}

fn counts(call: &Call<'_>, key: &str) -> Parsed<Part> {
    if call.unit == DistributionUnit::Seconds {
        return Err(GrammarError::whole(
            "E202",
            call.text,
            format!("`{}` is of counts, `{key}` is a time", call.name),
            "a time is needed",
            "write for example `exp(2ms)`",
        ));
    }
    call.require_keys(&[])?;
    let mean = call.mean()?;
    Ok(if call.name == "poisson" {
        Part::poisson(mean)
    } else {
        Part::geometric(mean)
    })
}

fn mix(call: &Call<'_>, key: &str) -> Parsed<Part> {
    let (start, inside) = call.inside;
    let mut branches = Vec::new();
    let mut total = 0.0;
    for (offset, branch) in split_outside(inside, "|") {
        let offset = start + offset + (branch.len() - branch.trim_start().len());
        let branch = branch.trim();
        let Some((weight, term)) = branch.split_once(' ') else {
            return Err(GrammarError::whole(
                "E206",
                branch,
                "a branch of `mix` is a weight and a distribution",
                "a weight, a blank, a distribution",
                example("mix"),
            )
            .shifted(offset));
        };
        let weight_value = parse_ratio(weight, "weight").map_err(|error| error.shifted(offset))?;
        if weight_value <= 0.0 {
            return Err(GrammarError::whole(
                "E203",
                weight,
                "a weight of `mix` is zero",
                "must be above zero",
                "leave out what never happens",
            )
            .shifted(offset));
        }
        total += weight_value;
        let term_offset = offset + branch.len() - term.trim_start().len();
        let part =
            parse_part(term.trim(), key, call.unit).map_err(|error| error.shifted(term_offset))?;
        branches.push((weight_value, part));
    }
    if (total - 1.0).abs() > 1e-9 {
        return Err(GrammarError::whole(
            "E203",
            call.text,
            "the weights of `mix` do not add to 100%",
            // Twelve digits hide the noise of binary fractions.
            format!("they add to {}%", (total * 1e12).round() / 1e10),
            "make the weights add to 100%",
        ));
    }
    Ok(Part::mix(branches))
}
