//! The shop with nineteen mistakes, and scenarios without any.

use super::lower;
use crate::model::Scenario;
use crate::scenario::problem::Problems;
use crate::scenario::read::read_text;
use crate::scenario::render::sorted;
use crate::scenario::sources::Sources;

/// Code, place, sentence, label, help.
pub(super) type Row = (String, String, String, String, String);

pub(super) fn read(name: &str, text: &str) -> (Option<Scenario>, Vec<Row>) {
    let mut sources = Sources::default();
    let mut problems = Problems::default();
    let tree = read_text(name, text.to_owned(), &mut sources, &mut problems);
    let scenario = tree.and_then(|tree| lower(&tree, &sources, &mut problems));
    let rows = sorted(&problems, &sources)
        .into_iter()
        .map(|problem| {
            let place = problem
                .span
                .map(|span| sources.point(span))
                .unwrap_or_default();
            let help = problem.help.clone().unwrap_or_default();
            (
                place,
                problem.code.to_owned(),
                problem.sentence.clone(),
                problem.label.clone(),
                help,
            )
        })
        .collect();
    (scenario, rows)
}

#[test]
fn all_mistakes_of_the_shop_come_in_one_run() {
    let (scenario, rows) = read(
        "shop.yaml",
        include_str!("../../../tests/fixtures/shop.yaml"),
    );
    assert!(scenario.is_none());
    let wanted = [
        (
            "3:8",
            "E205",
            "not a date-time",
            "a date and a time are joined by `T`",
            "write `2026-11-03T07:00`; without an offset it is in `timezone` (here UTC)",
        ),
        (
            "4:10",
            "E200",
            "`horizon` has no unit",
            "12 of what?",
            "write `12h`, `12d` or an end date such as `2026-11-04`",
        ),
        (
            "7:43",
            "E203",
            "`memory: 16m` is 0.016 bytes",
            "`m` means milli here",
            "did you mean `16Mi` (mebibytes)?",
        ),
        (
            "10:5",
            "E101",
            "unknown key `replica` in service `web`",
            "not a key of a service",
            "did you mean `replicas`?",
        ),
        (
            "11:10",
            "E203",
            "the CPU limit is below the request",
            "limit 250m < request 500m",
            "a range reads request..limit: did you mean `250m..500m`?",
        ),
        (
            "12:33",
            "E200",
            "`sd` of `lognormal` has no unit",
            "a time is needed, as the mean is a time",
            "write `sd=2ms`, or `cv=0.4` for a spread relative to the mean",
        ),
        (
            "14:5",
            "E101",
            "unknown key `work` in service `cart`",
            "a step, not a key of a service",
            "steps go under `steps` or `endpoints`, for example `steps: [work: exp(2ms)]`",
        ),
        (
            "16:19",
            "E203",
            "`work` is negative",
            "time cannot run backwards",
            "write `2ms`",
        ),
        (
            "16:31",
            "E300",
            "endpoint `cart.get` calls unknown service `redis-crat`",
            "no such service",
            "did you mean `redis-cart`?",
        ),
        (
            "17:51",
            "E200",
            "`timeout` has no unit",
            "250 of what?",
            "write `250ms`",
        ),
        (
            "18:22",
            "E301",
            "unknown kind `statefull`",
            "expected stateless, stateful, batch or ephemeral",
            "did you mean `stateful`?",
        ),
        (
            "20:23",
            "E310",
            "calls without end: mail -> log -> mail",
            "`log` calls `mail` back every time",
            "a cycle needs a way out: give one of these calls a `chance` below 100%",
        ),
        (
            "22:15",
            "E302",
            "`cart` has two endpoints: which one is called?",
            "`get` or `put`",
            "write `cart.get` or `cart.put`",
        ),
        (
            "22:27",
            "E202",
            "99 is not a ratio",
            "between 0 and 1, or with %",
            "did you mean `99% ok`?",
        ),
        (
            "24:26",
            "E103",
            "load `shoppers` has both `users` and `rate`",
            "open load, already closed by `users` (24:14)",
            "keep `users` (people who wait and think) or `rate` (arrivals that do not wait)",
        ),
        (
            "32:26",
            "E401",
            "wave `two` splits the group cart, redis-cart",
            "`cart` moves in wave `one` (31:26)",
            "`constraints.together` (28:28) keeps them in one wave: move them together, or remove the group",
        ),
        (
            "32:49",
            "E402",
            "service `web` moves twice",
            "moved by wave `one` (31:32) already",
            "remove it from one of the two waves",
        ),
        (
            "34:24",
            "E202",
            "a time is compared with a plain number",
            "`p99` is a time",
            "write `500ms` or `500s`",
        ),
        (
            "35:9",
            "E207",
            "unknown subject `jurney`",
            "expected journey, service, cluster, team, wave, pool, link or load",
            "did you mean `journey.buy`?",
        ),
    ];
    for (position, (place, code, sentence, label, help)) in wanted.into_iter().enumerate() {
        let row: Row = (
            place.into(),
            code.into(),
            sentence.into(),
            label.into(),
            help.into(),
        );
        assert_eq!(
            rows.get(position),
            Some(&row),
            "row {}; all: {rows:#?}",
            position + 1
        );
    }
    assert_eq!(rows.len(), 19, "{:#?}", &rows[19..]);
}

pub(super) fn model(name: &str, text: &str) -> Scenario {
    let (scenario, rows) = read(name, text);
    assert!(rows.is_empty(), "{rows:#?}");
    scenario.expect("no problems")
}

const CHAIN: &str = include_str!("../../../tests/fixtures/chain.yaml");
const BOUTIQUE: &str = include_str!("../../../tests/fixtures/boutique.yaml");

#[test]
fn the_chain_is_three_services_of_two_fifo_servers() {
    let scenario = model("chain.yaml", CHAIN);
    assert_eq!(scenario.services.len(), 3);
    assert_eq!(scenario.edges.len(), 3);
    for service in &scenario.services {
        assert_eq!(service.processor.cores, 2);
        assert_eq!(service.processor.discipline, crate::model::Discipline::Fifo);
        assert!(service.processor.quota.is_none());
        assert_eq!(service.resources.cpu_request.0, 2000);
    }
    let link = &scenario.links.table[1];
    assert!((link.one_way.mean() - 1e-3).abs() < 1e-12);
    assert_eq!(scenario.horizon.seconds(), 600.0);
}

#[test]
fn the_boutique_is_read_whole() {
    let scenario = model("boutique.yaml", BOUTIQUE);
    assert_eq!(scenario.services.len(), 11);
    let cart = scenario
        .services
        .iter()
        .find(|service| service.name == "cart")
        .expect("a service");
    assert_eq!(cart.startup.mean(), 12.0);
    assert_eq!(cart.resources.cpu_limit.expect("a limit").0, 300);
    assert_eq!(cart.tier, 1);
    let policy = |cluster: usize| cart.placed[cluster].scaling;
    assert!(policy(0).is_none() && policy(1).is_some());
    let migration = scenario.migration.as_ref().expect("a migration");
    assert_eq!(
        migration.together,
        vec![vec![crate::units::ServiceId(5), crate::units::ServiceId(6)]]
    );
    assert_eq!(scenario.plan.waves.len(), 4);
    assert_eq!(scenario.plan.waves[1].members[1].method, 1);
    assert_eq!(
        scenario.calendar.windows.as_ref().expect("windows").len(),
        1
    );
    assert!(scenario.provenance.documented > 0 && scenario.provenance.assumed > 0);
}

#[test]
fn the_resolved_echo_reads_to_the_same_model() {
    for text in [CHAIN, BOUTIQUE] {
        let mut sources = Sources::default();
        let mut problems = Problems::default();
        let tree =
            read_text("a.yaml", text.to_owned(), &mut sources, &mut problems).expect("a tree");
        let echo = crate::scenario::echo::echo(&super::resolved(&tree, &sources));
        let shown = |text: &str| {
            format!(
                "{:?}",
                super::Scenario {
                    provenance: Default::default(),
                    assertions: Vec::new(),
                    ..model("a.yaml", text)
                }
            )
        };
        assert_eq!(shown(&echo), shown(text), "{echo}");
        let counts = |text: &str| {
            let found = model("a.yaml", text).provenance;
            (found.measured, found.documented, found.assumed)
        };
        assert_eq!(counts(&echo), counts(text), "{echo}");
    }
}

pub(super) fn only(text: &str) -> Row {
    let (_, rows) = read("one.yaml", text);
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows[0].clone()
}

pub(super) const SMALL: &str = "cutover: 1\nhorizon: 1h\nservices: {a: {steps: [work: 1ms]}}\njourneys: {j: {call: a}}\nload: {l: {rate: 5/s, journey: j}}\n";

#[test]
fn each_single_mistake_has_its_code() {
    for (more, code) in [
        ("caches: {hot: {}}", "E101"),
        ("uncertainty: {}", "E110"),
        ("run: {zoom: {precision: 5%}}", "E110"),
        ("provenance: {measured: {services.b.cpu: us}}", "E304"),
        ("scaling: {web: {static: 2}}", "E303"),
        ("classes: {Small: {cpu: 1}}", "E305"),
        ("variants: {fast: {services: {a: {replicas: -1}}}}", "E203"),
        ("links: {a <-> any: {oneWay: 1ms}}", "E300"),
        ("links: {default: {latency: 1ms}}", "E101"),
    ] {
        let (_, rows) = read("one.yaml", &format!("{SMALL}{more}\n"));
        assert!(rows.iter().any(|row| row.1 == code), "{more}: {rows:#?}");
    }
    assert_eq!(
        only(&SMALL.replace("cutover: 1", "cutover: 2")).2,
        "written for language 2, this program knows 1"
    );
    let state = only(&SMALL.replace("{steps", "{state: {size: 1GB}, steps"));
    assert_eq!(
        (state.1.as_str(), state.2.as_str()),
        ("E110", "`state` is not supported yet")
    );
}

#[test]
fn what_cannot_work_is_told_before_the_run() {
    let hot = only(
        &SMALL
            .replace("work: 1ms", "work: 520ms")
            .replace("steps", "cpu: 400m, steps"),
    );
    assert_eq!(
        (hot.1.as_str(), hot.2.as_str()),
        ("W411", "`a` needs 2.6 cores at the peak and has 0.4")
    );
    let big = only(&format!(
        "{SMALL}clusters: {{one: {{pools: {{p: {{cpu: 500m, memory: 1Gi, nodes: 1}}}}}}}}\n"
    ));
    assert_eq!(big.1, "W410");
}

#[test]
fn a_former_name_keeps_its_luck_and_call_sites_are_numbered() {
    let text = SMALL.replace("services: {a: {steps: [work: 1ms]}}", "services: {a: {steps: [call: b, call: b, {call: b, times: 2}]}, b: {was: old, steps: [work: 1ms], lifecycle: {preStop: {sleep: {seconds: 5}}}}}");
    let scenario = model("one.yaml", &text);
    assert_eq!(scenario.services[1].draw_name, "old");
    assert_eq!(scenario.services[1].pre_stop.seconds(), 5.0);
    let sites: Vec<&str> = scenario.endpoints[0]
        .steps
        .iter()
        .filter_map(|step| match &step.kind {
            crate::model::StepKind::Call(call) => Some(call.site.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(sites, ["old.default", "old.default#2", "old.default#3"]);
    assert_eq!(scenario.edges.len(), 2);
}

#[test]
fn the_shipped_scenarios_have_no_problems() {
    for (name, text) in [
        (
            "chain-3.yaml",
            include_str!("../../../scenarios/chain-3.yaml"),
        ),
        (
            "online-boutique.yaml",
            include_str!("../../../scenarios/online-boutique.yaml"),
        ),
    ] {
        model(name, text);
    }
}

#[test]
fn policies_of_a_spread_expanders_and_upgrades_are_read() {
    let text = |toleration: &str| {
        format!(
            "cutover: 1
horizon: 1h
clusters:
  here:
    orchestrator: marathon
    pools: {{a: {{cpu: 4, memory: 16Gi, nodes: 1}}, b: {{cpu: 4, memory: 16Gi, nodes: 2, priority: 5}}}}
    limits: {{apiRate: 20/s, apiBurst: 30}}
services:
  web:
    placement:
      tolerations: [{{{toleration}}}]
      topologySpreadConstraints:
      - {{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule}}
      - {{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, nodeTaintsPolicy: Honor, nodeAffinityPolicy: Ignore}}
    strategy: {{upgradeStrategy: {{minimumHealthCapacity: 0.5}}}}
    steps: [work: 1ms]
journeys: {{j: {{call: web}}}}
load: {{l: {{rate: 5/s, journey: j}}}}
"
        )
    };
    let (scenario, rows) = read("s.yaml", &text("key: a, operator: Exists"));
    assert_eq!(rows, []);
    let scenario = scenario.expect("no problem");
    let here = &scenario.clusters[0];
    assert_eq!(here.pools[1].priority, 5);
    assert_eq!(
        (here.limits.api_rate, here.limits.api_burst),
        (Some(20.0), Some(30))
    );
    let pods = &scenario.services[0].pods;
    let upgrade = pods.upgrade.expect("written");
    assert_eq!((upgrade.minimum_health, upgrade.maximum_over), (0.5, 1.0));
    assert_eq!(pods.strategy, None);
    let policies = pods.placing.spread.iter();
    let policies: Vec<_> = policies
        .map(|one| (one.honours_affinity, one.honours_taints))
        .collect();
    assert_eq!(policies, [(true, false), (false, true)]);
    for (toleration, code) in [
        ("value: x", "E102"),
        ("key: a, operator: Gt, value: '3'", "E110"),
    ] {
        let (_, rows) = read("s.yaml", &text(toleration));
        let codes: Vec<&str> = rows.iter().map(|row| row.1.as_str()).collect();
        assert_eq!(codes, [code], "{toleration}");
    }
}
