//! From text to the tree of a condition: recursive descent over the text itself.

use crate::model::Comparator;
use crate::scenario::grammar::condition::tree::{
    AssertionTree, ConditionTree, MetricTree, Operator, SumTree, Word,
};
use crate::scenario::grammar::quantity::parse_ratio;
use crate::scenario::grammar::{GrammarError, Parsed, unsupported};

/// Conditions nest at most this deep: nobody means more, and the stack has an end.
const DEEPEST: usize = 64;

const COMPARATORS: [(&str, Comparator); 6] = [
    ("<=", Comparator::LessOrEqual),
    (">=", Comparator::GreaterOrEqual),
    ("!=", Comparator::NotEqual),
    ("<", Comparator::Less),
    (">", Comparator::Greater),
    ("=", Comparator::Equal),
];

/// An assertion: a condition with the confidence asked for and the reason.
///
/// # Errors
/// E206 where the text leaves the grammar, E202 and E203 for the confidence, E110 for `baseline`.
pub fn parse_assertion(text: &str) -> Parsed<AssertionTree> {
    let (judged, because) = match text.split_once(" because ") {
        Some((judged, because)) => (judged, Some(because.trim().to_owned())),
        None => (text, None),
    };
    let (condition, confidence) = match judged.rfind(" with ") {
        Some(at) => {
            let offset = at + " with ".len();
            let confidence =
                parse_confidence(&judged[offset..]).map_err(|error| error.shifted(offset))?;
            (&judged[..at], Some(confidence))
        }
        None => (judged, None),
    };
    Ok(AssertionTree {
        condition: parse_condition(condition)?,
        confidence,
        because,
    })
}

fn parse_confidence(text: &str) -> Parsed<f64> {
    let Some(ratio) = text.trim_end().strip_suffix(" confidence") else {
        return Err(GrammarError::whole(
            "E206",
            text,
            "`with` is followed by a ratio and `confidence`",
            "not a confidence",
            "write for example `with 95% confidence`",
        ));
    };
    let confidence = parse_ratio(ratio, "confidence")?;
    if confidence <= 0.0 || confidence >= 1.0 {
        return Err(GrammarError::whole(
            "E203",
            ratio,
            format!("no run can give {ratio} confidence"),
            "between 0% and 100%, neither of them",
            "write for example `95%`",
        ));
    }
    Ok(confidence)
}

/// A condition.
///
/// # Errors
/// E206 where the text leaves the grammar, E110 for `baseline`.
pub fn parse_condition(text: &str) -> Parsed<ConditionTree> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let condition = parser.any_of()?;
    parser.skip_blanks();
    if parser.at < text.len() {
        return Err(parser.unexpected("`and`, `or` or the end"));
    }
    Ok(condition)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes a symbol.
    fn symbol(&mut self, symbol: &str) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(symbol);
        self.at += if found { symbol.len() } else { 0 };
        found
    }

    /// Takes a word of the language when it stands alone.
    fn keyword(&mut self, word: &str) -> bool {
        self.skip_blanks();
        let alone = self.rest().strip_prefix(word).is_some_and(|after| {
            !after.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
        });
        self.at += if alone { word.len() } else { 0 };
        alone
    }

    /// Takes letters while `inside` holds.
    fn word(&mut self, inside: impl Fn(char) -> bool) -> Word {
        self.skip_blanks();
        let rest = self.rest();
        let length = rest.find(|c: char| !inside(c)).unwrap_or(rest.len());
        let word = Word {
            text: rest[..length].to_owned(),
            offset: self.at,
        };
        self.at += length;
        word
    }

    fn unexpected(&mut self, wanted: &str) -> GrammarError {
        self.skip_blanks();
        let rest = self.rest();
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let sentence = if rest.is_empty() {
            "the condition ends too early".to_owned()
        } else {
            format!("`{}` does not belong here", rest[..length].escape_debug())
        };
        GrammarError {
            code: "E206",
            offset: self.at,
            length: length.max(1),
            sentence,
            label: format!("expected {wanted}"),
            help: "write for example `p99(journey.checkout) < 500ms`".to_owned(),
        }
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(GrammarError::whole(
                "E206",
                self.text,
                "the condition nests too deep",
                format!("deeper than {DEEPEST}"),
                "split it into several",
            ));
        }
        Ok(())
    }

    fn any_of(&mut self) -> Parsed<ConditionTree> {
        let mut parts = vec![self.all_of()?];
        while self.keyword("or") {
            parts.push(self.all_of()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            ConditionTree::Or(parts)
        })
    }

    fn all_of(&mut self) -> Parsed<ConditionTree> {
        let mut parts = vec![self.part()?];
        while self.keyword("and") {
            parts.push(self.part()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            ConditionTree::And(parts)
        })
    }

    fn part(&mut self) -> Parsed<ConditionTree> {
        self.deeper()?;
        let part = if self.keyword("not") {
            ConditionTree::Not(Box::new(self.part()?))
        } else if self.opens_condition() {
            self.symbol("(");
            let inner = self.any_of()?;
            if !self.symbol(")") {
                return Err(self.unexpected("`)`"));
            }
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(part)
    }

    /// Whether a parenthesis here holds a condition and not a sum: it has a comparison, `in` or `not` inside.
    fn opens_condition(&mut self) -> bool {
        self.skip_blanks();
        let rest = self.rest();
        if !rest.starts_with('(') {
            return false;
        }
        let mut depth = 0usize;
        for (index, letter) in rest.char_indices() {
            match letter {
                '(' => depth += 1,
                ')' => {
                    depth -= 1;
                    if depth == 0 {
                        let inside = &rest[..index];
                        return inside.contains(['<', '>', '=']) || inside.contains(" in ");
                    }
                }
                _ => {}
            }
        }
        true
    }

    fn comparison(&mut self) -> Parsed<ConditionTree> {
        let left = self.sum()?;
        if self.keyword("in") {
            let range = self.word(|c| !c.is_whitespace() && c != ')');
            let Some((low, high)) = range.text.split_once("..") else {
                self.at = range.offset;
                return Err(self.unexpected("a range such as `16ms..17ms`"));
            };
            let high_offset = range.offset + low.len() + 2;
            return Ok(ConditionTree::In(
                left,
                Word {
                    text: low.to_owned(),
                    offset: range.offset,
                },
                Word {
                    text: high.to_owned(),
                    offset: high_offset,
                },
            ));
        }
        for (symbol, comparator) in COMPARATORS {
            if self.symbol(symbol) {
                let (mut left, mut right) = (left, self.sum()?);
                self.trailing_scopes(&mut left, &mut right)?;
                return Ok(ConditionTree::Compare(left, comparator, right));
            }
        }
        Err(self.unexpected("one of < <= > >= = != in"))
    }

    fn sum(&mut self) -> Parsed<SumTree> {
        let mut left = self.product()?;
        loop {
            let operator = if self.symbol("+") {
                Operator::Add
            } else if self.symbol("-") {
                Operator::Subtract
            } else {
                return Ok(left);
            };
            left = SumTree::Join(Box::new(left), operator, Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Parsed<SumTree> {
        let mut left = self.value()?;
        loop {
            let operator = if self.symbol("*") {
                Operator::Multiply
            } else if self.symbol("/") {
                Operator::Divide
            } else {
                return Ok(left);
            };
            left = SumTree::Join(Box::new(left), operator, Box::new(self.value()?));
        }
    }

    fn value(&mut self) -> Parsed<SumTree> {
        if self.symbol("(") {
            self.deeper()?;
            let sum = self.sum()?;
            self.depth -= 1;
            return if self.symbol(")") {
                Ok(sum)
            } else {
                Err(self.unexpected("`)`"))
            };
        }
        self.skip_blanks();
        if self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(SumTree::Quantity(self.quantity()));
        }
        if self.keyword("baseline") {
            return Err(unsupported("baseline", "`baseline`").shifted(self.at - "baseline".len()));
        }
        if self.rest().starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Ok(SumTree::Metric(self.metric()?));
        }
        Err(self.unexpected("a metric or a value"))
    }

    /// A number with its unit; money is two words.
    fn quantity(&mut self) -> Word {
        let mut word = self.word(|c| c.is_alphanumeric() || matches!(c, '.' | '%' | '_'));
        let after = self.rest();
        let currency = after.strip_prefix(' ').filter(|code| {
            code.len() >= 3
                && code.bytes().take(3).all(|byte| byte.is_ascii_uppercase())
                && !code[3..].starts_with(|c: char| c.is_alphanumeric())
        });
        if let Some(code) = currency {
            let per = code[3..].strip_prefix('/').map_or(0, |per| {
                1 + per
                    .find(|c: char| !c.is_alphanumeric())
                    .unwrap_or(per.len())
            });
            word.text.push_str(&after[..4 + per]);
            self.at += 4 + per;
        }
        word
    }

    fn metric(&mut self) -> Parsed<MetricTree> {
        let name = self.word(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
        let mut metric = MetricTree {
            name,
            subject: None,
            cluster: None,
            during: None,
            over: None,
        };
        if self.rest().starts_with('(') {
            self.at += 1;
            let mut subject = self.word(|c| c != ')' && c != '(');
            subject.text.truncate(subject.text.trim_end().len());
            if !self.symbol(")") {
                return Err(self.unexpected("`)`"));
            }
            metric.subject = Some(subject);
        }
        self.scopes(&mut metric)?;
        Ok(metric)
    }

    /// `in`, `during` and `over`, each once, in any order.
    fn scopes(&mut self, metric: &mut MetricTree) -> Parsed<()> {
        loop {
            let before = self.at;
            let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '*');
            let (slot, word) = if self.keyword("in") {
                let cluster = self.word(is_name);
                // `in 16ms..17ms` belongs to the comparison.
                if self.rest().starts_with('.') || cluster.text.is_empty() {
                    self.at = before;
                    return Ok(());
                }
                (&mut metric.cluster, cluster)
            } else if self.keyword("during") {
                (&mut metric.during, self.span())
            } else if self.keyword("over") {
                (&mut metric.over, self.word(char::is_alphanumeric))
            } else {
                return Ok(());
            };
            if slot.is_some() {
                self.at = before;
                return Err(self.unexpected("each of `in`, `during`, `over` once"));
            }
            *slot = Some(word);
        }
    }

    /// A scope behind the comparison (`p99(x) < 3s during wave.front`) is that of all its metrics.
    fn trailing_scopes(&mut self, left: &mut SumTree, right: &mut SumTree) -> Parsed<()> {
        let mut scope = MetricTree {
            name: Word {
                text: String::new(),
                offset: self.at,
            },
            subject: None,
            cluster: None,
            during: None,
            over: None,
        };
        self.scopes(&mut scope)?;
        left.add_scope(&scope);
        right.add_scope(&scope);
        Ok(())
    }

    /// What follows `during`: one word, or `first` or `last` and a duration.
    fn span(&mut self) -> Word {
        let inside = |c: char| !c.is_whitespace() && c != ')';
        let mut word = self.word(inside);
        if matches!(word.text.as_str(), "first" | "last") {
            let length = self.word(inside);
            word.text = self.text[word.offset..length.offset + length.text.len()].to_owned();
        }
        word
    }
}
