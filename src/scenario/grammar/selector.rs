//! Selectors of services: `all`, or comparisons joined by `and`, `or`, `not` and parentheses.

use crate::scenario::grammar::name::parse_word;
use crate::scenario::grammar::{GrammarError, Parsed};

const FIELDS: [&str; 6] = ["name", "team", "tier", "kind", "class", "cluster"];
const OPERATORS: [(&str, Operator); 7] = [
    ("=", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterOrEqual),
    ("like", Operator::Like),
];

/// A selector of services.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selector {
    /// Every service.
    All,
    /// One attribute against a word.
    Compare {
        /// `name`, `team`, `tier`, `kind`, `class`, `cluster` or `labels.X`.
        field: String,
        /// How.
        operator: Operator,
        /// What it is compared with.
        value: String,
    },
    /// All of them.
    And(Vec<Selector>),
    /// One of them.
    Or(Vec<Selector>),
    /// Not.
    Not(Box<Selector>),
}

/// Comparison of an attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`, of numbers.
    Less,
    /// `<=`, of numbers.
    LessOrEqual,
    /// `>`, of numbers.
    Greater,
    /// `>=`, of numbers.
    GreaterOrEqual,
    /// `like`: `*` stands for any letters.
    Like,
}

/// What a selector sees of a service.
#[derive(Clone, Default, Debug)]
pub struct Attributes {
    /// Its name.
    pub name: String,
    /// Its team, if any.
    pub team: Option<String>,
    /// Its tier.
    pub tier: u8,
    /// Its kind, as written.
    pub kind: String,
    /// Its classes.
    pub classes: Vec<String>,
    /// Where it runs at the start.
    pub clusters: Vec<String>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
}

impl Selector {
    /// Whether a service is selected. An attribute it does not have equals nothing.
    #[must_use]
    pub fn matches(&self, service: &Attributes) -> bool {
        match self {
            Self::All => true,
            Self::And(parts) => parts.iter().all(|part| part.matches(service)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(service)),
            Self::Not(part) => !part.matches(service),
            Self::Compare {
                field,
                operator,
                value,
            } => {
                let found = service.values(field);
                match operator {
                    Operator::NotEqual => !found.iter().any(|found| found == value),
                    _ => found.iter().any(|found| operator.holds(found, value)),
                }
            }
        }
    }
}

impl Attributes {
    fn values(&self, field: &str) -> Vec<String> {
        match field {
            "name" => vec![self.name.clone()],
            "team" => self.team.iter().cloned().collect(),
            "tier" => vec![self.tier.to_string()],
            "kind" => vec![self.kind.clone()],
            "class" => self.classes.clone(),
            "cluster" => self.clusters.clone(),
            _ => {
                let wanted = field.strip_prefix("labels.").unwrap_or(field);
                self.labels
                    .iter()
                    .filter(|(label, _)| label == wanted)
                    .map(|(_, value)| value.clone())
                    .collect()
            }
        }
    }
}

impl Operator {
    fn holds(self, found: &str, value: &str) -> bool {
        if self == Self::Like {
            return is_like(found, value);
        }
        let ordering = match (found.parse::<f64>(), value.parse::<f64>()) {
            (Ok(found), Ok(value)) => found.partial_cmp(&value),
            _ => Some(found.cmp(value)),
        };
        ordering.is_some_and(|ordering| match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Like => false,
        })
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for any letters. Linear in text times stars.
fn is_like(text: &str, pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return text == pattern;
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// A selector.
///
/// # Errors
/// Unknown attribute (E301), a form that is none (E206); offsets point at the word.
pub fn parse_selector(text: &str) -> Parsed<Selector> {
    let mut parser = Parser {
        text,
        words: words_of(text),
        next: 0,
    };
    let selector = parser.any_of()?;
    match parser.peek() {
        None => Ok(selector),
        Some(word) => Err(parser.unexpected(word, "`and` or `or`")),
    }
}

/// Words with their offsets; parentheses and operators stand alone.
fn words_of(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut index = 0;
    let class = |c: char| match c {
        '(' | ')' => 0,
        '=' | '!' | '<' | '>' => 1,
        _ => 2,
    };
    while let Some(first) = text[index..].chars().next() {
        if first.is_whitespace() {
            index += first.len_utf8();
            continue;
        }
        let rest = &text[index..];
        let length = if class(first) == 0 {
            1
        } else {
            rest.find(|c: char| c.is_whitespace() || class(c) != class(first))
                .unwrap_or(rest.len())
        };
        words.push((index, &rest[..length]));
        index += length;
    }
    words
}

struct Parser<'a> {
    text: &'a str,
    words: Vec<(usize, &'a str)>,
    next: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).map(|(_, word)| *word)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.next += usize::from(found);
        found
    }

    fn unexpected(&self, word: &str, wanted: &str) -> GrammarError {
        let offset = self
            .words
            .get(self.next)
            .map_or(self.text.len(), |(offset, _)| *offset);
        GrammarError::whole(
            "E206",
            word,
            format!("`{}` is not a selector", self.text.escape_debug()),
            format!("expected {wanted} here"),
            "write for example `team = search and kind = stateless`",
        )
        .shifted(offset)
    }

    fn any_of(&mut self) -> Parsed<Selector> {
        let mut parts = vec![self.all_of()?];
        while self.take("or") {
            parts.push(self.all_of()?);
        }
        Ok(one_or(parts, Selector::Or))
    }

    fn all_of(&mut self) -> Parsed<Selector> {
        let mut parts = vec![self.part()?];
        while self.take("and") {
            parts.push(self.part()?);
        }
        Ok(one_or(parts, Selector::And))
    }

    fn part(&mut self) -> Parsed<Selector> {
        if self.take("not") {
            return Ok(Selector::Not(Box::new(self.part()?)));
        }
        if self.take("(") {
            let inner = self.any_of()?;
            return if self.take(")") {
                Ok(inner)
            } else {
                Err(self.unexpected(self.peek().unwrap_or(""), "`)`"))
            };
        }
        if self.take("all") {
            return Ok(Selector::All);
        }
        let Some((offset, field)) = self.words.get(self.next).copied() else {
            return Err(self.unexpected("", "an attribute"));
        };
        if !field.starts_with("labels.") {
            parse_word(field, "attribute", &FIELDS).map_err(|error| error.shifted(offset))?;
        }
        self.next += 1;
        let symbol = self.peek().unwrap_or("");
        let Some((_, operator)) = OPERATORS.iter().find(|(name, _)| *name == symbol) else {
            return Err(self.unexpected(symbol, "one of = != < <= > >= like"));
        };
        self.next += 1;
        let Some(value) = self.peek().filter(|word| !matches!(*word, "(" | ")")) else {
            return Err(self.unexpected("", "a word to compare with"));
        };
        self.next += 1;
        Ok(Selector::Compare {
            field: field.to_owned(),
            operator: *operator,
            value: value.to_owned(),
        })
    }
}

fn one_or(mut parts: Vec<Selector>, join: impl Fn(Vec<Selector>) -> Selector) -> Selector {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        join(parts)
    }
}
