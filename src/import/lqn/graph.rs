//! The graph of a task's activities as nested steps.
//!
//! A fork is a `parallel` step: it waits for all its branches, also for those that meet no join, as the LQN
//! simulator's threads wait for the threads that they started. A join of branches of different forks closes the
//! outer fork.

use super::mapping::{Builder, Caller};
use super::{Entry, Side, Unmapped};
use crate::model::distribution::Part;
use crate::model::sample;
use crate::model::{Distribution, Parallel, Step, StepKind};
use crate::units::Bytes;

/// Activities that may follow one another before the graph is held to go round.
const LONGEST: u32 = 10_000;

/// A walk through the activities of one entry.
pub(super) struct Walk<'w, 'a> {
    builder: &'w mut Builder<'a>,
    caller: &'w Caller<'w>,
    entry: &'w Entry,
    left: u32,
}

/// Steps, and where they lead.
struct Path {
    steps: Vec<Step>,
    /// Precedence whose join or merge they reach, with how many of its members.
    reached: Option<(usize, usize)>,
}

impl<'w, 'a> Walk<'w, 'a> {
    /// Of an entry.
    pub fn new(builder: &'w mut Builder<'a>, caller: &'w Caller<'w>, entry: &'w Entry) -> Self {
        Self {
            builder,
            caller,
            entry,
            left: LONGEST,
        }
    }

    /// All steps from the first activity on.
    pub fn whole(mut self, start: &str) -> Result<Vec<Step>, Unmapped> {
        let path = self.from(start)?;
        match path.reached {
            None => Ok(path.steps),
            Some(_) => Err(self.wrong("a join waits for activities that are never started")),
        }
    }

    fn wrong(&self, what: &str) -> Unmapped {
        Unmapped(format!("activities of entry `{}`: {what}", self.entry.name))
    }

    /// The activity and all that follows it.
    fn from(&mut self, name: &str) -> Result<Path, Unmapped> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| self.wrong("they go round without end"))?;
        let task = self.caller.task;
        let Some(activity) = task.activities.get(name) else {
            return Err(self.wrong(&format!("`{name}` is no activity")));
        };
        let owner = format!("{}.{name}", task.name);
        let inner = self.builder.slices(self.caller, &owner, activity)?;
        let mut steps = vec![self.builder.section(&owner, inner)];
        let replies = |reply: &&super::Reply| {
            reply.entry == self.entry.name && reply.after.iter().any(|after| after == name)
        };
        if task.scheduling != "ref" && task.replies.iter().any(|reply| replies(&reply)) {
            steps.push(sample::step(StepKind::Reply(Bytes(0))));
        }
        let is_member = |side: &Side| side.activities.iter().any(|member| member.name == name);
        let next = task
            .precedences
            .iter()
            .position(|precedence| is_member(&precedence.pre));
        let Some(next) = next else {
            return Ok(Path {
                steps,
                reached: None,
            });
        };
        if task.precedences[next].pre.activities.len() > 1 {
            return Ok(Path {
                steps,
                reached: Some((next, 1)),
            });
        }
        let rest = self.after(next)?;
        steps.extend(rest.steps);
        Ok(Path {
            steps,
            reached: rest.reached,
        })
    }

    /// What follows a precedence.
    fn after(&mut self, precedence: usize) -> Result<Path, Unmapped> {
        let task = self.caller.task;
        let Some(post) = &task.precedences[precedence].post else {
            return Ok(Path {
                steps: Vec::new(),
                reached: None,
            });
        };
        match post.kind.as_str() {
            "seq" => match post.activities.as_slice() {
                [only] => self.from(&only.name),
                _ => Err(self.wrong("a sequence goes on with one activity")),
            },
            "and" => self.fork(post),
            "or" => self.choice(post),
            "loop" => self.repeat(post),
            other => Err(self.wrong(&format!("`{other}` is no way to go on"))),
        }
    }

    fn fork(&mut self, post: &Side) -> Result<Path, Unmapped> {
        let mut paths = Vec::new();
        for member in &post.activities {
            paths.push(self.from(&member.name)?);
        }
        let mut reached = paths.iter().filter_map(|path| path.reached);
        let join = reached.next().map(|(join, _)| join);
        if reached.any(|(other, _)| Some(other) != join) {
            return Err(self.wrong("branches of one fork meet in different joins"));
        }
        let members: usize = paths
            .iter()
            .filter_map(|path| path.reached)
            .map(|(_, count)| count)
            .sum();
        let direct = paths
            .iter()
            .all(|path| path.reached.is_some_and(|(_, count)| count == 1));
        let pre = join.map(|join| &self.caller.task.precedences[join].pre);
        let closes = pre.is_some_and(|pre| members == pre.activities.len());
        let quorum = pre.and_then(|pre| pre.quorum);
        if quorum.is_some() && !(closes && direct) {
            return Err(self.wrong("a quorum over branches of different forks"));
        }
        let branches = paths.into_iter().map(|path| group(path.steps)).collect();
        let mut steps = vec![any_order(branches, quorum)];
        let Some(join) = join.filter(|_| closes) else {
            return Ok(Path {
                steps,
                reached: join.map(|join| (join, members)),
            });
        };
        let rest = self.after(join)?;
        steps.extend(rest.steps);
        Ok(Path {
            steps,
            reached: rest.reached,
        })
    }

    fn choice(&mut self, post: &Side) -> Result<Path, Unmapped> {
        let mut paths = Vec::new();
        for member in &post.activities {
            paths.push((member.prob.unwrap_or(1.0), self.from(&member.name)?));
        }
        let common = paths.first().and_then(|(_, path)| path.reached);
        let together = paths.iter().all(|(_, path)| path.reached == common);
        if together {
            let options = paths
                .into_iter()
                .map(|(prob, path)| (prob, path.steps))
                .collect();
            let mut steps = vec![sample::step(StepKind::Choose(options))];
            // A merge goes on whoever comes; a join waits for others.
            let merges =
                common.filter(|(next, _)| self.caller.task.precedences[*next].pre.kind == "or");
            let Some((merge, _)) = merges else {
                return Ok(Path {
                    steps,
                    reached: common,
                });
            };
            let rest = self.after(merge)?;
            steps.extend(rest.steps);
            return Ok(Path {
                steps,
                reached: rest.reached,
            });
        }
        // Some end here: what follows the merge belongs to those that reach it.
        let mut options = Vec::new();
        let mut onward = None;
        for (prob, path) in paths {
            let mut steps = path.steps;
            if let Some((merge, _)) = path.reached {
                let rest = self.after(merge)?;
                steps.extend(rest.steps);
                if rest.reached.is_some() && rest.reached != onward && onward.is_some() {
                    return Err(self.wrong("alternatives meet in different joins"));
                }
                onward = rest.reached;
            }
            options.push((prob, steps));
        }
        if onward.is_some() {
            return Err(self.wrong("an alternative ends where another goes on to a join"));
        }
        Ok(Path {
            steps: vec![sample::step(StepKind::Choose(options))],
            reached: None,
        })
    }

    /// So many passes on average, geometrically many, each through one body by its share.
    fn repeat(&mut self, post: &Side) -> Result<Path, Unmapped> {
        let mut options = Vec::new();
        let mut total = 0.0;
        for member in &post.activities {
            let count = member.count.unwrap_or(1.0);
            total += count;
            let body = self.from(&member.name)?;
            if body.reached.is_some() {
                return Err(self.wrong("a loop's body meets a join outside"));
            }
            options.push((count, body.steps));
        }
        let mut steps = vec![Step {
            times: Some(Distribution::of(Part::geometric(total))),
            ..sample::step(StepKind::Choose(options))
        }];
        let Some(end) = &post.end else {
            return Ok(Path {
                steps,
                reached: None,
            });
        };
        let rest = self.from(end)?;
        steps.extend(rest.steps);
        Ok(Path {
            steps,
            reached: rest.reached,
        })
    }
}

fn group(steps: Vec<Step>) -> Step {
    sample::step(StepKind::Do(steps))
}

/// A fork whose branches start in an order that is drawn: at one instant they ask for one processor, and the network
/// does not say who is first. All orders of up to three branches, turns and mirrored turns of more.
fn any_order(branches: Vec<Step>, join: Option<u32>) -> Step {
    let count = branches.len();
    let mut orders: Vec<Vec<Step>> = Vec::new();
    for turn in 0..count {
        let mut order = branches.clone();
        order.rotate_left(turn);
        orders.push(order.clone());
        if count > 2 {
            order.reverse();
            orders.push(order);
        }
    }
    let fork = |order: Vec<Step>| {
        let parallel = Parallel {
            join,
            ..Parallel::all(order)
        };
        vec![sample::step(StepKind::Parallel(parallel))]
    };
    let options = orders.into_iter().map(|order| (1.0, fork(order))).collect();
    sample::step(StepKind::Choose(options))
}
