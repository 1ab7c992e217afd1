//! Traces as OTLP JSON: what OpenTelemetry's collectors and trace viewers read.
//!
//! OpenTelemetry Protocol 1.x, JSON encoding of `TracesData`: ids are hexadecimal, 64-bit integers and instants in
//! nanoseconds are strings, enums are numbers. Each service is a resource; users are one too.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::experiment::result::{Outcome, Span, SpanKind};
use crate::model::Scenario;
use crate::units::{ServiceId, SimTime};

const INTERNAL: u32 = 1;
const SERVER: u32 = 2;
const CLIENT: u32 = 3;

/// `traces.json`: spans by the service in which they happen.
#[must_use]
pub fn traces(scenario: &Scenario, spans: &[Span]) -> Value {
    let owners = owners(scenario, spans);
    let mut by_owner: BTreeMap<Option<ServiceId>, Vec<Value>> = BTreeMap::new();
    for span in spans {
        let owner = owners[&(span.trace, span.id)];
        by_owner.entry(owner).or_default().push(one(scenario, span));
    }
    let resources: Vec<Value> = by_owner
        .into_iter()
        .map(|(owner, spans)| {
            let name = owner.map_or("users", |service| scenario.service(service).name.as_str());
            json!({
                "resource": { "attributes": [text("service.name", name)] },
                "scopeSpans": [{
                    "scope": { "name": "cutover", "version": env!("CARGO_PKG_VERSION") },
                    "spans": spans,
                }],
            })
        })
        .collect();
    json!({ "resourceSpans": resources })
}

/// The service in which each span happens; `None`: at the users.
fn owners(scenario: &Scenario, spans: &[Span]) -> BTreeMap<(u64, u64), Option<ServiceId>> {
    let mut owners = BTreeMap::new();
    let parents: BTreeMap<(u64, u64), &Span> = spans
        .iter()
        .map(|span| ((span.trace, span.id), span))
        .collect();
    for span in spans {
        let mut at = span;
        let owner = loop {
            match at.kind {
                SpanKind::Action { .. } => break None,
                SpanKind::Call { edge, .. } => break scenario.edges[edge.index()].caller,
                SpanKind::Served { endpoint, .. } => {
                    break Some(scenario.endpoint(endpoint).service);
                }
                // A branch happens where what forked it happens.
                SpanKind::Branch => match parents.get(&(at.trace, at.parent)) {
                    Some(parent) => at = parent,
                    None => break None,
                },
            }
        };
        owners.insert((span.trace, span.id), owner);
    }
    owners
}

fn one(scenario: &Scenario, span: &Span) -> Value {
    let endpoint_name = |endpoint| {
        let endpoint = scenario.endpoint(endpoint);
        format!(
            "{}.{}",
            scenario.service(endpoint.service).name,
            endpoint.name
        )
    };
    let (name, kind, mut attributes) = match span.kind {
        SpanKind::Action {
            load,
            journey,
            user,
            ordinal,
        } => (
            scenario.journey(journey).name.clone(),
            INTERNAL,
            vec![
                text("cutover.load", &scenario.load(load).name),
                whole("cutover.user", user),
                whole("cutover.action", u64::from(ordinal)),
            ],
        ),
        SpanKind::Call {
            endpoint, attempt, ..
        } => {
            let mut attributes = vec![text("rpc.method", &endpoint_name(endpoint))];
            if attempt > 0 {
                attributes.push(whole("cutover.attempt", u64::from(attempt)));
            }
            (endpoint_name(endpoint), CLIENT, attributes)
        }
        SpanKind::Served {
            endpoint,
            cluster,
            replica,
        } => (
            endpoint_name(endpoint),
            SERVER,
            vec![
                text("k8s.cluster.name", &scenario.cluster(cluster).name),
                text("service.instance.id", &replica.0.to_string()),
                whole("cutover.queue_wait_ns", span.queued.0),
                whole("cutover.processor_ns", span.working.0),
                whole("cutover.processor_demand_ns", span.demand.0),
                whole("cutover.wait_ns", span.waiting.0),
            ],
        ),
        SpanKind::Branch => ("branch".to_owned(), INTERNAL, Vec::new()),
    };
    attributes.push(text("cutover.outcome", span.outcome.name()));
    let status = if span.outcome == Outcome::Ok {
        json!({ "code": 1 })
    } else {
        json!({ "code": 2, "message": span.outcome.name() })
    };
    let mut value = json!({
        "traceId": trace_id(span.trace),
        "spanId": format!("{:016x}", span.id),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": instant(scenario, span.start),
        "endTimeUnixNano": instant(scenario, span.end),
        "attributes": attributes,
        "status": status,
    });
    if span.parent != 0 {
        value["parentSpanId"] = json!(format!("{:016x}", span.parent));
    }
    value
}

/// 16 bytes in hex; the key's eight, and a fixed word that is not zero before them.
fn trace_id(trace: u64) -> String {
    format!("{:016x}{trace:016x}", 0x6375_746f_7665_7221u64)
}

fn instant(scenario: &Scenario, at: SimTime) -> String {
    let start = i128::from(scenario.clock.start_unix_seconds) * 1_000_000_000;
    (start + i128::from(at.0)).max(0).to_string()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn whole(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::{
        add_journey, add_open_load, add_service, call, empty, plain_policy,
    };
    use crate::model::{Discipline, StepKind};
    use crate::units::{ClusterId, EdgeId, EndpointId, JourneyId, LoadId, ReplicaId, SimDuration};

    fn span(id: u64, parent: u64, kind: SpanKind, start: u64, end: u64, outcome: Outcome) -> Span {
        Span {
            trace: 7,
            id,
            parent,
            kind,
            start: SimTime(start),
            end: SimTime(end),
            outcome,
            queued: SimDuration(3),
            working: SimDuration(4),
            demand: SimDuration(4),
            waiting: SimDuration(0),
        }
    }

    #[test]
    fn spans_have_the_shape_of_otlp_json() {
        // As the examples of the OpenTelemetry protocol (opentelemetry-proto, examples/trace.json): hexadecimal ids of 32
        // and 16 digits, instants as strings, enums as numbers, attributes as key and typed value.
        let mut scenario = empty(SimDuration::from_secs(60));
        let endpoint = add_service(&mut scenario, "cart", 1, Discipline::Fifo, Vec::new());
        let journey = add_journey(&mut scenario, "buy", endpoint, SimDuration::from_secs(1));
        add_open_load(&mut scenario, "shoppers", 1.0, journey);
        let step = call(&mut scenario, None, endpoint, plain_policy());
        assert!(matches!(step.kind, StepKind::Call(_)));
        let action = SpanKind::Action {
            load: LoadId(0),
            journey: JourneyId(0),
            user: 41,
            ordinal: 2,
        };
        let called = SpanKind::Call {
            edge: EdgeId(0),
            endpoint: EndpointId(0),
            attempt: 1,
        };
        let served = SpanKind::Served {
            endpoint: EndpointId(0),
            cluster: ClusterId(0),
            replica: ReplicaId(5),
        };
        let spans = [
            span(1, 0, action, 0, 90, Outcome::Timeout),
            span(2, 1, called, 10, 90, Outcome::Timeout),
            span(255, 2, served, 20, 60, Outcome::Ok),
        ];
        // Read back from text, as a viewer does.
        let text = traces(&scenario, &spans).to_string();
        let value: Value = serde_json::from_str(&text).unwrap();
        let resources = value["resourceSpans"].as_array().unwrap();
        assert_eq!(resources.len(), 2);
        let name =
            |index: usize| &resources[index]["resource"]["attributes"][0]["value"]["stringValue"];
        assert_eq!((name(0), name(1)), (&json!("users"), &json!("cart")));
        let of_users = resources[0]["scopeSpans"][0]["spans"].as_array().unwrap();
        let of_cart = resources[1]["scopeSpans"][0]["spans"].as_array().unwrap();
        assert_eq!((of_users.len(), of_cart.len()), (2, 1));
        let served = &of_cart[0];
        assert_eq!(served["traceId"].as_str().unwrap().len(), 32);
        assert_eq!(served["spanId"], "00000000000000ff");
        assert_eq!(served["parentSpanId"], "0000000000000002");
        assert_eq!(
            (&served["kind"], &served["name"]),
            (&json!(2), &json!("cart.default"))
        );
        // The sample's clock starts at 2024-01-01T00:00Z.
        assert_eq!(served["startTimeUnixNano"], "1704067200000000020");
        assert_eq!(served["endTimeUnixNano"], "1704067200000000060");
        let attributes = served["attributes"].as_array().unwrap();
        let wait = attributes
            .iter()
            .find(|one| one["key"] == "cutover.queue_wait_ns")
            .unwrap();
        assert_eq!(wait["value"]["intValue"], "3");
        assert_eq!(served["status"]["code"], 1);
        assert!(of_users[0].get("parentSpanId").is_none());
        assert_eq!(
            of_users[1]["status"],
            json!({ "code": 2, "message": "timeout" })
        );
        assert_eq!(of_users[1]["kind"], 3);
    }
}
