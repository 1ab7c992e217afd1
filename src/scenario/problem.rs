//! A problem with the input: code, sentence, place, caret label, help.

use crate::scenario::node::Span;

/// One problem. Codes: E0xx file and YAML, E1xx keys, E2xx values, E3xx names, E4xx plan, W warnings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// `E300`, `W104`: never changes its meaning.
    pub code: &'static str,
    /// What is wrong, in a sentence without a full stop.
    pub sentence: String,
    /// Where; `None` when the file could not even be read.
    pub span: Option<Span>,
    /// What the caret says.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
}

/// Problems found so far, errors and warnings.
#[derive(Clone, Default, Debug)]
pub struct Problems {
    /// In the order found; sorted by place when shown.
    pub list: Vec<Problem>,
}

impl Problems {
    /// Adds one.
    pub fn push(
        &mut self,
        code: &'static str,
        span: Span,
        sentence: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let help = help.into();
        self.list.push(Problem {
            code,
            sentence: sentence.into(),
            span: Some(span),
            label: label.into(),
            help: (!help.is_empty()).then_some(help),
        });
    }

    /// Whether an error (not a warning) was found.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list
            .iter()
            .any(|problem| problem.code.starts_with('E'))
    }
}
