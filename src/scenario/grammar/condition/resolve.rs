//! From a condition's tree to the model's condition: metrics and subjects found, dimensions checked.

use crate::model::metric::{Dimension, METRICS, find};
use crate::model::{Assertion, Comparator, Condition, MetricTerm, Sum, Value};
use crate::scenario::grammar::condition::Names;
use crate::scenario::grammar::condition::dimension::{Kind, help_for, read_quantity};
use crate::scenario::grammar::condition::subject::{resolve_scope, resolve_subject};
use crate::scenario::grammar::condition::tree::{
    AssertionTree, ConditionTree, MetricTree, Operator, SumTree, Word,
};
use crate::scenario::grammar::{GrammarError, Parsed, unsupported};
use crate::scenario::suggest::nearest;

/// Ratios that cannot exceed 1, so that a plain 99 is a slip.
const SHARES: [&str; 5] = [
    "availability",
    "error_ratio",
    "complete",
    "hit_ratio",
    "work_share",
];

/// The model's assertion. `text` is as written, `place` is `file:line`.
///
/// # Errors
/// As [`resolve_condition`].
pub fn resolve_assertion(
    tree: &AssertionTree,
    text: &str,
    place: &str,
    names: &Names,
) -> Parsed<Assertion> {
    Ok(Assertion {
        text: text.to_owned(),
        place: place.to_owned(),
        condition: resolve_condition(&tree.condition, names)?,
        confidence: tree.confidence,
        because: tree.because.clone(),
    })
}

/// The model's condition.
///
/// # Errors
/// Dimensions that differ (E202), an empty range (E203), unknown subject (E207), name (E300) or metric (E301), a
/// second currency (E208), what is not built yet (E110).
pub fn resolve_condition(tree: &ConditionTree, names: &Names) -> Parsed<Condition> {
    let all = |parts: &[ConditionTree]| -> Parsed<Vec<Condition>> {
        parts
            .iter()
            .map(|part| resolve_condition(part, names))
            .collect()
    };
    Ok(match tree {
        ConditionTree::Or(parts) => Condition::Or(all(parts)?),
        ConditionTree::And(parts) => Condition::And(all(parts)?),
        ConditionTree::Not(part) => Condition::Not(Box::new(resolve_condition(part, names)?)),
        ConditionTree::Compare(left, comparator, right) => {
            compare(left, *comparator, right, names)?
        }
        ConditionTree::In(sum, low, high) => within(sum, low, high, names)?,
    })
}

fn compare(
    left: &SumTree,
    comparator: Comparator,
    right: &SumTree,
    names: &Names,
) -> Parsed<Condition> {
    let (left_sum, left_kind) = resolve_sum(left, names)?;
    let (right_sum, right_kind) = resolve_sum(right, names)?;
    require_same(
        (left, &left_sum, left_kind),
        (right, &right_sum, right_kind),
        names,
    )?;
    Ok(Condition::Compare(left_sum, comparator, right_sum))
}

fn within(sum: &SumTree, low: &Word, high: &Word, names: &Names) -> Parsed<Condition> {
    let (resolved, kind) = resolve_sum(sum, names)?;
    let mut ends = [0.0; 2];
    for (end, word) in ends.iter_mut().zip([low, high]) {
        let tree = SumTree::Quantity(word.clone());
        let (value, value_kind) = resolve_sum(&tree, names)?;
        require_same((sum, &resolved, kind), (&tree, &value, value_kind), names)?;
        if let Sum::Value(Value::Number(number)) = value {
            *end = number;
        }
    }
    if ends[1] < ends[0] {
        let length = high.offset + high.text.len() - low.offset;
        return Err(GrammarError {
            code: "E203",
            offset: low.offset,
            length,
            sentence: "the range ends below its start".to_owned(),
            label: format!("{} < {}", high.text, low.text),
            help: format!("did you mean `{}..{}`?", high.text, low.text),
        });
    }
    Ok(Condition::In(resolved, ends[0], ends[1]))
}

type Side<'a> = (&'a SumTree, &'a Sum, Kind);

/// Refuses to compare a time with a plain number, and the like. Zero fits everything.
fn require_same(left: Side<'_>, right: Side<'_>, names: &Names) -> Parsed<()> {
    let is_zero = |side: &Side<'_>| {
        side.2 == Kind::Plain
            && matches!(side.1, Sum::Value(Value::Number(number)) if *number == 0.0)
    };
    if is_zero(&left) || is_zero(&right) {
        return Ok(());
    }
    // The plain number is what is wrong, on whichever side it stands.
    let (kept, wrong) = if left.2 == Kind::Plain {
        (right, left)
    } else {
        (left, right)
    };
    let written = match wrong.0 {
        SumTree::Quantity(word) => word.text.as_str(),
        _ => "",
    };
    let (offset, length) = wrong.0.extent();
    let error = |sentence: String, label: String, help: String| GrammarError {
        code: "E202",
        offset,
        length,
        sentence,
        label,
        help,
    };
    if left.2.joined(right.2).is_none() {
        let help = if wrong.2 == Kind::Plain && !written.is_empty() {
            help_for(written, kept.2, names.currency.as_deref())
        } else {
            format!("compare {} with {0}", kept.2.described())
        };
        return Err(error(
            format!(
                "{} is compared with {}",
                kept.2.described(),
                wrong.2.described()
            ),
            format!("{} is {}", subject_of(kept.0), kept.2.described()),
            help,
        ));
    }
    let is_share =
        matches!(kept.0, SumTree::Metric(metric) if SHARES.contains(&metric.name.text.as_str()));
    let above_one = matches!(wrong.1, Sum::Value(Value::Number(number)) if *number > 1.0);
    if is_share && wrong.2 == Kind::Plain && above_one {
        return Err(error(
            format!("{written} is not a ratio"),
            "between 0 and 1, or with %".to_owned(),
            help_for(written, Kind::RATIO, None),
        ));
    }
    Ok(())
}

/// What a message calls a sum: its first metric, else what is written.
fn subject_of(sum: &SumTree) -> String {
    match sum {
        SumTree::Metric(metric) => format!("`{}`", metric.name.text),
        SumTree::Quantity(word) => format!("`{}`", word.text),
        SumTree::Join(left, _, _) => subject_of(left),
    }
}

fn resolve_sum(tree: &SumTree, names: &Names) -> Parsed<(Sum, Kind)> {
    match tree {
        SumTree::Quantity(word) => {
            let (number, kind) = read_quantity(word, names.currency.as_deref())?;
            Ok((Sum::Value(Value::Number(number)), kind))
        }
        SumTree::Metric(metric) => resolve_metric(metric, names),
        SumTree::Join(left, operator, right) => {
            let left_side = resolve_sum(left, names)?;
            let right_side = resolve_sum(right, names)?;
            match operator {
                Operator::Add | Operator::Subtract => {
                    add(tree, *operator, left_side, (right, right_side))
                }
                Operator::Multiply | Operator::Divide => {
                    multiply(tree, *operator, left_side, right_side)
                }
            }
        }
    }
}

fn add(
    tree: &SumTree,
    operator: Operator,
    (left, left_kind): (Sum, Kind),
    (right_tree, (right, right_kind)): (&SumTree, (Sum, Kind)),
) -> Parsed<(Sum, Kind)> {
    let sign = if operator == Operator::Add { 1.0 } else { -1.0 };
    // `q + 2%` is 1.02 q, but on a ratio two percentage points.
    if let (SumTree::Quantity(word), Sum::Value(Value::Number(share))) = (right_tree, &right)
        && word.text.ends_with('%')
        && left_kind != Kind::RATIO
    {
        let factor = Sum::Value(Value::Number(1.0 + sign * share));
        return Ok((Sum::Multiply(Box::new(left), Box::new(factor)), left_kind));
    }
    let Some(kind) = left_kind.joined(right_kind) else {
        return Err(mismatch(tree, "added to", left_kind, right_kind));
    };
    let (left, right) = (Box::new(left), Box::new(right));
    Ok((
        if operator == Operator::Add {
            Sum::Add(left, right)
        } else {
            Sum::Subtract(left, right)
        },
        kind,
    ))
}

fn multiply(
    tree: &SumTree,
    operator: Operator,
    (left, left_kind): (Sum, Kind),
    (right, right_kind): (Sum, Kind),
) -> Parsed<(Sum, Kind)> {
    let is_product = operator == Operator::Multiply;
    let kind = if left_kind == right_kind {
        match left_kind {
            Kind::Of(Dimension::Count | Dimension::Ratio) if is_product => left_kind,
            _ if is_product && !left_kind.scales() => {
                return Err(mismatch(tree, "multiplied by", left_kind, right_kind));
            }
            _ => Kind::Plain,
        }
    } else if right_kind.scales() {
        left_kind
    } else if is_product && left_kind.scales() {
        right_kind
    } else {
        let verb = if is_product {
            "multiplied by"
        } else {
            "divided by"
        };
        return Err(mismatch(tree, verb, left_kind, right_kind));
    };
    let (left, right) = (Box::new(left), Box::new(right));
    Ok((
        if is_product {
            Sum::Multiply(left, right)
        } else {
            Sum::Divide(left, right)
        },
        kind,
    ))
}

fn mismatch(tree: &SumTree, verb: &str, left: Kind, right: Kind) -> GrammarError {
    let (offset, length) = tree.extent();
    GrammarError {
        code: "E202",
        offset,
        length,
        sentence: format!("{} is {verb} {}", left.described(), right.described()),
        label: "the dimensions do not fit".to_owned(),
        help: "add like to like; multiply by plain numbers".to_owned(),
    }
}

fn resolve_metric(tree: &MetricTree, names: &Names) -> Parsed<(Sum, Kind)> {
    let name = &tree.name.text;
    let Some(metric) = find(name) else {
        let known = METRICS.iter().map(|metric| metric.name);
        let near = nearest(name, known.filter(|name| *name != "p"));
        return Err(GrammarError::whole(
            "E301",
            name,
            format!("unknown metric `{}`", name.escape_debug()),
            "no such metric",
            near.map_or_else(
                || "see `cutover list metrics`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ),
        )
        .shifted(tree.name.offset));
    };
    if !metric.is_supported() {
        return Err(unsupported(name, &format!("`{name}`")).shifted(tree.name.offset));
    }
    let term = MetricTerm {
        name: name.clone(),
        subject: resolve_subject(tree, metric, names)?,
        scope: resolve_scope(tree, metric, names)?,
    };
    Ok((Sum::Value(Value::Metric(term)), Kind::Of(metric.dimension)))
}
