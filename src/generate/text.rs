//! The text of the scenario.

use std::fmt::Write;

use crate::generate::recipe::{Layer, Made, Service};

/// Actions a second of all users together, for each service: a run at flow fidelity does not depend on it.
const ACTIONS: f64 = 0.5;

/// Writes the scenario as YAML.
#[must_use]
pub fn text(made: &Made) -> String {
    let wish = &made.wish;
    let mut text = String::new();
    let pods: usize = made.services.iter().map(|one| one.replicas).sum();
    // Requests of half a core each, a third free.
    let nodes = (pods as f64 * 0.25 * 1.5 / 15.8).ceil().max(2.0) as usize;
    let weeks = 10 + wish.services.div_ceil(10);
    let _ = write!(
        text,
        "cutover: 1\n\
         name: {name}\n\
         title: {services} synthetic services of {teams} teams move in {weeks} weeks at most\n\
         notes: >-\n  Made by `cutover generate --services {services} --teams {teams} --seed {seed}`; nothing here is measured.\n\
         start: 2026-09-07T00:00                 # a Monday\n\
         horizon: {weeks}w\n\
         run: {{seed: 1, replications: 3, fidelity: flow}}\n\
         output: {{resolution: 1h}}\n\n\
         clusters:\n\
         \x20 source: {{orchestrator: fixed-hosts, pools: {{hosts: {{machine: standard-16, nodes: {nodes}}}}}}}\n\
         \x20 target: {{orchestrator: kubernetes, pools: {{general: {{machine: standard-16, nodes: {nodes}}}}}}}\n\
         machines:\n\
         \x20 standard-16: {{cpu: 15800m, memory: 60Gi, pods: 110, price: 0.54 USD/h}}\n\
         links:\n\
         \x20 source <-> target: {{oneWay: 1ms, bandwidth: 40Gbit/s, egress: 0.01 USD/GB}}\n\
         \x20 users <-> any: {{oneWay: 15ms}}\n\
         \x20 default: {{oneWay: 250us}}\n\n\
         calendar:\n\
         \x20 windows: [Mon-Thu 09:00-15:00]\n\
         \x20 freezes: {{second-monday: {{span: 2026-09-14..2026-09-14}}}}\n\
         teams:\n",
        name = wish.name,
        services = wish.services,
        teams = wish.teams,
        seed = wish.seed,
    );
    for (team, engineers) in made.engineers.iter().enumerate() {
        let moves = 1 + engineers / 4;
        let _ = writeln!(
            text,
            "  team-{team:03}: {{engineers: {engineers}, moves: {moves}, price: 700 USD/pd}}"
        );
    }
    text += "\ndefaults:\n  service: {cpu: 250m..1, memory: 512Mi..1Gi, startup: 15s, callers: {timeout: 2s}}\n\nservices:\n";
    let asked: Vec<bool> = shallow_callees(made);
    for (at, service) in made.services.iter().enumerate() {
        write_service(&mut text, made, service, asked[at]);
    }
    text += "\njourneys:\n";
    for (rank, (entry, _)) in made.journeys.iter().enumerate() {
        let name = &made.services[*entry].name;
        let _ = writeln!(
            text,
            "  journey-{:03}: {{call: {}, slo: [99.9% ok, 99% under 1s]}}",
            rank + 1,
            reference(name, asked[*entry])
        );
    }
    let mix: Vec<String> = made
        .journeys
        .iter()
        .enumerate()
        .map(|(rank, (_, weight))| format!("journey-{:03}: {weight:.1}", rank + 1))
        .collect();
    let rate = (ACTIONS * wish.services as f64).round().max(1.0);
    let _ = write!(
        text,
        "load:\n  users:\n    rate: {rate}/s\n    mix: {{{}}}\n    shape: [daily: {{peak: 19:00, low: 35%}}, weekly: {{sat: 80%, sun: 85%}}]\n\n",
        mix.join(", ")
    );
    let most = wish.services.div_ceil(12);
    let _ = write!(
        text,
        "migration:\n  from: source\n  to: target\n  method: careful\n  methods:\n    careful: {{canary: {{steps: [setWeight: 10, pause: {{duration: 20m}}, setWeight: 50, pause: {{duration: 20m}}]}}}}\n  soak: 2h\n  routing: local-first\n  constraints:\n    waveSize: 1..{most}\n    criticalAtOnce: 4\n    headroom: 10%\n    overlap: 2\n    together:\n"
    );
    for (store, owner) in &made.owners {
        let _ = writeln!(
            text,
            "      - [{}, {}]",
            made.services[*owner].name, made.services[*store].name
        );
    }
    text += "plan: {strategy: greedy-min-cut, every: 1w}\nobjective:\n  minimise: [cross_calls, makespan]\n";
    text
}

/// Services of which only the own work is asked for by somebody: they need a second endpoint.
fn shallow_callees(made: &Made) -> Vec<bool> {
    let mut asked = vec![false; made.services.len()];
    for call in made.services.iter().flat_map(|one| &one.calls) {
        asked[call.to] |= call.shallow;
    }
    asked
}

fn reference(name: &str, has_two: bool) -> String {
    if has_two {
        format!("{name}.serve")
    } else {
        name.to_owned()
    }
}

fn write_service(text: &mut String, made: &Made, service: &Service, has_two: bool) {
    let kind = if service.store {
        ", kind: stateful"
    } else {
        ""
    };
    let _ = write!(
        text,
        "  {}:\n    {{team: team-{:03}, tier: {}, replicas: {}, effort: {}.{}pd{kind}",
        service.name,
        service.team,
        service.tier,
        service.replicas,
        service.effort_tenths / 10,
        service.effort_tenths % 10,
    );
    let asked = shallow_callees(made);
    let mut steps = vec![format!("work: exp({}us)", service.work_us)];
    for call in &service.calls {
        let callee = &made.services[call.to].name;
        let callee = if call.shallow {
            format!("{callee}.read")
        } else {
            reference(callee, asked[call.to])
        };
        let hidden = if call.hidden { ", hidden: true" } else { "" };
        steps.push(format!(
            "{{call: {callee}, chance: {}%, sends: {}B{hidden}}}",
            call.chance, call.sends
        ));
    }
    if service.layer == Layer::Leaf || service.store {
        steps.push("reply: 2kB".to_owned());
    }
    let steps = steps.join(", ");
    if has_two {
        let _ = writeln!(
            text,
            ", endpoints: {{serve: [{steps}], read: [work: exp({}us)]}}}}",
            service.work_us
        );
    } else {
        let _ = writeln!(text, ", steps: [{steps}]}}");
    }
}
