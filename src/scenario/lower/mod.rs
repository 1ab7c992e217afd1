//! The merged tree to a checked model: keys, values, names, composition, feasibility, every problem at once.
//!
//! Not for reading files, patching one scenario with another, or drawing problems.

mod arrivals;
mod assertion;
mod caches;
mod callee;
mod compose;
mod connections;
mod constraint;
mod context;
mod copies;
mod cycles;
mod fault;
mod feasible;
mod fidelity;
#[cfg(test)]
mod fidelity_tests;
mod header;
mod load;
#[cfg(test)]
mod load_tests;
#[cfg(test)]
mod loss_tests;
mod migration;
mod misshapen;
mod orchestrator;
mod outliers;
mod people;
mod place;
mod plan;
mod planned;
mod pods;
mod policy;
#[cfg(test)]
mod policy_tests;
mod provenance;
mod queue;
mod recording;
mod resolved;
mod resources;
mod scaling;
mod selector;
#[cfg(test)]
mod server_tests;
mod service;
mod shape;
mod steps;
#[cfg(test)]
mod tests;
mod values;
mod walk;
mod work;
#[cfg(test)]
mod work_tests;

use std::collections::BTreeSet;

pub use planned::{ConflictText, conflict_problem, place_at};
pub use resolved::DEFAULT;

use context::{Context, Definition};

use crate::model::scaling::ScalingRule;
use crate::model::{Scenario, Team};
use crate::scenario::files::apply_variant;
use crate::scenario::grammar::{self, Clock};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Value};
use crate::scenario::problem::Problems;
use crate::scenario::sources::Sources;

/// Lowers a whole scenario as it stands (without its variants applied), and checks each of its variants.
/// `None` when there is an error; problems are added once for each place and code.
#[must_use]
pub fn lower(tree: &Node, sources: &Sources, problems: &mut Problems) -> Option<Scenario> {
    judge(tree, sources, problems, Unused::Told)
}

/// As [`lower`], of a tree that a variant, a plan or a policy has changed: what nothing refers to any more was
/// referred to in the file, whose own check judges that.
#[must_use]
pub fn lower_changed(tree: &Node, sources: &Sources, problems: &mut Problems) -> Option<Scenario> {
    judge(tree, sources, problems, Unused::Ignored)
}

/// What becomes of names that nothing refers to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unused {
    Told,
    Ignored,
}

fn judge(
    tree: &Node,
    sources: &Sources,
    problems: &mut Problems,
    unused: Unused,
) -> Option<Scenario> {
    let mut found = Problems::default();
    let mut names = Mentions::default();
    let base = without_variants(tree);
    let scenario = lower_one(&base, sources, &mut found, &mut names);
    let judged = found.list.clone();
    if let Some(variants) = tree.get("variants") {
        let mut cx = Context::new(sources, &mut found);
        if !matches!(variants.value, Value::Map(_) | Value::Null) {
            cx.wrong_shape(variants, "`variants`", "a map of changes to the scenario");
        }
    }
    for variant in tree.get("variants").map_or(&[][..], Node::entries) {
        if variant.key.starts_with("x-") {
            continue;
        }
        let mut patched = tree.clone();
        apply_variant(&mut patched, &variant.key, &mut found);
        let _ = lower_one(&without_variants(&patched), sources, &mut found, &mut names);
        // Told when that variant is run, not in every run of the others.
        found.list.retain(|problem| {
            problem.code != assertion::OF_ANOTHER_PLAN || judged.contains(problem)
        });
    }
    if unused == Unused::Told {
        names.tell_unused(&mut found);
    }
    let mut seen: BTreeSet<_> = problems
        .list
        .iter()
        .filter_map(fidelity::place_and_kind)
        .collect();
    for problem in found.list {
        if fidelity::place_and_kind(&problem).is_none_or(|key| seen.insert(key)) {
            problems.list.push(problem);
        }
    }
    scenario.filter(|_| !problems.has_errors())
}

/// The tree as resolved: its variants left out, services composed, defaults added with the origin [`DEFAULT`].
/// Drawn by `scenario::echo`, it reads to the same model. For trees that [`lower`] accepts.
#[must_use]
pub fn resolved(tree: &Node, sources: &Sources) -> Node {
    let base = without_variants(tree);
    let mut problems = Problems::default();
    let mut mentions = Mentions::default();
    let made = lower_one(&base, sources, &mut problems, &mut mentions)
        .filter(|scenario| scenario.plan.request.is_some());
    let mut cx = Context::new(sources, &mut problems);
    let _ = place::cluster_entries(&mut cx, &base);
    migration::note_home(&mut cx, &base);
    let composed = compose::services(&mut cx, &base);
    let is_used = |kind: &str, name: &str| {
        let mut used = mentions.used.iter();
        used.any(|(used, by)| *used == kind && by == name)
    };
    let tree = resolved::tree(&base, &composed, &is_used);
    match made {
        Some(scenario) => planned::with_waves(tree, &scenario),
        None => tree,
    }
}

/// The policy of a file that is replayed: an autoscaler's or ScaledObject's manifest, its `spec`, or an entry of
/// `scaling`. Metrics name `columns` of the recording; civil times are laid onto `clock`.
#[must_use]
pub fn policy_file(
    tree: &Node,
    sources: &Sources,
    problems: &mut Problems,
    columns: &[String],
    clock: Clock,
) -> Option<ScalingRule> {
    let mut cx = Context::new(sources, problems);
    cx.horizon = clock.horizon;
    cx.clock = clock;
    cx.columns = Some(columns.to_vec());
    let rule = scaling::of_file(&mut cx, tree);
    rule.filter(|_| !cx.problems.has_errors())
}

fn without_variants(tree: &Node) -> Node {
    let mut tree = tree.clone();
    if let Value::Map(entries) = &mut tree.value {
        entries.retain(|entry| entry.key != "variants");
    }
    tree
}

/// Names defined and used in the base and all variants.
#[derive(Default)]
struct Mentions {
    used: BTreeSet<(&'static str, String)>,
    defined: Vec<Definition>,
}

impl Mentions {
    /// Tells of names that nothing refers to; silent while references are wrong.
    fn tell_unused(&self, problems: &mut Problems) {
        if problems.has_errors() {
            return;
        }
        let mut told = BTreeSet::new();
        for definition in &self.defined {
            let judged = [
                "class",
                "gate",
                "method",
                "scaling policy",
                "cluster",
                "machine",
                "processor",
                "journey",
                "team",
            ];
            let is_used = self
                .used
                .contains(&(definition.kind, definition.name.clone()));
            if is_used
                || !judged.contains(&definition.kind)
                || !told.insert((definition.kind, &definition.name))
            {
                continue;
            }
            // Journeys and teams without use are harmless: users may come in a variant yet to be written.
            if ["journey", "team"].contains(&definition.kind) {
                continue;
            }
            let sentence = format!("{} `{}` is not used", definition.kind, definition.name);
            problems.push(
                "E303",
                definition.span,
                sentence,
                "nothing refers to it, in no variant either",
                "use it, or remove it",
            );
        }
    }
}

/// One scenario without variants.
fn lower_one(
    root: &Node,
    sources: &Sources,
    problems: &mut Problems,
    mentions: &mut Mentions,
) -> Option<Scenario> {
    let mut cx = Context::new(sources, problems);
    let scenario = whole(&mut cx, root, sources);
    mentions.used.append(&mut cx.used);
    mentions.defined.append(&mut cx.defined);
    scenario
}

/// Reads in the order in which names are needed; judges feasibility only when nothing is wrong.
fn whole(cx: &mut Context, root: &Node, sources: &Sources) -> Option<Scenario> {
    header::version(cx, root);
    cx.check_keys(root, &[&keys::ROOT], "");
    read_clock(cx, root);
    let run = header::run(cx, root);
    let mut machines = place::machines(cx, root);
    let processors = caches::processors(cx, root);
    if run.fidelity.has_rates()
        && let Some(entry) = root.entry("processors")
    {
        cx.problem(
            "E110",
            entry.key_span,
            "`processors` are not supported yet with `fidelity: flow`",
            "the flow plane gives each replica a processor of its own",
            "run it with `fidelity: request`",
        );
    }
    let cluster_entries = place::cluster_entries(cx, root);
    migration::note_home(cx, root);
    check_parts(cx, root);
    let composed = compose::services(cx, root);
    service::note_names(cx, &composed);
    // Policies read what services do, clusters and services name policies.
    let mut policies = scaling::policies(cx, root);
    let clusters = place::clusters(cx, root, &cluster_entries, &mut machines);
    let links = place::links(cx, root);
    let teams: Vec<Team> = people::teams(cx, root);
    let lowered = service::services(cx, &composed, &clusters, &mut policies);
    if run.fidelity.has_rates() {
        let connected = composed
            .iter()
            .filter_map(|entry| entry.value.entry("connections"));
        for entry in connected {
            cx.problem(
                "E110",
                entry.key_span,
                "`connections` are not supported yet with `fidelity: flow`",
                "the flow plane knows rates, not connections",
                "run it with `fidelity: request`",
            );
        }
    }
    cycles::check(cx, &lowered.endpoints, &lowered.calls);
    let mut journeys = load::journeys(cx, root);
    let loads = load::loads(cx, root, &mut journeys);
    let written = work::read(cx, root, &composed, &lowered.services);
    let (work, priorities) = written.parts();
    let calendar = people::calendar(cx, root, &composed);
    plan::note_names(cx, root);
    let mut rules = migration::read(cx, root, &composed);
    if let Some(rules) = &mut rules {
        rules.migration.moves = plan::own_moves(cx, rules, &composed);
    }
    let plan = plan::read(cx, root, rules.as_ref(), &composed, &calendar);
    check_method_names(cx, &composed, rules.is_some());
    let goal = constraint::goal(cx, root);
    let faults = fault::faults(cx, root, &clusters);
    let assertions = assertion::read(cx, root);
    let provenance = provenance::count(cx, root, &composed);
    let name = root
        .get("name")
        .and_then(Node::text)
        .map_or_else(|| file_stem(sources), str::to_owned);
    if let Some(node) = root.get("name") {
        cx.check_name(&name, node.span);
    }
    let text = |key: &str| {
        root.get(key)
            .and_then(Node::text)
            .unwrap_or_default()
            .to_owned()
    };
    let mut scenario = Scenario {
        title: if root.get("title").is_some() {
            text("title")
        } else {
            name.clone()
        },
        name,
        notes: text("notes"),
        clock: cx.clock.local_clock(),
        horizon: cx.horizon,
        run,
        currency: cx.currency.clone(),
        clusters,
        machines,
        links,
        calendar,
        teams,
        services: lowered.services,
        endpoints: lowered.endpoints,
        processors,
        caches: lowered.caches,
        sections: Vec::new(),
        edges: std::mem::take(&mut cx.edges),
        journeys,
        loads,
        work,
        scaling: policies,
        migration: rules.map(|rules| rules.migration),
        plan,
        goal,
        faults,
        assertions,
        provenance,
    };
    if cx.problems.has_errors() {
        return None;
    }
    planned::make_waves(cx, &mut scenario, root);
    planned::check_written(cx, &scenario, root);
    feasible::check(cx, &scenario, &composed, root);
    copies::add_copies(&mut scenario, &priorities);
    fidelity::check(cx, &scenario, root);
    Some(scenario)
}

/// `timezone`, `start` and `horizon`; what is wrong is replaced so that the rest can be read.
fn read_clock(cx: &mut Context, root: &Node) {
    if let Some(zone) = root.get("timezone") {
        match cx.scalar(zone, "timezone", |text, _, _| grammar::parse_timezone(text)) {
            Some(zone) => {
                cx.clock = Clock {
                    zone,
                    ..Clock::fallback()
                }
            }
            None => cx.clock_known = false,
        }
        // Midnight of the default start is local.
        let start = grammar::parse_start("2024-01-01T00:00", &cx.clock.zone);
        cx.clock.start = start.unwrap_or(cx.clock.start);
    }
    if let Some(start) = root.get("start") {
        match cx.scalar(start, "start", |text, _, clock| {
            grammar::parse_start(text, &clock.zone)
        }) {
            Some(start) => cx.clock.start = start,
            None => cx.clock_known = false,
        }
    }
    let horizon = root.get("horizon").map(|node| {
        let guess = cx.scalar(node, "horizon", |text, _, clock| {
            grammar::parse_horizon(text, &clock.zone, clock.start)
        });
        name_the_next_day(cx, root);
        guess
    });
    match horizon.flatten() {
        Some(horizon) => {
            cx.horizon = horizon;
            cx.clock.horizon = horizon;
        }
        None => cx.clock_known = false,
    }
}

/// The end date that the help for a `horizon` without unit shows: the day after the start as written.
fn name_the_next_day(cx: &mut Context, root: &Node) {
    let written = root
        .get("start")
        .and_then(Node::text)
        .map(|text| text.replacen(' ', "T", 1));
    let start = written
        .and_then(|text| grammar::parse_start(&text, &cx.clock.zone).ok())
        .unwrap_or(cx.clock.start);
    let local = start.to_zoned(cx.clock.zone.clone());
    let (Ok(next), Some(horizon)) = (local.date().tomorrow(), root.get("horizon")) else {
        return;
    };
    let text = horizon.text().unwrap_or_default().to_owned();
    let found = cx
        .problems
        .list
        .iter_mut()
        .find(|problem| problem.code == "E200" && problem.span == Some(horizon.span));
    if let Some(problem) = found {
        problem.help = Some(format!(
            "write `{text}h`, `{text}d` or an end date such as `{next}`"
        ));
    }
}

/// Keys of classes, defaults and rules, each checked where it is written.
fn check_parts(cx: &mut Context, root: &Node) {
    for class in root.get("classes").map_or(&[][..], Node::entries) {
        if class.key.starts_with("x-") {
            continue;
        }
        cx.define("class", class);
        let owner = format!("class `{}`", class.key);
        if let Some(inner) = class.value.entry("class") {
            cx.problem(
                "E101",
                inner.key_span,
                format!("{owner} has a class"),
                "a class has no class",
                "name both classes on the service: `class: [A, B]`",
            );
        }
        cx.check_keys(&class.value, &[&keys::SERVICE], &owner);
    }
    if let Some(defaults) = root.get("defaults") {
        cx.check_keys(defaults, &[&keys::DEFAULTS], "`defaults`");
        if let Some(service) = defaults.get("service") {
            cx.check_keys(service, &[&keys::SERVICE], "`defaults.service`");
        }
    }
    for rule in root.get("rules").map_or(&[][..], Node::items) {
        if cx.check_keys(rule, &[&keys::RULE], "a rule")
            && let Some(set) = rule.get("set")
        {
            cx.check_keys(set, &[&keys::SERVICE], "`set` of a rule");
        }
    }
}

/// `method` and `gate` of services that no wave moves are references too.
fn check_method_names(cx: &mut Context, composed: &[Entry], has_rules: bool) {
    for entry in composed.iter().filter(|_| has_rules) {
        for (kind, key) in [("method", "method"), ("gate", "gate")] {
            if let Some(node) = entry.value.get(key) {
                let known = if key == "method" {
                    cx.names.methods.clone()
                } else {
                    cx.names.gates.clone()
                };
                cx.find(kind, node, &known);
            }
        }
    }
}

fn file_stem(sources: &Sources) -> String {
    let name = sources.name(crate::scenario::node::FileId(0));
    let stem = std::path::Path::new(name)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("scenario");
    grammar::suggest_name(stem)
}
