//! Node selectors and node affinity: labels that a node must or should have.

/// How an expression compares a label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operator {
    /// The label's value is one of these.
    In,
    /// It is none of these, or the label is absent.
    NotIn,
    /// The label is there.
    Exists,
    /// It is not.
    DoesNotExist,
    /// Its value, an integer, is above the only one here.
    Gt,
    /// It is below.
    Lt,
}

impl Operator {
    /// Names in manifests.
    pub const NAMES: [(Self, &'static str); 6] = [
        (Self::In, "In"),
        (Self::NotIn, "NotIn"),
        (Self::Exists, "Exists"),
        (Self::DoesNotExist, "DoesNotExist"),
        (Self::Gt, "Gt"),
        (Self::Lt, "Lt"),
    ];
}

/// One comparison of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeExpression {
    /// Label.
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub values: Vec<String>,
}

impl NodeExpression {
    /// Whether the labels satisfy it.
    #[must_use]
    pub fn matches(&self, labels: &[(String, String)]) -> bool {
        let found = labels
            .iter()
            .find(|(key, _)| *key == self.key)
            .map(|(_, value)| value);
        let among = found.is_some_and(|value| self.values.contains(value));
        let compared = || {
            let number = found.and_then(|value| value.parse::<i64>().ok());
            number.zip(self.values.first().and_then(|value| value.parse().ok()))
        };
        match self.operator {
            Operator::In => among,
            Operator::NotIn => !among,
            Operator::Exists => found.is_some(),
            Operator::DoesNotExist => found.is_none(),
            Operator::Gt => compared().is_some_and(|(has, than)| has > than),
            Operator::Lt => compared().is_some_and(|(has, than)| has < than),
        }
    }
}

/// Expressions that must all match; a term without any matches no node, as upstream says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NodeTerm {
    /// Them.
    pub expressions: Vec<NodeExpression>,
}

impl NodeTerm {
    /// Whether the labels satisfy all.
    #[must_use]
    pub fn matches(&self, labels: &[(String, String)]) -> bool {
        !self.expressions.is_empty() && self.expressions.iter().all(|one| one.matches(labels))
    }
}

/// Whether the labels have every pair of a `nodeSelector`.
#[must_use]
pub fn matches_selector(selector: &[(String, String)], labels: &[(String, String)]) -> bool {
    selector.iter().all(|pair| labels.contains(pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operator: Operator, values: &[&str]) -> [bool; 3] {
        let expression = |key: &str| NodeExpression {
            key: key.to_owned(),
            operator,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let labels = [("disk", "ssd"), ("cores", "16")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        ["disk", "cores", "absent"].map(|key| expression(key).matches(&labels))
    }

    #[test]
    fn operators_mean_what_the_api_says() {
        assert_eq!(check(Operator::In, &["ssd", "nvme"]), [true, false, false]);
        assert_eq!(check(Operator::NotIn, &["ssd"]), [false, true, true]);
        assert_eq!(check(Operator::Exists, &[]), [true, true, false]);
        assert_eq!(check(Operator::DoesNotExist, &[]), [false, false, true]);
        assert_eq!(check(Operator::Gt, &["8"]), [false, true, false]);
        assert_eq!(check(Operator::Lt, &["8"]), [false, false, false]);
    }

    #[test]
    fn a_term_without_expressions_matches_nothing() {
        assert!(!NodeTerm::default().matches(&[]));
    }
}
