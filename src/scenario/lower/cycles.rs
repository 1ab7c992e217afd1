//! Calls that come back every time: a request to them would never end.

use super::context::Context;
use super::steps::CallRecord;
use crate::model::Endpoint;
use crate::units::EndpointId;

/// Tells of each cycle of calls that are made in every request, at the call that closes it.
pub(super) fn check(cx: &mut Context, endpoints: &[Endpoint], calls: &[CallRecord]) {
    let mut state = vec![State::New; endpoints.len()];
    for start in 0..endpoints.len() {
        if state[start] == State::New {
            walk(cx, endpoints, calls, start, &mut state);
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

/// Depth first without recursion: chains of calls may be long.
fn walk(
    cx: &mut Context,
    endpoints: &[Endpoint],
    calls: &[CallRecord],
    start: usize,
    state: &mut [State],
) {
    let outgoing = |from: usize| {
        calls
            .iter()
            .filter(move |call| call.certain && call.from.index() == from)
    };
    let mut path: Vec<(usize, usize)> = vec![(start, 0)];
    state[start] = State::Open;
    while let Some((at, next)) = path.last_mut() {
        let Some(call) = outgoing(*at).nth(*next) else {
            state[*at] = State::Done;
            path.pop();
            continue;
        };
        *next += 1;
        let to = call.to.index();
        match state[to] {
            State::New => {
                state[to] = State::Open;
                path.push((to, 0));
            }
            State::Open => {
                let from = path
                    .iter()
                    .position(|(on_path, _)| *on_path == to)
                    .unwrap_or(0);
                let cycle: Vec<usize> = path[from..].iter().map(|(on_path, _)| *on_path).collect();
                tell(cx, endpoints, call, &cycle);
            }
            State::Done => {}
        }
    }
}

fn tell(cx: &mut Context, endpoints: &[Endpoint], call: &CallRecord, cycle: &[usize]) {
    let names: Vec<String> = cycle
        .iter()
        .chain(cycle.first())
        .map(|index| name(cx, endpoints, EndpointId::from_index(*index)))
        .collect();
    let caller = name(cx, endpoints, call.from);
    let callee = name(cx, endpoints, call.to);
    cx.problem(
        "E310",
        call.span,
        format!("calls without end: {}", names.join(" -> ")),
        format!("`{caller}` calls `{callee}` back every time"),
        "a cycle needs a way out: give one of these calls a `chance` below 100%",
    );
}

/// `cart.get`, or `cart` when its only endpoint is the default.
fn name(cx: &Context, endpoints: &[Endpoint], id: EndpointId) -> String {
    let endpoint = &endpoints[id.index()];
    let service = &cx.names.services[endpoint.service.index()];
    if service.endpoints.len() == 1 && endpoint.name == "default" {
        service.name.clone()
    } else {
        format!("{}.{}", service.name, endpoint.name)
    }
}
