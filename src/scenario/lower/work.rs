//! Loads that are jobs or environments.

use std::sync::Arc;

use super::arrivals::arrivals;
use super::compose::things;
use super::context::Context;
use super::scaling::firings;
use super::selector::picked;
use super::shape::shapes;
use crate::model::{
    Arrivals, Distribution, Load, LoadKind, Service, ServiceKind, Task, Work, WorkKind,
};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node};
use crate::units::{ClusterId, ServiceId, SimTime};

/// CPU time of each pod of a task that says nothing of it (assumed).
const USUAL_WORK_SECONDS: f64 = 600.0;

const TASK_KEYS: [&str; 4] = ["run", "work", "parallelism", "gang"];
const OF_JOBS: [&str; 4] = ["deadline", "tasks", "timezone", "jobs"];
const OF_ENVIRONMENTS: [&str; 4] = ["life", "services", "cluster", "priority"];
const OF_USERS: [&str; 10] = [
    "call", "journey", "mix", "walk", "think", "length", "spawn", "abandon", "online", "replay",
];

/// Jobs and environments as written, with what pods of environments made of ordinary services are given.
pub(super) struct Written {
    pub work: Vec<Work>,
    /// By source: the priority of its pods.
    priorities: Vec<i32>,
}

/// Whether a load is of jobs or environments.
pub(super) fn is_work(load: &Entry) -> bool {
    let has = |key| load.value.get(key).is_some();
    has("jobs") || has("environments")
}

/// Tells of keys that mean nothing in a load of users.
pub(super) fn refuse_in_users_load(cx: &mut Context, entry: &Entry, owner: &str) {
    let words = TASK_KEYS.iter().chain(&OF_JOBS).chain(&OF_ENVIRONMENTS);
    refuse(cx, &entry.value, words, owner, "`jobs` or `environments`");
}

fn refuse<'k>(
    cx: &mut Context,
    node: &Node,
    words: impl Iterator<Item = &'k &'k str>,
    owner: &str,
    needs: &str,
) {
    for word in words {
        if let Some(entry) = node.entry(word) {
            cx.problem(
                "E303",
                entry.key_span,
                format!("`{word}` of {owner} is not used"),
                format!("means something only with {needs}"),
                "remove it",
            );
        }
    }
}

/// Reads the loads of jobs and environments.
pub(super) fn read(
    cx: &mut Context,
    root: &Node,
    composed: &[Entry],
    services: &[Service],
) -> Written {
    let entries = things(cx, root.get("load"), None, "load");
    let mut written = Written {
        work: Vec::new(),
        priorities: Vec::new(),
    };
    for entry in entries.iter().filter(|entry| is_work(entry)) {
        cx.check_name(&entry.key, entry.key_span);
        cx.names.work.push(entry.key.clone());
        let owner = format!("load `{}`", entry.key);
        if !cx.check_keys(&entry.value, &[&keys::LOAD], &owner) {
            continue;
        }
        let node = &entry.value;
        refuse(cx, node, OF_USERS.iter(), &owner, "users");
        let counts = [
            "jobs",
            "environments",
            "rate",
            "users",
            "sessions",
            "population",
        ];
        let Some(first) = cx.exactly_one(node, &owner, &counts) else {
            continue;
        };
        let kind = if first.key == "jobs" {
            refuse(cx, node, OF_ENVIRONMENTS.iter(), &owner, "`environments`");
            jobs(cx, node, &owner, composed, services)
        } else {
            refuse(cx, node, TASK_KEYS.iter(), &owner, "`jobs`");
            refuse(cx, node, OF_JOBS[..3].iter(), &owner, "`jobs`");
            environments(cx, node, &owner, composed, services)
        };
        let shape = node
            .get("shape")
            .map(|shape| shapes(cx, shape, &owner))
            .unwrap_or_default();
        let when = when(cx, first, node);
        let priority = node.get("priority").map_or(0, |priority| {
            let number = priority.text().and_then(|text| text.parse().ok());
            if number.is_none() {
                cx.wrong_shape(priority, "`priority`", "an integer");
            }
            number.unwrap_or(0)
        });
        if let (Some(kind), Some(when)) = (kind, when) {
            let load = Load {
                name: entry.key.clone(),
                kind: when,
                mix: Vec::new(),
                walk: None,
                shape,
                abandon: None,
                from: Vec::new(),
            };
            written.work.push(Work {
                name: entry.key.clone(),
                load,
                kind,
            });
            written.priorities.push(priority);
        }
    }
    written
}

/// A rate, or firings of a cron expression.
fn when(cx: &mut Context, first: &Entry, node: &Node) -> Option<LoadKind> {
    let is_cron = first
        .value
        .text()
        .is_some_and(|text| text.split_whitespace().count() > 1);
    if first.key == "jobs" && is_cron {
        refuse(cx, node, ["arrivals"].iter(), "a timetable", "a rate");
        let instants: Vec<SimTime> = firings(cx, &first.value, node)?;
        return Some(LoadKind::Open {
            rate: 1.0,
            arrivals: Arrivals::Recorded(Arc::from(instants)),
        });
    }
    let arrivals = arrivals(cx, node).unwrap_or(Arrivals::Poisson);
    let rate = cx.rate(&first.value, &first.key)?;
    Some(LoadKind::Open { rate, arrivals })
}

fn jobs(
    cx: &mut Context,
    node: &Node,
    owner: &str,
    composed: &[Entry],
    services: &[Service],
) -> Option<WorkKind> {
    let deadline = match node.get("deadline") {
        Some(text) => Some(cx.positive_duration(text, "deadline")?),
        None => None,
    };
    let what = cx.exactly_one(node, owner, &["run", "tasks"])?;
    let tasks = if what.key == "run" {
        vec![task(cx, "", node, owner, composed, services)?]
    } else {
        refuse(cx, node, TASK_KEYS.iter(), owner, "`run`");
        graph(cx, &what.value, owner, composed, services)?
    };
    Some(WorkKind::Jobs { tasks, deadline })
}

/// `tasks`, in an order in which each stands after those it waits for.
fn graph(
    cx: &mut Context,
    node: &Node,
    owner: &str,
    composed: &[Entry],
    services: &[Service],
) -> Option<Vec<Task>> {
    let entries = things(cx, Some(node), None, "task");
    if entries.is_empty() {
        cx.wrong_shape(node, &format!("`tasks` of {owner}"), "a map of tasks");
        return None;
    }
    let names: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    let mut found = Vec::new();
    for entry in &entries {
        let owner = format!("task `{}` of {owner}", entry.key);
        cx.check_name(&entry.key, entry.key_span);
        let fine = cx.check_keys(&entry.value, &[&keys::TASK], &owner);
        let after = entry.value.get("after").map(super::compose::texts);
        let after: Vec<usize> = after
            .unwrap_or_default()
            .into_iter()
            .filter_map(|name| cx.find("task", name, &names))
            .collect();
        let task = task(cx, &entry.key, &entry.value, &owner, composed, services);
        found.push(task.filter(|_| fine).map(|task| Task { after, ..task }));
    }
    let tasks: Vec<Task> = found.into_iter().collect::<Option<_>>()?;
    // Of the tasks that may come next the one written first comes next.
    let mut order: Vec<usize> = Vec::new();
    while order.len() < tasks.len() {
        let next = (0..tasks.len()).find(|task| {
            !order.contains(task) && tasks[*task].after.iter().all(|other| order.contains(other))
        });
        let Some(next) = next else {
            let stuck = (0..tasks.len()).find(|task| !order.contains(task));
            let entry = &entries[stuck.unwrap_or(0)];
            cx.problem(
                "E310",
                entry.key_span,
                format!("tasks of {owner} wait for one another"),
                format!("`{}` would never begin", entry.key),
                "leave one of `after` out",
            );
            return None;
        };
        order.push(next);
    }
    let place = |task: &usize| order.iter().position(|other| other == task).unwrap_or(0);
    let sorted = order.iter().map(|task| Task {
        after: tasks[*task].after.iter().map(place).collect(),
        ..tasks[*task].clone()
    });
    Some(sorted.collect())
}

fn task(
    cx: &mut Context,
    name: &str,
    node: &Node,
    owner: &str,
    composed: &[Entry],
    services: &[Service],
) -> Option<Task> {
    let Some(run) = node.get("run") else {
        cx.missing(
            node.span,
            owner,
            "run",
            "a service of kind batch, or a selector",
        );
        return None;
    };
    let which = named_or_picked(cx, run, owner, composed)?;
    let other = which
        .iter()
        .find(|service| services[service.index()].kind != ServiceKind::Batch);
    if let Some(other) = other {
        let other = &services[other.index()].name;
        cx.problem(
            "E203",
            run.span,
            format!("{owner} runs `{other}`, which is no batch service"),
            "a service that serves requests does not end",
            format!("write `kind: batch` in `{other}`, or name another"),
        );
        return None;
    }
    let work = match node.get("work") {
        Some(text) => cx.distribution(text, "work")?,
        None => Distribution::constant(USUAL_WORK_SECONDS),
    };
    let parallelism = cx.count_or(node, "parallelism", 1);
    if let (0, Some(text)) = (parallelism, node.get("parallelism")) {
        cx.problem(
            "E203",
            text.span,
            "`parallelism` is 0",
            "nothing would run",
            "write at least 1",
        );
        return None;
    }
    let gang = node.get("gang").and_then(|word| cx.truth(word, "gang"));
    Some(Task {
        name: name.to_owned(),
        services: which,
        work,
        parallelism,
        gang: gang.unwrap_or(false),
        after: Vec::new(),
    })
}

/// The service of that name, or those that a selector picks.
fn named_or_picked(
    cx: &mut Context,
    node: &Node,
    owner: &str,
    composed: &[Entry],
) -> Option<Vec<ServiceId>> {
    let text = node.text().unwrap_or_default();
    let is_name = !text.contains(['=', '<', '>', ' ']) && text != "all";
    if is_name {
        return cx.service(node).map(|service| vec![service]);
    }
    let selector = cx.selector(node)?;
    let found = picked(cx, &selector, composed);
    if found.is_empty() {
        cx.problem(
            "E300",
            node.span,
            format!("{owner} picks no service"),
            "nothing matches",
            "",
        );
        return None;
    }
    Some(found.into_iter().map(ServiceId::from_index).collect())
}

fn environments(
    cx: &mut Context,
    node: &Node,
    owner: &str,
    composed: &[Entry],
    services: &[Service],
) -> Option<WorkKind> {
    let Some(life) = node.get("life") else {
        cx.missing(
            node.span,
            owner,
            "life",
            "from creation until it is torn down",
        );
        return None;
    };
    let life = cx.distribution(life, "life");
    let cluster = match node.get("cluster") {
        Some(name) => cx.cluster(name),
        None => cx.home.or_else(|| only_cluster(cx, node, owner)),
    };
    let Some(what) = node.get("services") else {
        cx.missing(
            node.span,
            owner,
            "services",
            "a number, a service or a selector",
        );
        return None;
    };
    let number = what.text().and_then(|text| text.parse::<usize>().ok());
    let all = |kind: fn(ServiceKind) -> bool| -> Vec<ServiceId> {
        (0..services.len())
            .filter(|service| kind(services[*service].kind))
            .map(ServiceId::from_index)
            .collect()
    };
    let chosen = match number {
        Some(number) => {
            let made_for_it = all(|kind| kind == ServiceKind::Ephemeral);
            let from = if made_for_it.is_empty() {
                all(|kind| !kind.is_guest())
            } else {
                made_for_it
            };
            if number == 0 || number > from.len() {
                cx.problem(
                    "E203",
                    what.span,
                    format!("{owner} is made of {number} services"),
                    format!("there are {}", from.len()),
                    "write how many of them an environment has, or a selector",
                );
                return None;
            }
            from.into_iter().take(number).collect()
        }
        None => named_or_picked(cx, what, owner, composed)?,
    };
    if let Some(batch) = chosen
        .iter()
        .find(|service| services[service.index()].kind == ServiceKind::Batch)
    {
        let name = &services[batch.index()].name;
        cx.problem(
            "E203",
            what.span,
            format!("{owner} is made of `{name}`, a batch service"),
            "it runs in jobs only",
            "leave it out: `and kind != batch`",
        );
        return None;
    }
    let is_ordinary = |service: &&ServiceId| !services[service.index()].kind.is_guest();
    let follows = match node.get("cluster") {
        Some(_) => Vec::new(),
        None => chosen.iter().filter(is_ordinary).copied().collect(),
    };
    Some(WorkKind::Environments {
        cluster: cluster?,
        follows,
        life: life?,
        services: chosen,
    })
}

fn only_cluster(cx: &mut Context, node: &Node, owner: &str) -> Option<ClusterId> {
    if cx.names.clusters.len() == 1 {
        return Some(ClusterId(0));
    }
    let kind = "name: there are several, and no migration says where from";
    cx.missing(node.span, owner, "cluster", kind);
    None
}

impl Written {
    /// What the scenario keeps, and the priorities of copies.
    pub fn parts(self) -> (Vec<Work>, Vec<i32>) {
        (self.work, self.priorities)
    }
}

/// Whether a service's pods are those of jobs or environments; its keys that mean nothing then are told.
pub(super) fn is_guest(node: &Node) -> bool {
    node.get("kind")
        .and_then(Node::text)
        .is_some_and(|kind| ["batch", "ephemeral"].contains(&kind))
}

/// What only services that serve requests may say.
pub(super) fn refuse_in_guest(cx: &mut Context, entry: &Entry) {
    let owner = format!("service `{}`", entry.key);
    let words = ["steps", "endpoints", "replicas", "scaling"];
    refuse(
        cx,
        &entry.value,
        words.iter(),
        &owner,
        "requests, and its pods are those of jobs or environments: they serve none",
    );
}
