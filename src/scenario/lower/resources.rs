//! CPU and memory of a replica, and its processor.

use super::context::Context;
use crate::model::service::Quota;
use crate::model::{Discipline, ProcessorSpec, Resources};
use crate::scenario::keys;
use crate::scenario::node::{Node, Value};
use crate::units::{Bytes, Cpu, SimDuration};

/// Memory when none is written.
const MEMORY: Bytes = Bytes(256 << 20);
/// CPU when none is written: one core, request and limit.
const CORE: Cpu = Cpu(1000);

#[derive(Clone, Copy, Default)]
struct Shares {
    request: Option<Cpu>,
    limit: Option<Cpu>,
    cores: Option<u32>,
    discipline: Option<Discipline>,
    period: Option<SimDuration>,
}

/// Reads `cpu`, `memory` or `resources` of a service.
pub(super) fn read(cx: &mut Context, node: &Node) -> (Resources, ProcessorSpec) {
    if let (Some(pasted), Some(other)) = (
        node.get("resources"),
        node.entry("cpu").or(node.entry("memory")),
    ) {
        // A class may give `cpu` where the service pastes `resources`: only one mention on the same thing counts.
        if other.value.origin.is_empty() && pasted.origin.is_empty() {
            let at = cx.place_of(pasted.span);
            cx.problem(
                "E103",
                other.key_span,
                format!("both `resources` and `{}`", other.key),
                format!("already said by `resources` ({at})"),
                "keep one of them",
            );
        }
    }
    let mut shares = Shares::default();
    let mut memory = (None, None);
    match node.get("resources") {
        Some(pasted) => read_pasted(cx, pasted, &mut shares, &mut memory),
        None => {
            if let Some(cpu) = node.get("cpu") {
                shares = read_cpu(cx, cpu).unwrap_or_default();
            }
            if let Some(range) = node
                .get("memory")
                .and_then(|text| cx.bytes_range(text, "memory"))
            {
                memory = range;
            }
        }
    }
    let (processor, cpu_request, cpu_limit) = processor(
        shares,
        node.get("cpu").is_none() && node.get("resources").is_none(),
    );
    let memory_request = memory.0.or(memory.1).unwrap_or(MEMORY);
    let written = memory.0.is_some() || memory.1.is_some();
    let memory_limit = if written { memory.1 } else { Some(MEMORY) };
    (
        Resources {
            cpu_request,
            cpu_limit,
            memory_request,
            memory_limit,
        },
        processor,
    )
}

fn read_cpu(cx: &mut Context, node: &Node) -> Option<Shares> {
    if node.text().is_some() {
        let (request, limit) = cx.cpu_range(node, "cpu")?;
        return Some(Shares {
            request,
            limit,
            ..Shares::default()
        });
    }
    if !cx.check_keys(node, &[&keys::CPU], "`cpu`") {
        return None;
    }
    let disciplines = [
        (Discipline::ProcessorSharing, "processor-sharing"),
        (Discipline::Fifo, "fifo"),
        (Discipline::Preemptive, "preemptive"),
    ];
    let shares = Shares {
        request: node.get("request").and_then(|text| cx.cpu(text, "request")),
        limit: node.get("limit").and_then(|text| cx.cpu(text, "limit")),
        cores: node
            .get("cores")
            .and_then(|text| cx.small_count(text, "cores")),
        discipline: node
            .get("discipline")
            .and_then(|word| cx.word(word, "discipline", &disciplines, &[])),
        period: node
            .get("period")
            .and_then(|text| cx.positive_duration(text, "period")),
    };
    if let (Some(request), Some(limit), Some(place)) =
        (shares.request, shares.limit, node.get("limit"))
        && limit < request
    {
        cx.problem(
            "E203",
            place.span,
            "the CPU limit is below the request",
            "a limit is at least the request",
            "",
        );
    }
    if let (Some(0), Some(place)) = (shares.cores, node.get("cores")) {
        cx.problem(
            "E203",
            place.span,
            "`cores` is 0",
            "no work could ever be done",
            "write at least 1",
        );
        return None;
    }
    Some(shares)
}

fn read_pasted(
    cx: &mut Context,
    node: &Node,
    shares: &mut Shares,
    memory: &mut (Option<Bytes>, Option<Bytes>),
) {
    if !cx.check_keys(node, &[&keys::RESOURCES], "`resources`") {
        return;
    }
    for (part, is_limit) in [("requests", false), ("limits", true)] {
        let Some(map) = node.get(part) else { continue };
        if !matches!(map.value, Value::Map(_)) {
            cx.wrong_shape(map, &format!("`{part}`"), "a map");
            continue;
        }
        for entry in map.entries() {
            match (entry.key.as_str(), is_limit) {
                ("cpu", false) => shares.request = cx.cpu(&entry.value, "cpu"),
                ("cpu", true) => shares.limit = cx.cpu(&entry.value, "cpu"),
                ("memory", false) => memory.0 = cx.pasted_bytes(&entry.value, "memory"),
                ("memory", true) => memory.1 = cx.pasted_bytes(&entry.value, "memory"),
                _ => cx.problem(
                    "W104",
                    entry.key_span,
                    format!("`{}` is not modelled", entry.key.escape_default()),
                    "read over",
                    "",
                ),
            }
        }
    }
    // As the API server does: a limit alone is the request too.
    shares.request = shares.request.or(shares.limit);
    memory.0 = memory.0.or(memory.1);
}

/// Servers and quota: cores default to the limit rounded up; a quota that equals all cores never binds.
fn processor(shares: Shares, nothing_written: bool) -> (ProcessorSpec, Cpu, Option<Cpu>) {
    let whole = |cpu: Cpu| {
        u32::try_from(cpu.0.div_ceil(1000))
            .unwrap_or(u32::MAX)
            .max(1)
    };
    let (request, limit) = match (shares.request, shares.limit, shares.cores) {
        (None, None, Some(cores)) => (
            Cpu(u64::from(cores) * 1000),
            Some(Cpu(u64::from(cores) * 1000)),
        ),
        (None, None, None) => (CORE, Some(CORE)),
        (Some(request), None, _) if !nothing_written => (request, None),
        (request, limit, _) => (request.or(limit).unwrap_or(CORE), limit),
    };
    let cores = shares
        .cores
        .unwrap_or_else(|| whole(limit.unwrap_or(request)));
    let period = shares.period.unwrap_or(SimDuration::from_millis(100));
    let quota = limit
        .filter(|limit| limit.0 < u64::from(cores) * 1000)
        .map(|limit| Quota {
            budget: SimDuration((u128::from(limit.0) * u128::from(period.0) / 1000) as u64),
            period,
        });
    let discipline = shares.discipline.unwrap_or(Discipline::ProcessorSharing);
    (
        ProcessorSpec {
            cores,
            discipline,
            quota,
        },
        request,
        limit,
    )
}
