//! What lowering carries along: problems, names in use, and how common mistakes are told.

use std::collections::BTreeSet;

use crate::model::{CallPolicy, Edge};
use crate::scenario::grammar::Clock;
use crate::scenario::keys::Table;
use crate::scenario::lower::misshapen::misshapen;
use crate::scenario::node::{Entry, Node, Span, Value};
use crate::scenario::problem::Problems;
use crate::scenario::sources::Sources;
use crate::scenario::suggest::nearest;
use crate::units::{CacheId, ClusterId, EdgeId, EndpointId, ServiceId, SimDuration};

/// A service's names, for references to it.
#[derive(Clone, Debug)]
pub(super) struct ServiceNames {
    /// As written.
    pub name: String,
    /// Under which its draws are keyed.
    pub draw_name: String,
    /// Endpoints; none when they could not be read.
    pub endpoints: Vec<(String, EndpointId)>,
    /// Its caches.
    pub caches: Vec<(String, CacheId)>,
    /// How everybody calls it.
    pub callers: CallPolicy,
    /// Its connections are modelled.
    pub connects: bool,
}

/// Names of everything that may be referred to.
#[derive(Clone, Default, Debug)]
pub(super) struct Names {
    pub clusters: Vec<String>,
    /// By cluster.
    pub pools: Vec<Vec<String>>,
    pub machines: Vec<String>,
    pub processors: Vec<String>,
    pub services: Vec<ServiceNames>,
    pub teams: Vec<String>,
    /// Places of users, told apart by `from`.
    pub places: Vec<String>,
    pub journeys: Vec<String>,
    pub loads: Vec<String>,
    /// Loads of jobs or environments.
    pub work: Vec<String>,
    pub policies: Vec<String>,
    pub methods: Vec<String>,
    pub gates: Vec<String>,
    pub waves: Vec<String>,
}

/// A name that something may refer to.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub kind: &'static str,
    pub name: String,
    pub span: Span,
}

/// State of one lowering.
pub(super) struct Context<'a> {
    pub sources: &'a Sources,
    pub problems: &'a mut Problems,
    pub names: Names,
    pub used: BTreeSet<(&'static str, String)>,
    pub defined: Vec<Definition>,
    /// Civil time; a fallback while the header is wrong.
    pub clock: Clock,
    /// Whether start, zone and horizon could be read: instants are not judged otherwise.
    pub clock_known: bool,
    pub horizon: SimDuration,
    /// First currency met.
    pub currency: Option<String>,
    pub edges: Vec<Edge>,
    /// Values filled in by default.
    pub defaulted: u32,
    /// Cluster that `migration.from` names, or the only one.
    pub home: Option<ClusterId>,
    /// Columns of a recording that policies read instead of services.
    pub columns: Option<Vec<String>>,
}

impl<'a> Context<'a> {
    /// Nothing known yet.
    pub(super) fn new(sources: &'a Sources, problems: &'a mut Problems) -> Self {
        Self {
            sources,
            problems,
            names: Names::default(),
            used: BTreeSet::new(),
            defined: Vec::new(),
            clock: Clock::fallback(),
            clock_known: true,
            horizon: SimDuration::ZERO,
            currency: None,
            edges: Vec::new(),
            defaulted: 0,
            home: None,
            columns: None,
        }
    }
}

impl Context<'_> {
    /// Tells a problem.
    pub(super) fn problem(
        &mut self,
        code: &'static str,
        span: Span,
        sentence: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(code, span, sentence, label, help);
    }

    /// An unknown name, with the nearest of the known ones.
    pub(super) fn unknown<'n>(
        &mut self,
        code: &'static str,
        node: &Node,
        sentence: &str,
        label: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        const FEW: usize = 8;
        let known: Vec<&str> = known.into_iter().collect();
        let written = node.text().unwrap_or_default();
        let help = match nearest(written, known.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None if known.is_empty() || known.len() > FEW => String::new(),
            None => format!("there is `{}`", known.join("`, `")),
        };
        self.problem(code, node.span, sentence, label, help);
    }

    /// A map where a scalar is wanted, and the like.
    pub(super) fn wrong_shape(&mut self, node: &Node, what: &str, wanted: &str) {
        let found = match &node.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        };
        self.problem(
            "E104",
            node.span,
            format!("{what} must be {wanted}"),
            format!("this is {found}"),
            "",
        );
    }

    /// A key that must be written.
    pub(super) fn missing(&mut self, span: Span, owner: &str, key: &str, kind: &str) {
        self.problem(
            "E102",
            span,
            format!(
                "{} has no `{key}`",
                if owner.is_empty() {
                    "the scenario"
                } else {
                    owner
                }
            ),
            format!("`{key}` is needed here"),
            format!("add `{key}:` with a {kind}"),
        );
    }

    /// Of several keys exactly one may stand; tells of the second and of none, gives the first.
    pub(super) fn exactly_one<'n>(
        &mut self,
        node: &'n Node,
        owner: &str,
        keys: &[&str],
    ) -> Option<&'n Entry> {
        let standing: Vec<&Entry> = node
            .entries()
            .iter()
            .filter(|entry| keys.contains(&entry.key.as_str()))
            .collect();
        match standing.as_slice() {
            [] => {
                let list = keys
                    .iter()
                    .map(|key| format!("`{key}`"))
                    .collect::<Vec<_>>()
                    .join(", ");
                self.problem(
                    "E102",
                    node.span,
                    format!("{owner} has none of {list}"),
                    "one of them is needed here",
                    "",
                );
                None
            }
            [only] => Some(only),
            [first, second, ..] => {
                let at = self.place_of(first.key_span);
                self.problem(
                    "E103",
                    second.key_span,
                    format!("{owner} has both `{}` and `{}`", first.key, second.key),
                    format!("already said by `{}` ({at})", first.key),
                    format!("keep `{}` or `{}`", first.key, second.key),
                );
                Some(first)
            }
        }
    }

    /// `line:column` of a place.
    pub(super) fn place_of(&self, span: Span) -> String {
        let point = self.sources.point(span);
        // The scenario's own file goes without saying; arguments and other files do not.
        if span.file.0 == 0 {
            point
        } else {
            format!("{}:{point}", self.sources.name(span.file))
        }
    }

    /// Notes that something refers to a name.
    pub(super) fn using(&mut self, kind: &'static str, name: &str) {
        self.used.insert((kind, name.to_owned()));
    }

    /// Notes a definition and checks its name.
    pub(super) fn define(&mut self, kind: &'static str, entry: &Entry) {
        self.check_name(&entry.key, entry.key_span);
        self.defined.push(Definition {
            kind,
            name: entry.key.clone(),
            span: entry.key_span,
        });
    }

    /// A name is a DNS-1123 label.
    pub(super) fn check_name(&mut self, name: &str, span: Span) {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let ends = !name.starts_with('-') && !name.ends_with('-');
        if !name.is_empty() && name.len() <= 63 && ends && name.chars().all(fits) {
            return;
        }
        let mut near: String = name
            .chars()
            .map(|c| c.to_ascii_lowercase())
            .map(|c| if fits(c) { c } else { '-' })
            .collect();
        near.truncate(63);
        let near = near.trim_matches('-');
        let help = if near.is_empty() {
            String::new()
        } else {
            format!("write `{near}`; what it is called may stand under `title`")
        };
        self.problem(
            "E305",
            span,
            format!("`{}` is not a name", name.escape_default()),
            "a to z, 0 to 9 and `-`, at most 63, a letter or digit at both ends",
            help,
        );
    }

    /// Checks the keys of a map: unknown ones, not yet built ones, and missing ones; counts defaults.
    /// Tables after the first lend their keys too (a call step takes a policy's keys).
    pub(super) fn check_keys(&mut self, node: &Node, tables: &[&Table], owner: &str) -> bool {
        if !matches!(node.value, Value::Map(_)) {
            self.wrong_shape(node, owner, "a map");
            return false;
        }
        let noun = tables[0].noun;
        let mut fine = true;
        for entry in node
            .entries()
            .iter()
            .filter(|entry| !entry.key.starts_with("x-"))
        {
            let Some(key) = tables.iter().find_map(|table| table.key(&entry.key)) else {
                self.unknown_key(entry, tables, owner);
                fine = false;
                continue;
            };
            if key.ignored {
                self.problem(
                    "W104",
                    entry.key_span,
                    format!("`{}` is not modelled", entry.key),
                    "read over",
                    "",
                );
            } else if !key.built {
                self.unbuilt(&entry.key, entry.key_span);
                fine = false;
            } else if let Some(wanted) = misshapen(&entry.value, key.kind) {
                self.wrong_shape(&entry.value, &format!("`{}` of {owner}", entry.key), wanted);
                fine = false;
            }
        }
        for key in tables[0].keys {
            if node.entry(key.name).is_none() {
                if key.required {
                    self.missing(node.span, owner, key.name, key.kind);
                    fine = false;
                } else if key
                    .default
                    .starts_with(|c: char| c.is_ascii_digit() || c == 'x')
                {
                    self.defaulted += 1;
                }
            }
        }
        debug_assert!(!noun.is_empty());
        fine
    }

    /// A key or word of the language whose capability is not built.
    pub(super) fn unbuilt(&mut self, word: &str, span: Span) {
        self.problem(
            "E110",
            span,
            format!("`{word}` is not supported yet"),
            "a part of the language that this program does not simulate",
            "remove it: it would change nothing",
        );
    }

    fn unknown_key(&mut self, entry: &Entry, tables: &[&Table], owner: &str) {
        let noun = tables[0].noun;
        let place = if owner.is_empty() {
            String::new()
        } else {
            format!(" in {owner}")
        };
        let sentence = format!("unknown key `{}`{place}", entry.key.escape_default());
        let step = [
            "work", "wait", "call", "parallel", "choose", "do", "reply", "async", "forward",
        ];
        if noun == "service" && step.contains(&entry.key.as_str()) {
            let help = match entry.value.text() {
                Some(text) => format!(
                    "steps go under `steps` or `endpoints`, for example `steps: [{}: {text}]`",
                    entry.key
                ),
                None => "steps go under `steps` or `endpoints`".to_owned(),
            };
            self.problem(
                "E101",
                entry.key_span,
                sentence,
                "a step, not a key of a service",
                help,
            );
            return;
        }
        let help = if noun == "link" && entry.key == "latency" {
            Some("write `oneWay`, or `rtt` for both ways together".to_owned())
        } else {
            let known = tables
                .iter()
                .flat_map(|table| table.keys)
                .map(|key| key.name);
            nearest(&entry.key, known).map(|name| format!("did you mean `{name}`?"))
        };
        let article = if noun.starts_with(['a', 'e', 'h', 'o']) && noun != "hpa" {
            "an"
        } else {
            "a"
        };
        let label = if noun == "scenario" {
            "not a key of a scenario".to_owned()
        } else {
            format!("not a key of {article} {noun}")
        };
        self.problem(
            "E101",
            entry.key_span,
            sentence,
            label,
            help.unwrap_or_default(),
        );
    }

    /// The position of a name, or a problem with the nearest name.
    pub(super) fn find(
        &mut self,
        kind: &'static str,
        node: &Node,
        known: &[String],
    ) -> Option<usize> {
        let Some(text) = node.text() else {
            self.wrong_shape(node, &format!("a {kind}"), "a name");
            return None;
        };
        match known.iter().position(|name| name == text) {
            Some(index) => {
                self.using(kind, text);
                Some(index)
            }
            None => {
                let sentence = format!("unknown {kind} `{}`", text.escape_default());
                self.unknown(
                    "E300",
                    node,
                    &sentence,
                    &format!("no such {kind}"),
                    known.iter().map(String::as_str),
                );
                None
            }
        }
    }

    /// A cluster by name.
    pub(super) fn cluster(&mut self, node: &Node) -> Option<ClusterId> {
        let known = self.names.clusters.clone();
        self.find("cluster", node, &known)
            .map(ClusterId::from_index)
    }

    /// A service by name.
    pub(super) fn service(&mut self, node: &Node) -> Option<ServiceId> {
        let known: Vec<String> = self
            .names
            .services
            .iter()
            .map(|service| service.name.clone())
            .collect();
        self.find("service", node, &known)
            .map(ServiceId::from_index)
    }

    /// One of some words. `later` are words of the language that are not built.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: &Node,
        what: &str,
        words: &[(T, &str)],
        later: &[&str],
    ) -> Option<T> {
        let Some(text) = node.text() else {
            self.wrong_shape(node, &format!("`{what}`"), "a word");
            return None;
        };
        if let Some((value, _)) = words.iter().find(|(_, word)| *word == text) {
            return Some(*value);
        }
        if later.contains(&text) {
            self.unbuilt(text, node.span);
            return None;
        }
        let all: Vec<&str> = words
            .iter()
            .map(|(_, word)| *word)
            .chain(later.iter().copied())
            .collect();
        let label = format!("expected {}", alternatives(&all));
        self.unknown(
            "E301",
            node,
            &format!("unknown {what} `{}`", text.escape_default()),
            &label,
            all,
        );
        None
    }

    /// The caller-callee pair, made when new.
    pub(super) fn edge(&mut self, caller: Option<ServiceId>, callee: ServiceId) -> EdgeId {
        let found = self
            .edges
            .iter()
            .position(|edge| edge.caller == caller && edge.callee == callee);
        EdgeId::from_index(found.unwrap_or_else(|| {
            self.edges.push(Edge { caller, callee });
            self.edges.len() - 1
        }))
    }
}

/// `a, b or c`.
pub(super) fn alternatives(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [head @ .., last] => format!("{} or {last}", head.join(", ")),
    }
}
